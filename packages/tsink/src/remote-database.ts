/**
 * RemoteDatabase: the front of a database that runs in a thread of its own, so that neither queries nor flushes ever hold up the program's event
 * loop. Rows become columns here, and columns travel without being copied; everything else is done over there.
 */
import {
  Labels,
  TsinkError,
  type AnySampleColumns,
  type AppendResult,
  type DeleteResult,
  type QueryResult,
  type ValueKind,
} from '@tsink/core'
import type { EngineStats, Expiry, OpenReport, SnapshotResult, VerifyReport } from '@tsink/engine'
import type { EvaluateOptions, ListOptions, QueryTime } from './database.ts'
import type { OpenOptions, Span } from './options.ts'
import type { Call, Reply, Thread, WireError } from './port.ts'
import { pointsOf, type SelectOptions } from './read.ts'
import { draftColumns, draftRows, type Draft } from './rows.ts'
import type { ScanOptions, ScanPage } from './scan.ts'
import { checkedLabels, SeriesCache } from './series-cache.ts'
import type { FlushResult, SeriesHandle } from './series-handle.ts'
import type {
  Columns,
  InsertResult,
  LabelRecord,
  Precision,
  Row,
  Selector,
  SeriesColumns,
  SeriesPoints,
  Time,
  TimeRange,
  ValueOf,
} from './types.ts'

/** A batch on its way: label bytes of its own series only, and columns whose slots count those. */
export interface RemoteBatch {
  readonly bytes: Uint8Array
  readonly offsets: Uint32Array
  readonly samples: readonly AnySampleColumns[]
}

/** Samples of handles that may be on their way at once; then `append` says that it is too much. */
const MAX_UNDERWAY = 4_000_000

type Answer = (reply: { readonly result: unknown } | { readonly error: WireError }) => void

export class RemoteDatabase<P extends Precision = 'ms'> {
  readonly precision: P
  /** What opening found: how much of the log was replayed, what was damaged. */
  readonly opened: OpenReport
  readonly #line: Line
  readonly #cache = new SeriesCache()
  readonly #nanoseconds: boolean
  readonly #handles = new Map<string, SeriesHandle<Precision, ValueKind>>()
  readonly #pending = new Map<ValueKind, Pending>()
  #underway = 0
  #scheduled = false
  #failure: unknown = null
  #sent: Promise<unknown> = Promise.resolve()

  private constructor(line: Line, precision: P, opened: OpenReport) {
    this.#line = line
    this.precision = precision
    this.opened = opened
    this.#nanoseconds = precision === 'ns'
  }

  /** @internal Use `open({ worker: true })`. */
  static async open<P extends Precision>(thread: Thread, options: OpenOptions<P>): Promise<RemoteDatabase<P>> {
    const { onError, onReplay, worker: _, ...plain } = options
    const line = new Line(thread, onError, onReplay)
    try {
      const { precision, opened } = (await line.call('open', [
        { ...plain, keep: options.keep?.map(({ selector, retention }) => ({ selector: plainSelector(selector), retention })) ?? [] },
      ])) as {
        precision: P
        opened: OpenReport
      }
      return new RemoteDatabase(line, precision, opened)
    } catch (error) {
      await thread.end()
      throw error
    }
  }

  /** As `Database.insertRows`. */
  insertRows(rows: readonly Row<P>[]): Promise<InsertResult> {
    return this.#append(draftRows(rows, this.#cache, this.#nanoseconds))
  }

  /** As `Database.insertColumns`. The columns are copied before the call returns. */
  async insertColumns(columns: Columns<P> | readonly Columns<P>[]): Promise<InsertResult> {
    return this.#append(draftColumns<P>(Array.isArray(columns) ? columns : [columns], this.#cache, this.#nanoseconds))
  }

  /** As `Database.series`. `append` throws OVERLOADED when four million samples are on their way already. */
  series<K extends ValueKind = 'f64'>(metric: string, labels?: LabelRecord, kind?: K): SeriesHandle<P, K> {
    const of = checkedLabels(metric, labels)
    const key = `${kind ?? 'f64'} ${of.key()}`
    let handle = this.#handles.get(key)
    if (handle === undefined) {
      const number = this.#handles.size
      this.#line.call('series', [metric, labels, kind ?? 'f64']).catch((error: unknown) => this.#fail(error))
      handle = { labels: of, kind: kind ?? 'f64', append: (timestamp, value) => this.#take(kind ?? 'f64', number, timestamp, value) }
      this.#handles.set(key, handle)
    }
    return handle as unknown as SeriesHandle<P, K>
  }

  /** As `Database.flush`. */
  async flush(): Promise<FlushResult> {
    this.#send()
    await this.#sent
    const result = (await this.#line.call('flush', [])) as FlushResult
    const failure = this.#failure
    this.#failure = null
    if (failure !== null) throw failure
    return result
  }

  /** As `Database.selectColumns`; an aggregate is a named one, for functions do not travel between threads. */
  async selectColumns(selector: Selector, options: SelectOptions<P> = {}): Promise<SeriesColumns<P>[]> {
    if (typeof options.aggregate === 'object') {
      throw new TsinkError('UNSUPPORTED', 'an aggregate of your own cannot run in the thread of the database; select, and aggregate here')
    }
    const found = (await this.#call('selectColumns', plainSelector(selector), options)) as SeriesColumns<P>[]
    return found.map((columns) => ({ ...columns, labels: revive(columns.labels) }))
  }

  /** As `Database.select`. */
  async select(selector: Selector, options: SelectOptions<P> = {}): Promise<SeriesPoints<P>[]> {
    return (await this.selectColumns(selector, options)).map((columns) => pointsOf(columns))
  }

  /** As `Database.scan`. */
  scan(selector: Selector, options: ScanOptions<P> = {}): Promise<ScanPage<P>> {
    return this.#call('scan', plainSelector(selector), options) as Promise<ScanPage<P>>
  }

  /** As `Database.query`. */
  query(text: string, options: EvaluateOptions & { readonly time?: QueryTime } = {}): Promise<QueryResult> {
    return this.#evaluate('query', text, options)
  }

  /** As `Database.queryRange`. */
  queryRange(
    text: string,
    range: EvaluateOptions & { readonly start: QueryTime; readonly end: QueryTime; readonly step: Span },
  ): Promise<QueryResult> {
    return this.#evaluate('queryRange', text, range)
  }

  labels(selector?: Selector, options: ListOptions<P> = {}): Promise<string[]> {
    return this.#call('labels', plainSelector(selector), options) as Promise<string[]>
  }

  labelValues(name: string, selector?: Selector, options: ListOptions<P> = {}): Promise<string[]> {
    return this.#call('labelValues', name, plainSelector(selector), options) as Promise<string[]>
  }

  metrics(selector?: Selector, options: ListOptions<P> = {}): Promise<string[]> {
    return this.#call('metrics', plainSelector(selector), options) as Promise<string[]>
  }

  async listSeries(selector?: Selector, options: ListOptions<P> = {}): Promise<Labels[]> {
    return ((await this.#call('listSeries', plainSelector(selector), options)) as Labels[]).map(revive)
  }

  delete(selector: Selector, options: TimeRange<P> & { readonly dryRun?: boolean } = {}): Promise<DeleteResult> {
    return this.#call('delete', plainSelector(selector), options) as Promise<DeleteResult>
  }

  async undelete(deletion: DeleteResult): Promise<void> {
    await this.#call('undelete', deletion)
  }

  async checkpoint(): Promise<void> {
    await this.#call('checkpoint')
  }

  async compact(): Promise<void> {
    await this.#call('compact')
  }

  previewRetention(): Promise<readonly Expiry[]> {
    return this.#call('previewRetention') as Promise<readonly Expiry[]>
  }

  retain(): Promise<readonly Expiry[]> {
    return this.#call('retain') as Promise<readonly Expiry[]>
  }

  snapshot(name: string): Promise<SnapshotResult> {
    return this.#call('snapshot', name) as Promise<SnapshotResult>
  }

  verify(): Promise<VerifyReport> {
    return this.#call('verify') as Promise<VerifyReport>
  }

  stats(): Promise<EngineStats> {
    return this.#call('stats') as Promise<EngineStats>
  }

  /** Closes the database and ends its thread. Closing twice is fine. @throws what happened to samples of handles and no `flush` has told. */
  async close(): Promise<void> {
    if (this.#line.isClosed) return
    this.#send()
    await this.#sent
    await this.#line.close()
    const failure = this.#failure
    this.#failure = null
    if (failure !== null) throw failure
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** Calls after what handles took so far: messages keep their order. */
  async #call(method: string, ...args: readonly unknown[]): Promise<unknown> {
    this.#send()
    return this.#line.call(method, args)
  }

  async #append(draft: Draft): Promise<InsertResult> {
    this.#send()
    const batch = packed(draft)
    return draft.finish((await this.#line.call('append', [batch])) as AppendResult)
  }

  async #evaluate(method: string, text: string, options: EvaluateOptions): Promise<QueryResult> {
    this.#send()
    const { signal, ...plain } = options
    const result = (await this.#line.call(method, [text, plain], [], signal)) as QueryResult
    const { value } = result
    if (value.type === 'vector')
      return { ...result, value: { ...value, samples: value.samples.map((each) => ({ ...each, labels: revive(each.labels) })) } }
    if (value.type === 'matrix')
      return { ...result, value: { ...value, series: value.series.map((each) => ({ ...each, labels: revive(each.labels) })) } }
    return result
  }

  #take(kind: ValueKind, number: number, timestamp: Time<Precision>, value: ValueOf[ValueKind]): void {
    if (this.#line.isClosed) throw new TsinkError('CLOSED', 'the database is closed')
    if (this.#underway >= MAX_UNDERWAY)
      throw new TsinkError('OVERLOADED', `${this.#underway} samples are on their way to the database's thread; flush first`)
    let pending = this.#pending.get(kind)
    if (pending === undefined) {
      pending = { numbers: [], timestamps: [], values: [] }
      this.#pending.set(kind, pending)
    }
    // What is no time or number fails here, before whoever called.
    const time = this.#nanoseconds ? BigInt.asIntN(64, timestamp as bigint) : +(timestamp as number)
    pending.values.push(kind === 'f64' ? +(value as number) : value)
    pending.timestamps.push(time)
    pending.numbers.push(number)
    this.#underway++
    if (this.#scheduled) return
    this.#scheduled = true
    queueMicrotask(() => {
      this.#scheduled = false
      if (!this.#line.isClosed) this.#send()
    })
  }

  #send(): void {
    for (const [kind, { numbers, timestamps, values }] of this.#pending) {
      this.#pending.delete(kind)
      const count = numbers.length
      const times = this.#nanoseconds ? BigInt64Array.from(timestamps as bigint[]) : Float64Array.from(timestamps as number[])
      const slots = Uint32Array.from(numbers)
      const typed = kind === 'f64' ? Float64Array.from(values as number[]) : values
      const transfer = [times.buffer, slots.buffer, ...(typed instanceof Float64Array ? [typed.buffer] : [])]
      const sent = this.#line.call('appendAll', [slots, times, typed, count], transfer).catch((error: unknown) => this.#fail(error))
      this.#sent = sent.finally(() => {
        this.#underway -= count
      })
    }
  }

  #fail(error: unknown): void {
    this.#failure ??= error
  }
}

interface Pending {
  readonly numbers: number[]
  readonly timestamps: (number | bigint)[]
  readonly values: unknown[]
}

/** Calls over a thread's port, each with its answer. */
class Line {
  isClosed = false
  readonly #thread: Thread
  readonly #answers = new Map<number, Answer>()
  #next = 1
  #closing: Promise<void> | null = null

  constructor(thread: Thread, onError: OpenOptions['onError'], onReplay: OpenOptions['onReplay']) {
    this.#thread = thread
    thread.onMessage((message) => {
      const reply = message as Reply
      if ('news' in reply) {
        if (reply.news === 'error') onError?.(errorOf(reply.error))
        else onReplay?.(reply.done, reply.total)
        return
      }
      this.#answers.get(reply.id)?.(reply)
      this.#answers.delete(reply.id)
    })
    thread.onEnd((reason) => {
      this.isClosed = true
      this.#abandon(`the database's thread has ended: ${reason.message}`)
    })
  }

  call(method: string, args: readonly unknown[], transfer: readonly ArrayBuffer[] = [], signal?: AbortSignal): Promise<unknown> {
    if (this.isClosed) return Promise.reject(new TsinkError('CLOSED', 'the database is closed'))
    if (signal?.aborted === true) return Promise.reject(new TsinkError('CANCELED', 'the call was canceled', { cause: signal.reason }))
    const id = this.#next++
    return new Promise((resolve, reject) => {
      const abort = (): void => this.#thread.post({ id: 0, method: 'abort', args: [id] } satisfies Call)
      this.#answers.set(id, (reply) => {
        signal?.removeEventListener('abort', abort)
        if ('error' in reply) reject(errorOf(reply.error))
        else resolve(reply.result)
      })
      this.#thread.post({ id, method, args } satisfies Call, transfer)
      signal?.addEventListener('abort', abort)
    })
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    try {
      await this.call('close', [])
    } finally {
      this.isClosed = true
      await this.#thread.end()
      this.#abandon('the database is closed')
    }
  }

  /** Nobody answers any more. */
  #abandon(message: string): void {
    for (const answer of this.#answers.values()) answer({ error: { code: 'CLOSED', message, detail: {} } })
    this.#answers.clear()
  }
}

/** The batch of a draft with a table of its own series only. */
function packed({ batch }: Draft): RemoteBatch {
  const { series } = batch
  const taken = new Map<number, number>()
  const lengths: number[] = []
  let total = 0
  const samples = batch.samples.map((column): AnySampleColumns => {
    const slots = new Uint32Array(column.count)
    for (let i = 0; i < column.count; i++) {
      const slot = column.slots[i]!
      let at = taken.get(slot)
      if (at === undefined) {
        at = taken.size
        taken.set(slot, at)
        lengths.push(series.offsets[slot + 1]! - series.offsets[slot]!)
        total += lengths[at]!
      }
      slots[i] = at
    }
    return { ...column, slots }
  })
  const bytes = new Uint8Array(total)
  const offsets = new Uint32Array(taken.size + 1)
  for (const [slot, at] of taken) {
    bytes.set(series.labelBytes(slot), offsets[at]!)
    offsets[at + 1] = offsets[at]! + lengths[at]!
  }
  return { bytes, offsets, samples }
}

/** Matchers hold compiled expressions, which do not travel: they go as text. */
function plainSelector<S extends Selector | undefined>(selector: S): S {
  if (typeof selector !== 'object' || selector.matchers === undefined) return selector
  const { metric, labels, matchers } = selector
  if (metric === undefined && labels === undefined) return `{${matchers.join(',')}}` as S
  const own = Object.entries({ ...labels, ...(metric === undefined ? {} : { __name__: metric }) }).map(
    ([name, value]) => `${JSON.stringify(name)}=${JSON.stringify(value)}`,
  )
  return `{${[...own, ...matchers].join(',')}}` as S
}

/** Labels from what a thread made of them. */
function revive(labels: Labels): Labels {
  return Labels.fromSorted(labels.names, labels.values)
}

function errorOf({ code, message, detail }: WireError): Error {
  return code === null ? new Error(message) : new TsinkError(code, message, { detail })
}
