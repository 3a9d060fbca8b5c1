/**
 * Mutated bodies through every decoder: each ends quickly in a batch that is sound, or in a TsinkError. A short run with a fixed seed is part of
 * the suite; TSINK_TEST_LONG=1 makes it a million bodies.
 */
import { expect, test } from 'vitest'
import { BatchBuilder, histogram, Labels, SampleBuffer, TsinkError, type WriteBatch } from '@tsink/core'
import { snappyEncode } from '@tsink/kernel'
import {
  compileGraphiteTemplates,
  decodeCollectd,
  decodeCsv,
  decodeGraphite,
  decodeGraphitePickle,
  decodeJsonLines,
  decodeLineProtocol,
  decodeOpenMetricsText,
  decodeOpenTsdbJson,
  decodeOpenTsdbLines,
  decodeOtlp,
  decodePrometheusProtobuf,
  decodePrometheusText,
  decodeReadRequest,
  decodeReadResponse,
  decodeReadStream,
  decodeRemoteWrite,
  decodeSampleLines,
  decodeSnappyRemoteWrite,
  decodeStatsd,
  DeltaAccumulator,
  encodeReadFrames,
  encodeRemoteWrite,
  parseCsvFormat,
  ReadResponseEncoder,
  SeriesCache,
  StatsdAggregator,
  ProtoWriter,
} from '@tsink/protocols'
import { ascii, flatten } from './lines.ts'
import { random } from './random.ts'

const LONG = process.env['TSINK_TEST_LONG'] === '1'
const NOW = 1_700_000_000_000
/** What a body may be refused with. */
const REFUSALS = new Set(['BAD_REQUEST', 'TOO_LARGE', 'BAD_REGEX', 'BAD_LABEL'])
/** No body takes longer, in processor time. A body that did is decoded again, since the compiler and the collector of garbage take their time too. */
const MAX_MS = 100
const TRIES = 5

const cache = new SeriesCache({ maxSeries: 5_000, maxBytes: 4 * 1024 * 1024 })
const options = { now: NOW, cache }
const delta = new DeltaAccumulator({ maxStreams: 1_000 })
let aggregator = new StatsdAggregator()
const templates = compileGraphiteTemplates(['servers.* .host.measurement*', 'measurement*'])
const columns = parseCsvFormat('2:metric:ask,1:label:ticker,3:time:rfc3339')

function writeBody(version: 1 | 2): Uint8Array {
  const builder = new BatchBuilder()
  for (let i = 0; i < 3; i++) {
    const slot = builder.slot(Labels.of({ __name__: 'up', job: 'node', instance: `host-${i}:9100`, 'a.b': 'ü' }))
    builder.add('f64', slot, 1_000 * i, i / 3, i === 1 ? 500 : 0)
    builder.exemplar({ slot, labels: Labels.of({ trace_id: 'x' }), timestamp: 1, value: 2 })
  }
  const native = builder.slot(Labels.of({ __name__: 'h' }))
  builder.add(
    'histogram',
    native,
    5,
    histogram({
      schema: 1,
      count: 3,
      sum: 2,
      zeroCount: 1,
      positiveSpans: [{ offset: -1, length: 2 }],
      positiveBuckets: Float64Array.of(1, 1),
      isInteger: true,
    }),
  )
  builder.metadata({ metric: 'up', type: 'gauge', help: 'Is it?', unit: '' })
  return encodeRemoteWrite(builder.build(), version)
}

function readBodies(): Uint8Array[] {
  const samples = new SampleBuffer()
  for (let i = 0; i < 20; i++) samples.push(i * 15_000, Math.sin(i))
  const histograms = new SampleBuffer()
  for (let i = 0; i < 5; i++) {
    histograms.pushHistogram(
      i,
      histogram({ count: i, positiveSpans: [{ offset: 1, length: 1 }], positiveBuckets: Float64Array.of(i), isInteger: true }),
    )
    histograms.pushHistogram(
      i + 10,
      histogram({
        schema: -53,
        count: 1,
        positiveSpans: [{ offset: 0, length: 1 }],
        positiveBuckets: Float64Array.of(1),
        customValues: Float64Array.of(0.5),
      }),
    )
  }
  const up = Labels.of({ __name__: 'up' })
  const encoder = new ReadResponseEncoder()
  encoder.beginQuery()
  encoder.series(up, samples)
  return [encoder.finish(), Buffer.concat([...encodeReadFrames(up, samples, 0), ...encodeReadFrames(up, histograms, 1)])]
}

/** A MetricFamily with a native histogram, behind its length. */
function familyBody(): Uint8Array {
  const [family, metric, inner, deep, whole] = [
    new ProtoWriter(),
    new ProtoWriter(),
    new ProtoWriter(),
    new ProtoWriter(),
    new ProtoWriter(),
  ]
  family.stringField(1, 'h')
  family.stringField(2, 'help')
  family.int64Field(3, 4)
  deep.stringField(1, 'a')
  deep.stringField(2, 'b')
  metric.message(1, deep)
  inner.uint64Field(1, 3)
  inner.doubleField(2, 1.5)
  deep.clear()
  deep.uint64Field(1, 3)
  deep.doubleField(2, 0.5)
  inner.message(3, deep)
  inner.sintField(5, 1)
  inner.doubleField(6, 0.001)
  deep.clear()
  deep.sintField(1, 2)
  deep.uint64Field(2, 1)
  inner.message(12, deep)
  deep.clear()
  deep.zigzag(3)
  inner.message(13, deep)
  metric.message(7, inner)
  family.message(4, metric)
  whole.uvarint(family.length)
  whole.raw(family.view())
  return whole.finish()
}

const OTLP_JSON =
  '{"resourceMetrics":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"s"}},{"key":"l","value":{"arrayValue":{"values":[{"intValue":"1"}]}}}]},"scopeMetrics":[{"scope":{"name":"x"},"metrics":[' +
  '{"name":"a.b","unit":"s","sum":{"isMonotonic":true,"aggregationTemporality":1,"dataPoints":[{"startTimeUnixNano":"1700000000000000000","timeUnixNano":"1700000001000000000","asInt":"5","attributes":[{"key":"k","value":{"boolValue":true}}],"exemplars":[{"traceId":"ab","asDouble":1}]}]}},' +
  '{"name":"h","histogram":{"aggregationTemporality":2,"dataPoints":[{"count":"3","sum":1,"bucketCounts":["1","2"],"explicitBounds":[1]}]}},' +
  '{"name":"e","exponentialHistogram":{"aggregationTemporality":1,"dataPoints":[{"count":"3","scale":9,"positive":{"offset":-3,"bucketCounts":["1","0","2"]}}]}},' +
  '{"name":"q","summary":{"dataPoints":[{"count":"1","sum":2,"quantileValues":[{"quantile":0.5,"value":1}]}]}}]}]}]}'

/** The same shape in protobuf: one gauge, one exponential histogram. */
function otlpBody(): Uint8Array {
  const writers = Array.from({ length: 6 }, () => new ProtoWriter())
  const [attribute, point, data, metric, scope, whole] = writers as [
    ProtoWriter,
    ProtoWriter,
    ProtoWriter,
    ProtoWriter,
    ProtoWriter,
    ProtoWriter,
  ]
  const value = new ProtoWriter()
  value.stringField(1, 'v')
  attribute.stringField(1, 'k')
  attribute.message(2, value)
  point.message(7, attribute)
  point.fixed64Field(3, 1_700_000_000_000_000_000n)
  point.doubleField(4, 1.5)
  data.message(1, point)
  metric.stringField(1, 'a.b')
  metric.message(5, data)
  scope.message(2, metric)
  point.clear()
  data.clear()
  metric.clear()
  point.message(1, attribute)
  point.fixed64Field(4, 3n)
  point.sintField(6, 9)
  value.clear()
  value.sintField(1, -3)
  value.bytesField(2, Uint8Array.of(1, 0, 2))
  point.message(8, value)
  data.message(1, point)
  data.uint64Field(2, 2)
  metric.stringField(1, 'e')
  metric.message(10, data)
  scope.message(2, metric)
  const resource = new ProtoWriter()
  resource.message(2, scope)
  whole.message(1, resource)
  return whole.finish()
}

const TEXT =
  '# HELP h Help \\\\ me\n# TYPE h histogram\nh_bucket{le="1",a="x\\n"} 1 # {trace_id="t"} 0.5 1.5\nh_count 1\nh_sum 2e3\nh_created 5\n{"a.b","c d"="e"} NaN\nx{y="z",} +Inf 7\n'

const [response, stream] = readBodies() as [Uint8Array, Uint8Array]
const DECODERS: [name: string, seed: Uint8Array, decode: (body: Uint8Array) => WriteBatch | void][] = [
  ['remote write 1.0', writeBody(1), (body) => decodeRemoteWrite(body, 1, options).batch],
  ['remote write 2.0', writeBody(2), (body) => decodeRemoteWrite(body, 2, options).batch],
  ['remote write 1.0, plain', writeBody(1), (body) => decodeRemoteWrite(body, 1, { now: NOW }).batch],
  ['remote write 2.0, plain', writeBody(2), (body) => decodeRemoteWrite(body, 2, { now: NOW }).batch],
  ['remote write 1.0, snappy', snappyEncode(writeBody(1)), (body) => decodeSnappyRemoteWrite(body, 1, options).batch],
  ['remote write 2.0, snappy', snappyEncode(writeBody(2)), (body) => decodeSnappyRemoteWrite(body, 2, options).batch],
  ['remote read request', Uint8Array.of(0x0a, 12, 8, 1, 16, 9, 0x1a, 6, 8, 2, 0x12, 2, 0x61, 0x62), (body) => void decodeReadRequest(body)],
  ['remote read response', response, (body) => void decodeReadResponse(body)],
  ['remote read stream', stream, (body) => void decodeReadStream(body)],
  ['Prometheus text', ascii(TEXT), (body) => decodePrometheusText(body, { ...options, convertClassicHistograms: true }).batch],
  [
    'OpenMetrics text',
    ascii(`${TEXT.replace('\\\\ ', '')}# EOF\n`),
    (body) => decodeOpenMetricsText(body, { ...options, badLine: 'line' }).batch,
  ],
  [
    'OpenMetrics text, strict',
    ascii(`${TEXT}# EOF\n`),
    (body) => decodeOpenMetricsText(body, { ...options, strict: true, convertClassicHistograms: true }).batch,
  ],
  [
    'protobuf exposition',
    familyBody(),
    (body) => decodePrometheusProtobuf(body, { ...options, convertClassicHistograms: true, keepClassicHistograms: true }).batch,
  ],
  [
    'line protocol',
    ascii('m\\ n,a=b,c\\,=d v=1.5,w=3i,x=7u,y=t,z="a \\"\nb" 1700000000000000000\n# c\nm v=1\n'),
    (body) => decodeLineProtocol(body, options).batch,
  ],
  ['OTLP JSON', ascii(OTLP_JSON), (body) => decodeOtlp(body, 'json', { ...options, delta }).batch],
  ['OTLP protobuf', otlpBody(), (body) => decodeOtlp(body, 'protobuf', { ...options, delta, convertHistogramsToNHCB: true }).batch],
  ['StatsD', ascii('a.b:1|c|@0.1|#x:y\nc:1:2:3|ms\nd,t=v:-5|g\ne[a=b]f:x|s|c:z|T1\n'), statsd],
  ['Graphite', ascii('a.b;x=y 1.5 1700000000\nservers.w.cpu 2 -1\n'), (body) => decodeGraphite(body, { ...options, templates }).batch],
  [
    'Graphite pickle, protocol 0',
    pickled("(lp0\n(S'a.b;x=y'\np1\n(I1700000000\nF1.5\ntp2\ntp3\na(V\\u00fc\n(L5L\nI-1\ntta(g1\n(F-1\nS'2'\ntta."),
    (body) => decodeGraphitePickle(body, { ...options, templates }).batch,
  ],
  [
    'Graphite pickle, protocol 4',
    pickled(
      '\x80\x04\x95\x20\0\0\0\0\0\0\0]\x94(\x8c\x03a.b\x94K\x05G\x3f\xf8\0\0\0\0\0\0\x86\x94\x86\x94h\x01\x8a\x05\0\0\0\0\x01M\x01\x02\x86\x86e.',
    ),
    (body) => decodeGraphitePickle(body, { ...options, templates }).batch,
  ],
  [
    'Graphite pickle, behind its length',
    Buffer.from("((S'servers.w.cpu'\n(I5\nI1\nttl."),
    // What the length says is put right, so that the mutants are looked into.
    (body) => decodeGraphitePickle(Buffer.concat([frameHead(body.length), body]), { ...options, templates }).batch,
  ],
  ['OpenTSDB lines', ascii('put a.b 1700000000 1.5 x=y z=w\nversion\n'), (body) => decodeOpenTsdbLines(body, options).batch],
  [
    'OpenTSDB JSON',
    ascii('[{"metric":"a.b","timestamp":1700000000,"value":1.5,"tags":{"x":"y"}}]'),
    (body) => decodeOpenTsdbJson(body, options).batch,
  ],
  [
    'JSON lines',
    ascii('{"metric":{"__name__":"a","b":"c"},"values":[1,null,"Infinity"],"timestamps":[1,2,3]}\n'),
    (body) => decodeJsonLines(body, options).batch,
  ],
  [
    'NDJSON',
    ascii(
      '{"metric":{"__name__":"a","b":"c"},"timestamp":1,"start":1,"value":1.5}\n{"metric":{"__name__":"a"},"value":{"u64":"5"}}\n' +
        '{"metric":{"__name__":"h"},"value":{"histogram":{"schema":1,"count":3,"sum":"NaN","zeroThreshold":0,"zeroCount":1,"positiveSpans":[[2,1]],' +
        '"positiveBuckets":[2],"negativeSpans":[],"negativeBuckets":[],"customValues":[],"hint":"gauge","isInteger":true}}}\n' +
        '{"metric":{"__name__":"b"},"value":{"bytes":"AAE="}}\n{"metric":{"__name__":"t"},"value":true}\n',
    ),
    (body) => decodeSampleLines(body, options).batch,
  ],
  ['CSV', ascii('"a ""b""\n",1.5,2024-01-01T00:00:00Z\nc,2,x\n'), (body) => decodeCsv(body, { ...options, columns }).batch],
  [
    'collectd',
    ascii('[{"values":[1.5,null],"dstypes":["gauge","derive"],"dsnames":["value","x"],"time":1.5,"host":"h","plugin":"p","type":"t"}]'),
    (body) => decodeCollectd(body, options).batch,
  ],
]

function frameHead(length: number): Buffer {
  const head = Buffer.alloc(4)
  head.writeUInt32BE(length)
  return head
}

function pickled(pickle: string): Uint8Array {
  const bytes = Buffer.from(pickle, 'latin1')
  return Buffer.concat([frameHead(bytes.length), bytes])
}

function statsd(body: Uint8Array): WriteBatch {
  // Begun anew now and then, since what a flush costs grows with the series that the mutants name.
  if (aggregator.size > 200) aggregator = new StatsdAggregator()
  aggregator.add(decodeStatsd(body).events, NOW)
  return aggregator.flush(NOW)
}

test.each(DECODERS)(
  '%s',
  (_, seed, decode) => {
    const next = random(seed.length)
    const rounds = LONG ? 45_000 : 300
    let slowest = 0
    for (let round = 0; round < rounds; round++) {
      const body = mutated(seed, next)
      let ms = run(decode, body, round % 10 === 0)
      for (let i = 1; ms >= MAX_MS && i < TRIES; i++) ms = Math.min(ms, run(decode, body, false))
      slowest = Math.max(slowest, ms)
    }
    expect(slowest).toBeLessThan(MAX_MS)
  },
  900_000,
)

/** Decodes a body, which must end in a sound batch or a refusal; answers how long that took. */
function run(decode: (body: Uint8Array) => WriteBatch | void, body: Uint8Array, isLookedAt: boolean): number {
  const before = process.cpuUsage()
  let batch: WriteBatch | void = undefined
  try {
    batch = decode(body)
  } catch (error) {
    if (!(error instanceof TsinkError)) throw error
    if (!REFUSALS.has(error.code)) throw error
  }
  const { user, system } = process.cpuUsage(before)
  if (batch !== undefined) {
    for (const column of batch.samples)
      for (let i = 0; i < column.count; i++)
        if (column.slots[i]! >= batch.series.count) throw new Error(`slot ${column.slots[i]} of ${batch.series.count}`)
    if (isLookedAt) flatten(batch)
  }
  return (user + system) / 1_000
}

/** Bytes flipped, cut off, repeated, put in, taken out, or changed to what formats care about. */
function mutated(seed: Uint8Array, next: () => number): Uint8Array {
  let body = seed.slice()
  const at = (): number => Math.floor(next() * body.length)
  for (let i = 0; i < 1 + next() * 3 && body.length > 0; i++) {
    const kind = next()
    if (kind < 0.3) body[at()] = Math.floor(next() * 256)
    else if (kind < 0.5)
      body[at()] = [0x00, 0x0a, 0x20, 0x22, 0x2c, 0x3a, 0x3d, 0x5c, 0x7b, 0x7c, 0x7d, 0x7f, 0x80, 0xff][Math.floor(next() * 14)]!
    else if (kind < 0.65) body = body.slice(0, at())
    else if (kind < 0.8) {
      const [from, to] = [at(), at()].sort((a, b) => a - b) as [number, number]
      body = Buffer.concat([body.subarray(0, to), body.subarray(from)])
    } else if (kind < 0.9) {
      const from = at()
      body = Buffer.concat([body.subarray(0, from), body.subarray(Math.min(body.length, from + 1 + Math.floor(next() * 5)))])
    } else {
      const from = at()
      body = Buffer.concat([
        body.subarray(0, from),
        Uint8Array.from({ length: 1 + Math.floor(next() * 12) }, () => (next() < 0.5 ? 0xff : Math.floor(next() * 256))),
        body.subarray(from),
      ])
    }
  }
  return body
}
