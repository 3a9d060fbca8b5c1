/**
 * Reading packed columns in plain TypeScript: the other half of the twin of assembly/packer.ts. Writing, and the idea, are in pack.ts.
 *
 * Blocks whose numbers stay below 2^53, which is nearly all where doubles are wanted, are unpacked in double arithmetic; the others in pairs of
 * 32-bit halves.
 */
import { BLOCK_SAMPLES, TARGET_BITS } from '../codec-loops.ts'
import { POWERS_OF_TEN } from './decimals.ts'
import { readBits, readDifference, readHigh, readLow, readVarint, readZigzag } from './pairs.ts'

const TWO_32 = 4_294_967_296
const MAX_SLOPE = 2 ** 52
const MAX_EXACT = 2 ** 53
const FLAG_SCALED = 1
const FLAG_EQUAL = 2
const FLAG_SLOPED = 4
const KNOWN_FLAGS = FLAG_SCALED | FLAG_EQUAL | FLAG_SLOPED
const ORDER_BIT = 0x80

// Up to these widths and magnitudes a block is exact in doubles: 128 deltas of 2^44 and a first value of 2^51 stay below 2^52.
const SMALL_WIDTH = 24
const SMALL_EXCEPTION_WIDTH = 44
const SMALL_BASE_HIGH = 1 << 11
const SMALL_FIRST_HIGH = 1 << 19

const slotLow = new Int32Array(BLOCK_SAMPLES)
const slotHigh = new Int32Array(BLOCK_SAMPLES)
const slotDoubles = new Float64Array(BLOCK_SAMPLES)
const exceptionLow = new Int32Array(BLOCK_SAMPLES)
const exceptionHigh = new Int32Array(BLOCK_SAMPLES)

// What the reader knows of the column from its head.
let headScale = 1
let headFactor = 1
let headShift = 0
let headSlope = 0
let headFlags = 0
let headOriginLow = 0
let headOriginHigh = 0

// The 64-bit word that scaleAndShift made.
let wordLow = 0
let wordHigh = 0

/** Decodes blocks of a packed column; see `CodecLoops.readPacked`. */
export function readPacked(
  bytes: Uint8Array,
  at: number,
  end: number,
  count: number,
  from: number,
  to: number,
  target: number,
  words: Int32Array,
  doubles: Float64Array,
): number {
  const pairs = target === TARGET_BITS ? new Int32Array(doubles.buffer, doubles.byteOffset, doubles.length * 2) : words
  let directory = readHead(bytes, at, end, count)
  if (directory < 0) return directory
  if (headFlags & FLAG_EQUAL) {
    for (let i = 0; i < to - from; i++) emit(pairs, i, headOriginLow, headOriginHigh, target, doubles)
    return to - from
  }
  const blocks = Math.ceil(count / BLOCK_SAMPLES)
  const step = Math.floor(headSlope / BLOCK_SAMPLES)
  let payload = skipDirectory(bytes, directory, end, blocks)
  if (payload < 0) return payload
  const firstBlock = (from / BLOCK_SAMPLES) | 0
  const exactOrigin = headOriginHigh >= -SMALL_FIRST_HIGH && headOriginHigh < SMALL_FIRST_HIGH
  const lastBlock = Math.ceil(to / BLOCK_SAMPLES)
  for (let block = 0; block < lastBlock; block++) {
    const head = bytes[directory]!
    const width = head & 0x7f
    const exceptions = bytes[directory + 1]!
    const size = Math.min(BLOCK_SAMPLES, count - block * BLOCK_SAMPLES)
    let exceptionWidth = 0
    const headAt = directory
    directory += 2
    if (exceptions > 0) exceptionWidth = bytes[directory++]!
    if (width > 64 || exceptionWidth > 64 || exceptions > size) return -1 - headAt
    directory = readDifference(bytes, directory, end, block * headSlope)
    const firstLow = readLow
    const firstHigh = readHigh
    let baseLow = firstLow
    let baseHigh = firstHigh
    if (head & ORDER_BIT) {
      directory = readDifference(bytes, directory, end, step)
      baseLow = readLow
      baseHigh = readHigh
    }
    const slotsEnd = payload + ((size * width + 7) >>> 3)
    const exceptionsAt = slotsEnd + exceptions
    const payloadEnd = exceptionsAt + ((exceptions * exceptionWidth + 7) >>> 3)
    if (payloadEnd > end) return -1 - headAt
    if (block >= firstBlock) {
      const out = block * BLOCK_SAMPLES - from
      const wanted = Math.min(size, to - block * BLOCK_SAMPLES)
      const small =
        target >= 0 &&
        exactOrigin &&
        width <= SMALL_WIDTH &&
        exceptionWidth <= SMALL_EXCEPTION_WIDTH &&
        baseHigh >= -SMALL_BASE_HIGH &&
        baseHigh < SMALL_BASE_HIGH &&
        firstHigh >= -SMALL_FIRST_HIGH &&
        firstHigh < SMALL_FIRST_HIGH
      let failed = 0
      if (small) {
        const base = baseHigh * TWO_32 + (baseLow >>> 0)
        const first = firstHigh * TWO_32 + (firstLow >>> 0)
        failed = unpackSmall(bytes, payload, size, width, exceptions, exceptionWidth, base)
        if (failed === 0) emitSmall(doubles, out, wanted, (head & ORDER_BIT) !== 0, first, POWERS_OF_TEN[target]!)
      } else {
        failed = unpackWide(bytes, payload, size, width, exceptions, exceptionWidth, baseLow, baseHigh)
        if (failed === 0) {
          if (head & ORDER_BIT) sumDeltas(size, firstLow, firstHigh)
          emitWide(pairs, doubles, out, wanted, target)
        }
      }
      if (failed < 0) return failed
    }
    payload = payloadEnd
  }
  return to - from
}

// Slots plus base in doubles. Answers 0, or -1 - offset.
function unpackSmall(
  bytes: Uint8Array,
  at: number,
  size: number,
  width: number,
  exceptions: number,
  exceptionWidth: number,
  base: number,
): number {
  const mask = (1 << width) - 1
  if (width === 0) slotDoubles.fill(base, 0, size)
  else {
    for (let i = 0, bit = 0; i < size; i++, bit += width) {
      const byte = at + (bit >>> 3)
      const word = bytes[byte]! | (bytes[byte + 1]! << 8) | (bytes[byte + 2]! << 16) | (bytes[byte + 3]! << 24)
      slotDoubles[i] = ((word >>> (bit & 7)) & mask) + base
    }
  }
  if (exceptions === 0) return 0
  const places = at + ((size * width + 7) >>> 3)
  readBits(bytes, places + exceptions, exceptionLow, exceptionHigh, exceptions, exceptionWidth)
  for (let k = 0; k < exceptions; k++) {
    const place = bytes[places + k]!
    if (place >= size) return -1 - (places + k)
    const zigzag = exceptionHigh[k]! * TWO_32 + (exceptionLow[k]! >>> 0)
    slotDoubles[place] = ((zigzag & 1) === 0 ? zigzag / 2 : -(zigzag + 1) / 2) + base
  }
  return 0
}

function emitSmall(doubles: Float64Array, out: number, wanted: number, isDelta: boolean, first: number, divisor: number): void {
  const origin = headOriginHigh * TWO_32 + (headOriginLow >>> 0)
  const scale = headScale
  if (isDelta) {
    let sum = first
    doubles[out] = (origin + scale * sum) / divisor
    for (let i = 1; i < wanted; i++) {
      sum += slotDoubles[i]!
      doubles[out + i] = (origin + scale * sum) / divisor
    }
    return
  }
  for (let i = 0; i < wanted; i++) doubles[out + i] = (origin + scale * slotDoubles[i]!) / divisor
}

// Slots plus base in pairs. Answers 0, or -1 - offset.
function unpackWide(
  bytes: Uint8Array,
  at: number,
  size: number,
  width: number,
  exceptions: number,
  exceptionWidth: number,
  baseLow: number,
  baseHigh: number,
): number {
  readBits(bytes, at, slotLow, slotHigh, size, width)
  for (let i = 0; i < size; i++) {
    const low = slotLow[i]!
    const sum = (low + baseLow) | 0
    slotHigh[i] = slotHigh[i]! + baseHigh + (sum >>> 0 < low >>> 0 ? 1 : 0)
    slotLow[i] = sum
  }
  if (exceptions === 0) return 0
  const places = at + ((size * width + 7) >>> 3)
  readBits(bytes, places + exceptions, exceptionLow, exceptionHigh, exceptions, exceptionWidth)
  for (let k = 0; k < exceptions; k++) {
    const place = bytes[places + k]!
    if (place >= size) return -1 - (places + k)
    const sign = -(exceptionLow[k]! & 1)
    const low = ((exceptionLow[k]! >>> 1) | (exceptionHigh[k]! << 31)) ^ sign
    const sum = (low + baseLow) | 0
    slotHigh[place] = ((exceptionHigh[k]! >>> 1) ^ sign) + baseHigh + (sum >>> 0 < low >>> 0 ? 1 : 0)
    slotLow[place] = sum
  }
  return 0
}

function sumDeltas(size: number, firstLow: number, firstHigh: number): void {
  let low = firstLow
  let high = firstHigh
  slotLow[0] = low
  slotHigh[0] = high
  for (let i = 1; i < size; i++) {
    const sum = (low + slotLow[i]!) | 0
    high = (high + slotHigh[i]! + (sum >>> 0 < low >>> 0 ? 1 : 0)) | 0
    low = sum
    slotLow[i] = low
    slotHigh[i] = high
  }
}

function emitWide(pairs: Int32Array, doubles: Float64Array, out: number, wanted: number, target: number): void {
  if (target >= 0) {
    const divisor = POWERS_OF_TEN[target]!
    for (let i = 0; i < wanted; i++) {
      scaleAndShift(slotLow[i]!, slotHigh[i]!)
      doubles[out + i] = (wordHigh * TWO_32 + (wordLow >>> 0)) / divisor
    }
    return
  }
  if (headScale !== 1) {
    for (let i = 0; i < wanted; i++) {
      scaleAndShift(slotLow[i]!, slotHigh[i]!)
      pairs[2 * (out + i)] = wordLow
      pairs[2 * (out + i) + 1] = wordHigh
    }
    return
  }
  const originLow = headOriginLow
  const originHigh = headOriginHigh
  for (let i = 0; i < wanted; i++) {
    const low = slotLow[i]!
    const sum = (low + originLow) | 0
    pairs[2 * (out + i)] = sum
    pairs[2 * (out + i) + 1] = slotHigh[i]! + originHigh + (sum >>> 0 < low >>> 0 ? 1 : 0)
  }
}

/** The first words of the blocks of an ordered column, as doubles; see `CodecLoops.readPackedStarts`. */
export function readPackedStarts(bytes: Uint8Array, at: number, end: number, count: number, doubles: Float64Array): number {
  let directory = readHead(bytes, at, end, count)
  if (directory < 0) return directory
  const blocks = Math.ceil(count / BLOCK_SAMPLES)
  const equal = (headFlags & FLAG_EQUAL) !== 0
  if (!equal) {
    const checked = skipDirectory(bytes, directory, end, blocks)
    if (checked < 0) return checked
  }
  for (let block = 0; block < blocks; block++) {
    let low = 0
    let high = 0
    if (!equal) {
      const head = bytes[directory]!
      if ((head & ORDER_BIT) === 0) return -1 - directory
      directory += bytes[directory + 1]! > 0 ? 3 : 2
      directory = skipVarint(bytes, readDifference(bytes, directory, end, block * headSlope))
      low = readLow
      high = readHigh
    }
    scaleAndShift(low, high)
    doubles[block] = wordHigh * TWO_32 + (wordLow >>> 0)
  }
  return blocks
}

// Reads flags, origin, scale and slope; answers the offset of the directory.
function readHead(bytes: Uint8Array, at: number, end: number, count: number): number {
  if (at >= end) return -1 - at
  headFlags = bytes[at]!
  if (headFlags & ~KNOWN_FLAGS) return -1 - at
  let next = readZigzag(bytes, at + 1, end)
  if (next < 0) return next
  headOriginLow = readLow
  headOriginHigh = readHigh
  headScale = headFactor = 1
  headShift = 0
  headSlope = 0
  if (headFlags & FLAG_SCALED) {
    const scaleAt = next
    next = readVarint(bytes, next, end)
    if (next < 0) return next
    headScale = readHigh * TWO_32 + (readLow >>> 0)
    if (readHigh < 0 || headScale >= MAX_SLOPE || headScale < 2) return -1 - scaleAt
    headShift = readLow === 0 ? 63 - Math.clz32(readHigh & -readHigh) : 31 - Math.clz32(readLow & -readLow)
    headFactor = headScale / 2 ** headShift
  }
  if (headFlags & FLAG_SLOPED) {
    const slopeAt = next
    next = readZigzag(bytes, next, end)
    if (next < 0) return next
    headSlope = readHigh * TWO_32 + (readLow >>> 0)
    if (Math.abs(headSlope) * Math.ceil(count / BLOCK_SAMPLES) > MAX_SLOPE) return -1 - slopeAt
  }
  return next
}

// Walks over the directory and answers where the payload begins. Afterwards its varints are known to be whole.
function skipDirectory(bytes: Uint8Array, at: number, end: number, blocks: number): number {
  for (let block = 0; block < blocks; block++) {
    if (at + 3 > end) return -1 - at
    const order = bytes[at]! & ORDER_BIT
    at += bytes[at + 1]! > 0 ? 3 : 2
    at = readVarint(bytes, at, end)
    if (at < 0) return at
    if (order) {
      at = readVarint(bytes, at, end)
      if (at < 0) return at
    }
  }
  return at
}

function skipVarint(bytes: Uint8Array, at: number): number {
  while (bytes[at]! >= 0x80) at++
  return at + 1
}

// origin + scale * q into wordLow and wordHigh, where scale = headFactor * 2^headShift.
function scaleAndShift(low: number, high: number): void {
  if (headScale !== 1) {
    if (headFactor !== 1) {
      const product = (high * TWO_32 + (low >>> 0)) * headFactor
      if (product > -MAX_EXACT && product < MAX_EXACT) {
        low = product | 0
        high = Math.floor(product / TWO_32) | 0
      } else {
        // Only damaged bytes lead here.
        const exact = BigInt.asIntN(64, ((BigInt(high) << 32n) | BigInt(low >>> 0)) * BigInt(headFactor))
        low = Number(BigInt.asIntN(32, exact))
        high = Number(BigInt.asIntN(32, exact >> 32n))
      }
    }
    if (headShift >= 32) {
      high = low << (headShift - 32)
      low = 0
    } else if (headShift > 0) {
      high = (high << headShift) | (low >>> (32 - headShift))
      low <<= headShift
    }
  }
  wordLow = (low + headOriginLow) | 0
  wordHigh = (high + headOriginHigh + (wordLow >>> 0 < low >>> 0 ? 1 : 0)) | 0
}

function emit(pairs: Int32Array, i: number, low: number, high: number, target: number, doubles: Float64Array): void {
  if (target >= 0) doubles[i] = (high * TWO_32 + (low >>> 0)) / POWERS_OF_TEN[target]!
  else {
    pairs[2 * i] = low
    pairs[2 * i + 1] = high
  }
}
