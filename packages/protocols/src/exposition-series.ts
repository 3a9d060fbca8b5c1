/**
 * The series part of a sample line, which the text formats share: a name, labels in braces, or everything in braces with quoted names.
 *
 *     http_requests_total{code="200",method="get"}      {"http.requests", "status.code"="200"}
 *
 * `seriesEnd` finds where it ends without looking at the labels, so that its raw bytes can be looked up; `parseSeries` reads it.
 */
import { parseNumber, printBound } from './decimal.ts'
import { LineProblem } from './line-problem.ts'
import { bytesOf, excerpt, textOf } from './utf8.ts'
import type { LabelWriter } from './label-writer.ts'

const QUOTE = 0x22
const BACKSLASH = 0x5c
const OPEN = 0x7b
const CLOSE = 0x7d
const COMMA = 0x2c
const EQUAL = 0x3d
const NEWLINE = 0x0a

/** What a byte may be: 1 a letter or `_`, 2 a digit, 4 a colon. */
const CLASSES = new Uint8Array(256)
for (let byte = 0; byte < 128; byte++) {
  const char = String.fromCharCode(byte)
  CLASSES[byte] = /[a-zA-Z_]/.test(char) ? 1 : /[0-9]/.test(char) ? 2 : char === ':' ? 4 : 0
}

/** Whether labels must stand apart by commas, as OpenMetrics says, or blanks will do, as in the text format. */
export type Commas = 'required' | 'optional'

/** Which label of a family holds a bound that is spelled in one way only. */
export type BoundLabel = '' | 'le' | 'quantile'

/** Where the series that begins at `at` ends in its line: behind the name or the closing brace. */
export function seriesEnd(bytes: Uint8Array, start: number, lineEnd: number): number {
  let at = start
  while (at < lineEnd && CLASSES[bytes[at]!] !== 0) at++
  let brace = at
  while (brace < lineEnd && isBlank(bytes[brace]!)) brace++
  if (brace >= lineEnd || bytes[brace] !== OPEN) return at
  for (at = brace + 1; at < lineEnd; at++) {
    const byte = bytes[at]!
    if (byte === CLOSE) return at + 1
    if (byte !== QUOTE) continue
    for (at++; at < lineEnd && bytes[at] !== QUOTE; at++) if (bytes[at] === BACKSLASH) at++
  }
  return lineEnd
}

/** Reads the series `bytes[start..end)` into `labels` (begun). Throws a {@link LineProblem}. */
export function parseSeries(bytes: Uint8Array, start: number, end: number, labels: LabelWriter, bound: BoundLabel, commas: Commas): void {
  let at = start
  while (at < end && CLASSES[bytes[at]!] !== 0) at++
  if (at > start && CLASSES[bytes[start]!] === 2) throw expected(bytes, start, end, 'a metric name')
  let named = at > start
  if (named) {
    labels.metricName()
    labels.value(bytes, start, at)
  }
  at = skipBlanks(bytes, at, end)
  if (at < end && bytes[at] === OPEN) named = parseLabels(bytes, at + 1, end, labels, named, bound, commas)
  if (!named) throw new LineProblem(start, 'the metric name is missing')
}

/** Where the parser of labels stopped: behind the closing brace. */
let labelsEnd = 0

/** Reads labels from behind the opening brace up to the closing one, which must be the last byte before `end`. */
function parseLabels(
  bytes: Uint8Array,
  start: number,
  end: number,
  labels: LabelWriter,
  wasNamed: boolean,
  bound: BoundLabel,
  commas: Commas,
): boolean {
  let named = wasNamed
  let at = skipBlanks(bytes, start, end)
  for (let first = true; ; first = false) {
    if (at >= end) throw expected(bytes, at, end, first ? 'a label name or "}"' : 'a comma or "}"')
    if (bytes[at] === CLOSE) break
    if (!first) {
      if (bytes[at] === COMMA) at = skipBlanks(bytes, at + 1, end)
      else if (commas === 'required' || bytes[at] === QUOTE) throw expected(bytes, at, end, 'a comma or "}"')
      if (at < end && bytes[at] === CLOSE) break
    }
    const nameStart = at
    let text: Uint8Array | null = null
    if (bytes[at] === QUOTE) {
      const close = stringEnd(bytes, at, end)
      if (close < 0) throw new LineProblem(at, 'a quoted name has no end')
      text = unescaped(bytes, at + 1, close)
      at = close + 1
    } else {
      while (at < end && (CLASSES[bytes[at]!]! & 3) !== 0) at++
      if (at === nameStart || CLASSES[bytes[nameStart]!] === 2) throw expected(bytes, nameStart, end, 'a label name')
    }
    const nameEnd = at
    at = skipBlanks(bytes, at, end)
    if (text !== null && at < end && (bytes[at] === COMMA || bytes[at] === CLOSE)) {
      if (named) throw new LineProblem(nameStart, 'the metric name is given twice')
      labels.metricName()
      labels.value(text, 0, text.length)
      named = true
      continue
    }
    if (at >= end || bytes[at] !== EQUAL) throw expected(bytes, at, end, '"=" after the label name')
    at = skipBlanks(bytes, at + 1, end)
    if (at >= end || bytes[at] !== QUOTE) throw expected(bytes, at, end, 'a label value in double quotes')
    const close = stringEnd(bytes, at, end)
    if (close < 0) throw new LineProblem(at, 'a label value has no closing quote')
    if (text === null) labels.name(bytes, nameStart, nameEnd)
    else labels.name(text, 0, text.length)
    addValue(bytes, at + 1, close, labels, bound !== '' && textOf(bytes, nameStart, nameEnd) === bound)
    at = skipBlanks(bytes, close + 1, end)
  }
  labelsEnd = at + 1
  return named
}

/** Reads the labels of an exemplar; answers where the closing brace ends. */
export function parseLabelSet(bytes: Uint8Array, start: number, end: number, labels: LabelWriter): number {
  if (bytes[start] !== OPEN) throw expected(bytes, start, end, '"{" with the labels of an exemplar')
  if (parseLabels(bytes, start + 1, end, labels, false, '', 'required')) throw new LineProblem(start, 'an exemplar has no metric name')
  return labelsEnd
}

function addValue(bytes: Uint8Array, start: number, end: number, labels: LabelWriter, isBound: boolean): void {
  if (isBound) {
    const value = parseNumber(bytes, start, end)
    if (value !== undefined) {
      const text = bytesOf(printBound(value))
      labels.value(text, 0, text.length)
      return
    }
  }
  for (let at = start; at < end; at++) {
    if (bytes[at] !== BACKSLASH) continue
    const text = unescaped(bytes, start, end)
    labels.value(text, 0, text.length)
    return
  }
  labels.value(bytes, start, end)
}

/** The closing quote of the string that opens at `open`, or -1. */
export function stringEnd(bytes: Uint8Array, open: number, end: number): number {
  for (let at = open + 1; at < end; at++) {
    const byte = bytes[at]!
    if (byte === QUOTE) return at
    if (byte === BACKSLASH) at++
    else if (byte === NEWLINE) return -1
  }
  return -1
}

/** Bytes with `\\`, `\n` and (unless `quotes` is false) `\"` resolved; other backslashes stay, as every reader of the format leaves them. */
export function unescaped(bytes: Uint8Array, start: number, end: number, quotes = true): Uint8Array {
  const raw = bytes.subarray(start, end)
  if (!raw.includes(BACKSLASH)) return raw
  const out = new Uint8Array(end - start)
  let length = 0
  for (let at = start; at < end; at++) {
    const byte = bytes[at]!
    const next = bytes[at + 1]
    if (byte === BACKSLASH && at + 1 < end && ((next === QUOTE && quotes) || next === BACKSLASH || next === 0x6e)) {
      out[length++] = next === 0x6e ? NEWLINE : next
      at++
    } else out[length++] = byte
  }
  return out.subarray(0, length)
}

export function isBlank(byte: number): boolean {
  return byte === 0x20 || byte === 0x09
}

export function skipBlanks(bytes: Uint8Array, start: number, end: number): number {
  let at = start
  while (at < end && isBlank(bytes[at]!)) at++
  return at
}

function expected(bytes: Uint8Array, at: number, end: number, what: string): LineProblem {
  return new LineProblem(at, `expected ${what}, found ${at < end ? excerpt(bytes, at, end) : 'the end of the line'}`)
}
