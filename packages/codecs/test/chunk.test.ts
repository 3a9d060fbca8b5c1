import { SampleBuffer, STALE, histogram, type Histogram, type ValueKind } from '@tsink/core'
import {
  decodeBooleans,
  decodeChunk,
  decodeFloats,
  decodeTimestamps,
  encodeBooleans,
  encodeFloats,
  encodeTimestamps,
  mergeChunks,
  openChunk,
  sealChunk,
  verifyChunk,
} from '@tsink/codecs'
import { describe, expect, test } from 'vitest'

function bitsOf(values: Float64Array, count: number): BigUint64Array {
  return new BigUint64Array(values.slice(0, count).buffer)
}

function floats(
  count: number,
  value: (i: number) => number,
  time: (i: number) => number = (i) => 1_700_000_000_000 + i * 15_000,
): SampleBuffer {
  const buffer = new SampleBuffer(count)
  for (let i = 0; i < count; i++) buffer.push(time(i), value(i))
  return buffer
}

function decode(chunk: Uint8Array, minTime = -Infinity, maxTime = Infinity): SampleBuffer {
  const buffer = new SampleBuffer()
  decodeChunk(chunk, buffer, minTime, maxTime)
  return buffer
}

function expectSameFloats(got: SampleBuffer, want: SampleBuffer, from = 0, to = want.count): void {
  expect(got.count).toBe(to - from)
  expect(got.timestamps.slice(0, got.count)).toEqual(want.timestamps.slice(from, to))
  expect(bitsOf(got.values, got.count)).toEqual(bitsOf(want.values.subarray(from), to - from))
}

let seed = 1
function random(): number {
  seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0
  return seed / 2 ** 32
}

const SHAPES: [name: string, value: (i: number) => number][] = [
  ['a constant', () => 42.5],
  [
    'a two-decimal walk',
    (() => {
      let v = 50
      return () => (v = Math.round((v + random() - 0.5) * 100) / 100)
    })(),
  ],
  [
    'a counter',
    (() => {
      let v = 0
      return () => (v += Math.floor(random() * 1000))
    })(),
  ],
  ['full-entropy floats', () => Math.sin(random() * 1e6)],
  ['random bits', () => new Float64Array(Uint32Array.of(random() * 2 ** 32, random() * 2 ** 32).buffer)[0]!],
  ['multiples of 4096', () => Math.floor(random() * 1e6) * 4096],
  ['edge cases', (i) => [0, -0, NaN, Infinity, -Infinity, 5e-324, Number.MAX_VALUE, 0.1, 1e15, 2 ** 53][i % 10]!],
]
const TIMES: [name: string, time: (i: number) => number][] = [
  ['regular', (i) => 1_700_000_000_000 + i * 15_000],
  ['jittered', (i) => 1_700_000_000_000 + i * 15_000 + Math.floor(((i * 7919) % 13) / 2)],
  ['negative', (i) => -5_000 + i],
  ['irregular', (i) => i * i * 1_000 + i],
]

describe('a chunk gives back what was sealed', () => {
  for (const [shape, value] of SHAPES) {
    for (const [times, time] of TIMES) {
      test(`${shape}, ${times} times`, () => {
        for (const count of [1, 2, 3, 10, 127, 128, 129, 255, 257, 1000, 2048, 4096]) {
          const want = floats(count, value, time)
          const bytes = sealChunk(want)
          verifyChunk(bytes)
          expectSameFloats(decode(bytes), want)
          const chunk = openChunk(bytes)
          expect(chunk).toMatchObject({ kind: 'f64', count, minTime: want.timestamps[0], maxTime: want.timestamps[count - 1] })
        }
      })
    }
  }

  test('a range decodes to exactly the samples in it', () => {
    for (const [, value] of SHAPES) {
      for (const [, time] of TIMES) {
        const want = floats(1_000, value, time)
        const bytes = sealChunk(want)
        for (let k = 0; k < 60; k++) {
          const from = Math.floor(random() * 1_000)
          const to = from + Math.floor(random() * (1_000 - from))
          const exact = decode(bytes, want.timestamps[from]!, want.timestamps[to]!)
          expectSameFloats(exact, want, from, to + 1)
          const between = decode(bytes, want.timestamps[from]! + 0.5, want.timestamps[to]! + 0.5)
          expectSameFloats(between, want, from + 1, to + 1)
        }
      }
    }
  })
})

test('stale markers survive and the summary leaves NaNs out', () => {
  const buffer = floats(300, (i) => i % 50)
  buffer.values.set(STALE, 100)
  const chunk = sealChunk(buffer)
  expectSameFloats(decode(chunk), buffer)
  expect(openChunk(chunk)).toMatchObject({ numbers: 299, min: 0, max: 49, resets: 5, first: 0, last: 49, sum: 6 * 1225 - 0 })
})

test('integers are exact over their whole range', () => {
  for (const kind of ['i64', 'u64'] as ValueKind[]) {
    const integers = BigInt64Array.of(0n, 1n, -1n, 2n ** 63n - 1n, -(2n ** 63n), 123_456_789_012_345_678n, -7n)
    const count = 700
    const column = BigInt64Array.from(
      { length: count },
      (_, i) => integers[(i * 3 + (i >> 3)) % integers.length]! + BigInt(i % 5 === 0 ? 0 : 0),
    )
    const bytes = sealChunk({
      kind,
      base: 0,
      count,
      timestamps: Float64Array.from({ length: count }, (_, i) => i),
      values: new Float64Array(count),
      integers: column,
    })
    const got = decode(bytes)
    expect(got.kind).toBe(kind)
    expect(got.integers!.slice(0, count)).toEqual(column)
    expect(got.values[1]).toBe(kind === 'u64' ? Number(BigInt.asUintN(64, column[1]!)) : Number(column[1]!))
  }
})

test('booleans, byte strings and texts come back', () => {
  const count = 1_000
  const timestamps = Float64Array.from({ length: count }, (_, i) => i * 10)
  const bools = Float64Array.from({ length: count }, (_, i) => (i % 7 === 0 || i > 800 ? 1 : 0))
  expect(decode(sealChunk({ kind: 'bool', base: 0, count, timestamps, values: bools })).values.slice(0, count)).toEqual(bools)
  for (const make of [
    (i: number) => `state ${i % 4}`,
    (i: number) => `request ${i} took ${i * 3} ms`,
    () => '',
    (i: number) => 'é'.repeat(i % 3),
  ]) {
    const blobs = Array.from({ length: count }, (_, i) => new TextEncoder().encode(make(i)))
    const bytes = sealChunk({ kind: 'string', base: 0, count, timestamps, values: new Float64Array(count), blobs })
    expect(decode(bytes).blobs).toEqual(blobs)
    expect(decode(bytes, 4_000, 4_090).blobs).toEqual(blobs.slice(400, 410))
  }
})

test('histograms come back with every field', () => {
  const count = 400
  const want = new SampleBuffer()
  want.begin('histogram')
  for (let i = 0; i < count; i++) {
    const wide = i > 150
    want.pushHistogram(
      i * 1_000,
      i % 97 === 50
        ? histogram({
            schema: -53,
            count: 3,
            sum: 0.5,
            positiveSpans: [{ offset: 0, length: 2 }],
            positiveBuckets: Float64Array.of(1, 2),
            customValues: Float64Array.of(0.5, 1.25),
          })
        : histogram({
            schema: 3,
            count: i * 3,
            sum: i * 1.25,
            zeroThreshold: 1e-128,
            zeroCount: i,
            positiveSpans: wide
              ? [
                  { offset: -2, length: 3 },
                  { offset: 1, length: 1 },
                ]
              : [{ offset: -2, length: 2 }],
            positiveBuckets: wide ? Float64Array.of(i, 2 * i, 1, 0.5) : Float64Array.of(i, i),
            negativeSpans: [{ offset: 1, length: 1 }],
            negativeBuckets: Float64Array.of(i),
            hint: i === 0 ? 'reset' : i % 2 ? 'not_reset' : 'gauge',
            isInteger: !wide,
          }),
    )
  }
  const chunk = sealChunk(want)
  const got = decode(chunk)
  expect(got.histograms).toEqual(want.histograms)
  expect(got.values.slice(0, count)).toEqual(want.values.slice(0, count))
  const part = decode(chunk, 140_000, 160_000)
  expect(part.histograms).toEqual((want.histograms as Histogram[]).slice(140, 161))
})

test('start timestamps and a base travel along; a buffer of another base shifts', () => {
  const base = 1_700_000_000_000_000_000 - (1_700_000_000_000_000_000 % 8_192)
  const buffer = floats(
    500,
    (i) => i,
    (i) => i * 1_000_003,
  )
  buffer.base = base
  buffer.startTimestamps = Float64Array.from({ length: buffer.capacity }, (_, i) => (i % 3 === 0 ? 0 : 77))
  const bytes = sealChunk(buffer)
  expect(openChunk(bytes)).toMatchObject({ base, minOffset: 0, maxOffset: 499 * 1_000_003 })
  const other = new SampleBuffer()
  other.base = base - 8_192
  decodeChunk(bytes, other, 8_192 + 1_000_003, 8_192 + 2_000_006)
  expect(other.timestamps.slice(0, other.count)).toEqual(Float64Array.of(8_192 + 1_000_003, 8_192 + 2_000_006))
  expect(other.startTimestamps!.slice(0, 2)).toEqual(Float64Array.of(77 + 8_192, 77 + 8_192))
})

test('a merge is ascending and the newer sample wins', () => {
  const older = floats(
    300,
    (i) => i,
    (i) => i * 10,
  )
  const newer = floats(
    200,
    (i) => -i,
    (i) => 1_000 + i * 15,
  )
  const got = decode(mergeChunks(sealChunk(older), sealChunk(newer)))
  const want = new Map<number, number>()
  for (let i = 0; i < older.count; i++) want.set(older.timestamps[i]!, older.values[i]!)
  for (let i = 0; i < newer.count; i++) want.set(newer.timestamps[i]!, newer.values[i]!)
  const sorted = [...want].toSorted((a, b) => a[0] - b[0])
  expect(Array.from(got.timestamps.subarray(0, got.count))).toEqual(sorted.map(([time]) => time))
  expect(Array.from(got.values.subarray(0, got.count))).toEqual(sorted.map(([, value]) => value))
})

test('columns decode into arrays of the caller', () => {
  const values = Float64Array.from({ length: 200 }, (_, i) => i % 2)
  const times = Float64Array.from({ length: 200 }, (_, i) => i * i)
  const into = new Float64Array(300)
  for (const [bytes, decodeInto, want] of [
    [encodeFloats(values), decodeFloats, values],
    [encodeBooleans(values), decodeBooleans, values],
    [encodeTimestamps(times), decodeTimestamps, times],
  ] as const) {
    const got = decodeInto(bytes, into)
    expect(got.buffer).toBe(into.buffer)
    expect(got).toEqual(want)
    expect(() => decodeInto(bytes, new Float64Array(199))).toThrow('a column of 200 samples does not fit into an array of 199')
  }
})
