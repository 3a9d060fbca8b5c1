/** Whole columns of one series, and scrapes of many, take faster ways than single samples do; what they leave behind is the same. */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { BatchBuilder, Labels, Matcher, type WriteBatch } from '@tsink/core'
import { memoryHost } from '@tsink/host/memory'
import { Engine, type EngineOptions } from '@tsink/engine'
import { selectAll } from '@tsink/testing'

const OPTIONS: EngineOptions = { background: false, sync: 'os', chunkSamples: 16, flushOnClose: false }
const EVERYTHING = { matchers: [Matcher.metric('m')], minTime: -1e9, maxTime: 1e9 }
const labels = (n: number): Labels => Labels.of({ __name__: 'm', n: String(n) })

/** Samples of one series as one batch. */
function column(series: number, times: readonly number[], values: readonly number[]): WriteBatch {
  const batch = new BatchBuilder()
  const slot = batch.slot(labels(series))
  for (const [i, time] of times.entries()) batch.float(slot, time, values[i]!)
  return batch.build()
}

const someTimes = fc.oneof(
  // In order, often behind what is there; and any.
  fc
    .tuple(fc.integer({ min: 0, max: 300 }), fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 70 }))
    .map(([start, steps]) => steps.reduce((times, step) => [...times, times.at(-1)! + step], [start])),
  fc.array(fc.integer({ min: 0, max: 300 }), { minLength: 1, maxLength: 20 }),
)
const write = fc.record({ series: fc.nat(2), times: someTimes, isHeld: fc.boolean() })

it('columns in any order leave what their samples leave one by one, also under open views and after a replay', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(write, { maxLength: 12 }), async (writes) => {
      const host = memoryHost()
      let fast = await Engine.open(host, OPTIONS)
      const slow = await Engine.open(memoryHost(), OPTIONS)
      let value = 0
      for (const { series, times, isHeld } of writes) {
        const values = times.map(() => value++)
        // A selection that is read only after the write: it must not see it.
        const before = isHeld ? await selectAll(slow, EVERYTHING) : null
        const held = isHeld ? fast.select(EVERYTHING)[Symbol.asyncIterator]() : null
        const page = held === null ? null : await held.next()
        expect((await fast.append(column(series, times, values))).accepted).toBe(times.length)
        for (const [i, time] of times.entries()) await slow.append(column(series, [time], [values[i]!]))
        if (held !== null && page?.done === false) {
          const reread = await selectAll(
            {
              select: async function* () {
                yield page.value
              },
            } as never,
            EVERYTHING,
          )
          expect(reread).toEqual(before)
        }
        await held?.return?.()
      }
      const want = await selectAll(slow, EVERYTHING)
      expect(await selectAll(fast, EVERYTHING)).toEqual(want)
      await fast.close()
      fast = await Engine.open(host, OPTIONS)
      expect(await selectAll(fast, EVERYTHING)).toEqual(want)
      await fast.flush()
      expect(await selectAll(fast, EVERYTHING)).toEqual(want)
      await fast.close()
      await slow.close()
    }),
    { numRuns: 60 },
  )
})

it('a scrape of series with numbers that follow each other takes little more of the log than its values, and comes back', async () => {
  const host = memoryHost()
  let engine = await Engine.open(host, OPTIONS)
  const batch = new BatchBuilder()
  for (let n = 0; n < 500; n++) batch.float(batch.slot(labels(n)), 1_000, n)
  const scrape = batch.build()
  await engine.append(scrape)
  const { bytes } = engine.stats().log!
  for (let round = 1; round <= 4; round++) {
    scrape.samples[0]!.timestamps.fill(1_000 + round)
    await engine.append(scrape)
  }
  expect((engine.stats().log!.bytes - bytes) / 2_000).toBeLessThan(8.3)
  const want = await selectAll(engine, EVERYTHING)
  expect(Object.values(want)[7]).toHaveLength(5)
  await engine.close()
  engine = await Engine.open(host, OPTIONS)
  expect(await selectAll(engine, EVERYTHING)).toEqual(want)
  await engine.close()
})
