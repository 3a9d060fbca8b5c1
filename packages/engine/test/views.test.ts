/** What a selection holds is let go of: when it ends, and when nobody will ever end it. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, it } from 'vitest'
import { Matcher, SampleBuffer, type SelectedSeries } from '@tsink/core'
import { memoryHost, type MemoryHost } from '@tsink/host/memory'
import { Engine } from '@tsink/engine'
import { batchOf } from './ledger.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

async function store(): Promise<{ host: MemoryHost; engine: Engine }> {
  const host = memoryHost()
  const engine = await Engine.open(host, { background: false, chunkSamples: 8 })
  for (let round = 0; round < 6; round++) {
    await engine.append(batchOf(Array.from({ length: 20 }, (_, i) => ({ series: 0, time: round * 100 + i, value: i }))))
    await engine.flush()
  }
  return { host, engine }
}

async function files(host: MemoryHost): Promise<number> {
  return (await host.disk.list('segments')).length
}

/** The first page of a selection that nobody ends. */
async function begun(engine: Engine): Promise<readonly SelectedSeries[]> {
  const pages = engine.select({ matchers: [Matcher.equal('group', 'g0')], minTime: 0, maxTime: 1_000 })[Symbol.asyncIterator]()
  return (await pages.next()).value as readonly SelectedSeries[]
}

/** Whether it comes to be within some rounds of collecting garbage. */
async function comes(isSo: () => Promise<boolean>): Promise<boolean> {
  for (let round = 0; round < 50; round++) {
    if (await isSo()) return true
    collect()
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  return false
}

it('an abandoned selection keeps its files only as long as somebody may read its series', async () => {
  const { host, engine } = await store()
  let series: readonly SelectedSeries[] | null = await begun(engine)
  await engine.compact()
  expect(engine.stats().segments).toHaveLength(1)
  for (let round = 0; round < 5; round++) {
    collect()
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  expect(await files(host)).toBe(7)
  const buffer = new SampleBuffer()
  series[0]!.read(buffer)
  expect(buffer.count).toBe(120)
  series = null
  expect(await comes(async () => (await files(host)) === 1)).toBe(true)
  await engine.close()
})

it('indexes of segments that left while somebody was at them do not count for ever', async () => {
  const host = memoryHost()
  const engine = await Engine.open(host, { background: false, preload: true })
  for (let round = 0; round < 6; round++) {
    await engine.append(batchOf(Array.from({ length: 60 }, (_, i) => ({ series: i, time: round, value: i }))))
    await engine.flush()
  }
  const before = engine.stats().memory.indexBytes
  let isCompacted = false
  const compacting = engine.compact().then(() => (isCompacted = true))
  const looks: Promise<unknown>[] = []
  while (!isCompacted) {
    looks.push(engine.delete({ selectors: [[Matcher.equal('group', 'g0')]], dryRun: true }))
    if (looks.length % 50 === 0) await host.clock.turn()
    else await Promise.resolve()
  }
  await Promise.all([compacting, ...looks])
  const { segments, memory } = engine.stats()
  expect(segments).toHaveLength(1)
  expect(memory.indexBytes).toBeLessThan(before)
  await engine.close()
})
