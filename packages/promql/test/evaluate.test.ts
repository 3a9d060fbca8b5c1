/**
 * The evaluator on small data whose answers one can work out by hand: selectors, windows, names, matching, aggregation, annotations.
 */
import { BatchBuilder, Labels, TsinkError, type QueryResult, type TimeUnit } from '@tsink/core'
import { ALL_FEATURES, instantQuery, rangeQuery, type Features } from '@tsink/promql'
import { ModelStore } from '@tsink/testing'
import { beforeAll, describe, expect, it } from 'vitest'

const MINUTE = 60_000
const store = new ModelStore()

/** One sample a minute from time 0 on; null leaves one out, 'stale' marks the series as gone. */
async function write(into: ModelStore, scale: number, rows: Readonly<Record<string, readonly (number | null | 'stale')[]>>): Promise<void> {
  const builder = new BatchBuilder()
  for (const [text, values] of Object.entries(rows)) {
    const [name, ...pairs] = text.split(' ')
    const labels = Labels.of({ __name__: name!, ...Object.fromEntries(pairs.map((pair) => pair.split('=') as [string, string])) })
    const slot = builder.slot(labels)
    for (const [i, value] of values.entries()) {
      if (value === 'stale') builder.stale(slot, i * scale)
      else if (value !== null) builder.float(slot, i * scale, value)
    }
  }
  expect((await into.append(builder.build())).rejected).toBe(0)
}

beforeAll(async () => {
  await write(store, MINUTE, {
    'http_total job=api code=200': [0, 60, 120, 180, 30, 90, 150],
    'http_total job=api code=500': [0, 6, 12, 18, 24, 30, 36],
    'http_total job=web code=200': [100, 100, 100, 100, 100, 100, 100],
    'limit_total job=api': [10, 10, 10, 10, 10, 10, 10],
    'temperature room=a': [20, 21, 22, 'stale', null, 25, 26],
    'temperature room=b': [5, null, Number.NaN, 7, 8, 9, 10],
    'latency_bucket le=0.1': [1, 1, 1, 1, 1, 1, 1],
    'latency_bucket le=1': [3, 3, 3, 3, 3, 3, 3],
    'latency_bucket le=+Inf': [4, 4, 4, 4, 4, 4, 4],
  })
})

/** A result as text: `{labels} value` for each series, or the values of all steps. */
function show({ value }: QueryResult): string[] {
  switch (value.type) {
    case 'scalar':
    case 'string':
      return [String(value.value)]
    case 'vector':
      return value.samples.map((sample) => `${sample.labels.toString()} ${sample.value}`).sort()
    case 'matrix':
      return value.series.map(({ labels, timestamps, values }) => {
        const samples = [...values].map((v, i) => `${v}@${timestamps[i]! / MINUTE}`)
        return `${labels.toString()} ${samples.join(' ')}`
      })
  }
}

describe('instant queries', () => {
  const check = (query: string, minute: number, want: readonly string[], features: Partial<Features> = {}): void => {
    it(`${query} at ${minute}m`, async () => {
      expect(show(await instantQuery(query, minute * MINUTE, { store, features }))).toEqual([...want].sort())
    })
  }

  describe('find the newest sample', () => {
    check('limit_total', 3, ['limit_total{job="api"} 10'])
    check('limit_total', 10.9, ['limit_total{job="api"} 10'])
    // The lookback is open on the left: a sample exactly five minutes old is too old.
    check('limit_total', 11, [])
    check('temperature{room="a"}', 3, [])
    check('temperature{room="a"}', 4, [])
    check('temperature{room="a"}', 5, ['temperature{room="a"} 25'])
    check('temperature{room="a"} offset 1m', 3, ['temperature{room="a"} 22'])
    check('temperature{room="a"} @ 60', 5, ['temperature{room="a"} 21'])
    check('timestamp(temperature{room="b"})', 1, ['{room="b"} 0'])
  })

  describe('look at windows that are open on the left', () => {
    check('count_over_time(http_total{code="500"}[2m])', 3, ['{code="500", job="api"} 2'])
    check('sum_over_time(temperature{room="a"}[4m])', 4, ['{room="a"} 43'])
    check('last_over_time(temperature{room="a"}[3m])', 4, ['temperature{room="a"} 22'])
    check('max_over_time(temperature{room="b"}[3m])', 3, ['{room="b"} 7'])
    check('increase(http_total{code="500"}[3m1s])', 3, ['{code="500", job="api"} 18'])
    check('resets(http_total{job="api"}[7m])', 6, ['{code="200", job="api"} 1', '{code="500", job="api"} 0'])
    check('changes(http_total{job="web"}[7m])', 6, ['{code="200", job="web"} 0'])
    check('sum_over_time(http_total{code="500"}[4m:2m])', 5, ['{code="500", job="api"} 36'])
  })

  describe('match series', () => {
    check('http_total{code="500"} / on (job) limit_total', 1, ['{job="api"} 0.6'])
    check('http_total / on (job) group_left limit_total', 1, ['{code="200", job="api"} 6', '{code="500", job="api"} 0.6'])
    check('http_total > 90', 1, ['http_total{code="200", job="web"} 100'])
    check('http_total > bool 90', 1, ['{code="200", job="api"} 0', '{code="200", job="web"} 1', '{code="500", job="api"} 0'])
    check('http_total and on (job) limit_total', 1, ['http_total{code="200", job="api"} 60', 'http_total{code="500", job="api"} 6'])
    check('http_total unless on (job) limit_total', 1, ['http_total{code="200", job="web"} 100'])
    check('limit_total or on (job) http_total', 1, ['http_total{code="200", job="web"} 100', 'limit_total{job="api"} 10'])
    check('1 + 2 ^ 3 % 5', 0, ['4'])
    check('limit_total + on (job) fill_right(1) nothing', 1, ['{job="api"} 11'], ALL_FEATURES)
  })

  describe('aggregate', () => {
    check('sum by (job) (http_total)', 1, ['{job="api"} 66', '{job="web"} 100'])
    check('sum without (code) (http_total)', 1, ['{job="api"} 66', '{job="web"} 100'])
    check('avg(http_total)', 1, ['{} 55.333333333333336'])
    check('count(nothing)', 1, [])
    check('topk(1, http_total)', 1, ['http_total{code="200", job="web"} 100'])
    check('quantile(0.5, http_total)', 1, ['{} 60'])
    check('count_values("n", limit_total)', 1, ['{n="10"} 1'])
    check('stddev(http_total{job="api"})', 1, ['{} 27'])
    check('min(temperature)', 2, ['{} 22'])
  })

  describe('call functions', () => {
    check('histogram_quantile(0.5, latency_bucket)', 1, ['{} 0.55'])
    check('absent(nothing{job="x", code=~".+"})', 1, ['{job="x"} 1'])
    check('label_replace(limit_total, "team", "$1-team", "job", "(.*)")', 1, ['limit_total{job="api", team="api-team"} 10'])
    check('scalar(limit_total) * 2', 1, ['20'])
    check('clamp(limit_total, 1, 5)', 1, ['{job="api"} 5'])
    check('clamp_min(vector(NaN), Inf) == clamp_min(vector(NaN), Inf)', 1, ['{} Infinity'])
    check('clamp_max(vector(NaN), -Inf)', 1, ['{} -Infinity'])
    check('clamp_max(vector(NaN), Inf)', 1, ['{} NaN'])
    const le = (value: string, bound: string): string => `label_replace(vector(${value}), "le", "${bound}", "", "")`
    const uneven = `${le('10', '1')} or ${le('NaN', '10')} or ${le('20', '+Inf')}`
    check(`histogram_quantile(0.5, ${uneven})`, 1, ['{} 10'])
    check(`histogram_fraction(0, 10, ${le('10', '1')} or ${le('4', '10')} or ${le('20', '+Inf')})`, 1, ['{} 0.2'])
    check(`histogram_fraction(-5, 3, ${le('10', '0')} or ${le('15', '10')} or ${le('20', '+Inf')})`, 1, ['{} 0.075'])
    check('month(vector(0))', 1, ['{} 1'])
    check('"text"', 1, ['text'])
  })
})

describe('range queries', () => {
  const check = (query: string, want: readonly string[], features: Partial<Features> = {}): void => {
    it(query, async () => {
      const range = { startMs: 0, endMs: 6 * MINUTE, stepMs: 2 * MINUTE }
      expect(show(await rangeQuery(query, range, { store, features }))).toEqual(want)
    })
  }
  check('temperature', ['temperature{room="a"} 20@0 22@2 26@6', 'temperature{room="b"} 5@0 NaN@2 8@4 10@6'])
  check('limit_total @ 60 + time()', ['{job="api"} 10@0 130@2 250@4 370@6'])
  check('time()', ['{} 0@0 120@2 240@4 360@6'])
  check('absent(temperature{room="a"})', ['{room="a"} 1@4'])
  check('-temperature{room="a"} or -temperature{room="b"}', ['{room="a"} -20@0 -22@2 -26@6', '{room="b"} -5@0 NaN@2 -8@4 -10@6'])
  check('count(http_total) - count(http_total)', ['{} 0@0 0@2 0@4 0@6'])
})

describe('names', () => {
  const query = '{__name__=~"http_total|limit_total", job="api", code!="500"}'

  it('are dropped at once, and what is equal without them is refused', async () => {
    const twice = '{__name__=~"limit_total|copy_total"}'
    await write(store, MINUTE, { 'copy_total job=api': [1, 1, 1, 1, 1, 1, 1] })
    await expect(instantQuery(`abs(${twice})`, MINUTE, { store })).rejects.toThrow('vector cannot contain metrics with the same labelset')
    await expect(instantQuery(`rate(${twice}[3m])`, 2 * MINUTE, { store })).rejects.toThrow('the same labelset')
  })

  it('can be read by label_replace when their removal is delayed', async () => {
    const text = `label_replace(rate(${query}[3m]), "was", "$1", "__name__", "(.*)_total")`
    const stock = await instantQuery(text, 3 * MINUTE, { store })
    expect(show(stock)).toEqual(['{code="200", job="api"} 1', '{job="api"} 0'])
    const delayed = await instantQuery(text, 3 * MINUTE, { store, features: { delayedNameRemoval: true } })
    expect(show(delayed)).toEqual(['{code="200", job="api", was="http"} 1', '{job="api", was="limit"} 0'])
  })
})

describe('errors', () => {
  const check = (query: string, message: string): void => {
    it(query, async () => {
      await expect(instantQuery(query, MINUTE, { store })).rejects.toThrow(message)
    })
  }
  check(
    'limit_total / on (job) http_total',
    'found duplicate series for the match group {job="api"} on the right hand-side of the operation',
  )
  check('http_total / on (job) limit_total', 'multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)')
  check('topk(NaN, http_total)', 'Parameter value is NaN')
  check('label_replace(limit_total, "x", "", "job", "(")', 'invalid regular expression in label_replace(): (')
  check('rate(limit_total)', 'expected type range vector in call to function "rate", got instant vector')

  it('a range vector is no result of a range query', async () => {
    const range = { startMs: 0, endMs: MINUTE, stepMs: MINUTE }
    const error = await rangeQuery('limit_total[5m]', range, { store }).catch((e: unknown) => e)
    expect(error).toBeInstanceOf(TsinkError)
    expect((error as TsinkError).message).toBe('invalid expression type "range vector" for range query, must be Scalar or instant Vector')
  })
})

describe('annotations', () => {
  it('stand at the expression that caused them, the last one where a text repeats', async () => {
    const result = await instantQuery('rate(temperature[5m]) +\n rate(temperature[5m])', 2 * MINUTE, { store })
    expect(result.infos).toEqual([
      'PromQL info: metric might not be a counter, name does not end in _total/_sum/_count/_bucket: "temperature" (2:7)',
    ])
  })

  it('warn of parameters out of range', async () => {
    const result = await instantQuery('quantile(1.5, limit_total)', MINUTE, { store })
    expect(result.warnings).toEqual(['PromQL warning: quantile value should be between 0 and 1, got 1.5 (1:10)'])
  })
})

describe('stores of other units', () => {
  for (const [unit, perMinute] of [
    ['s', 60],
    ['us', 60_000_000],
    ['ns', 60_000_000_000],
  ] as [TimeUnit, number][]) {
    it(`answer the same in ${unit}`, async () => {
      const other = new ModelStore({ unit })
      await write(other, perMinute, { 'http_total code=500': [0, 6, 12, 18, 24, 30, 36] })
      const result = await rangeQuery(
        'sum_over_time(http_total[3m])',
        { startMs: 3 * MINUTE, endMs: 6 * MINUTE, stepMs: 3 * MINUTE },
        { store: other },
      )
      expect(show(result)).toEqual(['{code="500"} 36@3 90@6'])
    })
  }
})
