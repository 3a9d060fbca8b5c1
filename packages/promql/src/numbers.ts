/**
 * Number literals: `1_000`, `0x1f`, `0755` (octal), `1e-3`, `Inf`, `NaN`; and numbers as PromQL prints them, always without an exponent.
 */

/** The value of a literal without a sign, or why it is none. Integers beyond 64 bits are read as floats; hexadecimal ones are not. */
export function parseNumber(literal: string): number | { readonly problem: string } {
  const lower = literal.toLowerCase()
  if (lower === 'inf') return Infinity
  if (lower === 'nan') return NaN
  const invalid = { problem: `strconv.ParseFloat: parsing ${JSON.stringify(literal)}: invalid syntax` }
  // An underscore stands between two digits, or between the base prefix and a digit.
  if (literal.includes('_') && /^_|__|_$|_[^0-9a-f]|[^0-9a-fx]_/i.test(literal)) return invalid
  const digits = lower.replaceAll('_', '')
  if (/^0x[0-9a-f]+$/.test(digits)) {
    const value = BigInt(digits)
    return value < 1n << 63n ? Number(value) : invalid
  }
  if (/^0[0-7]+$/.test(digits)) {
    const value = BigInt(`0o${digits.slice(1)}`)
    // What does not fit 64 bits is a decimal float, leading zero or not.
    if (value < 1n << 63n) return Number(value)
  }
  if (!/^(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/.test(digits)) return invalid
  const value = Number(digits)
  if (value === Infinity) return { problem: `strconv.ParseFloat: parsing ${JSON.stringify(literal)}: value out of range` }
  return value
}

/** The shortest decimal that reads back as the same number, without an exponent: `1000000`, `0.0000001`, `+Inf`, `NaN`. */
export function printNumber(value: number): string {
  const special = printSpecial(value)
  if (special !== null) return special
  const text = String(value)
  const [mantissa, exponent] = text.split('e')
  if (exponent === undefined) return text
  const negative = mantissa!.startsWith('-')
  const [whole, fraction = ''] = mantissa!.replace('-', '').split('.')
  const shift = Number(exponent)
  const plain = shift < 0 ? `0.${'0'.repeat(-shift - 1)}${whole}${fraction}` : `${whole}${fraction}${'0'.repeat(shift - fraction.length)}`
  return negative ? `-${plain}` : plain
}

/** The shortest decimal, with an exponent below 1e-4 and from 1e21 on: `-23`, `1e+21`, `1e-05`. */
export function printShortest(value: number): string {
  const special = printSpecial(value)
  if (special !== null) return special
  const magnitude = Math.abs(value)
  if (magnitude >= 1e-4 && magnitude < 1e21) return String(value)
  const [mantissa, exponent] = value.toExponential().split('e')
  const shift = Number(exponent)
  return `${mantissa}e${shift < 0 ? '-' : '+'}${String(Math.abs(shift)).padStart(2, '0')}`
}

/** Six decimals, as error messages show times. */
export function printFixed(value: number, decimals: number): string {
  if (!Number.isFinite(value)) return printSpecial(value)!
  // From 1e21 on toFixed writes an exponent; such numbers are integers.
  return Math.abs(value) < 1e21 ? value.toFixed(decimals) : `${BigInt(value)}.${'0'.repeat(decimals)}`
}

function printSpecial(value: number): string | null {
  if (Number.isNaN(value)) return 'NaN'
  if (value === Infinity) return '+Inf'
  if (value === -Infinity) return '-Inf'
  if (value === 0) return Object.is(value, -0) ? '-0' : '0'
  return null
}

/** The nearest integer, halves away from zero. */
export function roundHalfAway(value: number): number {
  return Math.sign(value) * Math.round(Math.abs(value))
}
