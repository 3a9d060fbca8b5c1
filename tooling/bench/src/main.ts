/** `pnpm bench <suite>`: runs one suite of benchmarks, prints its rows and its goals with verdicts; the exit code says whether all were met. */
import { parseArgs } from 'node:util'
import type { Suite } from './suite.ts'

const SUITES: Record<string, () => Promise<{ suite: Suite }>> = {
  codecs: () => import('./codecs.ts'),
  engine: () => import('./engine.ts'),
  promql: () => import('./promql.ts'),
  protocols: () => import('./protocols.ts'),
}

const { values: options, positionals } = parseArgs({
  options: { quick: { type: 'boolean', default: false }, part: { type: 'string', multiple: true } },
  allowPositionals: true,
})
const load = SUITES[positionals[0] ?? '']
if (load === undefined) {
  console.error(`usage: pnpm bench <suite> [--quick] [--part NAME]...    suites: ${Object.keys(SUITES).join(', ')}`)
  process.exit(2)
}
const { suite } = await load()
const report = await suite({ quick: options.quick, ...(options.part === undefined ? {} : { parts: options.part }) })
console.log(report.text)
process.exitCode = report.goals.every((goal) => goal.met) ? 0 : 1
