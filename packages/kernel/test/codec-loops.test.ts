import {
  BLOCK_SAMPLES,
  SHARED_MEMORY_BYTES,
  TARGET_BITS,
  TARGET_WORDS,
  createKernel,
  kernelCodecLoops,
  plainCodecLoops,
  type CodecLoops,
} from '@tsink/kernel'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

// The kernel and its twin must agree to the last byte, whatever the environment says about which of them serves.
const kernel = kernelCodecLoops(createKernel(SHARED_MEMORY_BYTES))
const plain = plainCodecLoops()

/** Doubles that codecs get wrong: decimals, walks, extremes, NaN payloads, random bits. */
function adversarialColumn(): fc.Arbitrary<Float64Array> {
  const bits = fc
    .tuple(fc.nat(0xffff_ffff), fc.nat(0xffff_ffff))
    .map(([low, high]) => new Float64Array(Uint32Array.of(low, high).buffer)[0]!)
  const special = fc.constantFrom(
    0,
    -0,
    NaN,
    Infinity,
    -Infinity,
    5e-324,
    Number.MAX_VALUE,
    2 ** 53,
    -(2 ** 53),
    2 ** 51,
    2 ** 51 - 1,
    0.1,
    1e-18,
    1e18,
  )
  const decimal = fc.tuple(fc.integer({ min: -1e9, max: 1e9 }), fc.nat(9)).map(([digits, exponent]) => digits / 10 ** exponent)
  const value = fc.oneof(
    { weight: 4, arbitrary: decimal },
    { weight: 1, arbitrary: special },
    { weight: 1, arbitrary: bits },
    { weight: 1, arbitrary: fc.integer() },
  )
  return fc
    .record({
      values: fc.array(value, { minLength: 1, maxLength: 40 }),
      count: fc.integer({ min: 1, max: 400 }),
      step: fc.constantFrom(0, 0, 1, 0.01, 15_000, 4_096),
      walk: fc.boolean(),
      seed: fc.nat(),
    })
    .map(({ values, count, step, walk, seed }) => {
      const column = new Float64Array(count)
      let state = seed | 1
      let sum = values[0]!
      for (let i = 0; i < count; i++) {
        state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0
        const picked = values[(state >>> 8) % values.length]!
        sum += step
        column[i] = walk ? sum + (picked % 7) : picked
      }
      return column
    })
}

function fill(loops: CodecLoops, column: Float64Array): void {
  new BigInt64Array(loops.doubles.buffer, loops.doubles.byteOffset, column.length).set(new BigInt64Array(column.buffer, 0, column.length))
}

function bitsOf(doubles: Float64Array, count: number): BigInt64Array {
  return new BigInt64Array(doubles.slice(0, count).buffer)
}

const runs = { numRuns: globalThis.process?.env?.['TSINK_TEST_LONG'] ? 20_000 : 400 }

describe('kernel and twin', () => {
  test('pack words to the same bytes and back', () => {
    const check = (column: Float64Array, ordered: boolean): void => {
      const count = column.length
      const written = [kernel, plain].map((loops) => {
        fill(loops, column)
        loops.bitsToWords(count)
        const planned = loops.planPacked(count, ordered)
        const end = loops.writePacked(3)
        expect(end - 3).toBe(planned)
        return loops.bytes.slice(3, end)
      })
      expect(written[0]).toEqual(written[1])
      for (const loops of [kernel, plain]) {
        loops.bytes.set(written[0]!, 5)
        for (const target of [TARGET_WORDS, TARGET_BITS]) {
          expect(loops.readPacked(5, 5 + written[0]!.length, count, 0, count, target)).toBe(count)
          if (target === TARGET_WORDS) expect(loops.words.slice(0, count)).toEqual(bitsOf(column, count))
          else expect(bitsOf(loops.doubles, count)).toEqual(bitsOf(column, count))
        }
        if (count > BLOCK_SAMPLES) {
          const to = count - 1
          expect(loops.readPacked(5, 5 + written[0]!.length, count, BLOCK_SAMPLES, to, TARGET_WORDS)).toBe(to - BLOCK_SAMPLES)
          expect(loops.words.slice(0, to - BLOCK_SAMPLES)).toEqual(bitsOf(column, count).slice(BLOCK_SAMPLES, to))
        }
      }
    }
    fc.assert(fc.property(adversarialColumn(), fc.boolean(), check), runs)
  })

  test('turn decimals to words alike, and packed words to the decimals', () => {
    const check = (column: Float64Array): void => {
      const count = column.length
      fill(kernel, column)
      fill(plain, column)
      const exponent = kernel.decimalExponent(count)
      expect(plain.decimalExponent(count)).toBe(exponent)
      expect(plain.countRuns(count)).toBe(kernel.countRuns(count))
      expect(plain.firstDescent(count)).toBe(kernel.firstDescent(count))
      if (exponent < 0) return
      const exceptions = kernel.decimalsToWords(count, exponent)
      expect(plain.decimalsToWords(count, exponent)).toBe(exceptions)
      expect(kernel.positions.slice(0, exceptions)).toEqual(plain.positions.slice(0, exceptions))
      expect(kernel.words.slice(0, count)).toEqual(plain.words.slice(0, count))
      const excepted = new Set(kernel.positions.slice(0, exceptions))
      kernel.planPacked(count, false)
      const end = kernel.writePacked(0)
      plain.bytes.set(kernel.bytes.subarray(0, end))
      for (const loops of [kernel, plain]) {
        expect(loops.readPacked(0, end, count, 0, count, exponent)).toBe(count)
        for (let i = 0; i < count; i++) if (!excepted.has(i)) expect(loops.doubles[i]).toBe(column[i])
      }
    }
    fc.assert(fc.property(adversarialColumn(), check), runs)
  })

  test('write XOR streams to the same bytes and back', () => {
    const check = (column: Float64Array): void => {
      const count = column.length
      const written = [kernel, plain].map((loops) => {
        fill(loops, column)
        const planned = loops.planXor(count)
        const end = loops.writeXor(1)
        expect(end - 1).toBe(planned)
        return loops.bytes.slice(1, end)
      })
      expect(written[0]).toEqual(written[1])
      for (const loops of [kernel, plain]) {
        loops.bytes.set(written[0]!)
        loops.doubles.fill(0)
        expect(loops.readXor(0, written[0]!.length, count, 0, count)).toBe(count)
        expect(bitsOf(loops.doubles, count)).toEqual(bitsOf(column, count))
      }
    }
    fc.assert(fc.property(adversarialColumn(), check), runs)
  })

  test('write delta-of-delta streams to the same bytes and back', () => {
    const delta = fc.oneof(
      fc.nat(20),
      fc.constantFrom(15_000, 15_000, 15_001, 30_000),
      fc.nat(2 ** 31 - 1),
      fc.maxSafeNat().map((n) => Math.floor(n / 1e4)),
    )
    const check = (start: number, deltas: number[], repeat: number): void => {
      const column: number[] = [start]
      for (let k = 0; k < repeat; k++) for (const next of deltas) column.push(column.at(-1)! + next + 1)
      const times = Float64Array.from(column)
      const count = times.length
      const written = [kernel, plain].map((loops) => {
        fill(loops, times)
        const planned = loops.planDeltaOfDelta(count)
        const end = loops.writeDeltaOfDelta(1)
        expect(end - 1).toBe(planned)
        return loops.bytes.slice(1, end)
      })
      expect(written[0]).toEqual(written[1])
      for (const loops of [kernel, plain]) {
        loops.bytes.set(written[0]!)
        loops.doubles.fill(0)
        expect(loops.readDeltaOfDelta(0, written[0]!.length, count, 0, count)).toBe(count)
        expect(loops.doubles.slice(0, count)).toEqual(times)
        expect(loops.readDeltaOfDeltaStarts(0, written[0]!.length, count)).toBe(Math.ceil(count / BLOCK_SAMPLES))
        expect(Array.from(loops.doubles.subarray(0, Math.ceil(count / BLOCK_SAMPLES)))).toEqual(
          column.filter((_, i) => i % BLOCK_SAMPLES === 0),
        )
      }
    }
    fc.assert(
      fc.property(fc.integer({ min: -1e12, max: 1e12 }), fc.array(delta, { maxLength: 60 }), fc.integer({ min: 1, max: 8 }), check),
      runs,
    )
  })
})

test('kernel and twin summarise alike', () => {
  const check = (column: Float64Array): void => {
    fill(kernel, column)
    fill(plain, column)
    kernel.summarize(column.length)
    plain.summarize(column.length)
    expect([...kernel.summary]).toEqual([...plain.summary])
  }
  fc.assert(fc.property(adversarialColumn(), check), runs)
  check(Float64Array.of(NaN, NaN))
  expect([...kernel.summary]).toEqual([NaN, NaN, 0, 0, 0])
  check(Float64Array.of(1e100, 1, -1e100, NaN, 3))
  expect([...kernel.summary]).toEqual([-1e100, 1e100, 4, 4, 2])
  check(Float64Array.of(Infinity, 1, -Infinity))
  expect(kernel.summary[2]).toBeNaN()
})

test('times that are recalled are those that were kept of the same bytes', () => {
  // Few different sections, so that they come again, and more than can be kept.
  const section = (number: number): Uint8Array =>
    Uint8Array.from({ length: 8 + (number % 40) }, (_, i) => (i < 8 ? number % 7 : (number * i) & 0xff))
  const kept = new Map<string, Float64Array>()
  let recalled = 0
  const check = (number: number, count: number, from: number, taken: number, seed: number): void => {
    const bytes = section(number)
    const size = bytes.length
    const at = number % 5
    kernel.bytes.fill(0xaa, 0, 100)
    kernel.bytes.set(bytes, at)
    const key = `${bytes.toString()} ${count} ${from} ${taken}`
    if (kernel.recallTimes(at, size, count, from, from + taken)) {
      recalled++
      expect(kernel.doubles.slice(0, taken)).toEqual(kept.get(key))
      return
    }
    const times = Float64Array.from({ length: taken }, (_, i) => seed + i)
    kernel.doubles.set(times)
    kernel.keepTimes(at, size, count, from, from + taken)
    kept.set(key, times)
  }
  fc.assert(
    fc.property(fc.nat(150), fc.constantFrom(500, 501), fc.constantFrom(0, 128), fc.constantFrom(1, 100, 2_048), fc.nat(1_000), check),
    { numRuns: 5_000 },
  )
  expect(recalled).toBeGreaterThan(100)
})
