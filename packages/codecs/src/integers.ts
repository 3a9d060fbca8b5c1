/**
 * Integers of 64 bits, signed or not, exact over their whole range: runs, or the patched packer (deltas or values, zigzag where it pays).
 *
 * Arithmetic is modulo 2^64, so one codec serves i64 and u64: a u64 is the i64 with the same bits.
 */
import { assert } from '@tsink/core'
import { BLOCK_SAMPLES, MAX_COLUMN_SAMPLES, TARGET_WORDS, codecLoops, type CodecLoops } from '@tsink/kernel'
import { ByteReader, ByteWriter } from './bytes.ts'
import { readRuns, runsBytes, sectionCodec, writeRuns, VALUE_CODECS, type ValueCodec } from './sections.ts'
import { damaged, loadSection, readCount } from './timestamps.ts'

/** How a column of integers is stored. */
export type IntegerCodec = 'runs' | 'integers'

const INTEGER_CODECS: readonly IntegerCodec[] = ['runs', 'integers']

/** Encodes `values[from..to)` (at most 16,384; u64 by their bits) as bytes that carry their own count. */
export function encodeIntegers(values: BigInt64Array, from = 0, to: number = values.length, codec?: IntegerCodec): Uint8Array {
  const writer = new ByteWriter()
  writer.uvarint(to - from)
  if (to > from) writeIntegers(writer, values, from, to, codec)
  return writer.finish()
}

/** Decodes what `encodeIntegers` made. */
export function decodeIntegers(bytes: Uint8Array): BigInt64Array {
  const reader = new ByteReader(bytes, 0, bytes.length, 'integers')
  const count = readCount(reader)
  const values = new BigInt64Array(count)
  if (count > 0) readIntegers(bytes, reader.offset, bytes.length, count, 0, count, values, 0)
  return values
}

/** Appends a section with `values[from..to)`, at least one; answers the codec. */
export function writeIntegers(writer: ByteWriter, values: BigInt64Array, from: number, to: number, forced?: IntegerCodec): ValueCodec {
  assert(to - from <= MAX_COLUMN_SAMPLES, `a column holds at most ${MAX_COLUMN_SAMPLES} samples`)
  const loops = codecLoops()
  loops.words.set(values.subarray(from, to))
  return writeWords(writer, loops, to - from, forced)
}

/** As `writeIntegers`, for doubles that are integers of a magnitude of at most 2^53. */
export function writeSafeIntegers(writer: ByteWriter, values: Float64Array, from: number, to: number): ValueCodec {
  const loops = codecLoops()
  loops.doubles.set(values.subarray(from, to))
  loops.integersToWords(to - from)
  return writeWords(writer, loops, to - from, undefined)
}

/** Decodes samples `from` to `to` of a section of `count` integers in `bytes[at..end)` to `out` from `outAt`. */
export function readIntegers(
  bytes: Uint8Array,
  at: number,
  end: number,
  count: number,
  from: number,
  to: number,
  out: BigInt64Array,
  outAt: number,
): void {
  const loops = codecLoops()
  const codec = sectionCodec(bytes, at, end, INTEGER_CODECS)
  const start = from - (from % BLOCK_SAMPLES)
  if (codec === 'runs') readRuns(new ByteReader(bytes, at + 1, end, 'integers'), count, start, to, pairsOf(loops.words))
  else {
    loadSection(bytes, at, end)
    const read = loops.readPacked(1, end - at, count, start, to, TARGET_WORDS)
    if (read < 0) throw damaged(at, read)
  }
  out.set(loops.words.subarray(from - start, to - start), outAt)
}

/** As `readIntegers`, to doubles: exact up to 2^53, the nearest double beyond. `unsigned` reads the words as u64. */
export function readIntegersAsDoubles(
  bytes: Uint8Array,
  at: number,
  end: number,
  count: number,
  from: number,
  to: number,
  out: Float64Array,
  outAt: number,
  unsigned = false,
): void {
  const words = new BigInt64Array(to - from)
  readIntegers(bytes, at, end, count, from, to, words, 0)
  wordsToDoubles(words, 0, to - from, unsigned, out, outAt)
}

/** The nearest doubles of 64-bit integers. */
export function wordsToDoubles(words: BigInt64Array, from: number, to: number, unsigned: boolean, out: Float64Array, outAt: number): void {
  const pairs = new Int32Array(words.buffer, words.byteOffset, words.length * 2)
  for (let i = from; i < to; i++) {
    const high = pairs[2 * i + 1]!
    out[outAt + i - from] = (unsigned ? high >>> 0 : high) * 4_294_967_296 + (pairs[2 * i]! >>> 0)
  }
}

function writeWords(writer: ByteWriter, loops: CodecLoops, count: number, forced: IntegerCodec | undefined): ValueCodec {
  const pairs = pairsOf(loops.words)
  let runs = 1
  for (let i = 2; i < 2 * count; i += 2) if (pairs[i] !== pairs[i - 2] || pairs[i + 1] !== pairs[i - 1]) runs++
  const packed = loops.planPacked(count, false)
  const codec = forced ?? (runsBytes(runs) < packed ? 'runs' : 'integers')
  writer.u8(VALUE_CODECS.indexOf(codec))
  if (codec === 'runs') writeRuns(writer, pairs, count, runs)
  else writer.append(loops.bytes.subarray(0, loops.writePacked(0)))
  return codec
}

let pairsFor: BigInt64Array | undefined
let pairs: Int32Array = new Int32Array(0)

function pairsOf(words: BigInt64Array): Int32Array {
  if (pairsFor !== words) {
    pairsFor = words
    pairs = new Int32Array(words.buffer, words.byteOffset, words.length * 2)
  }
  return pairs
}
