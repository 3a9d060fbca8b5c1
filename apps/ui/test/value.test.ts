/** Values, label sets and lengths of time as people read and write them. */
import { expect, test } from 'vitest'
import { parseLength, printBytes, printLabels, printLength, printShort, splitCommon, stepFor } from '@tsink/ui'

test('numbers are short', () => {
  const shown = [0, 1, 999, 1_000, 12_345_678, -2.5e9, 1e-5, Infinity, Number.NaN, 0.123456789].map(printShort)
  expect(shown).toEqual(['0', '1', '999', '1k', '12.346M', '-2.5G', '1e-5', '∞', 'NaN', '0.12346'])
  expect([0, 1_023, 1_024, 3_000_000].map(printBytes)).toEqual(['0 B', '1023 B', '1.0 KiB', '2.9 MiB'])
})

test('label sets are PromQL', () => {
  expect(printLabels({ __name__: 'up' })).toBe('up')
  expect(printLabels({ __name__: 'up', job: 'a"b' })).toBe('up{job="a\\"b"}')
  expect(printLabels({ __name__: 'ü.x', 'a.b': 'c' })).toBe('{"ü.x", "a.b"="c"}')
  expect(printLabels({ job: 'a' })).toBe('{job="a"}')
  expect(printLabels({})).toBe('{}')
})

test('what all label sets have is told once', () => {
  const { common, rest } = splitCommon([
    { __name__: 'up', job: 'a' },
    { __name__: 'up', job: 'b' },
  ])
  expect([common, rest]).toEqual([{ __name__: 'up' }, [{ job: 'a' }, { job: 'b' }]])
  expect(splitCommon([{ job: 'a' }])).toEqual({ common: {}, rest: [{ job: 'a' }] })
})

test('lengths of time are read and written', () => {
  expect(['90', '1h30m', '2d', '500ms', '1y', ' 5m '].map(parseLength)).toEqual([90, 5_400, 172_800, 0.5, 31_536_000, 300])
  expect(['', 'x', '5', '0s', '1h x'].map(parseLength)).toEqual([null, null, 5, null, null])
  expect([90, 5_400, 172_800, 0.5].map(printLength)).toEqual(['1m30s', '1h30m', '2d', '500ms'])
})

test('steps are round, and give about as many points as are wanted', () => {
  for (const range of [60, 3_600, 43_200, 604_800, 31_536_000]) {
    const points = range / stepFor(range, 480)
    expect(points).toBeLessThanOrEqual(480)
    expect(points).toBeGreaterThan(range < 480 ? 50 : 150)
  }
})
