/** `tsink verify` and `tsink repair` on a folder whose catalog is damaged, from the outside. */
import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'

const folder = mkdtempSync(join(tmpdir(), 'tsink-repair-'))
const data = join(folder, 'data')
const T = 1_705_315_800

afterAll(() => rmSync(folder, { recursive: true, force: true }))

function tsink(...args: readonly string[]): Promise<{ readonly status: number | null; readonly stdout: string; readonly stderr: string }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ['--conditions=@tsink/source', join(import.meta.dirname, '../src/main.ts'), ...args])
    let [stdout, stderr] = ['', '']
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()))
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
    child.once('close', (status) => resolve({ status, stdout, stderr }))
  })
}

function flip(name: string, at: number): void {
  const bytes = readFileSync(join(data, name))
  bytes[at]! ^= 1
  writeFileSync(join(data, name), bytes)
}

describe('tsink verify and tsink repair', { timeout: 180_000 }, () => {
  test('say what is wrong, and put the catalog right', async () => {
    mkdirSync(data)
    const text = join(folder, 'kept.txt')
    writeFileSync(text, `kept 5 ${T}000\n`)
    expect(await tsink('import', text, '--data-path', data)).toMatchObject({ status: 0 })
    const whole = await tsink('verify', data)
    expect([whole.status, whole.stdout]).toEqual([
      0,
      expect.stringMatching(/^1 segments, 1 chunks, 1 samples; \d+ log files.*: 0 problems\n$/),
    ])
    expect((await tsink('repair', data)).stdout).toContain('nothing was done')

    flip('catalog', 20)
    const found = await tsink('verify', data)
    expect([found.status, found.stdout]).toEqual([1, expect.stringMatching(/^catalog:\d+: .*\n.* 1 problems\n$/)])
    const refused = await tsink('query', 'kept', '--time', String(T), '--data-path', data)
    expect([refused.status, refused.stderr]).toEqual([1, expect.stringContaining('tsink repair')])
    const copied = await tsink('repair', data)
    expect([copied.status, copied.stdout]).toEqual([
      0,
      expect.stringContaining(
        'the copy took the place of the catalog: the store is as it was; 1 segments with 1 samples, 0 deletes in force',
      ),
    ])
    expect(readdirSync(join(data, 'quarantine'))).toEqual(['catalog'])
    expect((await tsink('query', 'kept', '--time', String(T), '--data-path', data)).stdout).toContain('kept  5')

    flip('catalog', 20)
    flip('catalog.copy', 20)
    const asked = await tsink('repair', data)
    expect([asked.status, asked.stderr]).toEqual([2, expect.stringContaining('--lose-deletes')])
    const rebuilt = await tsink('repair', data, '--lose-deletes')
    expect([rebuilt.status, rebuilt.stdout]).toEqual([0, expect.stringContaining('deletes that were older than the log are lost')])
    expect((await tsink('query', 'kept', '--time', String(T), '--data-path', data)).stdout).toContain('kept  5')
    expect(await tsink('verify', data)).toMatchObject({ status: 0 })
  })
})
