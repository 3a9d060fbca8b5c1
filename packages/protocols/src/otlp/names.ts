/**
 * Names of OpenTelemetry as names of Prometheus: characters, units and type suffixes, by the four strategies.
 */
import { TsinkError } from '@tsink/core'

/** What becomes of names: whether characters outside of `[a-zA-Z0-9_:]` are escaped, and whether units and types are appended. */
export type TranslationStrategy =
  | 'UnderscoreEscapingWithSuffixes'
  | 'UnderscoreEscapingWithoutSuffixes'
  | 'NoUTF8EscapingWithSuffixes'
  | 'NoTranslation'

export type OtlpMetricType =
  | 'gauge'
  | 'monotonic_counter'
  | 'non_monotonic_counter'
  | 'histogram'
  | 'exponential_histogram'
  | 'summary'
  | 'unknown'

export interface MetricNaming {
  readonly utf8: boolean
  readonly suffixes: boolean
  /** Put in front of every metric name. */
  readonly namespace: string
}

export interface LabelNaming {
  readonly utf8: boolean
  /** A single underscore in front becomes `key_`. */
  readonly underscoreSanitization: boolean
  /** Runs of underscores stay. */
  readonly preserveMultipleUnderscores: boolean
}

/** UCUM units as words. */
const UNITS: Readonly<Record<string, string>> = {
  d: 'days',
  h: 'hours',
  min: 'minutes',
  s: 'seconds',
  ms: 'milliseconds',
  us: 'microseconds',
  ns: 'nanoseconds',
  By: 'bytes',
  KiBy: 'kibibytes',
  MiBy: 'mebibytes',
  GiBy: 'gibibytes',
  TiBy: 'tibibytes',
  KBy: 'kilobytes',
  MBy: 'megabytes',
  GBy: 'gigabytes',
  TBy: 'terabytes',
  m: 'meters',
  V: 'volts',
  A: 'amperes',
  J: 'joules',
  W: 'watts',
  g: 'grams',
  Cel: 'celsius',
  Hz: 'hertz',
  '1': '',
  '%': 'percent',
}

/** Units behind a slash, in the singular. */
const PER_UNITS: Readonly<Record<string, string>> = { s: 'second', m: 'minute', h: 'hour', d: 'day', w: 'week', mo: 'month', y: 'year' }

/** @throws TsinkError BAD_LABEL when nothing is left of the name. */
export function translateMetricName(name: string, unit: string, type: OtlpMetricType, naming: MetricNaming): string {
  const translated = naming.utf8
    ? utf8Name(name, unit, type, naming)
    : naming.suffixes
      ? normalizedName(name, unit, type, naming.namespace)
      : escapedName(name, naming.namespace)
  if (translated === '')
    throw new TsinkError('BAD_LABEL', `the metric name ${JSON.stringify(name)} has no character that a metric name may have`)
  return translated
}

/** The unit as metadata has it: `By/s` is `bytes_per_second`. */
export function translateUnit(unit: string): string {
  const { main, per } = unitSuffixes(unit)
  return [cleanUnit(main), cleanUnit(per)].filter((part) => part !== '').join('_')
}

/** @throws TsinkError BAD_LABEL when the name is empty or nothing but underscores is left of it. */
export function translateLabelName(name: string, naming: LabelNaming): string {
  if (name === '') throw new TsinkError('BAD_LABEL', 'an attribute has an empty name')
  if (naming.utf8) {
    if (!/[^_]/.test(name)) throw onlyUnderscores(name)
    return name
  }
  let clean = name.replace(/[^a-zA-Z0-9_]/gu, '_')
  if (!naming.preserveMultipleUnderscores) {
    const reserved = clean.length > 4 && clean.startsWith('__') && clean.endsWith('__')
    clean = reserved ? `__${collapsed(clean.slice(2, -2))}__` : collapsed(clean)
  }
  if (/^[0-9]/.test(clean)) clean = `key_${clean}`
  else if (naming.underscoreSanitization && clean.startsWith('_') && !clean.startsWith('__')) clean = `key${clean}`
  if (!/[^_]/.test(clean)) throw onlyUnderscores(name)
  return clean
}

function onlyUnderscores(name: string): TsinkError {
  return new TsinkError('BAD_LABEL', `the attribute name ${JSON.stringify(name)} has no character that a label name may have`)
}

function collapsed(name: string): string {
  return name.replace(/_+/g, '_')
}

// Everything that is no letter, digit or colon parts the name into tokens; units and types are tokens too, each said once.
function normalizedName(name: string, unit: string, type: OtlpMetricType, namespace: string): string {
  let tokens = name.split(/[^a-zA-Z0-9:]+/u).filter((token) => token !== '')
  const suffixes = unitSuffixes(unit)
  const main = cleanUnit(suffixes.main)
  const per = cleanUnit(suffixes.per).replace(/^per_/, '')
  if (main !== '' && !tokens.includes(main)) tokens.push(main.replace(/_+$/, ''))
  if (per !== '' && !tokens.includes(per)) tokens.push('per', per.replace(/_+$/, ''))
  if (type === 'monotonic_counter') tokens = [...tokens.filter((token) => token !== 'total'), 'total']
  if (unit === '1' && type === 'gauge') tokens = [...tokens.filter((token) => token !== 'ratio'), 'ratio']
  if (namespace !== '') tokens.unshift(namespace)
  return withoutLeadingDigit(tokens.join('_'))
}

function escapedName(name: string, namespace: string): string {
  const clean = name
    .split(/[^a-zA-Z0-9_:]+/u)
    .filter((part) => part !== '')
    .join('_')
  return namespace === '' ? withoutLeadingDigit(clean) : `${namespace.replace(/[^a-zA-Z0-9_:]+/gu, '_')}_${clean}`
}

function utf8Name(name: string, unit: string, type: OtlpMetricType, naming: MetricNaming): string {
  let whole = naming.namespace === '' ? name : `${naming.namespace}_${name}`
  if (!naming.suffixes || whole === '') return whole
  const isCounter = type === 'monotonic_counter'
  const isRatio = type === 'gauge' && unit === '1'
  if (isCounter) whole = withoutSuffix(whole, 'total')
  if (isRatio) whole = withoutSuffix(whole, 'ratio')
  const { main, per } = unitSuffixes(unit)
  for (const suffix of [main, per]) if (suffix !== '' && !whole.endsWith(suffix)) whole += `_${suffix}`
  if (isCounter) whole += '_total'
  if (isRatio) whole += '_ratio'
  return whole
}

// The suffix goes with whatever stands between it and the name.
function withoutSuffix(name: string, suffix: string): string {
  return name.endsWith(suffix) && name.length > suffix.length + 1 ? name.slice(0, -suffix.length - 1) : name
}

function withoutLeadingDigit(name: string): string {
  return /^[0-9]/.test(name) ? `_${name}` : name
}

// Annotations in braces say nothing about the unit.
function unitSuffixes(unit: string): { main: string; per: string } {
  const at = unit.indexOf('/')
  const mainUnit = (at < 0 ? unit : unit.slice(0, at)).trim()
  const perUnit = at < 0 ? '' : unit.slice(at + 1).trim()
  const main = /[{}]/.test(mainUnit) ? '' : (UNITS[mainUnit] ?? mainUnit)
  const per = /[{}]/.test(perUnit) ? '' : (PER_UNITS[perUnit] ?? perUnit)
  return { main, per: per === '' ? '' : `per_${per}` }
}

function cleanUnit(unit: string): string {
  return unit
    .replace(/[^a-zA-Z0-9:]/gu, '_')
    .replace(/_+/g, '_')
    .replace(/^_/, '')
}
