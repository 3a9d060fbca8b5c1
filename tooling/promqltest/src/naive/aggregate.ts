/**
 * Aggregations of the naive evaluator.
 */
import type { Labels } from '@tsink/core'
import type { Aggregate } from '@tsink/promql'
import { exactMean, exactSum, least, quantile, variance } from './functions.ts'
import { NaiveError, type NaiveSample, type NaiveValue } from './values.ts'

export function aggregate(expr: Aggregate, samples: readonly NaiveSample[], parameter: NaiveValue | null): NaiveSample[] {
  const groups = new Map<string, { labels: Labels; members: NaiveSample[] }>()
  for (const sample of samples) {
    const labels = groupLabels(expr, sample.labels)
    let group = groups.get(labels.key())
    if (group === undefined) groups.set(labels.key(), (group = { labels, members: [] }))
    group.members.push(sample)
  }
  return [...groups.values()].flatMap(({ labels, members }) => ofGroup(expr, labels, members, parameter))
}

function groupLabels(expr: Aggregate, labels: Labels): Labels {
  const named = new Set(expr.grouping)
  if (!expr.without) return labels.filter((name) => named.has(name))
  return labels.filter((name) => !named.has(name) && name !== '__name__' && name !== '__type__' && name !== '__unit__')
}

function ofGroup(expr: Aggregate, labels: Labels, members: readonly NaiveSample[], parameter: NaiveValue | null): NaiveSample[] {
  const values = members.map(({ value }) => value)
  const one = (value: number): NaiveSample[] => [{ labels, value }]
  switch (expr.op) {
    case 'sum':
      return one(exactSum(values))
    case 'avg':
      return one(exactMean(values))
    case 'min':
      return one(least(values))
    case 'max':
      return one(-least(values.map((value) => -value)))
    case 'count':
      return one(values.length)
    case 'group':
      return one(1)
    case 'stddev':
      return one(Math.sqrt(variance(values)))
    case 'stdvar':
      return one(variance(values))
    case 'quantile':
      return one(quantile((parameter as { value: number }).value, values))
    case 'topk':
    case 'bottomk': {
      const k = (parameter as { value: number }).value
      if (Number.isNaN(k)) throw new NaiveError('Parameter value is NaN')
      const sign = expr.op === 'topk' ? -1 : 1
      const sorted = [...members].sort((a, b) => {
        if (Number.isNaN(a.value) || Number.isNaN(b.value)) return Number(Number.isNaN(a.value)) - Number(Number.isNaN(b.value))
        return sign * (a.value - b.value)
      })
      return k < 1 ? [] : sorted.slice(0, Math.trunc(k))
    }
    case 'count_values': {
      const name = (parameter as { value: string }).value
      const counts = new Map<string, number>()
      for (const value of values) counts.set(print(value), (counts.get(print(value)) ?? 0) + 1)
      return [...counts].map(([text, count]) => ({ labels: labels.with(name, text), value: count }))
    }
    default:
      throw new Error(`${expr.op} is not in the naive evaluator`)
  }
}

function print(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf'
  if (Object.is(value, -0)) return '-0'
  const text = String(value)
  // Go's 'f' format has no exponent.
  return text.includes('e') ? BigInt(Math.abs(value) >= 1 ? value : 0).toString() : text
}
