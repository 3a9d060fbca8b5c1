/** The parts of Prometheus's API around queries: notifications, search, the server's own metrics, and the description of it all. */
import { get as httpGet, type IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { API, type RunningServer } from '@tsink/server'
import { get, importText, start } from './harness.ts'
import { watchTurns } from './large.ts'

const T = 1_705_315_800
let server: RunningServer

beforeAll(async () => {
  server = await start('--enable-feature', 'search-api', '--enable-admin-api')
  await importText(
    server,
    `# HELP demo_memory_bytes Memory.\n# TYPE demo_memory_bytes gauge\ndemo_memory_bytes{mode="idle"} 1 ${T}000\ndemo_cpu_seconds{mode="user"} 2 ${T}000\nup 1 ${T}000\n`,
  )
})
afterAll(() => server.stop())

describe('the description', () => {
  test('names what is served, with its methods', async () => {
    const served = [...server.context.paths].filter((path) => path.startsWith('/api/v1/'))
    expect(API.map(({ path }) => path).toSorted()).toEqual(served.toSorted())
    for (const { path, methods } of API) {
      const { status, headers } = await fetch(server.url + path.replace(':name', 'x'), { method: 'PATCH' })
      expect([path, status, headers.get('allow')]).toEqual([
        path,
        405,
        [...methods, 'OPTIONS'].toSorted((a, b) => (a < b ? -1 : 1)).join(', '),
      ])
    }
  })

  test('is OpenAPI', async () => {
    const response = await fetch(`${server.url}/api/v1/openapi.yaml?openapi_version=3.2`)
    expect(response.headers.get('content-type')).toMatch(/^application\/yaml/)
    const description = parse(await response.text())
    expect(description.openapi).toBe('3.2.0')
    expect(Object.keys(description.paths)).toHaveLength(API.length)
    expect(description.paths['/label/{name}/values'].get.parameters[0]).toMatchObject({ name: 'name', in: 'path', required: true })
    const ids = Object.values(description.paths as Record<string, Record<string, { operationId: string }>>).flatMap((path) =>
      Object.values(path).map(({ operationId }) => operationId),
    )
    expect(new Set(ids).size).toBe(ids.length)
    expect((await get(server, '/api/v1/openapi.yaml?openapi_version=2')).status).toBe(400)
  })
})

describe('search', () => {
  const lines = async (query: string): Promise<unknown[]> => {
    const response = await fetch(`${server.url}/api/v1/search/${query}`)
    expect(response.headers.get('content-type')).toBe('application/x-ndjson; charset=utf-8')
    return (await response.text())
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
  }
  const done = (more = false): object => ({ status: 'success', has_more: more })

  test('lists names that hold the characters in their order', async () => {
    expect(await lines('metric_names?search[]=DMEM')).toEqual([{ results: [{ name: 'demo_memory_bytes' }] }, done()])
    expect(await lines('metric_names?search[]=DMEM&case_sensitive=true')).toEqual([{ results: [] }, done()])
    expect(await lines('metric_names?match[]={mode="user"}')).toEqual([{ results: [{ name: 'demo_cpu_seconds' }] }, done()])
  })

  test('sorts, cuts, and comes in batches', async () => {
    expect(await lines('metric_names?sort_by=alpha&sort_dir=dsc&limit=2&batch_size=1')).toEqual([
      { results: [{ name: 'up' }] },
      { results: [{ name: 'demo_memory_bytes' }] },
      done(true),
    ])
    const scored = (await lines('metric_names?search[]=demo_cpu&sort_by=score&include_score=true&fuzz_alg=jarowinkler')) as {
      results: { name: string; score: number }[]
    }[]
    expect(scored[0]!.results.map(({ name }) => name)).toEqual(['demo_cpu_seconds', 'demo_memory_bytes'])
    expect(scored[0]!.results[0]!.score).toBeGreaterThan(scored[0]!.results[1]!.score)
    expect(await lines('metric_names?search[]=demo_memory_byte&fuzz_threshold=90')).toEqual([
      { results: [{ name: 'demo_memory_bytes' }] },
      done(),
    ])
  })

  test('finds label names and values, and metadata', async () => {
    expect(await lines('label_names?search[]=mod')).toEqual([{ results: [{ name: 'mode' }] }, done()])
    expect(await lines('label_values?label=mode')).toEqual([{ results: [{ value: 'idle' }, { value: 'user' }] }, done()])
    expect(await lines('metric_names?search[]=memory&include_metadata=true')).toEqual([
      { results: [{ name: 'demo_memory_bytes', metadata: [{ type: 'gauge', help: 'Memory.', unit: '' }] }] },
      done(),
    ])
  })

  test('refuses what is wrong', async () => {
    const error = async (query: string): Promise<string | undefined> => (await get(server, `/api/v1/search/${query}`)).body.error
    expect(await error('label_values')).toBe('missing required parameter "label"')
    expect(await error('metric_names?fuzz_threshold=101')).toBe('invalid fuzz_threshold "101": must be 0-100')
    expect(await error('metric_names?fuzz_alg=magic')).toMatch(/^invalid fuzz_alg "magic"/)
    for (const body of ['search[]=a&'.repeat(200_000), `search[]=${'a'.repeat(1_000_000)}&fuzz_alg=jarowinkler`]) {
      const refused = await get(server, '/api/v1/search/metric_names', { method: 'POST', body })
      expect([refused.status, refused.body.error]).toEqual([400, 'invalid search[]: at most 32 texts of 256 characters'])
    }
  })

  test('leaves the thread to others again and again', async () => {
    const T2 = T + 60
    await importText(server, Array.from({ length: 20_000 }, (_, i) => `many{long="${'abcdefghij'.repeat(8)}${i}"} 1 ${T2}000\n`).join(''))
    const texts = Array.from({ length: 8 }, (_, i) => `search[]=${'jihgfedcba'.repeat(8)}${i}`).join('&')
    const watched = watchTurns()
    const response = await fetch(`${server.url}/api/v1/search/label_values?label=long&fuzz_alg=jarowinkler&include_score=true&${texts}`)
    const text = await response.text()
    await new Promise((done) => setImmediate(done))
    const { longest, total } = watched()
    expect(text).toContain('"score":0.')
    expect(total).toBeGreaterThan(200_000)
    expect(longest).toBeLessThan(total / 2)
  })
})

test('the own metrics are families in JSON', async () => {
  const { body } = await get(server, '/api/v1/status/self_metrics?metric_name_pattern=tsink_http_request.*')
  const families = body.data as { name: string; type: string; metric: Record<string, unknown>[] }[]
  expect(families.every(({ name }) => name.startsWith('tsink_http_request'))).toBe(true)
  expect(new Set(families.map(({ type }) => type))).toEqual(new Set(['COUNTER', 'GAUGE', 'HISTOGRAM']))
  const histogram = families.find(({ type }) => type === 'HISTOGRAM')!.metric[0]!['histogram'] as { sampleCount: string; bucket: unknown[] }
  expect(Number(histogram.sampleCount)).toBeGreaterThan(0)
  expect(histogram.bucket.at(-1)).toEqual({ cumulativeCount: histogram.sampleCount, upperBound: 'Infinity' })
  expect((await get(server, '/api/v1/status/self_metrics?metric_name_pattern=(')).status).toBe(400)
})

describe('notifications', () => {
  const open = (): Promise<IncomingMessage> => new Promise((done) => httpGet(`${server.url}/api/v1/notifications/live`, done))
  const events = (response: IncomingMessage): object[] => {
    const all: object[] = []
    let text = ''
    response.on('data', (chunk: Buffer) => {
      text += chunk.toString()
      for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
        if (text.startsWith('data: ')) all.push(JSON.parse(text.slice(6, end)) as object)
        text = text.slice(end + 2)
      }
    })
    return all
  }
  const until = async (isThere: () => boolean): Promise<void> => {
    for (let i = 0; !isThere() && i < 200; i++) await new Promise((done) => setTimeout(done, 25))
  }

  test('tell what holds, and its end', async () => {
    expect((await get(server, '/api/v1/notifications')).body.data).toEqual([])
    const response = await open()
    expect([response.statusCode, response.headers['content-type']]).toEqual([200, 'text/event-stream'])
    const all = events(response)
    const { context } = server
    context.phase = 'replaying'
    await until(() => all.length === 1)
    const late = await open()
    const seen = events(late)
    await until(() => seen.length === 1)
    context.phase = 'ready'
    await until(() => all.length === 2)
    expect(all).toEqual([
      { text: 'The server is starting and replays its log.', date: expect.any(String), active: true },
      { text: 'The server is starting and replays its log.', date: expect.any(String), active: false },
    ])
    expect(seen[0]).toEqual(all[0])
    response.destroy()
    late.destroy()
  })

  test('do not hold up what comes behind HEAD', async () => {
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1')
    let text = ''
    socket.on('data', (chunk: Buffer) => (text += chunk.toString()))
    for (const [method, path] of [
      ['HEAD', '/api/v1/notifications/live'],
      ['GET', '/ready'],
    ])
      socket.write(`${method} ${path} HTTP/1.1\r\nHost: x\r\n\r\n`)
    await until(() => text.endsWith('ready'))
    socket.destroy()
    expect(text).toMatch(/^HTTP\/1.1 200 OK\r\ncontent-type: text\/event-stream[^]*HTTP\/1.1 200 OK[^]*ready$/)
  })

  test('have room for sixteen listeners, and a stop ends them', async () => {
    const listeners: IncomingMessage[] = []
    for (let i = 0; i < 16; i++) listeners.push(await open())
    expect((await open()).statusCode).toBe(204)
    const other = await start()
    const live = await new Promise<IncomingMessage>((done) => httpGet(`${other.url}/api/v1/notifications/live`, done))
    const ended = new Promise((done) => live.once('end', done).resume())
    await other.stop()
    await ended
    for (const listener of listeners) listener.destroy()
  })
})
