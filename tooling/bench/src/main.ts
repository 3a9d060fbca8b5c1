/** `pnpm bench <suite>`: runs one suite of benchmarks, prints its rows and its goals with verdicts; the exit code says whether all were met. */
import type { Suite } from './suite.ts'

const SUITES: Record<string, () => Promise<{ suite: Suite }>> = {
  codecs: () => import('./codecs.ts'),
  engine: () => import('./engine.ts'),
  promql: () => import('./promql.ts'),
  protocols: () => import('./protocols.ts'),
}

const name = process.argv[2] ?? ''
const load = SUITES[name]
if (load === undefined) {
  console.error(`usage: pnpm bench <suite> [--quick]    suites: ${Object.keys(SUITES).join(', ')}`)
  process.exit(2)
}
const { suite } = await load()
const report = await suite({ quick: process.argv.includes('--quick') })
console.log(report.text)
process.exitCode = report.goals.every((goal) => goal.met) ? 0 : 1
