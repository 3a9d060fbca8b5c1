/**
 * Byte strings and UTF-8 texts: a dictionary where few distinct values repeat, else each as the prefix that it shares with the one before it
 * and the rest, in blocks of 128 that decode alone.
 */
import { TsinkError, assert, corruption } from '@tsink/core'
import { BLOCK_SAMPLES, MAX_COLUMN_SAMPLES } from '@tsink/kernel'
import { ByteReader, ByteWriter, uvarintBytes } from './bytes.ts'
import { readIntegersAsDoubles, writeSafeIntegers } from './integers.ts'
import { sectionCodec, VALUE_CODECS, type ValueCodec } from './sections.ts'
import { readCount } from './timestamps.ts'

/** How a column of byte strings is stored. */
export type BlobCodec = 'dictionary' | 'prefix'

const BLOB_CODECS: readonly BlobCodec[] = ['dictionary', 'prefix']

/** The most bytes that the byte strings of one column have together, decoded: a bound on what a small damaged chunk can make a reader allocate. */
export const MAX_BLOB_BYTES: number = 64 * 1024 * 1024

/** Encodes `values[from..to)` (at most 16,384, together at most 64 MiB) as bytes that carry their own count. */
export function encodeBlobs(values: readonly Uint8Array[], from = 0, to: number = values.length, codec?: BlobCodec): Uint8Array {
  const writer = new ByteWriter()
  writer.uvarint(to - from)
  if (to > from) writeBlobs(writer, values, from, to, codec)
  return writer.finish()
}

/** Decodes what `encodeBlobs` made. Equal values may share memory; none of it is shared with `bytes`. */
export function decodeBlobs(bytes: Uint8Array): Uint8Array[] {
  const reader = new ByteReader(bytes, 0, bytes.length, 'byte strings')
  const count = readCount(reader)
  const values: Uint8Array[] = []
  if (count > 0) readBlobs(bytes, reader.offset, bytes.length, count, 0, count, values, 0)
  return values
}

/** Appends a section with `values[from..to)`, at least one; answers the codec. */
export function writeBlobs(writer: ByteWriter, values: readonly Uint8Array[], from: number, to: number, forced?: BlobCodec): ValueCodec {
  const count = to - from
  assert(count <= MAX_COLUMN_SAMPLES, `a column holds at most ${MAX_COLUMN_SAMPLES} samples`)
  const indexes = new Float64Array(count)
  const distinct = index(values, from, to, indexes)
  let dictionary = 16
  for (const value of distinct) dictionary += value.length + uvarintBytes(value.length)
  if (distinct.length > 1) dictionary += (count * (32 - Math.clz32(distinct.length - 1))) / 8
  let total = 0
  let prefix = 2
  for (let i = from; i < to; i++) {
    const value = values[i]!
    const shared = (i - from) % BLOCK_SAMPLES === 0 ? 0 : sharedPrefix(values[i - 1]!, value)
    prefix += uvarintBytes(shared) + uvarintBytes(value.length - shared) + value.length - shared
    total += value.length
  }
  if (total > MAX_BLOB_BYTES) {
    throw new TsinkError('TOO_LARGE', `the byte strings of one chunk have ${total} bytes, at most ${MAX_BLOB_BYTES} are allowed`, {
      detail: { limit: MAX_BLOB_BYTES, found: total },
    })
  }
  const codec = forced ?? (dictionary <= prefix ? 'dictionary' : 'prefix')
  writer.u8(VALUE_CODECS.indexOf(codec))
  if (codec === 'dictionary') {
    writer.uvarint(distinct.length)
    for (const value of distinct) {
      writer.uvarint(value.length)
      writer.append(value)
    }
    writeSafeIntegers(writer, indexes, 0, count)
  } else writePrefixes(writer, values, from, to)
  return codec
}

/** Decodes samples `from` to `to` of a section of `count` byte strings in `bytes[at..end)` to `out` from `outAt`, as new memory. */
export function readBlobs(
  bytes: Uint8Array,
  at: number,
  end: number,
  count: number,
  from: number,
  to: number,
  out: Uint8Array[],
  outAt: number,
): void {
  const codec = sectionCodec(bytes, at, end, BLOB_CODECS)
  const reader = new ByteReader(bytes, at + 1, end, 'byte strings')
  if (codec === 'dictionary') {
    const size = reader.length()
    const ends: number[] = []
    const entriesAt = reader.offset
    for (let i = 0; i < size; i++) {
      reader.skip(reader.length())
      ends.push(reader.offset)
    }
    const entries = bytes.slice(entriesAt, reader.offset)
    const indexes = new Float64Array(to - from)
    readIntegersAsDoubles(bytes, reader.offset, end, count, from, to, indexes, 0)
    for (let i = 0; i < indexes.length; i++) {
      const entry = indexes[i]!
      if (!(entry >= 0 && entry < size)) {
        throw corruption('BAD_FORMAT', 'a dictionary has no such entry', { offset: reader.offset, expected: size, found: entry })
      }
      const start = (entry === 0 ? entriesAt : ends[entry - 1]!) - entriesAt
      const stop = ends[entry]! - entriesAt
      // The entry's length lies in front of its bytes.
      out[outAt + i] = entries.subarray(start + lengthBytes(entries, start), stop)
    }
    return
  }
  readPrefixes(reader, count, from, to, out, outAt)
}

function writePrefixes(writer: ByteWriter, values: readonly Uint8Array[], from: number, to: number): void {
  const stream = new ByteWriter()
  for (let first = from; first < to; first += BLOCK_SAMPLES) {
    const before = stream.length
    for (let i = first; i < Math.min(to, first + BLOCK_SAMPLES); i++) {
      const value = values[i]!
      const shared = i === first ? 0 : sharedPrefix(values[i - 1]!, value)
      stream.uvarint(shared)
      stream.uvarint(value.length - shared)
      stream.append(value.subarray(shared))
    }
    writer.uvarint(stream.length - before)
  }
  writer.append(stream.bytes.subarray(0, stream.length))
}

function readPrefixes(reader: ByteReader, count: number, from: number, to: number, out: Uint8Array[], outAt: number): void {
  const start = from - (from % BLOCK_SAMPLES)
  let skip = 0
  for (let first = 0; first < count; first += BLOCK_SAMPLES) {
    const size = reader.uvarint()
    if (first < start) skip += size
  }
  reader.skip(skip)
  let total = 0
  let before = NOTHING
  for (let i = start; i < to; i++) {
    if (i % BLOCK_SAMPLES === 0) before = NOTHING
    const at = reader.offset
    const shared = reader.uvarint()
    if (shared > before.length)
      throw corruption('BAD_FORMAT', 'a shared prefix is longer than its string', { offset: at, expected: before.length, found: shared })
    const rest = reader.take(reader.length())
    total += shared + rest.length
    if (total > MAX_BLOB_BYTES)
      throw corruption('BAD_FORMAT', 'byte strings exceed their limit', { offset: at, expected: MAX_BLOB_BYTES, found: total })
    const value = new Uint8Array(shared + rest.length)
    value.set(before.subarray(0, shared))
    value.set(rest, shared)
    if (i >= from) out[outAt + i - from] = value
    before = value
  }
}
const NOTHING = new Uint8Array(0)

// The distinct values in the order of their first appearance; fills their indexes.
function index(values: readonly Uint8Array[], from: number, to: number, indexes: Float64Array): Uint8Array[] {
  const distinct: Uint8Array[] = []
  const places = new Map<string, number>()
  for (let i = from; i < to; i++) {
    const key = latin1(values[i]!)
    let place = places.get(key)
    if (place === undefined) {
      place = distinct.length
      places.set(key, place)
      distinct.push(values[i]!)
    }
    indexes[i - from] = place
  }
  return distinct
}

// Every byte as one UTF-16 unit: an exact key for a Map.
function latin1(bytes: Uint8Array): string {
  let text = ''
  for (let at = 0; at < bytes.length; at += 4_096) text += String.fromCharCode(...bytes.subarray(at, at + 4_096))
  return text
}

function sharedPrefix(before: Uint8Array, value: Uint8Array): number {
  const limit = Math.min(before.length, value.length)
  let shared = 0
  while (shared < limit && before[shared] === value[shared]) shared++
  return shared
}

function lengthBytes(entries: Uint8Array, at: number): number {
  let size = 1
  while (entries[at + size - 1]! >= 0x80) size++
  return size
}
