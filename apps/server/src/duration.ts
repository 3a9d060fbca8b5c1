/**
 * Durations and sizes as people write them in flags, config files and URL parameters: `5m`, `1h30m`, `0.5` (seconds), `64MiB`. The syntax of
 * durations is Prometheus's: units in descending order, each once, with whole numbers.
 */

const DAY_MS = 86_400_000
const UNITS_MS: readonly (readonly [unit: string, ms: number])[] = [
  ['y', 365 * DAY_MS],
  ['w', 7 * DAY_MS],
  ['d', DAY_MS],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
  ['ms', 1],
]
const DURATION = /^(?:(\d+)y)?(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+)s)?(?:(\d+)ms)?$/
const FLOAT = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/

/** What a nanosecond count of 64 bits can hold, in milliseconds: longer durations are refused, as Prometheus refuses them. */
export const MAX_DURATION_MS: number = Number(2n ** 63n / 1_000_000n)

/** The milliseconds of `1h30m`, or null when the text is no duration. `0` needs no unit. */
export function parseDuration(text: string): number | null {
  if (text === '0') return 0
  if (text === '') return null
  const match = DURATION.exec(text)
  if (match === null) return null
  let total = 0
  for (const [index, [, ms]] of UNITS_MS.entries()) total += Number(match[index + 1] ?? 0) * ms
  return total <= MAX_DURATION_MS ? total : null
}

/** The shortest text of a whole number of milliseconds: 5400000 is `1h30m`. Weeks and years are used only where they say it alone. */
export function printDuration(ms: number): string {
  if (ms === 0) return '0s'
  let rest = ms
  let text = ''
  for (const [unit, size] of UNITS_MS) {
    if ((unit === 'y' || unit === 'w') && rest % size !== 0) continue
    const count = Math.floor(rest / size)
    if (count > 0) text += `${count}${unit}`
    rest -= count * size
  }
  return text
}

/** A decimal number as URL parameters have them, or null. `NaN`, `Inf` and hexadecimal are none. */
export function parseFloatStrictly(text: string): number | null {
  return FLOAT.test(text) ? Number(text) : null
}

const SIZE = /^(\d+(?:\.\d+)?)\s*(?:([kKmMgGtT])i?)?[bB]?$/
const SIZE_UNITS: Readonly<Record<string, number>> = { k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 }

/** The bytes of `64MiB`, `64M`, `64mb` or `67108864` (units are powers of 1024), or null when the text is no size. */
export function parseSize(text: string): number | null {
  const match = SIZE.exec(text.trim())
  if (match === null) return null
  const bytes = Math.round(Number(match[1]) * (match[2] === undefined ? 1 : SIZE_UNITS[match[2].toLowerCase()]!))
  return Number.isSafeInteger(bytes) ? bytes : null
}

/** `64MiB` for 67108864: the largest unit that says it exactly. */
export function printSize(bytes: number): string {
  for (const unit of ['t', 'g', 'm', 'k']) {
    const size = SIZE_UNITS[unit]!
    if (bytes >= size && bytes % size === 0) return `${bytes / size}${unit.toUpperCase()}iB`
  }
  return String(bytes)
}
