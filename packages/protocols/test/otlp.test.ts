import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import protobuf from 'protobufjs'
import { describe, expect, test } from 'vitest'
import { isStale, type Histogram } from '@tsink/core'
import {
  decodeOtlp,
  DeltaAccumulator,
  encodeOtlpResponse,
  SeriesCache,
  translateLabelName,
  translateMetricName,
  translateUnit,
  type OtlpMetricType,
  type OtlpOptions,
  type TranslationStrategy,
  bucketLayout,
  printShortest,
} from '@tsink/protocols'
import { corpus } from '@tsink/testing'
import { ascii, flatten, print, readLines, type Case } from './lines.ts'

const NOW = 1_700_000_000_000

const at = (seconds: number): string => `${1_700_000_000 + seconds}000000000`

function request(metric: Case, resource: Case[] = []): Uint8Array {
  return ascii(
    JSON.stringify({
      resourceMetrics: [{ resource: { attributes: resource }, scopeMetrics: [{ scope: { name: 's', version: '1' }, metrics: [metric] }] }],
    }),
  )
}

const decode = (metric: Case, options: Partial<OtlpOptions> = {}, resource: Case[] = []): string[] =>
  print(decodeOtlp(request(metric, resource), 'json', { now: NOW, ...options }).batch)

const text = (key: string, value: string): Case => ({ key, value: { stringValue: value } })

test('gauges and sums with units, attributes and the resource', () => {
  const resource = [text('service.name', 'shop'), text('service.instance.id', 'i'), text('host.name', 'h')]
  expect(
    decode(
      {
        name: 'cpu.time',
        unit: 's',
        sum: {
          isMonotonic: true,
          aggregationTemporality: 2,
          dataPoints: [{ timeUnixNano: at(1), asInt: '5', attributes: [text('a.b', 'c')] }],
        },
      },
      {},
      resource,
    ),
  ).toEqual([
    'cpu_time_seconds_total{a_b="c", instance="i", job="shop"} 5 @1700000001000',
    'target_info{host_name="h", instance="i", job="shop"} 1 @1700000001000',
  ])
  expect(
    decode({ name: 'x', gauge: { dataPoints: [{ timeUnixNano: at(0), asDouble: 'NaN' }] } }, { translationStrategy: 'NoTranslation' }),
  ).toEqual(['x NaN @1700000000000'])
})

test('a point without a recorded value is a stale marker', () => {
  const { batch } = decodeOtlp(request({ name: 'x', gauge: { dataPoints: [{ timeUnixNano: at(0), flags: 1 }] } }), 'json', { now: NOW })
  expect(isStale(batch.samples[0]!.values as Float64Array, 0)).toBe(true)
})

test('deltas are refused, kept, or summed up', () => {
  const sum = (from: number, to: number, value: number): Case => ({
    name: 'd',
    sum: {
      isMonotonic: true,
      aggregationTemporality: 'AGGREGATION_TEMPORALITY_DELTA',
      dataPoints: [{ startTimeUnixNano: at(from), timeUnixNano: at(to), asInt: value }],
    },
  })
  const { batch, rejected } = decodeOtlp(request(sum(0, 1, 5)), 'json', { now: NOW })
  expect(batch.samples).toEqual([])
  expect(rejected.toString()).toContain('invalid temporality and type combination for metric "d"')
  expect(decode(sum(0, 1, 5), { delta: 'keep' })).toEqual(['d_total 5 @1700000001000'])
  const delta = new DeltaAccumulator()
  expect(decode(sum(0, 1, 5), { delta })).toEqual(['d_total 5 @1700000001000'])
  expect(decode(sum(1, 2, 3), { delta })).toEqual(['d_total 8 @1700000002000'])
  // Sent again, it does not count again.
  expect(decode(sum(1, 2, 3), { delta })).toEqual([])
  expect(decode(sum(2, 9_000, 1), { delta })).toEqual(['d_total 1 @1700009000000'])
})

test('delta histograms of both kinds are summed up, exponential ones at the coarser scale', () => {
  const delta = new DeltaAccumulator()
  const classic = (to: number, counts: number[]): Case => ({
    name: 'h',
    histogram: {
      aggregationTemporality: 1,
      dataPoints: [
        {
          startTimeUnixNano: at(to - 1),
          timeUnixNano: at(to),
          count: counts[0]! + counts[1]!,
          sum: 1,
          bucketCounts: counts,
          explicitBounds: [1],
        },
      ],
    },
  })
  decode(classic(1, [1, 2]), { delta })
  expect(decode(classic(2, [3, 4]), { delta })).toEqual([
    'h_sum 2 @1700000002000',
    'h_count 10 @1700000002000',
    'h_bucket{le="1"} 4 @1700000002000',
    'h_bucket{le="+Inf"} 10 @1700000002000',
  ])
  const exponential = (to: number, scale: number, counts: number[]): Case => ({
    name: 'e',
    exponentialHistogram: {
      aggregationTemporality: 1,
      dataPoints: [
        {
          startTimeUnixNano: at(to - 1),
          timeUnixNano: at(to),
          count: counts.reduce((a, b) => a + b),
          sum: 1,
          scale,
          positive: { offset: 2, bucketCounts: counts },
        },
      ],
    },
  })
  const run = (metric: Case): Histogram => flatten(decodeOtlp(request(metric), 'json', { now: NOW, delta }).batch)[0]!.value as Histogram
  run(exponential(1, 1, [1, 1, 1]))
  // Buckets 2, 3, 4 of scale 1 are 1, 1, 2 of scale 0.
  expect(run(exponential(2, 0, [5]))).toMatchObject({
    schema: 0,
    count: 8,
    sum: 2,
    positiveSpans: [{ offset: 2, length: 2 }],
    positiveBuckets: Float64Array.of(2, 6),
  })
})

test('streams beyond the limit begin anew', () => {
  const delta = new DeltaAccumulator({ maxStreams: 2 })
  const send = (name: string, to: number): string[] =>
    decode(
      {
        name,
        sum: {
          isMonotonic: true,
          aggregationTemporality: 1,
          dataPoints: [{ startTimeUnixNano: at(to - 1), timeUnixNano: at(to), asInt: 1 }],
        },
      },
      { delta, translationStrategy: 'NoTranslation' },
    )
  send('a', 1)
  send('b', 1)
  send('c', 1)
  expect(delta.size).toBe(2)
  expect(send('a', 2)).toEqual(['a 1 @1700000002000'])
  expect(send('c', 2)).toEqual(['c 2 @1700000002000'])
})

test.each([
  ['[]', 'OTLP JSON: the body: expected an object, found []'],
  ['{', 'OTLP JSON: the body: is no JSON'],
  ['{"resourceMetrics":5}', 'OTLP JSON: resourceMetrics: expected a list, found 5'],
  [
    '{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":7}]}]}]}',
    'OTLP JSON: resourceMetrics[0].scopeMetrics[0].metrics[0].name: expected a string, found 7',
  ],
  [
    '{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"gauge":{"dataPoints":[{"asDouble":"x"}]}}]}]}]}',
    'OTLP JSON: resourceMetrics[0].scopeMetrics[0].metrics[0].gauge.dataPoints[0].asDouble: expected a number, found "x"',
  ],
])('%s is refused', (body, message) => {
  expect(() => decodeOtlp(ascii(body), 'json', { now: NOW })).toThrow(message)
})

test('attributes that nest too deep are refused', () => {
  let value: Case = { stringValue: 'x' }
  for (let i = 0; i < 50; i++) value = { arrayValue: { values: [value] } }
  expect(() => decode({ name: 'x', gauge: { dataPoints: [{ attributes: [{ key: 'a', value }] }] } })).toThrow(/nests deeper/)
})

test('the answer says what was not taken', () => {
  expect(encodeOtlpResponse('protobuf', 0, '').length).toBe(0)
  expect(encodeOtlpResponse('protobuf', 3, 'no')).toEqual(Uint8Array.of(0x0a, 6, 0x08, 3, 0x12, 2, 0x6e, 0x6f))
  expect(new TextDecoder().decode(encodeOtlpResponse('json', 3, 'no'))).toBe(
    '{"partialSuccess":{"rejectedDataPoints":"3","errorMessage":"no"}}',
  )
})

const field = corpus('otlp')
const protos = corpus('proto')
describe.skipIf(field.skip !== null)(field.skip ?? 'the field’s own cases', () => {
  const lines = (name: string): Case[] => (field.path === null ? [] : readLines(field.path, name))

  test.each(lines('metric_names.jsonl').map((item) => [item['name'] as string, item] as const))('metric name: %s', (_, item) => {
    const run = (): string =>
      translateMetricName(item['metric'], item['unit'], item['type'] as OtlpMetricType, {
        utf8: item['utf8Allowed'],
        suffixes: item['withMetricSuffixes'],
        namespace: item['namespace'],
      })
    if (item['wantError'] !== '') return expect(run).toThrow()
    expect(run()).toBe(item['wantMetricName'])
    expect(translateUnit(item['unit'] as string)).toBe(item['wantUnitName'])
  })

  test.each(lines('label_names.jsonl').map((item) => [item['id'] as number, item['label'] as string, item] as const))(
    'label name %i: %s',
    (_, label, item) => {
      const run = (): string =>
        translateLabelName(label, {
          utf8: item['utf8Allowed'],
          underscoreSanitization: item['underscoreLabelSanitization'],
          preserveMultipleUnderscores: item['preserveMultipleUnderscores'],
        })
      if (!item['ok']) return expect(run).toThrow()
      expect(run()).toBe(item['want'])
    },
  )

  test.each(lines('bucket_layout.jsonl').map((item) => [item['id'] as number, item] as const))('bucket layout %i', (_, item) => {
    const { spans, buckets } = bucketLayout(
      { offset: item['offset'], counts: item['bucketCounts'] ?? [] },
      item['scaleDown'],
      item['adjustOffsetByOne'],
    )
    expect(spans.map(({ offset, length }) => [offset, length])).toEqual(item['spans'] ?? [])
    expect([...buckets].map((count, i) => (i === 0 ? count : count - buckets[i - 1]!))).toEqual(item['deltas'] ?? [])
  })

  const cases = [
    ...lines('translate.jsonl').map((item) => [`translate ${item['id']}`, item['otlpJson'] as Case, item] as const),
    ...lines('payload_golden.jsonl').map(
      (item) =>
        [
          `${item['payload']} ${item['config']}`,
          JSON.parse(readFileSync(join(field.path!, 'examples', item['payload']), 'utf8')) as Case,
          item,
        ] as const,
    ),
  ]
  test.each(cases)('%s', (_, payload, item) => {
    const decoded = decodeOtlp(ascii(JSON.stringify(payload)), 'json', optionsOf(item['settings'] as Case))
    expect(got(flatten(decoded.batch))).toEqual(wanted((item['samples'] as Case[] | null) ?? []))
    expect(decoded.rejected.count > 0).toBe(Boolean(item['error']))
    for (const sample of (item['samples'] as Case[] | null) ?? []) {
      const known = decoded.batch.metadata!.find(({ metric }) => metric === sample['metricFamily'])
      if (sample['type'] !== undefined && known !== undefined) expect(known.type).toBe(sample['type'])
      if (sample['unit'] !== undefined && sample['unit'] !== '') expect(known!.unit).toBe(sample['unit'])
      if (sample['help'] !== undefined) expect(known!.help).toBe(sample['help'])
    }
  })

  test.skipIf(protos.skip !== null).each(cases)('protobuf says the same: %s', (_, payload, item) => {
    const options = optionsOf(item['settings'] as Case)
    const json = decodeOtlp(ascii(JSON.stringify(payload)), 'json', options)
    const binary = decodeOtlp(asProtobuf(payload), 'protobuf', options)
    expect(flatten(binary.batch)).toEqual(flatten(json.batch))
    expect(binary.rejected.listed).toEqual(json.rejected.listed)
    expect(binary.batch.exemplars!.length).toEqual(json.batch.exemplars!.length)
    // Known series are found by their raw bytes.
    const cache = new SeriesCache()
    for (let round = 0; round < 3; round++) {
      const cached = decodeOtlp(asProtobuf(payload), 'protobuf', { ...options, cache })
      expect(flatten(cached.batch)).toEqual(flatten(json.batch))
      for (let slot = 0; slot < cached.batch.series.count; slot++) cached.batch.series.refs[slot] = slot + 1
    }
  })
})

let requestType: protobuf.Type | undefined

function asProtobuf(payload: Case): Uint8Array {
  if (requestType === undefined) {
    const root = new protobuf.Root()
    root.resolvePath = (_, target) => join(protos.path!, target)
    requestType = root.loadSync('opentelemetry/proto/collector/metrics/v1/metrics_service.proto').lookupType('ExportMetricsServiceRequest')
  }
  const plain = structuredClone(payload)
  idsToBase64(plain)
  return requestType.encode(requestType.fromObject(plain)).finish()
}

function idsToBase64(value: unknown): void {
  if (typeof value !== 'object' || value === null) return
  for (const [key, inner] of Object.entries(value)) {
    if ((key === 'traceId' || key === 'spanId') && typeof inner === 'string')
      (value as Case)[key] = Buffer.from(inner, 'hex').toString('base64')
    else idsToBase64(inner)
  }
}

function optionsOf(settings: Case): OtlpOptions {
  const strategies: Record<string, TranslationStrategy> = {
    'false,true': 'UnderscoreEscapingWithSuffixes',
    'false,false': 'UnderscoreEscapingWithoutSuffixes',
    'true,true': 'NoUTF8EscapingWithSuffixes',
    'true,false': 'NoTranslation',
  }
  const promote = settings['promoteResourceAttributes'] as Case | null
  return {
    now: NOW,
    translationStrategy: strategies[`${settings['allowUTF8']},${settings['addMetricSuffixes']}`]!,
    namespace: settings['namespace'] as string,
    labelNameUnderscoreSanitization: settings['labelNameUnderscoreSanitization'] as boolean,
    labelNamePreserveMultipleUnderscores: settings['labelNamePreserveMultipleUnderscores'] as boolean,
    keepIdentifyingResourceAttributes: settings['keepIdentifyingResourceAttributes'] as boolean,
    typeAndUnitLabels: settings['enableTypeAndUnitLabels'] as boolean,
    promoteScopeMetadata: settings['promoteScopeMetadata'] as boolean,
    convertHistogramsToNHCB: settings['convertHistogramsToNHCB'] as boolean,
    disableTargetInfo: settings['disableTargetInfo'] as boolean,
    delta: settings['allowDeltaTemporality'] ? 'keep' : 'refuse',
    promoteResourceAttributes: (promote?.['only'] as string[] | undefined) ?? [],
    ...(promote?.['all'] === true ? { promoteAllResourceAttributes: true, ignoreResourceAttributes: promote['ignore'] as string[] } : {}),
    ...(settings['lookbackDeltaMs'] > 0 ? { lookbackMs: settings['lookbackDeltaMs'] as number } : {}),
  }
}

function line(labels: object, value: unknown, timestamp: number, start: number): string {
  return JSON.stringify([Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)), value, timestamp, start])
}

function wanted(samples: Case[]): string[] {
  return samples
    .map((sample) =>
      line(
        sample['labels'] as object,
        sample['value'] ?? histogramText(sample['histogram'] as Case),
        sample['timestampMs'],
        sample['startTimestampMs'] ?? 0,
      ),
    )
    .sort()
}

function got(flat: ReturnType<typeof flatten>): string[] {
  return flat
    .map(({ labels, value, timestamp, startTimestamp }) =>
      line(labels.toJSON(), typeof value === 'object' ? histogramText(asCase(value)) : value, timestamp, startTimestamp),
    )
    .sort()
}

function asCase(h: Histogram): Case {
  const stale = isStale(Float64Array.of(h.sum), 0)
  return {
    count: printShortest(h.count),
    sum: stale ? 'stale' : printShortest(h.sum),
    schema: h.schema,
    zeroCount: printShortest(h.zeroCount),
    zeroThreshold: printShortest(h.zeroThreshold),
    counterResetHint: h.hint,
    integer: h.isInteger,
    customValues: [...h.customValues].map(printShortest),
    positiveSpans: h.positiveSpans.map(({ offset, length }) => [offset, length]),
    negativeSpans: h.negativeSpans.map(({ offset, length }) => [offset, length]),
    positiveBucketsAbsolute: [...h.positiveBuckets].map(printShortest),
    negativeBucketsAbsolute: [...h.negativeBuckets].map(printShortest),
  }
}

function histogramText(h: Case): string {
  return JSON.stringify(Object.entries(h).sort(([a], [b]) => (a < b ? -1 : 1)))
}
