import { expect, test } from 'vitest'
import { promql } from '@tsink/bench'

// At toy size, so that the suite cannot rot. The evaluators agree, the streaming and the refusing query keep their bounds; times mean nothing.
test('the promql suite runs, and its bounds of memory hold', async () => {
  const { text, goals } = await promql({ quick: true })
  expect(text).toContain('rate(requests_total[5m])')
  for (const goal of goals.filter(({ name }) => name.startsWith('sum by') || name.startsWith('a query'))) {
    expect(goal, goal.name).toMatchObject({ met: true })
  }
}, 60_000)
