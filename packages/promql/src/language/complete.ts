/**
 * Completion: what may be written at the cursor, the likeliest first.
 */
import { isLegacyLabelName, isLegacyMetricName, METRIC_NAME, Matcher } from '@tsink/core'
import type { ParserOptions } from '../features.ts'
import { allSignatures } from '../signatures.ts'
import { quote } from '../strings.ts'
import { contextAt, type Place } from './context.ts'
import type { Metadata, TextRange } from './metadata.ts'
import { AGGREGATIONS, COMMON_DURATIONS, KEYWORD_TEXTS } from './vocabulary.ts'

export type CompletionKind = 'metric' | 'function' | 'aggregation' | 'keyword' | 'operator' | 'label' | 'value' | 'duration'

/** One thing that can be written. */
export interface Completion {
  readonly kind: CompletionKind
  /** What a list shows. */
  readonly label: string
  /** What replaces the range of the answer. */
  readonly insert: string
  /** A signature, a type or the like, in a few words; '' for none. */
  readonly detail: string
  /** A sentence; '' for none. */
  readonly about: string
}

/** Completions of one place: each replaces the same range of the text. */
export interface Completions extends TextRange {
  readonly items: readonly Completion[]
}

/** At most so many completions are given. */
export const MAX_COMPLETIONS = 200

/**
 * What may be written at `cursor`, a UTF-16 offset in the text, which need not parse.
 * Words that start with what is typed come first, then those that contain it, then those that contain its letters in order.
 */
export async function complete(text: string, cursor: number, metadata: Metadata, options: ParserOptions = {}): Promise<Completions> {
  const { place, word, from, to } = contextAt(text, cursor)
  const items = await candidates(place, word, metadata, options)
  return { from, to, items: narrowCompletions(word, items).slice(0, MAX_COMPLETIONS) }
}

async function candidates(place: Place, word: string, metadata: Metadata, options: ParserOptions): Promise<Completion[]> {
  switch (place.kind) {
    case 'operand':
      return [
        ...(await metrics(word, metadata)),
        ...functions(options),
        ...aggregations(options),
        ...(place.afterOperator ? matching(options) : []),
      ]
    case 'operator':
      return operators(place.aggregation, place.selector, options)
    case 'matcher-name':
      return labels(
        without(
          await metadata.labelNames(place.matchers),
          place.matchers.map((matcher) => matcher.name),
        ),
      )
    case 'match-operator':
      return ['=', '!=', '=~', '!~'].map((label) => item('operator', label, label))
    case 'matcher-value': {
      const values = await valuesOf(place.label, place.matchers, word, metadata)
      return values.map((value) => item('value', value, insideQuotes(value, place.quote)))
    }
    case 'grouping':
      return labels(without(await metadata.labelNames(ofMetrics(place.metrics)), [...place.given, METRIC_NAME]))
    case 'duration': {
      const words = options.durationExpressions === false ? [] : ['step()', 'range()', 'min_of(', 'max_of(']
      return [
        ...COMMON_DURATIONS.map((label) => item('duration', label, label)),
        ...words.map((label) => item('keyword', label, label, '', KEYWORD_TEXTS.get(label.replace(/\W+$/, '')) ?? '')),
      ]
    }
    case 'at':
      return ['start()', 'end()'].map((label) => item('keyword', label, label, '', KEYWORD_TEXTS.get(label.slice(0, -2)) ?? ''))
    case 'nothing':
      return []
  }
}

/** Values of a label. Where there are more than can be given, those that contain the word, in letters of any case. */
async function valuesOf(label: string, matchers: readonly Matcher[], word: string, metadata: Metadata): Promise<readonly string[]> {
  const first = await metadata.labelValues(label, matchers, MAX_COMPLETIONS)
  if (word === '' || first.length < MAX_COMPLETIONS) return first
  const containing = new Matcher('=~', label, `(?i).*${word.replace(/[\\.+*?()|[\]{}^$]/g, '\\$&')}.*`)
  return metadata.labelValues(label, [...matchers, containing], MAX_COMPLETIONS)
}

async function metrics(word: string, metadata: Metadata): Promise<Completion[]> {
  const names = await metadata.metrics(word, MAX_COMPLETIONS)
  return names.map((name) => item('metric', name, isLegacyMetricName(name) ? name : `{${quote(name)}}`))
}

function functions(options: ParserOptions): Completion[] {
  return allSignatures()
    .filter(({ experimental }) => !experimental || options.experimentalFunctions === true)
    .map(({ name, args, returns, about }) => item('function', name, `${name}(`, `(${args.join(', ')}) ${returns}`, about))
}

function aggregations(options: ParserOptions): Completion[] {
  return Object.entries(AGGREGATIONS)
    .filter(([, { experimental }]) => !experimental || options.experimentalFunctions === true)
    .map(([name, { param, about }]) => item('aggregation', name, name, param === '' ? '(vector)' : `(${param}, vector)`, about))
}

/** What may stand between an operator and its right side. */
function matching(options: ParserOptions): Completion[] {
  const words = ['bool', 'on', 'ignoring', 'group_left', 'group_right']
  if (options.fillModifiers === true) words.push('fill', 'fill_left', 'fill_right')
  return words.map(keyword)
}

function operators(aggregation: boolean, selector: boolean, options: ParserOptions): Completion[] {
  const words = ['and', 'or', 'unless', 'atan2']
  if (aggregation) words.unshift('by', 'without')
  if (selector) words.unshift('offset')
  if (selector && options.extendedRangeSelectors === true) words.push('anchored', 'smoothed')
  const signs = ['+', '-', '*', '/', '%', '^', '==', '!=', '>', '<', '>=', '<=', '</', '>/']
  return [...words.map(keyword), ...signs.map((label) => item('operator', label, label))]
}

function keyword(label: string): Completion {
  return item('keyword', label, label, '', KEYWORD_TEXTS.get(label) ?? '')
}

function labels(names: readonly string[]): Completion[] {
  return names.map((name) => item('label', name, isLegacyLabelName(name) ? name : quote(name)))
}

function item(kind: CompletionKind, label: string, insert: string, detail = '', about = ''): Completion {
  return { kind, label, insert, detail, about }
}

function without(names: readonly string[], given: readonly string[]): string[] {
  return names.filter((name) => !given.includes(name))
}

/** Selects the series of any of the metrics. */
function ofMetrics(names: readonly string[]): Matcher[] {
  if (names.length === 0) return []
  return names.length === 1 ? [Matcher.metric(names[0]!)] : [new Matcher('=~', METRIC_NAME, names.join('|'))]
}

/** A value as it is written behind a quote that is there, or with quotes of its own. */
function insideQuotes(value: string, open: string): string {
  if (open === '`') return value
  const quoted = quote(value)
  if (open === '') return quoted
  const inner = quoted.slice(1, -1)
  return open === '"' ? inner : inner.replaceAll('\\"', '"').replaceAll("'", "\\'")
}

/**
 * Keeps what fits the word, as {@link complete} does: with it an editor narrows an answer of fewer than {@link MAX_COMPLETIONS} items while its word
 * grows, and need not ask again. Within one class of fit the order stays.
 */
export function narrowCompletions(word: string, items: readonly Completion[]): Completion[] {
  if (word === '') return [...items]
  const wanted = word.toLowerCase()
  const classes: Completion[][] = [[], [], []]
  for (const candidate of items) {
    const label = candidate.label.toLowerCase()
    const fit = label.startsWith(wanted) ? 0 : label.includes(wanted) ? 1 : hasInOrder(label, wanted) ? 2 : -1
    if (fit >= 0) classes[fit]!.push(candidate)
  }
  return classes.flat()
}

function hasInOrder(text: string, letters: string): boolean {
  let at = 0
  for (const letter of letters) {
    at = text.indexOf(letter, at) + 1
    if (at === 0) return false
  }
  return true
}
