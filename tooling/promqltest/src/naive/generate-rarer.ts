/**
 * Generate, of what the naive evaluator does not have: queries that only a real Prometheus judges, with functions that pick, count, smooth,
 * look for absence or read classic histograms, and with modifiers where they are rare.
 */
import type { Dice } from './generate.ts'

/** A query over the data of `generateData` that yields an instant vector. */
export function generateRarerQuery(dice: Dice): string {
  const vector = floats(dice)
  switch (dice.below(14)) {
    case 0:
      return `absent(${dice.pick(['nothing', 'nothing{job="api"}', 'flag', vector, 'sum(nothing)'])})`
    case 1:
      return `absent_over_time(${dice.pick(['nothing{job="a",job="b"}', 'flag{instance="a"}', 'nothing{zone=~"x"}', 'odd'])}[${window(dice)}])`
    case 2:
      return `count_values ${grouping(dice)} ("${dice.pick(['value', 'job'])}", ${dice.pick(['flag', 'round(temperature)', 'odd', 'flag > 0'])})`
    case 3:
      return `histogram_quantile(${dice.pick(['0', '0.3', '0.5', '0.99', '1', '-0.1', '1.1', 'NaN'])}, ${buckets(dice)})`
    case 4:
      return `histogram_fraction(${dice.pick(['0', '0.05', '-Inf', '2'])}, ${dice.pick(['0.5', '1', '10', '+Inf'])}, ${buckets(dice)})`
    case 5:
      // Of different values, since which of equal ones is picked is not said.
      return `${dice.pick(['topk', 'bottomk'])} ${grouping(dice)} (${dice.pick(['1', '2', '5', '0', '1e9'])}, ${spread(dice)})`
    case 6:
      return `double_exponential_smoothing(${name(dice)}[${window(dice)}], ${dice.pick(['0.1', '0.5', '0.9'])}, ${dice.pick(['0.1', '0.7'])})`
    case 7:
      return `mad_over_time(${dice.pick(['temperature', 'flag', 'requests_total'])}[${window(dice)}])`
    case 8:
      return `ts_of_${dice.pick(['min', 'max', 'last'])}_over_time(${name(dice)}[${window(dice)}])`
    case 9:
      return `${dice.pick(['sort_by_label', 'sort_by_label_desc'])}(${vector}, "instance", "job")`
    case 10:
      return `${dice.pick(TRIGONOMETRY)}(${vector})`
    case 11:
      return `${dice.pick(['max', 'sum', 'last', 'quantile', 'stddev'])}_over_time(${dice.pick(['0.5, ', ''])}${inner(dice)}[${window(dice)}:${dice.pick(['', '20s', '45s'])}]${moved(dice)})`
        .replace(/^(max|sum|last|stddev)(_over_time\()0\.5, /, '$1$2')
        .replace(/^quantile_over_time\((?!0\.5)/, 'quantile_over_time(0.9, ')
    case 12:
      return `${name(dice)}${moved(dice)} ${dice.pick(['+', '-', '*', '/', '>', '<='])} on (instance, job) group_left () ${dice.pick(['temperature', 'flag', 'sum by (instance, job) (requests_total)'])}${moved(dice)}`
    default:
      return `${dice.pick(['round', 'sgn', 'ceil', 'deg', 'rad', 'exp', 'day_of_month', 'day_of_year', 'days_in_month', 'minute', 'month', 'year'])}(${vector})`
  }
}

const TRIGONOMETRY = ['acos', 'acosh', 'asin', 'asinh', 'atan', 'atanh', 'cos', 'cosh', 'sin', 'sinh', 'tan', 'tanh']

function floats(dice: Dice): string {
  return dice.pick([
    () => name(dice) + moved(dice),
    () =>
      `${dice.pick(['rate', 'increase', 'delta', 'idelta', 'irate', 'deriv', 'resets', 'changes'])}(${name(dice)}[${window(dice)}]${moved(dice)})`,
    () => `${dice.pick(['avg', 'max', 'stdvar', 'group'])} ${grouping(dice)} (${name(dice)})`,
    () => `(${name(dice)} ${dice.pick(['/', '*', '-'])} ${dice.pick(['2', '-0.5', '10', 'time()', 'pi()'])})`,
  ])()
}

function spread(dice: Dice): string {
  return dice.pick([
    'requests_total * 1.37 + time()',
    'rate(temperature[5m]) * 0.731',
    'sum by (instance, job) (temperature * 3.3)',
    'avg_over_time(temperature[5m])',
  ])
}

function buckets(dice: Dice): string {
  return dice.pick([
    'latency_bucket',
    'rate(latency_bucket[5m])',
    'sum by (le) (latency_bucket)',
    'sum by (le, job) (rate(latency_bucket[2m]))',
    'latency_bucket{le!="1"}',
    'latency_bucket{le!="+Inf"}',
    'label_replace(latency_bucket, "le", "much", "le", "1")',
    'latency_bucket * -1',
    'requests_total',
  ])
}

function inner(dice: Dice): string {
  return dice.pick([
    name(dice),
    `rate(${name(dice)}[1m])`,
    `sum by (job) (${name(dice)})`,
    `(${name(dice)} > 3)`,
    'time()',
    'vector(time())',
  ])
}

function name(dice: Dice): string {
  return dice.pick(['requests_total', 'requests_total{code="200"}', 'temperature', 'flag', 'latency_bucket', 'temperature{instance!="b"}'])
}

function window(dice: Dice): string {
  return dice.pick(['20s', '1m', '4m', '15m'])
}

function moved(dice: Dice): string {
  if (dice.chance(0.6)) return ''
  return dice.pick([' offset 90s', ' offset -1m', ' @ start()', ' @ end() offset 2m', ' offset 2m @ 1700001500', ' @ 1699990000'])
}

function grouping(dice: Dice): string {
  return dice.pick(['', 'by (job)', 'by (instance, zone)', 'without (instance)', 'without ()', 'by ()'])
}
