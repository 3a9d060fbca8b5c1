/**
 * BatchWriter: grows the columns of a batch while a decoder walks a body. Floats go straight into typed arrays; what is rare (histograms,
 * other kinds, exemplars, metadata) goes into lists.
 *
 * Times come in as milliseconds since the epoch and nanoseconds on top; the writer turns them into the store's unit.
 */
import {
  SeriesTable,
  STALE_BITS_HIGH,
  STALE_BITS_LOW,
  type AnySampleColumns,
  type Exemplar,
  type Histogram,
  type Labels,
  type MetricMetadata,
  type TimeUnit,
  type ValueColumns,
  type ValueKind,
  type WriteBatch,
} from '@tsink/core'
import type { DecodeOptions } from './decoded.ts'
import { setBits } from './double-bits.ts'
import type { LabelWriter } from './label-writer.ts'
import type { SeriesCache } from './series-cache.ts'

export class BatchWriter {
  readonly series: SeriesTable
  /** Samples in all columns. */
  samples = 0
  exemplars = 0
  readonly #unit: TimeUnit
  readonly #cache: SeriesCache | undefined
  #entries: Uint32Array = new Uint32Array(64)
  readonly #generation: number
  readonly #floats: FloatColumns
  readonly #others = new Map<ValueKind, OtherColumns>()
  readonly #metadata = new Map<string, MetricMetadata>()
  readonly #exemplars: Exemplar[] = []
  // Nanosecond stores count from an exact base; see SampleColumns.
  #baseMs = Number.NaN

  constructor(options: DecodeOptions, expectedSeries = 16, expectedBytes = 1_024) {
    this.#unit = options.unit ?? 'ms'
    this.#cache = options.cache
    // A cache whose numbers suffice brings no label bytes, or few.
    this.series = new SeriesTable(expectedSeries, this.#cache?.numbersSuffice === true ? Math.min(expectedBytes, 4_096) : expectedBytes)
    this.#floats = new FloatColumns(Math.max(64, expectedSeries))
    this.#cache?.begin()
    this.#generation = this.#cache?.generation ?? 0
  }

  /** The slot of a series that the cache knows by these raw bytes, or -1. */
  known(bytes: Uint8Array, start: number, end: number, kind: number): number {
    if (this.#cache === undefined) return -1
    const entry = this.#cache.find(bytes, start, end, kind)
    return entry < 0 ? -1 : this.#cached(entry)
  }

  /** The slot of the label set in `labels` (finished), remembered under the raw bytes. */
  remember(bytes: Uint8Array, start: number, end: number, kind: number, labels: LabelWriter): number {
    if (this.#cache === undefined) return this.add(labels)
    return this.#cached(this.#cache.add(bytes, start, end, kind, labels.bytes, labels.length))
  }

  /** The slot of the label set in `labels` (finished). */
  add(labels: LabelWriter): number {
    return this.#enter(this.series.addBytes(labels.bytes.subarray(0, labels.length)), 0)
  }

  addLabels(labels: Labels): number {
    return this.#enter(this.series.add(labels), 0)
  }

  /** A view of the canonical label bytes of a slot; empty in the rare case that the cache has forgotten them since. */
  labelBytes(slot: number): Uint8Array {
    const entry = this.#entries[slot]!
    const isLeftOut = entry > 0 && this.#cache!.numbersSuffice && this.#cache!.generation === this.#generation
    return isLeftOut ? this.#cache!.labelBytes(entry - 1) : this.series.labelBytes(slot)
  }

  float(slot: number, ms: number, value: number, startMs = 0, nanos = 0, startNanos = 0): void {
    this.#floats.push(slot, this.#time(ms, nanos), value, startMs === 0 ? 0 : this.#time(startMs, startNanos))
    this.samples++
  }

  /** Gives the float sample that was added last the bits of a NaN. */
  nanBits(low: number, high: number): void {
    this.#floats.setLastBits(low, high)
  }

  /** Adds the marker that the series has ended. */
  stale(slot: number, ms: number, startMs = 0, nanos = 0, startNanos = 0): void {
    this.float(slot, ms, NaN, startMs, nanos, startNanos)
    this.nanBits(STALE_BITS_LOW, STALE_BITS_HIGH)
  }

  /** How many float samples there are; they are numbered in the order in which they came. */
  get floatCount(): number {
    return this.#floats.count
  }

  floatSlot(index: number): number {
    return this.#floats.slotAt(index)
  }

  floatValue(index: number): number {
    return this.#floats.valueAt(index)
  }

  /** The time of a float sample in the store's unit, relative to the batch's base; for `histogramAt`. */
  floatTime(index: number): number {
    return this.#floats.timeAt(index)
  }

  floatStart(index: number): number {
    return this.#floats.startAt(index)
  }

  /** Drops the float samples from number `from` on, but for those listed in ascending order. */
  keepFloats(from: number, kept: readonly number[]): void {
    this.samples -= this.#floats.count - from - kept.length
    this.#floats.keep(from, kept)
  }

  /** Adds a histogram at the time that `floatTime` gave. */
  histogramAt(slot: number, time: number, histogram: Histogram, startTime: number): void {
    this.#columnsOf('histogram').push(slot, time, histogram, startTime)
    this.samples++
  }

  /** Hands the exemplars of some series to another. */
  moveExemplars(from: readonly number[], to: number): void {
    for (let i = 0; i < this.#exemplars.length; i++) {
      const exemplar = this.#exemplars[i]!
      if (from.includes(exemplar.slot)) this.#exemplars[i] = { ...exemplar, slot: to }
    }
  }

  /** Sets the start timestamp of a float sample that was written without one. */
  setFloatStart(index: number, startMs: number): void {
    this.#floats.setStart(index, this.#time(startMs, 0))
  }

  histogram(slot: number, ms: number, histogram: Histogram, startMs = 0, nanos = 0, startNanos = 0): void {
    this.other('histogram', slot, ms, histogram, startMs, nanos, startNanos)
  }

  other<K extends ValueKind>(
    kind: K,
    slot: number,
    ms: number,
    value: ValueColumns[K][number],
    startMs = 0,
    nanos = 0,
    startNanos = 0,
  ): void {
    this.#columnsOf(kind).push(slot, this.#time(ms, nanos), value, startMs === 0 ? 0 : this.#time(startMs, startNanos))
    this.samples++
  }

  exemplar(slot: number, labels: Labels, ms: number, value: number, nanos = 0): void {
    this.#exemplars.push({ slot, labels, timestamp: this.#time(ms, nanos) + this.#base, value })
    this.exemplars++
  }

  /** What is known of a metric family; what comes later adds to it and replaces it part by part. */
  metadata(metric: string, part: Partial<MetricMetadata>): void {
    const known = this.#metadata.get(metric)
    this.#metadata.set(metric, {
      metric,
      type: part.type ?? known?.type ?? 'unknown',
      help: part.help ?? known?.help ?? '',
      unit: part.unit ?? known?.unit ?? '',
    })
  }

  /** Whole columns of floats that something else has read, with times in milliseconds; takes the arrays. They come before all others. */
  floatColumns(
    count: number,
    slots: Uint32Array,
    timestamps: Float64Array,
    values: Float64Array,
    startTimestamps: Float64Array | null,
  ): AnySampleColumns {
    this.samples += count
    if (this.#unit !== 'ms') {
      for (let i = 0; i < count; i++) {
        timestamps[i] = this.#time(timestamps[i]!, 0)
        if (startTimestamps !== null && startTimestamps[i] !== 0) startTimestamps[i] = this.#time(startTimestamps[i]!, 0)
      }
    }
    const columns = { kind: 'f64' as const, count, slots, base: this.#base, timestamps, values }
    return startTimestamps === null ? columns : { ...columns, startTimestamps }
  }

  build(): WriteBatch {
    const samples: AnySampleColumns[] = []
    const base = this.#base
    if (this.#floats.count > 0) samples.push(this.#floats.build(base))
    for (const [kind, columns] of this.#others) samples.push(columns.build(kind, base))
    if (this.#cache !== undefined && this.series.count > 0) this.#cache.expect(this.series, this.#entries)
    return { series: this.series, samples, metadata: [...this.#metadata.values()], exemplars: this.#exemplars }
  }

  #columnsOf(kind: ValueKind): OtherColumns {
    let columns = this.#others.get(kind)
    if (columns === undefined) {
      columns = new OtherColumns()
      this.#others.set(kind, columns)
    }
    return columns
  }

  #cached(entry: number): number {
    return this.#enter(this.#cache!.addTo(this.series, entry), entry + 1)
  }

  #enter(slot: number, entry: number): number {
    if (slot >= this.#entries.length) {
      const entries = new Uint32Array(this.#entries.length * 2)
      entries.set(this.#entries)
      this.#entries = entries
    }
    this.#entries[slot] = entry
    return slot
  }

  get #base(): number {
    return this.#unit === 'ns' && !Number.isNaN(this.#baseMs) ? this.#baseMs * 1e6 : 0
  }

  #time(ms: number, nanos: number): number {
    switch (this.#unit) {
      case 'ms':
        return ms
      case 's':
        return Math.floor(ms / 1e3)
      case 'us':
        return ms * 1e3 + Math.floor(nanos / 1e3)
      case 'ns':
        // A multiple of 2^13 milliseconds is a multiple of 2^13 nanoseconds, and as such exact in a double.
        if (Number.isNaN(this.#baseMs)) this.#baseMs = Math.floor(ms / 8_192) * 8_192
        return (ms - this.#baseMs) * 1e6 + nanos
    }
  }
}

class FloatColumns {
  count = 0
  #slots: Uint32Array
  #timestamps: Float64Array
  #values: Float64Array
  #startTimestamps: Float64Array | null = null

  constructor(capacity: number) {
    this.#slots = new Uint32Array(capacity)
    this.#timestamps = new Float64Array(capacity)
    this.#values = new Float64Array(capacity)
  }

  push(slot: number, timestamp: number, value: number, startTimestamp: number): void {
    const at = this.count++
    if (at >= this.#slots.length) this.#grow()
    this.#slots[at] = slot
    this.#timestamps[at] = timestamp
    this.#values[at] = value
    if (startTimestamp !== 0) this.#startTimestamps ??= new Float64Array(this.#slots.length)
    if (this.#startTimestamps !== null) this.#startTimestamps[at] = startTimestamp
  }

  slotAt(index: number): number {
    return this.#slots[index]!
  }

  setLastBits(low: number, high: number): void {
    setBits(this.#values, this.count - 1, low, high)
  }

  valueAt(index: number): number {
    return this.#values[index]!
  }

  timeAt(index: number): number {
    return this.#timestamps[index]!
  }

  startAt(index: number): number {
    return this.#startTimestamps?.[index] ?? 0
  }

  keep(from: number, kept: readonly number[]): void {
    let at = from
    for (const index of kept) {
      this.#slots[at] = this.#slots[index]!
      this.#timestamps[at] = this.#timestamps[index]!
      this.#values[at] = this.#values[index]!
      if (this.#startTimestamps !== null) this.#startTimestamps[at] = this.#startTimestamps[index]!
      at++
    }
    this.#startTimestamps?.fill(0, at, this.count)
    this.count = at
  }

  setStart(index: number, startTimestamp: number): void {
    this.#startTimestamps ??= new Float64Array(this.#slots.length)
    this.#startTimestamps[index] = startTimestamp
  }

  build(base: number): AnySampleColumns {
    const columns = {
      kind: 'f64' as const,
      count: this.count,
      slots: this.#slots,
      base,
      timestamps: this.#timestamps,
      values: this.#values,
    }
    return this.#startTimestamps === null ? columns : { ...columns, startTimestamps: this.#startTimestamps }
  }

  #grow(): void {
    const capacity = this.#slots.length * 2
    const slots = new Uint32Array(capacity)
    slots.set(this.#slots)
    this.#slots = slots
    this.#timestamps = grown(this.#timestamps, capacity)
    this.#values = grown(this.#values, capacity)
    if (this.#startTimestamps !== null) this.#startTimestamps = grown(this.#startTimestamps, capacity)
  }
}

class OtherColumns {
  readonly #slots: number[] = []
  readonly #timestamps: number[] = []
  readonly #startTimestamps: number[] = []
  readonly #values: unknown[] = []
  #anyStart = false

  push(slot: number, timestamp: number, value: unknown, startTimestamp: number): void {
    this.#slots.push(slot)
    this.#timestamps.push(timestamp)
    this.#startTimestamps.push(startTimestamp)
    this.#values.push(value)
    if (startTimestamp !== 0) this.#anyStart = true
  }

  build(kind: ValueKind, base: number): AnySampleColumns {
    const columns = {
      kind,
      count: this.#slots.length,
      slots: Uint32Array.from(this.#slots),
      base,
      timestamps: Float64Array.from(this.#timestamps),
      values: columnOf(kind, this.#values),
      ...(this.#anyStart ? { startTimestamps: Float64Array.from(this.#startTimestamps) } : {}),
    }
    return columns as AnySampleColumns
  }
}

function columnOf(kind: ValueKind, values: unknown[]): unknown {
  switch (kind) {
    case 'f64':
    case 'bool':
      return Float64Array.from(values as number[])
    case 'i64':
      return BigInt64Array.from(values as bigint[])
    case 'u64':
      return BigUint64Array.from(values as bigint[])
    default:
      return values
  }
}

function grown(column: Float64Array, capacity: number): Float64Array {
  const next = new Float64Array(capacity)
  next.set(column)
  return next
}
