/**
 * Binary operators of the naive evaluator.
 */
import type { Labels } from '@tsink/core'
import type { Binary, BinaryOp } from '@tsink/promql'
import { NaiveError, withoutName, type NaiveSample } from './values.ts'

export function isComparison(op: BinaryOp): boolean {
  return ['==', '!=', '<', '>', '<=', '>='].includes(op)
}

/** The value of an operator for two floats; comparisons give 1 or 0. */
export function compute(op: BinaryOp, a: number, b: number): number {
  switch (op) {
    case '+':
      return a + b
    case '-':
      return a - b
    case '*':
      return a * b
    case '/':
      return a / b
    case '%':
      return a % b
    case '^':
      // C's pow(1, NaN) and pow(-1, Inf) are 1, JavaScript's are NaN.
      return a === 1 || (a === -1 && Math.abs(b) === Infinity) ? 1 : Math.pow(a, b)
    case 'atan2':
      return Math.atan2(a, b)
    case '==':
      return Number(a === b)
    case '!=':
      return Number(a !== b)
    case '<':
      return Number(a < b)
    case '>':
      return Number(a > b)
    case '<=':
      return Number(a <= b)
    case '>=':
      return Number(a >= b)
    default:
      throw new Error(`${op} is no operator of floats`)
  }
}

export function binaryVectors(expr: Binary, left: readonly NaiveSample[], right: readonly NaiveSample[]): NaiveSample[] {
  const matching = expr.matching!
  const named = new Set(matching.labels)
  const keyOf = (labels: Labels): Labels =>
    matching.on ? labels.filter((name) => named.has(name)) : withoutName(labels).filter((name) => !named.has(name))
  const keys = (samples: readonly NaiveSample[]): Set<string> => new Set(samples.map(({ labels }) => keyOf(labels).key()))
  switch (expr.op) {
    case 'and':
      return left.filter(({ labels }) => keys(right).has(keyOf(labels).key()))
    case 'unless':
      return left.filter(({ labels }) => !keys(right).has(keyOf(labels).key()))
    case 'or':
      return [...left, ...right.filter(({ labels }) => !keys(left).has(keyOf(labels).key()))]
  }
  // With nothing on one side nothing is looked at on the other, not even whether it could be matched.
  if (left.length === 0 || right.length === 0) return []
  const swapped = matching.cardinality === 'one-to-many'
  const many = swapped ? right : left
  const ones = new Map<string, NaiveSample>()
  for (const sample of swapped ? left : right) {
    const key = keyOf(sample.labels).key()
    if (ones.has(key)) throw new NaiveError('found duplicate series for the match group')
    ones.set(key, sample)
  }
  const result: NaiveSample[] = []
  const matched = new Set<string>()
  for (const sample of many) {
    const key = keyOf(sample.labels).key()
    const one = ones.get(key)
    if (one === undefined) continue
    const [a, b] = swapped ? [one.value, sample.value] : [sample.value, one.value]
    const outcome = compute(expr.op, a, b)
    const comparison = isComparison(expr.op)
    const labels = resultLabels(expr, sample.labels, one.labels)
    const filtered = comparison && !expr.bool && outcome === 0
    // A second match of a group is a fault even where the comparison filters it out.
    const identity = matching.cardinality === 'one-to-one' ? key : labels.key()
    if (matching.cardinality === 'one-to-one' || !filtered) {
      if (matched.has(identity)) throw new NaiveError('multiple matches for labels')
      matched.add(identity)
    }
    if (filtered) continue
    result.push({ labels, value: comparison && !expr.bool ? a : outcome })
  }
  return result
}

function resultLabels(expr: Binary, many: Labels, one: Labels): Labels {
  const { cardinality, on, labels: listed, include } = expr.matching!
  const keepsName = isComparison(expr.op) && !expr.bool
  let labels = keepsName ? many : withoutName(many)
  if (cardinality === 'one-to-one') {
    const named = new Set(listed)
    labels = on ? labels.filter((name) => named.has(name)) : labels.filter((name) => !named.has(name))
  }
  for (const name of include) labels = labels.with(name, one.get(name))
  return labels
}
