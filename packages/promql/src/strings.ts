/**
 * String literals: PromQL reads them and prints them as Go does. Bytes that are not valid UTF-8 live in JavaScript strings as lone
 * surrogates U+DC00 + byte, which keeps them through a round trip.
 */
import { isRawByte } from './source.ts'

const SIMPLE_ESCAPES: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
}

/** The printable characters: letters, marks, numbers, punctuation, symbols and the ASCII space. */
const PRINTABLE = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u

/** The text that a literal with its quotes stands for, or null when it is no literal. */
export function unquote(literal: string): string | null {
  const quote = literal[0]
  if (literal.length < 2 || quote !== literal[literal.length - 1]) return null
  const inner = literal.slice(1, -1)
  if (quote === '`') return inner.includes('`') ? null : inner
  if (quote !== '"' && quote !== "'") return null
  if (inner.includes('\n')) return null
  if (!inner.includes('\\')) return inner.includes(quote) ? null : inner
  return unescape(inner, quote)
}

function unescape(inner: string, quote: string): string | null {
  let text = ''
  /** Bytes of `\x` and octal escapes, which may form one character together. */
  let bytes: number[] = []
  const flush = (): void => {
    if (bytes.length > 0) text += decodeBytes(bytes)
    bytes = []
  }
  for (let i = 0; i < inner.length; i++) {
    const char = inner[i]!
    if (char === quote) return null
    if (char !== '\\') {
      const code = inner.charCodeAt(i)
      if (isRawByte(code) && !isHighSurrogate(inner.charCodeAt(i - 1))) bytes.push(code - 0xdc00)
      else {
        flush()
        text += char
      }
      continue
    }
    const escape = inner[++i]
    if (escape === undefined) return null
    if (escape === quote) {
      flush()
      text += quote
    } else if (SIMPLE_ESCAPES[escape] !== undefined) {
      flush()
      text += SIMPLE_ESCAPES[escape]
    } else if (escape === 'x') {
      const byte = digits(inner, i + 1, 2, 16)
      if (byte < 0) return null
      i += 2
      bytes.push(byte)
    } else if (escape === 'u' || escape === 'U') {
      const length = escape === 'u' ? 4 : 8
      const code = digits(inner, i + 1, length, 16)
      if (code < 0 || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) return null
      i += length
      flush()
      text += String.fromCodePoint(code)
    } else if (escape >= '0' && escape <= '7') {
      const byte = digits(inner, i, 3, 8)
      if (byte < 0 || byte > 255) return null
      i += 2
      bytes.push(byte)
    } else return null
  }
  flush()
  return text
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff
}

/** The number that `length` digits from `at` on write, or -1. */
function digits(text: string, at: number, length: number, base: number): number {
  const written = text.slice(at, at + length)
  const valid = base === 8 ? /^[0-7]+$/ : /^[0-9a-fA-F]+$/
  return written.length === length && valid.test(written) ? parseInt(written, base) : -1
}

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Bytes as text: whole UTF-8 sequences become characters, every other byte a lone surrogate. */
function decodeBytes(bytes: readonly number[]): string {
  let text = ''
  for (let i = 0; i < bytes.length;) {
    const first = bytes[i]!
    const length = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0
    const sequence = Uint8Array.from(bytes.slice(i, i + length))
    let char: string | null = null
    if (length > 0 && sequence.length === length) {
      try {
        char = strict.decode(sequence)
      } catch {
        char = null
      }
    }
    text += char ?? String.fromCharCode(0xdc00 + first)
    i += char === null ? 1 : length
  }
  return text
}

/** A string in double quotes with escapes, so that {@link unquote} gives it back. */
export function quote(text: string): string {
  let quoted = '"'
  for (const char of text) quoted += char === '"' ? '\\"' : escapeChar(char)
  return `${quoted}"`
}

/** A character in single quotes, as error messages show it. */
export function quoteChar(char: string): string {
  return char === "'" ? "'\\''" : `'${escapeChar(char)}'`
}

const ESCAPE_OF: ReadonlyMap<string, string> = new Map(Object.entries(SIMPLE_ESCAPES).map(([letter, char]) => [char, `\\${letter}`]))

function escapeChar(char: string): string {
  const simple = ESCAPE_OF.get(char)
  if (simple !== undefined) return simple
  const code = char.codePointAt(0)!
  if (isRawByte(code)) return `\\x${(code - 0xdc00).toString(16)}`
  if (code >= 0xd800 && code <= 0xdfff) return '\ufffd'
  if (PRINTABLE.test(char)) return char
  if (code < 0x80) return `\\x${code.toString(16).padStart(2, '0')}`
  return code > 0xffff ? `\\U${code.toString(16).padStart(8, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`
}

/** Whether a character is shown as itself in quotes. */
export function isPrintable(char: string): boolean {
  return PRINTABLE.test(char)
}
