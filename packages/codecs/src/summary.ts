/**
 * The summary of a chunk's values: what aggregates over a whole chunk need, so that they decode nothing.
 *
 * NaNs (stale markers among them) are left out of everything but first and last, and counted.
 */
import { codecLoops } from '@tsink/kernel'

/** Statistics of one chunk's numeric values. */
export interface Summary {
  /** How many values are not NaN. */
  readonly numbers: number
  /** The least and greatest value that is not NaN; NaN when there is none. */
  readonly min: number
  readonly max: number
  /** The sum of what is not NaN, compensated as by Neumaier, in order. 0 when there is none. */
  readonly sum: number
  /** The first and last value, NaN included. */
  readonly first: number
  readonly last: number
  /** How many values are less than the one before them, NaNs skipped: the counter resets inside the chunk. */
  readonly resets: number
}

/** The summary of `values[from..to)`, at least one and at most what a column holds. */
export function summarize(values: Float64Array, from: number, to: number): Summary {
  const loops = codecLoops()
  loops.doubles.set(values.subarray(from, to))
  loops.summarize(to - from)
  const [min, max, sum, numbers, resets] = loops.summary as unknown as [number, number, number, number, number]
  return { numbers, min, max, sum, first: values[from]!, last: values[to - 1]!, resets }
}
