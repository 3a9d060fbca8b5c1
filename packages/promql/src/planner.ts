/**
 * The planner: from a syntax tree to a plan. It resolves times, chooses operators, marks what does not depend on the step, and tells each
 * selector what stands above it. It decides nothing from data.
 */
import { METRIC_NAME, TsinkError, type Matcher } from '@tsink/core'
import {
  children,
  unwrapParens,
  type Aggregate,
  type At,
  type Binary,
  type Call,
  type Expr,
  type MatrixSelector,
  type SetOp,
} from './ast.ts'
import type { Subquery, VectorSelector } from './ast.ts'
import type { Settings } from './options.ts'
import type { Extended, HistogramPlan, Names, Plan, RangeSource, ScalarPlan, SelectMode, Selector, VectorPlan } from './plan.ts'
import { share } from './share.ts'
import { valueType } from './check.ts'
import { signatureOf } from './signatures.ts'

/** The outermost query: what `start()`, `end()`, `step()` and `range()` stand for. */
export interface QueryRange {
  readonly startMs: number
  readonly endMs: number
  /** 0 for an instant query. */
  readonly stepMs: number
}

/**
 * Plans an expression whose duration expressions are resolved.
 * @throws TsinkError BAD_QUERY where the modifiers of a selector do not fit the function around it.
 */
export function planQuery(expr: Expr, query: QueryRange, settings: Settings): Plan {
  return share(new Planner(query, settings).plan(expr))
}

/** Functions of a range that may look at `anchored` and `smoothed` selectors. */
const ANCHORED = ['changes', 'delta', 'increase', 'rate', 'resets']
const SMOOTHED = ['delta', 'increase', 'rate']

/** Functions whose value depends on the evaluation time itself, whatever their arguments. */
const OF_THE_STEP = new Set(['time', 'timestamp', 'predict_linear', 'days_in_month', 'day_of_month', 'day_of_week', 'day_of_year'])
for (const name of ['hour', 'minute', 'month', 'year']) OF_THE_STEP.add(name)

const CLOCKS = new Set(['time', 'start', 'end', 'step', 'range'])
const SETS = new Set<string>(['and', 'or', 'unless'])
const ARITHMETIC = new Set<string>(['+', '-', '*', '/', '%', '^', 'atan2'])
const KEEP_NAME = new Set(['last_over_time', 'first_over_time'])

class Planner {
  readonly #query: QueryRange
  readonly #settings: Settings
  #nextId = 0
  /** The expressions above the one that is being planned. */
  readonly #parents: Expr[] = []
  /** Inside something that is computed once already. */
  #once = false

  constructor(query: QueryRange, settings: Settings) {
    this.#query = query
    this.#settings = settings
  }

  plan(expr: Expr): Plan {
    const inner = unwrapParens(expr)
    switch (valueType(inner)) {
      case 'string':
        return { kind: 'string', id: this.#id(), expr: inner, value: inner.type === 'string' ? inner.value : '' }
      case 'scalar':
        return this.#scalar(inner)
      case 'matrix':
        return { kind: 'matrix', id: this.#id(), expr: inner, source: this.#range(inner, ''), lookbackMs: this.#settings.lookbackMs }
      case 'vector':
        return this.#vector(inner)
    }
  }

  #id(): number {
    return this.#nextId++
  }

  #vector(expr: Expr): VectorPlan {
    const inner = unwrapParens(expr)
    if (this.#once || !isInvariant(inner)) return this.#within(inner, () => this.#operator(inner))
    this.#once = true
    const input = this.#within(inner, () => this.#operator(inner))
    this.#once = false
    return { kind: 'invariant', id: this.#id(), expr: inner, names: input.names, input }
  }

  #within<T>(expr: Expr, plan: () => T): T {
    this.#parents.push(expr)
    const planned = plan()
    this.#parents.pop()
    return planned
  }

  #operator(expr: Expr): VectorPlan {
    switch (expr.type) {
      case 'vector':
        return this.#select(expr, expr.smoothed ? 'smoothed' : 'value')
      case 'unary': {
        const input = this.#vector(expr.expr)
        if (expr.op === '+') return input
        return { kind: 'map', id: this.#id(), expr, names: this.#dropped(input.names), func: 'negate', input, params: [] }
      }
      case 'aggregate':
        return this.#aggregate(expr)
      case 'binary':
        return this.#binary(expr)
      case 'call':
        return this.#call(expr)
      default:
        throw new TsinkError('BAD_QUERY', `expected an instant vector, got a ${expr.type}`)
    }
  }

  /** The names after an operator that drops them: gone at once, or only at the end. */
  #dropped(names: Names): Names {
    return this.#settings.features.delayedNameRemoval ? names : 'none'
  }

  #select(expr: VectorSelector, mode: SelectMode): VectorPlan {
    const names = namesOf(expr.matchers)
    return {
      kind: 'select',
      id: this.#id(),
      expr,
      names: mode === 'value' || mode === 'smoothed' ? names : this.#dropped(names),
      selector: this.#selector(expr),
      mode,
      carried: names,
      lookbackMs: this.#settings.lookbackMs,
    }
  }

  #selector(expr: VectorSelector): Selector {
    return {
      matchers: expr.matchers,
      offsetMs: expr.offset,
      atMs: this.#at(expr.at),
      detectResets: this.#wantsResets(),
      above: this.#above(expr),
    }
  }

  #at(at: At | null): number | null {
    return at === 'start' ? this.#query.startMs : at === 'end' ? this.#query.endMs : at
  }

  /** Whether only count and sum of a histogram can reach the function above, so that resets must be found while reading. */
  #wantsResets(): boolean {
    for (let i = this.#parents.length - 1; i >= 0; i--) {
      const parent = this.#parents[i]!
      if (parent.type === 'subquery') return false
      if (parent.type === 'binary' && (parent.op === '</' || parent.op === '>/')) return false
      if (parent.type !== 'call') continue
      if (parent.func === 'histogram_count' || parent.func === 'histogram_sum' || parent.func === 'histogram_avg') return true
      if (parent.func.startsWith('histogram_')) return false
    }
    return false
  }

  #above(expr: Expr): string {
    for (let i = this.#parents.length - 1; i >= 0; i--) {
      const parent = this.#parents[i]!
      if (parent === expr) continue
      return parent.type === 'call' ? parent.func : parent.type === 'aggregate' ? parent.op : ''
    }
    return ''
  }

  /** The range argument of `func`; '' is the range as the query's result. */
  #range(expr: Expr, func: string): RangeSource {
    const inner = unwrapParens(expr)
    if (inner.type === 'matrix') return this.#matrix(inner, func)
    if (inner.type === 'subquery') return this.#subquery(inner)
    throw new TsinkError('BAD_QUERY', `expected a range vector, got a ${inner.type}`)
  }

  #matrix(expr: MatrixSelector, func: string): RangeSource {
    const { anchored, smoothed } = expr.selector
    const extended: Extended = anchored ? 'anchored' : smoothed ? 'smoothed' : 'none'
    const allowed = anchored ? ANCHORED : SMOOTHED
    if (extended !== 'none' && func !== '' && !allowed.includes(func)) {
      throw new TsinkError('EXECUTION', `${extended} modifier can only be used with: ${allowed.join(', ')} - not with ${func}`)
    }
    return {
      rangeMs: expr.range,
      input: { kind: 'selector', selector: this.#selector(expr.selector), extended },
      expr,
      names: namesOf(expr.selector.matchers),
    }
  }

  #subquery(expr: Subquery): RangeSource {
    const once = this.#once
    this.#once = false
    const plan = this.#within(expr, () => this.#asVector(expr.expr))
    this.#once = once
    return {
      rangeMs: expr.range,
      input: {
        kind: 'subquery',
        plan,
        stepMs: expr.step === 0 ? this.#settings.noStepSubqueryMs : expr.step,
        offsetMs: expr.offset,
        atMs: this.#at(expr.at),
      },
      expr,
      names: plan.names,
    }
  }

  /** A vector, or a scalar as one series without labels. */
  #asVector(expr: Expr): VectorPlan {
    const inner = unwrapParens(expr)
    if (valueType(inner) === 'vector') return this.#vector(inner)
    return { kind: 'lift', id: this.#id(), expr: inner, names: 'none', input: this.#scalar(inner) }
  }

  #scalar(expr: Expr): ScalarPlan {
    const inner = unwrapParens(expr)
    const id = this.#id()
    switch (inner.type) {
      case 'number':
        return { kind: 'number', id, expr: inner, value: inner.value }
      case 'unary': {
        const operand = this.#scalar(inner.expr)
        if (inner.op === '+') return operand
        const minusOne: ScalarPlan = { kind: 'number', id: this.#id(), expr: inner, value: -1 }
        return { kind: 'scalars', id, expr: inner, op: '*', left: minusOne, right: operand }
      }
      case 'binary':
        return {
          kind: 'scalars',
          id,
          expr: inner,
          op: inner.op as Exclude<Binary['op'], SetOp>,
          left: this.#scalar(inner.left),
          right: this.#scalar(inner.right),
        }
      case 'call': {
        const { func, args } = inner
        if (func === 'pi') return { kind: 'number', id, expr: inner, value: Math.PI }
        if (CLOCKS.has(func)) return { kind: 'clock', id, expr: inner, func }
        if (func === 'scalar') {
          return { kind: 'lower', id, expr: inner, input: this.#within(inner, () => this.#vector(args[0]!)) }
        }
        if (func === 'min_of' || func === 'max_of') {
          return { kind: 'scalars', id, expr: inner, op: func, left: this.#scalar(args[0]!), right: this.#scalar(args[1]!) }
        }
        break
      }
      default:
    }
    throw new TsinkError('BAD_QUERY', `expected a scalar, got a ${inner.type}`)
  }

  #aggregate(expr: Aggregate): VectorPlan {
    const counted = expr.op === 'count_values'
    const label = counted && expr.param !== null ? textOf(expr.param) : ''
    const picks = expr.op === 'topk' || expr.op === 'bottomk' || expr.op === 'limitk' || expr.op === 'limit_ratio'
    const input = this.#vector(expr.expr)
    const keepsName = !expr.without && expr.grouping.includes(METRIC_NAME)
    return {
      kind: 'aggregate',
      id: this.#id(),
      expr,
      names: picks ? input.names : keepsName || label === METRIC_NAME ? 'many' : 'none',
      op: expr.op,
      input,
      param: counted || expr.param === null ? null : this.#scalar(expr.param),
      label,
      grouping: expr.grouping,
      without: expr.without,
    }
  }

  #binary(expr: Binary): VectorPlan {
    const leftScalar = valueType(expr.left) === 'scalar'
    const drops = expr.bool || ARITHMETIC.has(expr.op)
    if (expr.matching === null) {
      const vector = this.#vector(leftScalar ? expr.right : expr.left)
      const scalar = this.#scalar(leftScalar ? expr.left : expr.right)
      const op = expr.op as Exclude<Binary['op'], SetOp>
      const names = drops ? this.#dropped(vector.names) : vector.names
      return { kind: 'vector-scalar', id: this.#id(), expr, names, op, vector, scalar, scalarLeft: leftScalar, bool: expr.bool }
    }
    const left = this.#vector(expr.left)
    const right = this.#vector(expr.right)
    const id = this.#id()
    const matching = expr.matching
    if (SETS.has(expr.op)) {
      const names = expr.op === 'or' ? (left.names === 'none' && right.names === 'none' ? 'none' : 'many') : left.names
      return { kind: 'set', id, expr, names, op: expr.op as SetOp, left, right, matching }
    }
    const names = ARITHMETIC.has(expr.op) || (drops && !this.#settings.features.delayedNameRemoval) ? 'none' : 'many'
    return { kind: 'vectors', id, expr, names, op: expr.op as Exclude<Binary['op'], SetOp>, left, right, bool: expr.bool, matching }
  }

  #call(expr: Call): VectorPlan {
    const { func, args } = expr
    const signature = signatureOf(func)
    if (signature === undefined) throw new TsinkError('BAD_QUERY', `unknown function with name "${func}"`)
    const rangeAt = args.findIndex((arg) => valueType(arg) === 'matrix')
    if (rangeAt >= 0) return this.#window(expr, rangeAt)
    const scalars = args.filter((arg) => valueType(arg) === 'scalar')
    const params = scalars.map((arg) => this.#scalar(arg))
    switch (func) {
      case 'vector':
        return { kind: 'lift', id: this.#id(), expr, names: 'none', input: params[0]! }
      case 'label_replace':
      case 'label_join': {
        const texts = args.slice(1).map(textOf)
        return { kind: 'relabel', id: this.#id(), expr, names: 'many', func, input: this.#vector(args[0]!), texts }
      }
      case 'sort':
      case 'sort_desc':
      case 'sort_by_label':
      case 'sort_by_label_desc': {
        const input = this.#vector(args[0]!)
        return { kind: 'sort', id: this.#id(), expr, names: input.names, func, input, labels: args.slice(1).map(textOf) }
      }
      case 'absent': {
        const input = this.#vector(args[0]!)
        return { kind: 'absent', id: this.#id(), expr, names: 'none', input, labels: absentLabels(args[0]!) }
      }
      case 'histogram_quantile':
      case 'histogram_quantiles':
      case 'histogram_fraction':
        return this.#histogram(expr, func, params, scalars)
      case 'info':
        return this.#info(expr)
      case 'timestamp':
      case 'start_timestamp': {
        const selector = unwrapParens(args[0]!)
        if (selector.type === 'vector' && !selector.smoothed) return this.#select(selector, func)
        break
      }
      default:
    }
    // The functions of a date take the time itself when they get no argument.
    const input: VectorPlan = args.length > 0 ? this.#vector(args.find((arg) => valueType(arg) === 'vector')!) : this.#now(expr)
    return { kind: 'map', id: this.#id(), expr, names: this.#dropped(input.names), func, input, params }
  }

  #now(expr: Expr): VectorPlan {
    return { kind: 'lift', id: this.#id(), expr, names: 'none', input: { kind: 'clock', id: this.#id(), expr, func: 'time' } }
  }

  #window(expr: Call, rangeAt: number): VectorPlan {
    const { args } = expr
    const func = expr.func === 'absent_over_time' ? 'present_over_time' : expr.func
    const source = this.#range(args[rangeAt]!, func)
    const scalars = args.filter((_, i) => i !== rangeAt)
    const params = scalars.map((arg) => this.#scalar(arg))
    const names = KEEP_NAME.has(func) ? source.names : this.#dropped(source.names)
    const lookbackMs = this.#settings.lookbackMs
    const window: VectorPlan = { kind: 'window', id: this.#id(), expr, names, func, source, params, paramExprs: scalars, lookbackMs }
    if (expr.func !== 'absent_over_time') return window
    return { kind: 'absent', id: this.#id(), expr, names: 'none', input: window, labels: absentLabels(args[rangeAt]!) }
  }

  #histogram(expr: Call, func: HistogramPlan['func'], params: readonly ScalarPlan[], paramExprs: readonly Expr[]): VectorPlan {
    const inputExpr = expr.args.find((arg) => valueType(arg) === 'vector')!
    const input = this.#vector(inputExpr)
    const label = func === 'histogram_quantiles' ? textOf(expr.args[1]!) : ''
    return { kind: 'histogram', id: this.#id(), expr, names: this.#dropped(input.names), func, input, inputExpr, params, paramExprs, label }
  }

  #info(expr: Call): VectorPlan {
    const input = this.#vector(expr.args[0]!)
    const selector = expr.args[1] === undefined ? null : unwrapParens(expr.args[1])
    const matchers = selector !== null && selector.type === 'vector' ? selector.matchers : []
    const { offsetMs, atMs } = this.#timeOf(expr.args[0]!)
    const lookbackMs = this.#settings.lookbackMs
    return { kind: 'info', id: this.#id(), expr, names: 'many', input, matchers, offsetMs, atMs, lookbackMs }
  }

  /** The time at which the first selector inside an expression reads: its offset from the step, or a fixed time. */
  #timeOf(expr: Expr): { offsetMs: number; atMs: number | null } {
    const path = pathToSelector(expr)
    let offset = 0
    for (let i = path.length - 1; i >= 0; i--) {
      const node = path[i]!
      if (node.type !== 'vector' && node.type !== 'subquery') continue
      offset += node.offset
      const at = this.#at(node.at)
      if (at !== null) return { offsetMs: offset, atMs: at }
    }
    return { offsetMs: offset, atMs: null }
  }
}

/** Whether an expression gives the same at every step: all it reads is at a fixed time. Plain numbers do not count as reading. */
function isInvariant(expr: Expr): boolean {
  switch (expr.type) {
    case 'number':
    case 'string':
      return true
    case 'vector':
    case 'subquery':
      return expr.at !== null
    case 'matrix':
      return expr.selector.at !== null
    case 'call':
      if (expr.func === 'timestamp' && expr.args.length === 1 && unwrapParens(expr.args[0]!).type === 'vector') break
      if (OF_THE_STEP.has(expr.func)) return false
      break
    default:
  }
  return children(expr).every(isInvariant)
}

function namesOf(matchers: readonly Matcher[]): Names {
  return matchers.some((m) => m.name === METRIC_NAME && m.type === '=' && m.value !== '') ? 'one' : 'many'
}

function textOf(expr: Expr): string {
  const inner = unwrapParens(expr)
  return inner.type === 'string' ? inner.value : ''
}

/** The labels of `absent()`: those that a direct selector fixes by one equality, unless another matcher speaks of the same label. */
function absentLabels(expr: Expr): readonly (readonly [string, string])[] {
  let inner = unwrapParens(expr)
  if (inner.type === 'matrix') inner = inner.selector
  if (inner.type !== 'vector') return []
  const labels = new Map<string, string>()
  const seen = new Set<string>()
  for (const matcher of inner.matchers) {
    if (matcher.name === METRIC_NAME) continue
    if (matcher.type === '=' && !seen.has(matcher.name)) labels.set(matcher.name, matcher.value)
    else labels.delete(matcher.name)
    seen.add(matcher.name)
  }
  return [...labels]
}

function pathToSelector(expr: Expr): readonly Expr[] {
  if (expr.type === 'vector') return [expr]
  for (const child of children(expr)) {
    const below = pathToSelector(child)
    if (below.length > 0) return [expr, ...below]
  }
  return []
}
