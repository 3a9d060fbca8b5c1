/**
 * Classic histograms: quantiles and fractions of cumulative buckets that come as one float series for each bound `le`.
 */

/** A cumulative bucket: how many observations are at or below `bound`. */
export interface ClassicBucket {
  readonly bound: number
  readonly count: number
}

/** What was lifted because cumulative counts decreased, beyond rounding. */
export interface Straightened {
  readonly lowest: number
  readonly highest: number
  readonly largest: number
}

/** Differences up to this part of both counts come from rounding and are no one's mistake. */
const ROUNDING = 1e-12

/** The φ-quantile of buckets in any order. NaN without a +Inf bucket or with fewer than two buckets. */
export function classicQuantile(
  phi: number,
  buckets: readonly ClassicBucket[],
): { readonly value: number; readonly straightened: Straightened | null } {
  const plain = (value: number): { value: number; straightened: null } => ({ value, straightened: null })
  if (buckets.length === 0 || Number.isNaN(phi)) return plain(NaN)
  if (phi < 0) return plain(-Infinity)
  if (phi > 1) return plain(Infinity)
  const sorted = sortedBuckets(buckets)
  if (sorted.at(-1)!.bound !== Infinity) return plain(NaN)
  const { counts, straightened } = straighten(sorted)
  const last = sorted.length - 1
  if (sorted.length < 2 || counts[last] === 0) return { value: NaN, straightened }
  let rank = phi * counts[last]!
  const at = firstReaching(rank, counts, last)
  if (at === last) return { value: sorted[last - 1]!.bound, straightened }
  if (at === 0 && sorted[0]!.bound <= 0) return { value: sorted[0]!.bound, straightened }
  const lower = at === 0 ? 0 : sorted[at - 1]!.bound
  const before = at === 0 ? 0 : counts[at - 1]!
  rank -= before
  return { value: lower + (sorted[at]!.bound - lower) * (rank / (counts[at]! - before)), straightened }
}

/** The first of `counts[0..end)` that is at least `rank`, or `end`: by bisection, which tells where NaN is among the counts. */
function firstReaching(rank: number, counts: readonly number[], end: number): number {
  let low = 0
  let high = end
  while (low < high) {
    const middle = (low + high) >>> 1
    if (counts[middle]! >= rank) high = middle
    else low = middle + 1
  }
  return low
}

/** The fraction of observations between two values. Counts are taken as they come: only quantiles straighten them. */
export function classicFraction(lower: number, upper: number, buckets: readonly ClassicBucket[]): number {
  if (buckets.length === 0) return NaN
  const sorted = sortedBuckets(buckets)
  if (sorted.at(-1)!.bound !== Infinity) return NaN
  const total = sorted.at(-1)!.count
  if (total === 0 || Number.isNaN(lower) || Number.isNaN(upper)) return NaN
  if (lower >= upper) return 0
  return (Math.min(rankOf(upper, sorted), total) - Math.min(rankOf(lower, sorted), total)) / total
}

function rankOf(value: number, sorted: readonly ClassicBucket[]): number {
  let before = 0
  for (let i = 0; i < sorted.length; i++) {
    const { bound: upper, count } = sorted[i]!
    // As for quantiles, a first bucket with a positive bound starts at zero.
    const lower = i > 0 ? sorted[i - 1]!.bound : upper > 0 ? 0 : -Infinity
    if (lower >= value) return before
    if (upper > value) {
      // Nothing is known about where in an endless bucket its observations lie: all of the first are below, none of the last.
      if (lower === -Infinity) return count
      return before + ((count - before) * (value - lower)) / (upper - lower)
    }
    before = count
  }
  return before
}

/** In ascending order of bounds; equal bounds are added up. */
function sortedBuckets(buckets: readonly ClassicBucket[]): ClassicBucket[] {
  const sorted: ClassicBucket[] = []
  for (const bucket of [...buckets].sort((a, b) => a.bound - b.bound)) {
    const last = sorted.at(-1)
    if (last !== undefined && last.bound === bucket.bound)
      sorted[sorted.length - 1] = { bound: last.bound, count: last.count + bucket.count }
    else sorted.push(bucket)
  }
  return sorted
}

/** Cumulative counts never decrease: a smaller one is lifted to the one before it, and what differs by rounding alone is made equal. */
function straighten(sorted: readonly ClassicBucket[]): { readonly counts: number[]; readonly straightened: Straightened | null } {
  const counts = sorted.map(({ count }) => count)
  const lifted: number[] = []
  let largest = 0
  for (let i = 1; i < counts.length; i++) {
    const before = counts[i - 1]!
    const count = counts[i]!
    const isRounding = Math.abs(before - count) < ROUNDING * (Math.abs(before) + Math.abs(count))
    if (!isRounding && !(count < before)) continue
    counts[i] = before
    if (isRounding) continue
    lifted.push(sorted[i]!.bound)
    largest = Math.max(largest, before - count)
  }
  const straightened = lifted.length === 0 ? null : { lowest: lifted[0]!, highest: lifted.at(-1)!, largest }
  return { counts, straightened }
}
