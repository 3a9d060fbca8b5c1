import { expect, test } from 'vitest'
import { codecs } from '@tsink/bench'

// At toy size, so that the suite cannot rot. Its checksums and its sizes hold; its times mean nothing here.
test('the codecs suite runs, loses no bit, and meets its goals of size', async () => {
  const { text, goals } = await codecs({ quick: true })
  expect(text).toContain('node_exporter mix')
  const sizes = goals.filter(({ name }) => /bytes|in total/.test(name))
  expect(sizes.length).toBeGreaterThanOrEqual(1)
  for (const goal of sizes) expect(goal, goal.name).toMatchObject({ met: true })
})
