/**
 * The summary of a chunk's values: what aggregates over a whole chunk need, so that they decode nothing.
 *
 * NaNs (stale markers among them) are left out of everything but first and last, and counted.
 */

/** Statistics of one chunk's numeric values. */
export interface Summary {
  /** How many values are not NaN. */
  readonly numbers: number
  /** The least and greatest value that is not NaN; NaN when there is none. */
  readonly min: number
  readonly max: number
  /** The sum of what is not NaN, by Neumaier's compensated summation, in order. 0 when there is none. */
  readonly sum: number
  /** The first and last value, NaN included. */
  readonly first: number
  readonly last: number
  /** How many values are less than the one before them, NaNs skipped: the counter resets inside the chunk. */
  readonly resets: number
}

/** The summary of `values[from..to)`, at least one. */
export function summarize(values: Float64Array, from: number, to: number): Summary {
  let min = Infinity
  let max = -Infinity
  let sum = 0
  let compensation = 0
  let numbers = 0
  let resets = 0
  let before = -Infinity
  for (let i = from; i < to; i++) {
    const value = values[i]!
    if (value !== value) continue
    numbers++
    if (value < min) min = value
    if (value > max) max = value
    if (value < before) resets++
    before = value
    const next = sum + value
    if (next - next === 0) compensation += Math.abs(sum) >= Math.abs(value) ? sum - next + value : value - next + sum
    else compensation = 0
    sum = next
  }
  const none = numbers === 0
  return {
    numbers,
    min: none ? NaN : min,
    max: none ? NaN : max,
    sum: sum + compensation,
    first: values[from]!,
    last: values[to - 1]!,
    resets,
  }
}
