/**
 * Ranges: the samples that functions of a range look at, one series at a time. They come from the store, or from the steps of a subquery.
 *
 * A subquery is evaluated once for the whole query, at all multiples of its step (counted from the Unix epoch) that any window covers;
 * its result is then a series of samples like any other.
 */
import type { Histogram, Labels } from '@tsink/core'
import type { Execution } from '../evaluate/execution.ts'
import { ABSENT, type Grid, type StepSeries } from '../evaluate/steps.ts'
import type { Samples } from '../functions/window.ts'
import type { RangeSource, SubqueryInput } from '../plan.ts'
import { detectResets, Reader, selectSeries } from './reader.ts'

/** One series of a range. The samples are valid until the next series is asked for, and over an await only when they have been detached. */
export interface RangeSeries {
  readonly labels: Labels
  readonly dropName: boolean
  readonly samples: Samples
}

/** Where the windows of a range lie: step k covers (end - range, end] with end = `endMs + k * stepMs`. */
export interface RangeShape {
  readonly endMs: number
  readonly stepMs: number
}

export function shapeOf(source: RangeSource, grid: Grid): RangeShape {
  const { atMs, offsetMs } = source.input.kind === 'selector' ? source.input.selector : source.input
  return { endMs: (atMs ?? grid.startMs) - offsetMs, stepMs: atMs === null ? grid.stepMs : 0 }
}

/** The series of a range, page by page; each page is a function that gives one series after the other. */
export async function* readRange(
  source: RangeSource,
  grid: Grid,
  lookbackMs: number,
  planId: number,
  execution: Execution,
): AsyncGenerator<Iterable<RangeSeries>> {
  const shape = shapeOf(source, grid)
  const lastMs = shape.endMs + shape.stepMs * (grid.count - 1)
  const { input, rangeMs } = source
  if (input.kind === 'subquery') {
    yield* readSubquery(input, shape.endMs - rangeMs, lastMs, execution)
    return
  }
  const { selector, extended } = input
  const measure = execution.measure(planId)
  const request = {
    matchers: selector.matchers,
    fromMs: shape.endMs - rangeMs + 1 - (extended === 'none' ? 0 : lookbackMs),
    toMs: lastMs + (extended === 'smoothed' ? lookbackMs : 0),
    hints: { func: selector.above, step: grid.stepMs, range: rangeMs },
    measure,
  }
  // The samples beyond the range that an extended one looks at are looked at more than once.
  const reader = new Reader(execution, extended === 'none')
  const withStarts = execution.settings.features.useStartTimestamps
  for await (const page of selectSeries(request, execution)) {
    yield (function* () {
      for (const series of page) {
        const buffer = reader.read(series, false)
        measure.read += buffer.count
        if (buffer.count === 0) continue
        if (selector.detectResets) detectResets(buffer)
        if (!withStarts) buffer.startTimestamps = null
        if (buffer.histograms !== null && !buffer.histograms.some((h) => h !== undefined)) buffer.histograms = null
        yield { labels: series.labels, dropName: false, samples: buffer }
      }
    })()
  }
}

/** The steps of a subquery in (afterMs, lastMs], as samples. */
async function* readSubquery(
  input: SubqueryInput,
  afterMs: number,
  lastMs: number,
  execution: Execution,
): AsyncGenerator<Iterable<RangeSeries>> {
  const { stepMs } = input
  const first = (Math.floor(afterMs / stepMs) + 1) * stepMs
  const count = Math.floor((lastMs - first) / stepMs) + 1
  if (count <= 0) return
  execution.admit(count)
  const grid: Grid = { startMs: first, stepMs, count, inner: true }
  const samples: Samples = {
    timestamps: new Float64Array(count),
    values: new Float64Array(count),
    histograms: null,
    startTimestamps: null,
    count: 0,
  }
  for await (const page of execution.vector(input.plan, grid)) {
    yield (function* () {
      for (const series of page) {
        toSamples(series, grid, samples)
        execution.read(samples.count)
        if (samples.count > 0) yield { labels: series.labels, dropName: series.dropName, samples }
      }
    })()
    if (execution.due) await execution.pause()
  }
}

/** The steps at which a series has something, as samples. */
function toSamples(series: StepSeries, grid: Grid, into: Samples): void {
  const { kinds, values, histograms } = series
  into.histograms = histograms === null ? null : []
  let at = 0
  for (let k = 0; k < grid.count; k++) {
    if (kinds[k] === ABSENT) continue
    into.timestamps[at] = grid.startMs + k * grid.stepMs
    into.values[at] = values[k]!
    if (histograms !== null) into.histograms![at] = detached(histograms[k])
    at++
  }
  into.count = at
}

/** A histogram apart from the stored one before it, of which its hint spoke: whether it was reset must be found out anew. */
function detached(histogram: Histogram | undefined): Histogram | undefined {
  if (histogram === undefined || histogram.hint === 'gauge' || histogram.hint === 'unknown') return histogram
  return { ...histogram, hint: 'unknown' }
}
