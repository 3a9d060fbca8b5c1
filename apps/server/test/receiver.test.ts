/** The requests of the field's suite for receivers of remote write 2.0, judged by its expectations. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { corpus } from '@tsink/testing'
import type { RunningServer } from '@tsink/server'
import { start } from './harness.ts'

interface Exchange {
  readonly id: number
  readonly test: string
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  readonly bodyBase64: string
  readonly rfcLevel: string
  readonly expect: {
    readonly success: boolean
    readonly samples: number
    readonly histograms: number
    readonly exemplars: number
    readonly strict204: boolean
    readonly exactCode: number
  }
  readonly prometheus314: { readonly status: number }
}

const folder = corpus('remote-write')

/** Where the suite and the reference differ, either answer counts. */
const EITHER: readonly number[] = [12, 13, 198, 199]

describe.skipIf(folder.skip !== null)(
  `requests of the remote-write receiver suite${folder.skip === null ? '' : ` (${folder.skip})`}`,
  () => {
    let server: RunningServer
    beforeAll(async () => {
      server = await start()
    })
    afterAll(() => server.stop())

    test('are taken and refused as it expects', async () => {
      const exchanges = readFileSync(join(folder.path!, 'receiver_v2_requests.jsonl'), 'utf8')
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as Exchange)
      const wrong: string[] = []
      for (const exchange of exchanges) {
        const found = await replay(server.url, exchange)
        if (found !== null) wrong.push(`${exchange.id} (${exchange.rfcLevel}) ${exchange.test}: ${found}`)
      }
      process.stdout.write(`remote write 2.0 receiver: ${exchanges.length - wrong.length} of ${exchanges.length}\n`)
      expect(wrong).toEqual([])
    }, 60_000)
  },
)

async function replay(url: string, { id, method, headers, bodyBase64, expect: want, prometheus314 }: Exchange): Promise<string | null> {
  const response = await fetch(`${url}/api/v1/write`, { method, headers, body: Buffer.from(bodyBase64, 'base64') as BodyInit })
  const text = (await response.text()).trim()
  if (EITHER.includes(id) && response.status === prometheus314.status) return null
  if (want.success !== response.ok) return `got ${response.status}: ${text}`
  if (want.strict204 && response.status !== 204) return `want 204, got ${response.status}`
  if (want.exactCode > 0 && response.status !== want.exactCode) return `want ${want.exactCode}, got ${response.status}: ${text}`
  // Version 1.0 is told by the status alone: its senders would count these headers wrongly.
  if (!headers['Content-Type']?.includes('v2.Request'))
    return response.headers.has('x-prometheus-remote-write-samples-written') ? 'a 1.0 sender got Written headers' : null
  for (const kind of ['samples', 'histograms', 'exemplars'] as const) {
    const header = response.headers.get(`x-prometheus-remote-write-${kind}-written`)
    if (header === null) {
      if (want.success) return `no ${kind} header`
      continue
    }
    const written = Number(header)
    if (want.success ? written !== want[kind] : written > want[kind]) return `want ${want[kind]} ${kind} written, got ${written}`
  }
  return null
}
