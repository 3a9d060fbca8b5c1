/**
 * Chunks as Prometheus streams them, both ways.
 *
 *     every chunk   samples (16 bits, big-endian) │ bits
 *     XOR (1)       time, value │ delta, XOR │ delta of delta, XOR │ ...
 *     histogram (2) flags (2 bits of 8: what is known of a reset before it) │ layout │ times, counts, sums and buckets as deltas of deltas
 *     float (3)     the same with counts and buckets as XORs
 *
 * The layout (schema, zero threshold, spans, custom bounds) stands once; a histogram of another layout, and one that was reset, begins a
 * new chunk.
 */
import {
  COUNTER_RESET_HINTS,
  CUSTOM_BUCKETS_SCHEMA,
  histogram,
  isStale,
  SampleBuffer,
  type CounterResetHint,
  type Histogram,
  type Span,
} from '@tsink/core'
import { BitReader, BitWriter, NO_WINDOW, type XorWindow } from '../bits.ts'
import { badBody } from '../decoded.ts'
import { HIGH, LOW, setBits, wordsOf } from '../double-bits.ts'
import { REMOTE_READ_LIMITS } from './limits.ts'

export const XOR_CHUNK = 1
export const HISTOGRAM_CHUNK = 2
export const FLOAT_HISTOGRAM_CHUNK = 3

export interface EncodedChunk {
  readonly encoding: number
  readonly minTime: number
  readonly maxTime: number
  readonly bytes: Uint8Array
}

/** The samples of one series, in ascending order of time, as chunks. Times are milliseconds. */
export function* encodeChunks(samples: SampleBuffer): Generator<EncodedChunk, void, undefined> {
  let from = 0
  while (from < samples.count) {
    const first = samples.histograms?.[from]
    let to = from + 1
    const most = Math.min(samples.count, from + REMOTE_READ_LIMITS.chunkSamples)
    while (to < most && follows(samples, first, to)) to++
    const bytes =
      first === undefined
        ? encodeFloats(samples, from, to)
        : first.isInteger
          ? encodeIntegers(samples, from, to)
          : encodeFloatHistograms(samples, from, to)
    yield {
      encoding: first === undefined ? XOR_CHUNK : first.isInteger ? HISTOGRAM_CHUNK : FLOAT_HISTOGRAM_CHUNK,
      minTime: samples.base + samples.timestamps[from]!,
      maxTime: samples.base + samples.timestamps[to - 1]!,
      bytes,
    }
    from = to
  }
}

/** Whether sample `index` may stand in a chunk that began with `first`. */
function follows(samples: SampleBuffer, first: Histogram | undefined, index: number): boolean {
  const next = samples.histograms?.[index]
  if (first === undefined || next === undefined) return first === next
  const before = samples.histograms![index - 1]!
  if (isStaleHistogram(first) || isStaleHistogram(next)) return false
  if (first.isInteger !== next.isInteger || (first.hint === 'gauge') !== (next.hint === 'gauge') || next.hint === 'reset') return false
  if (!sameLayout(first, next)) return false
  return first.hint === 'gauge' || !isLess(next, before)
}

function sameLayout(a: Histogram, b: Histogram): boolean {
  return (
    a.schema === b.schema &&
    a.zeroThreshold === b.zeroThreshold &&
    sameSpans(a.positiveSpans, b.positiveSpans) &&
    sameSpans(a.negativeSpans, b.negativeSpans) &&
    a.customValues.length === b.customValues.length &&
    a.customValues.every((bound, i) => bound === b.customValues[i])
  )
}

function sameSpans(a: readonly Span[], b: readonly Span[]): boolean {
  return a.length === b.length && a.every((span, i) => span.offset === b[i]!.offset && span.length === b[i]!.length)
}

/** Of one layout: whether any count has fallen, which means a reset. */
function isLess(next: Histogram, before: Histogram): boolean {
  if (next.count < before.count || next.zeroCount < before.zeroCount) return true
  for (let i = 0; i < next.positiveBuckets.length; i++) if (next.positiveBuckets[i]! < before.positiveBuckets[i]!) return true
  for (let i = 0; i < next.negativeBuckets.length; i++) if (next.negativeBuckets[i]! < before.negativeBuckets[i]!) return true
  return false
}

const sums = new Float64Array(1)

function isStaleHistogram(h: Histogram): boolean {
  sums[0] = h.sum
  return isStale(sums, 0)
}

function header(count: number): BitWriter {
  const writer = new BitWriter()
  writer.bits(count, 16)
  return writer
}

function encodeFloats(samples: SampleBuffer, from: number, to: number): Uint8Array {
  const writer = header(to - from)
  const { timestamps, values, base } = samples
  const window: XorWindow = { leading: NO_WINDOW, trailing: 0 }
  const words = wordsOf(values)
  let delta = 0
  for (let i = from; i < to; i++) {
    if (i === from) {
      writeVarint(writer, base + timestamps[i]!)
      writer.bits(words[i * 2 + HIGH]!, 32)
      writer.bits(words[i * 2 + LOW]!, 32)
      continue
    }
    const step = timestamps[i]! - timestamps[i - 1]!
    if (i === from + 1) writeUvarint(writer, step)
    else writeDeltaOfDelta(writer, step - delta)
    delta = step
    const at = i * 2
    writer.xorWords((words[at + LOW]! ^ words[at - 2 + LOW]!) >>> 0, (words[at + HIGH]! ^ words[at - 2 + HIGH]!) >>> 0, window)
  }
  return writer.finish()
}

const TIME_CLASSES = [14, 17, 20] as const

function writeDeltaOfDelta(writer: BitWriter, value: number): void {
  if (value === 0) return writer.bit(0)
  for (let i = 0; i < TIME_CLASSES.length; i++) {
    const size = TIME_CLASSES[i]!
    if (value < 1 - 2 ** (size - 1) || value > 2 ** (size - 1)) continue
    writer.bits((1 << (i + 2)) - 2, i + 2)
    writer.long(value, size)
    return
  }
  writer.bits(0xf, 4)
  writer.long(value, 64)
}

function writeUvarint(writer: BitWriter, value: number): void {
  let rest = value
  for (; rest >= 0x80; rest = Math.floor(rest / 128)) writer.byte((rest % 128) | 0x80)
  writer.byte(rest)
}

function writeVarint(writer: BitWriter, value: number): void {
  writeUvarint(writer, value >= 0 ? value * 2 : -value * 2 - 1)
}

// The numbers of the flags: unknown, reset, not reset, gauge.
const RESET_FLAGS: Readonly<Record<CounterResetHint, number>> = { unknown: 0, reset: 0x80, not_reset: 0x40, gauge: 0xc0 }

function writeLayout(writer: BitWriter, h: Histogram): void {
  writer.byte(RESET_FLAGS[h.hint])
  writeZeroThreshold(writer, h.zeroThreshold)
  writer.varbit(h.schema)
  for (const spans of [h.positiveSpans, h.negativeSpans]) {
    writer.uvarbit(spans.length)
    for (const span of spans) {
      writer.uvarbit(span.length)
      writer.varbit(span.offset)
    }
  }
  if (h.schema !== CUSTOM_BUCKETS_SCHEMA) return
  writer.uvarbit(h.customValues.length)
  for (const bound of h.customValues) {
    const thousandths = Math.round(bound * 1e3)
    if (thousandths >= 0 && thousandths <= 33_554_430 && thousandths / 1e3 === bound) writer.uvarbit(thousandths + 1)
    else {
      writer.bit(0)
      writer.double(bound)
    }
  }
}

// Powers of two take one byte, which is nearly all of them.
function writeZeroThreshold(writer: BitWriter, threshold: number): void {
  if (threshold === 0) return writer.byte(0)
  const exponent = Math.log2(threshold) + 1
  if (Number.isInteger(exponent) && 2 ** (exponent - 1) === threshold && exponent >= -242 && exponent <= 11) writer.byte(exponent + 243)
  else {
    writer.byte(255)
    writer.double(threshold)
  }
}

function encodeIntegers(samples: SampleBuffer, from: number, to: number): Uint8Array {
  const writer = header(to - from)
  const histograms = samples.histograms!
  const first = histograms[from]!
  writeLayout(writer, first)
  const window: XorWindow = { leading: NO_WINDOW, trailing: 0 }
  // Time, count, zero count and the differences of neighbouring buckets, of the sample before; and how they changed last.
  let before: number[] = []
  let changes: number[] = []
  for (let i = from; i < to; i++) {
    const h = histograms[i]!
    const numbers = [
      samples.base + samples.timestamps[i]!,
      h.count,
      h.zeroCount,
      ...differences(h.positiveBuckets),
      ...differences(h.negativeBuckets),
    ]
    if (isStaleHistogram(h)) numbers.fill(0, 1)
    const next: number[] = []
    for (let j = 0; j < numbers.length; j++) {
      const change = i === from ? numbers[j]! : numbers[j]! - before[j]!
      next.push(change)
      if (i === from) {
        if (j === 1 || j === 2) writer.uvarbit(change)
        else writer.varbit(change)
      } else if (i === from + 1) {
        if (j === 0) writer.uvarbit(change)
        else writer.varbit(change)
      } else writer.varbit(change - changes[j]!)
      if (j !== 2) continue
      if (i === from) writer.double(h.sum)
      else writer.xor(h.sum, histograms[i - 1]!.sum, window)
    }
    before = numbers
    changes = next
  }
  return writer.finish()
}

function differences(buckets: Float64Array): number[] {
  return Array.from(buckets, (count, i) => (i === 0 ? count : count - buckets[i - 1]!))
}

function encodeFloatHistograms(samples: SampleBuffer, from: number, to: number): Uint8Array {
  const writer = header(to - from)
  const histograms = samples.histograms!
  writeLayout(writer, histograms[from]!)
  let before = new Float64Array(0)
  let windows: XorWindow[] = []
  let delta = 0
  for (let i = from; i < to; i++) {
    const h = histograms[i]!
    const numbers = Float64Array.of(h.count, h.zeroCount, h.sum, ...h.positiveBuckets, ...h.negativeBuckets)
    const time = samples.base + samples.timestamps[i]!
    if (i === from) {
      windows = Array.from(numbers, () => ({ leading: NO_WINDOW, trailing: 0 }))
      writer.varbit(time)
      for (const number of numbers) writer.double(number)
    } else {
      const step = samples.timestamps[i]! - samples.timestamps[i - 1]!
      if (i === from + 1) writer.uvarbit(step)
      else writer.varbit(step - delta)
      delta = step
      for (let j = 0; j < numbers.length; j++) writer.xor(numbers[j]!, before[j]!, windows[j]!)
    }
    before = numbers
  }
  return writer.finish()
}

/**
 * Decodes a chunk and appends its samples to `into`.
 * @throws TsinkError BAD_REQUEST when the chunk is damaged.
 */
export function decodeChunkInto(encoding: number, bytes: Uint8Array, into: SampleBuffer): void {
  if (bytes.length < 2) throw badBody('chunk', 'byte 0', 'is shorter than its header')
  const count = (bytes[0]! << 8) | bytes[1]!
  const reader = new BitReader(bytes, 2)
  if (encoding === XOR_CHUNK) decodeFloats(reader, count, into)
  else if (encoding === HISTOGRAM_CHUNK) decodeIntegers(reader, count, into)
  else if (encoding === FLOAT_HISTOGRAM_CHUNK) decodeFloatHistograms(reader, count, into)
  else throw badBody('chunk', 'its encoding', `found ${encoding}; 1, 2 and 3 are known`)
}

function decodeFloats(reader: BitReader, count: number, into: SampleBuffer): void {
  const window: XorWindow = { leading: NO_WINDOW, trailing: 0 }
  const value = new Float64Array(1)
  const words = wordsOf(value)
  let time = 0
  let delta = 0
  for (let i = 0; i < count; i++) {
    if (i === 0) {
      time = readVarint(reader)
      reader.double(words, 0)
    } else {
      delta = i === 1 ? readUvarint(reader) : delta + readDeltaOfDelta(reader)
      time += delta
      reader.xor(words, 0, window)
    }
    const number = value[0]!
    into.push(time, number)
    if (number !== number) setBits(into.values, into.count - 1, words[LOW]!, words[HIGH]!)
  }
}

function readDeltaOfDelta(reader: BitReader): number {
  if (reader.bit() === 0) return 0
  for (const size of TIME_CLASSES) if (reader.bit() === 0) return reader.signed(size)
  return reader.signed(64)
}

function readUvarint(reader: BitReader): number {
  let value = 0
  for (let shift = 0; shift < 70; shift += 7) {
    const byte = reader.byte()
    value += (byte & 0x7f) * 2 ** shift
    if (byte < 0x80) return value
  }
  throw badBody('chunk', 'a time', 'has more than ten bytes')
}

function readVarint(reader: BitReader): number {
  const value = readUvarint(reader)
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2
}

interface Layout {
  readonly hint: CounterResetHint
  readonly zeroThreshold: number
  readonly schema: number
  readonly positiveSpans: Span[]
  readonly negativeSpans: Span[]
  readonly customValues: Float64Array
  readonly positive: number
  readonly negative: number
}

// A layout of more buckets than any sender makes is damage; nothing is taken from memory for it.
const MAX_BUCKETS = 65_536

function readLayout(reader: BitReader): Layout {
  const flags = reader.byte() & 0xc0
  const hint = COUNTER_RESET_HINTS.find((name) => RESET_FLAGS[name] === flags)!
  const code = reader.byte()
  const zeroThreshold = code === 0 ? 0 : code === 255 ? readDouble(reader) : 2 ** (code - 244)
  const schema = reader.varbit()
  const readSpans = (): { spans: Span[]; buckets: number } => {
    const count = reader.uvarbit()
    const spans: Span[] = []
    let buckets = 0
    for (let i = 0; i < count; i++) {
      const length = reader.uvarbit()
      spans.push({ length, offset: reader.varbit() })
      buckets += length
      if (buckets > MAX_BUCKETS || i > MAX_BUCKETS) throw badBody('chunk', 'its layout', `has more than ${MAX_BUCKETS} buckets`)
    }
    return { spans, buckets }
  }
  const positive = readSpans()
  const negative = readSpans()
  const customValues: number[] = []
  if (schema === CUSTOM_BUCKETS_SCHEMA) {
    const count = reader.uvarbit()
    if (count > MAX_BUCKETS) throw badBody('chunk', 'its layout', `has ${count} custom bounds`)
    for (let i = 0; i < count; i++) {
      const code = reader.uvarbit()
      customValues.push(code === 0 ? readDouble(reader) : (code - 1) / 1e3)
    }
  }
  return {
    hint,
    zeroThreshold,
    schema,
    positiveSpans: positive.spans,
    negativeSpans: negative.spans,
    customValues: Float64Array.from(customValues),
    positive: positive.buckets,
    negative: negative.buckets,
  }
}

function readDouble(reader: BitReader): number {
  const value = new Float64Array(1)
  reader.double(wordsOf(value), 0)
  return value[0]!
}

/** What a reader may know of a sample: the chunk's flags speak for its first, and inside a chunk nothing was reset. */
function hintAt(layout: Layout, index: number): CounterResetHint {
  return index === 0 || layout.hint === 'gauge' ? layout.hint : 'not_reset'
}

function decodeIntegers(reader: BitReader, count: number, into: SampleBuffer): void {
  const layout = readLayout(reader)
  const size = 3 + layout.positive + layout.negative
  const numbers = new Float64Array(size)
  const changes = new Float64Array(size)
  const window: XorWindow = { leading: NO_WINDOW, trailing: 0 }
  const sum = new Float64Array(1)
  const sumWords = wordsOf(sum)
  for (let i = 0; i < count; i++) {
    for (let j = 0; j < size; j++) {
      const unsigned = i === 0 ? j === 1 || j === 2 : i === 1 && j === 0
      const value = unsigned ? reader.uvarbit() : reader.varbit()
      if (i === 0) numbers[j] = value
      else {
        changes[j] = i === 1 ? value : changes[j]! + value
        numbers[j]! += changes[j]!
      }
      if (j !== 2) continue
      if (i === 0) reader.double(sumWords, 0)
      else reader.xor(sumWords, 0, window)
    }
    into.pushHistogram(
      numbers[0]!,
      histogram({
        ...parts(layout),
        count: numbers[1]!,
        zeroCount: numbers[2]!,
        sum: sum[0]!,
        positiveBuckets: running(numbers, 3, layout.positive),
        negativeBuckets: running(numbers, 3 + layout.positive, layout.negative),
        hint: hintAt(layout, i),
        isInteger: true,
      }),
    )
  }
}

function running(numbers: Float64Array, from: number, length: number): Float64Array {
  const counts = new Float64Array(length)
  let count = 0
  for (let i = 0; i < length; i++) counts[i] = count += numbers[from + i]!
  return counts
}

function parts(layout: Layout): Partial<Histogram> {
  const { schema, zeroThreshold, positiveSpans, negativeSpans, customValues } = layout
  return { schema, zeroThreshold, positiveSpans, negativeSpans, customValues }
}

function decodeFloatHistograms(reader: BitReader, count: number, into: SampleBuffer): void {
  const layout = readLayout(reader)
  const size = 3 + layout.positive + layout.negative
  const numbers = new Float64Array(size)
  const words = wordsOf(numbers)
  const windows = Array.from(numbers, (): XorWindow => ({ leading: NO_WINDOW, trailing: 0 }))
  let time = 0
  let delta = 0
  for (let i = 0; i < count; i++) {
    if (i === 0) time = reader.varbit()
    else {
      delta = i === 1 ? reader.uvarbit() : delta + reader.varbit()
      time += delta
    }
    for (let j = 0; j < size; j++) {
      if (i === 0) reader.double(words, j)
      else reader.xor(words, j, windows[j]!)
    }
    into.pushHistogram(
      time,
      histogram({
        ...parts(layout),
        count: numbers[0]!,
        zeroCount: numbers[1]!,
        sum: numbers[2]!,
        positiveBuckets: numbers.slice(3, 3 + layout.positive),
        negativeBuckets: numbers.slice(3 + layout.positive),
        hint: hintAt(layout, i),
      }),
    )
  }
}
