/**
 * How long opening takes: after a crash with many samples in the log, and with many segments.
 * Run: node --conditions=@tsink/source packages/engine/bench/open.ts [samples in the log] [segments]
 */
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Labels, Matcher, SeriesTable, type WriteBatch } from '@tsink/core'
import { nodeHost } from '@tsink/host/node'
import { Engine } from '@tsink/engine'

const SAMPLES = Number(process.argv[2] ?? 20_000_000)
const SEGMENTS = Number(process.argv[3] ?? 1_000)
const SERIES = 2_000

const table = new SeriesTable(SERIES)
for (let i = 0; i < SERIES; i++) table.add(Labels.of({ __name__: `metric_${i % 50}`, instance: `host-${i % 100}`, n: String(i) }))
const timestamps = new Float64Array(SERIES)
const values = new Float64Array(SERIES)
const slots = Uint32Array.from({ length: SERIES }, (_, i) => i)
const batch: WriteBatch = { series: table, samples: [{ kind: 'f64', count: SERIES, slots, base: 0, timestamps, values }] }

function scrape(engine: Engine, time: number): void {
  timestamps.fill(time)
  for (let i = 0; i < SERIES; i++) values[i] = Math.round(Math.sin(time / 1e6 + i) * 1_000) / 10
  engine.appendNow(batch)
}

const directory = mkdtempSync(join(tmpdir(), 'tsink-open-'))
{
  const path = join(directory, 'log')
  const engine = await Engine.open(nodeHost(path), { sync: 'os', background: false, maxLogBytes: 4e9, memoryBytes: 8e9 })
  const start = performance.now()
  for (let round = 0; round < SAMPLES / SERIES; round++) {
    scrape(engine, 1_700_000_000_000 + round * 15_000)
    if (round % 50 === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  console.log(
    `wrote ${SAMPLES} samples in ${((performance.now() - start) / 1e3).toFixed(1)} s, log ${(engine.stats().log!.bytes / 1e6).toFixed(0)} MB`,
  )
  // What a kill leaves: the files as they are.
  const copy = join(directory, 'killed')
  cpSync(path, copy, { recursive: true })
  await engine.close()
  const cpu = process.cpuUsage()
  const opening = performance.now()
  const again = await Engine.open(nodeHost(copy), {
    sync: 'os',
    background: false,
    maxLogBytes: 4e9,
    memoryBytes: 8e9,
    flushOnClose: false,
  })
  const { user, system } = process.cpuUsage(cpu)
  console.log(
    `open after a kill with ${again.stats().head.samples} samples in the log: ${((performance.now() - opening) / 1e3).toFixed(2)} s ` +
      `(cpu ${((user + system) / 1e6).toFixed(2)} s), head ${(again.stats().head.bytes / 1e6).toFixed(0)} MB`,
  )
  await again.close()
}
{
  const path = join(directory, 'segments')
  const engine = await Engine.open(nodeHost(path), { sync: 'none', background: false })
  for (let i = 0; i < SEGMENTS; i++) {
    scrape(engine, 1_700_000_000_000 + i * 7_200_000)
    await engine.flush()
  }
  await engine.close()
  for (const preload of [true, false]) {
    const cpu = process.cpuUsage()
    const opening = performance.now()
    const opened = await Engine.open(nodeHost(path), { background: false, preload })
    const ms = performance.now() - opening
    const { user, system } = process.cpuUsage(cpu)
    const what = preload ? ', their indexes in memory' : ''
    console.log(
      `open with ${opened.stats().segments.length} segments${what}: ${ms.toFixed(0)} ms (cpu ${((user + system) / 1e3).toFixed(0)} ms)`,
    )
    await opened.close()
  }
  const again = await Engine.open(nodeHost(path), { background: false })
  const selecting = performance.now()
  let found = 0
  for await (const page of again.select({ matchers: [Matcher.equal('n', '7')], minTime: 0, maxTime: 9e12 })) found += page[0]!.maxSamples
  console.log(`first select over all of them, ${found} samples: ${(performance.now() - selecting).toFixed(0)} ms`)
  await again.close()
}
rmSync(directory, { recursive: true })
