import { expect, test } from 'vitest'
import { measureSegment } from './segment.bench.ts'

test('the bench of segments runs, and what it writes comes back', async () => {
  const figures = await measureSegment(1_000)
  expect(figures.select.map(({ series }) => series)).toEqual([100, 10, 10, 1_000])
})
