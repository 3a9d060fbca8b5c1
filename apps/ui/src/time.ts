/**
 * Times and lengths of time as people write and read them.
 */

const UNITS: readonly (readonly [name: string, seconds: number])[] = [
  ['w', 604_800],
  ['d', 86_400],
  ['h', 3_600],
  ['m', 60],
  ['s', 1],
]

/** Seconds of `1h30m` or `90`, or null. */
export function parseLength(text: string): number | null {
  const trimmed = text.trim()
  if (/^\d+(\.\d+)?$/.test(trimmed)) return Number(trimmed)
  if (!/^(\d+(ms|[wdhmsy]))+$/.test(trimmed)) return null
  let seconds = 0
  for (const [, amount, unit] of trimmed.matchAll(/(\d+)(ms|[wdhmsy])/g)) {
    seconds += Number(amount) * (unit === 'ms' ? 0.001 : unit === 'y' ? 31_536_000 : UNITS.find(([name]) => name === unit)![1])
  }
  return seconds > 0 ? seconds : null
}

/** `1h30m` of seconds. */
export function printLength(seconds: number): string {
  if (seconds < 1) return `${Math.round(seconds * 1000)}ms`
  let rest = Math.round(seconds)
  let text = ''
  for (const [name, size] of UNITS) {
    const amount = Math.floor(rest / size)
    if (amount > 0) text += amount + name
    rest -= amount * size
  }
  return text
}

/** A round step that gives at most about `points` points over a range. */
export function stepFor(rangeSeconds: number, points: number): number {
  const least = rangeSeconds / points
  const round = [1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 43_200, 86_400]
  return round.find((step) => step >= least) ?? Math.ceil(least / 86_400) * 86_400
}

/** Local date and time, to the second. */
export function printTime(seconds: number): string {
  const date = new Date(seconds * 1000)
  const two = (n: number): string => String(n).padStart(2, '0')
  return (
    `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ` +
    `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`
  )
}

/** The value of a `datetime-local` field. */
export function printLocal(seconds: number): string {
  return printTime(seconds).replace(' ', 'T')
}
