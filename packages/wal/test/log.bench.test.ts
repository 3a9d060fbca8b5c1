import { tmpdir } from 'node:os'
import { expect, test } from 'vitest'
import { measureLog } from './log.bench.ts'

test('the bench of the log runs, and every record that it appends comes back', async () => {
  const figures = await measureLog(tmpdir(), 0.01)
  expect(figures.records).toBeGreaterThan(500)
  expect(figures.commitsPerSecond.get(64)).toBeGreaterThan(figures.commitsPerSecond.get(1)!)
})
