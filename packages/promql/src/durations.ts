/**
 * Durations: `1h30m` as milliseconds, and duration expressions (`step() * 2`), which become milliseconds when a query starts and its step
 * and range are known.
 */
import { TsinkError } from '@tsink/core'
import type { DurationExpr, Expr, MatrixSelector, Subquery, VectorSelector } from './ast.ts'
import { quote } from './strings.ts'

/** Units from the largest to the smallest, in milliseconds: a duration names them in this order, each at most once. */
const UNITS: readonly (readonly [unit: string, milliseconds: number])[] = [
  ['y', 365 * 86_400_000],
  ['w', 7 * 86_400_000],
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
  ['ms', 1],
]

/** The longest duration: 2^63 - 1 nanoseconds, about 292 years. */
export const MAX_DURATION_MS = 9_223_372_036_854.775

/**
 * The milliseconds of a duration such as `1h30m`, `500ms` or `0`.
 * @throws TsinkError BAD_QUERY for anything else; with `allowNegative` a leading `-` is fine.
 */
export function parseDuration(text: string, options: { readonly allowNegative?: boolean } = {}): number {
  const negative = options.allowNegative === true && text.startsWith('-')
  const parsed = readDuration(negative ? text.slice(1) : text)
  if (typeof parsed === 'string') throw new TsinkError('BAD_QUERY', parsed)
  return negative && parsed !== 0 ? -parsed : parsed
}

/** The milliseconds of a duration, or what is wrong with it. */
export function readDuration(text: string): number | string {
  if (text === '') return 'empty duration string'
  if (text === '0') return 0
  let total = 0
  let lastUnit = -1
  for (let at = 0; at < text.length;) {
    const digits = /^\d+/.exec(text.slice(at))?.[0] ?? ''
    const unit = /^\D*/.exec(text.slice(at + digits.length))![0]
    if (digits === '' || unit === '') return `not a valid duration string: ${quote(text)}`
    const position = UNITS.findIndex(([name]) => name === unit)
    if (position < 0) return `unknown unit ${quote(unit)} in duration ${quote(text)}`
    if (position <= lastUnit) return `not a valid duration string: ${quote(text)}`
    lastUnit = position
    total += Number(digits) * UNITS[position]![1]
    if (total > MAX_DURATION_MS) return 'duration out of range'
    at += digits.length + unit.length
  }
  return total
}

/** Milliseconds as a duration: `1h30m`. Years and weeks only where nothing is left over. */
export function printDuration(milliseconds: number): string {
  let rest = Math.trunc(Math.abs(milliseconds))
  if (rest === 0) return '0s'
  let text = milliseconds < 0 ? '-' : ''
  for (const [unit, length] of UNITS) {
    if ((unit === 'y' || unit === 'w') && rest % length !== 0) continue
    const count = Math.floor(rest / length)
    if (count > 0) text += `${count}${unit}`
    rest -= count * length
  }
  return text
}

/** What `step()` and `range()` stand for; both are 0 in instant queries. */
export interface DurationContext {
  readonly stepMs: number
  /** The end of the query range minus its start. */
  readonly rangeMs: number
}

/**
 * The same tree with every duration expression computed. Nodes without one are shared with the tree given.
 * @throws TsinkError BAD_QUERY, with the byte range of the expression before the message, for example `14:20: division by zero`.
 */
export function resolveDurations(expr: Expr, context: DurationContext): Expr {
  const resolve = (child: Expr): Expr => resolveDurations(child, context)
  switch (expr.type) {
    case 'number':
    case 'string':
      return expr
    case 'vector':
      return resolveVector(expr, context)
    case 'matrix':
      return resolveMatrix(expr, context)
    case 'subquery':
      return resolveSubquery(expr, context)
    case 'call': {
      const args = expr.args.map(resolve)
      return args.every((arg, i) => arg === expr.args[i]) ? expr : { ...expr, args }
    }
    case 'aggregate': {
      const inner = resolve(expr.expr)
      const param = expr.param === null ? null : resolve(expr.param)
      return inner === expr.expr && param === expr.param ? expr : { ...expr, expr: inner, param }
    }
    case 'binary': {
      const left = resolve(expr.left)
      const right = resolve(expr.right)
      return left === expr.left && right === expr.right ? expr : { ...expr, left, right }
    }
    case 'unary':
    case 'paren': {
      const inner = resolve(expr.expr)
      return inner === expr.expr ? expr : { ...expr, expr: inner }
    }
  }
}

function resolveVector(expr: VectorSelector, context: DurationContext): VectorSelector {
  if (expr.offsetExpr === null) return expr
  return { ...expr, offset: resolveDuration(expr.offsetExpr, context, true), offsetExpr: null }
}

function resolveMatrix(expr: MatrixSelector, context: DurationContext): MatrixSelector {
  const selector = resolveVector(expr.selector, context)
  if (expr.rangeExpr === null) return selector === expr.selector ? expr : { ...expr, selector }
  return { ...expr, selector, range: resolveDuration(expr.rangeExpr, context, false), rangeExpr: null }
}

function resolveSubquery(expr: Subquery, context: DurationContext): Subquery {
  const inner = resolveDurations(expr.expr, context)
  return {
    ...expr,
    expr: inner,
    range: expr.rangeExpr === null ? expr.range : resolveDuration(expr.rangeExpr, context, false),
    rangeExpr: null,
    step: expr.stepExpr === null ? expr.step : resolveDuration(expr.stepExpr, context, false),
    stepExpr: null,
    offset: expr.offsetExpr === null ? expr.offset : resolveDuration(expr.offsetExpr, context, true),
    offsetExpr: null,
  }
}

/** The milliseconds of a duration expression. */
function resolveDuration(expr: DurationExpr, context: DurationContext, mayBeNegative: boolean): number {
  const fail = (problem: string): never => {
    throw new TsinkError('BAD_QUERY', `${expr.start}:${expr.end}: ${problem}`, {
      detail: { start: expr.start, end: expr.end, problem },
    })
  }
  const seconds = evaluate(expr, context, fail)
  if (!Number.isFinite(seconds)) return fail('duration is NaN or infinite')
  if (seconds <= 0 && !mayBeNegative) return fail('duration must be greater than 0')
  if (Math.abs(seconds * 1000) > MAX_DURATION_MS) return fail('duration is out of range')
  return Math.trunc(seconds * 1000)
}

/** Seconds. */
function evaluate(expr: DurationExpr, context: DurationContext, fail: (problem: string) => never): number {
  if (expr.type === 'number') return expr.value
  const left = expr.left === null ? 0 : evaluate(expr.left, context, fail)
  const right = expr.right === null ? 0 : evaluate(expr.right, context, fail)
  switch (expr.op) {
    case 'step':
      return context.stepMs / 1000
    case 'range':
      return context.rangeMs / 1000
    case '+':
      return left + right
    case '-':
      return left - right
    case '*':
      return left * right
    case '/':
      return right === 0 ? fail('division by zero') : left / right
    case '%':
      return right === 0 ? fail('modulo by zero') : left % right
    case '^':
      return left ** right
    case 'min_of':
      return Math.min(left, right)
    case 'max_of':
      return Math.max(left, right)
  }
}
