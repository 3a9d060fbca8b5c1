import { encodeLabels, Labels, Matcher, type MatchType } from '@tsink/core'
import { memoryHost } from '@tsink/host/memory'
import { Segment } from '@tsink/segment'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { makeChunk, ordered, writeSegment, type PlannedSeries } from './fixtures.ts'

/** Many more runs with TSINK_TEST_LONG=1. A failure prints its seed. */
const LONG = process.env['TSINK_TEST_LONG'] === '1'

const name = fc.constantFrom('__name__', 'a', 'b', 'instance', 'größe', '\u{10000}', '\uffff')
const value = fc.oneof(
  fc.constantFrom('', 'x', 'y', 'xy', 'x\u{10000}', 'x\uffff', 'z'.repeat(200)),
  fc.string({ unit: 'grapheme', maxLength: 4 }),
)
const labels = fc
  .dictionary(name, value, { maxKeys: 5 })
  .map((record) => Labels.of(record))
  .filter((set) => [...set].every(([, text]) => text.isWellFormed()))
const series: fc.Arbitrary<PlannedSeries> = fc.record({
  labels,
  chunks: fc
    .array(
      fc.record({
        start: fc.integer({ min: -10_000, max: 10_000 }),
        count: fc.integer({ min: 1, max: 5 }),
        step: fc.integer({ min: 1, max: 1_000 }),
      }),
      {
        minLength: 1,
        maxLength: 4,
      },
    )
    .map((chunks) => chunks.sort((a, b) => a.start - b.start).map(({ start, count, step }) => makeChunk(start, count, step))),
})
const planned = fc.uniqueArray(series, { minLength: 1, maxLength: 30, selector: (one) => one.labels.key() })
const matcher = fc
  .record({
    type: fc.constantFrom<MatchType>('=', '!=', '=~', '!~'),
    name,
    value: fc.constantFrom('', 'x', 'y', 'x.*', '.*', '.+', 'x|y', '|x', '(x|z.*)y?'),
  })
  .map(({ type, name: label, value: text }) => new Matcher(type, label, text))

test('any series with any labels and chunks come back, and any matchers select what a look at each series selects', async () => {
  await fc.assert(
    fc.asyncProperty(planned, fc.array(matcher, { maxLength: 4 }), fc.array(fc.nat(), { maxLength: 20 }), async (set, matchers, picks) => {
      const host = memoryHost()
      const info = await writeSegment(host, 'a.seg', set)
      const expected = ordered(set)
      const segment = Segment.of(host, info)
      const index = await segment.loadIndex()
      expect(index.seriesCount).toBe(expected.length)
      for (const [i, { labels: wanted, chunks }] of expected.entries()) {
        expect(index.labelBytes(i)).toEqual(encodeLabels(wanted))
        expect(index.labels(i).equals(wanted)).toBe(true)
        const found: Uint8Array[] = []
        for (let chunk = index.chunkFrom[i]!; chunk < index.chunkFrom[i + 1]!; chunk++) found.push(segment.readChunk(index, chunk))
        expect(found).toEqual(chunks)
      }
      // In any order, and again: what was read ahead must be what is there.
      const all = expected.flatMap(({ chunks }) => chunks)
      for (const pick of picks) expect(segment.readChunk(index, pick % all.length)).toEqual(all[pick % all.length])
      const selected = expected.flatMap(({ labels: one }, i) =>
        matchers.every((condition) => condition.matches(one.get(condition.name))) ? [i] : [],
      )
      const ids = index.select(matchers)
      expect([...ids]).toEqual(selected)
      const byBytes = (texts: Iterable<string>): string[] =>
        [...new Set(texts)].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
      const some = selected.map((i) => expected[i]!.labels)
      expect(index.labelNames(ids)).toEqual(byBytes(some.flatMap((one) => [...one.names])))
      for (const label of ['a', '\uffff']) {
        expect(index.labelValues(label, ids)).toEqual(byBytes(some.map((one) => one.get(label)).filter((text) => text !== '')))
      }
      await segment.verify()
      await segment.close()
    }),
    { numRuns: LONG ? 5_000 : 150 },
  )
})
