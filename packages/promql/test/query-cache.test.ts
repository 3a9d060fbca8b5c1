import { BatchBuilder, Labels } from '@tsink/core'
import { ModelStore } from '@tsink/testing'
import { describe, expect, test } from 'vitest'
import { instantQuery, QueryCache, rangeQuery, TextCache, type QueryOptions } from '@tsink/promql'

async function store(): Promise<ModelStore> {
  const model = new ModelStore()
  const batch = new BatchBuilder()
  const slot = batch.slot(Labels.of({ __name__: 'x' }))
  for (let i = 0; i <= 100; i++) batch.float(slot, i * 60_000, i)
  await model.append(batch.build())
  return model
}

const QUERIES = [
  'x',
  'rate(x[5m])',
  'x @ start() + x',
  'x @ end()',
  'sum_over_time(x[10m] @ end())',
  'x offset (step() + 1m)',
  'sum_over_time(x[step() * 2])',
  'max_over_time(x[10m:step()])',
  'avg_over_time(x[5m:] offset (range() / 4))',
  'max_over_time((x @ start())[10m:1m])',
  'x @ 1800',
  'time() + x',
]

describe('the query cache', () => {
  test('changes no answer, at whatever times and steps a text comes again', async () => {
    const plain: QueryOptions = { store: await store(), features: { experimentalFunctions: true } }
    const cached: QueryOptions = { ...plain, cache: new QueryCache() }
    for (const [startMs, endMs, stepMs] of [
      [1_800_000, 2_400_000, 60_000],
      [2_000_000, 3_000_000, 100_000],
      [1_800_000, 4_800_000, 300_000],
    ] as const) {
      for (const query of QUERIES) {
        for (const round of [1, 2]) {
          const range = { startMs, endMs, stepMs }
          expect((await rangeQuery(query, range, cached)).value, `${query}, round ${round}`).toEqual(
            (await rangeQuery(query, range, plain)).value,
          )
        }
      }
      for (const query of ['x', 'x[5m]', 'x @ end()', 'x @ start()']) {
        for (const _ of [1, 2]) {
          expect((await instantQuery(query, endMs, cached)).value).toEqual((await instantQuery(query, endMs, plain)).value)
        }
      }
    }
    expect(cached.cache!.size).toBeGreaterThan(QUERIES.length)
  })

  test('keeps apart what settings tell apart', async () => {
    const model = await store()
    const cache = new QueryCache()
    const at = async (options: Partial<QueryOptions>): Promise<number> => {
      const { value } = await instantQuery('x', 6_100_000, { store: model, cache, ...options })
      return value.type === 'vector' ? value.samples.length : -1
    }
    expect(await at({})).toBe(1)
    expect(await at({ lookbackMs: 60_000 })).toBe(0)
    const text = 'sort_by_label(x, "a")'
    await instantQuery(text, 0, { store: model, cache, features: { experimentalFunctions: true } })
    await expect(instantQuery(text, 0, { store: model, cache })).rejects.toThrow('is not enabled')
  })

  test('refuses a range vector as a range query also when it is known', async () => {
    const options = { store: await store(), cache: new QueryCache() }
    await instantQuery('x[5m]', 0, options)
    await expect(rangeQuery('x[5m]', { startMs: 0, endMs: 1, stepMs: 1 }, options)).rejects.toThrow(
      'invalid expression type "range vector"',
    )
  })
})

test('a text cache holds no more than its characters, and lets go of what was asked for least recently', () => {
  const cache = new TextCache<number>(30)
  for (let i = 0; i < 10; i++) cache.set(`text ${i}...`, i)
  expect(cache.size).toBe(3)
  expect([cache.get('text 6...'), cache.get('text 7...'), cache.get('text 9...')]).toEqual([undefined, 7, 9])
  cache.set('text x...', 11)
  expect([cache.get('text 8...'), cache.get('text 7...')]).toEqual([undefined, 7])
  cache.set('x'.repeat(31), 1)
  expect(cache.size).toBe(3)
})
