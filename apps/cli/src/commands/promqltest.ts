/**
 * `tsink promqltest`: runs test scripts in Prometheus's format against the model store: the plainest store there is, so
 * that a script judges PromQL and nothing else.
 */
import { readFileSync } from 'node:fs'
import { runScript, ScriptError } from '@tsink/promqltest'
import { ModelStore } from '@tsink/testing'
import { Exit } from '../failure.ts'

export async function promqltest(files: readonly string[]): Promise<void> {
  let passed = 0
  let failed = 0
  for (const file of files) {
    try {
      const report = await runScript(readFileSync(file, 'utf8'), { createStore: () => new ModelStore() })
      passed += report.passed
      failed += report.failed
      for (const { line, query, message } of report.failures) process.stdout.write(`${file}:${line}: ${query}\n    ${message}\n`)
    } catch (error) {
      if (!(error instanceof ScriptError)) throw error
      failed++
      process.stdout.write(`${file}: ${error.message}\n`)
    }
  }
  process.stdout.write(`${passed} passed, ${failed} failed\n`)
  if (failed > 0) throw new Exit(1)
}
