/**
 * Hover: what stands under the pointer, explained from the tokens of the text, which also works while the text does not parse.
 */
import { printDuration, readDuration } from '../durations.ts'
import { lex } from '../lexer.ts'
import { parseNumber } from '../numbers.ts'
import { signatureOf } from '../signatures.ts'
import { Source } from '../source.ts'
import * as t from '../tokens.ts'
import type { AggregateOp } from '../ast.ts'
import { describeMetric, type Metadata, type TextRange } from './metadata.ts'
import { AGGREGATIONS, KEYWORD_TEXTS } from './vocabulary.ts'

/** An explanation of a stretch of the text. */
export interface Hover extends TextRange {
  /** One line: a name, a signature. */
  readonly title: string
  /** Sentences; '' for none. */
  readonly about: string
}

/** What stands at `at`, a UTF-16 offset; null when there is nothing to say. */
export async function hover(text: string, at: number, metadata: Metadata): Promise<Hover | null> {
  const source = new Source(text)
  const tokens = lex(source)
  const position = source.byteAt(Math.min(at, text.length))
  const index = tokens.findIndex(({ startOffset, endOffset }) => startOffset <= position && position <= endOffset)
  const token = tokens[index]
  if (token === undefined || token.tokenType === t.LexError) return null
  const explanation = await explain(tokens, index, metadata)
  return explanation && { from: source.indexAt(token.startOffset), to: source.indexAt(token.endOffset + 1), ...explanation }
}

async function explain(tokens: readonly t.Token[], index: number, metadata: Metadata): Promise<Omit<Hover, keyof TextRange> | null> {
  const token = tokens[index]!
  const next = tokens[index + 1]?.tokenType
  const word = token.image.toLowerCase()
  if (isInside(tokens, index, t.LeftBrace, t.RightBrace)) return null
  const signature = next === t.LeftParen && token.tokenType.CATEGORIES!.includes(t.FunctionName) ? signatureOf(token.image) : undefined
  if (signature !== undefined && !isInside(tokens, index, t.LeftBracket, t.RightBracket)) {
    const { name, args, variadic, returns, about, experimental } = signature
    const more = variadic === 0 ? '' : variadic < 0 ? ', …' : ' (optional)'
    return { title: `${name}(${args.join(', ')}${more}) → ${returns}`, about: experimental ? `${about} Experimental.` : about }
  }
  if (token.tokenType === t.Aggregator && (next === t.LeftParen || next === t.By || next === t.Without)) {
    const { param, about, experimental } = AGGREGATIONS[word as AggregateOp]
    const title = param === '' ? `${word}(vector) → vector` : `${word}(${param}, vector) → vector`
    return { title, about: experimental ? `${about} Experimental.` : about }
  }
  if (token.tokenType === t.DurationToken) {
    const milliseconds = readDuration(token.image)
    return typeof milliseconds === 'string' ? null : { title: `${token.image} = ${milliseconds / 1000} seconds`, about: '' }
  }
  if (token.tokenType === t.NumberToken && isInside(tokens, index, t.LeftBracket, t.RightBracket)) {
    const seconds = parseNumber(token.image)
    return typeof seconds === 'number' ? { title: `${token.image} = ${printDuration(seconds * 1000)}`, about: '' } : null
  }
  const isName = token.tokenType === t.Identifier || token.tokenType === t.MetricIdentifier || startsOperand(tokens, index)
  if (isName && token.tokenType.CATEGORIES!.includes(t.MetricName)) return metric(token.image, metadata)
  const about = KEYWORD_TEXTS.get(word)
  return about === undefined ? null : { title: word, about }
}

async function metric(name: string, metadata: Metadata): Promise<Omit<Hover, keyof TextRange> | null> {
  const description = await describeMetric(metadata, name)
  if (description === null) return null
  const { type, help, unit } = description
  return { title: unit === '' ? `${name}: ${type}` : `${name}: ${type}, in ${unit}`, about: help }
}

/** Whether the last opening token before `index` has not been closed. */
function isInside(tokens: readonly t.Token[], index: number, open: t.Token['tokenType'], close: t.Token['tokenType']): boolean {
  for (let i = index - 1; i >= 0; i--) {
    if (tokens[i]!.tokenType === close) return false
    if (tokens[i]!.tokenType === open) return true
  }
  return false
}

/** Whether an operand, not an operator or a keyword, is due at the token: nothing, an operator, a comma or a parenthesis stands before it. */
function startsOperand(tokens: readonly t.Token[], index: number): boolean {
  const before = tokens[index - 1]
  if (before === undefined) return true
  const type = before.tokenType
  return (
    type === t.LeftParen || type === t.Comma || (type.CATEGORIES!.includes(t.BinaryOperator) && !type.CATEGORIES!.includes(t.MetricName))
  )
}
