// The patched integer packer: the twin of src/plain/pack.ts and unpack.ts, which explain it. Words are u64, all arithmetic is modulo 2^64.

import { BLOCK, BYTES, DOUBLES, QUOTIENTS, WORDS } from './columns'
import { powerOfTen } from './decimals'
import { readVarint, unzigzag, varintBytes, varintValue, writeVarint, zigzag } from './varint'

const FLAG_SCALED: u32 = 1
const FLAG_EQUAL: u32 = 2
const FLAG_SLOPED: u32 = 4
const KNOWN_FLAGS: u32 = 7
const ORDER_BIT: u32 = 0x80
const NARROW: i64 = 1 << 50
const MAX_SLOPE: u64 = 1 << 52
const MAX_SHIFT: u64 = 51

// A block's plan: base i64, width, order, exceptions, width of exceptions (u8 each).
const PLANS = memory.data(128 * 16, 16)
// One block of slots and exceptions.
const SLOTS = memory.data(129 * 8, 16)
const EXCEPTIONS = memory.data(128 * 8, 16)
const PLACES = memory.data(128, 16)
// Two histograms of bit lengths, 65 counters each.
const ABOVE = memory.data(66 * 4, 16)
const AROUND = memory.data(66 * 4, 16)
const NINE = memory.data(9 * 8, 16)

let planCount: i32 = 0
let planScale: i64 = 1
let planSlope: i64 = 0
let planFlags: u32 = 0

// The least and greatest of the slots, for `choose`.
let slotsLeast: i64 = 0
let slotsGreatest: i64 = 0

let chosenWidth: i32 = 0
let chosenExceptions: i32 = 0
let chosenExceptionWidth: i32 = 0
let chosenBase: i64 = 0
let chosenBytes: i32 = 0

// @ts-ignore: decorator
@inline
function bitLength(value: u64): i32 {
  return 64 - <i32>clz<u64>(value)
}

// @ts-ignore: decorator
@inline
function quotient(i: i32): i64 {
  return load<i64>(QUOTIENTS + (<usize>i << 3))
}

// @ts-ignore: decorator
@inline
function slot(i: i32): i64 {
  return load<i64>(SLOTS + (<usize>i << 3))
}

/** Plans the packing of the first `count` (at least 1) words; answers the bytes that it takes. */
export function planPacked(count: i32, ordered: bool): i32 {
  planCount = count
  divideDifferences(count)
  let bytes = 1 + varintBytes(zigzag(load<i64>(WORDS)))
  if (planFlags & FLAG_EQUAL) return bytes
  if (planFlags & FLAG_SCALED) bytes += varintBytes(planScale)
  if (planFlags & FLAG_SLOPED) bytes += varintBytes(zigzag(planSlope))
  const step = planSlope >> 7
  for (let from = 0, block = 0; from < count; from += BLOCK, block++) {
    const size = min(BLOCK, count - from)
    const origin = <i64>block * planSlope
    const plan = PLANS + (<usize>block << 4)
    const source = QUOTIENTS + (<usize>from << 3)
    const end = <usize>size << 3
    let best = i32.MAX_VALUE
    // The ranges of the values and of the deltas. A range of deltas that is far smaller means a trend, and then values need not be tried; a
    // far greater one cannot be.
    let least = load<i64>(source)
    let greatest = least
    let leastDelta = i64.MAX_VALUE
    let greatestDelta = i64.MIN_VALUE
    for (let i: usize = 8, before = least; i < end; i += 8) {
      const value = load<i64>(source + i)
      const delta = value - before
      before = value
      least = value < least ? value : least
      greatest = value > greatest ? value : greatest
      leastDelta = delta < leastDelta ? delta : leastDelta
      greatestDelta = delta > greatestDelta ? delta : greatestDelta
      store<i64>(SLOTS + i, delta)
    }
    slotsLeast = leastDelta
    slotsGreatest = greatestDelta
    choose(1, size)
    best = chosenBytes + varintBytes(zigzag(quotient(from) - origin)) + varintBytes(zigzag(chosenBase - step))
    keep(plan, 1)
    if (!ordered && (size == 1 || <u64>(greatest - least) >> 3 <= <u64>(greatestDelta - leastDelta))) {
      memory.copy(SLOTS, source, end)
      slotsLeast = least
      slotsGreatest = greatest
      choose(0, size)
      const valueBytes = chosenBytes + varintBytes(zigzag(chosenBase - origin))
      if (valueBytes <= best) {
        best = valueBytes
        keep(plan, 0)
      }
    }
    bytes += best
  }
  return bytes
}

/** Writes the words of the last plan at offset `at` of the bytes; answers the offset behind them. */
export function writePacked(offset: i32): i32 {
  let at: usize = BYTES + offset
  store<u8>(at++, planFlags)
  at = writeVarint(at, zigzag(load<i64>(WORDS)))
  if (planFlags & FLAG_EQUAL) return <i32>(at - BYTES)
  if (planFlags & FLAG_SCALED) at = writeVarint(at, planScale)
  if (planFlags & FLAG_SLOPED) at = writeVarint(at, zigzag(planSlope))
  const step = planSlope >> 7
  for (let from = 0, block = 0; from < planCount; from += BLOCK, block++) {
    const plan = PLANS + (<usize>block << 4)
    const base = load<i64>(plan)
    const order = load<u8>(plan, 9)
    const exceptions = load<u8>(plan, 10)
    store<u8>(at++, load<u8>(plan, 8) | (order << 7))
    store<u8>(at++, exceptions)
    if (exceptions > 0) store<u8>(at++, load<u8>(plan, 11))
    at = writeVarint(at, zigzag((order ? quotient(from) : base) - <i64>block * planSlope))
    if (order) at = writeVarint(at, zigzag(base - step))
  }
  for (let from = 0, block = 0; from < planCount; from += BLOCK, block++) {
    at = writeBlock(at, PLANS + (<usize>block << 4), from, min(BLOCK, planCount - from))
  }
  return <i32>(at - BYTES)
}

// q = (x - x[0]) / scale into the quotients; scale, slope and flags into the plan. Scale is the greatest common divisor of the differences:
// its power of two by their common trailing zeros, the rest by Euclid where they are small enough for the twin's doubles.
function divideDifferences(count: i32): void {
  const origin = load<i64>(WORDS)
  const end = <usize>count << 3
  let any: i64 = 0
  let least: i64 = 0
  let greatest: i64 = 0
  for (let i: usize = 0; i < end; i += 8) {
    const difference = load<i64>(WORDS + i) - origin
    store<i64>(QUOTIENTS + i, difference)
    any |= difference
    least = difference < least ? difference : least
    greatest = difference > greatest ? difference : greatest
  }
  planScale = 1
  planSlope = 0
  planFlags = any == 0 ? FLAG_EQUAL : 0
  if (any == 0) return
  const shift = <i64>min<u64>(ctz<u64>(any), MAX_SHIFT)
  if (shift > 0) {
    for (let i: usize = 8; i < end; i += 8) store<i64>(QUOTIENTS + i, load<i64>(QUOTIENTS + i) >> shift)
    planScale = <i64>1 << shift
  }
  if (least >> shift >= -NARROW && greatest >> shift < NARROW) {
    // Doubles are exact here, and their division is far cheaper than that of 64-bit integers.
    let divisor: u64 = 0
    let double: f64 = 1
    for (let i: usize = 8; i < end && divisor != 1; i += 8) {
      const difference = load<i64>(QUOTIENTS + i)
      if (divisor != 0 && nearest<f64>(<f64>difference / double) * double == <f64>difference) continue
      let other = <u64>abs(difference)
      while (other != 0) {
        const rest = divisor % other
        divisor = other
        other = rest
      }
      double = <f64>divisor
    }
    if (divisor > 1 && divisor < MAX_SLOPE >> <u64>shift) {
      for (let i: usize = 8; i < end; i += 8) store<i64>(QUOTIENTS + i, <i64>(<f64>load<i64>(QUOTIENTS + i) / double))
      planScale *= divisor
    }
    if (count > BLOCK) {
      const lastBlock = (count - 1) / BLOCK
      planSlope = quotient(lastBlock * BLOCK) / <i64>lastBlock
      if (planSlope != 0) planFlags |= FLAG_SLOPED
    }
  }
  if (planScale != 1) planFlags |= FLAG_SCALED
}

// The cheapest base, width and exceptions for slots `from` to `size`.
function choose(from: i32, size: i32): void {
  if (from >= size) {
    chosenWidth = 0
    chosenExceptions = 0
    chosenExceptionWidth = 0
    chosenBase = 0
    chosenBytes = 2
    return
  }
  const begin = SLOTS + (<usize>from << 3)
  const end = SLOTS + (<usize>size << 3)
  const least = slotsLeast
  const middle = middleOfNine(from, size)
  const range = <u64>(slotsGreatest - least)
  // Where the inner half of the nine fills more than a quarter of the range, there are no outliers to except.
  if (range >> 2 < <u64>(load<i64>(NINE, 48) - load<i64>(NINE, 16))) {
    chosenWidth = bitLength(range)
    chosenExceptions = 0
    chosenExceptionWidth = 0
    chosenBase = least
    chosenBytes = 2 + ((size * chosenWidth + 7) >> 3)
    return
  }
  memory.fill(ABOVE, 0, 66 * 4)
  memory.fill(AROUND, 0, 66 * 4)
  // Where there are outliers, most slots equal the middle: these are only counted.
  let equal = 0
  for (let at = begin; at < end; at += 8) {
    const value = load<i64>(at)
    if (value == middle) {
      equal++
      continue
    }
    const above = ABOVE + (<usize>bitLength(value - least) << 2)
    store<i32>(above, load<i32>(above) + 1)
    const around = AROUND + (<usize>bitLength(zigzag(value - middle)) << 2)
    store<i32>(around, load<i32>(around) + 1)
  }
  const aboveMiddle = ABOVE + (<usize>bitLength(middle - least) << 2)
  store<i32>(aboveMiddle, load<i32>(aboveMiddle) + equal)
  store<i32>(AROUND, equal)
  let best = i32.MAX_VALUE
  let isMiddle = false
  let maxAbove = 64
  while (maxAbove > 0 && load<i32>(ABOVE + (<usize>maxAbove << 2)) == 0) maxAbove--
  let maxAround = 64
  while (maxAround > 0 && load<i32>(AROUND + (<usize>maxAround << 2)) == 0) maxAround--
  let exceptions = 0
  for (let width = maxAbove; width >= 0; width--) {
    const bits = size * width + exceptions * (9 + maxAbove)
    if (bits < best) {
      best = bits
      chosenWidth = width
    }
    exceptions += load<i32>(ABOVE + (<usize>width << 2))
  }
  exceptions = 0
  for (let width = maxAround; width >= 0; width--) {
    const bits = size * width + exceptions * (9 + maxAround)
    if (bits < best) {
      best = bits
      chosenWidth = width
      isMiddle = true
    }
    exceptions += load<i32>(AROUND + (<usize>width << 2))
  }
  chosenBase = isMiddle ? middle - (chosenWidth > 0 ? <i64>1 << <i64>(chosenWidth - 1) : 0) : least
  chosenExceptions = 0
  chosenExceptionWidth = 0
  chosenBytes = 2 + ((size * chosenWidth + 7) >> 3)
  if (!isMiddle && chosenWidth == maxAbove) return
  let widest: u64 = 0
  for (let at = begin; at < end; at += 8) {
    const difference = load<i64>(at) - chosenBase
    if (bitLength(difference) <= chosenWidth) continue
    widest |= zigzag(difference)
    chosenExceptions++
  }
  chosenExceptionWidth = bitLength(widest)
  if (chosenExceptions > 0) chosenBytes += 1 + chosenExceptions + ((chosenExceptions * chosenExceptionWidth + 7) >> 3)
}

function middleOfNine(from: i32, size: i32): i64 {
  for (let k = 0; k < 9; k++) {
    const value = slot(from + (((size - 1 - from) * k) >> 3))
    let place: usize = NINE + (<usize>k << 3)
    while (place > NINE && load<i64>(place - 8) > value) {
      store<i64>(place, load<i64>(place - 8))
      place -= 8
    }
    store<i64>(place, value)
  }
  return load<i64>(NINE, 32)
}

function keep(plan: usize, order: u8): void {
  store<i64>(plan, chosenBase)
  store<u8>(plan, chosenWidth, 8)
  store<u8>(plan, order, 9)
  store<u8>(plan, chosenExceptions, 10)
  store<u8>(plan, chosenExceptionWidth, 11)
}

function writeBlock(start: usize, plan: usize, from: i32, size: i32): usize {
  const base = load<i64>(plan)
  const width = <i32>load<u8>(plan, 8)
  const order = load<u8>(plan, 9)
  const source = QUOTIENTS + (<usize>from << 3)
  const end = <usize>size << 3
  let exceptions: usize = 0
  let first: usize = 0
  if (order) {
    store<i64>(SLOTS, 0)
    first = 8
  }
  for (let i = first; i < end; i += 8) {
    const difference = load<i64>(source + i) - (order ? load<i64>(source + i - 8) : 0) - base
    if (bitLength(difference) <= width) {
      store<i64>(SLOTS + i, difference)
    } else {
      store<i64>(SLOTS + i, 0)
      store<u8>(PLACES + exceptions, <u8>(i >> 3))
      store<u64>(EXCEPTIONS + (exceptions << 3), zigzag(difference))
      exceptions++
    }
  }
  let at = writeBits(start, SLOTS, size, width)
  memory.copy(at, PLACES, exceptions)
  at += exceptions
  return writeBits(at, EXCEPTIONS, <i32>exceptions, exceptions > 0 ? <i32>load<u8>(plan, 11) : 0)
}

// Writes `count` numbers of `width` bits, lowest bit first, and pads the last byte with zeros.
function writeBits(at: usize, source: usize, count: i32, width: i32): usize {
  if (width == 0 || count == 0) return at
  let pending: u64 = 0
  let filled: i32 = 0
  for (const end = source + (<usize>count << 3); source < end; source += 8) {
    const value = load<u64>(source)
    pending |= value << <u64>filled
    filled += width
    if (filled >= 64) {
      store<u64>(at, pending)
      at += 8
      filled -= 64
      pending = filled == 0 ? 0 : value >> <u64>(width - filled)
    }
  }
  while (filled > 0) {
    store<u8>(at++, <u8>pending)
    pending >>= 8
    filled -= 8
  }
  return at
}

// What the reader knows of the column from its head.
let headScale: i64 = 1
let headSlope: i64 = 0
let headFlags: u32 = 0
let headOrigin: i64 = 0
let failedAt: usize = 0

// @ts-ignore: decorator
@inline
function failure(at: usize): i32 {
  return -1 - <i32>(at - BYTES)
}

/** Decodes blocks of a packed column; see CodecLoops.readPacked. */
export function readPacked(offset: i32, endOffset: i32, count: i32, from: i32, to: i32, target: i32): i32 {
  const end = BYTES + endOffset
  let directory = readHead(BYTES + offset, end, count)
  if (directory == 0) return failure(failedAt)
  const out = target == -2 ? WORDS : DOUBLES
  if (headFlags & FLAG_EQUAL) {
    fillEqual(out, to - from, target)
    return to - from
  }
  const blocks = (count + BLOCK - 1) / BLOCK
  let payload = skipDirectory(directory, end, blocks)
  if (payload == 0) return failure(failedAt)
  const step = headSlope >> 7
  const divisor = target > 0 ? powerOfTen(target) : 1
  for (let start = 0, block = 0; start < to; start += BLOCK, block++) {
    const head = <u32>load<u8>(directory)
    const width = <i32>(head & 0x7f)
    const exceptions = <i32>load<u8>(directory, 1)
    const size = min(BLOCK, count - start)
    const headAt = directory
    let exceptionWidth = 0
    directory += 2
    if (exceptions > 0) exceptionWidth = <i32>load<u8>(directory++)
    if (width > 64 || exceptionWidth > 64 || exceptions > size) return failure(headAt)
    directory = readVarint(directory, end)
    const first = <i64>block * headSlope + unzigzag(varintValue)
    let base = first
    if (head & ORDER_BIT) {
      directory = readVarint(directory, end)
      base = step + unzigzag(varintValue)
    }
    const places = payload + ((size * width + 7) >> 3)
    const exceptionsAt = places + exceptions
    const payloadEnd = exceptionsAt + ((exceptions * exceptionWidth + 7) >> 3)
    if (payloadEnd > end) return failure(headAt)
    if (start >= from) {
      readBits(payload, SLOTS, size, width, base)
      if (exceptions > 0) {
        readBits(exceptionsAt, EXCEPTIONS, exceptions, exceptionWidth, 0)
        for (let k = 0; k < exceptions; k++) {
          const place = <i32>load<u8>(places + k)
          if (place >= size) return failure(places + k)
          store<i64>(SLOTS + (<usize>place << 3), unzigzag(load<u64>(EXCEPTIONS + (<usize>k << 3))) + base)
        }
      }
      const wanted = min(size, to - start)
      const place = out + (<usize>(start - from) << 3)
      if ((head & ORDER_BIT) == 0) convert(place, wanted, target, divisor)
      else if (target == 0) sumToDoubles(place, wanted, first)
      else {
        let sum = first
        store<i64>(SLOTS, sum)
        const slotsEnd = SLOTS + (<usize>wanted << 3)
        for (let at = SLOTS + 8; at < slotsEnd; at += 8) {
          sum += load<i64>(at)
          store<i64>(at, sum)
        }
        convert(place, wanted, target, divisor)
      }
    }
    payload = payloadEnd
  }
  return to - from
}

/** The first words of the blocks of an ordered column, as doubles; see CodecLoops.readPackedStarts. */
export function readPackedStarts(offset: i32, endOffset: i32, count: i32): i32 {
  const end = BYTES + endOffset
  let directory = readHead(BYTES + offset, end, count)
  if (directory == 0) return failure(failedAt)
  const blocks = (count + BLOCK - 1) / BLOCK
  const equal = (headFlags & FLAG_EQUAL) != 0
  if (!equal && skipDirectory(directory, end, blocks) == 0) return failure(failedAt)
  for (let block = 0; block < blocks; block++) {
    let first: i64 = 0
    if (!equal) {
      if ((load<u8>(directory) & ORDER_BIT) == 0) return failure(directory)
      directory += load<u8>(directory, 1) > 0 ? 3 : 2
      directory = readVarint(directory, end)
      first = <i64>block * headSlope + unzigzag(varintValue)
      directory = readVarint(directory, end)
    }
    store<f64>(DOUBLES + (<usize>block << 3), <f64>(headOrigin + headScale * first))
  }
  return blocks
}

// Reads flags, origin, scale and slope; answers the address of the directory, or 0.
function readHead(at: usize, end: usize, count: i32): usize {
  failedAt = at
  if (at >= end) return 0
  headFlags = load<u8>(at)
  if (headFlags & ~KNOWN_FLAGS) return 0
  failedAt = at + 1
  let next = readVarint(at + 1, end)
  if (next == 0) return 0
  headOrigin = unzigzag(varintValue)
  headScale = 1
  headSlope = 0
  if (headFlags & FLAG_SCALED) {
    failedAt = next
    next = readVarint(next, end)
    if (next == 0 || varintValue >= MAX_SLOPE || varintValue < 2) return 0
    headScale = varintValue
  }
  if (headFlags & FLAG_SLOPED) {
    failedAt = next
    next = readVarint(next, end)
    if (next == 0) return 0
    headSlope = unzigzag(varintValue)
    const magnitude = <u64>abs(headSlope)
    if (magnitude > MAX_SLOPE || magnitude * ((count + BLOCK - 1) / BLOCK) > MAX_SLOPE) return 0
  }
  return next
}

// Walks over the directory; answers where the payloads begin, or 0. Afterwards its varints are known to be whole.
function skipDirectory(at: usize, end: usize, blocks: i32): usize {
  for (let block = 0; block < blocks; block++) {
    failedAt = at
    if (at + 3 > end) return 0
    const order = load<u8>(at) & ORDER_BIT
    at += load<u8>(at, 1) > 0 ? 3 : 2
    at = readVarint(at, end)
    if (at == 0) return 0
    if (order) {
      at = readVarint(at, end)
      if (at == 0) return 0
    }
  }
  return at
}

// Reads `count` numbers of `width` bits and stores each plus `base`. Loads look up to 15 bytes past the last one.
function readBits(at: usize, out: usize, count: i32, width: i32, base: i64): void {
  if (width == 0) {
    const pair = i64x2.splat(base)
    for (const end = out + (<usize>count << 3); out < end; out += 16) v128.store(out, pair)
    return
  }
  if (width <= 57) {
    const mask = ((<u64>1) << <u64>width) - 1
    // Eight numbers take exactly `width` bytes, so their offsets repeat.
    const w = <usize>width
    const groups = out + (<usize>(count & ~7) << 3)
    while (out < groups) {
      store<u64>(out, (load<u64>(at) & mask) + base)
      store<u64>(out, ((load<u64>(at + (w >> 3)) >> <u64>(w & 7)) & mask) + base, 8)
      store<u64>(out, ((load<u64>(at + ((2 * w) >> 3)) >> <u64>((2 * w) & 7)) & mask) + base, 16)
      store<u64>(out, ((load<u64>(at + ((3 * w) >> 3)) >> <u64>((3 * w) & 7)) & mask) + base, 24)
      store<u64>(out, ((load<u64>(at + ((4 * w) >> 3)) >> <u64>((4 * w) & 7)) & mask) + base, 32)
      store<u64>(out, ((load<u64>(at + ((5 * w) >> 3)) >> <u64>((5 * w) & 7)) & mask) + base, 40)
      store<u64>(out, ((load<u64>(at + ((6 * w) >> 3)) >> <u64>((6 * w) & 7)) & mask) + base, 48)
      store<u64>(out, ((load<u64>(at + ((7 * w) >> 3)) >> <u64>((7 * w) & 7)) & mask) + base, 56)
      at += w
      out += 64
    }
    let bit: usize = 0
    for (const end = groups + (<usize>(count & 7) << 3); out < end; out += 8, bit += w) {
      store<u64>(out, ((load<u64>(at + (bit >> 3)) >> <u64>(bit & 7)) & mask) + base)
    }
    return
  }
  const mask = width == 64 ? u64.MAX_VALUE : ((<u64>1) << <u64>width) - 1
  let bit: usize = 0
  for (const end = out + (<usize>count << 3); out < end; out += 8, bit += width) {
    const byte = at + (bit >> 3)
    const shift = <u64>(bit & 7)
    let value = load<u64>(byte) >> shift
    if (shift != 0) value |= <u64>load<u8>(byte, 8) << (64 - shift)
    store<u64>(out, (value & mask) + base)
  }
}

// SLOTS hold deltas of q from the second on; writes origin + scale * q as doubles. In one pass: it is what timestamps and counters are.
function sumToDoubles(out: usize, count: i32, first: i64): void {
  const scale = headScale
  let sum = first * scale + headOrigin
  store<f64>(out, <f64>sum)
  const size = <usize>count << 3
  if (scale == 1) {
    for (let i: usize = 8; i < size; i += 8) {
      sum += load<i64>(SLOTS + i)
      store<f64>(out + i, <f64>sum)
    }
  } else {
    for (let i: usize = 8; i < size; i += 8) {
      sum += load<i64>(SLOTS + i) * scale
      store<f64>(out + i, <f64>sum)
    }
  }
}

// SLOTS hold q; writes origin + scale * q as words, bits, or doubles over a divisor.
function convert(out: usize, count: i32, target: i32, divisor: f64): void {
  const scale = headScale
  const origin = headOrigin
  const size = <usize>count << 3
  if (target < 0) {
    if (scale == 1) {
      const pair = i64x2.splat(origin)
      for (let i: usize = 0; i < size; i += 16) v128.store(out + i, i64x2.add(v128.load(SLOTS + i), pair))
    } else for (let i: usize = 0; i < size; i += 8) store<i64>(out + i, origin + scale * load<i64>(SLOTS + i))
    return
  }
  if (target == 0) {
    if (scale == 1) for (let i: usize = 0; i < size; i += 8) store<f64>(out + i, <f64>(origin + load<i64>(SLOTS + i)))
    else for (let i: usize = 0; i < size; i += 8) store<f64>(out + i, <f64>(origin + scale * load<i64>(SLOTS + i)))
    return
  }
  if (scale != 1) for (let i: usize = 0; i < size; i += 8) store<i64>(SLOTS + i, scale * load<i64>(SLOTS + i))
  // An integer r below 2^51 becomes a double by adding it to the bits of 1.5 * 2^52 and taking that away again.
  const rounder = f64x2.splat(6_755_399_441_055_744)
  const shifted = i64x2.splat(origin + 0x4338_0000_0000_0000)
  const divisors = f64x2.splat(divisor)
  for (let i: usize = 0; i < size; i += 16) {
    const integers = i64x2.add(v128.load(SLOTS + i), shifted)
    v128.store(out + i, f64x2.div(f64x2.sub(integers, rounder), divisors))
  }
}

function fillEqual(out: usize, count: i32, target: i32): void {
  const size = <usize>count << 3
  if (target < 0) {
    const pair = i64x2.splat(headOrigin)
    for (let i: usize = 0; i < size; i += 16) v128.store(out + i, pair)
    return
  }
  const pair = f64x2.splat(<f64>headOrigin / (target > 0 ? powerOfTen(target) : 1))
  for (let i: usize = 0; i < size; i += 16) v128.store(out + i, pair)
}
