import { expect, test } from 'vitest'
import { engine } from '@tsink/bench'

// At toy size, so that the suite cannot rot: every store reads back the same samples, or the suite throws. Times and sizes mean nothing here.
test('the engine suite runs, and all stores agree', async () => {
  const { text, goals } = await engine({ quick: true })
  expect(text).toContain('sqlite by series')
  expect(text).toContain('one series in memory')
  expect(goals.length).toBeGreaterThanOrEqual(10)
}, 120_000)
