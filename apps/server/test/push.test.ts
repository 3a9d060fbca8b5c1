/** The path of the Pushgateway. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { RunningServer } from '@tsink/server'
import { get, start } from './harness.ts'

let server: RunningServer
beforeAll(async () => {
  server = await start()
})
afterAll(() => server.stop())

const push = (path: string, body: string, method = 'POST'): Promise<Response> => fetch(server.url + path, { method, body })

test('a pushed group gives its labels to every series', async () => {
  expect((await push('/metrics/job/backup/instance/db1', 'backup_bytes{job="own",disk="a"} 5\n')).status).toBe(200)
  expect((await push('/metrics/job@base64/YS9i', '# TYPE x counter\nx 1\n', 'PUT')).status).toBe(200)
  const { body } = await get(server, '/api/v1/query?query=backup_bytes')
  expect((body.data as { result: { metric: object }[] }).result.map(({ metric }) => metric)).toEqual([
    { __name__: 'backup_bytes', disk: 'a', instance: 'db1', job: 'backup' },
  ])
})

test('values with slashes come encoded in either way', async () => {
  expect((await push('/metrics/job/paths/dir@base64/L3Zhci90bXA', 'done 2\n', 'PUT')).status).toBe(200)
  expect((await push('/metrics/job/paths/dir/%2Fvar%2Ftmp%20x', 'done 3\n')).status).toBe(200)
  const { body } = await get(server, '/api/v1/query?query=sort(done)')
  expect((body.data as { result: { metric: object }[] }).result.map(({ metric }) => metric)).toEqual([
    { __name__: 'done', dir: '/var/tmp', job: 'paths' },
    { __name__: 'done', dir: '/var/tmp x', job: 'paths' },
  ])
})

test('a path that names no group is refused, and so is a body that is none', async () => {
  expect((await push('/metrics/instance/x', 'a 1\n')).status).toBe(400)
  expect((await push('/metrics/job/backup/odd', 'a 1\n')).status).toBe(400)
  const bad = await push('/metrics/job/x', 'a 1\nb{\n')
  expect([bad.status, await bad.text()]).toEqual([400, expect.stringContaining('line 2')])
})
