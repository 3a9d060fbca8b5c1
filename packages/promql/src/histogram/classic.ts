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

/** Decreases up to this part of the count come from rounding and are no one's mistake. */
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
  if (sorted.length < 2 || counts[last] === 0 || Number.isNaN(counts[last])) return { value: NaN, straightened }
  let rank = phi * counts[last]!
  let at = counts.findIndex((count) => count >= rank)
  if (at < 0) at = last
  if (at === last) return { value: sorted[last - 1]!.bound, straightened }
  if (at === 0 && sorted[0]!.bound <= 0) return { value: sorted[0]!.bound, straightened }
  const lower = at === 0 ? 0 : sorted[at - 1]!.bound
  const before = at === 0 ? 0 : counts[at - 1]!
  rank -= before
  return { value: lower + (sorted[at]!.bound - lower) * (rank / (counts[at]! - before)), straightened }
}

/** The fraction of observations between two values. */
export function classicFraction(lower: number, upper: number, buckets: readonly ClassicBucket[]): number {
  if (buckets.length === 0) return NaN
  const sorted = sortedBuckets(buckets)
  if (sorted.at(-1)!.bound !== Infinity) return NaN
  const { counts } = straighten(sorted)
  const total = counts.at(-1)!
  if (total === 0 || Number.isNaN(total) || Number.isNaN(lower) || Number.isNaN(upper)) return NaN
  if (lower >= upper) return 0
  return (rankOf(upper, sorted, counts) - rankOf(lower, sorted, counts)) / total
}

function rankOf(value: number, sorted: readonly ClassicBucket[], counts: readonly number[]): number {
  let before = 0
  for (let i = 0; i < sorted.length; i++) {
    const upper = sorted[i]!.bound
    // As for quantiles, a first bucket with a positive bound starts at zero.
    const lower = i > 0 ? sorted[i - 1]!.bound : upper > 0 ? 0 : -Infinity
    if (lower >= value) return before
    if (upper > value) {
      // Nothing is known about where in an endless bucket its observations lie: all of the first are below, none of the last.
      if (lower === -Infinity) return counts[i]!
      return before + ((counts[i]! - before) * (value - lower)) / (upper - lower)
    }
    before = counts[i]!
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

/** Cumulative counts never decrease: a smaller one is lifted to the one before it. */
function straighten(sorted: readonly ClassicBucket[]): { readonly counts: number[]; readonly straightened: Straightened | null } {
  const counts = sorted.map(({ count }) => count)
  const lifted: number[] = []
  let largest = 0
  for (let i = 1; i < counts.length; i++) {
    const before = counts[i - 1]!
    const difference = before - counts[i]!
    if (!(difference > 0)) continue
    counts[i] = before
    if (difference <= ROUNDING * Math.abs(before)) continue
    lifted.push(sorted[i]!.bound)
    largest = Math.max(largest, difference)
  }
  const straightened = lifted.length === 0 ? null : { lowest: lifted[0]!, highest: lifted.at(-1)!, largest }
  return { counts, straightened }
}
