/**
 * Retention against the ledger, with any operations in between and a clock that flickers: nothing goes before its time, nothing else is shown, and what
 * has expired goes. The seed of a failure is printed; TSINK_RUNS sets how many runs are made.
 */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { Matcher } from '@tsink/core'
import { memoryHost, type MemoryHost } from '@tsink/host/memory'
import { Engine, type EngineOptions } from '@tsink/engine'
import { batchOf, Ledger, shown } from './ledger.ts'

const RUNS = Number(process.env['TSINK_RUNS'] ?? (process.env['TSINK_TEST_LONG'] === '1' ? 1_500 : 60))
const START_MS = 1_000_000_000
const SERIES = 9
const LONG_MS = 100_000
const SHORT_MS = 40_000
const UNDO_MS = 5_000
const OPTIONS: EngineOptions = {
  background: false,
  chunkSamples: 8,
  partitionMs: 5_000,
  undoMs: UNDO_MS,
  retentionMs: LONG_MS,
  retentionRules: [{ matchers: [Matcher.equal('group', 'g0')], retentionMs: SHORT_MS }],
}

type Step =
  | { readonly do: 'append'; readonly samples: readonly { readonly series: number; readonly age: number; readonly value: number }[] }
  | { readonly do: 'delete'; readonly group: number; readonly age: number; readonly length: number }
  | { readonly do: 'wait' | 'flicker'; readonly ms: number }
  | { readonly do: 'undelete' | 'flush' | 'compact' | 'retain' | 'reopen' | 'kill' }

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc
      .array(fc.record({ series: fc.nat(SERIES - 1), age: fc.integer({ min: -2_000, max: 130_000 }), value: fc.nat(900) }), {
        maxLength: 40,
      })
      .map((samples): Step => ({ do: 'append', samples })),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.nat(2), fc.nat(130_000), fc.nat(60_000))
      .map(([group, age, length]): Step => ({ do: 'delete', group, age, length })),
  },
  { weight: 3, arbitrary: fc.integer({ min: 1, max: 30_000 }).map((ms): Step => ({ do: 'wait', ms })) },
  { weight: 2, arbitrary: fc.integer({ min: -1e9, max: 1e12 }).map((ms): Step => ({ do: 'flicker', ms })) },
  {
    weight: 8,
    arbitrary: fc.constantFrom<Step>(
      { do: 'undelete' },
      { do: 'flush' },
      { do: 'flush' },
      { do: 'compact' },
      { do: 'retain' },
      { do: 'retain' },
      { do: 'reopen' },
      { do: 'kill' },
    ),
  },
)

class World {
  readonly host: MemoryHost = memoryHost({ startMs: START_MS })
  readonly ledger = new Ledger()
  engine!: Engine
  deletedAt = -Infinity
  retired = 0

  get now(): number {
    return START_MS + this.host.clock.monotonic()
  }

  /** The time by which the store's data ages: after a kill it takes a while until the store believes what has passed since it last noted it. */
  get aged(): number {
    return this.now - Math.max(0, this.engine.stats().clockJumpMs)
  }

  async run(each: Step): Promise<void> {
    const { host, ledger, engine, now, aged } = this
    switch (each.do) {
      case 'append': {
        const samples = each.samples.map(({ series, age, value }) => ({ series, time: now - age, value }))
        const { rejections } = await engine.append(batchOf(samples))
        expect(rejections.map(({ reason }) => reason)).toEqual(samples.filter(({ time }) => time < aged - LONG_MS).map(() => 'too_old'))
        // Histograms and floats of series 5 lie in two columns, the second of which is written later.
        for (const isFirst of [true, false]) {
          const kinds = batchOf(samples).samples.map(({ kind }) => kind)
          const later = kinds.indexOf('histogram') > kinds.indexOf('f64') ? 'histogram' : 'f64'
          const kindOf = (value: number): string => (value % 3 === 0 ? 'f64' : 'histogram')
          ledger.write(
            samples.filter(({ series, time, value }) => time >= aged - LONG_MS && (series === 5 && kindOf(value) === later) !== isFirst),
          )
        }
        return
      }
      case 'delete': {
        const range = { minTime: now - each.age, maxTime: now - each.age + each.length }
        const { sequence } = await engine.delete({ selectors: [[Matcher.equal('group', `g${each.group}`)]], ...range })
        const series = Array.from({ length: SERIES }, (_, i) => i).filter((i) => i % 3 === each.group)
        ledger.delete(series, range.minTime, range.maxTime, sequence)
        this.deletedAt = now
        return
      }
      case 'undelete': {
        const last = ledger.deletes.at(-1)
        if (last === undefined || last.undone || now >= this.deletedAt + UNDO_MS) return
        await engine.undelete(last.sequence)
        last.undone = true
        return
      }
      case 'wait':
        host.clock.advance(each.ms)
        return
      case 'flicker':
        host.clock.jump(now + each.ms)
        await engine.retain()
        await engine.compact()
        host.clock.jump(now)
        return
      case 'retain': {
        const expected = await engine.previewRetention()
        const gone = await engine.retain()
        expect(gone).toEqual(expected)
        expect(await engine.previewRetention()).toEqual([])
        this.retired += gone.length
        for (const { maxTime } of engine.stats().segments) expect(maxTime).toBeGreaterThanOrEqual(aged - LONG_MS)
        return
      }
      case 'reopen':
        await engine.close()
        this.engine = await Engine.open(host, OPTIONS)
        return
      case 'kill':
        host.disk.crash('kept')
        this.engine = await Engine.open(host, OPTIONS)
        return
      default:
        await engine[each.do]()
    }
  }

  /** Everything that is young enough is there, and nothing is there that was never written or is deleted. */
  async check(): Promise<void> {
    const want = this.ledger.visible(-Infinity, Infinity)
    const found = await shown(this.engine, [], 0, 1e15)
    for (let series = 0; series < SERIES; series++) {
      const kept = this.now - (series % 3 === 0 ? SHORT_MS : LONG_MS)
      const [wanted, have] = [want.get(series) ?? new Map<number, string>(), found.get(series) ?? new Map<number, string>()]
      for (const [time, value] of have) expect([series, time, value]).toEqual([series, time, wanted.get(time)])
      for (const [time, value] of wanted) if (time >= kept) expect([series, time, have.get(time)]).toEqual([series, time, value])
    }
  }
}

it('lets nothing go before its time, whatever else is done and whatever the clock shows for a moment', { timeout: 600_000 }, async () => {
  let retired = 0
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40, size: 'max' }), async (steps) => {
      const world = new World()
      world.engine = await Engine.open(world.host, OPTIONS)
      for (const each of steps) {
        await world.run(each)
        await world.check()
      }
      expect((await world.engine.verify()).problems).toEqual([])
      await world.engine.close()
      retired += world.retired
    }),
    { numRuns: RUNS },
  )
  expect(retired).toBeGreaterThan(RUNS / 10)
})

it('previews while compaction replaces what it looks at', async () => {
  const host = memoryHost({ startMs: START_MS })
  let engine = await Engine.open(host, OPTIONS)
  for (let round = 0; round < 6; round++) {
    await engine.append(batchOf(Array.from({ length: SERIES }, (_, series) => ({ series, time: START_MS - 60_000 + round, value: 1 }))))
    await engine.flush()
  }
  // Opened anew, no index is in memory.
  await engine.close()
  engine = await Engine.open(host, OPTIONS)
  let isCompacted = false
  const compacting = engine.compact().then(() => (isCompacted = true))
  const previews: ReturnType<Engine['previewRetention']>[] = []
  while (!isCompacted) {
    previews.push(engine.previewRetention())
    if (previews.length % 7 === 0) await host.clock.turn()
    else await Promise.resolve()
  }
  await compacting
  expect(engine.stats().segments).toHaveLength(1)
  for (const preview of await Promise.all(previews)) expect(preview.every(({ reason, whole }) => reason === 'rule' && !whole)).toBe(true)
  await engine.close()
})
