/**
 * Series handles: the fastest way to write single samples. A handle has its slot in a table that lives as long as the database; `append` puts
 * one slot, time and value into typed columns and returns. The columns go to the store when they are full, when the present turn of the event
 * loop ends, and before anything is read.
 *
 *     handle.append(t, v) ─▸ slots · timestamps · values ─ full, or end of turn ▸ store
 */
import { SeriesTable, TsinkError, type AppendResult, type Labels, type TimeUnit, type ValueKind, type WriteBatch } from '@tsink/core'
import { columnOf } from './rows.ts'
import { baseOf, offsetOf } from './times.ts'
import type { Precision, Time, ValueOf } from './types.ts'

/** Samples that are kept back at most: their columns fit into the second-level cache. More when there are more handles, see `#reserve`. */
const BUFFERED = 4_096

/** What handles write to. */
export interface Sink {
  readonly unit: TimeUnit
  append(batch: WriteBatch): Promise<AppendResult>
  appendNow?(batch: WriteBatch): AppendResult
}

/** One series to write to. Made by `db.series(...)`; kept, like its labels, until the database is closed. */
export interface SeriesHandle<P extends Precision = 'ms', K extends ValueKind = 'f64'> {
  readonly labels: Labels
  readonly kind: K
  /**
   * Takes one sample. It is visible to reads at once, and in the log's hands at the end of the present turn of the event loop; `db.flush()`
   * says when it is as safe as the database promises, and what was rejected.
   * @throws TsinkError `limited` or `unavailable` when the store takes no more: the sample was not taken.
   */
  append(timestamp: Time<P>, value: ValueOf[K]): void
}

/** What happened to the samples of all handles since the last `flush`. */
export interface FlushResult {
  readonly accepted: number
  readonly rejected: number
  /** The reasons of the first rejections. */
  readonly messages: readonly string[]
  readonly durability: AppendResult['durability']
}

/** All handles of one database. */
export class Appender {
  readonly #sink: Sink
  readonly #table = new SeriesTable()
  readonly #handles = new Map<string, SeriesHandle<Precision, ValueKind>>()
  readonly #buffers = new Map<ValueKind, Buffered>()
  #accepted = 0
  #rejected = 0
  #messages: string[] = []
  #error: unknown = null
  #scheduled = false
  #inFlight: Promise<void> | null = null
  /** Why the store had no room for what is in flight. */
  #full: TsinkError | null = null

  constructor(sink: Sink) {
    this.#sink = sink
  }

  handle(labels: Labels, kind: ValueKind): SeriesHandle<Precision, ValueKind> {
    const key = `${kind} ${labels.key()}`
    let handle = this.#handles.get(key)
    if (handle === undefined) {
      const slot = this.#table.add(labels)
      const buffer = this.#bufferOf(kind)
      buffer.reserve(this.#table.count)
      handle =
        kind === 'f64' && this.#sink.unit !== 'ns'
          ? new FloatHandle(this, buffer as FloatBuffer, labels, slot)
          : new AnyHandle(this, buffer, labels, slot, this.#sink.unit === 'ns')
      this.#handles.set(key, handle)
    }
    return handle
  }

  /**
   * Hands everything that is buffered to the store, at once. @throws what the store throws, also while earlier samples wait for room; the samples stay
   * buffered then.
   */
  drain(): void {
    for (const buffer of this.#buffers.values()) if (buffer.count > 0) this.drainOne(buffer)
  }

  /** As {@link drain}, but waits where the store has no room right now. What failed is told by `flush`. */
  async settle(): Promise<void> {
    this.#schedule(true)
    while (this.#inFlight !== null) await this.#inFlight
  }

  /** As {@link drain}, then waits until the samples are as safe as the store promises, and tells what happened since the last time. */
  async flush(): Promise<FlushResult> {
    await this.settle()
    // An append of nothing waits for what was appended before it.
    const { durability } = await this.#sink.append({ series: new SeriesTable(0, 0), samples: [] })
    const error = this.#error
    this.#error = null
    if (error !== null) throw error
    const result = { accepted: this.#accepted, rejected: this.#rejected, messages: this.#messages, durability }
    this.#accepted = 0
    this.#rejected = 0
    this.#messages = []
    return result
  }

  /** As {@link drain} at the end, but waits for what waits for room. @throws what nobody was told yet. */
  async finish(): Promise<void> {
    await this.settle()
    const error = this.#error
    this.#error = null
    if (error !== null) throw error
    this.drain()
  }

  /** Sees to it that what is buffered goes to the store at the end of the turn. */
  wake(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    queueMicrotask(() => {
      this.#scheduled = false
      this.#schedule(true)
    })
  }

  drainOne(buffer: Buffered): void {
    if (this.#error !== null) throw this.#error
    if (this.#sink.appendNow === undefined) return this.#schedule(false)
    // Of two samples at one time the later wins: nothing goes past what waits for room, even if there is some by now.
    if (this.#inFlight !== null) throw this.#full
    this.#note(this.#sink.appendNow({ series: this.#table, samples: [buffer.columns()] }))
    buffer.clear()
  }

  /** Drains; when the store has no room right now, waits for it without holding anybody up. */
  #schedule(quietly: boolean): void {
    for (const buffer of this.#buffers.values()) {
      if (buffer.count === 0) continue
      try {
        if (this.#sink.appendNow !== undefined && this.#inFlight === null) {
          this.drainOne(buffer)
          continue
        }
      } catch (error) {
        if (!(error instanceof TsinkError) || error.kind !== 'limited') {
          if (!quietly) throw error
          this.#error ??= error
          continue
        }
        this.#full = error
      }
      const columns = buffer.take()
      const before = this.#inFlight
      const send = async (): Promise<void> => {
        await before
        try {
          this.#note(await this.#sink.append({ series: this.#table, samples: [columns] }))
        } catch (error) {
          this.#error ??= error
        }
      }
      const sent: Promise<void> = send().then(() => {
        if (this.#inFlight === sent) this.#inFlight = null
      })
      this.#inFlight = sent
    }
  }

  #note(result: AppendResult): void {
    this.#accepted += result.accepted
    this.#rejected += result.rejected
    for (const { message } of result.rejections) if (this.#messages.length < 100) this.#messages.push(message)
  }

  #bufferOf(kind: ValueKind): Buffered {
    let buffer = this.#buffers.get(kind)
    if (buffer === undefined) {
      buffer = kind === 'f64' ? new FloatBuffer() : new ListBuffer(kind)
      this.#buffers.set(kind, buffer)
    }
    return buffer
  }
}

type Samples = WriteBatch['samples'][number]

/** Buffered samples of one kind. */
abstract class Buffered {
  abstract readonly kind: ValueKind
  count = 0
  base = 0
  capacity: number = BUFFERED
  slots: Uint32Array = new Uint32Array(BUFFERED)
  timestamps: Float64Array = new Float64Array(BUFFERED)

  /** With many series a batch is larger, since the store looks at every series of the table. The buffer may hold samples. */
  reserve(series: number): void {
    if (series * 2 <= this.capacity) return
    this.capacity *= 2
    const { slots, timestamps } = this
    this.slots = new Uint32Array(this.capacity)
    this.slots.set(slots)
    this.timestamps = new Float64Array(this.capacity)
    this.timestamps.set(timestamps)
    this.grow()
  }

  /** The samples as columns that are right until the buffer changes. */
  columns(): Samples {
    return {
      kind: this.kind,
      count: this.count,
      slots: this.slots,
      base: this.base,
      timestamps: this.timestamps,
      values: this.values(),
    } as Samples
  }

  /** The samples as columns of their own; the buffer is empty then. */
  take(): Samples {
    const columns = this.columns()
    this.slots = new Uint32Array(this.capacity)
    this.timestamps = new Float64Array(this.capacity)
    this.renew()
    this.clear()
    return columns
  }

  abstract put(index: number, value: unknown): void
  abstract clear(): void
  protected abstract values(): unknown
  protected abstract grow(): void
  protected abstract renew(): void
}

class FloatBuffer extends Buffered {
  readonly kind = 'f64'
  floats: Float64Array = new Float64Array(BUFFERED)

  put(index: number, value: unknown): void {
    this.floats[index] = value as number
  }

  clear(): void {
    this.count = 0
  }

  protected values(): Float64Array {
    return this.floats
  }

  protected grow(): void {
    const { floats } = this
    this.floats = new Float64Array(this.capacity)
    this.floats.set(floats)
  }

  protected renew(): void {
    this.floats = new Float64Array(this.capacity)
  }
}

class ListBuffer extends Buffered {
  readonly kind: ValueKind
  #list: unknown[] = []

  constructor(kind: ValueKind) {
    super()
    this.kind = kind
  }

  put(index: number, value: unknown): void {
    this.#list[index] = value
  }

  clear(): void {
    this.count = 0
    this.#list = []
  }

  protected values(): unknown {
    return columnOf(this.kind, this.#list)
  }

  protected grow(): void {}

  protected renew(): void {}
}

/** Floats in a store whose times are numbers: no branch that is not needed. */
class FloatHandle implements SeriesHandle<Precision, ValueKind> {
  readonly labels: Labels
  readonly kind = 'f64'
  readonly #appender: Appender
  readonly #buffer: FloatBuffer
  readonly #slot: number

  constructor(appender: Appender, buffer: FloatBuffer, labels: Labels, slot: number) {
    this.#appender = appender
    this.#buffer = buffer
    this.labels = labels
    this.#slot = slot
  }

  append(timestamp: number | bigint, value: unknown): void {
    const buffer = this.#buffer
    if (buffer.count === buffer.capacity) this.#appender.drainOne(buffer)
    const at = buffer.count
    buffer.slots[at] = this.#slot
    buffer.timestamps[at] = timestamp as number
    buffer.floats[at] = value as number
    buffer.count = at + 1
    if (at === 0) this.#appender.wake()
  }
}

class AnyHandle implements SeriesHandle<Precision, ValueKind> {
  readonly labels: Labels
  readonly kind: ValueKind
  readonly #appender: Appender
  readonly #buffer: Buffered
  readonly #slot: number
  readonly #nanoseconds: boolean

  constructor(appender: Appender, buffer: Buffered, labels: Labels, slot: number, nanoseconds: boolean) {
    this.#appender = appender
    this.#buffer = buffer
    this.labels = labels
    this.kind = buffer.kind
    this.#slot = slot
    this.#nanoseconds = nanoseconds
  }

  append(timestamp: number | bigint, value: unknown): void {
    const buffer = this.#buffer
    if (buffer.count === buffer.capacity) this.#appender.drainOne(buffer)
    let time = timestamp as number
    if (this.#nanoseconds) {
      time = offsetOf(timestamp as bigint, buffer.base)
      if (buffer.count > 0 && Number.isNaN(time)) this.#appender.drainOne(buffer)
      if (buffer.count === 0) {
        buffer.base = baseOf(timestamp as bigint)
        time = offsetOf(timestamp as bigint, buffer.base)
      }
    }
    const at = buffer.count
    buffer.slots[at] = this.#slot
    buffer.timestamps[at] = time
    buffer.put(at, value)
    buffer.count = at + 1
    if (at === 0) this.#appender.wake()
  }
}
