import { describe, expect, test } from 'vitest'
import { histogram, open, SampleBuffer, TsinkError, type Row } from 'tsink'

const T = 1_750_000_000_000

describe('rows', () => {
  test('come back by selector and half-open range, as points and as columns', async () => {
    await using db = await open()
    const rows: Row[] = Array.from({ length: 10 }, (_, i) => ({
      metric: 'cpu',
      labels: { host: i % 2 === 0 ? 'a' : 'b' },
      timestamp: T + i,
      value: i / 2,
    }))
    expect(await db.insertRows(rows)).toEqual({ accepted: 10, rejected: 0, rejections: [], durability: 'volatile' })
    const [a, b] = await db.select('cpu', { start: T + 2, end: T + 6 })
    expect(a!.labels.toString()).toBe('cpu{host="a"}')
    expect(a!.points).toEqual([
      { timestamp: T + 2, value: 1 },
      { timestamp: T + 4, value: 2 },
    ])
    expect(b!.points.map((point) => point.timestamp)).toEqual([T + 3, T + 5])
    const [columns] = await db.selectColumns({ metric: 'cpu', labels: { host: 'b' } })
    expect(columns!.timestamps).toEqual(Float64Array.of(T + 1, T + 3, T + 5, T + 7, T + 9))
    expect(columns!.values).toEqual(Float64Array.of(0.5, 1.5, 2.5, 3.5, 4.5))
  })

  test('may come in any order; of two at one time the later written wins', async () => {
    await using db = await open()
    await db.insertRows([5, 1, 3, 1].map((i, n) => ({ metric: 'm', timestamp: T + i, value: n })))
    await db.insertRows([{ metric: 'm', timestamp: T + 5, value: 9 }])
    expect((await db.select('m'))[0]!.points).toEqual([
      { timestamp: T + 1, value: 3 },
      { timestamp: T + 3, value: 2 },
      { timestamp: T + 5, value: 9 },
    ])
  })

  test('hold every kind of value', async () => {
    await using db = await open()
    const h = histogram({ count: 3, sum: 6, zeroCount: 3, zeroThreshold: 0.1 })
    const values = { f: 1.5, i: -(2n ** 62n), b: true, s: 'zwölf', y: Uint8Array.of(1, 2, 255), h }
    await db.insertRows(Object.entries(values).map(([metric, value]) => ({ metric, timestamp: T, value })))
    await db.insertRows([{ metric: 'u', timestamp: T, value: 2n ** 64n - 1n, kind: 'u64' }])
    for (const [metric, value] of Object.entries({ ...values, u: 2n ** 64n - 1n })) {
      const [series] = await db.select(metric)
      if (metric === 'h') expect(series!.points[0]!.value).toMatchObject({ count: 3, sum: 6 })
      else expect(series!.points).toEqual([{ timestamp: T, value }])
    }
    expect((await db.selectColumns('u'))[0]!.kind).toBe('u64')
  })

  test('that are wrong are rejected one by one, with their place and the reason', async () => {
    await using db = await open()
    const good = { metric: 'm', timestamp: T, value: 1 }
    const rows = [
      good,
      { ...good, metric: '' },
      { ...good, timestamp: 1.5 },
      { ...good, value: undefined },
      { ...good, labels: { a: 5 } },
      { ...good, labels: { __name__: 'other' } },
      { ...good, value: 2n ** 63n, labels: { big: 'x' } },
      { ...good, timestamp: `${T}` },
      { ...good, labels: { ['n'.repeat(300)]: 'x' } },
      { ...good, timestamp: T + 1 },
    ] as unknown as Row[]
    const result = await db.insertRows(rows)
    expect([result.accepted, result.rejected]).toEqual([2, 8])
    expect(result.rejections.map(({ index, reason }) => [index, reason])).toEqual([
      [1, 'bad_label'],
      [2, 'bad_timestamp'],
      [3, 'bad_value'],
      [4, 'bad_label'],
      [5, 'bad_label'],
      [6, 'bad_value'],
      [7, 'bad_timestamp'],
      [8, 'bad_label'],
    ])
    for (const { message } of result.rejections) expect(message.length).toBeGreaterThan(15)
    expect((await db.select('m'))[0]!.points.length).toBe(2)
    const other = await db.insertRows([{ metric: 'm', timestamp: T + 2, value: 'text' }])
    expect(other.rejections).toMatchObject([{ index: 0, reason: 'kind_mismatch' }])
  })

  test('of labels that change between calls are told apart, even when the object is the same', async () => {
    await using db = await open()
    const labels: Record<string, string> = { host: 'a' }
    await db.insertRows([{ metric: 'm', labels, timestamp: T, value: 1 }])
    labels['host'] = 'b'
    await db.insertRows([{ metric: 'm', labels, timestamp: T, value: 2 }])
    expect(await db.labelValues('host')).toEqual(['a', 'b'])
  })

  test('with the same labels in another order, or with empty ones, are one series', async () => {
    await using db = await open()
    await db.insertRows([
      { metric: 'm', labels: { a: '1', b: '2' }, timestamp: T, value: 1 },
      { metric: 'm', labels: { b: '2', a: '1' }, timestamp: T + 1, value: 2 },
      { metric: 'm', labels: { a: '1', c: '', b: '2' }, timestamp: T + 2, value: 3 },
    ])
    expect((await db.select('m')).map((series) => series.points.length)).toEqual([3])
  })
})

describe('columns', () => {
  test('of several series and kinds go in together', async () => {
    await using db = await open()
    const timestamps = Float64Array.of(T, T + 1)
    const result = await db.insertColumns([
      { metric: 'f', timestamps, values: Float64Array.of(1, 2) },
      { metric: 'i', kind: 'i64', timestamps, values: BigInt64Array.of(-1n, 2n) },
      { metric: 'u', kind: 'u64', timestamps, values: [1n, 2n ** 63n] },
      { metric: 'b', kind: 'bool', timestamps: [T, T + 1], values: [true, false] },
      { metric: 's', kind: 'string', timestamps, values: ['x', 'y'] },
    ])
    expect(result.accepted).toBe(10)
    const found = await db.selectColumns({ matchers: [] })
    expect(found.map(({ kind, values }) => [kind, Array.from(values as ArrayLike<unknown>)])).toEqual([
      ['bool', [true, false]],
      ['f64', [1, 2]],
      ['i64', [-1n, 2n]],
      ['string', ['x', 'y']],
      ['u64', [1n, 2n ** 63n]],
    ])
  })

  test('of different lengths, of no kind or with wrong values are refused, and nothing is written', async () => {
    await using db = await open()
    const good = { metric: 'good', timestamps: [T], values: [1] }
    await expect(db.insertColumns([good, { metric: 'm', timestamps: [T], values: [1, 2] }])).rejects.toThrow(
      'column 1 has 1 timestamps but 2 values',
    )
    await expect(db.insertColumns([good, { metric: 'm', kind: 'f32', timestamps: [T], values: [1] } as never])).rejects.toThrow('f32')
    await expect(db.insertColumns([good, { metric: 'm', kind: 'i64', timestamps: [T], values: [2n ** 64n] }])).rejects.toThrow(
      'does not fit',
    )
    expect(await db.metrics()).toEqual([])
  })

  test('of one series may have any length, one after the other', async () => {
    await using db = await open()
    const lengths = [3, 1, 5, 2]
    let time = T
    for (const length of lengths) {
      const timestamps = Float64Array.from({ length }, () => time++)
      expect((await db.insertColumns({ metric: 'm', timestamps, values: timestamps })).accepted).toBe(length)
    }
    expect((await db.selectColumns('m'))[0]!.timestamps).toEqual(Float64Array.from({ length: 11 }, (_, i) => T + i))
  })

  test('report rejected samples by column and index', async () => {
    await using db = await open()
    const result = await db.insertColumns([
      { metric: 'a', timestamps: [T, T + 1], values: [1, 2] },
      { metric: 'b', timestamps: [T, 0.5], values: [1, 2] },
    ])
    expect(result).toMatchObject({ accepted: 3, rejected: 1, rejections: [{ column: 1, index: 1, reason: 'bad_timestamp' }] })
  })
})

describe('series handles', () => {
  test('write sample by sample; reads see them at once, flush tells what became of them', async () => {
    await using db = await open()
    const a = db.series('m', { host: 'a' })
    const b = db.series('m', { host: 'b' })
    for (let i = 0; i < 10_000; i++) {
      a.append(T + i, i)
      if (i % 10 === 0) b.append(T + i, -i)
    }
    expect(db.sync.selectColumns('m').map((series) => series.timestamps.length)).toEqual([10_000, 1_000])
    expect(await db.flush()).toEqual({ accepted: 11_000, rejected: 0, messages: [], durability: 'volatile' })
    expect(await db.flush()).toMatchObject({ accepted: 0 })
    expect(db.series('m', { host: 'a' })).toBe(a)
  })

  test('reach the store at the end of the turn, without a flush', async () => {
    await using db = await open()
    db.series('m').append(T, 1)
    await Promise.resolve()
    const { value } = await db.query('m', { time: T })
    expect(value).toMatchObject({ type: 'vector', samples: [{ value: 1 }] })
  })

  test('hold other kinds', async () => {
    await using db = await open()
    db.series('s', {}, 'string').append(T, 'x')
    db.series('i', {}, 'i64').append(T, 5n)
    db.series('b', {}, 'bool').append(T, true)
    expect((await db.select({})).map((series) => series.points[0]!.value)).toEqual([true, 5n, 'x'])
  })

  test('tell about rejections in flush', async () => {
    await using db = await open()
    const m = db.series('m')
    m.append(T, 1)
    m.append(T + 0.5, 1)
    const result = await db.flush()
    expect(result).toMatchObject({ accepted: 1, rejected: 1 })
    expect(result.messages[0]).toContain('timestamp')
  })

  test('keep order with other writes', async () => {
    await using db = await open()
    db.series('m').append(T, 1)
    await db.insertRows([{ metric: 'm', timestamp: T, value: 2 }])
    db.series('m').append(T, 3)
    db.sync.insertRows([{ metric: 'm', timestamp: T, value: 4 }])
    expect((await db.select('m'))[0]!.points).toEqual([{ timestamp: T, value: 4 }])
  })
})

describe('the synchronous core', () => {
  test('writes and reads without a promise', async () => {
    await using db = await open()
    expect(db.sync.insertRows([{ metric: 'm', labels: { a: 'x' }, timestamp: T, value: 1 }]).accepted).toBe(1)
    expect(db.sync.insertColumns({ metric: 'm', labels: { a: 'y' }, timestamps: [T], values: [2] }).accepted).toBe(1)
    expect(db.sync.select({ metric: 'm', labels: { a: 'y' } })[0]!.points).toEqual([{ timestamp: T, value: 2 }])
    expect(() => db.sync.select('m{a="x"}')).toThrow(/asynchronous/)
  })
})

describe('listings', () => {
  test('of names, values, metrics and series, whole and selected', async () => {
    await using db = await open()
    await db.insertRows(
      ['a', 'b', 'c'].flatMap((host) => [
        { metric: 'cpu', labels: { host, env: 'prod' }, timestamp: T, value: 1 },
        { metric: 'mem', labels: { host }, timestamp: T, value: 1 },
      ]),
    )
    expect(await db.metrics()).toEqual(['cpu', 'mem'])
    expect(await db.labels()).toEqual(['__name__', 'env', 'host'])
    expect(await db.labels('mem')).toEqual(['__name__', 'host'])
    expect(await db.labelValues('host', '{env="prod",host!="b"}')).toEqual(['a', 'c'])
    expect((await db.listSeries('{host="a"}')).map(String)).toEqual(['cpu{env="prod", host="a"}', 'mem{host="a"}'])
    expect(await db.labelValues('host', undefined, { limit: 2 })).toEqual(['a', 'b'])
  })
})

describe('scan', () => {
  test('gives all rows page by page, whatever the page size', async () => {
    await using db = await open()
    const rows = Array.from({ length: 30 }, (_, i) => ({ metric: 'm', labels: { s: `${i % 3}` }, timestamp: T + i, value: i }))
    await db.insertRows(rows)
    await db.insertRows([{ metric: 'other', timestamp: T, value: 0 }])
    const want = rows.toSorted((a, b) => a.labels.s.localeCompare(b.labels.s) || a.timestamp - b.timestamp)
    for (const maxRows of [1, 7, 10, 30, 100]) {
      const found: Row[] = []
      let cursor: string | undefined
      do {
        const page = await db.scan('m{s=~".+"}', { maxRows, cursor })
        expect(page.rows.length).toBeLessThanOrEqual(maxRows)
        found.push(...page.rows)
        cursor = page.cursor
      } while (cursor !== undefined)
      expect(found).toEqual(want)
    }
    await expect(db.scan('m', { cursor: 'nonsense' })).rejects.toThrow(/cursor/)
  })
})

describe('deletes', () => {
  test('say what they would delete, delete, let later writes be seen, and can be taken back', async () => {
    await using db = await open()
    await db.insertColumns({ metric: 'm', timestamps: [T, T + 1, T + 2], values: [0, 1, 2] })
    expect(await db.delete('m', { start: T, end: T + 2, dryRun: true })).toMatchObject({ series: 1, samples: 2, sequence: 0 })
    const times = async (): Promise<number[]> =>
      (await db.select('m')).flatMap((series) => series.points.map((point) => point.timestamp - T))
    expect(await times()).toEqual([0, 1, 2])
    const deletion = await db.delete('m', { start: T, end: T + 2 })
    expect(deletion).toMatchObject({ series: 1, samples: 2 })
    expect(await times()).toEqual([2])
    await db.insertRows([{ metric: 'm', timestamp: T, value: 9 }])
    expect(await times()).toEqual([0, 2])
    await db.undelete(deletion)
    expect((await db.select('m'))[0]!.points.map((point) => point.value)).toEqual([9, 1, 2])
    await expect(db.delete({})).rejects.toThrow(/condition/)
  })
})

describe('misuse', () => {
  test('is a clear error', async () => {
    await expect(open({ precison: 'ms' } as never)).rejects.toThrow('there is no option "precison"')
    await expect(open({ retention: 'soon' })).rejects.toThrow(/retention is "soon"/)
    await expect(open({ precision: 'min' } as never)).rejects.toThrow(TsinkError)
    const db = await open()
    await expect(db.select('m', { start: 5, end: 5 })).rejects.toThrow(/empty/)
    await expect(db.select('m', { start: 0.5 })).rejects.toThrow(/whole number/)
    await expect(db.select('m{', {})).rejects.toMatchObject({ code: 'BAD_QUERY' })
    await expect(db.select('m', { step: 10 })).rejects.toThrow(/aggregate/)
    await expect(db.select('m', { aggregate: 'mean' as never })).rejects.toThrow(/must be one of/)
    expect(() => db.series('')).toThrow(/metric/)
    await db.close()
    await db.close()
    await expect(db.insertRows([{ metric: 'm', timestamp: T, value: 1 }])).rejects.toMatchObject({ code: 'CLOSED' })
    await expect(db.select('m')).rejects.toMatchObject({ code: 'CLOSED' })
  })
})

describe('selectInto', () => {
  test('reads series after series into one buffer', async () => {
    await using db = await open()
    for (const host of ['a', 'b', 'c']) {
      await db.insertColumns({
        metric: 'm',
        labels: { host },
        timestamps: [T, T + 1, T + 2],
        values: [1, 2, 3].map((i) => i * host.charCodeAt(0)),
      })
    }
    const buffer = new SampleBuffer()
    const found: [string, number, number[]][] = []
    const count = db.sync.selectInto('m', { start: T + 1, end: T + 3 }, buffer, (labels, samples) => {
      expect(samples).toBe(buffer)
      found.push([labels.get('host'), samples.base + samples.timestamps[0]!, Array.from(samples.values.subarray(0, samples.count))])
    })
    expect(count).toBe(3)
    expect(found.toSorted(([a], [b]) => a.localeCompare(b))).toEqual([
      ['a', T + 1, [194, 291]],
      ['b', T + 1, [196, 294]],
      ['c', T + 1, [198, 297]],
    ])
    expect(db.sync.selectInto('m', { start: T + 9 }, buffer, () => expect.fail('there is nothing'))).toBe(0)
  })
})

describe('when memory is short', () => {
  test('handles say so, flush waits for room, and nothing is lost or doubled', async () => {
    await using db = await open({ memoryLimit: '3MiB' })
    const handles = Array.from({ length: 50 }, (_, i) => db.series('m', { s: `${i}` }))
    let refused = 0
    let state = 1
    for (let t = 0; t < 8_000; t++) {
      for (const handle of handles) {
        state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
        const value = state / 7
        try {
          handle.append(T + t, value)
        } catch (error) {
          expect(error).toMatchObject({ kind: 'limited' })
          refused++
          await db.flush()
          handle.append(T + t, value)
        }
      }
    }
    await db.flush()
    const counts = await db.select('m', { aggregate: 'count' })
    expect(counts.length).toBe(50)
    for (const { points } of counts) expect(points[0]!.value).toBe(8_000)
    expect(db.stats().memory.usedBytes).toBeLessThan(6 * 2 ** 20)
    // A synchronous loop leaves no time for flushes: the limit must have been met.
    expect(refused).toBeGreaterThan(0)
  }, 60_000)

  test('inserts that are promises wait by themselves', async () => {
    await using db = await open({ memoryLimit: '3MiB' })
    let state = 1
    for (let round = 0; round < 60; round++) {
      const timestamps = Float64Array.from({ length: 5_000 }, (_, i) => T + round * 5_000 + i)
      const values = timestamps.map(() => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) / 7)
      expect((await db.insertColumns({ metric: 'm', timestamps, values })).accepted).toBe(5_000)
    }
    expect((await db.select('m', { aggregate: 'count' }))[0]!.points[0]!.value).toBe(300_000)
  }, 60_000)
})
