/** A target with very much to say does not keep everybody else waiting. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { get } from './harness.ts'
import { watchTurns } from './large.ts'
import { Scraping } from './scrape-harness.ts'
import { ScrapeTarget } from './scrape-target.ts'

const LINES = 150_000
let target: ScrapeTarget
let scraping: Scraping

beforeAll(async () => {
  const lines = Array.from({ length: LINES }, (_, i) => `large{path="/some/path/that/is/long/${i}",code="200"} ${i}\n`)
  target = await ScrapeTarget.open(Buffer.from(lines.join('')))
})
afterAll(async () => {
  await scraping.close()
  await target.close()
})

test('its lines are read, worked out and stored in slices', async () => {
  scraping = await Scraping.open(
    `  - { job_name: large, scrape_interval: 6s, scrape_timeout: 6s, static_configs: [{ targets: ['${target.address}'] }] }\n`,
  )
  const { server } = scraping
  let samples: string | undefined
  let watched: ReturnType<typeof watchTurns> | null = null
  for (let i = 0; samples !== String(LINES) && i < 700; i++) {
    // From when the target was asked on.
    if (target.requests.length > 0) watched ??= watchTurns()
    const { body } = await get(server, '/api/v1/query?query=scrape_samples_scraped')
    samples = (body.data as { result: { value: [number, string] }[] }).result[0]?.value[1]
    await new Promise((done) => setTimeout(done, 50))
  }
  const { longest, total } = watched!()
  expect(samples).toBe(String(LINES))
  // In one go, as it once was, it would be half of it all.
  expect(longest).toBeLessThan(total / 6)
}, 60_000)
