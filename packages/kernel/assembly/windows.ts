// Windows over a series: the twin of src/plain/windows.ts, which explains it.

const MAX_SAMPLES: i32 = 131_072
const MAX_STEPS: i32 = 16_384

const TIMES = memory.data(131_072 * 8, 16)
const VALUES = memory.data(131_072 * 8, 16)
const RESETS = memory.data(131_072 * 4, 16)
const LOW = memory.data(16_384 * 4, 16)
const HIGH = memory.data(16_384 * 4, 16)
const RESULTS = memory.data(16_384 * 8, 16)
const KINDS = memory.data(16_384, 16)

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

/** Finds the bounds of every step. */
export function windowBounds(count: i32, steps: i32, endMs: f64, stepMs: f64, rangeMs: f64): void {
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

/** rate, increase and delta for the bounds that were found last; kinds are 1 where there is a result. Answers how many there are. */
export function windowExtrapolate(count: i32, steps: i32, endMs: f64, stepMs: f64, rangeMs: f64, counter: bool, perSecond: bool): i32 {
  const resets = counter ? findResets(count) : 0
  const divisor: f64 = perSecond ? rangeMs / 1000 : 1
  let nextReset = 0
  let nextResetAt = resets == 0 ? i32.MAX_VALUE : load<i32>(RESETS)
  let sampledMs: f64 = -1
  let startMs: f64 = -1
  let restMs: f64 = -1
  let between = -1
  let sampled: f64 = 0
  let toStart: f64 = 0
  let toEnd: f64 = 0
  let factor: f64 = 0
  let found = 0
  memory.fill(KINDS, 0, steps)
  for (let k = 0; k < steps; k++) {
    const first = load<i32>(LOW + (<usize>k << 2))
    const last = load<i32>(HIGH + (<usize>k << 2)) - 1
    if (last <= first) continue
    const end = endMs + <f64>k * stepMs
    const firstMs = time(first)
    const lastMs = time(last)
    const firstValue = value(first)
    let raw = value(last) - firstValue
    if (nextResetAt <= last) {
      while (nextReset < resets && load<i32>(RESETS + (<usize>nextReset << 2)) <= first) nextReset++
      nextResetAt = nextReset == resets ? i32.MAX_VALUE : load<i32>(RESETS + (<usize>nextReset << 2))
      for (let r = nextReset; r < resets; r++) {
        const at = load<i32>(RESETS + (<usize>r << 2))
        if (at > last) break
        raw += value(at - 1)
      }
    }
    if (lastMs - firstMs != sampledMs || firstMs - end != startMs || end - lastMs != restMs || last - first != between) {
      sampledMs = lastMs - firstMs
      startMs = firstMs - end
      restMs = end - lastMs
      between = last - first
      sampled = sampledMs / 1000
      toStart = (startMs + rangeMs) / 1000
      toEnd = restMs / 1000
      const average = sampled / <f64>between
      const threshold = average * 1.1
      if (toStart >= threshold) toStart = average / 2
      if (toEnd >= threshold) toEnd = average / 2
      factor = (sampled + toStart + toEnd) / sampled / divisor
    }
    store<u8>(KINDS + <usize>k, 1)
    found++
    if (counter && raw > 0 && firstValue >= 0 && sampled * firstValue <= toStart * raw * 1.0000001) {
      const toZero = sampled * (firstValue / raw)
      if (toZero < toStart) {
        store<f64>(RESULTS + (<usize>k << 3), raw * ((sampled + toZero + toEnd) / sampled / divisor))
        continue
      }
    }
    store<f64>(RESULTS + (<usize>k << 3), raw * factor)
  }
  return found
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
