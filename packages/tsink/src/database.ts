/**
 * Database: the embedded front. Everything that can wait is a promise here; what need not is under `sync` and in series handles. The work is
 * the engine's; this is the shape in which a program meets it.
 */
import {
  Labels,
  METRIC_NAME,
  TsinkError,
  type AppendResult,
  type DeleteResult,
  type Matcher,
  type QueryResult,
  type ValueKind,
  type WriteBatch,
} from '@tsink/core'
import type { Engine, EngineStats, Expiry, OpenReport, SnapshotResult, VerifyReport } from '@tsink/engine'
import type { Clock } from '@tsink/host'
import type { Features, QueryOptions } from '@tsink/promql'
import { matchersOf, pointsOf, Reader, selectionOf, type SelectOptions } from './read.ts'
import { draftColumns, draftRows } from './rows.ts'
import { scan, type ScanOptions, type ScanPage } from './scan.ts'
import { checkedLabels, SeriesCache } from './series-cache.ts'
import { Appender, type FlushResult, type SeriesHandle } from './series-handle.ts'
import { spanOf, type Span } from './options.ts'
import { SyncDatabase } from './sync-database.ts'
import { inclusive } from './times.ts'
import type { Columns, InsertResult, LabelRecord, Precision, Row, Selector, SeriesColumns, SeriesPoints, TimeRange } from './types.ts'

/** Times of PromQL queries are milliseconds since 1970, or a Date, whatever the database's precision. */
export type QueryTime = number | Date

/** How one query is evaluated. */
export interface EvaluateOptions {
  /** How far back an instant selector looks for a sample. Default 5 minutes. */
  readonly lookback?: Span
  /** The query fails with DEADLINE after so long. Default: no limit. */
  readonly timeout?: Span
  /** Most samples held in memory at once. Default 50,000,000. */
  readonly maxSamples?: number
  /** Aborting it ends the query with CANCELED. */
  readonly signal?: AbortSignal
  /** Switches of the language, such as `experimentalFunctions`. Default: as a stock Prometheus. */
  readonly features?: Partial<Features>
}

export interface ListOptions<P extends Precision = 'ms'> extends TimeRange<P> {
  /** At most so many; the rest is left out. */
  readonly limit?: number
}

export class Database<P extends Precision = 'ms'> {
  /** The synchronous core: the same writes and reads without promises. */
  readonly sync: SyncDatabase<P>
  readonly #engine: Engine
  readonly #clock: Clock
  readonly #appender: Appender
  readonly #cache = new SeriesCache()
  readonly #nanoseconds: boolean

  /** @internal Made by `open`. */
  constructor(engine: Engine, clock: Clock) {
    this.#engine = engine
    this.#clock = clock
    this.#nanoseconds = engine.unit === 'ns'
    this.#appender = new Appender(engine)
    this.sync = new SyncDatabase(engine, this.#cache, this.#appender)
  }

  /** The unit of all timestamps. */
  get precision(): P {
    return this.#engine.unit as P
  }

  /** What opening found: how much of the log was replayed, what was damaged. */
  get opened(): OpenReport {
    return this.#engine.opened
  }

  /**
   * Writes rows. Resolves when they are as safe as the option `sync` says; they are visible to every read that begins afterwards. Order and age
   * do not matter; of two samples of one series at one time the later written one wins. A row that cannot be taken is a rejection in the
   * result and costs no other row.
   * @throws TsinkError `limited` (no memory or log space within `writeTimeout`), `unavailable` or `io`: then no row was taken.
   * @example
   * await db.insertRows([{ metric: 'cpu', labels: { host: 'a' }, timestamp: Date.now(), value: 0.5 }])
   */
  async insertRows(rows: readonly Row<P>[]): Promise<InsertResult> {
    await this.#settle()
    const draft = draftRows(rows, this.#cache, this.#nanoseconds)
    return draft.finish(await this.#engine.append(draft.batch))
  }

  /**
   * Writes samples of one or several series as columns: several times faster than rows. Typed columns are read in place and may be reused when
   * the promise resolves.
   * @throws as `insertRows`; BAD_REQUEST or BAD_LABEL for columns that cannot be right, such as of different lengths.
   * @example
   * await db.insertColumns({ metric: 'cpu', labels: { host: 'a' }, timestamps: Float64Array.of(1, 2), values: Float64Array.of(0.5, 0.6) })
   */
  async insertColumns(columns: Columns<P> | readonly Columns<P>[]): Promise<InsertResult> {
    await this.#settle()
    const draft = draftColumns<P>(Array.isArray(columns) ? columns : [columns], this.#cache, this.#nanoseconds)
    return draft.finish(await this.#engine.append(draft.batch))
  }

  /** @internal What the thread of a RemoteDatabase does with rows that became columns on the other side. */
  async appendBatch(batch: WriteBatch): Promise<AppendResult> {
    await this.#settle()
    return this.#engine.append(batch)
  }

  /**
   * A handle on one series: the fastest way to write single samples. `kind` says what its values are. The same labels give the same handle;
   * handles are kept until the database is closed.
   * @throws TsinkError BAD_LABEL.
   * @example
   * const cpu = db.series('cpu', { host: 'a' })
   * cpu.append(Date.now(), 0.5)
   * await db.flush()
   */
  series<K extends ValueKind = 'f64'>(metric: string, labels?: LabelRecord, kind?: K): SeriesHandle<P, K> {
    return this.#appender.handle(checkedLabels(metric, labels), kind ?? 'f64') as unknown as SeriesHandle<P, K>
  }

  /** Resolves when what was appended through handles is as safe as the database promises, and says what was rejected since the last flush. */
  async flush(): Promise<FlushResult> {
    return this.#appender.flush()
  }

  /**
   * Selects samples in the half-open range [start, end) as columns, series by series, ordered by labels. The arrays are the caller's.
   * @example
   * const [cpu] = await db.selectColumns('cpu{host="a"}', { start: 0, end: 60_000 })
   * if (cpu?.kind === 'f64') console.log(cpu.timestamps, cpu.values)
   */
  async selectColumns(selector: Selector, options: SelectOptions<P> = {}): Promise<SeriesColumns<P>[]> {
    const matchers = await matchersOf(selector)
    await this.#settle()
    const reader = new Reader<P>(options, this.#nanoseconds)
    for await (const page of this.#engine.select(selectionOf(matchers, options, this.#nanoseconds)))
      for (const series of page) reader.take(series)
    return reader.finish()
  }

  /** As {@link selectColumns}, with samples as objects. */
  async select(selector: Selector, options: SelectOptions<P> = {}): Promise<SeriesPoints<P>[]> {
    return (await this.selectColumns(selector, options)).map((columns) => pointsOf(columns))
  }

  /**
   * Reads rows page by page, ordered by labels and time; `cursor` of one page begins the next. What is written meanwhile may show in later
   * pages.
   * @example
   * let cursor: string | undefined
   * do {
   *   const page = await db.scan('cpu', { maxRows: 1_000, cursor })
   *   cursor = page.cursor
   * } while (cursor !== undefined)
   */
  async scan(selector: Selector, options: ScanOptions<P> = {}): Promise<ScanPage<P>> {
    const matchers = await matchersOf(selector)
    await this.#settle()
    return scan<P>(this.#engine, matchers, options, this.#nanoseconds)
  }

  /**
   * Evaluates a PromQL query at one moment, by default now.
   * @throws TsinkError BAD_QUERY with the position of the mistake.
   */
  async query(text: string, options: EvaluateOptions & { readonly time?: QueryTime } = {}): Promise<QueryResult> {
    const { instantQuery } = await import('@tsink/promql')
    await this.#settle()
    return instantQuery(text, Number(options.time ?? this.#clock.now()), this.#evaluation(options))
  }

  /** Evaluates a PromQL query at `start`, `start + step` and so on up to and including `end`. */
  async queryRange(
    text: string,
    range: EvaluateOptions & { readonly start: QueryTime; readonly end: QueryTime; readonly step: Span },
  ): Promise<QueryResult> {
    const { rangeQuery } = await import('@tsink/promql')
    await this.#settle()
    const [startMs, endMs, stepMs] = [Number(range.start), Number(range.end), spanOf('step', range.step)!]
    if (!(startMs <= endMs)) throw new TsinkError('BAD_RANGE', `the query's range begins at ${startMs}, after its end ${endMs}`)
    return rangeQuery(text, { startMs, endMs, stepMs }, this.#evaluation(range))
  }

  /** Label names in use, in byte order: of all series, or of the selected ones. */
  async labels(selector?: Selector, options: ListOptions<P> = {}): Promise<string[]> {
    return [...(await this.#engine.labelNames(await this.#listing(selector, options))).items]
  }

  /** Values of one label, in byte order: of all series, or of the selected ones. */
  async labelValues(name: string, selector?: Selector, options: ListOptions<P> = {}): Promise<string[]> {
    return [...(await this.#engine.labelValues(name, await this.#listing(selector, options))).items]
  }

  /** Metric names in use, in byte order. */
  metrics(selector?: Selector, options: ListOptions<P> = {}): Promise<string[]> {
    return this.labelValues(METRIC_NAME, selector, options)
  }

  /** Label sets, in order: of all series, or of the selected ones. */
  async listSeries(selector?: Selector, options: ListOptions<P> = {}): Promise<Labels[]> {
    return [...(await this.#engine.series(await this.#listing(selector, options))).items]
  }

  /**
   * Deletes the selected series' samples in the half-open range [start, end), all of them without a range. What is written later is visible,
   * also inside the range. With `dryRun` nothing is deleted: the result says what would be.
   * @throws TsinkError BAD_REQUEST when the selector has no condition: to delete all, say so: `'{__name__=~".+"}'`.
   */
  async delete(selector: Selector, options: TimeRange<P> & { readonly dryRun?: boolean } = {}): Promise<DeleteResult> {
    const matchers = await matchersOf(selector)
    if (matchers.length === 0) throw new TsinkError('BAD_REQUEST', 'a delete needs a condition; {__name__=~".+"} selects every series')
    await this.#settle()
    const { minTime, maxTime } = inclusive(options, this.#nanoseconds)
    return this.#engine.delete({ selectors: [matchers], minTime, maxTime, dryRun: options.dryRun ?? false })
  }

  /** Takes a delete back, as long as compaction has not carried it out (see the option `undo`). @throws TsinkError when it is too late. */
  undelete(deletion: DeleteResult): Promise<void> {
    return this.#engine.undelete(deletion.sequence)
  }

  /** Writes everything that is in memory into files, so that the next opening has nothing to replay. Happens by itself by size and age. */
  async checkpoint(): Promise<void> {
    await this.#settle()
    return this.#engine.flush()
  }

  /** Merges files until there is nothing to merge, and carries out deletes that are past undoing. Happens by itself. */
  compact(): Promise<void> {
    return this.#engine.compact()
  }

  /** What retention would let go if it ran now. */
  previewRetention(): Promise<readonly Expiry[]> {
    return this.#engine.previewRetention()
  }

  /** Lets expired samples go now, and says what went. Happens by itself once a minute. */
  retain(): Promise<readonly Expiry[]> {
    return this.#engine.retain()
  }

  /**
   * Makes a snapshot in the directory `snapshots/<name>` of the database: a database of its own with everything written before the call, made of
   * hard links, verified, and there as a whole or not at all. To restore it, open that directory or a copy of it.
   * @throws TsinkError BAD_REQUEST when the name is no file name or already taken.
   */
  async snapshot(name: string): Promise<SnapshotResult> {
    if (!/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,200}$/.test(name)) {
      throw new TsinkError('BAD_REQUEST', `${JSON.stringify(name)} is no name for a snapshot: letters, digits, "_", "-" and "." are`)
    }
    await this.#settle()
    return this.#engine.snapshot(`snapshots/${name}`)
  }

  /** Reads every stored byte and checks every invariant; the report lists what is wrong. */
  async verify(): Promise<VerifyReport> {
    await this.#settle()
    return this.#engine.verify()
  }

  /** The state of the database in numbers. */
  stats(): EngineStats {
    return this.#engine.stats()
  }

  /** Makes everything as safe as it can be and closes the database. Further calls fail with CLOSED; closing twice is fine. */
  async close(): Promise<void> {
    try {
      await this.#appender.finish()
    } catch (error) {
      if (!(error instanceof TsinkError) || error.code !== 'CLOSED') throw error
    } finally {
      await this.#engine.close()
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** Sees to it that what handles took so far comes before what follows. */
  async #settle(): Promise<void> {
    await this.#appender.settle()
  }

  async #listing(selector: Selector | undefined, options: ListOptions<P>): Promise<Parameters<Engine['series']>[0]> {
    const selectors: (readonly Matcher[])[] = selector === undefined ? [] : [await matchersOf(selector)]
    await this.#settle()
    return { selectors, ...inclusive(options, this.#nanoseconds), limit: options.limit ?? 0 }
  }

  #evaluation(options: EvaluateOptions): QueryOptions {
    const { lookback, timeout, maxSamples, signal, features } = options
    const now = (): number => this.#clock.monotonic()
    return {
      store: this.#engine,
      now,
      yieldToHost: () => this.#clock.turn(),
      ...(lookback === undefined ? {} : { lookbackMs: spanOf('lookback', lookback)! }),
      ...(timeout === undefined ? {} : { deadlineMs: now() + spanOf('timeout', timeout)! }),
      ...(maxSamples === undefined ? {} : { maxSamples }),
      ...(signal === undefined ? {} : { signal }),
      ...(features === undefined ? {} : { features }),
    }
  }
}
