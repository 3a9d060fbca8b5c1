import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { memoryHost } from '@tsink/host/memory'
import { open, repair, type Row } from 'tsink'

const T = 1_750_000_000_000
let dir = ''
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'tsink-test-'))
})
afterEach(() => {
  rmSync(dir, { recursive: true, force: true })
})

function rows(from: number, to: number): Row[] {
  return Array.from({ length: to - from }, (_, i) => ({ metric: 'm', labels: { s: `${i % 3}` }, timestamp: T + from + i, value: from + i }))
}

describe('a database on a disk', () => {
  test('keeps what was written, by every way, over closing and opening', async () => {
    {
      await using db = await open(dir)
      expect((await db.insertRows(rows(0, 100))).durability).toBe('durable')
      await db.insertColumns({ metric: 'c', timestamps: [T], values: [1] })
      db.series('h').append(T, 2)
    }
    await using db = await open(dir)
    expect((await db.select('m')).reduce((sum, series) => sum + series.points.length, 0)).toBe(100)
    expect((await db.query('c + ignoring(x) h', { time: T })).value).toMatchObject({ samples: [{ value: 3 }] })
  })

  test('has its catalog again after a repair', async () => {
    await using first = await open(dir)
    await first.insertRows(rows(0, 100))
    await first.close()
    expect((await repair(dir)).catalog).toBe('whole')
    writeFileSync(join(dir, 'catalog'), 'nonsense')
    await expect(open(dir)).rejects.toMatchObject({ kind: 'corrupt' })
    expect(await repair(dir)).toMatchObject({ catalog: 'copied', samples: 100, deletesLost: false })
    await using db = await open(dir)
    expect((await db.select('m')).reduce((sum, series) => sum + series.points.length, 0)).toBe(100)
  })

  test('says how safe a write is: as the option sync promises', async () => {
    for (const [sync, durability] of [
      ['every', 'durable'],
      ['periodic', 'appended'],
      ['os', 'appended'],
      ['none', 'volatile'],
    ] as const) {
      await using db = await open({ path: join(dir, sync), sync })
      expect((await db.insertRows(rows(0, 1))).durability).toBe(durability)
    }
  })

  test('belongs to one opener at a time', async () => {
    await using _ = await open(dir)
    await expect(open(dir)).rejects.toMatchObject({ code: 'LOCKED' })
  })

  test('keeps the precision that it was made with', async () => {
    await (await open({ path: dir, precision: 's' })).close()
    await expect(open({ path: dir, precision: 'ns' })).rejects.toMatchObject({ code: 'BAD_CONFIG' })
  })

  test('makes snapshots that are databases', async () => {
    await using db = await open(dir)
    await db.insertRows(rows(0, 50))
    const { samples } = await db.snapshot('monday')
    expect(samples).toBe(50)
    await db.insertRows(rows(50, 60))
    await expect(db.snapshot('monday')).rejects.toMatchObject({ code: 'BAD_REQUEST' })
    await expect(db.snapshot('../up')).rejects.toMatchObject({ code: 'BAD_REQUEST' })
    await using copy = await open(join(dir, 'snapshots', 'monday'))
    expect((await copy.select('m', { aggregate: 'count' })).reduce((sum, series) => sum + (series.points[0]!.value as number), 0)).toBe(50)
  })

  test('verifies, checkpoints, compacts and counts', async () => {
    await using db = await open(dir)
    await db.insertRows(rows(0, 1_000))
    await db.checkpoint()
    await db.compact()
    expect(await db.verify()).toMatchObject({ samples: 1_000, problems: [] })
    const stats = db.stats()
    expect(stats.segmentSamples).toBe(1_000)
    expect(stats.counters.appendedSamples).toBe(1_000)
  })
})

describe('retention', () => {
  test('lets samples go by age, with exceptions by selector, and says before what would go', async () => {
    const host = memoryHost({ startMs: T })
    const day = 86_400_000
    await using db = await open({ host, retention: '30d', keep: [{ selector: '{env="dev"}', retention: '7d' }], background: false })
    await db.insertRows(
      ['dev', 'prod'].flatMap((env) =>
        [0, 10, 20].map((days) => ({ metric: 'm', labels: { env }, timestamp: T - days * day, value: days })),
      ),
    )
    const old = await db.insertRows([{ metric: 'm', labels: { env: 'prod' }, timestamp: T - 31 * day, value: 0 }])
    expect(old.rejections).toMatchObject([{ reason: 'too_old' }])
    await db.checkpoint()
    expect((await db.previewRetention()).length).toBeGreaterThan(0)
    await db.retain()
    const left = await db.select('m')
    expect(left.map(({ labels, points }) => [labels.get('env'), points.map((point) => point.value)])).toEqual([
      ['dev', [0]],
      ['prod', [20, 10, 0]],
    ])
    expect(await db.previewRetention()).toEqual([])
  })
})

describe('the synchronous reads', () => {
  test('see what is in memory and in files alike, also in files that have just been made', async () => {
    await using db = await open(dir)
    for (let round = 0; round < 4; round++) {
      await db.insertRows(rows(round * 100, round * 100 + 100))
      await db.checkpoint()
      expect(db.sync.selectColumns('m').reduce((sum, series) => sum + series.timestamps.length, 0)).toBe(round * 100 + 100)
    }
    await db.compact()
    expect(db.sync.selectColumns('m').reduce((sum, series) => sum + series.timestamps.length, 0)).toBe(400)
  })
})
