/**
 * Stores that have lost their catalog, at every change of a scripted life and in any state that operations bring about: with the copy nothing is
 * different afterwards, without it everything that was written is there, and no delete is lost silently. TSINK_STRIDE sets how many points are left
 * out.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Matcher, type TsinkError } from '@tsink/core'
import { memoryHost, type MemoryHost } from '@tsink/host/memory'
import { Engine, type EngineOptions } from '@tsink/engine'
import { batchOf, difference, Ledger, shown, type Written } from './ledger.ts'

const LONG = process.env['TSINK_TEST_LONG'] === '1'
const RUNS = Number(process.env['TSINK_RUNS'] ?? (LONG ? 1_000 : 40))
const STRIDE = Number(process.env['TSINK_STRIDE'] ?? (LONG ? 1 : 3))
const OPTIONS: EngineOptions = { background: false, chunkSamples: 8, partitionMs: 1_000, undoMs: 1_000, logFileBytes: 2_000 }

function samplesOf(from: number, count: number, step: number, value: number): Written[] {
  return Array.from({ length: count }, (_, i) => ({ series: i % 6, time: from + i * step, value: value + i }))
}

type Step =
  | { readonly do: 'append'; readonly from: number; readonly count: number; readonly step: number; readonly value: number }
  | { readonly do: 'delete'; readonly group: number; readonly minTime: number; readonly maxTime: number }
  | { readonly do: 'undelete' | 'flush' | 'compact' | 'wait' | 'reopen' }

const LIFE: readonly Step[] = [
  { do: 'append', from: 0, count: 60, step: 37, value: 1 },
  { do: 'flush' },
  { do: 'delete', group: 0, minTime: 100, maxTime: 1_300 },
  { do: 'append', from: 700, count: 24, step: 31, value: 1_400 },
  { do: 'delete', group: 1, minTime: 0, maxTime: 600 },
  { do: 'flush' },
  { do: 'delete', group: 2, minTime: 0, maxTime: 900 },
  { do: 'undelete' },
  { do: 'append', from: 500, count: 50, step: 30, value: 2_000 },
  { do: 'flush' },
  { do: 'wait' },
  { do: 'compact' },
  { do: 'append', from: 0, count: 30, step: 50, value: 3_000 },
  { do: 'reopen' },
  { do: 'delete', group: 1, minTime: 0, maxTime: 2_000 },
  { do: 'append', from: 0, count: 20, step: 20, value: 5_000 },
  { do: 'compact' },
]

class Life {
  readonly host: MemoryHost
  readonly ledger = new Ledger()
  #engine: Engine | null = null
  #deletedAt = 0

  constructor(seed: number) {
    this.host = memoryHost({ seed })
  }

  async open(): Promise<Engine> {
    return (this.#engine ??= await Engine.open(this.host, OPTIONS))
  }

  async run(step: Step): Promise<void> {
    const engine = await this.open()
    const { ledger } = this
    if (step.do === 'append') {
      const samples = samplesOf(step.from, step.count, step.step, step.value)
      await engine.append(batchOf(samples))
      ledger.write(samples)
    } else if (step.do === 'delete') {
      const selectors = [[Matcher.equal('group', `g${step.group}`)]]
      this.#deletedAt = this.host.clock.now()
      const { sequence } = await engine.delete({ selectors, minTime: step.minTime, maxTime: step.maxTime })
      ledger.delete(
        [0, 1, 2, 3, 4, 5].filter((each) => each % 3 === step.group),
        step.minTime,
        step.maxTime,
        sequence,
      )
    } else if (step.do === 'undelete') {
      const last = ledger.deletes.at(-1)
      if (last === undefined || last.undone) return
      // Later it may have been carried out.
      if (this.host.clock.now() >= this.#deletedAt + 1_000) return
      await engine.undelete(last.sequence)
      last.undone = true
    } else if (step.do === 'wait') this.host.clock.advance(2_000)
    else if (step.do === 'reopen') {
      await engine.close()
      this.#engine = null
    } else await engine[step.do]()
  }

  /** The machine loses power; what was synced is there. */
  crash(): void {
    this.host.disk.crash('torn')
    this.#engine = null
  }

  async check(engine: Engine): Promise<void> {
    const problem = difference(this.ledger.visible(-1e12, 1e12), await shown(engine, [], -1e12, 1e12))
    if (problem !== null) throw new Error(problem)
  }
}

async function damage(host: MemoryHost, file: string, at: number | null): Promise<void> {
  if (at === null) return host.disk.remove(file)
  const bytes = host.disk.peek(file)
  bytes[at % bytes.length]! ^= 1 << (at % 8)
  host.disk.poke(file, bytes)
}

/** Damages the catalog of a store that crashed, repairs it, and compares. */
async function repaired(life: Life, at: number | null): Promise<void> {
  const { host } = life
  await damage(host, 'catalog', at)
  await expect(Engine.open(host, OPTIONS)).rejects.toMatchObject({ kind: 'corrupt', message: expect.stringContaining('tsink repair') })
  const verified = await Engine.verify(host)
  expect(verified.problems.map(({ file }) => file)).toEqual(['catalog'])
  const report = await Engine.repair(host, OPTIONS)
  expect(report).toMatchObject({ catalog: 'copied', deletesLost: false })
  const engine = await Engine.open(host, OPTIONS)
  await life.check(engine)
  expect((await engine.verify()).problems).toEqual([])
  const more = samplesOf(200, 20, 40, 9_000)
  await engine.append(batchOf(more))
  life.ledger.write(more)
  await engine.flush()
  await engine.compact()
  await life.check(engine)
  await engine.close()
  expect((await Engine.repair(host)).catalog).toBe('whole')
}

describe('a store that lost its catalog', () => {
  it('has all of it again from the copy, whatever the moment at which power was lost', { timeout: 600_000 }, async () => {
    const whole = new Life(1)
    for (const step of LIFE) await whole.run(step)
    const changes = whole.host.disk.changes
    expect(changes).toBeGreaterThan(100)
    let lost = 0
    for (let at = 1; at <= changes; at += STRIDE) {
      const life = new Life(at)
      life.host.disk.failChange(at, 'crash')
      let under: Step | null = null
      try {
        for (const step of LIFE) {
          under = step
          await life.run(step)
        }
      } catch (error) {
        if (!life.host.disk.powerless) throw error
      }
      life.crash()
      // What was under way may be there or not: only the other operations change nothing that is seen.
      if (under !== null && ['append', 'delete', 'undelete'].includes(under.do)) continue
      if (!(await life.host.disk.list('')).some(({ name }) => name === 'catalog')) continue
      lost++
      try {
        await repaired(life, at % 4 === 0 ? null : at * 7)
      } catch (error) {
        throw new Error(`crash at change ${at}: ${(error as Error).message}`, { cause: error })
      }
    }
    expect(lost).toBeGreaterThan(20 / STRIDE)
  })

  const step: fc.Arbitrary<Step> = fc.oneof(
    {
      weight: 5,
      arbitrary: fc
        .record({
          from: fc.nat(3_000),
          count: fc.integer({ min: 1, max: 40 }),
          step: fc.integer({ min: 1, max: 60 }),
          value: fc.nat(9_000),
        })
        .map((rest): Step => ({ do: 'append', ...rest })),
    },
    {
      weight: 2,
      arbitrary: fc
        .tuple(fc.nat(2), fc.nat(3_000), fc.nat(2_000))
        .map(([group, minTime, length]): Step => ({ do: 'delete', group, minTime, maxTime: minTime + length })),
    },
    { weight: 1, arbitrary: fc.constant<Step>({ do: 'undelete' }) },
    { weight: 3, arbitrary: fc.constantFrom<Step>({ do: 'flush' }, { do: 'compact' }, { do: 'wait' }, { do: 'reopen' }) },
  )

  it('has all of it again from the copy, after any operations', { timeout: 600_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 25, size: 'max' }), fc.option(fc.nat()), async (steps, at) => {
        const life = new Life(5)
        for (const each of steps) await life.run(each)
        await life.open()
        life.crash()
        await repaired(life, at)
      }),
      { numRuns: RUNS },
    )
  })

  it(
    'has everything that was written again from the files alone, and no delete is lost unless that was allowed',
    { timeout: 600_000 },
    async () => {
      let lost = 0
      let known = 0
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 25, size: 'max' }), async (steps) => {
          const life = new Life(5)
          for (const each of steps) await life.run(each)
          await life.open()
          life.crash()
          await life.host.disk.remove('catalog')
          await damage(life.host, 'catalog.copy', 9)
          const refused = await Engine.repair(life.host, OPTIONS).then(
            () => null,
            (error: TsinkError) => error,
          )
          if (refused !== null) {
            lost++
            expect(refused).toMatchObject({ code: 'UNSUPPORTED', detail: { option: 'loseDeletes' } })
            expect(await Engine.repair(life.host, { loseDeletes: true })).toMatchObject({ catalog: 'rebuilt', deletesLost: true })
          } else known++
          const engine = await Engine.open(life.host, OPTIONS)
          if (refused === null) await life.check(engine)
          else {
            // Deleted samples may be there again, everything else is as it was.
            const found = await shown(engine, [], -1e12, 1e12)
            for (const [series, samples] of life.ledger.visible(-1e12, 1e12)) {
              for (const [time, value] of samples) expect([series, time, found.get(series)?.get(time)]).toEqual([series, time, value])
            }
          }
          expect((await engine.verify()).problems).toEqual([])
          const more = samplesOf(200, 20, 40, 9_000)
          await engine.append(batchOf(more))
          life.ledger.write(more)
          await engine.flush()
          await engine.compact()
          if (refused === null) await life.check(engine)
          await engine.close()
        }),
        { numRuns: RUNS },
      )
      expect(lost).toBeGreaterThan(0)
      expect(known).toBeGreaterThan(0)
    },
  )

  it('keeps aside what is not part of it', async () => {
    const life = new Life(1)
    for (const each of LIFE.slice(0, 6)) await life.run(each)
    await (await life.open()).close()
    const { host } = life
    host.disk.poke('segments/0000000999.seg', Uint8Array.of(1, 2, 3))
    await damage(host, 'catalog', 30)
    const { setAside } = await Engine.repair(host)
    expect(setAside.map(({ file, movedTo }) => [file, movedTo])).toEqual([
      ['segments/0000000999.seg', 'quarantine/0000000999.seg'],
      ['catalog', 'quarantine/catalog'],
    ])
    expect([...host.disk.peek('quarantine/0000000999.seg')]).toEqual([1, 2, 3])
  })

  it('changes nothing when it is refused', async () => {
    const life = new Life(1)
    for (const each of LIFE.slice(0, 6)) await life.run(each)
    await (await life.open()).close()
    const { host } = life
    await host.disk.makeDirectory('notes')
    host.disk.poke('notes/0000000009.notes', Uint8Array.of(1, 2, 3))
    await damage(host, 'catalog', 30)
    await damage(host, 'catalog.copy', 30)
    const files = async (): Promise<unknown> => Promise.all(['', 'segments', 'notes', 'quarantine'].map((dir) => host.disk.list(dir)))
    const before = await files()
    await expect(Engine.repair(host)).rejects.toMatchObject({ code: 'UNSUPPORTED' })
    expect(await files()).toEqual(before)
    const { setAside } = await Engine.repair(host, { loseDeletes: true })
    expect(setAside.map(({ file }) => file)).toEqual(['notes/0000000009.notes', 'catalog'])
  })
})
