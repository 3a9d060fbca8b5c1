import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Engine } from '@tsink/engine'
import { volatileHost } from '@tsink/host/memory'
import { runScript, ScriptError, type ScriptReport } from '@tsink/promqltest'
import { corpus, ModelStore } from '@tsink/testing'
import { describe, expect, it } from 'vitest'

const run = (text: string): Promise<ScriptReport> => runScript(text, { createStore: () => new ModelStore() })

const inMemory = (): Promise<Engine> => Engine.open(volatileHost(), { sync: 'none', background: false })

/** An engine that writes what it takes into segments at once. */
async function flushing(): Promise<Engine> {
  const engine = await inMemory()
  const append = engine.append.bind(engine)
  engine.append = async (batch) => {
    const result = await append(batch)
    await engine.flush()
    return result
  }
  return engine
}

async function holdsOverEngine(file: string): Promise<void> {
  const text = readFileSync(file, 'utf8')
  const inHead = await runScript(text, { createStore: inMemory })
  const inSegments = await runScript(text, { createStore: flushing })
  expect([inHead.failures, inSegments.failures]).toEqual([[], []])
}

function filesOf(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.test'))
    .map((name) => join(folder, name))
}

describe('the own scripts', () => {
  it.each(filesOf(join(import.meta.dirname, 'scripts')))('%s holds', async (file) => {
    const { passed, failures } = await run(readFileSync(file, 'utf8'))
    expect(failures).toEqual([])
    expect(passed).toBeGreaterThan(30)
  })

  it.each(filesOf(join(import.meta.dirname, 'scripts')))('%s holds over the engine', (file) => holdsOverEngine(file))
})

for (const name of ['promqltest', 'promqltest-thanos']) {
  const { path, skip } = corpus(name)
  describe.skipIf(path === null)(skip ?? `the scripts of ${name}`, () => {
    it.each(path === null ? [] : filesOf(path))(
      '%s holds',
      async (file) => expect((await run(readFileSync(file, 'utf8'))).failures).toEqual([]),
      120_000,
    )

    it.each(path === null ? [] : filesOf(path))(
      '%s holds over the engine, in its head and in its segments',
      (file) => holdsOverEngine(file),
      120_000,
    )
  })
}

describe('the runner', () => {
  it('fails what is wrong: values, labels, missing and unexpected series, hints, annotations, order, failures', async () => {
    const load = 'load 1m\n  m{a="1"} 1 2\n  m{a="2"} 3 4\n  h {{count:1 sum:1 buckets:[1]}}\n\n'
    const wrong = [
      'eval instant at 1m m{a="1"}\n  m{a="1"} 3',
      'eval instant at 1m m{a="1"}\n  m{a="2"} 2',
      'eval instant at 1m m\n  m{a="1"} 2',
      'eval instant at 1m nothing\n  m{a="1"} 2',
      'eval instant at 1m m{a="1"}\n  expect fail',
      'eval instant at 1m m{a="1"} + on () m',
      'eval instant at 1m rate(m[1m30s])\n  expect no_info\n  {a="1"} 0.011111111111111112\n  {a="2"} 0.011111111111111112',
      'eval instant at 1m sum(m)\n  expect warn\n  {} 6',
      'eval instant at 1m sort(m)\n  expect ordered\n  m{a="2"} 4\n  m{a="1"} 2',
      'eval range from 0 to 1m step 1m m{a="1"}\n  m{a="1"} 1',
      'eval instant at 0 h\n  h {{count:1 sum:1 buckets:[2]}}',
      'eval instant at 0 h\n  h 1',
      'eval instant at 0 1\n  2',
    ]
    for (const text of wrong) expect(await run(load + text), text).toMatchObject({ passed: 0, failed: 1 })
  })

  it('refuses a script that is wrong itself, with the line', async () => {
    const check = async (text: string, line: number): Promise<void> => {
      await expect(run(text)).rejects.toThrow(ScriptError)
      await expect(run(text)).rejects.toMatchObject({ line })
    }
    await check('lod 1m', 1)
    await check('\nload 1x\n  m 1', 2)
    await check('load 1m\n  m{ 1', 2)
    await check('eval instant at 1m m{', 1)
    await check('eval instant at 0 m\n  expect nonsense', 2)
    await check('eval range from 1m to 0 step 1m m', 1)
  })
})
