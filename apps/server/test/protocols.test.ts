/** Each protocol's way in over HTTP: what its clients send, and the answers that they expect. */
import { request } from 'node:http'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { RunningServer } from '@tsink/server'
import { get, start } from './harness.ts'

let server: RunningServer
const T = 1_705_315_800

beforeAll(async () => {
  server = await start()
})
afterAll(() => server.stop())

async function post(
  path: string,
  body: string | Uint8Array,
  headers: Record<string, string> = {},
): Promise<{ status: number; text: string; headers: Headers }> {
  const response = await fetch(server.url + path, { method: 'POST', body: body as BodyInit, headers })
  return { status: response.status, text: await response.text(), headers: response.headers }
}

async function series(query: string): Promise<readonly { metric: Record<string, string>; value: [number, string] }[]> {
  const { body } = await get(server, `/api/v1/query?${new URLSearchParams({ query, time: String(T) })}`)
  return (body.data as { result: { metric: Record<string, string>; value: [number, string] }[] }).result
}

describe('InfluxDB', () => {
  test('clients of every version write', async () => {
    expect((await post(`/write?db=telegraf&precision=s`, `cpu,host=a usage=1.5,value=3i ${T}`)).status).toBe(204)
    expect((await post(`/api/v2/write?org=o&bucket=b&precision=ms`, `mem,host=a used=7 ${T}000`)).status).toBe(204)
    expect(
      (await post(`/api/v3/write_lp?db=d&precision=second`, gzipSync(`disk,host=a free=9 ${T}`), { 'content-encoding': 'gzip' })).status,
    ).toBe(204)
    expect(await series('cpu_usage')).toEqual([{ metric: { __name__: 'cpu_usage', host: 'a', influx_db: 'telegraf' }, value: [T, '1.5'] }])
    expect(await series('cpu')).toEqual([{ metric: { __name__: 'cpu', host: 'a', influx_db: 'telegraf' }, value: [T, '3'] }])
    expect(await series('mem_used')).toEqual([
      { metric: { __name__: 'mem_used', host: 'a', influx_bucket: 'b', influx_org: 'o' }, value: [T, '7'] },
    ])
    expect(await series('disk_free')).toEqual([{ metric: { __name__: 'disk_free', host: 'a', influx_db: 'd' }, value: [T, '9'] }])
  })

  test('a content type without a value is none', async () => {
    const { hostname, port } = new URL(server.url)
    const status = await new Promise<number | undefined>((resolve, reject) => {
      // As InfluxDB's shell asks; fetch would leave the header out.
      const headers = { 'content-type': '' }
      const sent = request({ hostname, port, path: '/write?db=shell&precision=s', method: 'POST', headers }, (answer) =>
        resolve(answer.statusCode),
      )
      sent.on('error', reject).end(`shell v=1 ${T}`)
    })
    expect(status).toBe(204)
    expect((await series('shell_v'))[0]?.metric).toEqual({ __name__: 'shell_v', influx_db: 'shell' })
  })

  test('lines that are wrong cost only themselves, and are told', async () => {
    const v1 = await post('/write?precision=s', `good a=1 ${T}\nbad\ngood b=2 ${T}\n`)
    expect(v1.status).toBe(400)
    expect(JSON.parse(v1.text).error).toMatch(/^partial write: .*line 2.* dropped=1$/)
    expect(await series('good_a + on() good_b')).toHaveLength(1)
    const v3 = await post('/api/v3/write_lp?db=d&precision=second', `good a=1 ${T}\nbad\n`)
    expect([v3.status, JSON.parse(v3.text)]).toEqual([
      400,
      {
        error: 'partial write of line protocol occurred',
        data: [{ line_number: 2, error_message: expect.stringMatching(/^line 2, column \d+: expected /) }],
      },
    ])
    const v2 = await post('/api/v2/write?precision=fortnight', `x v=1 ${T}`)
    expect([v2.status, JSON.parse(v2.text).code]).toEqual([400, 'invalid'])
  })

  test('what clients ask before they write is answered', async () => {
    const ping = await fetch(`${server.url}/ping`, { method: 'HEAD' })
    expect([ping.status, ping.headers.get('x-influxdb-version')]).toEqual([204, '1.8.10'])
    expect(JSON.parse((await post('/query', 'q=CREATE+DATABASE+x')).text)).toEqual({ results: [{ statement_id: 0 }] })
    expect(JSON.parse((await post('/query?q=SHOW+DATABASES', '')).text).results[0].series[0].values).toEqual([['tsink']])
    expect((await post('/query?q=SELECT+1', '')).status).toBe(400)
    const settings = (await (await fetch(`${server.url}/settings`)).json()) as { config: object }
    expect(settings.config).toMatchObject({ 'line.proto.support.versions': [1] })
  })
})

describe('OTLP', () => {
  const gauge = (name: string, dataPoints: unknown[]): string =>
    JSON.stringify({
      resourceMetrics: [
        {
          resource: { attributes: [{ key: 'service.name', value: { stringValue: 'shop' } }] },
          scopeMetrics: [{ metrics: [{ name, gauge: { dataPoints } }] }],
        },
      ],
    })

  test('exporters reach it at every usual path, in JSON', async () => {
    for (const [i, path] of ['/api/v1/otlp/v1/metrics', '/v1/metrics', '/opentelemetry/v1/metrics'].entries()) {
      const body = gauge(`load_${i}`, [
        { asDouble: 0.5, timeUnixNano: `${T}000000000`, attributes: [{ key: 'host.name', value: { stringValue: 'a' } }] },
      ])
      const { status, text, headers } = await post(path, body, { 'content-type': 'application/json' })
      expect([status, text, headers.get('content-type')]).toEqual([200, '{}', 'application/json'])
      expect(await series(`load_${i}`)).toEqual([{ metric: { __name__: `load_${i}`, host_name: 'a', job: 'shop' }, value: [T, '0.5'] }])
    }
  })

  test('an empty request in protobuf gets an empty answer in protobuf', async () => {
    const { status, text, headers } = await post('/v1/metrics', new Uint8Array(0), { 'content-type': 'application/x-protobuf' })
    expect([status, text, headers.get('content-type')]).toEqual([200, '', 'application/x-protobuf'])
  })

  test('a body that is none gets 400 in its own encoding, another content type 415', async () => {
    const bad = await post('/v1/metrics', '{', { 'content-type': 'application/json' })
    expect([bad.status, JSON.parse(bad.text).code]).toEqual([400, 3])
    expect((await post('/v1/metrics', '{}', { 'content-type': 'text/plain' })).status).toBe(415)
  })

  test('deltas are summed up, over requests', async () => {
    const sum = (start: number, end: number, value: number): string =>
      JSON.stringify({
        resourceMetrics: [
          {
            scopeMetrics: [
              {
                metrics: [
                  {
                    name: 'hits',
                    sum: {
                      aggregationTemporality: 1,
                      isMonotonic: true,
                      dataPoints: [
                        { asInt: String(value), startTimeUnixNano: `${T + start}000000000`, timeUnixNano: `${T + end}000000000` },
                      ],
                    },
                  },
                ],
              },
            ],
          },
        ],
      })
    for (const body of [sum(-20, -10, 3), sum(-10, 0, 4)]) {
      expect((await post('/v1/metrics', body, { 'content-type': 'application/json' })).text).toBe('{}')
    }
    expect((await series('hits_total'))[0]?.value[1]).toBe('7')
  })
})

describe('exposition formats', () => {
  test('are told apart by their content type', async () => {
    const openMetrics = `# TYPE om counter\nom_total 5 ${T}\n# EOF\n`
    const headers = { 'content-type': 'application/openmetrics-text; version=1.0.0' }
    expect((await post('/api/v1/import/prometheus', openMetrics, headers)).status).toBe(204)
    expect((await series('om_total'))[0]?.value[1]).toBe('5')
  })
})

describe('data of other databases', () => {
  test('goes out as JSON lines and comes in again', async () => {
    const lines = [`moved{i="1"} 1 ${T}000`, `moved{i="1"} 2 ${T + 1}000`, `moved{i="2"} 3 ${T}000`, '']
    expect((await post('/api/v1/import/prometheus', lines.join('\n'))).status).toBe(204)
    const exported = await (await fetch(`${server.url}/api/v1/export?match[]=moved`)).text()
    const parsed = exported
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { metric: { i: string } })
    expect(parsed.toSorted((a, b) => (a.metric.i < b.metric.i ? -1 : 1))).toEqual([
      { metric: { __name__: 'moved', i: '1' }, values: [1, 2], timestamps: [T * 1_000, T * 1_000 + 1_000] },
      { metric: { __name__: 'moved', i: '2' }, values: [3], timestamps: [T * 1_000] },
    ])
    expect((await post('/api/v1/import', exported.replaceAll('moved', 'moved_again'))).status).toBe(204)
    expect((await series('sum(moved_again)'))[0]?.value[1]).toBe('4')
    const bounded = await (await fetch(`${server.url}/api/v1/export?match[]=moved&start=${T + 1}`)).text()
    expect(bounded.trim().split('\n')).toHaveLength(1)
    expect((await fetch(`${server.url}/api/v1/export`)).status).toBe(400)
  })

  test('goes in and out as CSV', async () => {
    const format = encodeURIComponent('1:label:sensor,2:metric:celsius,3:time:unix_s')
    expect((await post(`/api/v1/import/csv?format=${format}`, `kitchen,21.5,${T}\ncellar,12,${T}\n`)).status).toBe(204)
    expect(await series('celsius{sensor="cellar"}')).toEqual([{ metric: { __name__: 'celsius', sensor: 'cellar' }, value: [T, '12'] }])
    const fields = encodeURIComponent('sensor,__value__,__timestamp__:unix_s')
    const text = await (await fetch(`${server.url}/api/v1/export/csv?match[]=celsius&format=${fields}`)).text()
    expect(text.trim().split('\n').toSorted()).toEqual([`cellar,12,${T}`, `kitchen,21.5,${T}`])
    expect((await post('/api/v1/import/csv', 'x')).status).toBe(400)
  })

  test('comes as puts of OpenTSDB, with a summary where one is wanted', async () => {
    const point = { metric: 'sys.cpu', timestamp: T, value: 4, tags: { host: 'a' } }
    expect((await post('/api/put', JSON.stringify(point))).status).toBe(204)
    expect((await series('sys_cpu'))[0]?.value[1]).toBe('4')
    const summary = await post('/api/put?summary', JSON.stringify([point, { metric: 'x' }]))
    expect([summary.status, JSON.parse(summary.text)]).toMatchObject([400, { success: 1, failed: 1 }])
  })
})
