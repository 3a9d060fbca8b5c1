/** Slices: long work in short pieces, so that appends and queries are served in between and the event loop never stalls. */
import type { Clock } from '@tsink/host'

/** The longest piece: a fifth of the 50 ms that nobody may be kept waiting, since a piece only ends where its work allows. */
const SLICE_MS = 10

export class Slices {
  readonly #clock: Clock
  #end: number

  constructor(clock: Clock) {
    this.#clock = clock
    this.#end = clock.monotonic() + SLICE_MS
  }

  /** Whether it is time to give way. */
  get due(): boolean {
    return this.#clock.monotonic() >= this.#end
  }

  /** Gives way once. */
  async pause(): Promise<void> {
    await this.#clock.turn()
    this.#end = this.#clock.monotonic() + SLICE_MS
  }
}
