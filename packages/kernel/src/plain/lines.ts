/** Lines through the samples of windows, in plain TypeScript: the twin of a part of assembly/windows.ts. */
import { add, lost } from './summation.ts'

/** The slope, per second, and the intercept of the last {@link fitLine}. */
const line = new Float64Array(2)
const SLOPE = 0
const INTERCEPT = 1

/** See `fitWindows`. */
export function fitWindowsPlain(
  timestamps: Float64Array,
  values: Float64Array,
  low: Int32Array,
  high: Int32Array,
  from: number,
  to: number,
  originMs: number,
  originStepMs: number,
  kinds: Uint8Array,
  results: Float64Array,
  intercepts: Float64Array | null,
): void {
  for (let k = from; k < to; k++) {
    const first = low[k]!
    const end = high[k]!
    if (end - first < 2) continue
    fitLine(timestamps, values, first, end, intercepts === null ? timestamps[first]! : originMs + k * originStepMs)
    kinds[k] = 1
    results[k] = line[SLOPE]!
    if (intercepts !== null) intercepts[k] = line[INTERCEPT]!
  }
}

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
