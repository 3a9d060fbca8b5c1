/**
 * Functions that map each float by itself. What they do not understand, histograms, they leave out.
 */

export type Mapping = (value: number) => number

export const MAPPINGS: Readonly<Record<string, Mapping>> = {
  abs: Math.abs,
  ceil: Math.ceil,
  floor: Math.floor,
  exp: Math.exp,
  sqrt: Math.sqrt,
  ln: Math.log,
  log2: Math.log2,
  log10: Math.log10,
  // Zeros keep their sign and NaN stays.
  sgn: (value) => (value < 0 ? -1 : value > 0 ? 1 : value),
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
  rad: (value) => (value * Math.PI) / 180,
  deg: (value) => (value * 180) / Math.PI,
  day_of_month: (seconds) => dateOf(seconds).getUTCDate(),
  day_of_week: (seconds) => dateOf(seconds).getUTCDay(),
  day_of_year: dayOfYear,
  days_in_month: daysInMonth,
  hour: (seconds) => dateOf(seconds).getUTCHours(),
  minute: (seconds) => dateOf(seconds).getUTCMinutes(),
  month: (seconds) => dateOf(seconds).getUTCMonth() + 1,
  year: (seconds) => dateOf(seconds).getUTCFullYear(),
}

/** Fractions of seconds are cut off. */
function dateOf(seconds: number): Date {
  return new Date(Math.trunc(seconds) * 1_000)
}

const DAY_MS = 86_400_000

function dayOfYear(seconds: number): number {
  const date = dateOf(seconds)
  const first = Date.UTC(date.getUTCFullYear(), 0, 1)
  return Math.floor((date.getTime() - first) / DAY_MS) + 1
}

function daysInMonth(seconds: number): number {
  const date = dateOf(seconds)
  // Day 0 of the next month is the last of this one.
  return new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate()
}
