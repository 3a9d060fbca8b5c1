/**
 * Functions of a Unix time: what the calendar and the clock say in UTC. Every float is some time: fractions of seconds are cut off, and what
 * does not fit into 64 bits (infinities and NaN too) is the moment that the reference gets for it.
 */

/** The span of time that JavaScript has dates for, on both sides of 1970. */
const DATE_SECONDS = 8.64e12
/** 400 years, after which the calendar repeats, weekdays included. */
const CYCLE_YEARS = 400
const CYCLE_SECONDS = 12_622_780_800n
/** The reference adds the distance to its first year, with overflow: before this time it arrives 2^64 seconds later. */
const FIRST_SECONDS = -9_223_372_028_715_321_600n
const DAY_MS = 86_400_000

interface Moment {
  readonly date: Date
  /** To be added to the date's year. */
  readonly years: number
}

export const CALENDAR: Readonly<Record<string, (seconds: number) => number>> = {
  day_of_month: (seconds) => momentOf(seconds).date.getUTCDate(),
  day_of_week: (seconds) => momentOf(seconds).date.getUTCDay(),
  day_of_year: (seconds) => dayOfYear(momentOf(seconds).date),
  days_in_month: (seconds) => daysInMonth(momentOf(seconds).date),
  hour: (seconds) => momentOf(seconds).date.getUTCHours(),
  minute: (seconds) => momentOf(seconds).date.getUTCMinutes(),
  month: (seconds) => momentOf(seconds).date.getUTCMonth() + 1,
  year: (seconds) => yearOf(momentOf(seconds)),
}

function momentOf(seconds: number): Moment {
  if (Math.abs(seconds) <= DATE_SECONDS) return { date: new Date(Math.trunc(seconds) * 1_000), years: 0 }
  let whole = Math.abs(seconds) < 2 ** 63 ? BigInt(Math.trunc(seconds)) : -(2n ** 63n)
  if (whole < FIRST_SECONDS) whole += 2n ** 64n
  const rest = ((whole % CYCLE_SECONDS) + CYCLE_SECONDS) % CYCLE_SECONDS
  return { date: new Date(Number(rest) * 1_000), years: Number((whole - rest) / CYCLE_SECONDS) * CYCLE_YEARS }
}

function yearOf({ date, years }: Moment): number {
  return date.getUTCFullYear() + years
}

function dayOfYear(date: Date): number {
  return Math.floor((date.getTime() - startOfMonth(date.getUTCFullYear(), 0)) / DAY_MS) + 1
}

function daysInMonth(date: Date): number {
  const [year, month] = [date.getUTCFullYear(), date.getUTCMonth()]
  return (startOfMonth(year, month + 1) - startOfMonth(year, month)) / DAY_MS
}

// `Date.UTC` takes years below 100 for those of the twentieth century.
function startOfMonth(year: number, month: number): number {
  return new Date(0).setUTCFullYear(year, month, 1)
}
