/**
 * Types: which expression may stand where. The pass also settles what only types tell: the vector matching of a binary expression exists
 * between instant vectors alone, and set operations are many-to-many.
 */
import type { Aggregate, Binary, Call, Expr, Position, ValueType, VectorMatching, VectorSelector } from './ast.ts'
import { METRIC_NAME } from '@tsink/core'
import type { Draft, ExprDraft } from './build.ts'
import { signatureOf } from './signatures.ts'
import type { Problem, Source } from './source.ts'
import { quote } from './strings.ts'

/** The type of an expression that has been checked. */
export function valueType(expr: Expr): ValueType {
  switch (expr.type) {
    case 'number':
      return 'scalar'
    case 'string':
      return 'string'
    case 'vector':
    case 'aggregate':
      return 'vector'
    case 'matrix':
    case 'subquery':
      return 'matrix'
    case 'call':
      return signatureOf(expr.func)?.returns ?? 'vector'
    case 'binary':
      return valueType(expr.left) === 'scalar' && valueType(expr.right) === 'scalar' ? 'scalar' : 'vector'
    case 'unary':
    case 'paren':
      return valueType(expr.expr)
  }
}

/** What people call a type. */
export function typeName(type: ValueType): string {
  return type === 'vector' ? 'instant vector' : type === 'matrix' ? 'range vector' : type
}

/** Checks a tree and settles its vector matchings in place. Problems come in the order of the text, inner expressions first. */
export function checkTypes(expr: ExprDraft, source: Source): readonly Problem[] {
  const checker = new Checker(source)
  checker.check(expr)
  return checker.problems
}

const COMPARISONS: ReadonlySet<string> = new Set(['==', '!=', '>', '<', '>=', '<='])
const SET_OPERATORS: ReadonlySet<string> = new Set(['and', 'or', 'unless'])

class Checker {
  readonly problems: Problem[] = []
  private readonly source: Source

  constructor(source: Source) {
    this.source = source
  }

  check(expr: ExprDraft): ValueType {
    switch (expr.type) {
      case 'number':
        return 'scalar'
      case 'string':
        return 'string'
      case 'vector':
        this.vector(expr)
        return 'vector'
      case 'matrix':
        this.vector(expr.selector)
        return 'matrix'
      case 'subquery': {
        const type = this.check(expr.expr)
        if (type !== 'vector') this.complain(expr, `subquery is only allowed on instant vector, got ${type} instead`)
        return 'matrix'
      }
      case 'paren':
        return this.check(expr.expr)
      case 'unary': {
        const type = this.check(expr.expr)
        if (type !== 'scalar' && type !== 'vector') {
          const got = quote(typeName(type))
          this.complain(expr, `unary expression only allowed on expressions of type scalar or instant vector, got ${got}`)
        }
        return type
      }
      case 'call':
        return this.call(expr)
      case 'aggregate':
        return this.aggregate(expr)
      case 'binary':
        return this.binary(expr)
    }
  }

  private complain(position: Position, message: string): void {
    this.problems.push({ start: position.start, end: position.end, message })
  }

  private expect(expr: Expr, wanted: ValueType, context: string): void {
    const type = this.check(expr)
    if (type !== wanted) this.complain(expr, `expected type ${typeName(wanted)} in ${context}, got ${typeName(type)}`)
  }

  private vector(expr: VectorSelector): void {
    if (expr.name !== '') {
      for (const matcher of expr.matchers.slice(0, -1)) {
        if (matcher.name !== METRIC_NAME) continue
        this.complain(expr, `metric name must not be set twice: ${quote(expr.name)} or ${quote(matcher.value)}`)
      }
    } else if (!expr.labelsOnly && expr.matchers.every((matcher) => matcher.matches(''))) {
      this.complain(expr, 'vector selector must contain at least one non-empty matcher')
    }
  }

  private aggregate(expr: Aggregate): ValueType {
    this.expect(expr.expr, 'vector', 'aggregation expression')
    if (expr.param !== null) this.expect(expr.param, expr.op === 'count_values' ? 'string' : 'scalar', 'aggregation parameter')
    return 'vector'
  }

  private call(expr: Call): ValueType {
    const { name, args, variadic, returns } = signatureOf(expr.func)!
    const given = expr.args.length
    const least = variadic === 0 ? args.length : args.length - 1
    const call = `argument(s) in call to ${quote(name)}, got ${given}`
    if (variadic === 0 && given !== least) this.complain(expr, `expected ${least} ${call}`)
    else if (given < least) this.complain(expr, `expected at least ${least} ${call}`)
    else if (variadic > 0 && given > least + variadic) this.complain(expr, `expected at most ${least + variadic} ${call}`)
    if (name === 'info' && given > 1) this.infoSelector(expr)
    for (const [i, arg] of expr.args.entries()) {
      if (i >= args.length && variadic === 0) break
      this.expect(arg, args[Math.min(i, args.length - 1)]!, `call to function ${quote(name)}`)
    }
    return returns
  }

  /** The second argument of `info()` is no expression, but a list of matchers for labels. */
  private infoSelector(expr: Call): void {
    const selector: ExprDraft = expr.args[1]!
    const type = valueType(selector)
    if (type !== 'vector') {
      this.complain(expr, `expected type instant vector in call to function "info", got ${typeName(type)}`)
    }
    if (selector.type !== 'vector') this.complain(selector, 'expected label selectors only')
    else if (selector.name !== '') this.complain(selector, 'expected label selectors only, got vector selector instead')
    else selector.labelsOnly = true
  }

  private binary(expr: Draft<Binary>): ValueType {
    const left = this.check(expr.left)
    const right = this.check(expr.right)
    const isComparison = COMPARISONS.has(expr.op)
    const isSet = SET_OPERATORS.has(expr.op)
    const matching: Draft<VectorMatching> = expr.matching!

    if (expr.bool && !isComparison) this.complain(this.operatorOf(expr), 'bool modifier can only be used on comparison operators')
    if (isComparison && !expr.bool && left === 'scalar' && right === 'scalar') {
      this.complain(this.operatorOf(expr), 'comparisons between scalars must use BOOL modifier')
    }
    if (isSet && matching.cardinality === 'one-to-one') matching.cardinality = 'many-to-many'
    if (matching.on) {
      for (const label of matching.labels) {
        for (const included of matching.include) {
          if (included !== label) continue
          this.complain(this.operatorOf(expr), `label ${quote(label)} must not occur in ON and GROUP clause at once`)
        }
      }
    }
    for (const [side, type] of [[expr.left, left] as const, [expr.right, right] as const]) {
      if (type === 'scalar' || type === 'vector') continue
      this.complain(side, 'binary expression must contain only scalar and instant vector types')
    }

    const fills = matching.fillLeft !== null || matching.fillRight !== null
    if (left !== 'vector' || right !== 'vector') {
      if (matching.labels.length > 0) this.complain(expr, 'vector matching only allowed between instant vectors')
      if (fills) this.complain(expr, 'filling in missing series only allowed between instant vectors')
      expr.matching = null
    } else if (isSet) {
      if (matching.cardinality !== 'many-to-many') {
        this.complain(expr, `no grouping allowed for ${quote(expr.op)} operation`)
        this.complain(expr, 'set operations must always be many-to-many')
      }
      if (fills) this.complain(expr, 'filling in missing series not allowed for set operators')
    }
    if (isSet && (left === 'scalar' || right === 'scalar')) {
      this.complain(expr, `set operator ${quote(expr.op)} not allowed in binary scalar expression`)
    }
    return left === 'scalar' && right === 'scalar' ? 'scalar' : 'vector'
  }

  /** From the end of the left side to the start of the right one, without the space at both ends. */
  private operatorOf(expr: Binary): Position {
    let start = expr.left.end
    while (this.source.isSpaceAt(start)) start++
    let end = expr.right.start - 1
    while (this.source.isSpaceAt(end)) end--
    return { start, end }
  }
}
