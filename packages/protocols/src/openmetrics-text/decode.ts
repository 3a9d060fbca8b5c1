/**
 * OpenMetrics text, as Prometheus reads it: one blank between parts, times in seconds, exemplars behind values, `# EOF` at the end.
 *
 *     # TYPE requests counter
 *     # UNIT requests_seconds seconds
 *     requests_total{code="200"} 17.0 1520879607.789 # {trace_id="x"} 0.5 1520879607.1
 *     requests_created{code="200"} 1520872607.123
 *     # EOF
 *
 * The `_created` lines of counters, summaries and histograms are no series here: they become the start timestamps of the family's samples
 * with the same labels. A body without its end is refused whole, since what is missing is unknown.
 */
import { decodeLabels, type MetricType } from '@tsink/core'
import type { SeriesWalk } from '@tsink/kernel'
import { BatchWriter } from '../batch-writer.ts'
import { convertClassicHistograms } from '../classic-histograms.ts'
import { badBody, finished, Rejected, SLICE_LINES, tooLarge, type Decoded } from '../decoded.ts'
import { parseNumber } from '../decimal.ts'
import { parseSeries, seriesEnd, stringEnd, unescaped } from '../exposition-series.ts'
import { LabelWriter } from '../label-writer.ts'
import { LineProblem } from '../line-problem.ts'
import { boundLabel, cacheable, finishWith, parseExemplar, type TextOptions } from '../prometheus-text/decode.ts'
import { KEY_KINDS } from '../series-cache.ts'
import { TypeAndUnit } from '../type-and-unit.ts'
import { bytesOf, excerpt, isUtf8, textOf } from '../utf8.ts'
import { OPENMETRICS_LIMITS } from './limits.ts'
import { SpecificationRules } from './rules.ts'

export interface OpenMetricsOptions extends TextOptions {
  /** Whether `_created` lines give start timestamps (the default) or are series like others. */
  readonly createdAsStart?: boolean
  /**
   * Whether everything that the specification rules out is refused: clashing families, counters below zero, buckets out of order and so on.
   * By default only what cannot be read is, as in Prometheus, since exporters in the field are lax.
   */
  readonly strict?: boolean
}

/**
 * Decodes a body. A bad line costs the body unless `badLine` says 'line'.
 * @throws TsinkError BAD_REQUEST, TOO_LARGE
 */
export function decodeOpenMetricsText(body: Uint8Array, options: OpenMetricsOptions): Decoded {
  return finished(openMetricsTextInSlices(body, options))
}

/** As {@link decodeOpenMetricsText}, giving way every now and then. */
export function* openMetricsTextInSlices(body: Uint8Array, options: OpenMetricsOptions): Generator<void, Decoded, undefined> {
  if (body.length > OPENMETRICS_LIMITS.bodyBytes) throw tooLarge('OpenMetrics body bytes', body.length, OPENMETRICS_LIMITS.bodyBytes)
  const rejected = new Rejected()
  const parser = new Parser(body, options, rejected)
  let line = 0
  let ended = false
  // Lines that are read here.
  let read = 0
  for (let start = 0; start < body.length && !ended;) {
    // The kernel takes lines of known series; the one where it stops is read here.
    start = parser.batch.pass(start, parser.take)
    line += parser.batch.passed + 1
    if (start >= body.length) {
      line--
      break
    }
    let end = body.indexOf(0x0a, start)
    if (end < 0) end = body.length
    try {
      if (end - start > OPENMETRICS_LIMITS.lineBytes) throw new LineProblem(start, `longer than ${OPENMETRICS_LIMITS.lineBytes} bytes`)
      ended = parser.line(start, end)
    } catch (problem) {
      if (!(problem instanceof LineProblem)) throw problem
      const where = `line ${line}, column ${problem.at - start + 1}`
      if (options.badLine !== 'line') throw badBody('OpenMetrics', where, problem.message, { line })
      rejected.add(where, problem.message, body[start] === HASH ? 0 : 1)
    }
    start = end + 1
    if (ended && start < body.length) throw badBody('OpenMetrics', `line ${line + 1}`, 'found data after # EOF', { line: line + 1 })
    if (++read % SLICE_LINES === 0 && !parser.batch.isWalked) yield
  }
  if (!ended) throw badBody('OpenMetrics', `line ${line + 1}`, 'the data does not end with # EOF', { line: line + 1 })
  return parser.finish()
}

const HASH = 0x23
const SPACE = 0x20
const QUOTE = 0x22
const TYPES = new Set<string>(['counter', 'gauge', 'histogram', 'gaugehistogram', 'summary', 'info', 'stateset', 'unknown'])
const WITH_START = new Set<MetricType>(['counter', 'histogram', 'summary', 'gaugehistogram'])
const labelWriter = new LabelWriter()

class Parser {
  readonly batch: BatchWriter
  readonly #body: Uint8Array
  readonly #options: OpenMetricsOptions
  readonly #rules: SpecificationRules | null
  readonly #rejected: Rejected
  readonly #labels: TypeAndUnit | null
  #family = ''
  #type: MetricType = 'unknown'
  // The family's samples so far, and when each label set of it began.
  #familyStart = 0
  #starts: Map<string, number> | null = null
  readonly take = (walk: SeriesWalk, start: number): number => {
    const { now, honorTimestamps, createdAsStart } = this.#options
    return walk.openMetrics(start, this.#kind, now, honorTimestamps !== false, createdAsStart !== false && WITH_START.has(this.#type))
  }

  constructor(body: Uint8Array, options: OpenMetricsOptions, rejected: Rejected) {
    this.#body = body
    this.#rejected = rejected
    this.#options = options
    this.#labels = options.typeAndUnitLabels === true ? new TypeAndUnit() : null
    this.#rules = options.strict === true ? new SpecificationRules() : null
    this.batch = new BatchWriter(
      cacheable(options),
      Math.min(16_384, body.length >>> 6) + 1,
      body.length,
      this.#rules === null ? body : null,
    )
  }

  /** Reads a line; true when it was the end. */
  line(start: number, end: number): boolean {
    const body = this.#body
    if (body[start] !== HASH) {
      this.#sample(start, end)
      return false
    }
    const text = textOf(body, start, Math.min(end, start + 7))
    if (text === '# EOF' && end - start === 5) {
      this.#rules?.end(start)
      return true
    }
    for (const word of ['HELP', 'TYPE', 'UNIT'] as const) {
      if (text !== `# ${word} `) continue
      this.#metadata(word, start + 7, end)
      return false
    }
    throw new LineProblem(start, `expected a sample, # HELP, # TYPE, # UNIT or # EOF, found ${excerpt(body, start, end)}`)
  }

  finish(): Decoded {
    this.#endFamily()
    return this.batch.decoded(this.#rejected)
  }

  #metadata(word: 'HELP' | 'TYPE' | 'UNIT', start: number, end: number): void {
    const body = this.#body
    let at = start
    let name: Uint8Array
    if (body[at] === QUOTE) {
      const close = stringEnd(body, at, end)
      if (close < 0) throw new LineProblem(at, 'a quoted name has no end')
      name = unescaped(body, at + 1, close)
      at = close + 1
    } else {
      at = seriesEnd(body, at, end)
      name = body.subarray(start, at)
    }
    if (name.length === 0 || (body[start] !== QUOTE && name[0]! >= 0x30 && name[0]! <= 0x39)) {
      throw new LineProblem(
        start,
        `expected a metric name after ${word}, found ${start < end ? excerpt(body, start, end) : 'the end of the line'}`,
      )
    }
    if (!isUtf8(body, start, end)) throw new LineProblem(start, 'the line is not valid UTF-8')
    if (at >= end || body[at] !== SPACE) throw new LineProblem(at, `expected a blank and text after the name of ${word}`)
    const metric = textOf(name)
    const text = textOf(body, at + 1, end)
    if (metric !== this.#family) this.#begin(metric)
    this.#rules?.metadata(word, metric, text, start)
    if (word === 'TYPE') {
      if (!TYPES.has(text)) throw new LineProblem(at + 1, `${JSON.stringify(text.slice(0, 40))} is no metric type`)
      this.#type = text as MetricType
      this.#labels?.onType(metric, this.#type)
      this.batch.metadata(metric, { type: this.#type })
    } else if (word === 'UNIT') {
      if (text !== '' && !metric.endsWith(`_${text}`))
        throw new LineProblem(at + 1, `the unit ${JSON.stringify(text)} is not a suffix of ${metric}`)
      this.#labels?.onUnit(metric, text)
      this.batch.metadata(metric, { unit: text })
    } else this.batch.metadata(metric, { help: textOf(unescaped(body, at + 1, end)) })
  }

  /** What the series of the family are in the cache. */
  get #kind(): number {
    if (this.#type === 'histogram' || this.#type === 'gaugehistogram') return KEY_KINDS.textHistogram
    return this.#type === 'summary' ? KEY_KINDS.textSummary : KEY_KINDS.text
  }

  #begin(metric: string): void {
    this.#endFamily()
    this.#family = metric
    const name = bytesOf(metric)
    // Names are compared by characters and within the series here, by bytes of the line in the kernel.
    this.batch.setContext(name.length === metric.length && !metric.includes(' ') ? name : null)
    this.#type = 'unknown'
    this.#familyStart = this.batch.floatCount
  }

  #sample(start: number, lineEnd: number): void {
    const body = this.#body
    const end = seriesEnd(body, start, lineEnd)
    if (end === start)
      throw new LineProblem(start, `expected a metric name, found ${start < lineEnd ? excerpt(body, start, lineEnd) : 'an empty line'}`)
    const inFamily = this.#isInFamily(start, end)
    if (!inFamily && this.#family !== '') this.#begin('')
    const kind = inFamily ? this.#kind : KEY_KINDS.text
    if (body[end] !== SPACE)
      throw new LineProblem(
        end,
        `expected a blank and a value, found ${end < lineEnd ? excerpt(body, end, lineEnd) : 'the end of the line'}`,
      )
    const valueEnd = wordEnd(body, end + 1, lineEnd)
    const value = parseNumber(body, end + 1, valueEnd)
    if (value === undefined)
      throw new LineProblem(
        end + 1,
        `expected a value, found ${end + 1 < lineEnd ? excerpt(body, end + 1, lineEnd) : 'the end of the line'}`,
      )
    let at = valueEnd
    let timestamp: number | null = null
    if (at < lineEnd && body[at + 1] !== HASH) {
      const timeEnd = wordEnd(body, at + 1, lineEnd)
      const seconds = parseNumber(body, at + 1, timeEnd)
      if (seconds === undefined || !Number.isFinite(seconds)) {
        throw new LineProblem(
          at + 1,
          `expected a timestamp in seconds, found ${at + 1 < lineEnd ? excerpt(body, at + 1, lineEnd) : 'the end of the line'}`,
        )
      }
      timestamp = seconds
      at = timeEnd
    }
    let exemplar: ReturnType<typeof parseExemplar> | null = null
    if (at < lineEnd) {
      if (body[at + 1] !== HASH || body[at + 2] !== SPACE || body[lineEnd - 1] === SPACE || hasDoubleBlank(body, at, lineEnd)) {
        throw new LineProblem(at, `expected " # {" with an exemplar or the end of the line, found ${excerpt(body, at, lineEnd)}`)
      }
      exemplar = parseExemplar(body, at + 1, lineEnd, 'openmetrics')
    }
    if (this.#rules !== null) {
      this.#parse(start, end, KEY_KINDS.text)
      const labels = decodeLabels(labelWriter.bytes, 0, labelWriter.length)
      this.#rules.sample(labels, value, timestamp, exemplar?.labels ?? null, start)
    }
    if (inFamily && this.#options.createdAsStart !== false && this.#isCreated(start, end)) {
      this.#parse(start, end, kind)
      this.#starts ??= new Map()
      this.#starts.set(this.#groupKey(labelWriter.bytes, labelWriter.length), Math.trunc(value * 1e3))
      return
    }
    let slot = this.batch.known(body, start, end, kind)
    if (slot < 0) {
      this.#parse(start, end, kind)
      slot = this.batch.remember(body, start, end, kind, labelWriter)
    }
    const ms = timestamp === null || this.#options.honorTimestamps === false ? this.#options.now : Math.trunc(timestamp * 1e3)
    this.batch.float(slot, ms, value)
    if (exemplar !== null) this.batch.exemplar(slot, exemplar.labels, exemplar.timestamp ?? ms, exemplar.value)
  }

  #parse(start: number, end: number, kind: number): void {
    labelWriter.begin()
    parseSeries(this.#body, start, end, labelWriter, boundLabel(kind), 'required')
    this.#labels?.addTo(labelWriter)
    const problem = finishWith(labelWriter, this.#options)
    if (problem !== null) throw new LineProblem(start, problem)
  }

  #isInFamily(start: number, end: number): boolean {
    const from = this.#body[start] === 0x7b ? start + 2 : start
    const family = this.#family
    if (family === '' || end - from < family.length) return false
    return textOf(this.#body, from, from + family.length) === family
  }

  // Only the lines right behind a TYPE of a family that has starts, with the family's own name and the suffix.
  #isCreated(start: number, end: number): boolean {
    if (!WITH_START.has(this.#type)) return false
    const from = (this.#body[start] === 0x7b ? start + 2 : start) + this.#family.length
    if (end - from < 8 || textOf(this.#body, from, from + 8) !== '_created') return false
    const next = this.#body[from + 8]
    return from + 8 >= end || next === SPACE || next === 0x7b || next === QUOTE
  }

  /** What the series of one metric have in common: all labels but the bound, without the name. */
  #groupKey(bytes: Uint8Array, length: number): string {
    const bound = this.#type === 'histogram' || this.#type === 'gaugehistogram' ? 'le' : this.#type === 'summary' ? 'quantile' : ''
    return decodeLabels(bytes, 0, length)
      .filter((name) => name !== '__name__' && name !== bound)
      .key()
  }

  #endFamily(): void {
    this.#applyStarts()
    if (this.#options.convertClassicHistograms !== true || this.#type !== 'histogram') return
    const refused = convertClassicHistograms(this.batch, this.#familyStart, this.#family, this.#options.keepClassicHistograms === true)
    if (refused > 0) this.#rejected.add(`histogram ${this.#family}`, 'the counts of its buckets do not ascend', refused)
  }

  #applyStarts(): void {
    const starts = this.#starts
    this.#starts = null
    if (starts === null) return
    for (let i = this.#familyStart; i < this.batch.floatCount; i++) {
      const bytes = this.batch.labelBytes(this.batch.floatSlot(i))
      const start = starts.get(this.#groupKey(bytes, bytes.length))
      if (start !== undefined) this.batch.setFloatStart(i, start)
    }
  }
}

function wordEnd(bytes: Uint8Array, start: number, end: number): number {
  let at = start
  while (at < end && bytes[at] !== SPACE) at++
  return at
}

function hasDoubleBlank(bytes: Uint8Array, start: number, end: number): boolean {
  let quoted = false
  for (let at = start; at < end; at++) {
    const byte = bytes[at]
    if (quoted && byte === 0x5c) at++
    else if (byte === QUOTE) quoted = !quoted
    else if (!quoted && (byte === 0x09 || (byte === SPACE && bytes[at + 1] === SPACE))) return true
  }
  return false
}
