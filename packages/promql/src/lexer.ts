/**
 * Query text into tokens: a state machine, since what a character means depends on where it stands (in braces, in brackets, in a series
 * description). The first thing that cannot be a token ends the run with a {@link LexError} token that carries the message; the parser
 * reports it when it gets there, so that errors come in the order of the text.
 */
import { createTokenInstance, type TokenType } from 'chevrotain'
import type { Source } from './source.ts'
import { isRawByte } from './source.ts'
import { quote, quoteChar } from './strings.ts'
import * as t from './tokens.ts'

/** A query of more bytes is refused unread. */
export const MAX_QUERY_BYTES: number = 512 * 1024
/** Brackets of all kinds may nest so deep: the parser recurses for each of them. */
export const MAX_NESTING = 128
/** A query of more tokens is refused. */
export const MAX_TOKENS = 100_000

/** The tokens of a text; the last may be a {@link t.LexError}. Comments and white space are left out. */
export function lex(source: Source, options: { readonly seriesDescription?: boolean } = {}): t.Token[] {
  return new Lexer(source, options.seriesDescription === true).run()
}

/** A state reads one token or some space, and says which state is next; null after an error or the end. */
type State = 'statement' | 'braces' | 'duration' | 'values' | 'histogram' | 'buckets' | 'number' | null

const PUNCTUATION: Readonly<Record<string, TokenType>> = {
  ',': t.Comma,
  '*': t.Mul,
  '/': t.Div,
  '%': t.Mod,
  '+': t.Add,
  '-': t.Sub,
  '^': t.Pow,
  '@': t.At,
}

/** What a character that cannot be read counts as. */
const REPLACEMENT = '\ufffd'

class Lexer {
  private readonly source: Source
  private readonly text: string
  private readonly seriesDescription: boolean
  private readonly tokens: t.Token[] = []
  /** Where the token being read starts, and the next character. */
  private start = 0
  private at = 0
  private parens = 0
  private braceOpen = false
  private bracketOpen = false
  private colonSeen = false
  private durationSeen = false
  private histogramOpen = false

  constructor(source: Source, seriesDescription: boolean) {
    this.source = source
    this.text = source.text
    this.seriesDescription = seriesDescription
  }

  run(): t.Token[] {
    if (this.source.byteLength > MAX_QUERY_BYTES) {
      this.fail(`the query has ${this.source.byteLength} bytes; at most ${MAX_QUERY_BYTES} are allowed`)
      return this.tokens
    }
    let state: State = 'statement'
    while (state !== null) {
      state = this.step(state)
      if (this.tokens.length > MAX_TOKENS) {
        this.fail(`the query has more than ${MAX_TOKENS} tokens`)
        break
      }
    }
    return this.tokens
  }

  private step(state: Exclude<State, null>): State {
    switch (state) {
      case 'statement':
        return this.braceOpen ? this.braces() : this.statement()
      case 'braces':
        return this.braces()
      case 'duration':
        return this.duration()
      case 'values':
        return this.values()
      case 'histogram':
        return this.bracketOpen ? this.buckets() : this.histogram()
      case 'buckets':
        return this.buckets()
      case 'number':
        return this.number(this.histogramOpen ? 'histogram' : 'statement')
    }
  }

  private statement(): State {
    const char = this.peek()
    if (char === '#') return this.comment('statement')
    if (char === '') {
      if (this.parens !== 0) return this.fail('unclosed left parenthesis')
      return this.bracketOpen ? this.fail('unclosed left bracket') : null
    }
    if (isSpace(char)) return this.space('statement')
    if (isDigit(char) || (char === '.' && isDigit(this.text[this.at + 1] ?? ''))) return this.numberOrDuration()
    if (isAlpha(char) || char === ':') return this.bracketOpen ? this.wordInBrackets(char) : this.keywordOrIdentifier()
    this.at += char.length
    const punctuation = PUNCTUATION[char]
    if (punctuation !== undefined) return this.emit(punctuation, 'statement')
    switch (char) {
      case '=':
        if (this.peek() === '~') return this.fail(`unexpected character after '=': '~'`)
        return this.accept('=') ? this.emit(t.Comparison, 'statement') : this.emit(t.Equal, 'statement')
      case '!':
        if (!this.accept('=')) return this.fail(`unexpected character after '!': ${quoteChar(this.peek() || REPLACEMENT)}`)
        return this.emit(t.NotEqual, 'statement')
      case '<':
        if (this.accept('/')) return this.emit(t.Trim, 'statement')
        this.accept('=')
        return this.emit(t.Comparison, 'statement')
      case '>':
        if (this.accept('/')) return this.emit(t.Trim, 'statement')
        this.accept('=')
        return this.emit(t.Comparison, 'statement')
      case '"':
      case "'":
        return this.string(char, 'statement')
      case '`':
        return this.rawString('statement')
      case '(':
        return this.leftParen('statement')
      case ')':
        return this.rightParen('statement')
      case '{':
        this.braceOpen = true
        return this.emit(t.LeftBrace, 'braces')
      case '[':
        if (this.bracketOpen) return this.fail(`unexpected left bracket '['`)
        this.bracketOpen = true
        this.colonSeen = false
        return this.emit(t.LeftBracket, 'duration')
      case ']':
        if (!this.bracketOpen) return this.fail(`unexpected right bracket ']'`)
        this.bracketOpen = false
        return this.emit(t.RightBracket, 'statement')
      default:
        return this.fail(`unexpected character: ${quoteChar(readable(char))}`)
    }
  }

  /** Inside brackets, after the first number: a colon, or one of the words of duration expressions. */
  private wordInBrackets(char: string): State {
    if (char === ':') {
      this.at++
      if (this.colonSeen) return this.fail(`unexpected colon ':'`)
      this.colonSeen = true
      return this.emit(t.Colon, 'statement')
    }
    return this.durationWord(char, 'statement') ?? this.fail(`unexpected character: ${quoteChar(char)}, expected ':'`)
  }

  /** Inside brackets, up to the first number. */
  private duration(): State {
    const char = this.peek()
    if (char === '') return this.fail('unexpected end of input in duration expression')
    if (isSpace(char)) return this.space('duration')
    if (isDigit(char) || (char === '.' && isDigit(this.text[this.at + 1] ?? ''))) {
      this.durationSeen = true
      return this.numberOrDuration()
    }
    const word = isAlpha(char) ? this.durationWord(char, 'duration') : null
    if (word !== null) return word
    if (!isAlpha(char)) this.at += char.length
    switch (char) {
      case ']':
        this.bracketOpen = false
        this.colonSeen = false
        return this.emit(t.RightBracket, 'statement')
      case ':':
        if (!this.durationSeen) return this.failAfter('unexpected colon before duration in duration expression')
        if (this.colonSeen) return this.failAfter('unexpected repeated colon in duration expression')
        this.colonSeen = true
        return this.emit(t.Colon, 'duration')
      case '(':
        return this.leftParen('duration')
      case ')':
        return this.rightParen('duration')
      case '@':
        break
      default: {
        const punctuation = PUNCTUATION[char]
        if (punctuation !== undefined) return this.emit(punctuation, 'duration')
      }
    }
    return this.fail(`unexpected character in duration expression: ${quoteChar(readable(char))}`)
  }

  /** One of `step`, `range`, `min_of`, `max_of`; null when the word is another. */
  private durationWord(char: string, next: State): State {
    if (!/[smr]/i.test(char)) return null
    const end = this.end(/[^a-zA-Z_]/g)
    const type = t.KEYWORDS.get(this.text.slice(this.at, end).toLowerCase())
    if (type !== t.StepRange && type !== t.MinMaxOf) return null
    this.at = end
    if (type === t.StepRange) this.durationSeen = true
    return this.emit(type, next)
  }

  /** Inside the braces of a selector: names, strings and operators, but no keywords. */
  private braces(): State {
    const char = this.peek()
    if (char === '#') return this.comment('braces')
    if (char === '') return this.fail('unexpected end of input inside braces')
    if (isSpace(char)) return this.space('braces')
    if (isAlpha(char)) {
      this.at = this.end(/[^a-zA-Z0-9_]/g)
      return this.emit(t.Identifier, 'braces')
    }
    this.at += char.length
    switch (char) {
      case ',':
        return this.emit(t.Comma, 'braces')
      case '"':
      case "'":
        return this.string(char, 'braces')
      case '`':
        return this.rawString('braces')
      case '=':
        return this.accept('~') ? this.emit(t.RegexMatch, 'braces') : this.emit(t.Equal, 'braces')
      case '!':
        if (this.accept('~')) return this.emit(t.RegexMatch, 'braces')
        if (this.accept('=')) return this.emit(t.NotEqual, 'braces')
        return this.fail(`unexpected character after '!' inside braces: ${quoteChar(readable(this.peek() || REPLACEMENT))}`)
      case '{':
        return this.fail(`unexpected left brace '{'`)
      case '}':
        this.braceOpen = false
        return this.emit(t.RightBrace, this.seriesDescription ? 'values' : 'statement')
      default:
        return this.fail(`unexpected character inside braces: ${quoteChar(readable(char))}`)
    }
  }

  /** The values of a series description, where spaces count. */
  private values(): State {
    const char = this.peek()
    if (char === '') return 'statement'
    if (isSpace(char)) return this.countedSpace('values')
    if (char === '{' && this.text[this.at + 1] === '{') {
      this.at += 2
      this.histogramOpen = true
      return this.emit(t.OpenHistogram, 'histogram')
    }
    if (isDigit(char) || (char === '.' && isDigit(this.text[this.at + 1] ?? ''))) return this.number('values')
    if (char === 'x' || char === '_') {
      this.at++
      return this.emit(char === 'x' ? t.Times : t.Blank, 'values')
    }
    if (isAlpha(char)) return this.keywordOrIdentifier()
    this.at += char.length
    if (char === '+' || char === '-') return this.emit(PUNCTUATION[char]!, 'values')
    return this.fail(`unexpected character in series sequence: ${quoteChar(readable(char))}`)
  }

  private histogram(): State {
    const char = this.peek()
    if (isSpace(char)) return this.countedSpace('histogram')
    if (isAlpha(char)) return this.histogramWord()
    if (isDigit(char)) return this.number('histogram')
    this.at += char.length
    switch (char) {
      case ':':
        return this.emit(t.Colon, 'histogram')
      case '-':
        return this.emit(t.Sub, 'histogram')
      case '[':
        this.bracketOpen = true
        return this.emit(t.LeftBracket, 'buckets')
      case '}':
        if (!this.accept('}')) break
        this.histogramOpen = false
        return this.emit(t.CloseHistogram, 'values')
    }
    return this.fail(`histogram description incomplete unexpected: ${quoteChar(readable(char || REPLACEMENT))}`)
  }

  private histogramWord(): State {
    const end = this.end(/[^a-zA-Z_]/g)
    const word = this.text.slice(this.at, end)
    const lower = word.toLowerCase()
    if (t.HISTOGRAM_FIELDS.has(lower)) {
      if (this.text[end] !== ':') return this.fail('missing `:` for histogram descriptor')
      this.at = end
      return this.emit(t.HistogramField, 'histogram')
    }
    const type = lower === 'inf' || lower === 'nan' ? t.NumberToken : t.RESET_HINTS.has(lower) ? t.ResetHint : null
    if (type === null) return this.fail(`bad histogram descriptor found: ${quote(word)}`)
    this.at = end
    return this.emit(type, 'histogram')
  }

  private buckets(): State {
    const char = this.peek()
    if (isSpace(char)) return this.countedSpace('histogram')
    if (isDigit(char)) return this.number('histogram')
    if (isAlpha(char)) {
      const word = this.text.slice(this.at, this.at + 3).toLowerCase()
      if (word !== 'inf' && word !== 'nan') return this.fail(`invalid character in buckets description: ${quoteChar(char)}`)
      this.at += 3
      return this.emit(t.NumberToken, 'buckets')
    }
    this.at += char.length
    if (char === '-') return this.emit(t.Sub, 'number')
    if (char === ']') {
      this.bracketOpen = false
      return this.emit(t.RightBracket, 'histogram')
    }
    return this.fail(`invalid character in buckets description: ${quoteChar(readable(char || REPLACEMENT))}`)
  }

  private number(next: State): State {
    if (!this.scanNumber()) return this.fail(`bad number syntax: ${quote(this.read())}`)
    return this.emit(t.NumberToken, next)
  }

  private numberOrDuration(): State {
    if (this.scanNumber()) return this.emit(t.NumberToken, 'statement')
    if (this.scanDuration()) return this.emit(t.DurationToken, 'statement')
    return this.fail(`bad number or duration syntax: ${quote(this.read())}`)
  }

  /** Moves over what looks like a number; whether it is one, is for the parser. False when it cannot be one. */
  private scanNumber(): boolean {
    const from = this.at
    let digit = /[0-9]/
    // In series descriptions `0x4` repeats a zero.
    const hexadecimal = !this.seriesDescription && this.acceptAny(/0/) && this.acceptAny(/x/i)
    if (hexadecimal) {
      this.acceptAny(/_/)
      digit = /[0-9a-f]/i
    }
    this.acceptAny(/\./)
    this.acceptAny(digit)
    let dot = false
    let exponent = false
    for (;;) {
      const char = this.peek()
      if (char === '.') {
        if (dot) return this.stopAfter()
        dot = true
        this.at++
        if (this.acceptAny(/[_.]/) || hexadecimal) return false
      } else if (char === 'e' || char === 'E') {
        if (exponent) return this.stopAfter()
        exponent = true
        this.at++
        this.acceptAny(/[+-]/)
        if (this.acceptAny(/[._eE]/) || this.peek() === '') return false
      } else if (char === '_') {
        this.at++
        if (this.acceptAny(/[._eE]/) || this.peek() === '') return false
      } else if (digit.test(char)) {
        while (digit.test(this.peek())) this.at++
      } else break
    }
    if (this.at === from) return false
    const next = this.peek()
    return (this.seriesDescription && next === 'x') || !isAlphaNumeric(next)
  }

  private stopAfter(): false {
    this.at++
    return false
  }

  /** Goes on after the digits that {@link scanNumber} has read. */
  private scanDuration(): boolean {
    if (!this.acceptAny(/[smhdwy]/)) return false
    this.acceptAny(/s/)
    while (isDigit(this.peek())) {
      while (isDigit(this.peek())) this.at++
      if (!this.acceptAny(/[smhdw]/)) return false
      this.acceptAny(/s/)
    }
    const next = this.peek()
    if (!isAlphaNumeric(next)) return true
    this.at++
    return false
  }

  private keywordOrIdentifier(): State {
    this.at = this.end(/[^a-zA-Z0-9_:]/g)
    const word = this.read()
    const after = this.seriesDescription && this.peek() !== '{' ? 'values' : 'statement'
    const keyword = t.KEYWORDS.get(word.toLowerCase())
    if (keyword === undefined) return this.emit(word.includes(':') ? t.MetricIdentifier : t.Identifier, after)
    const fills = keyword === t.Fill || keyword === t.FillLeft || keyword === t.FillRight
    if (fills && this.text[this.end(/[^ \t\n\r]/g)] !== '(') return this.emit(t.Identifier, after)
    return this.emit(keyword, after)
  }

  /** A string in double or single quotes, the first of which has been read. */
  private string(open: string, next: State): State {
    for (;;) {
      const char = this.peek()
      if (char === '' || char === '\n') return this.fail('unterminated quoted string')
      if (!isWhole(char)) return this.fail('invalid UTF-8 rune')
      this.at += char.length
      if (char === open) return this.emit(t.StringToken, next)
      if (char === '\\') {
        const problem = this.escape(open)
        if (problem !== null) return this.fail(problem)
      }
    }
  }

  private rawString(next: State): State {
    for (;;) {
      const char = this.peek()
      if (char === '') return this.fail('unterminated raw string')
      if (!isWhole(char)) return this.fail('invalid UTF-8 rune')
      this.at += char.length
      if (char === '`') return this.emit(t.StringToken, next)
    }
  }

  /** Moves over an escape sequence after its backslash. Says what is wrong, or null. */
  private escape(open: string): string | null {
    const kind = this.peek()
    if (kind === '') return 'escape sequence not terminated'
    const isOctal = /[0-7]/.test(kind)
    if (!isOctal) this.at += kind.length
    if (kind === open || 'abfnrtv\\'.includes(kind)) return null
    const length = isOctal ? 3 : kind === 'x' ? 2 : kind === 'u' ? 4 : kind === 'U' ? 8 : 0
    if (length === 0) return `unknown escape sequence ${t.describeChar(readable(kind))}`
    const digit = isOctal ? /[0-7]/ : /[0-9a-fA-F]/
    let code = 0
    for (let i = 0; i < length; i++) {
      const char = this.peek()
      if (char === '') return 'escape sequence not terminated'
      if (!digit.test(char)) return `illegal character ${t.describeChar(readable(char))} in escape sequence`
      code = code * (isOctal ? 8 : 16) + parseInt(char, 16)
      this.at++
    }
    const greatest = isOctal || kind === 'x' ? 255 : 0x10ffff
    return code > greatest || (code >= 0xd800 && code < 0xe000) ? 'escape sequence is an invalid Unicode code point' : null
  }

  private comment(next: State): State {
    this.at = this.end(/[\r\n]/g)
    this.start = this.at
    return next
  }

  private space(next: State): State {
    this.at = this.end(/[^ \t\n\r]/g)
    this.start = this.at
    return next
  }

  /** A run of spaces as one token, of one character. */
  private countedSpace(next: State): State {
    this.at++
    this.emit(t.Space, next)
    return this.space(next)
  }

  private leftParen(next: State): State {
    this.parens++
    if (this.parens > MAX_NESTING) return this.fail(`parentheses are nested more than ${MAX_NESTING} deep`)
    return this.emit(t.LeftParen, next)
  }

  private rightParen(next: State): State {
    this.parens--
    return this.parens < 0 ? this.failAfter(`unexpected right parenthesis ')'`) : this.emit(t.RightParen, next)
  }

  private emit(type: TokenType, next: State): State {
    const start = this.source.byteAt(this.start)
    const end = this.source.byteAt(this.at)
    this.tokens.push(createTokenInstance(type, this.read(), start, end - 1, NaN, NaN, NaN, NaN) as t.Token)
    this.start = this.at
    return next
  }

  /** Ends the run. The error spans from the token that failed to the end of the text. */
  private fail(message: string): null {
    const start = this.source.byteAt(this.start)
    const token = createTokenInstance(t.LexError, message, start, this.source.byteLength - 1, NaN, NaN, NaN, NaN)
    this.tokens.push(token as t.Token)
    return null
  }

  /** Like {@link fail}, but the error starts behind the characters read. */
  private failAfter(message: string): null {
    this.start = this.at
    return this.fail(message)
  }

  private read(): string {
    return this.text.slice(this.start, this.at)
  }

  /** The next character, or '' at the end. */
  private peek(): string {
    const unit = this.text.charCodeAt(this.at)
    if (!(unit >= 0xd800 && unit <= 0xdbff)) return this.text[this.at] ?? ''
    return String.fromCodePoint(this.text.codePointAt(this.at)!)
  }

  private accept(char: string): boolean {
    if (this.text[this.at] !== char) return false
    this.at++
    return true
  }

  private acceptAny(chars: RegExp): boolean {
    const char = this.text[this.at]
    if (char === undefined || !chars.test(char)) return false
    this.at++
    return true
  }

  /** The index of the first character from here on that matches, or the end of the text. */
  private end(stop: RegExp): number {
    stop.lastIndex = this.at
    return stop.exec(this.text)?.index ?? this.text.length
  }
}

function isSpace(char: string): boolean {
  return char === ' ' || char === '\t' || char === '\n' || char === '\r'
}

function isDigit(char: string): boolean {
  return char >= '0' && char <= '9' && char.length === 1
}

function isAlpha(char: string): boolean {
  return /^[a-zA-Z_]$/.test(char)
}

function isAlphaNumeric(char: string): boolean {
  return isAlpha(char) || isDigit(char)
}

/** False for raw bytes, half pairs and the replacement character, which stand for broken UTF-8. */
function isWhole(char: string): boolean {
  const code = char.codePointAt(0)!
  return char !== REPLACEMENT && (code < 0xd800 || code > 0xdfff)
}

/** The character as messages show it. */
function readable(char: string): string {
  return isWhole(char) && !isRawByte(char.codePointAt(0)!) ? char : REPLACEMENT
}
