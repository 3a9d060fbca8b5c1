/** Prometheus's compliance queries over HTTP: the data comes in by remote write, the answers must be the reference's. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { corpus } from '@tsink/testing'
import type { RunningServer } from '@tsink/server'
import { difference } from './answers.ts'
import { loadDemo } from './demo.ts'
import { start } from './harness.ts'

interface Golden {
  readonly id: number
  readonly query: string
  readonly kind: string
  readonly start: string
  readonly end: string
  readonly step: string
  readonly status: number
  readonly data?: unknown
  readonly warnings?: unknown
  readonly infos?: unknown
}

const demo = corpus('promql-compliance')

describe.skipIf(demo.skip !== null)(`the compliance queries${demo.skip === null ? '' : ` (${demo.skip})`}`, () => {
  let server: RunningServer
  beforeAll(async () => {
    server = await start()
    await loadDemo(server.url, demo.path!)
  })
  afterAll(() => server.stop())

  test('get the answers of the reference', async () => {
    const cases = readFileSync(join(demo.path!, 'golden-range.jsonl'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Golden)
    const wrong: string[] = []
    for (const golden of cases) {
      const { query, start: from, end, step } = golden
      const response = await fetch(`${server.url}/api/v1/query_range?${new URLSearchParams({ query, start: from, end, step })}`)
      const body = (await response.json()) as { data?: unknown }
      const found =
        response.status === golden.status ? difference(golden.data, body.data) : `status ${response.status}: ${JSON.stringify(body)}`
      if (found !== null) wrong.push(`${golden.id} ${query}: ${found}`)
    }
    process.stdout.write(`promql-compliance over HTTP: ${cases.length - wrong.length} of ${cases.length}\n`)
    expect(wrong).toEqual([])
  }, 120_000)
})
