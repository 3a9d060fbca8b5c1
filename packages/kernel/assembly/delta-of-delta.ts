// Delta-of-delta for ascending times: the twin of src/plain/delta-of-delta.ts, which explains it.

import { beginBits, endBits, putBits } from './bits'
import { BLOCK, BYTES, DOUBLES } from './columns'
import { readVarint, unzigzag, varintBytes, varintValue, writeVarint, zigzag } from './varint'

const BLOCK_BYTES = memory.data(128 * 4, 16)
const FIRST_TIMES = memory.data(128 * 8, 16)
const MAX_STREAM_BYTES: u64 = 1_100
const MAX_DISTANCE: u64 = 1 << 56
let plannedCount: i32 = 0

// @ts-ignore: decorator
@inline
function time(i: i32): i64 {
  return <i64>load<f64>(DOUBLES + (<usize>i << 3))
}

/** Plans the first `count` times; answers the bytes that they take. */
export function planDeltaOfDelta(count: i32): i32 {
  plannedCount = count
  let total = 0
  for (let from = 0, block = 0; from < count; from += BLOCK, block++) {
    const to = min(count, from + BLOCK)
    let bits = 0
    let before = time(from)
    let delta: i64 = 0
    for (let i = from + 1; i < to; i++) {
      const now = time(i)
      const change = now - before - delta
      delta = now - before
      before = now
      bits += change == 0 ? 1 : fits(change, 6) ? 9 : fits(change, 10) ? 14 : fits(change, 19) ? 24 : 68
    }
    const size = (bits + 7) >> 3
    store<i32>(BLOCK_BYTES + (<usize>block << 2), size)
    total += size + (size < 128 ? 1 : 2)
    total += varintBytes(from == 0 ? zigzag(time(0)) : time(from) - time(from - BLOCK))
  }
  return total
}

// Whether -2^bits <= change < 2^bits.
// @ts-ignore: decorator
@inline
function fits(change: i64, bits: i64): bool {
  return change >> bits == change >> 63
}

/** Writes the times of the last plan at offset `at`; answers the offset behind them. */
export function writeDeltaOfDelta(offset: i32): i32 {
  const count = plannedCount
  let at: usize = BYTES + offset
  for (let from = 0, block = 0; from < count; from += BLOCK, block++) {
    at = writeVarint(at, load<u32>(BLOCK_BYTES + (<usize>block << 2)))
    at = writeVarint(at, from == 0 ? zigzag(time(0)) : time(from) - time(from - BLOCK))
  }
  for (let from = 0; from < count; from += BLOCK) {
    const to = min(count, from + BLOCK)
    beginBits(at)
    let before = time(from)
    let delta: i64 = 0
    for (let i = from + 1; i < to; i++) {
      const now = time(i)
      const change = now - before - delta
      delta = now - before
      before = now
      if (change == 0) putBits(0, 1)
      else if (fits(change, 6)) putBits(1 | ((change & 0x7f) << 2), 9)
      else if (fits(change, 10)) putBits(3 | ((change & 0x7ff) << 3), 14)
      else if (fits(change, 19)) putBits(7 | ((change & 0xf_ffff) << 4), 24)
      else {
        putBits(15, 4)
        putBits(change, 64)
      }
    }
    at = endBits()
  }
  return <i32>(at - BYTES)
}

/** Decodes samples `from` (a multiple of 128) to `to` to the start of the doubles; answers their number, or -1 - offset. */
export function readDeltaOfDelta(offset: i32, endOffset: i32, count: i32, from: i32, to: i32): i32 {
  const end = BYTES + endOffset
  let stream = walkDirectory(BYTES + offset, end, count)
  if (stream == 0) return -1 - offset
  for (let first = 0, block: usize = 0; first < to; first += BLOCK, block++) {
    const streamEnd = stream + load<u32>(BLOCK_BYTES + (block << 2))
    if (streamEnd > end) return -1 - offset
    if (first >= from) {
      let out = DOUBLES + (<usize>(first - from) << 3)
      const outEnd = DOUBLES + (<usize>(min(to, first + BLOCK) - from) << 3)
      let now = load<i64>(FIRST_TIMES + (block << 3))
      store<f64>(out, <f64>now)
      out += 8
      let delta: i64 = 0
      let bit: usize = 0
      const limit = (streamEnd - stream) << 3
      while (out < outEnd) {
        if (bit > limit) return -1 - <i32>(stream - BYTES)
        const window = load<u64>(stream + (bit >> 3)) >> <u64>(bit & 7)
        const ones = <i32>ctz<u64>(~window)
        if (ones == 0) {
          let equal = min<usize>(<usize>ctz<u64>(window), 57)
          equal = min<usize>(equal, (outEnd - out) >> 3)
          bit += equal
          for (const runEnd = out + (equal << 3); out < runEnd; out += 8) {
            now += delta
            store<f64>(out, <f64>now)
          }
          continue
        }
        if (ones == 1) {
          delta += (<i64>(window << 55)) >> 57
          bit += 9
        } else if (ones == 2) {
          delta += (<i64>(window << 50)) >> 53
          bit += 14
        } else if (ones == 3) {
          delta += (<i64>(window << 40)) >> 44
          bit += 24
        } else {
          const at = bit + 4
          const byte = stream + (at >> 3)
          const shift = <u64>(at & 7)
          let change = load<u64>(byte) >> shift
          if (shift != 0) change |= <u64>load<u8>(byte, 8) << (64 - shift)
          delta += <i64>change
          bit += 68
        }
        now += delta
        store<f64>(out, <f64>now)
        out += 8
      }
      if (bit > limit) return -1 - <i32>(stream - BYTES)
    }
    stream = streamEnd
  }
  return to - from
}

/** The first time of every block, as doubles; answers the number of blocks, or -1 - offset. */
export function readDeltaOfDeltaStarts(offset: i32, endOffset: i32, count: i32): i32 {
  if (walkDirectory(BYTES + offset, BYTES + endOffset, count) == 0) return -1 - offset
  const blocks = (count + BLOCK - 1) / BLOCK
  for (let block: usize = 0; block < <usize>blocks; block++) {
    store<f64>(DOUBLES + (block << 3), <f64>load<i64>(FIRST_TIMES + (block << 3)))
  }
  return blocks
}

// Reads lengths and first times; answers where the streams begin, or 0.
function walkDirectory(at: usize, end: usize, count: i32): usize {
  let now: i64 = 0
  for (let block: usize = 0; block * BLOCK < <usize>count; block++) {
    at = readVarint(at, end)
    if (at == 0 || varintValue > MAX_STREAM_BYTES) return 0
    store<u32>(BLOCK_BYTES + (block << 2), <u32>varintValue)
    at = readVarint(at, end)
    if (at == 0 || varintValue >= MAX_DISTANCE) return 0
    now = block == 0 ? unzigzag(varintValue) : now + <i64>varintValue
    store<i64>(FIRST_TIMES + (block << 3), now)
  }
  return at
}
