/**
 * From what the grammar recognises to the tree: nodes, positions, and the complaints that need no types. Problems are collected in the
 * order in which Prometheus finds them, since only the first is shown; the ones about types come later, in `check.ts`.
 */
import { EOF, type IToken } from 'chevrotain'
import { Matcher, METRIC_NAME, TsinkError, type MatchType } from '@tsink/core'
import type {
  Aggregate,
  AggregateOp,
  At,
  Binary,
  BinaryOp,
  Call,
  Cardinality,
  DurationExpr,
  DurationOperation,
  DurationOp,
  Expr,
  MatrixSelector,
  NumberLiteral,
  Paren,
  Position,
  Subquery,
  Unary,
  VectorSelector,
} from './ast.ts'
import { MAX_DURATION_MS, readDuration } from './durations.ts'
import { parseNumber, printFixed, roundHalfAway } from './numbers.ts'
import type { ParserOptions } from './features.ts'
import { signatureOf } from './signatures.ts'
import type { Problem, Source } from './source.ts'
import { quote, unquote } from './strings.ts'
import * as t from './tokens.ts'

/** A node that is still being made. */
export type Draft<T> = { -readonly [K in keyof T]: T[K] }
export type ExprDraft = Draft<Expr>
export type DurationDraft = Draft<NumberLiteral> | Draft<DurationOperation>

/** What stands between an operator and its right side. */
export interface BinaryModifiers {
  bool: boolean
  on: boolean
  labels: string[]
  include: string[]
  cardinality: Cardinality
  fillLeft: number | null
  fillRight: number | null
}

/** `by (…)` or `without (…)`. */
export interface Grouping {
  readonly labels: string[]
  readonly without: boolean
}

/** A selector's braces. */
export interface MatcherList {
  readonly left: IToken
  readonly matchers: Matcher[]
  readonly right: IToken
}

/** The aggregations that take a parameter first. */
const WITH_PARAMETER: ReadonlySet<string> = new Set(['topk', 'bottomk', 'quantile', 'count_values', 'limitk', 'limit_ratio'])
const EXPERIMENTAL_AGGREGATIONS: ReadonlySet<string> = new Set(['limitk', 'limit_ratio'])

/** Stands where an expression is missing, in trees that are refused. */
const NOTHING: NumberLiteral = { type: 'number', value: 0, duration: false, start: 0, end: 0 }

export class Builder {
  readonly problems: Problem[] = []
  /** The end of the last token that can end an expression. */
  lastClosing = 0
  private readonly options: ParserOptions
  private lexErrorSeen = false
  private readonly source: Source

  constructor(source: Source, options: ParserOptions) {
    this.source = source
    this.options = options
  }

  complain(position: Position, message: string): void {
    this.problems.push({ start: position.start, end: position.end, message })
  }

  /** Notes a token that does not fit. `suffix` says where. */
  unexpected(token: IToken, suffix: string): void {
    if (token.tokenType === t.LexError) this.lookedAt(token)
    else this.complain(this.positionOf(token), `unexpected ${t.describeToken(token)}${suffix}`)
  }

  /** Says that the parser has seen a token before going on: an error of the lexer is found then, before what follows from the tokens read. */
  lookedAt(token: IToken): void {
    if (token.tokenType !== t.LexError || this.lexErrorSeen) return
    this.lexErrorSeen = true
    this.complain(this.positionOf(token), token.image)
  }

  number(token: IToken): Draft<NumberLiteral> {
    const duration = token.tokenType === t.DurationToken
    return { type: 'number', value: this.numberValue(token), duration, ...this.positionOf(token) }
  }

  /** The value of a number or, in seconds, of a duration. */
  numberValue(token: IToken): number {
    if (token.tokenType === t.DurationToken) {
      const milliseconds = readDuration(token.image)
      if (typeof milliseconds === 'number') return milliseconds / 1000
      this.complain(this.positionOf(token), milliseconds)
      return 0
    }
    const value = parseNumber(token.image)
    if (typeof value === 'number') return value
    this.complain(this.positionOf(token), `error parsing number: ${value.problem}`)
    return 0
  }

  string(token: IToken): ExprDraft {
    return { type: 'string', value: this.text(token), ...this.positionOf(token) }
  }

  paren(left: IToken, expr: ExprDraft, right: IToken): Draft<Paren> {
    return { type: 'paren', expr, start: left.startOffset, end: right.endOffset! + 1 }
  }

  unary(token: IToken, expr: ExprDraft): ExprDraft {
    const start = token.startOffset
    const negative = token.tokenType === t.Sub
    if (expr.type === 'number') return { ...expr, value: negative ? -expr.value : expr.value, start }
    const unary: Draft<Unary> = { type: 'unary', op: negative ? '-' : '+', expr, start, end: expr.end }
    return unary
  }

  modifiers(): BinaryModifiers {
    return { bool: false, on: false, labels: [], include: [], cardinality: 'one-to-one', fillLeft: null, fillRight: null }
  }

  binary(left: ExprDraft, token: IToken, modifiers: BinaryModifiers, right: ExprDraft): Draft<Binary> {
    const { bool, on, labels, include, cardinality, fillLeft, fillRight } = modifiers
    const matching = { cardinality, labels, on, include, fillLeft, fillRight }
    const op = token.image.toLowerCase() as BinaryOp
    const binary: Draft<Binary> = { type: 'binary', op, left, right, bool, matching, start: left.start, end: right.end }
    if (this.options.fillModifiers !== true && (fillLeft !== null || fillRight !== null)) {
      this.complain(binary, 'binop fill modifiers are experimental and not enabled')
    }
    return binary
  }

  groupingLabel(token: IToken): string {
    if (token.tokenType !== t.StringToken) return token.image
    const label = this.text(token)
    if (label === '' || !label.isWellFormed()) this.complain(this.positionOf(token), `invalid label name for grouping: ${quote(label)}`)
    return label
  }

  /** `next` is the token behind the comma. */
  trailingComma(comma: IToken, next: IToken): void {
    this.lookedAt(next)
    this.complain(this.positionOf(comma), 'trailing commas not allowed in function call args')
  }

  call(name: IToken, args: ExprDraft[]): Draft<Call> {
    const func = name.image
    const signature = signatureOf(func)
    if (signature === undefined) this.complain(this.positionOf(name), `unknown function with name ${quote(func)}`)
    else if (signature.experimental && this.options.experimentalFunctions !== true) {
      this.complain(this.positionOf(name), `function ${quote(func)} is not enabled`)
    }
    return { type: 'call', func, args, start: name.startOffset, end: this.lastClosing }
  }

  aggregate(name: IToken, grouping: Grouping | null, args: ExprDraft[]): Draft<Aggregate> {
    const op = name.image.toLowerCase() as AggregateOp
    const withParameter = WITH_PARAMETER.has(op)
    const wanted = withParameter ? 2 : 1
    const aggregate: Draft<Aggregate> = {
      type: 'aggregate',
      op,
      expr: args[wanted - 1] ?? NOTHING,
      param: withParameter ? (args[0] ?? NOTHING) : null,
      grouping: grouping?.labels ?? [],
      without: grouping?.without ?? false,
      start: name.startOffset,
      end: this.lastClosing,
    }
    if (args.length === 0) this.complain(aggregate, 'no arguments for aggregate expression provided')
    else if (EXPERIMENTAL_AGGREGATIONS.has(op) && this.options.experimentalFunctions !== true) {
      const flag = '--enable-feature=promql-experimental-functions'
      this.complain(aggregate, `${op}() is experimental and must be enabled with ${flag}`)
    } else if (args.length !== wanted) {
      const counts = `expected ${wanted}, got ${args.length}`
      this.complain(aggregate, `wrong number of arguments for aggregate expression provided, ${counts}`)
    }
    return aggregate
  }

  matcher(name: IToken, operator: IToken | null, value: IToken | null): Matcher | null {
    const text = name.tokenType === t.StringToken ? this.text(name) : name.image
    if (operator === null || value === null) return new Matcher('=', METRIC_NAME, text)
    try {
      return new Matcher(operator.image as MatchType, text, this.text(value))
    } catch (error) {
      if (!(error instanceof TsinkError)) throw error
      this.complain({ start: name.startOffset, end: value.endOffset! + 1 }, error.message)
      return null
    }
  }

  selector(name: IToken | null, list: MatcherList | null): Draft<VectorSelector> {
    const matchers = list?.matchers ?? []
    if (name !== null) matchers.push(new Matcher('=', METRIC_NAME, name.image))
    return {
      type: 'vector',
      name: name?.image ?? '',
      matchers,
      offset: 0,
      offsetExpr: null,
      at: null,
      anchored: false,
      smoothed: false,
      labelsOnly: false,
      start: (name ?? list!.left).startOffset,
      end: (list?.right ?? name!).endOffset! + 1,
    }
  }

  matrix(expr: ExprDraft, left: IToken, range: DurationDraft, right: IToken): Draft<MatrixSelector> {
    const problem =
      expr.type !== 'vector'
        ? 'ranges only allowed for vector selectors'
        : expr.offset !== 0 || expr.offsetExpr !== null
          ? 'no offset modifiers allowed before range'
          : expr.at !== null
            ? 'no @ modifiers allowed before range'
            : null
    if (problem !== null) this.complain({ start: left.startOffset, end: right.endOffset! + 1 }, problem)
    return {
      type: 'matrix',
      // A refused tree may hold anything here.
      selector: expr as VectorSelector,
      range: milliseconds(range),
      rangeExpr: expressionOf(range),
      start: expr.start,
      end: this.lastClosing,
    }
  }

  subquery(expr: ExprDraft, range: DurationDraft, step: DurationDraft | null, right: IToken): Draft<Subquery> {
    return {
      type: 'subquery',
      expr,
      range: milliseconds(range),
      rangeExpr: expressionOf(range),
      step: step === null ? 0 : milliseconds(step),
      stepExpr: step === null ? null : expressionOf(step),
      offset: 0,
      offsetExpr: null,
      at: null,
      start: expr.start,
      end: right.endOffset! + 1,
    }
  }

  offset(expr: ExprDraft, duration: DurationDraft): ExprDraft {
    const target = this.modified(expr, 'offset modifier')
    if (target === null) return expr
    if (target.offset !== 0 || target.offsetExpr !== null) this.complain(expr, 'offset may not be set multiple times')
    target.offset = milliseconds(duration)
    target.offsetExpr = expressionOf(duration)
    expr.end = this.lastClosing
    return expr
  }

  /** `@` with Unix seconds or one of the words `start` and `end`. */
  at(expr: ExprDraft, when: number | IToken): ExprDraft {
    // 2^63: milliseconds beyond do not fit 64 bits, though only seconds are looked at.
    if (typeof when === 'number' && !(Math.abs(when) < 2 ** 63)) {
      this.complain(expr, `timestamp out of bounds for @ modifier: ${printFixed(when, 6)}`)
    }
    const target = this.modified(expr, '@ modifier')
    if (target === null) return expr
    if (target.at !== null) this.complain(expr, '@ <timestamp> may not be set multiple times')
    else {
      const at: At = typeof when === 'number' ? roundHalfAway(when * 1000) : (when.image.toLowerCase() as At)
      target.at = at
      expr.end = this.lastClosing
    }
    return expr
  }

  /** `anchored` or `smoothed`. */
  extend(expr: ExprDraft, modifier: 'anchored' | 'smoothed'): ExprDraft {
    const selector: Draft<VectorSelector> | ExprDraft = expr.type === 'matrix' ? expr.selector : expr
    if (this.options.extendedRangeSelectors !== true) this.complain(expr, `${modifier} modifier is experimental and not enabled`)
    else if (expr.type === 'subquery') this.complain(expr, `${modifier} modifier is not supported for subqueries`)
    else if (selector.type !== 'vector') {
      if (expr.type !== 'matrix') this.complain(expr, `${modifier} modifier not implemented`)
    } else {
      selector[modifier] = true
      if (selector.anchored && selector.smoothed) this.complain(expr, 'anchored and smoothed modifiers cannot be used together')
    }
    return expr
  }

  durationNumber(token: IToken): DurationDraft {
    const literal = this.number(token)
    return fits(literal.value) ? literal : this.zero(literal, 'duration out of range')
  }

  durationSign(token: IToken, duration: DurationDraft): DurationDraft {
    const negative = token.tokenType === t.Sub
    const start = token.startOffset
    if (duration.type === 'number') {
      const value = negative ? -duration.value : duration.value
      return fits(value) ? { ...duration, value, start } : this.zero(this.positionOf(token), 'duration out of range')
    }
    return negative ? operation('-', null, duration, start, duration.end) : duration
  }

  durationOperation(left: DurationDraft, op: DurationOp, token: IToken, right: DurationDraft): DurationDraft {
    this.needDurationExpressions(left)
    if (right.type === 'number' && right.value === 0) {
      if (op === '/') return this.zero(this.positionOf(token), 'division by zero')
      if (op === '%') return this.zero(this.positionOf(token), 'modulo by zero')
    }
    return operation(op, left, right, left.start, right.end)
  }

  durationCall(word: IToken, left: DurationDraft | null, right: DurationDraft | null, close: IToken): DurationDraft {
    const call = operation(word.image.toLowerCase() as DurationOp, left, right, word.startOffset, close.endOffset! + 1)
    this.needDurationExpressions(call)
    return call
  }

  durationParen(left: IToken, inner: DurationDraft, right: IToken): DurationDraft {
    this.needDurationExpressions(inner)
    if (inner.type === 'duration') return { ...inner, wrapped: true }
    return { ...operation('+', null, inner, left.startOffset, right.endOffset! + 1), wrapped: true }
  }

  /** Ranges and steps are greater than 0. */
  positive(duration: DurationDraft): DurationDraft {
    if (duration.type !== 'number' || duration.value > 0) return duration
    return this.zero(duration, 'duration must be greater than 0')
  }

  private needDurationExpressions(duration: DurationDraft): void {
    if (this.options.durationExpressions !== false) return
    this.complain(duration, 'experimental duration expression is not enabled')
  }

  /** Complains, and goes on with a zero that stands nowhere. */
  private zero(position: Position, message: string): DurationDraft {
    this.complain(position, message)
    return { ...NOTHING }
  }

  /** Where the offset and `@` of an expression are kept; null, with a complaint, when it can have none. */
  private modified(expr: ExprDraft, what: string): Draft<VectorSelector> | Draft<Subquery> | null {
    if (expr.type === 'vector' || expr.type === 'subquery') return expr
    if (expr.type === 'matrix') {
      const selector: Draft<VectorSelector> = expr.selector
      if (selector.type === 'vector') return selector
      this.complain(expr, 'ranges only allowed for vector selectors')
      return null
    }
    this.complain(expr, `${what} must be preceded by an instant vector selector or range vector selector or a subquery`)
    return null
  }

  private text(token: IToken): string {
    const text = unquote(token.image)
    if (text !== null) return text
    this.complain(this.positionOf(token), `error unquoting string ${quote(token.image)}: invalid syntax`)
    return ''
  }

  positionOf(token: IToken): Position {
    if (token.tokenType === EOF) return { start: this.source.byteLength, end: this.source.byteLength }
    return { start: token.startOffset, end: token.endOffset! + 1 }
  }
}

function operation(
  op: DurationOp,
  left: DurationDraft | null,
  right: DurationDraft | null,
  start: number,
  end: number,
): Draft<DurationOperation> {
  return { type: 'duration', op, left, right, wrapped: false, start, end }
}

/** Whether so many seconds fit 64 bits of nanoseconds. */
function fits(seconds: number): boolean {
  return Math.abs(seconds) <= MAX_DURATION_MS / 1000
}

/** Of durations, which are whole milliseconds, the nearest; of numbers the whole milliseconds in them, with nanoseconds rounded first. */
function milliseconds(duration: DurationDraft): number {
  if (duration.type !== 'number') return 0
  const { value } = duration
  return duration.duration ? roundHalfAway(value * 1000) : Math.trunc(roundHalfAway(value * 1e9) / 1e6)
}

function expressionOf(duration: DurationDraft): DurationExpr | null {
  return duration.type === 'number' ? null : duration
}
