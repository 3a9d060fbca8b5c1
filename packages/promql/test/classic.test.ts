/** Quantiles and fractions of classic histograms against the plainest way to compute them: objects, sorted anew at each step. */
import { Labels, SeriesTable, type Store } from '@tsink/core'
import { rangeQuery } from '@tsink/promql'
import { ModelStore } from '@tsink/testing'
import fc from 'fast-check'
import { expect, it } from 'vitest'

interface Bucket {
  readonly bound: number
  readonly count: number
}

function inOrder(buckets: readonly Bucket[]): Bucket[] {
  const sorted: Bucket[] = []
  for (const bucket of [...buckets].sort((a, b) => a.bound - b.bound)) {
    const last = sorted.at(-1)
    if (last?.bound === bucket.bound) sorted[sorted.length - 1] = { bound: last.bound, count: last.count + bucket.count }
    else sorted.push(bucket)
  }
  return sorted
}

function quantile(phi: number, buckets: readonly Bucket[]): number {
  if (phi < 0) return -Infinity
  if (phi > 1) return Infinity
  let most = -Infinity
  const sorted = inOrder(buckets).map(({ bound, count }) => ({ bound, count: (most = Math.max(most, count)) }))
  const last = sorted.at(-1)!
  if (last.bound !== Infinity || sorted.length < 2 || last.count === 0) return NaN
  const rank = phi * last.count
  const at = sorted.findIndex(({ count }) => count >= rank)
  if (at === sorted.length - 1) return sorted[at - 1]!.bound
  if (at === 0 && sorted[0]!.bound <= 0) return sorted[0]!.bound
  const [lower, before] = at === 0 ? [0, 0] : [sorted[at - 1]!.bound, sorted[at - 1]!.count]
  return lower + (sorted[at]!.bound - lower) * ((rank - before) / (sorted[at]!.count - before))
}

function below(value: number, sorted: readonly Bucket[]): number {
  let before = 0
  let lower = sorted[0]!.bound > 0 ? 0 : -Infinity
  for (const { bound, count } of sorted) {
    if (lower >= value) return before
    if (bound > value) return lower === -Infinity ? count : before + ((count - before) * (value - lower)) / (bound - lower)
    before = count
    lower = bound
  }
  return before
}

function fraction(lower: number, upper: number, buckets: readonly Bucket[]): number {
  const sorted = inOrder(buckets)
  const last = sorted.at(-1)!
  if (last.bound !== Infinity || last.count === 0) return NaN
  return lower >= upper ? 0 : (Math.min(below(upper, sorted), last.count) - Math.min(below(lower, sorted), last.count)) / last.count
}

const STEPS = 6
const STEP_MS = 60_000

interface Series {
  /** How the bound is written: one bound may be written in two ways, and then its counts add up. */
  readonly le: string
  /** By step; null: no sample. */
  readonly counts: readonly (number | null)[]
}

const series: fc.Arbitrary<Series[]> = fc.uniqueArray(
  fc.record({
    le: fc.constantFrom('-1', '0', '0.1', '0.10', '1', '1.0', '5', '10', '1e1', '+Inf', 'Inf'),
    counts: fc.array(fc.option(fc.oneof(fc.nat(20), fc.constantFrom(0.1, 0.3, 1e6))), { minLength: STEPS, maxLength: STEPS }),
  }),
  { selector: ({ le }) => le, minLength: 1, maxLength: 11 },
)

async function storeOf(all: readonly Series[]): Promise<Store> {
  const store = new ModelStore()
  const table = new SeriesTable()
  const rows: (readonly [number, number, number])[] = []
  for (const { le, counts } of all) {
    const slot = table.add(Labels.of({ __name__: 'b', le }))
    counts.forEach((count, k) => {
      if (count !== null) rows.push([slot, k * STEP_MS, count])
    })
  }
  const column = {
    kind: 'f64',
    count: rows.length,
    base: 0,
    slots: Uint32Array.from(rows, ([slot]) => slot),
    timestamps: Float64Array.from(rows, ([, time]) => time),
    values: Float64Array.from(rows, ([, , value]) => value),
  } as const
  await store.append({ series: table, samples: [column] })
  return store
}

async function ask(query: string, store: Store): Promise<(number | null)[]> {
  const range = { startMs: 0, endMs: (STEPS - 1) * STEP_MS, stepMs: STEP_MS }
  const { value } = await rangeQuery(query, range, { store, lookbackMs: 1_000 })
  const out: (number | null)[] = Array.from({ length: STEPS }, () => null)
  if (value.type === 'matrix') {
    for (const { timestamps, values } of value.series) timestamps.forEach((time, i) => (out[time / STEP_MS] = values[i]!))
  }
  return out
}

it('histogram_quantile and histogram_fraction find what the plain way finds', async () => {
  const check = async (all: Series[], phi: number, lower: number, upper: number): Promise<void> => {
    const store = await storeOf(all)
    // The store gives series in the order of their labels.
    const ordered = [...all].sort((a, b) => (a.le < b.le ? -1 : 1))
    const want = (of: (buckets: Bucket[]) => number): (number | null)[] =>
      Array.from({ length: STEPS }, (_, k) => {
        const buckets = ordered
          .filter(({ counts }) => counts[k] !== null)
          .map(({ le, counts }) => ({ bound: le.endsWith('Inf') ? Infinity : Number(le), count: counts[k]! }))
        return buckets.length === 0 ? null : of(buckets)
      })
    expect(await ask(`histogram_quantile(${phi}, b)`, store)).toEqual(want((buckets) => quantile(phi, buckets)))
    expect(await ask(`histogram_fraction(${lower}, ${upper}, b)`, store)).toEqual(want((buckets) => fraction(lower, upper, buckets)))
  }
  const value = fc.constantFrom(-2, 0, 0.05, 0.5, 1, 3, 10, 20)
  await fc.assert(fc.asyncProperty(series, fc.constantFrom(0, 0.01, 0.5, 0.9, 1, 2, -1), value, value, check), { numRuns: 300 })
})
