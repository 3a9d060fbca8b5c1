/**
 * rate, increase and delta of floats: the difference between the last and the first sample of a window, extrapolated towards its borders.
 *
 * Counter resets are found once for the whole series; a window then adds up the few that lie inside it, in the order in which a reader of
 * the window alone would, so that results agree to the last bit. With start timestamps a reset also shows where a sample says
 * that its counter began after the sample before it.
 */
import { extrapolateWindows } from '@tsink/kernel'
import { FLOAT, type StepSeries } from '../evaluate/steps.ts'
import { quote } from '../strings.ts'
import type { Window } from './window.ts'

/** Extrapolation reaches a border that is closer than so many average distances between samples. */
export const REACH = 1.1

/** `perSecond` divides by the length of the range; `counter` accounts for resets. */
export function extrapolate(window: Window, out: StepSeries, counter: boolean, perSecond: boolean): void {
  if (counter && window.startTimestamps !== null) {
    extrapolateFromStarts(window, out, perSecond)
    return
  }
  const { timestamps, values, count, low, high, from, to, steps } = window
  if (to - from === steps) {
    extrapolateWindows(timestamps, values, count, window, low, high, counter, perSecond, out.kinds, out.values)
    return
  }
  // Resets are to be found only among the samples that these steps see.
  const first = low[from]!
  const end = high[to - 1]!
  const grid = { steps: to - from, endMs: window.endMs + from * window.stepMs, stepMs: window.stepMs, rangeMs: window.rangeMs }
  extrapolateWindows(
    timestamps.subarray(first, end),
    values.subarray(first, end),
    end - first,
    grid,
    low.subarray(from, to).map((i) => i - first),
    high.subarray(from, to).map((i) => i - first),
    counter,
    perSecond,
    out.kinds.subarray(from, to),
    out.values.subarray(from, to),
  )
}

/** The share of its windows that a rate looks at: the resets inside. */
export function shareOfResets(window: Window): number {
  const { timestamps, values, count, startTimestamps } = window
  let resets = 0
  for (let i = 1; i < count; i++) {
    if (values[i]! < values[i - 1]! || (startTimestamps !== null && startsAnew(timestamps, startTimestamps, i))) resets++
  }
  return resets / count
}

/** The same for counters of which it is known when they started: from there on nothing is to be guessed. */
function extrapolateFromStarts(window: Window, out: StepSeries, perSecond: boolean): void {
  const { timestamps, values, low, high, from, to, endMs, stepMs, rangeMs } = window
  const resets = findResets(window, window.startTimestamps!)
  const count = resets.length
  const divisor = perSecond ? rangeMs / 1_000 : 1
  let nextReset = 0
  for (let k = from; k < to; k++) {
    const first = low[k]!
    const last = high[k]! - 1
    if (last < first) continue
    const end = endMs + k * stepMs
    const started = startInside(window, first, end - rangeMs)
    if (last === first && started <= 0) continue
    const firstMs = timestamps[first]!
    const lastMs = timestamps[last]!
    const firstValue = values[first]!
    let raw = values[last]! - firstValue
    while (nextReset < count && resets[nextReset]! <= first) nextReset++
    for (let r = nextReset; r < count && resets[r]! <= last; r++) raw += values[resets[r]! - 1]!
    let toStart = (firstMs - (end - rangeMs)) / 1_000
    let toEnd = (end - lastMs) / 1_000
    let sampled = (lastMs - firstMs) / 1_000
    const average = last === first ? 0 : sampled / (last - first)
    const threshold = average * REACH
    if (started !== 0) {
      // The counter is known to have begun inside the window, at zero: nothing is to be guessed on the left.
      if (started > 0) {
        raw += firstValue
        sampled = (lastMs - started) / 1_000
      }
      toStart = 0
    } else {
      if (toStart >= threshold) toStart = average / 2
      if (raw > 0 && firstValue >= 0) {
        const toZero = sampled * (firstValue / raw)
        if (toZero < toStart) toStart = toZero
      }
    }
    if (toEnd >= threshold) toEnd = average / 2
    out.kinds[k] = FLOAT
    out.values[k] = raw * ((sampled + toStart + toEnd) / sampled / divisor)
  }
}

const NO_RESETS = new Int32Array(0)
let scratch = new Int32Array(256)

/** The indexes of samples in the windows before which the counter was reset, in a buffer that the next call overwrites. */
function findResets(window: Window, starts: Float64Array): Int32Array {
  const { values, timestamps, low, high, from, to } = window
  let found = 0
  for (let i = low[from]! + 1; i < high[to - 1]!; i++) {
    if (values[i]! < values[i - 1]! || startsAnew(timestamps, starts, i)) found = keepReset(found, i)
  }
  warnOfOverlaps(window, starts)
  return found === 0 ? NO_RESETS : scratch.subarray(0, found)
}

function keepReset(found: number, i: number): number {
  if (found === scratch.length) {
    const larger = new Int32Array(found * 2)
    larger.set(scratch)
    scratch = larger
  }
  scratch[found] = i
  return found + 1
}

/** Whether the start timestamp of sample i says that its counter is not that of the sample before. */
export function startsAnew(timestamps: Float64Array, starts: Float64Array, i: number): boolean {
  const start = starts[i]!
  const previous = timestamps[i - 1]!
  if (start === 0 || start >= timestamps[i]! || start < previous) return false
  if (start > previous) return true
  // A start at the sample before: a delta if that one's own start is known and sound, else a counter whose start is not known.
  const previousStart = starts[i - 1]!
  return previousStart !== 0 && previousStart < previous
}

/** The start of the first sample's counter if it lies inside the window: > 0 a time, -1 at the sample itself, 0 not inside or unknown. */
export function startInside(window: Window, first: number, windowStart: number): number {
  const start = window.startTimestamps![first]!
  const time = window.timestamps[first]!
  if (start === 0 || start <= windowStart || start > time) return 0
  return start === time ? -1 : start
}

/** Warns when a sample inside any window says that its counter began before the sample before it, which has another start. */
export function warnOfOverlaps(window: Window, starts: Float64Array): void {
  const { timestamps, low, high, from, to } = window
  let seen = -1
  for (let k = from; k < to; k++) {
    for (let i = Math.max(low[k]! + 1, seen + 1); i < high[k]!; i++) {
      seen = i
      const start = starts[i]!
      if (start === 0 || start >= timestamps[i - 1]! || start === starts[i - 1]!) continue
      const message = `sample has start time that overlaps with previous sample timestamp for metric ${quote(window.metric)}`
      window.execution.annotations.warn(message, window.expr)
      return
    }
  }
}

/** irate and idelta: the difference of the last two samples. */
export function difference(window: Window, out: StepSeries, counter: boolean, perSecond: boolean): void {
  const { timestamps, values, low, high, steps, startTimestamps } = window
  for (let k = 0; k < steps; k++) {
    const last = high[k]! - 1
    if (last - 1 < low[k]!) continue
    const seconds = (timestamps[last]! - timestamps[last - 1]!) / 1_000
    if (seconds === 0) continue
    const value = values[last]!
    const previous = values[last - 1]!
    const reset = counter && (value < previous || (startTimestamps !== null && startsAnew(timestamps, startTimestamps, last)))
    const change = reset ? value : value - previous
    out.kinds[k] = FLOAT
    out.values[k] = perSecond ? change / seconds : change
  }
}
