/**
 * `and`, `or`, `unless`: which series there are decides, not what they hold. A step of a series is kept or not by whether the other side
 * has anything in the same match group at that step.
 */
import type { Execution, Pages } from '../evaluate/execution.ts'
import { ABSENT, isEmpty, owned, type Grid, type StepSeries } from '../evaluate/steps.ts'
import { mergeEqual } from '../evaluate/unique.ts'
import type { SetPlan } from '../plan.ts'
import { addPresence, matchKey } from './matching.ts'

export async function* setOperation(plan: SetPlan, grid: Grid, execution: Execution): Pages {
  if (plan.op === 'or') yield* union(plan, grid, execution)
  else yield* restrict(plan, grid, execution)
}

/** The presence of each match group of a vector, without keeping its series. */
async function groupsOf(plan: SetPlan, side: 'left' | 'right', grid: Grid, execution: Execution): Promise<Map<string, Uint8Array>> {
  const key = matchKey(plan.matching)
  const groups = new Map<string, Uint8Array>()
  for await (const page of execution.vector(plan[side], grid)) for (const series of page) addGroup(groups, key(series.labels), series, grid)
  execution.hold(0, groups.size * grid.count)
  return groups
}

function addGroup(groups: Map<string, Uint8Array>, key: string, series: StepSeries, grid: Grid): void {
  let present = groups.get(key)
  if (present === undefined) {
    present = new Uint8Array(grid.count)
    groups.set(key, present)
  }
  addPresence(series, present)
}

/** The left side where the right side has (`and`) or has not (`unless`) something in the same group. */
async function* restrict(plan: SetPlan, grid: Grid, execution: Execution): Pages {
  const wanted = plan.op === 'and' ? 1 : 0
  const right = await groupsOf(plan, 'right', grid, execution)
  const key = matchKey(plan.matching)
  for await (const page of execution.vector(plan.left, grid)) {
    const out: StepSeries[] = []
    for (const given of page) {
      const present = right.get(key(given.labels))
      if (present === undefined) {
        if (wanted === 0) out.push(given)
        continue
      }
      const series = owned(given)
      keep(series, present, wanted)
      if (!isEmpty(series)) out.push(series)
    }
    if (out.length > 0) yield out
    if (execution.due) await execution.pause()
  }
  execution.hold(0, -right.size * grid.count)
}

function keep(series: StepSeries, present: Uint8Array, wanted: number): void {
  const { kinds, histograms } = series
  for (let k = 0; k < kinds.length; k++) {
    if (present[k] === wanted) continue
    kinds[k] = ABSENT
    if (histograms !== null) histograms[k] = undefined
  }
}

/** All of the left side, and the right side where the left has nothing in the same group. */
async function* union(plan: SetPlan, grid: Grid, execution: Execution): Pages {
  const key = matchKey(plan.matching)
  const left = await execution.collect(plan.left, grid)
  const groups = new Map<string, Uint8Array>()
  for (const series of left.series) addGroup(groups, key(series.labels), series, grid)
  const all = [...left.series]
  for await (const page of execution.vector(plan.right, grid)) {
    for (const given of page) {
      const present = groups.get(key(given.labels))
      if (present === undefined) {
        execution.keep(left, given)
        all.push(given)
        continue
      }
      const series = owned(given)
      keep(series, present, 0)
      if (isEmpty(series)) continue
      execution.keep(left, series)
      all.push(series)
    }
    if (execution.due) await execution.pause()
  }
  const merged = mergeEqual(all)
  execution.drop(left)
  if (merged.length > 0) yield merged
}
