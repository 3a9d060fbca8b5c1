/**
 * Floats: doubles, bit for bit (-0, every NaN payload, infinities, denormals), in whichever of four codecs takes the fewest bytes.
 *
 *     runs     values that rarely change
 *     decimal  ALP: values with few decimal digits as packed integers, the rest as exceptions; 1 byte a sample where XOR needs 6
 *     xor      Gorilla: slowly moving binary fractions
 *     bits     the bits as packed integers: full-entropy values of one magnitude
 *
 * The choice is by measured size. In columns of 512 samples and more a codec is left unmeasured where it could hardly win.
 */
import { assert, corruption } from '@tsink/core'
import { BLOCK_SAMPLES, MAX_COLUMN_SAMPLES, MAX_EXPONENT, TARGET_BITS, codecLoops, type CodecLoops } from '@tsink/kernel'
import { ByteReader, ByteWriter, uvarintBytes } from './bytes.ts'
import { readRuns, runsBytes, sectionCodec, writeRuns, VALUE_CODECS, type ValueCodec } from './sections.ts'
import { damaged, filled, loadSection, readCount } from './timestamps.ts'

/** How a column of floats is stored. */
export type FloatCodec = 'runs' | 'decimal' | 'xor' | 'bits'

const FLOAT_CODECS: readonly FloatCodec[] = ['runs', 'decimal', 'xor', 'bits']

// Exceptions of a decimal column: all alike, or each its own; at listed places, or in a bitmap.
const SAME_VALUE = 1
const BITMAP = 2

/** What each codec would take for a column, in bytes. Infinity: it does not apply, or it cannot be the smallest. */
export interface FloatSizes {
  readonly runs: number
  readonly decimal: number
  readonly xor: number
  readonly bits: number
  /** The decimal exponent, -1 when the values are no decimals. */
  readonly exponent: number
  /** How many values have no exact decimal under that exponent. */
  readonly exceptions: number
}

/** Encodes `values[from..to)` (at most 16,384) as bytes that carry their own count. `codec` forces a codec. */
export function encodeFloats(values: Float64Array, from = 0, to: number = values.length, codec?: FloatCodec): Uint8Array {
  const writer = new ByteWriter()
  writer.uvarint(to - from)
  if (to > from) writeFloats(writer, values, from, to, codec)
  return writer.finish()
}

/** Decodes what `encodeFloats` made: to the start of `into` when it is given, whose filled part is returned, else to a new array. */
export function decodeFloats(bytes: Uint8Array, into?: Float64Array): Float64Array {
  const reader = new ByteReader(bytes, 0, bytes.length, 'floats')
  const count = readCount(reader)
  const values = filled(count, into)
  if (count > 0) readFloats(bytes, reader.offset, bytes.length, count, 0, count, values, 0)
  return values
}

/** What every codec would take for `values[from..to)`: the chooser's measurements, for tools and tests. */
export function measureFloats(values: Float64Array, from = 0, to: number = values.length): FloatSizes {
  const loops = codecLoops()
  loops.doubles.set(values.subarray(from, to))
  return measure(loops, to - from, true)
}

/** Appends a section with `values[from..to)`, at least one; answers the codec. */
export function writeFloats(writer: ByteWriter, values: Float64Array, from: number, to: number, forced?: FloatCodec): ValueCodec {
  const count = to - from
  assert(count <= MAX_COLUMN_SAMPLES, `a column holds at most ${MAX_COLUMN_SAMPLES} samples`)
  const loops = codecLoops()
  loops.doubles.set(values.subarray(from, to))
  const sizes = measure(loops, count, forced !== undefined)
  const codec = forced ?? smallest(sizes)
  writer.u8(VALUE_CODECS.indexOf(codec))
  if (codec === 'runs') writeRuns(writer, pairsOf(loops.doubles), count, loops.countRuns(count))
  else if (codec === 'decimal') {
    // What the loops planned last is the decimals, unless the bits were measured too. A forced column of no decimals is all exceptions.
    const exponent = Math.max(0, sizes.exponent)
    let { exceptions } = sizes
    if (sizes.bits !== Infinity) {
      exceptions = loops.decimalsToWords(count, exponent)
      loops.planPacked(count, false)
    }
    writeDecimals(writer, loops, count, exponent, exceptions)
  } else if (codec === 'xor') writer.append(loops.bytes.subarray(0, loops.writeXor(0)))
  else {
    // Bits are measured last.
    writer.append(loops.bytes.subarray(0, loops.writePacked(0)))
  }
  return codec
}

/**
 * Decodes samples `from` to `to` of a section of `count` floats in `bytes[at..end)` to `out` from `outAt`. `loadedAt` says where the section stands in the
 * loops' bytes, -1 that it does not.
 */
export function readFloats(
  bytes: Uint8Array,
  at: number,
  end: number,
  count: number,
  from: number,
  to: number,
  out: Float64Array,
  outAt: number,
  loadedAt = -1,
): void {
  const loops = codecLoops()
  const codec = sectionCodec(bytes, at, end, FLOAT_CODECS)
  // Whole blocks are decoded; the wanted part is copied out.
  const start = from - (from % BLOCK_SAMPLES)
  if (codec === 'runs') readRuns(new ByteReader(bytes, at + 1, end, 'floats'), count, start, to, pairsOf(loops.doubles))
  else if (codec === 'decimal') readDecimals(loops, bytes, at, end, count, start, to, loadedAt)
  else {
    const begin = loadedAt >= 0 ? loadedAt : loadSection(bytes, at, end)
    const stop = begin + end - at
    const read =
      codec === 'xor' ? loops.readXor(begin + 1, stop, count, start, to) : loops.readPacked(begin + 1, stop, count, start, to, TARGET_BITS)
    if (read < 0) throw damaged(at - begin, read)
  }
  loops.copyDoubles(from - start, to - start, out, outAt)
}

function measure(loops: CodecLoops, count: number, all: boolean): FloatSizes {
  const changes = loops.countRuns(count) - 1
  const runs = runsBytes(changes + 1)
  let exponent = -1
  let exceptions = 0
  let decimal = Infinity
  let xor = Infinity
  let bits = Infinity
  // A column of one value always is a run.
  if (changes > 0 || all) {
    exponent = loops.decimalExponent(count)
    if (exponent >= 0) {
      exceptions = loops.decimalsToWords(count, exponent)
      decimal = 2 + exceptionBytes(loops, count, exceptions) + loops.planPacked(count, false)
    }
    if (all || xorMayWin(loops, count, changes, Math.min(runs, decimal))) xor = loops.planXor(count)
    // The bits of doubles that fill a byte and a half a sample or less are decimals, or runs, nearly always.
    if (all || count < 4 * BLOCK_SAMPLES || Math.min(runs, decimal) > 1.5 * count) {
      loops.bitsToWords(count)
      bits = loops.planPacked(count, false)
    }
  }
  return { runs, decimal, xor, bits, exponent, exceptions }
}

// Gorilla's least is a bit a sample, and two more and a bit of window for every change. What it takes for the first block tells the rest: a
// column that it could take less for is not one whose first block costs half as much again as the best codec's average.
function xorMayWin(loops: CodecLoops, count: number, changes: number, best: number): boolean {
  if (8 + (count + 3 * changes) / 8 >= best) return false
  if (count < 4 * BLOCK_SAMPLES) return true
  return loops.planXor(BLOCK_SAMPLES) * (count / BLOCK_SAMPLES) < 1.5 * best
}

// Ties go to the codec that decodes faster.
function smallest(sizes: FloatSizes): FloatCodec {
  let best: FloatCodec = 'runs'
  if (sizes.decimal < sizes[best]) best = 'decimal'
  if (sizes.bits < sizes[best]) best = 'bits'
  if (sizes.xor < sizes[best]) best = 'xor'
  return best
}

// Body: exponent, number of exceptions, [their mode, places and values], packed integers.
function writeDecimals(writer: ByteWriter, loops: CodecLoops, count: number, exponent: number, exceptions: number): void {
  const pairs = pairsOf(loops.doubles)
  writer.u8(exponent)
  writer.uvarint(exceptions)
  if (exceptions > 0) {
    const { positions } = loops
    const same = allAlike(pairs, positions, exceptions)
    const bitmap = 2 * exceptions > (count + 7) >>> 3
    writer.u8((same ? SAME_VALUE : 0) | (bitmap ? BITMAP : 0))
    if (bitmap) {
      const map = new Uint8Array((count + 7) >>> 3)
      for (let k = 0; k < exceptions; k++) map[positions[k]! >>> 3]! |= 1 << (positions[k]! & 7)
      writer.append(map)
    } else for (let k = 0; k < exceptions; k++) writer.u16(positions[k]!)
    for (let k = 0; k < (same ? 1 : exceptions); k++) {
      writer.u32(pairs[2 * positions[k]!]!)
      writer.u32(pairs[2 * positions[k]! + 1]!)
    }
  }
  writer.append(loops.bytes.subarray(0, loops.writePacked(0)))
}

function readDecimals(
  loops: CodecLoops,
  bytes: Uint8Array,
  at: number,
  end: number,
  count: number,
  start: number,
  to: number,
  loadedAt: number,
): void {
  const reader = new ByteReader(bytes, at + 1, end, 'floats')
  const exponent = reader.u8()
  if (exponent > MAX_EXPONENT)
    throw corruption('BAD_FORMAT', 'a decimal exponent is too large', { offset: at + 1, expected: MAX_EXPONENT, found: exponent })
  const exceptionsAt = reader.offset
  const exceptions = reader.uvarint()
  if (exceptions > count)
    throw corruption('BAD_FORMAT', 'there are more exceptions than samples', { offset: exceptionsAt, expected: count, found: exceptions })
  let mode = 0
  let placesAt = 0
  let valuesAt = 0
  if (exceptions > 0) {
    mode = reader.u8()
    placesAt = reader.offset
    reader.skip(mode & BITMAP ? (count + 7) >>> 3 : 2 * exceptions)
    valuesAt = reader.offset
    reader.skip(mode & SAME_VALUE ? 8 : 8 * exceptions)
  }
  const packedAt = reader.offset
  const begin = loadedAt >= 0 ? loadedAt + packedAt - at : loadSection(bytes, packedAt, end)
  const read = loops.readPacked(begin, begin + end - packedAt, count, start, to, exponent)
  if (read < 0) throw damaged(packedAt - begin, read)
  if (exceptions === 0) return
  const pairs = pairsOf(loops.doubles)
  const stride = mode & SAME_VALUE ? 0 : 8
  if (mode & BITMAP) {
    let found = 0
    for (let i = 0; i < to; i++) {
      if ((bytes[placesAt + (i >>> 3)]! & (1 << (i & 7))) === 0) continue
      if (found >= exceptions)
        throw corruption('BAD_FORMAT', 'a bitmap has more exceptions than values', { offset: placesAt, expected: exceptions })
      if (i >= start) copyWord(bytes, valuesAt + stride * found, pairs, i - start)
      found++
    }
    return
  }
  for (let k = 0; k < exceptions; k++) {
    const place = bytes[placesAt + 2 * k]! | (bytes[placesAt + 2 * k + 1]! << 8)
    if (place >= start && place < to) copyWord(bytes, valuesAt + stride * k, pairs, place - start)
  }
}

function exceptionBytes(loops: CodecLoops, count: number, exceptions: number): number {
  if (exceptions === 0) return 1
  const places = Math.min(2 * exceptions, (count + 7) >>> 3)
  return uvarintBytes(exceptions) + 1 + places + (allAlike(pairsOf(loops.doubles), loops.positions, exceptions) ? 8 : 8 * exceptions)
}

function allAlike(pairs: Int32Array, positions: Uint16Array, exceptions: number): boolean {
  const low = pairs[2 * positions[0]!]
  const high = pairs[2 * positions[0]! + 1]
  for (let k = 1; k < exceptions; k++) if (pairs[2 * positions[k]!] !== low || pairs[2 * positions[k]! + 1] !== high) return false
  return true
}

function copyWord(bytes: Uint8Array, at: number, pairs: Int32Array, index: number): void {
  pairs[2 * index] = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
  pairs[2 * index + 1] = bytes[at + 4]! | (bytes[at + 5]! << 8) | (bytes[at + 6]! << 16) | (bytes[at + 7]! << 24)
}

let pairsFor: Float64Array | undefined
let pairs: Int32Array = new Int32Array(0)

// The halves of the loops' doubles, low first, as one view that is made once.
function pairsOf(doubles: Float64Array): Int32Array {
  if (pairsFor !== doubles) {
    pairsFor = doubles
    pairs = new Int32Array(doubles.buffer, doubles.byteOffset, doubles.length * 2)
  }
  return pairs
}
