/** Plans over HTTP: before a query runs, and with what each operator took. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { RunningServer } from '@tsink/server'
import { get, importText, start } from './harness.ts'

interface Node {
  readonly operator: string
  readonly inputs: readonly Node[]
  readonly series: number
  readonly samplesRead: number
  readonly chunksDecoded: number
  readonly bytesDecoded: number
  readonly chunksSkipped: number
}

let server: RunningServer
// At the beginning of two hours, so that all samples lie in one segment.
const T = 1_705_298_400
/** Several full chunks a series. */
const SAMPLES = 7_000

beforeAll(async () => {
  server = await start('--enable-admin-api')
  const lines = (i: number): string => `load{cpu="${i % 2}"} ${i % 7} ${(T + (i >> 1)) * 1_000}\n`
  await importText(server, Array.from({ length: 2 * SAMPLES }, (_, i) => lines(i)).join(''))
  expect((await fetch(`${server.url}/api/v1/admin/tsdb/flush`, { method: 'POST' })).status).toBe(204)
})
afterAll(() => server.stop())

async function ask(path: string, parameters: Record<string, string>): Promise<Node> {
  const { status, body } = await get(server, `/api/v1/${path}?${new URLSearchParams(parameters)}`)
  expect(status, JSON.stringify(body)).toBe(200)
  return body.data
}

test('analyze tells chunks and bytes that were decoded, and chunks that were passed over', async () => {
  const query = 'sum(avg_over_time(load[1m]))'
  const range = { query, start: String(T + 60), end: String(T + 120), step: '10' }
  expect(await ask('explain', range)).toMatchObject({ operator: 'aggregate sum', inputs: [{ operator: 'window avg_over_time' }] })
  const early = (await ask('analyze', range)).inputs[0]!
  expect(early).toMatchObject({ series: 2, samplesRead: 2 * 120, chunksDecoded: 2 })
  expect(early.bytesDecoded).toBeGreaterThan(10)
  expect(early.chunksSkipped).toBeGreaterThanOrEqual(4)
  const all = (await ask('analyze', { query, start: String(T), end: String(T + SAMPLES + 40), step: '60' })).inputs[0]!
  expect(all).toMatchObject({ series: 2, samplesRead: 2 * SAMPLES, chunksSkipped: 0 })
  expect(all.chunksDecoded).toBe(early.chunksDecoded + early.chunksSkipped)
  expect(all.bytesDecoded).toBeGreaterThan(early.bytesDecoded)
})

test('analyze refuses what a query refuses', async () => {
  for (const path of ['explain', 'analyze']) {
    const { status, body } = await get(server, `/api/v1/${path}?query=${encodeURIComponent('sum(')}`)
    expect([status, body.errorType], path).toEqual([400, 'bad_data'])
    expect(body.error).toContain('1:5: parse error')
  }
})
