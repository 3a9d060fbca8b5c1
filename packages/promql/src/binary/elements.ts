/**
 * Elements: an operator between two samples of which at least one is a native histogram. Which pairs are allowed is a small table; the rest is
 * left out with an info.
 */
import type { Histogram } from '@tsink/core'
import type { Expr } from '../ast.ts'
import type { Execution } from '../evaluate/execution.ts'
import {
  addHistograms,
  asGauge,
  divideHistogram,
  equalHistograms,
  scaleHistogram,
  subtractHistograms,
  type Combined,
} from '../histogram/arithmetic.ts'
import { compact } from '../histogram/layout.ts'
import { trimHistogram } from '../histogram/trim.ts'

/** What an operator makes of a pair: a histogram, whether a comparison holds, or nothing. */
export type Outcome = Histogram | boolean | null

/** The operator between two samples; a side is its histogram, or undefined and then its number. Not for two numbers. */
export function combineElements(
  op: string,
  left: Histogram | undefined,
  leftValue: number,
  right: Histogram | undefined,
  rightValue: number,
  expr: Expr,
  execution: Execution,
): Outcome {
  if (left !== undefined && right !== undefined) {
    switch (op) {
      case '+':
        return combined(addHistograms(left, right), '+', 'addition', expr, execution)
      case '-': {
        const difference = combined(subtractHistograms(left, right), '-', 'subtraction', expr, execution)
        return difference === null ? null : asGauge(difference)
      }
      case '==':
        return equalHistograms(left, right)
      case '!=':
        return !equalHistograms(left, right)
      default:
    }
  } else if (left !== undefined) {
    if (op === '*') return scaleHistogram(left, rightValue)
    if (op === '/') return divideHistogram(left, rightValue)
    if (op === '</' || op === '>/') return trimHistogram(left, rightValue, op === '</' ? 'below' : 'above')
  } else if (right !== undefined && op === '*') return scaleHistogram(right, leftValue)
  const kinds = `${left === undefined ? 'float' : 'histogram'} ${op} ${right === undefined ? 'float' : 'histogram'}`
  execution.annotations.info(`incompatible sample types encountered for binary operator "${op}": ${kinds}`, expr)
  return null
}

/** Says that two numbers are no input of an operator on histograms. */
export function refuseFloats(op: string, expr: Expr, execution: Execution): void {
  execution.annotations.info(`incompatible sample types encountered for binary operator "${op}": float ${op} float`, expr)
}

function combined(result: Combined | null, op: string, what: string, expr: Expr, execution: Execution): Histogram | null {
  const { annotations } = execution
  if (result === null) {
    annotations.warn(`incompatible bucket layout encountered for binary operator ${op}`, expr)
    return null
  }
  if (result.resetConflict) annotations.warn(`conflicting counter resets during histogram ${what}`, expr)
  if (result.boundsReconciled) annotations.info(`mismatched custom buckets were reconciled during ${what}`, expr)
  return compact(result.histogram)
}
