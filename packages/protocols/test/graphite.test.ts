import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { compileGraphiteTemplates, decodeGraphite, SeriesCache, labelName, metricName } from '@tsink/protocols'
import { corpus } from '@tsink/testing'
import { ascii, flatten, print, readLines, type Case } from './lines.ts'

const NOW = 1_700_000_000_000
const decode = (text: string): string[] => print(decodeGraphite(ascii(text), { now: NOW }).batch)

test.each([
  ['a.b 1 2', ['a_b 1 @2000']],
  ['a.b;x=y;z 1.5 2.25\r\n', ['a_b{x="y"} 1.5 @2250']],
  ['a 1', [`a 1 @${NOW}`]],
  ['a 1 -1', [`a 1 @${NOW}`]],
  ['\n \n', []],
])('%j', (text, want) => {
  expect(decode(text)).toEqual(want)
})

test('bad lines cost themselves', () => {
  const { batch, rejected } = decodeGraphite(ascii('a 1 2\nb\nc x 2\nd 1 x\ne 1 2'), { now: NOW })
  expect(print(batch)).toEqual(['a 1 @2000', 'c_x 2 @1700000000000', 'e 1 @2000'])
  expect(rejected.listed.map(({ where }) => where)).toEqual(['line 2, column 1', 'line 4, column 5'])
})

test('templates turn paths into labels; the one with more literal parts wins', () => {
  const templates = compileGraphiteTemplates([
    'servers.* .host.measurement*',
    'servers.special.* .host.measurement.core dc=eu',
    'measurement*',
  ])
  const run = (path: string): string => print(decodeGraphite(ascii(`${path} 1 2`), { now: NOW, templates }).batch)[0]!
  expect(run('servers.a.cpu.load')).toBe('cpu_load{host="a"} 1 @2000')
  expect(run('servers.special.cpu.0')).toBe('cpu{core="0", dc="eu", host="special"} 1 @2000')
  expect(run('other.path')).toBe('other_path 1 @2000')
})

test.each([['a.b'], ['x y z w'], ['measurement*.host']])('the template %j is refused', (template) => {
  expect(() => compileGraphiteTemplates([template])).toThrow(expect.objectContaining({ code: 'BAD_CONFIG' }))
})

test('a cache changes nothing', () => {
  const cache = new SeriesCache()
  for (let i = 0; i < 3; i++)
    expect(print(decodeGraphite(ascii('a.b;x=y 1 2\nc 3 4'), { now: NOW, cache }).batch)).toEqual(['a_b{x="y"} 1 @2000', 'c 3 @4000'])
})

const field = corpus('graphite')
describe.skipIf(field.skip !== null)(field.skip ?? 'the field’s own cases', () => {
  // Cases with VictoriaMetrics's own way to clean names are left out: names are cleaned as in every other format here.
  const victoria = field.path === null ? [] : readLines(field.path, 'victoriametrics.jsonl').filter((item) => !item['sanitizeMetricName'])
  test.each(victoria.map((item) => [item['id'] as number, item] as const))('VictoriaMetrics %i', (_, item) => {
    const { batch } = decodeGraphite(ascii(item['input'] as string), { now: -1 })
    const got = flatten(batch).map(({ labels, value, timestamp }) => [labels.toJSON(), value, timestamp])
    const want = (item['rows'] as Case[]).map((row) => [
      {
        __name__: metricName(row['metric'] as string),
        ...Object.fromEntries((row['tags'] as [string, string][]).map(([name, value]) => [labelName(name), value])),
      },
      row['value'],
      expect.any(Number),
    ])
    expect(got).toEqual(want)
    // VictoriaMetrics cuts fractions of a second off; they are kept here.
    ;(item['rows'] as Case[]).forEach((row, i) =>
      expect(row['timestamp'] <= 0 ? -1 : Math.floor((got[i]![2] as number) / 1e3)).toBe(row['timestamp'] <= 0 ? -1 : row['timestamp']),
    )
  })

  const exporter = field.path === null ? [] : readLines(field.path, 'graphite_exporter.jsonl')
  test.each(exporter.map((item) => [item['id'] as number, item] as const))('graphite_exporter %i', (_, item) => {
    const line = item['kind'] === 'line' ? (item['line'] as string) : `${item['line']} 1 1`
    const { batch } = decodeGraphite(ascii(line), { now: NOW })
    // What the exporter refuses (tags without a value, lines without a time) is taken without that part.
    expect(flatten(batch).map(({ labels }) => labels.toJSON())).toEqual([{ __name__: item['wantName'], ...(item['wantLabels'] as object) }])
  })

  test('a real dump is taken line by line', () => {
    const text = readFileSync(join(field.path!, 'issue90_in.txt'), 'utf8').replaceAll('NOW', '1700000000')
    const { batch, rejected } = decodeGraphite(ascii(text), { now: NOW })
    expect(rejected.listed).toEqual([])
    expect(flatten(batch).length).toBe(text.split('\n').filter((line) => line.trim() !== '').length)
  })
})
