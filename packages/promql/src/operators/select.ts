/**
 * Instant selectors: for each step the newest sample in (ref - lookback, ref], unless that is a stale marker. The moments ascend, so one
 * pointer walks through the samples once for all steps.
 */
import type { SampleBuffer } from '@tsink/core'
import { newestInWindows } from '@tsink/kernel'
import type { Execution, Pages } from '../evaluate/execution.ts'
import { FLOAT, HISTOGRAM, pageSize, type Grid, type StepSeries } from '../evaluate/steps.ts'
import { interpolateSteps } from '../functions/smoothed.ts'
import type { SelectPlan } from '../plan.ts'
import { NameDropper } from './names.ts'
import { detectResets, isStaleAt, Reader, selectSeries } from './reader.ts'

export async function* select(plan: SelectPlan, grid: Grid, execution: Execution): Pages {
  const { selector, mode, lookbackMs } = plan
  const steps = grid.count
  const stepMs = selector.atMs === null ? grid.stepMs : 0
  const drops = mode === 'timestamp' || mode === 'start_timestamp'
  const fromMs = (selector.atMs ?? grid.startMs) - selector.offsetMs
  const lastMs = fromMs + stepMs * (steps - 1)
  // A quirk of the reference: with `@`, timestamp() reads around the shifted time but looks at the time itself.
  const firstMs = drops && selector.atMs !== null ? selector.atMs : fromMs
  // Of all samples in the lookback only the newest is looked at, and none is compared with the one before.
  const isOneMoment = mode !== 'smoothed' && firstMs === lastMs && (steps === 1 || stepMs === 0)
  const measure = execution.measure(plan.id)
  const request = {
    matchers: selector.matchers,
    // Left-open. Smoothed selectors look at the neighbour on the other side too.
    fromMs: fromMs - lookbackMs + 1,
    toMs: mode === 'smoothed' ? lastMs + lookbackMs : lastMs,
    hints: { func: selector.above, step: grid.stepMs, range: 0, last: isOneMoment && !selector.detectResets },
    measure,
  }
  const limit = pageSize(grid)
  // Windows over several steps are looked for in the kernel.
  const windows = { steps, endMs: firstMs, stepMs, rangeMs: lookbackMs }
  const inKernel = mode === 'value' && !isOneMoment
  const reader = new Reader(execution, inKernel)
  const dropper = new NameDropper(plan.carried, execution)
  for await (const page of selectSeries(request, execution)) {
    let out: StepSeries[] = []
    for (const series of page) {
      const buffer = reader.read(series, mode !== 'smoothed')
      measure.read += buffer.count
      if (buffer.count === 0) continue
      if (selector.detectResets) detectResets(buffer)
      const column = execution.series(series.labels, false, grid)
      let found: boolean
      if (mode === 'smoothed') found = interpolateSteps(buffer, column, firstMs, stepMs, lookbackMs, execution, plan.expr)
      else if (inKernel && buffer.histograms === null) {
        found = newestInWindows(buffer.timestamps, buffer.values, buffer.count, windows, column.kinds, column.values) > 0
      } else found = fillSteps(buffer, column, firstMs, stepMs, lookbackMs, mode)
      if (!found) {
        execution.recycle(column)
        continue
      }
      execution.countInstants(column, grid)
      const given = drops ? dropper.drop(column) : column
      if (given !== null) out.push(given)
      if (out.length >= limit) {
        yield out
        out = []
      }
      if (execution.due) await execution.pause()
    }
    if (out.length > 0) yield out
  }
  const rest = dropper.rest()
  if (rest.length > 0) yield rest
}

/** Fills the steps of `out` from the samples; false when no step has one. */
function fillSteps(
  buffer: SampleBuffer,
  out: StepSeries,
  firstMs: number,
  stepMs: number,
  lookbackMs: number,
  mode: 'value' | 'timestamp' | 'start_timestamp',
): boolean {
  const { timestamps, values, histograms, count } = buffer
  const { kinds } = out
  const steps = kinds.length
  let found = false
  let next = 0
  for (let k = 0; k < steps; k++) {
    const ref = firstMs + k * stepMs
    while (next < count && timestamps[next]! <= ref) next++
    const at = next - 1
    if (at < 0 || timestamps[at]! <= ref - lookbackMs) continue
    const value = values[at]!
    if (value !== value && isStaleAt(buffer, at)) continue
    found = true
    if (mode !== 'value') {
      kinds[k] = FLOAT
      out.values[k] = (mode === 'timestamp' ? timestamps[at]! : (buffer.startTimestamps?.[at] ?? 0)) / 1_000
    } else if (histograms === null || histograms[at] === undefined) {
      kinds[k] = FLOAT
      out.values[k] = value
    } else {
      out.setHistogram(k, histograms[at]!)
      kinds[k] = HISTOGRAM
    }
  }
  return found
}
