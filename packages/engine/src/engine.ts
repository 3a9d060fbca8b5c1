/**
 * Engine: a Store on a disk. This class is the front of the operations: it holds the parts and says what each call promises; the work is in the
 * file of each operation.
 */
import type {
  AppendResult,
  DeleteRequest,
  DeleteResult,
  ExemplarQuery,
  Labels,
  Listing,
  MetadataQuery,
  MetricMetadata,
  MetricMetadataQuery,
  SelectedSeries,
  Selection,
  SeriesExemplars,
  Store,
  TimeUnit,
  WriteBatch,
} from '@tsink/core'
import type { Host } from '@tsink/host'
import { append } from './admit.ts'
import { appendNow } from './append.ts'
import { deleteSamples, undelete } from './delete.ts'
import { labelNames, labelValues, series } from './list.ts'
import { compact, flush } from './maintain.ts'
import { closeParts, openParts, type OpenReport } from './open.ts'
import type { EngineOptions } from './options.ts'
import { assertOpen, type Parts } from './parts.ts'
import { repair, type RepairOptions, type RepairReport } from './repair.ts'
import { previewRetention, retain, type Expiry } from './retain.ts'
import { snapshot, type SnapshotResult } from './snapshot.ts'
import { stats, type EngineStats } from './stats.ts'
import { verify, verifyClosed, type VerifyReport } from './verify.ts'
import { select, selectNow } from './select.ts'

export class Engine implements Store {
  readonly unit: TimeUnit
  /** What opening found: how much was replayed, what was damaged. */
  readonly opened: OpenReport
  readonly #parts: Parts

  private constructor(parts: Parts, report: OpenReport) {
    this.#parts = parts
    this.unit = parts.options.unit
    this.opened = report
  }

  /**
   * Opens the store in the root of the host's disk, which is made when it is empty. One process can have it open at a time.
   * @throws TsinkError LOCKED, BAD_CONFIG, UNKNOWN_VERSION, or of kind `corrupt` (see the option `replay`).
   */
  static async open(host: Host, options: EngineOptions = {}): Promise<Engine> {
    const { parts, report } = await openParts(host, options)
    return new Engine(parts, report)
  }

  append(batch: WriteBatch): Promise<AppendResult> {
    return append(this.#parts, batch)
  }

  /**
   * Appends without waiting: what is accepted is in the log's hands when the call returns (durability `appended`, or `volatile` without a log).
   * Flushes need the event loop: who appends in one long run without giving way ends at MEMORY_BUDGET or LOG_FULL.
   * @throws TsinkError as `append`; MEMORY_BUDGET and LOG_FULL at once.
   */
  appendNow(batch: WriteBatch): AppendResult {
    return appendNow(this.#parts, batch)
  }

  select(selection: Selection): AsyncIterable<readonly SelectedSeries[]> {
    return select(this.#parts, selection)
  }

  /** As `select`, without giving way to other work. */
  selectNow(selection: Selection): Iterable<readonly SelectedSeries[]> {
    return selectNow(this.#parts, selection)
  }

  async labelNames(query: MetadataQuery): Promise<Listing<string>> {
    return labelNames(this.#parts, query)
  }

  async labelValues(name: string, query: MetadataQuery): Promise<Listing<string>> {
    return labelValues(this.#parts, name, query)
  }

  async series(query: MetadataQuery): Promise<Listing<Labels>> {
    return series(this.#parts, query)
  }

  async metricMetadata(query: MetricMetadataQuery): Promise<ReadonlyMap<string, readonly MetricMetadata[]>> {
    assertOpen(this.#parts)
    return this.#parts.notes.metadata(query.metric, query.limit)
  }

  async exemplars(query: ExemplarQuery): Promise<readonly SeriesExemplars[]> {
    assertOpen(this.#parts)
    return this.#parts.notes.exemplars(query.selectors, Number(query.minTime), Number(query.maxTime))
  }

  async delete(request: DeleteRequest): Promise<DeleteResult> {
    const result = await deleteSamples(this.#parts, request)
    await this.#parts.log?.commit()
    return result
  }

  /** Takes a delete back as far as compaction has not carried it out. `sequence` is the delete's. */
  async undelete(sequence: number): Promise<void> {
    undelete(this.#parts, sequence)
    await this.#parts.log?.commit()
  }

  /** Writes everything that is in memory into segments. Appends go on meanwhile; what they bring stays in memory. */
  flush(): Promise<void> {
    return flush(this.#parts)
  }

  /** Merges segments until there is nothing to merge, and carries out deletes that are past undoing. */
  compact(): Promise<void> {
    return compact(this.#parts)
  }

  /** Lets expired data go; the answer says what went. Runs by itself once a minute. */
  retain(): Promise<readonly Expiry[]> {
    return this.#parts.background.exclusively(() => retain(this.#parts))
  }

  /** What `retain` would let go now. */
  previewRetention(): Promise<readonly Expiry[]> {
    return previewRetention(this.#parts)
  }

  /**
   * Makes a snapshot in a new directory of the store's disk: a store of its own, with everything appended before the call, verified.
   * @throws TsinkError BAD_REQUEST when there is something at `path`.
   */
  snapshot(path: string): Promise<SnapshotResult> {
    return this.#parts.background.exclusively(() => snapshot(this.#parts, path))
  }

  /**
   * Gives a store that nobody has open a catalog again, when it has lost its own: see {@link RepairReport}. A whole catalog is left alone.
   * @throws TsinkError LOCKED; UNSUPPORTED when deletes may be lost and `loseDeletes` is not set.
   */
  static repair(host: Host, options: RepairOptions = {}): Promise<RepairReport> {
    return repair(host, options)
  }

  /**
   * Verifies a store that nobody has open: all its files, as they lie there. Nothing is changed.
   * @throws TsinkError LOCKED.
   */
  static verify(host: Host): Promise<VerifyReport> {
    return verifyClosed(host)
  }

  /** Reads every stored byte, the log's too, and checks every invariant. With `quarantine`, damaged segments are set aside. */
  verify(options: { readonly quarantine?: boolean } = {}): Promise<VerifyReport> {
    return verify(this.#parts, options)
  }

  stats(): EngineStats {
    return stats(this.#parts)
  }

  close(): Promise<void> {
    return closeParts(this.#parts)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
