/**
 * Small operators on whole vectors: absent, sort, relabel, lift, and running once what does not depend on the step.
 */
import { compareStrings, compileCapturing, Labels, METRIC_NAME, TsinkError, type CapturingRegex } from '@tsink/core'
import type { Execution, Pages } from '../evaluate/execution.ts'
import { FLOAT, isEmpty, owned, pageSize, StepSeries, type Grid } from '../evaluate/steps.ts'
import { mergeEqual } from '../evaluate/unique.ts'
import { addPresence } from '../binary/matching.ts'
import type { AbsentPlan, InvariantPlan, LiftPlan, RelabelPlan, SortPlan } from '../plan.ts'

/** `vector(s)`. */
export async function* lift(plan: LiftPlan, grid: Grid, execution: Execution): Pages {
  const values = await execution.scalar(plan.input, grid)
  const series = new StepSeries(Labels.EMPTY, false, grid.count)
  series.values.set(values)
  series.kinds.fill(FLOAT)
  yield [series]
}

/** 1 at the steps at which the input has nothing. */
export async function* absent(plan: AbsentPlan, grid: Grid, execution: Execution): Pages {
  const present = new Uint8Array(grid.count)
  for await (const page of execution.vector(plan.input, grid)) for (const series of page) addPresence(series, present)
  const series = new StepSeries(Labels.from(plan.labels), false, grid.count)
  for (let k = 0; k < grid.count; k++) {
    if (present[k] === 1) continue
    series.kinds[k] = FLOAT
    series.values[k] = 1
  }
  if (!isEmpty(series)) yield [series]
}

/** Computes the input at one moment and repeats it at every step. */
export async function* once(plan: InvariantPlan, grid: Grid, execution: Execution): Pages {
  const limit = pageSize(grid)
  const moment: Grid = { startMs: grid.startMs, stepMs: 0, count: 1, inner: grid.inner }
  for await (const page of execution.vector(plan.input, moment)) {
    if (grid.count === 1) {
      yield page
      continue
    }
    for (let from = 0; from < page.length; from += limit) {
      yield page.slice(from, from + limit).map((series) => repeated(series, grid, execution))
    }
  }
}

/** A series of one step at all steps of a grid. */
function repeated(series: StepSeries, grid: Grid, execution: Execution): StepSeries {
  const everywhere = execution.series(series.labels, series.dropName, grid)
  everywhere.kinds.fill(series.kinds[0]!)
  everywhere.values.fill(series.values[0]!)
  const histogram = series.histograms?.[0]
  if (histogram !== undefined) everywhere.histograms = Array.from({ length: grid.count }, () => histogram)
  return everywhere
}

/** `sort` and its kin order an instant vector; in a range query they only leave a warning. */
export async function* sort(plan: SortPlan, grid: Grid, execution: Execution): Pages {
  const { func, labels } = plan
  if (execution.query.stepMs !== 0) {
    const message = 'sort is ineffective for range queries since results are always ordered by labels'
    execution.annotations.warn(message, plan.expr)
  }
  const held = await execution.collect(plan.input, grid)
  execution.drop(held)
  if (execution.query.stepMs !== 0 || grid.count !== 1) {
    if (held.series.length > 0) yield held.series
    return
  }
  const all = held.series
  if (func === 'sort_by_label' || func === 'sort_by_label_desc') {
    const sign = func === 'sort_by_label' ? 1 : -1
    all.sort((a, b) => sign * byLabels(a.labels, b.labels, labels))
    if (all.length > 0) yield all
    return
  }
  const sign = func === 'sort' ? 1 : -1
  const floats = all.filter((series) => series.kinds[0] === FLOAT)
  floats.sort((a, b) => byValue(a.values[0]!, b.values[0]!, sign))
  if (floats.length > 0) yield floats
}

/** NaN comes last in both directions. */
function byValue(a: number, b: number, sign: number): number {
  if (Number.isNaN(a) || Number.isNaN(b)) return (Number.isNaN(a) ? 1 : 0) - (Number.isNaN(b) ? 1 : 0)
  return a === b ? 0 : a < b ? -sign : sign
}

function byLabels(a: Labels, b: Labels, names: readonly string[]): number {
  for (const name of names) {
    const order = compareNaturally(a.get(name), b.get(name))
    if (order !== 0) return order
  }
  return a.compare(b)
}

/** Order of texts in which runs of digits count as numbers: 4m5 before 4m600. */
export function compareNaturally(a: string, b: string): number {
  const partsA = a.match(/\d+|\D+/g) ?? []
  const partsB = b.match(/\d+|\D+/g) ?? []
  for (let i = 0; i < partsA.length && i < partsB.length; i++) {
    const x = partsA[i]!
    const y = partsB[i]!
    if (x === y) continue
    if (/^\d/.test(x) && /^\d/.test(y)) {
      const left = x.replace(/^0+/, '')
      const right = y.replace(/^0+/, '')
      if (left.length !== right.length) return left.length - right.length
      if (left !== right) return left < right ? -1 : 1
      // Equal numbers: the one with fewer leading zeros first.
      return x.length - y.length
    }
    return compareStrings(x, y)
  }
  return partsA.length - partsB.length
}

/** `label_replace` and `label_join`. A name that they set stays. */
export async function* relabel(plan: RelabelPlan, grid: Grid, execution: Execution): Pages {
  const change = plan.func === 'label_replace' ? replacing(plan.texts) : joining(plan.texts)
  const held = await execution.collect(plan.input, grid)
  for (let i = 0; i < held.series.length; i++) {
    const series = held.series[i]!
    const labels = change(series.labels)
    if (labels === null) continue
    const changed = series.shared ? owned(series) : series
    changed.labels = labels
    if (plan.texts[0] === METRIC_NAME) changed.dropName = false
    held.series[i] = changed
  }
  const merged = mergeEqual(held.series)
  execution.drop(held)
  if (merged.length > 0) yield merged
  if (execution.due) await execution.pause()
}

type Relabelling = (labels: Labels) => Labels | null

function replacing(texts: readonly string[]): Relabelling {
  const [target, template, source, pattern] = texts as [string, string, string, string]
  let regex: CapturingRegex
  try {
    regex = compileCapturing(pattern)
  } catch {
    throw new TsinkError('EXECUTION', `invalid regular expression in label_replace(): ${pattern}`)
  }
  checkTarget(target, 'label_replace')
  return (labels) => {
    const captures = regex.match(labels.get(source))
    return captures === null ? null : labels.with(target, captures.expand(template))
  }
}

function joining(texts: readonly string[]): Relabelling {
  const [target, separator, ...sources] = texts as [string, string, ...string[]]
  checkTarget(target, 'label_join')
  for (const source of sources) {
    if (source === '' || !source.isWellFormed()) {
      throw new TsinkError('EXECUTION', `invalid source label name in label_join(): ${source}`)
    }
  }
  return (labels) => labels.with(target, sources.map((name) => labels.get(name)).join(separator))
}

function checkTarget(name: string, func: string): void {
  if (name !== '' && name.isWellFormed()) return
  throw new TsinkError('EXECUTION', `invalid destination label name in ${func}(): ${name}`)
}
