/** Runs scripts against the naive model store: `main.ts FILE...`, to judge PromQL alone. `tsink promqltest` runs them over the engine. */
import { readFileSync } from 'node:fs'
import { ModelStore } from '@tsink/testing'
import { runScript } from './run.ts'

let passed = 0
let failed = 0
for (const file of process.argv.slice(2)) {
  const report = await runScript(readFileSync(file, 'utf8'), { createStore: () => new ModelStore() })
  passed += report.passed
  failed += report.failed
  for (const failure of report.failures) console.log(`${file}:${failure.line}: ${failure.query}\n    ${failure.message}`)
}
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed > 0 ? 1 : 0
