/** Judges one test script over an engine in memory. Runs in the command itself or in a thread of its own: what goes in and out is plain data. */
import { Engine } from '@tsink/engine'
import { volatileHost } from '@tsink/host/memory'
import { runScript, ScriptError } from '@tsink/promqltest'

export interface Script {
  readonly file: string
  readonly text: string
}

export interface Judgement {
  readonly passed: number
  readonly failed: number
  /** What there is to say of the evals that failed: lines, or nothing. */
  readonly output: string
}

const createStore = (): Promise<Engine> => Engine.open(volatileHost(), { sync: 'none', background: false })

export default async function judge({ file, text }: Script): Promise<Judgement> {
  try {
    const { passed, failed, failures } = await runScript(text, { createStore })
    return { passed, failed, output: failures.map(({ line, query, message }) => `${file}:${line}: ${query}\n    ${message}\n`).join('') }
  } catch (error) {
    if (!(error instanceof ScriptError)) throw error
    return { passed: 0, failed: 1, output: `${file}: ${error.message}\n` }
  }
}
