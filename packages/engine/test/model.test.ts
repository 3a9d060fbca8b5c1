/** The engine against the ledger: any operations in any order. The seed of a failure is printed; TSINK_RUNS sets how many runs are made. */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { Matcher, type SelectedSeries } from '@tsink/core'
import { memoryHost, type MemoryHost } from '@tsink/host/memory'
import { Engine, type EngineOptions } from '@tsink/engine'
import { batchOf, difference, gathered, Ledger, newest, shown, type Written } from './ledger.ts'
import { within } from './within.ts'

const RUNS = Number(process.env['TSINK_RUNS'] ?? (process.env['TSINK_TEST_LONG'] === '1' ? 1_500 : 60))
const SERIES = 12
const MAX_TIME = 40_000

type Step =
  | { readonly do: 'append'; readonly samples: readonly Written[] }
  | { readonly do: 'delete'; readonly modulus: number; readonly minTime: number; readonly maxTime: number }
  | { readonly do: 'undelete'; readonly which: number }
  | { readonly do: 'wait'; readonly ms: number }
  | { readonly do: 'read' | 'begin'; readonly minTime: number; readonly maxTime: number }
  | { readonly do: 'end'; readonly which: number }
  | { readonly do: 'flush' | 'compact' | 'snapshot' | 'verify' | 'reopen' | 'kill' }

const time = fc.integer({ min: -2_000, max: MAX_TIME })
const sample = fc.record({ series: fc.nat(SERIES - 1), time, value: fc.nat(60_000) })
// A run in order: what scrapes bring, and what fills chunks.
const run = fc
  .tuple(fc.nat(SERIES - 1), time, fc.integer({ min: 1, max: 400 }), fc.integer({ min: 2, max: 40 }), fc.nat(1_000))
  .map(([series, start, step, count, value]) =>
    Array.from({ length: count }, (_, i) => ({ series, time: start + i * step, value: value + i })),
  )
const samples = fc
  .array(fc.oneof({ weight: 2, arbitrary: sample.map((each) => [each]) }, { weight: 1, arbitrary: run }), { maxLength: 12 })
  .map((lists) => lists.flat())
const range = fc.tuple(time, time).map(([a, b]) => ({ minTime: Math.min(a, b), maxTime: Math.max(a, b) }))

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 12, arbitrary: samples.map((list): Step => ({ do: 'append', samples: list })) },
  { weight: 3, arbitrary: fc.tuple(fc.integer({ min: 1, max: 3 }), range).map(([modulus, r]): Step => ({ do: 'delete', modulus, ...r })) },
  { weight: 2, arbitrary: fc.nat(5).map((which): Step => ({ do: 'undelete', which })) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 700_000 }).map((ms): Step => ({ do: 'wait', ms })) },
  { weight: 4, arbitrary: range.map((r): Step => ({ do: 'read', ...r })) },
  { weight: 2, arbitrary: range.map((r): Step => ({ do: 'begin', ...r })) },
  { weight: 1, arbitrary: fc.nat(3).map((which): Step => ({ do: 'end', which })) },
  { weight: 4, arbitrary: fc.constantFrom<Step>({ do: 'flush' }, { do: 'compact' }, { do: 'reopen' }, { do: 'kill' }) },
  { weight: 1, arbitrary: fc.constantFrom<Step>({ do: 'snapshot' }, { do: 'verify' }) },
)

const OPTIONS: EngineOptions = { background: false, chunkSamples: 8, partitionMs: 1_000, undoMs: 600_000 }

/** A selection that has begun: it shows what was there then, whatever is done before it ends. */
interface Begun {
  readonly visible: ReturnType<Ledger['visible']>
  readonly pages: AsyncIterable<readonly SelectedSeries[]>
  readonly last: boolean
}

async function begin(engine: Engine, ledger: Ledger, minTime: number, maxTime: number): Promise<Begun> {
  const last = maxTime % 2 === 0
  const pages = engine.select({ matchers: [], minTime, maxTime, hints: { last } })[Symbol.asyncIterator]()
  const visible = ledger.visible(minTime, maxTime)
  const first = await pages.next()
  async function* all(): AsyncGenerator<readonly SelectedSeries[]> {
    for (let page = first; page.done !== true; page = await pages.next()) yield page.value
  }
  return { visible, pages: all(), last }
}

async function end({ visible, pages, last }: Begun): Promise<void> {
  const found = await gathered(pages, last)
  const problem = last ? difference(newest(visible), newest(found)) : difference(visible, found)
  if (problem !== null) throw new Error(`begun before: ${problem}`)
}

async function runSteps(steps: readonly Step[], options: EngineOptions): Promise<void> {
  const host = memoryHost()
  const ledger = new Ledger()
  const undoUntil: number[] = []
  const begun: Begun[] = []
  let engine = await Engine.open(host, options)
  try {
    for (const each of steps) engine = await runStep(each, engine, host, ledger, undoUntil, begun, options)
    for (const each of begun.splice(0)) await end(each)
    await check(engine, ledger, -Infinity, Infinity)
  } finally {
    await engine.close()
  }
}

async function runStep(
  each: Step,
  engine: Engine,
  host: MemoryHost,
  ledger: Ledger,
  undoUntil: number[],
  begun: Begun[],
  options: EngineOptions,
): Promise<Engine> {
  switch (each.do) {
    case 'append': {
      const result = await engine.append(batchOf(each.samples))
      expect(result.rejections).toEqual([])
      // Columns of a batch go one after the other; within a kind the order of the samples counts, and a series has one kind.
      ledger.write(inColumnOrder(each.samples))
      return engine
    }
    case 'delete': {
      const series = Array.from({ length: SERIES }, (_, i) => i).filter((i) => i % 3 < each.modulus)
      const selectors = [[new Matcher('=~', 'group', ['g0', 'g1', 'g2'].slice(0, each.modulus).join('|'))]]
      const { sequence } = await engine.delete({ selectors, minTime: each.minTime, maxTime: each.maxTime })
      ledger.delete(series, each.minTime, each.maxTime, sequence)
      undoUntil.push(host.clock.now() + 600_000)
      return engine
    }
    case 'undelete': {
      const deleted = ledger.deletes[each.which]
      if (deleted === undefined || deleted.undone || host.clock.now() >= undoUntil[each.which]!) return engine
      await engine.undelete(deleted.sequence)
      deleted.undone = true
      return engine
    }
    case 'wait':
      host.clock.advance(each.ms)
      return engine
    case 'read':
      await check(engine, ledger, each.minTime, each.maxTime)
      return engine
    case 'begin':
      begun.push(await begin(engine, ledger, each.minTime, each.maxTime))
      return engine
    case 'end':
      for (const one of begun.splice(each.which, 1)) await end(one)
      return engine
    case 'flush':
      await engine.flush()
      return engine
    case 'compact':
      await engine.compact()
      return engine
    case 'snapshot': {
      const path = `snapshots/${host.disk.changes}`
      await engine.snapshot(path)
      const copy = await Engine.open(within(host, path), options)
      await check(copy, ledger, -Infinity, Infinity)
      await copy.close()
      return engine
    }
    case 'verify':
      expect((await engine.verify()).problems).toEqual([])
      return engine
    case 'reopen':
      for (const one of begun.splice(0)) await end(one)
      await engine.close()
      return Engine.open(host, options)
    case 'kill':
      begun.length = 0
      // The process is gone, the machine is not: everything that was written is in the system's hands.
      host.disk.crash('kept')
      return Engine.open(host, options)
  }
}

/** Histograms and floats of one series lie in two columns of a batch; the later column is written later. */
function inColumnOrder(list: readonly Written[]): Written[] {
  const batch = batchOf(list)
  const kinds = batch.samples.map((column) => column.kind)
  const isHistogram = (each: Written): boolean => each.series % 10 === 5 && each.value % 3 !== 0
  const rank = (each: Written): number =>
    isHistogram(each) ? kinds.indexOf('histogram') : each.series % 10 === 5 ? kinds.indexOf('f64') : 0
  // Between series the order does not matter.
  return list.toSorted((a, b) => rank(a) - rank(b))
}

async function check(engine: Engine, ledger: Ledger, minTime: number, maxTime: number): Promise<void> {
  const bounds = [Math.max(minTime, -1e15), Math.min(maxTime, 1e15)] as const
  const visible = ledger.visible(...bounds)
  const problem =
    difference(visible, await shown(engine, [], ...bounds)) ?? difference(newest(visible), newest(await shown(engine, [], ...bounds, true)))
  if (problem !== null) throw new Error(problem)
}

it('shows what the ledger says after any operations', { timeout: 600_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40, size: 'max' }), (steps) => runSteps(steps, OPTIONS)),
    { numRuns: RUNS },
  )
})

it('shows what the ledger says without a log, when it is closed in good order', { timeout: 600_000 }, async () => {
  const withoutKill = step.filter((each) => each.do !== 'kill')
  await fc.assert(
    fc.asyncProperty(fc.array(withoutKill, { maxLength: 30, size: 'max' }), (steps) => runSteps(steps, { ...OPTIONS, sync: 'none' })),
    { numRuns: RUNS / 2 },
  )
})

it('is caught when it forgets a delete (canary)', async () => {
  const host = memoryHost()
  const ledger = new Ledger()
  const engine = await Engine.open(host, OPTIONS)
  await engine.append(batchOf([{ series: 0, time: 1, value: 1 }]))
  ledger.write([{ series: 0, time: 1, value: 1 }])
  ledger.delete([0], 0, 10, 1)
  await expect(check(engine, ledger, 0, 10)).rejects.toThrow('series 0 at 1: expected undefined, found 1')
  await engine.close()
})
