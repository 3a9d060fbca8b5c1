/** How fast batches go in and samples come out, in memory and with a log. Run: node --conditions=@tsink/source packages/engine/bench/append.ts */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Labels, Matcher, SampleBuffer, SeriesTable, type WriteBatch } from '@tsink/core'
import type { Host } from '@tsink/host'
import { volatileHost } from '@tsink/host/memory'
import { nodeHost } from '@tsink/host/node'
import { Engine, type EngineOptions } from '@tsink/engine'

const quick = process.argv.includes('--quick')

/** A scrape: so many series with ten labels, one sample each. */
function scrape(series: number): { batch: WriteBatch; timestamps: Float64Array; values: Float64Array } {
  const table = new SeriesTable(series, series * 200)
  for (let i = 0; i < series; i++) {
    table.add(
      Labels.of({
        __name__: `node_metric_${i % 200}`,
        instance: `host-${i % 50}:9100`,
        job: 'node',
        cluster: 'production-eu-west-1',
        zone: `eu-west-1${'abc'[i % 3]}`,
        device: `disk-${i % 17}`,
        mode: ['idle', 'user', 'system', 'iowait'][i % 4]!,
        team: 'platform',
        service: `service-${i % 40}`,
        n: String(i),
      }),
    )
  }
  const timestamps = new Float64Array(series)
  const values = new Float64Array(series)
  const slots = Uint32Array.from({ length: series }, (_, i) => i)
  return { batch: { series: table, samples: [{ kind: 'f64', count: series, slots, base: 0, timestamps, values }] }, timestamps, values }
}

async function measureScrapes(
  name: string,
  host: Host,
  options: EngineOptions,
  series: number,
  rounds: number,
  now: boolean,
): Promise<void> {
  const engine = await Engine.open(host, options)
  const { batch, timestamps, values } = scrape(series)
  const start = performance.now()
  let longest = 0
  const times: number[] = []
  for (let round = 0; round < rounds; round++) {
    timestamps.fill(1_700_000_000_000 + round * 15_000)
    for (let i = 0; i < series; i++) values[i] = (i % 100) + round * 0.25
    const before = performance.now()
    const result = now ? engine.appendNow(batch) : await engine.append(batch)
    longest = Math.max(longest, performance.now() - before)
    times.push(performance.now() - before)
    if (result.accepted !== series) throw new Error(JSON.stringify(result.rejections[0]))
  }
  const ms = performance.now() - start
  times.sort((a, b) => a - b)
  const tenth = (times[Math.floor(times.length / 10)]! * 1e6) / series
  report(name, series * rounds, ms, `best tenth ${tenth.toFixed(0)} ns, longest append ${longest.toFixed(1)} ms`)
  await engine.close()
}

async function measureOneSeries(name: string, host: Host, options: EngineOptions, batchSize: number, samples: number): Promise<void> {
  const engine = await Engine.open(host, { ...options, preload: true })
  const labels = Labels.of({ __name__: 'one' })
  const table = new SeriesTable()
  table.add(labels)
  const timestamps = new Float64Array(batchSize)
  const values = new Float64Array(batchSize)
  const batch: WriteBatch = {
    series: table,
    samples: [{ kind: 'f64', count: batchSize, slots: new Uint32Array(batchSize), base: 0, timestamps, values }],
  }
  const start = performance.now()
  const times: number[] = []
  for (let at = 0; at < samples; at += batchSize) {
    for (let i = 0; i < batchSize; i++) {
      timestamps[i] = 1_700_000_000_000 + (at + i) * 1_000
      values[i] = at + i
    }
    const before = performance.now()
    engine.appendNow(batch)
    times.push(performance.now() - before)
  }
  const ms = performance.now() - start
  times.sort((a, b) => a - b)
  const middle = (times[times.length >> 1]! * 1e6) / batchSize
  report(name, samples, ms, `median ${middle.toFixed(0)} ns`)
  const buffer = new SampleBuffer()
  const read = (): number => {
    for (const page of engine.selectNow({ matchers: [Matcher.metric('one')], minTime: 0, maxTime: 8e15 })) page[0]!.read(buffer)
    return buffer.count
  }
  let best = Infinity
  let count = 0
  for (let round = 0; round < 30; round++) {
    const before = performance.now()
    count = read()
    best = Math.min(best, performance.now() - before)
  }
  report(`${name}: select, best of 30`, count, best)
  // What a plain copy of the same columns takes, in the same run.
  const from = new Float64Array(samples * 2)
  const to = new Float64Array(samples * 2)
  to.set(from)
  best = Infinity
  for (let round = 0; round < 30; round++) {
    const before = performance.now()
    to.set(from)
    best = Math.min(best, performance.now() - before)
  }
  report(`${name}: plain copy of the columns, best of 30`, samples, best)
  if (batchSize === 1_000) {
    let total = 0
    best = Infinity
    for (let i = 0; i < (quick ? 20 : 2_000); i++) {
      const before = performance.now()
      const minTime = 1_700_000_000_000 + ((i * 7_919) % (samples - 1_000)) * 1_000
      for (const page of engine.selectNow({ matchers: [Matcher.metric('one')], minTime, maxTime: minTime + 999_000 })) {
        page[0]!.read(buffer)
        total = buffer.count
      }
      best = Math.min(best, performance.now() - before)
    }
    report(`${name}: select 1,000, best of 2,000`, total, best)
  }
  await engine.close()
}

let cpu = process.cpuUsage()

/** Processor time of the whole process is told beside the time on the wall: on a busy machine it is the steadier number. */
function report(name: string, samples: number, ms: number, more = ''): void {
  const { user, system } = process.cpuUsage(cpu)
  cpu = process.cpuUsage()
  console.log(
    `${name.padEnd(52)} ${(samples / ms / 1e3).toFixed(2).padStart(8)} M/s  ${((ms * 1e6) / samples).toFixed(1).padStart(8)} ns  cpu ${(((user + system) * 1e3) / samples).toFixed(1)} ns  ${more}`,
  )
}

const directory = (): { host: Host; remove: () => void } => {
  const path = mkdtempSync(join(tmpdir(), 'tsink-bench-'))
  return { host: nodeHost(path), remove: () => rmSync(path, { recursive: true }) }
}

const rounds = quick ? 5 : 400
await measureScrapes('2,000 series x 1, memory', volatileHost(), { sync: 'none' }, 2_000, rounds, true)
for (const sync of ['os', 'periodic', 'every'] as const) {
  const { host, remove } = directory()
  await measureScrapes(`2,000 series x 1, log ${sync}`, host, { sync }, 2_000, rounds, sync !== 'every')
  remove()
}
await measureOneSeries('1 series, batches of 1,000, memory', volatileHost(), { sync: 'none' }, 1_000, quick ? 10_000 : 1_000_000)
await measureOneSeries('1 series, batches of 1, memory', volatileHost(), { sync: 'none' }, 1, quick ? 5_000 : 200_000)
{
  const { host, remove } = directory()
  await measureOneSeries('1 series, batches of 1,000, log periodic', host, { sync: 'periodic' }, 1_000, quick ? 10_000 : 1_000_000)
  remove()
}
