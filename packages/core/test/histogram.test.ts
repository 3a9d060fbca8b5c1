import { histogram, histogramProblem, isHistogramReset, isStaleHistogram, STALE, storedHint, type Histogram } from '@tsink/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

/** A histogram with consecutive positive buckets from index 0 on. */
function of(counts: number[], parts: Partial<Histogram> = {}): Histogram {
  return histogram({
    count: counts.reduce((a, b) => a + b, 0) + (parts.zeroCount ?? 0),
    positiveSpans: counts.length > 0 ? [{ offset: 0, length: counts.length }] : [],
    positiveBuckets: Float64Array.from(counts),
    ...parts,
  })
}

describe('a histogram', () => {
  it('is refused for what is wrong with it', () => {
    const check = (h: Histogram, want: string | null): void =>
      want === null ? expect(histogramProblem(h)).toBeNull() : expect(histogramProblem(h)).toMatch(want)
    check(of([1, 2]), null)
    check(of([], { schema: -53, customValues: Float64Array.of(1, 2) }), null)
    check(of([1], { schema: 9 }), 'schema 9')
    check(of([1, -1]), 'negative count')
    check(of([1], { positiveSpans: [{ offset: 0, length: 2 }] }), 'cover 2 buckets but 1')
    check(
      of([1, 1], {
        positiveSpans: [
          { offset: 0, length: 1 },
          { offset: -1, length: 1 },
        ],
      }),
      'negative offset',
    )
    check(of([], { schema: -53, customValues: Float64Array.of(2, 1) }), 'does not ascend')
    check(of([1, 1, 1], { schema: -53, customValues: Float64Array.of(1) }), '3 buckets for 1 custom bounds')
    check(of([], { customValues: Float64Array.of(1) }), 'custom bounds belong to custom buckets')
    check(of([], { schema: -53, zeroCount: 1 }), 'no zero bucket')
  })

  it('is a reset of another when something that was counted is missing', () => {
    const check = (previous: Histogram, next: Histogram, want: boolean): void => expect(isHistogramReset(previous, next)).toBe(want)
    check(of([1, 2]), of([1, 2]), false)
    check(of([1, 2]), of([2, 2, 1]), false)
    check(of([1, 2]), of([3, 1]), true)
    check(of([1, 2]), of([4]), true)
    check(of([1, 2]), of([1, 1]), true)
    check(of([1, 2], { schema: 1 }), of([1, 2], { schema: 0 }), false)
    check(of([1, 2], { schema: 0 }), of([1, 2, 0], { schema: 1 }), true)
    check(of([1], { zeroThreshold: 0.1 }), of([1], { zeroThreshold: 0.01 }), true)
    check(of([1]), of([1], { hint: 'reset' }), true)
    check(of([5]), of([1], { hint: 'not_reset' }), false)
    check(of([1]), of([1], { hint: 'gauge' }), true)
  })

  it('counts what a wider zero bucket swallowed', () => {
    // Bucket 0 at schema 0 covers (0.5, 1].
    const before = of([2, 3])
    expect(isHistogramReset(before, of([0, 3], { zeroThreshold: 1, zeroCount: 2 }))).toBe(false)
    expect(isHistogramReset(before, of([0, 4], { zeroThreshold: 1, zeroCount: 1 }))).toBe(true)
    expect(isHistogramReset(before, of([0, 3], { zeroThreshold: 0.7, zeroCount: 2 }))).toBe(true)
  })

  it('compares custom buckets at the bounds that both have', () => {
    const custom = (bounds: number[], counts: number[]): Histogram => of(counts, { schema: -53, customValues: Float64Array.from(bounds) })
    expect(isHistogramReset(custom([1, 2, 3], [1, 1, 1]), custom([1, 3], [1, 2]))).toBe(false)
    expect(isHistogramReset(custom([1, 2, 3], [1, 1, 1]), custom([1, 3], [2, 1]))).toBe(true)
  })

  it('is read back with a hint that follows from what was stored before it', () => {
    expect(storedHint(undefined, of([1]))).toBe('unknown')
    expect(storedHint(of([1]), of([2]))).toBe('not_reset')
    expect(storedHint(of([2]), of([1]))).toBe('unknown')
    expect(storedHint(of([1]), of([2], { hint: 'reset' }))).toBe('unknown')
    expect(storedHint(of([1]), of([2], { hint: 'gauge' }))).toBe('gauge')
    expect(storedHint(of([1], { schema: 1 }), of([2], { schema: 0 }))).toBe('unknown')
    const stale = histogram({ sum: STALE[0]! })
    expect(isStaleHistogram(stale)).toBe(true)
    expect(storedHint(stale, of([2]))).toBe('unknown')
  })

  it('is read back as not reset exactly when nothing was reset, whatever the spans (against the rule by bucket index)', () => {
    const side = fc.array(fc.record({ offset: fc.integer({ min: 0, max: 3 }), counts: fc.array(fc.nat(2), { maxLength: 3 }) }), {
      maxLength: 4,
    })
    const layout = fc.record({ start: fc.integer({ min: -4, max: 4 }), side })
    const any = fc.record({ positive: layout, negative: layout, zeroCount: fc.nat(1), count: fc.nat(1) }).map((parts): Histogram => {
      const spans = ({ start, side: list }: typeof parts.positive): Histogram['positiveSpans'] =>
        list.map(({ offset, counts }, i) => ({ offset: i === 0 ? start : offset, length: counts.length }))
      const buckets = ({ side: list }: typeof parts.positive): Float64Array => Float64Array.from(list.flatMap(({ counts }) => counts))
      return histogram({
        count: parts.count,
        zeroCount: parts.zeroCount,
        positiveSpans: spans(parts.positive),
        positiveBuckets: buckets(parts.positive),
        negativeSpans: spans(parts.negative),
        negativeBuckets: buckets(parts.negative),
      })
    })
    let continued = 0
    fc.assert(
      fc.property(any, any, fc.boolean(), (previous, other, same) => {
        // Random layouts rarely continue each other; the same spans with other counts do.
        const next = same ? { ...previous, positiveBuckets: previous.positiveBuckets.map((count, i) => count + (i % 2)) } : other
        const want = isHistogramReset(previous, next) ? 'unknown' : 'not_reset'
        if (want === 'not_reset') continued++
        expect(storedHint(previous, next)).toBe(want)
      }),
      { numRuns: 5_000 },
    )
    expect(continued).toBeGreaterThan(500)
  })
})
