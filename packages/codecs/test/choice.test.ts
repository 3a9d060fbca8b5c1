import { TIMESTAMP_CODECS, VALUE_CODECS, decodeFloats, encodeFloats, encodeIntegers, encodeTimestamps, measureFloats } from '@tsink/codecs'
import { corpus } from '@tsink/testing'
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { Dice, fillFloats } from './columns.ts'

const sequence = (count: number, value: (i: number) => number): Float64Array => Float64Array.from({ length: count }, (_, i) => value(i))
const noise = (i: number): number => (Math.imul(i + 1, 0x9e37_79b1) >>> 8) / 2 ** 24

/** The codec byte behind the count. */
function codecAt(bytes: Uint8Array): number {
  return bytes[bytes[0]! < 0x80 ? 1 : 2]!
}

describe('the chooser takes', () => {
  test.each<[want: string, what: string, values: Float64Array]>([
    ['runs', 'a constant', sequence(2_048, () => 42)],
    ['runs', 'a gauge that changes three times', sequence(2_048, (i) => Math.sqrt(2 + Math.floor(i / 600)))],
    ['decimal', 'two decimals', sequence(2_048, (i) => Math.round(1e4 + 1e3 * noise(i)) / 100)],
    ['decimal', 'a counter', sequence(2_048, (i) => i * 997)],
    ['xor', 'full precision that changes at every eighth sample', sequence(2_048, (i) => Math.sqrt(2 + Math.floor(i / 8)))],
    ['bits', 'single-precision floats', sequence(2_048, (i) => Math.fround(Math.sqrt(i + 2)))],
    ['bits', 'full entropy of one magnitude', sequence(2_048, (i) => 1 + noise(i) / 3)],
  ])('%s for %s', (want, _, values) => {
    expect(VALUE_CODECS[codecAt(encodeFloats(values))]).toBe(want)
  })

  test.each<[want: string, what: string, times: Float64Array]>([
    ['steps', 'a regular scrape', sequence(2_048, (i) => i * 15_000)],
    ['steps', 'a scrape with a gap', sequence(2_048, (i) => i * 15_000 + (i > 1_000 ? 1e6 : 0))],
    ['packed', 'jitter', sequence(2_048, (i) => i * 15_000 + Math.floor(9 * noise(i)))],
    ['varint', 'a few samples of odd distances', Float64Array.of(0, 581_095, 581_107, 587_581)],
    ['delta-of-delta', 'a few samples that drift', sequence(6, (i) => i * 1_000 + i * i)],
  ])('%s for %s', (want, _, times) => {
    expect(TIMESTAMP_CODECS[codecAt(encodeTimestamps(times))]).toBe(want)
  })

  test('the smallest of what it measured, for every shape', () => {
    for (let seed = 0; seed < 300; seed++) {
      const dice = new Dice(seed)
      const values = new Float64Array(1 + dice.below(511))
      fillFloats(dice, values)
      const sizes = measureFloats(values)
      const least = Math.min(sizes.runs, sizes.decimal, sizes.xor, sizes.bits)
      // Three bytes of count and codec; the size of runs is an upper bound.
      expect(encodeFloats(values).length, `seed ${seed}`).toBeLessThanOrEqual(Math.max(least, 14) + 3)
    }
  })

  test('forced codecs that are larger too', () => {
    const values = sequence(500, (i) => i)
    const sizes = (['runs', 'decimal', 'xor', 'bits'] as const).map((codec) => encodeFloats(values, 0, 500, codec).length)
    expect(Math.min(...sizes)).toBe(encodeFloats(values).length)
    expect(VALUE_CODECS[codecAt(encodeIntegers(new BigInt64Array(500), 0, 500, 'runs'))]).toBe('runs')
  })
})

const floats = corpus('floats')
describe.skipIf(floats.path === null)(`real series${floats.skip === null ? '' : `: ${floats.skip}`}`, () => {
  test('come back bit for bit, never larger than XOR, and in total at most 0.6 of it', () => {
    let ours = 0
    let xor = 0
    for (const file of readdirSync(floats.path!).filter((name) => name.endsWith('.csv'))) {
      const values = Float64Array.from(readFileSync(join(floats.path!, file), 'utf8').trim().split(/\s+/), Number)
      expect(values.length, file).toBeGreaterThan(0)
      const bytes = encodeFloats(values)
      expect(new BigInt64Array(decodeFloats(bytes).buffer), file).toEqual(new BigInt64Array(values.buffer))
      const size = encodeFloats(values, 0, values.length, 'xor').length
      expect(bytes.length, file).toBeLessThanOrEqual(size)
      ours += bytes.length
      xor += size
    }
    expect(ours / xor).toBeLessThan(0.6)
  })
})
