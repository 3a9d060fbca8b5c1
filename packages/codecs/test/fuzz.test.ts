import { SampleBuffer, TsinkError, type Histogram, type ValueKind } from '@tsink/core'
import {
  decodeBlobs,
  decodeBooleans,
  decodeChunk,
  decodeNewest,
  decodeFloats,
  decodeHistograms,
  decodeIntegers,
  decodeTimestamps,
  encodeBlobs,
  encodeBooleans,
  encodeFloats,
  encodeHistograms,
  encodeIntegers,
  encodeTimestamps,
  openChunk,
  sealChunk,
  verifyChunk,
  type ChunkColumns,
  type FloatCodec,
} from '@tsink/codecs'
import { expect, test } from 'vitest'
import { Dice, fillFloats, fillIntegers, fillTimes, randomColumns, randomLength, sameBits } from './columns.ts'

// Short in the suite; the millions run with TSINK_TEST_LONG=1. A failure names the seed, and TSINK_SEED starts there.
const env = globalThis.process?.env ?? {}
const LONG = env['TSINK_TEST_LONG'] !== undefined
const FIRST_SEED = Number(env['TSINK_SEED'] ?? 1)
const TIMEOUT_MS = LONG ? 3_600_000 : 60_000

test(
  'random columns of every codec come back bit for bit',
  () => {
    for (let seed = FIRST_SEED; seed < FIRST_SEED + (LONG ? 1_000_000 : 3_000); seed++) {
      const wrong = roundTrip(new Dice(seed), seed)
      if (wrong !== null) expect.fail(`seed ${seed}: ${wrong}`)
    }
  },
  TIMEOUT_MS,
)

// One column through one codec, standing alone or in a chunk with a range; answers what came back wrong.
function roundTrip(dice: Dice, seed: number): string | null {
  const count = dice.next() < 0.01 ? 0 : randomLength(dice, 4_096)
  switch (seed % 8) {
    case 0:
    case 1: {
      const values = new Float64Array(count)
      fillFloats(dice, values)
      // Every codec can hold every column.
      const codec = dice.pick<FloatCodec | undefined>(['runs', 'decimal', 'xor', 'bits', undefined, undefined, undefined])
      const got = decodeFloats(encodeFloats(values, 0, count, codec))
      return got.length === count && sameBits(got, values, count) ? null : `${count} floats, codec ${codec}`
    }
    case 2: {
      const times = new Float64Array(count)
      fillTimes(dice, times)
      const codec = dice.pick([undefined, 'steps', 'packed', 'varint', 'delta-of-delta'] as const)
      const got = decodeTimestamps(encodeTimestamps(times, 0, count, codec))
      return got.length === count && sameBits(got, times, count) ? null : `${count} timestamps, codec ${codec}`
    }
    case 3: {
      const values = new BigInt64Array(count)
      fillIntegers(dice, values)
      const codec = dice.pick([undefined, 'runs', 'integers'] as const)
      const got = decodeIntegers(encodeIntegers(values, 0, count, codec))
      const same = got.length === count && sameBits(new Float64Array(got.buffer), new Float64Array(values.buffer), count)
      return same ? null : `${count} integers, codec ${codec}`
    }
    case 4: {
      const short = Math.min(count, 300)
      const kind = dice.pick<ValueKind>(['bool', 'bytes', 'histogram'])
      const columns = randomColumns(dice, short, kind)
      if (kind === 'bool') {
        const got = decodeBooleans(encodeBooleans(columns.values, 0, short, dice.pick([undefined, 'bitmap', 'toggles'] as const)))
        return sameBits(got, columns.values, short) ? null : `${short} booleans`
      }
      if (kind === 'bytes') {
        const got = decodeBlobs(encodeBlobs(columns.blobs!, 0, short, dice.pick([undefined, 'dictionary', 'prefix'] as const)))
        return sameBlobs(got, columns.blobs!) ? null : `${short} byte strings`
      }
      const got = decodeHistograms(encodeHistograms(columns.histograms!, 0, short))
      return sameHistograms(got, columns.histograms as Histogram[]) ? null : `${short} histograms`
    }
    default: {
      const columns = randomColumns(dice, Math.max(1, seed % 8 === 5 ? count : Math.min(count, 400)), seed % 8 === 5 ? 'f64' : undefined)
      const bytes = sealChunk(columns)
      verifyChunk(bytes)
      const from = dice.next() < 0.5 ? 0 : dice.below(columns.count)
      const to = dice.next() < 0.5 ? columns.count : from + 1 + dice.below(columns.count - from)
      const into = new SampleBuffer()
      into.base = columns.base
      const whole = from === 0 && to === columns.count
      const taken = decodeChunk(bytes, into, whole ? -Infinity : columns.timestamps[from]!, whole ? Infinity : columns.timestamps[to - 1]!)
      if (taken !== to - from) return `chunk of ${columns.count} ${columns.kind}: ${taken} samples instead of ${to - from}`
      if (!sameSamples(into, columns, from, to)) return `chunk of ${columns.count} ${columns.kind}, samples ${from} to ${to}`
      // A range that ends between two samples now and then, and one that begins behind the last.
      const end = columns.timestamps[to - 1]! + (to < columns.count && columns.timestamps[to]! - columns.timestamps[to - 1]! > 1 ? 1 : 0)
      const newest = new SampleBuffer()
      newest.base = columns.base
      decodeNewest(bytes, newest, columns.timestamps[from]!, end)
      if (newest.count !== 1 || !sameSamples(newest, columns, to - 1, to))
        return `newest of samples ${from} to ${to} of ${columns.count} ${columns.kind}`
      newest.clear()
      newest.base = columns.base
      const isGap = to < columns.count && columns.timestamps[to]! > columns.timestamps[to - 1]! + 1
      if (!isGap) return null
      return decodeNewest(bytes, newest, end, end) === 0 ? null : `a sample in the gap behind ${to - 1} of ${columns.count} ${columns.kind}`
    }
  }
}

function sameSamples(got: SampleBuffer, want: ChunkColumns, from: number, to: number): boolean {
  const count = to - from
  if (!sameBits(got.timestamps, want.timestamps.subarray(from), count)) return false
  if (want.startTimestamps && !sameBits(got.startTimestamps ?? new Float64Array(count), want.startTimestamps.subarray(from), count))
    return false
  switch (want.kind) {
    case 'f64':
    case 'bool':
      return sameBits(got.values, want.values.subarray(from), count)
    case 'i64':
    case 'u64':
      return sameBits(new Float64Array(got.integers!.buffer), new Float64Array(want.integers!.buffer, 8 * from), count)
    case 'bytes':
    case 'string':
      return sameBlobs(got.blobs!, want.blobs!.slice(from, to))
    case 'histogram':
      return sameHistograms(got.histograms as Histogram[], want.histograms!.slice(from, to) as Histogram[])
  }
}

function sameBlobs(got: readonly Uint8Array[], want: readonly Uint8Array[]): boolean {
  return (
    got.length === want.length && got.every((blob, i) => blob.length === want[i]!.length && blob.every((byte, k) => byte === want[i]![k]))
  )
}

function sameHistograms(got: readonly Histogram[], want: readonly Histogram[]): boolean {
  const text = (h: Histogram): string =>
    JSON.stringify([h.schema, h.zeroThreshold, h.hint, h.isInteger, h.positiveSpans, h.negativeSpans, [...h.customValues]])
  return (
    got.length === want.length &&
    got.every((h, i) => {
      const w = want[i]!
      return (
        text(h) === text(w) &&
        Object.is(h.count, w.count) &&
        Object.is(h.sum, w.sum) &&
        Object.is(h.zeroCount, w.zeroCount) &&
        h.positiveBuckets.length === w.positiveBuckets.length &&
        h.negativeBuckets.length === w.negativeBuckets.length &&
        sameBits(h.positiveBuckets, w.positiveBuckets, w.positiveBuckets.length) &&
        sameBits(h.negativeBuckets, w.negativeBuckets, w.negativeBuckets.length)
      )
    })
  )
}

test(
  'mutated chunks decode or throw a corrupt error with an offset, quickly, and never more than a chunk holds',
  () => {
    const dice = new Dice(FIRST_SEED)
    const originals = Array.from({ length: 300 }, () => sealChunk(randomColumns(dice, randomLength(dice, 1_000))))
    const into = new SampleBuffer()
    let decoded = 0
    let slowestMs = 0
    let slowestSeed = 0
    const mutations = LONG ? 1_000_000 : 6_000
    for (let seed = FIRST_SEED; seed < FIRST_SEED + mutations; seed++) {
      let timeMs = Infinity
      // A loaded machine may stop the process at any moment: what is slow is measured again, with the same seed.
      for (let tries = 0; tries < 4 && timeMs > 50; tries++) {
        const luck = new Dice(seed)
        const bytes = mutate(luck, luck.pick(originals), luck.pick(originals))
        const start = performance.now()
        const complaint = decodeMutant(bytes, luck, into)
        timeMs = Math.min(timeMs, performance.now() - start)
        if (complaint === null && tries === 0) decoded++
        if (complaint !== null && complaint !== 'corrupt') expect.fail(`seed ${seed}: ${complaint}`)
      }
      if (timeMs > slowestMs) {
        slowestMs = timeMs
        slowestSeed = seed
      }
    }
    if (LONG) process.stdout.write(`slowest of ${mutations} mutated chunks: ${slowestMs.toFixed(1)} ms, ${decoded} decoded\n`)
    // The mutations are neither all harmless nor all caught at the door.
    expect(decoded).toBeGreaterThan(mutations * 0.05)
    expect(decoded).toBeLessThan(mutations * 0.95)
    expect(slowestMs, `seed ${slowestSeed}`).toBeLessThan(100)
    expect(into.capacity).toBeLessThanOrEqual(2 * 16_384)
  },
  TIMEOUT_MS,
)

// Decodes all or a part; null when that went well, 'corrupt' for a proper refusal, else what is wrong.
function decodeMutant(bytes: Uint8Array, luck: Dice, into: SampleBuffer): string | null {
  try {
    into.clear()
    const chunk = openChunk(bytes)
    into.base = chunk.base
    const narrow = luck.next() < 0.5
    const from = narrow ? chunk.minOffset + luck.next() * (chunk.maxOffset - chunk.minOffset) : -Infinity
    const taken = decodeChunk(bytes, into, from, narrow ? from + luck.next() * (chunk.maxOffset - from) : Infinity)
    return taken > chunk.count || into.count !== taken ? `${taken} samples from a chunk of ${chunk.count}` : null
  } catch (error) {
    const proper = error instanceof TsinkError && error.kind === 'corrupt' && typeof error.detail['offset'] === 'number'
    return proper ? 'corrupt' : String(error)
  }
}

// Bits flipped, bytes set to extremes, cut off, doubled, or the tail of another chunk.
function mutate(dice: Dice, original: Uint8Array, other: Uint8Array): Uint8Array {
  const bytes = original.slice()
  const edits = 1 + dice.below(4)
  for (let k = 0; k < edits; k++) {
    // Headers and directories matter most.
    const at = dice.below(dice.next() < 0.6 ? Math.min(bytes.length, 80) : bytes.length)
    switch (dice.below(5)) {
      case 0:
        bytes[at]! ^= 1 << dice.below(8)
        break
      case 1:
        bytes[at] = dice.pick([0, 1, 0x7f, 0x80, 0xff])
        break
      case 2:
        bytes[at] = dice.below(256)
        break
      case 3:
        bytes.copyWithin(at, dice.below(bytes.length))
        break
      default:
        bytes.fill(0xff, at, at + dice.below(9))
    }
  }
  if (dice.next() < 0.15) return bytes.subarray(0, dice.below(bytes.length + 1))
  if (dice.next() < 0.1) {
    const spliced = new Uint8Array(bytes.length + other.length)
    const cut = dice.below(bytes.length)
    spliced.set(bytes.subarray(0, cut))
    spliced.set(other.subarray(Math.min(cut, other.length)), cut)
    return spliced.subarray(0, Math.max(cut, other.length))
  }
  return bytes
}

test('the checksum catches every mutation', () => {
  const dice = new Dice(5)
  for (let k = 0; k < 300; k++) {
    const bytes = sealChunk(randomColumns(dice, randomLength(dice, 300)))
    verifyChunk(bytes)
    bytes[dice.below(bytes.length)]! ^= 1 << dice.below(8)
    expect(() => verifyChunk(bytes)).toThrow(/checksum/)
  }
})
