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
  /** The steps are those of a subquery, not of the query itself. */
  readonly inner: boolean
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

  /** All steps absent. `columns` gives the columns, all zero, for a series that is not to have memory of its own. */
  constructor(labels: Labels, dropName: boolean, steps: number, columns: Columns | null = null) {
    this.labels = labels
    this.dropName = dropName
    this.kinds = columns === null ? new Uint8Array(steps) : columns.kinds
    this.values = columns === null ? new Float64Array(steps) : columns.values
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

/** A page of results is passed on when it has about so many bytes: what an operator is still making is not counted by anyone. */
const MAX_PAGE_BYTES = 4 << 20

/** How many series a page of results may have. */
export function pageSize(grid: Grid): number {
  return Math.max(1, Math.floor(MAX_PAGE_BYTES / 9 / grid.count))
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
  const run = runOf(series)
  if (run !== null) return run.to - run.from
  let samples = 0
  const kinds = series.kinds
  for (let k = 0; k < kinds.length; k++) if (kinds[k] !== ABSENT) samples++
  return samples
}

/** The steps from and up to which a series of floats alone has samples without a gap, or null when it has not. */
export function runOf({ kinds, histograms }: StepSeries): { from: number; to: number } | null {
  // Searching a byte array is native code: a whole series takes as long as a few dozen steps of a loop.
  if (histograms !== null) return null
  const from = kinds.indexOf(FLOAT)
  if (from < 0) return { from: 0, to: 0 }
  const gap = kinds.indexOf(ABSENT, from)
  if (gap < 0) return { from, to: kinds.length }
  return kinds.indexOf(FLOAT, gap) < 0 ? { from, to: gap } : null
}

export function isEmpty({ kinds, histograms }: StepSeries): boolean {
  return kinds.indexOf(FLOAT) < 0 && (histograms === null || kinds.indexOf(HISTOGRAM) < 0)
}

interface Columns {
  readonly kinds: Uint8Array
  readonly values: Float64Array
}

/** About so many bytes of columns are taken from the system at once. */
const MAX_SLAB_BYTES = 1 << 20

/**
 * Makes series of one grid. Values of many series share one large array, and series that are given back are used again, because an array of
 * its own for each of a million series costs more than what is computed in it.
 */
export class SeriesPool {
  readonly #steps: number
  /** For how many series the next slab will be: few at first, for queries that have few. */
  #slabSeries: number
  readonly #free: StepSeries[] = []
  #kinds = new Uint8Array(0)
  #values = new Float64Array(0)
  /** How many more series the slab has room for. */
  #left = 0

  constructor(steps: number) {
    this.#steps = steps
    this.#slabSeries = Math.max(1, Math.min(8, Math.floor(MAX_SLAB_BYTES / 9 / steps)))
  }

  take(labels: Labels, dropName: boolean): StepSeries {
    const known = this.#free.pop()
    if (known !== undefined) {
      known.labels = labels
      known.dropName = dropName
      return known
    }
    const steps = this.#steps
    if (this.#left === 0) {
      this.#kinds = new Uint8Array(this.#slabSeries * steps)
      this.#values = new Float64Array(this.#slabSeries * steps)
      this.#left = this.#slabSeries
      this.#slabSeries = Math.max(1, Math.min(this.#slabSeries * 2, Math.floor(MAX_SLAB_BYTES / 9 / steps)))
    }
    const from = --this.#left * steps
    const columns = { kinds: this.#kinds.subarray(from, from + steps), values: this.#values.subarray(from, from + steps) }
    return new StepSeries(labels, dropName, steps, columns)
  }

  /** Takes back a series that nobody else holds. */
  give(series: StepSeries): void {
    if (series.shared || series.kinds.length !== this.#steps) return
    series.kinds.fill(ABSENT)
    series.histograms = null
    this.#free.push(series)
  }
}
