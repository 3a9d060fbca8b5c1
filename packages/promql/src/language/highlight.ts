/**
 * Highlighting: what kind of word each token of a text is, for colours in an editor. It works while the text does not parse, up to the first
 * character that cannot be read.
 */
import type { TokenType } from 'chevrotain'
import { lex } from '../lexer.ts'
import { Source } from '../source.ts'
import * as t from '../tokens.ts'
import type { TextRange } from './metadata.ts'

export type TokenKind =
  | 'metric'
  | 'label'
  | 'function'
  | 'aggregation'
  | 'keyword'
  | 'number'
  | 'string'
  | 'operator'
  | 'punctuation'
  | 'comment'

/** A token and its kind. */
export interface HighlightedToken extends TextRange {
  readonly kind: TokenKind
}

/** The tokens and comments of a text in order. White space, and what cannot be read, is not among them. */
export function highlight(text: string): HighlightedToken[] {
  const source = new Source(text)
  const tokens = lex(source)
  const found: HighlightedToken[] = []
  const names = new NameReader()
  let end = 0
  for (const [i, token] of tokens.entries()) {
    const from = source.indexAt(token.startOffset)
    comments(text, end, from, found)
    if (token.tokenType === t.LexError) {
      // A string that is still being typed is a string.
      const isString = from < text.length && /["'`]/.test(text[from]!)
      if (isString) found.push({ from, to: text.length, kind: 'string' })
      return found
    }
    end = source.indexAt(token.endOffset + 1)
    found.push({ from, to: end, kind: names.kindOf(token, tokens[i + 1]?.tokenType) })
  }
  comments(text, end, text.length, found)
  return found
}

/** Adds the comments between two tokens. */
function comments(text: string, from: number, to: number, found: HighlightedToken[]): void {
  for (const match of text.slice(from, to).matchAll(/#.*/g)) {
    found.push({ from: from + match.index, to: from + match.index + match[0].length, kind: 'comment' })
  }
}

const LISTS_LABELS: ReadonlySet<TokenType> = new Set([t.By, t.Without, t.On, t.Ignoring, t.GroupLeft, t.GroupRight])
const PUNCTUATION: ReadonlySet<TokenType> = new Set([
  t.LeftParen,
  t.RightParen,
  t.LeftBrace,
  t.RightBrace,
  t.LeftBracket,
  t.RightBracket,
  t.Comma,
  t.Colon,
])

/** Tells names of metrics, labels and functions apart by what stands around them. */
class NameReader {
  private before: TokenType | null = null
  private inBraces = false
  private inLabels = false

  kindOf(token: t.Token, next: TokenType | undefined): TokenKind {
    const type = token.tokenType
    if (type === t.LeftBrace) this.inBraces = true
    if (type === t.RightBrace) this.inBraces = false
    if (type === t.LeftParen && this.before !== null && LISTS_LABELS.has(this.before)) this.inLabels = true
    if (type === t.RightParen) this.inLabels = false
    this.before = type
    if (PUNCTUATION.has(type)) return 'punctuation'
    if (type === t.StringToken) return 'string'
    if (type.CATEGORIES!.includes(t.NumberLike)) return 'number'
    if (this.inBraces || this.inLabels) return type.CATEGORIES!.includes(t.LabelName) ? 'label' : 'operator'
    if (type === t.Aggregator) return next === t.LeftParen || next === t.By || next === t.Without ? 'aggregation' : 'metric'
    if (type === t.Identifier || type === t.MetricIdentifier) return next === t.LeftParen ? 'function' : 'metric'
    return /^\w/.test(token.image) ? 'keyword' : 'operator'
  }
}
