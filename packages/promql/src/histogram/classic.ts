/**
 * Classic histograms: quantiles and fractions of cumulative buckets that come as one float series for each bound `le`.
 */
import { FLOAT, type StepSeries } from '../evaluate/steps.ts'

/** One bucket's series: how many observations are at or below `bound`, by step. */
export interface BucketSeries {
  readonly bound: number
  readonly series: StepSeries
}

/** What was lifted because cumulative counts decreased, beyond rounding. */
export interface Straightened {
  readonly lowest: number
  readonly highest: number
  readonly largest: number
}

/** Differences up to this part of both counts come from rounding and are no one's mistake. */
const ROUNDING = 1e-12

/** The cumulative buckets of one histogram at one step, in ascending order of bounds. The columns are used again at every step. */
export class ClassicBuckets {
  readonly #all: readonly BucketSeries[]
  readonly #bounds: Float64Array
  readonly #counts: Float64Array
  #size = 0
  /** What the last quantile had to lift. */
  straightened: Straightened | null = null

  /** The order of series with one bound is kept: their counts are added up in it. */
  constructor(series: readonly BucketSeries[]) {
    this.#all = [...series].sort((a, b) => a.bound - b.bound)
    this.#bounds = new Float64Array(series.length)
    this.#counts = new Float64Array(series.length)
  }

  /** Takes what the series have at a step; false when that is nothing. */
  take(step: number): boolean {
    const bounds = this.#bounds
    const counts = this.#counts
    let size = 0
    for (const { bound, series } of this.#all) {
      if (series.kinds[step] !== FLOAT) continue
      if (size > 0 && bounds[size - 1] === bound) counts[size - 1]! += series.values[step]!
      else {
        bounds[size] = bound
        counts[size++] = series.values[step]!
      }
    }
    this.#size = size
    return size > 0
  }

  /** The φ-quantile. NaN without a +Inf bucket or with fewer than two buckets. */
  quantile(phi: number): number {
    this.straightened = null
    if (Number.isNaN(phi)) return NaN
    if (phi < 0) return -Infinity
    if (phi > 1) return Infinity
    const bounds = this.#bounds
    const counts = this.#counts
    const last = this.#size - 1
    if (bounds[last] !== Infinity) return NaN
    this.#straighten()
    if (last < 1 || counts[last] === 0) return NaN
    const rank = phi * counts[last]!
    const at = this.#firstReaching(rank)
    if (at === last) return bounds[last - 1]!
    if (at === 0 && bounds[0]! <= 0) return bounds[0]!
    const lower = at === 0 ? 0 : bounds[at - 1]!
    const before = at === 0 ? 0 : counts[at - 1]!
    return lower + (bounds[at]! - lower) * ((rank - before) / (counts[at]! - before))
  }

  /** The first bucket whose count is at least `rank`, or the last: by bisection, which tells where NaN is among the counts. */
  #firstReaching(rank: number): number {
    let low = 0
    let high = this.#size - 1
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#counts[middle]! >= rank) high = middle
      else low = middle + 1
    }
    return low
  }

  /** The fraction of observations between two values. Counts are taken as they come: only quantiles straighten them. */
  fraction(lower: number, upper: number): number {
    const last = this.#size - 1
    if (this.#bounds[last] !== Infinity) return NaN
    const total = this.#counts[last]!
    if (total === 0 || Number.isNaN(lower) || Number.isNaN(upper)) return NaN
    if (lower >= upper) return 0
    return (Math.min(this.#rankOf(upper), total) - Math.min(this.#rankOf(lower), total)) / total
  }

  #rankOf(value: number): number {
    let before = 0
    for (let i = 0; i < this.#size; i++) {
      const upper = this.#bounds[i]!
      // As for quantiles, a first bucket with a positive bound starts at zero.
      const lower = i > 0 ? this.#bounds[i - 1]! : upper > 0 ? 0 : -Infinity
      if (lower >= value) return before
      const count = this.#counts[i]!
      if (upper > value) {
        // Nothing is known about where in an endless bucket its observations lie: all of the first are below, none of the last.
        if (lower === -Infinity) return count
        return before + ((count - before) * (value - lower)) / (upper - lower)
      }
      before = count
    }
    return before
  }

  /** Cumulative counts never decrease: a smaller one is lifted to the one before it, and what differs by rounding alone is made equal. */
  #straighten(): void {
    const counts = this.#counts
    let lowest = -1
    let highest = -1
    let largest = 0
    for (let i = 1; i < this.#size; i++) {
      const before = counts[i - 1]!
      const count = counts[i]!
      const isRounding = Math.abs(before - count) < ROUNDING * (Math.abs(before) + Math.abs(count))
      if (!isRounding && !(count < before)) continue
      counts[i] = before
      if (isRounding) continue
      if (lowest < 0) lowest = i
      highest = i
      largest = Math.max(largest, before - count)
    }
    if (lowest >= 0) this.straightened = { lowest: this.#bounds[lowest]!, highest: this.#bounds[highest]!, largest }
  }
}
