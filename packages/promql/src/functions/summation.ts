/**
 * Variances, exact running sums and quantiles of floats. Sums are compensated, see `add`.
 */
import { add, lost } from '@tsink/kernel'

export { add, lost }

/** The population variance of `values[from..to)`, by Welford's recurrence. */
export function varianceOf(values: Float64Array, from: number, to: number): number {
  let count = 0
  let mean = 0
  let meanLost = 0
  let squares = 0
  let squaresLost = 0
  for (let i = from; i < to; i++) {
    count++
    const value = values[i]!
    const delta = value - (mean + meanLost)
    mean = add(delta / count, mean, meanLost)
    meanLost = lost[0]!
    squares = add(delta * (value - (mean + meanLost)), squares, squaresLost)
    squaresLost = lost[0]!
  }
  return (squares + squaresLost) / count
}

let running = new Float64Array(64)

/**
 * Running sums of all values, if they are exact: integers whose sum of magnitudes stays below 2^53. Then the sum of any window is one
 * subtraction and equal to the compensated sum. Null otherwise. The result is valid until the next call.
 */
export function exactPrefix(values: Float64Array, count: number): Float64Array | null {
  let magnitude = 0
  for (let i = 0; i < count; i++) {
    const value = values[i]!
    if (value !== Math.floor(value)) return null
    magnitude += Math.abs(value)
    if (!(magnitude < 9_007_199_254_740_992)) return null
  }
  if (running.length <= count) running = new Float64Array((count + 1) * 2)
  const prefix = running
  prefix[0] = 0
  let sum = 0
  for (let i = 0; i < count; i++) {
    sum += values[i]!
    prefix[i + 1] = sum
  }
  return prefix
}

/** The q-quantile of `count` values, interpolated between neighbours. Reorders `values[0..count)`; NaN counts as the least. */
export function quantileOf(q: number, values: Float64Array, count: number): number {
  if (count === 0 || Number.isNaN(q)) return NaN
  if (q < 0) return -Infinity
  if (q > 1) return Infinity
  const numbers = gatherNumbers(values, count)
  const nans = count - numbers
  const rank = q * (count - 1)
  const lower = Math.max(0, Math.floor(rank))
  const upper = Math.min(count - 1, lower + 1)
  const weight = rank - Math.floor(rank)
  // Ranks count NaN first.
  if (lower >= nans) placeRank(values, numbers, lower - nans)
  const low = lower < nans ? NaN : values[lower - nans]!
  const high = upper < nans ? NaN : upper === lower ? low : leastFrom(values, lower < nans ? 0 : upper - nans, numbers)
  return low * (1 - weight) + high * weight
}

/** Moves the numbers of `values[0..count)` to its front and answers how many they are; the rest were NaN. */
function gatherNumbers(values: Float64Array, count: number): number {
  let numbers = 0
  for (let i = 0; i < count; i++) {
    const value = values[i]!
    if (value === value) values[numbers++] = value
  }
  return numbers
}

/** The least of `values[from..to)`. */
function leastFrom(values: Float64Array, from: number, to: number): number {
  let least = values[from]!
  for (let i = from + 1; i < to; i++) if (values[i]! < least) least = values[i]!
  return least
}

/** Up to so many numbers are put in order by insertion. */
const MAX_INSERTED = 48

/** Walks that may be needed to find a rank; data made to need more is sorted. */
const MAX_WALKS = 12

/**
 * Puts the number of a rank in its place in `numbers[0..count)`: none before it is greater, none after it is less. Narrows the part in which it
 * lies around a pivot, so the work grows with the count alone and not with its logarithm.
 */
function placeRank(numbers: Float64Array, count: number, rank: number): void {
  let left = 0
  let right = count - 1
  let budget = MAX_WALKS * count
  while (right - left >= MAX_INSERTED) {
    budget -= right - left
    if (budget < 0) {
      numbers.subarray(left, right + 1).sort()
      return
    }
    const pivot = pivotOf(numbers, left, right)
    let i = left
    let j = right
    while (i <= j) {
      while (numbers[i]! < pivot) i++
      while (numbers[j]! > pivot) j--
      if (i > j) break
      const swapped = numbers[i]!
      numbers[i++] = numbers[j]!
      numbers[j--] = swapped
    }
    // Between j and i lies the pivot itself.
    if (rank <= j) right = j
    else if (rank >= i) left = i
    else return
  }
  for (let i = left + 1; i <= right; i++) {
    const value = numbers[i]!
    let at = i
    for (; at > left && numbers[at - 1]! > value; at--) numbers[at] = numbers[at - 1]!
    numbers[at] = value
  }
}

/** The middle one of three medians of three, spread over the part. */
function pivotOf(numbers: Float64Array, left: number, right: number): number {
  const stride = (right - left) >>> 3
  const at = (i: number): number => numbers[left + i * stride]!
  return middle(middle(at(0), at(1), at(2)), middle(at(3), at(4), at(5)), middle(at(6), at(7), numbers[right]!))
}

function middle(a: number, b: number, c: number): number {
  return a < b ? (b < c ? b : Math.max(a, c)) : a < c ? a : Math.max(b, c)
}
