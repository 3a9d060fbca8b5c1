/** Exports of whole series: each format over HTTP, read back; and that none is ever whole in memory. */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parquetReadObjects } from 'hyparquet'
import { Matcher } from '@tsink/core'
import { exportPieces, EXPORT_FORMATS, type RunningServer } from '@tsink/server'
import { get, importText, start } from './harness.ts'
import { fill, held, watchTurns } from './large.ts'

let server: RunningServer
const T = 1_705_315_800_000

beforeAll(async () => {
  server = await start()
})
afterAll(() => server.stop())

async function exported(path: string, init: RequestInit = {}): Promise<Response> {
  const response = await fetch(`${server.url}/api/v1/export${path}`, init)
  if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`)
  return response
}

describe('over HTTP', () => {
  beforeAll(() =>
    importText(
      server,
      `cpu{job="a",mode="idle"} 1.5 ${T}\ncpu{job="a",mode="idle"} 2.5 ${T + 1_000}\ncpu{job="b"} 7 ${T}\nmem{job="a"} 9 ${T}\n`,
    ),
  )

  test('Parquet has the selected series of the selected time', async () => {
    const response = await exported(`/parquet?match[]=cpu&match[]={job="a"}&start=${T / 1e3}&end=${T / 1e3}`)
    expect(response.headers.get('content-type')).toBe('application/vnd.apache.parquet')
    const rows = await parquetReadObjects({ file: await response.arrayBuffer() })
    expect(rows.map(({ metric, job, mode, value }) => `${metric} ${job} ${mode} ${value}`).toSorted()).toEqual([
      'cpu a idle 1.5',
      'cpu b null 7',
      'mem a null 9',
    ])
  })

  test('labels=json gives one column, and another layout is refused', async () => {
    const response = await exported('/parquet?labels=json', { method: 'POST', body: new URLSearchParams({ 'match[]': 'mem' }) })
    expect(await parquetReadObjects({ file: await response.arrayBuffer() })).toMatchObject([
      { metric: 'mem', labels: '{"job":"a"}', value: 9 },
    ])
    expect((await get(server, '/api/v1/export/parquet?match[]=mem&labels=rows')).body.error).toMatch(/^invalid parameter "labels"/)
  })

  test('Arrow is a stream with an end', async () => {
    const response = await exported('/arrow?match[]=cpu')
    expect(response.headers.get('content-type')).toBe('application/vnd.apache.arrow.stream')
    const bytes = Buffer.from(await response.arrayBuffer())
    expect([bytes.readInt32LE(0), bytes.subarray(-8).toString('hex')]).toEqual([-1, 'ffffffff00000000'])
  })

  test('OpenMetrics has the series of a metric one after another, and an end', async () => {
    const response = await exported('/openmetrics?match[]={job=~".%2B"}')
    expect(response.headers.get('content-type')).toMatch(/^application\/openmetrics-text/)
    const lines = (await response.text()).split('\n')
    expect(lines.filter((line) => line.startsWith('#'))).toEqual(['# TYPE cpu unknown', '# TYPE mem unknown', '# EOF'])
    expect(lines.slice(-3)).toEqual([`mem{job="a"} 9 ${T / 1e3}`, '# EOF', ''])
  })

  test('NDJSON goes back in as it came out, every kind of it', async () => {
    const lines = [
      '{"metric":{"__name__":"nd_a","x":"1"},"timestamp":1705315800000,"value":-0}',
      '{"metric":{"__name__":"nd_a","x":"1"},"timestamp":1705315801000,"value":{"f64":"-Inf"}}',
      '{"metric":{"__name__":"nd_a","x":"1"},"timestamp":1705315802000,"value":{"f64":"stale"}}',
      '{"metric":{"__name__":"nd_b"},"timestamp":1705315800000,"value":{"u64":"18446744073709551615"}}',
      '{"metric":{"__name__":"nd_c"},"timestamp":1705315800000,"value":true}',
      '{"metric":{"__name__":"nd_d"},"timestamp":1705315800000,"value":"on \\"fire\\""}',
      '{"metric":{"__name__":"nd_e"},"timestamp":1705315800000,"value":{"bytes":"/wA="}}',
      '{"metric":{"__name__":"nd_f"},"timestamp":1705315800000,"value":{"histogram":{"schema":1,"count":3,"sum":"NaN","zeroThreshold":0.5,"zeroCount":1,' +
        '"positiveSpans":[[2,1]],"positiveBuckets":[2],"negativeSpans":[],"negativeBuckets":[],"customValues":[],"hint":"gauge","isInteger":true}}}',
    ]
    const response = await fetch(`${server.url}/api/v1/import/ndjson`, { method: 'POST', body: lines.join('\n') })
    expect([response.status, await response.text()]).toEqual([204, ''])
    const back = await (await exported('/ndjson?match[]={__name__=~"nd_."}')).text()
    expect(back.trimEnd().split('\n').toSorted()).toEqual(lines.toSorted())
    const csv = await (await exported('/csv?match[]={__name__=~"nd_."}&format=__name__,__value__')).text()
    expect(csv.trimEnd().split('\n').toSorted()).toEqual([
      'nd_a,-0',
      'nd_a,-Inf',
      'nd_b,18446744073709551615',
      'nd_c,1',
      'nd_d,"on ""fire"""',
    ])
    const bad = await fetch(`${server.url}/api/v1/import/ndjson`, {
      method: 'POST',
      body: `${lines[0]}\n{"metric":{"__name__":"x"},"value":[]}\n`,
    })
    expect([bad.status, await bad.text()]).toEqual([400, expect.stringContaining('line 2')])
  })

  test('HEAD says what it would be, and makes nothing', async () => {
    const { status, headers } = await fetch(`${server.url}/api/v1/export/parquet?match[]=cpu`, { method: 'HEAD' })
    expect([status, headers.get('content-type')]).toEqual([200, 'application/vnd.apache.parquet'])
    expect((await fetch(`${server.url}/api/v1/export/parquet`, { method: 'HEAD' })).status).toBe(400)
    expect(server.context.queries.inside).toBe(0)
  })

  test('a selection of nothing is an empty file of each format', async () => {
    for (const format of EXPORT_FORMATS) {
      const path = format === 'jsonl' ? '' : `/${format}`
      const response = await exported(`${path}?match[]=nothing&format=__name__`)
      const { length } = Buffer.from(await response.arrayBuffer())
      expect([format, length > 0]).toEqual([format, !['jsonl', 'csv', 'ndjson'].includes(format)])
    }
  })

  test('a label that is not valid in the request is refused before anything is sent', async () => {
    expect((await get(server, '/api/v1/export/arrow')).status).toBe(400)
    expect((await get(server, '/api/v1/export/parquet?match[]={')).status).toBe(400)
    expect((await get(server, '/api/v1/export/parquet?match[]=x&start=later')).status).toBe(400)
  })
})

describe('a large export', () => {
  const SAMPLES = 1_000_000
  const SERIES = 2
  // What all samples take as columns of doubles: no export may hold that.
  const WHOLE_BYTES = SERIES * SAMPLES * 16
  const BOUND_BYTES = WHOLE_BYTES / 2
  const matchers = [Matcher.metric('large')]

  beforeAll(() => fill(server.context.store!, 'large', SERIES, SAMPLES, T), 60_000)

  test.each(EXPORT_FORMATS)('%s is never whole in memory', async (format) => {
    const before = held()
    const isTable = format === 'parquet' || format === 'arrow'
    let [most, bytes, pieces] = [0, 0, 0]
    const { parseCsvFields } = await import('@tsink/protocols')
    const request = {
      format,
      selectors: [matchers],
      minTime: 0,
      maxTime: 4e12,
      csvFields: parseCsvFields('instance,__timestamp__,__value__'),
    }
    for await (const piece of exportPieces(server.context.store!, request)) {
      bytes += piece.length
      if (pieces++ % (isTable ? 16 : 256) === 0) most = Math.max(most, held() - before)
    }
    expect(pieces).toBeGreaterThan(isTable ? 25 : 200)
    expect(bytes).toBeGreaterThan(SERIES * SAMPLES)
    expect(most).toBeLessThan(BOUND_BYTES)
  })

  test('is made no faster than its reader reads, and ends when the reader leaves', async () => {
    const { queries } = server.context
    const before = held()
    const client = request(`${server.url}/api/v1/export/arrow?match[]=large`)
    const response = await new Promise<import('node:http').IncomingMessage>((done) => client.on('response', done).end())
    await new Promise<void>((done) => response.once('readable', () => done()))
    // It reads no more now. All of it would be some 50 MB.
    await new Promise((done) => setTimeout(done, 500))
    expect(held() - before).toBeLessThan(BOUND_BYTES)
    expect(queries.inside).toBe(1)
    client.destroy()
    for (let i = 0; queries.inside > 0 && i < 200; i++) await new Promise((done) => setTimeout(done, 10))
    expect(queries.inside).toBe(0)
  })

  test('leaves the thread to others again and again', async () => {
    const watched = watchTurns()
    const bytes = (await (await exported('/parquet?match[]=large')).arrayBuffer()).byteLength
    const { longest, total } = watched()
    expect(bytes).toBeGreaterThan(2_000_000)
    // In one go it would be nearly all of the time that it took.
    expect(longest).toBeLessThan(total / 3)
  })
})

const promtool = [...(process.env['PATH'] ?? '').split(delimiter), process.env['TSINK_PEERS'] ?? '']
  .filter((folder) => folder !== '')
  .map((folder) => join(folder, 'promtool'))
  .findLast((path) => existsSync(path))

describe.skipIf(promtool === undefined)('promtool (skipped, because it is not installed, where it is skipped)', () => {
  test('makes blocks of an OpenMetrics dump', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tsink-export-'))
    try {
      await importText(server, `dump{job="a\\"b"} 1 ${T}\ndump{job="a\\"b"} 2.5 ${T + 15_500}\ndump_total 3 ${T}\n`)
      const text = await (await exported('/openmetrics?match[]={__name__=~"dump.*"}')).text()
      await writeFile(join(folder, 'dump.txt'), text)
      await promisify(execFile)(promtool!, ['tsdb', 'create-blocks-from', 'openmetrics', join(folder, 'dump.txt'), join(folder, 'data')])
      expect((await readdir(join(folder, 'data'))).length).toBeGreaterThan(0)
      // What dumps expects the folder of a whole server.
      await mkdir(join(folder, 'data', 'wal'))
      const { stdout } = await promisify(execFile)(promtool!, ['tsdb', 'dump', join(folder, 'data')])
      expect(stdout.trim().split('\n').toSorted()).toEqual([
        `{__name__="dump", job="a\\"b"} 1 ${T}`,
        `{__name__="dump", job="a\\"b"} 2.5 ${T + 15_500}`,
        `{__name__="dump_total"} 3 ${T}`,
      ])
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  })
})
