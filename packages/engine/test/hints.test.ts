/** Counter-reset hints of stored histograms: the engine's beside the model store's, which looks at all samples of a series each time. */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { BatchBuilder, histogram, Labels, Matcher, SampleBuffer, type Histogram, type Store } from '@tsink/core'
import { memoryHost } from '@tsink/host/memory'
import { ModelStore } from '@tsink/testing'
import { Engine } from '@tsink/engine'

const NAME = 'h'
const HINTS = ['unknown', 'unknown', 'unknown', 'gauge', 'reset'] as const

function histogramOf(count: number, hint: Histogram['hint']): Histogram {
  return histogram({
    count,
    sum: count,
    positiveSpans: [{ offset: count % 7 === 0 ? 0 : 1, length: 2 }],
    positiveBuckets: Float64Array.of(count - (count >> 1), count >> 1),
    hint,
  })
}

async function hints(store: Store, minTime: number, maxTime: number): Promise<[time: number, hint: string][]> {
  const buffer = new SampleBuffer()
  const found: [number, string][] = []
  for await (const page of store.select({ matchers: [Matcher.metric(NAME)], minTime, maxTime })) {
    for (const series of page) {
      series.read(buffer)
      for (let i = 0; i < buffer.count; i++) found.push([buffer.timestamps[i]!, buffer.histograms?.[i]?.hint ?? 'float'])
    }
  }
  return found
}

type Step =
  | { readonly do: 'append'; readonly samples: readonly (readonly [time: number, count: number, hint: number])[] }
  | { readonly do: 'delete' | 'read'; readonly from: number; readonly length: number }
  | { readonly do: 'flush' | 'compact' }

const time = fc.nat(200)
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .tuple(time, fc.array(fc.tuple(fc.nat(3), fc.nat(HINTS.length - 1)), { minLength: 1, maxLength: 20 }))
      .map(([start, list]): Step => ({ do: 'append', samples: list.map(([more, hint], i) => [start + i, start + i + more, hint]) })),
  },
  { weight: 1, arbitrary: fc.tuple(time, fc.nat(20)).map(([from, length]): Step => ({ do: 'delete', from, length })) },
  { weight: 6, arbitrary: fc.tuple(time, fc.nat(20)).map(([from, length]): Step => ({ do: 'read', from, length })) },
  { weight: 2, arbitrary: fc.constantFrom<Step>({ do: 'flush' }, { do: 'compact' }) },
)

it(
  'are those of the model: all of them over all time, and in a range save where the sample before lies in a unit that is not read',
  { timeout: 600_000 },
  async () => {
    let first = 0
    let known = 0
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25, size: 'max' }), async (steps) => {
        const engine = await Engine.open(memoryHost(), { background: false, chunkSamples: 8, partitionMs: 60 })
        const model = new ModelStore()
        for (const each of steps) {
          if (each.do === 'append') {
            const builder = new BatchBuilder()
            const slot = builder.slot(Labels.of({ __name__: NAME }))
            for (const [at, count, hint] of each.samples) builder.add('histogram', slot, at, histogramOf(count, HINTS[hint]!))
            await engine.append(builder.build())
            await model.append(builder.build())
          } else if (each.do === 'delete') {
            const request = { selectors: [[Matcher.metric(NAME)]], minTime: each.from, maxTime: each.from + each.length }
            await engine.delete(request)
            await model.delete(request)
          } else if (each.do === 'read') {
            const want = await hints(model, each.from, each.from + each.length)
            const found = await hints(engine, each.from, each.from + each.length)
            if (want.length > 0 && want[0]![1] === 'not_reset') {
              first++
              if (found[0]![1] === 'not_reset') known++
              else found[0]![1] = found[0]![1] === 'unknown' ? 'not_reset' : found[0]![1]
            }
            expect(found).toEqual(want)
          } else await engine[each.do]()
          expect(await hints(engine, -1_000, 1_000)).toEqual(await hints(model, -1_000, 1_000))
        }
        await engine.close()
      }),
      { numRuns: Number(process.env['TSINK_RUNS'] ?? (process.env['TSINK_TEST_LONG'] === '1' ? 3_000 : 200)) },
    )
    // The first sample of a range is worth looking at: most are known.
    expect(known).toBeGreaterThan(first / 2)
    expect(first).toBeGreaterThan(10)
  },
)

it('of the first sample in a range follows from the sample before it, in the head, in a chunk, and after a delete', async () => {
  const engine = await Engine.open(memoryHost(), { background: false, chunkSamples: 4 })
  const builder = new BatchBuilder()
  const slot = builder.slot(Labels.of({ __name__: NAME }))
  for (const [at, count] of [
    [0, 5],
    [10, 6],
    [20, 9],
    [30, 3],
    [40, 4],
    [50, 5],
    [60, 8],
  ] as const)
    builder.add('histogram', slot, at, histogramOf(count, 'unknown'))
  await engine.append(builder.build())
  const firstOf = async (minTime: number): Promise<string> => (await hints(engine, minTime, 100))[0]![1]
  const all = async (): Promise<string[]> => Promise.all([0, 10, 30, 40, 50, 60].map(firstOf))
  const want = ['unknown', 'not_reset', 'unknown', 'not_reset', 'not_reset', 'not_reset']
  expect(await all()).toEqual(want)
  await engine.flush()
  expect(await all()).toEqual(want)
  await engine.delete({ selectors: [[Matcher.metric(NAME)]], minTime: 30, maxTime: 40 })
  // 5 after 9, now that 3 and 4 are gone.
  expect(await firstOf(50)).toBe('unknown')
  expect(await firstOf(60)).toBe('not_reset')
  await engine.close()
})
