/**
 * Records: what the engine writes into the log, as bytes. One record is one batch, with only its accepted samples, or one delete, or the
 * undoing of one. docs/format/log.md shows every byte.
 *
 * Columns are written as they lie in memory (little-endian 64-bit words), since the log lives for minutes and is written on every append;
 * only what repeats is folded: one timestamp for all samples, timestamps at equal steps, one series for all samples, and series that follow each
 * other, as those of a scrape do. A series is named by its number; the first record of each generation that names a series carries its label bytes. The log is cut only between generations, so
 * what is left of it stands on its own.
 */
import {
  assert,
  corruption,
  histogram,
  COUNTER_RESET_HINTS,
  Matcher,
  VALUE_KINDS,
  type Histogram,
  type MatchType,
  type MetricMetadata,
  type MetricType,
  type Span,
  type ValueKind,
} from '@tsink/core'
import { ByteReader, type ByteWriter } from '@tsink/codecs'

/** Types of records. */
export const BATCH = 1
export const DELETE = 2
export const UNDELETE = 3

assert(new Uint8Array(new Uint32Array([1]).buffer)[0] === 1, 'the machine is little-endian, as all machines that run tsink are')

// How timestamps and series numbers of a column are written.
const EACH_TIME = 0
const SAME_TIME = 1
const STEADY_TIME = 2
const SAME_SERIES = 4
const HAS_STARTS = 8
const NEXT_SERIES = 16
const ALL_FLAGS = 31

/** Values of one column: doubles, 64-bit words, histograms or byte strings, by kind. */
export type ColumnValues = Float64Array | BigInt64Array | readonly Histogram[] | readonly Uint8Array[]

/** Accepted samples of one kind that belong to one head. `count` elements of each array count. */
export interface AcceptedColumn {
  readonly kind: ValueKind
  readonly base: number
  readonly count: number
  /** The series of each sample; one element stands for all. */
  readonly ids: Uint32Array
  readonly timestamps: Float64Array
  /** Whether all timestamps are known to be the same. */
  readonly isOneTime: boolean
  readonly values: ColumnValues
  readonly startTimestamps: Float64Array | null
}

/** An exemplar, its labels and its series as label bytes: exemplars are few, and may come without samples. */
export interface AcceptedExemplar {
  readonly seriesBytes: Uint8Array
  readonly labelBytes: Uint8Array
  readonly timestamp: number
  readonly value: number
}

export interface Definition {
  readonly id: number
  readonly labelBytes: Uint8Array
}

export interface BatchRecord {
  /** Tells the process that wrote the record: series numbers mean something only within one. */
  readonly run: number
  readonly definitions: readonly Definition[]
  readonly columns: readonly AcceptedColumn[]
  readonly metadata: readonly MetricMetadata[]
  readonly exemplars: readonly AcceptedExemplar[]
}

export function writeBatch(writer: ByteWriter, batch: BatchRecord): void {
  writer.uvarint(batch.run)
  writer.uvarint(batch.definitions.length)
  for (const { id, labelBytes } of batch.definitions) {
    writer.uvarint(id)
    writer.uvarint(labelBytes.length)
    writer.append(labelBytes)
  }
  writer.uvarint(batch.columns.length)
  for (const column of batch.columns) writeColumn(writer, column)
  writer.uvarint(batch.metadata.length)
  for (const entry of batch.metadata) writeMetadata(writer, entry)
  writer.uvarint(batch.exemplars.length)
  for (const exemplar of batch.exemplars) {
    writer.uvarint(exemplar.seriesBytes.length)
    writer.append(exemplar.seriesBytes)
    writeExemplar(writer, exemplar)
  }
}

/** Reads a batch record. Its arrays are copies. @throws TsinkError of kind `corrupt`. */
export function readBatch(payload: Uint8Array): BatchRecord {
  const reader = new ByteReader(payload, 0, payload.length, 'batch record')
  const run = reader.uvarint()
  const definitions: Definition[] = []
  for (let left = reader.length(2); left > 0; left--) definitions.push({ id: reader.uvarint(), labelBytes: reader.take(reader.length()) })
  const columns: AcceptedColumn[] = []
  for (let left = reader.length(); left > 0; left--) columns.push(readColumn(reader))
  const metadata: MetricMetadata[] = []
  for (let left = reader.length(); left > 0; left--) metadata.push(readMetadata(reader))
  const exemplars: AcceptedExemplar[] = []
  for (let left = reader.length(); left > 0; left--)
    exemplars.push({ seriesBytes: reader.take(reader.length()).slice(), ...readExemplar(reader) })
  if (reader.remaining > 0) throw corruption('BAD_FORMAT', 'batch record: bytes behind its end', { offset: reader.offset })
  return { run, definitions, columns, metadata, exemplars }
}

export function writeSelectors(writer: ByteWriter, selectors: readonly (readonly Matcher[])[]): void {
  writer.uvarint(selectors.length)
  for (const matchers of selectors) {
    writer.uvarint(matchers.length)
    for (const matcher of matchers) {
      writer.string(matcher.type)
      writer.string(matcher.name)
      writer.string(matcher.value)
    }
  }
}

export function readSelectors(reader: ByteReader): Matcher[][] {
  return Array.from({ length: reader.length() }, () =>
    Array.from({ length: reader.length(3) }, () => new Matcher(reader.string() as MatchType, reader.string(), reader.string())),
  )
}

export function writeMetadata(writer: ByteWriter, entry: MetricMetadata): void {
  writer.string(entry.metric)
  writer.string(entry.type)
  writer.string(entry.help)
  writer.string(entry.unit)
}

export function readMetadata(reader: ByteReader): MetricMetadata {
  return { metric: reader.string(), type: reader.string() as MetricType, help: reader.string(), unit: reader.string() }
}

/** An exemplar without its series. */
export type ExemplarBytes = Omit<AcceptedExemplar, 'seriesBytes'>

export function writeExemplar(writer: ByteWriter, { labelBytes, timestamp, value }: ExemplarBytes): void {
  writer.uvarint(labelBytes.length)
  writer.append(labelBytes)
  writer.f64(timestamp)
  writer.f64(value)
}

export function readExemplar(reader: ByteReader): ExemplarBytes {
  return { labelBytes: reader.take(reader.length()).slice(), timestamp: reader.f64(), value: reader.f64() }
}

function writeColumn(writer: ByteWriter, column: AcceptedColumn): void {
  const { count, ids, timestamps, startTimestamps } = column
  let flags = count === 0 ? EACH_TIME : column.isOneTime ? SAME_TIME : timesOf(timestamps, count)
  if (count > 0) flags |= seriesOf(ids, count)
  if (startTimestamps !== null) flags |= HAS_STARTS
  writer.u8(VALUE_KINDS.indexOf(column.kind))
  writer.u8(flags)
  writer.uvarint(count)
  writer.f64(column.base)
  if ((flags & (SAME_SERIES | NEXT_SERIES)) !== 0) writer.u32(ids[0]!)
  else writer.append(bytesOf(ids, count))
  if ((flags & SAME_TIME) !== 0) writer.f64(timestamps[0]!)
  else if ((flags & STEADY_TIME) !== 0) {
    writer.f64(timestamps[0]!)
    writer.f64(timestamps[1]! - timestamps[0]!)
  } else writer.append(bytesOf(timestamps, count))
  if (startTimestamps !== null) writer.append(bytesOf(startTimestamps, count))
  const { values } = column
  if (values instanceof Float64Array || values instanceof BigInt64Array) writer.append(bytesOf(values, count))
  else {
    for (let i = 0; i < count; i++) {
      const value = values[i]!
      if (value instanceof Uint8Array) {
        writer.uvarint(value.length)
        writer.append(value)
      } else writeHistogram(writer, value)
    }
  }
}

function readColumn(reader: ByteReader): AcceptedColumn {
  const kind = VALUE_KINDS[reader.u8()]
  if (kind === undefined) throw corruption('BAD_FORMAT', 'batch record: unknown value kind', { offset: reader.offset - 1 })
  const flags = reader.u8()
  if (flags > ALL_FLAGS) throw corruption('BAD_FORMAT', 'batch record: unknown flags', { offset: reader.offset - 1, found: flags })
  const count = reader.uvarint()
  const base = reader.f64()
  // Every sample takes at least one byte of what follows, or else the timestamps and series would be the only thing in the record.
  if (count > reader.remaining)
    throw corruption('TRUNCATED', 'batch record: more samples than bytes', { offset: reader.offset, found: count })
  const ids = new Uint32Array(count)
  if ((flags & SAME_SERIES) !== 0) ids.fill(reader.u32())
  else if ((flags & NEXT_SERIES) !== 0) {
    const first = reader.u32()
    for (let i = 0; i < count; i++) ids[i] = first + i
  } else fill(ids, reader)
  const timestamps = new Float64Array(count)
  if ((flags & SAME_TIME) !== 0) timestamps.fill(reader.f64())
  else if ((flags & STEADY_TIME) !== 0) {
    const first = reader.f64()
    const step = reader.f64()
    for (let i = 0; i < count; i++) timestamps[i] = first + i * step
  } else fill(timestamps, reader)
  let startTimestamps: Float64Array | null = null
  if ((flags & HAS_STARTS) !== 0) {
    startTimestamps = new Float64Array(count)
    fill(startTimestamps, reader)
  }
  const isOneTime = (flags & SAME_TIME) !== 0
  return { kind, base, count, ids, timestamps, isOneTime, startTimestamps, values: readValues(reader, kind, count) }
}

function readValues(reader: ByteReader, kind: ValueKind, count: number): ColumnValues {
  switch (kind) {
    case 'f64':
    case 'bool': {
      const values = new Float64Array(count)
      fill(values, reader)
      return values
    }
    case 'i64':
    case 'u64': {
      const values = new BigInt64Array(count)
      fill(values, reader)
      return values
    }
    case 'bytes':
    case 'string':
      return Array.from({ length: count }, () => reader.take(reader.length()).slice())
    case 'histogram':
      return Array.from({ length: count }, () => readHistogram(reader))
  }
}

/** Whether all timestamps are one, or follow each other at one exact step, or neither. */
function timesOf(timestamps: Float64Array, count: number): number {
  const first = timestamps[0]!
  const step = count > 1 ? timestamps[1]! - first : 0
  for (let i = 1; i < count; i++) if (timestamps[i] !== first + i * step) return EACH_TIME
  return step === 0 ? SAME_TIME : STEADY_TIME
}

/** Whether all samples are of one series, or of series with numbers that follow each other, or neither. */
function seriesOf(ids: Uint32Array, count: number): number {
  const first = ids[0]!
  if (count === 1 || ids.length === 1) return SAME_SERIES
  const step = ids[1]! - first
  if (step !== 0 && step !== 1) return 0
  for (let i = 1; i < count; i++) if (ids[i] !== first + i * step) return 0
  return step === 0 ? SAME_SERIES : NEXT_SERIES
}

function bytesOf(column: Uint32Array | Float64Array | BigInt64Array, count: number): Uint8Array {
  return new Uint8Array(column.buffer, column.byteOffset, count * column.BYTES_PER_ELEMENT)
}

/** Fills a column from the next bytes, which need not be aligned. */
function fill(column: Uint32Array | Float64Array | BigInt64Array, reader: ByteReader): void {
  new Uint8Array(column.buffer).set(reader.take(column.byteLength))
}

const INTEGER = 4

function writeHistogram(writer: ByteWriter, h: Histogram): void {
  writer.u8(COUNTER_RESET_HINTS.indexOf(h.hint) | (h.isInteger ? INTEGER : 0))
  writer.varint(h.schema)
  writeFloats(writer, Float64Array.of(h.count, h.zeroThreshold, h.zeroCount))
  // The sum alone may be the stale marker, whose bits a plain number may lose on its way.
  writeFloats(writer, sumOf(h))
  writeSpans(writer, h.positiveSpans)
  writeFloats(writer, h.positiveBuckets)
  writeSpans(writer, h.negativeSpans)
  writeFloats(writer, h.negativeBuckets)
  writeFloats(writer, h.customValues)
}

function readHistogram(reader: ByteReader): Histogram {
  const flags = reader.u8()
  const schema = reader.varint()
  const numbers = readFloats(reader)
  const sum = readFloats(reader)
  return histogram({
    schema,
    hint: COUNTER_RESET_HINTS[flags & 3]!,
    isInteger: (flags & INTEGER) !== 0,
    count: numbers[0]!,
    zeroThreshold: numbers[1]!,
    zeroCount: numbers[2]!,
    sum: sum[0]!,
    positiveSpans: readSpans(reader),
    positiveBuckets: readFloats(reader),
    negativeSpans: readSpans(reader),
    negativeBuckets: readFloats(reader),
    customValues: readFloats(reader),
  })
}

const sumScratch = new Float64Array(1)

function sumOf(h: Histogram): Float64Array {
  sumScratch[0] = h.sum
  return sumScratch
}

function writeSpans(writer: ByteWriter, spans: readonly Span[]): void {
  writer.uvarint(spans.length)
  for (const { offset, length } of spans) {
    writer.varint(offset)
    writer.uvarint(length)
  }
}

function readSpans(reader: ByteReader): Span[] {
  return Array.from({ length: reader.length(2) }, () => ({ offset: reader.varint(), length: reader.uvarint() }))
}

function writeFloats(writer: ByteWriter, floats: Float64Array): void {
  writer.uvarint(floats.length)
  writer.append(bytesOf(floats, floats.length))
}

function readFloats(reader: ByteReader): Float64Array {
  const floats = new Float64Array(reader.length(8))
  fill(floats, reader)
  return floats
}
