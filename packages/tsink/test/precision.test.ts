import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { open } from 'tsink'

const NOW = 1_750_000_000_000_000_123n
const DAY = 86_400_000_000_000n

describe('nanoseconds', () => {
  test('come back exactly as bigints, whatever their distance', async () => {
    const time = fc.oneof(
      fc.bigInt({ min: NOW - 1_000n, max: NOW + 1_000n }),
      fc.bigInt({ min: NOW - 40n * DAY, max: NOW + 40n * DAY }),
      fc.bigInt({ min: 0n, max: 9_000_000_000_000_000_000n }),
      fc.bigInt({ min: -9_000_000_000_000_000_000n, max: 0n }),
    )
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(time, { maxLength: 40 }), fc.integer({ min: 0, max: 3 }), async (times, way) => {
        await using db = await open({ precision: 'ns' })
        const values = times.map((_, i) => i)
        if (way === 0) await db.insertRows(times.map((timestamp, value) => ({ metric: 'm', timestamp, value })))
        else if (way === 1) await db.insertColumns({ metric: 'm', timestamps: times, values })
        else if (way === 2)
          await db.insertColumns({ metric: 'm', timestamps: BigInt64Array.from(times), values: Float64Array.from(values) })
        else {
          const handle = db.series('m')
          for (const [i, at] of times.entries()) handle.append(at, i)
          expect((await db.flush()).rejected).toBe(0)
        }
        const want = times.map((at, i) => ({ timestamp: at, value: i })).toSorted((a, b) => (a.timestamp < b.timestamp ? -1 : 1))
        const [found] = await db.select('m')
        expect(found?.points ?? []).toEqual(want)
        const [columns] = await db.selectColumns('m')
        if (columns !== undefined) expect(columns.timestamps).toBeInstanceOf(BigInt64Array)
      }),
      { numRuns: 60 },
    )
  })

  test('are selected by half-open ranges to the nanosecond', async () => {
    await using db = await open({ precision: 'ns' })
    await db.insertRows([0n, 1n, 2n, 3n].map((i) => ({ metric: 'm', timestamp: NOW + i, value: Number(i) })))
    const [series] = await db.select('m', { start: NOW + 1n, end: NOW + 3n })
    expect(series!.points.map((point) => point.value)).toEqual([1, 2])
    await expect(db.select('m', { start: Number(NOW) as never })).rejects.toThrow(/bigint/)
    const result = await db.insertRows([{ metric: 'm', timestamp: 5 as never, value: 1 }])
    expect(result.rejections[0]!.reason).toBe('bad_timestamp')
  })

  test('are aggregated in buckets from the start', async () => {
    await using db = await open({ precision: 'ns' })
    await db.insertRows([0n, 5n, 10n, 200n * DAY].map((i) => ({ metric: 'm', timestamp: NOW + i, value: Number(i % 100n) })))
    const [series] = await db.select('m', { start: NOW, step: 10, aggregate: 'sum' })
    expect(series!.points).toEqual([
      { timestamp: NOW, value: 5 },
      { timestamp: NOW + 10n, value: 10 },
      { timestamp: NOW + 200n * DAY, value: 0 },
    ])
  })

  test('answer PromQL, whose times are milliseconds', async () => {
    await using db = await open({ precision: 'ns' })
    await db.insertRows([{ metric: 'm', timestamp: NOW, value: 7 }])
    const { value } = await db.query('m * 6', { time: new Date(Number(NOW / 1_000_000n) + 1) })
    expect(value).toMatchObject({ type: 'vector', samples: [{ value: 42 }] })
  })
})

describe('seconds and microseconds', () => {
  test('are kept in their unit, and PromQL reads them as milliseconds', async () => {
    for (const [precision, per] of [
      ['s', 1],
      ['ms', 1_000],
      ['us', 1_000_000],
    ] as const) {
      await using db = await open({ precision })
      const start = 1_750_000_000 * per
      await db.insertColumns({ metric: 'm', timestamps: [0, 10, 20, 30].map((i) => start + i * per), values: [0, 10, 20, 30] })
      expect((await db.select('m', { start: start + 10 * per, end: start + 30 * per }))[0]!.points.map((point) => point.value)).toEqual([
        10, 20,
      ])
      const { value } = await db.queryRange('rate(m[20s])', { start: 1_750_000_020_000, end: 1_750_000_030_000, step: '10s' })
      expect(value).toMatchObject({ type: 'matrix', series: [{ values: Float64Array.of(1, 1) }] })
    }
  })
})
