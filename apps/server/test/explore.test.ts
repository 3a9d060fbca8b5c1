/** Looking around: metrics by parts of their names, and what a selection is made of. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { RunningServer } from '@tsink/server'
import { get, importText, start } from './harness.ts'

let server: RunningServer
const T = 1_705_315_800_000

beforeAll(async () => {
  server = await start()
  await importText(
    server,
    [
      '# HELP http_requests_total How many requests came.',
      '# TYPE http_requests_total counter',
      ...['/a', '/b', '/c'].map((path) => `http_requests_total{job="api",path="${path}"} 1 ${T}`),
      `http_requests_total{job="web",path="/a"} 1 ${T}`,
      '# TYPE http_seconds histogram',
      `http_seconds_bucket{le="1"} 1 ${T}`,
      `http_seconds_bucket{le="+Inf"} 1 ${T}`,
      `http_seconds_sum 1 ${T}`,
      `http_seconds_count 1 ${T}`,
      `HTTP_other 1 ${T - 7_200_000}`,
      '',
    ].join('\n'),
  )
})
afterAll(() => server.stop())

async function ask(path: string): Promise<never> {
  const { status, body } = await get(server, path)
  expect(status, JSON.stringify(body)).toBe(200)
  return body.data
}

test('metrics are found by words of their names, the best first, with what is known of them', async () => {
  const names = async (parameters: string): Promise<string[]> => {
    const { metrics } = (await ask(`/api/v1/metrics?${parameters}`)) as { metrics: { name: string }[] }
    return metrics.map(({ name }) => name)
  }
  expect(await names('search=total')).toEqual(['http_requests_total'])
  expect(await names('search=Total%20HTTP')).toEqual(['http_requests_total'])
  expect(await names('search=http_s')).toEqual(['http_seconds_bucket', 'http_seconds_count', 'http_seconds_sum'])
  expect(await names('search=seconds_sum')).toEqual(['http_seconds_sum'])
  expect(await names('search=nothing')).toEqual([])
  // Listings may be supersets of a range, but an empty range holds nothing.
  expect(await names('start=2&end=1')).toEqual([])
  expect(await ask('/api/v1/metrics?search=total&count=true')).toEqual({
    metrics: [{ name: 'http_requests_total', type: 'counter', help: 'How many requests came.', unit: '', series: 4, exact: true }],
    total: 1,
  })
  expect(await ask('/api/v1/metrics?limit=1')).toEqual({ metrics: [{ name: 'HTTP_other', type: 'unknown', help: '', unit: '' }], total: 5 })
  expect(await ask('/api/v1/metrics?search=http_seconds_bucket')).toMatchObject({ metrics: [{ type: 'histogram' }] })
})

test('a selection is told by its labels and their most frequent values', async () => {
  expect(await ask('/api/v1/cardinality?match[]=http_requests_total&limit=2')).toEqual({
    series: 4,
    exact: true,
    labels: [
      { name: '__name__', values: 1, top: [{ value: 'http_requests_total', series: 4 }] },
      {
        name: 'job',
        values: 2,
        top: [
          { value: 'api', series: 3 },
          { value: 'web', series: 1 },
        ],
      },
      {
        name: 'path',
        values: 3,
        top: [
          { value: '/a', series: 2 },
          { value: '/b', series: 1 },
        ],
      },
    ],
  })
  expect(await ask('/api/v1/cardinality?match[]=up')).toEqual({ series: 0, exact: true, labels: [] })
})

test('a selection that cannot be read is refused', async () => {
  for (const query of ['', 'match[]={', 'match[]=a&match[]=b', 'match[]=a&limit=-1']) {
    expect((await get(server, `/api/v1/cardinality?${query}`)).status, query).toBe(400)
  }
})
