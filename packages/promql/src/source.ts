/**
 * A query text with byte positions. PromQL counts bytes of UTF-8, JavaScript counts UTF-16 units: for ASCII, which nearly every query is,
 * the two are the same and nothing is computed. A lone surrogate from U+DC80 to U+DCFF is one raw byte (see `ast.ts`).
 */
import { TsinkError } from '@tsink/core'
import type { Position } from './ast.ts'

/** A place in a text: both count from 1; columns count bytes. */
export interface LineColumn {
  readonly line: number
  readonly column: number
}

/** One complaint about a query. `message` is only the text; {@link describeProblem} adds the place. */
export interface Problem extends Position {
  readonly message: string
}

export class Source {
  readonly text: string
  readonly byteLength: number
  /** The byte at which each UTF-16 unit starts, or null when they are the same. */
  private readonly bytes: Uint32Array | null

  constructor(text: string) {
    this.text = text
    // eslint-disable-next-line no-control-regex
    if (/^[\u0000-\u007f]*$/.test(text)) {
      this.bytes = null
      this.byteLength = text.length
      return
    }
    const bytes = new Uint32Array(text.length + 1)
    let at = 0
    for (let i = 0; i < text.length;) {
      const code = text.codePointAt(i)!
      const units = code > 0xffff ? 2 : 1
      bytes.fill(at, i, i + units)
      at += isRawByte(code) ? 1 : code < 0x80 ? 1 : code < 0x800 ? 2 : code > 0xffff ? 4 : 3
      i += units
    }
    bytes[text.length] = at
    this.bytes = bytes
    this.byteLength = at
  }

  /** The byte offset of a UTF-16 index. */
  byteAt(index: number): number {
    return this.bytes === null ? index : this.bytes[index]!
  }

  /** The UTF-16 index of the character that holds a byte. */
  indexAt(byte: number): number {
    if (this.bytes === null) return byte
    let low = 0
    let high = this.text.length
    while (low < high) {
      const middle = (low + high + 1) >>> 1
      if (this.bytes[middle]! <= byte) low = middle
      else high = middle - 1
    }
    return low
  }

  isSpaceAt(byte: number): boolean {
    const char = this.text[this.indexAt(byte)]
    return char === ' ' || char === '\t' || char === '\n' || char === '\r'
  }
}

/** The line and column of a byte offset in a query text. */
export function lineColumn(text: string, byte: number): LineColumn {
  const source = new Source(text)
  const index = source.indexAt(byte)
  let line = 1
  let lineStart = 0
  for (let at = text.indexOf('\n'); at >= 0 && at < index; at = text.indexOf('\n', at + 1)) {
    line++
    lineStart = at + 1
  }
  return { line, column: byte - source.byteAt(lineStart) + 1 }
}

/** The problem as PromQL prints it: `1:5: parse error: unexpected end of input`. */
export function describeProblem(text: string, problem: Problem): string {
  if (text === '') return `unknown position: parse error: ${problem.message}`
  const { line, column } = lineColumn(text, problem.start)
  return `${line}:${column}: parse error: ${problem.message}`
}

/** The error for a query that does not parse. The message is that of the first problem. */
export function badQuery(text: string, problem: Problem): TsinkError {
  const { line, column } = lineColumn(text, problem.start)
  return new TsinkError('BAD_QUERY', describeProblem(text, problem), {
    detail: { line, column, start: problem.start, end: problem.end, problem: problem.message },
  })
}

/** Whether a code point stands for one byte that is not valid UTF-8. */
export function isRawByte(code: number): boolean {
  return code >= 0xdc80 && code <= 0xdcff
}
