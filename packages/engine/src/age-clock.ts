/**
 * AgeClock: the time by which data ages. Retention and the end of a delete's undo destroy data, and one wrong reading of the time of day must not
 * (see docs/decisions/0007). So time advances with the monotonic clock, and the time of day counts only where it agrees. When it has jumped, the
 * jump is believed after the clock has kept to it for as long as it is wide, a day at most.
 *
 *     time of day   ────┐   ┌────────────   a reading that is taken back: no data ages by it
 *                       └───┘
 *     time of day            ┌───────────   a jump that stays
 *     age clock     ─────────────────┌───   is believed later
 */
import { ByteReader, ByteWriter } from '@tsink/codecs'
import type { Clock } from '@tsink/host'

/** A jump that was kept to for so long is believed, however wide it is: time for people to see it and to set the clock right. */
const BELIEVE_MS = 86_400_000
/** The two clocks of a machine drift apart by less between two looks, unless somebody set one. */
const JITTER_MS = 1_000
/** A clock that is being slewed moves by less than this within a day, and still shows the same jump. */
const SLEW_MS = 60_000

/** What outlasts the process: an attachment of the catalog. */
export interface AgeClockState {
  readonly ageMs: number
  /** The earliest reading of the time of day ahead of that which nothing has contradicted so far; 0 without one. */
  readonly readMs: number
}

export class AgeClock {
  readonly #clock: Clock
  /** What added to the monotonic clock gives the believed time. */
  #offset: number
  /** The same of the time of day since it jumped, and the monotonic time since which it shows it; NaN when it has not. */
  #jumpOffset = 0
  #jumpedAt = Number.NaN
  /** The earliest reading ahead that nothing has contradicted; NaN without one. It outlasts the process, and the sleep of a machine. */
  #readMs = Number.NaN

  /** Goes on from the state of an earlier run; a new store believes the time of day. */
  constructor(clock: Clock, state: AgeClockState | null) {
    this.#clock = clock
    this.#offset = (state === null ? clock.now() : state.ageMs) - clock.monotonic()
    if (state !== null && state.readMs > state.ageMs) this.#readMs = state.readMs
  }

  /** For what destroys or refuses the old: ms since 1970 that have passed, as far as the clocks tell for sure. */
  get earliest(): number {
    this.look()
    return Math.min(this.#clock.now(), this.#offset + this.#clock.monotonic())
  }

  /** For what refuses the new. */
  get latest(): number {
    this.look()
    return Math.max(this.#clock.now(), this.#offset + this.#clock.monotonic())
  }

  /** For what must not end too soon after now: the later of the two, as far as a jump is ever waited for. */
  get stamp(): number {
    return Math.min(this.latest, this.earliest + BELIEVE_MS)
  }

  /** How far the time of day is ahead of the believed one, or behind it (negative). */
  get jumpMs(): number {
    this.look()
    return this.#clock.now() - this.#clock.monotonic() - this.#offset
  }

  get state(): AgeClockState {
    this.look()
    return { ageMs: whole(this.#offset + this.#clock.monotonic()), readMs: Number.isNaN(this.#readMs) ? 0 : whole(this.#readMs) }
  }

  /** Looks at both clocks. The oftener, the surer is a jump that is believed; the background does so every second. */
  look(): void {
    const now = this.#clock.now()
    const monotonic = this.#clock.monotonic()
    const offset = now - monotonic
    // While no process runs, or the machine sleeps, only the time of day passes: a reading confirms an earlier one that it is not below, and no more.
    if (now < this.#readMs) this.#readMs = Number.NaN
    if (now - this.#readMs >= Math.min(this.#readMs - this.#offset - monotonic, BELIEVE_MS)) {
      this.#offset = Math.max(this.#offset, this.#readMs - monotonic)
      this.#readMs = Number.NaN
    }
    const jump = Math.abs(offset - this.#offset)
    if (jump >= JITTER_MS) {
      if (!(Math.abs(offset - this.#jumpOffset) < SLEW_MS && monotonic >= this.#jumpedAt)) {
        this.#jumpOffset = offset
        this.#jumpedAt = monotonic
      }
      if (offset > this.#offset && Number.isNaN(this.#readMs)) this.#readMs = now
      if (monotonic - this.#jumpedAt < Math.min(jump, BELIEVE_MS)) return
    }
    this.#offset = offset
    this.#jumpedAt = Number.NaN
    this.#readMs = Number.NaN
  }
}

function whole(ms: number): number {
  return Math.min(Number.MAX_SAFE_INTEGER, Math.max(0, Math.floor(ms)))
}

export function encodeAgeClock({ ageMs, readMs }: AgeClockState): Uint8Array {
  const writer = new ByteWriter()
  writer.uvarint(ageMs)
  writer.uvarint(readMs)
  return writer.finish()
}

export function decodeAgeClock(bytes: Uint8Array): AgeClockState {
  const reader = new ByteReader(bytes, 0, bytes.length, 'clock')
  return { ageMs: reader.uvarint(), readMs: reader.uvarint() }
}
