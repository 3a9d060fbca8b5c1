/**
 * Scraping beside Prometheus: one scrape config, read by both, the same node-exporter. Both must end up with the same targets and the same
 * series, with values that agree as far as two scrapes within a second can; and when the exporter ends, both must say so alike.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort, ServerProcess, serverCommand, sleep } from '@tsink/testing'
import { ask, printSeries, type Labels } from './answer.ts'
import type { Part } from './part.ts'
import type { Stage } from './stage.ts'
import type { Suite } from './suite.ts'

/** How long both scrape before they are asked. */
const SCRAPE_MS = 15_000
/** How long both may take to notice that the exporter is gone. */
const NOTICE_MS = 10_000

/** Queries whose answers do not depend on the moment of the scrape. */
const SAME = [
  'up',
  'scrape_samples_scraped',
  'scrape_samples_post_metric_relabeling',
  'node_memory_MemTotal_bytes',
  'node_boot_time_seconds',
  'node_uname_info',
  'count by (cpu) (node_cpu_seconds_total)',
  'node_network_up',
] as const

/** What moves, with how far apart the two may be, relative to the greater. */
const CLOSE = [
  ['sum(node_cpu_seconds_total)', 0.01],
  ['sum by (mode) (rate(node_cpu_seconds_total{mode="idle"}[10s]))', 0.5],
  ['node_filesystem_size_bytes', 0.01],
  ['count_over_time(up[10s])', 0.2],
] as const

export const scraping: Part = {
  name: 'scraping',
  programs: ['prometheus', 'prometheus-node-exporter'],
  run: compareScrapes,
}

async function compareScrapes(suite: Suite, stage: Stage): Promise<void> {
  const [exporterPort, port, ourPort] = [await freePort(), await freePort(), await freePort()]
  const exporter = stage.start('prometheus-node-exporter', [`--web.listen-address=127.0.0.1:${exporterPort}`])
  const folder = stage.makeFolder('scraping')
  const config = join(folder, 'scraping.yml')
  writeFileSync(config, configOf(`127.0.0.1:${exporterPort}`))
  const prometheus = stage.start('prometheus', [
    `--config.file=${config}`,
    `--storage.tsdb.path=${join(folder, 'data')}`,
    `--web.listen-address=127.0.0.1:${port}`,
    '--log.level=warn',
  ])
  const ours = new ServerProcess(serverCommand(), ourPort, ['--scrape-config', config])
  const theirUrl = `http://127.0.0.1:${port}`
  try {
    await exporter.answers(`http://127.0.0.1:${exporterPort}/metrics`)
    await prometheus.answers(`${theirUrl}/-/ready`)
    await ours.ready()
    await sleep(SCRAPE_MS)
    await suite.check('scraped as by Prometheus: the targets', async () => {
      equal(await targetsOf(theirUrl), await targetsOf(ours.url))
    })
    await suite.check('scraped as by Prometheus: the label sets of all series', async () => {
      const [left, right] = [await seriesOf(theirUrl), await seriesOf(ours.url)]
      if (left.length < 200) throw new Error(`Prometheus itself has only ${left.length} series`)
      equal(left, right)
    })
    await suite.check('scraped as by Prometheus: what the target says of its metrics', async () => {
      equal(await metadataOf(theirUrl), await metadataOf(ours.url))
    })
    for (const query of SAME) {
      await suite.check(`scraped as by Prometheus: ${query}`, async () => {
        const [left, right] = [await instant(theirUrl, query), await instant(ours.url, query)]
        if (left.size === 0) throw new Error('Prometheus itself has no answer')
        equal([...left], [...right])
      })
    }
    for (const [query, tolerance] of CLOSE) {
      await suite.check(`scraped nearly as by Prometheus: ${query}`, async () => {
        close(await instant(theirUrl, query), await instant(ours.url, query), tolerance)
      })
    }
    await exporter.stop()
    await suite.check('as Prometheus: an exporter that ended is down, and its series are stale', async () => {
      for (const url of [theirUrl, ours.url]) await untilGone(url)
      equal(await seriesOf(theirUrl), await seriesOf(ours.url))
    })
  } finally {
    await ours.stop()
  }
}

function configOf(exporter: string): string {
  return `global:
  scrape_interval: 1s
  scrape_timeout: 1s
scrape_configs:
  - job_name: node
    params: { 'collect[]': [cpu, meminfo, filesystem, netdev, netclass, stat, uname, loadavg, diskstats, vmstat, netstat] }
    static_configs:
      - targets: ['${exporter}', 'dropped.example:1']
        labels: { site: here, device: target }
    relabel_configs:
      - { source_labels: [__address__], regex: 'dropped.*', action: drop }
      - { source_labels: [__address__, site], separator: '@', regex: '(.*):\\d+@(.*)', target_label: place, replacement: '$2/$1' }
      - { source_labels: [__address__], target_label: shard, modulus: 97, action: hashmod }
    metric_relabel_configs:
      - { source_labels: [__name__], regex: 'go_.*|promhttp_.*', action: drop }
      - { source_labels: [mode], target_label: MODE, action: uppercase }
      - { regex: 'exported_(.*)', replacement: 'was_$1', action: labelmap }
      - { regex: exported_device, action: labeldrop }
`
}

/** Values by label set. */
async function instant(url: string, query: string): Promise<ReadonlyMap<string, number>> {
  const { result } = await ask<{ result: { metric: Labels; value: [number, string] }[] }>(url, `query?query=${encodeURIComponent(query)}`)
  return new Map(result.map(({ metric, value }) => [printSeries(metric), Number(value[1])]))
}

async function seriesOf(url: string): Promise<readonly string[]> {
  return [...(await instant(url, '{job="node"}')).keys()].toSorted()
}

async function targetsOf(url: string): Promise<readonly string[]> {
  interface Target {
    readonly discoveredLabels: Labels
    readonly labels: Labels
    readonly scrapePool: string
    readonly scrapeUrl: string
    readonly globalUrl: string
    readonly health: string
    readonly scrapeInterval: string
  }
  const { activeTargets, droppedTargets } = await ask<{ activeTargets: Target[]; droppedTargets: { discoveredLabels: Labels }[] }>(
    url,
    'targets',
  )
  const active = activeTargets.map(({ discoveredLabels, labels, scrapePool, scrapeUrl, globalUrl, health, scrapeInterval }) =>
    [printSeries(discoveredLabels), printSeries(labels), scrapePool, scrapeUrl, globalUrl, health, scrapeInterval].join(' '),
  )
  return [...active, ...droppedTargets.map(({ discoveredLabels }) => printSeries(discoveredLabels))]
}

async function metadataOf(url: string): Promise<readonly string[]> {
  const found = await ask<{ target: Labels; metric: string; type: string; help: string; unit: string }[]>(url, 'targets/metadata')
  return (
    found
      // The series about scrapes are described by newer versions of Prometheus itself, not by the target.
      .filter(({ metric }) => metric !== 'up' && !metric.startsWith('scrape_'))
      .map(({ target, metric, type, help, unit }) => `${printSeries(target)} ${metric} ${type} ${help} ${unit}`)
      .toSorted()
  )
}

async function untilGone(url: string): Promise<void> {
  const deadline = performance.now() + NOTICE_MS
  while ((await instant(url, '{__name__=~"node_.*"}')).size > 0 || (await instant(url, 'up == 0')).size !== 1) {
    if (performance.now() > deadline) throw new Error(`${url} still has series of the exporter, or does not say that it is down`)
    await sleep(100)
  }
}

function equal(theirs: readonly unknown[], ours: readonly unknown[]): void {
  const [left, right] = [new Set(theirs.map(String)), new Set(ours.map(String))]
  const lacking = [...left].filter((one) => !right.has(one))
  const surplus = [...right].filter((one) => !left.has(one))
  if (lacking.length === 0 && surplus.length === 0) return
  throw new Error(
    `we lack ${lacking.length}: ${lacking.slice(0, 2).join('; ')}; only we have ${surplus.length}: ${surplus.slice(0, 2).join('; ')}`,
  )
}

function close(theirs: ReadonlyMap<string, number>, ours: ReadonlyMap<string, number>, tolerance: number): void {
  if (theirs.size === 0) throw new Error('Prometheus itself has no answer')
  equal([...theirs.keys()].toSorted(), [...ours.keys()].toSorted())
  for (const [labels, value] of theirs) {
    const other = ours.get(labels)!
    if (Math.abs(other - value) > tolerance * Math.max(Math.abs(value), Math.abs(other)))
      throw new Error(`${labels}: they have ${value}, we have ${other}`)
  }
}
