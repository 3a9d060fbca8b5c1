/**
 * The parameters of aggregations: checked for all steps before anything is read, as the reference does.
 */
import { TsinkError } from '@tsink/core'
import type { Expr } from '../ast.ts'
import type { Execution } from '../evaluate/execution.ts'
import { printShortest } from '../numbers.ts'

const MAX_INTEGER = 9_223_372_036_854_775_807

/**
 * Turns parameters of topk, bottomk and limitk into counts.
 * @throws TsinkError EXECUTION when one is no count.
 */
export function checkCounts(params: Float64Array): void {
  let least = Infinity
  let most = -Infinity
  for (const value of params) {
    if (Number.isNaN(value)) throw new TsinkError('EXECUTION', 'Parameter value is NaN')
    least = Math.min(least, value)
    most = Math.max(most, value)
  }
  if (least <= -MAX_INTEGER) throw new TsinkError('EXECUTION', `Scalar value ${printShortest(least)} underflows int64`)
  if (most >= MAX_INTEGER) throw new TsinkError('EXECUTION', `Scalar value ${printShortest(most)} overflows int64`)
}

/** Cuts parameters of limit_ratio to [-1, 1], with a warning. */
export function checkRatios(params: Float64Array, expr: Expr, execution: Execution): void {
  for (let k = 0; k < params.length; k++) {
    const ratio = params[k]!
    if (Number.isNaN(ratio)) throw new TsinkError('EXECUTION', 'Ratio value is NaN')
    if (ratio >= -1 && ratio <= 1) continue
    const capped = ratio > 1 ? 1 : -1
    const message = `ratio value should be between -1 and 1, got ${printShortest(ratio)}, capping to ${capped}`
    execution.annotations.warn(message, expr)
    params[k] = capped
  }
}

/** Warns of quantiles outside [0, 1]. */
export function checkQuantiles(params: Float64Array, expr: Expr, execution: Execution): void {
  for (const q of params) {
    if (q >= 0 && q <= 1) continue
    execution.annotations.warn(`quantile value should be between 0 and 1, got ${printShortest(q)}`, expr)
  }
}
