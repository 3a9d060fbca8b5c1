/** The answers of a real Prometheus to 220 requests, in two configurations, asked again of this server. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { corpus } from '@tsink/testing'
import type { RunningServer } from '@tsink/server'
import { difference } from './answers.ts'
import { loadDemo, loadEdgeCases } from './demo.ts'
import { start } from './harness.ts'

interface Recorded {
  readonly id: number
  readonly name: string
  readonly method: string
  readonly path: string
  readonly params: readonly (readonly [string, string])[]
  readonly headers?: Readonly<Record<string, string>>
  readonly rawBodyLatin1?: string
  readonly status: number
  readonly responseHeaders: Readonly<Record<string, string>>
  readonly json?: unknown
  readonly text?: string
  readonly volatile?: readonly string[]
}

/** Where we answer otherwise on purpose, by request number, and why. */
const DIFFERENT: Readonly<Record<number, string>> = {
  10: 'a time that is no number is refused; the reference lets it overflow',
  11: 'a time that is no number is refused; the reference lets it overflow',
  165: 'which series remain under a limit is open',
  207: 'metadata of remote write 2.0 is kept and shown',
  208: 'metadata of remote write 2.0 is kept and shown',
  211: 'metadata of remote write 2.0 is kept and shown',
  219: 'our settings are not those of the reference',
  223: 'our features are not those of the reference',
  225: 'the memory of labels is counted as the bytes of their values',
  231: 'our settings are not those of the reference',
  268: 'a damaged body is told with what is wrong and where',
  269: 'a damaged body is told with what is wrong and where',
  272: 'in our own words',
  277: 'a damaged body is told with what is wrong and where',
  273: 'in our own words, since zstd is taken too',
}

const DIFFERENT_FROM_STOCK: Readonly<Record<number, string>> = {
  ...DIFFERENT,
  200: 'exemplars are always stored',
  202: 'exemplars are always stored',
  203: 'exemplars are always stored',
  279: 'OTLP needs no switch',
}

const DIFFERENT_FROM_FEATURES: Readonly<Record<number, string>> = {
  ...DIFFERENT,
  284: 'a limit cuts what is sorted; the reference sorts what it has cut',
  289: 'scores are our own; the order is the same',
  280: 'an empty answer in JSON is an object',
  281: 'in our own words',
}

const FEATURES =
  'promql-experimental-functions,promql-extended-range-selectors,promql-binop-fill-modifiers,promql-per-step-stats,search-api'

const api = corpus('http-api')
const demo = corpus('promql-compliance')
const absent = api.skip ?? demo.skip

for (const [name, flags, different] of [
  ['stock', [], DIFFERENT_FROM_STOCK],
  ['features', ['--enable-admin-api', '--enable-feature', FEATURES], DIFFERENT_FROM_FEATURES],
] as const) {
  describe.skipIf(absent !== null)(`a ${name} Prometheus${absent === null ? '' : ` (${absent})`}`, () => {
    let server: RunningServer

    beforeAll(async () => {
      server = await start(...flags)
      await loadEdgeCases(server.url, api.path!)
      await loadDemo(server.url, demo.path!)
    })
    afterAll(() => server.stop())

    test('and this server give the same answers', async () => {
      const lines = readFileSync(join(api.path!, `${name}.jsonl`), 'utf8')
        .trim()
        .split('\n')
      const wrong: string[] = []
      let same = 0
      for (const request of lines.map((line) => JSON.parse(line) as Recorded)) {
        const found = await ask(server.url, request)
        if (found === null) same++
        const reason = different[request.id]
        if (found !== null && reason === undefined) wrong.push(`${request.id} ${request.name}: ${found}`)
        // A difference that is gone must leave the list.
        if (found === null && reason !== undefined) wrong.push(`${request.id} ${request.name}: listed as different, and the same`)
      }
      process.stdout.write(
        `http-api ${name}: ${same} of ${lines.length} answers as recorded; ${lines.length - same - wrong.length} differ on purpose\n`,
      )
      expect(wrong).toEqual([])
    }, 60_000)
  })
}

async function ask(url: string, request: Recorded): Promise<string | null> {
  const parameters = new URLSearchParams(request.params as [string, string][])
  const isForm = request.headers?.['Content-Type'] === 'application/x-www-form-urlencoded'
  const query = isForm || request.params.length === 0 ? '' : `?${parameters}`
  const raw = request.rawBodyLatin1 === undefined ? undefined : Buffer.from(request.rawBodyLatin1, 'latin1')
  const response = await fetch(`${url}${request.path}${query}`, {
    method: request.method,
    headers: request.headers ?? {},
    ...(isForm ? { body: parameters.toString() } : raw === undefined ? {} : { body: raw as BodyInit }),
  })
  const text = await response.text()
  if (response.status !== request.status) return `status: want ${request.status}, got ${response.status}: ${text.slice(0, 300)}`
  for (const header of [
    'Content-Type',
    'Allow',
    'Access-Control-Allow-Origin',
    'Access-Control-Allow-Methods',
    'X-Prometheus-Remote-Write-Samples-Written',
  ]) {
    const want = request.responseHeaders[header]
    if (want !== undefined && response.headers.get(header) !== want) return `${header}: want ${want}, got ${response.headers.get(header)}`
  }
  const ignored = request.volatile ?? []
  if (ignored.includes('whole')) return null
  if (request.json !== undefined) {
    const got: unknown = JSON.parse(text)
    return ignored.includes('values; keys matter') ? difference(keysOf(request.json), keysOf(got)) : difference(request.json, got, ignored)
  }
  return request.text === undefined || request.text === text
    ? null
    : `text: want ${JSON.stringify(request.text)}, got ${JSON.stringify(text)}`
}

function keysOf(json: unknown): unknown {
  return Object.keys((json as { data: object }).data).toSorted()
}
