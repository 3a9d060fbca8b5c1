/**
 * Compare: when a result counts as equal to an expectation. Floats agree within one part in a million, histograms after empty buckets are
 * left out, label sets exactly.
 */
import { isStale, type Histogram, type Span } from '@tsink/core'

const SMALLEST_NORMAL = 2.2250738585072014e-308
const TOLERANCE = 1e-6
const pair = new Float64Array(2)

/** Equality of a computed and an expected float. Stale markers equal stale markers only, other NaNs equal each other. */
export function sameFloat(got: number, want: number): boolean {
  pair[0] = got
  pair[1] = want
  if (isStale(pair, 0) || isStale(pair, 1)) return isStale(pair, 0) && isStale(pair, 1)
  if (Number.isNaN(got) && Number.isNaN(want)) return true
  if (got === want) return true
  const sum = Math.abs(got) + Math.abs(want)
  const difference = Math.abs(got - want)
  if (got === 0 || want === 0 || sum < SMALLEST_NORMAL) return difference < TOLERANCE * SMALLEST_NORMAL
  return difference / Math.min(sum, Number.MAX_VALUE) < TOLERANCE
}

/** What differs between two histograms, or null. Hints count only when `withHint`. */
export function histogramDifference(got: Histogram, want: Histogram, withHint: boolean): string | null {
  if (got.schema !== want.schema) return `schema is ${got.schema}, not ${want.schema}`
  for (const field of ['count', 'sum', 'zeroCount'] as const) {
    if (!sameFloat(got[field], want[field])) return `${field} is ${got[field]}, not ${want[field]}`
  }
  if (got.zeroThreshold !== want.zeroThreshold) return `zero threshold is ${got.zeroThreshold}, not ${want.zeroThreshold}`
  if (got.customValues.join() !== want.customValues.join())
    return `custom bounds are [${got.customValues.join(' ')}], not [${want.customValues.join(' ')}]`
  if (withHint && got.hint !== want.hint) return `hint is ${got.hint}, not ${want.hint}`
  return (
    bucketDifference('positive', got.positiveSpans, got.positiveBuckets, want.positiveSpans, want.positiveBuckets) ??
    bucketDifference('negative', got.negativeSpans, got.negativeBuckets, want.negativeSpans, want.negativeBuckets)
  )
}

function bucketDifference(
  side: string,
  gotSpans: readonly Span[],
  got: Float64Array,
  wantSpans: readonly Span[],
  want: Float64Array,
): string | null {
  const gotCounts = populated(gotSpans, got)
  const wantCounts = populated(wantSpans, want)
  for (const index of new Set([...gotCounts.keys(), ...wantCounts.keys()])) {
    const a = gotCounts.get(index) ?? 0
    const b = wantCounts.get(index) ?? 0
    if (!sameFloat(a, b)) return `${side} bucket ${index} is ${a}, not ${b}`
  }
  return null
}

function populated(spans: readonly Span[], counts: Float64Array): Map<number, number> {
  const byIndex = new Map<number, number>()
  let index = 0
  let at = 0
  for (const span of spans) {
    index += span.offset
    for (let i = 0; i < span.length; i++, index++, at++) if (counts[at] !== 0) byIndex.set(index, counts[at]!)
  }
  return byIndex
}
