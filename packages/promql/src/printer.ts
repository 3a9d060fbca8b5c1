/**
 * Trees as text, in the one canonical form: parsing the text gives the same tree again, apart from positions.
 */
import { compareStrings, isLegacyLabelName, METRIC_NAME, type Matcher } from '@tsink/core'
import type { Aggregate, At, Binary, DurationExpr, Expr, MatrixSelector, NumberLiteral, Subquery, VectorSelector } from './ast.ts'
import { printDuration } from './durations.ts'
import { printNumber, printShortest } from './numbers.ts'
import { quote } from './strings.ts'

/** The canonical text of an expression. */
export function printExpr(expr: Expr): string {
  switch (expr.type) {
    case 'number':
      return printLiteral(expr)
    case 'string':
      return quote(expr.value)
    case 'vector':
      return `${printMatchers(expr)}${printAt(expr.at)}${printExtension(expr)}${printOffset(expr)}`
    case 'matrix':
      return `${printMatchers(expr.selector)}${printRange(expr)}`
    case 'subquery':
      return `${printExpr(expr.expr)}${printSubqueryRange(expr)}`
    case 'call':
      return `${expr.func}(${expr.args.map(printExpr).join(', ')})`
    case 'aggregate': {
      const param = expr.param === null ? '' : `${printExpr(expr.param)}, `
      return `${printAggregation(expr)}(${param}${printExpr(expr.expr)})`
    }
    case 'binary':
      return `${printExpr(expr.left)} ${printOperator(expr)} ${printExpr(expr.right)}`
    case 'unary':
      return `${expr.op}${printExpr(expr.expr)}`
    case 'paren':
      return `(${printExpr(expr.expr)})`
  }
}

/** The operation of an aggregation with its grouping, ready for the opening parenthesis: `sum by (job) `. */
export function printAggregation(expr: Aggregate): string {
  if (expr.without) return `${expr.op} without (${printLabels(expr.grouping)}) `
  return expr.grouping.length > 0 ? `${expr.op} by (${printLabels(expr.grouping)}) ` : expr.op
}

/** The operator of a binary expression with all its modifiers: `* on (a) group_left ()`. */
export function printOperator(expr: Binary): string {
  let text: string = expr.bool ? `${expr.op} bool` : expr.op
  const matching = expr.matching
  if (matching === null) return text
  const isGrouped = matching.cardinality === 'many-to-one' || matching.cardinality === 'one-to-many'
  if (matching.labels.length > 0 || matching.on || isGrouped) {
    text += ` ${matching.on ? 'on' : 'ignoring'} (${printLabels(matching.labels)})`
  }
  if (isGrouped) text += ` group_${matching.cardinality === 'many-to-one' ? 'left' : 'right'} (${printLabels(matching.include)})`
  const { fillLeft, fillRight } = matching
  // NaN does not equal itself, here as in Prometheus.
  if (fillLeft !== null && fillLeft === fillRight) return `${text} fill (${printShortest(fillLeft)})`
  if (fillLeft !== null) text += ` fill_left (${printShortest(fillLeft)})`
  if (fillRight !== null) text += ` fill_right (${printShortest(fillRight)})`
  return text
}

/** What follows the braces of a range selector: `[5m] anchored @ end() offset 1m`. */
export function printRange(expr: MatrixSelector): string {
  const range = expr.rangeExpr === null ? printDuration(expr.range) : printDurationExpr(expr.rangeExpr)
  return `[${range}]${printExtension(expr.selector)}${printAt(expr.selector.at)}${printOffset(expr.selector)}`
}

/** What follows the expression of a subquery: `[1h:5m] @ end() offset 1m`. */
export function printSubqueryRange(expr: Subquery): string {
  const range = expr.rangeExpr === null ? printDuration(expr.range) : printDurationExpr(expr.rangeExpr)
  const step = expr.stepExpr !== null ? printDurationExpr(expr.stepExpr) : expr.step === 0 ? '' : printDuration(expr.step)
  return `[${range}:${step}]${printAt(expr.at)}${printOffset(expr)}`
}

/** A list of label names; names that are no plain identifiers are quoted. */
export function printLabels(labels: readonly string[]): string {
  return labels.map(printLabelName).join(', ')
}

/** One matcher: `job="node"`. */
export function printMatcher(matcher: Matcher): string {
  return `${printLabelName(matcher.name)}${matcher.type}${quote(matcher.value)}`
}

function printLabelName(name: string): string {
  return isLegacyLabelName(name) ? name : quote(name)
}

function printMatchers(expr: VectorSelector): string {
  const matchers: string[] = []
  for (const matcher of expr.matchers) {
    const isName = matcher.name === METRIC_NAME && matcher.type === '=' && matcher.value === expr.name && matcher.value !== ''
    if (!isName) matchers.push(printMatcher(matcher))
  }
  return matchers.length === 0 ? expr.name || '{}' : `${expr.name}{${matchers.sort(compareStrings).join(',')}}`
}

function printAt(at: At | null): string {
  if (at === null) return ''
  return typeof at === 'number' ? ` @ ${(at / 1000).toFixed(3)}` : ` @ ${at}()`
}

function printExtension(expr: VectorSelector): string {
  return expr.anchored ? ' anchored' : expr.smoothed ? ' smoothed' : ''
}

function printOffset(expr: VectorSelector | Subquery): string {
  if (expr.offsetExpr !== null) return ` offset ${printDurationExpr(expr.offsetExpr)}`
  return expr.offset === 0 ? '' : ` offset ${printDuration(expr.offset)}`
}

function printDurationExpr(expr: DurationExpr): string {
  if (expr.type === 'number') return printLiteral(expr)
  const left = expr.left === null ? null : printDurationExpr(expr.left)
  const right = expr.right === null ? '' : printDurationExpr(expr.right)
  const text =
    expr.op === 'step' || expr.op === 'range'
      ? `${expr.op}()`
      : expr.op === 'min_of' || expr.op === 'max_of'
        ? `${expr.op}(${left}, ${right})`
        : left !== null
          ? `${left} ${expr.op} ${right}`
          : // A plus sign is only there to hold parentheses.
            `${expr.op === '-' ? '-' : ''}${right}`
  return expr.wrapped ? `(${text})` : text
}

function printLiteral(expr: NumberLiteral): string {
  return expr.duration ? printDuration(Math.round(expr.value * 1000)) : printNumber(expr.value)
}
