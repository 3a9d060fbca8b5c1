/** Where targets come from, how they change while the server runs, and how the endpoints show them. */
import { execFileSync, spawnSync } from 'node:child_process'
import { createSocket, type Socket } from 'node:dgram'
import * as dns from 'node:dns'
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { freePort, ServerProcess, sleep } from '@tsink/testing'
import { get, start } from './harness.ts'
import { Scraping, until } from './scrape-harness.ts'
import { ScrapeTarget, TEXT } from './scrape-target.ts'

const open: { close(): Promise<unknown> | void }[] = []

afterEach(async () => {
  for (const one of open.splice(0).toReversed()) await one.close()
})

async function target(body = 'a 1\n'): Promise<ScrapeTarget> {
  const one = await ScrapeTarget.open(body)
  open.push(one)
  return one
}

async function scraping(config: string | ((folder: string) => string)): Promise<Scraping> {
  const one = await Scraping.open(config)
  open.push(one)
  return one
}

async function jobsUp(s: Scraping): Promise<readonly string[]> {
  return (await s.query('up == 1')).map(([labels]) => labels['instance']!).toSorted()
}

describe('targets come', () => {
  test('from files, as they are written, changed, broken and removed', async () => {
    const [one, two] = [await target(), await target()]
    const s = await scraping('  - job_name: j\n    file_sd_configs: [{ files: ["*.json", targets.yml] }]\n')
    const yaml = join(s.folder, 'targets.yml')
    writeFileSync(yaml, `- targets: ['${one.address}']\n  labels: { zone: a }\n`)
    await until('the first is up', async () => (await jobsUp(s)).length === 1)
    expect(await s.query('a')).toEqual([[{ instance: one.address, job: 'j', zone: 'a' }, '1']])
    const json = join(s.folder, 'more.json')
    // As programs do that want a file to be whole at any moment.
    writeFileSync(`${json}.part`, JSON.stringify([{ targets: [two.address] }]))
    renameSync(`${json}.part`, json)
    await until('both are up', async () => (await jobsUp(s)).length === 2)
    const { activeTargets } = await s.targets()
    expect(activeTargets.map(({ discoveredLabels }) => discoveredLabels['__meta_filepath']).toSorted()).toEqual([json, yaml])
    writeFileSync(yaml, '- targets: [\n')
    await sleep(500)
    expect(await jobsUp(s)).toHaveLength(2)
    rmSync(json)
    await until('one is left', async () => (await s.targets()).activeTargets.length === 1)
    await until('the other is stale, up too', async () =>
      (await s.query('{job="j"}')).every(([labels]) => labels['instance'] === one.address),
    )
    expect(await s.value('a')).toBe('1')
  })

  test('from HTTP, whose failures change nothing', async () => {
    const [list, one, two] = [await target(), await target(), await target()]
    list.headers = { 'content-type': 'application/json; charset=utf-8' }
    list.body = JSON.stringify([{ targets: [one.address], labels: { zone: 'a' } }])
    const s = await scraping(`  - job_name: j\n    http_sd_configs: [{ url: 'http://${list.address}/sd', refresh_interval: 100ms }]\n`)
    await until('the first is up', async () => (await jobsUp(s)).length === 1)
    expect(list.requests[0]!.headers).toMatchObject({ accept: 'application/json', 'x-prometheus-refresh-interval-seconds': '0.1' })
    expect((await s.targets()).activeTargets[0]!.discoveredLabels).toMatchObject({ __meta_url: `http://${list.address}/sd`, zone: 'a' })
    list.status = 500
    await sleep(300)
    expect(await jobsUp(s)).toEqual([one.address])
    list.status = 200
    list.headers = { 'content-type': 'text/plain' }
    list.body = JSON.stringify([])
    await sleep(300)
    expect(await jobsUp(s)).toEqual([one.address])
    list.headers = { 'content-type': 'application/json' }
    list.body = JSON.stringify([{ targets: [two.address] }])
    await until('the other has taken its place', async () => (await jobsUp(s)).join() === two.address)
    expect(await (await fetch(`${s.server.url}/metrics`)).text()).toMatch(
      /^tsink_scrape_discovery_failures_total\{mechanism="http"\} [1-9]/m,
    )
  })

  test('from DNS', async () => {
    const one = await target()
    const port = Number(one.address.split(':')[1])
    const names = await NameServer.open((name, type) =>
      name !== 'metrics.example' ? [] : type === 1 ? [[127, 0, 0, 1]] : [srv(port, 'localhost')],
    )
    open.push(names)
    const servers = dns.getServers()
    dns.promises.setServers([names.address])
    open.push({ close: () => dns.promises.setServers(servers) })
    const s = await scraping(
      `  - job_name: a\n    dns_sd_configs: [{ names: [metrics.example, none.example], type: A, port: ${port} }]\n` +
        '  - job_name: srv\n    dns_sd_configs: [{ names: [metrics.example] }]\n',
    )
    await until('both are up', async () => (await jobsUp(s)).length === 2)
    expect(await jobsUp(s)).toEqual([`127.0.0.1:${port}`, `localhost:${port}`])
    const discovered = (await s.targets('?scrapePool=srv')).activeTargets[0]!.discoveredLabels
    expect(discovered).toMatchObject({
      __meta_dns_name: 'metrics.example',
      __meta_dns_srv_record_target: 'localhost.',
      __meta_dns_srv_record_port: String(port),
    })
  })
})

describe('a config that is loaded again', () => {
  test('leaves what did not change alone, and hands series on where it did', async () => {
    const [one, two] = [await target('a 1\nb 1\n'), await target()]
    const statics = (...targets: ScrapeTarget[]): string =>
      `static_configs: [{ targets: [${targets.map(({ address }) => `'${address}'`).join()}] }]`
    const s = await scraping(`  - { job_name: same, ${statics(two)} }\n  - { job_name: j, ${statics(one)} }\n`)
    await until('both are up', async () => (await jobsUp(s)).length === 2)
    const loop = [...s.server.context.scraper!.pool('same')!.loops.values()][0]
    const drop = 'metric_relabel_configs: [{ source_labels: [__name__], regex: b, action: drop }]'
    expect(await s.reload(`  - { job_name: same, ${statics(two)} }\n  - { job_name: j, ${statics(one)}, ${drop} }\n`)).toEqual({
      status: 200,
      text: '',
    })
    expect([...s.server.context.scraper!.pool('same')!.loops.values()][0]).toBe(loop)
    const scrapes = one.requests.length
    await until('the changed job has scraped twice', () => one.requests.length > scrapes + 1)
    await until('what is dropped now is stale', async () => (await s.query('b{job="j"}')).length === 0)
    expect(await s.query('a')).toHaveLength(2)
    await sleep(600)
    // No marker of the old loop came between the samples of the new one: no series of the target looks new, and none is missing.
    expect(await s.value('scrape_series_added{job="j"}')).toBe('0')
    expect(await s.query('a{job="j"}')).toHaveLength(1)
  })

  test('changes nothing when it is wrong, and says what is', async () => {
    const one = await target()
    const config = `  - { job_name: j, static_configs: [{ targets: ['${one.address}'] }] }\n`
    const s = await scraping(config)
    const { status, text } = await s.reload(`${config}  - { job_name: j }\n`)
    expect(status).toBe(500)
    expect(text).toContain('failed to reload config: ')
    expect(text).toContain('found multiple scrape configs with job name "j"')
    expect((await get(s.server, '/api/v1/status/runtimeinfo')).body.data).toMatchObject({ reloadConfigSuccess: false })
    await until('the old one goes on', async () => (await s.value('up')) === '1')
    expect((await s.reload('')).status).toBe(200)
    expect((await get(s.server, '/api/v1/status/runtimeinfo')).body.data).toMatchObject({ reloadConfigSuccess: true })
    expect((await s.targets()).activeTargets).toEqual([])
    await until('the target is stale', async () => (await s.query('{__name__=~".+"}')).length === 0)
  })

  test('is loaded on SIGHUP, and a wrong one stops the start', async () => {
    const one = await target()
    const s = await scraping('')
    const path = join(s.folder, 'process.yml')
    writeFileSync(path, 'scrape_configs: []\n')
    const command = [process.execPath, '--conditions=@tsink/source', join(import.meta.dirname, '../src/main.ts')]
    const server = new ServerProcess(command, await freePort(), ['--scrape-config', path])
    await server.ready()
    writeFileSync(path, `scrape_configs: [{ job_name: j, scrape_interval: 100ms, static_configs: [{ targets: ['${one.address}'] }] }]\n`)
    server.child.kill('SIGHUP')
    await until('it scrapes', () => one.requests.length > 2)
    writeFileSync(path, 'scrape_configs: 1\n')
    server.child.kill('SIGHUP')
    await until('it says what is wrong', () => server.stderr.includes('scrape_configs: expected a list'))
    expect(await server.stop()).toBe(0)
    const second = new ServerProcess(command, await freePort(), ['--scrape-config', path])
    expect((await second.ended).code).toBe(2)
    expect(second.stderr).toBe(`tsink-server: ${path}:1: scrape_configs: expected a list, found a single value\n`)
  })
})

describe('the endpoints', () => {
  test('show targets by state and pool', async () => {
    const one = await target()
    const s = await scraping(
      `  - job_name: b\n    static_configs: [{ targets: ['${one.address}', 'gone:1'] }]\n    relabel_configs: [{ source_labels: [__address__], regex: 'gone.*', action: drop }]\n` +
        "  - job_name: a\n    scrape_interval: 1h\n    static_configs: [{ targets: ['127.0.0.1:1'] }]\n",
    )
    await until('one is up', async () => (await s.value('up')) === '1')
    const all = await s.targets()
    expect(all.activeTargets.map(({ scrapePool, health }) => [scrapePool, health])).toEqual([
      ['a', 'unknown'],
      ['b', 'up'],
    ])
    expect(all.activeTargets[0]).toEqual({
      discoveredLabels: {
        __address__: '127.0.0.1:1',
        __metrics_path__: '/metrics',
        __scheme__: 'http',
        __scrape_interval__: '1h',
        __scrape_timeout__: '10s',
        job: 'a',
      },
      labels: { instance: '127.0.0.1:1', job: 'a' },
      scrapePool: 'a',
      scrapeUrl: 'http://127.0.0.1:1/metrics',
      globalUrl: expect.stringMatching(/^http:\/\/(?!127).+:1\/metrics$/),
      lastError: '',
      lastScrape: '0001-01-01T00:00:00Z',
      lastScrapeDuration: 0,
      health: 'unknown',
      scrapeInterval: '1h',
      scrapeTimeout: '10s',
    })
    expect(all.droppedTargetCounts).toEqual({ a: 0, b: 1 })
    expect((await s.targets('?state=active')).droppedTargets).toEqual([])
    expect((await s.targets('?state=dropped')).activeTargets).toEqual([])
    expect((await s.targets('?scrapePool=b')).activeTargets).toHaveLength(1)
    expect((await get(s.server, '/api/v1/scrape_pools')).body.data).toEqual({ scrapePools: ['a', 'b'] })
    const { yaml } = (await get(s.server, '/api/v1/scrape_pools/config?scrapePool=b')).body.data as { yaml: string }
    expect(yaml).toContain('job_name: b\n')
    expect(yaml).toContain('scrape_interval: 300ms\n')
  })

  test('tell what targets say of their metrics', async () => {
    const one = await target('# HELP a What a is.\n# TYPE a gauge\na 1\n# TYPE b counter\nb 1\n')
    const s = await scraping(`  - { job_name: j, static_configs: [{ targets: ['${one.address}'] }] }\n`)
    await until('it was scraped', async () => (await s.value('up')) === '1')
    const metadata = async (query: string): Promise<unknown> => (await get(s.server, `/api/v1/targets/metadata?${query}`)).body.data
    const labels = { job: 'j', instance: one.address }
    expect(await metadata('')).toEqual([
      { target: labels, metric: 'a', type: 'gauge', help: 'What a is.', unit: '' },
      { target: labels, metric: 'b', type: 'counter', help: '', unit: '' },
    ])
    expect(await metadata('metric=a')).toEqual([{ target: labels, type: 'gauge', help: 'What a is.', unit: '' }])
    expect(await metadata('limit=1')).toHaveLength(1)
    expect(await metadata('match_target={job="other"}')).toEqual([])
    expect((await get(s.server, '/api/v1/targets/metadata?limit=x')).body).toMatchObject({
      errorType: 'bad_data',
      error: 'limit must be a number',
    })
    // The store knows it too.
    expect((await get(s.server, '/api/v1/metadata?metric=a')).body.data).toEqual({ a: [{ type: 'gauge', help: 'What a is.', unit: '' }] })
  })

  test('explain relabelling step by step', async () => {
    const s = await scraping(`  - job_name: j
    relabel_configs:
      - { source_labels: [__address__], target_label: host, regex: '(.*):.*' }
      - { source_labels: [host], regex: b, action: drop }
      - { target_label: c, replacement: d }
`)
    const steps = async (labels: string): Promise<unknown> =>
      (await get(s.server, `/api/v1/targets/relabel_steps?scrapePool=j&labels=${encodeURIComponent(labels)}`)).body
    expect(await steps('{"__address__":"a:1"}')).toMatchObject({
      data: {
        steps: [
          {
            rule: {
              action: 'replace',
              source_labels: ['__address__'],
              target_label: 'host',
              regex: '(.*):.*',
              replacement: '$1',
              separator: ';',
            },
            output: { __address__: 'a:1', host: 'a' },
            keep: true,
          },
          { rule: { action: 'drop', regex: 'b', source_labels: ['host'] }, output: { __address__: 'a:1', host: 'a' }, keep: true },
          { output: { __address__: 'a:1', host: 'a', c: 'd' }, keep: true },
        ],
      },
    })
    expect(await steps('{"__address__":"b:1"}')).toMatchObject({
      data: { steps: [{ keep: true }, { output: {}, keep: false }, { output: {}, keep: false }] },
    })
    expect(await steps('')).toMatchObject({ errorType: 'bad_data', error: 'no labels parameter provided' })
    expect(await steps('[]')).toMatchObject({ errorType: 'bad_data' })
    expect((await get(s.server, '/api/v1/targets/relabel_steps?scrapePool=x&labels={}')).body.error).toBe(
      'error retrieving scrape config: scrape pool "x" not found',
    )
  })

  test('have empty lists where nothing is scraped', async () => {
    const server = await start()
    open.push({ close: () => server.stop() })
    expect((await get(server, '/api/v1/targets')).body.data).toEqual({ activeTargets: [], droppedTargets: [], droppedTargetCounts: {} })
    expect((await get(server, '/api/v1/scrape_pools')).body.data).toEqual({ scrapePools: [] })
    expect((await fetch(`${server.url}/-/reload`, { method: 'POST' })).status).toBe(403)
  })
})

const noOpenssl =
  spawnSync('openssl', ['version']).status === 0 ? '' : ' (skipped: openssl, which makes the certificates, is not installed)'

describe.skipIf(noOpenssl !== '')(`a target behind TLS${noOpenssl}`, () => {
  test('is believed when its certificate is, and knows us by ours', async () => {
    const s = await scraping('')
    const file = (name: string): string => join(s.folder, name)
    const words = 'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=metrics.example'
    const name = ['-addext', 'subjectAltName=DNS:metrics.example']
    execFileSync('openssl', [...words.split(' '), ...name, '-keyout', file('key.pem'), '-out', file('cert.pem')], { stdio: 'ignore' })
    const [cert, key] = [readFileSync(file('cert.pem')), readFileSync(file('key.pem'))]
    const secure = createServer({ cert, key, ca: cert, requestCert: true, rejectUnauthorized: false }, (request, response) => {
      const { authorized } = request.socket as unknown as { authorized: boolean }
      response.writeHead(200, { 'content-type': TEXT }).end(`client_known ${authorized ? 1 : 0}\n`)
    })
    await new Promise<void>((done) => secure.listen(0, '127.0.0.1', done))
    open.push({ close: () => new Promise((done) => (secure.closeAllConnections(), secure.close(done))) })
    const { port } = secure.address() as AddressInfo
    const job = (name: string, tls: string): string =>
      `  - { job_name: ${name}, scheme: https, static_configs: [{ targets: ['127.0.0.1:${port}'] }], tls_config: { ${tls} } }\n`
    await s.reload(
      job('unknown', '') +
        job('careless', 'insecure_skip_verify: true') +
        job('known', `ca_file: cert.pem, server_name: metrics.example, cert_file: cert.pem, key_file: key.pem, min_version: TLS12`) +
        job('misnamed', 'ca_file: cert.pem') +
        job('without', 'ca_file: missing.pem'),
    )
    await s.downWith('unknown', /self-signed certificate/)
    await s.downWith('misnamed', /does not match certificate/)
    await s.downWith('without', `cannot read ${file('missing.pem')}: ENOENT`)
    await until('two are up', async () => (await s.query('up == 1')).length === 2)
    expect(await s.value('client_known{job="careless"}')).toBe('0')
    expect(await s.value('client_known{job="known"}')).toBe('1')
  })
})

/** A name server for tests: one answer for each question, over UDP. */
class NameServer {
  readonly #socket: Socket

  private constructor(socket: Socket) {
    this.#socket = socket
  }

  static async open(answer: (name: string, type: number) => readonly (readonly number[])[]): Promise<NameServer> {
    const socket = createSocket('udp4')
    socket.on('message', (query, { port, address }) => {
      const labels: string[] = []
      let at = 12
      for (let length = query[at]!; length > 0; length = query[at]!) {
        labels.push(query.subarray(at + 1, at + 1 + length).toString())
        at += 1 + length
      }
      const type = query.readUInt16BE(at + 1)
      const question = query.subarray(12, at + 5)
      const records = answer(labels.join('.').toLowerCase(), type)
      // Name: a pointer to the question's; class IN; time to live 60.
      const bodies = records.map((data) =>
        Buffer.from([0xc0, 12, 0, type, 0, 1, 0, 0, 0, 60, data.length >> 8, data.length & 255, ...data]),
      )
      const head = Buffer.from([query[0]!, query[1]!, 0x81, records.length === 0 ? 0x83 : 0x80, 0, 1, 0, records.length, 0, 0, 0, 0])
      socket.send(Buffer.concat([head, question, ...bodies]), port, address)
    })
    await new Promise<void>((done) => socket.bind(0, '127.0.0.1', done))
    return new NameServer(socket)
  }

  get address(): string {
    return `127.0.0.1:${this.#socket.address().port}`
  }

  close(): void {
    this.#socket.close()
  }
}

/** The data of an SRV record. */
function srv(port: number, host: string): readonly number[] {
  const labels = host.split('.').flatMap((label) => [label.length, ...Buffer.from(label)])
  return [0, 0, 0, 0, port >> 8, port & 255, ...labels, 0]
}
