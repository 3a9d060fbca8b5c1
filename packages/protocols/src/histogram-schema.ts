/**
 * Exponential histograms of a finer schema than is wanted: each step down joins two neighbouring buckets, so that bucket i of schema s
 * becomes bucket ceil(i / 2^(s - t)) of schema t.
 */
import type { Histogram, Span } from '@tsink/core'

/** `histogram` with the coarser schema `schema`. */
export function coarsened(histogram: Histogram, schema: number): Histogram {
  const shift = histogram.schema - schema
  if (shift <= 0) return histogram
  const positive = joined(histogram.positiveSpans, histogram.positiveBuckets, shift)
  const negative = joined(histogram.negativeSpans, histogram.negativeBuckets, shift)
  return {
    ...histogram,
    schema,
    positiveSpans: positive.spans,
    positiveBuckets: positive.buckets,
    negativeSpans: negative.spans,
    negativeBuckets: negative.buckets,
  }
}

/** The spans and counts of buckets given by ascending index. Gaps of up to two empty buckets are filled, as they cost less than a span. */
export function spansOf(indexes: readonly number[], counts: readonly number[]): { spans: Span[]; buckets: Float64Array } {
  const spans: { offset: number; length: number }[] = []
  const buckets: number[] = []
  let next = 0
  for (let i = 0; i < indexes.length; i++) {
    const gap = indexes[i]! - next
    if (spans.length > 0 && gap <= 2) {
      for (let j = 0; j < gap; j++) buckets.push(0)
      spans[spans.length - 1]!.length += gap + 1
    } else spans.push({ offset: gap, length: 1 })
    buckets.push(counts[i]!)
    next = indexes[i]! + 1
  }
  return { spans, buckets: Float64Array.from(buckets) }
}

function joined(spans: readonly Span[], buckets: Float64Array, shift: number): { spans: Span[]; buckets: Float64Array } {
  const indexes: number[] = []
  const counts: number[] = []
  const divisor = 2 ** shift
  let index = 0
  let at = 0
  for (const span of spans) {
    index += span.offset
    for (let i = 0; i < span.length; i++, index++, at++) {
      const target = Math.ceil(index / divisor)
      if (indexes.length > 0 && indexes[indexes.length - 1] === target) counts[counts.length - 1]! += buckets[at]!
      else {
        indexes.push(target)
        counts.push(buckets[at]!)
      }
    }
  }
  return spansOf(indexes, counts)
}
