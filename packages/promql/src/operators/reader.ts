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
import type { Execution } from '../evaluate/execution.ts'
import { wasReset } from '../histogram/arithmetic.ts'

/** What to select; times are inclusive Unix milliseconds. */
export interface ReadRequest {
  readonly matchers: readonly Matcher[]
  readonly fromMs: number
  readonly toMs: number
  readonly hints: SelectionHints
}

/** Pages of series that hold numbers or histograms. */
export async function* selectSeries(request: ReadRequest, execution: Execution): AsyncGenerator<SelectedSeries[]> {
  const { store, signal } = execution.settings
  const selection = {
    matchers: request.matchers,
    minTime: toUnit(request.fromMs, store.unit, Math.ceil),
    maxTime: toUnit(request.toMs, store.unit, Math.floor),
    hints: request.hints,
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

/** Reads one series after the other into the same columns. `timestamps` are milliseconds afterwards. */
export class Reader {
  readonly buffer: SampleBuffer = new SampleBuffer()
  readonly #scratch: SampleBuffer = new SampleBuffer()
  readonly #execution: Execution
  readonly #unit: TimeUnit

  constructor(execution: Execution) {
    this.#execution = execution
    this.#unit = execution.settings.store.unit
  }

  /** All samples of the series in the selection's range; `withStale` keeps the stale markers. */
  read(series: SelectedSeries, withStale: boolean): SampleBuffer {
    const { buffer } = this
    this.#execution.countSeries()
    if (series.nextWindow === undefined) series.read(buffer)
    else this.#readWindows(series)
    if (this.#unit !== 'ms') toMilliseconds(buffer, this.#unit)
    if (!withStale) removeStale(buffer)
    this.#execution.read(buffer.count)
    return buffer
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

/** Removes the stale markers from the columns, in place. */
export function removeStale(buffer: SampleBuffer): void {
  const { values, count } = buffer
  let at = 0
  // Most series have no marker: find the first one before anything is moved.
  for (; at < count; at++) if (values[at]! !== values[at]! && isStaleAt(buffer, at)) break
  if (at === count) return
  const { timestamps, histograms, startTimestamps } = buffer
  let kept = at
  for (; at < count; at++) {
    if (values[at]! !== values[at]! && isStaleAt(buffer, at)) continue
    timestamps[kept] = timestamps[at]!
    // Through a typed array, so that a NaN keeps its bits.
    values.copyWithin(kept, at, at + 1)
    if (histograms !== null) histograms[kept] = histograms[at]
    if (startTimestamps !== null) startTimestamps[kept] = startTimestamps[at]!
    kept++
  }
  buffer.count = kept
  if (histograms !== null) histograms.length = kept
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
