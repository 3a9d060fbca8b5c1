/**
 * Native histograms as columns: neighbours nearly always have the same buckets, and then every field and every bucket is a slow float column.
 *
 *     section = runs of samples with one layout; run = layout, hints, columns
 *     layout  = schema, zero threshold, spans, custom bounds, integer or float
 *     columns = count, sum, zero count, then each positive and each negative bucket, as float sections with their length in front
 */
import { COUNTER_RESET_HINTS, TsinkError, assert, corruption, type Histogram, type Span } from '@tsink/core'
import { MAX_COLUMN_SAMPLES } from '@tsink/kernel'
import { ByteReader, ByteWriter } from './bytes.ts'
import { readFloats, writeFloats } from './floats.ts'
import { sectionCodec, VALUE_CODECS, type ValueCodec } from './sections.ts'
import { readCount } from './timestamps.ts'

/** The most numbers (fields and buckets of all samples) in one column of histograms: a bound on what decoding allocates. */
export const MAX_HISTOGRAM_CELLS: number = 2 ** 22

/** Encodes `values[from..to)` (at most 16,384, all defined) as bytes that carry their own count. */
export function encodeHistograms(values: readonly (Histogram | undefined)[], from = 0, to: number = values.length): Uint8Array {
  const writer = new ByteWriter()
  writer.uvarint(to - from)
  if (to > from) writeHistograms(writer, values, from, to)
  return writer.finish()
}

/** Decodes what `encodeHistograms` made. Histograms of one layout share their spans and custom bounds. */
export function decodeHistograms(bytes: Uint8Array): Histogram[] {
  const reader = new ByteReader(bytes, 0, bytes.length, 'histograms')
  const count = readCount(reader)
  const values: Histogram[] = []
  if (count > 0) readHistograms(bytes, reader.offset, bytes.length, count, 0, count, values, 0)
  return values
}

/** Appends a section with `values[from..to)`, at least one; answers the codec. */
export function writeHistograms(writer: ByteWriter, values: readonly (Histogram | undefined)[], from: number, to: number): ValueCodec {
  assert(to - from <= MAX_COLUMN_SAMPLES, `a column holds at most ${MAX_COLUMN_SAMPLES} samples`)
  writer.u8(VALUE_CODECS.indexOf('histogram'))
  let cells = 0
  for (let first = from; first < to;) {
    const layout = required(values[first])
    let end = first + 1
    while (end < to && sameLayout(layout, required(values[end]))) end++
    cells += (end - first) * (3 + layout.positiveBuckets.length + layout.negativeBuckets.length)
    if (cells > MAX_HISTOGRAM_CELLS) {
      throw new TsinkError('TOO_LARGE', `the histograms of one chunk have ${cells} numbers, at most ${MAX_HISTOGRAM_CELLS} are allowed`, {
        detail: { limit: MAX_HISTOGRAM_CELLS, found: cells },
      })
    }
    writeRun(writer, values as readonly Histogram[], first, end)
    first = end
  }
  return 'histogram'
}

/** Decodes samples `from` to `to` of a section of `count` histograms in `bytes[at..end)` to `out` from `outAt`. */
export function readHistograms(
  bytes: Uint8Array,
  at: number,
  end: number,
  count: number,
  from: number,
  to: number,
  out: (Histogram | undefined)[],
  outAt: number,
): void {
  sectionCodec(bytes, at, end, ['histogram'])
  const reader = new ByteReader(bytes, at + 1, end, 'histograms')
  let cells = 0
  for (let index = 0; index < to;) {
    const runAt = reader.offset
    const length = reader.uvarint()
    if (length === 0 || length > count - index) {
      throw corruption('BAD_FORMAT', 'a run of histograms exceeds its column', { offset: runAt, expected: count - index, found: length })
    }
    const size = reader.length()
    const behind = reader.offset + size
    const first = Math.max(index, from)
    const stop = Math.min(index + length, to)
    if (first < stop) {
      const run = new ByteReader(bytes, reader.offset, behind, 'histograms')
      cells += readRun(run, length, first - index, stop - index, out, outAt + first - from, MAX_HISTOGRAM_CELLS - cells)
    }
    reader.skip(size)
    index += length
  }
}

function writeRun(writer: ByteWriter, values: readonly Histogram[], first: number, end: number): void {
  const layout = values[first]!
  const run = new ByteWriter()
  run.u8(layout.isInteger ? 1 : 0)
  run.varint(layout.schema)
  run.append(bytesOf(Float64Array.of(layout.zeroThreshold)))
  writeSpans(run, layout.positiveSpans)
  writeSpans(run, layout.negativeSpans)
  run.uvarint(layout.customValues.length)
  run.append(bytesOf(layout.customValues))
  const column = new Float64Array(end - first)
  const section = new ByteWriter()
  const write = (field: (histogram: Histogram) => number): void => {
    for (let i = first; i < end; i++) column[i - first] = field(values[i]!)
    section.clear()
    writeFloats(section, column, 0, column.length)
    run.uvarint(section.length)
    run.append(section.bytes.subarray(0, section.length))
  }
  write((h) => COUNTER_RESET_HINTS.indexOf(h.hint))
  write((h) => h.count)
  write((h) => h.sum)
  write((h) => h.zeroCount)
  for (let k = 0; k < layout.positiveBuckets.length; k++) write((h) => h.positiveBuckets[k]!)
  for (let k = 0; k < layout.negativeBuckets.length; k++) write((h) => h.negativeBuckets[k]!)
  writer.uvarint(end - first)
  writer.uvarint(run.length)
  writer.append(run.bytes.subarray(0, run.length))
}

// Answers how many cells it decoded.
function readRun(
  reader: ByteReader,
  length: number,
  from: number,
  to: number,
  out: (Histogram | undefined)[],
  outAt: number,
  cellsLeft: number,
): number {
  const { bytes } = reader
  const isInteger = (reader.u8() & 1) === 1
  const schema = reader.varint()
  const zeroThreshold = doublesOf(reader.take(8))[0]!
  const positiveSpans = readSpans(reader)
  const negativeSpans = readSpans(reader)
  const customValues = doublesOf(reader.take(8 * reader.length(8)))
  const positives = buckets(positiveSpans)
  const negatives = buckets(negativeSpans)
  const wanted = to - from
  const cells = wanted * (3 + positives + negatives)
  // Every bucket has a section of at least two bytes.
  if (cells > cellsLeft || 2 * (positives + negatives) > reader.remaining) {
    throw corruption('BAD_FORMAT', 'histograms have more buckets than their bytes or the limit allow', {
      offset: reader.offset,
      expected: cellsLeft,
      found: cells,
    })
  }
  const column = new Float64Array(wanted)
  const read = (into: Float64Array): Float64Array => {
    const size = reader.length()
    readFloats(bytes, reader.offset, reader.offset + size, length, from, to, into, 0)
    reader.skip(size)
    return into
  }
  const hintsAt = reader.offset
  const hints = read(new Float64Array(wanted))
  const counts = read(new Float64Array(wanted))
  const sums = read(new Float64Array(wanted))
  const zeroCounts = read(new Float64Array(wanted))
  for (let i = 0; i < wanted; i++) {
    const hint = COUNTER_RESET_HINTS[hints[i]!]
    if (hint === undefined) throw corruption('BAD_FORMAT', 'a counter reset hint is unknown', { offset: hintsAt, found: hints[i]! })
    out[outAt + i] = {
      schema,
      count: counts[i]!,
      sum: sums[i]!,
      zeroThreshold,
      zeroCount: zeroCounts[i]!,
      positiveSpans,
      positiveBuckets: new Float64Array(positives),
      negativeSpans,
      negativeBuckets: new Float64Array(negatives),
      customValues,
      hint,
      isInteger,
    }
  }
  for (let k = 0; k < positives; k++) {
    read(column)
    for (let i = 0; i < wanted; i++) out[outAt + i]!.positiveBuckets[k] = column[i]!
  }
  for (let k = 0; k < negatives; k++) {
    read(column)
    for (let i = 0; i < wanted; i++) out[outAt + i]!.negativeBuckets[k] = column[i]!
  }
  return cells
}

function required(value: Histogram | undefined): Histogram {
  assert(value !== undefined, 'a chunk of histograms has a histogram for every sample')
  return value
}

function sameLayout(a: Histogram, b: Histogram): boolean {
  return (
    a.schema === b.schema &&
    Object.is(a.zeroThreshold, b.zeroThreshold) &&
    a.isInteger === b.isInteger &&
    a.positiveBuckets.length === b.positiveBuckets.length &&
    a.negativeBuckets.length === b.negativeBuckets.length &&
    sameSpans(a.positiveSpans, b.positiveSpans) &&
    sameSpans(a.negativeSpans, b.negativeSpans) &&
    sameDoubles(a.customValues, b.customValues)
  )
}

function sameSpans(a: readonly Span[], b: readonly Span[]): boolean {
  if (a === b) return true
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i]!.offset !== b[i]!.offset || a[i]!.length !== b[i]!.length) return false
  return true
}

function sameDoubles(a: Float64Array, b: Float64Array): boolean {
  if (a === b) return true
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (!Object.is(a[i], b[i])) return false
  return true
}

function writeSpans(writer: ByteWriter, spans: readonly Span[]): void {
  writer.uvarint(spans.length)
  for (const span of spans) {
    writer.varint(span.offset)
    writer.uvarint(span.length)
  }
}

function readSpans(reader: ByteReader): Span[] {
  const count = reader.length(2)
  const spans: Span[] = []
  for (let i = 0; i < count; i++) spans.push({ offset: reader.varint(), length: reader.uvarint() })
  return spans
}

function buckets(spans: readonly Span[]): number {
  let count = 0
  for (const span of spans) count += span.length
  return count
}

// Doubles as their bytes and back, so that a NaN keeps its bits.
function bytesOf(doubles: Float64Array): Uint8Array {
  return new Uint8Array(doubles.buffer, doubles.byteOffset, doubles.byteLength)
}

function doublesOf(bytes: Uint8Array): Float64Array {
  return new Float64Array(bytes.slice().buffer)
}
