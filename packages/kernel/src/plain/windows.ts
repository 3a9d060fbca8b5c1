/**
 * Windows over a series in plain TypeScript: the twin of assembly/windows.ts.
 *
 * Step k looks at the samples with `end - rangeMs < time <= end` where `end = endMs + k * stepMs`. Both bounds only move forward, so all steps are
 * found in one walk; since steps and samples are mostly even, both mostly move by as much as the step before, which takes two comparisons to
 * check.
 */
import { isStale } from '@tsink/core'
import type { WindowGrid } from '../windows.ts'

/** See `windowBounds`. */
export function windowBoundsPlain(timestamps: Float64Array, count: number, grid: WindowGrid, low: Int32Array, high: Int32Array): void {
  const { steps, endMs, stepMs, rangeMs } = grid
  // A few steps over many samples are looked for, not walked to.
  if (steps * 32 < count) {
    for (let k = 0; k < steps; k++) {
      const end = endMs + k * stepMs
      high[k] = firstAfter(timestamps, count, end)
      low[k] = firstAfter(timestamps, high[k]!, end - rangeMs)
    }
    return
  }
  let a = 0
  let b = 0
  let strideA = 0
  let strideB = 0
  for (let k = 0; k < steps; k++) {
    const end = endMs + k * stepMs
    const start = end - rangeMs
    let guess = b + strideB
    if (guess > 0 && guess < count && timestamps[guess - 1]! <= end && timestamps[guess]! > end) b = guess
    else {
      const before = b
      while (b < count && timestamps[b]! <= end) b++
      strideB = b - before
    }
    guess = a + strideA
    if (guess > 0 && guess < count && timestamps[guess - 1]! <= start && timestamps[guess]! > start) a = guess
    else {
      const before = a
      while (a < b && timestamps[a]! <= start) a++
      strideA = a - before
    }
    low[k] = a
    high[k] = b
  }
}

/** The first place below `count` with a later time, else `count`. */
function firstAfter(timestamps: Float64Array, count: number, time: number): number {
  let low = 0
  let high = count
  while (low < high) {
    const middle = (low + high) >>> 1
    if (timestamps[middle]! <= time) low = middle + 1
    else high = middle
  }
  return low
}

/** See `newestInWindows`. */
export function newestInWindowsPlain(
  timestamps: Float64Array,
  values: Float64Array,
  count: number,
  grid: WindowGrid,
  kinds: Uint8Array,
  results: Float64Array,
): number {
  const { steps, endMs, stepMs, rangeMs } = grid
  let found = 0
  let next = 0
  for (let k = 0; k < steps; k++) {
    const end = endMs + k * stepMs
    while (next < count && timestamps[next]! <= end) next++
    const at = next - 1
    if (at < 0 || timestamps[at]! <= end - rangeMs || isStale(values, at)) continue
    kinds[k] = 1
    results[k] = values[at]!
    found++
  }
  return found
}

/** See `firstNaN`. */
export function firstNaNPlain(values: Float64Array, from: number, count: number): number {
  for (let i = from; i < count; i++) if (values[i]! !== values[i]!) return i
  return count
}

/**
 * See `extrapolateWindows`. The arithmetic is the reference's, in seconds and in its order, so that results agree to the last bit. Divisions are
 * most of the cost, and evenly spaced samples ask for the same ones at every step: the factor is kept and computed anew where an input changed.
 */
export function extrapolateWindowsPlain(
  timestamps: Float64Array,
  values: Float64Array,
  count: number,
  grid: WindowGrid,
  low: Int32Array,
  high: Int32Array,
  counter: boolean,
  perSecond: boolean,
  kinds: Uint8Array,
  results: Float64Array,
): void {
  const { steps, endMs, stepMs, rangeMs } = grid
  const resets = counter ? findResets(values, count) : 0
  const divisor = perSecond ? rangeMs / 1_000 : 1
  let nextReset = 0
  let nextResetAt = resets === 0 ? Infinity : resetAt[0]!
  // The inputs and results of the divisions at the last step.
  let sampledMs = -1
  let startMs = -1
  let restMs = -1
  let between = -1
  let sampled = 0
  let toStart = 0
  let toEnd = 0
  let factor = 0
  for (let k = 0; k < steps; k++) {
    const first = low[k]!
    const last = high[k]! - 1
    if (last <= first) continue
    const end = endMs + k * stepMs
    const firstMs = timestamps[first]!
    const lastMs = timestamps[last]!
    const firstValue = values[first]!
    let raw = values[last]! - firstValue
    if (nextResetAt <= last) {
      while (nextReset < resets && resetAt[nextReset]! <= first) nextReset++
      nextResetAt = nextReset === resets ? Infinity : resetAt[nextReset]!
      for (let r = nextReset; r < resets && resetAt[r]! <= last; r++) raw += values[resetAt[r]! - 1]!
    }
    if (lastMs - firstMs !== sampledMs || firstMs - end !== startMs || end - lastMs !== restMs || last - first !== between) {
      sampledMs = lastMs - firstMs
      startMs = firstMs - end
      restMs = end - lastMs
      between = last - first
      sampled = sampledMs / 1_000
      toStart = (startMs + rangeMs) / 1_000
      toEnd = restMs / 1_000
      const average = sampled / between
      const threshold = average * REACH
      if (toStart >= threshold) toStart = average / 2
      if (toEnd >= threshold) toEnd = average / 2
      factor = (sampled + toStart + toEnd) / sampled / divisor
    }
    kinds[k] = 1
    // Where the line through the counter would reach zero before that, it began there. Multiplying tells most steps without dividing.
    if (counter && raw > 0 && firstValue >= 0 && sampled * firstValue <= toStart * raw * 1.000_000_1) {
      const toZero = sampled * (firstValue / raw)
      if (toZero < toStart) {
        results[k] = raw * ((sampled + toZero + toEnd) / sampled / divisor)
        continue
      }
    }
    results[k] = raw * factor
  }
}

// Extrapolation reaches a border that is closer than so many average distances between samples.
const REACH = 1.1
let resetAt = new Int32Array(256)

// Notes the indexes of the samples that are less than the one before; answers their number.
function findResets(values: Float64Array, count: number): number {
  let found = 0
  for (let i = 1; i < count; i++) {
    if (!(values[i]! < values[i - 1]!)) continue
    if (found === resetAt.length) {
      const larger = new Int32Array(found * 2)
      larger.set(resetAt)
      resetAt = larger
    }
    resetAt[found++] = i
  }
  return found
}
