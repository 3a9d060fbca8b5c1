/**
 * Functions of a range: `rate(x[5m])` and its kin. One series at a time is read, its windows are found, and the function fills the result;
 * nothing but the results is kept.
 */
import type { Labels } from '@tsink/core'
import type { Execution, Pages } from '../evaluate/execution.ts'
import { FLOAT, HISTOGRAM, isEmpty, pageSize, samplesOf, StepSeries, type Grid } from '../evaluate/steps.ts'
import { applyExtendedFunction } from '../functions/extended.ts'
import { applyRangeFunction } from '../functions/range-functions.ts'
import { SplitWindow, Window, type WindowShape } from '../functions/window.ts'
import type { WindowPlan } from '../plan.ts'
import { quote } from '../strings.ts'
import { NameDropper } from './names.ts'
import { readRange, shapeOf } from './range.ts'

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
  const dropper = KEEPS_NAME.has(func) ? null : new NameDropper(source.names, execution)
  const wantsCounter = func === 'rate' || func === 'increase' || func === 'irate'
  for await (const page of readRange(source, grid, lookbackMs, plan.id, execution)) {
    let out: StepSeries[] = []
    for (const { labels, dropName, samples } of page) {
      window.load(samples, labels.metric)
      execution.countWindows(window.low, window.high, grid)
      const result = execution.series(labels, dropName, grid)
      if (extended === 'none' && window.work() > MAX_WORK) await applyInParts(func, window, result, execution)
      else if (extended === 'none') applyRangeFunction(func, window, result, split)
      else applyExtendedFunction(func, window, result, extended === 'smoothed', lookbackMs)
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

/** So many samples are looked at in about a slice of time. A series with more to look at is computed in parts, with pauses between them. */
const MAX_WORK = 1_000_000

async function applyInParts(func: string, window: Window, out: StepSeries, execution: Execution): Promise<void> {
  const parts = Math.min(window.steps, Math.ceil(window.work() / MAX_WORK))
  for (let part = 0; part < parts; part++) {
    const from = Math.floor((part * window.steps) / parts)
    const to = Math.floor(((part + 1) * window.steps) / parts)
    const slice = window.slice(from, to)
    const columns = { kinds: out.kinds.subarray(from, to), values: out.values.subarray(from, to) }
    const piece = new StepSeries(out.labels, out.dropName, to - from, columns)
    applyRangeFunction(func, slice, piece, new SplitWindow(slice))
    if (piece.histograms !== null) {
      for (let k = from; k < to; k++) if (piece.kinds[k - from] === HISTOGRAM) out.setHistogram(k, piece.histograms[k - from]!)
    }
    if (execution.due) await execution.pause()
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
