/**
 * The functions of PromQL: what they take and give. This table is for the parser, the language service and documentation; what the
 * functions do is the evaluator's.
 */
import type { ValueType } from './ast.ts'

/** The signature of one function. */
export interface Signature {
  readonly name: string
  readonly args: readonly ValueType[]
  /** 0: exactly `args`. n > 0: the last type of `args` comes from 0 to n times. -1: from 0 times on. */
  readonly variadic: number
  readonly returns: ValueType
  /** Needs the feature switch `experimentalFunctions`. */
  readonly experimental: boolean
  /** One sentence for people. */
  readonly about: string
}

const signatures = new Map<string, Signature>()

function declare(names: string, args: readonly ValueType[], about: string, more: Partial<Signature> = {}): void {
  for (const name of names.split(' ')) {
    signatures.set(name, { name, args, variadic: 0, returns: 'vector', experimental: false, about, ...more })
  }
}

const experimental = true
const scalarResult = { returns: 'scalar' } as const

declare('abs', ['vector'], 'The absolute value of each sample.')
declare('ceil', ['vector'], 'Each sample rounded up to an integer.')
declare('floor', ['vector'], 'Each sample rounded down to an integer.')
declare('exp', ['vector'], 'e raised to each sample.')
declare('sqrt', ['vector'], 'The square root of each sample.')
declare('ln', ['vector'], 'The natural logarithm of each sample.')
declare('log2', ['vector'], 'The logarithm to base 2 of each sample.')
declare('log10', ['vector'], 'The logarithm to base 10 of each sample.')
declare('sgn', ['vector'], 'The sign of each sample: -1, 0 or 1.')
declare('sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh', ['vector'], 'The trigonometric function of each sample, in radians.')
declare('rad', ['vector'], 'Degrees as radians.')
declare('deg', ['vector'], 'Radians as degrees.')
declare('pi', [], 'The number pi.', scalarResult)
declare('round', ['vector', 'scalar'], 'Each sample rounded to the nearest multiple of the second argument, 1 by default.', { variadic: 1 })
declare('clamp', ['vector', 'scalar', 'scalar'], 'Each sample kept between a least and a greatest value.')
declare('clamp_min', ['vector', 'scalar'], 'Each sample, but at least the second argument.')
declare('clamp_max', ['vector', 'scalar'], 'Each sample, but at most the second argument.')
declare('absent', ['vector'], '1 when the argument is empty, else nothing.')
declare('absent_over_time', ['matrix'], '1 when the range holds no sample at all, else nothing.')
declare('scalar', ['vector'], 'The value of the only series as a scalar; NaN unless there is exactly one.', scalarResult)
declare('vector', ['scalar'], 'A scalar as a vector without labels.')
declare('time', [], 'The evaluation time in Unix seconds.', scalarResult)
declare('timestamp', ['vector'], 'The Unix time of each sample.')
declare('start_timestamp', ['vector'], 'The Unix time at which the counter of each sample started; 0 when unknown.', { experimental })
declare('start', [], 'The start of the query range in Unix seconds.', { ...scalarResult, experimental })
declare('end', [], 'The end of the query range in Unix seconds.', { ...scalarResult, experimental })
declare('step', [], 'The step of the query in seconds.', { ...scalarResult, experimental })
declare('range', [], 'The length of the query range in seconds.', { ...scalarResult, experimental })
declare('min_of', ['scalar', 'scalar'], 'The lesser of two scalars.', { ...scalarResult, experimental })
declare('max_of', ['scalar', 'scalar'], 'The greater of two scalars.', { ...scalarResult, experimental })
declare('day_of_month', ['vector'], 'The day of the month, 1 to 31, in UTC.', { variadic: 1 })
declare('day_of_week', ['vector'], 'The day of the week, 0 (Sunday) to 6, in UTC.', { variadic: 1 })
declare('day_of_year', ['vector'], 'The day of the year, 1 to 366, in UTC.', { variadic: 1 })
declare('days_in_month', ['vector'], 'The number of days of the month, 28 to 31, in UTC.', { variadic: 1 })
declare('hour', ['vector'], 'The hour of the day, 0 to 23, in UTC.', { variadic: 1 })
declare('minute', ['vector'], 'The minute of the hour, 0 to 59, in UTC.', { variadic: 1 })
declare('month', ['vector'], 'The month, 1 to 12, in UTC.', { variadic: 1 })
declare('year', ['vector'], 'The year in UTC.', { variadic: 1 })
declare(
  'label_replace',
  ['vector', 'string', 'string', 'string', 'string'],
  'Sets a label to a replacement text where another label matches a regular expression.',
)
declare('label_join', ['vector', 'string', 'string', 'string'], 'Sets a label to the values of other labels, joined by a separator.', {
  variadic: -1,
})
declare('sort', ['vector'], 'The series in ascending order of their values.')
declare('sort_desc', ['vector'], 'The series in descending order of their values.')
declare('sort_by_label', ['vector', 'string'], 'The series in natural order of labels.', { variadic: -1, experimental })
declare('sort_by_label_desc', ['vector', 'string'], 'The series in descending natural order of labels.', { variadic: -1, experimental })
declare('rate', ['matrix'], 'The per-second increase of a counter, resets accounted for.')
declare('increase', ['matrix'], 'The increase of a counter over the range, resets accounted for.')
declare('delta', ['matrix'], 'The difference between the last and the first value of a gauge over the range.')
declare('irate', ['matrix'], 'The per-second increase of a counter between its last two samples.')
declare('idelta', ['matrix'], 'The difference between the last two samples of a gauge.')
declare('deriv', ['matrix'], 'The per-second slope of a gauge by linear regression.')
declare('predict_linear', ['matrix', 'scalar'], 'The value that a gauge will have in so many seconds, by linear regression.')
declare('resets', ['matrix'], 'How often a counter was reset.')
declare('changes', ['matrix'], 'How often the value changed.')
declare('avg_over_time', ['matrix'], 'The average of the samples in the range.')
declare('min_over_time', ['matrix'], 'The least sample in the range.')
declare('max_over_time', ['matrix'], 'The greatest sample in the range.')
declare('sum_over_time', ['matrix'], 'The sum of the samples in the range.')
declare('count_over_time', ['matrix'], 'The number of samples in the range.')
declare('quantile_over_time', ['scalar', 'matrix'], 'A quantile of the samples in the range.')
declare('stddev_over_time', ['matrix'], 'The standard deviation of the samples in the range.')
declare('stdvar_over_time', ['matrix'], 'The variance of the samples in the range.')
declare('last_over_time', ['matrix'], 'The newest sample in the range.')
declare('first_over_time', ['matrix'], 'The oldest sample in the range.')
declare('present_over_time', ['matrix'], '1 for every series with a sample in the range.')
declare('mad_over_time', ['matrix'], 'The median absolute deviation of the samples in the range.', { experimental })
declare('ts_of_first_over_time', ['matrix'], 'The Unix time of the oldest sample in the range.', { experimental })
declare('ts_of_last_over_time', ['matrix'], 'The Unix time of the newest sample in the range.', { experimental })
declare('ts_of_min_over_time', ['matrix'], 'The Unix time of the last least sample in the range.', { experimental })
declare('ts_of_max_over_time', ['matrix'], 'The Unix time of the last greatest sample in the range.', { experimental })
declare('double_exponential_smoothing', ['matrix', 'scalar', 'scalar'], 'A smoothed value from a smoothing and a trend factor.', {
  experimental,
})
declare('histogram_count', ['vector'], 'The number of observations of a native histogram.')
declare('histogram_sum', ['vector'], 'The sum of the observations of a native histogram.')
declare('histogram_avg', ['vector'], 'The average observation of a native histogram.')
declare('histogram_stddev', ['vector'], 'The estimated standard deviation of the observations of a native histogram.')
declare('histogram_stdvar', ['vector'], 'The estimated variance of the observations of a native histogram.')
declare('histogram_quantile', ['scalar', 'vector'], 'A quantile of a native histogram, or of the `le` buckets of a classic one.')
declare(
  'histogram_quantiles',
  ['vector', 'string', 'scalar', 'scalar'],
  'Several quantiles of a histogram, each with its own label value.',
  {
    variadic: 9,
    experimental,
  },
)
declare('histogram_fraction', ['scalar', 'scalar', 'vector'], 'The fraction of the observations of a histogram between two values.')
declare('info', ['vector', 'vector'], 'Adds the labels of the matching info series, `target_info` by default.', {
  variadic: 1,
  experimental,
})

/** The signature of a function, or undefined. Names are case-sensitive. */
export function signatureOf(name: string): Signature | undefined {
  return signatures.get(name)
}

/** All functions, in alphabetical order. */
export function allSignatures(): readonly Signature[] {
  return [...signatures.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
}
