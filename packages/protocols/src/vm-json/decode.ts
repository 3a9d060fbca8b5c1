/**
 * JSON lines as VictoriaMetrics exports and imports them: one series on each line.
 *
 *     {"metric":{"__name__":"up","job":"node"},"values":[1,0,null],"timestamps":[1549891472010,1549891487724,1549891503438]}
 *
 * `null` and the strings "NaN", "Infinity" and "-Infinity" are values too, since JSON has none for them.
 *
 * The kernel takes plain lines. Of a new series whose labels are not plain the object is parsed here: then the kernel knows it, and takes its lines.
 */
import type { SeriesWalk } from '@tsink/kernel'
import { BatchWriter } from '../batch-writer.ts'
import { Rejected, tooLarge, type Decoded, type DecodeOptions } from '../decoded.ts'
import { LabelWriter } from '../label-writer.ts'
import { KEY_KINDS } from '../series-cache.ts'
import { bytesOf, textOf } from '../utf8.ts'
import { VM_JSON_LIMITS } from './limits.ts'

/** Decodes a body. A bad line costs only itself. @throws TsinkError TOO_LARGE */
export function decodeJsonLines(body: Uint8Array, options: DecodeOptions): Decoded {
  if (body.length > VM_JSON_LIMITS.bodyBytes) throw tooLarge('JSON lines body bytes', body.length, VM_JSON_LIMITS.bodyBytes)
  const batch = new BatchWriter(options, 16, 1_024, body)
  const rejected = new Rejected()
  let line = 0
  for (let start = 0; start < body.length;) {
    start = batch.pass(start, takeLines)
    line += batch.passed
    if (start >= body.length) break
    if (batch.isWalked && learnSeries(body, start, batch)) {
      start = batch.pass(start, takeLines)
      line += batch.passed
      if (batch.passed > 0) continue
    }
    line++
    let end = body.indexOf(0x0a, start)
    if (end < 0) end = body.length
    const text = textOf(body, start, end).trim()
    start = end + 1
    if (text === '') continue
    const problem = decodeLine(text, batch)
    if (problem !== null) rejected.add(`line ${line}`, problem)
  }
  return batch.decoded(rejected)
}

const takeLines = (walk: SeriesWalk, start: number): number => walk.jsonLines(start)
const labels = new LabelWriter()
const METRIC = bytesOf('{"metric":{')
const CLOSE = 0x7d
const QUOTE = 0x22
const BACKSLASH = 0x5c
const NEWLINE = 0x0a

/** Makes the series of the line at `start` known, as far as it is new and its object begins the line; whether it did. */
function learnSeries(body: Uint8Array, start: number, batch: BatchWriter): boolean {
  for (let i = 0; i < METRIC.length; i++) if (body[start + i] !== METRIC[i]) return false
  const from = start + METRIC.length - 1
  const end = objectEnd(body, from)
  if (end < 0 || batch.known(body, from, end, KEY_KINDS.jsonLine) >= 0) return false
  try {
    if (writeLabels(JSON.parse(textOf(body, from, end)) as Record<string, unknown>) !== null) return false
  } catch {
    // What is wrong is found when the line is read as a whole.
    return false
  }
  batch.remember(body, from, end, KEY_KINDS.jsonLine, labels)
  return true
}

/** Where the object of strings that begins at `start` ends, or -1. */
function objectEnd(body: Uint8Array, start: number): number {
  for (let at = start + 1; at < body.length; at++) {
    const byte = body[at]!
    if (byte === CLOSE) return at + 1
    if (byte === NEWLINE) return -1
    if (byte !== QUOTE) continue
    for (at++; at < body.length && body[at] !== QUOTE; at++) if (body[at] === BACKSLASH) at++
  }
  return -1
}

/** Reads labels into the label writer; answers what is wrong with them, or null. */
function writeLabels(metric: Readonly<Record<string, unknown>>): string | null {
  labels.begin()
  for (const name of Object.keys(metric)) {
    const value = metric[name]
    if (typeof value !== 'string') return `the label ${JSON.stringify(name)} is no string`
    if (!name.isWellFormed() || !value.isWellFormed()) return `the label ${JSON.stringify(name)} is not valid Unicode`
    labels.addText(name, value)
  }
  return labels.finish(true)
}

function decodeLine(text: string, batch: BatchWriter): string | null {
  let root: unknown
  try {
    root = JSON.parse(text)
  } catch (error) {
    return `is no JSON: ${(error as Error).message.slice(0, 100)}`
  }
  if (typeof root !== 'object' || root === null) return 'expected an object with metric, values and timestamps'
  const { metric, values, timestamps } = root as Record<string, unknown>
  if (typeof metric !== 'object' || metric === null || Array.isArray(metric)) return 'expected "metric" as an object'
  if (!Array.isArray(values) || !Array.isArray(timestamps)) return 'expected "values" and "timestamps" as lists'
  if (values.length !== timestamps.length) return `${values.length} values for ${timestamps.length} timestamps`
  const problem = writeLabels(metric as Record<string, unknown>)
  if (problem !== null) return problem
  const numbers = values.map(numberOf)
  for (let i = 0; i < numbers.length; i++) {
    if (numbers[i] === undefined) return `value ${i} is no number: ${JSON.stringify(values[i]).slice(0, 40)}`
    if (!Number.isSafeInteger(timestamps[i]))
      return `timestamp ${i} is no whole number of milliseconds: ${JSON.stringify(timestamps[i]).slice(0, 40)}`
  }
  const slot = batch.add(labels)
  for (let i = 0; i < numbers.length; i++) batch.float(slot, timestamps[i] as number, numbers[i]!)
  return null
}

function numberOf(value: unknown): number | undefined {
  if (typeof value === 'number') return value
  switch (value) {
    case null:
    case 'NaN':
      return NaN
    case 'Infinity':
    case '+Infinity':
      return Infinity
    case '-Infinity':
      return -Infinity
    default:
      return undefined
  }
}
