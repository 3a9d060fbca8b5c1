/**
 * Line protocol, read into parts.
 *
 *     measurement,tag=value,tag=value field=1.5,count=3i,ok=t,text="a \" b" 1465839830100400200
 *
 * A backslash escapes the characters that would end a part (comma, equals sign, blank) and stands for itself before all others; inside
 * quotes it escapes quotes and backslashes. Strings may hold line breaks, so lines are not split first: the parser walks the whole body,
 * and after a bad line goes on at the next one.
 */
import { parseNumber } from '../decimal.ts'
import { LineProblem } from '../line-problem.ts'
import { excerpt, isUtf8, textOf } from '../utf8.ts'
import { INFLUX_LIMITS } from './limits.ts'

/** What one line is made of. The parser calls it in order: begin, tags, fields, end. Ranges are raw bytes with their escapes. */
export interface LineSink {
  /** `keyEnd` is where measurement and tags end: the raw bytes from `start` on name the series but for the field. */
  begin(start: number, measurementEnd: number): void
  tag(keyStart: number, keyEnd: number, valueStart: number, valueEnd: number): void
  tagsEnd(keyEnd: number): void
  float(keyStart: number, keyEnd: number, value: number): void
  integer(keyStart: number, keyEnd: number, start: number, end: number, isUnsigned: boolean): void
  boolean(keyStart: number, keyEnd: number, value: boolean): void
  string(keyStart: number, keyEnd: number, start: number, end: number): void
  /** `timeStart` equals `timeEnd` when the line has no time. */
  end(timeStart: number, timeEnd: number): void
}

const COMMA = 0x2c
const EQUAL = 0x3d
const BLANK = 0x20
const QUOTE = 0x22
const BACKSLASH = 0x5c
const NEWLINE = 0x0a
const RETURN = 0x0d
const HASH = 0x23

/** Whether a byte may stand in a name as it is: no control character. Above ASCII it must be UTF-8, which is checked by the part. */
const PRINTABLE = new Uint8Array(256).fill(1)
PRINTABLE.fill(0, 0, 0x20)
PRINTABLE[0x7f] = 0

/** The bytes that a scan of a name passes over without a look: printable ASCII but for comma, equals sign, blank and backslash. */
const PLAIN = new Uint8Array(256)
PLAIN.set(PRINTABLE.subarray(0, 0x80))
for (const byte of [COMMA, EQUAL, BLANK, BACKSLASH]) PLAIN[byte] = 0

export class LineParser {
  readonly #bytes: Uint8Array
  readonly #end: number
  #at = 0
  /** The line in which the parser stands, from 1. */
  line = 1
  #lineStart = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.#end = bytes.length
  }

  /** Passes over empty lines and comments; false at the end of the body. @throws LineProblem for a comment with control characters */
  next(): boolean {
    const bytes = this.#bytes
    for (;;) {
      while (this.#at < this.#end && (bytes[this.#at] === BLANK || bytes[this.#at] === RETURN || bytes[this.#at] === NEWLINE)) this.#step()
      if (this.#at >= this.#end) return false
      if (bytes[this.#at] !== HASH) return true
      for (; this.#at < this.#end && bytes[this.#at] !== NEWLINE; this.#at++) {
        const byte = bytes[this.#at]!
        if (PRINTABLE[byte] === 0 && byte !== RETURN && byte !== 0x09)
          throw this.#problem(this.#at, 'found a control character in a comment')
      }
    }
  }

  /** Reads one line. @throws LineProblem; call `recover` before going on. */
  read(sink: LineSink): void {
    const bytes = this.#bytes
    const start = this.#at
    const first = bytes[start]!
    if (first === COMMA || PRINTABLE[first] === 0)
      throw this.#problem(start, `expected a measurement, found ${excerpt(bytes, start, this.#lineEnd())}`)
    const measurementEnd = this.#name(start, false)
    sink.begin(start, measurementEnd)
    this.#at = measurementEnd
    for (let tags = 0; this.#at < this.#end && bytes[this.#at] === COMMA; tags++) {
      if (tags >= INFLUX_LIMITS.tags) throw this.#problem(this.#at, `more than ${INFLUX_LIMITS.tags} tags`)
      const keyStart = ++this.#at
      const keyEnd = this.#name(keyStart, true)
      if (keyEnd === keyStart) throw this.#expected(keyStart, 'a tag key')
      if (bytes[keyEnd] !== EQUAL || keyEnd >= this.#end) throw this.#expected(keyEnd, '"=" after the tag key')
      const valueEnd = this.#name(keyEnd + 1, true, true)
      if (valueEnd === keyEnd + 1) throw this.#expected(keyEnd + 1, 'a tag value')
      sink.tag(keyStart, keyEnd, keyEnd + 1, valueEnd)
      this.#at = valueEnd
    }
    sink.tagsEnd(this.#at)
    if (this.#at >= this.#end || bytes[this.#at] !== BLANK) throw this.#expected(this.#at, 'a tag or a blank and a field')
    this.#blanks()
    this.#fields(sink)
    this.#time(sink)
  }

  /** Where the parser stands: between lines, at the beginning of one. */
  get at(): number {
    return this.#at
  }

  /** Goes on at a later beginning of a line, with `lines` whole lines passed over. */
  moveTo(at: number, lines: number): void {
    if (lines === 0) return
    this.#at = at
    this.line += lines
    // What does not end in a line break ends the body.
    this.#lineStart = at
  }

  /** Goes to the beginning of the next line. */
  recover(): void {
    const next = this.#bytes.indexOf(NEWLINE, this.#at)
    if (next < 0) {
      this.#at = this.#end
      return
    }
    this.#at = next
    this.#step()
  }

  /** The place of a byte of the present line for people. */
  where(at: number): string {
    return at < this.#lineStart ? `line ${this.line}` : `line ${this.line}, column ${at - this.#lineStart + 1}`
  }

  #fields(sink: LineSink): void {
    const bytes = this.#bytes
    for (let fields = 0; ; fields++) {
      if (fields >= INFLUX_LIMITS.fields) throw this.#problem(this.#at, `more than ${INFLUX_LIMITS.fields} fields`)
      const keyStart = this.#at
      const keyEnd = this.#name(keyStart, true)
      if (keyEnd === keyStart) throw this.#expected(keyStart, 'a field key')
      if (keyEnd >= this.#end || bytes[keyEnd] !== EQUAL) throw this.#expected(keyEnd, '"=" after the field key')
      this.#at = keyEnd + 1
      this.#value(sink, keyStart, keyEnd)
      if (this.#at >= this.#end || bytes[this.#at] !== COMMA) return
      this.#at++
    }
  }

  #value(sink: LineSink, keyStart: number, keyEnd: number): void {
    const bytes = this.#bytes
    const start = this.#at
    if (start < this.#end && bytes[start] === QUOTE) {
      const close = this.#stringEnd(start)
      if (!isUtf8(bytes, start + 1, close)) throw this.#problem(start, 'the string is not valid UTF-8')
      sink.string(keyStart, keyEnd, start + 1, close)
      this.#at = close + 1
      if (this.#at < this.#end && !isEnd(bytes[this.#at]!)) throw this.#expected(this.#at, 'a comma, a blank or the end of the line')
      return
    }
    let end = start
    while (end < this.#end && !isEnd(bytes[end]!)) end++
    if (end === start) throw this.#expected(start, 'a field value')
    this.#at = end
    const last = bytes[end - 1]!
    const first = bytes[start]!
    const isNumeric = (first >= 0x30 && first <= 0x39) || first === 0x2d || first === 0x2b || first === 0x2e
    if (isNumeric && (last === 0x69 || last === 0x75)) {
      const isUnsigned = last === 0x75
      const problem = integerProblem(bytes, start, end - 1, isUnsigned)
      if (problem !== null) throw this.#problem(start, `${problem}: ${excerpt(bytes, start, end)}`)
      sink.integer(keyStart, keyEnd, start, end - 1, isUnsigned)
    } else if (isNumeric) {
      const value = first === 0x2b ? undefined : parseNumber(bytes, start, end)
      if (value === undefined || !Number.isFinite(value))
        throw this.#problem(start, `no number that fits 64 bits: ${excerpt(bytes, start, end)}`)
      sink.float(keyStart, keyEnd, value)
    } else {
      const value = booleanOf(bytes, start, end)
      if (value === null)
        throw this.#problem(start, `expected a number, a boolean or a string in quotes, found ${excerpt(bytes, start, end)}`)
      sink.boolean(keyStart, keyEnd, value)
    }
  }

  #time(sink: LineSink): void {
    const bytes = this.#bytes
    this.#blanks()
    const start = this.#at
    let end = start
    while (end < this.#end && bytes[end] !== BLANK && bytes[end] !== NEWLINE && bytes[end] !== RETURN) end++
    if (end > start) {
      const problem = integerProblem(bytes, start, end, false)
      if (problem !== null) throw this.#problem(start, `expected a timestamp, found ${excerpt(bytes, start, end)}`)
    }
    this.#at = end
    this.#blanks()
    if (this.#at < this.#end && bytes[this.#at] !== NEWLINE && bytes[this.#at] !== RETURN)
      throw this.#expected(this.#at, 'the end of the line')
    if (bytes[this.#at] === RETURN && this.#at + 1 < this.#end && bytes[this.#at + 1] !== NEWLINE)
      throw this.#expected(this.#at, 'the end of the line')
    sink.end(start, end)
  }

  /** The end of a name: a measurement ends at a comma or blank, keys and tag values also at an equals sign. Tag values take any byte else. */
  #name(start: number, endsAtEqual: boolean, isValue = false): number {
    const bytes = this.#bytes
    let at = start
    let isAscii = true
    for (; at < this.#end; at++) {
      const byte = bytes[at]!
      if (PLAIN[byte] === 1) continue
      if (byte === BACKSLASH) {
        const next = bytes[at + 1]
        if (at + 1 < this.#end && (next === COMMA || next === BLANK || (next === EQUAL && endsAtEqual))) at++
        continue
      }
      if (byte === COMMA || byte === BLANK || (byte === EQUAL && endsAtEqual)) break
      if (PRINTABLE[byte] === 0 && (!isValue || byte === NEWLINE || byte === RETURN)) break
      if (byte >= 0x80) isAscii = false
    }
    if (!isAscii && !isUtf8(bytes, start, at)) throw this.#problem(start, 'the name is not valid UTF-8')
    return at
  }

  #stringEnd(open: number): number {
    const bytes = this.#bytes
    for (let at = open + 1; at < this.#end; at++) {
      const byte = bytes[at]!
      if (byte === QUOTE) {
        // Line breaks inside count as lines.
        for (let i = open; i < at; i++) {
          if (bytes[i] !== NEWLINE) continue
          this.line++
          this.#lineStart = i + 1
        }
        return at
      }
      if (byte === BACKSLASH) at++
    }
    throw this.#problem(open, 'the string has no closing quote')
  }

  #blanks(): void {
    while (this.#at < this.#end && this.#bytes[this.#at] === BLANK) this.#at++
  }

  #step(): void {
    if (this.#bytes[this.#at++] !== NEWLINE) return
    this.line++
    this.#lineStart = this.#at
  }

  #lineEnd(): number {
    const end = this.#bytes.indexOf(NEWLINE, this.#at)
    return end < 0 ? this.#end : end
  }

  #problem(at: number, what: string): LineProblem {
    return new LineProblem(at, what)
  }

  #expected(at: number, what: string): LineProblem {
    const end = this.#lineEnd()
    return new LineProblem(
      at,
      `expected ${what}, found ${at < end ? excerpt(this.#bytes, at, end) : at < this.#end ? 'the end of the line' : 'the end of the body'}`,
    )
  }
}

function isEnd(byte: number): boolean {
  return byte === COMMA || byte === BLANK || byte === NEWLINE || byte === RETURN
}

const INT64_MAX = '9223372036854775807'
const INT64_MIN = '9223372036854775808'
const UINT64_MAX = '18446744073709551615'

function integerProblem(bytes: Uint8Array, start: number, end: number, isUnsigned: boolean): string | null {
  let at = start
  const negative = bytes[at] === 0x2d
  if (negative) {
    if (isUnsigned) return 'an unsigned integer has no sign'
    at++
  }
  if (at === end) return 'no integer'
  for (let i = at; i < end; i++) if (bytes[i]! < 0x30 || bytes[i]! > 0x39) return 'no integer'
  while (at < end - 1 && bytes[at] === 0x30) at++
  const most = isUnsigned ? UINT64_MAX : negative ? INT64_MIN : INT64_MAX
  if (end - at < most.length) return null
  return end - at > most.length || textOf(bytes, at, end) > most ? 'an integer of more than 64 bits' : null
}

function booleanOf(bytes: Uint8Array, start: number, end: number): boolean | null {
  if (end - start > 5) return null
  switch (textOf(bytes, start, end)) {
    case 't':
    case 'T':
    case 'true':
    case 'True':
    case 'TRUE':
      return true
    case 'f':
    case 'F':
    case 'false':
    case 'False':
    case 'FALSE':
      return false
    default:
      return null
  }
}

/** A measurement, key or tag value with its escapes resolved. */
export function unescapedName(bytes: Uint8Array, start: number, end: number, isMeasurement = false): string {
  let at = start
  while (at < end && bytes[at] !== BACKSLASH) at++
  if (at === end) return textOf(bytes, start, end)
  const out = new Uint8Array(end - start)
  let length = 0
  for (let i = start; i < end; i++) {
    const next = bytes[i + 1]
    if (bytes[i] === BACKSLASH && i + 1 < end && (next === COMMA || next === BLANK || (next === EQUAL && !isMeasurement))) i++
    out[length++] = bytes[i]!
  }
  return textOf(out, 0, length)
}

/** The content of a string in quotes with `\"` and `\\` resolved. */
export function unescapedString(bytes: Uint8Array, start: number, end: number): string {
  let at = start
  while (at < end && bytes[at] !== BACKSLASH) at++
  if (at === end) return textOf(bytes, start, end)
  const out = new Uint8Array(end - start)
  let length = 0
  for (let i = start; i < end; i++) {
    const next = bytes[i + 1]
    if (bytes[i] === BACKSLASH && i + 1 < end && (next === QUOTE || next === BACKSLASH)) i++
    out[length++] = bytes[i]!
  }
  return textOf(out, 0, length)
}
