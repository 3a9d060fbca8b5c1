/** Series that come back with another kind of value. */
import { describe, expect, it } from 'vitest'
import { BatchBuilder, Labels, Matcher, SampleBuffer, type AppendResult } from '@tsink/core'
import { memoryHost } from '@tsink/host/memory'
import { Engine, type EngineOptions } from '@tsink/engine'

const OPTIONS: EngineOptions = { background: false, chunkSamples: 8, undoMs: 0 }
const MATCHERS = [Matcher.metric('m')]

function write(engine: Engine, kind: 'f64' | 'i64', times: readonly number[]): Promise<AppendResult> {
  const builder = new BatchBuilder()
  const slot = builder.slot(Labels.of({ __name__: 'm' }))
  for (const time of times) {
    if (kind === 'f64') builder.float(slot, time, time / 10)
    else builder.add('i64', slot, time, BigInt(time))
  }
  return engine.append(builder.build())
}

async function read(engine: Engine, minTime = 0, maxTime = 1_000_000): Promise<readonly [kind: string, times: number[]] | null> {
  const buffer = new SampleBuffer()
  for await (const [series] of engine.select({ matchers: MATCHERS, minTime, maxTime })) {
    series!.read(buffer)
    return [series!.kind, [...buffer.timestamps.subarray(0, buffer.count)]]
  }
  return null
}

describe('a series that comes back with another kind of value', () => {
  it('is refused while it has samples in memory', async () => {
    const engine = await Engine.open(memoryHost(), OPTIONS)
    await write(engine, 'f64', [1, 2])
    expect((await write(engine, 'i64', [3])).rejections.map(({ reason }) => reason)).toEqual(['kind_mismatch'])
    await engine.close()
  })

  it('is a series like any other when nothing of it is left', async () => {
    const engine = await Engine.open(memoryHost(), OPTIONS)
    await write(engine, 'f64', [1, 2, 3])
    await engine.flush()
    await engine.delete({ selectors: [MATCHERS] })
    await engine.compact()
    expect(engine.stats()).toMatchObject({ series: 0, segments: [] })
    expect((await write(engine, 'i64', [2, 3, 4])).rejections).toEqual([])
    expect(await read(engine)).toEqual(['i64', [2, 3, 4]])
    await engine.flush()
    expect(await read(engine)).toEqual(['i64', [2, 3, 4]])
    await engine.close()
  })

  it('shows the kind of the newest sample in a range, and keeps both through merges and reopening', async () => {
    const host = memoryHost()
    let engine = await Engine.open(host, OPTIONS)
    const old = Array.from({ length: 30 }, (_, i) => i * 10)
    const later = Array.from({ length: 30 }, (_, i) => 200 + i * 10)
    await write(engine, 'f64', old)
    await engine.flush()
    expect((await write(engine, 'i64', later)).rejections).toEqual([])
    const check = async (): Promise<void> => {
      expect(await read(engine)).toEqual(['i64', later])
      expect(await read(engine, 0, 199)).toEqual(['f64', old.filter((time) => time < 200)])
      expect(await read(engine, 250, 10_000)).toEqual(['i64', later.filter((time) => time >= 250)])
    }
    await check()
    await engine.flush()
    await check()
    for (let i = 0; i < 4; i++) {
      await write(engine, 'i64', [500 + i])
      later.push(500 + i)
      await engine.flush()
    }
    await engine.compact()
    expect(engine.stats().segments).toHaveLength(1)
    await check()
    expect((await engine.verify()).problems).toEqual([])
    await engine.close()
    engine = await Engine.open(host, OPTIONS)
    await check()
    expect(engine.stats().segmentSamples).toBe(old.length + later.length)
    await engine.close()
  })
})
