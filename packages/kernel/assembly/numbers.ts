// Decimal numbers as text formats spell them, to doubles, correctly rounded: the usual ones by one multiplication or division of exact doubles,
// those with up to 19 digits by integer arithmetic that loses nothing. What is longer, or far from 1, is left to the caller.
//
//     digits 17, power -14:   m / 10^14 = m / 5^14 / 2^14     128 bits by 64, the quotient's 63 bits and whether anything is left ▸ a double

/** Where the number that was read last ends; 0 when it was none, or none that is read here. */
export let numberEnd: usize = 0
/** Of the number that was read last: whether it is nothing but digits with or without a minus sign, and how it is spelled otherwise. */
export let isInteger: bool = false
/** Of the number that was read last: whether JSON would take it. */
export let isJson: bool = false

const POWERS_OF_TEN = memory.data<f64>([1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22])
/** 5^0 to 5^27: the last that fits 64 bits. */
const POWERS_OF_FIVE = memory.data<u64>([
  1, 5, 25, 125, 625, 3125, 15625, 78125, 390625, 1953125, 9765625, 48828125, 244140625, 1220703125, 6103515625, 30517578125, 152587890625,
  762939453125, 3814697265625, 19073486328125, 95367431640625, 476837158203125, 2384185791015625, 11920928955078125, 59604644775390625,
  298023223876953125, 1490116119384765625, 7450580596923828125,
])
const MAX_DIGITS: usize = 19
const MAX_POWER: i32 = 27
const MAX_EXACT: u64 = 9_007_199_254_740_992

/** Reads the number that begins at `start`: with sign, fraction and exponent, or `NaN`, `Inf`, `+Inf`, `-Inf`. See `numberEnd`. */
export function readNumber(start: usize, end: usize): f64 {
  numberEnd = 0
  if (start >= end) return 0
  let at = start
  const first = load<u8>(at)
  const isNegative = first == 0x2d
  if (isNegative || first == 0x2b) at++
  const digitsStart = at
  let mantissa: u64 = 0
  while (at < end) {
    const digit = <u32>load<u8>(at) - 0x30
    if (digit > 9) break
    mantissa = mantissa * 10 + digit
    at++
  }
  let digits = at - digitsStart
  isInteger = first != 0x2b && digits > 0
  isJson = isInteger && (digits == 1 || load<u8>(digitsStart) != 0x30)
  let power: i32 = 0
  if (at < end && load<u8>(at) == 0x2e) {
    const fractionStart = ++at
    while (at < end) {
      const digit = <u32>load<u8>(at) - 0x30
      if (digit > 9) break
      mantissa = mantissa * 10 + digit
      at++
    }
    const fraction = at - fractionStart
    power = -(<i32>fraction)
    digits += fraction
    isInteger = false
    if (fraction == 0) isJson = false
  }
  if (digits == 0) return at == digitsStart ? readWord(at, end, isNegative) : 0
  if (digits > MAX_DIGITS) return 0
  if (at < end && (load<u8>(at) | 0x20) == 0x65) {
    at++
    isInteger = false
    let isExponentNegative = false
    if (at < end && (load<u8>(at) == 0x2d || load<u8>(at) == 0x2b)) isExponentNegative = load<u8>(at++) == 0x2d
    const exponentStart = at
    let exponent: i32 = 0
    while (at < end) {
      const digit = <u32>load<u8>(at) - 0x30
      if (digit > 9) break
      exponent = exponent * 10 + <i32>digit
      at++
    }
    if (at == exponentStart || at - exponentStart > 4) return 0
    power += isExponentNegative ? -exponent : exponent
  }
  numberEnd = at
  const value = toDouble(mantissa, power)
  return isNegative ? -value : value
}

/** A whole number without a plus sign, of magnitude up to 2^53. See `numberEnd`. */
export function readInteger(start: usize, end: usize): f64 {
  const isNegative = start < end && load<u8>(start) == 0x2d
  const value = readDigits(isNegative ? start + 1 : start, end)
  if (value > MAX_EXACT) numberEnd = 0
  return isNegative ? -(<f64>value) : <f64>value
}

/** One to 19 digits. See `numberEnd`. */
export function readDigits(start: usize, end: usize): u64 {
  let at = start
  let value: u64 = 0
  while (at + 8 <= end) {
    const word = load<u64>(at)
    if (!areDigits(word)) break
    value = value * 100_000_000 + eightDigits(word)
    at += 8
  }
  while (at < end) {
    const digit = <u32>load<u8>(at) - 0x30
    if (digit > 9) break
    value = value * 10 + digit
    at++
  }
  numberEnd = at == start || at - start > MAX_DIGITS ? 0 : at
  return value
}

// @ts-ignore: decorator
@inline
function areDigits(word: u64): bool {
  return ((word & 0xf0f0_f0f0_f0f0_f0f0) | (((word + 0x0606_0606_0606_0606) & 0xf0f0_f0f0_f0f0_f0f0) >> 4)) == 0x3333_3333_3333_3333
}

// Pairs, then fours, then all eight: three multiplications in place of eight.
// @ts-ignore: decorator
@inline
function eightDigits(word: u64): u64 {
  const ones = word - 0x3030_3030_3030_3030
  const pairs = ones * 10 + (ones >> 8)
  const low = (pairs & 0x0000_00ff_0000_00ff) * 0x000f_4240_0000_0064
  const high = ((pairs >> 16) & 0x0000_00ff_0000_00ff) * 0x0000_2710_0000_0001
  return (low + high) >> 32
}

function readWord(start: usize, end: usize, isNegative: bool): f64 {
  if (end - start < 3) return 0
  const word = <u32>load<u16>(start) | (<u32>load<u8>(start + 2) << 16)
  if (word == 0x4e614e) {
    numberEnd = start + 3
    return NaN
  }
  if (word != 0x666e49) return 0
  numberEnd = start + 3
  return isNegative ? -Infinity : Infinity
}

/** m * 10^power, rounded to the nearest double; where it cannot be told here `numberEnd` becomes 0. */
function toDouble(m: u64, power: i32): f64 {
  if (power == 0 || m == 0) return <f64>m
  if (m <= MAX_EXACT && power >= -22 && power <= 22) {
    return power < 0 ? <f64>m / load<f64>(POWERS_OF_TEN + (<usize>-power << 3)) : <f64>m * load<f64>(POWERS_OF_TEN + (<usize>power << 3))
  }
  if (power < -MAX_POWER || power > MAX_POWER) {
    numberEnd = 0
    return 0
  }
  return power < 0 ? quotient(m, -power) : product(m, power)
}

function quotient(m: u64, power: i32): f64 {
  const five = load<u64>(POWERS_OF_FIVE + (<usize>power << 3))
  const mShift = clz<u64>(m)
  const fiveShift = clz<u64>(five)
  const divisor = five << fiveShift
  const normal = m << mShift
  // (normal * 2^63) / divisor: the high half is below the divisor, so the quotient has 63 or 64 bits.
  const q = divide(normal >> 1, normal << 63, divisor)
  return scaled(q, <i32>(fiveShift - mShift) - 63 - power)
}

function product(m: u64, power: i32): f64 {
  const five = load<u64>(POWERS_OF_FIVE + (<usize>power << 3))
  // 64 by 64 to 128 bits, by halves.
  const a = m >> 32
  const b = m & 0xffff_ffff
  const c = five >> 32
  const d = five & 0xffff_ffff
  const bd = b * d
  const middle = a * d + (bd >> 32)
  const cross = b * c + (middle & 0xffff_ffff)
  const high = a * c + (middle >> 32) + (cross >> 32)
  const low = (cross << 32) | (bd & 0xffff_ffff)
  if (high == 0) return scaled(low, power)
  const shift = clz<u64>(high)
  if (shift == 0) return scaled(high | u64(low != 0), power + 64)
  return scaled((high << shift) | (low >> (64 - shift)) | u64((low << shift) != 0), power + 64 - <i32>shift)
}

// The last bit of q says whether anything was cut off below it. All of q's bits but those of a double are far above it, so it only breaks ties.
// @ts-ignore: decorator
@inline
function scaled(q: u64, exponent: i32): f64 {
  return <f64>q * reinterpret<f64>(<u64>(1_023 + exponent) << 52)
}

/** The quotient of 128 bits by 64 with the highest bit set, its last bit set when there is a remainder; `high` is below `divisor`. */
function divide(high: u64, low: u64, divisor: u64): u64 {
  const d1 = divisor >> 32
  const d0 = divisor & 0xffff_ffff
  const l1 = low >> 32
  const l0 = low & 0xffff_ffff
  let q1 = high / d1
  let rest = high - q1 * d1
  while (q1 > 0xffff_ffff || q1 * d0 > ((rest << 32) | l1)) {
    q1--
    rest += d1
    if (rest > 0xffff_ffff) break
  }
  const middle = ((high << 32) | l1) - q1 * divisor
  let q0 = middle / d1
  rest = middle - q0 * d1
  while (q0 > 0xffff_ffff || q0 * d0 > ((rest << 32) | l0)) {
    q0--
    rest += d1
    if (rest > 0xffff_ffff) break
  }
  const remainder = ((middle << 32) | l0) - q0 * divisor
  return ((q1 << 32) + q0) | u64(remainder != 0)
}
