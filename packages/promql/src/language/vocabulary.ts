/**
 * The words of PromQL that are no functions, explained in a sentence each.
 */
import type { AggregateOp } from '../ast.ts'

/** Aggregations: what they take before the vector, and what they do. */
export const AGGREGATIONS: Readonly<
  Record<AggregateOp, { readonly param: string; readonly experimental: boolean; readonly about: string }>
> = {
  sum: { param: '', experimental: false, about: 'The sum of the samples of each group.' },
  avg: { param: '', experimental: false, about: 'The average of the samples of each group.' },
  min: { param: '', experimental: false, about: 'The least sample of each group.' },
  max: { param: '', experimental: false, about: 'The greatest sample of each group.' },
  count: { param: '', experimental: false, about: 'The number of series of each group.' },
  group: { param: '', experimental: false, about: '1 for each group.' },
  stddev: { param: '', experimental: false, about: 'The standard deviation of the samples of each group.' },
  stdvar: { param: '', experimental: false, about: 'The variance of the samples of each group.' },
  topk: { param: 'scalar', experimental: false, about: 'The series with the k greatest samples of each group.' },
  bottomk: { param: 'scalar', experimental: false, about: 'The series with the k least samples of each group.' },
  quantile: { param: 'scalar', experimental: false, about: 'The given quantile of the samples of each group.' },
  count_values: { param: 'string', experimental: false, about: 'How often each value occurs; the value becomes a label.' },
  limitk: { param: 'scalar', experimental: true, about: 'Any k series of each group.' },
  limit_ratio: { param: 'scalar', experimental: true, about: 'About the given share of the series of each group.' },
}

/** Keywords and operators between and behind expressions. */
export const KEYWORD_TEXTS: ReadonlyMap<string, string> = new Map([
  ['by', 'Groups by these labels alone.'],
  ['without', 'Groups by all labels but these.'],
  ['on', 'Matches the series of both sides on these labels alone.'],
  ['ignoring', 'Matches the series of both sides on all labels but these.'],
  ['group_left', 'Many series on the left match one on the right; the labels listed are copied from the right.'],
  ['group_right', 'Many series on the right match one on the left; the labels listed are copied from the left.'],
  ['bool', 'The comparison answers 0 or 1 instead of filtering.'],
  ['offset', 'Looks so far into the past.'],
  ['anchored', 'The range starts with the newest sample at or before its start; nothing is extrapolated.'],
  ['smoothed', 'The values at both ends of the range are interpolated between the samples around them.'],
  ['fill', 'The value of samples that are missing on either side.'],
  ['fill_left', 'The value of samples that are missing on the left side.'],
  ['fill_right', 'The value of samples that are missing on the right side.'],
  ['and', 'The series on the left that have a match on the right.'],
  ['or', 'All series on the left, and those on the right that have no match there.'],
  ['unless', 'The series on the left that have no match on the right.'],
  ['atan2', 'The angle of the point (right, left), in radians.'],
  ['start', 'The start of the query range.'],
  ['end', 'The end of the query range.'],
  ['step', 'The step of the query.'],
  ['range', 'The length of the query range.'],
  ['min_of', 'The lesser of two numbers.'],
  ['max_of', 'The greater of two numbers.'],
])

/** Durations that people pick for ranges. */
export const COMMON_DURATIONS: readonly string[] = ['1m', '5m', '10m', '30m', '1h', '6h', '1d', '1w']

/** Types of metrics that only grow, apart from resets. */
export function isCounterType(type: string): boolean {
  return type === 'counter' || type === 'histogram'
}
