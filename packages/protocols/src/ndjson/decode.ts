/**
 * Lines of JSON, one sample each, as {@link encodeSampleLines} writes them. A value is a number, true, false or a string, or an object that says its
 * kind where JSON has none for it: `{"i64":"-5"}`, `{"u64":"5"}`, `{"bytes":"AAE="}`, `{"f64":"NaN"}`, `{"histogram":{...}}`.
 */
import { COUNTER_RESET_HINTS, histogram, histogramProblem, STALE, type CounterResetHint, type Histogram, type Span } from '@tsink/core'
import { fromBase64 } from '../base64.ts'
import { BatchWriter } from '../batch-writer.ts'
import { Rejected, tooLarge, type Decoded, type DecodeOptions } from '../decoded.ts'
import { LabelWriter } from '../label-writer.ts'
import { textOf } from '../utf8.ts'
import { NDJSON_LIMITS } from './limits.ts'

/** Decodes a body. A bad line costs only itself. @throws TsinkError TOO_LARGE */
export function decodeSampleLines(body: Uint8Array, options: DecodeOptions): Decoded {
  if (body.length > NDJSON_LIMITS.bodyBytes) throw tooLarge('NDJSON body bytes', body.length, NDJSON_LIMITS.bodyBytes)
  const lines = new SampleLines(new BatchWriter(options), options.now)
  const rejected = new Rejected()
  let line = 0
  for (let start = 0; start < body.length;) {
    line++
    let end = body.indexOf(0x0a, start)
    if (end < 0) end = body.length
    const text = textOf(body, start, end).trim()
    start = end + 1
    if (text === '') continue
    const problem = lines.add(text)
    if (problem !== null) rejected.add(`line ${line}`, problem)
  }
  return { batch: lines.batch.build(), rejected }
}

class SampleLines {
  readonly batch: BatchWriter
  readonly #now: number
  readonly #labels = new LabelWriter()
  /** Lines of one series come together: the metric's text of the line before, and its slot. */
  #metric = ''
  #slot = -1

  constructor(batch: BatchWriter, now: number) {
    this.batch = batch
    this.#now = now
  }

  /** What is wrong with a line, or null when its sample is in the batch. */
  add(text: string): string | null {
    let root: unknown
    try {
      root = JSON.parse(text)
    } catch (error) {
      return `is no JSON: ${(error as Error).message.slice(0, 100)}`
    }
    if (!isRecord(root)) return 'expected an object with metric, timestamp and value'
    const { metric, value } = root
    if (!isRecord(metric)) return 'expected "metric" as an object'
    const timestamp = root.timestamp ?? this.#now
    const start = root.start ?? 0
    if (!Number.isSafeInteger(timestamp)) return `"timestamp" is no whole number of milliseconds: ${shown(timestamp)}`
    if (!Number.isSafeInteger(start)) return `"start" is no whole number of milliseconds: ${shown(start)}`
    const problem = this.#find(metric)
    return problem ?? this.#value(timestamp as number, value, start as number)
  }

  #find(metric: Record<string, unknown>): string | null {
    const text = JSON.stringify(metric)
    if (text === this.#metric && this.#slot >= 0) return null
    this.#labels.begin()
    for (const [name, value] of Object.entries(metric)) {
      if (typeof value !== 'string') return `the label ${JSON.stringify(name)} is no string`
      if (!name.isWellFormed() || !value.isWellFormed()) return `the label ${JSON.stringify(name)} is not valid Unicode`
      this.#labels.addText(name, value)
    }
    const problem = this.#labels.finish(true)
    if (problem !== null) return problem
    this.#slot = this.batch.add(this.#labels)
    this.#metric = text
    return null
  }

  #value(ms: number, value: unknown, start: number): string | null {
    const [batch, slot] = [this.batch, this.#slot]
    if (typeof value === 'number') batch.float(slot, ms, value, start)
    else if (typeof value === 'boolean') batch.other('bool', slot, ms, value ? 1 : 0, start)
    else if (typeof value === 'string') {
      if (!value.isWellFormed()) return 'the value is not valid Unicode'
      batch.other('string', slot, ms, value, start)
    } else {
      const [kind, inner] = isRecord(value) ? (Object.entries(value)[0] ?? ['', null]) : ['', null]
      return this.#typed(kind, inner, ms, start) ? null : `the value is none: ${shown(value)}`
    }
    return null
  }

  /** Takes a value that says its kind; false when it is none. */
  #typed(kind: string, value: unknown, ms: number, start: number): boolean {
    const [batch, slot] = [this.batch, this.#slot]
    switch (kind) {
      case 'f64': {
        if (value === 'stale') batch.stale(slot, ms, start)
        else {
          const number = numberOf(value)
          if (number === undefined) return false
          batch.float(slot, ms, number, start)
        }
        return true
      }
      case 'i64':
      case 'u64': {
        const integer = typeof value === 'string' && /^-?\d{1,20}$/.test(value) ? BigInt(value) : null
        if (integer === null || integer !== (kind === 'i64' ? BigInt.asIntN(64, integer) : BigInt.asUintN(64, integer))) return false
        batch.other(kind, slot, ms, integer, start)
        return true
      }
      case 'bytes': {
        const bytes = typeof value === 'string' ? fromBase64(value) : null
        if (bytes === null) return false
        batch.other('bytes', slot, ms, bytes, start)
        return true
      }
      case 'histogram': {
        const whole = value === 'stale' ? histogram({ sum: STALE[0]! }) : histogramOf(value)
        if (whole === null) return false
        batch.histogram(slot, ms, whole, start)
        return true
      }
      default:
        return false
    }
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function shown(value: unknown): string {
  return (JSON.stringify(value) ?? 'nothing').slice(0, 40)
}

function numberOf(value: unknown): number | undefined {
  if (typeof value === 'number') return value
  switch (value) {
    case 'NaN':
      return NaN
    case '+Inf':
      return Infinity
    case '-Inf':
      return -Infinity
    default:
      return undefined
  }
}

function histogramOf(value: unknown): Histogram | null {
  if (!isRecord(value)) return null
  const numbers = (all: unknown): Float64Array | null => {
    if (!Array.isArray(all) || all.length > NDJSON_LIMITS.histogramBuckets) return null
    const list = all.map(numberOf)
    return list.includes(undefined) ? null : Float64Array.from(list as number[])
  }
  const spans = (all: unknown): Span[] | null => {
    if (!Array.isArray(all) || all.length > NDJSON_LIMITS.histogramBuckets) return null
    const isSpan = (span: unknown): span is [number, number] => Array.isArray(span) && span.length === 2 && span.every(isInt32)
    return all.every(isSpan) ? all.map(([offset, length]) => ({ offset, length })) : null
  }
  const { schema, hint, isInteger } = value
  const [count, sum, zeroThreshold, zeroCount] = [value.count, value.sum, value.zeroThreshold, value.zeroCount].map(numberOf)
  const [positiveBuckets, negativeBuckets, customValues] = [value.positiveBuckets, value.negativeBuckets, value.customValues].map(numbers)
  const [positiveSpans, negativeSpans] = [value.positiveSpans, value.negativeSpans].map(spans)
  if (!isInt32(schema) || !COUNTER_RESET_HINTS.includes(hint as CounterResetHint) || typeof isInteger !== 'boolean') return null
  if (count === undefined || sum === undefined || zeroThreshold === undefined || zeroCount === undefined) return null
  if (!positiveBuckets || !negativeBuckets || !customValues || !positiveSpans || !negativeSpans) return null
  const whole: Histogram = {
    schema,
    count,
    sum,
    zeroThreshold,
    zeroCount,
    positiveSpans,
    positiveBuckets,
    negativeSpans,
    negativeBuckets,
    customValues,
    hint: hint as CounterResetHint,
    isInteger,
  }
  return histogramProblem(whole) === null ? whole : null
}

function isInt32(value: unknown): value is number {
  return typeof value === 'number' && (value | 0) === value
}
