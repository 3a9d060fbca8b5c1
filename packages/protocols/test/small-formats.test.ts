/** OpenTSDB, JSON lines, CSV, collectd, federation and OpenMetrics dumps. */
import { expect, test } from 'vitest'
import { Labels, SampleBuffer } from '@tsink/core'
import {
  decodeCollectd,
  decodeCsv,
  decodeJsonLines,
  decodeOpenMetricsText,
  decodeOpenTsdbJson,
  decodeOpenTsdbLines,
  decodePrometheusText,
  encodeCsv,
  encodeFederation,
  encodeJsonLines,
  OpenMetricsEncoder,
  openTsdbReply,
  parseCsvFields,
  parseCsvFormat,
} from '@tsink/protocols'
import { ascii, flatten, print } from './lines.ts'

const NOW = 1_700_000_000_000
const options = { now: NOW }
const odd = Labels.of({ __name__: 'my.metric', 'a b': 'x "y"\n\\', c: ',' })

function samplesOf(...values: number[]): SampleBuffer {
  const samples = new SampleBuffer()
  values.forEach((value, i) => samples.push(1_000 + i * 500, value))
  return samples
}

test('OpenTSDB lines', () => {
  const { batch, rejected } = decodeOpenTsdbLines(
    ascii(
      'put sys.cpu 1356998400 42.5 host=web01 cpu=0\r\nput a 1356998400123 1 fqdn=vm  \r\nput b x 1 a=b\nversion\nput c 1 y\nput d 1 1 a=\n',
    ),
    options,
  )
  expect(print(batch)).toEqual(['sys_cpu{cpu="0", host="web01"} 42.5 @1356998400000', 'a{fqdn="vm"} 1 @1356998400123'])
  expect(rejected.listed.map(({ where, reason }) => `${where}: ${reason}`)).toEqual([
    'line 3: expected a timestamp, found "x"',
    'line 4: expected put, found "version"',
    'line 5: expected a value, found "y"',
    'line 6: expected tag=value, found "a="',
  ])
  expect(openTsdbReply('version\n')).toMatch(/put/)
  expect(openTsdbReply('put a')).toBe(null)
})

test('OpenTSDB JSON: one point, many, and bad ones', () => {
  const point = { metric: 'sys.cpu', timestamp: 1_356_998_400, value: '42.5', tags: { host: 'web01' } }
  expect(print(decodeOpenTsdbJson(ascii(JSON.stringify(point)), options).batch)).toEqual(['sys_cpu{host="web01"} 42.5 @1356998400000'])
  const { batch, rejected } = decodeOpenTsdbJson(ascii(JSON.stringify([point, { ...point, value: null }, 5])), options)
  expect([print(batch).length, rejected.count]).toEqual([1, 2])
  expect(() => decodeOpenTsdbJson(ascii('{'), options)).toThrow(expect.objectContaining({ code: 'BAD_REQUEST' }))
})

test('JSON lines survive both ways, special values too', () => {
  const text = [...encodeJsonLines(odd, samplesOf(1, -0, NaN, Infinity, -Infinity, 1e-7))].join('')
  const { batch, rejected } = decodeJsonLines(ascii(text), options)
  expect(rejected.listed).toEqual([])
  expect(flatten(batch).map(({ labels, value, timestamp }) => [labels.equals(odd), value, timestamp])).toEqual(
    ['1', '-0', 'NaN', '+Inf', '-Inf', '1e-07'].map((value, i) => [true, value, 1_000 + i * 500]),
  )
})

test.each([
  ['{"metric":{"__name__":"a"},"values":[1],"timestamps":[]}', '1 values for 0 timestamps'],
  ['{"metric":{"__name__":"a"},"values":["x"],"timestamps":[1]}', 'value 0 is no number: "x"'],
  ['{"metric":{"job":"a"},"values":[1],"timestamps":[1]}', 'the metric name is missing'],
  ['[]', 'expected "metric" as an object'],
  ['{', 'is no JSON'],
])('the JSON line %s is refused', (line, reason) => {
  const { batch, rejected } = decodeJsonLines(ascii(`${line}\n{"metric":{"__name__":"b"},"values":[1],"timestamps":[1]}`), options)
  expect(print(batch)).toEqual(['b 1 @1'])
  expect(rejected.listed[0]).toEqual({ where: 'line 1', reason: expect.stringContaining(reason) as string })
})

test('CSV in: columns by number, quoted cells, empty metrics, bad rows', () => {
  const columns = parseCsvFormat('2:metric:ask,3:metric:bid,1:label:ticker,4:time:unix_s')
  const { batch, rejected } = decodeCsv(ascii('t,a,b,x\r\n"GO,OG",1.5,,10\n"A""B",2,3,11\nC,x,1,12\nD,1\n'), {
    now: NOW,
    columns,
    skipRows: 1,
  })
  expect(print(batch)).toEqual(['ask{ticker="GO,OG"} 1.5 @10000', 'ask{ticker="A\\"B"} 2 @11000', 'bid{ticker="A\\"B"} 3 @11000'])
  expect(rejected.listed).toEqual([
    { where: 'line 4', reason: 'column 2: "x" is no number' },
    { where: 'line 5', reason: '2 cells, but column 3 is wanted' },
  ])
})

test.each(['', '0:metric:a', '1:metric', '1:what:a', '1:time:never', '1:label:a'])('the CSV format %j is refused', (format) => {
  expect(() => parseCsvFormat(format)).toThrow(expect.objectContaining({ code: 'BAD_REQUEST' }))
})

test('CSV out', () => {
  const fields = parseCsvFields('__name__,c,__value__,__timestamp__:rfc3339,__timestamp__:unix_s')
  expect([...encodeCsv(odd, samplesOf(1.5), fields)].join('')).toBe('my.metric,",",1.5,1970-01-01T00:00:01.000Z,1\n')
})

test('collectd', () => {
  const list = {
    values: [1, 2],
    dstypes: ['gauge', 'derive'],
    dsnames: ['value', 'tx'],
    time: 1.5,
    host: 'h',
    plugin: 'interface',
    plugin_instance: 'eth0',
    type: 'if_octets',
    type_instance: '',
  }
  const { batch, rejected } = decodeCollectd(
    ascii(
      JSON.stringify([
        list,
        {
          ...list,
          plugin: 'load',
          type: 'load',
          plugin_instance: '',
          type_instance: 'short',
          values: [5],
          dstypes: ['gauge'],
          dsnames: ['value'],
        },
        {},
      ]),
    ),
    options,
  )
  expect(print(batch)).toEqual([
    'collectd_interface_if_octets{instance="h", interface="eth0"} 1 @1500',
    'collectd_interface_if_octets_tx_total{instance="h", interface="eth0"} 2 @1500',
    'collectd_load{instance="h", load="short"} 5 @1500',
  ])
  expect(rejected.count).toBe(1)
})

test('federation is text that reads back as it was', () => {
  const vector = [
    { labels: odd, timestamp: 5, value: NaN, histogram: null },
    { labels: Labels.of({ __name__: 'b' }), timestamp: 7, value: 1e6, histogram: null },
    { labels: Labels.of({ __name__: 'a', instance: 'i', z: '1' }), timestamp: 6, value: 0.5, histogram: null },
  ]
  const text = [...encodeFederation(vector)].join('')
  expect(text).toBe(
    '# TYPE a untyped\na{instance="i",z="1"} 0.5 6\n# TYPE b untyped\nb{instance=""} 1e+06 7\n# TYPE "my.metric" untyped\n{"my.metric","a b"="x \\"y\\"\\n\\\\",c=",",instance=""} NaN 5\n',
  )
  expect(flatten(decodePrometheusText(ascii(text), options).batch).map(({ labels }) => labels.key())).toEqual(
    [vector[2]!, vector[1]!, vector[0]!].map(({ labels }) => labels.key()),
  )
})

test('a dump is OpenMetrics by the specification', () => {
  const encoder = new OpenMetricsEncoder()
  const text = [
    ...encoder.series(Labels.of({ __name__: 'a_total', x: '1' }), samplesOf(1, 2)),
    ...encoder.series(Labels.of({ __name__: 'a_total', x: '2' }), samplesOf(3)),
    ...encoder.series(odd, samplesOf(4)),
    ...Array.from(encoder.end()),
  ].join('')
  expect(text.split('\n').slice(0, 3)).toEqual(['# TYPE a_total unknown', 'a_total{x="1"} 1 1', 'a_total{x="1"} 2 1.5'])
  expect(print(decodeOpenMetricsText(ascii(text), { now: NOW, strict: true }).batch).length).toBe(4)
})
