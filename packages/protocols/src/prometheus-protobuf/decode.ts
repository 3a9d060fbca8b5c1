/**
 * The protobuf exposition of Prometheus: the only one that carries native histograms.
 *
 *     uvarint length │ MetricFamily { name 1, help 2, type 3, metric 4, unit 5 } │ ...
 *     Metric { label 1, gauge 2, counter 3, summary 4, untyped 5, timestamp_ms 6, histogram 7 }
 *
 * A histogram that has native parts becomes a native histogram; its classic series are kept beside it only on demand.
 */
import { decodeLabels, Labels, METRIC_NAME, type Histogram, type MetricType, type Span } from '@tsink/core'
import { BatchWriter } from '../batch-writer.ts'
import { classicHistogram } from '../classic-histograms.ts'
import { badBody, finished, Rejected, SLICE_LINES, tooLarge, type Decoded, type DecodeOptions } from '../decoded.ts'
import { printBound } from '../decimal.ts'
import { coarsened } from '../histogram-schema.ts'
import { decodePair } from '../label-pairs.ts'
import { LabelWriter } from '../label-writer.ts'
import { finishWith } from '../prometheus-text/decode.ts'
import { BYTES, FIXED64, ProtoReader, VARINT } from '../protobuf.ts'
import { KEY_KINDS } from '../series-cache.ts'
import { addTypeAndUnit } from '../type-and-unit.ts'
import { PROMETHEUS_PROTOBUF_LIMITS } from './limits.ts'

export interface ExpositionProtobufOptions extends DecodeOptions {
  readonly honorTimestamps?: boolean
  /** Labels that every series of the body gets, in place of its own of the same names. */
  readonly extraLabels?: Labels
  /** Give every series its family's type and unit as labels, see `TypeAndUnit`. */
  readonly typeAndUnitLabels?: boolean
  /** Keep `_bucket`, `_count` and `_sum` of histograms that have native parts as well. */
  readonly keepClassicHistograms?: boolean
  /** Take no native parts. */
  readonly ignoreNativeHistograms?: boolean
  /** Turn classic histograms into native ones with custom buckets. */
  readonly convertClassicHistograms?: boolean
}

/** Decodes a body. @throws TsinkError BAD_REQUEST, TOO_LARGE */
export function decodePrometheusProtobuf(body: Uint8Array, options: ExpositionProtobufOptions): Decoded {
  return finished(prometheusProtobufInSlices(body, options))
}

/** As {@link decodePrometheusProtobuf}, giving way every now and then. */
export function* prometheusProtobufInSlices(body: Uint8Array, options: ExpositionProtobufOptions): Generator<void, Decoded, undefined> {
  if (body.length > PROMETHEUS_PROTOBUF_LIMITS.bodyBytes) {
    throw tooLarge('protobuf exposition bytes', body.length, PROMETHEUS_PROTOBUF_LIMITS.bodyBytes)
  }
  const reader = new ProtoReader(body, FORMAT)
  const decoder = new Decoder(reader, options)
  while (reader.more) {
    const outer = reader.enter()
    yield* decoder.family()
    reader.leave(outer)
  }
  return { batch: decoder.batch.build(), rejected: decoder.rejected }
}

const FORMAT = 'protobuf exposition'
const TYPES: readonly MetricType[] = ['counter', 'gauge', 'summary', 'unknown', 'histogram', 'gaugehistogram']

interface ProtoExemplar {
  labels: Labels
  value: number
  /** Milliseconds, or null. */
  timestamp: number | null
}

class Decoder {
  readonly batch: BatchWriter
  readonly rejected: Rejected = new Rejected()
  readonly #reader: ProtoReader
  readonly #options: ExpositionProtobufOptions
  readonly #labels = new LabelWriter()
  #name = ''
  #type: MetricType = 'counter'
  #unit = ''
  /** How many metrics were read. */
  #read = 0

  constructor(reader: ProtoReader, options: ExpositionProtobufOptions) {
    this.#reader = reader
    this.#options = options
    this.batch = new BatchWriter(options)
  }

  *family(): Generator<void, void, undefined> {
    const reader = this.#reader
    const start = reader.at
    this.#name = ''
    this.#type = 'counter'
    let help = ''
    this.#unit = ''
    let metrics = 0
    while (reader.more) {
      const tag = reader.tag()
      if (tag === ((1 << 3) | BYTES)) this.#name = reader.string()
      else if (tag === ((2 << 3) | BYTES)) help = reader.string()
      else if (tag === ((3 << 3) | VARINT)) this.#type = TYPES[reader.uint32()] ?? 'unknown'
      else if (tag === ((5 << 3) | BYTES)) this.#unit = reader.string()
      else {
        if (tag === ((4 << 3) | BYTES)) metrics++
        reader.skip(tag)
      }
    }
    if (metrics === 0) return
    if (this.#name === '') throw badBody(FORMAT, `byte ${start}`, 'a metric family has no name')
    this.batch.metadata(this.#name, { type: this.#type, help, unit: this.#unit })
    reader.at = start
    while (reader.more) {
      const tag = reader.tag()
      if (tag !== ((4 << 3) | BYTES)) {
        reader.skip(tag)
        continue
      }
      const outer = reader.enter()
      this.#metric()
      reader.leave(outer)
      if (++this.#read % SLICE_LINES === 0) yield
    }
  }

  #metric(): void {
    const reader = this.#reader
    const start = reader.at
    const pairs: [string, string][] = []
    let timestamp = this.#options.now
    while (reader.more) {
      const tag = reader.tag()
      if (tag === ((1 << 3) | BYTES)) pairs.push(decodePair(reader))
      else if (tag === ((6 << 3) | VARINT)) {
        const time = reader.int64()
        if (time !== 0 && this.#options.honorTimestamps !== false) timestamp = time
      } else reader.skip(tag)
    }
    reader.at = start
    const value = VALUE_FIELDS[this.#type]
    let found = false
    while (reader.more) {
      const tag = reader.tag()
      if (tag !== ((value << 3) | BYTES)) {
        reader.skip(tag)
        continue
      }
      found = true
      const outer = reader.enter()
      this.#value(pairs, timestamp)
      reader.leave(outer)
    }
    // A value of nothing but zeros may be left out altogether; nothing is left to read here, so zeros are what is read.
    if (!found) this.#value(pairs, timestamp)
  }

  #value(pairs: readonly [string, string][], timestamp: number): void {
    if (this.#type === 'histogram' || this.#type === 'gaugehistogram') this.#histogram(pairs, timestamp)
    else if (this.#type === 'summary') this.#summary(pairs, timestamp)
    else this.#number(pairs, timestamp)
  }

  #number(pairs: readonly [string, string][], timestamp: number): void {
    const reader = this.#reader
    let value = 0
    let start = 0
    let exemplar: ProtoExemplar | null = null
    while (reader.more) {
      const tag = reader.tag()
      if (tag === ((1 << 3) | FIXED64)) value = reader.double()
      else if (tag === ((2 << 3) | BYTES)) exemplar = readExemplar(reader)
      else if (tag === ((3 << 3) | BYTES)) start = readTime(reader)
      else reader.skip(tag)
    }
    const slot = this.#slot(this.#name, pairs)
    if (slot < 0) return
    this.batch.float(slot, timestamp, value, start)
    if (value !== value) this.batch.nanBits(reader.nanLow, reader.nanHigh)
    if (exemplar !== null) this.batch.exemplar(slot, exemplar.labels, exemplar.timestamp ?? timestamp, exemplar.value)
  }

  #summary(pairs: readonly [string, string][], timestamp: number): void {
    const reader = this.#reader
    let count = 0
    let sum = 0
    let start = 0
    const quantiles: [number, number][] = []
    while (reader.more) {
      const tag = reader.tag()
      if (tag === ((1 << 3) | VARINT)) count = reader.uint64()
      else if (tag === ((2 << 3) | FIXED64)) sum = reader.double()
      else if (tag === ((3 << 3) | BYTES)) quantiles.push(readQuantile(reader))
      else if (tag === ((4 << 3) | BYTES)) start = readTime(reader)
      else reader.skip(tag)
    }
    this.#float(`${this.#name}_count`, pairs, timestamp, count, start)
    this.#float(`${this.#name}_sum`, pairs, timestamp, sum, start)
    for (const [quantile, value] of quantiles) {
      this.#float(this.#name, [...pairs, ['quantile', printBound(quantile)]], timestamp, value, start)
    }
  }

  #histogram(pairs: readonly [string, string][], timestamp: number): void {
    const message = readHistogram(this.#reader)
    const { keepClassicHistograms, ignoreNativeHistograms, convertClassicHistograms } = this.#options
    const native = message.isNative && ignoreNativeHistograms !== true
    if (native) {
      const problem = spanProblem(message.histogram)
      if (problem !== null) throw badBody(FORMAT, `histogram ${JSON.stringify(this.#name)}`, problem)
      const gauge = this.#type === 'gaugehistogram'
      this.#nativeHistogram(pairs, timestamp, { ...message.histogram, hint: gauge ? 'gauge' : 'unknown' }, message)
    }
    const convert = !native && convertClassicHistograms === true
    if (!native || (keepClassicHistograms === true && message.buckets.length > 0)) {
      const isWanted = !convert || keepClassicHistograms === true
      if (isWanted) this.#classic(pairs, timestamp, message)
    }
    if (!convert) return
    const bounds = message.buckets.map((bucket) => bucket.upperBound)
    const converted = classicHistogram(
      bounds,
      message.buckets.map((bucket) => bucket.cumulative),
      message.histogram.count,
      message.histogram.sum,
    )
    if (converted === null) this.rejected.add(`histogram ${JSON.stringify(this.#name)}`, 'the counts of its buckets do not ascend')
    else this.#nativeHistogram(pairs, timestamp, converted, message)
  }

  #nativeHistogram(pairs: readonly [string, string][], timestamp: number, histogram: Histogram, message: HistogramMessage): void {
    const slot = this.#slot(this.#name, pairs)
    if (slot < 0) return
    const fine = histogram.schema > 8 && histogram.schema <= 52
    this.batch.histogram(slot, timestamp, fine ? coarsened(histogram, 8) : histogram, message.start)
    // Native exemplars are those with a time; the buckets' stand in where there are none.
    const own =
      message.exemplars.length > 0 ? message.exemplars : message.buckets.flatMap(({ exemplar }) => (exemplar === null ? [] : [exemplar]))
    const timed = own.filter((exemplar) => exemplar.timestamp !== null)
    timed.sort((a, b) => a.timestamp! - b.timestamp!)
    for (const exemplar of timed) this.batch.exemplar(slot, exemplar.labels, exemplar.timestamp!, exemplar.value)
  }

  #classic(pairs: readonly [string, string][], timestamp: number, message: HistogramMessage): void {
    const { start, buckets } = message
    this.#float(`${this.#name}_count`, pairs, timestamp, message.histogram.count, start)
    this.#float(`${this.#name}_sum`, pairs, timestamp, message.histogram.sum, start)
    let hasInf = false
    for (const { upperBound, cumulative, exemplar } of buckets) {
      hasInf ||= upperBound === Infinity
      const slot = this.#float(`${this.#name}_bucket`, [...pairs, ['le', printBound(upperBound)]], timestamp, cumulative, start)
      if (slot >= 0 && exemplar !== null) this.batch.exemplar(slot, exemplar.labels, exemplar.timestamp ?? timestamp, exemplar.value)
    }
    if (!hasInf) this.#float(`${this.#name}_bucket`, [...pairs, ['le', '+Inf']], timestamp, message.histogram.count, start)
  }

  #float(name: string, pairs: readonly (readonly [string, string])[], timestamp: number, value: number, start: number): number {
    const slot = this.#slot(name, pairs)
    if (slot >= 0) this.batch.float(slot, timestamp, value, start)
    return slot
  }

  #slot(name: string, pairs: readonly (readonly [string, string])[]): number {
    this.#labels.begin()
    this.#labels.addText(METRIC_NAME, name)
    for (const [label, value] of pairs) this.#labels.addText(label, value)
    if (this.#options.typeAndUnitLabels === true) addTypeAndUnit(this.#labels, this.#type, this.#unit)
    const problem = finishWith(this.#labels, this.#options)
    if (problem === null) {
      const { bytes, length } = this.#labels
      const known = this.batch.known(bytes, 0, length, KEY_KINDS.pairs)
      return known >= 0 ? known : this.batch.remember(bytes, 0, length, KEY_KINDS.pairs, this.#labels)
    }
    this.rejected.add(`metric ${JSON.stringify(name)}`, problem)
    return -1
  }
}

const VALUE_FIELDS: Readonly<Record<MetricType, number>> = {
  gauge: 2,
  counter: 3,
  summary: 4,
  unknown: 5,
  histogram: 7,
  gaugehistogram: 7,
  info: 5,
  stateset: 5,
}

interface HistogramMessage {
  histogram: Histogram
  isNative: boolean
  start: number
  buckets: { upperBound: number; cumulative: number; exemplar: ProtoExemplar | null }[]
  exemplars: ProtoExemplar[]
}

function readHistogram(reader: ProtoReader): HistogramMessage {
  let count = 0
  let countFloat = 0
  let sum = 0
  let schema = 0
  let zeroThreshold = 0
  let zeroCount = 0
  let zeroCountFloat = 0
  let start = 0
  const negativeSpans: Span[] = []
  const positiveSpans: Span[] = []
  const deltas: Record<'negative' | 'positive', number[]> = { negative: [], positive: [] }
  const counts: Record<'negative' | 'positive', number[]> = { negative: [], positive: [] }
  const buckets: HistogramMessage['buckets'] = []
  const exemplars: ProtoExemplar[] = []
  while (reader.more) {
    const tag = reader.tag()
    switch (tag >>> 3) {
      case 1:
        reader.expect(tag, VARINT, 'sample_count')
        count = reader.uint64()
        break
      case 2:
        reader.expect(tag, FIXED64, 'sample_sum')
        sum = reader.double()
        break
      case 3:
        reader.expect(tag, BYTES, 'bucket')
        buckets.push(readBucket(reader))
        break
      case 4:
        reader.expect(tag, FIXED64, 'sample_count_float')
        countFloat = reader.double()
        break
      case 5:
        reader.expect(tag, VARINT, 'schema')
        schema = reader.sint32()
        break
      case 6:
        reader.expect(tag, FIXED64, 'zero_threshold')
        zeroThreshold = reader.double()
        break
      case 7:
        reader.expect(tag, VARINT, 'zero_count')
        zeroCount = reader.uint64()
        break
      case 8:
        reader.expect(tag, FIXED64, 'zero_count_float')
        zeroCountFloat = reader.double()
        break
      case 9:
        negativeSpans.push(readSpan(reader))
        break
      case 10:
        readDeltas(reader, tag, deltas.negative)
        break
      case 11:
        readDoubles(reader, tag, counts.negative)
        break
      case 12:
        positiveSpans.push(readSpan(reader))
        break
      case 13:
        readDeltas(reader, tag, deltas.positive)
        break
      case 14:
        readDoubles(reader, tag, counts.positive)
        break
      case 15:
        start = readTime(reader)
        break
      case 16:
        exemplars.push(readExemplar(reader))
        break
      default:
        reader.skip(tag)
    }
  }
  const isFloat = countFloat > 0 || zeroCountFloat > 0
  return {
    histogram: {
      schema,
      count: countFloat > 0 ? countFloat : count,
      sum,
      zeroThreshold,
      zeroCount: isFloat ? zeroCountFloat : zeroCount,
      positiveSpans: withoutEmpty(positiveSpans),
      positiveBuckets: Float64Array.from(isFloat ? counts.positive : deltas.positive),
      negativeSpans: withoutEmpty(negativeSpans),
      negativeBuckets: Float64Array.from(isFloat ? counts.negative : deltas.negative),
      customValues: new Float64Array(0),
      hint: 'unknown',
      isInteger: !isFloat,
    },
    isNative: negativeSpans.length > 0 || positiveSpans.length > 0 || zeroThreshold > 0 || zeroCount > 0 || zeroCountFloat > 0,
    start,
    buckets,
    exemplars,
  }
}

/** Spans of no buckets only say that a histogram is native; what they skip goes to the span behind them. */
function withoutEmpty(spans: readonly Span[]): readonly Span[] {
  if (spans.every((span) => span.length > 0)) return spans
  const kept: Span[] = []
  let skipped = 0
  for (const { offset, length } of spans) {
    if (length === 0) skipped += offset
    else {
      kept.push({ offset: offset + skipped, length })
      skipped = 0
    }
  }
  return kept
}

function spanProblem(h: Histogram): string | null {
  for (const [side, spans, buckets] of [
    ['positive', h.positiveSpans, h.positiveBuckets],
    ['negative', h.negativeSpans, h.negativeBuckets],
  ] as const) {
    let length = 0
    for (const span of spans) length += span.length
    if (length !== buckets.length) return `the ${side} spans cover ${length} buckets, but ${buckets.length} are given`
  }
  return null
}

function readBucket(reader: ProtoReader): HistogramMessage['buckets'][number] {
  const outer = reader.enter()
  let cumulative = 0
  let cumulativeFloat = 0
  let upperBound = 0
  let exemplar: ProtoExemplar | null = null
  while (reader.more) {
    const tag = reader.tag()
    if (tag === ((1 << 3) | VARINT)) cumulative = reader.uint64()
    else if (tag === ((2 << 3) | FIXED64)) upperBound = reader.double()
    else if (tag === ((3 << 3) | BYTES)) exemplar = readExemplar(reader)
    else if (tag === ((4 << 3) | FIXED64)) cumulativeFloat = reader.double()
    else reader.skip(tag)
  }
  reader.leave(outer)
  return { upperBound, cumulative: cumulativeFloat > 0 ? cumulativeFloat : cumulative, exemplar }
}

function readSpan(reader: ProtoReader): Span {
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

function readDeltas(reader: ProtoReader, tag: number, into: number[]): void {
  let count = into.length === 0 ? 0 : into[into.length - 1]!
  if ((tag & 7) === VARINT) {
    into.push(count + reader.sint64())
    return
  }
  reader.expect(tag, BYTES, 'bucket deltas')
  const outer = reader.enter()
  while (reader.more) {
    count += reader.sint64()
    into.push(count)
  }
  reader.leave(outer)
}

function readDoubles(reader: ProtoReader, tag: number, into: number[]): void {
  if ((tag & 7) === FIXED64) {
    into.push(reader.double())
    return
  }
  reader.expect(tag, BYTES, 'bucket counts')
  const outer = reader.enter()
  while (reader.more) into.push(reader.double())
  reader.leave(outer)
}

function readQuantile(reader: ProtoReader): [number, number] {
  const outer = reader.enter()
  let quantile = 0
  let value = 0
  while (reader.more) {
    const tag = reader.tag()
    if (tag === ((1 << 3) | FIXED64)) quantile = reader.double()
    else if (tag === ((2 << 3) | FIXED64)) value = reader.double()
    else reader.skip(tag)
  }
  reader.leave(outer)
  return [quantile, value]
}

const exemplarLabels = new LabelWriter()

function readExemplar(reader: ProtoReader): ProtoExemplar {
  const outer = reader.enter()
  exemplarLabels.begin()
  let value = 0
  let timestamp: number | null = null
  while (reader.more) {
    const tag = reader.tag()
    if (tag === ((1 << 3) | BYTES)) {
      const [name, text] = decodePair(reader)
      exemplarLabels.addText(name, text)
    } else if (tag === ((2 << 3) | FIXED64)) value = reader.double()
    else if (tag === ((3 << 3) | BYTES)) timestamp = readTime(reader)
    else reader.skip(tag)
  }
  reader.leave(outer)
  const labels = exemplarLabels.finish(false) === null ? decodeLabels(exemplarLabels.bytes, 0, exemplarLabels.length) : Labels.EMPTY
  return { labels, value, timestamp }
}

/** A Timestamp { seconds 1, nanos 2 } in milliseconds. */
function readTime(reader: ProtoReader): number {
  const outer = reader.enter()
  let seconds = 0
  let nanos = 0
  while (reader.more) {
    const tag = reader.tag()
    if (tag === ((1 << 3) | VARINT)) seconds = reader.int64()
    else if (tag === ((2 << 3) | VARINT)) nanos = reader.int64()
    else reader.skip(tag)
  }
  reader.leave(outer)
  return seconds * 1e3 + Math.floor(nanos / 1e6)
}
