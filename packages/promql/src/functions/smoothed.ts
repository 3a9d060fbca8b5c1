/**
 * Smoothed instant selectors: the value at a moment on the straight line between the samples around it, at most the lookback away. Without a
 * later sample the last one stays; without an earlier one there is nothing.
 */
import type { Histogram, SampleBuffer } from '@tsink/core'
import type { Expr } from '../ast.ts'
import type { Execution } from '../evaluate/execution.ts'
import { FLOAT, type StepSeries } from '../evaluate/steps.ts'
import { addHistograms, scaleHistogram, subtractHistograms, wasReset } from '../histogram/arithmetic.ts'
import { quote } from '../strings.ts'

/** Fills the steps of `out`; false when no step has a value. */
export function interpolateSteps(
  buffer: SampleBuffer,
  out: StepSeries,
  firstMs: number,
  stepMs: number,
  lookbackMs: number,
  execution: Execution,
  expr: Expr,
): boolean {
  const { timestamps, values, histograms, count } = buffer
  const metric = out.labels.metric
  let found = false
  let low = 0
  let next = 0
  for (let k = 0; k < out.kinds.length; k++) {
    const ref = firstMs + k * stepMs
    while (low < count && timestamps[low]! <= ref - lookbackMs) low++
    while (next < count && timestamps[next]! <= ref) next++
    const before = next - 1
    if (before < low) continue
    const after = next < count && timestamps[next]! <= ref + lookbackMs ? next : -1
    if (histograms !== null && holdsBoth(buffer, low, ref + lookbackMs)) {
      execution.annotations.warn(`encountered a mix of histograms and floats for metric name ${quote(metric)}`, expr)
      continue
    }
    const histogram = histograms?.[before]
    if (histogram === undefined) {
      found = true
      out.kinds[k] = FLOAT
      out.values[k] =
        after < 0 || timestamps[before] === ref
          ? values[before]!
          : interpolate(values[before]!, values[after]!, (ref - timestamps[before]!) / (timestamps[after]! - timestamps[before]!))
      continue
    }
    if (after < 0 || timestamps[before] === ref) {
      found = true
      out.setHistogram(k, histogram)
      continue
    }
    const fraction = (ref - timestamps[before]!) / (timestamps[after]! - timestamps[before]!)
    const between = interpolateHistograms(histogram, histograms![after]!, fraction, histogram.hint !== 'gauge')
    if (between === null) {
      const message = `vector contains a mix of histograms with exponential and custom buckets schemas for metric name ${quote(metric)}`
      execution.annotations.warn(message, expr)
      continue
    }
    found = true
    out.setHistogram(k, between)
  }
  return found
}

/** Whether the samples from `low` on up to a time are of both kinds. */
function holdsBoth(buffer: SampleBuffer, low: number, untilMs: number): boolean {
  let floats = false
  let histograms = false
  for (let i = low; i < buffer.count && buffer.timestamps[i]! <= untilMs; i++) {
    if (buffer.histograms![i] === undefined) floats = true
    else histograms = true
  }
  return floats && histograms
}

export function interpolate(before: number, after: number, fraction: number): number {
  return before + (after - before) * fraction
}

/** A counter that was reset between the two starts anew from nothing. Null when one has exponential and the other custom buckets. */
export function interpolateHistograms(before: Histogram, after: Histogram, fraction: number, counter: boolean): Histogram | null {
  const difference = subtractHistograms(after, before)
  if (difference === null) return null
  if (counter && wasReset(before, after)) return scaleHistogram(after, fraction)
  const sum = addHistograms(before, scaleHistogram(difference.histogram, fraction))
  return sum === null ? null : { ...sum.histogram, hint: before.hint }
}
