/** The command line as people run it: real processes, files and a real server. */
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { loadConfig, startServer, type RunningServer } from '@tsink/server'

const folder = mkdtempSync(join(tmpdir(), 'tsink-cli-'))
const T = 1_705_315_800
let server: RunningServer

beforeAll(async () => {
  server = await startServer(await loadConfig(['--listen', '127.0.0.1:0', '--log-level', 'fatal', '--retention', '0'], {}))
  await server.ready
})

afterAll(async () => {
  await server.stop()
  rmSync(folder, { recursive: true, force: true })
})

interface Run {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

function tsink(args: readonly string[], input = ''): Promise<Run> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ['--conditions=@tsink/source', join(import.meta.dirname, '../src/main.ts'), ...args])
    let [stdout, stderr] = ['', '']
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()))
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
    child.once('close', (status) => resolve({ status, stdout, stderr }))
    child.stdin.end(input)
  })
}

function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

// Each case starts processes, which takes seconds on a machine that is busy.
describe('tsink import and query', { timeout: 180_000 }, () => {
  test('go through a server', async () => {
    const plain = file('one.txt', `room{name="kitchen"} 21.5 ${T}000\n`)
    const packed = file('two.txt.gz', gzipSync(`room{name="cellar"} 12 ${T}000\n`))
    expect(await tsink(['import', plain, packed, '--url', server.url])).toMatchObject({ status: 0 })
    expect(await tsink(['import', '-', '--url', server.url], `room{name="attic"} 30 ${T}000\n`)).toMatchObject({ status: 0 })
    const table = await tsink(['query', 'sort(room)', '--time', String(T), '--url', server.url])
    expect(table).toMatchObject({ status: 0, stderr: '' })
    expect(table.stdout).toBe(
      'room{name="cellar"}   12    2024-01-15T10:50:00.000Z\n' +
        'room{name="kitchen"}  21.5  2024-01-15T10:50:00.000Z\n' +
        'room{name="attic"}    30    2024-01-15T10:50:00.000Z\n',
    )
    const json = await tsink([
      'query',
      'sum(room)',
      '--start',
      String(T),
      '--end',
      String(T + 60),
      '--step',
      '1m',
      '--output',
      'json',
      '--url',
      server.url,
    ])
    expect(JSON.parse(json.stdout).data.result).toEqual([
      {
        metric: {},
        values: [
          [T, '63.5'],
          [T + 60, '63.5'],
        ],
      },
    ])
  })

  test('go through a data folder without a server', async () => {
    const dataPath = join(folder, 'data')
    mkdirSync(dataPath)
    const text = file('folder.txt', `kept 5 ${T}000\n`)
    expect(await tsink(['import', text, '--data-path', dataPath])).toMatchObject({ status: 0 })
    const { stdout, status } = await tsink(['query', 'kept', '--time', String(T), '--data-path', dataPath])
    expect([status, stdout]).toEqual([0, 'kept  5  2024-01-15T10:50:00.000Z\n'])
  })

  test('carry on after bad lines, and say where they are', async () => {
    const bad = file('bad.txt', `fine 1 ${T}000\nnot a sample\nfine_too 2 ${T}000\n`)
    const run = await tsink(['import', bad, '--url', server.url])
    expect(run.status).toBe(1)
    expect(run.stderr).toContain('bad.txt')
    expect(run.stderr).toContain('line 2')
    expect((await tsink(['query', 'fine + on() fine_too', '--time', String(T), '--url', server.url])).stdout).toContain('3')
  })
})

describe('tsink export', { timeout: 180_000 }, () => {
  test('writes what a server has, and what a folder has', async () => {
    const text = file('export.txt', `hall{side="left"} 1 ${T}000\nhall{side="left"} 2 ${T + 60}000\nyard 3 ${T}000\n`)
    expect(await tsink(['import', text, '--url', server.url])).toMatchObject({ status: 0 })
    const lines = await tsink(['export', '--match', 'hall', 'yard', '--format', 'ndjson', '--end', String(T), '--url', server.url])
    expect([lines.stderr, lines.stdout.trimEnd().split('\n').toSorted()]).toEqual([
      '',
      [
        `{"metric":{"__name__":"hall","side":"left"},"timestamp":${T}000,"value":1}`,
        `{"metric":{"__name__":"yard"},"timestamp":${T}000,"value":3}`,
      ],
    ])
    const dataPath = join(folder, 'export-data')
    mkdirSync(dataPath)
    expect(await tsink(['import', text, '--data-path', dataPath])).toMatchObject({ status: 0 })
    const output = join(folder, 'hall.parquet')
    for (const target of [
      ['--url', server.url],
      ['--data-path', dataPath],
    ]) {
      expect(await tsink(['export', '--match', 'hall', '--format', 'parquet', '--output', output, ...target])).toEqual({
        status: 0,
        stdout: '',
        stderr: '',
      })
      const bytes = readFileSync(output)
      expect([bytes.subarray(0, 4).toString(), bytes.subarray(-4).toString()]).toEqual(['PAR1', 'PAR1'])
      expect(bytes.includes('left')).toBe(true)
      rmSync(output)
    }
    const backup = join(folder, 'backup.ndjson')
    expect(await tsink(['export', '--match', 'hall', '--format', 'ndjson', '--output', backup, '--url', server.url])).toMatchObject({
      status: 0,
    })
    const restored = join(folder, 'restored')
    mkdirSync(restored)
    expect(await tsink(['import', backup, '--format', 'ndjson', '--data-path', restored])).toMatchObject({ status: 0, stderr: '' })
    const again = await tsink(['export', '--match', 'hall', '--format', 'ndjson', '--data-path', restored])
    expect(again.stdout).toBe(readFileSync(backup, 'utf8'))
    const csv = await tsink(['export', '--match', 'hall', '--format', 'csv', '--start', String(T + 60), '--data-path', dataPath])
    expect(csv.stdout).toBe('hall,2024-01-15T10:51:00.000Z,2\n')
  })

  test('says what is wrong in one line, and leaves no half file', async () => {
    const output = join(folder, 'none.parquet')
    const run = await tsink(['export', '--match', 'hall{', '--format', 'parquet', '--output', output, '--url', server.url])
    expect(run).toMatchObject({ status: 2, stdout: '' })
    expect(run.stderr).toContain('match[]')
    expect(existsSync(output)).toBe(false)
  })
})

describe('tsink', { timeout: 180_000 }, () => {
  test('prints an expression the canonical way', async () => {
    expect(await tsink(['format', 'sum  by(job)(rate( x [5m]))'])).toMatchObject({ status: 0, stdout: 'sum by (job) (rate(x[5m]))\n' })
  })

  test('runs test scripts and counts', async () => {
    const good = file('good.test', 'load 1m\n  a 1 2 3\n\neval instant at 2m a\n  a 3\n')
    const wrong = file('wrong.test', 'load 1m\n  a 1 2 3\n\neval instant at 2m a\n  a 4\n')
    const passed = await tsink(['promqltest', good])
    expect([passed.status, passed.stdout.trim().split('\n').at(-1)]).toEqual([0, '1 passed, 0 failed'])
    const failed = await tsink(['promqltest', good, wrong])
    expect([failed.status, failed.stdout.trim().split('\n').at(-1)]).toEqual([1, '1 passed, 1 failed'])
    expect(failed.stdout).toContain('wrong.test:4')
  })

  test('judges long test scripts side by side, and answers in the order of the files', async () => {
    const files = [1, 0, 2].map((wrong, i) => {
      const file = join(folder, `long-${i}.test`)
      const evals = Array.from({ length: 40 }, (_, n) => `eval instant at 1m ${n} + m\n  {} ${n + 2 + (n < wrong ? 1 : 0)}\n`)
      writeFileSync(file, `load 1m\n  m 1 2\n\n${`# ${'-'.repeat(98)}\n`.repeat(700)}${evals.join('\n')}`)
      return file
    })
    const { status, stdout } = await tsink(['promqltest', ...files])
    expect([status, stdout.trim().split('\n').at(-1)]).toEqual([1, '117 passed, 3 failed'])
    expect([...stdout.matchAll(/long-(\d)\.test:(\d+)/g)].map(([, file, line]) => [file, line])).toEqual([
      ['0', '704'],
      ['2', '704'],
      ['2', '707'],
    ])
  })

  test('says in one line what is wrong, and ends with 2', async () => {
    const line = async (...args: string[]): Promise<string> => {
      const { status, stderr } = await tsink(args)
      expect(status).toBe(2)
      return stderr.trim()
    }
    expect(await line('format', 'sum(')).toContain('1:5: parse error: unclosed left parenthesis')
    expect(await line('import', join(folder, 'missing.txt'))).toContain('missing.txt')
    expect(await line('query', 'up', '--data-path', join(folder, 'nowhere'))).toContain('does not exist')
    expect(await line('frobnicate')).toContain("unknown command 'frobnicate'")
    expect(await line('serve', '--frobnicate')).toBe('tsink serve: unknown flag --frobnicate')
  })

  test('lists its commands', async () => {
    const { status, stdout } = await tsink(['--help'])
    expect(status).toBe(0)
    for (const command of ['serve', 'query', 'import', 'promqltest', 'format']) expect(stdout).toContain(command)
  })
})
