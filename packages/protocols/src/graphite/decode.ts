/**
 * Graphite's plaintext.
 *
 *     servers.web01.cpu;dc=eu 42.5 1700000000        path, tags, value, seconds since 1970 (left out or -1: now)
 *
 * Dots become underscores, unless a template says what the parts of the path mean. Paths and tags may hold blanks: value and time are read
 * from the line's end.
 */
import { METRIC_NAME } from '@tsink/core'
import { BatchWriter } from '../batch-writer.ts'
import { Rejected, tooLarge, type Decoded, type DecodeOptions } from '../decoded.ts'
import { parseNumber } from '../decimal.ts'
import { LabelWriter } from '../label-writer.ts'
import { LineProblem } from '../line-problem.ts'
import { labelName, metricName } from '../names.ts'
import { KEY_KINDS } from '../series-cache.ts'
import { excerpt, isUtf8, textOf } from '../utf8.ts'
import { graphiteTemplateOf, type GraphiteTemplate } from './content.ts'
import { GRAPHITE_LIMITS } from './limits.ts'

export interface GraphiteOptions extends DecodeOptions {
  /** See `compileGraphiteTemplates`. A cache belongs to one set of templates. */
  readonly templates?: readonly GraphiteTemplate[]
}

/** Decodes a body of lines. A bad line costs only itself. @throws TsinkError TOO_LARGE */
export function decodeGraphite(body: Uint8Array, options: GraphiteOptions): Decoded {
  if (body.length > GRAPHITE_LIMITS.bodyBytes) throw tooLarge('Graphite body bytes', body.length, GRAPHITE_LIMITS.bodyBytes)
  const batch = new BatchWriter(options)
  const rejected = new Rejected()
  let line = 0
  for (let start = 0; start < body.length;) {
    line++
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
  return { batch: batch.build(), rejected }
}

const labels = new LabelWriter()

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
    batch.float(slotOf(body, from, beforeLast, batch, options), options.now, only)
    return
  }
  const seconds = parseNumber(body, last, end)
  if (seconds === undefined || !Number.isFinite(seconds))
    throw new LineProblem(last, `expected a time in seconds, found ${excerpt(body, last, end)}`)
  const time = seconds === -1 ? options.now : Math.round(seconds * 1e3)
  batch.float(slotOf(body, from, blankStart(body, from, middle), batch, options), time, value)
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

function slotOf(body: Uint8Array, start: number, end: number, batch: BatchWriter, options: GraphiteOptions): number {
  const known = batch.known(body, start, end, KEY_KINDS.graphite)
  if (known >= 0) return known
  if (!isUtf8(body, start, end)) throw new LineProblem(start, 'the path is not valid UTF-8')
  const [path, ...tags] = textOf(body, start, end).split(';') as [string, ...string[]]
  if (path === '') throw new LineProblem(start, 'the path is empty')
  const pairs = new Map<string, string>()
  const parts = path.split('.').filter((part) => part !== '')
  const template = graphiteTemplateOf(parts, options.templates ?? [])
  const name = template === null ? path : applyTemplate(template, parts, pairs)
  for (const tag of tags) {
    // Tags without a value say nothing.
    const at = tag.indexOf('=')
    if (at > 0 && at < tag.length - 1) pairs.set(labelName(tag.slice(0, at)), tag.slice(at + 1))
  }
  pairs.set(METRIC_NAME, metricName(name))
  labels.begin()
  for (const [label, value] of pairs) labels.addText(label, value)
  const problem = labels.finish(true)
  if (problem !== null) throw new LineProblem(start, problem)
  return batch.remember(body, start, end, KEY_KINDS.graphite, labels)
}

function applyTemplate(template: GraphiteTemplate, path: readonly string[], pairs: Map<string, string>): string {
  for (const [label, value] of template.labels) pairs.set(label, value)
  const name: string[] = []
  for (let i = 0; i < path.length; i++) {
    const part = template.parts[i]
    if (part === undefined) break
    if (part === 'measurement*') {
      name.push(...path.slice(i))
      break
    }
    if (part === 'measurement') name.push(path[i]!)
    else if (part !== '') pairs.set(part, pairs.has(part) ? `${pairs.get(part)}.${path[i]}` : path[i]!)
  }
  return name.length === 0 ? path.join('.') : name.join('_')
}
