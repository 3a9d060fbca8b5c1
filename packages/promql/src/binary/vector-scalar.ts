/**
 * A vector with a scalar: `x * 2`, `1 < x`. Each series stands for itself, so series stream through; a loop over the steps of one series
 * calls one function that was chosen before.
 */
import type { Execution, Pages } from '../evaluate/execution.ts'
import { ABSENT, FLOAT, HISTOGRAM, isEmpty, owned, type Grid, type StepSeries } from '../evaluate/steps.ts'
import { NameDropper } from '../operators/names.ts'
import type { VectorScalarPlan } from '../plan.ts'
import { combineElements, refuseFloats } from './elements.ts'
import { arithmeticOf, comparisonOf, type Comparison, type Operation } from './operations.ts'

export async function* withScalar(plan: VectorScalarPlan, grid: Grid, execution: Execution): Pages {
  const { op, bool, scalarLeft } = plan
  const scalar = await execution.scalar(plan.scalar, grid)
  const arithmetic = arithmeticOf(op)
  const comparison = comparisonOf(op)
  const dropper = arithmetic !== null || bool ? new NameDropper(plan.vector.names, execution) : null
  for await (const page of execution.vector(plan.vector, grid)) {
    const out: StepSeries[] = []
    for (const given of page) {
      const series = owned(given)
      if (series.histograms !== null) withHistograms(series, scalar, plan, execution)
      if (arithmetic !== null) {
        if (scalarLeft) calculateLeft(series, scalar, arithmetic)
        else calculate(series, scalar, arithmetic)
      } else if (comparison !== null) {
        if (bool) judge(series, scalar, comparison, scalarLeft)
        else filter(series, scalar, comparison, scalarLeft)
      } else refuse(series, plan, execution)
      if (isEmpty(series)) {
        execution.recycle(series)
        continue
      }
      const named = dropper === null ? series : dropper.drop(series)
      if (named !== null) out.push(named)
    }
    if (out.length > 0) yield out
    if (execution.due) await execution.pause()
  }
  const rest = dropper?.rest() ?? []
  if (rest.length > 0) yield rest
}

function calculate(series: StepSeries, scalar: Float64Array, operation: Operation): void {
  const { kinds, values } = series
  for (let k = 0; k < kinds.length; k++) if (kinds[k] === FLOAT) values[k] = operation(values[k]!, scalar[k]!)
}

function calculateLeft(series: StepSeries, scalar: Float64Array, operation: Operation): void {
  const { kinds, values } = series
  for (let k = 0; k < kinds.length; k++) if (kinds[k] === FLOAT) values[k] = operation(scalar[k]!, values[k]!)
}

function judge(series: StepSeries, scalar: Float64Array, comparison: Comparison, scalarLeft: boolean): void {
  const { kinds, values } = series
  for (let k = 0; k < kinds.length; k++) {
    if (kinds[k] !== FLOAT) continue
    const holds = scalarLeft ? comparison(scalar[k]!, values[k]!) : comparison(values[k]!, scalar[k]!)
    values[k] = holds ? 1 : 0
  }
}

function filter(series: StepSeries, scalar: Float64Array, comparison: Comparison, scalarLeft: boolean): void {
  const { kinds, values } = series
  for (let k = 0; k < kinds.length; k++) {
    if (kinds[k] !== FLOAT) continue
    const holds = scalarLeft ? comparison(scalar[k]!, values[k]!) : comparison(values[k]!, scalar[k]!)
    if (!holds) kinds[k] = ABSENT
  }
}

/** Trim operators have nothing to do with floats. */
function refuse(series: StepSeries, plan: VectorScalarPlan, execution: Execution): void {
  const { kinds } = series
  for (let k = 0; k < kinds.length; k++) {
    if (kinds[k] !== FLOAT) continue
    refuseFloats(plan.op, plan.expr, execution)
    kinds[k] = ABSENT
  }
}

function withHistograms(series: StepSeries, scalar: Float64Array, plan: VectorScalarPlan, execution: Execution): void {
  const { kinds } = series
  const histograms = series.histograms!
  for (let k = 0; k < kinds.length; k++) {
    if (kinds[k] !== HISTOGRAM) continue
    const histogram = histograms[k]
    const value = scalar[k]!
    const outcome = plan.scalarLeft
      ? combineElements(plan.op, undefined, value, histogram, 0, plan.expr, execution)
      : combineElements(plan.op, histogram, 0, undefined, value, plan.expr, execution)
    if (outcome === null || typeof outcome === 'boolean') {
      kinds[k] = ABSENT
      histograms[k] = undefined
    } else histograms[k] = outcome
  }
}
