/** The language service over a small set of series. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Matcher, type MetricType } from '@tsink/core'
import {
  addMatcher,
  ALL_FEATURES,
  complete,
  diagnose,
  highlight,
  hover,
  narrowCompletions,
  parseSeriesDescription,
  type Metadata,
  type ParserOptions,
} from '@tsink/promql'

const SERIES = [
  'http_requests_total{job="api", code="200"}',
  'http_requests_total{job="api", code="500"}',
  'http_requests_total{job="web", code="200", zone="it\'s"}',
  'http_duration_seconds_bucket{job="api", le="1"}',
  'http_duration_seconds_bucket{job="api", le="+Inf"}',
  'http_duration_seconds_sum{job="api"}',
  'memory_bytes{job="api", instance="a:1"}',
  '{"disk.used", "disk.name"="sda"}',
].map((line) => parseSeriesDescription(line).labels)

const TYPES: Readonly<Record<string, MetricType>> = {
  http_requests_total: 'counter',
  http_duration_seconds: 'histogram',
  memory_bytes: 'gauge',
}

const metadata: Metadata = {
  metrics: (part, limit) => unique(SERIES.map((labels) => labels.metric).filter((name) => name.includes(part))).slice(0, limit),
  describe: (metric) => (TYPES[metric] === undefined ? null : { type: TYPES[metric], help: `About ${metric}.`, unit: '' }),
  labelNames: (matchers) => unique(select(matchers).flatMap((labels) => labels.names)),
  labelValues: (label, matchers, limit) => unique(select(matchers).map((labels) => labels.get(label))).slice(0, limit),
  hasSeries: (matchers) => select(matchers).length > 0,
}

function select(matchers: readonly Matcher[]): typeof SERIES {
  return SERIES.filter((labels) => matchers.every((matcher) => matcher.matches(labels.get(matcher.name))))
}

function unique(values: readonly string[]): string[] {
  return [...new Set(values)].filter((value) => value !== '')
}

/** Completes at the `|` of a text. */
async function completeAt(marked: string, options: ParserOptions = {}): Promise<{ inserts: string[]; replaced: string }> {
  const cursor = marked.indexOf('|')
  const text = marked.replace('|', '')
  const { from, to, items } = await complete(text, cursor, metadata, options)
  return { inserts: items.map((item) => item.insert), replaced: text.slice(from, to) }
}

describe('completion', () => {
  test('gives metrics, functions and aggregations where an operand is due', async () => {
    expect((await completeAt('|')).inserts).toEqual(expect.arrayContaining(['http_requests_total', 'rate(', 'sum', '{"disk.used"}']))
    expect(await completeAt('rate(http_r|')).toEqual({ inserts: ['http_requests_total'], replaced: 'http_r' })
    expect((await completeAt('sum by (job) (ra|')).inserts[0]).toBe('rad(')
    expect((await completeAt('foo + on (job) gr|')).inserts).toEqual(expect.arrayContaining(['group_left', 'group_right', 'group']))
    expect((await completeAt('foo > b|')).inserts).toContain('bool')
    expect((await completeAt('limi|')).inserts).not.toContain('limitk')
    expect((await completeAt('limi|', ALL_FEATURES)).inserts).toContain('limitk')
  })

  test('narrows an answer while its word grows to all that a new answer would have', async () => {
    const { items } = await complete('r', 1, metadata)
    const grown = await complete('rate', 4, metadata)
    const narrowed = narrowCompletions('rate', items)
    expect(narrowed).toEqual(expect.arrayContaining([...grown.items]))
    expect(narrowed[0]).toEqual(grown.items[0])
    expect(narrowed.length).toBeLessThan(items.length)
  })

  test('finds values that are beyond the first few hundred', async () => {
    const values = Array.from({ length: 5_000 }, (_, i) => `Web-${i}.x`)
    const many: Metadata = {
      ...metadata,
      labelValues: (label, matchers, limit) =>
        values.filter((value) => matchers.every((matcher) => matcher.name !== label || matcher.matches(value))).slice(0, limit),
    }
    const text = 'up{instance="web-4321.'
    expect((await complete(text, text.length, many)).items.map(({ label }) => label)).toEqual(['Web-4321.x'])
    expect((await complete('up{instance="', 13, many)).items).toHaveLength(200)
  })

  test('puts what starts with the word first', async () => {
    const { inserts } = await completeAt('rate|')
    expect(inserts.slice(0, 2)).toEqual(['rate(', 'irate('])
  })

  test('gives operators and modifiers behind an expression', async () => {
    expect((await completeAt('foo |')).inserts).toEqual(expect.arrayContaining(['offset', 'and', '+', '==']))
    expect((await completeAt('foo of|')).inserts).toEqual(['offset'])
    expect((await completeAt('foo[5m] anch|', ALL_FEATURES)).inserts).toEqual(['anchored'])
    expect((await completeAt('sum(foo) b|')).inserts).toEqual(['by'])
    expect((await completeAt('sum |')).inserts).toEqual(expect.arrayContaining(['by', 'without']))
    expect((await completeAt('1 |')).inserts).not.toContain('offset')
  })

  test('gives the labels and values of the series that are selected', async () => {
    expect((await completeAt('http_requests_total{|')).inserts).toEqual(['code', 'job', 'zone'])
    expect(await completeAt('http_requests_total{job="web", co|}')).toEqual({ inserts: ['code'], replaced: 'co' })
    expect((await completeAt('http_requests_total{job="web", code="|"}')).inserts).toEqual(['200'])
    expect((await completeAt('http_requests_total{code=|}')).inserts).toEqual(['"200"', '"500"'])
    expect(await completeAt('http_requests_total{code="5|"}')).toEqual({ inserts: ['500'], replaced: '5' })
    expect((await completeAt("http_requests_total{zone='|")).inserts).toEqual(["it\\'s"])
    expect((await completeAt('{"disk.used", |')).inserts).toEqual(['"disk.name"'])
    expect((await completeAt('http_requests_total{job|}')).inserts).toEqual(['job'])
    expect((await completeAt('http_requests_total{job |}')).inserts).toEqual(['=', '!=', '=~', '!~'])
  })

  test('gives the labels of the metrics in the query for grouping', async () => {
    expect((await completeAt('sum by (|) (rate(http_requests_total[5m]))')).inserts).toEqual(['code', 'job', 'zone'])
    expect((await completeAt('sum by (job, |) (rate(http_requests_total[5m]))')).inserts).toEqual(['code', 'zone'])
    expect((await completeAt('sum(rate(http_requests_total[5m])) by (co|')).inserts).toEqual(['code'])
    expect((await completeAt('memory_bytes / on (ins|')).inserts).toEqual(['instance'])
  })

  test('gives durations in brackets and behind offset, and words behind @', async () => {
    expect((await completeAt('rate(foo[|')).inserts).toEqual(expect.arrayContaining(['5m', '1h', 'step()']))
    expect(await completeAt('rate(foo[5|')).toEqual({ inserts: ['5m'], replaced: '5' })
    expect((await completeAt('foo offset 1|')).inserts).toEqual(['1m', '10m', '1h', '1d', '1w'])
    expect((await completeAt('foo @ s|')).inserts).toEqual(['start()'])
  })

  test('gives nothing inside other strings', async () => {
    expect((await completeAt('label_replace(foo, "ds|')).inserts).toEqual([])
  })

  test('never fails, wherever the cursor is', async () => {
    const text = fc.string({ unit: fc.constantFrom(...Array.from('abc sum by(){}[]",=~!5m@+-#\n\\ü\u{1f600}')), maxLength: 30 })
    await fc.assert(
      fc.asyncProperty(text, fc.nat(30), async (text, cursor) => {
        const { from, to } = await complete(text, Math.min(cursor, text.length), metadata, ALL_FEATURES)
        expect(from).toBeLessThanOrEqual(to)
        await hover(text, cursor, metadata)
        await diagnose(text, metadata, ALL_FEATURES)
      }),
      { numRuns: 1000 },
    )
  })
})

describe('diagnosis', () => {
  async function check(text: string, ...remarks: [code: string, marked: string, message?: RegExp][]): Promise<void> {
    const found = await diagnose(text, metadata, ALL_FEATURES)
    expect(
      found.map(({ code, from, to }) => [code, text.slice(from, to)]),
      text,
    ).toEqual(remarks.map(([code, marked]) => [code, marked]))
    for (const [i, [, , message]] of remarks.entries()) if (message !== undefined) expect(found[i]!.message).toMatch(message)
  }

  test('has nothing to say about a good query', async () => {
    await check('sum by (job) (rate(http_requests_total{code=~"5.."}[5m])) / on (job) sum by (job) (memory_bytes)')
    await check('histogram_quantile(0.9, sum by (job, le) (rate(http_duration_seconds_bucket[5m])))')
    await check('histogram_quantile(0.9, sum without (job) (rate(http_duration_seconds_bucket[5m])))')
    await check('delta(memory_bytes[1h])')
    await check('absent(nope) or absent_over_time(nope{a="b"}[5m])')
    await check('info(memory_bytes, {nope="x"})')
  })

  test('points at what does not parse', async () => {
    await check('"ü" + (', ['syntax', '', /unclosed left parenthesis/])
    await check('rate(memory_bytes)', ['syntax', 'memory_bytes', /expected type range vector/])
  })

  test('points at metrics and series that do not exist', async () => {
    await check('rate(http_request_total[5m])', ['unknown-metric', 'http_request_total', /did you mean http_requests_total\?/])
    await check('nothing_like_it', ['unknown-metric', 'nothing_like_it', /^there is no metric "nothing_like_it"$/])
    await check('memory_bytes{job="web"}', ['no-series', 'memory_bytes{job="web"}'])
    await check('memory_bytes{job="api", job="web"}', ['contradiction', 'memory_bytes{job="api", job="web"}', /exclude each other/])
  })

  test('knows which functions are for counters and which for gauges', async () => {
    await check('rate(memory_bytes[5m])', ['counter-expected', 'memory_bytes', /is a gauge/])
    await check('deriv(http_requests_total[5m])', ['gauge-expected', 'http_requests_total', /is a counter/])
    await check('delta((http_duration_seconds_sum[5m]))', ['gauge-expected', 'http_duration_seconds_sum'])
  })

  test('misses the label le', async () => {
    const bucket = 'rate(http_duration_seconds_bucket[5m])'
    await check(`histogram_quantile(0.9, sum by (job) (${bucket}))`, ['missing-le', `sum by (job) (${bucket})`, /sum by \(job, le\)/])
    await check(`histogram_quantile(0.9, sum without (le) (${bucket}))`, ['missing-le', `sum without (le) (${bucket})`])
    await check(`histogram_quantile(0.9, (sum(${bucket})))`, ['missing-le', `sum(${bucket})`])
    await check(
      'histogram_quantile(0.9, rate(http_duration_seconds[5m]))',
      ['bucket-expected', 'http_duration_seconds', /http_duration_seconds_bucket/],
      ['unknown-metric', 'http_duration_seconds'],
    )
  })

  test('simplifies regular expressions that are none', async () => {
    await check('memory_bytes{job=~"api"}', ['plain-regex', 'memory_bytes{job=~"api"}', /job="api" says the same/])
  })
})

describe('hover', () => {
  async function check(marked: string, title: string | null, about?: string): Promise<void> {
    const at = marked.indexOf('|')
    const found = await hover(marked.replace('|', ''), at, metadata)
    expect(found?.title ?? null, marked).toBe(title)
    if (about !== undefined) expect(found!.about).toBe(about)
  }

  test('explains functions, aggregations, metrics, keywords and durations', async () => {
    await check('ra|te(foo[5m])', 'rate(matrix) → vector', 'The per-second increase of a counter, resets accounted for.')
    await check('rou|nd(foo)', 'round(vector, scalar (optional)) → vector')
    await check('to|pk(1, foo)', 'topk(scalar, vector) → vector')
    await check('rate(http_|requests_total[5m])', 'http_requests_total: counter', 'About http_requests_total.')
    await check('http_duration_seconds_b|ucket', 'http_duration_seconds_bucket: counter', 'About http_duration_seconds.')
    await check('sum b|y (a) (foo)', 'by', 'Groups by these labels alone.')
    await check('foo[9|0m]', '90m = 5400 seconds')
    await check('foo[36|00]', '3600 = 1h')
    await check('foo|', null)
    await check('foo{su|m="x"}', null)
    await check('"ü" + ra|te(', 'rate(matrix) → vector')
  })
})

describe('highlighting', () => {
  function check(text: string, want: string): void {
    const got = highlight(text).map(({ from, to, kind }) => `${kind} ${text.slice(from, to)}`)
    expect(got.filter((token) => !token.startsWith('punctuation')).join(', ')).toBe(want)
  }

  test('tells names of metrics, labels and functions apart', () => {
    check(
      'sum by (job) (rate(a{b="c"}[5m]))',
      'aggregation sum, keyword by, label job, function rate, metric a, label b, operator =, string "c", number 5m',
    )
    check('sum and group_left', 'metric sum, keyword and, keyword group_left')
    check('a * on (sum) group_left (by) b', 'metric a, operator *, keyword on, label sum, keyword group_left, label by, metric b')
    check('{"ü.x", on!~"y"}', 'string "ü.x", label on, operator !~, string "y"')
    check(
      'a[max_of(5m, step())] anchored @ end()',
      'metric a, keyword max_of, number 5m, keyword step, keyword anchored, operator @, keyword end',
    )
    check('a # é # b', 'metric a, comment # é # b')
  })

  test('goes as far as the text can be read, and takes an open string for one', () => {
    check('rate(a{b="c d', 'function rate, metric a, label b, operator =, string "c d')
    check('a ~ b', 'metric a')
    check('', '')
  })

  test('gives tokens in order that do not overlap, whatever the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (text) => {
        let end = 0
        for (const { from, to } of highlight(text)) {
          expect(from).toBeGreaterThanOrEqual(end)
          expect(to).toBeGreaterThan(from)
          end = to
        }
        expect(end).toBeLessThanOrEqual(text.length)
      }),
    )
  })
})

describe('adding a matcher', () => {
  test.each([
    ['foo', 'foo{job="a"}'],
    ['rate(foo{x="1"}[5m] offset 1m) + foo @ 5', 'rate(foo{job="a",x="1"}[5m] offset 1m) + foo{job="a"} @ 5.000'],
    ['foo{job="b"}  /  bar # kept', 'foo{job="a"}  /  bar # kept'],
    ['"é" or vector(foo offset 5m)', null],
    ['max_over_time(foo[1h:5m] @ end())', 'max_over_time(foo{job="a"}[1h:5m] @ end())'],
    ['foo{job="a"}', 'foo{job="a"}'],
    ['bar', null],
    ['foo +', null],
  ])('to %s', (text, want) => {
    expect(addMatcher(text, 'foo', Matcher.equal('job', 'a'))).toBe(want)
  })
})
