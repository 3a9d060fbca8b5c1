/** A system's own Node may be older than what the programs run on: they go on in the installed one, and the library still works as it is. */
import { freePort, ServerProcess } from '@tsink/testing'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, describe, expect, test } from 'vitest'

const ROOT = join(import.meta.dirname, '../../..')
const CLI = join(ROOT, 'apps/cli/dist/main.js')
const SERVER = join(ROOT, 'apps/server/dist/main.js')
const LIBRARY = join(ROOT, 'packages/tsink/dist/index.js')

const older = olderNode()
const reason = older === null ? 'no Node 20 or 21 on the PATH' : existsSync(CLI) ? null : 'the programs are not built'
const folder = mkdtempSync(join(tmpdir(), 'tsink-older-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe.skipIf(reason !== null)(`on an older Node${reason === null ? '' : ` (skipped, because: ${reason})`}`, () => {
  test('the command line runs and ends with the status of its work', () => {
    expect(spawnSync(older!, [CLI, '--version'], { encoding: 'utf8' })).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/^\d+\.\d+/),
    })
    expect(spawnSync(older!, [CLI, 'no-such-command']).status).toBe(2)
  })

  test('the server stops in order by SIGTERM', async () => {
    const server = await startServer()
    expect(await server.stop()).toBe(0)
  })

  test('the server ends when the process that was started is killed outright', async () => {
    const server = await startServer()
    await server.kill()
    const answer = (): Promise<unknown> => fetch(`${server.url}/ready`).catch(() => 'gone')
    await expect.poll(answer, { timeout: 5_000 }).toBe('gone')
  })

  test('the library runs in a worker thread', () => {
    const program = join(folder, 'worker.mjs')
    writeFileSync(
      program,
      `import { open } from ${JSON.stringify(pathToFileURL(LIBRARY).href)}
       const db = await open(process.argv[2], { worker: true })
       const series = db.series('m', { a: 'b' })
       for (let i = 0; i < 10_000; i++) series.append(1_000 * i, i)
       await db.flush()
       console.log((await db.query('sum_over_time(m[10000s])', { time: 9_999_000 })).value.samples[0].value)
       await db.close()`,
    )
    expect(spawnSync(older!, [program, join(folder, 'in-worker')], { encoding: 'utf8' })).toMatchObject({ status: 0, stdout: '49995000\n' })
  })

  test('the library keeps a store on disk, which one process has at a time, whatever their versions', () => {
    const store = join(folder, 'store')
    const program = join(folder, 'program.mjs')
    writeFileSync(
      program,
      `import { spawnSync } from 'node:child_process'
       import { open } from ${JSON.stringify(pathToFileURL(LIBRARY).href)}
       const [path, ...others] = process.argv.slice(2)
       const db = await open(path).catch((error) => error)
       if (db instanceof Error) { console.log(db.code); process.exit(0) }
       await db.insertRows([{ metric: 'm', labels: { a: 'b' }, timestamp: Date.now(), value: 7 }])
       for (const other of others) process.stdout.write(spawnSync(other, ['--no-warnings', import.meta.filename, path], { encoding: 'utf8' }).stdout)
       console.log(JSON.stringify((await db.query('m')).value.samples[0].value))
       if (process.env.DIE) process.kill(process.pid, 'SIGKILL')
       await db.close()`,
    )
    const run = (node: string, others: string[], env = {}): string =>
      spawnSync(node, ['--no-warnings', program, store, ...others], { encoding: 'utf8', env: { ...process.env, ...env } }).stdout
    const newer = process.execPath
    expect(run(older!, [older!, newer])).toBe('LOCKED\nLOCKED\n7\n')
    expect(run(older!, [], { DIE: '1' })).toBe('7\n')
    expect(run(newer, [older!, newer])).toBe('LOCKED\nLOCKED\n7\n')
    expect(run(newer, [], { DIE: '1' })).toBe('7\n')
    expect(run(older!, [])).toBe('7\n')
  })
})

async function startServer(): Promise<ServerProcess> {
  const server = new ServerProcess([older!, SERVER], await freePort(), [])
  await server.ready()
  return server
}

/** The first Node on the PATH that is too old for the programs, but not for the library. */
function olderNode(): string | null {
  for (const directory of (process.env['PATH'] ?? '').split(delimiter)) {
    const file = join(directory, 'node')
    if (!existsSync(file)) continue
    const { stdout } = spawnSync(file, ['--version'], { encoding: 'utf8' })
    if (/^v2[01]\./.test(stdout ?? '')) return file
  }
  return null
}
