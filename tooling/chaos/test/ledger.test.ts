/** The checker itself: it must see every kind of fault, and be content where there is none. */
import { describe, expect, test } from 'vitest'
import { Ledger, seeded, valueOf } from '@tsink/chaos'

const T = 1_000

function sent(): Ledger {
  const ledger = new Ledger()
  expect(ledger.send('a', T, 3)).toBe(T)
  ledger.acknowledge('a', T, 3)
  // Sent, and never acknowledged.
  expect(ledger.send('a', T, 2)).toBe(T + 3)
  return ledger
}

function stored(...times: number[]): Map<number, number> {
  return new Map(times.map((time) => [time, valueOf(time)]))
}

describe('the ledger', () => {
  test('is content with what was acknowledged, with or without what was not', () => {
    expect(sent().check('a', stored(T, T + 1, T + 2))).toEqual([])
    expect(sent().check('a', stored(T, T + 1, T + 2, T + 3, T + 4))).toEqual([])
    expect(sent().acknowledgedSamples).toBe(3)
  })

  test('sees a sample that was acknowledged and is gone', () => {
    expect(sent().check('a', stored(T, T + 2))).toEqual([{ labels: 'a', timestamp: T + 1, problem: 'acknowledged, and not there' }])
  })

  test('sees a sample that nobody sent', () => {
    expect(sent().check('a', stored(T, T + 1, T + 2, T + 9))).toMatchObject([{ timestamp: T + 9, problem: 'there, and never sent' }])
  })

  test('sees a value that is not the one that was sent', () => {
    expect(sent().check('a', new Map([...stored(T, T + 1, T + 2), [T + 1, 5]]))).toMatchObject([{ timestamp: T + 1 }])
  })

  test('tells neighbours apart by their values', () => {
    const values = new Set(Array.from({ length: 1_000 }, (_, i) => valueOf(1_795_653_461_000 + i)))
    expect(values.size).toBe(1_000)
  })
})

test('a seed repeats its numbers', () => {
  const [a, b] = [seeded(7), seeded(7)]
  const numbers = Array.from({ length: 100 }, () => a())
  expect(numbers).toEqual(Array.from({ length: 100 }, () => b()))
  expect(numbers.every((number) => number >= 0 && number < 1)).toBe(true)
  expect(new Set(numbers).size).toBe(100)
})
