/**
 * Steps: the shape of everything that the evaluator computes. A {@link Grid} is the evenly spaced moments of a range query (one moment for
 * an instant query); a {@link StepSeries} holds one series' values at all of them. Absence is its own column, since NaN is a value.
 */
import type { Histogram, Labels } from '@tsink/core'

/** Moments `startMs + k * stepMs` for k below `count`. */
export interface Grid {
  readonly startMs: number
  readonly stepMs: number
  readonly count: number
}

/** What a series has at one step. */
export const ABSENT = 0
export const FLOAT = 1
export const HISTOGRAM = 2

/**
 * One series over the steps of a grid. Every field is always set, in this order, so that hot loops see one shape.
 *
 * Whoever gets a series from an operator owns it and may write into it, unless it is `shared`: then it must be copied first.
 */
export class StepSeries {
  labels: Labels
  /** The metric name is to be removed when the query ends (delayed name removal). */
  dropName: boolean
  /** One of ABSENT, FLOAT, HISTOGRAM at each step. */
  readonly kinds: Uint8Array
  /** The value where the kind is FLOAT, undefined elsewhere. */
  readonly values: Float64Array
  /** The histograms by step; null as long as the series has none. */
  histograms: (Histogram | undefined)[] | null
  shared: boolean

  constructor(labels: Labels, dropName: boolean, steps: number) {
    this.labels = labels
    this.dropName = dropName
    this.kinds = new Uint8Array(steps)
    this.values = new Float64Array(steps)
    this.histograms = null
    this.shared = false
  }

  setHistogram(step: number, histogram: Histogram): void {
    if (this.histograms === null) this.histograms = Array.from<Histogram | undefined>({ length: this.kinds.length })
    this.histograms[step] = histogram
    this.kinds[step] = HISTOGRAM
  }
}

/** A series that the caller may write into: the same one, or a copy if it is shared. */
export function owned(series: StepSeries): StepSeries {
  if (!series.shared) return series
  const copy = new StepSeries(series.labels, series.dropName, series.kinds.length)
  copy.kinds.set(series.kinds)
  copy.values.set(series.values)
  copy.histograms = series.histograms === null ? null : [...series.histograms]
  return copy
}

/** How many bytes a series' columns take; an estimate for histograms. */
export function bytesOf(series: StepSeries): number {
  let bytes = series.kinds.length * 9 + 160
  if (series.histograms !== null) {
    for (const histogram of series.histograms) {
      if (histogram === undefined) bytes += 8
      else bytes += 200 + 8 * (histogram.positiveBuckets.length + histogram.negativeBuckets.length)
    }
  }
  return bytes
}

/** How many samples a series has. */
export function samplesOf(series: StepSeries): number {
  let samples = 0
  const kinds = series.kinds
  for (let k = 0; k < kinds.length; k++) if (kinds[k] !== ABSENT) samples++
  return samples
}

export function isEmpty(series: StepSeries): boolean {
  const kinds = series.kinds
  for (let k = 0; k < kinds.length; k++) if (kinds[k] !== ABSENT) return false
  return true
}
