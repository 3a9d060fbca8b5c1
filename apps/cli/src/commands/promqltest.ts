/**
 * `tsink promqltest`: runs test scripts in Prometheus's format against the engine, in memory: PromQL as a server or a program gets it. Several
 * files are judged at a time, one on each processor; what is said comes in the order of the files all the same.
 */
import { readFileSync } from 'node:fs'
import { machineLimits } from '@tsink/host/node'
import { Tinypool } from 'tinypool'
import { Exit } from '../failure.ts'
import type { Judgement, Script } from '../script-judge.ts'

/** Loading a thread takes about as long as judging so much text. */
const THREAD_BYTES = 65_536

export async function promqltest(files: readonly string[]): Promise<void> {
  const scripts = files.map((file): Script => ({ file, text: readFileSync(file, 'utf8') }))
  let passed = 0
  let failed = 0
  for await (const judgement of judgements(scripts, threadsFor(scripts))) {
    passed += judgement.passed
    failed += judgement.failed
    process.stdout.write(judgement.output)
  }
  process.stdout.write(`${passed} passed, ${failed} failed\n`)
  if (failed > 0) throw new Exit(1)
}

function threadsFor(scripts: readonly Script[]): number {
  const bytes = scripts.reduce((sum, { text }) => sum + text.length, 0)
  return Math.min(machineLimits().cpus, scripts.length, Math.ceil(bytes / THREAD_BYTES))
}

/** One judgement a script, in their order. */
async function* judgements(scripts: readonly Script[], threads: number): AsyncGenerator<Judgement> {
  if (threads <= 1) {
    const { default: judge } = await import('../script-judge.ts')
    for (const script of scripts) yield await judge(script)
    return
  }
  // In development the sources run, in an installed package what was built from them.
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
  const filename = new URL(`../script-judge.${extension}`, import.meta.url).href
  const pool = new Tinypool({ filename, minThreads: threads, maxThreads: threads })
  try {
    const running = scripts.map((script): Promise<Judgement> => pool.run(script))
    // One that fails is thrown when its turn comes; until then it is nobody's rejection.
    for (const each of running) each.catch(() => undefined)
    for (const each of running) yield await each
  } finally {
    await pool.destroy()
  }
}
