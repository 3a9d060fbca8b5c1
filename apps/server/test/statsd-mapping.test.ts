/** Mapping files of StatsD: the field's own cases, and what becomes of events. */
import { writeFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { decodeLabels, TsinkError } from '@tsink/core'
import { decodeStatsd, StatsdAggregator, type StatsdMapped, type StatsdMetricType } from '@tsink/protocols'
import { loadStatsdMapping, parseStatsdMapping } from '@tsink/server'
import { corpus } from '@tsink/testing'

const folder = mkdtempSync(join(tmpdir(), 'tsink-mapping-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

interface Want {
  readonly statsdMetric: string
  readonly statsdType: StatsdMetricType | ''
  readonly name: string
  readonly labels: Readonly<Record<string, string>> | null
  readonly buckets?: readonly number[]
  readonly ttlSeconds?: number
  readonly scale?: number
}

interface Case {
  readonly id: number
  readonly name: string
  readonly config: string
  readonly configBad: boolean
  readonly mappings: readonly Want[] | null
}

const field = corpus('statsd')
describe.skipIf(field.skip !== null)(field.skip ?? 'the field’s own cases', () => {
  const cases =
    field.path === null
      ? []
      : readFileSync(join(field.path, 'mapper.jsonl'), 'utf8')
          .split('\n')
          .filter((line) => line !== '')
  test.each(cases.map((line) => JSON.parse(line) as Case).map((each) => [`${each.id} ${each.name}`, each] as const))('%s', (_, each) => {
    if (each.configBad) {
      expect(() => parseStatsdMapping(each.config, 'mapping.yml')).toThrow(expect.objectContaining({ code: 'BAD_CONFIG' }))
      return
    }
    const mapper = parseStatsdMapping(each.config, 'mapping.yml')
    for (const want of each.mappings ?? []) {
      const mapped = mapper.map(want.statsdMetric, want.statsdType === '' ? 'counter' : want.statsdType)
      // The cases have an empty name for what is dropped, and for what no rule matches.
      const got = mapped === 'drop' || mapped === null ? { name: '', labels: {} } : mapped
      expect([got.name, got.labels]).toEqual([want.name, want.labels ?? {}])
      if (want.name === '') continue
      if (want.buckets !== undefined) expect((mapped as StatsdMapped).buckets).toEqual(want.buckets)
      if (want.ttlSeconds !== undefined) expect((mapped as StatsdMapped).ttlMs).toBe(want.ttlSeconds * 1_000)
      if (want.scale !== undefined) expect((mapped as StatsdMapped).scale).toBe(want.scale)
    }
  })
})

/** What a flush holds after some lines: `name{labels} value` each, in order. */
function flushed(config: string, lines: string): string[] {
  const aggregator = new StatsdAggregator({ mapper: parseStatsdMapping(config, 'mapping.yml') })
  aggregator.add(decodeStatsd(new TextEncoder().encode(lines)).events, 0)
  const { series, samples } = aggregator.flush(0)
  return samples.flatMap((column) =>
    Array.from(
      { length: column.count },
      (_, i) => `${decodeLabels(series.labelBytes(column.slots[i]!)).toString()} ${Number(column.values[i])}`,
    ),
  )
}

describe('what becomes of events', () => {
  test('names, labels and scales come from the rule, and what is dropped is not there', () => {
    const config = `
mappings:
  - match: "web.*.requests"
    name: "web_\${1}_total"
    labels: { site: "$1", code: "200" }
  - match: grpc.*.ms
    match_metric_type: observer
    name: grpc_seconds
    scale: 0.001
    summary_options: { quantiles: [{ quantile: 0.5, error: 0.01 }] }
  - match: "^noise"
    match_type: regex
    action: drop
`
    expect(
      flushed(config, 'web.a.requests:2|c|#code:500,x:y\nweb.a.requests:3|c\nnoise.a:1|c\ngrpc.x.ms:5|h\ngrpc.x.ms:7|g\nplain.name:1|g'),
    ).toEqual([
      'web_a_total{code="200", site="a", x="y"} 2',
      'web_a_total{code="200", site="a"} 3',
      'grpc_seconds{quantile="0.5"} 0.005',
      'grpc_seconds_count 1',
      'grpc_seconds_sum 0.005',
      'grpc_x_ms 7',
      'plain_name 1',
    ])
    expect(flushed(config.replace('code: "200" }', 'code: "200" }\n    honor_labels: true'), 'web.a.requests:2|c|#code:500')).toEqual([
      'web_a_total{code="500", site="a"} 2',
    ])
  })

  test('rules with other scales may come to one series', () => {
    const config = 'mappings:\n  - { match: a.s, name: t }\n  - { match: a.ms, name: t, scale: 1e-3 }\n'
    expect(flushed(config, 'a.s:1|c\na.ms:500|c')).toEqual(['t 1.5'])
  })

  test('histograms have buckets that add up', () => {
    const config = 'defaults:\n  observer_type: histogram\n  histogram_options: { buckets: [0.1, 1, 10] }\nmappings: []\n'
    expect(flushed(config, 'lat:100|ms\nlat:0.5:1|d|@0.5\nlat:99|h')).toEqual([
      'lat_bucket{le="0.1"} 1',
      'lat_bucket{le="1.0"} 5',
      'lat_bucket{le="10.0"} 5',
      'lat_bucket{le="+Inf"} 6',
      'lat_count 6',
      expect.stringMatching(/^lat_sum 102\.1/),
    ])
  })

  test('a series ends after the time to live of its rule', () => {
    const mapper = parseStatsdMapping('mappings:\n  - { match: short.*, name: short, ttl: 10s }\n', 'mapping.yml')
    const aggregator = new StatsdAggregator({ mapper })
    aggregator.add(decodeStatsd(new TextEncoder().encode('short.a:1|c\nlong:1|c')).events, 0)
    aggregator.flush(10_001)
    expect(aggregator.size).toBe(1)
  })
})

describe('references in templates', () => {
  const name = (match: string, template: string, metric: string, type = 'glob'): unknown => {
    const mapper = parseStatsdMapping(
      `mappings: [{ match: '${match}', match_type: ${type}, name: x, labels: { l: '${template}' } }]`,
      'm.yml',
    )
    return (mapper.map(metric, 'counter') as StatsdMapped | null)?.labels['l']
  }
  test.each([
    ['a.*', '$1', 'a.b', 'b'],
    ['a.*', '$1_foo', 'a.b', ''],
    ['a.*', '${1}_foo', 'a.b', 'b_foo'],
    ['a.*', '$2-$1', 'a.b', '-b'],
    ['*', 'all', 'a.b', undefined],
  ])('%s with %s', (match, template, metric, want) => expect(name(match, template, metric)).toBe(want))
  test.each([
    ['b(.)', '$1', 'abc', 'c'],
    ['(?P<one>b)|(c)', '${one}-$2', 'abc', 'b-'],
    ['^b', 'x', 'abc', undefined],
    ['c$', '$0', 'abc', 'abc'],
    ['a|b', '$$1', 'zb', '$1'],
  ])('the expression %s with %s', (match, template, metric, want) => expect(name(match, template, metric, 'regex')).toBe(want))
})

describe('a file that is wrong', () => {
  const message = (config: string): string => {
    try {
      parseStatsdMapping(config, 'm.yml')
    } catch (error) {
      return (error as TsinkError).message
    }
    return ''
  }
  test.each([
    [
      'mappings:\n  - match: *.a\n',
      'm.yml: Unresolved alias (the anchor must be set before the alias): .a; a text that begins with * needs quotes',
    ],
    ['mappings:\n  - match: a.*\n', 'm.yml: the rule for "a.*": it has no name'],
    ['mappings:\n  - match: a.*\n    name: b\n    colour: red\n', 'm.yml:4: mappings[0].colour is not a known field'],
    ['mappings:\n  - match: a.*\n    name: 0b\n', 'm.yml: the rule for "a.*": "0b" is no name of a metric'],
    ['mappings:\n  - { match: a.*, name: b, labels: { "a-b": c } }\n', 'm.yml: the rule for "a.*": "a-b" is no name of a label'],
    ['mappings:\n  - { match: a.*, name: b, buckets: [2, 1] }\n', 'm.yml: the rule for "a.*": bounds of buckets must ascend'],
    ['mappings:\n  - { match: a.*, name: b, scale: big }\n', 'm.yml:2: mappings[0].scale: "big" is not a number'],
    ['mappings:\n  - { match: "(", match_type: regex, name: b }\n', 'm.yml: error parsing regexp: missing closing ): `(`'],
    ['mappings:\n  - { match: "a)|(b", match_type: regex, name: b }\n', 'm.yml: error parsing regexp: unexpected ): `a)|(b`'],
    [
      'defaults: { histogram_options: { native_histogram_bucket_factor: 1.1 } }',
      'm.yml:1: defaults.histogram_options.native_histogram_bucket_factor is not built in: give buckets, or send OTLP for native histograms',
    ],
  ])('%j', (config, want) => expect(message(config)).toBe(want))

  test('is named when it cannot be read, and read when it can', () => {
    expect(() => loadStatsdMapping(join(folder, 'none.yml'))).toThrow(/cannot read the StatsD mapping .*none\.yml/)
    const path = join(folder, 'mapping.yml')
    writeFileSync(path, 'mappings:\n  - { match: a, name: b }\n')
    expect(loadStatsdMapping(path).map('a', 'gauge')).toMatchObject({ name: 'b' })
  })
})
