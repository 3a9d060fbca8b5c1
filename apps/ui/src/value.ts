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
  if (size < 1e-3 || size >= 1e21) return value.toExponential(3).replace(/\.?0+e/, 'e')
  let scaled = value
  let prefix = 0
  while (Math.abs(scaled) >= 1000 && prefix < PREFIXES.length - 1) {
    scaled /= 1000
    prefix++
  }
  return Number(scaled.toPrecision(5)) + PREFIXES[prefix]!
}

/** A count with its digits in groups. */
export function printLarge(count: number): string {
  return count.toLocaleString('en-US')
}

/** `1 value`, `1,000 values`. */
export function printCount(count: number, one: string, many: string): string {
  return `${printLarge(count)} ${count === 1 ? one : many}`
}

export function printBytes(bytes: number): string {
  if (bytes < 1_024) return `${bytes} B`
  return bytes < 1_024 * 1_024 ? `${(bytes / 1_024).toFixed(1)} KiB` : `${(bytes / 1_024 / 1_024).toFixed(1)} MiB`
}

/** Whether a metric's name can stand before braces. */
export function isLegacyName(name: string): boolean {
  return /^[a-zA-Z_:][\w:]*$/.test(name)
}

const LEGACY_LABEL = /^[a-zA-Z_]\w*$/

/** `name{a="b"}` as PromQL writes it, and `{}` for the empty label set. */
export function printLabels(labels: LabelSet): string {
  const { __name__: name = '', ...rest } = labels
  const isLegacy = isLegacyName(name)
  const pairs = Object.entries(rest).map(([key, value]) => `${printLabelName(key)}=${JSON.stringify(value)}`)
  if (name !== '' && !isLegacy) pairs.unshift(JSON.stringify(name))
  return pairs.length === 0 && isLegacy ? name : `${isLegacy ? name : ''}{${pairs.join(', ')}}`
}

export function printLabelName(name: string): string {
  return LEGACY_LABEL.test(name) ? name : JSON.stringify(name)
}

/** Colours that stay apart, also for most colour-blind people, each bright enough for a dark ground or dark enough for a light one. */
const ON_DARK = '#2dd4bf #fbbf24 #818cf8 #f87171 #4ade80 #f472b6 #38bdf8 #c084fc #a3e635 #fb923c #94a3b8 #facc15'.split(' ')
const ON_LIGHT = '#0d9488 #b45309 #4f46e5 #dc2626 #15803d #db2777 #0369a1 #9333ea #4d7c0f #c2410c #475569 #a16207'.split(' ')

export function colourOf(index: number, dark: boolean): string {
  const colours = dark ? ON_DARK : ON_LIGHT
  return colours[index % colours.length]!
}

/** The labels that all sets have with one value, and for each set what is left of it. */
export function splitCommon(sets: readonly LabelSet[]): { readonly common: LabelSet; readonly rest: readonly LabelSet[] } {
  const [first = {}, ...others] = sets
  if (others.length === 0) return { common: {}, rest: sets }
  const common = Object.fromEntries(Object.entries(first).filter(([name, value]) => others.every((set) => set[name] === value)))
  const rest = sets.map((set) => Object.fromEntries(Object.entries(set).filter(([name]) => !(name in common))))
  return { common, rest }
}
