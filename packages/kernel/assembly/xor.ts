// Gorilla's XOR codec: the twin of src/plain/xor.ts, which explains it.

import { beginBits, endBits, putBits } from './bits'
import { BLOCK, BYTES, DOUBLES } from './columns'
import { writeVarint } from './varint'

const BLOCK_BYTES = memory.data(128 * 4, 16)
let plannedCount: i32 = 0

/** Plans the first `count` doubles; answers the bytes that they take. */
export function planXor(count: i32): i32 {
  plannedCount = count
  let total = 0
  for (let from = 0, block = 0; from < count; from += BLOCK, block++) {
    const end = DOUBLES + (<usize>min(count, from + BLOCK) << 3)
    let at = DOUBLES + (<usize>from << 3)
    let before = load<u64>(at)
    let bits = 64
    let leading = 255
    let trailing = 0
    for (at += 8; at < end; at += 8) {
      const value = load<u64>(at)
      const xor = value ^ before
      before = value
      if (xor == 0) {
        bits++
        continue
      }
      const leads = min(31, <i32>clz<u64>(xor))
      const trails = <i32>ctz<u64>(xor)
      if (leads >= leading && trails >= trailing) bits += 66 - leading - trailing
      else {
        leading = leads
        trailing = trails
        bits += 77 - leads - trails
      }
    }
    const size = (bits + 7) >> 3
    store<i32>(BLOCK_BYTES + (<usize>block << 2), size)
    total += size + (count > BLOCK ? (size < 128 ? 1 : 2) : 0)
  }
  return total
}

/** Writes the doubles of the last plan at offset `at`; answers the offset behind them. */
export function writeXor(offset: i32): i32 {
  const count = plannedCount
  let out: usize = BYTES + offset
  if (count > BLOCK) {
    for (let block = 0; block * BLOCK < count; block++) out = writeVarint(out, load<u32>(BLOCK_BYTES + (<usize>block << 2)))
  }
  for (let from = 0; from < count; from += BLOCK) {
    const end = DOUBLES + (<usize>min(count, from + BLOCK) << 3)
    let at = DOUBLES + (<usize>from << 3)
    beginBits(out)
    let before = load<u64>(at)
    putBits(before, 64)
    let leading = 255
    let trailing = 0
    for (at += 8; at < end; at += 8) {
      const value = load<u64>(at)
      const xor = value ^ before
      before = value
      if (xor == 0) {
        putBits(0, 1)
        continue
      }
      const leads = min(31, <i32>clz<u64>(xor))
      const trails = <i32>ctz<u64>(xor)
      if (leads >= leading && trails >= trailing) putBits(1, 2)
      else {
        leading = leads
        trailing = trails
        putBits(3 | (leads << 2) | ((63 - leads - trails) << 7), 13)
      }
      putBits(xor >> <u64>trailing, 64 - leading - trailing)
    }
    out = endBits()
  }
  return <i32>(out - BYTES)
}

/** Decodes samples `from` (a multiple of 128) to `to` to the start of the doubles; answers their number, or -1 - offset. */
export function readXor(offset: i32, endOffset: i32, count: i32, from: i32, to: i32): i32 {
  const end = BYTES + endOffset
  let directory = BYTES + offset
  let stream = directory
  if (count > BLOCK) {
    for (let block = 0; block * BLOCK < count; block++) {
      if (stream >= end) return -1 - <i32>(stream - BYTES)
      stream += load<u8>(stream) < 0x80 ? 1 : 2
    }
  }
  let out = DOUBLES
  for (let first = 0; first < to; first += BLOCK) {
    let streamEnd = end
    if (count > BLOCK) {
      const byte = <usize>load<u8>(directory++)
      streamEnd = stream + byte
      if (byte >= 0x80) streamEnd = stream + ((byte & 0x7f) | (<usize>load<u8>(directory++) << 7))
      if (streamEnd > end) return -1 - <i32>(directory - BYTES)
    }
    if (first >= from) {
      const outEnd = DOUBLES + (<usize>(min(to, first + BLOCK) - from) << 3)
      if (!readStream(stream, streamEnd, out, outEnd)) return -1 - <i32>(stream - BYTES)
      out = outEnd
    }
    stream = streamEnd
  }
  return to - from
}

// One block. The bit position is checked at the end: until then at most 128 * 77 bits are read, which lie within the slack of the bytes.
function readStream(stream: usize, streamEnd: usize, out: usize, outEnd: usize): bool {
  let value = load<u64>(stream)
  store<u64>(out, value)
  out += 8
  let bit: usize = 64
  const limit = (streamEnd - stream) << 3
  let trailing: u64 = 0
  let length: u64 = 0
  while (out < outEnd) {
    if (bit > limit) return false
    // At least 57 bits from here on.
    const window = load<u64>(stream + (bit >> 3)) >> <u64>(bit & 7)
    if ((window & 1) == 0) {
      // A run of equal values.
      let equal = min<usize>(<usize>ctz<u64>(window), 57)
      equal = min<usize>(equal, (outEnd - out) >> 3)
      bit += equal
      for (const runEnd = out + (equal << 3); out < runEnd; out += 8) store<u64>(out, value)
      continue
    }
    let used: u64 = 2
    if (window & 2) {
      const leading = (window >> 2) & 31
      length = ((window >> 7) & 63) + 1
      if (leading + length > 64) return false
      trailing = 64 - leading - length
      used = 13
    } else if (length == 0) return false
    let meaningful = window >> used
    if (used + length > 57) {
      const byte = stream + ((bit + <usize>used) >> 3)
      const shift = (bit + used) & 7
      meaningful = load<u64>(byte) >> shift
      if (shift != 0) meaningful |= <u64>load<u8>(byte, 8) << (64 - shift)
    }
    bit += <usize>(used + length)
    // Only the low `length` bits count; they go to their place.
    value ^= (meaningful << (64 - length)) >> (64 - length - trailing)
    store<u64>(out, value)
    out += 8
  }
  return bit <= limit
}
