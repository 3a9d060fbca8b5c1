/**
 * Counter resets of native histograms: whether a histogram can be a later state of the one before it, and the hint that a store gives
 * back for a stored sample. The rules are those of Prometheus, so that answers agree.
 */
import { CUSTOM_BUCKETS_SCHEMA, type CounterResetHint, type Histogram, type Span } from './histogram.ts'
import { isStale } from './columns.ts'

/**
 * Whether the counter was reset between two histograms: anything that was counted before is missing, the buckets became finer, or the zero
 * bucket narrower. A change between counter and gauge counts as a reset too. The hint of `next` decides when it says either.
 */
export function isHistogramReset(previous: Histogram, next: Histogram): boolean {
  if (next.hint === 'reset') return true
  if (next.hint === 'not_reset') return false
  if ((next.hint === 'gauge') !== (previous.hint === 'gauge')) return true
  if (next.count < previous.count) return true
  const custom = next.schema === CUSTOM_BUCKETS_SCHEMA
  if (custom !== (previous.schema === CUSTOM_BUCKETS_SCHEMA)) return true
  if (custom) return isCustomReset(previous, next)
  if (next.schema > previous.schema) return true
  if (next.zeroThreshold < previous.zeroThreshold) return true
  const positive = reduced(previous.positiveSpans, previous.positiveBuckets, previous.schema, next.schema)
  const negative = reduced(previous.negativeSpans, previous.negativeBuckets, previous.schema, next.schema)
  let zeroCount = previous.zeroCount
  if (next.zeroThreshold > previous.zeroThreshold) {
    for (const side of [positive, negative]) {
      for (const [index, count] of side) {
        if (lowerBoundOf(index, next.schema) >= next.zeroThreshold) continue
        // A populated bucket that the wider zero bucket cuts through cannot be accounted for.
        if (count !== 0 && upperBoundOf(index, next.schema) > next.zeroThreshold) return true
        zeroCount += count
        side.delete(index)
      }
    }
  }
  if (next.zeroCount < zeroCount) return true
  return (
    anyDecreased(positive, bucketsByIndex(next.positiveSpans, next.positiveBuckets)) ||
    anyDecreased(negative, bucketsByIndex(next.negativeSpans, next.negativeBuckets))
  )
}

/**
 * The hint of a stored sample when it is read back, given the sample stored before it (undefined when there is none, or it was a float):
 * `not_reset` when it continues what came before in the same layout, else `unknown`; gauges stay gauges.
 */
export function storedHint(previous: Histogram | undefined, next: Histogram): CounterResetHint {
  if (next.hint === 'gauge') return 'gauge'
  if (previous === undefined || previous.hint === 'gauge' || next.hint === 'reset') return 'unknown'
  if (isStaleHistogram(previous) || isStaleHistogram(next)) return 'unknown'
  if (previous.schema !== next.schema || previous.zeroThreshold !== next.zeroThreshold) return 'unknown'
  if (!sameNumbers(previous.customValues, next.customValues)) return 'unknown'
  if (next.count < previous.count || next.zeroCount < previous.zeroCount) return 'unknown'
  return isAnyLess(previous.positiveSpans, previous.positiveBuckets, next.positiveSpans, next.positiveBuckets) ||
    isAnyLess(previous.negativeSpans, previous.negativeBuckets, next.negativeSpans, next.negativeBuckets)
    ? 'unknown'
    : 'not_reset'
}

const sums = new Float64Array(1)

/** Whether a histogram is the stale marker: its sum has the stale bits. */
export function isStaleHistogram(h: Histogram): boolean {
  sums[0] = h.sum
  return isStale(sums, 0)
}

/** Whether any bucket counts less than it did; one that is gone counts 0. Of neighbours in a series the spans are nearly always the same. */
function isAnyLess(spansBefore: readonly Span[], before: Float64Array, spansAfter: readonly Span[], after: Float64Array): boolean {
  if (sameSpans(spansBefore, spansAfter)) {
    for (let i = 0; i < before.length; i++) if (after[i]! < before[i]!) return true
    return false
  }
  let span = -1
  let index = 0
  let end = 0
  let at = 0
  let indexBefore = 0
  let atBefore = 0
  for (const each of spansBefore) {
    indexBefore += each.offset
    for (let i = 0; i < each.length; i++, indexBefore++, atBefore++) {
      while (index < indexBefore || index === end) {
        if (index < end) {
          index++
          at++
        } else if (++span < spansAfter.length) {
          index = end + spansAfter[span]!.offset
          end = index + spansAfter[span]!.length
        } else break
      }
      const count = index === indexBefore && index < end ? after[at]! : 0
      if (count < before[atBefore]!) return true
    }
  }
  return false
}

function sameSpans(a: readonly Span[], b: readonly Span[]): boolean {
  if (a === b) return true
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i]!.offset !== b[i]!.offset || a[i]!.length !== b[i]!.length) return false
  return true
}

function isCustomReset(previous: Histogram, next: Histogram): boolean {
  const before = bucketsByIndex(previous.positiveSpans, previous.positiveBuckets)
  const after = bucketsByIndex(next.positiveSpans, next.positiveBuckets)
  if (sameNumbers(previous.customValues, next.customValues)) return anyDecreased(before, after)
  // Other bounds: compare the cumulative counts at the bounds that both have.
  const shared = new Set(next.customValues)
  let countBefore = 0
  let countAfter = 0
  let indexAfter = 0
  for (let i = 0; i < previous.customValues.length; i++) {
    countBefore += before.get(i) ?? 0
    const bound = previous.customValues[i]!
    if (!shared.has(bound)) continue
    while (indexAfter < next.customValues.length && next.customValues[indexAfter]! <= bound) countAfter += after.get(indexAfter++) ?? 0
    if (countAfter < countBefore) return true
    countBefore = 0
    countAfter = 0
  }
  return false
}

/** Bucket counts by bucket index. */
function bucketsByIndex(spans: readonly Span[], buckets: Float64Array): Map<number, number> {
  const byIndex = new Map<number, number>()
  let index = 0
  let at = 0
  for (const span of spans) {
    index += span.offset
    for (let i = 0; i < span.length; i++) byIndex.set(index++, buckets[at++]!)
  }
  return byIndex
}

/** The same at a coarser schema: bucket i at schema s lies in bucket ceil(i / 2^(s - t)) at schema t. */
function reduced(spans: readonly Span[], buckets: Float64Array, from: number, to: number): Map<number, number> {
  const fine = bucketsByIndex(spans, buckets)
  if (from === to) return fine
  const coarse = new Map<number, number>()
  for (const [index, count] of fine) {
    const target = ((index - 1) >> (from - to)) + 1
    coarse.set(target, (coarse.get(target) ?? 0) + count)
  }
  return coarse
}

function anyDecreased(before: Map<number, number>, after: Map<number, number>): boolean {
  for (const [index, count] of before) if ((after.get(index) ?? 0) < count) return true
  return false
}

function upperBoundOf(index: number, schema: number): number {
  return Math.pow(2, index * Math.pow(2, -schema))
}

function lowerBoundOf(index: number, schema: number): number {
  return upperBoundOf(index - 1, schema)
}

function sameNumbers(a: Float64Array, b: Float64Array): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}
