/**
 * Arithmetic of native histograms: addition and subtraction over reconciled layouts, scaling, equality. Inputs are never changed.
 *
 * Exponential histograms meet at the coarser schema and the wider zero bucket; custom ones at the bounds that both have. The rules are those of
 * Prometheus, so that results agree.
 */
import { exponentialBound, isHistogramReset, type CounterResetHint, type Histogram } from '@tsink/core'
import {
  bucketsInOrder,
  negativeOf,
  positiveOf,
  reduceBuckets,
  usesCustomBuckets,
  withBuckets,
  NO_BUCKETS,
  type Buckets,
} from './layout.ts'

/** A sum or difference with what its author should know. */
export interface Combined {
  readonly histogram: Histogram
  /** One side said "reset" and the other "not reset". */
  readonly resetConflict: boolean
  /** Custom buckets with different bounds were brought together. */
  readonly boundsReconciled: boolean
}

/** `a + b`, or null when one has exponential and the other custom buckets. */
export function addHistograms(a: Histogram, b: Histogram): Combined | null {
  return combine(a, b, 1)
}

/** `a - b`, a gauge; or null when one has exponential and the other custom buckets. */
export function subtractHistograms(a: Histogram, b: Histogram): Combined | null {
  const difference = combine(a, b, -1)
  return difference && { ...difference, histogram: { ...difference.histogram, hint: 'gauge' } }
}

/** `h * factor`; a negative factor makes a gauge. */
export function scaleHistogram(h: Histogram, factor: number): Histogram {
  return {
    ...h,
    count: h.count * factor,
    sum: h.sum * factor,
    zeroCount: h.zeroCount * factor,
    positiveBuckets: h.positiveBuckets.map((count) => count * factor),
    negativeBuckets: h.negativeBuckets.map((count) => count * factor),
    hint: factor < 0 ? 'gauge' : h.hint,
    isInteger: false,
  }
}

/** `h / divisor`; division by zero leaves no buckets. */
export function divideHistogram(h: Histogram, divisor: number): Histogram {
  const hint: CounterResetHint = divisor < 0 ? 'gauge' : h.hint
  const totals = { ...h, count: h.count / divisor, sum: h.sum / divisor, zeroCount: h.zeroCount / divisor, hint, isInteger: false }
  if (divisor === 0) return withBuckets(totals, NO_BUCKETS, NO_BUCKETS)
  return {
    ...totals,
    positiveBuckets: h.positiveBuckets.map((count) => count / divisor),
    negativeBuckets: h.negativeBuckets.map((count) => count / divisor),
  }
}

/** Structural equality, hints aside. NaN equals NaN. */
export function equalHistograms(a: Histogram, b: Histogram): boolean {
  return (
    a.schema === b.schema &&
    Object.is(a.count, b.count) &&
    Object.is(a.sum, b.sum) &&
    a.zeroThreshold === b.zeroThreshold &&
    Object.is(a.zeroCount, b.zeroCount) &&
    sameNumbers(a.customValues, b.customValues) &&
    sameBuckets(positiveOf(a), positiveOf(b)) &&
    sameBuckets(negativeOf(a), negativeOf(b))
  )
}

/** Whether the counter was reset between two histograms. Gauges are compared as if they were counters. */
export function wasReset(previous: Histogram, next: Histogram): boolean {
  const before: Histogram = previous.hint === 'gauge' ? { ...previous, hint: 'unknown' } : previous
  const after: Histogram = next.hint === 'gauge' ? { ...next, hint: 'unknown' } : next
  return isHistogramReset(before, after)
}

export function asGauge(h: Histogram): Histogram {
  return h.hint === 'gauge' ? h : { ...h, hint: 'gauge' }
}

function combine(a: Histogram, b: Histogram, sign: 1 | -1): Combined | null {
  const custom = usesCustomBuckets(a)
  if (custom !== usesCustomBuckets(b)) return null
  const { hint, conflict } = joinHints(a.hint, b.hint)
  const totals = { ...a, count: a.count + sign * b.count, sum: a.sum + sign * b.sum, hint, isInteger: false }
  if (custom) {
    const customValues = commonBounds(a.customValues, b.customValues)
    const left = toBounds(positiveOf(a), a.customValues, customValues)
    const right = toBounds(positiveOf(b), b.customValues, customValues)
    const histogram = withBuckets({ ...totals, customValues }, mergeBuckets(left, right, sign), NO_BUCKETS)
    return { histogram, resetConflict: conflict, boundsReconciled: customValues !== a.customValues }
  }
  const zero = reconcileZeroBuckets(a, b)
  const schema = Math.min(a.schema, b.schema)
  const side = (of: (h: Histogram) => Buckets): Buckets =>
    mergeBuckets(
      outsideZero(reduceBuckets(of(a), a.schema, schema), schema, zero.threshold),
      outsideZero(reduceBuckets(of(b), b.schema, schema), schema, zero.threshold),
      sign,
    )
  const histogram = withBuckets(
    { ...totals, schema, zeroThreshold: zero.threshold, zeroCount: zero.left + sign * zero.right },
    side(positiveOf),
    side(negativeOf),
  )
  return { histogram, resetConflict: conflict, boundsReconciled: false }
}

/** Equal hints stay, a gauge makes a gauge, an unknown makes an unknown; "reset" with "not reset" is a conflict. */
export function joinHints(a: CounterResetHint, b: CounterResetHint): { hint: CounterResetHint; conflict: boolean } {
  if (a === b) return { hint: a, conflict: false }
  if (a === 'gauge' || b === 'gauge') return { hint: 'gauge', conflict: false }
  return { hint: 'unknown', conflict: a !== 'unknown' && b !== 'unknown' }
}

/** The zero threshold at which both histograms can meet, with what each then counts as zero. */
function reconcileZeroBuckets(a: Histogram, b: Histogram): { threshold: number; left: number; right: number } {
  let left = { threshold: a.zeroThreshold, count: a.zeroCount }
  let right = { threshold: b.zeroThreshold, count: b.zeroCount }
  while (left.threshold !== right.threshold) {
    if (left.threshold > right.threshold) right = widenZeroBucket(b, left.threshold)
    if (right.threshold > left.threshold) left = widenZeroBucket(a, right.threshold)
  }
  return { threshold: left.threshold, left: left.count, right: right.count }
}

/** The zero threshold at which both histograms can meet. */
export function commonThreshold(a: Histogram, b: Histogram): number {
  return reconcileZeroBuckets(a, b).threshold
}

/** What lies in a zero bucket of at least the threshold. One that would cut a populated bucket is widened to that bucket's end. */
function widenZeroBucket(h: Histogram, atLeast: number): { threshold: number; count: number } {
  let threshold = atLeast
  for (;;) {
    let count = 0
    let widened = threshold
    for (const bucket of bucketsInOrder(h)) {
      const isZero = bucket.lower === -h.zeroThreshold && bucket.upper === h.zeroThreshold
      const inner = isZero ? 0 : Math.min(Math.abs(bucket.lower), Math.abs(bucket.upper))
      const outer = Math.max(Math.abs(bucket.lower), Math.abs(bucket.upper))
      if (inner >= threshold && !isZero) continue
      count += bucket.count
      if (outer > threshold) widened = Math.max(widened, outer)
    }
    if (widened === threshold) return { threshold, count }
    threshold = widened
  }
}

/** Buckets that are not swallowed by the zero bucket. */
function outsideZero(buckets: Buckets, schema: number, threshold: number): Buckets {
  if (threshold === 0) return buckets
  const first = buckets.indexes.findIndex((index) => exponentialBound(schema, index) > threshold)
  if (first < 0) return NO_BUCKETS
  return { indexes: buckets.indexes.slice(first), counts: buckets.counts.slice(first) }
}

/** `a + sign * b`, bucket by bucket. */
function mergeBuckets(a: Buckets, b: Buckets, sign: 1 | -1): Buckets {
  const indexes: number[] = []
  const counts: number[] = []
  let i = 0
  let j = 0
  while (i < a.indexes.length || j < b.indexes.length) {
    const left = a.indexes[i] ?? Infinity
    const right = b.indexes[j] ?? Infinity
    indexes.push(Math.min(left, right))
    if (left < right) counts.push(a.counts[i++]!)
    else if (right < left) counts.push(sign * b.counts[j++]!)
    else counts.push(a.counts[i++]! + sign * b.counts[j++]!)
  }
  return { indexes, counts }
}

/** The bounds that both have; the very array `a` when they are the same. */
export function commonBounds(a: Float64Array, b: Float64Array): Float64Array {
  if (sameNumbers(a, b)) return a
  const other = new Set(b)
  return a.filter((bound) => other.has(bound))
}

/** Custom buckets counted into the buckets of fewer bounds. */
function toBounds(buckets: Buckets, from: Float64Array, to: Float64Array): Buckets {
  if (from === to || sameNumbers(from, to)) return buckets
  const indexes: number[] = []
  const counts: number[] = []
  let target = 0
  for (let i = 0; i < buckets.indexes.length; i++) {
    const index = buckets.indexes[i]!
    const upper = index < from.length ? from[index]! : Infinity
    while (target < to.length && to[target]! < upper) target++
    if (indexes.at(-1) === target) counts[counts.length - 1]! += buckets.counts[i]!
    else {
      indexes.push(target)
      counts.push(buckets.counts[i]!)
    }
  }
  return { indexes, counts }
}

function sameBuckets(a: Buckets, b: Buckets): boolean {
  if (a.indexes.length !== b.indexes.length) return false
  return a.indexes.every((index, i) => index === b.indexes[i] && Object.is(a.counts[i], b.counts[i]))
}

function sameNumbers(a: Float64Array, b: Float64Array): boolean {
  return a.length === b.length && a.every((number, i) => number === b[i])
}
