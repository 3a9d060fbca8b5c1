/**
 * deriv, predict_linear and double_exponential_smoothing: lines and trends through the floats of a window.
 */
import { TsinkError } from '@tsink/core'
import { FLOAT, type StepSeries } from '../evaluate/steps.ts'
import { add, lost } from './summation.ts'
import type { Window } from './window.ts'

/** The slope, per second, and the intercept of the last {@link fitLine}. */
const line = new Float64Array(2)
const SLOPE = 0
const INTERCEPT = 1

/** Least squares over `values[from..to)`, with the intercept at `originMs`; leaves the result in `line`. */
function fitLine(timestamps: Float64Array, values: Float64Array, from: number, to: number, originMs: number): void {
  let sumX = 0
  let sumY = 0
  let sumXY = 0
  let sumXX = 0
  let lostX = 0
  let lostY = 0
  let lostXY = 0
  let lostXX = 0
  const firstY = values[from]!
  let constant = true
  for (let i = from; i < to; i++) {
    const x = (timestamps[i]! - originMs) / 1_000
    const y = values[i]!
    if (i > from && y !== firstY) constant = false
    sumX = add(x, sumX, lostX)
    lostX = lost[0]!
    sumY = add(y, sumY, lostY)
    lostY = lost[0]!
    sumXY = add(x * y, sumXY, lostXY)
    lostXY = lost[0]!
    sumXX = add(x * x, sumXX, lostXX)
    lostXX = lost[0]!
  }
  if (constant) {
    const infinite = firstY === Infinity || firstY === -Infinity
    line[SLOPE] = infinite ? NaN : 0
    line[INTERCEPT] = infinite ? NaN : firstY
    return
  }
  sumX += lostX
  sumY += lostY
  sumXY += lostXY
  sumXX += lostXX
  const count = to - from
  const covariance = sumXY - (sumX * sumY) / count
  const variance = sumXX - (sumX * sumX) / count
  const slope = covariance / variance
  line[SLOPE] = slope
  line[INTERCEPT] = sumY / count - (slope * sumX) / count
}

export function derivative(window: Window, out: StepSeries): void {
  const { timestamps, values, low, high, from, to } = window
  for (let k = from; k < to; k++) {
    if (high[k]! - low[k]! < 2) continue
    fitLine(timestamps, values, low[k]!, high[k]!, timestamps[low[k]!]!)
    out.kinds[k] = FLOAT
    out.values[k] = line[SLOPE]!
  }
}

export function predictLinear(window: Window, out: StepSeries): void {
  const { timestamps, values, low, high, from, to, evaluationMs, evaluationStepMs, params } = window
  const seconds = params[0]!
  for (let k = from; k < to; k++) {
    if (high[k]! - low[k]! < 2) continue
    fitLine(timestamps, values, low[k]!, high[k]!, evaluationMs + k * evaluationStepMs)
    out.kinds[k] = FLOAT
    out.values[k] = line[SLOPE]! * seconds[k]! + line[INTERCEPT]!
  }
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
