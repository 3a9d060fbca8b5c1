/**
 * The tokens of PromQL, for the lexer that makes them and the grammar that reads them. Categories say which keywords may also be names:
 * `sum`, `by` or `offset` are fine as metric names, and nearly every keyword is as a label name.
 */
import { createToken, EOF, type IToken, type TokenType } from 'chevrotain'
import { isPrintable, quote } from './strings.ts'

/** What a message calls a token: `<by>`, `<op:+>`, `<aggr:sum>`, `"("`, `identifier "x"`. */
type Family = 'keyword' | 'operator' | 'aggregator' | 'punctuation' | 'series' | 'literal'

const families = new Map<TokenType, readonly [family: Family, noun: string]>()

function token(name: string, family: Family, noun = '', categories: TokenType[] = []): TokenType {
  const type = createToken({ name, categories })
  families.set(type, [family, noun])
  return type
}

function category(name: string): TokenType {
  return createToken({ name })
}

/** May be a metric name outside of braces. */
export const MetricName: TokenType = category('MetricName')
/** May be a label name in `by (…)`, `on (…)` and the like. */
export const LabelName: TokenType = category('LabelName')
/** May be the name of a function, when an opening parenthesis follows. */
export const FunctionName: TokenType = category('FunctionName')
export const BinaryOperator: TokenType = category('BinaryOperator')
export const MatchOperator: TokenType = category('MatchOperator')
/** `+` and `-` before an operand. */
export const Sign: TokenType = category('Sign')
/** The operators of duration expressions. */
export const DurationOperator: TokenType = category('DurationOperator')
/** A number or a duration, which is a number too. */
export const NumberLike: TokenType = category('NumberLike')

const anyName: TokenType[] = [MetricName, LabelName]

export const LeftParen: TokenType = token('LeftParen', 'punctuation')
export const RightParen: TokenType = token('RightParen', 'punctuation')
export const LeftBrace: TokenType = token('LeftBrace', 'punctuation')
export const RightBrace: TokenType = token('RightBrace', 'punctuation')
export const LeftBracket: TokenType = token('LeftBracket', 'punctuation')
export const RightBracket: TokenType = token('RightBracket', 'punctuation')
export const Comma: TokenType = token('Comma', 'punctuation')
export const Colon: TokenType = token('Colon', 'punctuation')
export const Equal: TokenType = token('Equal', 'punctuation', '', [MatchOperator])

export const Add: TokenType = token('Add', 'operator', '', [BinaryOperator, Sign, DurationOperator])
export const Sub: TokenType = token('Sub', 'operator', '', [BinaryOperator, Sign, DurationOperator])
export const Mul: TokenType = token('Mul', 'operator', '', [BinaryOperator, DurationOperator])
export const Div: TokenType = token('Div', 'operator', '', [BinaryOperator, DurationOperator])
export const Mod: TokenType = token('Mod', 'operator', '', [BinaryOperator, DurationOperator])
export const Pow: TokenType = token('Pow', 'operator', '', [BinaryOperator, DurationOperator])
export const Comparison: TokenType = token('Comparison', 'operator', '', [BinaryOperator])
export const NotEqual: TokenType = token('NotEqual', 'operator', '', [BinaryOperator, MatchOperator])
export const RegexMatch: TokenType = token('RegexMatch', 'operator', '', [MatchOperator])
export const Trim: TokenType = token('Trim', 'operator', '', [BinaryOperator])
export const SetOperator: TokenType = token('SetOperator', 'operator', '', [BinaryOperator, ...anyName])
export const Atan2: TokenType = token('Atan2', 'operator', '', [BinaryOperator, LabelName])
export const At: TokenType = token('At', 'operator')

export const NumberToken: TokenType = token('Number', 'literal', 'number', [NumberLike])
export const DurationToken: TokenType = token('Duration', 'literal', 'duration', [NumberLike])
export const StringToken: TokenType = token('String', 'literal', 'string')
export const Identifier: TokenType = token('Identifier', 'literal', 'identifier', [...anyName, FunctionName])
/** An identifier with a colon in it. */
export const MetricIdentifier: TokenType = token('MetricIdentifier', 'literal', 'metric identifier', anyName)

export const Aggregator: TokenType = token('Aggregator', 'aggregator', '', anyName)
export const By: TokenType = token('By', 'keyword', '', anyName)
export const Without: TokenType = token('Without', 'keyword', '', anyName)
export const Offset: TokenType = token('Offset', 'keyword', '', anyName)
export const Anchored: TokenType = token('Anchored', 'keyword', '', anyName)
export const Smoothed: TokenType = token('Smoothed', 'keyword', '', anyName)
export const Bool: TokenType = token('Bool', 'keyword', '', [LabelName])
export const On: TokenType = token('On', 'keyword', '', [LabelName])
export const Ignoring: TokenType = token('Ignoring', 'keyword', '', [LabelName])
export const GroupLeft: TokenType = token('GroupLeft', 'keyword', '', [LabelName])
export const GroupRight: TokenType = token('GroupRight', 'keyword', '', [LabelName])
export const Fill: TokenType = token('Fill', 'keyword', '', anyName)
export const FillLeft: TokenType = token('FillLeft', 'keyword', '', anyName)
export const FillRight: TokenType = token('FillRight', 'keyword', '', anyName)
export const StartEnd: TokenType = token('StartEnd', 'punctuation', '', [...anyName, FunctionName])
export const StepRange: TokenType = token('StepRange', 'punctuation', '', [...anyName, FunctionName])
export const MinMaxOf: TokenType = token('MinMaxOf', 'punctuation', '', [...anyName, FunctionName])

// Tokens of series descriptions, `up{job="a"} 1+2x3 _ stale {{sum:1}}`.
export const Space: TokenType = token('Space', 'punctuation')
export const Times: TokenType = token('Times', 'punctuation')
export const Blank: TokenType = token('Blank', 'punctuation')
export const OpenHistogram: TokenType = token('OpenHistogram', 'punctuation')
export const CloseHistogram: TokenType = token('CloseHistogram', 'punctuation')
export const HistogramField: TokenType = token('HistogramField', 'series')
export const ResetHint: TokenType = token('ResetHint', 'series')

/** Where the lexer gave up. The image is the message. */
export const LexError: TokenType = token('LexError', 'literal', 'error')

/** Keywords, in lower case. `inf` and `nan` are numbers. */
export const KEYWORDS: ReadonlyMap<string, TokenType> = new Map([
  ['and', SetOperator],
  ['or', SetOperator],
  ['unless', SetOperator],
  ['atan2', Atan2],
  ...['sum', 'avg', 'count', 'min', 'max', 'group', 'stddev', 'stdvar', 'topk', 'bottomk'].map((name) => [name, Aggregator] as const),
  ...['count_values', 'quantile', 'limitk', 'limit_ratio'].map((name) => [name, Aggregator] as const),
  ['offset', Offset],
  ['smoothed', Smoothed],
  ['anchored', Anchored],
  ['by', By],
  ['without', Without],
  ['on', On],
  ['ignoring', Ignoring],
  ['group_left', GroupLeft],
  ['group_right', GroupRight],
  ['fill', Fill],
  ['fill_left', FillLeft],
  ['fill_right', FillRight],
  ['bool', Bool],
  ['start', StartEnd],
  ['end', StartEnd],
  ['step', StepRange],
  ['range', StepRange],
  ['min_of', MinMaxOf],
  ['max_of', MinMaxOf],
  ['inf', NumberToken],
  ['nan', NumberToken],
])

/**
 * The fields of a histogram in a series description, with the number by which Prometheus's messages call them: it has no name for these
 * tokens (`unexpected "<Item 57372>" "schema" in series values`).
 */
export const HISTOGRAM_FIELDS: ReadonlyMap<string, number> = new Map([
  ['sum', 57370],
  ['count', 57371],
  ['schema', 57372],
  ['offset', 57373],
  ['n_offset', 57374],
  ['buckets', 57375],
  ['n_buckets', 57376],
  ['z_bucket', 57377],
  ['z_bucket_w', 57378],
  ['custom_values', 57379],
  ['counter_reset_hint', 57380],
])

/** The values of `counter_reset_hint`, with their number as above. */
export const RESET_HINTS: ReadonlyMap<string, number> = new Map([
  ['unknown', 57445],
  ['reset', 57446],
  ['not_reset', 57447],
  ['gauge', 57448],
])

/** A token of the lexer. Offsets are bytes of the query text; `endOffset` is inclusive, as chevrotain has it. */
export interface Token extends IToken {
  endOffset: number
}

/** How messages call a token. */
export function describeToken(token: IToken): string {
  if (token.tokenType === EOF) return 'end of input'
  const [family, noun] = families.get(token.tokenType)!
  switch (family) {
    case 'keyword':
      return `<${token.image}>`
    case 'operator':
      return `<op:${token.image}>`
    case 'aggregator':
      return `<aggr:${token.image}>`
    case 'punctuation':
      return shortQuote(token.image)
    case 'series': {
      const numbers = token.tokenType === ResetHint ? RESET_HINTS : HISTOGRAM_FIELDS
      return `"<Item ${numbers.get(token.image.toLowerCase())}>" ${shortQuote(token.image)}`
    }
    case 'literal':
      return `${noun} ${noun.endsWith('identifier') ? quote(token.image) : shortQuote(token.image)}`
  }
}

/** In quotes, cut after ten characters when the token has more than ten bytes. */
function shortQuote(image: string): string {
  const long = image.length > 10 || (image.length > 3 && new TextEncoder().encode(image).length > 10)
  return long ? `${quote(Array.from(image).slice(0, 10).join(''))}...` : quote(image)
}

/** A character as messages about escape sequences show it: `U+0063 'c'`. */
export function describeChar(char: string): string {
  const code = `U+${char.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}`
  return isPrintable(char) ? `${code} '${char}'` : code
}
