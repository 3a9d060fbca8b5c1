/**
 * `tsink promqltest`: runs test scripts in Prometheus's format against the engine in memory, a fresh one for each script.
 */
import { readFileSync } from 'node:fs'
import type { Store } from '@tsink/core'
import { Engine } from '@tsink/engine'
import { volatileHost } from '@tsink/host/memory'
import { runScript, ScriptError } from '@tsink/promqltest'
import { Exit } from '../failure.ts'

/** The scripts' samples lie around 1970; no clock of today may retire them, and no crash is to be survived. */
function createStore(): Promise<Store> {
  return Engine.open(volatileHost(), { sync: 'none', background: false })
}

export async function promqltest(files: readonly string[]): Promise<void> {
  let passed = 0
  let failed = 0
  for (const file of files) {
    try {
      const report = await runScript(readFileSync(file, 'utf8'), { createStore })
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
