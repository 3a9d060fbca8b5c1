import { describe, expect, test } from 'vitest'
import { histogram, Labels, type MatrixSeries, type QueryResult, type QueryValue, type VectorSample } from '@tsink/core'
import { encodeError, encodeHistogram, encodeListing, encodeQueryResult, encodeSuccess, PROMETHEUS_JSON_LIMITS } from '@tsink/protocols'
import { corpus } from '@tsink/testing'
import { readLines, type Case } from './lines.ts'

const textOf = (pieces: Iterable<Uint8Array>): string => Buffer.concat([...pieces]).toString()

const encode = (value: QueryValue, extras: Partial<QueryResult> = {}, stats?: unknown): string =>
  textOf(encodeQueryResult({ value, warnings: [], infos: [], ...extras }, stats))

const up = Labels.of({ __name__: 'up', job: 'a"b' })
const vector = (timestamp: number, value: number): QueryValue => ({
  type: 'vector',
  samples: [{ labels: up, timestamp, value, histogram: null }],
})

test.each([
  ['a scalar', { type: 'scalar', timestamp: 1_500, value: 1 }, '{"resultType":"scalar","result":[1.5,"1"]}'],
  ['a string', { type: 'string', timestamp: 2_000, value: 'a\n"<"' }, '{"resultType":"string","result":[2,"a\\n\\"<\\""]}'],
  ['no vector', { type: 'vector', samples: [] }, '{"resultType":"vector","result":[]}'],
  [
    'a vector',
    vector(1_705_315_800_500, 0.1),
    '{"resultType":"vector","result":[{"metric":{"__name__":"up","job":"a\\"b"},"value":[1705315800.500,"0.1"]}]}',
  ],
  [
    'a small fraction of a second',
    vector(1_001, 1),
    '{"resultType":"vector","result":[{"metric":{"__name__":"up","job":"a\\"b"},"value":[1.001,"1"]}]}',
  ],
  [
    'times before 1970',
    vector(-1_500, 1),
    '{"resultType":"vector","result":[{"metric":{"__name__":"up","job":"a\\"b"},"value":[-1.500,"1"]}]}',
  ],
] as [string, QueryValue, string][])('%s', (_, value, want) => {
  expect(encode(value)).toBe(`{"status":"success","data":${want}}`)
})

test.each([
  [0, '0'],
  [-0, '-0'],
  [1, '1'],
  [-1.5, '-1.5'],
  [NaN, 'NaN'],
  [Infinity, '+Inf'],
  [-Infinity, '-Inf'],
  [1e-6, '0.000001'],
  [1e-7, '1e-07'],
  [1e20, '100000000000000000000'],
  [1e21, '1e+21'],
  [1.5e300, '1.5e+300'],
  [5e-324, '5e-324'],
  [0.30000000000000004, '0.30000000000000004'],
])('the value %d is "%s"', (value, want) => {
  expect(encode(vector(0, value))).toContain(`"value":[0,"${want}"]`)
})

test('every value is printed as JavaScript and Go print it, whatever way it takes', () => {
  const values = [
    0.001,
    0.1,
    0.12,
    0.123,
    0.1234,
    1.05,
    1.005,
    999.999,
    1e12 - 0.001,
    1e12,
    1e15,
    2 ** 53,
    123_456_789_012.5,
    0.0005,
    1e-6,
    1e9,
    1e9 - 1,
  ]
  for (let i = 0; i < 20_000; i++) {
    const digits = 1 + (i % 17)
    values.push(Number((Math.sin(i * 7.31) * 10 ** ((i % 25) - 8)).toPrecision(digits)), Math.round(Math.sin(i) * 10 ** (i % 14)) / 1_000)
  }
  const all = Float64Array.from(values.flatMap((value) => [value, -value]))
  const times = Float64Array.from(all, (_, i) => i * 37 + (i % 3 === 0 ? 1_700_000_000_000 : 0))
  const [series] = JSON.parse(encode({ type: 'matrix', series: [{ labels: up, timestamps: times, values: all, histograms: null }] })).data
    .result
  for (let i = 0; i < all.length; i++) {
    const text = `${all[i]}`.replace(/e([+-])(\d)$/, 'e$10$2')
    const want = Object.is(all[i], -0) ? '-0' : text
    if (series.values[i][1] !== want || series.values[i][0] !== times[i]! / 1_000)
      expect([i, ...series.values[i]]).toEqual([i, times[i]! / 1_000, want])
  }
})

test('labels with characters of any kind', () => {
  for (const text of [
    'plain',
    'ü',
    'a"b',
    'a\\b',
    'a\nb',
    '\u0000',
    '<&>',
    '\u2028',
    '\ud800',
    '😀 and more',
    'x'.repeat(100_000),
    `${'x'.repeat(70_000)}"ü`,
  ]) {
    const bytes = textOf(encodeListing([text, Labels.of({ a: text })]))
    expect(bytes).toBe(`{"status":"success","data":[${JSON.stringify(text)},{"a":${JSON.stringify(text)}}]}`)
  }
})

test('label sets are the same each time, when their bytes are kept and across pieces', () => {
  const sets = Array.from({ length: 4_000 }, (_, i) => Labels.of({ __name__: 'ü', a: `"${i}"`, b: 'x'.repeat(200) }))
  const want = `{"status":"success","data":[${sets.map((labels) => JSON.stringify(labels)).join(',')}]}`
  for (let round = 0; round < 3; round++) expect(textOf(encodeListing(sets)) === want, `round ${round}`).toBe(true)
})

test('answers that are made at the same time do not get into each other', () => {
  const series = (value: number): MatrixSeries => ({
    labels: up,
    timestamps: new Float64Array(100_000).map((_, i) => i),
    values: new Float64Array(100_000).fill(value),
    histograms: null,
  })
  const one = encodeQueryResult({ value: { type: 'matrix', series: [series(1)] }, warnings: [], infos: [] })
  const two = encodeQueryResult({ value: { type: 'matrix', series: [series(2)] }, warnings: [], infos: [] })
  const [ones, twos]: [Uint8Array[], Uint8Array[]] = [[], []]
  for (;;) {
    const [a, b] = [one.next(), two.next()]
    if (a.done === true || b.done === true) break
    ones.push(a.value)
    twos.push(b.value)
  }
  expect(JSON.parse(textOf(ones)).data.result[0].values.every(([, value]: [number, string]) => value === '1')).toBe(true)
  expect(JSON.parse(textOf(twos)).data.result[0].values.every(([, value]: [number, string]) => value === '2')).toBe(true)
})

test('a matrix with floats and histograms, warnings, infos and statistics', () => {
  const h = histogram({
    count: 3,
    sum: 2,
    zeroThreshold: 0.5,
    zeroCount: 1,
    positiveSpans: [{ offset: 0, length: 2 }],
    positiveBuckets: Float64Array.of(2, 0),
  })
  const series: MatrixSeries = {
    labels: Labels.of({ a: 'b' }),
    timestamps: Float64Array.of(1_000, 2_000, 3_000),
    values: Float64Array.of(1, 2, 3),
    histograms: [undefined, h, undefined],
  }
  expect(encode({ type: 'matrix', series: [series] }, { warnings: ['w'], infos: ['i'] }, { samples: 1 })).toBe(
    '{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"a":"b"},"values":[[1,"1"],[3,"3"]],' +
      '"histograms":[[2,{"count":"3","sum":"2","buckets":[[3,"-0.5","0.5","1"],[0,"0.5","1","2"]]}]]}],"stats":{"samples":1}},' +
      '"warnings":["w"],"infos":["i"]}',
  )
})

test('a histogram without buckets has no buckets', () => {
  expect(encodeHistogram(histogram({ count: 0, sum: NaN }))).toBe('{"count":"0","sum":"NaN"}')
})

test('a large result comes in pieces of bounded size', () => {
  const samples = 300_000
  const series: MatrixSeries = {
    labels: up,
    timestamps: new Float64Array(samples).map((_, i) => i),
    values: new Float64Array(samples),
    histograms: null,
  }
  let pieces = 0
  const all: Uint8Array[] = []
  for (const piece of encodeQueryResult({ value: { type: 'matrix', series: [series] }, warnings: [], infos: [] })) {
    expect(piece.length).toBeLessThan(PROMETHEUS_JSON_LIMITS.pieceBytes * 2)
    pieces++
    all.push(piece)
  }
  expect(pieces).toBeGreaterThan(15)
  expect(JSON.parse(textOf(all)).data.result[0].values.length).toBe(samples)
})

test('errors, listings and other data', () => {
  expect(encodeError('bad_data', 'no "x"')).toBe('{"status":"error","errorType":"bad_data","error":"no \\"x\\""}')
  expect(textOf(encodeListing(['a', up], { warnings: ['cut'] }))).toBe(
    '{"status":"success","data":["a",{"__name__":"up","job":"a\\"b"}],"warnings":["cut"]}',
  )
  expect(encodeSuccess({ x: 1 })).toBe('{"status":"success","data":{"x":1}}')
})

const field = corpus('http-api')
describe.skipIf(field.skip !== null)(field.skip ?? 'recorded answers', () => {
  const answers = field.path === null ? [] : [...readLines(field.path, 'stock.jsonl'), ...readLines(field.path, 'features.jsonl')]
  const results = answers.filter((item) => item['json']?.data?.resultType !== undefined)
  test.each(results.map((item, index) => [index, item['name'] as string, item] as const))(
    '%i %s survives reading and writing',
    (_, _name, item) => {
      const { data, warnings, infos } = item['json'] as Case
      const text = encode(valueOf(data), { warnings: warnings ?? [], infos: infos ?? [] }, data.stats)
      expect(JSON.parse(text)).toEqual(item['json'])
    },
  )
})

// Histograms of answers have lost their schema, so samples with one are compared in the server's tests.
function valueOf(data: Case): QueryValue {
  const number = (text: string): number => Number(text.replace('Inf', 'Infinity'))
  const hasHistogram = JSON.stringify(data).includes('"histogram')
  if (hasHistogram)
    data['result'] = (data['result'] as Case[]).filter((item) => item['histogram'] === undefined && item['histograms'] === undefined)
  switch (data['resultType']) {
    case 'scalar':
      return { type: 'scalar', timestamp: data['result'][0] * 1e3, value: number(data['result'][1]) }
    case 'string':
      return { type: 'string', timestamp: data['result'][0] * 1e3, value: data['result'][1] }
    case 'vector':
      return {
        type: 'vector',
        samples: (data['result'] as Case[]).map((item): VectorSample => ({
          labels: Labels.of(item['metric']),
          timestamp: Math.round(item['value'][0] * 1e3),
          value: number(item['value'][1]),
          histogram: null,
        })),
      }
    default:
      return {
        type: 'matrix',
        series: (data['result'] as Case[]).map((item): MatrixSeries => {
          const values = item['values'] as [number, string][]
          return {
            labels: Labels.of(item['metric']),
            timestamps: Float64Array.from(values, ([t]) => Math.round(t * 1e3)),
            values: Float64Array.from(values, ([, v]) => number(v)),
            histograms: null,
          }
        }),
      }
  }
}
