/**
 * Trees as JSON, in the form of Prometheus's `parse_query`, which its query tree view reads.
 */
import type { Matcher } from '@tsink/core'
import type { At, DurationExpr, Expr, VectorSelector } from './ast.ts'
import { printNumber } from './numbers.ts'
import { signatureOf } from './signatures.ts'

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }

/** An expression as `parse_query` answers it. Durations are in milliseconds. */
export function toJsonAst(expr: Expr): Json {
  switch (expr.type) {
    case 'number':
      return { type: 'numberLiteral', val: printNumber(expr.value) }
    case 'string':
      return { type: 'stringLiteral', val: expr.value.toWellFormed() }
    case 'vector':
      return { type: 'vectorSelector', ...selector(expr) }
    case 'matrix':
      return { type: 'matrixSelector', ...selector(expr.selector), range: expr.range, rangeExpr: duration(expr.rangeExpr) }
    case 'subquery':
      return {
        type: 'subquery',
        expr: toJsonAst(expr.expr),
        range: expr.range,
        rangeExpr: duration(expr.rangeExpr),
        step: expr.step,
        stepExpr: duration(expr.stepExpr),
        offset: expr.offset,
        offsetExpr: duration(expr.offsetExpr),
        ...at(expr.at),
      }
    case 'call': {
      const { args, variadic, returns } = signatureOf(expr.func)!
      const func = { name: expr.func, argTypes: args, variadic, returnType: returns }
      return { type: 'call', func, args: expr.args.map(toJsonAst) }
    }
    case 'aggregate':
      return {
        type: 'aggregation',
        op: expr.op,
        expr: toJsonAst(expr.expr),
        param: expr.param === null ? null : toJsonAst(expr.param),
        grouping: expr.grouping,
        without: expr.without,
      }
    case 'binary': {
      const m = expr.matching
      const matching = m && {
        card: m.cardinality,
        labels: m.labels,
        on: m.on,
        include: m.include,
        fillValues: { lhs: m.fillLeft, rhs: m.fillRight },
      }
      return { type: 'binaryExpr', op: expr.op, lhs: toJsonAst(expr.left), rhs: toJsonAst(expr.right), matching, bool: expr.bool }
    }
    case 'unary':
      return { type: 'unaryExpr', op: expr.op, expr: toJsonAst(expr.expr) }
    case 'paren':
      return { type: 'parenExpr', expr: toJsonAst(expr.expr) }
  }
}

function selector(expr: VectorSelector): Record<string, Json> {
  return {
    name: expr.name,
    matchers: expr.matchers.map(matcher),
    offset: expr.offset,
    offsetExpr: duration(expr.offsetExpr),
    ...at(expr.at),
    anchored: expr.anchored,
    smoothed: expr.smoothed,
  }
}

function matcher({ name, type, value }: Matcher): Json {
  return { name: name.toWellFormed(), type, value: value.toWellFormed() }
}

function at(at: At | null): Record<string, Json> {
  return { timestamp: typeof at === 'number' ? at : null, startOrEnd: typeof at === 'string' ? at : null }
}

function duration(expr: DurationExpr | null): Json {
  if (expr === null) return null
  if (expr.type === 'number') return { type: 'numberLiteral', val: printNumber(expr.value), duration: expr.duration }
  return { type: 'durationExpr', op: expr.op, lhs: duration(expr.left), rhs: duration(expr.right), wrapped: expr.wrapped }
}
