/**
 * SyncDatabase: the synchronous core. Its calls do their work and return: no promise, no waiting. An insert is in the log's hands when it
 * returns (durability `appended`, or `volatile` without a log); `Database.flush` tells when it is on the disk.
 */
import { TsinkError, type Labels, type Matcher, type SampleBuffer, type WriteBatch } from '@tsink/core'
import type { Engine } from '@tsink/engine'
import { plainMatchers, pointsOf, Reader, selectionOf, type SelectOptions } from './read.ts'
import { draftColumns, draftRows } from './rows.ts'
import type { SeriesCache } from './series-cache.ts'
import type { Appender } from './series-handle.ts'
import type { Columns, InsertResult, Precision, Row, Selector, SeriesColumns, SeriesPoints, TimeRange } from './types.ts'

export class SyncDatabase<P extends Precision = 'ms'> {
  readonly #engine: Engine
  readonly #cache: SeriesCache
  readonly #appender: Appender
  readonly #nanoseconds: boolean

  /** @internal Made by `open`; use `db.sync`. */
  constructor(engine: Engine, cache: SeriesCache, appender: Appender) {
    this.#engine = engine
    this.#cache = cache
    this.#appender = appender
    this.#nanoseconds = engine.unit === 'ns'
  }

  /**
   * Writes rows. A row that cannot be taken is a rejection in the result and costs no other row.
   * @throws TsinkError `limited` (no memory or log space right now), `unavailable` or `io` when no row was taken.
   */
  insertRows(rows: readonly Row<P>[]): InsertResult {
    const draft = draftRows(rows, this.#cache, this.#nanoseconds)
    return draft.finish(this.#append(draft.batch))
  }

  /** Writes columns, of one series or of several. @throws as `insertRows`; BAD_REQUEST or BAD_LABEL for columns that cannot be right. */
  insertColumns(columns: Columns<P> | readonly Columns<P>[]): InsertResult {
    const draft = draftColumns<P>(Array.isArray(columns) ? columns : [columns], this.#cache, this.#nanoseconds)
    return draft.finish(this.#append(draft.batch))
  }

  /**
   * Selects samples as columns, ordered by labels. The selector is a metric name or parts; texts with matchers need `Database.selectColumns`,
   * which loads the parser.
   */
  selectColumns(selector: Selector, options: SelectOptions<P> = {}): SeriesColumns<P>[] {
    const matchers = plainMatchers(selector)
    if (matchers === null) {
      throw new TsinkError(
        'UNSUPPORTED',
        `${JSON.stringify(selector)} is not a metric name: give { metric, labels }, or use the asynchronous select`,
      )
    }
    this.#appender.drain()
    const selection = selectionOf(matchers, options, this.#nanoseconds)
    const reader = new Reader<P>(options, this.#nanoseconds)
    for (const page of this.#engine.selectNow(selection)) for (const series of page) reader.take(series)
    return reader.finish()
  }

  /** As {@link selectColumns}, with samples as objects. */
  select(selector: Selector, options: SelectOptions<P> = {}): SeriesPoints<P>[] {
    return this.selectColumns(selector, options).map((columns) => pointsOf(columns))
  }

  /**
   * Reads selected series one after the other into a buffer of the caller's, and calls `visit` with each: nothing is allocated for the samples.
   * Sample i is at time `into.base + into.timestamps[i]`; the buffer is overwritten by the next series. Returns the number of series with
   * samples. In nanoseconds a long series comes in several parts.
   * @example
   * const buffer = new SampleBuffer()
   * let sum = 0
   * db.sync.selectInto('cpu', { start, end }, buffer, (labels, { count, values }) => {
   *   for (let i = 0; i < count; i++) sum += values[i]!
   * })
   */
  selectInto(selector: Selector, range: TimeRange<P>, into: SampleBuffer, visit: (labels: Labels, samples: SampleBuffer) => void): number {
    this.#appender.drain()
    let found = 0
    for (const page of this.#engine.selectNow(selectionOf(this.#matchers(selector), range, this.#nanoseconds))) {
      for (const series of page) {
        let parts = 0
        do {
          series.read(into)
          if (into.count === 0) continue
          visit(series.labels, into)
          parts++
        } while (series.nextWindow?.() === true)
        if (parts > 0) found++
      }
    }
    return found
  }

  #matchers(selector: Selector): readonly Matcher[] {
    const matchers = plainMatchers(selector)
    if (matchers !== null) return matchers
    throw new TsinkError(
      'UNSUPPORTED',
      `${JSON.stringify(selector)} is not a metric name: give { metric, labels }, or use the asynchronous select`,
    )
  }

  #append(batch: WriteBatch): ReturnType<Engine['appendNow']> {
    this.#appender.drain()
    return this.#engine.appendNow(batch)
  }
}
