import { describe, expect, test } from 'vitest'
import {
  decodeLineProtocol,
  encodeLine,
  influxPrecision,
  LineParser,
  SeriesCache,
  unescapedName,
  unescapedString,
  type InfluxOptions,
  type InfluxValue,
  LineProblem,
} from '@tsink/protocols'
import { corpus } from '@tsink/testing'
import { ascii, flatten, print, readLines, type Case } from './lines.ts'

const NOW = 1_700_000_000_000
const decode = (text: string, options: Partial<InfluxOptions> = {}): string[] =>
  print(decodeLineProtocol(ascii(text), { now: NOW, ...options }).batch)

test.each([
  [
    'a field is a metric',
    'cpu,host=a usage=0.5,idle=1 1700000000123456789',
    ['cpu_usage{host="a"} 0.5 @1700000000123', 'cpu_idle{host="a"} 1 @1700000000123'],
  ],
  ['integers are numbers', 'm a=3i,b=7u', [`m_a 3 @${NOW}`, `m_b 7 @${NOW}`]],
  ['booleans and strings stay', 'm a=t,b=False,s="x \\" y"', [`m_a true @${NOW}`, `m_b false @${NOW}`, `m_s x " y @${NOW}`]],
  ['escapes', String.raw`my\ m,a\,b=c\ d\=e f\=g=1`, [`my_m_f_g{a_b="c d=e"} 1 @${NOW}`]],
  ['comments, blank lines and Windows line ends', '# hello\r\n\r\nm v=1\r\n\n  m v=2\n', [`m_v 1 @${NOW}`, `m_v 2 @${NOW}`]],
  ['names that need it are prefixed', '0m,1t=x v=1', [`_0m_v{_1t="x"} 1 @${NOW}`]],
  ['times before 1970', 'm v=1 -1', ['m_v 1 @-1']],
])('%s', (_, text, want) => {
  expect(decode(text)).toEqual(want)
})

test('options: precision, names as they are, a bare field, extra labels', () => {
  expect(decode('m v=1 5', { precision: 's' })).toEqual(['m_v 1 @5000'])
  expect(decode('m v=1 2', { precision: 'h' })).toEqual(['m_v 1 @7200000'])
  expect(decode('m v=1 1700000000\nm v=1 1700000000123\nm v=1 1700000000123456\nm v=1 1700000000123456789', { precision: 'auto' })).toEqual(
    ['m_v 1 @1700000000000', 'm_v 1 @1700000000123', 'm_v 1 @1700000000123', 'm_v 1 @1700000000123'],
  )
  expect(decode('a.b,c.d=e v=1', { names: 'utf8' })).toEqual([`{"a.b_v", "c.d"="e"} 1 @${NOW}`])
  expect(decode('m value=1', { bareField: 'value' })).toEqual([`m 1 @${NOW}`])
  expect(decode('m,db=own v=1', { extraLabels: { db: 'x', rp: 'y' } })).toEqual([`m_v{db="own", rp="y"} 1 @${NOW}`])
})

test('nanoseconds are exact where the store keeps them', () => {
  const column = decodeLineProtocol(ascii('m v=1 1700000000123456789\nm v=1 -1\n'), { now: NOW, unit: 'ns' }).batch.samples[0]!
  expect([BigInt(column.base) + BigInt(column.timestamps[0]!)]).toEqual([1_700_000_000_123_456_789n])
  const micros = decodeLineProtocol(ascii('m v=1 1700000000123456789'), { now: NOW, unit: 'us' }).batch.samples[0]!
  expect(micros.timestamps[0]).toBe(1_700_000_000_123_456)
})

test('a bad line costs itself, and its place is said, also behind strings with line breaks', () => {
  const { batch, rejected } = decodeLineProtocol(ascii('a v=1\nb v=\nc s="x\ny"\nd v=nope\ne,t=1,t=2 v=1\nf v=1 x\ng v="\n'), { now: NOW })
  expect(print(batch)).toEqual([`a_v 1 @${NOW}`, `c_s x\ny @${NOW}`])
  expect(rejected.listed).toEqual([
    { where: 'line 2, column 5', reason: 'expected a field value, found the end of the line' },
    { where: 'line 5, column 5', reason: 'expected a number, a boolean or a string in quotes, found "nope"' },
    { where: 'line 6, column 7', reason: 'the tag "t" is given twice' },
    { where: 'line 7, column 7', reason: 'expected a timestamp, found "x"' },
    { where: 'line 8, column 5', reason: 'the string has no closing quote' },
  ])
})

test('a cache changes nothing, and tells bodies with other options apart', () => {
  const cache = new SeriesCache()
  for (let round = 0; round < 3; round++) {
    expect(decode('m,a=b v=1,w=2', { cache })).toEqual([`m_v{a="b"} 1 @${NOW}`, `m_w{a="b"} 2 @${NOW}`])
    expect(decode('m,a=b v=1', { cache, extraLabels: { db: 'x' } })).toEqual([`m_v{a="b", db="x"} 1 @${NOW}`])
  }
})

test.each([
  [undefined, 'ns'],
  ['u', 'us'],
  ['µs', 'us'],
  ['second', 's'],
  ['auto', 'auto'],
  ['day', null],
])('the precision %s', (parameter, want) => {
  expect(influxPrecision(parameter)).toBe(want)
})

const field = corpus('influx')
describe.skipIf(field.skip !== null)(field.skip ?? 'the field’s own cases', () => {
  test('decode.jsonl', () => {
    const failures: unknown[] = []
    for (const item of readLines(field.path!, 'decode.jsonl')) {
      const { text, precision, defaultTime } = item['input'] as Case
      const bytes = typeof text === 'string' ? ascii(text) : Buffer.from(text.binary, 'base64')
      const got = points(bytes, BigInt(UNITS[precision as string]!), BigInt(defaultTime))
      const want = item['output']['error'] === undefined ? item['output']['result'] : 'error'
      if (JSON.stringify(got) !== JSON.stringify(want)) failures.push({ id: item['id'], got, want })
    }
    expect(failures).toEqual([])
  })

  const lines = field.path === null ? [] : readLines(field.path, 'encode.jsonl')
  test.each(lines.map((item) => [item['id'] as number, item] as const))('encode %i', (_, item) => {
    const { point, precision } = item['input'] as Case
    const time = BigInt(point.time) / BigInt(UNITS[precision as string]!)
    const encode = (): string =>
      encodeLine({
        measurement: bytesText(point.name),
        tags: (point.tags as Case[]).map(({ key, value }) => [bytesText(key), bytesText(value)] as const),
        fields: (point.fields as Case[]).map(({ key, value }) => [bytesText(key), valueOf(value as Case)] as const),
        time,
      })
    const want = item['output'] as Case
    if (want['error'] !== undefined) return expect(encode).toThrow()
    // What a line says is compared and not how floats are spelled.
    expect(points(ascii(encode()), 1n, 0n)).toEqual(points(ascii(want['result'] as string), 1n, 0n))
  })
})

describe.skipIf(field.skip !== null)(field.skip ?? 'as VictoriaMetrics reads it', () => {
  // Tags without a value (36) and lines without a measurement (27) are refused here, as InfluxDB does; and a backslash escapes what InfluxDB's own
  // corpus says (39).
  const stricter = new Set([27, 28, 36, 39])
  const cases =
    field.path === null ? [] : readLines(field.path, 'victoriametrics.jsonl').filter((item) => !stricter.has(item['id'] as number))
  test.each(cases.map((item) => [item['id'] as number, item] as const))('victoriametrics %i', (_, item) => {
    const { batch, rejected } = decodeLineProtocol(ascii(item['input'] as string), { now: 0, names: 'utf8' })
    if (item['error'] !== undefined && item['error'] !== '') return expect(rejected.count).toBeGreaterThan(0)
    const got = flatten(batch).filter(
      ({ value }) => typeof value !== 'string' || !Number.isNaN(Number(value.replace('Inf', 'Infinity'))) || value === 'NaN',
    )
    const want = (item['rows'] as Case[]).flatMap((row) =>
      (row['numericFields'] as [string, string][]).map(([key]) => `${row['measurement']}_${key}`),
    )
    // Strings stay strings here; there they become the number in front of them, or 0.
    for (const { labels } of got) expect(want).toContain(labels.metric)
  })
})

const UNITS: Record<string, string> = { '1ns': '1', '1µs': '1000', '1us': '1000', '1ms': '1000000', '1s': '1000000000' }

function bytesText(text: string | { binary: string }): string {
  return typeof text === 'string'
    ? text
    : Buffer.from(text.binary, 'base64')
        .toString('latin1')
        .replace(/[\u0080-\u00ff]/g, '\ud800')
}

function valueOf(value: Case): InfluxValue {
  const float = value['float']
  if (float !== undefined) return { float: typeof float === 'string' ? Number(float.replace('Inf', 'Infinity')) : (float as number) }
  return value as InfluxValue
}

const textOf = (bytes: Uint8Array, start: number, end: number): string => new TextDecoder().decode(bytes.subarray(start, end))

/** All points of a body as the corpus writes them, or 'error' when any line is bad. */
function points(bytes: Uint8Array, unit: bigint, defaultTime: bigint): unknown {
  const parser = new LineParser(bytes)
  const all: unknown[] = []
  try {
    while (parser.next()) {
      let name = ''
      const tags: { key: string; value: string }[] = []
      const fields: unknown[] = []
      let time = 0n
      const add = (start: number, end: number, value: unknown): void => void fields.push({ key: unescapedName(bytes, start, end), value })
      parser.read({
        begin: (start, end) => void (name = unescapedName(bytes, start, end, true)),
        tag: (a, b, c, d) => void tags.push({ key: unescapedName(bytes, a, b), value: unescapedName(bytes, c, d) }),
        tagsEnd: () => {},
        float: (a, b, value) => add(a, b, { float: value }),
        integer: (a, b, start, end, isUnsigned) => add(a, b, { [isUnsigned ? 'uint' : 'int']: `${BigInt(textOf(bytes, start, end))}` }),
        boolean: (a, b, value) => add(a, b, { bool: value }),
        string: (a, b, start, end) => add(a, b, { string: unescapedString(bytes, start, end) }),
        end: (start, end) => void (time = start === end ? (defaultTime / unit) * unit : BigInt(textOf(bytes, start, end)) * unit),
      })
      tags.sort((a, b) => (a.key < b.key ? -1 : 1))
      if (tags.some(({ key }, i) => i > 0 && tags[i - 1]!.key === key)) return 'error'
      all.push({ time: `${time}`, name, tags, fields })
    }
  } catch (problem) {
    if (!(problem instanceof LineProblem)) throw problem
    return 'error'
  }
  return all
}
