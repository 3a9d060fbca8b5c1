/**
 * BatchWriter: grows the columns of a batch while a decoder walks a body. Floats go straight into typed arrays; what is rare (histograms,
 * other kinds, exemplars, metadata) goes into lists.
 *
 * Formats that the kernel walks give it the body: series are then those of the kernel's table, floats go into its columns, and the kernel takes
 * in passes what it knows. When a body outgrows the kernel, what there is moves out, and the rest is decoded as without it.
 *
 * Times come in as milliseconds since the epoch and nanoseconds on top; the writer turns them into the store's unit.
 */
import {
  encodeLabels,
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
import { NO_ROOM, type SeriesWalk } from '@tsink/kernel'
import type { Decoded, DecodeOptions, Rejected } from './decoded.ts'
import { setBits } from './double-bits.ts'
import type { LabelWriter } from './label-writer.ts'
import { KEY_KINDS, type SeriesCache } from './series-cache.ts'

export class BatchWriter {
  /** How many lines or points the kernel took in its last pass. */
  passed = 0
  #series: SeriesTable
  /** Samples in all columns. */
  samples = 0
  exemplars = 0
  readonly #unit: TimeUnit
  readonly #cache: SeriesCache | undefined
  #entries: Uint32Array = new Uint32Array(64)
  /** By entry of the cache its slot plus 1: a series that a body repeats brings its labels once. */
  #slots: Uint32Array = new Uint32Array(64)
  #generation: number
  #floats: FloatColumns
  #walk: SeriesWalk | null
  #passes = true
  readonly #others = new Map<ValueKind, OtherColumns>()
  readonly #metadata = new Map<string, MetricMetadata>()
  readonly #exemplars: Exemplar[] = []
  // Nanosecond stores count from an exact base; see SampleColumns.
  #baseMs = Number.NaN

  /** `body` is given where the kernel may walk it. */
  constructor(options: DecodeOptions, expectedSeries = 16, expectedBytes = 1_024, body: Uint8Array | null = null) {
    this.#unit = options.unit ?? 'ms'
    this.#cache = options.cache
    const walk = body === null || this.#unit !== 'ms' || this.#cache?.numbersSuffice === true ? null : (this.#cache?.walk ?? null)
    this.#walk = walk?.begin(body!) === true ? walk : null
    const isWalked = this.#walk !== null
    // A cache whose numbers suffice brings no label bytes, or few.
    const bytes = isWalked ? 0 : this.#cache?.numbersSuffice === true ? Math.min(expectedBytes, 4_096) : expectedBytes
    this.#series = new SeriesTable(isWalked ? 0 : expectedSeries, bytes)
    this.#floats = new FloatColumns(Math.max(64, expectedSeries), this.#walk)
    if (!isWalked) this.#cache?.begin()
    this.#generation = this.#cache?.generation ?? 0
  }

  /** Lets the kernel go on at byte `from` of the body; answers where it stopped, which is `from` where there is no kernel. */
  pass(from: number, take: (walk: SeriesWalk, from: number) => number): number {
    this.passed = 0
    const walk = this.#walk
    if (walk === null || !this.#passes) return from
    const floats = this.#floats
    walk.samples = floats.count
    const at = take(walk, from)
    this.passed = walk.lines
    this.samples += walk.samples - floats.count
    floats.count = walk.samples
    return at
  }

  /** Whether the kernel takes part. */
  get isWalked(): boolean {
    return this.#walk !== null
  }

  /** Sets the bytes that go with the passes to come; with null, or more than the kernel has room for, there are none until the next call. */
  setContext(bytes: Uint8Array | null): void {
    this.#passes = bytes !== null && this.#walk?.setContext(bytes) === true
  }

  /** What the kernel needs to know to make new series of line protocol, see SeriesWalk. */
  setExtras(texts: readonly string[]): void {
    this.#walk?.setExtras(texts)
  }

  /** The slot of a series that the cache knows by these raw bytes, or -1. */
  known(bytes: Uint8Array, start: number, end: number, kind: number): number {
    if (this.#walk !== null) {
      const slot = this.#walk.known(bytes, start, end, kind)
      if (slot !== NO_ROOM) return slot
      this.#leaveKernel()
    }
    if (this.#cache === undefined) return -1
    const entry = this.#cache.find(bytes, start, end, kind)
    return entry < 0 ? -1 : this.#cached(entry)
  }

  /**
   * Where the series ends that the cache expects next, if it stands at `start` with a blank behind it; else -1. Text that was read before ends where
   * it ended then, so nobody need look for the end. `expected` is its slot.
   */
  expectedEnd(bytes: Uint8Array, start: number, end: number, kind: number): number {
    return this.#walk !== null || this.#cache === undefined ? -1 : this.#cache.expectedEnd(bytes, start, end, kind)
  }

  expected(): number {
    return this.#cached(this.#cache!.takeExpected())
  }

  /** The slot of the label set in `labels` (finished), remembered under the raw bytes. `note` is what the kernel's walk of the format wants to know. */
  remember(bytes: Uint8Array, start: number, end: number, kind: number, labels: LabelWriter, note = 0): number {
    if (this.#walk !== null) {
      const slot = this.#walk.remember(bytes.subarray(start, end), kind, labels.bytes.subarray(0, labels.length), note)
      if (slot !== NO_ROOM) return slot
      this.#leaveKernel()
    }
    if (this.#cache === undefined) return this.add(labels)
    return this.#cached(this.#cache.add(bytes, start, end, kind, labels.bytes, labels.length))
  }

  /** The slot of the label set in `labels` (finished). */
  add(labels: LabelWriter): number {
    return this.#addBytes(labels.bytes.subarray(0, labels.length))
  }

  addLabels(labels: Labels): number {
    return this.#addBytes(encodeLabels(labels))
  }

  #addBytes(canonical: Uint8Array): number {
    if (this.#walk !== null) {
      // Canonical bytes are names and values, each behind its length.
      const known = this.known(canonical, 0, canonical.length, KEY_KINDS.pairs)
      if (known >= 0) return known
    }
    if (this.#walk !== null) {
      const slot = this.#walk.remember(canonical, KEY_KINDS.pairs, canonical)
      if (slot !== NO_ROOM) return slot
      this.#leaveKernel()
    }
    return this.#enter(this.#series.addBytes(canonical), 0)
  }

  // The series so far keep their slots; those to come are the cache's.
  #leaveKernel(): void {
    const walk = this.#walk!
    const { series, entries } = walk.gather()
    this.#cache!.expectWalked(series, entries)
    this.#series = series
    this.#floats.leaveKernel()
    this.#walk = null
    this.#entries = new Uint32Array(series.count + 64)
    this.#cache!.begin()
    this.#generation = this.#cache!.generation
  }

  /** A view of the canonical label bytes of a slot; empty in the rare case that the cache has forgotten them since. */
  labelBytes(slot: number): Uint8Array {
    if (this.#walk !== null) return this.#walk.labelBytes(slot)
    const entry = this.#entries[slot]!
    const isLeftOut = entry > 0 && this.#cache!.numbersSuffice && this.#cache!.generation === this.#generation
    return isLeftOut ? this.#cache!.labelBytes(entry - 1) : this.#series.labelBytes(slot)
  }

  float(slot: number, ms: number, value: number, startMs = 0, nanos = 0, startNanos = 0): void {
    if (this.#walk !== null && this.#floats.isFull) this.#leaveKernel()
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

  /** What a decoder answers. */
  decoded(rejected: Rejected): Decoded {
    const walk = this.#walk
    const batch = this.build()
    return walk === null ? { batch, rejected } : { batch, rejected, release: () => walk.recycle(batch.series) }
  }

  build(): WriteBatch {
    const samples: AnySampleColumns[] = []
    const base = this.#base
    if (this.#floats.count > 0) samples.push(this.#floats.build(base))
    for (const [kind, columns] of this.#others) samples.push(columns.build(kind, base))
    if (this.#walk !== null) {
      const { series, entries } = this.#walk.gather()
      this.#series = series
      if (series.count > 0) this.#cache!.expectWalked(series, entries)
    } else if (this.#cache !== undefined && this.#series.count > 0) this.#cache.expect(this.#series, this.#entries, this.#generation)
    return { series: this.#series, samples, metadata: [...this.#metadata.values()], exemplars: this.#exemplars }
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
    const { generation } = this.#cache!
    if (generation !== this.#generation) {
      // Entries so far were numbered before the cache forgot them.
      this.#entries.fill(0)
      this.#slots.fill(0)
      this.#generation = generation
    }
    if (entry >= this.#slots.length) {
      const slots = new Uint32Array(Math.max(entry + 1, this.#slots.length * 2))
      slots.set(this.#slots)
      this.#slots = slots
    }
    const known = this.#slots[entry]!
    if (known > 0) return known - 1
    const slot = this.#enter(this.#cache!.addTo(this.#series, entry), entry + 1)
    this.#slots[entry] = slot + 1
    return slot
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

/** Float samples, in arrays that grow, or in the kernel's, which do not. */
class FloatColumns {
  count = 0
  #slots: Uint32Array
  #timestamps: Float64Array
  #values: Float64Array
  #startTimestamps: Float64Array | null = null
  #walk: SeriesWalk | null
  /** In the kernel's arrays: whether a start timestamp was put in here. */
  #anyStart = false

  constructor(capacity: number, walk: SeriesWalk | null) {
    this.#walk = walk
    const columns = walk?.sampleColumns()
    this.#slots = columns?.slots ?? new Uint32Array(capacity)
    this.#timestamps = columns?.timestamps ?? new Float64Array(capacity)
    this.#values = columns?.values ?? new Float64Array(capacity)
    if (columns !== undefined) this.#startTimestamps = columns.startTimestamps
  }

  get isFull(): boolean {
    return this.count === this.#slots.length
  }

  push(slot: number, timestamp: number, value: number, startTimestamp: number): void {
    const at = this.count++
    if (at >= this.#slots.length) this.#grow()
    this.#slots[at] = slot
    this.#timestamps[at] = timestamp
    this.#values[at] = value
    if (startTimestamp !== 0) {
      this.#startTimestamps ??= new Float64Array(this.#slots.length)
      this.#anyStart = true
    }
    if (this.#startTimestamps !== null) this.#startTimestamps[at] = startTimestamp
  }

  /** Copies what there is out of the kernel's arrays. */
  leaveKernel(): void {
    const anyStart = this.#anyStart || this.#walk!.anyStart
    this.#slots = this.#slots.slice(0, this.count)
    this.#timestamps = this.#timestamps.slice(0, this.count)
    this.#values = this.#values.slice(0, this.count)
    this.#startTimestamps = anyStart ? this.#startTimestamps!.slice(0, this.count) : null
    this.#walk = null
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
    this.#anyStart = true
    this.#startTimestamps[index] = startTimestamp
  }

  build(base: number): AnySampleColumns {
    if (this.#walk !== null) this.leaveKernel()
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
    const capacity = Math.max(64, this.#slots.length * 2)
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
