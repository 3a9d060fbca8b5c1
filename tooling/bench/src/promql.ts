/**
 * PromQL: queries from compressed chunks to result columns, with the promises of the design. The evaluator stands beside the naive one, which
 * answers the same query one moment at a time.
 */
import { Labels, SampleBuffer, TsinkError, type QueryResult } from '@tsink/core'
import { parseExpr, rangeQuery, type QueryOptions } from '@tsink/promql'
import { Dice, evaluateAt, readAll } from '@tsink/promqltest'
import { ChunkStore } from './chunk-store.ts'
import { table, verdicts, type Goal, type Suite } from './suite.ts'

const START = 1_700_000_000_000
const SCRAPE = 15_000
const DAY = 86_400_000

/** The queries of the table; the first is the one with a goal. */
const QUERIES = [
  'rate(requests_total[5m])',
  'sum by (job) (rate(requests_total[5m]))',
  'requests_total',
  'sum(requests_total)',
  'avg_over_time(requests_total[5m])',
  'max_over_time(requests_total[1h])',
  'quantile_over_time(0.9, requests_total[5m])',
  'deriv(requests_total[5m])',
  'topk(5, rate(requests_total[5m]))',
  'rate(requests_total[5m]) / on (instance) requests_total',
  'max_over_time(rate(requests_total[5m])[1h:5m])',
]

const RATE_MS = 60
const RATE_TIMES_NAIVE = 5
const REFUSAL_GROWTH = 300 * 1_024 * 1_024

export const suite: Suite = async ({ quick }) => {
  const goals: Goal[] = []
  const series = quick ? 20 : 1_000
  const rounds = quick ? 1 : 9
  const store = counters(series, quick ? DAY / 24 : DAY)
  const range = { startMs: START, endMs: START + (quick ? DAY / 24 : DAY), stepMs: 60_000 }
  const samples = store.samples
  const rows: string[][] = [['query', 'ms', 'ns/sample', 'series', 'samples out']]
  let rate = 0
  for (const query of QUERIES) {
    const { ms, result } = await quartile(query, range, { store, maxMemoryBytes: 2 ** 30 }, rounds)
    if (query === QUERIES[0]) rate = ms
    rows.push([query, ms.toFixed(1), ((ms * 1e6) / samples).toFixed(1), String(result.length), String(countSamples(result))])
  }
  goals.push({
    name: `${QUERIES[0]}, ${series} series of a day`,
    want: `<= ${RATE_MS} ms`,
    found: `${rate.toFixed(1)} ms`,
    met: quick || rate <= RATE_MS,
  })
  goals.push(await againstNaive(quick))
  goals.push(await streaming(quick))
  goals.push(await refusing(quick))
  return { text: `${table(rows)}\n\n${verdicts(goals)}`, goals }
}

/** Counters that rise by random steps, are reset now and then and are scraped a little late at times. */
function counters(series: number, lengthMs: number): ChunkStore {
  const dice = new Dice(7)
  const store = new ChunkStore()
  const buffer = new SampleBuffer()
  for (let s = 0; s < series; s++) {
    buffer.clear()
    buffer.begin('f64')
    const phase = dice.below(SCRAPE)
    let value = 0
    for (let time = phase; time < lengthMs; time += SCRAPE) {
      value = dice.below(5_000) === 0 ? 0 : value + dice.below(100)
      const late = dice.below(4) === 0 ? dice.below(5) : 0
      buffer.push(START + time + late, value)
    }
    store.add(Labels.of({ __name__: 'requests_total', job: `job-${s % 20}`, instance: `node-${s}` }), buffer)
  }
  return store
}

type Range = Parameters<typeof rangeQuery>[1]
type Matrix = Extract<QueryResult['value'], { type: 'matrix' }>['series']

async function answer(query: string, range: Range, options: QueryOptions): Promise<Matrix> {
  const { value } = await rangeQuery(query, range, { now: () => performance.now(), ...options })
  if (value.type !== 'matrix') throw new Error(`${query} gave a ${value.type}`)
  return value.series
}

async function quartile(query: string, range: Range, options: QueryOptions, rounds: number): Promise<{ ms: number; result: Matrix }> {
  const times: number[] = []
  let result = await answer(query, range, options)
  for (let round = 0; round < rounds; round++) {
    const start = performance.now()
    result = await answer(query, range, options)
    times.push(performance.now() - start)
  }
  return { ms: times.toSorted((a, b) => a - b)[times.length >> 2]!, result }
}

function countSamples(result: Matrix): number {
  return result.reduce((sum, { values }) => sum + values.length, 0)
}

/** The same small query by both evaluators; their sums must agree. */
async function againstNaive(quick: boolean): Promise<Goal> {
  const store = counters(quick ? 2 : 20, quick ? DAY / 96 : DAY / 8)
  const range = { startMs: START, endMs: START + (quick ? DAY / 96 : DAY / 8), stepMs: 60_000 }
  const query = QUERIES[0]!
  const { ms, result } = await quartile(query, range, { store }, 5)
  const data = await readAll(store)
  const expr = parseExpr(query)
  const start = performance.now()
  let naiveSum = 0
  for (let time = range.startMs; time <= range.endMs; time += range.stepMs) {
    const value = evaluateAt(expr, time, { data, startMs: range.startMs, endMs: range.endMs, lookbackMs: 300_000, defaultStepMs: 60_000 })
    if (value.type === 'vector') for (const sample of value.samples) naiveSum += sample.value
  }
  const naiveMs = performance.now() - start
  const sum = result.reduce((total, { values }) => total + values.reduce((a, b) => a + b, 0), 0)
  if (Math.abs(sum - naiveSum) > 1e-9 * naiveSum) throw new Error(`the evaluators disagree: ${sum} and ${naiveSum}`)
  const times = naiveMs / ms
  return {
    name: 'against the naive evaluator',
    want: `>= ${RATE_TIMES_NAIVE} times as fast`,
    found: `${times.toFixed(0)} times`,
    met: times >= RATE_TIMES_NAIVE,
  }
}

/** An aggregation over many series must need the memory of its groups: it runs in a budget that a thousandth of the series would exceed. */
async function streaming(quick: boolean): Promise<Goal> {
  const series = quick ? 1_000 : 100_000
  const store = counters(series, DAY / 24)
  const range = { startMs: START, endMs: START + DAY / 24, stepMs: 60_000 }
  globalThis.gc?.()
  const before = process.memoryUsage()
  const start = performance.now()
  let peak = 0
  const options: QueryOptions = {
    store,
    maxMemoryBytes: 256 * 1_024,
    yieldToHost: async () => {
      const { heapUsed, arrayBuffers } = process.memoryUsage()
      peak = Math.max(peak, heapUsed + arrayBuffers)
    },
  }
  const result = await answer('sum by (job) (rate(requests_total[5m]))', range, options)
  const ms = performance.now() - start
  const growth = Math.max(0, peak - before.heapUsed - before.arrayBuffers)
  return {
    name: `sum by (job) of ${series} series`,
    want: 'within 256 KiB of columns',
    found: `${result.length} groups, ${ms.toFixed(0)} ms, ${(growth / 2 ** 20).toFixed(0)} MiB of garbage at most`,
    met: result.length === 20,
  }
}

/** A query of about 10 GB is refused by the default budget. */
async function refusing(quick: boolean): Promise<Goal> {
  const store = counters(quick ? 100 : 1_000, DAY / 24)
  // A million steps and a thousand series of 9 bytes each.
  const range = { startMs: START, endMs: START + DAY / 24, stepMs: quick ? 36 : 3.6 }
  globalThis.gc?.()
  const before = process.memoryUsage().rss
  let code = 'none'
  try {
    await answer('requests_total', range, quick ? { store, maxMemoryBytes: 2 ** 24 } : { store })
  } catch (error) {
    if (!(error instanceof TsinkError)) throw error
    code = error.code
  }
  const growth = process.memoryUsage().rss - before
  return {
    name: 'a query of 10 GB',
    want: 'refused, growth <= 300 MiB',
    found: `${code}, ${(growth / 2 ** 20).toFixed(0)} MiB`,
    met: code === 'QUERY_MEMORY' && growth <= REFUSAL_GROWTH,
  }
}
