/** The page's files: compressed as the browser takes them, kept for ever where their names tell their content, under any path. */
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { RunningServer } from '@tsink/server'
import { start } from './harness.ts'

const built = existsSync(join(dirname(fileURLToPath(import.meta.resolve('@tsink/ui/package.json'))), 'dist', 'index.html'))

describe.skipIf(!built)(built ? 'the page' : 'the page (skipped, because apps/ui is not built)', () => {
  let server: RunningServer
  beforeAll(async () => {
    server = await start()
  })
  afterAll(() => server.stop())

  test('names its assets relative to itself', async () => {
    const answer = await fetch(`${server.url}/`)
    expect(answer.headers.get('content-security-policy')).toMatch(/^default-src 'self'.*frame-ancestors 'self'/)
    const page = await answer.text()
    const addresses = [...page.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, address]) => address!)
    expect(addresses.length).toBeGreaterThan(2)
    for (const address of addresses) expect(address).toMatch(/^\.\//)
  })

  test('has assets that are the same in every encoding, and never change', async () => {
    const page = await (await fetch(`${server.url}/`)).text()
    const assets = [...page.matchAll(/"\.\/(assets\/[^"]+)"/g)].map(([, address]) => address!)
    expect(assets.length).toBeGreaterThan(1)
    for (const asset of assets) {
      const get = (encoding: string): Promise<Response> => fetch(`${server.url}/${asset}`, { headers: { 'accept-encoding': encoding } })
      const plain = await get('identity')
      expect(plain.headers.get('content-encoding')).toBeNull()
      expect(plain.headers.get('cache-control')).toContain('immutable')
      const text = await plain.text()
      for (const encoding of ['br', 'gzip']) {
        const compressed = await get(encoding)
        expect(compressed.headers.get('content-encoding')).toBe(encoding)
        expect(compressed.headers.get('content-type')).toBe(plain.headers.get('content-type'))
        expect(await compressed.text()).toBe(text)
      }
    }
  })
})
