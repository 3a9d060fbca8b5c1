// Times that were decoded before: series that are scraped together have the same times, and so the same bytes of times. A slot holds the bytes of a
// section and what it decodes to; which slot is said by the bytes, so that a look costs one comparison. What is forgotten is decoded again.

import { BYTES, DOUBLES } from './columns'

const SLOTS: u32 = 64
const MAX_SAMPLES: i32 = 2_048
const MAX_BYTES: i32 = 4_096

// Of each slot: the size of its section (0: empty), how many samples it has in all, and from and up to which it was decoded.
const HEADS = memory.data(64 * 16, 16)
const SECTIONS = memory.data(64 * 4_096, 16)
const TIMES = memory.data(64 * 2_048 * 8, 16)

// @ts-ignore: decorator
@inline
function slotOf(at: usize, size: i32, from: i32, to: i32): u32 {
  // The bytes near the front differ where series begin at other times, those at the end where they go on otherwise.
  let hash: u64 = load<u64>(at) ^ ((<u64>size << 40) | (<u64>from << 20) | <u64>to)
  if (size >= 16) hash ^= load<u64>(at + <usize>size - 8) * 0x9e37_79b9_7f4a_7c15
  hash *= 0xff51_afd7_ed55_8ccd
  return <u32>(hash >> 40) & (SLOTS - 1)
}

// @ts-ignore: decorator
@inline
function isSame(a: usize, b: usize, size: i32): bool {
  const end = a + <usize>(size & ~15)
  for (; a < end; a += 16, b += 16) if (v128.any_true(v128.xor(v128.load(a), v128.load(b)))) return false
  for (let i = size & 15; i > 0; i--, a++, b++) if (load<u8>(a) != load<u8>(b)) return false
  return true
}

/**
 * Whether samples `from` to `to` of the section of `count` samples in `size` bytes at `offset` of the bytes are known; then their times are at the start
 * of the doubles.
 */
export function recallTimes(offset: i32, size: i32, count: i32, from: i32, to: i32): bool {
  if (size < 8 || size > MAX_BYTES) return false
  const at = BYTES + offset
  const slot = slotOf(at, size, from, to)
  const head = HEADS + (slot << 4)
  if (load<i32>(head) != size || load<i32>(head, 4) != count) return false
  if (load<i32>(head, 8) != from || load<i32>(head, 12) != to) return false
  if (!isSame(at, SECTIONS + slot * MAX_BYTES, size)) return false
  memory.copy(DOUBLES, TIMES + slot * (<u32>MAX_SAMPLES << 3), <usize>(to - from) << 3)
  return true
}

/** Keeps what the section was decoded to: the times at the start of the doubles. */
export function keepTimes(offset: i32, size: i32, count: i32, from: i32, to: i32): void {
  if (size < 8 || size > MAX_BYTES || to - from > MAX_SAMPLES) return
  const at = BYTES + offset
  const slot = slotOf(at, size, from, to)
  const head = HEADS + (slot << 4)
  store<i32>(head, size)
  store<i32>(head, count, 4)
  store<i32>(head, from, 8)
  store<i32>(head, to, 12)
  memory.copy(SECTIONS + slot * MAX_BYTES, at, size)
  memory.copy(TIMES + slot * (<u32>MAX_SAMPLES << 3), DOUBLES, <usize>(to - from) << 3)
}
