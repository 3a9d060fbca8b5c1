/**
 * Aggregations that look at all values of a group at a step: quantile and count_values. They hold their series until the end.
 */
import { TsinkError, type Labels } from '@tsink/core'
import type { Execution, Pages } from '../evaluate/execution.ts'
import { ABSENT, FLOAT, HISTOGRAM, isEmpty, StepSeries, type Grid } from '../evaluate/steps.ts'
import { quantileOf } from '../functions/summation.ts'
import { printHistogram } from '../histogram/print.ts'
import { printNumber } from '../numbers.ts'
import type { AggregatePlan } from '../plan.ts'
import { quote } from '../strings.ts'
import { Grouping } from './grouping.ts'
import { checkQuantiles } from './parameter.ts'

export async function* quantiles(plan: AggregatePlan, grid: Grid, execution: Execution): Pages {
  const params = await execution.scalar(plan.param!, grid)
  checkQuantiles(params, plan.param!.expr, execution)
  const held = await execution.collect(plan.input, grid)
  const grouping = new Grouping(plan.grouping, plan.without)
  const groups: StepSeries[][] = []
  for (const series of held.series) {
    const number = grouping.of(series.labels, series.dropName)
    if (number === groups.length) groups.push([])
    groups[number]!.push(series)
    if (series.histograms === null || !series.kinds.includes(HISTOGRAM)) continue
    execution.annotations.info('ignored histogram in quantile aggregation', plan.expr.type === 'aggregate' ? plan.expr.expr : plan.expr)
  }
  const out: StepSeries[] = []
  for (let i = 0; i < groups.length; i++) {
    const result = new StepSeries(grouping.labels[i]!, grouping.dropName[i]!, grid.count)
    const values = new Float64Array(groups[i]!.length)
    for (let k = 0; k < grid.count; k++) {
      let count = 0
      for (const series of groups[i]!) if (series.kinds[k] === FLOAT) values[count++] = series.values[k]!
      if (count === 0) continue
      result.kinds[k] = FLOAT
      result.values[k] = quantileOf(params[k]!, values, count)
      if (execution.due) await execution.pause()
    }
    if (!isEmpty(result)) out.push(result)
  }
  execution.drop(held)
  if (out.length > 0) yield out
}

export async function* countValues(plan: AggregatePlan, grid: Grid, execution: Execution): Pages {
  const { label } = plan
  if (label === '' || !label.isWellFormed()) throw new TsinkError('EXECUTION', `invalid label name ${quote(label)}`)
  const grouping = new Grouping(plan.grouping, plan.without)
  const results = new Map<string, StepSeries>()
  const resultOf = (group: number, labels: Labels, value: string): StepSeries => {
    const key = `${group} ${value}`
    let result = results.get(key)
    if (result === undefined) {
      result = new StepSeries(labels.with(label, value), false, grid.count)
      execution.hold(0, grid.count * 9)
      results.set(key, result)
    }
    return result
  }
  for await (const page of execution.vector(plan.input, grid)) {
    for (const series of page) {
      const group = grouping.of(series.labels, series.dropName)
      const labels = grouping.labels[group]!
      for (let k = 0; k < grid.count; k++) {
        if (series.kinds[k] === ABSENT) continue
        const value = series.kinds[k] === FLOAT ? printNumber(series.values[k]!) : printHistogram(series.histograms![k]!)
        const result = resultOf(group, labels, value)
        result.kinds[k] = FLOAT
        result.values[k]!++
      }
    }
    if (execution.due) await execution.pause()
  }
  execution.hold(0, -results.size * grid.count * 9)
  // Overwriting a grouping label can make groups equal; their counts add up.
  const out = mergeCounts([...results.values()])
  if (out.length > 0) yield out
}

function mergeCounts(all: readonly StepSeries[]): StepSeries[] {
  const byKey = new Map<string, StepSeries>()
  for (const series of all) {
    const key = series.labels.key()
    const known = byKey.get(key)
    if (known === undefined) {
      byKey.set(key, series)
      continue
    }
    for (let k = 0; k < series.kinds.length; k++) {
      if (series.kinds[k] === ABSENT) continue
      known.kinds[k] = FLOAT
      known.values[k]! += series.values[k]!
    }
  }
  return [...byKey.values()]
}
