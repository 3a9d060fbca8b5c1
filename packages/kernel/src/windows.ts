/**
 * Windows over a series, as PromQL's functions of a range see it: the bounds of every step, and functions over them.
 *
 * The samples lie in the kernel's memory. A reader that fills {@link windowColumns} has them there at once; other arrays are copied in by
 * `windowBounds`, and used by the functions that follow on the same arrays, which is how an evaluator calls them, series after series.
 */
import { sharedKernel, type Kernel } from './instance.ts'
import { fitWindowsPlain } from './plain/lines.ts'
import { sumWindowsPlain } from './plain/summation.ts'
import { extrapolateWindowsPlain, firstNaNPlain, newestInWindowsPlain, windowBoundsPlain } from './plain/windows.ts'

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

/** Columns for the samples of one series. */
export interface WindowColumns {
  readonly timestamps: Float64Array
  readonly values: Float64Array
}

interface Views {
  readonly kinds: Uint8Array
  readonly low: Int32Array
  readonly high: Int32Array
  readonly results: Float64Array
}

interface Areas {
  readonly kernel: Kernel
  readonly buffer: ArrayBufferLike
  readonly timesAddress: number
  readonly valuesAddress: number
  readonly times: Float64Array
  readonly values: Float64Array
  readonly low: Int32Array
  readonly high: Int32Array
  readonly kinds: Uint8Array
  readonly results: Float64Array
  readonly second: Float64Array
  /** Of as many steps as the series before had: to make a view costs as much as the copy. */
  ofSteps: Views
  /** What {@link windowColumns} gives, by size. */
  readonly columns: readonly WindowColumns[]
}

let areas: Areas | null | undefined
// Whose samples and bounds lie in the areas.
let loadedTimes: Float64Array | null = null
let loadedLow: Int32Array | null = null
let loadedCount = 0

// Sizes of columns: who makes further columns of the same size beside them should not make them for the longest series.
const SIZES = [2_048, 16_384, MAX_SAMPLES]

/**
 * Columns in the kernel's memory with room for `samples` samples, for which windows need no copies; null where there is no kernel, or for longer
 * series. All callers get the same memory, and functions over other arrays overwrite it: fill, lay windows, take the results, without an await.
 */
export function windowColumns(samples: number): WindowColumns | null {
  if (samples > MAX_SAMPLES) return null
  if (areas === undefined) areas = makeAreas()
  if (areas === null) return null
  loadedTimes = null
  return areas.columns[samples <= SIZES[0]! ? 0 : samples <= SIZES[1]! ? 1 : 2]!
}

/** The first place from `from` up to but not including `count` with a NaN, else `count`. */
export function firstNaN(values: Float64Array, from: number, count: number): number {
  if (areas === undefined || areas === null || !liesAt(values, areas, areas.valuesAddress)) return firstNaNPlain(values, from, count)
  return areas.kernel.exports.windowFirstNaN(from, count)
}

function liesAt(column: Float64Array, { buffer }: Areas, address: number): boolean {
  return column.buffer === buffer && column.byteOffset === address
}

/**
 * Finds for every step the samples that it sees: from `low[k]` up to but not including `high[k]`. `timestamps[0..count)` ascend; nobody writes to them
 * before the functions that follow.
 */
export function windowBounds(timestamps: Float64Array, count: number, grid: WindowGrid, low: Int32Array, high: Int32Array): void {
  loadedTimes = null
  const memory = areasFor(timestamps, count, grid.steps)
  if (memory === null) {
    loadedLow = null
    windowBoundsPlain(timestamps, count, grid, low, high)
    return
  }
  const { steps } = grid
  if (!liesAt(timestamps, memory, memory.timesAddress)) memory.times.set(timestamps.subarray(0, count))
  const isNew = memory.kernel.exports.windowBounds(count, steps, grid.endMs, grid.stepMs, grid.rangeMs)
  if (isNew || loadedLow !== low) {
    if (memory.ofSteps.low.length !== steps) memory.ofSteps = viewsOf(memory, steps)
    low.set(memory.ofSteps.low)
    high.set(memory.ofSteps.high)
  }
  loadedTimes = timestamps
  loadedLow = low
  loadedCount = count
}

function viewsOf({ kinds, low, high, results }: Areas, steps: number): Views {
  return {
    kinds: kinds.subarray(0, steps),
    low: low.subarray(0, steps),
    high: high.subarray(0, steps),
    results: results.subarray(0, steps),
  }
}

/** The areas when the bounds in them are those of these arrays, with the values beside them; else null. */
function loaded(timestamps: Float64Array, values: Float64Array, count: number, low: Int32Array): Areas | null {
  if (loadedTimes !== timestamps || loadedLow !== low || loadedCount !== count) return null
  const memory = areas!
  if (!liesAt(values, memory, memory.valuesAddress)) memory.values.set(values.subarray(0, count))
  return memory
}

/**
 * rate (`counter`, `perSecond`), increase (`counter`) or delta of every window with at least two samples, extrapolated towards its borders as
 * Prometheus does, to the last bit: sets `kinds[k]` to 1 and `results[k]`; both are 0 at the other steps. `low` and `high` come from `windowBounds`
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
  const memory = loaded(timestamps, values, count, low)
  if (memory === null) {
    extrapolateWindowsPlain(timestamps, values, count, grid, low, high, counter, perSecond, kinds, results)
    return
  }
  const { steps } = grid
  const found = memory.kernel.exports.windowExtrapolate(count, steps, grid.endMs, grid.stepMs, grid.rangeMs, counter, perSecond)
  if (found > 0) takeResults(memory, 0, steps, kinds, results)
}

/**
 * The value of the newest sample that each step sees, bit for bit, unless it is a stale marker: sets `kinds[k]` to 1 and `results[k]`. Answers how many there are.
 */
export function newestInWindows(
  timestamps: Float64Array,
  values: Float64Array,
  count: number,
  grid: WindowGrid,
  kinds: Uint8Array,
  results: Float64Array,
): number {
  loadedTimes = null
  const memory = areasFor(timestamps, count, grid.steps)
  if (memory === null) return newestInWindowsPlain(timestamps, values, count, grid, kinds, results)
  const { steps } = grid
  const { exports } = memory.kernel
  if (!liesAt(timestamps, memory, memory.timesAddress)) memory.times.set(timestamps.subarray(0, count))
  if (!liesAt(values, memory, memory.valuesAddress)) memory.values.set(values.subarray(0, count))
  loadedLow = null
  exports.windowBounds(count, steps, grid.endMs, grid.stepMs, grid.rangeMs)
  const found = exports.windowNewest(steps)
  if (found > 0) takeResults(memory, 0, steps, kinds, results)
  return found
}

/**
 * The compensated sum, or the mean, of every window of steps `from` to `to` that has a sample, as Prometheus adds: sets `kinds[k]` to 1 and
 * `results[k]`; both are 0 at the other steps.
 */
export function sumWindows(
  timestamps: Float64Array,
  values: Float64Array,
  count: number,
  low: Int32Array,
  high: Int32Array,
  from: number,
  to: number,
  mean: boolean,
  kinds: Uint8Array,
  results: Float64Array,
): void {
  const memory = loaded(timestamps, values, count, low)
  if (memory === null) {
    sumWindowsPlain(values, low, high, from, to, mean, kinds, results)
    return
  }
  memory.kernel.exports.windowSums(from, to, mean)
  takeResults(memory, from, to, kinds, results)
}

/**
 * The line of least squares through every window of steps `from` to `to` with at least two samples: sets `kinds[k]` to 1, `results[k]` to the slope a
 * second and `intercepts[k]` to its value at `originMs + k * originStepMs`; both are 0 at the other steps. Without `intercepts` the origin is each
 * window's first sample.
 */
export function fitWindows(
  timestamps: Float64Array,
  values: Float64Array,
  count: number,
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
  const memory = loaded(timestamps, values, count, low)
  if (memory === null) {
    fitWindowsPlain(timestamps, values, low, high, from, to, originMs, originStepMs, kinds, results, intercepts)
    return
  }
  memory.kernel.exports.windowLines(from, to, originMs, originStepMs, intercepts === null)
  takeResults(memory, from, to, kinds, results)
  if (intercepts !== null) for (let k = from; k < to; k++) if (memory.kinds[k] !== 0) intercepts[k] = memory.second[k]!
}

/** Copies kinds and results of steps out; where a kind is 0 the result is too. */
function takeResults(memory: Areas, from: number, to: number, kinds: Uint8Array, results: Float64Array): void {
  if (from === 0) {
    if (memory.ofSteps.kinds.length !== to) memory.ofSteps = viewsOf(memory, to)
    kinds.set(memory.ofSteps.kinds)
    results.set(memory.ofSteps.results)
    return
  }
  for (let k = from; k < to; k++) {
    kinds[k] = memory.kinds[k]!
    results[k] = memory.results[k]!
  }
}

function areasFor(timestamps: Float64Array, count: number, steps: number): Areas | null {
  if (count > MAX_SAMPLES || steps > MAX_STEPS) return null
  if (areas === undefined) areas = makeAreas()
  if (areas === null || (steps < MIN_STEPS && !liesAt(timestamps, areas, areas.timesAddress))) return null
  return areas
}

function makeAreas(): Areas | null {
  const kernel = sharedKernel()
  if (kernel === null) return null
  const { exports, bytes } = kernel
  const { buffer } = bytes
  const timesAddress = exports.windowTimesAddress()
  const valuesAddress = exports.windowValuesAddress()
  const columns = SIZES.map((size) => ({
    timestamps: new Float64Array(buffer, timesAddress, size),
    values: new Float64Array(buffer, valuesAddress, size),
  }))
  return {
    kernel,
    buffer,
    timesAddress,
    valuesAddress,
    times: new Float64Array(buffer, timesAddress, MAX_SAMPLES),
    values: new Float64Array(buffer, valuesAddress, MAX_SAMPLES),
    low: new Int32Array(buffer, exports.windowLowAddress(), MAX_STEPS),
    high: new Int32Array(buffer, exports.windowHighAddress(), MAX_STEPS),
    kinds: new Uint8Array(buffer, exports.windowKindsAddress(), MAX_STEPS),
    results: new Float64Array(buffer, exports.windowResultsAddress(), MAX_STEPS),
    ofSteps: { kinds: new Uint8Array(0), low: new Int32Array(0), high: new Int32Array(0), results: new Float64Array(0) },
    second: new Float64Array(buffer, exports.windowSecondAddress(), MAX_STEPS),
    columns,
  }
}
