import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { decodePrometheusText, SeriesCache, TEXT_LIMITS } from '@tsink/protocols'
import { corpus } from '@tsink/testing'
import { ascii, flatten, inputOf, print, readLines, type Case } from './lines.ts'

const NOW = 1_700_000_000_000

const decode = (text: string): string[] => print(decodePrometheusText(ascii(text), { now: NOW }).batch)

test.each([
  ['a bare name takes the time of the request', 'up 1', [`up 1 @${NOW}`]],
  ['labels in any order become sorted', 'x{b="2",a="1",} 3 5', ['x{a="1", b="2"} 3 @5']],
  ['spaces and tabs are free', '  x {  a = "1" , b="2" }\t 3 \t 4 ', ['x{a="1", b="2"} 3 @4']],
  ['escapes', String.raw`x{a="\\ \" \n \t"} 1`, [String.raw`x{a="\\ \" \n \\t"} 1 @${NOW}`]],
  ['an empty label value means no label', 'x{a=""} 1', [`x 1 @${NOW}`]],
  ['quoted names', '{"my.metric", "a.b"="c"} 1', [`{"my.metric", "a.b"="c"} 1 @${NOW}`]],
  ['special values', 'x NaN\nx +Inf\nx -inf\nx 1e-7', [`x NaN @${NOW}`, `x +Inf @${NOW}`, `x -Inf @${NOW}`, `x 1e-07 @${NOW}`]],
  ['braces inside a string', 'x{a="}{"} 1', [`x{a="}{"} 1 @${NOW}`]],
  ['Windows line ends', 'x 1\r\ny 2\r\n', [`x 1 @${NOW}`, `y 2 @${NOW}`]],
  ['bounds of histograms are floats', '# TYPE h histogram\nh_bucket{le="1"} 2\n', [`h_bucket{le="1.0"} 2 @${NOW}`]],
  ['bounds of other metrics stay', 'h_bucket{le="1"} 2\n', [`h_bucket{le="1"} 2 @${NOW}`]],
])('%s', (_, text, want) => {
  expect(decode(text)).toEqual(want)
})

test('a bad line costs itself, and its place is said', () => {
  const { batch, rejected } = decodePrometheusText(ascii('a 1\nb{x=1} 2\nc 3 4 5\nd 4\ne{\nf{a="1",a="2"} 1\ng'), { now: NOW })
  expect(print(batch)).toEqual([`a 1 @${NOW}`, `d 4 @${NOW}`])
  expect(rejected.listed).toEqual([
    { where: 'line 2, column 5', reason: 'expected a label value in double quotes, found "1}"' },
    { where: 'line 3, column 7', reason: 'expected the end of the line, found "5"' },
    { where: 'line 5, column 3', reason: 'expected a label name or "}", found the end of the line' },
    { where: 'line 6, column 1', reason: 'label "a" is given twice' },
    { where: 'line 7, column 2', reason: 'expected a value, found the end of the line' },
  ])
})

test('where a bad line costs the body, it says so', () => {
  expect(() => decodePrometheusText(ascii('a 1\nb x\n'), { now: NOW, badLine: 'body' })).toThrow(
    expect.objectContaining({ code: 'BAD_REQUEST', message: 'text format: line 2, column 3: expected a value, found "x"' }),
  )
})

test('metadata and exemplars come along', () => {
  const { batch } = decodePrometheusText(
    ascii('# HELP x All \\\\ of\\nit.\n# TYPE x counter\n# UNIT x seconds\nx{a="b"} 5 10 # {trace_id="t"} 0.5 12.345\n'),
    { now: NOW },
  )
  expect(batch.metadata).toEqual([{ metric: 'x', type: 'counter', help: 'All \\ of\nit.', unit: 'seconds' }])
  expect(batch.exemplars!.map((exemplar) => ({ ...exemplar, labels: exemplar.labels.toJSON() }))).toEqual([
    { slot: 0, labels: { trace_id: 't' }, timestamp: 12_345, value: 0.5 },
  ])
  expect(print(batch)).toEqual(['x{a="b"} 5 @10'])
})

test('a cache changes nothing but the store’s numbers, which come back with the next body', () => {
  const cache = new SeriesCache()
  const text = ascii('# TYPE h histogram\nh_bucket{le="1"} 1 1\nx{b="1",a="2"} 2 2\nx{a="2",b="1"} 3 3\n')
  const first = decodePrometheusText(text, { now: NOW, cache })
  expect([...first.batch.series.refs.subarray(0, 3)]).toEqual([0, 0, 0])
  first.batch.series.refs.set([7, 8, 8])
  const second = decodePrometheusText(text, { now: NOW, cache })
  expect([...second.batch.series.refs.subarray(0, 3)]).toEqual([7, 8, 8])
  expect(print(second.batch)).toEqual(print(first.batch))
  // The same bytes without the TYPE are another series.
  expect(print(decodePrometheusText(ascii('h_bucket{le="1"} 1 1'), { now: NOW, cache }).batch)).toEqual(['h_bucket{le="1"} 1 @1'])
})

test('a full cache forgets and goes on', () => {
  const cache = new SeriesCache({ maxSeries: 3 })
  for (let round = 0; round < 20; round++) {
    const { batch } = decodePrometheusText(ascii(`a${round} 1 1\nb{r="${round % 2}"} 2 2`), { now: NOW, cache })
    expect(print(batch)).toEqual([`a${round} 1 @1`, `b{r="${round % 2}"} 2 @2`])
    batch.series.refs.set([round * 2 + 1, round * 2 + 2])
    expect(cache.size).toBeLessThanOrEqual(3)
  }
})

test('times in every unit', () => {
  const at = (unit: 's' | 'ms' | 'us' | 'ns'): bigint => {
    const column = decodePrometheusText(ascii('x 1 1700000000123'), { now: NOW, unit }).batch.samples[0]!
    return BigInt(column.base) + BigInt(column.timestamps[0]!)
  }
  expect([at('s'), at('ms'), at('us'), at('ns')]).toEqual([
    1_700_000_000n,
    1_700_000_000_123n,
    1_700_000_000_123_000n,
    1_700_000_000_123_000_000n,
  ])
})

test('a body above the limit is refused', () => {
  expect(() => decodePrometheusText(new Uint8Array(TEXT_LIMITS.bodyBytes + 1), { now: NOW })).toThrow(
    expect.objectContaining({ code: 'TOO_LARGE' }),
  )
})

const field = corpus('exposition')
describe.skipIf(field.skip !== null)(field.skip ?? 'the field’s own cases', () => {
  const cases = field.path === null ? [] : readLines(field.path, 'prom_text.jsonl')
  test.each(cases.map((item) => [item['id'] as number, item] as const))('prom_text %i', (_, item) => {
    const typeAndUnitLabels = item['typeAndUnitLabels'] === true
    const { batch, rejected } = decodePrometheusText(inputOf(item), { now: -1, typeAndUnitLabels })
    expect(rejected.listed.length > 0).toBe(!item['ok'])
    if (!item['ok']) return
    expect(flatten(batch).map(plain)).toEqual(wantedSeries(item))
    for (const entry of item['entries'] as Case[]) {
      const known = batch.metadata!.find(({ metric }) => metric === entry['metric'])
      if (entry['entry'] === 'type') expect(known!.type).toBe(entry['type'] === 'untyped' ? 'unknown' : entry['type'])
    }
  })

  const expfmt = field.path === null ? [] : readLines(field.path, 'expfmt_text.jsonl')
  test.each(expfmt.map((item) => [item['id'] as number, item] as const))('expfmt_text %i', (_, item) => {
    const { batch, rejected } = decodePrometheusText(inputOf(item), { now: NOW, strict: true })
    // What names beyond ASCII are is told by the content type there, and never refused here.
    if (item['utf8Error'] !== undefined) return expect(rejected.count).toBeGreaterThan(0)
    expect(rejected.listed).toEqual([])
    const names = new Set(flatten(batch).map(({ labels }) => labels.metric))
    for (const family of item['families'] as Case[]) {
      if ((family['metrics'] as Case[]).length > 0) expect([...names].some((name) => name.startsWith(family['name'] as string))).toBe(true)
    }
  })

  const scrapes = field.path === null ? [] : (JSON.parse(readFileSync(join(field.path, 'scrapes', 'expected.json'), 'utf8')) as Case[])
  const ofText = scrapes.filter((item) => !(item['file'] as string).includes('.om.'))
  test.each(ofText.map((item) => [item['file'] as string, item] as const))('scrape %s', (name, want) => {
    const { batch, rejected } = decodePrometheusText(readFileSync(join(field.path!, 'scrapes', name)), { now: NOW })
    expect(rejected.listed).toEqual([])
    const lines = flatten(batch).map(({ labels, value, timestamp }) => {
      const pairs = [...labels].map(([label, text]) => `${JSON.stringify(label)}=${JSON.stringify(text)}`)
      return `{${pairs.join(',')}} ${value as string}${timestamp === NOW ? '' : ` ${timestamp}`}`
    })
    expect(lines.length).toBe(want['series'])
    // The checksums count labels with empty values, which for us are absent.
    if (!readFileSync(join(field.path!, 'scrapes', name), 'utf8').includes('=""'))
      expect(createHash('sha256').update(lines.sort().join('\n')).digest('hex')).toBe(want['sha256'])
  })
})

function plain({ labels, value, timestamp }: ReturnType<typeof flatten>[number]): unknown {
  return { labels: labels.toJSON(), value, timestamp }
}

function wantedSeries(item: Case): unknown[] {
  return (item['entries'] as Case[])
    .filter((entry) => entry['entry'] === 'series')
    .map((entry) => {
      const labels = Object.fromEntries(Object.entries(entry['labels'] as Record<string, string>).filter(([, value]) => value !== ''))
      return { labels, value: entry['value'] as string, timestamp: entry['timestampMs'] ?? -1 }
    })
}
