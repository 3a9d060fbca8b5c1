/**
 * The functions of a range by name. Nearly every series holds floats alone and takes the straight way; a series in which histograms occur is
 * taken apart, and each function says what it does with both kinds.
 */
import type { Histogram } from '@tsink/core'
import { FLOAT, type StepSeries } from '../evaluate/steps.ts'
import { equalHistograms, wasReset } from '../histogram/arithmetic.ts'
import { HistogramSum } from '../histogram/sum.ts'
import { quote } from '../strings.ts'
import { differenceOfHistograms, extrapolateHistograms } from './histogram-rate.ts'
import {
  avgOverTime,
  changesOverTime,
  counter,
  countOverTime,
  deviationOverTime,
  edgeOverTime,
  edgeTimeOverTime,
  extremeOverTime,
  fillCounts,
  presentOverTime,
  quantileOverTime,
  shareOfSums,
  sumOverTime,
  varianceOverTime,
} from './over-time.ts'
import { difference, extrapolate, shareOfResets, startsAnew } from './rate.ts'
import { derivative, predictLinear, smoothExponentially } from './regression.ts'
import type { SplitWindow, Window, WindowFunction } from './window.ts'

interface RangeFunction {
  /** For a series of floats. */
  readonly floats: WindowFunction
  /** For a series in which histograms occur. `split` holds the same samples apart. */
  readonly mixed: (window: Window, out: StepSeries, split: SplitWindow) => void
  readonly costs: Costs
}

/** What looking at one sample costs, in additions of floats, where a function looks at each window anew; 0 where one walk serves all windows. */
interface Costs {
  readonly float: number
  readonly histogram: number
  /** The share of a window's floats that are looked at, where that depends on them. Walks through the series. */
  readonly share?: (window: Window) => number
}

const ONE_WALK: Costs = { float: 0, histogram: 0 }

const functions = new Map<string, RangeFunction>()

/** The function of that name. A series in which histograms occur is to be loaded into `split` as well. */
export function rangeFunction(func: string, split: SplitWindow): WindowFunction {
  const { floats, mixed } = functions.get(func)!
  return (window, out) => {
    if (window.histograms === null) floats(window, out)
    else mixed(window, out, split)
  }
}

export function hasRangeFunction(func: string): boolean {
  return functions.has(func)
}

/** At most what the function spends on each sample of a window of the series at hand, in additions of floats. */
export function costPerSample(func: string, window: Window): number {
  const { costs } = functions.get(func)!
  return window.histograms === null ? costs.float : costs.histogram
}

/** The share of that which it really spends. Walks through the series. */
export function shareOfCost(func: string, window: Window): number {
  const { costs } = functions.get(func)!
  return window.histograms === null && costs.share !== undefined ? costs.share(window) : 1
}

/** Sees floats only; an info says so where a window holds both. */
function floatsOnly(name: string, floats: WindowFunction, cost = 0): void {
  functions.set(name, {
    floats,
    mixed: (window, out, split) => {
      floats(split.floats, out)
      for (let k = window.from; k < window.to; k++) {
        if (!isMixed(split, k)) continue
        const message = `ignored histograms in a range containing both floats and histograms for metric name ${quote(window.metric)}`
        window.execution.annotations.info(message, window.expr)
        return
      }
    },
    costs: { float: cost, histogram: cost },
  })
}

/** Takes either kind, but not both in one window. */
function eitherKind(
  name: string,
  floats: WindowFunction,
  histograms: (window: Window, out: StepSeries, split: SplitWindow) => void,
  share: (window: Window) => number,
): void {
  functions.set(name, {
    floats,
    mixed: (window, out, split) => {
      floats(split.floats, out)
      let warned = false
      for (let k = window.from; k < window.to; k++) {
        if (!isMixed(split, k)) continue
        out.kinds[k] = 0
        if (warned) continue
        warned = true
        window.execution.annotations.warn(mixMessage(window.metric), window.expr)
      }
      histograms(split.histograms, out, split)
    },
    costs: { float: 1, histogram: HISTOGRAM_COST, share },
  })
}

/** What adding two histograms or comparing their buckets costs, in additions of floats. */
export const HISTOGRAM_COST = 50

/** Sees all samples in the order of time. */
function anyKind(name: string, floats: WindowFunction, mixed: WindowFunction = floats): void {
  functions.set(name, { floats, mixed, costs: ONE_WALK })
}

function mixMessage(metric: string): string {
  return `encountered a mix of histograms and floats for metric name ${quote(metric)}`
}

/** Whether the window of step k holds both kinds. */
function isMixed(split: SplitWindow, k: number): boolean {
  return split.floats.high[k]! > split.floats.low[k]! && split.histograms.high[k]! > split.histograms.low[k]!
}

for (const [name, isCounter, perSecond] of [
  ['rate', true, true],
  ['increase', true, false],
  ['delta', false, false],
] as const) {
  eitherKind(
    name,
    (window, out) => extrapolate(window, out, isCounter, perSecond),
    (window, out, split) => extrapolateHistograms(window, out, isCounter, perSecond, (k) => isMixed(split, k)),
    isCounter ? shareOfResets : () => 0,
  )
}

for (const [name, isCounter] of [
  ['irate', true],
  ['idelta', false],
] as const) {
  anyKind(
    name,
    (window, out) => difference(window, out, isCounter, isCounter),
    (window, out) => differenceOfAny(window, out, isCounter),
  )
}

eitherKind('sum_over_time', sumOverTime, (window, out, split) => sumHistograms(window, out, split, false), shareOfSums)
eitherKind('avg_over_time', avgOverTime, (window, out, split) => sumHistograms(window, out, split, true), shareOfSums)
floatsOnly('min_over_time', (window, out) => extremeOverTime(window, out, false, false))
floatsOnly('max_over_time', (window, out) => extremeOverTime(window, out, true, false))
floatsOnly('ts_of_min_over_time', (window, out) => extremeOverTime(window, out, false, true))
floatsOnly('ts_of_max_over_time', (window, out) => extremeOverTime(window, out, true, true))
floatsOnly('stddev_over_time', (window, out) => varianceOverTime(window, out, true), 3)
floatsOnly('stdvar_over_time', (window, out) => varianceOverTime(window, out, false), 3)
floatsOnly('quantile_over_time', quantileOverTime, 4)
floatsOnly('mad_over_time', deviationOverTime, 8)
floatsOnly('deriv', derivative, 5)
floatsOnly('predict_linear', predictLinear, 5)
floatsOnly('double_exponential_smoothing', smoothExponentially, 2)
anyKind('count_over_time', countOverTime)
anyKind('present_over_time', presentOverTime)
anyKind('last_over_time', (window, out) => edgeOverTime(window, out, true))
anyKind('first_over_time', (window, out) => edgeOverTime(window, out, false))
anyKind('ts_of_last_over_time', (window, out) => edgeTimeOverTime(window, out, true))
anyKind('ts_of_first_over_time', (window, out) => edgeTimeOverTime(window, out, false))
anyKind('changes', changesOverTime, (window, out) => countTransitions(window, out, isChange))
anyKind('resets', (window, out) => countTransitions(window, out, isReset))

/** Counts, for each window, the samples that differ from the one before them as `differs` says. */
function countTransitions(window: Window, out: StepSeries, differs: (window: Window, i: number) => boolean): void {
  const prefix = counter(window.count)
  for (let i = 1; i < window.count; i++) prefix[i] = prefix[i - 1]! + (differs(window, i) ? 1 : 0)
  fillCounts(prefix, window.low, window.high, window.steps, out)
}

/** Whether sample i has another value than the one before it; another kind is another value. */
export function isChange(window: Window, i: number): boolean {
  const histogram = window.histograms?.[i]
  const previous = window.histograms?.[i - 1]
  if (histogram !== undefined && previous !== undefined) return !equalHistograms(previous, histogram)
  if (histogram !== undefined || previous !== undefined) return true
  const value = window.values[i]!
  const before = window.values[i - 1]!
  return value !== before && !(value !== value && before !== before)
}

/** Whether a counter was reset between sample i and the one before it; a change of kind is a reset. */
export function isReset(window: Window, i: number): boolean {
  if (window.startTimestamps !== null && startsAnew(window.timestamps, window.startTimestamps, i)) return true
  const histogram = window.histograms?.[i]
  const previous = window.histograms?.[i - 1]
  if (histogram !== undefined && previous !== undefined) return wasReset(previous, histogram)
  if (histogram !== undefined || previous !== undefined) return true
  return window.values[i]! < window.values[i - 1]!
}

function differenceOfAny(window: Window, out: StepSeries, isCounter: boolean): void {
  const { values, histograms, timestamps, low, high, steps, startTimestamps } = window
  for (let k = 0; k < steps; k++) {
    const last = high[k]! - 1
    if (last - 1 < low[k]!) continue
    if (histograms![last] === undefined && histograms![last - 1] === undefined) {
      const seconds = (timestamps[last]! - timestamps[last - 1]!) / 1_000
      if (seconds === 0) continue
      const dropped = values[last]! < values[last - 1]!
      const reset = isCounter && (dropped || (startTimestamps !== null && startsAnew(timestamps, startTimestamps, last)))
      const change = reset ? values[last]! : values[last]! - values[last - 1]!
      out.kinds[k] = FLOAT
      out.values[k] = isCounter ? change / seconds : change
      continue
    }
    const change = differenceOfHistograms(window, last, isCounter, isCounter)
    if (change !== null) out.setHistogram(k, change)
  }
}

function sumHistograms(window: Window, out: StepSeries, split: SplitWindow, mean: boolean): void {
  const { low, high, from, to, execution, expr, metric } = window
  const histograms = window.histograms as Histogram[]
  const { annotations } = execution
  for (let k = from; k < to; k++) {
    if (high[k] === low[k] || isMixed(split, k)) continue
    const sum = new HistogramSum(histograms[low[k]!]!, mean)
    let fits = true
    for (let i = low[k]! + 1; fits && i < high[k]!; i++) fits = sum.add(histograms[i]!)
    if (sum.collision) annotations.warn('conflicting counter resets during histogram aggregation', expr)
    if (sum.reconciled) annotations.info('mismatched custom buckets were reconciled during aggregation', expr)
    if (fits) out.setHistogram(k, sum.result())
    else {
      annotations.warn(
        `vector contains a mix of histograms with exponential and custom buckets schemas for metric name ${quote(metric)}`,
        expr,
      )
    }
  }
}
