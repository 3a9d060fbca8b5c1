import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { decodeOpenMetricsText, SeriesCache } from '@tsink/protocols'
import { corpus } from '@tsink/testing'
import { ascii, flatten, inputOf, print, readLines, type Case } from './lines.ts'

const NOW = 1_700_000_000_000
const decode = (text: string): string[] => print(decodeOpenMetricsText(ascii(`${text}# EOF\n`), { now: NOW }).batch)

test.each([
  ['times are seconds', 'a 1 1.5\n', ['a 1 @1500']],
  ['quoted names', '{"a.b","c.d"="e"} 1\n', [`{"a.b", "c.d"="e"} 1 @${NOW}`]],
  ['bounds are floats', '# TYPE h histogram\nh_bucket{le="5"} 1\n', [`h_bucket{le="5.0"} 1 @${NOW}`]],
])('%s', (_, text, want) => {
  expect(decode(text)).toEqual(want)
})

test.each([
  ['a 1\n', 'OpenMetrics: line 2: the data does not end with # EOF'],
  ['a 1\n# EOF\nb 1\n', 'OpenMetrics: line 3: found data after # EOF'],
  ['\n# EOF\n', 'OpenMetrics: line 1, column 1: expected a metric name, found an empty line'],
  ['a  1\n# EOF\n', 'OpenMetrics: line 1, column 3: expected a value, found " 1"'],
  ['# TYPE a untyped\n# EOF\n', 'OpenMetrics: line 1, column 10: "untyped" is no metric type'],
  ['a 1 1 1\n# EOF\n', 'OpenMetrics: line 1, column 6: expected " # {" with an exemplar or the end of the line, found " 1"'],
])('%j is refused: %s', (text, message) => {
  expect(() => decodeOpenMetricsText(ascii(text), { now: NOW })).toThrow(message)
})

test('where a bad line costs only itself, the rest is kept', () => {
  const { batch, rejected } = decodeOpenMetricsText(ascii('a 1\nb x\nc 3\n# EOF\n'), { now: NOW, badLine: 'line' })
  expect(print(batch)).toEqual([`a 1 @${NOW}`, `c 3 @${NOW}`])
  expect(rejected.listed).toEqual([{ where: 'line 2, column 3', reason: 'expected a value, found "x"' }])
})

test('created lines become start timestamps, with a cache as well', () => {
  const text = ascii('# TYPE a counter\na_created{x="1"} 5\na_total{x="1"} 1\na_total{x="2"} 2\n# TYPE g gauge\ng_created 7\n# EOF\n')
  const cache = new SeriesCache()
  for (let round = 0; round < 2; round++) {
    const { batch } = decodeOpenMetricsText(text, { now: NOW, cache })
    expect(flatten(batch).map(({ labels, startTimestamp }) => [labels.toString(), startTimestamp])).toEqual([
      ['a_total{x="1"}', 5_000],
      ['a_total{x="2"}', 0],
      ['g_created', 0],
    ])
  }
  expect(print(decodeOpenMetricsText(text, { now: NOW, createdAsStart: false }).batch).length).toBe(4)
})

const field = corpus('exposition')
describe.skipIf(field.skip !== null)(field.skip ?? 'the field’s own cases', () => {
  const cases = field.path === null ? [] : readLines(field.path, 'openmetrics_text.jsonl')
  test.each(cases.map((item) => [item['id'] as number, item] as const))('openmetrics_text %i', (_, item) => {
    const run = (): ReturnType<typeof decodeOpenMetricsText> =>
      decodeOpenMetricsText(inputOf(item), {
        now: -1,
        createdAsStart: item['skipCreatedSeries'] as boolean,
        typeAndUnitLabels: item['typeAndUnitLabels'] === true,
      })
    if (!item['ok']) return expect(run).toThrow(expect.objectContaining({ code: 'BAD_REQUEST' }))
    const { batch } = run()
    const entries = item['entries'] as Case[]
    const series = entries.filter((entry) => entry['entry'] === 'series')
    expect(flatten(batch).map(({ labels, value, timestamp }) => ({ labels: labels.toJSON(), value, timestamp }))).toEqual(
      series.map((entry) => ({
        labels: Object.fromEntries(Object.entries(entry['labels'] as Record<string, string>).filter(([, value]) => value !== '')),
        value: entry['value'] as string,
        timestamp: entry['timestampMs'] ?? -1,
      })),
    )
    // The reference looks for a start only behind its sample; it is found in front of it as well here.
    const starts = flatten(batch).map(({ startTimestamp }) => startTimestamp)
    if (item['source'] !== 'TestSTParseFailures') expect(starts).toEqual(series.map((entry) => entry['startTimestampMs'] ?? 0))
    const exemplars = series.flatMap((entry) => (entry['exemplars'] as Case[] | undefined) ?? [])
    expect(batch.exemplars!.map(({ labels, value, timestamp }) => ({ labels: labels.toJSON(), value: `${value}`, timestamp }))).toEqual(
      exemplars.map((exemplar) => ({
        labels: exemplar['labels'],
        value: exemplar['value'],
        timestamp: exemplar['timestampMs'] ?? expect.any(Number),
      })),
    )
    for (const entry of entries) {
      const known = batch.metadata!.find(({ metric }) => metric === entry['metric'])
      if (entry['entry'] === 'type') expect(known!.type).toBe(entry['type'])
      if (entry['entry'] === 'unit') expect(known!.unit).toBe(entry['unit'])
      if (entry['entry'] === 'help') expect(known!.help).toBe(entry['help'])
    }
  })

  const official = field.path === null ? [] : readLines(field.path, 'openmetrics_official.jsonl')
  test.each(official.map((item) => [item['name'] as string, item] as const))('the specification’s %s', (_, item) => {
    const run = (): unknown => decodeOpenMetricsText(ascii(item['input'] as string), { now: NOW, strict: true })
    if (item['shouldParse']) expect(run).not.toThrow()
    else expect(run).toThrow(expect.objectContaining({ code: 'BAD_REQUEST' }))
  })

  const scrapes = field.path === null ? [] : (JSON.parse(readFileSync(join(field.path, 'scrapes', 'expected.json'), 'utf8')) as Case[])
  const ofOpenMetrics = scrapes.filter((item) => (item['file'] as string).includes('.om.'))
  test.each(ofOpenMetrics.map((item) => [item['file'] as string, item] as const))('scrape %s', (name, want) => {
    const { batch } = decodeOpenMetricsText(readFileSync(join(field.path!, 'scrapes', name)), { now: NOW, createdAsStart: false })
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
