// Decimals after ALP: the twin of src/plain/decimals.ts, which explains it.

import { DOUBLES, POSITIONS, WORDS } from './columns'

const MAX_EXPONENT: i32 = 18
const ROUNDER: f64 = 6_755_399_441_055_744
const ROUNDER_BITS: i64 = 0x4338_0000_0000_0000
const MAX_INTEGER: f64 = 2_251_799_813_685_248
const VOTERS: i32 = 64
const PATIENCE: i32 = 12
const EXCEPTION_BITS: f64 = 88
const BITS_PER_DIGIT: f64 = 3.33

const VOTES = memory.data(19 * 4, 16)
const POWERS = memory.data<f64>([1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18])

// @ts-ignore: decorator
@inline
export function powerOfTen(exponent: i32): f64 {
  return load<f64>(POWERS + (<usize>exponent << 3))
}

/** The decimal exponent that suits the first `count` doubles, or -1. */
export function decimalExponent(count: i32): i32 {
  memory.fill(VOTES, 0, 19 * 4)
  const voters = min(VOTERS, count)
  let voted = 0
  let finite = 0
  for (let k = 0; k < voters; k++) {
    const value = load<f64>(DOUBLES + (<usize>((k * count) / voters) << 3))
    if (value - value != 0) continue
    finite++
    const exponent = exactExponent(value)
    if (exponent < 0) {
      if (voted == 0 && finite >= PATIENCE) return -1
      continue
    }
    const vote = VOTES + (<usize>exponent << 2)
    store<i32>(vote, load<i32>(vote) + 1)
    voted++
  }
  if (voted == 0 || 2 * voted < finite) return -1
  let best = -1
  let least = Infinity
  let exceptions = finite
  for (let exponent = 0; exponent <= MAX_EXPONENT; exponent++) {
    const votes = load<i32>(VOTES + (<usize>exponent << 2))
    if (votes == 0) continue
    exceptions -= votes
    const bits = <f64>exceptions * EXCEPTION_BITS + <f64>(finite - exceptions) * <f64>exponent * BITS_PER_DIGIT
    if (bits < least) {
      least = bits
      best = exponent
    }
  }
  return best
}

/** words = doubles * 10^exponent where that is exact; answers how many were not, and lists their places. */
export function decimalsToWords(count: i32, exponent: i32): i32 {
  const power = powerOfTen(exponent)
  const powers = f64x2.splat(power)
  const rounders = f64x2.splat(ROUNDER)
  const bits = i64x2.splat(ROUNDER_BITS)
  const limits = f64x2.splat(MAX_INTEGER)
  let exceptions = 0
  let i = 0
  for (; i + 2 <= count; i += 2) {
    const at = <usize>i << 3
    const values = v128.load(DOUBLES + at)
    const shifted = f64x2.add(f64x2.mul(values, powers), rounders)
    const rounded = f64x2.sub(shifted, rounders)
    const exact = v128.and(i64x2.eq(f64x2.div(rounded, powers), values), f64x2.lt(f64x2.abs(rounded), limits))
    if (i64x2.all_true(exact)) v128.store(WORDS + at, i64x2.sub(shifted, bits))
    else {
      exceptions = oneDecimal(i, power, exceptions)
      exceptions = oneDecimal(i + 1, power, exceptions)
    }
  }
  if (i < count) exceptions = oneDecimal(i, power, exceptions)
  if (exceptions > 0 && exceptions < count && load<u16>(POSITIONS) == 0) {
    // Leading exceptions repeat the first exact word.
    let first: usize = 0
    while (first < <usize>exceptions && <usize>load<u16>(POSITIONS + (first << 1)) == first) first++
    const word = load<i64>(WORDS + (first << 3))
    for (let k: usize = 0; k < first; k++) store<i64>(WORDS + (k << 3), word)
  }
  return exceptions
}

function oneDecimal(i: i32, power: f64, exceptions: i32): i32 {
  const at = <usize>i << 3
  const value = load<f64>(DOUBLES + at)
  const shifted = value * power + ROUNDER
  const rounded = shifted - ROUNDER
  if (reinterpret<i64>(rounded / power) == reinterpret<i64>(value) && abs(rounded) < MAX_INTEGER) {
    store<i64>(WORDS + at, reinterpret<i64>(shifted) - ROUNDER_BITS)
    return exceptions
  }
  store<u16>(POSITIONS + (<usize>exceptions << 1), <u16>i)
  store<i64>(WORDS + at, i > 0 ? load<i64>(WORDS + at - 8) : 0)
  return exceptions + 1
}

function exactExponent(value: f64): i32 {
  if (value == 0) return reinterpret<i64>(value) == 0 ? 0 : -1
  for (let exponent = 0; exponent <= MAX_EXPONENT; exponent++) {
    const power = powerOfTen(exponent)
    const rounded = value * power + ROUNDER - ROUNDER
    if (abs(rounded) >= MAX_INTEGER) return -1
    if (rounded / power == value) return exponent
  }
  return -1
}
