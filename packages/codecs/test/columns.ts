/** Seeded columns of every kind for the tests of the codecs: ordinary shapes and what breaks codecs. */
import { COUNTER_RESET_HINTS, VALUE_KINDS, histogram, type Histogram, type Span, type ValueKind } from '@tsink/core'
import type { ChunkColumns } from '@tsink/codecs'

/** A small seeded generator (xorshift32). */
export class Dice {
  private state: number

  constructor(seed: number) {
    this.state = (Math.imul(seed, 0x9e37_79b1) ^ 0x5bd1_e995) | 1
  }

  /** A number in [0, 1). */
  next(): number {
    this.state ^= this.state << 13
    this.state ^= this.state >>> 17
    this.state ^= this.state << 5
    return (this.state >>> 0) / 4_294_967_296
  }

  /** An integer in [0, limit). */
  below(limit: number): number {
    return Math.floor(this.next() * limit)
  }

  /** One of the items. */
  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!
  }
}

const SPECIALS = Float64Array.of(
  0,
  -0,
  NaN,
  Infinity,
  -Infinity,
  5e-324,
  2.2250738585072014e-308,
  Number.MAX_VALUE,
  2 ** 53,
  2 ** 51,
  2 ** 51 - 1,
  0.1,
  1e15,
  1e-18,
)

/** Writes one of many kinds of float columns to `out`, with NaN payloads by bits. */
export function fillFloats(dice: Dice, out: Float64Array): void {
  const bits = new Uint32Array(out.buffer, out.byteOffset, out.length * 2)
  const shape = dice.below(12)
  const scale = 10 ** dice.below(7)
  const step = dice.next() * 10 ** (dice.below(12) - 4)
  let value = (dice.next() - 0.5) * 10 ** dice.below(10)
  for (let i = 0; i < out.length; i++) {
    switch (shape) {
      case 0:
        out[i] = value
        break
      case 1:
        value += dice.next() - 0.5
        out[i] = Math.round(value * scale) / scale
        break
      case 2:
        value += Math.floor(dice.next() * step * 100)
        if (dice.next() < 0.005) value = 0
        out[i] = Math.floor(value)
        break
      case 3:
        out[i] = dice.next() - 0.5
        break
      case 4:
        bits[2 * i] = dice.next() * 4_294_967_296
        bits[2 * i + 1] = dice.next() * 4_294_967_296
        break
      case 5:
        out[i] = SPECIALS[dice.below(SPECIALS.length)]!
        break
      case 6:
        if (dice.next() < 0.02) value = dice.below(1_000)
        out[i] = value
        break
      case 7:
        out[i] = dice.below(100_000) * 4_096
        break
      case 8:
        out[i] = i * step
        break
      case 9:
        value += dice.next() - 0.5
        out[i] = value
        break
      case 10:
        out[i] = dice.next() < 0.3 ? SPECIALS[dice.below(SPECIALS.length)]! : Math.round(dice.next() * 1e4) / scale
        break
      default:
        out[i] = dice.below(2 ** 31) / scale
    }
  }
  if (dice.next() < 0.3) {
    // Stale markers and other NaNs, which only bits can tell apart.
    for (let k = 0; k < 3 && out.length > 0; k++) {
      const at = dice.below(out.length)
      bits[2 * at] = k === 0 ? 2 : dice.below(2 ** 32)
      bits[2 * at + 1] = k === 0 ? 0x7ff0_0000 : 0xfff8_0000 + dice.below(65_536)
    }
  }
}

/** Strictly ascending integers. */
export function fillTimes(dice: Dice, out: Float64Array): void {
  const step = dice.pick([1, 10, 1_000, 15_000, 60_000, 1e9])
  const shape = dice.below(6)
  let time = dice.pick([0, -5_000, 1_700_000_000_000, 1_700_000_000, -(2 ** 50), 123_456_789_012_345])
  for (let i = 0; i < out.length; i++) {
    out[i] = time
    if (shape === 0) time += step
    else if (shape === 1) time += step + (step > 3 ? dice.below(3) - 1 : 0)
    else if (shape === 2) time += dice.next() < 0.01 ? 3 * step : step
    else if (shape === 3) time += 1 + dice.below(step)
    else if (shape === 4) time += 1 + dice.below(2 ** dice.below(32))
    else time += dice.next() < 0.02 ? 7 : 1
  }
}

/** 64-bit integers by their bits. */
export function fillIntegers(dice: Dice, out: BigInt64Array): void {
  const pairs = new Uint32Array(out.buffer, out.byteOffset, out.length * 2)
  const shape = dice.below(6)
  const extremes = [0n, 1n, -1n, 2n ** 63n - 1n, -(2n ** 63n), 2n ** 53n, 2n ** 32n, -(2n ** 31n)]
  let value = dice.below(1_000_000)
  for (let i = 0; i < out.length; i++) {
    if (shape === 0) {
      pairs[2 * i] = dice.next() * 4_294_967_296
      pairs[2 * i + 1] = dice.next() * 4_294_967_296
    } else if (shape === 1) out[i] = dice.pick(extremes)
    else {
      value += shape === 2 ? 0 : shape === 3 ? dice.below(1_000) : shape === 4 ? dice.below(7) - 3 : dice.below(100) * 512
      pairs[2 * i] = value
      pairs[2 * i + 1] = value < 0 ? 0xffff_ffff : Math.floor(value / 4_294_967_296)
    }
  }
}

function blobs(dice: Dice, count: number): Uint8Array[] {
  const shape = dice.below(4)
  const encoder = new TextEncoder()
  const words = ['', 'ok', 'failed', 'déjà vu', 'state:'.repeat(40)]
  return Array.from({ length: count }, (_, i) => {
    if (shape === 0) return encoder.encode(dice.pick(words))
    if (shape === 1) return encoder.encode(`request ${i} took ${dice.below(1_000)} ms`)
    if (shape === 2) return Uint8Array.from({ length: dice.below(20) }, () => dice.below(256))
    return encoder.encode('same')
  })
}

function spans(dice: Dice): Span[] {
  return Array.from({ length: dice.below(3) }, (_, i) => ({
    offset: i === 0 ? dice.below(20) - 10 : dice.below(5),
    length: 1 + dice.below(6),
  }))
}

function bucketCount(list: readonly Span[]): number {
  return list.reduce((sum, { length }) => sum + length, 0)
}

function histograms(dice: Dice, count: number): Histogram[] {
  let layout = histogram({})
  let level = 0
  return Array.from({ length: count }, (_, i) => {
    if (i === 0 || dice.next() < 0.01) {
      const custom = dice.next() < 0.3
      const positiveSpans = spans(dice)
      const negativeSpans = custom ? [] : spans(dice)
      layout = histogram({
        schema: custom ? -53 : dice.below(13) - 4,
        zeroThreshold: custom ? 0 : dice.pick([0, 1e-128, 0.5]),
        positiveSpans,
        negativeSpans,
        customValues: custom ? Float64Array.from({ length: dice.below(20) }, (__, k) => k * 0.25) : new Float64Array(0),
        isInteger: dice.next() < 0.5,
      })
      level = 0
    }
    level += dice.below(10)
    const bucket = (): number => (layout.isInteger ? level + dice.below(3) : level + dice.next())
    return {
      ...layout,
      count: level * 3,
      sum: dice.next() < 0.02 ? NaN : level * 1.5,
      zeroCount: level,
      hint: dice.next() < 0.9 ? 'not_reset' : dice.pick(COUNTER_RESET_HINTS),
      positiveBuckets: Float64Array.from({ length: bucketCount(layout.positiveSpans) }, bucket),
      negativeBuckets: Float64Array.from({ length: bucketCount(layout.negativeSpans) }, bucket),
    }
  })
}

/** Columns of one kind, ready to be sealed. */
export function randomColumns(dice: Dice, count: number, kind: ValueKind = dice.pick(VALUE_KINDS)): ChunkColumns {
  const timestamps = new Float64Array(count)
  fillTimes(dice, timestamps)
  const values = new Float64Array(count)
  if (kind === 'f64') fillFloats(dice, values)
  if (kind === 'bool') {
    const rate = dice.pick([0, 0.01, 0.5, 1])
    for (let i = 0; i < count; i++) values[i] = dice.next() < rate ? 1 : 0
  }
  const integers = kind === 'i64' || kind === 'u64' ? new BigInt64Array(count) : null
  if (integers !== null) fillIntegers(dice, integers)
  const startTimestamps = dice.next() < 0.2 ? Float64Array.from(timestamps, (time) => (dice.next() < 0.5 ? 0 : time - 1_000)) : null
  return {
    kind,
    base: dice.next() < 0.2 ? 1_700_000_000_000_000_000 - (1_700_000_000_000_000_000 % 8_192) : 0,
    count,
    timestamps,
    values,
    integers,
    blobs: kind === 'bytes' || kind === 'string' ? blobs(dice, count) : null,
    histograms: kind === 'histogram' ? histograms(dice, count) : null,
    startTimestamps,
  }
}

/** A length from 1 to `limit`, short ones far more often. */
export function randomLength(dice: Dice, limit: number): number {
  return 1 + Math.floor((limit - 1) * dice.next() ** 6)
}

/** Whether two columns hold the same bits. */
export function sameBits(a: Float64Array, b: Float64Array, count: number): boolean {
  const left = new Int32Array(a.buffer, a.byteOffset, count * 2)
  const right = new Int32Array(b.buffer, b.byteOffset, count * 2)
  for (let i = 0; i < left.length; i++) if (left[i] !== right[i]) return false
  return true
}
