/**
 * Scalars: one number for each step.
 */
import type { Execution } from '../evaluate/execution.ts'
import { FLOAT, type Grid } from '../evaluate/steps.ts'
import { scalarOperation } from '../binary/operations.ts'
import type { LowerPlan, ScalarPlan } from '../plan.ts'

export async function evaluateScalar(plan: ScalarPlan, grid: Grid, execution: Execution): Promise<Float64Array> {
  switch (plan.kind) {
    case 'number':
      return new Float64Array(grid.count).fill(plan.value)
    case 'clock':
      return clock(plan.func, grid, execution)
    case 'lower':
      return lower(plan, grid, execution)
    case 'scalars': {
      const left = await execution.scalar(plan.left, grid)
      const right = await execution.scalar(plan.right, grid)
      const operation = scalarOperation(plan.op)
      for (let k = 0; k < left.length; k++) left[k] = operation(left[k]!, right[k]!)
      return left
    }
  }
}

function clock(func: string, grid: Grid, execution: Execution): Float64Array {
  const values = new Float64Array(grid.count)
  const { startMs, endMs, stepMs } = execution.query
  switch (func) {
    case 'time':
      for (let k = 0; k < grid.count; k++) values[k] = (grid.startMs + k * grid.stepMs) / 1_000
      return values
    case 'start':
      return values.fill(startMs / 1_000)
    case 'end':
      return values.fill(endMs / 1_000)
    case 'step':
      return values.fill(stepMs / 1_000)
    default:
      return values.fill((endMs - startMs) / 1_000)
  }
}

/** `scalar(v)`: the value of the one series that has a float at a step; NaN where none has, or several. */
async function lower(plan: LowerPlan, grid: Grid, execution: Execution): Promise<Float64Array> {
  const values = new Float64Array(grid.count).fill(NaN)
  const seen = new Uint8Array(grid.count)
  for await (const page of execution.vector(plan.input, grid)) {
    for (const series of page) {
      const { kinds, values: from } = series
      for (let k = 0; k < kinds.length; k++) {
        if (kinds[k] !== FLOAT) continue
        values[k] = seen[k] === 0 ? from[k]! : NaN
        seen[k] = 1
      }
      execution.recycle(series)
    }
  }
  return values
}
