/** ExportMetricsServiceRequest in protobuf, walked by hand. Field numbers are those of opentelemetry/proto/metrics/v1. */
import { TsinkError } from '@tsink/core'
import { BYTES, FIXED64, ProtoReader, VARINT } from '../protobuf.ts'
import { OTLP_LIMITS } from './limits.ts'
import {
  attributeText,
  newExponentialPoint,
  newHistogramPoint,
  newNumberPoint,
  newSummaryPoint,
  TEMPORALITIES,
  type AnyValue,
  type Attribute,
  type AttributeList,
  type Buckets,
  type ExponentialPoint,
  type HistogramPoint,
  type NumberPoint,
  type OtlpData,
  type OtlpExemplar,
  type OtlpMetric,
  type OtlpRequest,
  type RawPoints,
  type ResourceMetrics,
  type ScopeMetrics,
  type SummaryPoint,
} from './model.ts'

/**
 * With `keepsRaw` number points that stand one behind the other are left unread in the body, see RawPoints.
 * @throws TsinkError BAD_REQUEST
 */
export function decodeOtlpProtobuf(body: Uint8Array, keepsRaw = false): OtlpRequest {
  const reader = new OtlpReader(body, keepsRaw)
  const resources: ResourceMetrics[] = []
  fields(reader, (tag) => {
    if (tag === ((1 << 3) | BYTES)) resources.push(nested(reader, readResource))
    else reader.skip(tag)
  })
  return { resources }
}

class OtlpReader extends ProtoReader {
  readonly keepsRaw: boolean

  constructor(body: Uint8Array, keepsRaw: boolean) {
    super(body, 'OTLP')
    this.keepsRaw = keepsRaw
  }
}

function fields(reader: ProtoReader, each: (tag: number) => void): void {
  while (reader.more) each(reader.tag())
}

function nested<T, R extends ProtoReader>(reader: R, read: (reader: R) => T): T {
  const outer = reader.enter()
  const value = read(reader)
  reader.leave(outer)
  return value
}

function readResource(reader: OtlpReader): ResourceMetrics {
  let attributes: Attribute[] = []
  const scopes: ScopeMetrics[] = []
  fields(reader, (tag) => {
    if (tag === ((1 << 3) | BYTES)) {
      attributes = nested(reader, () => {
        const list: Attribute[] = []
        fields(reader, (inner) => {
          if (inner === ((1 << 3) | BYTES)) list.push(readAttribute(reader))
          else reader.skip(inner)
        })
        return list
      })
    } else if (tag === ((2 << 3) | BYTES)) scopes.push(nested(reader, readScope))
    else reader.skip(tag)
  })
  return { attributes, scopes }
}

function readScope(reader: OtlpReader): ScopeMetrics {
  let name = ''
  let version = ''
  let schemaUrl = ''
  const attributes: Attribute[] = []
  const metrics: OtlpMetric[] = []
  fields(reader, (tag) => {
    if (tag === ((1 << 3) | BYTES)) {
      nested(reader, () =>
        fields(reader, (inner) => {
          if (inner === ((1 << 3) | BYTES)) name = reader.string()
          else if (inner === ((2 << 3) | BYTES)) version = reader.string()
          else if (inner === ((3 << 3) | BYTES)) attributes.push(readAttribute(reader))
          else reader.skip(inner)
        }),
      )
    } else if (tag === ((2 << 3) | BYTES)) metrics.push(nested(reader, readMetric))
    else if (tag === ((3 << 3) | BYTES)) schemaUrl = reader.string()
    else reader.skip(tag)
  })
  return { name, version, schemaUrl, attributes, metrics }
}

function readMetric(reader: OtlpReader): OtlpMetric {
  const metric: OtlpMetric = { name: '', description: '', unit: '', data: null }
  while (reader.more) {
    const tag = reader.tag()
    switch (tag) {
      case (1 << 3) | BYTES:
        metric.name = reader.string()
        break
      case (2 << 3) | BYTES:
        metric.description = reader.string()
        break
      case (3 << 3) | BYTES:
        metric.unit = reader.string()
        break
      case (5 << 3) | BYTES:
        metric.data = readData(reader, { kind: 'gauge', points: [], raw: null }, readNumber)
        break
      case (7 << 3) | BYTES:
        metric.data = readData(reader, { kind: 'sum', points: [], raw: null, temporality: 'unspecified', isMonotonic: false }, readNumber)
        break
      case (9 << 3) | BYTES:
        metric.data = readData(reader, { kind: 'histogram', points: [], temporality: 'unspecified' }, readHistogram)
        break
      case (10 << 3) | BYTES:
        metric.data = readData(reader, { kind: 'exponential', points: [], temporality: 'unspecified' }, readExponential)
        break
      case (11 << 3) | BYTES:
        metric.data = readData(reader, { kind: 'summary', points: [] }, readSummary)
        break
      default:
        reader.skip(tag)
    }
  }
  return metric
}

/** Reads points (1), the temporality (2) and whether a sum is monotonic (3). */
function readData<D extends OtlpData>(reader: OtlpReader, data: D, readPoint: (reader: ProtoReader) => unknown): D {
  const outer = reader.enter()
  const points: unknown[] = data.points
  while (reader.more) {
    const tag = reader.tag()
    if (tag === ((1 << 3) | BYTES)) {
      if (reader.keepsRaw && 'raw' in data && data.raw === null && points.length === 0) {
        data.raw = new RawNumbers(reader)
        continue
      }
      const end = reader.enter()
      points.push(readPoint(reader))
      reader.leave(end)
    } else if (tag === ((2 << 3) | VARINT) && 'temporality' in data) data.temporality = TEMPORALITIES[reader.uint32()] ?? 'unspecified'
    else if (tag === ((3 << 3) | VARINT) && 'isMonotonic' in data) data.isMonotonic = reader.bool()
    else reader.skip(tag)
  }
  reader.leave(outer)
  return data
}

/** Number points of a body that stand one behind the other. */
class RawNumbers implements RawPoints {
  readonly start: number
  end: number
  count = 0
  readonly #bytes: Uint8Array

  /** Passes over the points from the one whose length the reader stands at to the last before another field. */
  constructor(reader: ProtoReader) {
    this.#bytes = reader.bytes
    this.start = reader.at - 1
    do {
      if (this.count > 0) reader.at++
      reader.at = reader.length()
      this.count++
    } while (reader.more && reader.bytes[reader.at] === ((1 << 3) | BYTES))
    this.end = reader.at
  }

  read(at: number): { readonly point: NumberPoint; readonly next: number } {
    const reader = new ProtoReader(this.#bytes, 'OTLP', at + 1, this.end)
    reader.enter()
    const point = readNumber(reader)
    return { point, next: reader.at }
  }
}

function readNumber(reader: ProtoReader): NumberPoint {
  const attributes = new RawAttributes(reader)
  const point = newNumberPoint(attributes)
  while (reader.more) {
    const tag = reader.tag()
    switch (tag) {
      case (2 << 3) | FIXED64:
        point.start = reader.nanoseconds()
        break
      case (3 << 3) | FIXED64:
        point.time = reader.nanoseconds()
        break
      case (4 << 3) | FIXED64:
        point.value = reader.double()
        break
      case (5 << 3) | BYTES:
        point.exemplars.push(nested(reader, readExemplar))
        break
      case (6 << 3) | FIXED64:
        point.value = reader.sfixed64()
        break
      case (7 << 3) | BYTES:
        attributes.skip()
        break
      case (8 << 3) | VARINT:
        point.isStale = (reader.uint32() & 1) === 1
        break
      default:
        reader.skip(tag)
    }
  }
  return point
}

function readHistogram(reader: ProtoReader): HistogramPoint {
  const attributes = new RawAttributes(reader)
  const point = newHistogramPoint(attributes)
  while (reader.more) {
    const tag = reader.tag()
    switch (tag >>> 3) {
      case 2:
        reader.expect(tag, FIXED64, 'start_time_unix_nano')
        point.start = reader.nanoseconds()
        break
      case 3:
        reader.expect(tag, FIXED64, 'time_unix_nano')
        point.time = reader.nanoseconds()
        break
      case 4:
        reader.expect(tag, FIXED64, 'count')
        point.count = reader.fixed64()
        break
      case 5:
        reader.expect(tag, FIXED64, 'sum')
        point.sum = reader.double()
        break
      case 6:
        readRepeated(reader, tag, FIXED64, () => point.bucketCounts.push(reader.fixed64()))
        break
      case 7:
        readRepeated(reader, tag, FIXED64, () => point.bounds.push(reader.double()))
        break
      case 8:
        reader.expect(tag, BYTES, 'exemplars')
        point.exemplars.push(nested(reader, readExemplar))
        break
      case 9:
        reader.expect(tag, BYTES, 'attributes')
        attributes.skip()
        break
      case 10:
        reader.expect(tag, VARINT, 'flags')
        point.isStale = (reader.uint32() & 1) === 1
        break
      default:
        reader.skip(tag)
    }
  }
  return point
}

function readExponential(reader: ProtoReader): ExponentialPoint {
  const attributes = new RawAttributes(reader)
  const point = newExponentialPoint(attributes)
  while (reader.more) {
    const tag = reader.tag()
    switch (tag >>> 3) {
      case 1:
        reader.expect(tag, BYTES, 'attributes')
        attributes.skip()
        break
      case 2:
        reader.expect(tag, FIXED64, 'start_time_unix_nano')
        point.start = reader.nanoseconds()
        break
      case 3:
        reader.expect(tag, FIXED64, 'time_unix_nano')
        point.time = reader.nanoseconds()
        break
      case 4:
        reader.expect(tag, FIXED64, 'count')
        point.count = reader.fixed64()
        break
      case 5:
        reader.expect(tag, FIXED64, 'sum')
        point.sum = reader.double()
        break
      case 6:
        reader.expect(tag, VARINT, 'scale')
        point.scale = reader.sint32()
        break
      case 7:
        reader.expect(tag, FIXED64, 'zero_count')
        point.zeroCount = reader.fixed64()
        break
      case 8:
        reader.expect(tag, BYTES, 'positive')
        point.positive = nested(reader, readBuckets)
        break
      case 9:
        reader.expect(tag, BYTES, 'negative')
        point.negative = nested(reader, readBuckets)
        break
      case 10:
        reader.expect(tag, VARINT, 'flags')
        point.isStale = (reader.uint32() & 1) === 1
        break
      case 11:
        reader.expect(tag, BYTES, 'exemplars')
        point.exemplars.push(nested(reader, readExemplar))
        break
      case 14:
        reader.expect(tag, FIXED64, 'zero_threshold')
        point.zeroThreshold = reader.double()
        break
      default:
        reader.skip(tag)
    }
  }
  return point
}

function readBuckets(reader: ProtoReader): Buckets {
  let offset = 0
  const counts: number[] = []
  fields(reader, (tag) => {
    if (tag === ((1 << 3) | VARINT)) offset = reader.sint32()
    else if (tag >>> 3 === 2) readRepeated(reader, tag, VARINT, () => counts.push(reader.uint64()))
    else reader.skip(tag)
  })
  return { offset, counts }
}

function readSummary(reader: ProtoReader): SummaryPoint {
  const attributes = new RawAttributes(reader)
  const point = newSummaryPoint(attributes)
  while (reader.more) {
    const tag = reader.tag()
    switch (tag) {
      case (2 << 3) | FIXED64:
        point.start = reader.nanoseconds()
        break
      case (3 << 3) | FIXED64:
        point.time = reader.nanoseconds()
        break
      case (4 << 3) | FIXED64:
        point.count = reader.fixed64()
        break
      case (5 << 3) | FIXED64:
        point.sum = reader.double()
        break
      case (6 << 3) | BYTES:
        nested(reader, () => {
          let quantile = 0
          let value = 0
          fields(reader, (inner) => {
            if (inner === ((1 << 3) | FIXED64)) quantile = reader.double()
            else if (inner === ((2 << 3) | FIXED64)) value = reader.double()
            else reader.skip(inner)
          })
          point.quantiles.push({ quantile, value })
        })
        break
      case (7 << 3) | BYTES:
        attributes.skip()
        break
      case (8 << 3) | VARINT:
        point.isStale = (reader.uint32() & 1) === 1
        break
      default:
        reader.skip(tag)
    }
  }
  return point
}

function readExemplar(reader: ProtoReader): OtlpExemplar {
  const exemplar: OtlpExemplar = { attributes: [], time: { ms: 0, nanos: 0 }, value: 0, traceId: '', spanId: '' }
  fields(reader, (tag) => {
    if (tag === ((2 << 3) | FIXED64)) exemplar.time = reader.nanoseconds()
    else if (tag === ((3 << 3) | FIXED64)) exemplar.value = reader.double()
    else if (tag === ((4 << 3) | BYTES)) exemplar.spanId = hex(reader.blob())
    else if (tag === ((5 << 3) | BYTES)) exemplar.traceId = hex(reader.blob())
    else if (tag === ((6 << 3) | FIXED64)) exemplar.value = reader.sfixed64()
    else if (tag === ((7 << 3) | BYTES)) exemplar.attributes.push(readAttribute(reader))
    else reader.skip(tag)
  })
  return exemplar
}

function hex(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes.subarray(0, 64)) text += byte.toString(16).padStart(2, '0')
  return text
}

/** Packed or one by one. */
function readRepeated(reader: ProtoReader, tag: number, wireType: number, one: () => void): void {
  if ((tag & 7) === wireType) {
    one()
    return
  }
  reader.expect(tag, BYTES, 'a repeated field')
  const outer = reader.enter()
  while (reader.more) one()
  reader.leave(outer)
}

/** The attributes of one point where they stand in the body: in one piece, or in several, which are then read at once. */
class RawAttributes implements AttributeList {
  raw: { bytes: Uint8Array; start: number; end: number } | null
  readonly #reader: ProtoReader
  #read: Attribute[] | null = null

  constructor(reader: ProtoReader) {
    this.#reader = reader
    this.raw = { bytes: reader.bytes, start: 0, end: 0 }
  }

  /** Passes over an attribute whose length the reader stands at. */
  skip(): void {
    const reader = this.#reader
    // The tag took one byte, as all of these fields have numbers below 16.
    const start = reader.at - 1
    if (this.raw !== null && (this.raw.end === 0 || this.raw.end === start)) {
      if (this.raw.end === 0) this.raw.start = start
      reader.at = reader.length()
      this.raw.end = reader.at
      return
    }
    const before = this.list()
    this.raw = null
    this.#read = [...before, readAttribute(reader)]
  }

  list(): readonly Attribute[] {
    if (this.#read !== null || this.raw === null) return this.#read ?? []
    const { bytes, start, end } = this.raw
    const reader = new ProtoReader(bytes, 'OTLP', start, end)
    const list: Attribute[] = []
    while (reader.more) {
      reader.tag()
      list.push(readAttribute(reader))
    }
    this.#read = list
    return list
  }
}

function readAttribute(reader: ProtoReader): Attribute {
  const [key, value] = readKeyValue(reader, 0)
  return [key, attributeText(value)]
}

function readKeyValue(reader: ProtoReader, depth: number): [string, AnyValue] {
  const outer = reader.enter()
  let key = ''
  let value: AnyValue = null
  while (reader.more) {
    const tag = reader.tag()
    if (tag === ((1 << 3) | BYTES)) key = reader.string()
    else if (tag === ((2 << 3) | BYTES)) value = readValue(reader, depth)
    else reader.skip(tag)
  }
  reader.leave(outer)
  return [key, value]
}

function readValue(reader: ProtoReader, depth: number): AnyValue {
  if (depth > OTLP_LIMITS.valueDepth) {
    throw new TsinkError('BAD_REQUEST', `OTLP: byte ${reader.at}: an attribute nests deeper than ${OTLP_LIMITS.valueDepth} levels`)
  }
  const outer = reader.enter()
  let value: AnyValue = null
  while (reader.more) {
    const tag = reader.tag()
    switch (tag) {
      case (1 << 3) | BYTES:
        value = reader.string()
        break
      case (2 << 3) | VARINT:
        value = reader.bool()
        break
      case (3 << 3) | VARINT:
        value = reader.int64Exact()
        break
      case (4 << 3) | FIXED64:
        value = reader.double()
        break
      case (5 << 3) | BYTES: {
        const list: AnyValue[] = []
        const end = reader.enter()
        while (reader.more) {
          const inner = reader.tag()
          if (inner === ((1 << 3) | BYTES)) list.push(readValue(reader, depth + 1))
          else reader.skip(inner)
        }
        reader.leave(end)
        value = list
        break
      }
      case (6 << 3) | BYTES: {
        const map: [string, AnyValue][] = []
        const end = reader.enter()
        while (reader.more) {
          const inner = reader.tag()
          if (inner === ((1 << 3) | BYTES)) map.push(readKeyValue(reader, depth + 1))
          else reader.skip(inner)
        }
        reader.leave(end)
        value = { map }
        break
      }
      case (7 << 3) | BYTES:
        value = reader.blob().slice()
        break
      default:
        reader.skip(tag)
    }
  }
  reader.leave(outer)
  return value
}
