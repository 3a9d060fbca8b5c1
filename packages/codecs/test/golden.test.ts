import { SampleBuffer, histogram } from '@tsink/core'
import {
  VALUE_CODECS,
  TIMESTAMP_CODECS,
  decodeChunk,
  decodeFloats,
  decodeTimestamps,
  encodeFloats,
  encodeTimestamps,
  openChunk,
  sealChunk,
  verifyChunk,
  type ChunkColumns,
  type TimestampCodec,
} from '@tsink/codecs'
import { describe, expect, test } from 'vitest'
import frozen from './golden/chunk-v1.json' with { type: 'json' }

// The bytes of format version 1, frozen: what is stored today must read for ever. TSINK_UPDATE_GOLDEN=1 writes the file anew, which is right
// only together with a new version byte.
const UPDATE = globalThis.process?.env?.['TSINK_UPDATE_GOLDEN'] !== undefined
const golden: Record<string, string> = UPDATE ? {} : frozen

const sequence = (count: number, value: (i: number) => number): Float64Array => Float64Array.from({ length: count }, (_, i) => value(i))
const regular = (count: number): Float64Array => sequence(count, (i) => 1_700_000_000_000 + 15_000 * i)
const noise = (i: number): number => (Math.imul(i + 1, 0x9e37_79b1) >>> 8) / 2 ** 24
const text = (value: string): Uint8Array => new TextEncoder().encode(value)

const FLOATS: Record<string, Float64Array> = {
  runs: sequence(200, (i) => (i < 150 ? 1.5 : -0)),
  decimal: sequence(200, (i) => Math.round(2_000 + 100 * noise(i)) / 100),
  'decimal with exceptions': sequence(140, (i) => (i === 3 ? NaN : i === 7 ? Math.PI : i * 0.25)),
  xor: sequence(140, (i) => Math.SQRT2 * 10 ** Math.floor(40 * noise(Math.floor(i / 3)))),
  bits: sequence(140, (i) => 1 + noise(i) / 3),
}
const TIMES: Record<string, Float64Array> = {
  steps: regular(200),
  packed: sequence(200, (i) => 1_700_000_000_000 + 15_000 * i + Math.floor(7 * noise(i))),
  varint: sequence(5, (i) => 1_000 * i * i + i),
  'delta-of-delta': sequence(140, (i) => 15_000 * i + (i % 30 === 0 ? 1 : 0)),
}
const columns = (kind: ChunkColumns['kind'], count: number, more: Partial<ChunkColumns>): ChunkColumns => ({
  kind,
  base: 0,
  count,
  timestamps: regular(count),
  values: new Float64Array(count),
  ...more,
})
const CHUNKS: Record<string, ChunkColumns> = {
  'one float': columns('f64', 1, { values: Float64Array.of(42) }),
  'floats with base and start timestamps': columns('f64', 300, {
    base: 8_192 * 1_000,
    values: sequence(300, (i) => i * 3),
    startTimestamps: sequence(300, (i) => (i < 10 ? 0 : 77)),
  }),
  integers: columns('i64', 150, { integers: BigInt64Array.from({ length: 150 }, (_, i) => BigInt(i * i) - 2n ** 62n) }),
  'unsigned integers': columns('u64', 3, { integers: BigInt64Array.of(-1n, 0n, 5n) }),
  'booleans, bitmap': columns('bool', 20, { values: sequence(20, (i) => (i % 3 === 0 ? 1 : 0)) }),
  'booleans, toggles': columns('bool', 200, { values: sequence(200, (i) => (i < 120 ? 1 : 0)) }),
  'texts, dictionary': columns('string', 6, { blobs: ['up', 'down', 'up', 'up', 'down', 'up'].map(text) }),
  'texts, prefix': columns('string', 3, { blobs: ['request 1001', 'request 1002', 'request 1010'].map(text) }),
  histograms: columns('histogram', 3, {
    histograms: [1, 2, 3].map((i) =>
      histogram({
        schema: i === 3 ? -53 : 2,
        count: 10 * i,
        sum: 2.5 * i,
        zeroThreshold: i === 3 ? 0 : 0.001,
        zeroCount: i === 3 ? 0 : i,
        positiveSpans: [{ offset: i === 3 ? 0 : -1, length: 2 }],
        positiveBuckets: Float64Array.of(i, 2 * i),
        customValues: i === 3 ? Float64Array.of(0.1, 1) : new Float64Array(0),
        hint: i === 1 ? 'reset' : 'not_reset',
        isInteger: true,
      }),
    ),
  }),
}

function check(name: string, bytes: Uint8Array): void {
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
  if (UPDATE) golden[name] = hex
  else expect(hex).toBe(golden[name])
}

function fromHex(hex: string): Uint8Array {
  return Uint8Array.from({ length: hex.length / 2 }, (_, i) => Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16))
}

describe('golden bytes, version 1', () => {
  test.each(Object.keys(FLOATS))('floats: %s', (name) => {
    const values = FLOATS[name]!
    const bytes = encodeFloats(values)
    const codec = VALUE_CODECS[bytes[values.length < 128 ? 1 : 2]!]
    expect(name.startsWith(codec!), `the chooser takes ${codec} for ${name}`).toBe(true)
    check(`floats: ${name}`, bytes)
    const got = decodeFloats(fromHex(golden[`floats: ${name}`]!))
    expect(new BigInt64Array(got.buffer)).toEqual(new BigInt64Array(values.buffer))
  })

  test.each(Object.keys(TIMES))('timestamps: %s', (name) => {
    const times = TIMES[name]!
    const bytes = encodeTimestamps(times, 0, times.length, name as TimestampCodec)
    expect(TIMESTAMP_CODECS[bytes[times.length < 128 ? 1 : 2]!]).toBe(name)
    check(`timestamps: ${name}`, bytes)
    expect(decodeTimestamps(fromHex(golden[`timestamps: ${name}`]!))).toEqual(times)
  })

  test.each(Object.keys(CHUNKS))('chunk: %s', (name) => {
    const want = CHUNKS[name]!
    check(`chunk: ${name}`, sealChunk(want))
    const bytes = fromHex(golden[`chunk: ${name}`]!)
    verifyChunk(bytes)
    expect(openChunk(bytes)).toMatchObject({ kind: want.kind, count: want.count, base: want.base })
    const got = new SampleBuffer()
    got.base = want.base
    decodeChunk(bytes, got, -Infinity, Infinity)
    expect(got.timestamps.slice(0, got.count)).toEqual(want.timestamps)
    if (want.kind === 'f64' || want.kind === 'bool') expect(got.values.slice(0, got.count)).toEqual(want.values)
    if (want.integers) expect(got.integers!.slice(0, got.count)).toEqual(want.integers)
    if (want.blobs) expect(got.blobs).toEqual(want.blobs)
    if (want.histograms) expect(got.histograms).toEqual(want.histograms)
    if (want.startTimestamps) expect(got.startTimestamps!.slice(0, got.count)).toEqual(want.startTimestamps)
  })

  test('every codec has golden bytes', async () => {
    const names = Object.keys(golden).join('\n')
    for (const codec of [
      'runs',
      'decimal',
      'xor',
      'bits',
      'steps',
      'packed',
      'varint',
      'delta-of-delta',
      'integers',
      'bitmap',
      'toggles',
      'dictionary',
      'prefix',
      'histograms',
    ]) {
      expect(names).toContain(codec)
    }
    if (!UPDATE) return
    const { writeFileSync } = await import('node:fs')
    writeFileSync(new URL('golden/chunk-v1.json', import.meta.url), `${JSON.stringify(golden, null, 2)}\n`)
  })
})

test('an unknown version, kind, codec or flag is refused by name', () => {
  const bytes = sealChunk(CHUNKS['one float']!)
  const broken = (offset: number, value: number): Uint8Array => {
    const copy = bytes.slice()
    copy[offset] = value
    return copy
  }
  expect(() => openChunk(broken(0, 9))).toThrow(/unknown version \(offset 0, expected 1, found 9\)/)
  expect(() => openChunk(broken(1, 0x4f))).toThrow(/unknown kind or flags/)
  expect(() => openChunk(broken(2, 0))).toThrow(/impossible number of samples/)
  expect(() => openChunk(bytes.subarray(0, 3))).toThrow(/ends too early/)
  expect(() => openChunk(broken(openChunk(bytes).valuesAt, 77))).toThrow(/unknown value codec/)
})
