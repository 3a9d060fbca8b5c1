/**
 * Layout: the buckets of a native histogram as sorted index and count columns, and the moves between layouts.
 *
 * Spans are how histograms are stored; arithmetic wants one column of bucket indexes with one of counts. Positive bucket i of an exponential
 * schema covers (base^(i-1), base^i]; the negative side mirrors it. With custom buckets i covers (bound[i-1], bound[i]].
 */
import { CUSTOM_BUCKETS_SCHEMA, exponentialBound, type Histogram, type Span } from '@tsink/core'

/** Ascending bucket indexes with their counts. */
export interface Buckets {
  readonly indexes: readonly number[]
  readonly counts: readonly number[]
}

/** A bucket with its bounds, as iteration over a histogram gives it. */
export interface Bucket {
  readonly lower: number
  readonly upper: number
  readonly count: number
}

export const NO_BUCKETS: Buckets = { indexes: [], counts: [] }

export function usesCustomBuckets(h: Histogram): boolean {
  return h.schema === CUSTOM_BUCKETS_SCHEMA
}

/** The buckets of one side, empty ones included, as they are stored. */
export function bucketsOf(spans: readonly Span[], buckets: Float64Array): Buckets {
  const indexes: number[] = []
  const counts: number[] = []
  let index = 0
  let at = 0
  for (const span of spans) {
    index += span.offset
    for (let i = 0; i < span.length; i++) {
      indexes.push(index++)
      counts.push(buckets[at++]!)
    }
  }
  return { indexes, counts }
}

/** Spans and counts of buckets; empty buckets are left out. */
export function spansOf(buckets: Buckets): { readonly spans: readonly Span[]; readonly counts: Float64Array } {
  const spans: { offset: number; length: number }[] = []
  const counts: number[] = []
  let next = 0
  for (let i = 0; i < buckets.indexes.length; i++) {
    const count = buckets.counts[i]!
    if (count === 0) continue
    const index = buckets.indexes[i]!
    const last = spans.at(-1)
    if (last !== undefined && index === next) last.length++
    else spans.push({ offset: last === undefined ? index : index - next, length: 1 })
    counts.push(count)
    next = index + 1
  }
  return { spans, counts: Float64Array.from(counts) }
}

/** A histogram with other buckets; empty ones are left out. */
export function withBuckets(h: Histogram, positive: Buckets, negative: Buckets): Histogram {
  const p = spansOf(positive)
  const n = spansOf(negative)
  return { ...h, positiveSpans: p.spans, positiveBuckets: p.counts, negativeSpans: n.spans, negativeBuckets: n.counts }
}

/** The same histogram without empty buckets. */
export function compact(h: Histogram): Histogram {
  return withBuckets(h, positiveOf(h), negativeOf(h))
}

export function positiveOf(h: Histogram): Buckets {
  return bucketsOf(h.positiveSpans, h.positiveBuckets)
}

export function negativeOf(h: Histogram): Buckets {
  return bucketsOf(h.negativeSpans, h.negativeBuckets)
}

/** Buckets at a coarser exponential schema: 2^(from - to) neighbours become one. */
export function reduceBuckets(buckets: Buckets, from: number, to: number): Buckets {
  if (from === to) return buckets
  const shift = from - to
  const indexes: number[] = []
  const counts: number[] = []
  for (let i = 0; i < buckets.indexes.length; i++) {
    const index = ((buckets.indexes[i]! - 1) >> shift) + 1
    if (indexes.at(-1) === index) counts[counts.length - 1]! += buckets.counts[i]!
    else {
      indexes.push(index)
      counts.push(buckets.counts[i]!)
    }
  }
  return { indexes, counts }
}

/** The histogram at a coarser exponential schema. */
export function toSchema(h: Histogram, schema: number): Histogram {
  if (h.schema === schema) return h
  return withBuckets({ ...h, schema }, reduceBuckets(positiveOf(h), h.schema, schema), reduceBuckets(negativeOf(h), h.schema, schema))
}

/** The upper bound of bucket `index`, for both kinds of schema. */
export function upperBound(h: Histogram, index: number): number {
  if (usesCustomBuckets(h)) return index < h.customValues.length ? h.customValues[index]! : Infinity
  return exponentialBound(h.schema, index)
}

function lowerBound(h: Histogram, index: number): number {
  if (usesCustomBuckets(h)) return index <= 0 ? -Infinity : h.customValues[index - 1]!
  return exponentialBound(h.schema, index - 1)
}

/** All buckets in ascending order of their bounds: the negative ones, the zero bucket, the positive ones. Empty ones are left out. */
export function bucketsInOrder(h: Histogram): Bucket[] {
  const all: Bucket[] = []
  const negative = negativeOf(h)
  for (let i = negative.indexes.length - 1; i >= 0; i--) {
    if (negative.counts[i] === 0) continue
    const index = negative.indexes[i]!
    all.push({ lower: -upperBound(h, index), upper: -lowerBound(h, index), count: negative.counts[i]! })
  }
  if (h.zeroCount !== 0) all.push({ lower: -h.zeroThreshold, upper: h.zeroThreshold, count: h.zeroCount })
  const positive = positiveOf(h)
  for (let i = 0; i < positive.indexes.length; i++) {
    if (positive.counts[i] === 0) continue
    const index = positive.indexes[i]!
    all.push({ lower: lowerBound(h, index), upper: upperBound(h, index), count: positive.counts[i]! })
  }
  return all
}
