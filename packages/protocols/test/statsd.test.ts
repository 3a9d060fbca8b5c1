import { describe, expect, test } from 'vitest'
import { isStale } from '@tsink/core'
import { decodeStatsd, STATSD_LIMITS, StatsdAggregator } from '@tsink/protocols'
import { corpus } from '@tsink/testing'
import { ascii, inputOf, print, readLines, type Case } from './lines.ts'

const events = (text: string): Case[] =>
  decodeStatsd(ascii(text)).events.map(({ name, type, value, isRelative, times, labels }) => ({
    name,
    type,
    value,
    isRelative,
    times,
    labels,
  }))
const event = (type: string, value: number, labels: Case = {}, times = 1, isRelative = false): Case => ({
  name: 'a.b',
  type,
  value,
  isRelative,
  times,
  labels,
})

test.each([
  ['a.b:1|c', [event('counter', 1)]],
  ['a.b:1|c|@0.1', [event('counter', 10)]],
  ['a.b:5|g', [event('gauge', 5)]],
  ['a.b:-5|g', [event('gauge', -5, {}, 1, true)]],
  ['a.b:250|ms|@0.5', [event('observer', 0.25, {}, 2)]],
  ['a.b:1:2|h', [event('observer', 1), event('observer', 2)]],
  ['a.b:1|c:2|g', [event('counter', 1), event('gauge', 2)]],
  ['a.b:1|c|#x:y,z:a:b', [event('counter', 1, { x: 'y', z: 'a:b' })]],
  [
    'a.b,x=y:1|c\na.b#x=y:1|c\r\na.[x=y]b:1|c',
    [event('counter', 1, { x: 'y' }), event('counter', 1, { x: 'y' }), event('counter', 1, { x: 'y' })],
  ],
  // As DogStatsD's clients of protocol 1.6 write it.
  ['a.b:1|c|T1656581400|#x:y|c:ci-1|card:high', [event('counter', 1, { x: 'y', container_id: 'ci-1' })]],
  ['a.b:1|c|@0.5|#x:y|c:ci-1|e:it-false,cn-web|card:low|T1656581400', [event('counter', 2, { x: 'y', container_id: 'ci-1' })]],
  ['_e{5,4}:title|text\n_sc|Redis|2', []],
])('%j', (text, want) => {
  expect(events(text)).toEqual(want)
})

test('bad lines cost themselves', () => {
  const { events: good, rejected } = decodeStatsd(ascii('a:1|c\nb\nc:x|c\nd:1|q\nf:1|c|%\ng:1|c\nh:1|c|card\ni:1|c|extra'))
  expect(good.map(({ name }) => name)).toEqual(['a', 'g'])
  expect(rejected.listed.map(({ where, reason }) => `${where}: ${reason}`)).toEqual([
    'line 2: expected name:value|type',
    'line 3: the value "x" is no number',
    'line 4: the type "q" is not known',
    'line 5: found "%" behind the type',
    'line 7: expected c:container, found "card"',
    'line 8: expected e:data, found "extra"',
  ])
  expect(decodeStatsd(new Uint8Array(STATSD_LIMITS.packetBytes + 1)).rejected.count).toBe(1)
})

test('a flush has totals, last values, quantiles and cardinalities; timers and sets begin anew', () => {
  const aggregator = new StatsdAggregator({ quantiles: [0.5], extraLabels: { dc: 'x' } })
  const add = (text: string, now: number): void => aggregator.add(decodeStatsd(ascii(text)).events, now)
  add('c:1|c\nc:2|c\ng:5|g\ng:+2|g\nt:100|ms\nt:300|ms\nt:200|ms\ns:a|s\ns:b|s\ns:a|s\nc:9|g', 1_000)
  expect(aggregator.dropped).toBe(1)
  expect(print(aggregator.flush(10_000))).toEqual([
    'c{dc="x"} 3 @10000',
    'g{dc="x"} 7 @10000',
    't{dc="x", quantile="0.5"} 0.2 @10000',
    't_count{dc="x"} 3 @10000',
    't_sum{dc="x"} 0.6 @10000'.replace('0.6', String(0.1 + 0.3 + 0.2)),
    's{dc="x"} 2 @10000',
  ])
  add('c:1|c', 11_000)
  const again = print(aggregator.flush(20_000))
  expect(again).toContain('c{dc="x"} 4 @20000')
  expect(again).toContain('t{dc="x", quantile="0.5"} NaN @20000')
  expect(again).toContain('s{dc="x"} 0 @20000')
})

test('a series that is not heard of ends with a stale marker', () => {
  const aggregator = new StatsdAggregator({ expireMs: 60_000 })
  aggregator.add(decodeStatsd(ascii('g:5|g')).events, 0)
  expect(print(aggregator.flush(60_000))).toEqual(['g 5 @60000'])
  const { samples } = aggregator.flush(60_001)
  expect(isStale(samples[0]!.values as Float64Array, 0)).toBe(true)
  expect(aggregator.size).toBe(0)
  expect(print(aggregator.flush(70_000))).toEqual([])
})

test('memory is bounded: observations, members and series', () => {
  const aggregator = new StatsdAggregator()
  const many = Array.from({ length: 20_000 }, (_, i) => `t:${i}|h\ns:${i}|s`).join('\n')
  for (let i = 0; i < many.length; i += 60_000)
    aggregator.add(decodeStatsd(ascii(many.slice(i, many.lastIndexOf('\n', i + 60_000)))).events, 0)
  const lines = print(aggregator.flush(1))
  expect(lines.find((line) => line.startsWith('s '))).toBe(`s ${STATSD_LIMITS.members} @1`)
  const median = Number(/quantile="0.5"} (\S+)/.exec(lines.join('\n'))![1])
  expect(Math.abs(median - 10_000)).toBeLessThan(1_500)
})

const field = corpus('statsd')
describe.skipIf(field.skip !== null)(field.skip ?? 'the field’s own cases', () => {
  const cases = field.path === null ? [] : readLines(field.path, 'lines.jsonl')
  test.each(cases.map((item) => [item['id'] as number, item['name'] as string, item] as const))('%i %s', (_, _name, item) => {
    const decoded = decodeStatsd(inputOf(item), item['tagFormats'] as object)
    const got = decoded.events
      .filter(({ type }) => type !== 'set')
      .flatMap(({ name, type, value, isRelative, times, labels }) =>
        Array.from({ length: times }, () => ({ name, type, value, labels, ...(type === 'gauge' ? { isRelative } : {}) })),
      )
    const want = ((item['events'] as Case[] | null) ?? []).map((one) => ({
      name: one['name'],
      type: one['type'],
      value: Number(one['value']),
      labels: one['labels'],
      ...(one['type'] === 'gauge' ? { isRelative: one['relative'] ?? false } : {}),
    }))
    expect(got).toEqual(want)
  })
})
