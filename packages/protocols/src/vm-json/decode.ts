/**
 * JSON lines as VictoriaMetrics exports and imports them: one series on each line.
 *
 *     {"metric":{"__name__":"up","job":"node"},"values":[1,0,null],"timestamps":[1549891472010,1549891487724,1549891503438]}
 *
 * `null` and the strings "NaN", "Infinity" and "-Infinity" are values too, since JSON has none for them.
 */
import { BatchWriter } from '../batch-writer.ts'
import { Rejected, tooLarge, type Decoded, type DecodeOptions } from '../decoded.ts'
import { LabelWriter } from '../label-writer.ts'
import { textOf } from '../utf8.ts'
import { VM_JSON_LIMITS } from './limits.ts'

/** Decodes a body. A bad line costs only itself. @throws TsinkError TOO_LARGE */
export function decodeJsonLines(body: Uint8Array, options: DecodeOptions): Decoded {
  if (body.length > VM_JSON_LIMITS.bodyBytes) throw tooLarge('JSON lines body bytes', body.length, VM_JSON_LIMITS.bodyBytes)
  const batch = new BatchWriter(options)
  const rejected = new Rejected()
  let line = 0
  for (let start = 0; start < body.length;) {
    line++
    let end = body.indexOf(0x0a, start)
    if (end < 0) end = body.length
    const text = textOf(body, start, end).trim()
    start = end + 1
    if (text === '') continue
    const problem = decodeLine(text, batch)
    if (problem !== null) rejected.add(`line ${line}`, problem)
  }
  return { batch: batch.build(), rejected }
}

const labels = new LabelWriter()

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
  labels.begin()
  for (const [name, value] of Object.entries(metric)) {
    if (typeof value !== 'string') return `the label ${JSON.stringify(name)} is no string`
    if (!name.isWellFormed() || !value.isWellFormed()) return `the label ${JSON.stringify(name)} is not valid Unicode`
    labels.addText(name, value)
  }
  const problem = labels.finish(true)
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
