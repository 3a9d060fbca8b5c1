/**
 * `tsink promqltest`: runs test scripts in Prometheus's format.
 */
import { readFileSync } from 'node:fs'
import { runScript } from '@tsink/promqltest'
import { Exit } from '../failure.ts'

export async function promqltest(files: readonly string[], _options: { readonly verbose: boolean }): Promise<void> {
  let passed = 0
  let failed = 0
  for (const file of files) {
    const report = await runScript(readFileSync(file, 'utf8'))
    passed += report.passed
    failed += report.failed
  }
  process.stdout.write(`${passed} passed, ${failed} failed\n`)
  if (failed > 0) throw new Exit(1)
}
