/**
 * Trimming: the part of a native histogram at or below a value (`</`), or at or above it (`>/`). The bucket that the value cuts is split as
 * quantiles split it. If anything was cut off, count and sum are made anew from what is left, each bucket standing for its middle.
 */
import type { Histogram } from '@tsink/core'
import { bucketsOf, upperBound, usesCustomBuckets, withBuckets, type Bucket, type Buckets } from './layout.ts'
import { logFraction } from './quantile.ts'

interface Kept {
  readonly count: number
  /** What an observation in the kept part is taken to be. */
  readonly middle: number
}

/** `h </ value` keeps what is `below`, `h >/ value` what is `above`. */
export function trimHistogram(h: Histogram, value: number, keep: 'below' | 'above'): Histogram {
  let count = 0
  let sum = 0
  let changed = false
  const take = (before: number, kept: Kept): number => {
    count += kept.count
    if (kept.count !== 0) sum += kept.count * kept.middle
    if (kept.count !== before) changed = true
    return kept.count
  }
  const side = (buckets: Buckets, negative: boolean): Buckets => ({
    indexes: buckets.indexes,
    counts: buckets.counts.map((bucketCount, i) => {
      const outer = upperBound(h, buckets.indexes[i]!)
      const inner = usesCustomBuckets(h) && buckets.indexes[i]! <= 0 ? -Infinity : upperBound(h, buckets.indexes[i]! - 1)
      const bucket = negative ? { lower: -outer, upper: -inner, count: bucketCount } : { lower: inner, upper: outer, count: bucketCount }
      return take(bucketCount, trimBucket(h, bucket, value, keep))
    }),
  })
  const positive = side(bucketsOf(h.positiveSpans, h.positiveBuckets), false)
  const negative = side(bucketsOf(h.negativeSpans, h.negativeBuckets), true)
  const zeroCount = h.zeroCount === 0 ? h.zeroCount : take(h.zeroCount, trimZeroBucket(h, value, keep))
  if (!changed) return h
  return withBuckets({ ...h, count, sum, zeroCount, isInteger: false }, positive, negative)
}

function trimBucket(h: Histogram, bucket: Bucket, value: number, keep: 'below' | 'above'): Kept {
  const { lower, upper, count } = bucket
  const custom = usesCustomBuckets(h)
  if (custom && (lower === -Infinity || upper === Infinity)) return trimEndless(bucket, value, keep)
  if (keep === 'below') {
    if (upper <= value) return { count, middle: middleOf(lower, upper, custom) }
    if (!(lower < value)) return { count: 0, middle: 0 }
    return { count: count * fractionBelow(bucket, value, custom), middle: middleOf(lower, value, custom) }
  }
  if (lower >= value) return { count, middle: middleOf(lower, upper, custom) }
  if (!(upper > value)) return { count: 0, middle: 0 }
  return { count: count - count * fractionBelow(bucket, value, custom), middle: middleOf(value, upper, custom) }
}

/** The first and last custom bucket have no end, so it is not known where in them observations lie. */
function trimEndless({ lower, upper, count }: Bucket, value: number, keep: 'below' | 'above'): Kept {
  if (lower === -Infinity && upper === Infinity) {
    const whole = keep === 'below' ? value === Infinity : value === -Infinity
    return { count: whole ? count : 0, middle: 0 }
  }
  if (lower === -Infinity) {
    // With a positive bound the bucket is taken to start at zero; below a negative one nothing bounds it, so a cut in it keeps all of it.
    const whole: Kept = { count, middle: upper > 0 ? upper / 2 : upper }
    if (keep === 'below') {
      if (value >= upper) return whole
      if (upper > 0 && value > 0) return { count: (count * value) / upper, middle: value / 2 }
      return upper < 0 && value > -Infinity ? { count, middle: value } : { count: 0, middle: 0 }
    }
    if (value === -Infinity) return whole
    if (value === 0 && upper > 0) return whole
    return value > 0 && value < upper ? { count: count * (1 - value / upper), middle: (value + upper) / 2 } : { count: 0, middle: 0 }
  }
  if (keep === 'below') return value === Infinity ? { count, middle: lower } : { count: 0, middle: 0 }
  return value < Infinity ? { count, middle: Math.max(lower, value) } : { count: 0, middle: 0 }
}

function trimZeroBucket(h: Histogram, value: number, keep: 'below' | 'above'): Kept {
  const lower = h.negativeBuckets.length === 0 && h.positiveBuckets.length > 0 ? 0 : -h.zeroThreshold
  const upper = h.positiveBuckets.length === 0 && h.negativeBuckets.length > 0 ? 0 : h.zeroThreshold
  const whole: Kept = { count: h.zeroCount, middle: (lower + upper) / 2 }
  if (keep === 'below') {
    if (value >= upper) return whole
    if (!(value > lower)) return { count: 0, middle: 0 }
    return { count: (h.zeroCount * (value - lower)) / (upper - lower), middle: (lower + value) / 2 }
  }
  if (value <= lower) return whole
  if (!(value < upper)) return { count: 0, middle: 0 }
  return { count: (h.zeroCount * (upper - value)) / (upper - lower), middle: (value + upper) / 2 }
}

function fractionBelow(bucket: Bucket, value: number, linear: boolean): number {
  return linear ? (value - bucket.lower) / (bucket.upper - bucket.lower) : logFraction(value, bucket)
}

function middleOf(lower: number, upper: number, linear: boolean): number {
  if (linear) return (lower + upper) / 2
  const middle = Math.sqrt(lower * upper)
  return upper <= 0 && lower < 0 ? -middle : middle
}
