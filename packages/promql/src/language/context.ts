/**
 * Where in the language the cursor stands, from the tokens before it: what is typed does not parse yet, but how it nests is clear.
 */
import type { TokenType } from 'chevrotain'
import { Matcher, METRIC_NAME, type MatchType } from '@tsink/core'
import { lex } from '../lexer.ts'
import { Source } from '../source.ts'
import { unquote } from '../strings.ts'
import * as t from '../tokens.ts'
import type { TextRange } from './metadata.ts'

/** What may be written at the cursor. */
export type Place =
  /** An operand: a metric, a function, an aggregation. `afterOperator`: `bool`, `on` and the like as well. */
  | { readonly kind: 'operand'; readonly afterOperator: boolean }
  /** Behind an expression. `aggregation`: `by` and `without` as well. `selector`: offset and `@` as well. */
  | { readonly kind: 'operator'; readonly aggregation: boolean; readonly selector: boolean }
  /** A label name in the braces of a selector. */
  | { readonly kind: 'matcher-name'; readonly matchers: readonly Matcher[] }
  /** `=`, `!=`, `=~`, `!~`. */
  | { readonly kind: 'match-operator' }
  /** The text of a string for a label. `quote` is '' when none is open yet. */
  | { readonly kind: 'matcher-value'; readonly label: string; readonly matchers: readonly Matcher[]; readonly quote: string }
  /** A label name in `by (…)`, `on (…)` and the like. `metrics`: those whose labels are meant. */
  | { readonly kind: 'grouping'; readonly metrics: readonly string[]; readonly given: readonly string[] }
  /** A duration in brackets or behind `offset`. */
  | { readonly kind: 'duration'; readonly inBrackets: boolean }
  /** Behind `@`. */
  | { readonly kind: 'at' }
  /** In a string that is no label value, or where nothing fits. */
  | { readonly kind: 'nothing' }

/** The place of the cursor, and the word before it that a completion replaces. */
export interface CursorContext extends TextRange {
  readonly place: Place
  readonly word: string
}

/** Reads the text up to the cursor, a UTF-16 offset; `text` behind it only tells which metrics there are. */
export function contextAt(text: string, cursor: number): CursorContext {
  const before = new Source(text.slice(0, cursor))
  const tokens = lex(before)
  const failure = tokens.at(-1)?.tokenType === t.LexError ? tokens.pop()! : null
  const openString = failure !== null && /^unterminated|^escape|^unknown escape/.test(failure.image)
  const reader = new ContextReader(metricsOf(text))
  if (openString) {
    for (const token of tokens) reader.read(token)
    const from = before.indexAt(failure.startOffset)
    const quote = text[from]!
    const word = text.slice(from + 1, cursor)
    return { place: reader.inString(quote), word, from: from + 1, to: cursor }
  }
  const last = tokens.at(-1)
  const isWord = last !== undefined && last.endOffset + 1 === before.byteLength && /^[\w:]+$/.test(last.image)
  if (isWord) tokens.pop()
  for (const token of tokens) reader.read(token)
  const from = isWord ? before.indexAt(last.startOffset) : cursor
  // A word that the lexer could not read, such as `5` without a unit, is replaced as well.
  const stuck = !isWord && failure !== null && /bad number|unexpected character/.test(failure.image)
  const start = stuck ? before.indexAt(failure.startOffset) : from
  return { place: reader.place(), word: text.slice(start, cursor), from: start, to: cursor }
}

/** The names before braces and brackets in a text, whether it parses or not. */
export function metricsOf(text: string): string[] {
  const names = new Set<string>()
  const tokens = lex(new Source(text))
  let inBraces = false
  for (const [i, token] of tokens.entries()) {
    if (token.tokenType === t.LeftBrace) inBraces = true
    if (token.tokenType === t.RightBrace) inBraces = false
    const isName = token.tokenType === t.Identifier || token.tokenType === t.MetricIdentifier
    const next = tokens[i + 1]?.tokenType
    if (isName && !inBraces && next !== t.LeftParen && !isGroupingLabel(tokens, i)) names.add(token.image)
  }
  return [...names]
}

/** Whether the token stands in a list of labels. */
function isGroupingLabel(tokens: readonly t.Token[], at: number): boolean {
  let i = at - 1
  while (i >= 0 && (tokens[i]!.tokenType === t.Comma || isLabelToken(tokens[i]!.tokenType))) i--
  return i > 0 && tokens[i]!.tokenType === t.LeftParen && OPENS_LABELS.has(tokens[i - 1]!.tokenType)
}

function isLabelToken(type: TokenType): boolean {
  return type.CATEGORIES!.includes(t.LabelName) || type === t.StringToken
}

const OPENS_LABELS: ReadonlySet<TokenType> = new Set([t.By, t.Without, t.On, t.Ignoring, t.GroupLeft, t.GroupRight])

type Frame =
  | { readonly kind: 'group' }
  | { readonly kind: 'aggregate' }
  | { readonly kind: 'fill' }
  /** `after`: where the text stands once the list is closed. */
  | { readonly kind: 'labels'; readonly given: string[]; readonly after: 'aggregator' | 'value' | 'modifier' }

class ContextReader {
  private readonly metrics: readonly string[]
  private readonly frames: Frame[] = []
  private brackets = false
  /** The braces being read: the matchers that are complete, and the tokens of the one that is not. */
  private braces: { readonly matchers: Matcher[]; pending: t.Token[] } | null = null
  /** What came last outside of braces and brackets. */
  private last: 'nothing' | 'operator' | 'modifier' | 'name' | 'selector' | 'aggregation' | 'value' | 'at' | 'offset' | 'aggregator' =
    'nothing'
  private lastToken: t.Token | null = null

  constructor(metrics: readonly string[]) {
    this.metrics = metrics
  }

  read(token: t.Token): void {
    if (this.braces !== null) this.readInBraces(token, this.braces)
    else if (this.brackets) {
      if (token.tokenType === t.RightBracket) {
        this.brackets = false
        this.last = 'selector'
      }
    } else this.readOutside(token)
    this.lastToken = token
  }

  place(): Place {
    if (this.braces !== null) return this.placeInBraces(this.braces)
    if (this.brackets) return { kind: 'duration', inBrackets: true }
    const frame = this.frames.at(-1)
    if (frame?.kind === 'labels') {
      const afterComma = this.lastToken?.tokenType === t.Comma || this.lastToken?.tokenType === t.LeftParen
      return afterComma ? { kind: 'grouping', metrics: this.metrics, given: frame.given } : { kind: 'nothing' }
    }
    switch (this.last) {
      case 'nothing':
        return { kind: 'operand', afterOperator: false }
      case 'operator':
      case 'modifier':
        return { kind: 'operand', afterOperator: true }
      case 'at':
        return { kind: 'at' }
      case 'offset':
        return { kind: 'duration', inBrackets: false }
      case 'aggregator':
        return { kind: 'operator', aggregation: true, selector: false }
      case 'aggregation':
        return { kind: 'operator', aggregation: true, selector: false }
      case 'name':
      case 'selector':
        return { kind: 'operator', aggregation: false, selector: true }
      case 'value':
        return { kind: 'operator', aggregation: false, selector: false }
    }
  }

  /** The place inside a string that `quote` has opened. */
  inString(quote: string): Place {
    const place = this.place()
    return place.kind === 'matcher-value' ? { ...place, quote } : { kind: 'nothing' }
  }

  private readOutside(token: t.Token): void {
    const type = token.tokenType
    const frame = this.frames.at(-1)
    if (frame?.kind === 'labels' && type !== t.RightParen) {
      if (isLabelToken(type)) frame.given.push(type === t.StringToken ? (unquote(token.image) ?? '') : token.image)
      return
    }
    switch (type) {
      case t.LeftParen:
        this.frames.push(this.frameOf())
        this.last = 'nothing'
        return
      case t.RightParen: {
        const closed = this.frames.pop()
        if (closed?.kind === 'labels') this.last = closed.after
        else this.last = closed?.kind === 'fill' ? 'modifier' : closed?.kind === 'aggregate' ? 'aggregation' : 'value'
        return
      }
      case t.LeftBrace: {
        const matchers = this.last === 'name' ? [Matcher.metric(this.lastToken!.image)] : []
        this.braces = { matchers, pending: [] }
        return
      }
      case t.LeftBracket:
        this.brackets = true
        return
      case t.Comma:
        this.last = 'nothing'
        return
      case t.At:
        this.last = 'at'
        return
    }
    const operand = this.last === 'nothing' || this.last === 'operator' || this.last === 'modifier'
    if (operand && type.CATEGORIES!.includes(t.MetricName)) this.last = type === t.Aggregator ? 'aggregator' : 'name'
    else if (type.CATEGORIES!.includes(t.BinaryOperator)) this.last = 'operator'
    else if (type === t.Offset) this.last = 'offset'
    else if (type === t.Bool || OPENS_LABELS.has(type) || type === t.Fill || type === t.FillLeft || type === t.FillRight) {
      if (type === t.Bool) this.last = 'operator'
    } else if (this.last === 'at' || this.last === 'offset') {
      if (type.CATEGORIES!.includes(t.NumberLike)) this.last = 'selector'
    } else if (type === t.Anchored || type === t.Smoothed) this.last = 'selector'
    else this.last = 'value'
  }

  /** What an opening parenthesis opens. */
  private frameOf(): Frame {
    const type = this.lastToken?.tokenType
    if (type !== undefined && OPENS_LABELS.has(type)) {
      const after = this.last === 'aggregator' ? 'aggregator' : this.last === 'aggregation' ? 'value' : 'modifier'
      return { kind: 'labels', given: [], after }
    }
    if (type === t.Fill || type === t.FillLeft || type === t.FillRight) return { kind: 'fill' }
    return this.last === 'aggregator' ? { kind: 'aggregate' } : { kind: 'group' }
  }

  private readInBraces(token: t.Token, braces: NonNullable<ContextReader['braces']>): void {
    if (token.tokenType !== t.Comma && token.tokenType !== t.RightBrace) {
      braces.pending.push(token)
      return
    }
    const matcher = matcherOf(braces.pending)
    if (matcher !== null) braces.matchers.push(matcher)
    braces.pending = []
    if (token.tokenType === t.RightBrace) {
      this.braces = null
      this.last = 'selector'
    }
  }

  private placeInBraces({ matchers, pending }: NonNullable<ContextReader['braces']>): Place {
    const [name, operator, value] = pending
    if (name === undefined) return { kind: 'matcher-name', matchers }
    if (operator === undefined) return { kind: 'match-operator' }
    if (value !== undefined) return { kind: 'nothing' }
    const label = name.tokenType === t.StringToken ? (unquote(name.image) ?? '') : name.image
    return { kind: 'matcher-value', label, matchers, quote: '' }
  }
}

function matcherOf([name, operator, value]: readonly t.Token[]): Matcher | null {
  if (name === undefined) return null
  const text = name.tokenType === t.StringToken ? unquote(name.image) : name.image
  if (text === null) return null
  if (operator === undefined) return new Matcher('=', METRIC_NAME, text)
  const wanted = value === undefined ? null : unquote(value.image)
  if (wanted === null) return null
  try {
    return new Matcher(operator.image as MatchType, text, wanted)
  } catch {
    // A regular expression that is not finished narrows nothing.
    return null
  }
}
