/**
 * Aggregations that pick series and give them back as they are: topk, bottomk, limitk, limit_ratio. Which are picked is decided at each step.
 */
import { encodeLabels, type Labels } from '@tsink/core'
import { xxhash64 } from '@tsink/kernel'
import type { Execution, Pages } from '../evaluate/execution.ts'
import { ABSENT, FLOAT, HISTOGRAM, isEmpty, owned, type Grid, type StepSeries } from '../evaluate/steps.ts'
import type { AggregatePlan } from '../plan.ts'
import { Grouping } from './grouping.ts'
import { checkCounts, checkRatios } from './parameter.ts'

export async function* pickSeries(plan: AggregatePlan, grid: Grid, execution: Execution): Pages {
  const { op } = plan
  const params = await execution.scalar(plan.param!, grid)
  if (op === 'limit_ratio') checkRatios(params, plan.param!.expr, execution)
  else checkCounts(params)
  const held = await execution.collect(plan.input, grid)
  const grouping = new Grouping(plan.grouping, plan.without)
  const groups: StepSeries[][] = []
  for (const given of held.series) {
    const number = grouping.of(given.labels, false)
    if (number === groups.length) groups.push([])
    groups[number]!.push(owned(given))
  }
  const out: StepSeries[] = []
  for (const group of groups) {
    if (op === 'topk' || op === 'bottomk') {
      warnOfHistograms(group, plan, execution)
      await keepRanked(group, params, op === 'topk', execution)
      // An instant vector comes in the order of rank.
      if (grid.count === 1 && execution.query.stepMs === 0) rank(group, op === 'topk', 0)
    } else if (op === 'limitk') keepFirst(group, params)
    else for (const series of group) keepRatio(series, params)
    for (const series of group) if (!isEmpty(series)) out.push(series)
    if (execution.due) await execution.pause()
  }
  execution.drop(held)
  if (out.length > 0) yield out
}

function warnOfHistograms(group: readonly StepSeries[], plan: AggregatePlan, execution: Execution): void {
  const inner = plan.expr.type === 'aggregate' ? plan.expr.expr : plan.expr
  for (const { kinds, histograms } of group) {
    if (histograms === null || !kinds.includes(HISTOGRAM)) continue
    execution.annotations.info(`ignored histogram in ${plan.op} aggregation`, inner)
    return
  }
}

/** Whether a ranks before b: NaN is last, in both directions. */
function ranksBefore(a: number, b: number, greatest: boolean): boolean {
  if (a !== a) return false
  if (b !== b) return true
  return greatest ? a > b : a < b
}

/** Up to so many ranks are kept in order by insertion; beyond, sorting all is cheaper. */
const MAX_INSERTED = 64

/** Keeps, at each step, the `params[k]` series that rank first; of equal ones those that came first. */
async function keepRanked(group: StepSeries[], params: Float64Array, greatest: boolean, execution: Execution): Promise<void> {
  const kept: StepSeries[] = []
  for (let k = 0; k < params.length; k++) {
    const count = Math.min(Math.trunc(params[k]!), group.length)
    kept.length = 0
    for (const series of group) {
      if (count >= 1 && series.kinds[k] === FLOAT) insert(kept, series, k, count <= MAX_INSERTED ? count : Infinity, greatest)
      series.kinds[k] = ABSENT
    }
    if (kept.length > count) rank(kept, greatest, k)
    for (let i = 0; i < Math.min(count, kept.length); i++) kept[i]!.kinds[k] = FLOAT
    if (execution.due) await execution.pause()
  }
  for (const series of group) series.histograms = null
}

/** Puts a series into its rank among at most `count`; without a limit it only joins the others. */
function insert(kept: StepSeries[], series: StepSeries, k: number, count: number, greatest: boolean): void {
  if (count === Infinity) {
    kept.push(series)
    return
  }
  const value = series.values[k]!
  if (kept.length === count && !ranksBefore(value, kept[count - 1]!.values[k]!, greatest)) return
  if (kept.length < count) kept.push(series)
  let at = kept.length - 1
  for (; at > 0 && ranksBefore(value, kept[at - 1]!.values[k]!, greatest); at--) kept[at] = kept[at - 1]!
  kept[at] = series
}

/** Sorts a group by its values at one step. */
function rank(group: StepSeries[], greatest: boolean, k: number): void {
  group.sort((a, b) => {
    const x = a.values[k]!
    const y = b.values[k]!
    return ranksBefore(x, y, greatest) ? -1 : ranksBefore(y, x, greatest) ? 1 : 0
  })
}

/** Keeps, at each step, the first `params[k]` series in an order that depends on labels alone, so that the choice is stable. */
function keepFirst(group: StepSeries[], params: Float64Array): void {
  group.sort((a, b) => a.labels.compare(b.labels))
  for (let k = 0; k < params.length; k++) {
    let left = Math.trunc(params[k]!)
    for (const series of group) {
      if (series.kinds[k] === ABSENT) continue
      if (left > 0) left--
      else clear(series, k)
    }
  }
}

/** Keeps a series at the steps whose ratio its hash falls into; a negative ratio keeps what 1 + ratio would not. */
function keepRatio(series: StepSeries, params: Float64Array): void {
  const place = placeOf(series.labels)
  for (let k = 0; k < params.length; k++) {
    const ratio = params[k]!
    const kept = (ratio >= 0 && place < ratio) || (ratio < 0 && place >= 1 + ratio)
    if (!kept && series.kinds[k] !== ABSENT) clear(series, k)
  }
}

const hash = new Uint32Array(2)

/** Where a label set lies between 0 and 1, evenly spread. */
function placeOf(labels: Labels): number {
  xxhash64(encodeLabels(labels), hash)
  return (hash[1]! * 4_294_967_296 + hash[0]!) / 2 ** 64
}

function clear(series: StepSeries, k: number): void {
  series.kinds[k] = ABSENT
  if (series.histograms !== null) series.histograms[k] = undefined
}
