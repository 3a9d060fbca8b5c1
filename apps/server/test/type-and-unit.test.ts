/** The feature type-and-unit-labels, and the settings of OTLP, from the flag to the series. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { get } from './harness.ts'
import { Scraping } from './scrape-harness.ts'
import { ScrapeTarget } from './scrape-target.ts'

const T = 1_705_315_800
let target: ScrapeTarget
let scraping: Scraping

beforeAll(async () => {
  target = await ScrapeTarget.open('# TYPE scraped gauge\nscraped{__type__="counter"} 3\n')
  scraping = await Scraping.open(
    `  - { job_name: a, static_configs: [{ targets: ['${target.address}'] }] }\n`,
    '--enable-feature',
    'type-and-unit-labels',
    '--otlp-promote-all-attributes',
    '--otlp-ignore-attributes',
    'secret',
    '--otlp-promote-scope',
    '--otlp-keep-identifying',
    '--otlp-convert-histograms',
  )
})
afterAll(async () => {
  await scraping.close()
  await target.close()
})

interface Element {
  readonly metric: Record<string, string>
  readonly value?: readonly [number, string]
  readonly histogram?: unknown
}

async function query(text: string, time = T): Promise<readonly Element[]> {
  const { body } = await get(scraping.server, `/api/v1/query?${new URLSearchParams({ query: text, time: String(time) })}`)
  return (body.data as { result: readonly Element[] }).result
}

async function post(path: string, body: string, contentType: string): Promise<void> {
  const response = await fetch(scraping.server.url + path, { method: 'POST', body, headers: { 'content-type': contentType } })
  expect(await response.text()).toMatch(/^(\{\})?$/)
}

test('pushed expositions', async () => {
  await post('/api/v1/import/prometheus', `# TYPE pushed counter\npushed 1 ${T}000\n`, 'text/plain')
  await post(
    '/api/v1/import/prometheus',
    `# TYPE om_seconds gauge\n# UNIT om_seconds seconds\nom_seconds{__unit__="hours"} 1 ${T}\n# EOF\n`,
    'application/openmetrics-text; version=1.0.0',
  )
  expect((await query('pushed'))[0]!.metric).toEqual({ __name__: 'pushed', __type__: 'counter' })
  expect((await query('om_seconds'))[0]!.metric).toEqual({ __name__: 'om_seconds', __type__: 'gauge', __unit__: 'seconds' })
})

test('scrapes', async () => {
  let found: readonly Element[] = []
  for (let i = 0; found.length === 0 && i < 200; i++) {
    await new Promise((done) => setTimeout(done, 25))
    found = await query('scraped', Date.now() / 1_000)
  }
  expect(found[0]!.metric).toMatchObject({ __name__: 'scraped', __type__: 'gauge', job: 'a' })
})

test('OTLP', async () => {
  const attribute = (key: string, stringValue: string): object => ({ key, value: { stringValue } })
  const body = {
    resourceMetrics: [
      {
        resource: { attributes: [attribute('service.name', 'shop'), attribute('host', 'h'), attribute('secret', 's')] },
        scopeMetrics: [
          {
            scope: { name: 'lib' },
            metrics: [
              { name: 'size', unit: 'By', gauge: { dataPoints: [{ asDouble: 2, timeUnixNano: `${T}000000000` }] } },
              {
                name: 'took',
                unit: 's',
                histogram: {
                  aggregationTemporality: 2,
                  dataPoints: [{ count: '3', sum: 4, bucketCounts: ['1', '2'], explicitBounds: [1], timeUnixNano: `${T}000000000` }],
                },
              },
            ],
          },
        ],
      },
    ],
  }
  await post('/v1/metrics', JSON.stringify(body), 'application/json')
  expect((await query('size_bytes'))[0]!.metric).toEqual({
    __name__: 'size_bytes',
    __type__: 'gauge',
    __unit__: 'bytes',
    host: 'h',
    job: 'shop',
    otel_scope_name: 'lib',
    service_name: 'shop',
  })
  expect((await query('took_seconds'))[0]!.histogram).toBeDefined()
  expect((await query('target_info'))[0]!.metric).toMatchObject({ service_name: 'shop' })
})
