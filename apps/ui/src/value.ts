/**
 * Values and label sets as the page shows them.
 */
import type { LabelSet } from './api.ts'

const PREFIXES = ['', 'k', 'M', 'G', 'T', 'P', 'E']

/** A number of at most five significant digits with an SI prefix, for axes and tooltips. */
export function printShort(value: number): string {
  if (!Number.isFinite(value)) return String(value).replace('Infinity', '∞')
  const size = Math.abs(value)
  if (size === 0) return '0'
  if (size < 1e-3 || size >= 1e21) return value.toExponential(3)
  let scaled = value
  let prefix = 0
  while (Math.abs(scaled) >= 1000 && prefix < PREFIXES.length - 1) {
    scaled /= 1000
    prefix++
  }
  return Number(scaled.toPrecision(5)) + PREFIXES[prefix]!
}

/** `name{a="b"}`, and `{}` for the empty label set. */
export function printLabels(labels: LabelSet): string {
  const { __name__: name = '', ...rest } = labels
  const pairs = Object.entries(rest).map(([key, value]) => `${key}=${JSON.stringify(value)}`)
  return pairs.length === 0 && name !== '' ? name : `${name}{${pairs.join(', ')}}`
}

/** Colours that stay apart on light and dark ground, also for most colour-blind people. */
const COLOURS = [
  '#14b8a6',
  '#f59e0b',
  '#6366f1',
  '#ef4444',
  '#22c55e',
  '#ec4899',
  '#0ea5e9',
  '#a855f7',
  '#84cc16',
  '#f97316',
  '#64748b',
  '#eab308',
]

export function colourOf(index: number): string {
  return COLOURS[index % COLOURS.length]!
}

/** The labels that all sets have with one value, and for each set what is left of it. */
export function splitCommon(sets: readonly LabelSet[]): { readonly common: LabelSet; readonly rest: readonly LabelSet[] } {
  const [first = {}, ...others] = sets
  if (others.length === 0) return { common: {}, rest: sets }
  const common = Object.fromEntries(Object.entries(first).filter(([name, value]) => others.every((set) => set[name] === value)))
  const rest = sets.map((set) => Object.fromEntries(Object.entries(set).filter(([name]) => !(name in common))))
  return { common, rest }
}
