/**
 * The `_over_time` functions of floats. Minimum and maximum keep a queue of candidates as the window moves; sums of integers are differences
 * of running sums; what depends on the order of additions is computed for each window anew, as the reference does.
 */
import { sumWindows } from '@tsink/kernel'
import { FLOAT, type StepSeries } from '../evaluate/steps.ts'
import { printShortest } from '../numbers.ts'
import { exactPrefix, quantileOf, varianceOf } from './summation.ts'
import type { Window } from './window.ts'

export function sumOverTime(window: Window, out: StepSeries): void {
  addUp(window, out, false)
}

export function avgOverTime(window: Window, out: StepSeries): void {
  addUp(window, out, true)
}

function addUp(window: Window, out: StepSeries, mean: boolean): void {
  const { timestamps, values, count, low, high, from, to } = window
  const prefix = overlaps(window) ? exactPrefix(values, count) : null
  if (prefix === null) {
    sumWindows(timestamps, values, count, low, high, from, to, mean, out.kinds, out.values)
    return
  }
  for (let k = from; k < to; k++) {
    const first = low[k]!
    const end = high[k]!
    if (end === first) continue
    out.kinds[k] = FLOAT
    out.values[k] = (prefix[end]! - prefix[first]!) / (mean ? end - first : 1)
  }
}

/** Whether the windows together are so much larger than the series that running sums pay. Parts of a series were found to have none. */
function overlaps(window: Window): boolean {
  if (window.to - window.from < window.steps) return false
  let samples = 0
  for (let k = 0; k < window.steps; k++) samples += window.high[k]! - window.low[k]!
  return samples > 4 * window.count
}

/** The share of its windows that a sum looks at: nothing where running sums are exact. */
export function shareOfSums(window: Window): number {
  return exactPrefix(window.values, window.count) === null ? 1 : 0
}

export function countOverTime(window: Window, out: StepSeries): void {
  const { low, high, steps } = window
  for (let k = 0; k < steps; k++) {
    if (high[k] === low[k]) continue
    out.kinds[k] = FLOAT
    out.values[k] = high[k]! - low[k]!
  }
}

export function presentOverTime(window: Window, out: StepSeries): void {
  const { low, high, steps } = window
  for (let k = 0; k < steps; k++) {
    if (high[k] === low[k]) continue
    out.kinds[k] = FLOAT
    out.values[k] = 1
  }
}

/** last_over_time and first_over_time of both floats and histograms. */
export function edgeOverTime(window: Window, out: StepSeries, last: boolean): void {
  const { values, histograms, low, high, steps } = window
  for (let k = 0; k < steps; k++) {
    if (high[k] === low[k]) continue
    const at = last ? high[k]! - 1 : low[k]!
    const histogram = histograms === null ? undefined : histograms[at]
    if (histogram === undefined) {
      out.kinds[k] = FLOAT
      out.values[k] = values[at]!
    } else out.setHistogram(k, histogram)
  }
}

/** ts_of_last_over_time and ts_of_first_over_time, in seconds. */
export function edgeTimeOverTime(window: Window, out: StepSeries, last: boolean): void {
  const { timestamps, low, high, steps } = window
  for (let k = 0; k < steps; k++) {
    if (high[k] === low[k]) continue
    out.kinds[k] = FLOAT
    out.values[k] = timestamps[last ? high[k]! - 1 : low[k]!]! / 1_000
  }
}

let queue = new Int32Array(64)

/**
 * min_ and max_over_time and the times of their newest extreme. The queue holds, from its front, the samples that can still become the
 * extreme: each is beaten by none that came after it. NaN never stands in the queue; a window of NaN alone gives NaN.
 */
export function extremeOverTime(window: Window, out: StepSeries, greatest: boolean, wantTime: boolean): void {
  const { timestamps, values, low, high, steps, count } = window
  if (queue.length < count) queue = new Int32Array(count * 2)
  let front = 0
  let back = 0
  let next = 0
  for (let k = 0; k < steps; k++) {
    const from = low[k]!
    const to = high[k]!
    if (next < from) next = from
    for (; next < to; next++) {
      const value = values[next]!
      if (value !== value) continue
      while (back > front) {
        const last = values[queue[back - 1]!]!
        // Of equal samples the newest is wanted for its time, the oldest for its value: 0 and -0 are equal but not the same.
        if (last === value ? !wantTime : greatest ? last > value : last < value) break
        back--
      }
      queue[back++] = next
    }
    while (front < back && queue[front]! < from) front++
    if (front === back) {
      front = 0
      back = 0
    }
    if (to === from) continue
    const at = front < back ? queue[front]! : to - 1
    out.kinds[k] = FLOAT
    out.values[k] = wantTime ? timestamps[at]! / 1_000 : values[at]!
  }
}

export function varianceOverTime(window: Window, out: StepSeries, root: boolean): void {
  const { values, low, high, from, to } = window
  for (let k = from; k < to; k++) {
    if (high[k] === low[k]) continue
    const variance = varianceOf(values, low[k]!, high[k]!)
    out.kinds[k] = FLOAT
    out.values[k] = root ? Math.sqrt(variance) : variance
  }
}

let sorted = new Float64Array(64)

export function quantileOverTime(window: Window, out: StepSeries): void {
  const { values, low, high, from, to, params, execution, paramExprs } = window
  const quantiles = params[0]!
  for (let k = from; k < to; k++) {
    const count = high[k]! - low[k]!
    if (count === 0) continue
    const q = quantiles[k]!
    if (!(q >= 0 && q <= 1)) {
      execution.annotations.warn(`quantile value should be between 0 and 1, got ${printShortest(q)}`, paramExprs[0]!)
    }
    take(values, low[k]!, count)
    out.kinds[k] = FLOAT
    out.values[k] = quantileOf(q, sorted, count)
  }
}

/** mad_over_time: the median of the distances from the median. */
export function deviationOverTime(window: Window, out: StepSeries): void {
  const { values, low, high, from, to } = window
  for (let k = from; k < to; k++) {
    const count = high[k]! - low[k]!
    if (count === 0) continue
    take(values, low[k]!, count)
    const median = quantileOf(0.5, sorted, count)
    let anyNaN = false
    for (let i = 0; i < count; i++) {
      const value = values[low[k]! + i]!
      anyNaN ||= value !== value
      sorted[i] = Math.abs(value - median)
    }
    out.kinds[k] = FLOAT
    out.values[k] = anyNaN ? NaN : quantileOf(0.5, sorted, count)
  }
}

function take(values: Float64Array, from: number, count: number): void {
  if (sorted.length < count) sorted = new Float64Array(count * 2)
  // Windows are short: a loop takes less than making a view and copying it.
  for (let i = 0; i < count; i++) sorted[i] = values[from + i]!
}

/** changes of floats: how often a sample differs from the one before it in the window. All NaN are the same. */
export function changesOverTime(window: Window, out: StepSeries): void {
  const { values, low, high, steps, count } = window
  const prefix = counter(count)
  for (let i = 1; i < count; i++) {
    const value = values[i]!
    const previous = values[i - 1]!
    const changed = value !== previous && !(value !== value && previous !== previous)
    prefix[i] = prefix[i - 1]! + (changed ? 1 : 0)
  }
  fillCounts(prefix, low, high, steps, out)
}

let running = new Int32Array(64)

/** Room for running counts, one for each sample; the first is 0. */
export function counter(count: number): Int32Array {
  if (running.length < count) running = new Int32Array(count * 2)
  running[0] = 0
  return running
}

/** For each step how far the running count rises from the first to the last sample of the window. */
export function fillCounts(prefix: Int32Array, low: Int32Array, high: Int32Array, steps: number, out: StepSeries): void {
  for (let k = 0; k < steps; k++) {
    if (high[k] === low[k]) continue
    out.kinds[k] = FLOAT
    out.values[k] = prefix[high[k]! - 1]! - prefix[low[k]!]!
  }
}
