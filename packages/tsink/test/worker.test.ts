import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { expect, test } from 'vitest'
import { codecAggregate, Labels, Matcher, open } from 'tsink'

const T = 1_750_000_000_000

test('a database in a thread of its own writes, reads, queries and keeps as one in this thread', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'tsink-worker-'))
  try {
    {
      await using db = await open({ path: dir, worker: true })
      const rows = Array.from({ length: 100 }, (_, i) => ({ metric: 'm', labels: { s: `${i % 2}` }, timestamp: T + i, value: i }))
      expect(await db.insertRows(rows)).toMatchObject({ accepted: 100, rejected: 0, durability: 'durable' })
      const timestamps = Float64Array.of(T, T + 1)
      expect(
        (
          await db.insertColumns([
            { metric: 'c', timestamps, values: [1, 2] },
            { metric: 't', kind: 'string', timestamps, values: ['x', 'y'] },
          ])
        ).accepted,
      ).toBe(4)
      // What was given may be used again.
      expect(timestamps).toEqual(Float64Array.of(T, T + 1))
      const handle = db.series('h', { a: 'b' })
      for (let i = 0; i < 1_000; i++) handle.append(T + i, i)
      db.series('hs', {}, 'string').append(T, 'text')
      expect(await db.flush()).toMatchObject({ accepted: 1_001, rejected: 0 })
      const [zero] = await db.selectColumns('m{s="0"}', { start: T, end: T + 6 })
      expect(zero!.labels).toBeInstanceOf(Labels)
      expect(zero!.values).toEqual(Float64Array.of(0, 2, 4))
      expect((await db.select({ metric: 'hs', matchers: [Matcher.equal('absent', '')] }))[0]!.points).toEqual([
        { timestamp: T, value: 'text' },
      ])
      const result = await db.query('sum(m)', { time: T + 100 })
      expect(result.value).toMatchObject({ type: 'vector', samples: [{ value: 98 + 99 }] })
      const range = await db.queryRange('h', { start: T, end: T + 2, step: 1 })
      expect(range.value.type === 'matrix' && range.value.series[0]!.labels.get('a')).toBe('b')
      expect(await db.metrics()).toEqual(['c', 'h', 'hs', 'm', 't'])
      expect((await db.listSeries('m')).map(String)).toEqual(['m{s="0"}', 'm{s="1"}'])
      const deletion = await db.delete('c')
      expect(deletion).toMatchObject({ samples: 2 })
      await db.undelete(deletion)
      expect((await db.scan('c')).rows.length).toBe(2)
      expect((await db.stats()).series).toBe(6)
      expect((await db.verify()).problems).toEqual([])
      await db.close()
    }
    await using again = await open(dir)
    expect(await again.metrics()).toEqual(['c', 'h', 'hs', 'm', 't'])
  } finally {
    rmSync(dir, { recursive: true, force: true })
  }
})

test('errors come over as they were, rejections with their rows', async () => {
  await using db = await open({ worker: true })
  await expect(db.query('sum(')).rejects.toMatchObject({ name: 'TsinkError', code: 'BAD_QUERY', kind: 'invalid' })
  await expect(db.select('m', { start: 5, end: 5 })).rejects.toMatchObject({ code: 'BAD_RANGE' })
  const result = await db.insertRows([
    { metric: 'm', timestamp: T, value: 1 },
    { metric: 'm', timestamp: 0.5, value: 1 },
  ])
  expect(result).toMatchObject({ accepted: 1, rejections: [{ index: 1, reason: 'bad_timestamp' }] })
  const own = codecAggregate({ encode: (value: number) => Uint8Array.of(value), decode: (bytes) => bytes[0]! }, (values) => values[0]!)
  await expect(db.selectColumns('m', { aggregate: own })).rejects.toMatchObject({ code: 'UNSUPPORTED' })
  const stop = new AbortController()
  stop.abort()
  await expect(db.query('m', { signal: stop.signal })).rejects.toMatchObject({ code: 'CANCELED' })
  await expect(open({ worker: true, precision: 'x' as never })).rejects.toMatchObject({ code: 'BAD_CONFIG' })
  await db.close()
  await db.close()
  await expect(db.query('m')).rejects.toMatchObject({ code: 'CLOSED' })
})

test('whoever closes at the same time is told, and so is whoever still waits for an answer', async () => {
  for (let round = 0; round < 8; round++) {
    const db = await open({ worker: true })
    const timestamps = Float64Array.from({ length: 5_000 }, (_, i) => T + i)
    const waiting = [db.insertColumns({ metric: 'm', timestamps, values: timestamps }), db.verify()]
    await Promise.all([db.close(), db.close(), db.close(), Promise.allSettled(waiting)])
  }
}, 60_000)

test('what no handle can take fails where it was given, and what was lost on the way is told at the end', async () => {
  const db = await open({ worker: true })
  const handle = db.series('m')
  expect(() => handle.append(5n as never, 1)).toThrow(TypeError)
  expect(() => handle.append(T, 1n as never)).toThrow(TypeError)
  handle.append(T, 2)
  expect(await db.flush()).toMatchObject({ accepted: 1, rejected: 0 })
  db.series('s', {}, 'string').append(T, (() => 'not a text') as never)
  await expect(db.close()).rejects.toThrow('could not be cloned')
  await db.close()
})

test('when memory is short, handles wait over there, and nothing is lost', async () => {
  await using db = await open({ worker: true, memoryLimit: '3MiB' })
  const handles = Array.from({ length: 50 }, (_, i) => db.series('m', { s: `${i}` }))
  let state = 1
  for (let t = 0; t < 6_000; t++) {
    for (const handle of handles) {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
      handle.append(T + t, state / 7)
    }
    if (t % 500 === 0) await Promise.resolve()
  }
  expect(await db.flush()).toMatchObject({ accepted: 300_000, rejected: 0 })
  const counts = await db.select('m', { aggregate: 'count' })
  expect(counts.map(({ points }) => points[0]!.value)).toEqual(Array.from({ length: 50 }, () => 6_000))
}, 60_000)

test('nanoseconds go over exactly', async () => {
  await using db = await open({ worker: true, precision: 'ns' })
  const time = 1_750_000_000_000_000_001n
  await db.insertRows([{ metric: 'm', timestamp: time, value: 1n }])
  db.series('h').append(time + 1n, 2)
  expect((await db.select({})).map((series) => series.points[0])).toEqual([
    { timestamp: time + 1n, value: 2 },
    { timestamp: time, value: 1n },
  ])
})

test('a heavy query does not hold up this thread', async () => {
  await using db = await open({ worker: true })
  const timestamps = Float64Array.from({ length: 20_000 }, (_, i) => T + i * 1_000)
  for (let s = 0; s < 20; s++) await db.insertColumns({ metric: 'm', labels: { s: `${s}` }, timestamps, values: timestamps })
  const delay = monitorEventLoopDelay({ resolution: 1 })
  delay.enable()
  const start = performance.now()
  await db.queryRange('quantile_over_time(0.9, m[2h])', { start: T, end: T + 20_000_000, step: 40_000 })
  const took = performance.now() - start
  delay.disable()
  // Whatever else this machine is doing, this thread was free for nearly all of the time that the query took.
  expect(delay.percentile(50) / 1e6).toBeLessThan(Math.max(20, took / 10))
})
