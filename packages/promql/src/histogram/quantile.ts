/**
 * Quantiles, fractions and deviations of native histograms. Inside a bucket, observations are taken to lie evenly: on a logarithmic scale in
 * exponential buckets, on a linear one in the zero bucket and in custom buckets.
 */
import type { Histogram } from '@tsink/core'
import { add, lost } from '../functions/summation.ts'
import { bucketsInOrder, usesCustomBuckets, type Bucket } from './layout.ts'

/** What the presence of NaN observations does to a quantile. */
export type NanEffect = 'none' | 'skewed' | 'result'

/** The φ-quantile. */
export function histogramQuantile(phi: number, h: Histogram): { readonly value: number; readonly nan: NanEffect } {
  if (phi < 0) return { value: -Infinity, nan: 'none' }
  if (phi > 1) return { value: Infinity, nan: 'none' }
  if (h.count === 0 || Number.isNaN(phi)) return { value: NaN, nan: 'none' }
  const all = bucketsAround(h)
  const hasNan = Number.isNaN(h.sum)
  // From the nearer end, since counts of counts add up errors. NaN observations count but lie in no bucket: then only from below.
  const forward = hasNan || phi < 0.5
  let rank = (forward ? phi : 1 - phi) * h.count
  let count = 0
  let found: Bucket | undefined
  for (let i = 0; i < all.length; i++) {
    found = all[forward ? i : all.length - 1 - i]!
    count += found.count
    if (count >= rank) break
  }
  if (found === undefined) return { value: NaN, nan: hasNan ? 'result' : 'none' }
  if (count < rank && hasNan) return { value: NaN, nan: 'result' }
  const nan: NanEffect = hasNan && all.reduce((sum, bucket) => sum + bucket.count, 0) < h.count ? 'skewed' : 'none'
  const bucket = closed(h, found)
  if (usesCustomBuckets(h)) {
    if (bucket.lower === -Infinity) return { value: bucket.upper, nan }
    if (bucket.upper === Infinity) return { value: bucket.lower, nan }
  }
  count = Math.min(count, h.count)
  if (count < rank) return { value: bucket.upper, nan }
  rank = forward ? rank - (count - bucket.count) : count - rank
  const fraction = rank / bucket.count
  if (isLinear(h, bucket)) return { value: bucket.lower + (bucket.upper - bucket.lower) * fraction, nan }
  const logLower = Math.log2(Math.abs(bucket.lower))
  const logUpper = Math.log2(Math.abs(bucket.upper))
  if (bucket.lower > 0) return { value: Math.pow(2, logLower + (logUpper - logLower) * fraction), nan }
  return { value: -Math.pow(2, logUpper + (logLower - logUpper) * (1 - fraction)), nan }
}

/** The fraction of observations between two values. */
export function histogramFraction(lower: number, upper: number, h: Histogram): { readonly value: number; readonly hasNan: boolean } {
  if (h.count === 0 || Number.isNaN(lower) || Number.isNaN(upper)) return { value: NaN, hasNan: false }
  const all = bucketsAround(h)
  const total = all.reduce((sum, bucket) => sum + bucket.count, 0)
  const hasNan = Number.isNaN(h.sum) && total < h.count
  if (lower >= upper) return { value: 0, hasNan }
  // Without NaN observations everything is in some bucket, and the rest of a rounding error must not count.
  const most = hasNan ? total : h.count
  return { value: (rankOf(upper, h, all, most) - rankOf(lower, h, all, most)) / h.count, hasNan }
}

/** The population variance, with one representative for each bucket: its middle, geometric where the bucket is exponential. */
export function histogramVariance(h: Histogram): number {
  const mean = h.sum / h.count
  let sum = 0
  let compensation = 0
  for (const bucket of bucketsAround(h)) {
    const deviation = representative(h, bucket) - mean
    sum = add(bucket.count * deviation * deviation, sum, compensation)
    compensation = lost[0]!
  }
  return (sum + compensation) / h.count
}

/** The buckets in order; those that reach into the zero bucket end where it begins. A negative histogram has no zero bucket here. */
function bucketsAround(h: Histogram): Bucket[] {
  const all = bucketsInOrder(h.zeroCount > 0 ? h : { ...h, zeroCount: 0 })
  const edge = h.zeroThreshold
  if (edge === 0 || usesCustomBuckets(h)) return all
  return all.map((bucket) => {
    if (bucket.upper < 0 && bucket.upper > -edge) return { ...bucket, upper: -edge }
    return bucket.lower > 0 && bucket.lower < edge ? { ...bucket, lower: edge } : bucket
  })
}

/** How many observations are below a value. */
function rankOf(value: number, h: Histogram, all: readonly Bucket[], most: number): number {
  let rank = 0
  for (const found of all) {
    const bucket = closed(h, found)
    if (bucket.lower >= value) return Math.min(rank, most)
    if (bucket.upper > value) return Math.min(rank + bucket.count * fractionBelow(value, h, bucket), most)
    rank += bucket.count
  }
  return most
}

function fractionBelow(value: number, h: Histogram, bucket: Bucket): number {
  if (isLinear(h, bucket)) {
    // Nothing is known about where in an endless bucket its observations lie: all of the first are below, none of the last.
    if (bucket.lower === -Infinity) return 1
    return (value - bucket.lower) / (bucket.upper - bucket.lower)
  }
  return logFraction(value, bucket)
}

/** How far into an exponential bucket a value lies, on a logarithmic scale. */
export function logFraction(value: number, bucket: Bucket): number {
  const logLower = Math.log2(Math.abs(bucket.lower))
  const logUpper = Math.log2(Math.abs(bucket.upper))
  const logValue = Math.log2(Math.abs(value))
  return value > 0 ? (logValue - logLower) / (logUpper - logLower) : 1 - (logValue - logUpper) / (logLower - logUpper)
}

/** Linear interpolation: custom buckets and whatever contains zero. */
export function isLinear(h: Histogram, bucket: Bucket): boolean {
  return usesCustomBuckets(h) || (bucket.lower <= 0 && bucket.upper >= 0)
}

/**
 * A bucket with the bounds that its observations can have: the zero bucket ends at zero on a side where there is nothing else, and the first
 * custom bucket starts at zero when its bound is not negative.
 */
export function closed(h: Histogram, bucket: Bucket): Bucket {
  if (usesCustomBuckets(h)) return bucket.lower === -Infinity && bucket.upper >= 0 ? { ...bucket, lower: 0 } : bucket
  if (bucket.lower > 0 || bucket.upper < 0) return bucket
  if (h.negativeBuckets.length === 0 && h.positiveBuckets.length > 0) return { ...bucket, lower: 0 }
  if (h.positiveBuckets.length === 0 && h.negativeBuckets.length > 0) return { ...bucket, upper: 0 }
  return bucket
}

function representative(h: Histogram, bucket: Bucket): number {
  if (usesCustomBuckets(h)) return (bucket.upper + bucket.lower) / 2
  if (bucket.lower <= 0 && bucket.upper >= 0) return 0
  const middle = Math.sqrt(bucket.upper * bucket.lower)
  return bucket.upper < 0 ? -middle : middle
}
