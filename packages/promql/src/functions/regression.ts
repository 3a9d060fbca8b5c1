/**
 * deriv, predict_linear and double_exponential_smoothing: lines and trends through the floats of a window.
 */
import { TsinkError } from '@tsink/core'
import { fitWindows } from '@tsink/kernel'
import { FLOAT, type StepSeries } from '../evaluate/steps.ts'
import type { Window } from './window.ts'

export function derivative(window: Window, out: StepSeries): void {
  const { timestamps, values, count, low, high, from, to } = window
  fitWindows(timestamps, values, count, low, high, from, to, 0, 0, out.kinds, out.values, null)
}

let intercepts = new Float64Array(64)

export function predictLinear(window: Window, out: StepSeries): void {
  const { timestamps, values, count, low, high, from, to, steps, evaluationMs, evaluationStepMs, params } = window
  const seconds = params[0]!
  if (intercepts.length < steps) intercepts = new Float64Array(steps)
  fitWindows(timestamps, values, count, low, high, from, to, evaluationMs, evaluationStepMs, out.kinds, out.values, intercepts)
  for (let k = from; k < to; k++) if (out.kinds[k] === FLOAT) out.values[k] = out.values[k]! * seconds[k]! + intercepts[k]!
}

/** Holt's linear smoothing: a level and a trend, each an exponential average. */
export function smoothExponentially(window: Window, out: StepSeries): void {
  const { values, low, high, from, to, params } = window
  for (let k = from; k < to; k++) {
    const first = low[k]!
    const end = high[k]!
    if (end === first) continue
    const levelFactor = factor('smoothing', 'sf', params[0]![k]!)
    const trendFactor = factor('trend', 'tf', params[1]![k]!)
    if (end - first < 2) continue
    let before = 0
    let level = values[first]!
    let trend = values[first + 1]! - level
    for (let i = first + 1; i < end; i++) {
      if (i > first + 1) trend = trendFactor * (level - before) + (1 - trendFactor) * trend
      const next = levelFactor * values[i]! + (1 - levelFactor) * (level + trend)
      before = level
      level = next
    }
    out.kinds[k] = FLOAT
    out.values[k] = level
  }
}

function factor(what: string, name: string, value: number): number {
  if (value > 0 && value < 1) return value
  throw new TsinkError('EXECUTION', `invalid ${what} factor. Expected: 0 < ${name} < 1, got: ${value.toFixed(6)}`)
}
