/**
 * WriteBatch: what crosses the Store port on the way in. A table of series and columns of samples that point into it by slot.
 *
 *     series table   slot 0: canonical label bytes      samples   slot       0     0     1   ...
 *                    slot 1: canonical label bytes                timestamp  t     t     t
 *                    ...                                          value      v     v     v
 *
 * A slot may be used by any number of samples, and samples come in any order. `refs` is a hint that makes writing the same series again
 * cheap: a store writes its own number for each slot there when it takes the batch, and a caller that kept the numbers (a scrape loop, a
 * cache of raw label bytes, a series handle) passes them with the next batch, so that the store need not look at the labels.
 */
import { assert } from './errors.ts'
import { encodeLabels, type Labels } from './labels.ts'
import type { Histogram } from './histogram.ts'
import { STALE, type ValueKind } from './columns.ts'

/** The label sets of a batch as canonical bytes, end to end in one arena. */
export class SeriesTable {
  count = 0
  /** Canonical label bytes of all slots: slot i is `bytes[offsets[i] .. offsets[i + 1]]`. */
  bytes: Uint8Array
  /** `count + 1` used elements. */
  offsets: Uint32Array
  /** The store's number of each slot's series, or 0 when unknown. In: a hint of the caller's. Out: filled by the store that appended. */
  refs: Uint32Array

  constructor(series = 16, bytes = 1_024) {
    this.bytes = new Uint8Array(bytes)
    this.offsets = new Uint32Array(series + 1)
    this.refs = new Uint32Array(series)
  }

  /** Adds a series by its labels and returns its slot. The caller sees to it that no two slots hold the same labels, or pays for both. */
  add(labels: Labels, ref = 0): number {
    return this.addBytes(encodeLabels(labels), ref)
  }

  /** Adds a series by its canonical label bytes, which are copied. With a ref that the store issued the bytes may be empty. */
  addBytes(bytes: Uint8Array, ref = 0): number {
    const slot = this.count
    if (slot >= this.refs.length) this.#growSeries()
    const start = this.offsets[slot]!
    const end = start + bytes.length
    if (end > this.bytes.length) this.#growBytes(end)
    this.bytes.set(bytes, start)
    this.offsets[slot + 1] = end
    this.refs[slot] = ref
    this.count++
    return slot
  }

  /** A view of one slot's canonical label bytes; do not keep it beyond the batch. */
  labelBytes(slot: number): Uint8Array {
    return this.bytes.subarray(this.offsets[slot]!, this.offsets[slot + 1]!)
  }

  clear(): void {
    this.count = 0
  }

  #growSeries(): void {
    const capacity = Math.max(16, this.refs.length * 2)
    const offsets = new Uint32Array(capacity + 1)
    offsets.set(this.offsets)
    this.offsets = offsets
    const refs = new Uint32Array(capacity)
    refs.set(this.refs)
    this.refs = refs
  }

  #growBytes(need: number): void {
    const bytes = new Uint8Array(Math.max(need, this.bytes.length * 2))
    bytes.set(this.bytes.subarray(0, this.offsets[this.count]!))
    this.bytes = bytes
  }
}

/** The value column of each kind. Floats and bools are doubles; integers keep all their 64 bits; the rest are lists. */
export interface ValueColumns {
  f64: Float64Array
  /** 0 or 1. */
  bool: Float64Array
  i64: BigInt64Array
  u64: BigUint64Array
  bytes: readonly Uint8Array[]
  string: readonly string[]
  histogram: readonly Histogram[]
}

/** Samples of one value kind. The columns may be longer than `count`. */
export interface SampleColumns<K extends ValueKind = ValueKind> {
  readonly kind: K
  readonly count: number
  /** For each sample the slot of its series. */
  readonly slots: Uint32Array
  /** Added to each timestamp: 0, or in nanosecond stores an exact start (see SampleBuffer). */
  readonly base: number
  readonly timestamps: Float64Array
  readonly values: ValueColumns[K]
  /** When the counted quantity began, per sample, 0 for unknown; left out when no sample says it. */
  readonly startTimestamps?: Float64Array
}

/** One of the columns, with a kind that narrows its values. */
export type AnySampleColumns = { [K in ValueKind]: SampleColumns<K> }[ValueKind]

/** What a metric family is, for people and tools. Not part of any series' identity. */
export interface MetricMetadata {
  readonly metric: string
  readonly type: MetricType
  readonly help: string
  readonly unit: string
}

export type MetricType = 'counter' | 'gauge' | 'histogram' | 'gaugehistogram' | 'summary' | 'info' | 'stateset' | 'unknown'

/** A trace or other example behind a sample of the series at `slot`. */
export interface Exemplar {
  readonly slot: number
  readonly labels: Labels
  readonly timestamp: number
  readonly value: number
}

/** Everything that one request or call writes, taken or refused sample by sample. */
export interface WriteBatch {
  readonly series: SeriesTable
  /** In the order in which they were given: of two samples of one series at one time the later one wins. */
  readonly samples: readonly AnySampleColumns[]
  readonly metadata?: readonly MetricMetadata[]
  readonly exemplars?: readonly Exemplar[]
}

/** How safe an accepted sample is: in memory only, in the operating system's hands, or on the disk. */
export type Durability = 'volatile' | 'appended' | 'durable'

export type RejectReason =
  | 'too_old'
  | 'too_far_in_future'
  | 'bad_timestamp'
  | 'kind_mismatch'
  | 'bad_label'
  | 'bad_value'
  | 'series_limit'
  | 'limit'

/** One sample that was not taken. `column` and `index` say where it stands in the batch's `samples`. */
export interface Rejection {
  readonly column: number
  readonly index: number
  readonly slot: number
  readonly reason: RejectReason
  readonly message: string
}

/** What became of a batch. Nothing is dropped silently: `accepted` plus the rejections make up every sample. */
export interface AppendResult {
  readonly accepted: number
  /** How many samples were rejected. `rejections` lists the first of them, up to a bound. */
  readonly rejected: number
  readonly rejections: readonly Rejection[]
  readonly durability: Durability
  /** The batch's place in the store's order of writes; later wins. */
  readonly sequence: number
}

/** At most so many rejections are described one by one; a hostile batch must not cost more memory than it had. */
export const MAX_LISTED_REJECTIONS = 1_000

/** Builds a batch sample by sample, for edges where samples come one by one. Hot decoders fill columns themselves. */
export class BatchBuilder {
  readonly series: SeriesTable = new SeriesTable()
  readonly #slots = new Map<string, number>()
  readonly #columns = new Map<ValueKind, GrowingColumns>()
  #metadata: MetricMetadata[] = []
  #exemplars: Exemplar[] = []

  /** The slot of a label set, added when it is new. */
  slot(labels: Labels): number {
    const key = labels.key()
    const known = this.#slots.get(key)
    if (known !== undefined) return known
    const slot = this.series.add(labels)
    this.#slots.set(key, slot)
    return slot
  }

  float(slot: number, timestamp: number, value: number): void {
    this.#of('f64').push(slot, timestamp, value)
  }

  /** The stale marker: from this time on the series has no value. */
  stale(slot: number, timestamp: number): void {
    this.#of('f64').pushBits(slot, timestamp, STALE)
  }

  add<K extends ValueKind>(kind: K, slot: number, timestamp: number, value: ValueColumns[K][number], startTimestamp = 0): void {
    this.#of(kind).push(slot, timestamp, value, startTimestamp)
  }

  metadata(metadata: MetricMetadata): void {
    this.#metadata.push(metadata)
  }

  exemplar(exemplar: Exemplar): void {
    this.#exemplars.push(exemplar)
  }

  /** How many samples the batch holds. */
  get count(): number {
    let count = 0
    for (const columns of this.#columns.values()) count += columns.slots.length
    return count
  }

  build(): WriteBatch {
    return {
      series: this.series,
      samples: [...this.#columns].map(([kind, columns]) => columns.build(kind)),
      metadata: this.#metadata,
      exemplars: this.#exemplars,
    }
  }

  #of(kind: ValueKind): GrowingColumns {
    let columns = this.#columns.get(kind)
    if (columns === undefined) {
      columns = new GrowingColumns()
      this.#columns.set(kind, columns)
    }
    return columns
  }
}

class GrowingColumns {
  readonly slots: number[] = []
  readonly timestamps: number[] = []
  readonly values: unknown[] = []
  floats: Float64Array = new Float64Array(16)
  startTimestamps: number[] | null = null

  push(slot: number, timestamp: number, value: unknown, startTimestamp = 0): void {
    const index = this.slots.length
    this.slots.push(slot)
    this.timestamps.push(timestamp)
    if (typeof value === 'number') {
      this.#reserve(index)
      this.floats[index] = value
    } else this.values.push(value)
    if (startTimestamp !== 0 && this.startTimestamps === null) this.startTimestamps = Array.from({ length: index }, () => 0)
    this.startTimestamps?.push(startTimestamp)
  }

  /** Floats copied as bits, since a plain number may lose those of a NaN. */
  pushBits(slot: number, timestamp: number, value: Float64Array): void {
    const index = this.slots.length
    this.slots.push(slot)
    this.timestamps.push(timestamp)
    this.startTimestamps?.push(0)
    this.#reserve(index)
    this.floats.set(value.subarray(0, 1), index)
  }

  #reserve(index: number): void {
    if (index < this.floats.length) return
    const floats = new Float64Array(this.floats.length * 2)
    floats.set(this.floats)
    this.floats = floats
  }

  build(kind: ValueKind): AnySampleColumns {
    const count = this.slots.length
    const columns = {
      kind,
      count,
      slots: Uint32Array.from(this.slots),
      base: 0,
      timestamps: Float64Array.from(this.timestamps),
      values: this.#column(kind, count),
      ...(this.startTimestamps === null ? {} : { startTimestamps: Float64Array.from(this.startTimestamps) }),
    }
    return columns as AnySampleColumns
  }

  #column(kind: ValueKind, count: number): ValueColumns[ValueKind] {
    switch (kind) {
      case 'f64':
      case 'bool':
        return this.floats.slice(0, count)
      case 'i64':
        return BigInt64Array.from(this.values as bigint[])
      case 'u64':
        return BigUint64Array.from(this.values as bigint[])
      default:
        assert(this.values.length === count, 'every sample has a value')
        return this.values as ValueColumns['string']
    }
  }
}
