/**
 * A chunk: up to 16,384 samples (2,048 by custom) of one series and one kind, encoded once and never changed.
 *
 *     header: version, kind, count, base, first and last time, summary, section lengths
 *     timestamps │ start timestamps (where known) │ values │ CRC32C of all before
 *
 * The header alone answers what and when and how much; a directory inside each section lets a reader decode the blocks of 128 samples that it
 * wants. Every byte is on docs/format/chunk.md.
 */
import { SampleBuffer, VALUE_KINDS, assert, corruption, lowerBound, type Histogram, type ValueKind } from '@tsink/core'
import { BLOCK_SAMPLES, MAX_COLUMN_SAMPLES, codecLoops, crc32c } from '@tsink/kernel'
import { readBlobs, writeBlobs } from './blobs.ts'
import { readBooleans, writeBooleans } from './booleans.ts'
import { ByteReader, ByteWriter } from './bytes.ts'
import { readFloats, writeFloats } from './floats.ts'
import { readHistograms, writeHistograms } from './histograms.ts'
import { readIntegers, readIntegersAsDoubles, wordsToDoubles, writeIntegers, writeSafeIntegers } from './integers.ts'
import { VALUE_CODECS, type ValueCodec } from './sections.ts'
import { summarize, type Summary } from './summary.ts'
import {
  TIMESTAMP_CODECS,
  findBlocks,
  loadAll,
  rangeEnd,
  readTimestamps,
  steadyStep,
  writeTimestamps,
  type TimestampCodec,
} from './timestamps.ts'

/** The version of the format that is written. */
export const CHUNK_VERSION = 1

/** The most samples of one chunk. */
export const MAX_CHUNK_SAMPLES: number = MAX_COLUMN_SAMPLES

/** Samples of one series and one kind as columns; a `SampleBuffer` is one. Timestamps ascend strictly. */
export interface ChunkColumns {
  readonly kind: ValueKind
  /** Added to each timestamp; a multiple of 2^13 or 0. */
  readonly base: number
  readonly count: number
  /** Integers, relative to `base`. */
  readonly timestamps: Float64Array
  /** The values of kinds f64 and bool. */
  readonly values: Float64Array
  /** The values of kinds i64 and u64. */
  readonly integers?: BigInt64Array | null
  /** The values of kinds bytes and string. */
  readonly blobs?: Uint8Array[] | null
  /** The values of kind histogram. */
  readonly histograms?: (Histogram | undefined)[] | null
  /** Start timestamps relative to `base`, 0 for unknown. Absent, null and all zero are stored alike. */
  readonly startTimestamps?: Float64Array | null
}

/** What the header of a chunk says. */
export interface Chunk extends Summary {
  readonly kind: ValueKind
  readonly count: number
  readonly base: number
  /** First and last time, in the store's unit with `base` added (exact while below 2^53, that is always when `base` is 0). */
  readonly minTime: number
  readonly maxTime: number
  /** First and last time relative to `base`, always exact. */
  readonly minOffset: number
  readonly maxOffset: number
  readonly timestampCodec: TimestampCodec
  readonly valueCodec: ValueCodec
  readonly byteLength: number
  /** Where the sections begin. Start timestamps are absent when `startsAt` equals `valuesAt`; `valuesEnd` is where the checksum begins. */
  readonly timestampsAt: number
  readonly startsAt: number
  readonly valuesAt: number
  readonly valuesEnd: number
}

const FLAG_BASE = 0x10
const FLAG_STARTS = 0x20
const FLAG_SUMMARY = 0x40
const CHECKSUM_BYTES = 4

// How the summary names values that equal the first or the last, so that they need no eight bytes.
const OWN = 0
const AS_FIRST = 1
const AS_LAST = 2

const writer = new ByteWriter(65_536)
const section = new ByteWriter(65_536)

/**
 * Encodes samples `from` to `to` (at least one, at most {@link MAX_CHUNK_SAMPLES}) as one chunk: new bytes that the caller owns.
 * Throws TOO_LARGE when byte strings or histograms exceed what one chunk may hold.
 */
export function sealChunk(columns: ChunkColumns, from = 0, to: number = columns.count): Uint8Array {
  const count = to - from
  assert(count >= 1 && count <= MAX_CHUNK_SAMPLES, `a chunk holds 1 to ${MAX_CHUNK_SAMPLES} samples`)
  const { kind, base, timestamps } = columns
  const starts = columns.startTimestamps ?? null
  const hasStarts = starts !== null && anyNonZero(starts, from, to)
  const summary = summaryOf(columns, from, to)
  writer.clear()
  writer.u8(CHUNK_VERSION)
  writer.u8(
    VALUE_KINDS.indexOf(kind) | (base !== 0 ? FLAG_BASE : 0) | (hasStarts ? FLAG_STARTS : 0) | (summary !== null ? FLAG_SUMMARY : 0),
  )
  writer.uvarint(count)
  if (base !== 0) writer.f64(base)
  writer.varint(timestamps[from]!)
  writer.uvarint(timestamps[to - 1]! - timestamps[from]!)
  if (summary !== null) writeSummary(writer, summary, count)
  section.clear()
  writeTimestamps(section, timestamps, from, to)
  writer.uvarint(section.length)
  const timestampsEnd = section.length
  if (hasStarts) {
    writeSafeIntegers(section, starts, from, to)
    writer.uvarint(section.length - timestampsEnd)
  }
  writeValues(section, columns, from, to)
  writer.append(section.bytes.subarray(0, section.length))
  writer.u32(crc32c(writer.bytes.subarray(0, writer.length)))
  return writer.finish()
}

/** A header that is read into. */
class Header implements Chunk {
  kind: ValueKind = 'f64'
  count = 0
  base = 0
  minTime = 0
  maxTime = 0
  minOffset = 0
  maxOffset = 0
  numbers = 0
  min: number = NaN
  max: number = NaN
  sum = 0
  first: number = NaN
  last: number = NaN
  resets = 0
  timestampCodec: TimestampCodec = 'steps'
  valueCodec: ValueCodec = 'runs'
  byteLength = 0
  timestampsAt = 0
  startsAt = 0
  valuesAt = 0
  valuesEnd = 0
}

/** The header of the chunk that is being decoded: an object for each would be most of what a query leaves to the garbage collector. */
const decoding = new Header()

/** Reads and checks the header of a chunk, not its sections: cheap. Throws a `corrupt` error with the offset. */
export function openChunk(bytes: Uint8Array): Chunk {
  return readHeader(bytes, new Header(), true)
}

/** Without its summary, which a decoder does not look at, the header's summary stays as it was. */
function readHeader(bytes: Uint8Array, header: Header, withSummary: boolean): Chunk {
  if (bytes.length < 1 + CHECKSUM_BYTES) throw corruption('TRUNCATED', 'chunk: ends too early', { offset: 0, found: bytes.length })
  const valuesEnd = bytes.length - CHECKSUM_BYTES
  const reader = new ByteReader(bytes, 0, valuesEnd, 'chunk')
  const version = reader.u8()
  if (version !== CHUNK_VERSION)
    throw corruption('UNKNOWN_VERSION', 'chunk: unknown version', { offset: 0, expected: CHUNK_VERSION, found: version })
  const flags = reader.u8()
  const kind = VALUE_KINDS[flags & 0x0f]
  if (kind === undefined || flags & 0x80) throw corruption('BAD_FORMAT', 'chunk: unknown kind or flags', { offset: 1, found: flags })
  const countAt = reader.offset
  const count = reader.uvarint()
  if (count < 1 || count > MAX_CHUNK_SAMPLES) {
    throw corruption('BAD_FORMAT', 'chunk: impossible number of samples', { offset: countAt, expected: MAX_CHUNK_SAMPLES, found: count })
  }
  const base = flags & FLAG_BASE ? reader.f64() : 0
  if (!Number.isFinite(base)) throw corruption('BAD_FORMAT', 'chunk: the base is no number', { offset: countAt })
  const minOffset = reader.varint()
  const maxOffset = minOffset + reader.uvarint()
  if (flags & FLAG_SUMMARY) readSummary(reader, count, header, withSummary)
  else setSummary(header, 0, NaN, NaN, 0, NaN, NaN, 0)
  const timestampBytes = reader.length()
  const startBytes = flags & FLAG_STARTS ? reader.length() : 0
  const timestampsAt = reader.offset
  const startsAt = timestampsAt + timestampBytes
  const valuesAt = startsAt + startBytes
  if (valuesAt >= valuesEnd)
    throw corruption('TRUNCATED', 'chunk: ends before its values', { offset: timestampsAt, expected: valuesAt, found: valuesEnd })
  const timestampCodec = TIMESTAMP_CODECS[bytes[timestampsAt]!]
  const valueCodec = VALUE_CODECS[bytes[valuesAt]!]
  if (timestampCodec === undefined)
    throw corruption('BAD_FORMAT', 'chunk: unknown timestamp codec', { offset: timestampsAt, found: bytes[timestampsAt]! })
  if (valueCodec === undefined) throw corruption('BAD_FORMAT', 'chunk: unknown value codec', { offset: valuesAt, found: bytes[valuesAt]! })
  header.kind = kind
  header.count = count
  header.base = base
  header.minTime = base + minOffset
  header.maxTime = base + maxOffset
  header.minOffset = minOffset
  header.maxOffset = maxOffset
  header.timestampCodec = timestampCodec
  header.valueCodec = valueCodec
  header.byteLength = bytes.length
  header.timestampsAt = timestampsAt
  header.startsAt = startsAt
  header.valuesAt = valuesAt
  header.valuesEnd = valuesEnd
  return header
}

/** Checks the checksum over the whole chunk. Readers that trust their storage's own checksums need not. Throws CHECKSUM. */
export function verifyChunk(bytes: Uint8Array): void {
  const end = bytes.length - CHECKSUM_BYTES
  if (end < 1) throw corruption('TRUNCATED', 'chunk: ends too early', { offset: 0, found: bytes.length })
  const expected = new ByteReader(bytes, end).u32()
  const found = crc32c(bytes.subarray(0, end))
  if (expected !== found) throw corruption('CHECKSUM', 'chunk: the checksum does not match', { offset: end, expected, found })
}

/**
 * Appends the samples with `minTime <= t <= maxTime` to `into` and answers how many. Times are relative to `into.base`, which may differ from
 * the chunk's. Only the blocks of 128 samples that the range touches are decoded. An empty buffer takes the chunk's kind; else the kinds must
 * agree, save that floats and histograms may share a buffer. Byte strings are new memory. Throws a `corrupt` error with the offset; then
 * `into` holds what it held before.
 */
export function decodeChunk(bytes: Uint8Array, into: SampleBuffer, minTime: number, maxTime: number): number {
  const chunk = readHeader(bytes, decoding, false)
  const shift = chunk.base - into.base
  const lowest = Math.ceil(minTime - shift)
  const highest = Math.floor(maxTime - shift)
  if (highest < chunk.minOffset || lowest > chunk.maxOffset || !(lowest <= highest)) return 0
  const { count, timestampsAt, startsAt } = chunk
  const step = steadyStep(bytes, timestampsAt, startsAt, count, chunk.minOffset, chunk.maxOffset)
  if (step > 0) return appendSteady(chunk, bytes, step, lowest, highest, shift, into)
  let from = 0
  let to = count
  const whole = lowest <= chunk.minOffset && highest >= chunk.maxOffset
  const isLoaded = loadAll(bytes)
  const loadedAt = isLoaded ? timestampsAt : -1
  if (!whole) {
    from = findBlocks(bytes, timestampsAt, startsAt, count, lowest, highest, loadedAt)
    to = rangeEnd
    if (from >= to) return 0
  }
  readTimestamps(bytes, timestampsAt, startsAt, count, from, to, loadedAt)
  const times = codecLoops().doubles
  checkEnds(chunk, times, from, to)
  const skip = lowerBound(times, to - from, lowest)
  const end = from + (highest >= chunk.maxOffset ? to - from : lowerBound(times, to - from, highest + 1))
  const first = from + skip
  const taken = end - first
  if (taken <= 0) return 0
  append(chunk, bytes, isLoaded, first, end, skip, shift, into)
  return taken
}

/**
 * As {@link decodeChunk}, but appends only the newest sample of the range: what an instant query asks of each of its series. The sample that ends the
 * chunk is in the header; for another one a block of times and a value are decoded.
 */
export function decodeNewest(bytes: Uint8Array, into: SampleBuffer, minTime: number, maxTime: number): number {
  const chunk = readHeader(bytes, decoding, true)
  const shift = chunk.base - into.base
  const lowest = Math.ceil(minTime - shift)
  const highest = Math.floor(maxTime - shift)
  if (highest < chunk.minOffset || lowest > chunk.maxOffset || !(lowest <= highest)) return 0
  const { count, timestampsAt, startsAt, valuesAt } = chunk
  // Starts and exact integers are not in the header, nor is a NaN.
  if (highest >= chunk.maxOffset && chunk.kind === 'f64' && chunk.numbers === count && startsAt === valuesAt) {
    takeKind(into, 'f64')
    into.reserve(1)
    into.timestamps[into.count] = chunk.maxOffset + shift
    into.values[into.count] = chunk.last
    into.startTimestamps?.fill(0, into.count, into.count + 1)
    into.count++
    return 1
  }
  const step = steadyStep(bytes, timestampsAt, startsAt, count, chunk.minOffset, chunk.maxOffset)
  if (step > 0) {
    const newest = highest >= chunk.maxOffset ? chunk.maxOffset : highest - ((highest - chunk.minOffset) % step)
    return newest < lowest ? 0 : appendSteady(chunk, bytes, step, newest, newest, shift, into)
  }
  const isLoaded = loadAll(bytes)
  const loadedAt = isLoaded ? timestampsAt : -1
  const from = highest >= chunk.maxOffset ? lastBlock(count) : findBlocks(bytes, timestampsAt, startsAt, count, highest, highest, loadedAt)
  const to = highest >= chunk.maxOffset ? count : rangeEnd
  if (from >= to) return 0
  readTimestamps(bytes, timestampsAt, startsAt, count, from, to, loadedAt)
  const times = codecLoops().doubles
  checkEnds(chunk, times, from, to)
  const at = lowerBound(times, to - from, highest + 1) - 1
  if (at < 0 || times[at]! < lowest) return 0
  append(chunk, bytes, isLoaded, from + at, from + at + 1, at, shift, into)
  return 1
}

function checkEnds({ count, minOffset, maxOffset, timestampsAt }: Chunk, times: Float64Array, from: number, to: number): void {
  if ((from === 0 && times[0] !== minOffset) || (to === count && times[to - from - 1] !== maxOffset)) {
    throw corruption('BAD_FORMAT', 'chunk: the timestamps are not those of the header', { offset: timestampsAt })
  }
}

function lastBlock(count: number): number {
  return Math.floor((count - 1) / BLOCK_SAMPLES) * BLOCK_SAMPLES
}

/** As {@link decodeChunk}, of a chunk whose times follow each other at one step. */
function appendSteady(
  chunk: Chunk,
  bytes: Uint8Array,
  step: number,
  lowest: number,
  highest: number,
  shift: number,
  into: SampleBuffer,
): number {
  const { count, minOffset, maxOffset } = chunk
  const from = lowest <= minOffset ? 0 : Math.ceil((lowest - minOffset) / step)
  const to = highest >= maxOffset ? count : Math.floor((highest - minOffset) / step) + 1
  if (from >= to) return 0
  const at = into.count
  takeKind(into, chunk.kind)
  into.reserve(to - from)
  const { timestamps } = into
  // Offsets and shift are integers: adding them first is exact as well.
  const first = minOffset + shift
  for (let i = from; i < to; i++) timestamps[at + i - from] = first + step * i
  appendValues(chunk, bytes, loadAll(bytes), from, to, shift, into)
  return to - from
}

/** Appends samples `from` to `to`, whose times are in the loops' doubles from `skip` on. `isLoaded`: the chunk stands in the loops' bytes. */
function append(
  chunk: Chunk,
  bytes: Uint8Array,
  isLoaded: boolean,
  from: number,
  to: number,
  skip: number,
  shift: number,
  into: SampleBuffer,
): void {
  const taken = to - from
  const at = into.count
  takeKind(into, chunk.kind)
  into.reserve(taken)
  codecLoops().copyDoubles(skip, skip + taken, into.timestamps, at)
  if (shift !== 0) for (let i = at; i < at + taken; i++) into.timestamps[i]! += shift
  appendValues(chunk, bytes, isLoaded, from, to, shift, into)
}

/** Appends the values, and what else there is, of samples `from` to `to`, whose times stand behind those that the buffer counts. */
function appendValues(
  chunk: Chunk,
  bytes: Uint8Array,
  isLoaded: boolean,
  from: number,
  to: number,
  shift: number,
  into: SampleBuffer,
): void {
  const { count, startsAt, valuesAt } = chunk
  const taken = to - from
  const at = into.count
  readValues(chunk, bytes, isLoaded, from, to, into)
  if (startsAt < valuesAt) {
    into.startTimestamps ??= new Float64Array(into.capacity)
    readIntegersAsDoubles(bytes, startsAt, valuesAt, count, from, to, into.startTimestamps, at)
    if (shift !== 0) for (let i = at; i < at + taken; i++) if (into.startTimestamps[i] !== 0) into.startTimestamps[i]! += shift
  } else if (into.startTimestamps !== null) into.startTimestamps.fill(0, at, at + taken)
  into.count = at + taken
}

function writeValues(into: ByteWriter, columns: ChunkColumns, from: number, to: number): void {
  switch (columns.kind) {
    case 'f64':
      writeFloats(into, columns.values, from, to)
      return
    case 'bool':
      writeBooleans(into, columns.values, from, to)
      return
    case 'i64':
    case 'u64':
      assert(columns.integers, 'integers have their column')
      writeIntegers(into, columns.integers, from, to)
      return
    case 'bytes':
    case 'string':
      assert(columns.blobs, 'byte strings have their column')
      writeBlobs(into, columns.blobs, from, to)
      return
    case 'histogram':
      assert(columns.histograms, 'histograms have their column')
      writeHistograms(into, columns.histograms, from, to)
  }
}

function readValues(chunk: Chunk, bytes: Uint8Array, isLoaded: boolean, from: number, to: number, into: SampleBuffer): void {
  const { count, valuesAt, valuesEnd } = chunk
  const at = into.count
  switch (chunk.kind) {
    case 'f64':
      readFloats(bytes, valuesAt, valuesEnd, count, from, to, into.values, at, isLoaded ? valuesAt : -1)
      return
    case 'bool':
      readBooleans(bytes, valuesAt, valuesEnd, count, from, to, into.values, at)
      return
    case 'i64':
    case 'u64':
      readIntegers(bytes, valuesAt, valuesEnd, count, from, to, into.integers!, at)
      wordsToDoubles(into.integers!, at, at + to - from, chunk.kind === 'u64', into.values, at)
      return
    case 'bytes':
    case 'string':
      into.values.fill(NaN, at, at + to - from)
      readBlobs(bytes, valuesAt, valuesEnd, count, from, to, into.blobs!, at)
      return
    case 'histogram':
      readHistograms(bytes, valuesAt, valuesEnd, count, from, to, into.histograms!, at)
      for (let i = at; i < at + to - from; i++) into.values[i] = into.histograms![i]!.sum
  }
}

function takeKind(into: SampleBuffer, kind: ValueKind): void {
  if (into.count === 0) {
    const { base } = into
    if (into.kind !== kind || columnIsMissing(into, kind)) into.begin(kind)
    into.base = base
    return
  }
  if (into.kind === kind) {
    if (kind === 'histogram') into.histograms ??= []
    return
  }
  assert(
    (kind === 'f64' || kind === 'histogram') && (into.kind === 'f64' || into.kind === 'histogram'),
    `a buffer of ${into.kind} takes no ${kind}`,
  )
  if (kind === 'histogram') into.histograms ??= []
}

function columnIsMissing(into: SampleBuffer, kind: ValueKind): boolean {
  if (kind === 'i64' || kind === 'u64') return into.integers === null
  if (kind === 'bytes' || kind === 'string') return into.blobs === null
  return kind === 'histogram' && into.histograms === null
}

/** The summary that a chunk of these samples carries; null for values that have none. */
export function summaryOf(columns: ChunkColumns, from: number, to: number): Summary | null {
  switch (columns.kind) {
    case 'f64':
    case 'bool':
      return summarize(columns.values, from, to)
    case 'i64':
    case 'u64': {
      assert(columns.integers, 'integers have their column')
      const doubles = new Float64Array(to - from)
      wordsToDoubles(columns.integers, from, to, columns.kind === 'u64', doubles, 0)
      return summarize(doubles, 0, doubles.length)
    }
    default:
      return null
  }
}

// How min, max and last are told, first, [last], [min], [max], sum, resets, NaNs.
function writeSummary(into: ByteWriter, summary: Summary, count: number): void {
  const { first, last, min, max } = summary
  const minAs = Object.is(min, first) ? AS_FIRST : Object.is(min, last) ? AS_LAST : OWN
  const maxAs = Object.is(max, first) ? AS_FIRST : Object.is(max, last) ? AS_LAST : OWN
  const lastAs = Object.is(last, first) ? AS_FIRST : OWN
  into.u8(minAs | (maxAs << 2) | (lastAs << 4))
  into.f64(first)
  if (lastAs === OWN) into.f64(last)
  if (minAs === OWN) into.f64(min)
  if (maxAs === OWN) into.f64(max)
  into.f64(summary.sum)
  into.uvarint(summary.resets)
  into.uvarint(count - summary.numbers)
}

function readSummary(reader: ByteReader, count: number, into: Header, wanted: boolean): void {
  const at = reader.offset
  const how = reader.u8()
  const minAs = how & 3
  const maxAs = (how >>> 2) & 3
  const lastAs = how >>> 4
  if (minAs > AS_LAST || maxAs > AS_LAST || lastAs > AS_FIRST)
    throw corruption('BAD_FORMAT', 'chunk: the summary is damaged', { offset: at, found: how })
  if (!wanted) {
    // First and sum are always there.
    reader.skip(8 * (2 + (lastAs === OWN ? 1 : 0) + (minAs === OWN ? 1 : 0) + (maxAs === OWN ? 1 : 0)))
    checkSummary(at, count, reader.uvarint(), reader.uvarint())
    return
  }
  const first = reader.f64()
  const last = lastAs === OWN ? reader.f64() : first
  const min = minAs === OWN ? reader.f64() : minAs === AS_FIRST ? first : last
  const max = maxAs === OWN ? reader.f64() : maxAs === AS_FIRST ? first : last
  const sum = reader.f64()
  const resets = reader.uvarint()
  const missing = reader.uvarint()
  checkSummary(at, count, resets, missing)
  setSummary(into, count - missing, min, max, sum, first, last, resets)
}

function checkSummary(at: number, count: number, resets: number, missing: number): void {
  if (missing > count || resets >= count)
    throw corruption('BAD_FORMAT', 'chunk: the summary is damaged', { offset: at, expected: count, found: missing })
}

function setSummary(
  into: Header,
  numbers: number,
  min: number,
  max: number,
  sum: number,
  first: number,
  last: number,
  resets: number,
): void {
  into.numbers = numbers
  into.min = min
  into.max = max
  into.sum = sum
  into.first = first
  into.last = last
  into.resets = resets
}

function anyNonZero(column: Float64Array, from: number, to: number): boolean {
  for (let i = from; i < to; i++) if (column[i] !== 0) return true
  return false
}
