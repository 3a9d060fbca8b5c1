/**
 * Functions of a range: `rate(x[5m])` and its kin. One series at a time is read, its windows are found, and the function fills the result;
 * nothing but the results is kept.
 */
import type { Labels } from '@tsink/core'
import type { Execution, Pages } from '../evaluate/execution.ts'
import { FLOAT, isEmpty, pageSize, samplesOf, type Grid, type StepSeries } from '../evaluate/steps.ts'
import { applyExtendedFunction, costOfExtended } from '../functions/extended.ts'
import { costPerSample, rangeFunction, shareOfCost } from '../functions/range-functions.ts'
import { SplitWindow, Window, type WindowFunction, type WindowShape } from '../functions/window.ts'
import type { WindowPlan } from '../plan.ts'
import { quote } from '../strings.ts'
import { NameDropper } from './names.ts'
import { readRange, shapeOf } from './range.ts'
import { detach } from './reader.ts'

/** These give a sample of the range itself, which keeps its name. */
const KEEPS_NAME = new Set(['last_over_time', 'first_over_time'])

export async function* overWindows(plan: WindowPlan, grid: Grid, execution: Execution): Pages {
  const { func, source, lookbackMs } = plan
  const params: Float64Array[] = []
  for (const param of plan.params) params.push(await execution.scalar(param, grid))
  const shape: WindowShape = {
    steps: grid.count,
    rangeMs: source.rangeMs,
    ...shapeOf(source, grid),
    evaluationMs: grid.startMs,
    evaluationStepMs: grid.stepMs,
    params,
    paramExprs: plan.paramExprs,
    execution,
    expr: source.expr,
  }
  const window = new Window(shape)
  const limit = pageSize(grid)
  let given = 0
  let largest = 0
  const split = new SplitWindow(shape)
  const extended = source.input.kind === 'selector' ? source.input.extended : 'none'
  const fill: WindowFunction =
    extended === 'none'
      ? rangeFunction(func, split)
      : (at, out) => applyExtendedFunction(func, at, out, extended === 'smoothed', lookbackMs)
  const dropper = KEEPS_NAME.has(func) ? null : new NameDropper(source.names, execution)
  const wantsCounter = func === 'rate' || func === 'increase' || func === 'irate'
  for await (const page of readRange(source, grid, lookbackMs, plan.id, execution)) {
    let out: StepSeries[] = []
    for (const { labels, dropName, samples } of page) {
      window.load(samples, labels.metric)
      execution.countWindows(window.low, window.high, grid)
      const result = execution.series(labels, dropName, grid)
      if (extended === 'none' && window.histograms !== null) split.load(window)
      let cost = extended === 'none' ? costPerSample(func, window) : costOfExtended(window)
      const isLarge = exceedsSlice(window, cost)
      if (isLarge && extended === 'none') cost *= shareOfCost(func, window)
      if (isLarge && cost > 0) {
        // Others may read before the parts are done.
        detach(window)
        await fillInParts(fill, window, split, cost, result, execution)
      } else fill(window, result)
      if (isEmpty(result)) {
        execution.recycle(result)
        continue
      }
      if (execution.counts !== null) {
        given += samplesOf(result)
        for (let k = 0; k < window.steps; k++) largest = Math.max(largest, window.high[k]! - window.low[k]!)
        execution.notePeak(given + largest)
      }
      if (wantsCounter && result.kinds.includes(FLOAT)) adviseCounter(labels, window)
      const named = dropper === null ? result : dropper.drop(result)
      if (named !== null) out.push(named)
      if (out.length >= limit) {
        yield out
        out = []
      }
      if (execution.due) await execution.pause()
    }
    if (out.length > 0) yield out
  }
  const rest = dropper?.rest() ?? []
  if (rest.length > 0) yield rest
}

/** What is computed without a pause, in additions of floats: a few milliseconds. A single step is never cut. */
const MAX_WORK = 1_000_000

/** Whether the windows of the series at hand together ask for more than should be computed without a pause; cheap for most series. */
function exceedsSlice(window: Window, cost: number): boolean {
  return window.steps * (window.count + 1) * cost > MAX_WORK && workOf(window) * cost > MAX_WORK
}

/** How many samples the windows hold, each counted at every step that sees it, and the steps themselves. */
function workOf(window: Window): number {
  const { low, high, steps } = window
  let work = steps
  for (let k = 0; k < steps; k++) work += high[k]! - low[k]!
  return work
}

/** Fills the steps in parts of about the same work, with pauses between them. */
async function fillInParts(
  fill: WindowFunction,
  window: Window,
  split: SplitWindow,
  cost: number,
  out: StepSeries,
  execution: Execution,
): Promise<void> {
  const { low, high, steps } = window
  let from = 0
  while (from < steps) {
    if (execution.due) await execution.pause()
    let to = from
    for (let work = 0; to < steps && work < MAX_WORK; to++) work += (high[to]! - low[to]! + 1) * cost
    window.only(from, to)
    split.only(from, to)
    fill(window, out)
    from = to
  }
}

/** Says so when a metric does not look like a counter. */
function adviseCounter(labels: Labels, window: Window): void {
  const { execution, expr, metric } = window
  if (metric === '') return
  if (execution.settings.features.typeAndUnitLabels) {
    const type = labels.get('__type__')
    if (type === 'counter' || type === 'histogram') return
    const message = `metric might not be a counter, __type__ label is not set to "counter" or "histogram", got ${quote(type)}: ${quote(metric)}`
    execution.annotations.info(message, expr)
    return
  }
  for (const suffix of ['_total', '_sum', '_count', '_bucket']) if (metric.endsWith(suffix)) return
  execution.annotations.info(`metric might not be a counter, name does not end in _total/_sum/_count/_bucket: ${quote(metric)}`, expr)
}
