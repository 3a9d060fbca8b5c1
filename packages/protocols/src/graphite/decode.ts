/**
 * Graphite's plaintext.
 *
 *     servers.web01.cpu;dc=eu 42.5 1700000000        path, tags, value, seconds since 1970 (left out or -1: now)
 *
 * Dots become underscores, unless a template says what the parts of the path mean. Paths and tags may hold blanks: value and time are read
 * from the line's end.
 */
import type { SeriesWalk } from '@tsink/kernel'
import { BatchWriter } from '../batch-writer.ts'
import { Rejected, tooLarge, type Decoded, type DecodeOptions } from '../decoded.ts'
import { parseNumber } from '../decimal.ts'
import { LineProblem } from '../line-problem.ts'
import { excerpt } from '../utf8.ts'
import type { GraphiteTemplate } from './content.ts'
import { GRAPHITE_LIMITS } from './limits.ts'
import { graphiteSlot } from './series.ts'

export interface GraphiteOptions extends DecodeOptions {
  /** See `compileGraphiteTemplates`. A cache belongs to one set of templates. */
  readonly templates?: readonly GraphiteTemplate[]
}

/** Decodes a body of lines. A bad line costs only itself. @throws TsinkError TOO_LARGE */
export function decodeGraphite(body: Uint8Array, options: GraphiteOptions): Decoded {
  if (body.length > GRAPHITE_LIMITS.bodyBytes) throw tooLarge('Graphite body bytes', body.length, GRAPHITE_LIMITS.bodyBytes)
  const batch = new BatchWriter(options, 16, 1_024, body)
  const take = (walk: SeriesWalk, start: number): number => walk.graphite(start, options.now)
  const rejected = new Rejected()
  let line = 0
  for (let start = 0; start < body.length;) {
    // The kernel takes lines of known series; the one where it stops is read here.
    start = batch.pass(start, take)
    line += batch.passed + 1
    if (start >= body.length) break
    let end = body.indexOf(0x0a, start)
    if (end < 0) end = body.length
    try {
      if (end - start > GRAPHITE_LIMITS.lineBytes) throw new LineProblem(start, `longer than ${GRAPHITE_LIMITS.lineBytes} bytes`)
      decodeLine(body, start, end, batch, options)
    } catch (problem) {
      if (!(problem instanceof LineProblem)) throw problem
      rejected.add(`line ${line}, column ${problem.at - start + 1}`, problem.message)
    }
    start = end + 1
  }
  return batch.decoded(rejected)
}

function isBlank(byte: number): boolean {
  return byte === 0x20 || byte === 0x09 || byte === 0x0d
}

function decodeLine(body: Uint8Array, start: number, lineEnd: number, batch: BatchWriter, options: GraphiteOptions): void {
  let from = start
  let end = lineEnd
  while (end > from && isBlank(body[end - 1]!)) end--
  while (from < end && isBlank(body[from]!)) from++
  if (from === end) return
  const last = wordStart(body, from, end)
  if (last === from) throw new LineProblem(from, `expected path, value and time, found ${excerpt(body, from, end)}`)
  const beforeLast = blankStart(body, from, last)
  const middle = wordStart(body, from, beforeLast)
  // Three parts when the middle one is a number and something stands before it.
  const value = middle > from ? parseNumber(body, middle, beforeLast) : undefined
  if (value === undefined) {
    const only = parseNumber(body, last, end)
    if (only === undefined) throw new LineProblem(last, `expected a value, found ${excerpt(body, last, end)}`)
    batch.float(graphiteSlot(body, from, beforeLast, batch, options.templates ?? []), options.now, only)
    return
  }
  const seconds = parseNumber(body, last, end)
  if (seconds === undefined || !Number.isFinite(seconds))
    throw new LineProblem(last, `expected a time in seconds, found ${excerpt(body, last, end)}`)
  const time = seconds === -1 ? options.now : Math.round(seconds * 1e3)
  batch.float(graphiteSlot(body, from, blankStart(body, from, middle), batch, options.templates ?? []), time, value)
}

/** Where the word that ends at `end` begins. */
function wordStart(body: Uint8Array, from: number, end: number): number {
  let at = end
  while (at > from && !isBlank(body[at - 1]!)) at--
  return at
}

/** Where the blanks that end at `end` begin. */
function blankStart(body: Uint8Array, from: number, end: number): number {
  let at = end
  while (at > from && isBlank(body[at - 1]!)) at--
  return at
}
