import { expect, test } from 'vitest'
import { protocols } from '@tsink/bench'

// At toy size, so that the suite cannot rot. Every contender sees the same samples; times mean nothing.
test('the protocols suite runs, and its contenders agree', async () => {
  const { text, goals } = await protocols({ quick: true })
  expect(text).toContain('remote write into an engine with its log')
  expect(goals.length).toBe(8)
}, 60_000)
