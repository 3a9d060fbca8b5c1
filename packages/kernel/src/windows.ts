/**
 * Windows over a series, as PromQL's functions of a range see it: the bounds of every step, and rate, increase and delta over them.
 *
 * The samples lie in the kernel's memory between the two calls: what `windowBounds` copied in is used by the `extrapolateWindows` that follows on
 * the same arrays, which is how an evaluator calls them, series after series.
 */
import { sharedKernel, type Kernel } from './instance.ts'
import { extrapolateWindowsPlain, windowBoundsPlain } from './plain/windows.ts'

/** The steps of a query and how far each looks back: step k sees (end - rangeMs, end] with end = endMs + k * stepMs. */
export interface WindowGrid {
  readonly steps: number
  readonly endMs: number
  readonly stepMs: number
  readonly rangeMs: number
}

// What the areas hold; longer series and longer grids go to the twin.
const MAX_SAMPLES = 131_072
const MAX_STEPS = 16_384
// Fewer steps are not worth the copies.
const MIN_STEPS = 16

interface Areas {
  readonly kernel: Kernel
  readonly times: Float64Array
  readonly values: Float64Array
  readonly low: Int32Array
  readonly high: Int32Array
  readonly kinds: Uint8Array
  readonly results: Float64Array
}

let areas: Areas | null | undefined
// Whose samples and bounds lie in the areas.
let loadedTimes: Float64Array | null = null
let loadedLow: Int32Array | null = null
let loadedCount = 0

/**
 * Finds for every step the samples that it sees: from `low[k]` up to but not including `high[k]`. `timestamps[0..count)` ascend; nobody writes to them
 * before the `extrapolateWindows` that follows.
 */
export function windowBounds(timestamps: Float64Array, count: number, grid: WindowGrid, low: Int32Array, high: Int32Array): void {
  const memory = areasFor(count, grid.steps)
  if (memory === null) {
    windowBoundsPlain(timestamps, count, grid, low, high)
    return
  }
  const { steps } = grid
  memory.times.set(timestamps.subarray(0, count))
  memory.kernel.exports.windowBounds(count, steps, grid.endMs, grid.stepMs, grid.rangeMs)
  low.set(memory.low.subarray(0, steps))
  high.set(memory.high.subarray(0, steps))
  loadedTimes = timestamps
  loadedLow = low
  loadedCount = count
}

/**
 * rate (`counter`, `perSecond`), increase (`counter`) or delta of every window with at least two samples, extrapolated towards its borders as
 * Prometheus does, to the last bit: sets `kinds[k]` to 1 and `results[k]`; the other steps are left alone. `low` and `high` come from `windowBounds`
 * with the same grid.
 */
export function extrapolateWindows(
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
  const loaded = loadedTimes === timestamps && loadedLow === low && loadedCount === count
  const memory = loaded ? areasFor(count, grid.steps) : null
  if (memory === null) {
    extrapolateWindowsPlain(timestamps, values, count, grid, low, high, counter, perSecond, kinds, results)
    return
  }
  const { steps } = grid
  memory.values.set(values.subarray(0, count))
  const found = memory.kernel.exports.windowExtrapolate(count, steps, grid.endMs, grid.stepMs, grid.rangeMs, counter, perSecond)
  if (found === steps) {
    kinds.fill(1, 0, steps)
    results.set(memory.results.subarray(0, steps))
  } else if (found > 0) {
    for (let k = 0; k < steps; k++) {
      if (memory.kinds[k] === 0) continue
      kinds[k] = 1
      results[k] = memory.results[k]!
    }
  }
}

function areasFor(count: number, steps: number): Areas | null {
  if (count > MAX_SAMPLES || steps > MAX_STEPS || steps < MIN_STEPS) return null
  if (areas === undefined) areas = makeAreas()
  return areas
}

function makeAreas(): Areas | null {
  const kernel = sharedKernel()
  if (kernel === null) return null
  const { exports, bytes } = kernel
  const { buffer } = bytes
  return {
    kernel,
    times: new Float64Array(buffer, exports.windowTimesAddress(), MAX_SAMPLES),
    values: new Float64Array(buffer, exports.windowValuesAddress(), MAX_SAMPLES),
    low: new Int32Array(buffer, exports.windowLowAddress(), MAX_STEPS),
    high: new Int32Array(buffer, exports.windowHighAddress(), MAX_STEPS),
    kinds: new Uint8Array(buffer, exports.windowKindsAddress(), MAX_STEPS),
    results: new Float64Array(buffer, exports.windowResultsAddress(), MAX_STEPS),
  }
}
