/**
 * Native histograms of remote write: one message that both versions share. Bucket counts come as deltas (integer histograms) or as they are
 * (float histograms); a batch holds absolute counts.
 */
import { COUNTER_RESET_HINTS, histogramProblem, LIMITS, type Histogram, type Span } from '@tsink/core'
import { coarsened } from '../histogram-schema.ts'
import { BYTES, FIXED64, VARINT, ProtoWriter, type ProtoReader } from '../protobuf.ts'

const packed = new ProtoWriter()

/** A decoded message. `histogram` is set unless `problem` says what is wrong with it. */
export interface HistogramMessage {
  histogram: Histogram | null
  problem: string | null
  timestamp: number
  startTimestamp: number
}

/** Reads the message in which the reader stands. */
export function decodeHistogram(reader: ProtoReader): HistogramMessage {
  let count = 0
  let isInteger = true
  let sum = 0
  let schema = 0
  let zeroThreshold = 0
  let zeroCount = 0
  const positiveSpans: Span[] = []
  const negativeSpans: Span[] = []
  let positive: number[] | null = null
  let negative: number[] | null = null
  let positiveCounts: number[] | null = null
  let negativeCounts: number[] | null = null
  let customValues: number[] | null = null
  let hint = 0
  let timestamp = 0
  let startTimestamp = 0
  while (reader.more) {
    const tag = reader.tag()
    switch (tag) {
      case (1 << 3) | VARINT:
        count = reader.uint64()
        isInteger = true
        break
      case (2 << 3) | FIXED64:
        count = reader.double()
        isInteger = false
        break
      case (3 << 3) | FIXED64:
        sum = reader.double()
        break
      case (4 << 3) | VARINT:
        schema = reader.sint32()
        break
      case (5 << 3) | FIXED64:
        zeroThreshold = reader.double()
        break
      case (6 << 3) | VARINT:
        zeroCount = reader.uint64()
        break
      case (7 << 3) | FIXED64:
        zeroCount = reader.double()
        break
      case (8 << 3) | BYTES:
        negativeSpans.push(decodeSpan(reader))
        break
      case (9 << 3) | BYTES:
      case (9 << 3) | VARINT:
        negative = decodeDeltas(reader, tag, negative)
        break
      case (10 << 3) | BYTES:
      case (10 << 3) | FIXED64:
        negativeCounts = decodeDoubles(reader, tag, negativeCounts)
        break
      case (11 << 3) | BYTES:
        positiveSpans.push(decodeSpan(reader))
        break
      case (12 << 3) | BYTES:
      case (12 << 3) | VARINT:
        positive = decodeDeltas(reader, tag, positive)
        break
      case (13 << 3) | BYTES:
      case (13 << 3) | FIXED64:
        positiveCounts = decodeDoubles(reader, tag, positiveCounts)
        break
      case (14 << 3) | VARINT:
        hint = reader.uint32()
        break
      case (15 << 3) | VARINT:
        timestamp = reader.int64()
        break
      case (16 << 3) | BYTES:
      case (16 << 3) | FIXED64:
        customValues = decodeDoubles(reader, tag, customValues)
        break
      case (17 << 3) | VARINT:
        startTimestamp = reader.int64()
        break
      default:
        reader.skip(tag)
    }
  }
  const histogram: Histogram = {
    schema,
    count,
    sum,
    zeroThreshold,
    zeroCount,
    positiveSpans,
    positiveBuckets: Float64Array.from((isInteger ? positive : positiveCounts) ?? []),
    negativeSpans,
    negativeBuckets: Float64Array.from((isInteger ? negative : negativeCounts) ?? []),
    customValues: Float64Array.from(customValues ?? []),
    hint: COUNTER_RESET_HINTS[hint] ?? 'unknown',
    isInteger,
  }
  return { ...checked(histogram), timestamp, startTimestamp }
}

/** A histogram as it is stored, or what is wrong with it: sound, counts that add up, and no finer than the finest schema stored. */
export function checked(histogram: Histogram): { histogram: Histogram | null; problem: string | null } {
  const fine = histogram.schema > 8 && histogram.schema <= 52
  const buckets = histogram.positiveBuckets.length + histogram.negativeBuckets.length
  if (buckets > LIMITS.histogramBuckets) {
    return { histogram: null, problem: `${buckets} buckets; at most ${LIMITS.histogramBuckets} are taken` }
  }
  const problem = histogramProblem(fine ? { ...histogram, schema: 8 } : histogram) ?? countProblem(histogram)
  if (problem !== null) return { histogram: null, problem }
  return { histogram: fine ? coarsened(histogram, 8) : histogram, problem: null }
}

// Floats may miss their count by rounding; integers may not, save that observations of NaN are in no bucket.
function countProblem(histogram: Histogram): string | null {
  if (!histogram.isInteger) return null
  let inBuckets = histogram.zeroCount
  for (const count of histogram.positiveBuckets) inBuckets += count
  for (const count of histogram.negativeBuckets) inBuckets += count
  if (Number.isNaN(histogram.sum) ? inBuckets > histogram.count : inBuckets !== histogram.count) {
    return `${inBuckets} observations in buckets, but the count is ${histogram.count}`
  }
  return null
}

function decodeSpan(reader: ProtoReader): Span {
  const outer = reader.enter()
  let offset = 0
  let length = 0
  while (reader.more) {
    const tag = reader.tag()
    if (tag === ((1 << 3) | VARINT)) offset = reader.sint32()
    else if (tag === ((2 << 3) | VARINT)) length = reader.uint32()
    else reader.skip(tag)
  }
  reader.leave(outer)
  return { offset, length }
}

// Deltas against the bucket before, to absolute counts. Packed or one by one.
function decodeDeltas(reader: ProtoReader, tag: number, into: number[] | null): number[] {
  const counts = into ?? []
  let count = counts.length === 0 ? 0 : counts[counts.length - 1]!
  const end = (tag & 7) === BYTES ? reader.length() : reader.at + 1
  do {
    if (reader.at >= end) break
    count += reader.sint64()
    counts.push(count)
  } while (reader.at < end)
  return counts
}

function decodeDoubles(reader: ProtoReader, tag: number, into: number[] | null): number[] {
  const values = into ?? []
  const end = (tag & 7) === BYTES ? reader.length() : reader.at + 8
  while (reader.at < end) values.push(reader.double())
  return values
}

/** Writes the message's fields. */
export function encodeHistogram(writer: ProtoWriter, h: Histogram, timestamp: number, startTimestamp = 0): void {
  const integer = h.isInteger
  if (integer) {
    writer.tag(1, VARINT)
    writer.uvarint(h.count)
  } else writer.doubleField(2, h.count)
  writer.doubleField(3, h.sum)
  writer.sintField(4, h.schema)
  if (h.zeroThreshold !== 0) writer.doubleField(5, h.zeroThreshold)
  if (!integer) writer.doubleField(7, h.zeroCount)
  else {
    writer.tag(6, VARINT)
    writer.uvarint(h.zeroCount)
  }
  encodeSide(writer, 8, h.negativeSpans, h.negativeBuckets, integer)
  encodeSide(writer, 11, h.positiveSpans, h.positiveBuckets, integer)
  writer.int64Field(14, COUNTER_RESET_HINTS.indexOf(h.hint))
  writer.int64Field(15, timestamp)
  if (h.customValues.length > 0) {
    packed.clear()
    for (const value of h.customValues) packed.double(value)
    writer.message(16, packed)
  }
  writer.int64Field(17, startTimestamp)
}

function encodeSide(writer: ProtoWriter, field: number, spans: readonly Span[], buckets: Float64Array, integer: boolean): void {
  for (const span of spans) {
    packed.clear()
    packed.sintField(1, span.offset)
    packed.uint64Field(2, span.length)
    writer.message(field, packed)
  }
  if (buckets.length === 0) return
  packed.clear()
  let before = 0
  for (const count of buckets) {
    if (integer) packed.zigzag(count - before)
    else packed.double(count)
    before = count
  }
  writer.message(integer ? field + 1 : field + 2, packed)
}
