import { crc32c } from '@tsink/codecs'
import { TsinkError } from '@tsink/core'
import { memoryHost, PowerFailure, type Survival } from '@tsink/host/memory'
import { Catalog, EMPTY_CATALOG, type CatalogState, type SegmentInfo } from '@tsink/segment'
import { describe, expect, test } from 'vitest'

function info(id: number): SegmentInfo {
  return {
    id,
    level: id % 3,
    path: `segments/${id}.seg`,
    base: id % 2 === 0 ? 0 : 8_192 * 213_623_046_875_000,
    minTime: -5,
    maxTime: 2 ** 52,
    minSequence: 1,
    maxSequence: 2 ** 53 - 1,
    series: 3,
    chunks: 4,
    samples: 5,
    sizeBytes: 6,
    createdAt: 1_750_000_000_000,
  }
}

function state(generation: number): CatalogState {
  return {
    generation,
    segments: Array.from({ length: generation % 5 }, (_, i) => info(i + 1)),
    nextSegmentId: generation + 1,
    lastSequence: generation * 10,
    logCut: { file: generation, offset: 32 },
    attachments: new Map([
      ['tombstones', new Uint8Array([generation, 2, 3])],
      ['settings', new Uint8Array(0)],
    ]),
  }
}

describe('the catalog', () => {
  test('of a new store is empty', async () => {
    expect((await Catalog.open(memoryHost().disk, '')).state).toEqual(EMPTY_CATALOG)
  })

  test('gives back what was published, to the byte', async () => {
    const { disk } = memoryHost()
    const catalog = await Catalog.open(disk, '')
    for (let generation = 1; generation <= 6; generation++) {
      const published = await catalog.publish(state(generation))
      expect(published).toEqual(state(generation))
      expect(catalog.state).toBe(published)
      expect((await Catalog.open(disk, '')).state).toEqual(state(generation))
    }
  })

  test('lives in any directory', async () => {
    const { disk } = memoryHost()
    await disk.makeDirectory('a/b')
    await (await Catalog.open(disk, 'a/b')).publish(state(1))
    expect((await Catalog.open(disk, 'a/b')).state.generation).toBe(1)
    expect((await disk.list('a/b')).map(({ name }) => name)).toEqual(['catalog', 'catalog.copy'])
  })

  test('is one state or the next after a loss of power at any change, however the disk behaves', async () => {
    for (const survival of ['lost', 'kept', 'torn', 'reordered'] satisfies Survival[]) {
      for (let at = 1; ; at++) {
        const { disk } = memoryHost({ seed: at })
        let catalog = await Catalog.open(disk, '')
        await catalog.publish(state(1))
        disk.failChange(at, 'crash')
        let published = 1
        try {
          await catalog.publish(state(2))
          published = 2
        } catch (error) {
          expect(error).toBeInstanceOf(PowerFailure)
        }
        const isOver = !disk.powerless
        disk.crash(survival)
        catalog = await Catalog.open(disk, '')
        expect([state(published), state(2)]).toContainEqual(catalog.state)
        await catalog.publish(state(catalog.state.generation + 1))
        if (isOver) break
      }
    }
  })

  test('keeps the old state when a write fails, and says why', async () => {
    for (const fault of ['EIO', 'ENOSPC'] as const) {
      for (let at = 1; at <= 5; at++) {
        const { disk } = memoryHost()
        const catalog = await Catalog.open(disk, '')
        await catalog.publish(state(1))
        disk.failChange(at, fault)
        let failure: unknown
        await catalog.publish(state(2)).catch((error: unknown) => (failure = error))
        if (failure === undefined) continue
        expect(failure).toBeInstanceOf(TsinkError)
        expect((failure as TsinkError).kind).toBe('io')
        expect(catalog.state).toEqual(state(1))
        await catalog.publish(state(2))
        expect((await Catalog.open(disk, '')).state).toEqual(state(2))
      }
    }
  })

  test('finds any changed byte and any cut', async () => {
    const { disk } = memoryHost()
    await (await Catalog.open(disk, '')).publish(state(1))
    const whole = disk.peek('catalog')
    const open = async (): Promise<unknown> => {
      try {
        return (await Catalog.open(disk, '')).state
      } catch (error) {
        return error
      }
    }
    // Right checksums over wrong contents as well.
    for (let at = 8; at < whole.length - 4; at++) {
      const hostile = whole.slice()
      hostile[at] = 0xff
      new DataView(hostile.buffer).setUint32(whole.length - 4, crc32c(hostile.subarray(0, whole.length - 4)), true)
      disk.poke('catalog', hostile)
      const found = await open()
      if ('kind' in (found as object)) expect(found, `byte ${at}`).toMatchObject({ kind: 'corrupt', detail: { file: 'catalog' } })
    }
    for (let at = 0; at < whole.length; at++) {
      const damaged = whole.slice()
      damaged[at]! ^= 0x10
      disk.poke('catalog', damaged)
      expect(await open(), `byte ${at}`).toMatchObject({ kind: 'corrupt', detail: { file: 'catalog' } })
      disk.poke('catalog', whole.subarray(0, at))
      expect(await open(), `cut at ${at}`).toMatchObject({ kind: 'corrupt', detail: { file: 'catalog' } })
    }
  })
})
