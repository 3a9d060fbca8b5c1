/**
 * Differential: one query, asked of the columnar evaluator and of the naive one at every step, and whatever the two do not agree on.
 */
import type { Labels, QueryResult, Store } from '@tsink/core'
import { parseExpr, rangeQuery } from '@tsink/promql'
import { evaluateAt } from './naive/evaluate.ts'
import { NaiveError, type NaiveSeries, type NaiveValue } from './naive/values.ts'

export interface DifferentialRange {
  readonly startMs: number
  readonly endMs: number
  readonly stepMs: number
}

/** What differs, or null. `data` is everything in the store, from `readAll`. */
export async function difference(
  text: string,
  range: DifferentialRange,
  store: Store,
  data: readonly NaiveSeries[],
): Promise<string | null> {
  const expr = parseExpr(text)
  const query = { data, startMs: range.startMs, endMs: range.endMs, lookbackMs: 300_000, defaultStepMs: 60_000 }
  let naive: NaiveValue[] | string
  try {
    naive = []
    for (let time = range.startMs; time <= range.endMs; time += range.stepMs) naive.push(evaluateAt(expr, time, query))
  } catch (error) {
    if (!(error instanceof NaiveError)) throw error
    naive = error.message
  }
  let result: QueryResult
  try {
    result = await rangeQuery(expr, range, { store })
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    // Which of two faults is met first is nobody's business; that the query fails is.
    if (typeof naive === 'string')
      return REFUSALS.some((refusal) => message.startsWith(refusal)) ? null : `fails with "${message}" instead of "${naive}"`
    // The columnar evaluator, like the reference, evaluates a subquery at all of its steps, also those that no window looks at.
    if (/\[\w+:\w*\]/.test(text) && REFUSALS.some((refusal) => message.startsWith(refusal))) return null
    return `fails with "${message}"`
  }
  if (typeof naive === 'string') return `does not fail with "${naive}"`
  return compareMatrix(result, naive, range)
}

/** How queries fail that parse and have the right types. */
const REFUSALS = [
  'found duplicate series for the match group',
  'multiple matches for labels',
  'vector cannot contain metrics with the same labelset',
]

function compareMatrix(result: QueryResult, naive: readonly NaiveValue[], range: DifferentialRange): string | null {
  if (result.value.type !== 'matrix') return `is a ${result.value.type}`
  const got = new Map<string, { labels: Labels; value: number }>()
  for (const series of result.value.series) {
    for (let i = 0; i < series.timestamps.length; i++) {
      const key = `${series.timestamps[i]} ${series.labels.key()}`
      if (got.has(key)) return `${series.labels.toString()} comes twice at ${series.timestamps[i]}`
      got.set(key, { labels: series.labels, value: series.values[i]! })
    }
  }
  for (const [step, value] of naive.entries()) {
    const time = range.startMs + step * range.stepMs
    if (value.type !== 'vector') throw new Error('the generator makes vectors')
    for (const want of value.samples) {
      const key = `${time} ${want.labels.key()}`
      const have = got.get(key)
      if (have === undefined) return `${want.labels.toString()} is missing at ${time} (want ${want.value})`
      if (!close(have.value, want.value)) return `${want.labels.toString()} is ${have.value} at ${time}, not ${want.value}`
      got.delete(key)
    }
  }
  for (const [key, { labels, value }] of got) return `has ${labels.toString()} = ${value} at ${key.split(' ')[0]}, which should not be`
  return null
}

/** Equal up to the rounding that a different order of the same additions brings. */
function close(a: number, b: number): boolean {
  if (Object.is(a, b) || a === b || (Number.isNaN(a) && Number.isNaN(b))) return true
  return Math.abs(a - b) <= 1e-9 * Math.max(Math.abs(a), Math.abs(b)) + 1e-12
}
