/**
 * Memory and stalls with very many active series: so many series of ten labels, ten scrapes 15 s apart, then a flush.
 * Run: node --expose-gc --conditions=@tsink/source packages/engine/bench/million.ts [series]
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { encodeLabels, Labels, Matcher, SeriesTable, type WriteBatch } from '@tsink/core'
import { nodeHost } from '@tsink/host/node'
import { Engine } from '@tsink/engine'

const SERIES = Number(process.argv[2] ?? 1_000_000)
const BATCH = 2_000
const SCRAPES = 10

function labelBytes(i: number): Uint8Array {
  return encodeLabels(
    Labels.fromSorted(
      ['__name__', 'cluster', 'device', 'instance', 'job', 'mode', 'n', 'service', 'team', 'zone'],
      [
        `node_metric_${i % 500}`,
        'production-eu-west-1',
        `disk-${i % 17}`,
        `host-${Math.floor(i / 500)}:9100`,
        'node',
        ['idle', 'user', 'system', 'iowait'][i % 4]!,
        String(i % 1_000),
        `service-${i % 40}`,
        `team-${i % 9}`,
        `eu-west-1${'abc'[i % 3]}`,
      ],
    ),
  )
}

const rss = (): number => {
  globalThis.gc?.()
  return process.memoryUsage().rss
}

const path = mkdtempSync(join(tmpdir(), 'tsink-million-'))
const before = rss()
const engine = await Engine.open(nodeHost(path), { sync: 'periodic' })
let longest = 0
const delay = monitorEventLoopDelay({ resolution: 5 })
const scrape = async (round: number): Promise<void> => {
  const timestamps = new Float64Array(BATCH).fill(1_700_000_000_000 + round * 15_000)
  const values = new Float64Array(BATCH)
  const slots = Uint32Array.from({ length: BATCH }, (_, i) => i)
  for (let from = 0; from < SERIES; from += BATCH) {
    const series = new SeriesTable(BATCH, BATCH * 220)
    for (let i = 0; i < BATCH; i++) {
      series.addBytes(labelBytes(from + i))
      values[i] = ((from + i) % 100) + round
    }
    const batch: WriteBatch = { series, samples: [{ kind: 'f64', count: BATCH, slots, base: 0, timestamps, values }] }
    // Making the batch is not the store's work.
    await new Promise((resolve) => setImmediate(resolve))
    // Time of this thread on a processor: what the store takes, without what others on the machine take.
    const before = process.threadCpuUsage()
    const appending = engine.append(batch)
    const { user, system } = process.threadCpuUsage(before)
    longest = Math.max(longest, (user + system) / 1e3)
    await appending
    await new Promise((resolve) => setImmediate(resolve))
  }
}
const show = (what: string, start: number): void => {
  const { head, memory, counters } = engine.stats()
  const bytes = rss() - before
  console.log(
    `${what.padEnd(24)} ${((performance.now() - start) / 1e3).toFixed(1)} s  rss ${(bytes / SERIES).toFixed(0)} B/series  ` +
      `head ${(head.bytes / SERIES).toFixed(0)}  registry ${(memory.registryBytes / SERIES).toFixed(0)}  flushes ${counters.flushes}  ` +
      `longest stall ${(delay.max / 1e6).toFixed(0)} ms, p99 ${(delay.percentile(99) / 1e6).toFixed(0)} ms, ` +
      `longest append ${longest.toFixed(0)} ms of processor`,
  )
  longest = 0
  delay.reset()
}
let start = performance.now()
delay.enable()
await scrape(0)
show('first scrape', start)
for (let round = 1; round < SCRAPES; round++) {
  start = performance.now()
  await scrape(round)
  if (round === 1 || round === SCRAPES - 1) show(`scrape ${round + 1}`, start)
}
start = performance.now()
let found = 0
for await (const page of engine.select({ matchers: [Matcher.metric('node_metric_7')], minTime: 0, maxTime: 2e12 })) found += page.length
show(`select ${found} series`, start)
start = performance.now()
await engine.flush()
show('flush', start)
const { segments, segmentBytes, segmentSamples } = engine.stats()
console.log(
  `${segments.length} segments, ${(segmentBytes / segmentSamples).toFixed(3)} B/sample, ${(segmentBytes / SERIES).toFixed(0)} B/series`,
)
start = performance.now()
await engine.close()
show('close', start)
rmSync(path, { recursive: true })
