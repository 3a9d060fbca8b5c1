/**
 * Store: the one port of the system. The engine implements it on a disk, the cluster over many stores, a client over HTTP, and a naive
 * model in memory for tests; PromQL, rules, protocols and the server know only this file.
 *
 * Time ranges here are inclusive at both ends and say so: `minTime` and `maxTime`. All times are integers in the store's unit; a
 * nanosecond store takes and gives bigint where a double would not be exact.
 */
import type { AppendResult, Exemplar, MetricMetadata, WriteBatch } from './batch.ts'
import type { SampleBuffer, TimeUnit, ValueKind } from './columns.ts'
import type { Labels } from './labels.ts'
import type { Matcher } from './matcher.ts'

/** A time in the store's unit. A number wherever it is exact, a bigint for nanoseconds. */
export type Timestamp = number | bigint

/** Which series and which time. All matchers must hold. */
export interface Selection {
  readonly matchers: readonly Matcher[]
  /** Inclusive. */
  readonly minTime: Timestamp
  /** Inclusive. */
  readonly maxTime: Timestamp
  /** Series come in the order of their labels (see `Labels.compare`), where they would come in none. It costs a sort. */
  readonly inLabelOrder?: boolean
  /** What will be done with the samples; a store may use it to read less, and may ignore it. */
  readonly hints?: SelectionHints
  /** Aborts the selection: pages that are not read yet end with an error CANCELED. */
  readonly signal?: AbortSignal
}

export interface SelectionHints {
  /** The function or aggregation directly above the selector, such as `rate`. */
  readonly func?: string
  /** The step between evaluations, in store units. 0 for one evaluation. */
  readonly step?: number
  /** The length of a range selector, in store units. */
  readonly range?: number
  /** Of each series only the newest sample of the range counts: a store may leave the others out. */
  readonly last?: boolean
  /** Only labels are wanted: `read` will not be called. */
  readonly labelsOnly?: boolean
  /** Counted up by the selection and by `read`; left alone by a store that keeps no chunks. */
  readonly tally?: ReadTally
}

/** What reading a selection takes, for who wants to know where the time of a query goes. */
export interface ReadTally {
  /** Encoded chunks that were decoded, and their bytes. */
  chunksDecoded: number
  bytesDecoded: number
  /** Chunks of selected series that lie outside the range, in parts of the store that do not. */
  chunksSkipped: number
}

/** One selected series. Valid while its page's iteration goes on and the store is open. */
export interface SelectedSeries {
  readonly labels: Labels
  /** What the samples are; `f64` covers series in which floats and histograms mix. */
  readonly kind: ValueKind
  /** No read returns more samples than this. */
  readonly maxSamples: number
  /**
   * Fills `into` with the samples in the selection's time range, in ascending order of time, one for each time; empties it before. The
   * buffer stays the caller's. Reading twice gives the same samples: the view was fixed when the selection began.
   * @throws TsinkError of kind `corrupt` or `io` when stored bytes cannot be read.
   */
  read(into: SampleBuffer): void
  /**
   * Nanosecond stores only: `read` covers one window of at most 104 days at a time. Moves on to the next window, false when there is none.
   * Absent where one read covers all.
   */
  nextWindow?(): boolean
  /**
   * As `read`, piece by piece in ascending order of time, for aggregates that need not see every sample. Samples that were stored together, hold
   * no NaN, and whose first and last time `fits` accepts may come as a summary, and are not decoded then; all others come in `into`, and `take`
   * gets null. Times are relative to `into.base`. Absent where a store keeps no summaries.
   */
  readPieces?(into: SampleBuffer, fits: (minTime: number, maxTime: number) => boolean, take: (summary: SampleSummary | null) => void): void
  /**
   * As `read`, in runs: at each turn of the iteration the buffer holds the next samples in ascending order of time, at least one and not many more
   * than `most`, however long the series is. Absent where `read` is as good.
   */
  readRuns?(into: SampleBuffer, most: number): Iterable<void>
}

/** What is known of samples without reading them: at least one, none of them NaN. */
export interface SampleSummary {
  readonly count: number
  /** Of the first and of the last sample. */
  readonly minTime: number
  readonly maxTime: number
  readonly min: number
  readonly max: number
  readonly sum: number
  readonly first: number
  readonly last: number
}

/** Which label names, values or series to list. */
export interface MetadataQuery {
  /** Sets of matchers; a series counts when all matchers of any one set hold. No set at all: every series. */
  readonly selectors: readonly (readonly Matcher[])[]
  /** Only series with samples that may lie in this inclusive range; supersets are allowed. Left out: all time. */
  readonly minTime?: Timestamp
  readonly maxTime?: Timestamp
  /** At most so many results; 0 or left out: all. */
  readonly limit?: number
}

/** Results of a listing, cut to the query's limit. */
export interface Listing<T> {
  readonly items: readonly T[]
  /** Whether the limit cut something off. */
  readonly truncated: boolean
}

export interface DeleteRequest {
  /** As in {@link MetadataQuery}: any one set selects. At least one set, and no set without a matcher. */
  readonly selectors: readonly (readonly Matcher[])[]
  /** Inclusive. Left out: from the beginning. */
  readonly minTime?: Timestamp
  /** Inclusive. Left out: to the end. */
  readonly maxTime?: Timestamp
  /** Only say what would be deleted. */
  readonly dryRun?: boolean
}

export interface DeleteResult {
  readonly series: number
  /** Samples that became invisible; an upper bound where chunks are cut in the middle. */
  readonly samples: number
  /** Encoded bytes that compaction will free; an estimate. */
  readonly bytes: number
  /** The delete's place in the store's order of writes: what is written later stays visible. 0 for a dry run. */
  readonly sequence: number
}

export interface ExemplarQuery {
  readonly selectors: readonly (readonly Matcher[])[]
  readonly minTime: Timestamp
  readonly maxTime: Timestamp
}

export interface SeriesExemplars {
  readonly labels: Labels
  readonly exemplars: readonly Omit<Exemplar, 'slot'>[]
}

export interface MetricMetadataQuery {
  readonly metric?: string
  /** At most so many metrics; 0 or left out: all. */
  readonly limit?: number
}

export interface Store {
  readonly unit: TimeUnit

  /**
   * Writes a batch. Resolves when the accepted samples are as safe as the store's settings promise (see `durability`); they are visible to
   * every selection that begins afterwards. The batch may be reused by the caller then. A sample that cannot be taken is a rejection in the
   * result and costs no other sample.
   * @throws TsinkError `limited`, `unavailable` or `io` when nothing of the batch was taken.
   */
  append(batch: WriteBatch): Promise<AppendResult>

  /**
   * Selects series, page by page, in no promised order unless the selection asks for one; each label set comes once. The view is fixed when the
   * first page is asked for. Ending the iteration early (`break`, `return`) releases what the selection holds.
   */
  select(selection: Selection): AsyncIterable<readonly SelectedSeries[]>

  /** Label names in byte order. */
  labelNames(query: MetadataQuery): Promise<Listing<string>>
  /** Values of one label in byte order. */
  labelValues(name: string, query: MetadataQuery): Promise<Listing<string>>
  /** Label sets in order. */
  series(query: MetadataQuery): Promise<Listing<Labels>>

  metricMetadata(query: MetricMetadataQuery): Promise<ReadonlyMap<string, readonly MetricMetadata[]>>
  exemplars(query: ExemplarQuery): Promise<readonly SeriesExemplars[]>

  /** Deletes samples by selector and inclusive time range. What is written later is visible, also inside the range. */
  delete(request: DeleteRequest): Promise<DeleteResult>

  /** Makes everything accepted as safe as it can be and frees what the store holds. Further calls fail with CLOSED; closing twice is fine. */
  close(): Promise<void>
}
