/**
 * The naive evaluator: PromQL over lists, one moment at a time, straight from the definitions, for floats and with immediate removal of
 * metric names. The columnar evaluator is held against it by the differential test; speed is no concern here.
 */
import { Labels, type Matcher } from '@tsink/core'
import {
  unwrapParens,
  type Aggregate,
  type Binary,
  type Call,
  type Expr,
  type MatrixSelector,
  type Subquery,
  type VectorSelector,
} from '@tsink/promql'
import { aggregate } from './aggregate.ts'
import { binaryVectors, compute, isComparison } from './binary.ts'
import { CALENDAR, civilOf, KEEPS_NAME, MATH, maximum, minimum, OVER_RANGE, type NaiveRange } from './functions.ts'
import { labelFunction } from './labels.ts'
import { NaiveError, withoutName, type NaivePoint, type NaiveSample, type NaiveSeries, type NaiveValue } from './values.ts'

export interface NaiveQuery {
  readonly data: readonly NaiveSeries[]
  readonly startMs: number
  readonly endMs: number
  readonly lookbackMs: number
  readonly defaultStepMs: number
}

/** What an expression is at one moment. @throws NaiveError where PromQL fails. */
export function evaluateAt(expr: Expr, time: number, query: NaiveQuery): NaiveValue {
  switch (expr.type) {
    case 'number':
      return { type: 'scalar', value: expr.value }
    case 'string':
      return { type: 'string', value: expr.value }
    case 'paren':
      return evaluateAt(expr.expr, time, query)
    case 'unary': {
      const value = evaluateAt(expr.expr, time, query)
      if (value.type === 'scalar') return { type: 'scalar', value: expr.op === '-' ? -value.value : value.value }
      if (expr.op === '+') return value
      return vector(vectorOf(value).map(({ labels, value: v }) => ({ labels: withoutName(labels), value: -v })))
    }
    case 'vector':
      return { type: 'vector', samples: selectInstant(expr, time, query).map(({ labels, point }) => ({ labels, value: point.value })) }
    case 'aggregate':
      return evaluateAggregate(expr, time, query)
    case 'binary':
      return evaluateBinary(expr, time, query)
    case 'call':
      return evaluateCall(expr, time, query)
    case 'matrix':
    case 'subquery':
      throw new Error('a range is no value of its own in the naive evaluator')
  }
}

function vectorOf(value: NaiveValue): readonly NaiveSample[] {
  if (value.type !== 'vector') throw new Error(`expected a vector, got ${value.type}`)
  return value.samples
}

function scalarOf(value: NaiveValue): number {
  if (value.type !== 'scalar') throw new Error(`expected a scalar, got ${value.type}`)
  return value.value
}

/** A vector whose label sets must differ. */
function vector(samples: readonly NaiveSample[]): NaiveValue {
  const seen = new Set<string>()
  for (const { labels } of samples) {
    if (seen.has(labels.key())) throw new NaiveError('vector cannot contain metrics with the same labelset')
    seen.add(labels.key())
  }
  return { type: 'vector', samples }
}

function reference(
  node: { readonly offset: number; readonly at: number | 'start' | 'end' | null },
  time: number,
  query: NaiveQuery,
): number {
  const at = node.at === null ? time : node.at === 'start' ? query.startMs : node.at === 'end' ? query.endMs : node.at
  return at - node.offset
}

function matching(matchers: readonly Matcher[], query: NaiveQuery): readonly NaiveSeries[] {
  return query.data.filter(({ labels }) => matchers.every((matcher) => matcher.matches(labels.get(matcher.name))))
}

function selectInstant(node: VectorSelector, time: number, query: NaiveQuery): { labels: Labels; point: NaivePoint }[] {
  const at = reference(node, time, query)
  const found: { labels: Labels; point: NaivePoint }[] = []
  for (const { labels, samples } of matching(node.matchers, query)) {
    const point = samples.filter((sample) => sample.time <= at).at(-1)
    if (point !== undefined && point.time > at - query.lookbackMs && !point.stale) found.push({ labels, point })
  }
  return found
}

/** A quirk of the reference: with `@`, timestamp() reads around the shifted time but looks at the time itself. */
function selectTimes(node: VectorSelector, time: number, query: NaiveQuery): { labels: Labels; point: NaivePoint }[] {
  if (node.at === null) return selectInstant(node, time, query)
  const shifted = reference(node, time, query)
  const at = shifted + node.offset
  return matching(node.matchers, query).flatMap(({ labels, samples }) => {
    const point = samples.filter((sample) => sample.time <= Math.min(at, shifted)).at(-1)
    return point !== undefined && point.time > Math.max(at, shifted) - query.lookbackMs && !point.stale ? [{ labels, point }] : []
  })
}

function selectRange(node: MatrixSelector | Subquery, time: number, query: NaiveQuery): { labels: Labels; range: NaiveRange }[] {
  const at = reference(node.type === 'matrix' ? node.selector : node, time, query)
  const start = at - node.range
  if (node.type === 'matrix') {
    return matching(node.selector.matchers, query).flatMap(({ labels, samples }) => {
      const points = samples.filter((sample) => sample.time > start && sample.time <= at && !sample.stale)
      return points.length === 0 ? [] : [{ labels, range: { points, start, end: at } }]
    })
  }
  const step = node.step === 0 ? query.defaultStepMs : node.step
  const series = new Map<string, { labels: Labels; points: NaivePoint[] }>()
  for (let t = (Math.floor(start / step) + 1) * step; t <= at; t += step) {
    const value = evaluateAt(node.expr, t, query)
    const samples = value.type === 'scalar' ? [{ labels: Labels.EMPTY, value: value.value }] : vectorOf(value)
    for (const sample of samples) {
      let known = series.get(sample.labels.key())
      if (known === undefined) series.set(sample.labels.key(), (known = { labels: sample.labels, points: [] }))
      known.points.push({ time: t, value: sample.value, stale: false })
    }
  }
  return [...series.values()].map(({ labels, points }) => ({ labels, range: { points, start, end: at } }))
}

function evaluateAggregate(expr: Aggregate, time: number, query: NaiveQuery): NaiveValue {
  const samples = vectorOf(evaluateAt(expr.expr, time, query))
  const parameter = expr.param === null ? null : evaluateAt(expr.param, time, query)
  return { type: 'vector', samples: aggregate(expr, samples, parameter) }
}

function evaluateBinary(expr: Binary, time: number, query: NaiveQuery): NaiveValue {
  const left = evaluateAt(expr.left, time, query)
  const right = evaluateAt(expr.right, time, query)
  if (left.type === 'scalar' && right.type === 'scalar') return { type: 'scalar', value: compute(expr.op, left.value, right.value) }
  if (left.type === 'vector' && right.type === 'vector') return vector(binaryVectors(expr, left.samples, right.samples))
  const samples = vectorOf(left.type === 'vector' ? left : right)
  const result: NaiveSample[] = []
  for (const { labels, value } of samples) {
    const a = left.type === 'scalar' ? left.value : value
    const b = right.type === 'scalar' ? right.value : value
    const outcome = compute(expr.op, a, b)
    if (!isComparison(expr.op)) result.push({ labels: withoutName(labels), value: outcome })
    else if (expr.bool) result.push({ labels: withoutName(labels), value: outcome })
    else if (outcome === 1) result.push({ labels, value })
  }
  return vector(result)
}

function evaluateCall(call: Call, time: number, query: NaiveQuery): NaiveValue {
  const { func, args } = call
  const argument = (i: number): NaiveValue => evaluateAt(args[i]!, time, query)
  const samples = (i: number): readonly NaiveSample[] => vectorOf(argument(i))
  const scalar = (i: number): number => scalarOf(argument(i))
  const mapped = (of: (value: number) => number, i = 0): NaiveValue =>
    vector(samples(i).map(({ labels, value }) => ({ labels: withoutName(labels), value: of(value) })))

  if (OVER_RANGE[func] !== undefined) {
    const rangeAt = args.findIndex((arg) => isRange(arg))
    const parameters = args.flatMap((arg, i) => (i === rangeAt ? [] : [scalarOf(evaluateAt(arg, time, query))]))
    const result = selectRange(rangeOf(args[rangeAt]!), time, query).flatMap(({ labels, range }) => {
      const value = OVER_RANGE[func]!(range, parameters, time)
      return value === undefined ? [] : [{ labels: KEEPS_NAME.has(func) ? labels : withoutName(labels), value }]
    })
    return vector(result)
  }
  if (MATH[func] !== undefined) return mapped(MATH[func])
  if (CALENDAR[func] !== undefined) {
    const of = CALENDAR[func]
    if (args.length === 0) return vector([{ labels: Labels.EMPTY, value: of(civilOf(time / 1000)) }])
    return mapped((value) => of(civilOf(value)))
  }
  switch (func) {
    case 'time':
      return { type: 'scalar', value: time / 1000 }
    case 'pi':
      return { type: 'scalar', value: Math.PI }
    case 'vector':
      return vector([{ labels: Labels.EMPTY, value: scalar(0) }])
    case 'scalar': {
      const all = samples(0)
      return { type: 'scalar', value: all.length === 1 ? all[0]!.value : NaN }
    }
    case 'timestamp': {
      const inner = unwrapParens(args[0]!)
      if (inner.type !== 'vector') return mapped(() => time / 1000)
      return vector(selectTimes(inner, time, query).map(({ labels, point }) => ({ labels: withoutName(labels), value: point.time / 1000 })))
    }
    case 'absent':
      return vector(samples(0).length > 0 ? [] : [{ labels: Labels.EMPTY, value: 1 }])
    case 'clamp': {
      const [min, max] = [scalar(1), scalar(2)]
      return min > max ? vector([]) : mapped((v) => maximum(min, minimum(max, v)))
    }
    case 'clamp_min': {
      const min = scalar(1)
      return mapped((v) => maximum(min, v))
    }
    case 'clamp_max': {
      const max = scalar(1)
      return mapped((v) => minimum(max, v))
    }
    case 'round': {
      const inverse = 1 / (args.length > 1 ? scalar(1) : 1)
      return mapped((v) => Math.floor(v * inverse + 0.5) / inverse)
    }
    case 'sort':
    case 'sort_desc':
      return argument(0)
    case 'label_replace':
    case 'label_join':
      return vector(
        labelFunction(
          func,
          samples(0),
          args.slice(1).map((_, i) => String((argument(i + 1) as { value: string }).value)),
        ),
      )
    default:
      throw new Error(`${func} is not in the naive evaluator`)
  }
}

function isRange(expr: Expr): boolean {
  const inner = unwrapParens(expr)
  return inner.type === 'matrix' || inner.type === 'subquery'
}

function rangeOf(expr: Expr): MatrixSelector | Subquery {
  return unwrapParens(expr) as MatrixSelector | Subquery
}
