// Windows over a series: the twin of src/plain/windows.ts, which explains it.

const MAX_SAMPLES: i32 = 131_072
const MAX_STEPS: i32 = 16_384

const TIMES = memory.data(131_072 * 8, 16)
const VALUES = memory.data(131_072 * 8, 16)
const RESETS = memory.data(131_072 * 4, 16)
// Pairs of steps may look one step past the end.
const LOW = memory.data(16_384 * 4 + 16, 16)
const HIGH = memory.data(16_384 * 4 + 16, 16)
const RESULTS = memory.data(16_384 * 8 + 16, 16)
const KINDS = memory.data(16_384, 16)
// Where a function has two results a step.
const SECOND = memory.data(16_384 * 8, 16)

export function windowTimesAddress(): usize {
  return TIMES
}

export function windowValuesAddress(): usize {
  return VALUES
}

export function windowLowAddress(): usize {
  return LOW
}

export function windowHighAddress(): usize {
  return HIGH
}

export function windowResultsAddress(): usize {
  return RESULTS
}

export function windowKindsAddress(): usize {
  return KINDS
}

export function windowSecondAddress(): usize {
  return SECOND
}

// @ts-ignore: decorator
@inline
function time(i: i32): f64 {
  return load<f64>(TIMES + (<usize>i << 3))
}

// @ts-ignore: decorator
@inline
function value(i: i32): f64 {
  return load<f64>(VALUES + (<usize>i << 3))
}

// The times and the grid for which bounds were found last: the next series was mostly scraped together with this one.
const KNOWN = memory.data(16_384 * 8, 16)
const MAX_KNOWN: i32 = 16_384
let knownCount: i32 = -1
let knownSteps: i32 = 0
let knownEndMs: f64 = 0
let knownStepMs: f64 = 0
let knownRangeMs: f64 = 0
// Counts the bounds that were found, so that what follows from them is known to be theirs.
let boundsNumber: i32 = 0

/** Finds the bounds of every step; false when they are those that were found last. */
export function windowBounds(count: i32, steps: i32, endMs: f64, stepMs: f64, rangeMs: f64): bool {
  const isSameGrid = steps == knownSteps && endMs == knownEndMs && stepMs == knownStepMs && rangeMs == knownRangeMs
  if (isSameGrid && count == knownCount && areKnown(count)) return false
  boundsNumber++
  knownCount = -1
  if (count <= MAX_KNOWN) {
    memory.copy(KNOWN, TIMES, <usize>count << 3)
    knownCount = count
    knownSteps = steps
    knownEndMs = endMs
    knownStepMs = stepMs
    knownRangeMs = rangeMs
  }
  findBounds(count, steps, endMs, stepMs, rangeMs)
  return true
}

function areKnown(count: i32): bool {
  const size = <usize>count << 3
  let i: usize = 0
  for (; i + 64 <= size; i += 64) {
    const a = v128.xor(v128.load(TIMES + i), v128.load(KNOWN + i))
    const b = v128.xor(v128.load(TIMES + i, 16), v128.load(KNOWN + i, 16))
    const c = v128.xor(v128.load(TIMES + i, 32), v128.load(KNOWN + i, 32))
    const d = v128.xor(v128.load(TIMES + i, 48), v128.load(KNOWN + i, 48))
    if (v128.any_true(v128.or(v128.or(a, b), v128.or(c, d)))) return false
  }
  for (; i < size; i += 8) if (load<u64>(TIMES + i) != load<u64>(KNOWN + i)) return false
  return true
}

function findBounds(count: i32, steps: i32, endMs: f64, stepMs: f64, rangeMs: f64): void {
  if (steps * 32 < count) {
    for (let k = 0; k < steps; k++) {
      const end = endMs + <f64>k * stepMs
      const high = firstAfter(count, end)
      store<i32>(HIGH + (<usize>k << 2), high)
      store<i32>(LOW + (<usize>k << 2), firstAfter(high, end - rangeMs))
    }
    return
  }
  let a = 0
  let b = 0
  let strideA = 0
  let strideB = 0
  for (let k = 0; k < steps; k++) {
    const end = endMs + <f64>k * stepMs
    const start = end - rangeMs
    let guess = b + strideB
    if (guess > 0 && guess < count && time(guess - 1) <= end && time(guess) > end) b = guess
    else {
      const before = b
      while (b < count && time(b) <= end) b++
      strideB = b - before
    }
    guess = a + strideA
    if (guess > 0 && guess < count && time(guess - 1) <= start && time(guess) > start) a = guess
    else {
      const before = a
      while (a < b && time(a) <= start) a++
      strideA = a - before
    }
    store<i32>(LOW + (<usize>k << 2), a)
    store<i32>(HIGH + (<usize>k << 2), b)
  }
}

// The first place below `count` with a later time, else `count`.
function firstAfter(count: i32, at: f64): i32 {
  let low = 0
  let high = count
  while (low < high) {
    const middle = (low + high) >>> 1
    if (time(middle) <= at) low = middle + 1
    else high = middle
  }
  return low
}

/**
 * rate, increase and delta for the bounds that were found last; kinds are 1 where there is a result. Answers how many there are. What depends on
 * times alone is kept for the next series, which mostly has the same; two steps go side by side. A step with a reset in its window, or that meets
 * zero, goes by itself.
 */
export function windowExtrapolate(count: i32, steps: i32, endMs: f64, stepMs: f64, rangeMs: f64, counter: bool, perSecond: bool): i32 {
  const resets = counter ? findResets(count) : 0
  const divisor: f64 = perSecond ? rangeMs / 1000 : 1
  if (factorsFor != boundsNumber || factorsPerSecond != perSecond) {
    findFactors(steps, endMs, stepMs, rangeMs, divisor)
    factorsFor = boundsNumber
    factorsPerSecond = perSecond
  }
  let nextReset = 0
  let nextResetAt = resets == 0 ? i32.MAX_VALUE : load<i32>(RESETS)
  let found = 0
  memory.fill(KINDS, 0, steps)
  memory.fill(RESULTS, 0, <usize>steps << 3)
  for (let k = 0; k < steps; k += 2) {
    const at = <usize>k << 3
    const first = load<i32>(LOW + (<usize>k << 2))
    const last = load<i32>(HIGH + (<usize>k << 2)) - 1
    // Behind the last step stands nothing that counts.
    const nextFirst = load<i32>(LOW + (<usize>k << 2), 4)
    const nextLast = load<i32>(HIGH + (<usize>k << 2), 4) - 1
    if (k + 1 < steps && last > first && nextLast > nextFirst && nextResetAt > nextLast) {
      const firstValues = pair(VALUES, first, nextFirst)
      const raw = f64x2.sub(pair(VALUES, last, nextLast), firstValues)
      let meetsZero = false
      if (counter) {
        // Where the line through the counter would reach zero before that, it began there. Multiplying tells most windows without dividing.
        const rises = v128.and(f64x2.gt(raw, f64x2.splat(0)), f64x2.ge(firstValues, f64x2.splat(0)))
        const reach = f64x2.mul(f64x2.mul(v128.load(TO_START + at), raw), f64x2.splat(1.0000001))
        meetsZero = v128.any_true(v128.and(rises, f64x2.le(f64x2.mul(v128.load(SAMPLED + at), firstValues), reach)))
      }
      if (!meetsZero) {
        v128.store(RESULTS + at, f64x2.mul(raw, v128.load(FACTORS + at)))
        store<u16>(KINDS + <usize>k, 0x0101)
        found += 2
        continue
      }
    }
    for (let i = k; i < min(k + 2, steps); i++) {
      const from = load<i32>(LOW + (<usize>i << 2))
      const to = load<i32>(HIGH + (<usize>i << 2)) - 1
      if (to <= from) continue
      let raw = value(to) - value(from)
      if (nextResetAt <= to) {
        while (nextReset < resets && load<i32>(RESETS + (<usize>nextReset << 2)) <= from) nextReset++
        nextResetAt = nextReset == resets ? i32.MAX_VALUE : load<i32>(RESETS + (<usize>nextReset << 2))
        for (let r = nextReset; r < resets; r++) {
          const at = load<i32>(RESETS + (<usize>r << 2))
          if (at > to) break
          raw += value(at - 1)
        }
      }
      store<f64>(RESULTS + (<usize>i << 3), extrapolate(<usize>i << 3, raw, value(from), counter, divisor))
      store<u8>(KINDS + <usize>i, 1)
      found++
    }
  }
  return found
}

// What the rates of a step take from times alone: the seconds sampled, those to be guessed at either side, and what a difference is multiplied by.
const SAMPLED = memory.data(16_384 * 8 + 16, 16)
const TO_START = memory.data(16_384 * 8 + 16, 16)
const TO_END = memory.data(16_384 * 8 + 16, 16)
const FACTORS = memory.data(16_384 * 8 + 16, 16)
let factorsFor: i32 = -1
let factorsPerSecond = false

// For steps without two samples this computes something that nobody looks at.
function findFactors(steps: i32, endMs: f64, stepMs: f64, rangeMs: f64, divisor: f64): void {
  const thousand = f64x2.splat(1000)
  for (let k = 0; k < steps; k += 2) {
    const at = <usize>k << 3
    const first = load<i32>(LOW + (<usize>k << 2))
    const last = load<i32>(HIGH + (<usize>k << 2)) - 1
    const nextFirst = load<i32>(LOW + (<usize>k << 2), 4)
    const nextLast = load<i32>(HIGH + (<usize>k << 2), 4) - 1
    const isLone = k + 1 == steps
    const firstMs = pair(TIMES, first, isLone ? first : nextFirst)
    const lastMs = pair(TIMES, last, isLone ? last : nextLast)
    const ends = f64x2.replace_lane(f64x2.splat(endMs + <f64>k * stepMs), 1, endMs + <f64>(k + 1) * stepMs)
    const between = f64x2.replace_lane(f64x2.splat(<f64>(last - first)), 1, <f64>(nextLast - nextFirst))
    const sampled = f64x2.div(f64x2.sub(lastMs, firstMs), thousand)
    let toStart = f64x2.div(f64x2.add(f64x2.sub(firstMs, ends), f64x2.splat(rangeMs)), thousand)
    let toEnd = f64x2.div(f64x2.sub(ends, lastMs), thousand)
    const average = f64x2.div(sampled, between)
    const threshold = f64x2.mul(average, f64x2.splat(1.1))
    const near = f64x2.mul(average, f64x2.splat(0.5))
    toStart = v128.bitselect(near, toStart, f64x2.ge(toStart, threshold))
    toEnd = v128.bitselect(near, toEnd, f64x2.ge(toEnd, threshold))
    v128.store(SAMPLED + at, sampled)
    v128.store(TO_START + at, toStart)
    v128.store(TO_END + at, toEnd)
    v128.store(FACTORS + at, f64x2.div(f64x2.div(f64x2.add(f64x2.add(sampled, toStart), toEnd), sampled), f64x2.splat(divisor)))
  }
}

// @ts-ignore: decorator
@inline
function pair(column: usize, i: i32, j: i32): v128 {
  return v128.load64_lane(column + (<usize>j << 3), v128.load64_zero(column + (<usize>i << 3)), 1)
}

// One step by itself.
function extrapolate(at: usize, raw: f64, firstValue: f64, counter: bool, divisor: f64): f64 {
  const sampled = load<f64>(SAMPLED + at)
  const toStart = load<f64>(TO_START + at)
  if (counter && raw > 0 && firstValue >= 0 && sampled * firstValue <= toStart * raw * 1.0000001) {
    const toZero = sampled * (firstValue / raw)
    if (toZero < toStart) return raw * ((sampled + toZero + load<f64>(TO_END + at)) / sampled / divisor)
  }
  return raw * load<f64>(FACTORS + at)
}

// The samples that are less than the one before.
function findResets(count: i32): i32 {
  let found: usize = 0
  const end = VALUES + (<usize>count << 3)
  let at = VALUES + 8
  for (; at + 8 < end; at += 16) {
    const less = i64x2.bitmask(f64x2.lt(v128.load(at), v128.load(at - 8)))
    if (less == 0) continue
    const i = <i32>((at - VALUES) >> 3)
    if (less & 1) store<i32>(RESETS + (found++ << 2), i)
    if (less & 2) store<i32>(RESETS + (found++ << 2), i + 1)
  }
  if (at < end && load<f64>(at) < load<f64>(at - 8)) store<i32>(RESETS + (found++ << 2), <i32>((at - VALUES) >> 3))
  return <i32>found
}

/** The first place from `from` on with a NaN, or `count`. */
export function windowFirstNaN(from: i32, count: i32): i32 {
  const end = VALUES + (<usize>count << 3)
  let at = VALUES + (<usize>from << 3)
  for (; at + 64 <= end; at += 64) {
    const a = v128.load(at)
    const b = v128.load(at, 16)
    const c = v128.load(at, 32)
    const d = v128.load(at, 48)
    const sane = v128.and(v128.and(f64x2.eq(a, a), f64x2.eq(b, b)), v128.and(f64x2.eq(c, c), f64x2.eq(d, d)))
    if (!i64x2.all_true(sane)) break
  }
  for (; at < end; at += 8) {
    const value = load<f64>(at)
    if (value != value) return <i32>((at - VALUES) >> 3)
  }
  return count
}

/** The newest samples of the windows that were found last, save stale markers; kinds are 1 where there is one. Answers how many there are. */
export function windowNewest(steps: i32): i32 {
  let found = 0
  for (let k = 0; k < steps; k++) {
    const end = load<i32>(HIGH + (<usize>k << 2))
    let there = end > load<i32>(LOW + (<usize>k << 2))
    if (there) {
      const bits = load<u64>(VALUES + (<usize>end << 3) - 8)
      // The quiet bit of a NaN may have been set on its way.
      there = (bits & ~0x0008_0000_0000_0000) != 0x7ff0_0000_0000_0002
      store<u64>(RESULTS + (<usize>k << 3), bits)
    }
    if (!there) store<u64>(RESULTS + (<usize>k << 3), 0)
    store<u8>(KINDS + <usize>k, u8(there))
    found += i32(there)
  }
  return found
}

/** Compensated sums, or means, of the windows of steps `from` to `to`; kinds are 1 where there is a result. */
export function windowSums(from: i32, to: i32, mean: bool): void {
  for (let k = from; k < to; k++) {
    const first = load<i32>(LOW + (<usize>k << 2))
    const end = load<i32>(HIGH + (<usize>k << 2))
    store<u8>(KINDS + <usize>k, u8(end > first))
    store<f64>(RESULTS + (<usize>k << 3), end == first ? 0 : mean ? meanOf(first, end) : sumOf(first, end))
  }
}

function sumOf(from: i32, to: i32): f64 {
  let sum: f64 = 0
  let lost: f64 = 0
  for (let i = from; i < to; i++) {
    const increment = value(i)
    const total = sum + increment
    if (abs(total) == Infinity) lost = 0
    else if (abs(sum) >= abs(increment)) lost = lost + (sum - total + increment)
    else lost = lost + (increment - total + sum)
    sum = total
  }
  return abs(sum) == Infinity ? sum : sum + lost
}

function meanOf(from: i32, to: i32): f64 {
  let sum = value(from)
  let lost: f64 = 0
  for (let i = from + 1; i < to; i++) {
    const increment = value(i)
    const total = sum + increment
    if (abs(total) == Infinity) {
      const count = <f64>(i - from)
      return runningMean(i, to, sum / count, lost / count, count)
    }
    if (abs(sum) >= abs(increment)) lost = lost + (sum - total + increment)
    else lost = lost + (increment - total + sum)
    sum = total
  }
  const count = <f64>(to - from)
  return sum / count + lost / count
}

function runningMean(from: i32, to: i32, start: f64, compensation: f64, before: f64): f64 {
  let mean = start
  let lost = compensation
  let count = before
  for (let i = from; i < to; i++) {
    count++
    const share = (count - 1) / count
    const increment = value(i) / count
    const sum = share * mean
    const correction = share * lost
    const total = sum + increment
    if (abs(total) == Infinity) lost = 0
    else if (abs(sum) >= abs(increment)) lost = correction + (sum - total + increment)
    else lost = correction + (increment - total + sum)
    mean = total
  }
  return mean + lost
}

/**
 * Lines through the windows of at least two samples of steps `from` to `to`, by least squares: results are slopes a second, second results the values
 * at `originMs + k * originStepMs`, or at the window's first sample when `atFirst`. Kinds are 1 where there is a result.
 */
export function windowLines(from: i32, to: i32, originMs: f64, originStepMs: f64, atFirst: bool): void {
  for (let k = from; k < to; k++) {
    const first = load<i32>(LOW + (<usize>k << 2))
    const end = load<i32>(HIGH + (<usize>k << 2))
    store<u8>(KINDS + <usize>k, u8(end - first >= 2))
    store<f64>(RESULTS + (<usize>k << 3), 0)
    if (end - first >= 2) fitLine(first, end, atFirst ? time(first) : originMs + <f64>k * originStepMs, <usize>k << 3)
  }
}

function fitLine(from: i32, to: i32, originMs: f64, at: usize): void {
  const firstY = value(from)
  // Two compensated sums side by side in each: of x and y, and of xy and xx.
  let sums = f64x2.splat(0)
  let lost = sums
  let products = sums
  let lostProducts = sums
  let constant = true
  for (let i = from; i < to; i++) {
    const x = (time(i) - originMs) / 1000
    const y = value(i)
    const ys = f64x2.splat(y)
    if (i > from && y != firstY) constant = false
    const increments = f64x2.replace_lane(ys, 0, x)
    const totals = f64x2.add(sums, increments)
    lost = compensated(sums, increments, totals, lost)
    sums = totals
    const more = f64x2.mul(f64x2.splat(x), f64x2.replace_lane(ys, 1, x))
    const moreTotals = f64x2.add(products, more)
    lostProducts = compensated(products, more, moreTotals, lostProducts)
    products = moreTotals
  }
  if (constant) {
    const infinite = abs(firstY) == Infinity
    store<f64>(RESULTS + at, infinite ? NaN : 0)
    store<f64>(SECOND + at, infinite ? NaN : firstY)
    return
  }
  sums = f64x2.add(sums, lost)
  products = f64x2.add(products, lostProducts)
  const sumX = f64x2.extract_lane(sums, 0)
  const sumY = f64x2.extract_lane(sums, 1)
  const sumXY = f64x2.extract_lane(products, 0)
  const sumXX = f64x2.extract_lane(products, 1)
  const count = <f64>(to - from)
  const covariance = sumXY - (sumX * sumY) / count
  const variance = sumXX - (sumX * sumX) / count
  const slope = covariance / variance
  store<f64>(RESULTS + at, slope)
  store<f64>(SECOND + at, sumY / count - (slope * sumX) / count)
}

// What rounding has lost after one more addition in each lane; nothing is kept where the sum is infinite.
// @ts-ignore: decorator
@inline
function compensated(sums: v128, increments: v128, totals: v128, lost: v128): v128 {
  const sumIsLarger = f64x2.ge(f64x2.abs(sums), f64x2.abs(increments))
  const larger = v128.bitselect(sums, increments, sumIsLarger)
  const smaller = v128.bitselect(increments, sums, sumIsLarger)
  const next = f64x2.add(lost, f64x2.add(f64x2.sub(larger, totals), smaller))
  return v128.andnot(next, f64x2.eq(f64x2.abs(totals), f64x2.splat(Infinity)))
}
