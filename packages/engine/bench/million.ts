/**
 * Memory and stalls with very many active series: so many series of ten labels, ten scrapes 15 s apart, flushes and a compaction.
 * Run: node --expose-gc --conditions=@tsink/source packages/engine/bench/million.ts [series]
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { encodeLabels, Labels, Matcher, SeriesTable, type WriteBatch } from '@tsink/core'
import { nodeHost } from '@tsink/host/node'
import { Engine } from '@tsink/engine'
import { StallMeter } from './stall-meter.ts'

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
const meter = new StallMeter()
const scrape = async (round: number): Promise<void> => {
  const timestamps = new Float64Array(BATCH).fill(1_700_000_000_000 + round * 15_000)
  const values = new Float64Array(BATCH)
  const slots = Uint32Array.from({ length: BATCH }, (_, i) => i)
  for (let from = 0; from < SERIES; from += BATCH) {
    const series = new SeriesTable(BATCH, BATCH * 220)
    for (let i = 0; i < BATCH; i++) {
      series.addBytes(labelBytes(from + i))
      values[i] = ((from + i) % 100) + round
      // Making the batch is not the store's work.
      if (i % 250 === 249) await meter.pass()
    }
    const batch: WriteBatch = { series, samples: [{ kind: 'f64', count: BATCH, slots, base: 0, timestamps, values }] }
    await engine.append(batch)
    await meter.pass()
  }
}
const show = async (what: string, start: number): Promise<void> => {
  const seconds = (performance.now() - start) / 1e3
  const stalls = meter.stop()
  const { head, memory, counters } = engine.stats()
  const bytes = rss() - before
  console.log(
    `${what.padEnd(24)} ${seconds.toFixed(1)} s  rss ${(bytes / SERIES).toFixed(0)} B/series  ` +
      `head ${(head.bytes / SERIES).toFixed(0)}  registry ${(memory.registryBytes / SERIES).toFixed(0)}  flushes ${counters.flushes}  ${stalls}`,
  )
  meter.start()
}
let start = performance.now()
meter.start()
await scrape(0)
await show('first scrape', start)
for (let round = 1; round < SCRAPES; round++) {
  start = performance.now()
  await scrape(round)
  if (round === 1 || round === SCRAPES - 1) await show(`scrape ${round + 1}`, start)
}
start = performance.now()
let found = 0
for await (const page of engine.select({ matchers: [Matcher.metric('node_metric_7')], minTime: 0, maxTime: 2e12 })) found += page.length
await show(`select ${found} series`, start)
start = performance.now()
await engine.flush()
await show('flush', start)
// Series that are in memory no longer leave the registry by and by.
start = performance.now()
while (engine.stats().series > 0) await new Promise((resolve) => setTimeout(resolve, 50))
await show('forget', start)
// The next scrape, and one more while that is flushed; then, when a sample of the next day shows that their window is over, all into one segment.
start = performance.now()
await scrape(SCRAPES)
await show(`scrape ${SCRAPES + 1}`, start)
start = performance.now()
const flushing = engine.flush()
await scrape(SCRAPES + 1)
await flushing
await show('scrape during flush', start)
const late = new SeriesTable()
late.addBytes(labelBytes(0))
const sample = {
  kind: 'f64',
  count: 1,
  slots: Uint32Array.of(0),
  base: 0,
  timestamps: Float64Array.of(1_700_086_400_000),
  values: new Float64Array(1),
} as const
await engine.append({ series: late, samples: [sample] })
start = performance.now()
await engine.flush()
await show('flush', start)
start = performance.now()
await engine.compact()
await show('compact', start)
const { segments, segmentBytes, segmentSamples } = engine.stats()
console.log(
  `${segments.length} segments, ${(segmentBytes / segmentSamples).toFixed(3)} B/sample, ${(segmentBytes / SERIES).toFixed(0)} B/series`,
)
start = performance.now()
await engine.close()
await show('close', start)
meter.stop()
rmSync(path, { recursive: true })
