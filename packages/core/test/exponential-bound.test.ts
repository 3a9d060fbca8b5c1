/** Bounds of exponential buckets, bit by bit as Prometheus prints them. */
import { exponentialBound } from '@tsink/core'
import { describe, expect, test } from 'vitest'

describe('the upper bound of an exponential bucket', () => {
  test('has the last bits of the reference, which are not those of the correctly rounded power', () => {
    expect([1, 2, 3].map((index) => exponentialBound(1, index))).toEqual([1.414213562373095, 2, 2.82842712474619])
    expect([-1, 1, 2, 3].map((index) => exponentialBound(2, index))).toEqual([
      0.8408964152537144, 1.189207115002721, 1.414213562373095, 1.6817928305074288,
    ])
    expect(exponentialBound(3, 7) / 2).toBe(0.9170040432046711)
    expect(exponentialBound(8, 1) / 2).toBe(0.5013556375251013)
    expect(exponentialBound(8, 189) / 2).toBe(0.8340936325652911)
    expect(exponentialBound(8, -1)).toBe(0.9972960560854698)
  })

  test('is the same for one index as for twice the index of the next finer schema', () => {
    for (let schema = -4; schema < 8; schema++) {
      for (let index = -40; index <= 40; index++) expect(exponentialBound(schema + 1, 2 * index)).toBe(exponentialBound(schema, index))
    }
  })

  test('ends at the largest double, before the bucket of infinities', () => {
    for (let schema = -4; schema <= 8; schema++) {
      const last = 1_024 * 2 ** schema
      expect(exponentialBound(schema, last)).toBe(Number.MAX_VALUE)
      expect(exponentialBound(schema, last + 1)).toBe(Infinity)
    }
  })
})
