/**
 * The syntax tree of PromQL: plain immutable objects, told apart by `type`.
 *
 * A tree says what the query text says and nothing about how it runs. Every node knows the bytes of the text that it came from, because
 * errors and annotations point there. Times are in milliseconds. Label values are JavaScript strings; a byte that is not valid UTF-8 (an
 * `\xff` in a string literal) is the lone surrogate U+DC00 + byte, so that printing gives the same bytes back.
 */
import type { Matcher } from '@tsink/core'

/** Where a node stands in the query text: UTF-8 byte offsets, `end` exclusive. */
export interface Position {
  readonly start: number
  readonly end: number
}

/** What an expression yields at one moment. */
export type ValueType = 'scalar' | 'vector' | 'matrix' | 'string'

/** Any expression. */
export type Expr = NumberLiteral | StringLiteral | VectorSelector | MatrixSelector | Subquery | Call | Aggregate | Binary | Unary | Paren

/** `1.5`, `0x10`, `Inf`, and durations, which are numbers of seconds. A sign before a literal is part of it. */
export interface NumberLiteral extends Position {
  readonly type: 'number'
  /** For durations in seconds. */
  readonly value: number
  /** Written as a duration, `5m`, and printed as one. */
  readonly duration: boolean
}

export interface StringLiteral extends Position {
  readonly type: 'string'
  readonly value: string
}

/** The `@` of a selector or subquery: Unix milliseconds, or the start or end of the outermost query range. */
export type At = number | 'start' | 'end'

/** `name{matchers} offset … @ … anchored`. */
export interface VectorSelector extends Position {
  readonly type: 'vector'
  /** The metric name written before the braces, or ''. It is among the matchers as well. */
  readonly name: string
  /** In the order of the text; the matcher of a name before the braces is the last. */
  readonly matchers: readonly Matcher[]
  /** Milliseconds; 0 where `offsetExpr` is set, until {@link resolveDurations} has run. */
  readonly offset: number
  readonly offsetExpr: DurationExpr | null
  readonly at: At | null
  readonly anchored: boolean
  readonly smoothed: boolean
  /** The second argument of `info()`: matchers of labels alone, which may all match the empty string. */
  readonly labelsOnly: boolean
}

/** `selector[range]`. Its offset, `@`, anchored and smoothed are those of the selector. */
export interface MatrixSelector extends Position {
  readonly type: 'matrix'
  readonly selector: VectorSelector
  /** Milliseconds, greater than 0; 0 where `rangeExpr` is set. */
  readonly range: number
  readonly rangeExpr: DurationExpr | null
}

/** `expr[range:step]`. */
export interface Subquery extends Position {
  readonly type: 'subquery'
  readonly expr: Expr
  /** Milliseconds; 0 where `rangeExpr` is set. */
  readonly range: number
  readonly rangeExpr: DurationExpr | null
  /** Milliseconds; 0 is the server's default step, or `stepExpr` is set. */
  readonly step: number
  readonly stepExpr: DurationExpr | null
  readonly offset: number
  readonly offsetExpr: DurationExpr | null
  readonly at: At | null
}

/** `func(args)`. */
export interface Call extends Position {
  readonly type: 'call'
  readonly func: string
  readonly args: readonly Expr[]
}

export type AggregateOp =
  | 'sum'
  | 'avg'
  | 'min'
  | 'max'
  | 'count'
  | 'group'
  | 'stddev'
  | 'stdvar'
  | 'topk'
  | 'bottomk'
  | 'quantile'
  | 'count_values'
  | 'limitk'
  | 'limit_ratio'

/** `op by (grouping) (param, expr)`. */
export interface Aggregate extends Position {
  readonly type: 'aggregate'
  readonly op: AggregateOp
  readonly expr: Expr
  readonly param: Expr | null
  readonly grouping: readonly string[]
  readonly without: boolean
}

export type ArithmeticOp = '+' | '-' | '*' | '/' | '%' | '^' | 'atan2'
export type ComparisonOp = '==' | '!=' | '>' | '<' | '>=' | '<='
export type SetOp = 'and' | 'or' | 'unless'
/** Keep the part of a native histogram below or above a value. */
export type TrimOp = '</' | '>/'
export type BinaryOp = ArithmeticOp | ComparisonOp | SetOp | TrimOp

/** `left op right`. */
export interface Binary extends Position {
  readonly type: 'binary'
  readonly op: BinaryOp
  readonly left: Expr
  readonly right: Expr
  /** The comparison answers 0 or 1 instead of filtering. */
  readonly bool: boolean
  /** Set exactly when both sides are instant vectors. */
  readonly matching: VectorMatching | null
}

export type Cardinality = 'one-to-one' | 'many-to-one' | 'one-to-many' | 'many-to-many'

/** How the series of two vectors find each other. `many-to-one` is `group_left`, `one-to-many` is `group_right`. */
export interface VectorMatching {
  readonly cardinality: Cardinality
  /** The labels of `on` or `ignoring`. */
  readonly labels: readonly string[]
  /** True: match on exactly these labels; false: on all labels but these. */
  readonly on: boolean
  /** The labels that `group_left(…)` or `group_right(…)` copies from the "one" side. */
  readonly include: readonly string[]
  /** The value of a left (right) sample that is missing, or null: no fill. */
  readonly fillLeft: number | null
  readonly fillRight: number | null
}

/** `-expr` or `+expr`. */
export interface Unary extends Position {
  readonly type: 'unary'
  readonly op: '+' | '-'
  readonly expr: Expr
}

/** `(expr)`. */
export interface Paren extends Position {
  readonly type: 'paren'
  readonly expr: Expr
}

export type DurationOp = '+' | '-' | '*' | '/' | '%' | '^' | 'step' | 'range' | 'min_of' | 'max_of'

/** A duration that is computed when the query starts: `step() * 2`, `max_of(range(), 5m)`. */
export type DurationExpr = NumberLiteral | DurationOperation

/** A node of a duration expression. `left` is null for a sign, both are null for `step()` and `range()`. */
export interface DurationOperation extends Position {
  readonly type: 'duration'
  readonly op: DurationOp
  readonly left: DurationExpr | null
  readonly right: DurationExpr | null
  /** Written in parentheses. */
  readonly wrapped: boolean
}

/** The direct sub-expressions of a node, in the order of their evaluation (an aggregation's parameter after its expression). */
export function children(expr: Expr): readonly Expr[] {
  switch (expr.type) {
    case 'number':
    case 'string':
    case 'vector':
      return []
    case 'matrix':
      return [expr.selector]
    case 'subquery':
    case 'unary':
    case 'paren':
      return [expr.expr]
    case 'call':
      return expr.args
    case 'aggregate':
      return expr.param === null ? [expr.expr] : [expr.expr, expr.param]
    case 'binary':
      return [expr.left, expr.right]
  }
}

/** Calls `visit` for the node and everything below it, parents first. A `visit` that returns false keeps out of that node's children. */
export function walk(expr: Expr, visit: (expr: Expr, parents: readonly Expr[]) => boolean | void): void {
  const parents: Expr[] = []
  const step = (node: Expr): void => {
    if (visit(node, parents) === false) return
    parents.push(node)
    for (const child of children(node)) step(child)
    parents.pop()
  }
  step(expr)
}

/** The expression without the parentheses around it. */
export function unwrapParens(expr: Expr): Expr {
  let inner = expr
  while (inner.type === 'paren') inner = inner.expr
  return inner
}
