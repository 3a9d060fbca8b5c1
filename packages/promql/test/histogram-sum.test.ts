/**
 * Native histograms: a compensated sum of many is the same as adding one to the next, in whatever layouts they come.
 */
import { CUSTOM_BUCKETS_SCHEMA, histogram, Labels, type Histogram, type SelectedSeries, type Store } from '@tsink/core'
import { addHistograms, compact, instantQuery } from '@tsink/promql'
import fc from 'fast-check'
import { expect, it } from 'vitest'

const counts = fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 6 })

/** Exponential buckets above every zero threshold in use, so that no bucket lies inside a zero bucket of its own histogram. */
const exponential = fc
  .record({
    schema: fc.integer({ min: -1, max: 2 }),
    zeroThreshold: fc.constantFrom(0, 0.001, 0.5),
    zeroCount: fc.integer({ min: 0, max: 9 }),
    offset: fc.integer({ min: 1, max: 4 }),
    positive: counts,
    negative: counts,
    sum: fc.integer({ min: -100, max: 100 }),
  })
  .map(({ schema, zeroThreshold, zeroCount, offset, positive, negative, sum }) =>
    histogram({
      schema,
      zeroThreshold,
      zeroCount,
      sum,
      count: [zeroCount, ...positive, ...negative].reduce((a, b) => a + b, 0),
      positiveSpans: [{ offset, length: positive.length }],
      positiveBuckets: Float64Array.from(positive),
      negativeSpans: [{ offset, length: negative.length }],
      negativeBuckets: Float64Array.from(negative),
    }),
  )

const custom = fc
  .record({ bounds: fc.constantFrom([1, 2, 3, 4], [1, 3], [2, 4, 5], [3]), sum: fc.integer({ min: 0, max: 99 }) })
  .chain(({ bounds, sum }) =>
    fc.array(fc.integer({ min: 0, max: 9 }), { minLength: bounds.length + 1, maxLength: bounds.length + 1 }).map((buckets) =>
      histogram({
        schema: CUSTOM_BUCKETS_SCHEMA,
        customValues: Float64Array.from(bounds),
        sum,
        count: buckets.reduce((a, b) => a + b, 0),
        positiveSpans: [{ offset: 0, length: buckets.length }],
        positiveBuckets: Float64Array.from(buckets),
      }),
    ),
  )

/** A store of one histogram sample at time 0 for each of many series. */
function storeOf(histograms: readonly Histogram[]): Store {
  const store: Pick<Store, 'unit' | 'select'> = {
    unit: 'ms',
    async *select(): AsyncGenerator<SelectedSeries[]> {
      yield histograms.map((each, i) => ({
        labels: Labels.of({ __name__: 'h', i: String(i) }),
        kind: 'f64' as const,
        maxSamples: 1,
        read: (into) => {
          into.clear()
          into.pushHistogram(0, each)
        },
      }))
    },
  }
  return store as Store
}

async function resultOf(query: string, histograms: readonly Histogram[]): Promise<Histogram> {
  const { value } = await instantQuery(query, 0, { store: storeOf(histograms) })
  if (value.type !== 'vector' || value.samples[0]?.histogram == null) throw new Error('no histogram')
  return compact(value.samples[0].histogram)
}

it('a sum is what adding one by one gives', async () => {
  const lists = fc.oneof(fc.array(exponential, { minLength: 1, maxLength: 5 }), fc.array(custom, { minLength: 1, maxLength: 5 }))
  await fc.assert(
    fc.asyncProperty(lists, async (list) => {
      const [first, ...rest] = list
      const one = rest.reduce((sum, each) => addHistograms(sum, each)!.histogram, first!)
      expect(await resultOf('sum(h)', list)).toEqual(compact({ ...one, isInteger: false }))
    }),
    { numRuns: 300 },
  )
})

it('a mean is the sum divided, and stays finite where the sum would not', async () => {
  const huge = histogram({ count: 1e308, sum: 1e308, positiveSpans: [{ offset: 0, length: 1 }], positiveBuckets: Float64Array.of(1e308) })
  const mean = await resultOf('avg(h)', [huge, huge, huge, huge])
  expect(mean.count / 1e308).toBeCloseTo(1, 12)
  expect(mean.positiveBuckets[0]! / 1e308).toBeCloseTo(1, 12)
  expect((await resultOf('sum(h)', [huge, huge])).count).toBe(Infinity)
})
