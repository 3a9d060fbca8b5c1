/** Queries of one thread share the kernel's columns: side by side, with a pause wherever one is possible, each gives what it gives alone. */
import { Labels, SeriesTable, STALE, type Store } from '@tsink/core'
import { rangeQuery } from '@tsink/promql'
import { ModelStore } from '@tsink/testing'
import { expect, it } from 'vitest'

const SERIES = 12
const SAMPLES = 700

async function storeOf(): Promise<Store> {
  const store = new ModelStore()
  const series = new SeriesTable()
  for (let i = 0; i < SERIES; i++) series.add(Labels.of({ __name__: i % 2 === 0 ? 'a_total' : 'b_total', i: `${i}`, host: `${i % 3}` }))
  const count = SERIES * SAMPLES
  const slots = new Uint32Array(count)
  const timestamps = new Float64Array(count)
  const values = new Float64Array(count)
  for (let at = 0; at < count; at++) {
    const [slot, k] = [at % SERIES, Math.floor(at / SERIES)]
    slots[at] = slot
    // Hosts have times of their own, counters are reset now and then.
    timestamps[at] = k * 15_000 + (slot % 3) * 1_700 + (k % 7)
    values[at] = (k % (200 + 11 * slot)) * (slot + 0.25)
    if (k === 300 + slot) values.set(STALE, at)
  }
  await store.append({ series, samples: [{ kind: 'f64', count, base: 0, slots, timestamps, values }] })
  return store
}

const QUERIES = [
  'rate(a_total[5m])',
  'rate(b_total[5m])',
  'sum by (host) (rate(a_total[5m]))',
  'a_total',
  'b_total / on (host) group_left sum by (host) (a_total)',
  'avg_over_time(a_total[10m])',
  'sum_over_time(b_total[3h])',
  'deriv(a_total[1h])',
  'predict_linear(b_total[3h], 60)',
  'max_over_time(sum(rate(b_total[5m]))[1h:1m])',
  'quantile_over_time(0.9, a_total[3h])',
  'stddev_over_time(b_total[3h])',
]

it('queries that take turns give what each gives alone', { timeout: 60_000 }, async () => {
  const store = await storeOf()
  const range = { startMs: 600_000, endMs: 10_000_000, stepMs: 10_000 }
  let pauses = 0
  const run = async (query: string, takesTurns: boolean): Promise<unknown> => {
    let clock = 0
    const yieldToHost = (): Promise<void> => {
      pauses++
      return new Promise((resolve) => void setTimeout(resolve))
    }
    const turns = takesTurns ? { now: () => clock++, sliceMs: 0, yieldToHost } : {}
    return (await rangeQuery(query, range, { store, ...turns })).value
  }
  const alone: unknown[] = []
  for (const query of QUERIES) alone.push(await run(query, false))
  expect(await Promise.all(QUERIES.map((query) => run(query, true)))).toEqual(alone)
  expect(pauses).toBeGreaterThan(100)
})
