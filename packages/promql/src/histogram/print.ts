/**
 * Printing of native histograms, as `count_values` writes them into a label: `{count:3, sum:4.5, (0.5,1]:1, (1,2]:2}`.
 */
import type { Histogram } from '@tsink/core'
import { bucketsInOrder, usesCustomBuckets } from './layout.ts'

export function printHistogram(h: Histogram): string {
  const parts = [`count:${printNumber(h.count)}`, `sum:${printNumber(h.sum)}`]
  for (const { lower, upper, count } of bucketsInOrder(h)) {
    // Exponential buckets include the bound that is farther from zero, the zero bucket both.
    const isZero = !usesCustomBuckets(h) && lower <= 0 && upper >= 0
    const open = isZero || (!usesCustomBuckets(h) && lower < 0) ? '[' : '('
    const close = isZero || usesCustomBuckets(h) || lower >= 0 ? ']' : ')'
    parts.push(`${open}${printNumber(lower)},${printNumber(upper)}${close}:${printNumber(count)}`)
  }
  return `{${parts.join(', ')}}`
}

/** The shortest decimal, with an exponent of at least two digits below 1e-4 and from 1e6... or 1e21 up, as C's %g chooses. */
function printNumber(value: number): string {
  if (Number.isNaN(value)) return 'NaN'
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf'
  if (value === 0) return Object.is(value, -0) ? '-0' : '0'
  const [digits, exponent] = value.toExponential().split('e') as [string, string]
  const power = Number(exponent)
  if (power >= -4 && power < 21) return String(value)
  return `${digits}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`
}
