/**
 * The text format of Prometheus, version 0.0.4 and with quoted names (1.0.0), as scrapes and `POST /api/v1/import/prometheus` bring it.
 *
 *     # HELP http_requests_total Requests by code.
 *     # TYPE http_requests_total counter
 *     http_requests_total{code="200"} 1027 1395066363000
 *
 * Lines are found first, then the series part of each, whose raw bytes name the series in the cache; only what is new is read label by
 * label. As in Prometheus, `le` of histograms and `quantile` of summaries are spelled as floats (`1` becomes `1.0`), and an exemplar
 * (`# {trace_id="..."} 0.5`) may follow a value, as OpenMetrics has it.
 */
import { decodeLabels, type Labels, type MetricType } from '@tsink/core'
import type { SeriesWalk } from '@tsink/kernel'
import { BatchWriter } from '../batch-writer.ts'
import { convertClassicHistograms } from '../classic-histograms.ts'
import { badBody, finished, Rejected, SLICE_LINES, tooLarge, type Decoded, type DecodeOptions } from '../decoded.ts'
import { parseInteger, parseNumber } from '../decimal.ts'
import { parseLabelSet, parseSeries, seriesEnd, skipBlanks, stringEnd, unescaped, type BoundLabel } from '../exposition-series.ts'
import { LabelWriter } from '../label-writer.ts'
import { LineProblem } from '../line-problem.ts'
import { KEY_KINDS, SeriesCache } from '../series-cache.ts'
import { excerpt, isUtf8, textOf } from '../utf8.ts'
import { TypeAndUnit } from '../type-and-unit.ts'
import { TEXT_LIMITS } from './limits.ts'
import { ClientRules } from './rules.ts'

export interface TextOptions extends DecodeOptions {
  /**
   * What a bad line costs: only itself ('line', the default, for pushed data), or the whole body ('body', for scrapes, of which Prometheus
   * takes everything or nothing).
   */
  readonly badLine?: 'line' | 'body'
  /** Whether the times that lines bring are kept (the default), or `now` is taken for all. */
  readonly honorTimestamps?: boolean
  /** Labels that every series of the body gets, in place of its own of the same names: `extra_label`, and the path of a pushed group. */
  readonly extraLabels?: Labels
  /** Turn the series of histograms into native histograms with custom buckets. */
  readonly convertClassicHistograms?: boolean
  /** Keep the series of histograms that were converted. */
  readonly keepClassicHistograms?: boolean
  /** Give every series its family's type and unit as labels, see `TypeAndUnit`. It costs the cache. */
  readonly typeAndUnitLabels?: boolean
  /** Refuse what the format's definition refuses, see `ClientRules`, where scrapers are lax. It costs the cache. */
  readonly strict?: boolean
}

/**
 * Decodes a body.
 * @throws TsinkError TOO_LARGE; BAD_REQUEST for a bad line where that costs the body.
 */
export function decodePrometheusText(body: Uint8Array, options: TextOptions): Decoded {
  return finished(prometheusTextInSlices(body, options))
}

/** As {@link decodePrometheusText}, giving way every now and then. */
export function* prometheusTextInSlices(body: Uint8Array, options: TextOptions): Generator<void, Decoded, undefined> {
  if (body.length > TEXT_LIMITS.bodyBytes) throw tooLarge('text body bytes', body.length, TEXT_LIMITS.bodyBytes)
  const rejected = new Rejected()
  const parser = new Parser(body, options, rejected)
  const rules = options.strict === true ? new ClientRules(body) : null
  let line = 0
  // Lines that are read here.
  let read = 0
  for (let start = 0; start < body.length;) {
    // The kernel takes lines of known series; the one where it stops is read here.
    start = parser.batch.pass(start, parser.take)
    line += parser.batch.passed + 1
    if (start >= body.length) break
    let end = body.indexOf(0x0a, start)
    if (end < 0) end = body.length
    try {
      if (end - start > TEXT_LIMITS.lineBytes) throw new LineProblem(start, `longer than ${TEXT_LIMITS.lineBytes} bytes`)
      rules?.line(start, end, end < body.length)
      parser.line(start, end > start && body[end - 1] === 0x0d ? end - 1 : end)
    } catch (problem) {
      if (!(problem instanceof LineProblem)) throw problem
      const where = `line ${line}, column ${problem.at - start + 1}`
      if (options.badLine === 'body') throw badBody('text format', where, problem.message, { line })
      rejected.add(where, problem.message, parser.isSample(start, end) ? 1 : 0)
    }
    start = end + 1
    if (++read % SLICE_LINES === 0 && !parser.batch.isWalked) yield
  }
  parser.endFamily()
  return parser.batch.decoded(rejected)
}

const HASH = 0x23
const QUOTE = 0x22
const OPEN = 0x7b
const HELP = [0x48, 0x45, 0x4c, 0x50]
const TYPE = [0x54, 0x59, 0x50, 0x45]
const UNIT = [0x55, 0x4e, 0x49, 0x54]
const TYPES: Readonly<Record<string, MetricType>> = {
  counter: 'counter',
  gauge: 'gauge',
  histogram: 'histogram',
  summary: 'summary',
  untyped: 'unknown',
  // Of OpenMetrics: exporters that speak both leave them in.
  unknown: 'unknown',
  info: 'info',
  stateset: 'stateset',
  gaugehistogram: 'gaugehistogram',
  gauge_histogram: 'gaugehistogram',
}
/** What the series of some types are in the cache. */
const KEY_KIND_OF: Readonly<Partial<Record<MetricType, number>>> = { histogram: KEY_KINDS.textHistogram, summary: KEY_KINDS.textSummary }
const labelWriter = new LabelWriter()

class Parser {
  readonly batch: BatchWriter
  readonly #body: Uint8Array
  readonly #now: number
  readonly #honorTimestamps: boolean
  // The family that the last TYPE line named.
  #family: Uint8Array = new Uint8Array(0)
  #type: MetricType = 'unknown'
  #familyStart = 0
  readonly #options: TextOptions
  readonly #rejected: Rejected
  readonly #labels: TypeAndUnit | null
  readonly take = (walk: SeriesWalk, start: number): number =>
    walk.text(start, KEY_KIND_OF[this.#type] ?? KEY_KINDS.text, this.#now, this.#honorTimestamps)

  constructor(body: Uint8Array, options: TextOptions, rejected: Rejected) {
    this.#body = body
    this.#options = options
    this.#rejected = rejected
    this.#now = options.now
    this.#honorTimestamps = options.honorTimestamps ?? true
    this.#labels = options.typeAndUnitLabels === true ? new TypeAndUnit() : null
    this.batch = new BatchWriter(cacheable(options), Math.min(16_384, body.length >>> 6) + 1, body.length, body)
  }

  /** Ends the family that the last TYPE line began. */
  endFamily(): void {
    if (this.#type === 'histogram' && this.#options.convertClassicHistograms === true) {
      const metric = textOf(this.#family)
      const refused = convertClassicHistograms(this.batch, this.#familyStart, metric, this.#options.keepClassicHistograms === true)
      if (refused > 0) this.#rejected.add(`histogram ${metric}`, 'the counts of its buckets do not ascend', refused)
    }
    this.#type = 'unknown'
    this.#familyStart = this.batch.floatCount
  }

  isSample(start: number, end: number): boolean {
    const at = skipBlanks(this.#body, start, end)
    return at < end && this.#body[at] !== HASH
  }

  line(start: number, end: number): void {
    const at = skipBlanks(this.#body, start, end)
    if (at === end) return
    if (this.#body[at] === HASH) this.#comment(at + 1, end)
    else this.#sample(at, end)
  }

  #comment(start: number, end: number): void {
    const body = this.#body
    let at = skipBlanks(body, start, end)
    if (at === start) return
    const isHelp = isWord(body, at, end, HELP)
    const isType = isWord(body, at, end, TYPE)
    if (!isHelp && !isType && !isWord(body, at, end, UNIT)) return
    at = skipBlanks(body, at + 4, end)
    const nameStart = at
    let name: Uint8Array
    if (at < end && body[at] === QUOTE) {
      const close = stringEnd(body, at, end)
      if (close < 0) throw new LineProblem(at, 'a quoted name has no end')
      name = unescaped(body, at + 1, close)
      at = close + 1
    } else {
      at = seriesEnd(body, at, end)
      name = body.subarray(nameStart, at)
    }
    const first = name[0]
    if (first === undefined || (body[nameStart] !== QUOTE && first >= 0x30 && first <= 0x39)) {
      throw new LineProblem(nameStart, `expected a metric name, found ${excerpt(body, nameStart, end)}`)
    }
    if (!isUtf8(name, 0, name.length)) throw new LineProblem(nameStart, 'the metric name is not valid UTF-8')
    const metric = textOf(name)
    const textStart = at < end ? at + 1 : end
    if (isType) {
      const word = textOf(body, textStart, end)
      const type = TYPES[word.trim()]
      if (type === undefined) throw new LineProblem(textStart, `${JSON.stringify(word.slice(0, 40))} is no metric type`)
      this.endFamily()
      this.#family = name
      this.#type = type
      this.batch.setContext(name)
      this.#labels?.onType(metric, type)
      this.batch.metadata(metric, { type })
    } else {
      if (!isUtf8(body, textStart, end)) throw new LineProblem(textStart, 'the text is not valid UTF-8')
      if (isHelp) this.batch.metadata(metric, { help: textOf(unescaped(body, textStart, end, false)) })
      else this.batch.metadata(metric, { unit: textOf(body, textStart, end).trim() })
    }
  }

  #sample(start: number, lineEnd: number): void {
    const body = this.#body
    const kind = this.#kind(start)
    let end = this.batch.expectedEnd(body, start, lineEnd, kind)
    // Labels may stand behind a blank.
    if (end >= 0 && body[skipBlanks(body, end, lineEnd)] === OPEN) end = -1
    let slot = end < 0 ? -1 : this.batch.expected()
    if (end < 0) {
      end = seriesEnd(body, start, lineEnd)
      slot = this.batch.known(body, start, end, kind)
    }
    const isNew = slot < 0
    if (isNew) {
      const problem = this.#parse(start, end, kind)
      if (problem !== null) throw new LineProblem(start, problem)
    }
    const valueStart = skipBlanks(body, end, lineEnd)
    const valueEnd = wordEnd(body, valueStart, lineEnd)
    const value = parseNumber(body, valueStart, valueEnd)
    if (value === undefined || valueStart === end)
      throw new LineProblem(valueStart, `expected a value, found ${found(body, valueStart, lineEnd)}`)
    let at = skipBlanks(body, valueEnd, lineEnd)
    let timestamp = this.#now
    if (at < lineEnd && body[at] !== HASH) {
      const timeEnd = wordEnd(body, at, lineEnd)
      const time = parseInteger(body, at, timeEnd)
      if (time === undefined) throw new LineProblem(at, `expected a timestamp in milliseconds, found ${found(body, at, lineEnd)}`)
      if (this.#honorTimestamps) timestamp = time
      at = skipBlanks(body, timeEnd, lineEnd)
    }
    const exemplar = at < lineEnd ? parseExemplar(body, at, lineEnd) : null
    if (isNew) {
      // An exemplar's labels went through the same writer, so the series is read once more; both are rare.
      if (exemplar !== null) {
        this.#parse(start, end, kind)
      }
      slot = this.batch.remember(body, start, end, kind, labelWriter)
    }
    this.batch.float(slot, timestamp, value)
    if (exemplar !== null) this.batch.exemplar(slot, exemplar.labels, exemplar.timestamp ?? timestamp, exemplar.value)
  }

  /** Reads a series into the label writer. */
  #parse(start: number, end: number, kind: number): string | null {
    labelWriter.begin()
    parseSeries(this.#body, start, end, labelWriter, boundLabel(kind), 'optional')
    this.#labels?.addTo(labelWriter)
    return finishWith(labelWriter, this.#options)
  }

  #kind(start: number): number {
    const ofType = KEY_KIND_OF[this.#type]
    if (ofType === undefined) return KEY_KINDS.text
    const family = this.#family
    const from = this.#body[start] === 0x7b ? start + 2 : start
    for (let i = 0; i < family.length; i++) if (this.#body[from + i] !== family[i]) return KEY_KINDS.text
    return ofType
  }
}

/** The options without the cache where other labels would come out for the same bytes. */
export function cacheable(options: TextOptions): DecodeOptions {
  if (options.extraLabels === undefined && options.typeAndUnitLabels !== true && options.strict !== true) return options
  const plain = { now: options.now, ...(options.unit === undefined ? {} : { unit: options.unit }) }
  // Labels of the request would come anew with each line of a few bytes, were the series of one body not known to each other.
  const isOneToOne = options.typeAndUnitLabels !== true && options.strict !== true
  return isOneToOne ? { ...plain, cache: new SeriesCache({ numbersSuffice: true }) } : plain
}

/** Finishes a label set with the labels that every series of the body gets. A type and a unit may be there already, in place of its own. */
export function finishWith(labels: LabelWriter, { extraLabels, typeAndUnitLabels }: TextOptions): string | null {
  if (extraLabels !== undefined) labels.addAll(extraLabels)
  return labels.finish(true, extraLabels !== undefined || typeAndUnitLabels === true)
}

export function boundLabel(kind: number): BoundLabel {
  return kind === KEY_KINDS.textHistogram ? 'le' : kind === KEY_KINDS.textSummary ? 'quantile' : ''
}

/** `# {labels} value [seconds]`, which begins at the hash and ends the line. */
export function parseExemplar(
  bytes: Uint8Array,
  start: number,
  lineEnd: number,
  style: 'lax' | 'openmetrics' = 'lax',
): { readonly labels: Labels; readonly value: number; readonly timestamp: number | null } {
  if (bytes[start] !== HASH) throw new LineProblem(start, `expected the end of the line, found ${excerpt(bytes, start, lineEnd)}`)
  labelWriter.begin()
  const labelsEnd = parseLabelSet(bytes, skipBlanks(bytes, start + 1, lineEnd), lineEnd, labelWriter)
  const problem = labelWriter.finish(false)
  if (problem !== null) throw new LineProblem(start, problem)
  const labels = decodeLabels(labelWriter.bytes, 0, labelWriter.length)
  const valueStart = skipBlanks(bytes, labelsEnd, lineEnd)
  const valueEnd = wordEnd(bytes, valueStart, lineEnd)
  const value = parseNumber(bytes, valueStart, valueEnd)
  const apart = valueStart > labelsEnd || style === 'lax'
  if (value === undefined || !apart)
    throw new LineProblem(valueStart, `expected the exemplar's value, found ${found(bytes, valueStart, lineEnd)}`)
  const timeStart = skipBlanks(bytes, valueEnd, lineEnd)
  if (timeStart === lineEnd) return { labels, value, timestamp: null }
  const timeEnd = wordEnd(bytes, timeStart, lineEnd)
  const seconds = parseNumber(bytes, timeStart, timeEnd)
  if (seconds === undefined || !Number.isFinite(seconds)) {
    throw new LineProblem(timeStart, `expected the exemplar's time in seconds, found ${found(bytes, timeStart, lineEnd)}`)
  }
  const rest = skipBlanks(bytes, timeEnd, lineEnd)
  if (rest < lineEnd) throw new LineProblem(rest, `expected the end of the line, found ${excerpt(bytes, rest, lineEnd)}`)
  return { labels, value, timestamp: Math.round(seconds * 1e3) }
}

function isWord(bytes: Uint8Array, at: number, end: number, word: readonly number[]): boolean {
  if (end - at <= word.length) return false
  for (let i = 0; i < word.length; i++) if (bytes[at + i] !== word[i]) return false
  const next = bytes[at + word.length]!
  return next === 0x20 || next === 0x09
}

function wordEnd(bytes: Uint8Array, start: number, end: number): number {
  let at = start
  while (at < end && bytes[at] !== 0x20 && bytes[at] !== 0x09) at++
  return at
}

function found(bytes: Uint8Array, at: number, end: number): string {
  return at < end ? excerpt(bytes, at, end) : 'the end of the line'
}
