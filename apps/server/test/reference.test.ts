import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { start } from './harness.ts'

test('docs/reference/http-api.md names every path that is served, and no other', async () => {
  const page = readFileSync(new URL('../../../docs/reference/http-api.md', import.meta.url), 'utf8')
  const named = new Set([...page.matchAll(/`(\/[^`\s?]*)`/g)].map(([, path]) => path!))
  const server = await start()
  await server.stop()
  // The page's own files are served beside it.
  const served = [...server.context.paths].filter(
    (path) => !/^\/(?:assets\/.*|index\.html|favicon.*|.*\.(?:svg|js|css|png|ico|webmanifest))$/.test(path),
  )
  expect(served.filter((path) => !named.has(path))).toEqual([])
  expect([...named].filter((path) => !served.includes(path))).toEqual([])
})

test('administration works as the page says: snapshots, segments, verification', async () => {
  const server = await start('--enable-admin-api')
  try {
    const admin = (path: string): Promise<Response> => fetch(`${server.url}/api/v1/admin/tsdb/${path}`, { method: 'POST' })
    await fetch(`${server.url}/api/v1/import/prometheus`, { method: 'POST', body: 'a{i="1"} 1 1705315800000\na{i="2"} 2 1705315800000\n' })
    expect((await admin('flush')).status).toBe(204)
    const blocks = (await (await fetch(`${server.url}/api/v1/status/tsdb/blocks`)).json()) as {
      data: { blocks: { stats: { numSamples: number } }[] }
    }
    expect(blocks.data.blocks.map(({ stats }) => stats.numSamples)).toEqual([2])
    const verified = (await (await admin('verify')).json()) as { data: { samples: number; problems: unknown[] } }
    expect(verified.data).toMatchObject({ samples: 2, problems: [] })
    const snapshot = (await (await admin('snapshot')).json()) as { data: { name: string } }
    expect(snapshot.data.name).toMatch(/^\d{8}T\d{6}Z-[0-9a-f]{8}$/)
    const deleted = await admin('delete_series?match[]=a{i="1"}')
    expect(deleted.status).toBe(204)
    const count = async (): Promise<number> => {
      const response = await fetch(`${server.url}/api/v1/query?query=a&time=1705315800`)
      return ((await response.json()) as { data: { result: unknown[] } }).data.result.length
    }
    expect(await count()).toBe(1)
    expect((await admin(`undelete?sequence=${deleted.headers.get('x-tsink-sequence')}`)).status).toBe(204)
    expect(await count()).toBe(2)
    expect((await admin('clean_tombstones')).status).toBe(204)
  } finally {
    await server.stop()
  }
})
