/** Writers, deleters, readers and maintenance at the same time. The order of sequences is the truth; the seed of a failure is in its message. */
import { expect, it } from 'vitest'
import { Matcher, SampleBuffer } from '@tsink/core'
import { memoryHost, seededRandom } from '@tsink/host/memory'
import { Engine } from '@tsink/engine'
import { batchOf, difference, Ledger, shown, type Written } from './ledger.ts'

const ROUNDS = Number(process.env['TSINK_RUNS'] ?? (process.env['TSINK_TEST_LONG'] === '1' ? 60 : 5))
const SERIES = 9

interface Event {
  readonly sequence: number
  apply(ledger: Ledger): void
}

async function rumble(seed: number): Promise<void> {
  const random = seededRandom(seed)
  const below = (n: number): number => Math.floor(random() * n)
  const host = memoryHost({ seed })
  const engine = await Engine.open(host, { background: false, chunkSamples: 16, partitionMs: 2_000, undoMs: 0, flushBytes: 600_000 })
  const events: Event[] = []

  const writer = async (): Promise<void> => {
    for (let round = 0; round < 25; round++) {
      const samples: Written[] = Array.from({ length: 1 + below(60) }, () => ({
        // Series with histograms are left out: floats and histograms of one batch are written in two columns.
        series: [0, 1, 2, 3, 4, 6, 7, 8][below(SERIES - 1)]!,
        time: below(30_000),
        value: below(60_000),
      }))
      const { sequence, rejections } = await engine.append(batchOf(samples))
      expect(rejections).toEqual([])
      events.push({ sequence, apply: (ledger) => ledger.write(samples) })
    }
  }
  const deleter = async (): Promise<void> => {
    for (let round = 0; round < 6; round++) {
      for (let i = below(12); i > 0; i--) await host.clock.turn()
      const group = below(3)
      const minTime = below(30_000)
      const maxTime = minTime + below(10_000)
      const { sequence } = await engine.delete({ selectors: [[Matcher.equal('group', `g${group}`)]], minTime, maxTime })
      const series = Array.from({ length: SERIES }, (_, i) => i).filter((each) => each % 3 === group)
      events.push({ sequence, apply: (ledger) => ledger.delete(series, minTime, maxTime, sequence) })
    }
  }
  const maintainer = async (): Promise<void> => {
    for (let round = 0; round < 12; round++) {
      for (let i = below(30); i > 0; i--) await host.clock.turn()
      if (random() < 0.6) await engine.flush()
      else await engine.compact()
    }
  }
  const reader = async (): Promise<void> => {
    const buffer = new SampleBuffer()
    for (let round = 0; round < 20; round++) {
      const minTime = below(30_000)
      for await (const page of engine.select({ matchers: [], minTime, maxTime: minTime + below(20_000) })) {
        const first: string[] = []
        for (const series of page) {
          series.read(buffer)
          first.push(textOf(buffer))
          for (let i = 1; i < buffer.count; i++) expect(buffer.timestamps[i]!).toBeGreaterThan(buffer.timestamps[i - 1]!)
        }
        for (let i = below(40); i > 0; i--) await host.clock.turn()
        // Whatever has happened meanwhile, the view is as it was.
        for (let i = 0; i < page.length; i++) {
          page[i]!.read(buffer)
          expect(textOf(buffer)).toBe(first[i])
        }
      }
    }
  }
  await Promise.all([writer(), writer(), writer(), deleter(), maintainer(), maintainer(), reader(), reader(), reader()])
  const ledger = new Ledger()
  for (const event of events.sort((a, b) => a.sequence - b.sequence)) event.apply(ledger)
  const check = async (when: string, of: Engine): Promise<void> => {
    expect(difference(ledger.visible(-1e12, 1e12), await shown(of, [], -1e12, 1e12)), `seed ${seed}, ${when}`).toBeNull()
  }
  await check('at the end', engine)
  await engine.flush()
  await engine.compact()
  await check('after compaction', engine)
  expect((await engine.verify()).problems).toEqual([])
  expect(engine.stats().tombstones).toBe(0)
  await engine.close()
  const again = await Engine.open(host, { background: false, partitionMs: 2_000 })
  await check('after reopening', again)
  // What views held is gone from the disk as well.
  expect((await host.disk.list('segments')).length).toBe(again.stats().segments.length)
  await again.close()
}

function textOf(buffer: SampleBuffer): string {
  const values = buffer.integers ?? buffer.blobs ?? buffer.values
  return `${[...buffer.timestamps.subarray(0, buffer.count)].join()} ${[...values].slice(0, buffer.count).map(String).join()}`
}

it('keeps the order of writing and every view, whatever runs side by side', { timeout: 600_000 }, async () => {
  const first = Number(process.env['TSINK_SEED'] ?? 1)
  for (let seed = first; seed < first + ROUNDS; seed++) await rumble(seed)
})
