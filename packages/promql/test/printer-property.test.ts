/**
 * Printing and parsing are inverse: every tree, printed canonically or prettily, parses to itself again.
 */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Matcher } from '@tsink/core'
import {
  ALL_FEATURES,
  allSignatures,
  parseExpr,
  prettyPrint,
  printExpr,
  quote,
  unquote,
  type At,
  type DurationExpr,
  type Expr,
  type Signature,
  type ValueType,
  type VectorMatching,
  type VectorSelector,
} from '@tsink/promql'

const nowhere = { start: 0, end: 0 }
const callable = allSignatures().filter(({ name }) => name !== 'info')

describe('printing', () => {
  test('gives text that parses to the same tree', () => {
    fc.assert(
      fc.property(expressions(4), (expr) => {
        const text = printExpr(expr)
        expect(withoutPositions(parseExpr(text, ALL_FEATURES))).toEqual(withoutPositions(expr))
      }),
      { numRuns: 600 },
    )
  })

  test('is stable', () => {
    fc.assert(
      fc.property(expressions(4), (expr) => {
        const text = printExpr(expr)
        expect(printExpr(parseExpr(text, ALL_FEATURES))).toBe(text)
      }),
      { numRuns: 200 },
    )
  })

  test('over several lines gives the same tree too', () => {
    fc.assert(
      fc.property(expressions(4), fc.integer({ min: 1, max: 120 }), (expr, width) => {
        const text = prettyPrint(expr, width)
        expect(withoutPositions(parseExpr(text, ALL_FEATURES))).toEqual(withoutPositions(expr))
      }),
      { numRuns: 300 },
    )
  })

  test('quotes every string so that it reads back', () => {
    fc.assert(
      fc.property(texts(), (text) => {
        expect(unquote(quote(text))).toBe(text)
        expect(parseExpr(quote(text))).toMatchObject({ type: 'string', value: text })
      }),
      { numRuns: 2000 },
    )
  })
})

/** Trees that the parser can give, of any type. */
function expressions(depth: number): fc.Arbitrary<Expr> {
  return fc.constantFrom<ValueType[]>('vector', 'vector', 'vector', 'scalar', 'matrix', 'string').chain((type) => ofType(type, depth))
}

function ofType(type: ValueType, depth: number): fc.Arbitrary<Expr> {
  switch (type) {
    case 'scalar':
      return depth <= 0 ? numbers() : fc.oneof(numbers(), calls('scalar', depth), wrapped('scalar', depth), operations('scalar', depth))
    case 'string':
      return texts().map((value) => ({ type: 'string' as const, value, ...nowhere }))
    case 'matrix':
      return depth <= 0 ? matrices() : fc.oneof(matrices(), subqueries(depth))
    case 'vector':
      return depth <= 0
        ? selectors()
        : fc.oneof(selectors(), calls('vector', depth), wrapped('vector', depth), operations('vector', depth), aggregates(depth))
  }
}

/** Numbers as literals have them: a sign is part of the literal. Durations are whole milliseconds. */
function numbers(): fc.Arbitrary<Expr & { type: 'number' }> {
  const plain = fc.oneof(fc.double({ noNaN: false }), fc.integer()).map((value) => ({ value, duration: false }))
  const durations = fc.integer({ min: -1e12, max: 1e12 }).map((ms) => ({ value: (ms || 1) / 1000, duration: true }))
  return fc.oneof(plain, durations).map((literal) => ({ type: 'number' as const, ...literal, ...nowhere }))
}

function texts(): fc.Arbitrary<string> {
  const unit = fc.oneof(
    // The replacement character is refused in strings: it stands for broken UTF-8.
    fc.string({ unit: 'binary', maxLength: 3 }).map((text) => text.replaceAll('\ufffd', '')),
    fc.constantFrom('\\', '"', "'", '`', '\n', '\u0000', '\u007f', 'é', '\u2028'),
    // Raw bytes: those that no other byte can complete to a character.
    fc.constantFrom('\udcff', '\udcfe', '\udcc0'),
  )
  return fc.array(unit, { maxLength: 6 }).map((parts) => parts.join(''))
}

function labelNames(): fc.Arbitrary<string> {
  const legacy = fc.constantFrom('job', 'instance', 'le', '__name__', 'sum', 'by', 'on', 'bool', 'offset', 'start', '_x1')
  return fc.oneof(legacy, fc.constantFrom('a.b', 'äöü', '0', 'a"b', 'with space', 'a:b'))
}

function metricNames(): fc.Arbitrary<string> {
  return fc.constantFrom(
    'up',
    'http_requests_total',
    'job:rate:5m',
    'sum',
    'offset',
    'and',
    'start',
    'step',
    'anchored',
    'fill',
    'topk',
    'min_of',
  )
}

function matchers(): fc.Arbitrary<Matcher> {
  const exact = fc.tuple(fc.constantFrom('=' as const, '!=' as const), labelNames(), texts())
  const regex = fc.tuple(fc.constantFrom('=~' as const, '!~' as const), labelNames(), fc.constantFrom('', '.*', 'a|b', '[a-z]+', '(?i)x'))
  return fc.oneof(exact, regex).map(([type, name, value]) => new Matcher(type, name, value))
}

function ats(): fc.Arbitrary<At | null> {
  return fc.oneof(
    { weight: 4, arbitrary: fc.constant(null) },
    fc.constantFrom('start' as const, 'end' as const),
    fc.integer({ min: -1e13, max: 1e13 }),
  )
}

function offsets(): fc.Arbitrary<{ offset: number; offsetExpr: DurationExpr | null }> {
  return fc.oneof(
    { weight: 4, arbitrary: fc.constant({ offset: 0, offsetExpr: null }) },
    fc.integer({ min: -1e9, max: 1e9 }).map((offset) => ({ offset, offsetExpr: null })),
    durationExprs(2)
      .filter((expr) => expr.type === 'duration')
      // Behind an offset only a parenthesis, a sign before one, or a call may stand.
      .map((expr) => ({
        offset: 0,
        offsetExpr: expr.left !== null || expr.op === '+' || expr.op === '-' ? { ...expr, wrapped: true } : expr,
      })),
  )
}

function selectors(): fc.Arbitrary<VectorSelector> {
  const extension = fc.constantFrom('anchored', 'smoothed', '', '', '', '')
  return fc
    .tuple(fc.oneof(metricNames(), fc.constant('')), fc.array(matchers(), { maxLength: 3 }), offsets(), ats(), extension)
    .map(([name, list, offset, at, extension]) => {
      const labels = name === '' ? [...list, new Matcher('=', 'job', 'x')] : list.filter((matcher) => matcher.name !== '__name__')
      return {
        type: 'vector' as const,
        name,
        // Printing sorts them.
        matchers: [...labels.sort(byText), ...(name === '' ? [] : [Matcher.metric(name)])],
        ...offset,
        at,
        anchored: extension === 'anchored',
        smoothed: extension === 'smoothed',
        labelsOnly: false,
        ...nowhere,
      }
    })
}

/** In the printed order, in which parsing finds them. */
function byText(a: Matcher, b: Matcher): number {
  const text = (matcher: Matcher): string => printExpr({ ...EMPTY, matchers: [matcher] })
  return Buffer.compare(Buffer.from(text(a)), Buffer.from(text(b)))
}

const EMPTY: VectorSelector = {
  type: 'vector',
  name: '',
  matchers: [],
  offset: 0,
  offsetExpr: null,
  at: null,
  anchored: false,
  smoothed: false,
  labelsOnly: false,
  ...nowhere,
}

function ranges(): fc.Arbitrary<{ range: number; rangeExpr: DurationExpr | null }> {
  return fc.oneof(
    fc.integer({ min: 1, max: 1e12 }).map((range) => ({ range, rangeExpr: null })),
    durationExprs(3)
      .filter((expr) => expr.type === 'duration')
      .map((rangeExpr) => ({ range: 0, rangeExpr })),
  )
}

/** Duration expressions with parentheses wherever they need some. */
function durationExprs(depth: number): fc.Arbitrary<DurationExpr> {
  const literal = fc
    .oneof(
      fc.integer({ min: 1, max: 1e9 }).map((value) => ({ value, duration: false })),
      fc.integer({ min: 1, max: 1e9 }).map((ms) => ({ value: ms / 1000, duration: true })),
    )
    .map((number): DurationExpr => ({ type: 'number', ...number, ...nowhere }))
  const call = fc.constantFrom('step' as const, 'range' as const).map((op) => operation(op, null, null))
  if (depth <= 0) return fc.oneof(literal, call)
  const part = durationExprs(depth - 1)
  const operand = part.map((expr) => (needsParens(expr) ? { ...expr, wrapped: true } : expr))
  return fc.oneof(
    literal,
    call,
    fc.tuple(fc.constantFrom('+', '-', '*', '/', '%', '^'), operand, operand).map(([op, left, right]) => operation(op, left, right)),
    fc.tuple(fc.constantFrom('min_of', 'max_of'), part, part).map(([op, left, right]) => operation(op, left, right)),
    operand.filter((expr) => expr.type === 'duration').map((right) => operation('-', null, right)),
    literal.map((right) => ({ ...operation('+', null, right), wrapped: true })),
  )
}

function operation(op: any, left: DurationExpr | null, right: DurationExpr | null): DurationExpr & { type: 'duration' } {
  return { type: 'duration', op, left, right, wrapped: false, ...nowhere }
}

function needsParens(expr: DurationExpr): expr is DurationExpr & { type: 'duration' } {
  return expr.type === 'duration' && (expr.op.length === 1 || expr.wrapped)
}

function matrices(): fc.Arbitrary<Expr> {
  return fc.tuple(selectors(), ranges()).map(([selector, range]) => ({ type: 'matrix' as const, selector, ...range, ...nowhere }))
}

function subqueries(depth: number): fc.Arbitrary<Expr> {
  const step = fc.oneof(
    fc.constant({ step: 0, stepExpr: null }),
    ranges().map(({ range, rangeExpr }) => ({ step: range, stepExpr: rangeExpr })),
  )
  return fc.tuple(ofType('vector', depth - 1), ranges(), step, offsets(), ats()).map(([expr, range, stepping, offset, at]) => ({
    type: 'subquery' as const,
    // Of a subquery's expression only what is no operation goes without parentheses.
    expr: expr.type === 'binary' || expr.type === 'unary' ? paren(expr) : expr,
    ...range,
    ...stepping,
    ...offset,
    at,
    ...nowhere,
  }))
}

function paren(expr: Expr): Expr {
  return { type: 'paren', expr, ...nowhere }
}

function wrapped(type: 'vector' | 'scalar', depth: number): fc.Arbitrary<Expr> {
  const inner = ofType(type, depth - 1)
  const parens = inner.map(paren)
  // A sign before a number is part of the number.
  if (type === 'scalar') return parens
  const signed = inner.filter((expr) => expr.type !== 'binary')
  const sign = fc.constantFrom('+' as const, '-' as const)
  return fc.oneof(
    parens,
    fc.tuple(sign, signed).map(([op, expr]) => ({ type: 'unary' as const, op, expr, ...nowhere })),
  )
}

function calls(returns: ValueType, depth: number): fc.Arbitrary<Expr> {
  return fc
    .constantFrom(...callable.filter((signature) => signature.returns === returns))
    .chain((signature) => argumentsOf(signature, depth).map((args) => ({ type: 'call' as const, func: signature.name, args, ...nowhere })))
}

function argumentsOf({ args, variadic }: Signature, depth: number): fc.Arbitrary<Expr[]> {
  const least = variadic === 0 ? args.length : args.length - 1
  const most = variadic < 0 ? least + 3 : least + variadic
  return fc
    .integer({ min: least, max: most })
    .chain((count) =>
      fc.tuple(...Array.from({ length: count }, (_, i) => ofType(args[Math.min(i, args.length - 1)]!, Math.min(depth, 2) - 1))),
    )
}

const PARAMETER: Readonly<Record<string, ValueType>> = {
  topk: 'scalar',
  bottomk: 'scalar',
  quantile: 'scalar',
  limitk: 'scalar',
  limit_ratio: 'scalar',
  count_values: 'string',
}

function aggregates(depth: number): fc.Arbitrary<Expr> {
  const op = fc.constantFrom(
    ...(['sum', 'avg', 'min', 'max', 'count', 'group', 'stddev', 'stdvar', 'topk', 'bottomk'] as const),
    ...(['quantile', 'count_values', 'limitk', 'limit_ratio'] as const),
  )
  return op.chain((op) =>
    fc
      .tuple(
        ofType('vector', depth - 1),
        PARAMETER[op] === undefined ? fc.constant(null) : ofType(PARAMETER[op], depth - 2),
        fc.array(labelNames(), { maxLength: 3 }),
        fc.boolean(),
      )
      .map(([expr, param, grouping, without]) => ({ type: 'aggregate' as const, op, expr, param, grouping, without, ...nowhere })),
  )
}

const COMPARISONS = ['==', '!=', '<', '>', '<=', '>='] as const
const ARITHMETIC = ['+', '-', '*', '/', '%', '^', 'atan2', '</', '>/'] as const
const SETS = ['and', 'or', 'unless'] as const

function operations(type: 'vector' | 'scalar', depth: number): fc.Arbitrary<Expr> {
  const sides: fc.Arbitrary<readonly [ValueType, ValueType]> =
    type === 'scalar'
      ? fc.constant(['scalar', 'scalar'])
      : fc.constantFrom(['vector', 'vector'], ['vector', 'vector'], ['vector', 'scalar'], ['scalar', 'vector'])
  return sides.chain(([left, right]) => {
    const both = left === 'vector' && right === 'vector'
    const operators = both ? [...COMPARISONS, ...ARITHMETIC, ...SETS] : [...COMPARISONS, ...ARITHMETIC]
    return fc
      .tuple(fc.constantFrom(...operators), ofType(left, depth - 1), ofType(right, depth - 1), fc.boolean(), matchings())
      .map(([op, l, r, bool, matching]) => {
        const isSet = (SETS as readonly string[]).includes(op)
        const isComparison = (COMPARISONS as readonly string[]).includes(op)
        return {
          type: 'binary' as const,
          op,
          // Behind `offset (…)` an operator would belong to the duration.
          left: l.type === 'binary' || l.type === 'unary' || isNegative(l) || / offset \(/.test(printExpr(l)) ? paren(l) : l,
          right: r.type === 'binary' ? paren(r) : r,
          bool: isComparison && (bool || (!both && type === 'scalar')),
          matching: !both ? null : isSet ? manyToMany(matching) : matching,
          ...nowhere,
        }
      })
  })
}

/** Before `^` a sign belongs to the whole power. */
function isNegative(expr: Expr): boolean {
  return expr.type === 'number' && (expr.value < 0 || Object.is(expr.value, -0) || expr.value === Infinity)
}

function matchings(): fc.Arbitrary<VectorMatching> {
  const fill = fc.oneof({ weight: 3, arbitrary: fc.constant(null) }, fc.double({ noNaN: true }), fc.integer())
  return fc
    .tuple(
      fc.constantFrom('one-to-one' as const, 'one-to-one' as const, 'many-to-one' as const, 'one-to-many' as const),
      fc.array(labelNames(), { maxLength: 2 }),
      fc.boolean(),
      fc.array(labelNames(), { maxLength: 2 }),
      fill,
      fill,
    )
    .map(([cardinality, labels, on, include, fillLeft, fillRight]) => ({
      cardinality,
      labels,
      on,
      include: cardinality === 'one-to-one' ? [] : on ? include.filter((label) => !labels.includes(label)) : include,
      fillLeft,
      fillRight,
    }))
}

function manyToMany({ labels, on }: VectorMatching): VectorMatching {
  return { cardinality: 'many-to-many', labels, on, include: [], fillLeft: null, fillRight: null }
}

function withoutPositions(value: unknown): unknown {
  if (value instanceof Matcher) return `${value.name}${value.type}${JSON.stringify(value.value)}`
  if (Array.isArray(value)) return value.map(withoutPositions)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => key !== 'start' && key !== 'end')
      .map(([key, child]) => [key, withoutPositions(child)]),
  )
}
