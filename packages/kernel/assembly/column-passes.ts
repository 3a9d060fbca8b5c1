// Simple passes over the columns: conversions, counts, checks.

import { DOUBLES, WORDS } from './columns'

/** How many runs of equal bits the first `count` doubles form. */
export function countRuns(count: i32): i32 {
  if (count == 0) return 0
  let runs = 1
  const end = DOUBLES + (<usize>count << 3)
  for (let at = DOUBLES + 8; at < end; at += 8) runs += i32(load<i64>(at) != load<i64>(at - 8))
  return runs
}

/** Copies `count` doubles from the place `from` on to another address of the memory. */
export function copyDoubles(from: i32, count: i32, target: usize): void {
  memory.copy(target, DOUBLES + (<usize>from << 3), <usize>count << 3)
}

/** words = doubles, which are integers of a magnitude of at most 2^53. */
export function integersToWords(count: i32): void {
  const size = <usize>count << 3
  for (let i: usize = 0; i < size; i += 8) store<i64>(WORDS + i, <i64>load<f64>(DOUBLES + i))
}

/** words = the bits of doubles. */
export function bitsToWords(count: i32): void {
  memory.copy(WORDS, DOUBLES, <usize>count << 3)
}

/** The first place from 1 on whose double is not greater than the one before it, or `count`. */
export function firstDescent(count: i32): i32 {
  const size = <usize>count << 3
  let i: usize = 8
  for (; i + 8 < size; i += 16) {
    if (!i64x2.all_true(f64x2.gt(v128.load(DOUBLES + i), v128.load(DOUBLES + i - 8)))) break
  }
  for (; i < size; i += 8) if (!(load<f64>(DOUBLES + i) > load<f64>(DOUBLES + i - 8))) return <i32>(i >> 3)
  return count
}
