/**
 * Numbers as text, read from bytes and printed as Go prints them, since that is what the Prometheus world compares.
 *
 * Reading is exact: up to 15 digits with a small power of ten are one exact multiplication or division, everything else goes through
 * JavaScript's own correctly rounded conversion.
 */
import { textOf } from './utf8.ts'

const POWERS = Float64Array.from({ length: 23 }, (_, i) => Number(`1e${i}`))

/**
 * The number that the bytes from `start` to `end` spell in decimal, with optional sign, fraction and exponent, or `Inf`, `Infinity` and `NaN`
 * in any case; undefined when they spell none. Hexadecimal, underscores and values beyond the range of a double are none.
 */
export function parseNumber(bytes: Uint8Array, start: number, end: number): number | undefined {
  if (end - start > MAX_NUMBER_BYTES) return undefined
  let at = start
  let negative = false
  const first = bytes[at]
  if (first === 0x2d || first === 0x2b) {
    negative = first === 0x2d
    at++
  }
  let mantissa = 0
  let digits = 0
  let scale = 0
  const integerStart = at
  for (; at < end; at++) {
    const digit = bytes[at]! - 0x30
    if (digit < 0 || digit > 9) break
    mantissa = mantissa * 10 + digit
  }
  digits = at - integerStart
  if (at < end && bytes[at] === 0x2e) {
    const fractionStart = ++at
    for (; at < end; at++) {
      const digit = bytes[at]! - 0x30
      if (digit < 0 || digit > 9) break
      mantissa = mantissa * 10 + digit
    }
    scale = at - fractionStart
    digits += scale
  }
  if (digits === 0) return at === integerStart ? parseWord(bytes, at, end, negative) : undefined
  let exponent = 0
  if (at < end && (bytes[at]! | 0x20) === 0x65) {
    at++
    let exponentNegative = false
    if (at < end && (bytes[at] === 0x2d || bytes[at] === 0x2b)) exponentNegative = bytes[at++] === 0x2d
    const exponentStart = at
    for (; at < end; at++) {
      const digit = bytes[at]! - 0x30
      if (digit < 0 || digit > 9) break
      if (exponent < 100_000) exponent = exponent * 10 + digit
    }
    if (at === exponentStart) return undefined
    if (exponentNegative) exponent = -exponent
  }
  if (at !== end) return undefined
  const power = exponent - scale
  if (digits <= 15 && power >= -22 && power <= 22) {
    const value = power < 0 ? mantissa / POWERS[-power]! : mantissa * POWERS[power]!
    return negative ? -value : value
  }
  const value = Number(textOf(bytes, start, end))
  return Number.isFinite(value) ? value : undefined
}

/** Longer spellings of a double have no more to say. */
const MAX_NUMBER_BYTES = 1_100

function parseWord(bytes: Uint8Array, start: number, end: number, negative: boolean): number | undefined {
  if (end - start > 8) return undefined
  switch (textOf(bytes, start, end).toLowerCase()) {
    case 'inf':
    case 'infinity':
      return negative ? -Infinity : Infinity
    case 'nan':
      return NaN
    default:
      return undefined
  }
}

/** A whole number with optional sign, exact up to 2^53; undefined when the bytes are none or it is larger than 64 bits could be. */
export function parseInteger(bytes: Uint8Array, start: number, end: number): number | undefined {
  let at = start
  const first = bytes[at]
  if (first === 0x2d || first === 0x2b) at++
  if (at === end || end - at > 19) return undefined
  let value = 0
  for (; at < end; at++) {
    const digit = bytes[at]! - 0x30
    if (digit < 0 || digit > 9) return undefined
    value = value * 10 + digit
  }
  return first === 0x2d ? -value : value
}

/** A value as Prometheus's JSON has it: shortest digits, exponents of two digits below 1e-6 and from 1e21 on, `NaN`, `+Inf`, `-Inf`. */
export function printValue(value: number): string {
  if (Number.isInteger(value)) {
    if (value === 0) return Object.is(value, -0) ? '-0' : '0'
    if (value < 1e21 && value > -1e21) return `${value}`
  }
  if (value !== value) return 'NaN'
  if (value === Infinity) return '+Inf'
  if (value === -Infinity) return '-Inf'
  return twoDigitExponent(`${value}`)
}

function twoDigitExponent(text: string): string {
  const at = text.indexOf('e')
  return at >= 0 && text.length === at + 3 ? `${text.slice(0, at + 2)}0${text.slice(at + 2)}` : text
}

/** A value as Go's `%g` with the shortest digits has it, which text formats use: exponents below 1e-4 and from 1e6 on. */
export function printShortest(value: number): string {
  if (value !== value) return 'NaN'
  if (value === Infinity) return '+Inf'
  if (value === -Infinity) return '-Inf'
  if (value === 0) return Object.is(value, -0) ? '-0' : '0'
  const size = Math.abs(value)
  return size >= 1e-4 && size < 1e6 ? `${value}` : twoDigitExponent(value.toExponential())
}

/** A bound as OpenMetrics spells `le` and `quantile`: always a float, `1` becomes `1.0`. */
export function printBound(value: number): string {
  const text = printShortest(value)
  return /[.eIN]/.test(text) ? text : `${text}.0`
}
