/** What is stored against what is wanted: the comparison must see everything that differs. */
import { expect, test } from 'vitest'
import { printSeries, unlike, untilSame } from '@tsink/acceptance'

test('a series is written as in PromQL, labels in order', () => {
  expect(printSeries({ b: 'x"y', __name__: 'up', a: '1' })).toBe('up{a="1",b="x\\"y"}')
  expect(printSeries({ __name__: 'up' })).toBe('up')
  expect(printSeries({})).toBe('')
})

test('what is lacking, what is too much and what differs is told', () => {
  expect(unlike({ a: '1@2' }, { a: '1@2' })).toEqual([])
  expect(unlike({ a: '1@2', b: '1' }, { a: '1@3', c: '4' })).toEqual(['a is 1@3, not 1@2', 'b is not there', 'c 4 should not be there'])
})

test('waiting ends when it is there, fails when it does not come, and never holds of nothing', async () => {
  let reads = 0
  const read = (): Promise<Record<string, string>> => Promise.resolve(reads++ < 2 ? {} : { a: '1' })
  await untilSame(read, { a: '1' })
  expect(reads).toBe(3)
  await expect(untilSame(read, { a: '2' }, 0)).rejects.toThrow('a is 1, not 2')
  await expect(untilSame(read, {})).rejects.toThrow('cannot fail')
})
