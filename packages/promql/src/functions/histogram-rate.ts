/**
 * The rate family of native histograms. What floats do with one number, these do with whole histograms: differences over reconciled layouts,
 * resets found by comparing buckets, and extrapolation by the count.
 */
import type { Histogram } from '@tsink/core'
import { addHistograms, asGauge, divideHistogram, scaleHistogram, subtractHistograms, wasReset } from '../histogram/arithmetic.ts'
import { compact, toSchema, usesCustomBuckets } from '../histogram/layout.ts'
import type { StepSeries } from '../evaluate/steps.ts'
import { quote } from '../strings.ts'
import { REACH, startInside, startsAnew, warnOfOverlaps } from './rate.ts'
import type { Window } from './window.ts'

/** rate, increase and delta at the steps whose window holds histograms only; `skip` says at which it does not. */
export function extrapolateHistograms(
  window: Window,
  out: StepSeries,
  counter: boolean,
  perSecond: boolean,
  skip: (step: number) => boolean,
): void {
  const { timestamps, low, high, from, to, endMs, stepMs, rangeMs, startTimestamps } = window
  if (counter && startTimestamps !== null) warnOfOverlaps(window, startTimestamps)
  for (let k = from; k < to; k++) {
    const first = low[k]!
    const last = high[k]! - 1
    if (last < first || skip(k)) continue
    const end = endMs + k * stepMs
    const started = counter && startTimestamps !== null ? startInside(window, first, end - rangeMs) : 0
    if (last === first && started <= 0) continue
    const raw = increase(window, first, last, counter, started > 0)
    if (raw === null) continue
    const average = last === first ? 0 : (timestamps[last]! - timestamps[first]!) / 1_000 / (last - first)
    const threshold = average * REACH
    let sampled = (timestamps[last]! - timestamps[first]!) / 1_000
    let toStart = (timestamps[first]! - (end - rangeMs)) / 1_000
    let toEnd = (end - timestamps[last]!) / 1_000
    if (started !== 0) {
      if (started > 0) sampled = (timestamps[last]! - started) / 1_000
      toStart = 0
    } else {
      if (toStart >= threshold) toStart = average / 2
      const firstCount = window.histograms![first]!.count
      if (counter && raw.count > 0 && firstCount >= 0) {
        const toZero = sampled * (firstCount / raw.count)
        if (toZero < toStart) toStart = toZero
      }
    }
    if (toEnd >= threshold) toEnd = average / 2
    const factor = (sampled + toStart + toEnd) / sampled / (perSecond ? rangeMs / 1_000 : 1)
    out.setHistogram(k, scaleHistogram(raw, factor))
  }
}

/** The last histogram minus the first, resets added back; a gauge. Null with a warning where they do not fit together. */
function increase(window: Window, first: number, last: number, counter: boolean, fromZero: boolean): Histogram | null {
  const { execution, expr, metric, timestamps, startTimestamps } = window
  const { annotations } = execution
  const histograms = window.histograms!
  const at = (i: number): Histogram => histograms[i]!
  const isReset = (i: number, previous: Histogram): boolean =>
    wasReset(previous, at(i)) || (startTimestamps !== null && startsAnew(timestamps, startTimestamps, i))
  const firstHint = at(first).hint
  const lastHint = at(last).hint
  if (counter && (firstHint === 'gauge' || lastHint === 'gauge')) {
    annotations.warn(`this native histogram metric is not a counter: ${quote(metric)}`, expr)
  }
  const mixed = (): null => {
    annotations.warn(
      `vector contains a mix of histograms with exponential and custom buckets schemas for metric name ${quote(metric)}`,
      expr,
    )
    return null
  }
  // A first sample that a reset makes irrelevant may have any layout: an empty one in the layout of the second stands in for it.
  let before = at(first)
  if (fromZero) before = emptyLike(before)
  else if (counter && last > first && isReset(first + 1, before)) before = emptyLike(at(first + 1))
  const custom = usesCustomBuckets(before)
  if (usesCustomBuckets(at(last)) !== custom) return mixed()
  let schema = Math.min(before.schema, at(last).schema)
  if (counter) {
    for (let i = first + 1; i < last; i++) {
      if (at(i).hint === 'gauge') annotations.warn(`this native histogram metric is not a counter: ${quote(metric)}`, expr)
      if (usesCustomBuckets(at(i)) !== custom) return mixed()
      schema = Math.min(schema, at(i).schema)
    }
  }
  const difference = subtractHistograms(custom ? at(last) : toSchema(at(last), schema), before)
  if (difference === null) return mixed()
  if (difference.boundsReconciled) annotations.info('mismatched custom buckets were reconciled during subtraction', expr)
  let total = difference.histogram
  if (counter) {
    let previous = fromZero ? at(first) : before
    for (let i = first + 1; i <= last; i++) {
      if (isReset(i, previous)) {
        const sum = addHistograms(total, previous)
        if (sum === null) return mixed()
        if (sum.boundsReconciled) annotations.info('mismatched custom buckets were reconciled during addition', expr)
        total = sum.histogram
      }
      previous = at(i)
    }
  } else if (firstHint !== 'gauge' || lastHint !== 'gauge') {
    annotations.warn(`this native histogram metric is not a gauge: ${quote(metric)}`, expr)
  }
  return asGauge(compact(total))
}

/** A histogram without observations in the layout of another. */
export function emptyLike(h: Histogram): Histogram {
  const none = { positiveSpans: [], positiveBuckets: new Float64Array(0), negativeSpans: [], negativeBuckets: new Float64Array(0) }
  return { ...h, ...none, count: 0, sum: 0, zeroCount: 0, zeroThreshold: 0, hint: 'unknown', isInteger: false }
}

/** irate and idelta: the last two samples of the window, of which at least one is a histogram. Null with a warning where they do not fit. */
export function differenceOfHistograms(window: Window, at: number, counter: boolean, perSecond: boolean): Histogram | null {
  const { execution, expr, metric, timestamps, startTimestamps } = window
  const { annotations } = execution
  const histogram = window.histograms![at]
  const previous = window.histograms![at - 1]
  if (histogram === undefined || previous === undefined) {
    annotations.warn(`encountered a mix of histograms and floats for metric name ${quote(metric)}`, expr)
    return null
  }
  const gauges = (histogram.hint === 'gauge' ? 1 : 0) + (previous.hint === 'gauge' ? 1 : 0)
  if (counter && gauges > 0) annotations.warn(`this native histogram metric is not a counter: ${quote(metric)}`, expr)
  if (!counter && gauges < 2) annotations.warn(`this native histogram metric is not a gauge: ${quote(metric)}`, expr)
  const seconds = (timestamps[at]! - timestamps[at - 1]!) / 1_000
  if (seconds === 0) return null
  let change = histogram
  const reset = wasReset(previous, histogram) || (startTimestamps !== null && startsAnew(timestamps, startTimestamps, at))
  if (!counter || !reset) {
    const difference = subtractHistograms(histogram, previous)
    if (difference === null) {
      annotations.warn(
        `vector contains a mix of histograms with exponential and custom buckets schemas for metric name ${quote(metric)}`,
        expr,
      )
      return null
    }
    if (difference.boundsReconciled) annotations.info('mismatched custom buckets were reconciled during subtraction', expr)
    change = difference.histogram
  }
  const gauge = asGauge(compact(change))
  return perSecond ? divideHistogram(gauge, seconds) : gauge
}
