/** The engine and its embedded front: speed and size beside other embedded stores, in memory, on tsink's own workload, and at scale. */
import { embedded } from './engine-embedded.ts'
import { oneSeries } from './engine-memory.ts'
import { scale } from './engine-scale.ts'
import { bytesPerPoint } from './engine-workload.ts'
import { table, verdicts, type Goal, type Suite } from './suite.ts'

export const suite: Suite = async ({ quick }) => {
  const goals: Goal[] = []
  const texts: string[] = []
  for (const part of [embedded, oneSeries, bytesPerPoint, scale]) {
    const found = await part(quick)
    texts.push(table(found.rows))
    goals.push(...found.goals)
  }
  return { text: [...texts, verdicts(goals)].join('\n\n'), goals }
}
