/** The benches run at toy size, so that they do not rot; their times mean nothing here. */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, it } from 'vitest'

const bench = (file: string, ...args: string[]): string =>
  execFileSync(process.execPath, ['--conditions=@tsink/source', join(import.meta.dirname, '../bench', file), ...args], { encoding: 'utf8' })

it('appends, opens, holds many series and counts bytes at toy size', { timeout: 120_000 }, () => {
  expect(bench('append.ts', '--quick')).toContain('log every')
  expect(bench('open.ts', '40000', '5')).toMatch(/with 40000 samples in the log.*open with 5 segments/s)
  expect(bench('million.ts', '4000')).toContain('B/sample')
  expect(bench('bytes.ts', '20480')).toMatch(/samples in .* B\/sample/)
})
