/**
 * The engine and its embedded front: speed and size beside other embedded stores, in memory, on tsink's own workload, and at scale. The parts can
 * be run one by one (`--part scale`), for together they take many minutes.
 */
import { embedded } from './engine-embedded.ts'
import { oneSeries } from './engine-memory.ts'
import { active, opening } from './engine-scale.ts'
import { bytesPerPoint } from './engine-workload.ts'
import { loadNote, table, verdicts, type Goal, type Suite } from './suite.ts'

type Part = (quick: boolean) => Promise<{ rows: string[][]; goals: Goal[] }>

const PARTS: Readonly<Record<string, Part>> = { embedded, memory: oneSeries, bytes: bytesPerPoint, scale: active, open: opening }

export const suite: Suite = async ({ quick, parts = Object.keys(PARTS) }) => {
  const goals: Goal[] = []
  const texts: string[] = []
  for (const name of parts) {
    const part = PARTS[name]
    if (part === undefined) throw new Error(`the engine suite has no part ${name}; its parts are ${Object.keys(PARTS).join(', ')}`)
    const found = await part(quick)
    texts.push(`${table(found.rows)}\n(${loadNote()})`)
    goals.push(...found.goals)
  }
  return { text: [...texts, verdicts(goals)].join('\n\n'), goals }
}
