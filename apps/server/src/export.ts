/**
 * Exports: the samples of whole series in one format or another, in pieces made one after another as they are asked for. Of a result never more
 * is in memory than a page of series, a run of one series' samples and what its encoder gathers.
 */
import { Matcher, METRIC_NAME, SampleBuffer, TsinkError, type Labels, type SelectedSeries, type Store } from '@tsink/core'
import {
  CSV_CONTENT_TYPE,
  encodeCsv,
  encodeJsonLines,
  encodeSampleLines,
  NDJSON_CONTENT_TYPE,
  OPENMETRICS_CONTENT_TYPE,
  OpenMetricsEncoder,
  VM_JSON_CONTENT_TYPE,
  type CsvField,
} from '@tsink/protocols'
import { runsOf, Turns } from './turns.ts'

export type ExportFormat = 'jsonl' | 'csv' | 'ndjson' | 'openmetrics' | 'parquet' | 'arrow'

export const EXPORT_FORMATS: readonly ExportFormat[] = ['jsonl', 'csv', 'ndjson', 'openmetrics', 'parquet', 'arrow']

export interface ExportRequest {
  readonly format: ExportFormat
  /** Series that any one set selects; each comes once. */
  readonly selectors: readonly (readonly Matcher[])[]
  /** Inclusive. */
  readonly minTime: number
  readonly maxTime: number
  /** What the rows of CSV hold. */
  readonly csvFields?: readonly CsvField[]
  /** Of tables: a column for each label, or one with all. */
  readonly labels?: 'columns' | 'json'
  readonly signal?: AbortSignal
}

/** A piece of an export. */
export type Piece = string | Uint8Array

export const EXPORT_CONTENT_TYPES: Readonly<Record<ExportFormat, string>> = {
  jsonl: VM_JSON_CONTENT_TYPE,
  csv: CSV_CONTENT_TYPE,
  ndjson: NDJSON_CONTENT_TYPE,
  openmetrics: OPENMETRICS_CONTENT_TYPE,
  parquet: 'application/vnd.apache.parquet',
  arrow: 'application/vnd.apache.arrow.stream',
}

/**
 * The pieces of an export. Selections see the store as it is when the first piece is asked for; OpenMetrics is made metric by metric, each as it
 * is at its turn.
 * @throws TsinkError UNSUPPORTED when the store does not count in milliseconds.
 */
export async function* exportPieces(store: Store, request: ExportRequest): AsyncGenerator<Piece, void, undefined> {
  if (store.unit !== 'ms') throw new TsinkError('UNSUPPORTED', `exports have milliseconds, and this store counts in ${store.unit}`)
  const buffer = new SampleBuffer()
  let encoder: SeriesEncoder | null = null
  const turns = new Turns()
  for await (const page of request.format === 'openmetrics' ? pagesByMetric(store, request) : pagesOf(store, request)) {
    encoder ??= await encoderFor(store, request)
    for (const series of page) {
      for (const _ of runsOf(series, buffer)) {
        for (const piece of encoder.series(series.labels, buffer)) {
          yield piece
          if (turns.isDue) await turns.give()
        }
      }
      if (!turns.isDue) continue
      request.signal?.throwIfAborted()
      await turns.give()
    }
  }
  yield* (encoder ?? (await encoderFor(store, request))).end()
}

/** All selected series, each once. All selections have begun, and see the store as it is, when the first page comes. */
async function* pagesOf(store: Store, request: ExportRequest): AsyncGenerator<readonly SelectedSeries[]> {
  const { minTime, maxTime } = request
  const signal = request.signal === undefined ? {} : { signal: request.signal }
  const selections = request.selectors.map((matchers) => store.select({ matchers, minTime, maxTime, ...signal })[Symbol.asyncIterator]())
  // Only with several selectors can a series come twice.
  const seen = selections.length > 1 ? new Set<string>() : null
  try {
    const firsts = await Promise.all(selections.map((selection) => selection.next()))
    for (const [i, selection] of selections.entries()) {
      for (let next = firsts[i]!; next.done !== true; next = await selection.next())
        yield seen === null ? next.value : fresh(next.value, seen)
    }
  } finally {
    for (const selection of selections) await selection.return?.()
  }
}

/** The series that were not seen before. */
function fresh(page: readonly SelectedSeries[], seen: Set<string>): SelectedSeries[] {
  return page.filter(({ labels }) => {
    const key = labels.key()
    if (seen.has(key)) return false
    seen.add(key)
    return true
  })
}

/** All selected series, those of one metric one after another. */
async function* pagesByMetric(store: Store, request: ExportRequest): AsyncGenerator<readonly SelectedSeries[]> {
  const { selectors, minTime, maxTime } = request
  const { items } = await store.labelValues(METRIC_NAME, { selectors, minTime, maxTime })
  for (const metric of items) {
    yield* pagesOf(store, { ...request, selectors: selectors.map((matchers) => [Matcher.metric(metric), ...matchers]) })
  }
}

interface SeriesEncoder {
  /** Takes samples of a series; the runs of one series come one after another. */
  series(labels: Labels, samples: SampleBuffer): Iterable<Piece>
  end(): Iterable<Piece>
}

async function encoderFor(store: Store, request: ExportRequest): Promise<SeriesEncoder> {
  switch (request.format) {
    case 'jsonl':
      return { series: encodeJsonLines, end: () => [] }
    case 'ndjson':
      return { series: encodeSampleLines, end: () => [] }
    case 'csv': {
      const fields = request.csvFields ?? []
      return { series: (labels, samples) => encodeCsv(labels, samples, fields), end: () => [] }
    }
    case 'openmetrics':
      return new OpenMetricsEncoder()
    case 'parquet': {
      const [{ ParquetEncoder }, options] = await Promise.all([import('@tsink/protocols/parquet'), tableOptions(store, request)])
      return new ParquetEncoder(options)
    }
    case 'arrow': {
      const [{ ArrowEncoder }, options] = await Promise.all([import('@tsink/protocols/arrow'), tableOptions(store, request)])
      return new ArrowEncoder(options)
    }
  }
}

/** The label names are asked for after the selections have begun, so that no selected series has another. */
async function tableOptions(
  store: Store,
  { labels: layout = 'columns', selectors, minTime, maxTime }: ExportRequest,
): Promise<{ layout: 'columns' | 'json'; labelNames: readonly string[] }> {
  if (layout === 'json') return { layout, labelNames: [] }
  const { items } = await store.labelNames({ selectors, minTime, maxTime })
  return { layout, labelNames: items }
}
