/** Clients that leave: whenever they do, what the server held for them is let go. */
import { request, type ClientRequest, type IncomingMessage } from 'node:http'
import { connect as connectHttp2, type ClientHttp2Session } from 'node:http2'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { RunningServer } from '@tsink/server'
import { get, start } from './harness.ts'
import { fill } from './large.ts'

const T = 1_705_315_800_000
const ROUNDS = 30
let server: RunningServer

beforeAll(async () => {
  server = await start()
  await fill(server.context.store!, 'large', 4, 100_000, T)
}, 60_000)
afterAll(() => server.stop())

const range = `start=${T / 1e3}&end=${T / 1e3 + 10_000}&step=1`
const PATHS = [
  '/api/v1/export?match[]=large',
  '/api/v1/export/ndjson?match[]=large',
  '/api/v1/export/parquet?match[]=large',
  `/api/v1/query_range?query=large&${range}`,
  `/api/v1/query_range?query=sum_over_time(large[1h])&${range}`,
  '/api/v1/notifications/live',
  '/federate?match[]=large',
]

async function inFlight(): Promise<number> {
  const { body } = await get(server, '/api/v1/status/self_metrics?metric_name_pattern=tsink_http_requests_in_flight')
  return (body.data as { metric: { gauge: { value: number } }[] }[])[0]!.metric[0]!.gauge.value
}

/** Asks, and leaves after so long. */
function leave(path: string, method: string, encoding: string, afterMs: number): Promise<void> {
  return new Promise((done) => {
    const asked = request(server.url + path, { method, headers: { 'accept-encoding': encoding } }, (response) =>
      response.on('error', () => 0).resume(),
    )
    asked.on('error', () => 0)
    asked.on('close', () => done())
    asked.end()
    setTimeout(() => asked.destroy(), afterMs)
  })
}

test('whoever leaves takes nothing along', { timeout: 600_000 }, async () => {
  const { queries } = server.context
  expect(await inFlight()).toBe(1)
  for (let i = 0; i < ROUNDS; i++) {
    const encoding = ['identity', 'gzip', 'zstd'][i % 3]!
    await Promise.all(PATHS.map((path, k) => leave(path, i % 5 === 4 ? 'HEAD' : 'GET', encoding, (i * 7 + k * 3) % 40)))
  }
  await expect.poll(() => queries.inside + queries.waiting, { timeout: 10_000 }).toBe(0)
  expect(server.context.activeQueries.list()).toEqual([])
  await expect.poll(inFlight, { timeout: 10_000 }).toBe(1)
})

test('a write that was left while it waited for its turn does not keep the turn', async () => {
  const small = await start('--write-max-inflight', '1KiB')
  const { writes } = small.context
  const post = (): ClientRequest => {
    const asked = request(`${small.url}/api/v1/import/prometheus`, { method: 'POST', headers: { 'content-length': '1000' } })
    asked.on('error', () => 0)
    asked.write('up 1')
    return asked
  }
  const first = post()
  await expect.poll(() => writes.inside).toBe(1_000)
  const second = post()
  await expect.poll(() => writes.waiting).toBe(1)
  second.destroy()
  await new Promise((done) => setTimeout(done, 50))
  first.destroy()
  await expect.poll(() => writes.waiting + writes.inside).toBe(0)
  await small.stop()
})

test('a reader of a long answer who stands still is left', { timeout: 60_000 }, async () => {
  const narrow = await start('--query-max-concurrency', '1', '--request-timeout', '1s')
  await fill(narrow.context.store!, 'large', 10, 200_000, T)
  const response = await new Promise<IncomingMessage>((done) => request(`${narrow.url}/api/v1/export?match[]=large`, done).end())
  response.on('error', () => 0)
  expect(narrow.context.queries.inside).toBe(1)
  const { status } = await fetch(`${narrow.url}/api/v1/query?query=1&timeout=20s`)
  expect(status).toBe(200)
  response.destroy()
  await narrow.stop()
})

test('a gRPC call that does not end is ended: by its time, and by a stop', { timeout: 60_000 }, async () => {
  const call = (server: RunningServer): ClientHttp2Session => {
    const session = connectHttp2(`http://127.0.0.1:${server.context.ports['otlp_grpc']}`)
    session.on('error', () => 0)
    const path = '/opentelemetry.proto.collector.metrics.v1.MetricsService/Export'
    const stream = session.request({ ':method': 'POST', ':path': path, 'content-type': 'application/grpc' })
    stream.on('error', () => 0).write(Buffer.alloc(5))
    return session
  }
  const inside = (server: RunningServer): number => server.context.writes.inside
  const impatient = await start('--otlp-grpc-listen', '127.0.0.1:0', '--request-timeout', '1s')
  const session = call(impatient)
  await expect.poll(() => inside(impatient)).toBeGreaterThan(0)
  await expect.poll(() => inside(impatient), { timeout: 5_000 }).toBe(0)
  session.destroy()
  await impatient.stop()

  const stopping = await start('--otlp-grpc-listen', '127.0.0.1:0', '--shutdown-grace', '1s')
  const open = call(stopping)
  await expect.poll(() => inside(stopping)).toBeGreaterThan(0)
  const outcome = await Promise.race([stopping.stop().then(() => 'stopped'), new Promise((done) => setTimeout(done, 10_000, 'hangs'))])
  expect(outcome).toBe('stopped')
  open.destroy()
})
