/** Streams of remote read: never whole in memory, no faster than their reader, in the order of labels. */
import { request, type IncomingMessage } from 'node:http'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Matcher } from '@tsink/core'
import { snappyEncode } from '@tsink/kernel'
import { decodeReadStream, encodeReadRequest } from '@tsink/protocols'
import type { RunningServer } from '@tsink/server'
import { importText, start } from './harness.ts'
import { fill, held } from './large.ts'

const T = 1_705_315_800_000
const SERIES = 4
const SAMPLES = 1_000_000
const WHOLE_BYTES = SERIES * SAMPLES * 16
let server: RunningServer

beforeAll(async () => {
  server = await start()
  await fill(server.context.store!, 'large', SERIES, SAMPLES, T)
  // So that nothing of the store's own work is measured.
  await server.context.engine!.flush()
}, 60_000)
afterAll(() => server.stop())

function ask(...metrics: string[]): Promise<IncomingMessage> {
  const queries = metrics.map((metric) => ({ matchers: [Matcher.metric(metric)], minTime: 0, maxTime: 4e12, hints: null }))
  const headers = { 'content-encoding': 'snappy', 'content-type': 'application/x-protobuf' }
  const body = snappyEncode(encodeReadRequest({ queries, responseType: 'chunks' }))
  return new Promise((resolve) => request(`${server.url}/api/v1/read`, { method: 'POST', headers }, resolve).end(body))
}

test('a long answer is never whole in memory', async () => {
  // Once before, so that what the store keeps of its own is there.
  for await (const _ of await ask('large')) continue
  const before = held()
  let [most, bytes, pieces] = [0, 0, 0]
  for await (const piece of await ask('large')) {
    bytes += (piece as Buffer).length
    if (pieces++ % 64 === 0) most = Math.max(most, held() - before)
  }
  expect(bytes).toBeGreaterThan(10_000_000)
  expect(most).toBeLessThan(WHOLE_BYTES / 4)
})

test('it is made no faster than its reader reads, and ends when the reader leaves', async () => {
  const { queries } = server.context
  const before = held()
  const response = await ask('large')
  await new Promise<void>((done) => response.once('readable', () => done()))
  await new Promise((done) => setTimeout(done, 300))
  expect(held() - before).toBeLessThan(WHOLE_BYTES / 4)
  expect(queries.inside).toBe(1)
  response.destroy()
  for (let i = 0; queries.inside > 0 && i < 200; i++) await new Promise((done) => setTimeout(done, 10))
  expect(queries.inside).toBe(0)
})

test('series come in the order of their labels, query by query, and strings not at all', async () => {
  const jobs = Array.from({ length: 3_000 }, (_, i) => `j${(i * 7_919) % 3_001}`)
  await importText(server, jobs.map((job) => `many{job="${job}"} 1 ${T}\n`).join(''))
  await fetch(`${server.url}/api/v1/import/ndjson`, { method: 'POST', body: `{"metric":{"__name__":"text"},"timestamp":${T},"value":"x"}` })
  const pieces: Buffer[] = []
  for await (const piece of await ask('many', 'text', 'many')) pieces.push(piece as Buffer)
  const found = decodeReadStream(Buffer.concat(pieces)).map(({ labels }) => labels.get('job'))
  expect(found).toEqual([...jobs.toSorted(), ...jobs.toSorted()])
})
