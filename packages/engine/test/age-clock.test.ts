/** Clocks that jump: what is not old yet stays, what is new is taken, and what is old goes all the same. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BatchBuilder, Labels, Matcher, type AppendResult } from '@tsink/core'
import { memoryHost, type MemoryHost } from '@tsink/host/memory'
import { Engine, type EngineOptions } from '@tsink/engine'
import { selectAll } from '@tsink/testing'

const NOW = 1_750_000_000_000
const HOUR = 3_600_000
const DAY = 24 * HOUR
const YEAR = 365 * DAY
const OPTIONS: EngineOptions = { background: false, retentionMs: 10 * DAY, maxFutureMs: HOUR }
const CPU = [Matcher.metric('cpu')]

async function write(engine: Engine, time: number): Promise<AppendResult> {
  const builder = new BatchBuilder()
  builder.float(builder.slot(Labels.of({ __name__: 'cpu' })), time, 1)
  return engine.append(builder.build())
}

async function times(engine: Engine): Promise<number[]> {
  const found = await selectAll(engine, { matchers: CPU, minTime: 0 })
  return (found['cpu'] ?? found['cpu{}'] ?? []).map(([time]) => time)
}

/** A store with one segment of an hour ago, and its host. */
async function store(options: EngineOptions = OPTIONS): Promise<{ host: MemoryHost; engine: Engine }> {
  const host = memoryHost({ startMs: NOW })
  const engine = await Engine.open(host, options)
  await write(engine, NOW - HOUR)
  await engine.flush()
  return { host, engine }
}

describe('a clock that jumps ahead', () => {
  it('expires nothing, refuses nothing as too old, and ends no undo', async () => {
    const { host, engine } = await store()
    const { sequence } = await engine.delete({ selectors: [CPU] })
    host.clock.jump(NOW + YEAR)
    expect(engine.stats().clockJumpMs).toBe(YEAR)
    expect(await engine.previewRetention()).toEqual([])
    expect(await engine.retain()).toEqual([])
    expect((await write(engine, NOW)).rejections).toEqual([])
    await engine.flush()
    await engine.compact()
    await engine.undelete(sequence)
    expect(await times(engine)).toEqual([NOW - HOUR, NOW])
    // Also what the jumped clock has stamped is taken, and stays.
    expect((await write(engine, NOW + YEAR)).rejections).toEqual([])
    host.clock.jump(NOW)
    expect(engine.stats().clockJumpMs).toBe(0)
    expect(await engine.retain()).toEqual([])
    expect(await times(engine)).toEqual([NOW - HOUR, NOW, NOW + YEAR])
    await engine.close()
  })

  it('is believed after a day, or after as long as the jump is wide', async () => {
    const { host, engine } = await store()
    host.clock.jump(NOW + YEAR)
    expect(await engine.retain()).toEqual([])
    host.clock.advance(DAY - 1)
    expect(await engine.retain()).toEqual([])
    host.clock.advance(1)
    expect(engine.stats().clockJumpMs).toBe(0)
    expect((await engine.retain()).map(({ reason }) => reason)).toEqual(['age'])
    expect((await write(engine, NOW)).rejections.map(({ reason }) => reason)).toEqual(['too_old'])
    host.clock.jump(host.clock.now() + 5_000)
    expect(engine.stats().clockJumpMs).toBe(5_000)
    host.clock.advance(5_000)
    expect(engine.stats().clockJumpMs).toBe(0)
    await engine.close()
  })

  it('is not believed sooner for having been there before, and gone', async () => {
    const { host, engine } = await store()
    for (let i = 0; i < 4; i++) {
      host.clock.jump(NOW + YEAR + host.clock.monotonic())
      expect(await engine.retain()).toEqual([])
      host.clock.advance(DAY - 1)
      host.clock.jump(NOW + host.clock.monotonic())
      expect(await engine.retain()).toEqual([])
      host.clock.advance(1)
    }
    expect(await times(engine)).toEqual([NOW - HOUR])
    await engine.close()
  })

  it('is not believed by opening again, and is by having kept to it over many short runs', async () => {
    let { host, engine } = await store()
    await engine.close()
    // A program that runs for a moment each hour, after a pause of a year.
    host.clock.jump(NOW + YEAR)
    const kept: number[] = []
    for (let hour = 0; hour < 30; hour++) {
      engine = await Engine.open(host, OPTIONS)
      await engine.retain()
      kept.push((await times(engine)).length)
      await engine.close()
      host.clock.jump(host.clock.now() + HOUR)
    }
    expect(kept).toEqual(Array.from({ length: 30 }, (_, hour) => (hour < 24 ? 1 : 0)))
  })

  it('again and again, as that of a machine that sleeps most of the day, is believed two days later at most', async () => {
    const { host, engine } = await store()
    let kept = 0
    for (let day = 0; day < 14; day++) {
      for (let hour = 0; hour < 8; hour++) {
        host.clock.advance(HOUR)
        engine.stats()
      }
      host.clock.jump(host.clock.now() + 16 * HOUR)
      await engine.retain()
      if ((await times(engine)).length > 0) kept++
    }
    expect(kept).toBeGreaterThanOrEqual(9)
    expect(kept).toBeLessThanOrEqual(12)
    await engine.close()
  })

  it('while the store was closed, and back again before it is opened, is nothing', async () => {
    let { host, engine } = await store()
    await engine.close()
    for (const at of [NOW + YEAR, NOW + 2_000, NOW + 2 * YEAR, NOW + 4_000]) {
      host.clock.jump(at)
      engine = await Engine.open(host, OPTIONS)
      expect(await engine.retain()).toEqual([])
      await engine.close()
    }
  })
})

describe('a clock that jumps back', () => {
  it('refuses nothing as too far in the future, and expires nothing', async () => {
    const { host, engine } = await store()
    host.clock.jump(NOW - YEAR)
    expect((await write(engine, NOW)).rejections).toEqual([])
    expect(await engine.retain()).toEqual([])
    expect((await write(engine, NOW + 2 * HOUR)).rejections.map(({ reason }) => reason)).toEqual(['too_far_in_future'])
    await engine.close()
  })
})

it('nothing expires before its time while no wrong reading lasts, and everything does in the end', { timeout: 600_000 }, async () => {
  const RETENTION = 2 * DAY
  const options = { background: false, retentionMs: RETENTION, partitionMs: HOUR }
  const closedMs = fc.integer({ min: 0, max: 3 * DAY })
  const right = fc.record({ wrongBy: fc.constant(0), forMs: fc.integer({ min: 1, max: 12 * HOUR }), reopen: fc.boolean(), closedMs })
  const wrong = fc
    .record({
      wrongBy: fc.integer({ min: -YEAR, max: YEAR }),
      share: fc.double({ min: 0.01, max: 0.9, noNaN: true }),
      reopen: fc.boolean(),
      closedMs,
    })
    .filter(({ wrongBy }) => Math.abs(wrongBy) > 60_000)
    .map(({ share, ...rest }) => ({ ...rest, forMs: Math.floor(share * Math.min(Math.abs(rest.wrongBy), DAY)) }))
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(right, wrong), { minLength: 1, maxLength: 12 }), async (phases) => {
      const host = memoryHost({ startMs: NOW })
      let engine = await Engine.open(host, options)
      const written: number[] = []
      for (const { wrongBy, forMs, reopen, closedMs: pause } of phases.flat()) {
        host.clock.jump(NOW + host.clock.monotonic() + wrongBy)
        // Looked at as often as the background would, in proportion.
        for (let i = 0; i < 4; i++) {
          const time = Math.floor(NOW + host.clock.monotonic())
          await write(engine, time)
          written.push(time)
          await engine.flush()
          await engine.retain()
          host.clock.advance(forMs / 4)
        }
        await engine.retain()
        const oldest = NOW + host.clock.monotonic() - RETENTION
        expect(await times(engine)).toEqual(expect.arrayContaining([...new Set(written.filter((time) => time >= oldest))]))
        if (!reopen) continue
        await engine.close()
        host.clock.advance(pause)
        engine = await Engine.open(host, options)
      }
      host.clock.jump(NOW + host.clock.monotonic())
      await engine.retain()
      host.clock.advance(RETENTION + DAY)
      await engine.retain()
      host.clock.advance(DAY)
      await engine.retain()
      expect(await times(engine)).toEqual([])
      await engine.close()
    }),
    { numRuns: Number(process.env['TSINK_RUNS'] ?? (process.env['TSINK_TEST_LONG'] === '1' ? 600 : 30)) },
  )
})
