import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { codecAggregate, open, type AggregateName, type Codec } from 'tsink'

/** Each aggregate as its definition says it, over values without NaN. */
const NAIVE: Record<AggregateName, (values: number[]) => number> = {
  sum: (values) => values.reduce((a, b) => a + b, 0),
  min: (values) => Math.min(...values),
  max: (values) => Math.max(...values),
  avg: (values) => NAIVE.sum(values) / values.length,
  first: (values) => values[0]!,
  last: (values) => values.at(-1)!,
  count: (values) => values.length,
  median: (values) => {
    const sorted = values.toSorted((a, b) => a - b)
    const middle = sorted.length >> 1
    return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
  },
  range: (values) => NAIVE.max(values) - NAIVE.min(values),
  variance: (values) => NAIVE.avg(values.map((value) => (value - NAIVE.avg(values)) ** 2)),
  stddev: (values) => Math.sqrt(NAIVE.variance(values)),
}
const NAMES = Object.keys(NAIVE) as AggregateName[]

describe('aggregates agree with their definitions', () => {
  test('over buckets of any length, over whole series, and over buckets of buckets', async () => {
    const samples = fc.uniqueArray(
      fc.record({
        time: fc.integer({ min: -5_000, max: 5_000 }),
        value: fc.oneof(fc.double({ min: -1e6, max: 1e6, noNaN: true }), fc.constant(Number.NaN)),
      }),
      { selector: (sample) => sample.time, minLength: 1, maxLength: 200 },
    )
    await fc.assert(
      fc.asyncProperty(
        samples,
        fc.integer({ min: 1, max: 3_000 }),
        fc.integer({ min: -6_000, max: 6_000 }),
        fc.boolean(),
        // Small chunks: most aggregates come from summaries then.
        fc.constantFrom(2, 5, 2_048),
        async (given, step, from, open_, chunkSamples) => {
          await using db = await open({ chunkSamples })
          await db.insertColumns({ metric: 'm', timestamps: given.map((each) => each.time), values: given.map((each) => each.value) })
          if (step % 2 === 0) await db.checkpoint()
          const range = open_ ? {} : { start: from, end: from + 4_000 }
          const inRange = given
            .filter((each) => open_ || (each.time >= from && each.time < from + 4_000))
            .toSorted((a, b) => a.time - b.time)
          const origin = open_ ? 0 : from
          const buckets = Map.groupBy(
            inRange.filter((each) => !Number.isNaN(each.value)),
            (each) => origin + Math.floor((each.time - origin) / step) * step,
          )
          for (const name of NAMES) {
            const want = [...buckets].map(([time, each]) => ({ time, value: NAIVE[name](each.map((sample) => sample.value)) }))
            const [found] = await db.select('m', { ...range, step, aggregate: name })
            expectNear(found?.points ?? [], want, name)
            const all = inRange.filter((each) => !Number.isNaN(each.value)).map((each) => each.value)
            const [whole] = await db.select('m', { ...range, aggregate: name })
            expect(whole?.points.length ?? 0).toBe(all.length === 0 ? 0 : 1)
            if (all.length > 0) near(whole!.points[0]!.value as number, NAIVE[name](all), name)
            const [overall] = await db.select('m', { ...range, step, aggregate: name, overall: 'max' })
            if (want.length > 0) near(overall!.points[0]!.value as number, Math.max(...want.map((each) => each.value)), name)
          }
        },
      ),
      { numRuns: 40 },
    )
  })
})

describe('aggregates', () => {
  test('of whole series stand at the sample that they choose, else at the last', async () => {
    await using db = await open()
    await db.insertColumns({ metric: 'm', timestamps: [1, 2, 3, 4], values: [5, 1, 9, Number.NaN] })
    const at = async (aggregate: AggregateName): Promise<unknown> => (await db.select('m', { aggregate }))[0]!.points[0]!.timestamp
    expect([await at('min'), await at('max'), await at('first'), await at('last'), await at('sum')]).toEqual([2, 3, 1, 3, 3])
  })

  test('read integers as doubles and refuse what has no numbers', async () => {
    await using db = await open()
    await db.insertRows([
      { metric: 'i', timestamp: 1, value: 40n },
      { metric: 'i', timestamp: 2, value: 2n },
      { metric: 's', timestamp: 1, value: 'x' },
      { metric: 'b', timestamp: 1, value: true },
    ])
    expect((await db.select('i', { aggregate: 'sum' }))[0]!.points[0]!.value).toBe(42)
    await expect(db.select('s', { aggregate: 'sum' })).rejects.toMatchObject({ code: 'UNSUPPORTED' })
    await expect(db.select('b', { aggregate: 'avg' })).rejects.toMatchObject({ code: 'UNSUPPORTED' })
  })

  test('of whole chunks read summaries, and see deletes, later writes and borders all the same', async () => {
    await using db = await open({ chunkSamples: 10 })
    const timestamps = Float64Array.from({ length: 1_000 }, (_, i) => i)
    await db.insertColumns({ metric: 'm', timestamps, values: timestamps })
    const sums = async (): Promise<number[]> =>
      (await db.select('m', { start: 5, end: 905, step: 300, aggregate: 'sum' }))[0]!.points.map((point) => point.value as number)
    const sumOf = (from: number, to: number): number => ((to - from) * (from + to - 1)) / 2
    expect(await sums()).toEqual([sumOf(5, 305), sumOf(305, 605), sumOf(605, 905)])
    await db.delete('m', { start: 303, end: 322 })
    expect(await sums()).toEqual([sumOf(5, 303), sumOf(322, 605), sumOf(605, 905)])
    await db.insertRows([{ metric: 'm', timestamp: 700, value: 1_000_000 }])
    expect(await sums()).toEqual([sumOf(5, 303), sumOf(322, 605), sumOf(605, 905) - 700 + 1_000_000])
    await db.checkpoint()
    await db.compact()
    expect(await sums()).toEqual([sumOf(5, 303), sumOf(322, 605), sumOf(605, 905) - 700 + 1_000_000])
  })

  test('do not lose small values beside large ones', async () => {
    await using db = await open()
    await db.insertColumns({ metric: 'm', timestamps: [1, 2, 3, 4], values: [1, 1e100, 1, -1e100] })
    expect((await db.select('m', { aggregate: 'sum' }))[0]!.points[0]!.value).toBe(2)
  })

  test("of a program's own values go through its codec", async () => {
    interface Load {
      readonly cpu: number
      readonly note: string
    }
    const codec: Codec<Load> = {
      encode: (value) => new TextEncoder().encode(JSON.stringify(value)),
      decode: (bytes) => JSON.parse(new TextDecoder().decode(bytes)) as Load,
    }
    const peak = codecAggregate(codec, (values) => (values.length < 2 ? null : values.reduce((a, b) => (a.cpu >= b.cpu ? a : b))))
    await using db = await open()
    await db.insertRows(
      [3, 9, 4, 7, 1].map((cpu, i) => ({ metric: 'load', timestamp: i * 10, value: codec.encode({ cpu, note: `n${i}` }) })),
    )
    const [series] = await db.select('load', { start: 0, end: 100, step: 20, aggregate: peak })
    expect(series!.points.map(({ timestamp, value }) => [timestamp, codec.decode(value as Uint8Array).cpu])).toEqual([
      [0, 9],
      [20, 7],
    ])
    const [whole] = await db.select('load', { aggregate: peak })
    expect(codec.decode(whole!.points[0]!.value as Uint8Array)).toEqual({ cpu: 9, note: 'n1' })
    await db.insertRows([{ metric: 'float', timestamp: 1, value: 1 }])
    await expect(db.select('float', { aggregate: peak })).rejects.toMatchObject({ code: 'UNSUPPORTED' })
  })

  test('offset and limit cut the samples over all series', async () => {
    await using db = await open()
    await db.insertRows(['a', 'b'].flatMap((s) => [0, 1, 2].map((t) => ({ metric: 'm', labels: { s }, timestamp: t, value: t }))))
    const cut = async (offset: number, limit: number): Promise<unknown[]> =>
      (await db.select('m', { offset, limit })).map(({ labels, points }) => [labels.get('s'), ...points.map((point) => point.timestamp)])
    expect(await cut(1, 3)).toEqual([
      ['a', 1, 2],
      ['b', 0],
    ])
    expect(await cut(3, 10)).toEqual([['b', 0, 1, 2]])
    expect(await cut(0, 0)).toEqual([])
    expect(await cut(9, 1)).toEqual([])
  })
})

function expectNear(
  found: readonly { timestamp: number; value: unknown }[],
  want: readonly { time: number; value: number }[],
  name: string,
): void {
  expect(
    found.map((point) => point.timestamp),
    name,
  ).toEqual(want.map((each) => each.time))
  for (const [i, { value }] of want.entries()) near(found[i]!.value as number, value, name)
}

function near(found: number, want: number, name: string): void {
  if (Math.abs(found - want) > Math.max(1, Math.abs(want)) * 1e-6) expect.fail(`${name} is ${found}, not ${want}`)
}
