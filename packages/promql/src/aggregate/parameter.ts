/**
 * The parameters of aggregations: checked for all steps before anything is read, as the reference does.
 */
import { TsinkError } from '@tsink/core'
import type { Expr } from '../ast.ts'
import type { Execution } from '../evaluate/execution.ts'
import { printShortest } from '../numbers.ts'

const MAX_INTEGER = 2 ** 63

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

/**
 * Cuts parameters of limit_ratio to [-1, 1], with a warning that names the farthest of them.
 * @throws TsinkError EXECUTION when one is NaN.
 */
export function checkRatios(params: Float64Array, expr: Expr, execution: Execution): void {
  let least = 0
  let most = 0
  for (let k = 0; k < params.length; k++) {
    const ratio = params[k]!
    if (Number.isNaN(ratio)) throw new TsinkError('EXECUTION', 'Ratio value is NaN')
    least = Math.min(least, ratio)
    most = Math.max(most, ratio)
    params[k] = Math.max(-1, Math.min(1, ratio))
  }
  const warn = (ratio: number, capped: number): void => {
    const message = `ratio value should be between -1 and 1, got ${printShortest(ratio)}, capping to ${capped}`
    execution.annotations.warn(message, expr)
  }
  if (most > 1) warn(most, 1)
  if (least < -1) warn(least, -1)
}

/** Warns of quantiles outside [0, 1]: of NaN if there is any, else of the least and the greatest. */
export function checkQuantiles(params: Float64Array, expr: Expr, execution: Execution): void {
  let least = Infinity
  let most = -Infinity
  for (const q of params) {
    // Math.min and Math.max pass NaN on.
    least = Math.min(least, q)
    most = Math.max(most, q)
  }
  const warn = (q: number): void => execution.annotations.warn(`quantile value should be between 0 and 1, got ${printShortest(q)}`, expr)
  if (Number.isNaN(most)) warn(NaN)
  if (most > 1) warn(most)
  if (least < 0) warn(least)
}
