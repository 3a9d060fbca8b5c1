/**
 * Functions of the naive evaluator, each straight from its definition.
 */
import type { NaivePoint } from './values.ts'

/** Functions of one float. */
export const MATH: Readonly<Record<string, (v: number) => number>> = {
  abs: Math.abs,
  ceil: Math.ceil,
  floor: Math.floor,
  exp: Math.exp,
  sqrt: Math.sqrt,
  ln: Math.log,
  log2: Math.log2,
  log10: Math.log10,
  sgn: (v) => (v > 0 ? 1 : v < 0 ? -1 : v),
  sin: Math.sin,
  cos: Math.cos,
  tan: Math.tan,
  asin: Math.asin,
  acos: Math.acos,
  atan: Math.atan,
  sinh: Math.sinh,
  cosh: Math.cosh,
  tanh: Math.tanh,
  asinh: Math.asinh,
  acosh: Math.acosh,
  atanh: Math.atanh,
  rad: (v) => (v * Math.PI) / 180,
  deg: (v) => (v * 180) / Math.PI,
}

/** The definition of both has a case for the infinity that no number exceeds, before the one for NaN. */
export function maximum(a: number, b: number): number {
  return [a, b].includes(Infinity) ? Infinity : Math.max(a, b)
}

export function minimum(a: number, b: number): number {
  return -maximum(-a, -b)
}

/** A moment as the Gregorian calendar in UTC has it; months from 1, days of the week from Sunday. */
interface Civil {
  readonly year: bigint
  readonly month: number
  readonly day: number
  readonly dayOfYear: number
  readonly dayOfWeek: number
  readonly secondOfDay: number
}

/** Functions of a Unix time in seconds. */
export const CALENDAR: Readonly<Record<string, (moment: Civil) => number>> = {
  day_of_month: ({ day }) => day,
  day_of_week: ({ dayOfWeek }) => dayOfWeek,
  day_of_year: ({ dayOfYear }) => dayOfYear,
  days_in_month: ({ year, month }) => monthLengths(year)[month - 1]!,
  hour: ({ secondOfDay }) => Math.floor(secondOfDay / 3_600),
  minute: ({ secondOfDay }) => Math.floor(secondOfDay / 60) % 60,
  month: ({ month }) => month,
  year: ({ year }) => Number(year),
}

/** The moment of a float: seconds in 64 bits, and what does not fit is the latest moment that the reference knows. */
export function civilOf(seconds: number): Civil {
  const fits = Math.abs(seconds) < 2 ** 63
  const whole = fits ? BigInt(Math.trunc(seconds)) : 2n ** 63n
  let days = whole / 86_400n - (whole % 86_400n < 0n ? 1n : 0n)
  const secondOfDay = Number(whole - days * 86_400n)
  const dayOfWeek = Number((((days + 4n) % 7n) + 7n) % 7n)
  const cycles = days / 146_097n - (days % 146_097n < 0n ? 1n : 0n)
  days -= cycles * 146_097n
  let year = 1_970n + 400n * cycles
  let rest = Number(days)
  for (let length = yearLength(year); rest >= length; length = yearLength(++year)) rest -= length
  const dayOfYear = rest + 1
  let month = 1
  for (const length of monthLengths(year)) {
    if (rest < length) break
    rest -= length
    month++
  }
  return { year, month, day: rest + 1, dayOfYear, dayOfWeek, secondOfDay }
}

function yearLength(year: bigint): number {
  return (year % 4n === 0n && year % 100n !== 0n) || year % 400n === 0n ? 366 : 365
}

function monthLengths(year: bigint): readonly number[] {
  return [31, yearLength(year) - 337, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
}

/** The samples of a range with its bounds (left open), in milliseconds. */
export interface NaiveRange {
  readonly points: readonly NaivePoint[]
  readonly start: number
  readonly end: number
}

/** Functions of a range; undefined means: no result. Extra parameters are the scalar arguments. */
export const OVER_RANGE: Readonly<
  Record<string, (range: NaiveRange, parameters: readonly number[], evalTime: number) => number | undefined>
> = {
  rate: (range) => extrapolated(range, true, true),
  increase: (range) => extrapolated(range, true, false),
  delta: (range) => extrapolated(range, false, false),
  irate: ({ points }) => {
    if (points.length < 2) return undefined
    const [previous, last] = points.slice(-2) as [NaivePoint, NaivePoint]
    const change = last.value < previous.value ? last.value : last.value - previous.value
    return change / ((last.time - previous.time) / 1000)
  },
  idelta: ({ points }) => (points.length < 2 ? undefined : points.at(-1)!.value - points.at(-2)!.value),
  resets: ({ points }) => (points.length === 0 ? undefined : count(points, (previous, next) => next < previous)),
  changes: ({ points }) =>
    points.length === 0 ? undefined : count(points, (previous, next) => next !== previous && !(isNaN(next) && isNaN(previous))),
  deriv: ({ points }) => (points.length < 2 ? undefined : regression(points, points[0]!.time).slope),
  predict_linear: ({ points }, [ahead], evalTime) => {
    if (points.length < 2) return undefined
    const { slope, intercept } = regression(points, evalTime)
    return intercept + slope * ahead!
  },
  sum_over_time: (range) => reduce(range, exactSum),
  avg_over_time: (range) => reduce(range, exactMean),
  min_over_time: (range) => reduce(range, (values) => least(values)),
  max_over_time: (range) => reduce(range, (values) => -least(values.map((v) => -v))),
  count_over_time: (range) => reduce(range, (values) => values.length),
  last_over_time: (range) => reduce(range, (values) => values.at(-1)!),
  first_over_time: (range) => reduce(range, (values) => values[0]!),
  present_over_time: (range) => reduce(range, () => 1),
  stddev_over_time: (range) => reduce(range, (values) => Math.sqrt(compensatedVariance(values))),
  stdvar_over_time: (range) => reduce(range, compensatedVariance),
  quantile_over_time: (range, [phi]) => reduce(range, (values) => quantile(phi!, values)),
}

/** Functions of a range that keep the metric name. */
export const KEEPS_NAME: ReadonlySet<string> = new Set(['last_over_time', 'first_over_time'])

function reduce({ points }: NaiveRange, of: (values: number[]) => number): number | undefined {
  return points.length === 0 ? undefined : of(points.map(({ value }) => value))
}

function count(points: readonly NaivePoint[], happens: (previous: number, next: number) => boolean): number {
  return points.filter((point, i) => i > 0 && happens(points[i - 1]!.value, point.value)).length
}

function extrapolated({ points, start, end }: NaiveRange, isCounter: boolean, isRate: boolean): number | undefined {
  if (points.length < 2) return undefined
  const first = points[0]!
  const last = points.at(-1)!
  let raw = last.value - first.value
  if (isCounter) for (let i = 1; i < points.length; i++) if (points[i]!.value < points[i - 1]!.value) raw += points[i - 1]!.value
  const covered = (last.time - first.time) / 1000
  const average = covered / (points.length - 1)
  let toStart = (first.time - start) / 1000
  let toEnd = (end - last.time) / 1000
  if (toStart >= average * 1.1) toStart = average / 2
  if (isCounter && raw > 0 && first.value >= 0) toStart = Math.min(toStart, covered * (first.value / raw))
  if (toEnd >= average * 1.1) toEnd = average / 2
  const factor = (covered + toStart + toEnd) / covered
  return raw * (isRate ? factor / ((end - start) / 1000) : factor)
}

/** Least squares over time in seconds, with the intercept at `origin` (milliseconds). */
function regression(points: readonly NaivePoint[], origin: number): { slope: number; intercept: number } {
  const xs = points.map(({ time }) => (time - origin) / 1000)
  const ys = points.map(({ value }) => value)
  if (ys.every((y) => y === ys[0])) return Number.isFinite(ys[0]!) ? { slope: 0, intercept: ys[0]! } : { slope: NaN, intercept: NaN }
  const n = points.length
  const sumX = exactSum(xs)
  const sumY = exactSum(ys)
  const covariance = exactSum(xs.map((x, i) => x * ys[i]!)) - (sumX * sumY) / n
  const spread = exactSum(xs.map((x) => x * x)) - (sumX * sumX) / n
  const slope = covariance / spread
  return { slope, intercept: sumY / n - (slope * sumX) / n }
}

/** The sum without the loss of small addends beside large ones. */
export function exactSum(values: readonly number[]): number {
  const sum = new Compensated()
  for (const value of values) sum.add(value)
  return sum.total
}

export function exactMean(values: readonly number[]): number {
  const sum = exactSum(values)
  if (Number.isFinite(sum) || values.some((value) => !Number.isFinite(value))) return sum / values.length
  return exactSum(values.map((value) => value / values.length))
}

/** The least value; NaN only if there is nothing else. */
export function least(values: readonly number[]): number {
  return values.reduce((low, value) => (value < low || Number.isNaN(low) ? value : low))
}

/** The population variance by Welford's recurrence, which PromQL prescribes: other ways round differently. */
export function variance(values: readonly number[]): number {
  let mean = 0
  let sum = 0
  for (const [i, value] of values.entries()) {
    const deviation = value - mean
    mean += deviation / (i + 1)
    sum += deviation * (value - mean)
  }
  return values.every(Number.isFinite) ? sum / values.length : NaN
}

/** The same with both sums compensated, as over time. */
function compensatedVariance(values: readonly number[]): number {
  const mean = new Compensated()
  const sum = new Compensated()
  for (const [i, value] of values.entries()) {
    const deviation = value - mean.total
    mean.add(deviation / (i + 1))
    sum.add(deviation * (value - mean.total))
  }
  return values.every(Number.isFinite) ? sum.total / values.length : NaN
}

/** A sum that keeps what rounding loses (Neumaier). */
class Compensated {
  #sum = 0
  #lost = 0

  add(value: number): void {
    const next = this.#sum + value
    if (Number.isFinite(next)) this.#lost += Math.abs(this.#sum) >= Math.abs(value) ? this.#sum - next + value : value - next + this.#sum
    else this.#lost = 0
    this.#sum = next
  }

  get total(): number {
    return this.#sum + this.#lost
  }
}

export function quantile(phi: number, values: readonly number[]): number {
  if (values.length === 0 || Number.isNaN(phi)) return NaN
  if (phi < 0) return -Infinity
  if (phi > 1) return Infinity
  const sorted = [...values].sort((a, b) => (Number.isNaN(a) ? (Number.isNaN(b) ? 0 : -1) : Number.isNaN(b) ? 1 : a - b))
  const rank = phi * (sorted.length - 1)
  const lower = Math.max(0, Math.floor(rank))
  const upper = Math.min(sorted.length - 1, lower + 1)
  const weight = rank - Math.floor(rank)
  return sorted[lower]! * (1 - weight) + sorted[upper]! * weight
}
