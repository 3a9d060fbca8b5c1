/**
 * Reading: from the store's series to sample columns in milliseconds. The matchers and the exact time bounds go down to the store; units are
 * converted here, once, and nowhere else.
 */
import {
  isStale,
  isStaleHistogram,
  SampleBuffer,
  UNITS_PER_SECOND,
  type Histogram,
  type Matcher,
  type SelectedSeries,
  type SelectionHints,
  type Timestamp,
  type TimeUnit,
} from '@tsink/core'
import { firstNaN, windowColumns, type WindowColumns } from '@tsink/kernel'
import type { Execution, Measure } from '../evaluate/execution.ts'
import { wasReset } from '../histogram/arithmetic.ts'

/** What to select; times are inclusive Unix milliseconds. */
export interface ReadRequest {
  readonly matchers: readonly Matcher[]
  readonly fromMs: number
  readonly toMs: number
  readonly hints: SelectionHints
  /** Of the plan that reads. */
  readonly measure: Measure
}

/** Pages of series that hold numbers or histograms. */
export async function* selectSeries(request: ReadRequest, execution: Execution): AsyncGenerator<SelectedSeries[]> {
  const { store, signal, analyze } = execution.settings
  const selection = {
    matchers: request.matchers,
    minTime: toUnit(request.fromMs, store.unit, Math.ceil),
    maxTime: toUnit(request.toMs, store.unit, Math.floor),
    hints: analyze ? { ...request.hints, tally: request.measure.tally } : request.hints,
    ...(signal === null ? {} : { signal }),
  }
  for await (const page of store.select(selection)) {
    const numeric = page.filter((series) => series.kind !== 'bytes' && series.kind !== 'string')
    if (numeric.length > 0) yield numeric
    if (execution.due) await execution.pause()
  }
}

function toUnit(ms: number, unit: TimeUnit, round: (value: number) => number): Timestamp {
  if (unit === 'ms') return round(ms)
  // Times beyond what the store can hold select nothing more than its ends.
  if (unit === 'ns') return BigInt(Math.max(-9_223_372_036_854, Math.min(9_223_372_036_854, round(ms)))) * 1_000_000n
  return round((ms * UNITS_PER_SECOND[unit]) / 1_000)
}

/**
 * Reads one series after the other into the same columns. `timestamps` are milliseconds afterwards. With `inKernel` the columns of floats lie in the
 * kernel's memory, where windows over them need no copies: then what was read is good until anything else is read, at the next await at the latest.
 */
export class Reader {
  readonly buffer: SampleBuffer = new SampleBuffer()
  /** The buffer's own columns while others are in their place. */
  #own: WindowColumns | null = null
  readonly #scratch: SampleBuffer = new SampleBuffer()
  readonly #execution: Execution
  readonly #unit: TimeUnit
  readonly #inKernel: boolean

  constructor(execution: Execution, inKernel = false) {
    this.#execution = execution
    this.#unit = execution.settings.store.unit
    this.#inKernel = inKernel
  }

  /** All samples of the series in the selection's range; `withStale` keeps the stale markers. */
  read(series: SelectedSeries, withStale: boolean): SampleBuffer {
    const { buffer } = this
    this.#execution.countSeries()
    if (this.#inKernel) this.#place(series.kind === 'f64' ? windowColumns(series.maxSamples) : null)
    // Only nanoseconds come in windows.
    if (this.#unit !== 'ns' || series.nextWindow === undefined) series.read(buffer)
    else this.#readWindows(series)
    // What is taken apart by kind goes through the kernel's memory itself.
    if (this.#own !== null && buffer.histograms !== null) detach(buffer)
    if (this.#unit !== 'ms') toMilliseconds(buffer, this.#unit)
    if (!withStale) removeStale(buffer)
    this.#execution.read(buffer.count)
    return buffer
  }

  /** Puts the buffer's columns into the kernel's memory, or, for null, back into its own. */
  #place(columns: WindowColumns | null): void {
    const { buffer } = this
    buffer.clear()
    if (columns === null && this.#own === null) return
    // Its own may have grown since.
    this.#own ??= { timestamps: buffer.timestamps, values: buffer.values }
    const { timestamps, values } = columns ?? this.#own
    if (columns === null) this.#own = null
    buffer.timestamps = timestamps
    buffer.values = values
  }

  #readWindows(series: SelectedSeries): void {
    const { buffer } = this
    buffer.clear()
    do {
      const window = this.#scratch
      series.read(window)
      const at = buffer.count
      buffer.kind = window.kind
      if (window.histograms !== null && buffer.histograms === null) buffer.histograms = []
      buffer.reserve(window.count)
      copyTimes(window, buffer.timestamps, at)
      const { histograms } = window
      if (histograms !== null) for (let i = 0; i < window.count; i++) buffer.histograms![at + i] = histograms[i]
      buffer.values.set(window.values.subarray(0, window.count), at)
      if (window.startTimestamps !== null) {
        buffer.startTimestamps ??= new Float64Array(buffer.capacity)
        for (let i = 0; i < window.count; i++) {
          const start = window.startTimestamps[i]!
          buffer.startTimestamps[at + i] = start === 0 ? 0 : start + window.base
        }
      }
      buffer.count = at + window.count
    } while (series.nextWindow!())
  }
}

/** Gives samples columns of their own. */
export function detach(samples: { timestamps: Float64Array; values: Float64Array; readonly count: number }): void {
  samples.timestamps = samples.timestamps.slice(0, samples.count)
  samples.values = samples.values.slice(0, samples.count)
}

function copyTimes(window: SampleBuffer, into: Float64Array, at: number): void {
  const { timestamps, base, count } = window
  if (base === 0) into.set(timestamps.subarray(0, count), at)
  else for (let i = 0; i < count; i++) into[at + i] = timestamps[i]! + base
}

function toMilliseconds(buffer: SampleBuffer, unit: TimeUnit): void {
  const scale = 1_000 / UNITS_PER_SECOND[unit]
  const { timestamps, startTimestamps, base, count } = buffer
  for (let i = 0; i < count; i++) timestamps[i] = (timestamps[i]! + base) * scale
  if (startTimestamps !== null) {
    for (let i = 0; i < count; i++) if (startTimestamps[i] !== 0) startTimestamps[i] = (startTimestamps[i]! + base) * scale
  }
  buffer.base = 0
}

/** Removes the stale markers from the columns, in place. What lies between two of them is moved as a whole. */
export function removeStale(buffer: SampleBuffer): void {
  const { timestamps, values, histograms, startTimestamps, count } = buffer
  let kept = nextStale(buffer, 0)
  if (kept === count) return
  for (let stale = kept; stale < count;) {
    const from = stale + 1
    stale = nextStale(buffer, from)
    timestamps.copyWithin(kept, from, stale)
    values.copyWithin(kept, from, stale)
    startTimestamps?.copyWithin(kept, from, stale)
    histograms?.copyWithin(kept, from, stale)
    kept += stale - from
  }
  buffer.count = kept
  if (histograms !== null) histograms.length = kept
}

/** The first stale marker from a place on, or the count of samples. */
function nextStale(buffer: SampleBuffer, from: number): number {
  const { values, count } = buffer
  let at = firstNaN(values, from, count)
  while (at < count && !isStaleAt(buffer, at)) at = firstNaN(values, at + 1, count)
  return at
}

/** Whether sample `at` is a stale marker, float or histogram. */
export function isStaleAt(buffer: SampleBuffer, at: number): boolean {
  const histogram = buffer.histograms?.[at]
  return histogram === undefined ? isStale(buffer.values, at) : isStaleHistogram(histogram)
}

/**
 * Replaces the hint `unknown` of histograms by what comparing with the histogram before shows. For selectors of which only count and sum
 * are wanted; elsewhere the hints of the store stay as they are.
 */
export function detectResets(buffer: SampleBuffer): void {
  const { histograms, count } = buffer
  if (histograms === null) return
  let previous: Histogram | undefined
  for (let i = 0; i < count; i++) {
    const histogram = histograms[i]
    if (histogram === undefined) continue
    if (isStaleHistogram(histogram)) {
      previous = undefined
      continue
    }
    if (histogram.hint === 'unknown' && previous !== undefined) {
      histograms[i] = { ...histogram, hint: wasReset(previous, histogram) ? 'reset' : 'not_reset' }
    }
    previous = histogram
  }
}
