/**
 * What every decoder takes and gives. A decoder is a function from bytes to a batch: it asks no clock and touches no host.
 *
 * Two kinds of trouble are kept apart. A body that is not of the format at all throws, and nothing of it counts. A line, point or series
 * that cannot be taken is a {@link Refusal} with its place, and costs nothing else.
 */
import { TsinkError, type ErrorDetail, type TimeUnit, type WriteBatch } from '@tsink/core'
import type { SeriesCache } from './series-cache.ts'

export interface DecodeOptions {
  /** Milliseconds since the Unix epoch: the time of samples that come without one. */
  readonly now: number
  /** The unit of the store that the batch is for; milliseconds when left out. */
  readonly unit?: TimeUnit
  /** Remembers series between bodies. One cache serves one store, since it keeps that store's series numbers. */
  readonly cache?: SeriesCache
}

/** One part of a body that was not taken. */
export interface Refusal {
  /** Where it stands, as its sender counts: `line 3`, `timeseries[7]`, `metric "x" point 2`. */
  readonly where: string
  readonly reason: string
}

export interface Decoded {
  readonly batch: WriteBatch
  readonly rejected: Rejected
  /** To be called when the append is over and nobody reads the batch any more: its memory then serves the next body. Leaving it out is fine. */
  readonly release?: () => void
  /** To be called when the append failed: what the cache then wrongly takes for stored comes again with the next body. */
  readonly failed?: () => void
}

/** All refusals of one body: counted without end, listed up to a bound. */
export class Rejected {
  /** How many parts were refused. */
  count = 0
  /** How many samples they held, as far as that is known. */
  samples = 0
  /** The first of them. */
  readonly listed: Refusal[] = []

  add(where: string, reason: string, samples = 1): void {
    this.count++
    this.samples += samples
    if (this.listed.length < MAX_LISTED_REFUSALS) this.listed.push({ where, reason })
  }

  /** `3 refused: line 2: ...; line 7: ...` for people, or '' when nothing was refused. */
  toString(): string {
    if (this.count === 0) return ''
    const first = this.listed.slice(0, SHOWN).map((refusal) => `${refusal.where}: ${refusal.reason}`)
    const more = this.count > first.length ? ` (and ${this.count - first.length} more)` : ''
    return `${this.count} refused: ${first.join('; ')}${more}`
  }
}

/**
 * Decoding in slices: a decoder of bodies of any size is a generator that gives way after so many lines or metrics, so that who runs it may let
 * others have their turn.
 */
export const SLICE_LINES = 256

/** The result of work in slices, done in one go. */
export function finished<T>(work: Generator<void, T, undefined>): T {
  for (;;) {
    const next = work.next()
    if (next.done === true) return next.value
  }
}

/** A hostile body must not cost more memory in complaints than it had itself. */
export const MAX_LISTED_REFUSALS = 100
const SHOWN = 10

/** The body is not of the format. `where` says the place (`line 3, column 7`, `byte 12`), `found` and `expected` what is wrong there. */
export function badBody(format: string, where: string, problem: string, detail: ErrorDetail = {}): TsinkError {
  return new TsinkError('BAD_REQUEST', `${format}: ${where}: ${problem}`, { detail: { where, ...detail } })
}

export function tooLarge(what: string, found: number, limit: number): TsinkError {
  return new TsinkError('TOO_LARGE', `${what}: ${found}; at most ${limit} are taken`, { detail: { found, limit } })
}
