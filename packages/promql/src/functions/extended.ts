/**
 * `anchored` and `smoothed` ranges: the rate family without extrapolation. The values at the two borders are looked up instead.
 *
 *   anchored  left: the newest sample at or before the window's start, else the first inside; right: the last sample inside
 *   smoothed  both: the point on the line between the samples around the border
 *
 * The result is right minus left, plus what each counter reset between them took away. A reset in the gap that the left border cuts is
 * already in the left value: there the line starts at zero, as it does in the gap of the right border, where the reset still counts.
 */
import type { Histogram } from '@tsink/core'
import { FLOAT, type StepSeries } from '../evaluate/steps.ts'
import { addHistograms, asGauge, divideHistogram, subtractHistograms, wasReset } from '../histogram/arithmetic.ts'
import { compact, usesCustomBuckets } from '../histogram/layout.ts'
import { quote } from '../strings.ts'
import { HISTOGRAM_COST, isChange, isReset } from './range-functions.ts'
import { interpolate, interpolateHistograms } from './smoothed.ts'
import type { Samples, Window } from './window.ts'

/** The samples that a step looks at: from the one that gives the left border to the one that gives the right. */
interface Reach {
  first: number
  last: number
  startMs: number
  endMs: number
}

/** Fills a result from a window over samples that reach `lookbackMs` beyond it. */
export function applyExtendedFunction(func: string, window: Window, out: StepSeries, smoothed: boolean, lookbackMs: number): void {
  const reach: Reach = { first: 0, last: 0, startMs: 0, endMs: 0 }
  for (let k = window.from; k < window.to; k++) {
    if (!findReach(window, k, smoothed, lookbackMs, reach)) continue
    if (func === 'changes' || func === 'resets') {
      let count = 0
      for (let i = reach.first + 1; i <= reach.last; i++) if (func === 'changes' ? isChange(window, i) : isReset(window, i)) count++
      out.kinds[k] = FLOAT
      out.values[k] = count
      continue
    }
    const histograms = countHistograms(window, reach)
    if (histograms === 0) {
      out.kinds[k] = FLOAT
      out.values[k] = changeOfFloats(window, reach, smoothed, func !== 'delta') / (func === 'rate' ? window.rangeMs / 1_000 : 1)
    } else if (histograms < reach.last - reach.first + 1) {
      const message = `encountered a mix of histograms and floats for metric name ${quote(window.metric)}`
      window.execution.annotations.warn(message, window.expr)
    } else {
      const change = changeOfHistograms(window, reach, smoothed, func !== 'delta')
      if (change !== null) out.setHistogram(k, func === 'rate' ? divideHistogram(change, window.rangeMs / 1_000) : change)
    }
  }
}

/** What looking at one sample costs here, in additions of floats: each window is looked at anew. */
export function costOfExtended(window: Window): number {
  return window.histograms === null ? 1 : HISTOGRAM_COST
}

/**
 * The samples of an extended range by themselves: those inside, between the values at the two borders. Null when nothing is inside, or
 * floats and histograms mix. `timestamps` and the rest are new arrays.
 */
export function extendSamples(samples: Samples, startMs: number, endMs: number, smoothed: boolean, lookbackMs: number): Samples | null {
  const { timestamps, values, count } = samples
  let first = 0
  while (first + 1 < count && timestamps[first + 1]! <= startMs) first++
  let last = count - 1
  while (last > 0 && timestamps[last - 1]! >= endMs) last--
  if (!smoothed) while (last > 0 && timestamps[last]! > endMs) last--
  if (count === 0 || timestamps[last]! <= startMs || timestamps[first]! > endMs) return null
  if (timestamps[first]! <= startMs - lookbackMs || timestamps[last]! > endMs + lookbackMs) return null
  const histogramAt = (i: number): Histogram | undefined => samples.histograms?.[i]
  const isHistogram = histogramAt(first) !== undefined
  for (let i = first; i <= last; i++) if ((histogramAt(i) !== undefined) !== isHistogram) return null
  const times: number[] = []
  const numbers: number[] = []
  const histograms: Histogram[] = []
  const border = (timeMs: number, from: number, cuts: boolean): void => {
    times.push(timeMs)
    const at = cuts ? from : Math.min(from, last)
    const fraction = cuts ? (timeMs - timestamps[from]!) / (timestamps[from + 1]! - timestamps[from]!) : 0
    const histogram = histogramAt(at)
    if (histogram === undefined) numbers.push(cuts ? interpolate(values[from]!, values[from + 1]!, fraction) : values[at]!)
    else histograms.push((cuts ? interpolateHistograms(histogram, histogramAt(from + 1)!, fraction, false) : histogram) ?? histogram)
  }
  border(startMs, first, smoothed && first < last && timestamps[first]! < startMs)
  for (let i = first; i <= last; i++) {
    if (timestamps[i]! <= startMs || timestamps[i]! >= endMs) continue
    times.push(timestamps[i]!)
    if (isHistogram) histograms.push(histogramAt(i)!)
    else numbers.push(values[i]!)
  }
  const cutsRight = smoothed && first < last && timestamps[last]! > endMs
  border(endMs, cutsRight ? last - 1 : last, cutsRight)
  return {
    timestamps: Float64Array.from(times),
    values: isHistogram ? Float64Array.from(histograms, (h) => h.sum) : Float64Array.from(numbers),
    histograms: isHistogram ? histograms : null,
    startTimestamps: null,
    count: times.length,
  }
}

function findReach(window: Window, k: number, smoothed: boolean, lookbackMs: number, reach: Reach): boolean {
  const { timestamps, count, low, high, endMs, stepMs, rangeMs } = window
  const end = endMs + k * stepMs
  const start = end - rangeMs
  const inside = low[k]!
  let last = high[k]! - 1
  const first = inside > 0 && timestamps[inside - 1]! > start - lookbackMs ? inside - 1 : inside
  if (smoothed && !(last >= 0 && timestamps[last] === end) && last + 1 < count && timestamps[last + 1]! <= end + lookbackMs) last++
  if (last < 0 || first > last || timestamps[last]! <= start || timestamps[first]! > end) return false
  reach.first = first
  reach.last = last
  reach.startMs = start
  reach.endMs = end
  return true
}

function countHistograms(window: Window, reach: Reach): number {
  if (window.histograms === null) return 0
  let histograms = 0
  for (let i = reach.first; i <= reach.last; i++) if (window.histograms[i] !== undefined) histograms++
  return histograms
}

function changeOfFloats(window: Window, reach: Reach, smoothed: boolean, counter: boolean): number {
  const { timestamps, values } = window
  const { first, last, startMs, endMs } = reach
  const at = (from: number, timeMs: number): number => {
    const fraction = (timeMs - timestamps[from]!) / (timestamps[from + 1]! - timestamps[from]!)
    const after = values[from + 1]!
    return interpolate(counter && after < values[from]! ? 0 : values[from]!, after, fraction)
  }
  const cutsLeft = smoothed && timestamps[first]! < startMs && first < last
  const cutsRight = smoothed && timestamps[last]! > endMs && first < last
  const left = cutsLeft ? at(first, startMs) : values[first]!
  const right = cutsRight ? at(last - 1, endMs) : values[last]!
  let change = right - left
  if (!counter) return change
  for (let i = first + (cutsLeft ? 2 : 1); i <= last; i++) if (values[i]! < values[i - 1]!) change += values[i - 1]!
  return change
}

function changeOfHistograms(window: Window, reach: Reach, smoothed: boolean, counter: boolean): Histogram | null {
  const { timestamps, execution, expr, metric } = window
  const { annotations } = execution
  const { first, last, startMs, endMs } = reach
  const histograms = window.histograms as Histogram[]
  const mixed = (): null => {
    const message = `vector contains a mix of histograms with exponential and custom buckets schemas for metric name ${quote(metric)}`
    annotations.warn(message, expr)
    return null
  }
  const custom = usesCustomBuckets(histograms[first]!)
  let gauges = 0
  for (let i = first; i <= last; i++) {
    if (usesCustomBuckets(histograms[i]!) !== custom) return mixed()
    if (histograms[i]!.hint === 'gauge') gauges++
  }
  if (counter && gauges > 0) annotations.warn(`this native histogram metric is not a counter: ${quote(metric)}`, expr)
  if (!counter && (histograms[first]!.hint !== 'gauge' || histograms[last]!.hint !== 'gauge')) {
    annotations.warn(`this native histogram metric is not a gauge: ${quote(metric)}`, expr)
  }
  const at = (from: number, timeMs: number): Histogram | null => {
    const fraction = (timeMs - timestamps[from]!) / (timestamps[from + 1]! - timestamps[from]!)
    return interpolateHistograms(histograms[from]!, histograms[from + 1]!, fraction, counter)
  }
  const cutsLeft = smoothed && timestamps[first]! < startMs && first < last
  const cutsRight = smoothed && timestamps[last]! > endMs && first < last
  const left = cutsLeft ? at(first, startMs) : histograms[first]!
  const right = cutsRight ? at(last - 1, endMs) : histograms[last]!
  if (left === null || right === null) return mixed()
  const difference = subtractHistograms(right, left)
  if (difference === null) return mixed()
  if (difference.boundsReconciled) annotations.info('mismatched custom buckets were reconciled during subtraction', expr)
  let change = difference.histogram
  if (counter) {
    for (let i = first + (cutsLeft ? 2 : 1); i <= last; i++) {
      if (!wasReset(histograms[i - 1]!, histograms[i]!)) continue
      const sum = addHistograms(change, histograms[i - 1]!)
      if (sum === null) return mixed()
      if (sum.boundsReconciled) annotations.info('mismatched custom buckets were reconciled during addition', expr)
      change = sum.histogram
    }
  }
  return asGauge(compact(change))
}
