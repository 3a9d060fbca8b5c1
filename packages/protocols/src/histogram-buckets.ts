/** The buckets of a native histogram as intervals, in ascending order: for answers and text dumps. */
import { CUSTOM_BUCKETS_SCHEMA, exponentialBound, type Histogram, type Span } from '@tsink/core'

export interface HistogramBucket {
  readonly lower: number
  readonly upper: number
  readonly count: number
  /** Which bounds belong to the bucket: 0 (lower, upper], 1 [lower, upper), 2 neither, 3 both. */
  readonly rule: 0 | 1 | 2 | 3
}

export function histogramBuckets(histogram: Histogram): HistogramBucket[] {
  if (histogram.schema === CUSTOM_BUCKETS_SCHEMA) return customBuckets(histogram)
  const buckets: HistogramBucket[] = []
  forEachBucket(histogram.negativeSpans, histogram.negativeBuckets, (index, count) => {
    buckets.push({
      lower: -exponentialBound(histogram.schema, index),
      upper: -exponentialBound(histogram.schema, index - 1),
      count,
      rule: 1,
    })
  })
  buckets.reverse()
  // Of a negative histogram Prometheus does not show the zero bucket.
  if (histogram.zeroCount > 0) {
    buckets.push({ lower: -histogram.zeroThreshold, upper: histogram.zeroThreshold, count: histogram.zeroCount, rule: 3 })
  }
  forEachBucket(histogram.positiveSpans, histogram.positiveBuckets, (index, count) => {
    buckets.push({ lower: exponentialBound(histogram.schema, index - 1), upper: exponentialBound(histogram.schema, index), count, rule: 0 })
  })
  return buckets
}

/** Calls back with the index and the count of every bucket in ascending order of the index. */
export function forEachBucket(spans: readonly Span[], buckets: Float64Array, each: (index: number, count: number) => void): void {
  let index = 0
  let at = 0
  for (const span of spans) {
    index += span.offset
    for (let i = 0; i < span.length; i++) each(index++, buckets[at++]!)
  }
}

function customBuckets(histogram: Histogram): HistogramBucket[] {
  const bounds = histogram.customValues
  const buckets: HistogramBucket[] = []
  forEachBucket(histogram.positiveSpans, histogram.positiveBuckets, (index, count) => {
    const lower = index === 0 ? -Infinity : bounds[index - 1]!
    const upper = index < bounds.length ? bounds[index]! : Infinity
    buckets.push({ lower, upper, count, rule: index === 0 ? 3 : 0 })
  })
  return buckets
}
