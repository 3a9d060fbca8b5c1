/** Scraping: real targets over HTTP, judged by what queries answer. */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { gzipSync } from 'node:zlib'
import { freePort } from '@tsink/testing'
import { afterEach, describe, expect, test } from 'vitest'
import { Scraping, until } from './scrape-harness.ts'
import { ScrapeTarget, TEXT } from './scrape-target.ts'

const open: { close(): Promise<void> }[] = []

afterEach(async () => {
  for (const one of open.splice(0).toReversed()) await one.close()
})

async function target(body: string | Uint8Array = ''): Promise<ScrapeTarget> {
  const one = await ScrapeTarget.open(body)
  open.push(one)
  return one
}

async function scraping(config: string | ((folder: string) => string)): Promise<Scraping> {
  const one = await Scraping.open(config)
  open.push(one)
  return one
}

function job(name: string, targets: readonly ScrapeTarget[], more = ''): string {
  return `  - job_name: ${name}\n    static_configs: [{ targets: [${targets.map(({ address }) => `'${address}'`).join(', ')}] }]\n${more.replaceAll(/^(?=.)/gm, '    ')}\n`
}

describe('a target that is up', () => {
  test('gives its series the labels of the target, and series about the scrape', async () => {
    const one = await target('a{x="1"} 5\na{x="2",job="mine",instance="there"} 6\n')
    const s = await scraping(job('j', [one]))
    await until('it was scraped twice', () => one.requests.length > 2)
    const instance = one.address
    expect(await s.query('a')).toEqual([
      [{ x: '1', job: 'j', instance }, '5'],
      [{ x: '2', job: 'j', instance, exported_job: 'mine', exported_instance: 'there' }, '6'],
    ])
    expect(await s.query('up')).toEqual([[{ job: 'j', instance }, '1']])
    expect(await s.value('scrape_samples_scraped')).toBe('2')
    expect(await s.value('scrape_samples_post_metric_relabeling')).toBe('2')
    expect(await s.value('scrape_series_added')).toBe('0')
    expect(Number(await s.value('scrape_duration_seconds'))).toBeGreaterThan(0)
    expect(await s.value('scrape_timeout_seconds')).toBeNull()
    expect(await s.value('max_over_time(scrape_series_added[1m])')).toBe('2')
  })

  test('is asked on a kept connection for the formats in their order', async () => {
    const one = await target('a 1\n')
    await scraping(
      job('j', [one], 'params: { module: [m, n] }\nmetrics_path: /probe\nhttp_headers: { x-own: { values: [v] } }\nbearer_token: s3cret'),
    )
    await until('it was scraped three times', () => one.requests.length > 2)
    expect(one.requests[0]!.url).toBe('/probe?module=m&module=n')
    expect(one.requests[0]!.headers).toMatchObject({
      accept:
        'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,' +
        'text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2',
      'accept-encoding': 'gzip',
      authorization: 'Bearer s3cret',
      'x-own': 'v',
      'x-prometheus-scrape-timeout-seconds': '0.3',
      'user-agent': expect.stringMatching(/^tsink\//),
    })
    expect(one.connections).toBe(1)
  })

  test('may be relabelled, as a target and series by series', async () => {
    const one = await target('keep_me{path="/a/b",tmp="x"} 1\ndrop_me 1\n')
    const other = await target('a 1\n')
    const s = await scraping(
      job(
        'j',
        [one, other],
        `relabel_configs:
  - { source_labels: [__address__], regex: '${other.address}', action: drop }
  - { target_label: site, replacement: paris }
  - { target_label: __param_q, replacement: z }
metric_relabel_configs:
  - { source_labels: [__name__], regex: 'drop_.*', action: drop }
  - { source_labels: [path], regex: '/([^/]+)/.*', target_label: path }
  - { regex: tmp, action: labeldrop }`,
      ),
    )
    await until('it was scraped', async () => (await s.value('up')) === '1')
    expect(await s.query('{job="j",site="paris",__name__!~"scrape_.*|up"}')).toEqual([
      [{ path: 'a', site: 'paris', job: 'j', instance: one.address }, '1'],
    ])
    expect(await s.value('scrape_samples_scraped')).toBe('2')
    expect(await s.value('scrape_samples_post_metric_relabeling')).toBe('1')
    expect(one.requests[0]!.url).toBe('/metrics?q=z')
    expect(other.requests).toHaveLength(0)
    const { droppedTargets, droppedTargetCounts } = await s.targets()
    expect(droppedTargetCounts).toEqual({ j: 1 })
    expect(droppedTargets).toMatchObject([{ scrapePool: 'j', discoveredLabels: { __address__: other.address } }])
  })

  test('wins with its own labels under honor_labels', async () => {
    const one = await target('a{job="mine"} 1\n')
    const s = await scraping(job('j', [one], 'honor_labels: true'))
    await until('it was scraped', async () => (await s.value('up')) === '1')
    expect(await s.query('a')).toEqual([[{ job: 'mine', instance: one.address }, '1']])
  })

  test('brings times of its own, or is not believed', async () => {
    const time = Math.floor(Date.now() / 1_000) * 1_000 - 60_000
    const one = await target(`a 1 ${time}\n`)
    const s = await scraping(job('honest', [one]) + job('other', [one], 'honor_timestamps: false'))
    await until('both were scraped', async () => (await s.query('up == 1')).length === 2)
    expect(await s.value('timestamp(a{job="honest"})')).toBe(String(time / 1_000))
    expect(Number(await s.value('timestamp(a{job="other"})'))).toBeGreaterThan(time / 1_000 + 30)
  })

  test('may send gzip, OpenMetrics, and no content type where a fallback is named', async () => {
    const [zipped, open, silent] = [
      await target(gzipSync('a 1\n')),
      await target('# TYPE b counter\nb_total 2\n# EOF\n'),
      await target('c 3\n'),
    ]
    zipped.headers = { 'content-type': TEXT, 'content-encoding': 'gzip' }
    open.headers = { 'content-type': 'application/openmetrics-text; version=1.0.0; charset=utf-8' }
    silent.headers = {}
    const s = await scraping(job('j', [zipped, open]) + job('silent', [silent], 'fallback_scrape_protocol: PrometheusText0.0.4'))
    await until('all are up', async () => (await s.query('up == 1')).length === 3)
    expect([await s.value('a'), await s.value('b_total'), await s.value('c')]).toEqual(['1', '2', '3'])
  })

  test('shows native histograms in protobuf, where they are asked for', async () => {
    const one = await target(histogramFamily())
    one.headers = { 'content-type': 'application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited' }
    const s = await scraping(job('j', [one], 'scrape_native_histograms: true'))
    await until('it was scraped three times', () => one.requests.length > 3)
    expect(one.requests[0]!.headers.accept).toMatch(
      /^application\/vnd\.google\.protobuf;proto=io\.prometheus\.client\.MetricFamily;encoding=delimited;q=0\.6,/,
    )
    expect(await s.value('histogram_count(h)')).toBe('3')
    expect(await s.value('scrape_series_added')).toBe('0')
    one.body = ''
    await until('the histogram is stale', async () => (await s.value('histogram_count(h)')) === null)
    expect(await s.value('up')).toBe('1')
  })
})

describe('what a target exposes goes on from scrape to scrape', () => {
  test('when classic histograms are made native', async () => {
    let round = 0
    const one = await target()
    one.answer = (_, response) => {
      round++
      const lines = [`h_bucket{le="1"} ${round}`, `h_bucket{le="+Inf"} ${2 * round}`, `h_sum ${round}`, `h_count ${2 * round}`]
      response.writeHead(200, { 'content-type': TEXT }).end(`# TYPE h histogram\n${lines.join('\n')}\nother 1\n`)
    }
    const s = await scraping(job('j', [one], 'convert_classic_histograms_to_nhcb: true'))
    await until('it was scraped four times', () => round > 4)
    expect(Number(await s.value('histogram_count(h)'))).toBeGreaterThan(4)
    expect(await s.query('{__name__=~"h_.*"}')).toEqual([])
    expect(Number(await s.value('count_over_time(h[1m])'))).toBeGreaterThan(2)
    expect(await s.value('other')).toBe('1')
    expect(await s.value('scrape_series_added')).toBe('0')
  })

  test('when counters say when they began', async () => {
    const one = await target(
      '# TYPE c counter\nc_total{x="1"} 5\nc_created{x="1"} 1700000000\nc_total{x="2"} 6\nc_created{x="2"} 1700000100\n# EOF\n',
    )
    one.headers = { 'content-type': 'application/openmetrics-text; version=1.0.0' }
    const server = await Scraping.open(job('j', [one]), '--enable-feature', 'use-start-timestamps,promql-experimental-functions')
    open.push(server)
    await until('it was scraped four times', () => one.requests.length > 4)
    const starts = (await server.query('start_timestamp(c_total)')).map(([labels, value]) => [labels['x'], value])
    expect(starts).toEqual([
      ['1', '1700000000'],
      ['2', '1700000100'],
    ])
    expect(await server.query('c_created')).toEqual([])
  })
})

describe('a series that vanishes', () => {
  test('is stale from the next scrape on, and comes back', async () => {
    const one = await target('a{x="1"} 1\na{x="2"} 2\n')
    const s = await scraping(job('j', [one]))
    await until('both are there', async () => (await s.query('a')).length === 2)
    one.body = 'a{x="2"} 2\n'
    await until('one of them is gone', async () => (await s.query('a')).length === 1)
    expect((await s.query('a'))[0]![0]['x']).toBe('2')
    one.body = 'a{x="1"} 1\na{x="2"} 2\n'
    await until('both are there again', async () => (await s.query('a')).length === 2)
  })

  test('is stale when its target fails; only up and its like go on', async () => {
    const one = await target('a 1\n')
    const s = await scraping(job('j', [one]))
    await until('it is there', async () => (await s.value('a')) === '1')
    one.status = 503
    await until('it is gone', async () => (await s.value('a')) === null)
    expect(await s.value('up')).toBe('0')
    expect(await s.value('scrape_samples_scraped')).toBe('0')
    await s.downWith('j', 'server returned HTTP status 503 Service Unavailable')
    one.status = 200
    await until('it is there again', async () => (await s.value('a')) === '1')
    // Markers are written once, not with every scrape that fails.
    expect(Number(await s.value('count_over_time(a[1m])'))).toBeGreaterThan(0)
  })

  test('with times of its own is not marked, unless that is asked for', async () => {
    const one = await target(`a 1 ${Date.now()}\n`)
    const s = await scraping(job('plain', [one]) + job('tracked', [one], 'track_timestamps_staleness: true'))
    await until('both are there', async () => (await s.query('a')).length === 2)
    one.body = ''
    await until('one of them is gone', async () => (await s.query('a')).length === 1)
    expect((await s.query('a'))[0]![0]['job']).toBe('plain')
  })

  test('does not fill the table for ever', async () => {
    let round = 0
    const one = await target()
    one.answer = (_, response) => {
      round++
      const lines = Array.from({ length: 400 }, (__, i) => `a{round="${round}",i="${i}"} ${i}`)
      response.writeHead(200, { 'content-type': TEXT }).end(`${lines.join('\n')}\n`)
    }
    const s = await scraping(job('j', [one]))
    await until('there were six rounds', () => round > 6)
    expect(await s.value('count(count by (round) (a))')).toBe('1')
    await until('each scrape adds all', async () => (await s.value('scrape_series_added')) === '400')
    const loop = [...s.server.context.scraper!.pool('j')!.loops.values()][0]!
    expect(loop.series.table.count).toBeLessThan(1_500)
  })
})

describe('a target that is wrong', () => {
  test('is down with the reason', async () => {
    const bad = async (set: (one: ScrapeTarget) => void): Promise<ScrapeTarget> => {
      const one = await target('a 1\n')
      set(one)
      return one
    }
    const s = await scraping(
      job('slow', [await bad((one) => (one.answer = () => undefined))]) +
        job('stalls', [
          await bad((one) => (one.answer = (_, response) => void response.writeHead(200, { 'content-type': TEXT }).write('a 1\n'))),
        ]) +
        job('huge', [await bad((one) => (one.body = 'a 1\n'.repeat(1_000)))], 'body_size_limit: 1KB') +
        job(
          'bomb',
          [
            await bad(
              (one) => (
                (one.body = gzipSync(Buffer.alloc(10_000_000, 'a 1\n'))),
                (one.headers = { 'content-type': TEXT, 'content-encoding': 'gzip' })
              ),
            ),
          ],
          'body_size_limit: 1MB',
        ) +
        job('unzippable', [await bad((one) => (one.headers = { 'content-type': TEXT, 'content-encoding': 'gzip' }))]) +
        job('html', [await bad((one) => (one.headers = { 'content-type': 'text/html' }))]) +
        job('silent', [await bad((one) => (one.headers = {}))]) +
        job('garbage', [await bad((one) => (one.body = 'a 1\nb{ 2\n'))]) +
        job('away', [await bad((one) => ((one.status = 302), (one.headers = { location: '/elsewhere' })))], 'follow_redirects: false') +
        job('circle', [await bad((one) => ((one.status = 302), (one.headers = { location: '/metrics' })))]),
    )
    await s.downWith('slow', 'no answer within 0.3s')
    await s.downWith('stalls', 'no answer within 0.3s')
    await s.downWith('huge', 'body size limit exceeded (limit: 1024 bytes)')
    await s.downWith('bomb', 'body size limit exceeded (limit: 1048576 bytes)')
    await s.downWith('unzippable', /gzip/)
    await s.downWith('html', 'the target sends the Content-Type "text/html", and no fallback_scrape_protocol is set')
    await s.downWith('silent', 'the target sends no Content-Type, and no fallback_scrape_protocol is set')
    await s.downWith('garbage', /text format: line 2, column/)
    await s.downWith('away', 'server returned HTTP status 302 Found')
    await s.downWith('circle', 'stopped after 10 redirects')
    // Of a body that cannot be read whole nothing is taken.
    expect(await s.query('a')).toEqual([])
    expect((await s.query('up == 0')).length).toBe(10)
  })

  test('exceeds a limit, and is down with the numbers', async () => {
    const one = await target('a{x="1",long="0123456789"} 1\na{x="2"} 1\na{x="3"} 1\n')
    const s = await scraping(
      job('samples', [one], 'sample_limit: 2\nextra_scrape_metrics: true') +
        job('fits', [one], 'sample_limit: 2\nmetric_relabel_configs: [{ source_labels: [x], regex: "3", action: drop }]') +
        job('labels', [one], 'label_limit: 4') +
        job('names', [one], 'label_name_length_limit: 7') +
        job('values', [one], 'label_value_length_limit: 9\nrelabel_configs: [{ target_label: instance, replacement: i }]') +
        job('targets', [one, await target()], 'target_limit: 1'),
    )
    await s.downWith('samples', 'sample limit exceeded (3 samples, limit: 2)')
    await s.downWith('labels', 'label_limit exceeded (metric: a, number of labels: 5, limit: 4)')
    await s.downWith('names', 'label_name_length_limit exceeded (metric: a, label name: __name__, length: 8, limit: 7)')
    await s.downWith('values', 'label_value_length_limit exceeded (metric: a, label name: long, value: "0123456789", length: 10, limit: 9)')
    await s.downWith('targets', 'target_limit exceeded (number of targets: 2, limit: 1)')
    await until('what fits is up', async () => (await s.value('up{job="fits"}')) === '1')
    expect((await s.query('a')).map(([labels]) => labels['job'])).toEqual(['fits', 'fits'])
    expect(await s.value('scrape_samples_post_metric_relabeling{job="samples"}')).toBe('3')
    expect(await s.value('scrape_sample_limit{job="samples"}')).toBe('2')
    expect(await s.value('scrape_timeout_seconds{job="samples"}')).toBe('0.3')
  })

  test('exposes a series twice: the first one counts', async () => {
    const one = await target('a{x="1",y="1"} 1\na{y="1",x="1"} 2\nb 1\n')
    const s = await scraping(job('j', [one]))
    await until('it was scraped', async () => (await s.value('b')) === '1')
    expect(await s.value('a')).toBe('1')
    expect(await (await fetch(`${s.server.url}/metrics`)).text()).toMatch(/^tsink_scrape_duplicate_samples_total [1-9]/m)
  })

  test('is told its secret only at the host that was configured', async () => {
    const [first, second] = [await target(), await target('a 1\n')]
    first.status = 307
    first.headers = { location: `http://localhost:${second.address.split(':')[1]}/m` }
    const s = await scraping(job('j', [first], 'basic_auth: { username: u, password: p }'))
    await until('it is up', async () => (await s.value('a')) === '1')
    expect(first.requests[0]!.headers.authorization).toBe(`Basic ${Buffer.from('u:p').toString('base64')}`)
    expect(second.requests[0]!.headers.authorization).toBeUndefined()
  })
})

const exporter = 'prometheus-node-exporter'
const noExporter = spawnSync(exporter, ['--version']).error === undefined ? '' : ` (skipped: ${exporter} is not installed)`

describe.skipIf(noExporter !== '')(`a real node-exporter${noExporter}`, () => {
  test('is up, every line of it is a sample, and nothing but the new is new', async () => {
    const port = await freePort()
    const child = spawn(exporter, [`--web.listen-address=127.0.0.1:${port}`], { stdio: 'ignore' })
    open.push({
      close: async () => {
        child.kill('SIGTERM')
        if (child.exitCode === null) await once(child, 'exit')
      },
    })
    const s = await scraping(`  - { job_name: node, scrape_interval: 1s, static_configs: [{ targets: ['127.0.0.1:${port}'] }] }\n`)
    await until('it was scraped three times', async () => Number(await s.value('count_over_time(up[1m])')) > 2)
    const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
    const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#')).length
    const scraped = Number(await s.value('scrape_samples_scraped'))
    expect(scraped).toBeGreaterThan(200)
    // Collectors come and go by a few series between two scrapes.
    expect(Math.abs(scraped - lines)).toBeLessThan(20)
    expect(Number(await s.value('count({job="node",__name__!~"up|scrape_.*"})'))).toBe(scraped)
    expect(Number(await s.value('scrape_series_added'))).toBeLessThan(20)
    expect(await s.value('count(node_cpu_seconds_total{mode="idle"} > 0) > bool 0')).toBe('1')
  })
})

describe('a clock that is set', () => {
  test.each([
    ['back', -1],
    ['ahead', 1],
  ])('%s by a year goes on scraping', async (_, sign) => {
    const one = await target('a 5\n')
    const s = await scraping(job('j', [one]))
    await until('it was scraped', async () => (await s.value('a')) !== null)
    const now = Date.now
    Date.now = () => now() + sign * 365 * 86_400_000
    try {
      const before = one.requests.length
      await until('it was scraped again', () => one.requests.length > before + 3, 5_000)
      await until('it is there at the new time', async () => (await s.value('a')) !== null, 5_000)
    } finally {
      Date.now = now
    }
  })
})

/** One family `h` with a native histogram of three observations: counts 1 and 2 in neighbouring buckets of schema 0. */
function histogramFamily(): Uint8Array {
  const field = (number: number, bytes: readonly number[]): number[] => [(number << 3) | 2, bytes.length, ...bytes]
  const double = (number: number, value: number): number[] => [(number << 3) | 1, ...new Uint8Array(Float64Array.of(value).buffer)]
  const span = field(12, [1 << 3, 0, 2 << 3, 2])
  // Bucket deltas 1, 1 as zigzag varints, and a zero threshold, which says that the histogram is native.
  const histogram = [1 << 3, 3, ...double(2, 4.5), 5 << 3, 0, ...double(6, 0.001), ...span, ...field(13, [2, 2])]
  const family = [...field(1, [0x68]), 3 << 3, 4, ...field(4, field(7, histogram))]
  return Uint8Array.from([family.length, ...family])
}
