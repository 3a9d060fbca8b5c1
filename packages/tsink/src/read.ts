/**
 * Reading: from a selector, a range and options to columns. One series after the other is decoded into a buffer, aggregated if that was asked
 * for, and its columns are handed out as they were decoded: without a copy where they are full.
 */
import {
  isLegacyMetricName,
  Matcher,
  METRIC_NAME,
  SampleBuffer,
  TsinkError,
  type Histogram,
  type Labels,
  type SelectedSeries,
  type Selection,
} from '@tsink/core'
import {
  aggregateAll,
  aggregateBuckets,
  AGGREGATES,
  assertNumeric,
  forEachBucket,
  PiecewiseAggregate,
  type AggregateName,
  type CustomAggregate,
  type FloatColumns,
} from './aggregate.ts'
import { inclusive, writeTimes } from './times.ts'
import type { Point, Precision, Selector, SeriesColumns, SeriesPoints, TimeRange, Value } from './types.ts'

/** What to do with the selected samples. */
export interface SelectOptions<P extends Precision = 'ms'> extends TimeRange<P> {
  /**
   * Downsamples: one sample for each bucket of this length (in the database's unit) that holds any, at the bucket's start. Buckets begin at
   * `start`, or at multiples of `step` when there is no `start`. Needs `aggregate`.
   */
  readonly step?: number
  /** With a `step` the aggregate of each bucket, without one of the whole series. NaN counts for nothing. Integers are read as doubles. */
  readonly aggregate?: AggregateName | CustomAggregate
  /** Applied to the buckets of `step`: one sample for each series. */
  readonly overall?: AggregateName
  /** Leaves out so many samples at the beginning, counted over the series in their order. */
  readonly offset?: number
  /** Gives at most so many samples in all. */
  readonly limit?: number
}

/** The matchers of a selector that needs no parser: a metric name alone, or parts. Null for any other text. */
export function plainMatchers(selector: Selector): readonly Matcher[] | null {
  if (typeof selector === 'string') return isLegacyMetricName(selector) ? [Matcher.metric(selector)] : null
  const matchers: Matcher[] = []
  if (selector.metric !== undefined) matchers.push(Matcher.metric(selector.metric))
  for (const name in selector.labels) matchers.push(Matcher.equal(name, selector.labels[name]!))
  if (selector.matchers !== undefined) matchers.push(...selector.matchers)
  return matchers
}

/**
 * The matchers of any selector. The parser is loaded when a text first needs it: it costs more time than opening a database.
 * @throws TsinkError BAD_QUERY where the text is no selector.
 */
export async function matchersOf(selector: Selector): Promise<readonly Matcher[]> {
  return plainMatchers(selector) ?? (await import('@tsink/promql')).parseSelector(selector as string)
}

/** What a read asks of the store. */
export function selectionOf<P extends Precision>(matchers: readonly Matcher[], options: SelectOptions<P>, nanoseconds: boolean): Selection {
  checkOptions(options)
  return { matchers, ...inclusive(options, nanoseconds) }
}

/** Reads selected series one by one, in the order in which they come. */
export class Reader<P extends Precision> {
  readonly #options: SelectOptions<P>
  readonly #nanoseconds: boolean
  readonly #scratch = new SampleBuffer()
  readonly #found: SeriesColumns<P>[] = []

  constructor(options: SelectOptions<P>, nanoseconds: boolean) {
    this.#options = options
    this.#nanoseconds = nanoseconds
  }

  take(series: SelectedSeries): void {
    const columns = this.read(series)
    if (columns.timestamps.length > 0) this.#found.push(columns)
  }

  /** What was read, ordered by labels, cut to `offset` and `limit`. */
  finish(): SeriesColumns<P>[] {
    this.#found.sort((a, b) => a.labels.compare(b.labels))
    const { offset = 0, limit = Infinity } = this.#options
    return offset === 0 && limit === Infinity ? this.#found : cut(this.#found, offset, limit)
  }

  read(series: SelectedSeries): SeriesColumns<P> {
    const { aggregate } = this.#options
    // A buffer is given away with its columns unless they are aggregated.
    const buffer = aggregate === undefined ? new SampleBuffer(series.maxSamples) : this.#scratch
    if (this.#nanoseconds) return this.#readWindows(series)
    if (typeof aggregate === 'string' && series.readPieces !== undefined && !this.#nanoseconds) {
      return this.#readPieces(series as Required<SelectedSeries>, aggregate)
    }
    series.read(buffer)
    return this.#columns(series.labels, buffer)
  }

  /** The aggregate piece by piece: from summaries where those are enough, and never with more samples in memory than a bucket needs. */
  #readPieces(series: Required<SelectedSeries>, aggregate: AggregateName): SeriesColumns<P> {
    const { step, overall, start } = this.#options
    assertNumeric(series.kind, aggregate)
    const pieces = new PiecewiseAggregate(aggregate, start === undefined ? 0 : Number(start), step ?? Infinity)
    const buffer = this.#scratch
    let hasHistograms = false
    series.readPieces(
      buffer,
      (minTime, maxTime) => pieces.fits(minTime, maxTime),
      (summary) => {
        hasHistograms ||= summary === null && buffer.histograms !== null
        if (summary === null) pieces.addSamples(buffer)
        else pieces.addSummary(summary)
      },
    )
    // A series in which floats and histograms mix is refused like one of histograms.
    if (hasHistograms) assertNumeric('histogram', aggregate)
    let result = pieces.finish()
    if (overall !== undefined && result.count > 0) result = aggregateAll(result, overall)
    return { labels: series.labels, kind: 'f64', timestamps: result.timestamps, values: result.values } as SeriesColumns<P>
  }

  /** Nanoseconds come window by window; each is read as if it were all, and what an aggregate makes of it needs the whole. */
  #readWindows(series: SelectedSeries): SeriesColumns<P> {
    const parts: SeriesColumns<P>[] = []
    const { aggregate, step, overall } = this.#options
    const bare = aggregate === undefined ? this : new Reader<P>({}, true)
    do {
      const buffer = new SampleBuffer()
      series.read(buffer)
      if (buffer.count > 0) parts.push(bare.#columns(series.labels, buffer))
    } while (series.nextWindow?.() === true)
    const whole = parts.length === 1 ? parts[0]! : joined(series.labels, parts)
    if (aggregate === undefined || whole.timestamps.length === 0) return whole
    const times = whole.timestamps as BigInt64Array
    const base = (this.#options.start as bigint | undefined) ?? (step === undefined ? times[0]! : times[0]! - (times[0]! % BigInt(step)))
    const offsets = Float64Array.from(times, (time) => Number(time - base))
    const back = (from: Float64Array): BigInt64Array => BigInt64Array.from(Array.from(from, (offset) => base + BigInt(offset)))
    return aggregated(series.labels, whole, offsets, back, 0, { aggregate, step, overall }) as SeriesColumns<P>
  }

  #columns(labels: Labels, buffer: SampleBuffer): SeriesColumns<P> {
    const { count, base } = buffer
    const { aggregate, step, overall } = this.#options
    if (aggregate !== undefined) {
      const start = this.#options.start === undefined ? 0 : Number(this.#options.start) - base
      const exact = exactly(labels, buffer, buffer.timestamps)
      return aggregated(labels, exact, buffer.timestamps.subarray(0, count), (from) => from, start, {
        aggregate,
        step,
        overall,
      }) as SeriesColumns<P>
    }
    if (!this.#nanoseconds) return exactly(labels, buffer, fitted(buffer.timestamps, count)) as SeriesColumns<P>
    const times = new BigInt64Array(count)
    writeTimes(times, 0, base, buffer.timestamps, 0, count)
    return exactly(labels, buffer, times) as SeriesColumns<P>
  }
}

interface Aggregation {
  readonly aggregate: AggregateName | CustomAggregate
  readonly step: number | undefined
  readonly overall: AggregateName | undefined
}

type AnyColumns = SeriesColumns<Precision>

/** Aggregates columns whose times are `offsets` to something, with which `back` makes times again. */
function aggregated(
  labels: Labels,
  columns: AnyColumns,
  offsets: Float64Array,
  back: (offsets: Float64Array) => Float64Array | BigInt64Array,
  origin: number,
  { aggregate, step, overall }: Aggregation,
): AnyColumns {
  const count = offsets.length
  if (typeof aggregate !== 'string') {
    const blobs = blobsOf(columns)
    const times: number[] = []
    const values: Uint8Array[] = []
    const take = (time: number, from: number, to: number): void => {
      const value = aggregate.bytes(blobs.slice(from, to))
      if (value === null) return
      times.push(time)
      values.push(value)
    }
    if (step !== undefined) forEachBucket({ count, timestamps: offsets }, origin, step, take)
    else if (count > 0) take(offsets[count - 1]!, 0, count)
    const timestamps = back(Float64Array.from(times))
    if (columns.kind === 'bytes') return { labels, kind: 'bytes', timestamps, values }
    return { labels, kind: 'string', timestamps, values: values.map((value) => decoder.decode(value)) }
  }
  assertNumeric(columns.kind, aggregate)
  const values = columns.values instanceof Float64Array ? columns.values : Float64Array.from(columns.values as unknown as bigint[], Number)
  let result: FloatColumns = { count, timestamps: offsets, values }
  if (count > 0) result = step === undefined ? aggregateAll(result, aggregate) : aggregateBuckets(result, aggregate, origin, step)
  if (overall !== undefined && result.count > 0) result = aggregateAll(result, overall)
  return { labels, kind: 'f64', timestamps: back(result.timestamps), values: result.values.slice(0, result.count) }
}

/** The buffer's values as columns of exact length beside the given times. */
function exactly(labels: Labels, buffer: SampleBuffer, timestamps: Float64Array | BigInt64Array): AnyColumns {
  const { count } = buffer
  if (buffer.histograms !== null) {
    const { histograms } = buffer
    const values = Array.from({ length: count }, (_, i): Histogram | number => histograms[i] ?? buffer.values[i]!)
    return { labels, kind: 'histogram', timestamps, values }
  }
  switch (buffer.kind) {
    case 'bool':
      return { labels, kind: 'bool', timestamps, values: Array.from(buffer.values.subarray(0, count), (value) => value !== 0) }
    case 'i64':
      return { labels, kind: 'i64', timestamps, values: buffer.integers!.slice(0, count) }
    case 'u64':
      return { labels, kind: 'u64', timestamps, values: new BigUint64Array(buffer.integers!.slice(0, count).buffer) }
    case 'bytes':
      return { labels, kind: 'bytes', timestamps, values: buffer.blobs!.slice(0, count) }
    case 'string':
      return { labels, kind: 'string', timestamps, values: buffer.blobs!.slice(0, count).map((value) => decoder.decode(value)) }
    default:
      return { labels, kind: 'f64', timestamps, values: fitted(buffer.values, count) }
  }
}

const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
const encoder = new TextEncoder()

/** The first `count` elements: the column itself where it is nearly full, a copy where keeping it would keep much unused memory. */
function fitted(column: Float64Array, count: number): Float64Array {
  if (column.length === count) return column
  return count * 4 >= column.length * 3 ? column.subarray(0, count) : column.slice(0, count)
}

function blobsOf(columns: AnyColumns): readonly Uint8Array[] {
  if (columns.kind === 'bytes') return columns.values
  if (columns.kind === 'string') return columns.values.map((value) => encoder.encode(value))
  throw new TsinkError('UNSUPPORTED', `a codecAggregate needs values of kind bytes or string, not ${columns.kind}`, {
    detail: { kind: columns.kind },
  })
}

/** Parts of one series, end to end. */
function joined(labels: Labels, parts: readonly AnyColumns[]): SeriesColumns<'ns'> & AnyColumns {
  const kind = parts.find((part) => part.kind === 'histogram')?.kind ?? parts[0]?.kind ?? 'f64'
  const count = parts.reduce((sum, part) => sum + part.timestamps.length, 0)
  const timestamps = new BigInt64Array(count)
  const values =
    kind === 'f64' ? new Float64Array(count) : kind === 'i64' ? new BigInt64Array(count) : kind === 'u64' ? new BigUint64Array(count) : []
  let at = 0
  for (const part of parts) {
    timestamps.set(part.timestamps as BigInt64Array, at)
    if (Array.isArray(values)) for (const value of part.values) (values as unknown[]).push(value)
    else values.set(part.values as never, at)
    at += part.timestamps.length
  }
  return { labels, kind, timestamps, values } as unknown as SeriesColumns<'ns'> & AnyColumns
}

function cut<P extends Precision>(series: readonly SeriesColumns<P>[], offset: number, limit: number): SeriesColumns<P>[] {
  const kept: SeriesColumns<P>[] = []
  let skip = offset
  let left = limit
  for (const each of series) {
    const count = each.timestamps.length
    if (left === 0) break
    if (skip >= count) {
      skip -= count
      continue
    }
    const to = Math.min(count, skip + left)
    left -= to - skip
    kept.push({ ...each, timestamps: each.timestamps.slice(skip, to), values: each.values.slice(skip, to) } as SeriesColumns<P>)
    skip = 0
  }
  return kept
}

/** Columns as points. */
export function pointsOf<P extends Precision>(columns: SeriesColumns<P>): SeriesPoints<P> {
  const { labels, timestamps, values } = columns
  const points: Point<P>[] = []
  for (let i = 0; i < timestamps.length; i++) points.push({ timestamp: timestamps[i] as Point<P>['timestamp'], value: values[i] as Value })
  return { labels, points }
}

function checkOptions<P extends Precision>(options: SelectOptions<P>): void {
  const { step, aggregate, overall, offset, limit } = options
  const bad = (message: string): never => {
    throw new TsinkError('BAD_REQUEST', message)
  }
  if (step !== undefined && !(Number.isSafeInteger(step) && step > 0)) bad(`step is ${step}; it must be a whole number above 0`)
  if (step !== undefined && aggregate === undefined) bad('a step needs an aggregate, such as "avg"')
  if (overall !== undefined && (step === undefined || typeof aggregate !== 'string')) bad('overall needs a step and a named aggregate')
  for (const name of [aggregate, overall]) {
    if (typeof name === 'string' && !AGGREGATES.includes(name))
      bad(`aggregate is "${String(name)}"; it must be one of ${AGGREGATES.join(', ')}`)
  }
  for (const [name, value] of [
    ['offset', offset],
    ['limit', limit],
  ] as const) {
    if (value !== undefined && !(Number.isInteger(value) && value >= 0)) bad(`${name} is ${value}; it must be a whole number from 0 on`)
  }
}

/** The metric name of labels, and the rest of them as a plain object. */
export function partsOf(labels: Labels): { metric: string; labels: Record<string, string> } {
  const rest: Record<string, string> = {}
  for (const [name, value] of labels) if (name !== METRIC_NAME) rest[name] = value
  return { metric: labels.metric, labels: rest }
}
