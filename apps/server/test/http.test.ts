/** The server over real sockets: what it takes, what it refuses and how it says so. */
import { request as httpRequest } from 'node:http'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { encodeRemoteWrite, REMOTE_WRITE_HEADERS } from '@tsink/testing'
import type { RunningServer } from '@tsink/server'
import { get, importText, start } from './harness.ts'

let server: RunningServer
const T = 1_705_315_800

beforeAll(async () => {
  server = await start('--write-max-body', '64KiB', '--write-max-decoded', '128KiB', '--query-timeout', '20s')
  await importText(server, `a_total{job="x",path="/1"} 1 ${T}000\na_total{job="x",path="/2"} 2 ${T}000\nb{job="y"} 3 ${T}000\n`)
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

function body(name: string, value: number, samples = 1): Uint8Array {
  const timestamps = Array.from({ length: samples }, (_, i) => T * 1_000 + i)
  return encodeRemoteWrite([{ labels: [['__name__', name]], timestamps, values: Float64Array.from(timestamps, () => value) }])
}

async function valueOf(query: string, time = T): Promise<string | undefined> {
  const { body } = await get(server, `/api/v1/query?${new URLSearchParams({ query, time: String(time) })}`)
  return (body.data as { result: { value: [number, string] }[] }).result[0]?.value[1]
}

describe('a query', () => {
  test('is asked by GET and by POST, with parameters in the URL, in the body, or in both, whatever the content type says', async () => {
    const query = 'sum(a_total)'
    const expected = { resultType: 'vector', result: [{ metric: {}, value: [T, '3'] }] }
    expect((await get(server, `/api/v1/query?${new URLSearchParams({ query, time: String(T) })}`)).body.data).toEqual(expected)
    const form = new URLSearchParams({ query, time: String(T) }).toString()
    for (const type of ['application/x-www-form-urlencoded', 'application/json', 'text/plain']) {
      expect(JSON.parse((await post('/api/v1/query', form, { 'content-type': type })).text).data, type).toEqual(expected)
    }
    // As vmalert does: parameters in the URL, an empty body that calls itself JSON.
    expect(JSON.parse((await post(`/api/v1/query?${form}`, '', { 'content-type': 'application/json' })).text).data).toEqual(expected)
    expect(JSON.parse((await post(`/api/v1/query?time=${T}`, `query=${encodeURIComponent(query)}`)).text).data).toEqual(expected)
    // The body's value wins.
    expect(JSON.parse((await post(`/api/v1/query?query=1&time=${T}`, `query=${encodeURIComponent(query)}`)).text).data).toEqual(expected)
  })

  test('that is wrong gets 400 with the position', async () => {
    const { status, body } = await get(server, `/api/v1/query?query=${encodeURIComponent('sum(')}`)
    expect(status).toBe(400)
    expect(body).toMatchObject({
      status: 'error',
      errorType: 'bad_data',
      error: 'invalid parameter "query": 1:5: parse error: unclosed left parenthesis',
    })
  })

  test('is cut at its limit with a warning', async () => {
    const { body } = await get(server, `/api/v1/query?query=a_total&time=${T}&limit=1`)
    expect((body.data as { result: unknown[] }).result).toHaveLength(1)
    expect(body.warnings).toEqual(['results truncated due to limit'])
  })

  test('over too many steps is refused', async () => {
    const { status, body } = await get(server, `/api/v1/query_range?query=b&start=0&end=11001&step=1`)
    expect(status).toBe(400)
    expect(body.error).toBe('exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)')
  })
})

describe('a query that takes long', () => {
  /** Sorts an hour of samples of each of 300 series at each of 1,101 steps: many seconds of work. */
  const parameters = { query: 'quantile_over_time(0.5, slow[1h:1s])', start: String(T), end: String(T + 11_000), step: '10' }
  const path = `/api/v1/query_range?${new URLSearchParams(parameters)}`
  let slow: RunningServer

  beforeAll(async () => {
    slow = await start()
    const lines: string[] = []
    for (let i = 0; i < 300; i++) for (let t = T - 3_600; t < T + 11_000; t += 240) lines.push(`slow{i="${i}"} ${(t * 7) % 31} ${t}000\n`)
    await importText(slow, lines.join(''))
  })
  afterAll(() => slow.stop())

  test('is ended when nobody waits for it any more', async () => {
    const controller = new AbortController()
    const pending = fetch(slow.url + path, { signal: controller.signal })
    await until(() => slow.context.queries.inside > 0)
    controller.abort()
    await expect(pending).rejects.toThrow()
    await until(() => slow.context.queries.inside === 0)
  })

  test('can be seen while it runs, and ended by an operator', async () => {
    const pending = get(slow, path)
    await until(() => slow.context.activeQueries.list().length > 0)
    const running = (await get(slow, '/api/v1/status/active_queries')).body.data as { id: number; query: string }[]
    expect(running.map(({ query }) => query)).toEqual([parameters.query])
    const cancel = (): Promise<Response> =>
      fetch(`${slow.url}/api/v1/status/active_queries/cancel?id=${running[0]!.id}`, { method: 'POST' })
    expect((await cancel()).status).toBe(204)
    const { status, body } = await pending
    expect([status, body.errorType]).toEqual([499, 'canceled'])
    expect((await cancel()).status).toBe(404)
  })

  test('gets 503 after its timeout, and lets probes through meanwhile', async () => {
    const pending = get(slow, `${path}&timeout=200ms`)
    await until(() => slow.context.queries.inside > 0)
    let longest = 0
    for (let i = 0; i < 5; i++) {
      const begin = performance.now()
      expect((await fetch(`${slow.url}/ready`)).status).toBe(200)
      longest = Math.max(longest, performance.now() - begin)
    }
    expect(longest).toBeLessThan(1_000)
    const { status, body } = await pending
    expect([status, body.errorType]).toEqual([503, 'timeout'])
  })
})

describe('a write', () => {
  test('by remote write is there when it is acknowledged', async () => {
    expect((await post('/api/v1/write', body('rw', 7), REMOTE_WRITE_HEADERS)).status).toBe(204)
    expect(await valueOf('rw')).toBe('7')
  })

  test('of text may be compressed in every common way', async () => {
    const line = (name: string): string => `${name} 5 ${T}000\n`
    expect((await post('/api/v1/import/prometheus', gzipSync(line('gz')), { 'content-encoding': 'gzip' })).status).toBe(204)
    expect((await post('/api/v1/import/prometheus', zstdCompressSync(line('zs')), { 'content-encoding': 'zstd' })).status).toBe(204)
    expect(await valueOf('gz + on() zs')).toBe('10')
  })

  test('with bad lines stores the good ones and says where the bad ones are', async () => {
    const { status, text } = await post('/api/v1/import/prometheus', `good_one 1 ${T}000\nbad{ 2\ngood_two 3 ${T}000\n`)
    expect(status).toBe(400)
    expect(text).toContain('line 2')
    expect(await valueOf('good_one + on() good_two')).toBe('4')
  })

  test('whose body is damaged stores nothing and says what is wrong', async () => {
    const whole = body('damaged', 1, 100)
    for (const [bytes, headers] of [
      [whole.subarray(0, whole.length - 20), REMOTE_WRITE_HEADERS],
      [Buffer.from('garbage'), REMOTE_WRITE_HEADERS],
      [new Uint8Array(0), REMOTE_WRITE_HEADERS],
    ] as const) {
      const { status, text } = await post('/api/v1/write', bytes, headers)
      expect(status).toBe(400)
      expect(text).not.toBe('')
    }
    expect((await post('/api/v1/import/prometheus', Buffer.from('not gzip'), { 'content-encoding': 'gzip' })).status).toBe(400)
    expect(await valueOf('damaged', T + 1)).toBe(undefined)
  })

  test('that is too large gets 413, also when it only says that it is, or only becomes so', async () => {
    const large = await post('/api/v1/import/prometheus', 'x'.repeat(70_000))
    expect(large.status).toBe(413)
    expect(large.text).toContain('65536')
    // A snappy header that declares 512 MiB, and nothing behind it: refused by its word.
    const liar = await post('/api/v1/write', Uint8Array.of(0x80, 0x80, 0x80, 0x80, 0x02, 0), REMOTE_WRITE_HEADERS)
    expect(liar.status).toBe(413)
    const bomb = await post('/api/v1/import/prometheus', gzipSync(Buffer.alloc(10_000_000, 0x23)), { 'content-encoding': 'gzip' })
    expect(bomb.status).toBe(413)
    expect(await chunked('/api/v1/import/prometheus', 20, 10_000)).toBe(413)
    expect(await valueOf('b')).toBe('3')
  })

  test('of an unknown kind gets 415', async () => {
    expect((await post('/api/v1/write', body('x', 1), { ...REMOTE_WRITE_HEADERS, 'content-type': 'text/csv' })).status).toBe(415)
    expect((await post('/api/v1/write', body('x', 1), { ...REMOTE_WRITE_HEADERS, 'content-encoding': 'gzip' })).status).toBe(415)
    expect((await post('/api/v1/import/prometheus', 'x', { 'content-encoding': 'lzma' })).status).toBe(415)
  })

  test('that breaks off in the middle costs nothing', async () => {
    await broken('/api/v1/import/prometheus', `half_sent 1 ${T}000\n`)
    expect(await valueOf('half_sent')).toBe(undefined)
    await until(() => server.context.writes.inside === 0)
  })
})

describe('admission', () => {
  test('answers 429 with Retry-After when too much is in work, and serves the next one', async () => {
    const small = await start('--write-max-inflight', '1KiB', '--write-queue-timeout', '50ms')
    try {
      const release = small.context.writes.tryEnter(1_024)!
      const refused = await fetch(`${small.url}/api/v1/import/prometheus`, { method: 'POST', body: 'a 1\n' })
      expect(refused.status).toBe(429)
      expect(refused.headers.get('retry-after')).toBe('1')
      release()
      expect((await fetch(`${small.url}/api/v1/import/prometheus`, { method: 'POST', body: 'a 1\n' })).status).toBe(204)
    } finally {
      await small.stop()
    }
  })

  test('lets queries wait for their turn, at most for their timeout', async () => {
    const small = await start('--query-max-concurrency', '1')
    try {
      const release = small.context.queries.tryEnter(1)!
      const { status, body } = await get(small, '/api/v1/query?query=1&timeout=50ms')
      expect(status).toBe(503)
      expect(body).toMatchObject({ errorType: 'timeout', error: 'query timed out in query queue' })
      const waiting = get(small, '/api/v1/query?query=1')
      await until(() => small.context.queries.waiting === 1)
      release()
      expect((await waiting).status).toBe(200)
    } finally {
      await small.stop()
    }
  })
})

describe('the edge', () => {
  test('answers probes, also with HEAD', async () => {
    for (const path of ['/healthz', '/ready', '/-/healthy', '/-/ready', '/health']) {
      expect((await fetch(server.url + path)).status, path).toBe(200)
      expect((await fetch(server.url + path, { method: 'HEAD' })).status, path).toBe(200)
    }
    const ping = await fetch(`${server.url}/ping`)
    expect(ping.status).toBe(204)
    expect(ping.headers.get('x-influxdb-version')).not.toBe(null)
  })

  test('says that it lives and is not ready while the store is being opened', async () => {
    const own = await start()
    try {
      own.context.phase = 'replaying'
      for (const path of ['/ready', '/-/ready', '/api/v1/query?query=1', '/api/v1/labels']) {
        const response = await fetch(own.url + path)
        expect([response.status, await response.text()], path).toEqual([503, 'Service Unavailable\n'])
      }
      expect((await fetch(`${own.url}/api/v1/write`, { method: 'POST', body: 'x' })).status).toBe(503)
      for (const path of ['/healthz', '/-/healthy', '/metrics', '/api/v1/status/walreplay', '/']) {
        expect((await fetch(own.url + path)).status, path).toBe(200)
      }
    } finally {
      await own.stop()
    }
  })

  test('says 404 and 405 as Prometheus does, and names the methods', async () => {
    expect((await fetch(`${server.url}/api/v1/nope`)).status).toBe(404)
    const wrong = await fetch(`${server.url}/api/v1/write`)
    expect([wrong.status, wrong.headers.get('allow'), await wrong.text()]).toEqual([405, 'OPTIONS, POST', 'Method Not Allowed\n'])
  })

  test('compresses large answers as the client likes', async () => {
    await importText(server, Array.from({ length: 200 }, (_, i) => `many{i="${i}"} ${i} ${T}000\n`).join(''))
    for (const encoding of ['gzip', 'deflate', 'zstd']) {
      const response = await fetch(`${server.url}/api/v1/query?query=many&time=${T}`, { headers: { 'accept-encoding': encoding } })
      expect(response.headers.get('content-encoding')).toBe(encoding)
      expect(((await response.json()) as { data: { result: unknown[] } }).data.result).toHaveLength(200)
    }
    const plain = await fetch(`${server.url}/api/v1/query?query=many&time=${T}`, { headers: { 'accept-encoding': 'gzip;q=0' } })
    expect(plain.headers.get('content-encoding')).toBe(null)
  })

  test('lets pages of other origins read answers, as configured', async () => {
    const response = await fetch(`${server.url}/api/v1/query?query=1`, { headers: { origin: 'http://example.com' } })
    expect(response.headers.get('access-control-allow-origin')).toBe('http://example.com')
    const strict = await start('--cors-origin', 'https://ours\\.example')
    try {
      const refused = await fetch(`${strict.url}/api/v1/query?query=1`, { headers: { origin: 'http://example.com' } })
      expect(refused.headers.get('access-control-allow-origin')).toBe(null)
    } finally {
      await strict.stop()
    }
  })

  test('asks for the token where one is set, save at probes', async () => {
    const closed = await start('--auth-token', 'hunter2')
    try {
      expect((await fetch(`${closed.url}/api/v1/query?query=1`)).status).toBe(401)
      expect((await fetch(`${closed.url}/api/v1/query?query=1`, { headers: { authorization: 'Bearer hunter3' } })).status).toBe(401)
      expect((await fetch(`${closed.url}/api/v1/query?query=1`, { headers: { authorization: 'Bearer hunter2' } })).status).toBe(200)
      const status = async (authorization: string): Promise<number> =>
        (await fetch(`${closed.url}/api/v1/query?query=1`, { headers: { authorization } })).status
      const basic = (pair: string): string => `Basic ${Buffer.from(pair).toString('base64')}`
      for (const good of ['Token hunter2', 'bearer hunter2', basic('any:hunter2'), basic(':hunter2')])
        expect(await status(good), good).toBe(200)
      for (const bad of ['hunter2', 'Digest hunter2', 'Bearer', basic('hunter2:x'), basic('a:b:hunter2'), basic('hunter2 ')])
        expect(await status(bad), bad).toBe(401)
      expect((await fetch(`${closed.url}/metrics`)).status).toBe(401)
      for (const path of ['/ready', '/ping', '/settings', '/']) expect((await fetch(closed.url + path)).ok, path).toBe(true)
      const open = new Set(['/ready', '/-/ready', '/healthz', '/-/healthy', '/health', '/ping', '/settings', '/'])
      for (const path of closed.context.paths) {
        // The page's files say nothing.
        if (open.has(path) || /^\/(?:assets\/|index\.html|favicon)/.test(path)) continue
        for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'DELETE']) {
          const { status } = await fetch(closed.url + path.replaceAll(/:\w+|\*/g, 'x'), { method })
          expect([401, 405], `${method} ${path}`).toContain(status)
        }
      }
      const flags = await get(closed, '/api/v1/status/flags', { headers: { authorization: 'Bearer hunter2' } })
      expect(JSON.stringify(flags.body)).not.toContain('hunter2')
    } finally {
      await closed.stop()
    }
  })

  test('counts what it does at /metrics', async () => {
    const before = await metric('tsink_write_accepted_samples_total{protocol="exposition"}')
    await importText(server, `counted 1 ${T}000\ncounted_too 2 ${T}000\n`)
    expect((await metric('tsink_write_accepted_samples_total{protocol="exposition"}')) - before).toBe(2)
    const text = await (await fetch(`${server.url}/metrics`)).text()
    for (const name of [
      'tsink_http_request_duration_seconds_bucket',
      'tsink_queries_in_flight',
      'process_cpu_seconds_total',
      'tsink_build_info',
    ]) {
      expect(text).toContain(name)
    }
    // Its own metrics are a valid exposition: it can import them.
    await importText(server, text)
  })
})

describe('administration', () => {
  test('is off unless asked for', async () => {
    const { text } = await post('/api/v1/admin/tsdb/delete_series?match[]=b', '')
    expect(JSON.parse(text)).toMatchObject({ errorType: 'unavailable', error: 'admin APIs disabled' })
    expect(await valueOf('b')).toBe('3')
  })

  test('deletes what is selected, first as a dry run', async () => {
    const admin = await start('--enable-admin-api')
    try {
      await importText(admin, `gone 1 ${T}000\nstays 2 ${T}000\n`)
      const url = `${admin.url}/api/v1/admin/tsdb/delete_series?match[]=gone`
      const dry = (await (await fetch(`${url}&dry_run=true`, { method: 'POST' })).json()) as { data: { series: number } }
      expect(dry.data.series).toBe(1)
      expect((await get(admin, `/api/v1/label/__name__/values`)).body.data).toEqual(['gone', 'stays'])
      expect((await fetch(url, { method: 'POST' })).status).toBe(204)
      const { body } = await get(admin, `/api/v1/query?query={__name__=~"gone|stays"}&time=${T}`)
      expect((body.data as { result: { metric: { __name__: string } }[] }).result.map(({ metric }) => metric.__name__)).toEqual(['stays'])
      await importText(admin, `gone 5 ${T}000\n`)
      expect((await get(admin, `/api/v1/query?query=gone&time=${T}`)).body.data).toMatchObject({ result: [{ value: [T, '5'] }] })
    } finally {
      await admin.stop()
    }
  })
})

describe('metadata', () => {
  test('lists names, values and series', async () => {
    const own = await start()
    try {
      await importText(own, `# HELP a_total Things.\n# TYPE a_total counter\na_total{job="x"} 1 ${T}000\nb{job="y"} 3 ${T}000\n`)
      expect((await get(own, '/api/v1/labels')).body.data).toEqual(['__name__', 'job'])
      expect((await get(own, '/api/v1/label/job/values')).body.data).toEqual(['x', 'y'])
      expect((await get(own, '/api/v1/label/job/values?match[]=b')).body.data).toEqual(['y'])
      expect((await get(own, '/api/v1/series?match[]=b')).body.data).toEqual([{ __name__: 'b', job: 'y' }])
      expect((await get(own, '/api/v1/labels?limit=1')).body).toMatchObject({
        data: ['__name__'],
        warnings: ['results truncated due to limit'],
      })
      expect((await get(own, '/api/v1/metadata')).body.data).toEqual({ a_total: [{ type: 'counter', help: 'Things.', unit: '' }] })
      expect((await get(own, '/api/v1/metadata?limit=0')).body.data).toEqual({})
      const stats = (await get(own, '/api/v1/status/tsdb')).body.data as {
        headStats: { numSeries: number }
        seriesCountByMetricName: unknown
      }
      expect(stats.headStats.numSeries).toBe(2)
      expect(stats.seriesCountByMetricName).toEqual([
        { name: 'a_total', value: 1 },
        { name: 'b', value: 1 },
      ])
    } finally {
      await own.stop()
    }
  })

  test('is federated with the names that the scraper can read', async () => {
    const now = Date.now()
    await importText(server, `{"feder.ated","a.b"="1"} 1 ${now}\n`)
    const url = `${server.url}/federate?match[]=${encodeURIComponent('{"feder.ated"}')}`
    expect(await (await fetch(url)).text()).toBe(`# TYPE feder_ated untyped\nfeder_ated{a_b="1",instance=""} 1 ${now}\n`)
    const aware = await fetch(url, { headers: { accept: 'text/plain; version=1.0.0; escaping=allow-utf-8' } })
    expect(await aware.text()).toBe(`# TYPE "feder.ated" untyped\n{"feder.ated","a.b"="1",instance=""} 1 ${now}\n`)
  })

  test('is federated in the text format', async () => {
    const now = Date.now()
    await importText(server, `fed{instance="1",y="a\\"b"} 1 ${now}\nfed{x="2"} 2.5 ${now}\n`)
    const response = await fetch(`${server.url}/federate?match[]=fed`)
    expect(await response.text()).toBe(`# TYPE fed untyped\nfed{instance="1",y="a\\"b"} 1 ${now}\nfed{x="2",instance=""} 2.5 ${now}\n`)
  })
})

async function metric(name: string): Promise<number> {
  const text = await (await fetch(`${server.url}/metrics`)).text()
  const line = text.split('\n').find((one) => one.startsWith(`${name} `))
  return Number(line?.slice(name.length + 1) ?? 0)
}

/** Sends a body in chunks without a declared length; returns the status. */
function chunked(path: string, chunks: number, size: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(server.url + path, { method: 'POST', headers: { 'transfer-encoding': 'chunked' } }, (response) => {
      response.resume()
      response.on('end', () => resolve(response.statusCode!))
    })
    request.on('error', reject)
    for (let i = 0; i < chunks; i++) request.write('#'.repeat(size))
    request.end()
  })
}

/** Declares more than it sends, and hangs up. */
function broken(path: string, text: string): Promise<void> {
  return new Promise((resolve) => {
    const request = httpRequest(server.url + path, { method: 'POST', headers: { 'content-length': String(text.length + 10) } })
    request.on('error', () => resolve())
    request.on('close', () => resolve())
    request.write(text, () => setTimeout(() => request.destroy(), 20))
  })
}

async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 10_000
  while (!condition()) {
    if (performance.now() > deadline) throw new Error('it did not happen within 10 s')
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
