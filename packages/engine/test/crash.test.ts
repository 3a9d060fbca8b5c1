/**
 * Loss of power and failing disks at every change that a scripted life of a store makes. After each, the store is opened again and must show
 * exactly what was acknowledged, or that and the one operation that was under way. TSINK_STRIDE sets how many points are left out, none with
 * TSINK_TEST_LONG=1.
 */
import { describe, expect, it } from 'vitest'
import { Matcher, TsinkError } from '@tsink/core'
import { memoryHost, PowerFailure, type ChangeFault, type MemoryHost, type Survival } from '@tsink/host/memory'
import { Engine, type EngineOptions } from '@tsink/engine'
import { batchOf, difference, Ledger, shown, type Written } from './ledger.ts'

const STRIDE = Number(process.env['TSINK_STRIDE'] ?? (process.env['TSINK_TEST_LONG'] === '1' ? 1 : 3))
const OPTIONS: EngineOptions = {
  background: false,
  chunkSamples: 8,
  partitionMs: 1_000,
  undoMs: 1_000,
  logFileBytes: 2_000,
  retentionMs: Infinity,
}
const START_MS = 1_750_000_000_000

/** An operation on a store, and what it does to the ledger when it succeeds. */
interface Operation {
  readonly name: string
  run(world: World): Promise<() => void>
}

interface World {
  readonly host: MemoryHost
  readonly ledger: Ledger
  engine: Engine
}

function samplesOf(from: number, count: number, step: number, value: number): Written[] {
  return Array.from({ length: count }, (_, i) => ({ series: i % 6, time: from + i * step, value: value + i }))
}

const append = (samples: readonly Written[]): Operation => ({
  name: 'append',
  async run({ engine, ledger }) {
    const { durability } = await engine.append(batchOf(samples))
    expect(durability).toBe('durable')
    return () => ledger.write(samples)
  },
})

const remove = (group: number, minTime: number, maxTime: number): Operation => ({
  name: 'delete',
  async run({ engine, ledger }) {
    const { sequence } = await engine.delete({ selectors: [[Matcher.equal('group', `g${group}`)]], minTime, maxTime })
    const series = [0, 1, 2, 3, 4, 5].filter((each) => each % 3 === group)
    return () => ledger.delete(series, minTime, maxTime, sequence)
  },
})

const undelete = (which: number): Operation => ({
  name: 'undelete',
  async run({ engine, ledger }) {
    await engine.undelete(ledger.deletes[which]!.sequence)
    return () => {
      ledger.deletes[which]!.undone = true
    }
  },
})

const nothing = (): void => undefined
const flush: Operation = { name: 'flush', run: ({ engine }) => engine.flush().then(() => nothing) }
const compact: Operation = { name: 'compact', run: ({ engine }) => engine.compact().then(() => nothing) }
const wait: Operation = {
  name: 'wait',
  async run({ host }) {
    host.clock.advance(2_000)
    return nothing
  },
}
const reopen: Operation = {
  name: 'reopen',
  async run(world) {
    await world.engine.close()
    world.engine = await Engine.open(world.host, OPTIONS)
    return nothing
  },
}
const snapshot = (path: string): Operation => ({ name: 'snapshot', run: ({ engine }) => engine.snapshot(path).then(() => nothing) })

const LIFE: readonly Operation[] = [
  append(samplesOf(0, 60, 37, 1)),
  append(samplesOf(1_000, 40, 11, 500)),
  flush,
  append(samplesOf(500, 30, 50, 900)),
  remove(0, 400, 1_300),
  append(samplesOf(700, 24, 31, 1_400)),
  flush,
  remove(1, 0, 600),
  undelete(1),
  snapshot('snapshots/one'),
  append(samplesOf(2_500, 50, 90, 2_000)),
  flush,
  compact,
  wait,
  compact,
  append(samplesOf(100, 12, 400, 3_000)),
  reopen,
  append(samplesOf(6_000, 40, 60, 4_000)),
  flush,
  compact,
  append(samplesOf(0, 10, 1_000, 5_000)),
]

/** Lives until the end or a failure; the answer says what was under way when it came. */
async function live(world: World): Promise<{ readonly pending: (() => void) | null; readonly error: unknown; readonly at: string }> {
  for (const operation of LIFE) {
    const before = world.ledger
    try {
      const done = await operation.run(world)
      done()
    } catch (error) {
      // What the operation would have done is found by doing it to a store that does not fail.
      return { pending: await pendingOf(operation, before), error, at: operation.name }
    }
  }
  return { pending: null, error: null, at: 'the end' }
}

async function pendingOf(operation: Operation, ledger: Ledger): Promise<(() => void) | null> {
  const sequence = ledger.deletes.length === 0 ? 0 : ledger.deletes.at(-1)!.sequence
  const willing = {
    append: () => Promise.resolve({ durability: 'durable' }),
    delete: () => Promise.resolve({ sequence: sequence + 1 }),
    undelete: () => Promise.resolve(),
  } as unknown as Engine
  if (!['append', 'delete', 'undelete'].includes(operation.name)) return null
  return operation.run({ host: memoryHost(), ledger, engine: willing })
}

async function stateProblem(world: World, pending: (() => void) | null): Promise<string | null> {
  const found = await shown(world.engine, [], -1e12, 1e12)
  const before = difference(world.ledger.visible(-1e12, 1e12), found)
  if (before === null || pending === null) return before
  pending()
  const after = difference(world.ledger.visible(-1e12, 1e12), found)
  return after === null ? null : `${before}; or with the operation under way: ${after}`
}

async function countChanges(): Promise<number> {
  const world = await begin(1)
  const { error } = await live(world)
  expect(error).toBeNull()
  const changes = world.host.disk.changes
  expect(await stateProblem(world, null)).toBeNull()
  await world.engine.close()
  return changes
}

async function begin(seed: number): Promise<World> {
  const host = memoryHost({ seed, startMs: START_MS })
  return { host, ledger: new Ledger(), engine: await Engine.open(host, OPTIONS) }
}

describe('a store that loses power', () => {
  for (const survival of ['lost', 'kept', 'torn', 'reordered'] as const satisfies readonly Survival[]) {
    it(`shows what was acknowledged, whatever the moment (unsynced writes ${survival})`, { timeout: 600_000 }, async () => {
      const changes = await countChanges()
      expect(changes).toBeGreaterThan(100)
      for (let at = 1; at <= changes; at += STRIDE) await crashAt(at, survival)
    })
  }

  it('loses power twice in a row', { timeout: 600_000 }, async () => {
    const changes = await countChanges()
    for (let at = 1; at <= changes; at += STRIDE * 5) await crashAt(at, 'torn', 7)
  })
})

async function crashAt(at: number, survival: Survival, again = 0): Promise<void> {
  const where = `seed ${at}, ${survival}, change ${at}`
  let world: World
  try {
    const host = memoryHost({ seed: at, startMs: START_MS })
    const opened = await openUnless(host, at)
    if (opened === null) return await reopened(host, survival, new Ledger(), null, where)
    world = opened
    const { pending, error } = await live(world)
    if (error !== null && !(error instanceof PowerFailure) && !host.disk.powerless) throw error
    if (!host.disk.powerless) return await world.engine.close()
    if (again > 0) {
      host.disk.crash(survival)
      host.disk.failChange(again, 'crash')
      await Engine.open(host, OPTIONS).catch((cause: unknown) => {
        if (!host.disk.powerless) throw cause
      })
    }
    await reopened(host, survival, world.ledger, pending, where)
  } catch (error) {
    throw new Error(`${where}: ${(error as Error).message}`, { cause: error })
  }
}

async function openUnless(host: MemoryHost, at: number): Promise<World | null> {
  host.disk.failChange(at, 'crash')
  try {
    return { host, ledger: new Ledger(), engine: await Engine.open(host, OPTIONS) }
  } catch (error) {
    if (host.disk.powerless) return null
    throw error
  }
}

async function reopened(host: MemoryHost, survival: Survival, ledger: Ledger, pending: (() => void) | null, where: string): Promise<void> {
  host.disk.crash(survival)
  const world: World = { host, ledger, engine: await Engine.open(host, OPTIONS) }
  const problem = await stateProblem(world, pending)
  if (problem !== null) throw new Error(problem)
  const report = await world.engine.verify()
  expect(report.problems, where).toEqual([])
  // It goes on from there.
  const more = samplesOf(9_000, 12, 10, 7_000)
  await world.engine.append(batchOf(more))
  ledger.write(more)
  await world.engine.flush()
  await world.engine.compact()
  const later = difference(ledger.visible(-1e12, 1e12), await shown(world.engine, [], -1e12, 1e12))
  if (later !== null) throw new Error(`after going on: ${later}`)
  await world.engine.close()
}

describe('a store on a failing disk', () => {
  for (const fault of ['EIO', 'ENOSPC'] as const satisfies readonly ChangeFault[]) {
    for (const times of [1, 1_000]) {
      it(`goes on reading and loses nothing (${fault}, ${times} times in a row)`, { timeout: 600_000 }, async () => {
        const changes = await countChanges()
        for (let at = 1; at <= changes; at += STRIDE) await failAt(at, fault, times)
      })
    }
  }
})

async function failAt(at: number, fault: ChangeFault, times: number): Promise<void> {
  const where = `seed ${at}, ${fault} at change ${at}, ${times} times`
  const host = memoryHost({ seed: at, startMs: START_MS })
  host.disk.failChange(at, fault, times)
  const world: World = { host, ledger: new Ledger(), engine: null as unknown as Engine }
  try {
    try {
      world.engine = await Engine.open(host, OPTIONS)
    } catch (error) {
      if (!(error instanceof TsinkError)) throw error
      host.disk.heal()
      world.engine = await Engine.open(host, OPTIONS)
    }
    const { pending, error } = await live(world)
    if (error !== null && !(error instanceof TsinkError)) throw error
    // Reading goes on, healthy disk or not. A reopen may have failed in the middle: then there is nothing to read.
    const open = !['CLOSED'].includes((error as TsinkError | null)?.code ?? '') && world.engine.stats().readOnly !== undefined
    if (open && error !== null) {
      const problem = await stateProblem({ ...world, ledger: copyOf(world.ledger) }, null).catch((cause: unknown) => {
        if (cause instanceof TsinkError && cause.code === 'CLOSED') return null
        throw cause
      })
      // In memory the operation may have happened though its commit failed.
      if (problem !== null && pending === null) throw new Error(`while it fails: ${problem}`)
    }
    host.disk.heal()
    // One fault leaves no files that nobody knows, save where it is not known which catalog a crash would leave.
    if (times === 1 && world.engine.stats().readOnly === null) {
      const files = (await host.disk.list('segments')).map(({ name }) => `segments/${name}`)
      expect(files.sort(), where).toEqual(
        world.engine
          .stats()
          .segments.map(({ path }) => path)
          .sort(),
      )
    }
    await world.engine.close().catch((cause: unknown) => {
      if (!(cause instanceof TsinkError)) throw cause
    })
    await reopened(host, 'kept', world.ledger, pending, where)
  } catch (error) {
    throw new Error(`${where}: ${(error as Error).message}`, { cause: error })
  }
}

function copyOf(ledger: Ledger): Ledger {
  const copy = new Ledger()
  copy.writes.push(...ledger.writes)
  copy.deletes.push(...ledger.deletes)
  return copy
}

it('is caught when it acknowledges what is not durable (canary)', async () => {
  const host = memoryHost({ seed: 3, startMs: START_MS })
  // The mode `os` syncs nothing, and the check below believes that it did.
  const engine = await Engine.open(host, { ...OPTIONS, sync: 'os' })
  const ledger = new Ledger()
  const samples = samplesOf(0, 30, 10, 1)
  await engine.append(batchOf(samples))
  ledger.write(samples)
  host.disk.crash('lost')
  const again = await Engine.open(host, OPTIONS)
  expect(difference(ledger.visible(-1e12, 1e12), await shown(again, [], -1e12, 1e12))).toMatch(/expected .* found undefined/)
  await again.close()
})
