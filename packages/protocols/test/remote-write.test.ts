import { describe, expect, test } from 'vitest'
import { BatchBuilder, histogram, isStale, Labels, STALE, type AppendResult, type WriteBatch } from '@tsink/core'
import { snappyDecode } from '@tsink/kernel'
import {
  decodeRemoteWrite,
  encodeRemoteWrite,
  REMOTE_WRITE_ENCODINGS,
  REMOTE_WRITE_LIMITS,
  remoteWriteAnswer,
  remoteWriteVersion,
  SeriesCache,
  ProtoWriter,
} from '@tsink/protocols'
import { corpus } from '@tsink/testing'
import { flatten, print, readLines, type Case } from './lines.ts'

const NOW = 1_700_000_000_000
const VERSIONS = [1, 2] as const

function sampleBatch(): WriteBatch {
  const builder = new BatchBuilder()
  const up = builder.slot(Labels.of({ __name__: 'up', job: 'node', instance: 'a:9100' }))
  builder.float(up, 1_000, 1)
  builder.float(up, 2_000, -0)
  builder.float(up, 3_000, STALE[0]!)
  const latency = builder.slot(Labels.of({ __name__: 'latency', 'utf.8': 'ü→𝄞' }))
  builder.add(
    'histogram',
    latency,
    -1_000,
    histogram({
      schema: 3,
      count: 12,
      sum: 18.4,
      zeroThreshold: 0.001,
      zeroCount: 2,
      positiveSpans: [
        { offset: -2, length: 2 },
        { offset: 1, length: 1 },
      ],
      positiveBuckets: Float64Array.of(5, 1, 2),
      negativeSpans: [{ offset: 0, length: 1 }],
      negativeBuckets: Float64Array.of(2),
      hint: 'gauge',
      isInteger: true,
    }),
  )
  builder.add(
    'histogram',
    latency,
    1_000,
    histogram({
      schema: -53,
      count: 1.5,
      sum: 3,
      customValues: Float64Array.of(1, 2),
      positiveSpans: [{ offset: 1, length: 2 }],
      positiveBuckets: Float64Array.of(0.5, 1),
    }),
  )
  builder.exemplar({ slot: up, labels: Labels.of({ trace_id: 'x' }), timestamp: 1_500, value: 0.25 })
  builder.metadata({ metric: 'up', type: 'gauge', help: 'Is it?', unit: '' })
  return builder.build()
}

test.each(VERSIONS)('version %i carries everything that a batch has', (version) => {
  const batch = sampleBatch()
  const decoded = decodeRemoteWrite(encodeRemoteWrite(batch, version), version, { now: NOW })
  expect(decoded.rejected.listed).toEqual([])
  expect(flatten(decoded.batch)).toEqual(flatten(batch))
  expect(isStale(decoded.batch.samples[0]!.values as Float64Array, 2)).toBe(true)
  expect(decoded.batch.metadata).toEqual(batch.metadata)
  expect(decoded.batch.exemplars).toEqual(batch.exemplars)
  expect([decoded.samples, decoded.histograms, decoded.exemplars]).toEqual([3, 2, 1])
})

test.each(VERSIONS)('version %i with a cache gives the same, and the store’s numbers the second time', (version) => {
  const cache = new SeriesCache()
  const body = encodeRemoteWrite(sampleBatch(), version)
  const first = decodeRemoteWrite(body, version, { now: NOW, cache })
  first.batch.series.refs.set([5, 6])
  const second = decodeRemoteWrite(body, version, { now: NOW, cache })
  expect([...second.batch.series.refs.subarray(0, 2)]).toEqual([5, 6])
  expect(flatten(second.batch)).toEqual(flatten(first.batch))
})

test.each(VERSIONS)('version %i ends at any byte with a clear refusal or a shorter message', (version) => {
  const body = encodeRemoteWrite(sampleBatch(), version)
  for (let size = 0; size < body.length; size++) {
    try {
      decodeRemoteWrite(body.subarray(0, size), version, { now: NOW })
    } catch (error) {
      expect(error).toMatchObject({ code: 'BAD_REQUEST', detail: { offset: expect.any(Number) } })
    }
  }
})

test('a body above the limit is refused', () => {
  expect(() => decodeRemoteWrite(new Uint8Array(REMOTE_WRITE_LIMITS.bodyBytes + 1), 1, { now: NOW })).toThrow(
    expect.objectContaining({ code: 'TOO_LARGE' }),
  )
})

/** A WriteRequest by hand: label pairs in the given order, one sample. */
function seriesV1(pairs: [string | Uint8Array, string | Uint8Array][], samplesFirst = false): Uint8Array {
  const series = new ProtoWriter()
  const inner = new ProtoWriter()
  const addSample = (): void => {
    inner.clear()
    inner.doubleField(1, 1)
    inner.int64Field(2, 7)
    series.message(2, inner)
  }
  if (samplesFirst) addSample()
  for (const [name, value] of pairs) {
    inner.clear()
    for (const [field, part] of [
      [1, name],
      [2, value],
    ] as const) {
      if (typeof part === 'string') inner.stringField(field, part)
      else inner.bytesField(field, part)
    }
    series.message(1, inner)
  }
  if (!samplesFirst) addSample()
  const request = new ProtoWriter()
  request.message(1, series)
  return request.finish()
}

test.each([
  ['no name', [['job', 'x']], 'the metric name is missing'],
  ['an empty name', [['__name__', '']], 'the metric name is missing'],
  [
    'an empty label name',
    [
      ['__name__', 'a'],
      ['', 'x'],
    ],
    'a label name is empty',
  ],
  [
    'a label twice',
    [
      ['__name__', 'a'],
      ['b', 'x'],
      ['b', 'y'],
    ],
    'label "b" is given twice',
  ],
  [
    'a value that is not UTF-8',
    [
      ['__name__', 'a'],
      ['b', Uint8Array.of(0xff)],
    ],
    'the value of label "b" is not valid UTF-8',
  ],
  [
    'a surrogate',
    [
      ['__name__', 'a'],
      ['b', Uint8Array.of(0xed, 0xa0, 0x80)],
    ],
    'the value of label "b" is not valid UTF-8',
  ],
  [
    'a value that is too long',
    [
      ['__name__', 'a'],
      ['b', 'x'.repeat(20_000)],
    ],
    'the value of label "b" is longer than 16384 bytes',
  ],
] as [string, [string | Uint8Array, string | Uint8Array][], string][])('a series with %s is refused by itself', (_, pairs, reason) => {
  const good = seriesV1([['__name__', 'good']])
  const bad = seriesV1(pairs)
  const body = new Uint8Array(good.length + bad.length)
  body.set(bad)
  body.set(good, bad.length)
  const { batch, rejected } = decodeRemoteWrite(body, 1, { now: NOW })
  expect(print(batch)).toEqual(['good 1 @7'])
  expect(rejected.listed).toEqual([{ where: 'timeseries[0]', reason: expect.stringContaining(reason) as string }])
})

test('labels are sorted, empty ones absent, and fields may come in any order', () => {
  for (const samplesFirst of [false, true]) {
    const body = seriesV1(
      [
        ['z', '1'],
        ['__name__', 'a'],
        ['b', ''],
        ['c', '2'],
      ],
      samplesFirst,
    )
    expect(print(decodeRemoteWrite(body, 1, { now: NOW, cache: new SeriesCache() }).batch)).toEqual(['a{c="2", z="1"} 1 @7'])
  }
})

test('an integer histogram whose buckets do not add up is refused', () => {
  const builder = new BatchBuilder()
  const slot = builder.slot(Labels.of({ __name__: 'h' }))
  builder.add(
    'histogram',
    slot,
    1,
    histogram({ count: 5, positiveSpans: [{ offset: 0, length: 1 }], positiveBuckets: Float64Array.of(4), isInteger: true }),
  )
  const { batch, rejected } = decodeRemoteWrite(encodeRemoteWrite(builder.build(), 2), 2, { now: NOW })
  expect(batch.samples).toEqual([])
  expect(rejected.listed).toEqual([{ where: 'timeseries[0] histogram at 1', reason: '4 observations in buckets, but the count is 5' }])
})

test('a histogram of a finer schema than is stored becomes coarser', () => {
  const builder = new BatchBuilder()
  const slot = builder.slot(Labels.of({ __name__: 'h' }))
  builder.add(
    'histogram',
    slot,
    1,
    histogram({
      schema: 10,
      count: 6,
      positiveSpans: [{ offset: 1, length: 6 }],
      positiveBuckets: Float64Array.of(1, 1, 1, 1, 1, 1),
      isInteger: true,
    }),
  )
  const { batch } = decodeRemoteWrite(encodeRemoteWrite(builder.build(), 1), 1, { now: NOW })
  expect(flatten(batch)[0]!.value).toMatchObject({
    schema: 8,
    positiveSpans: [{ offset: 1, length: 2 }],
    positiveBuckets: Float64Array.of(4, 2),
  })
})

test.each([
  [undefined, 1],
  ['application/x-protobuf', 1],
  ['Application/X-Protobuf; proto=prometheus.WriteRequest', 1],
  ['application/x-protobuf;proto="io.prometheus.write.v2.Request"', 2],
  ['application/x-protobuf;proto=io.prometheus.write.v3.Request', null],
  ['application/json', null],
])('the content type %s means version %s', (contentType, version) => {
  expect(remoteWriteVersion(contentType)).toBe(version)
})

test('the answer counts what was written, for version 2.0 only', () => {
  const two = decodeRemoteWrite(encodeRemoteWrite(sampleBatch(), 2), 2, { now: NOW })
  const result = (rejected: number, column: number): AppendResult => ({
    accepted: 5 - rejected,
    rejected,
    rejections: rejected === 0 ? [] : [{ column, index: 0, slot: 0, reason: 'too_old', message: 'sample 0 is too old' }],
    durability: 'durable',
    sequence: 1,
  })
  const headers = (samples: number, histograms: number, exemplars: number): Case => ({
    'X-Prometheus-Remote-Write-Samples-Written': `${samples}`,
    'X-Prometheus-Remote-Write-Histograms-Written': `${histograms}`,
    'X-Prometheus-Remote-Write-Exemplars-Written': `${exemplars}`,
  })
  expect(remoteWriteAnswer(two, result(0, 0))).toEqual({ complete: true, headers: headers(3, 2, 1), message: '' })
  expect(remoteWriteAnswer(two, result(1, 0))).toEqual({ complete: false, headers: headers(2, 2, 1), message: 'sample 0 is too old\n' })
  expect(remoteWriteAnswer(two, result(1, 1))).toMatchObject({ headers: headers(3, 1, 1) })
  expect(remoteWriteAnswer(two, null)).toMatchObject({ complete: false, headers: headers(0, 0, 0) })
  const one = decodeRemoteWrite(encodeRemoteWrite(sampleBatch(), 1), 1, { now: NOW })
  expect(remoteWriteAnswer(one, result(0, 0))).toEqual({ complete: true, headers: {}, message: '' })
})

const field = corpus('remote-write')
describe.skipIf(field.skip !== null)(field.skip ?? 'the compliance suite’s requests', () => {
  const cases = field.path === null ? [] : readLines(field.path, 'receiver_v2_requests.jsonl')
  test.each(cases.map((item) => [item['id'] as number, item['test'] as string, item] as const))('%i %s', (_, _name, item) => {
    const want = item['expect'] as Case
    const version = remoteWriteVersion(item['headers']['Content-Type'])
    const encoding = item['headers']['Content-Encoding'] as string
    if (want['exactCode'] === 415) return expect(version === null || !REMOTE_WRITE_ENCODINGS.includes(encoding)).toBe(true)
    const decode = (): ReturnType<typeof decodeRemoteWrite> =>
      decodeRemoteWrite(snappyDecode(Buffer.from(item['bodyBase64'], 'base64'), REMOTE_WRITE_LIMITS.bodyBytes), version!, { now: NOW })
    if (item['prometheus314']['body'].includes('corrupt')) return expect(decode).toThrow(/corrupt/)
    const decoded = decode()
    const counts = [decoded.samples, decoded.histograms, decoded.exemplars]
    const wanted = [want['samples'], want['histograms'], want['exemplars']] as number[]
    expect(decoded.rejected.count === 0).toBe(want['success'])
    if (!want['success']) counts.forEach((count, i) => expect(count).toBeLessThanOrEqual(wanted[i]!))
    // An exemplar without a sample has nothing to stand beside, but no harm is done by it either.
    else if (version === 2) expect(counts).toEqual(wanted)
  })
})
