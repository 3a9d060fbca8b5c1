/**
 * The patched integer packer in plain TypeScript: the writing half of the twin of assembly/packer.ts. Reading is unpack.ts.
 *
 * A column of 64-bit words becomes q[i] = (x[i] - x[0]) / scale, where scale is the greatest common divisor of the differences, and every 128
 * of these a block: values (order 0) or deltas (order 1) minus a base, in as many bits as most of them need; the few that need more are
 * exceptions behind the block. Arithmetic is modulo 2^64 throughout, hence exact over the whole range of i64 and u64. In JavaScript a 64-bit
 * word is a pair of 32-bit halves, low first; BigInt would cost forty times as much.
 */
import { BLOCK_SAMPLES, MAX_COLUMN_SAMPLES } from '../codec-loops.ts'
import {
  bitLength,
  differenceBytes,
  doubleVarintBytes,
  varintBytes,
  writeBits,
  writeDifference,
  writeVarint,
  writeZigzag,
  zigzagBytes,
} from './pairs.ts'

const TWO_32 = 4_294_967_296
// Differences below 2^50 stay exact in doubles through delta, base and zigzag.
const NARROW_HIGH = 1 << 18
const MAX_BLOCKS = MAX_COLUMN_SAMPLES / BLOCK_SAMPLES
const MAX_SLOPE = 2 ** 52
const MAX_SHIFT = 51

const FLAG_SCALED = 1
const FLAG_EQUAL = 2
const FLAG_SLOPED = 4
const ORDER_BIT = 0x80

/** What planning found out, kept for writing. One block's plan: order, width, exceptions and their width, base, step base. */
interface PackedPlan {
  count: number
  scale: number
  slope: number
  flags: number
}

const plan: PackedPlan = { count: 0, scale: 1, slope: 0, flags: 0 }
const planOrder = new Uint8Array(MAX_BLOCKS)
const planWidth = new Uint8Array(MAX_BLOCKS)
const planExceptions = new Uint8Array(MAX_BLOCKS)
const planExceptionWidth = new Uint8Array(MAX_BLOCKS)
// The base that slots are relative to (values or deltas), by block.
const planBaseLow = new Int32Array(MAX_BLOCKS)
const planBaseHigh = new Int32Array(MAX_BLOCKS)

const quotientLow = new Int32Array(MAX_COLUMN_SAMPLES)
const quotientHigh = new Int32Array(MAX_COLUMN_SAMPLES)
const slotLow = new Int32Array(BLOCK_SAMPLES)
const slotHigh = new Int32Array(BLOCK_SAMPLES)
const widthsAboveMin = new Int32Array(66)
const widthsAroundMiddle = new Int32Array(66)
const exceptionAt = new Uint8Array(BLOCK_SAMPLES)

// The result of `choose`, which has four parts.
let chosenWidth = 0
let chosenExceptions = 0
let chosenExceptionWidth = 0
let chosenLow = 0
let chosenHigh = 0
let chosenBytes = 0

/** Plans the packing of the first `count` (at least 1) words; answers the bytes that it takes. */
export function planPacked(pairs: Int32Array, count: number, ordered: boolean): number {
  plan.count = count
  divideDifferences(pairs, count)
  const originBytes = varintBytes(pairs[0]!, pairs[1]!)
  if (plan.flags & FLAG_EQUAL) return 1 + originBytes
  let bytes = 1 + originBytes
  if (plan.flags & FLAG_SCALED) bytes += doubleVarintBytes(plan.scale)
  const blocks = Math.ceil(count / BLOCK_SAMPLES)
  const slope = plan.slope
  if (plan.flags & FLAG_SLOPED) bytes += zigzagBytes(slope)
  const step = Math.floor(slope / BLOCK_SAMPLES)
  const stepLow = step | 0
  const stepHigh = Math.floor(step / TWO_32) | 0
  for (let block = 0; block < blocks; block++) {
    const from = block * BLOCK_SAMPLES
    const size = Math.min(BLOCK_SAMPLES, count - from)
    const origin = block * slope
    const originLow = origin | 0
    const originHigh = Math.floor(origin / TWO_32) | 0
    spanDeltas(from, size)
    choose(1, size)
    let best =
      chosenBytes +
      differenceBytes(quotientLow[from]!, quotientHigh[from]!, originLow, originHigh) +
      differenceBytes(chosenLow, chosenHigh, stepLow, stepHigh)
    keep(block, 1)
    const deltaRangeLow = rangeLow
    const deltaRangeHigh = rangeHigh
    if (!ordered) {
      spanValues(from, size)
      // A range of deltas that is far smaller than that of the values means a trend, and then values need not be tried.
      const eighthHigh = rangeHigh >>> 3
      const eighthLow = ((rangeLow >>> 3) | (rangeHigh << 29)) >>> 0
      if (size === 1 || eighthHigh < deltaRangeHigh >>> 0 || (eighthHigh === deltaRangeHigh >>> 0 && eighthLow <= deltaRangeLow >>> 0)) {
        choose(0, size)
        const valueBytes = chosenBytes + differenceBytes(chosenLow, chosenHigh, originLow, originHigh)
        if (valueBytes <= best) {
          best = valueBytes
          keep(block, 0)
        }
      }
    }
    bytes += best
  }
  return bytes
}

/** Writes the words of the last plan; answers the offset behind them. */
export function writePacked(pairs: Int32Array, bytes: Uint8Array, at: number): number {
  const { count, scale, slope, flags } = plan
  bytes[at++] = flags
  at = writeZigzag(bytes, at, pairs[0]!, pairs[1]!)
  if (flags & FLAG_EQUAL) return at
  if (flags & FLAG_SCALED) at = writeVarint(bytes, at, scale | 0, Math.floor(scale / TWO_32) | 0)
  if (flags & FLAG_SLOPED) at = writeZigzag(bytes, at, slope | 0, Math.floor(slope / TWO_32) | 0)
  const step = Math.floor(slope / BLOCK_SAMPLES)
  const blocks = Math.ceil(count / BLOCK_SAMPLES)
  for (let block = 0; block < blocks; block++) {
    const order = planOrder[block]!
    const exceptions = planExceptions[block]!
    bytes[at++] = planWidth[block]! | (order === 1 ? ORDER_BIT : 0)
    bytes[at++] = exceptions
    if (exceptions > 0) bytes[at++] = planExceptionWidth[block]!
    const first = block * BLOCK_SAMPLES
    const low = order === 1 ? quotientLow[first]! : planBaseLow[block]!
    const high = order === 1 ? quotientHigh[first]! : planBaseHigh[block]!
    at = writeDifference(bytes, at, low, high, block * slope)
    if (order === 1) at = writeDifference(bytes, at, planBaseLow[block]!, planBaseHigh[block]!, step)
  }
  for (let block = 0; block < blocks; block++) at = writeBlock(bytes, at, block, Math.min(BLOCK_SAMPLES, count - block * BLOCK_SAMPLES))
  return at
}

// q = (x - x[0]) / scale into the quotient columns; scale, slope and flags into the plan. Scale is the greatest common divisor of the
// differences: its power of two by their common trailing zeros, the rest by Euclid where they are small enough for doubles.
function divideDifferences(pairs: Int32Array, count: number): void {
  const originLow = pairs[0]!
  const originHigh = pairs[1]!
  let anyLow = 0
  let anyHigh = 0
  let leastHigh = 0
  let greatestHigh = 0
  for (let i = 0; i < count; i++) {
    const low = pairs[2 * i]!
    const differenceLow = (low - originLow) | 0
    const differenceHigh = (pairs[2 * i + 1]! - originHigh - (low >>> 0 < originLow >>> 0 ? 1 : 0)) | 0
    quotientLow[i] = differenceLow
    quotientHigh[i] = differenceHigh
    anyLow |= differenceLow
    anyHigh |= differenceHigh
    if (differenceHigh < leastHigh) leastHigh = differenceHigh
    if (differenceHigh > greatestHigh) greatestHigh = differenceHigh
  }
  plan.scale = 1
  plan.slope = 0
  plan.flags = (anyLow | anyHigh) === 0 ? FLAG_EQUAL : 0
  if (plan.flags === FLAG_EQUAL) return
  const zeros = anyLow === 0 ? 63 - Math.clz32(anyHigh & -anyHigh) : 31 - Math.clz32(anyLow & -anyLow)
  const shift = Math.min(zeros, MAX_SHIFT)
  if (shift > 0) {
    for (let i = 1; i < count; i++) {
      const high = quotientHigh[i]!
      quotientLow[i] = shift < 32 ? (quotientLow[i]! >>> shift) | (high << (32 - shift)) : high >> (shift - 32)
      quotientHigh[i] = shift < 32 ? high >> shift : high >> 31
    }
    plan.scale = 2 ** shift
  }
  // Within +-2^50 when the high halves, shifted like the words, are within +-2^18.
  const limit = NARROW_HIGH * plan.scale
  if (leastHigh >= -limit && greatestHigh < limit) {
    let divisor = 0
    for (let i = 1; i < count && divisor !== 1; i++) {
      let other = Math.abs(quotientHigh[i]! * TWO_32 + (quotientLow[i]! >>> 0))
      while (other !== 0) {
        const rest = divisor % other
        divisor = other
        other = rest
      }
    }
    if (divisor > 1 && divisor < MAX_SLOPE / plan.scale) {
      for (let i = 1; i < count; i++) {
        const quotient = (quotientHigh[i]! * TWO_32 + (quotientLow[i]! >>> 0)) / divisor
        quotientLow[i] = quotient | 0
        quotientHigh[i] = Math.floor(quotient / TWO_32)
      }
      plan.scale *= divisor
    }
    if (count > BLOCK_SAMPLES) {
      const lastBlock = Math.ceil(count / BLOCK_SAMPLES) - 1
      const first = lastBlock * BLOCK_SAMPLES
      const last = quotientHigh[first]! * TWO_32 + (quotientLow[first]! >>> 0)
      plan.slope = Math.trunc(last / lastBlock)
      // The division of doubles may round up to an integer.
      if (Math.abs(plan.slope) * lastBlock > Math.abs(last)) plan.slope -= Math.sign(last)
      if (plan.slope !== 0) plan.flags |= FLAG_SLOPED
      else plan.slope = 0
    }
  }
  if (plan.scale !== 1) plan.flags |= FLAG_SCALED
}

// The least of the slots and their range, for `choose`.
let leastLow = 0
let leastHigh = 0
let rangeLow = 0
let rangeHigh = 0

// Fills the slots with the deltas of a block.
function spanDeltas(from: number, size: number): void {
  for (let i = 1; i < size; i++) {
    const low = quotientLow[from + i]!
    const before = quotientLow[from + i - 1]!
    slotLow[i] = low - before
    slotHigh[i] = quotientHigh[from + i]! - quotientHigh[from + i - 1]! - (low >>> 0 < before >>> 0 ? 1 : 0)
  }
  measureSpan(1, size)
}

// Fills the slots with the values of a block.
function spanValues(from: number, size: number): void {
  slotLow.set(quotientLow.subarray(from, from + size))
  slotHigh.set(quotientHigh.subarray(from, from + size))
  measureSpan(0, size)
}

function measureSpan(from: number, size: number): void {
  let minLow = slotLow[from]!
  let minHigh = slotHigh[from]!
  let maxLow = minLow
  let maxHigh = minHigh
  for (let i = from + 1; i < size; i++) {
    const low = slotLow[i]!
    const high = slotHigh[i]!
    if (high < minHigh || (high === minHigh && low >>> 0 < minLow >>> 0)) {
      minHigh = high
      minLow = low
    }
    if (high > maxHigh || (high === maxHigh && low >>> 0 > maxLow >>> 0)) {
      maxHigh = high
      maxLow = low
    }
  }
  leastLow = minLow
  leastHigh = minHigh
  rangeLow = (maxLow - minLow) | 0
  rangeHigh = (maxHigh - minHigh - (maxLow >>> 0 < minLow >>> 0 ? 1 : 0)) | 0
}

// The cheapest base, width and exceptions for slots `from` to `size`. Two kinds of base are tried: the least value, which suits values that
// fill a range, and a middle one minus half the range, which makes outliers on both sides exceptions.
function choose(from: number, size: number): void {
  if (from >= size) {
    // A lone first sample: its delta does not exist.
    chosenWidth = chosenExceptions = chosenExceptionWidth = chosenLow = chosenHigh = 0
    chosenBytes = 2
    return
  }
  const minLow = leastLow
  const minHigh = leastHigh
  middleOfNine(from, size)
  const middleLow = chosenLow
  const middleHigh = chosenHigh
  // Where the inner half of the nine fills more than a quarter of the range, there are no outliers to except.
  const innerLow = (medianLow[6]! - medianLow[2]!) >>> 0
  const innerHigh = (medianHigh[6]! - medianHigh[2]! - (medianLow[6]! >>> 0 < medianLow[2]! >>> 0 ? 1 : 0)) >>> 0
  const quarterHigh = rangeHigh >>> 2
  const quarterLow = ((rangeLow >>> 2) | (rangeHigh << 30)) >>> 0
  if (quarterHigh < innerHigh || (quarterHigh === innerHigh && quarterLow < innerLow)) {
    chosenWidth = bitLength(rangeLow, rangeHigh)
    chosenExceptions = chosenExceptionWidth = 0
    chosenLow = minLow
    chosenHigh = minHigh
    chosenBytes = 2 + ((size * chosenWidth + 7) >>> 3)
    return
  }
  widthsAboveMin.fill(0)
  widthsAroundMiddle.fill(0)
  // Where there are outliers, most slots equal the middle: these are only counted.
  let equal = 0
  for (let i = from; i < size; i++) {
    const low = slotLow[i]!
    const high = slotHigh[i]!
    if (low === middleLow && high === middleHigh) {
      equal++
      continue
    }
    widthsAboveMin[bitLength((low - minLow) | 0, (high - minHigh - (low >>> 0 < minLow >>> 0 ? 1 : 0)) | 0)]!++
    const aroundLow = (low - middleLow) | 0
    const aroundHigh = (high - middleHigh - (low >>> 0 < middleLow >>> 0 ? 1 : 0)) | 0
    const sign = aroundHigh >> 31
    widthsAroundMiddle[bitLength((aroundLow << 1) ^ sign, ((aroundHigh << 1) | (aroundLow >>> 31)) ^ sign)]!++
  }
  const aboveLow = (middleLow - minLow) | 0
  widthsAboveMin[bitLength(aboveLow, (middleHigh - minHigh - (middleLow >>> 0 < minLow >>> 0 ? 1 : 0)) | 0)]! += equal
  widthsAroundMiddle[0] = equal
  let best = Infinity
  let middle = false
  let maxAbove = 64
  while (maxAbove > 0 && widthsAboveMin[maxAbove] === 0) maxAbove--
  let maxAround = 64
  while (maxAround > 0 && widthsAroundMiddle[maxAround] === 0) maxAround--
  let exceptions = 0
  for (let width = maxAbove; width >= 0; width--) {
    const bits = size * width + exceptions * (9 + maxAbove)
    if (bits < best) {
      best = bits
      chosenWidth = width
    }
    exceptions += widthsAboveMin[width]!
  }
  exceptions = 0
  for (let width = maxAround; width >= 0; width--) {
    const bits = size * width + exceptions * (9 + maxAround)
    if (bits < best) {
      best = bits
      chosenWidth = width
      middle = true
    }
    exceptions += widthsAroundMiddle[width]!
  }
  chosenLow = minLow
  chosenHigh = minHigh
  if (middle) {
    // middle - 2^(width - 1)
    const half = chosenWidth - 1
    const halfLow = half >= 0 && half < 32 ? 1 << half : 0
    const halfHigh = half >= 32 ? 1 << (half - 32) : 0
    chosenLow = (middleLow - halfLow) | 0
    chosenHigh = (middleHigh - halfHigh - (middleLow >>> 0 < halfLow >>> 0 ? 1 : 0)) | 0
  }
  countExceptions(from, size)
  chosenBytes = 2 + ((size * chosenWidth + 7) >>> 3)
  if (chosenExceptions > 0) chosenBytes += 1 + chosenExceptions + ((chosenExceptions * chosenExceptionWidth + 7) >>> 3)
}

// A middle value: the median of nine samples spread over the slots.
function middleOfNine(from: number, size: number): void {
  const lows = medianLow
  const highs = medianHigh
  for (let k = 0; k < 9; k++) {
    const i = from + (((size - 1 - from) * k) >>> 3)
    const low = slotLow[i]!
    const high = slotHigh[i]!
    let place = k
    while (place > 0 && (highs[place - 1]! > high || (highs[place - 1]! === high && lows[place - 1]! >>> 0 > low >>> 0))) {
      highs[place] = highs[place - 1]!
      lows[place] = lows[place - 1]!
      place--
    }
    highs[place] = high
    lows[place] = low
  }
  chosenLow = lows[4]!
  chosenHigh = highs[4]!
}
const medianLow = new Int32Array(9)
const medianHigh = new Int32Array(9)

// Which slots do not fit into the chosen base and width, and how many bits the widest of them takes.
function countExceptions(from: number, size: number): void {
  chosenExceptions = 0
  let widestLow = 0
  let widestHigh = 0
  for (let i = from; i < size; i++) {
    const low = (slotLow[i]! - chosenLow) | 0
    const high = (slotHigh[i]! - chosenHigh - (slotLow[i]! >>> 0 < chosenLow >>> 0 ? 1 : 0)) | 0
    if (bitLength(low, high) <= chosenWidth) continue
    const sign = high >> 31
    widestLow |= (low << 1) ^ sign
    widestHigh |= ((high << 1) | (low >>> 31)) ^ sign
    chosenExceptions++
  }
  chosenExceptionWidth = bitLength(widestLow, widestHigh)
}

function keep(block: number, order: number): void {
  planOrder[block] = order
  planWidth[block] = chosenWidth
  planExceptions[block] = chosenExceptions
  planExceptionWidth[block] = chosenExceptionWidth
  planBaseLow[block] = chosenLow
  planBaseHigh[block] = chosenHigh
}

function writeBlock(bytes: Uint8Array, start: number, block: number, size: number): number {
  const from = block * BLOCK_SAMPLES
  const order = planOrder[block]!
  const width = planWidth[block]!
  const baseLow = planBaseLow[block]!
  const baseHigh = planBaseHigh[block]!
  let exceptions = 0
  for (let i = 0; i < size; i++) {
    let low = quotientLow[from + i]!
    let high = quotientHigh[from + i]!
    if (order === 1) {
      if (i === 0) {
        slotLow[0] = slotHigh[0] = 0
        continue
      }
      const before = quotientLow[from + i - 1]!
      high = high - quotientHigh[from + i - 1]! - (low >>> 0 < before >>> 0 ? 1 : 0)
      low = (low - before) | 0
    }
    const differenceLow = (low - baseLow) | 0
    const differenceHigh = (high - baseHigh - (low >>> 0 < baseLow >>> 0 ? 1 : 0)) | 0
    if (bitLength(differenceLow, differenceHigh) <= width) {
      slotLow[i] = differenceLow
      slotHigh[i] = differenceHigh
    } else {
      slotLow[i] = slotHigh[i] = 0
      const sign = differenceHigh >> 31
      exceptionAt[exceptions] = i
      exceptionLow[exceptions] = (differenceLow << 1) ^ sign
      exceptionHigh[exceptions++] = ((differenceHigh << 1) | (differenceLow >>> 31)) ^ sign
    }
  }
  let at = writeBits(bytes, start, slotLow, slotHigh, size, width)
  for (let i = 0; i < exceptions; i++) bytes[at++] = exceptionAt[i]!
  return writeBits(bytes, at, exceptionLow, exceptionHigh, exceptions, exceptions > 0 ? planExceptionWidth[block]! : 0)
}
const exceptionLow = new Int32Array(BLOCK_SAMPLES)
const exceptionHigh = new Int32Array(BLOCK_SAMPLES)
