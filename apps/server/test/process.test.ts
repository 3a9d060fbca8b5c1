/** The server as a process: its start, its end, and what it says when it cannot start. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { get as httpsGet } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { loadConfig, startServer } from '@tsink/server'
import { encodeRemoteWrite, freePort, REMOTE_WRITE_HEADERS, ServerProcess } from '@tsink/testing'

const folders: string[] = []
const command = [process.execPath, '--conditions=@tsink/source', join(import.meta.dirname, '../src/main.ts')]

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'tsink-process-'))
  folders.push(path)
  return path
}

afterAll(() => {
  for (const path of folders) rmSync(path, { recursive: true, force: true })
})

async function launch(dataPath: string, ...args: string[]): Promise<ServerProcess> {
  const server = new ServerProcess(command, await freePort(), ['--data-path', dataPath, '--retention', '100y', ...args])
  await server.ready()
  return server
}

const T = 1_705_315_800_000

async function write(server: ServerProcess, name: string, value: number): Promise<void> {
  const body = encodeRemoteWrite([{ labels: [['__name__', name]], timestamps: [T], values: Float64Array.of(value) }])
  const response = await fetch(`${server.url}/api/v1/write`, { method: 'POST', headers: REMOTE_WRITE_HEADERS, body: body as BodyInit })
  expect(response.status).toBe(204)
}

async function read(server: ServerProcess, name: string): Promise<string | undefined> {
  const response = await fetch(`${server.url}/api/v1/query?query=${name}&time=${T / 1_000}`)
  const { data } = (await response.json()) as { data: { result: { value: [number, string] }[] } }
  return data.result[0]?.value[1]
}

// Each case starts processes, which takes seconds on a machine that is busy.
describe('a server process', { timeout: 180_000 }, () => {
  test('keeps what it acknowledged through kill -9, and starts again at once', async () => {
    const dataPath = folder()
    const first = await launch(dataPath)
    await write(first, 'survivor', 42)
    await first.kill()
    const second = await launch(dataPath)
    expect(await read(second, 'survivor')).toBe('42')
    await write(second, 'survivor', 43)
    await second.kill()
    const third = await launch(dataPath)
    expect(await read(third, 'survivor')).toBe('43')
    expect(await third.stop()).toBe(0)
  })

  test('makes everything durable on SIGTERM and ends with 0', async () => {
    const dataPath = folder()
    const first = await launch(dataPath, '--wal-sync-mode', 'os')
    await write(first, 'orderly', 1)
    expect(await first.stop()).toBe(0)
    const second = await launch(dataPath)
    expect(await read(second, 'orderly')).toBe('1')
    expect(await second.stop()).toBe(0)
  })

  test('refuses a folder that another one has open, and leaves that one alone', async () => {
    const dataPath = folder()
    const first = await launch(dataPath)
    const second = fail('--data-path', dataPath, '--listen', `127.0.0.1:${await freePort()}`)
    expect(second.status).toBe(2)
    expect(second.line).toContain(dataPath)
    await write(first, 'undisturbed', 1)
    expect(await first.stop()).toBe(0)
  })

  test('says in one line why it cannot start, and ends with 2', async () => {
    expect(fail('--frobnicate')).toEqual({ status: 2, line: 'tsink-server: unknown flag --frobnicate' })
    const file = join(folder(), 'file')
    writeFileSync(file, '')
    expect(fail('--listen', '127.0.0.1:0', '--data-path', file)).toMatchObject({ status: 2, line: expect.stringContaining(file) })
    const busy = createServer().listen(0, '127.0.0.1')
    await new Promise((done) => busy.once('listening', done))
    const { port } = busy.address() as { port: number }
    const taken = fail('--listen', `127.0.0.1:${port}`)
    busy.close()
    expect(taken).toEqual({ status: 2, line: `tsink-server: cannot listen on 127.0.0.1:${port}: the port is taken` })
  })

  test('names a file that it cannot read', () => {
    const missing = join(folder(), 'none.pem')
    for (const flags of [
      ['--auth-token-file', missing],
      ['--tls-cert', missing, '--tls-key', missing],
    ]) {
      const { status, line } = fail('--listen', '127.0.0.1:0', ...flags)
      expect([status, line]).toEqual([2, `tsink-server: ${flags[0]}: cannot read ${missing}: ENOENT`])
    }
  })

  test.skipIf(!hasOpenssl())('serves HTTPS with a certificate (skipped, because there is no openssl, where there is none)', async () => {
    const path = folder()
    const [cert, key] = [join(path, 'cert.pem'), join(path, 'key.pem')]
    const made = spawnSync('openssl', [
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-keyout',
      key,
      '-out',
      cert,
      '-days',
      '2',
      '-subj',
      '/CN=localhost',
      '-addext',
      'subjectAltName=IP:127.0.0.1',
    ])
    expect(made.status).toBe(0)
    const server = await startServer(
      await loadConfig(['--listen', '127.0.0.1:0', '--log-level', 'fatal', '--tls-cert', cert, '--tls-key', key], {}),
    )
    try {
      await server.ready
      expect(server.url).toMatch(/^https:/)
      const body = await new Promise<string>((resolve, reject) => {
        httpsGet(`${server.url}/ready`, { ca: readFileSync(cert) }, (response) => {
          let text = ''
          response.on('data', (chunk: Buffer) => (text += chunk.toString()))
          response.on('end', () => resolve(text))
        }).on('error', reject)
      })
      expect(body).toBe('ready')
    } finally {
      await server.stop()
    }
  })

  test('prints its help and its version', () => {
    expect(spawnSync(command[0]!, [...command.slice(1), '--help'], { encoding: 'utf8' }).stdout).toContain('--data-path')
    expect(spawnSync(command[0]!, [...command.slice(1), '--version'], { encoding: 'utf8' }).stdout).toMatch(/^tsink \d+\.\d+\.\d+\n$/)
  })
})

/** Runs a server that is expected not to start. */
function fail(...args: string[]): { readonly status: number | null; readonly line: string } {
  const { status, stderr } = spawnSync(command[0]!, [...command.slice(1), '--log-level', 'silent', ...args], {
    encoding: 'utf8',
    timeout: 20_000,
  })
  return { status, line: stderr.trimEnd() }
}

function hasOpenssl(): boolean {
  return spawnSync('openssl', ['version']).status === 0
}
