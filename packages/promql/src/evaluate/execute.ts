/**
 * Execute: the one switch from plans to operators.
 */
import { countValues, quantiles } from '../aggregate/values.ts'
import { pickSeries } from '../aggregate/pick.ts'
import { streamGroups } from '../aggregate/stream.ts'
import { setOperation } from '../binary/sets.ts'
import { matchVectors } from '../binary/vectors.ts'
import { withScalar } from '../binary/vector-scalar.ts'
import { ofHistograms } from '../operators/histogram.ts'
import { addInfo } from '../operators/info.ts'
import { mapSamples } from '../operators/map.ts'
import { evaluateScalar } from '../operators/scalars.ts'
import { select } from '../operators/select.ts'
import { shared } from '../operators/repeated.ts'
import { absent, lift, once, relabel, sort } from '../operators/vectors.ts'
import { overWindows } from '../operators/window.ts'
import type { VectorPlan } from '../plan.ts'
import type { Execution, Pages, Runner } from './execution.ts'
import { samplesOf, type Grid } from './steps.ts'

export const runner: Runner = {
  vector: (plan, grid, execution) =>
    execution.settings.analyze && plan.kind !== 'shared' ? measured(plan, grid, execution) : operator(plan, grid, execution),
  scalar: evaluateScalar,
}

function operator(plan: VectorPlan, grid: Grid, execution: Execution): Pages {
  switch (plan.kind) {
    case 'select':
      return select(plan, grid, execution)
    case 'window':
      return overWindows(plan, grid, execution)
    case 'map':
      return mapSamples(plan, grid, execution)
    case 'relabel':
      return relabel(plan, grid, execution)
    case 'sort':
      return sort(plan, grid, execution)
    case 'absent':
      return absent(plan, grid, execution)
    case 'lift':
      return lift(plan, grid, execution)
    case 'histogram':
      return ofHistograms(plan, grid, execution)
    case 'info':
      return addInfo(plan, grid, execution)
    case 'aggregate':
      return aggregate(plan, grid, execution)
    case 'vector-scalar':
      return withScalar(plan, grid, execution)
    case 'vectors':
      return matchVectors(plan, grid, execution)
    case 'set':
      return setOperation(plan, grid, execution)
    case 'invariant':
      return once(plan, grid, execution)
    case 'shared':
      return shared(plan, grid, execution)
  }
}

function aggregate(plan: Extract<VectorPlan, { kind: 'aggregate' }>, grid: Grid, execution: Execution): Pages {
  switch (plan.op) {
    case 'topk':
    case 'bottomk':
    case 'limitk':
    case 'limit_ratio':
      return pickSeries(plan, grid, execution)
    case 'quantile':
      return quantiles(plan, grid, execution)
    case 'count_values':
      return countValues(plan, grid, execution)
    default:
      return streamGroups(plan, grid, execution)
  }
}

/** Runs an operator and measures what it takes and gives. */
async function* measured(plan: VectorPlan, grid: Grid, execution: Execution): Pages {
  const measure = execution.measure(plan.id)
  const { now } = execution.settings
  measure.runs++
  const pages = operator(plan, grid, execution)
  for (;;) {
    const start = now()
    const { done, value } = await pages.next()
    measure.timeMs += now() - start
    if (done === true) return
    measure.series += value.length
    for (const series of value) measure.samples += samplesOf(series)
    yield value
  }
}
