/**
 * A real node-exporter, a real Prometheus that scrapes it every second and writes to us, and ten queries that both must answer alike.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort, sleep } from '@tsink/testing'
import { differences, type Series } from './compare.ts'
import type { Part } from './part.ts'
import type { Stage } from './stage.ts'
import type { Suite } from './suite.ts'

/** What is asked, over what node-exporter measures. */
const QUERIES = [
  'up',
  'count({job="node"})',
  'rate(node_cpu_seconds_total[20s])',
  'sum by (mode) (rate(node_cpu_seconds_total[20s]))',
  '100 * (1 - avg by (instance) (rate(node_cpu_seconds_total{mode="idle"}[20s])))',
  'node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes',
  'topk(3, max_over_time(node_scrape_collector_duration_seconds[15s]))',
  'increase(node_context_switches_total[20s])',
  'avg_over_time(node_load1[20s]) > bool 0',
  'sum without (device) (node_filesystem_avail_bytes{fstype!~"tmpfs|ramfs"}) - on (fstype, mountpoint, instance, job) group_left sum by (fstype, mountpoint, instance, job) (node_filesystem_free_bytes)',
] as const

/** How long Prometheus scrapes before we ask. */
const SCRAPE_MS = 45_000
/** How long after that the last samples may take to reach us. */
const SETTLE_MS = 30_000

export const prometheus: Part = {
  name: 'prometheus',
  programs: ['prometheus', 'prometheus-node-exporter'],
  async run(suite, stage) {
    await compareWithPrometheus(suite, await startPrometheus(stage), stage.url)
  },
}

/** Starts both, with remote_write to us: Prometheus's URL. */
async function startPrometheus(stage: Stage): Promise<string> {
  const [exporterPort, port] = [await freePort(), await freePort()]
  const exporter = stage.start('prometheus-node-exporter', [`--web.listen-address=127.0.0.1:${exporterPort}`])
  await exporter.answers(`http://127.0.0.1:${exporterPort}/metrics`)
  const folder = stage.makeFolder('prometheus')
  const config = join(folder, 'prometheus.yml')
  writeFileSync(
    config,
    `global:
  scrape_interval: 1s
  scrape_timeout: 1s
scrape_configs:
  - job_name: node
    static_configs:
      - targets: ['127.0.0.1:${exporterPort}']
remote_write:
  - url: ${stage.url}/api/v1/write
    queue_config:
      batch_send_deadline: 1s
    # Types and help of metrics, which the page shows; by default they come once a minute.
    metadata_config:
      send_interval: 5s
`,
  )
  const theirs = stage.start('prometheus', [
    `--config.file=${config}`,
    `--storage.tsdb.path=${join(folder, 'data')}`,
    `--web.listen-address=127.0.0.1:${port}`,
    '--log.level=warn',
  ])
  const url = `http://127.0.0.1:${port}`
  await theirs.answers(`${url}/-/ready`)
  return url
}

/** Lets Prometheus scrape, then asks both the same ten queries. */
async function compareWithPrometheus(suite: Suite, theirs: string, ours: string): Promise<void> {
  const begin = Date.now()
  await sleep(SCRAPE_MS)
  // Between scrapes windows that are open and closed on the left are the same, so old and new Prometheus agree.
  const phase = ((await scrapeTime(theirs)) % 1) + 0.5
  // The range ends before now, so that both have all of it, and begins when the longest window is full.
  const end = Math.floor(Date.now() / 1_000) - 4 + phase
  const start = Math.ceil(begin / 1_000) + 22 + phase
  await suite.check('what Prometheus scraped has reached us', () => untilSame(theirs, ours, start, end))
  for (const query of QUERIES) {
    await suite.check(`as Prometheus: ${query}`, async () => {
      const [left, right] = [await range(theirs, query, start, end), await range(ours, query, start, end)]
      if (left.length === 0) throw new Error('Prometheus itself has no answer')
      const found = differences(left, right)
      if (found.length > 0) throw new Error(`${found.length} differences: ${found.slice(0, 3).join('; ')}`)
    })
  }
}

async function untilSame(theirs: string, ours: string, start: number, end: number): Promise<void> {
  const query = 'count_over_time(node_cpu_seconds_total[20s])'
  const deadline = performance.now() + SETTLE_MS
  for (;;) {
    const [left, right] = [await range(theirs, query, end, end), await range(ours, query, end, end)]
    const found = left.length === 0 ? ['Prometheus has nothing yet'] : differences(left, right)
    if (found.length === 0) return
    if (performance.now() > deadline)
      throw new Error(`${found.length} series differ at ${end} (from ${start}): ${found.slice(0, 3).join('; ')}`)
    await sleep(500)
  }
}

/** When Prometheus scraped last, in seconds. */
async function scrapeTime(url: string): Promise<number> {
  const response = await fetch(`${url}/api/v1/query?query=timestamp(up)`)
  const body = (await response.json()) as { data: { result: { value: [number, string] }[] } }
  const time = Number(body.data.result[0]?.value[1])
  if (Number.isNaN(time)) throw new Error('Prometheus has scraped nothing')
  return time
}

async function range(url: string, query: string, start: number, end: number): Promise<readonly Series[]> {
  const parameters = new URLSearchParams({ query, start: start.toFixed(3), end: end.toFixed(3), step: '1' })
  const response = await fetch(`${url}/api/v1/query_range`, { method: 'POST', body: parameters })
  const body = (await response.json()) as { data?: { result: Series[] }; error?: string }
  if (body.data === undefined) throw new Error(`${url} answered ${response.status}: ${body.error}`)
  return body.data.result
}
