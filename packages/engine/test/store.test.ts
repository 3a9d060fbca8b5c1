/** The suite that every Store passes, for the engine on each kind of disk. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { BatchBuilder, Labels, Matcher } from '@tsink/core'
import { memoryHost } from '@tsink/host/memory'
import { nodeHost } from '@tsink/host/node'
import { Engine } from '@tsink/engine'
import { selectAll, storeSuite } from '@tsink/testing'

const root = mkdtempSync(join(tmpdir(), 'tsink-engine-'))
let directories = 0
const directory = (): string => join(root, String(++directories))
afterAll(() => rmSync(root, { recursive: true, force: true }))

storeSuite('the engine in memory', () => Engine.open(memoryHost(), { background: false }), { describe, it })
storeSuite('the engine without a log', () => Engine.open(memoryHost(), { background: false, sync: 'none' }), { describe, it })
storeSuite('the engine in a directory', () => Engine.open(nodeHost(directory()), { sync: 'periodic' }), { describe, it })

it('keeps everything in a directory through flush, compaction, snapshot and reopening', async () => {
  const path = directory()
  let engine = await Engine.open(nodeHost(path))
  for (let round = 0; round < 6; round++) {
    const builder = new BatchBuilder()
    for (let i = 0; i < 100; i++) builder.float(builder.slot(Labels.of({ __name__: 'm', i: String(i) })), round * 1_000, i + round)
    expect((await engine.append(builder.build())).durability).toBe('durable')
    if (round % 2 === 0) await engine.flush()
  }
  await engine.compact()
  await engine.snapshot('snapshots/one')
  expect((await engine.verify()).problems).toEqual([])
  await engine.close()
  for (const each of [path, join(path, 'snapshots/one')]) {
    engine = await Engine.open(nodeHost(each))
    const found = await selectAll(engine, { matchers: [Matcher.equal('i', '7')] })
    expect(found['m{i="7"}']).toEqual(Array.from({ length: 6 }, (_, round) => [round * 1_000, 7 + round]))
    await engine.close()
  }
})

it('closes without waiting for a long merge', async () => {
  const path = directory()
  const engine = await Engine.open(nodeHost(path), { background: false, sync: 'none', undoMs: 0 })
  for (let round = 0; round < 4; round++) {
    const builder = new BatchBuilder()
    for (let i = 0; i < 4_000; i++) builder.float(builder.slot(Labels.of({ __name__: 'm', i: String(i) })), round * 1_000, Math.random())
    await engine.append(builder.build())
    await engine.flush()
  }
  const merging = engine.compact().then(
    () => 'done',
    (error: Error) => error.message,
  )
  await new Promise((resolve) => setTimeout(resolve, 5))
  await engine.close()
  expect(['done', 'the store is closing', 'the store is closed']).toContain(await merging)
  const again = await Engine.open(nodeHost(path), { background: false })
  expect((await again.verify()).problems).toEqual([])
  expect(again.stats().segmentSamples + again.stats().head.samples).toBe(16_000)
  await again.close()
})
