import { histogram, isStale, lowerBound, SampleBuffer, STALE } from '@tsink/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

describe('the stale marker', () => {
  it('is told from every other NaN and number by its bits', () => {
    const values = Float64Array.of(NaN, 0, Infinity, 0 / 0)
    for (let i = 0; i < values.length; i++) expect(isStale(values, i)).toBe(false)
    values.set(STALE, 2)
    expect(isStale(values, 2)).toBe(true)
    expect(new BigUint64Array(STALE.buffer)[0]).toBe(0x7ff0000000000002n)
  })
})

describe('a sample buffer', () => {
  it('grows and keeps what it holds', () => {
    const buffer = new SampleBuffer()
    for (let i = 0; i < 5_000; i++) buffer.push(i, i * 2)
    expect(buffer.count).toBe(5_000)
    expect([buffer.timestamps[4_999], buffer.values[4_999]]).toEqual([4_999, 9_998])
    expect(buffer.capacity).toBeGreaterThanOrEqual(5_000)
  })

  it('forgets everything but its memory', () => {
    const buffer = new SampleBuffer()
    buffer.pushHistogram(1, histogram({ sum: 3 }))
    const capacity = buffer.capacity
    buffer.clear()
    expect([buffer.count, buffer.histograms, buffer.kind, buffer.capacity]).toEqual([0, null, 'f64', capacity])
  })

  it('keeps integer columns in step with the others', () => {
    const buffer = new SampleBuffer()
    buffer.begin('i64')
    buffer.reserve(1)
    buffer.integers![0] = -5n
    buffer.count = 1
    buffer.reserve(10_000)
    expect(buffer.integers![0]).toBe(-5n)
    expect(buffer.integers!.length).toBe(buffer.timestamps.length)
  })
})

describe('the lower bound', () => {
  it('is the first index at or after a time', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer()), fc.integer(), (times, time) => {
        const sorted = Float64Array.from(times).sort()
        const want = sorted.findIndex((t) => t >= time)
        return lowerBound(sorted, sorted.length, time) === (want < 0 ? sorted.length : want)
      }),
    )
  })
})
