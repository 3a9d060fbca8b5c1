/**
 * Invariance: a query whose selectors are all pinned to one time must give the same answer whenever it is evaluated. This pins them.
 */
import { walk, type Expr } from '@tsink/promql'

/** Functions whose value depends on the evaluation time or on sample timestamps. */
const TIME_DEPENDENT = new Set([
  'days_in_month',
  'day_of_month',
  'day_of_week',
  'day_of_year',
  'end',
  'hour',
  'minute',
  'month',
  'year',
  'predict_linear',
  'range',
  'start',
  'step',
  'time',
  'timestamp',
])

/** Whether pinning the selectors leaves nothing that depends on the evaluation time. */
export function isPinnable(expr: Expr): boolean {
  let pinnable = true
  walk(expr, (node) => {
    if (node.type === 'call' && TIME_DEPENDENT.has(node.func)) pinnable = false
  })
  return pinnable
}

/** A copy in which every selector and subquery without a fixed `@` is pinned to a time in milliseconds. */
export function pin(expr: Expr, at: number): Expr {
  switch (expr.type) {
    case 'number':
    case 'string':
      return expr
    case 'vector':
      return typeof expr.at === 'number' ? expr : { ...expr, at }
    case 'matrix':
      return { ...expr, selector: pin(expr.selector, at) as typeof expr.selector }
    case 'subquery':
      // What is inside a pinned subquery is evaluated at fixed times already.
      return typeof expr.at === 'number' ? expr : { ...expr, at }
    case 'call':
      // The second argument of info() is a set of matchers, not a selector that is evaluated.
      return { ...expr, args: expr.args.map((arg) => (arg.type === 'vector' && arg.labelsOnly ? arg : pin(arg, at))) }
    case 'aggregate':
      return { ...expr, expr: pin(expr.expr, at), param: expr.param === null ? null : pin(expr.param, at) }
    case 'binary':
      return { ...expr, left: pin(expr.left, at), right: pin(expr.right, at) }
    case 'unary':
    case 'paren':
      return { ...expr, expr: pin(expr.expr, at) }
  }
}
