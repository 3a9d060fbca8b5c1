/**
 * Query results as Prometheus's HTTP API has them, in pieces: a generator yields text of some 64 KiB at a time, so that a result of any size
 * is never one string and the socket sets the pace.
 *
 *     {"status":"success","data":{"resultType":"matrix","result":[{"metric":{...},"values":[[1435781430.781,"1"],...]},...]}}
 *
 * Values are strings, since JSON has no NaN and no infinities. Times are seconds: whole when the milliseconds are zero, else with three
 * decimals in vectors and matrices and with as few as needed in scalars and strings.
 */
import type { Histogram, Labels, MatrixSeries, QueryResult, VectorSample } from '@tsink/core'
import { printValue } from '../decimal.ts'
import { histogramBuckets } from '../histogram-buckets.ts'
import { PROMETHEUS_JSON_LIMITS } from './limits.ts'

/** The `errorType` of an answer; see the status table at the server's edge. */
export type ErrorType = 'bad_data' | 'not_acceptable' | 'execution' | 'canceled' | 'timeout' | 'not_found' | 'internal' | 'unavailable'

export interface EnvelopeExtras {
  readonly warnings?: readonly string[]
  readonly infos?: readonly string[]
}

/** `{"status":"success","data":...}` in pieces. `stats` is put in as it is. */
export function* encodeQueryResult(result: QueryResult, stats?: unknown): Generator<string, void, undefined> {
  const { value } = result
  let text = `{"status":"success","data":{"resultType":"${value.type}","result":`
  switch (value.type) {
    case 'scalar':
      text += `[${printSeconds(value.timestamp)},"${printValue(value.value)}"]`
      break
    case 'string':
      text += `[${printSeconds(value.timestamp)},${quote(value.value)}]`
      break
    case 'vector': {
      text += '['
      let comma = ''
      for (const sample of value.samples) {
        text += comma + vectorElement(sample)
        comma = ','
        if (text.length >= PROMETHEUS_JSON_LIMITS.pieceChars) {
          yield text
          text = ''
        }
      }
      text += ']'
      break
    }
    case 'matrix': {
      text += '['
      let comma = ''
      for (const series of value.series) {
        text += `${comma}{"metric":${encodeMetric(series.labels)}`
        comma = ','
        for (const piece of matrixValues(series)) {
          text += piece
          if (text.length >= PROMETHEUS_JSON_LIMITS.pieceChars) {
            yield text
            text = ''
          }
        }
        text += '}'
      }
      text += ']'
      break
    }
  }
  if (stats !== undefined) text += `,"stats":${JSON.stringify(stats)}`
  yield `${text}}${encodeExtras(result)}}`
}

/** A whole answer with any data: for listings and status pages, which are small. */
export function encodeSuccess(data: unknown, extras: EnvelopeExtras = {}): string {
  return `{"status":"success","data":${JSON.stringify(data)}${encodeExtras(extras)}}`
}

/** `{"status":"success","data":[...]}` in pieces, for listings of any length. */
export function* encodeListing(items: Iterable<string | Labels>, extras: EnvelopeExtras = {}): Generator<string, void, undefined> {
  let text = '{"status":"success","data":['
  let comma = ''
  for (const item of items) {
    text += comma + (typeof item === 'string' ? quote(item) : encodeMetric(item))
    comma = ','
    if (text.length >= PROMETHEUS_JSON_LIMITS.pieceChars) {
      yield text
      text = ''
    }
  }
  yield `${text}]${encodeExtras(extras)}}`
}

/** An answer that says what went wrong. */
export function encodeError(type: ErrorType, message: string, data?: unknown): string {
  const some = data === undefined ? '' : `,"data":${JSON.stringify(data)}`
  return `{"status":"error"${some},"errorType":"${type}","error":${quote(message)}}`
}

/** A label set as a JSON object. */
export function encodeMetric(labels: Labels): string {
  let text = '{'
  for (let i = 0; i < labels.names.length; i++) text += `${i === 0 ? '' : ','}${quote(labels.names[i]!)}:${quote(labels.values[i]!)}`
  return `${text}}`
}

/** A native histogram: count, sum and the buckets that are not empty, each with the rule of its bounds. */
export function encodeHistogram(histogram: Histogram): string {
  let text = `{"count":"${printValue(histogram.count)}","sum":"${printValue(histogram.sum)}"`
  let comma = ',"buckets":['
  for (const bucket of histogramBuckets(histogram)) {
    if (bucket.count === 0) continue
    text += `${comma}[${bucket.rule},"${printValue(bucket.lower)}","${printValue(bucket.upper)}","${printValue(bucket.count)}"]`
    comma = ','
  }
  return `${text}${comma === ',' ? ']' : ''}}`
}

function encodeExtras(extras: EnvelopeExtras): string {
  let text = ''
  if (extras.warnings !== undefined && extras.warnings.length > 0) text += `,"warnings":${JSON.stringify(extras.warnings)}`
  if (extras.infos !== undefined && extras.infos.length > 0) text += `,"infos":${JSON.stringify(extras.infos)}`
  return text
}

function vectorElement(sample: VectorSample): string {
  const time = printMilliseconds(sample.timestamp)
  const value =
    sample.histogram === null
      ? `"value":[${time},"${printValue(sample.value)}"]`
      : `"histogram":[${time},${encodeHistogram(sample.histogram)}]`
  return `{"metric":${encodeMetric(sample.labels)},${value}}`
}

const SAMPLES_PER_PIECE = 1_024

function* matrixValues(series: MatrixSeries): Generator<string, void, undefined> {
  const { timestamps, values, histograms } = series
  let text = ''
  let comma = ',"values":['
  for (let i = 0; i < timestamps.length; i++) {
    if (histograms !== null && histograms[i] !== undefined) continue
    text += `${comma}[${printMilliseconds(timestamps[i]!)},"${printValue(values[i]!)}"]`
    comma = ','
    if (i % SAMPLES_PER_PIECE === SAMPLES_PER_PIECE - 1) {
      yield text
      text = ''
    }
  }
  if (comma === ',') text += ']'
  if (histograms !== null) {
    comma = ',"histograms":['
    for (let i = 0; i < timestamps.length; i++) {
      const histogram = histograms[i]
      if (histogram === undefined) continue
      yield `${text}${comma}[${printMilliseconds(timestamps[i]!)},${encodeHistogram(histogram)}]`
      text = ''
      comma = ','
    }
    if (comma === ',') text += ']'
  }
  if (text !== '') yield text
}

/** Seconds with three decimals, or none. */
function printMilliseconds(ms: number): string {
  const rest = ms % 1_000
  if (rest === 0) return `${ms / 1_000}`
  if (ms < 0) return `${-Math.ceil(ms / 1_000) === 0 ? '-0' : Math.ceil(ms / 1_000)}.${String(-rest).padStart(3, '0')}`
  return `${(ms - rest) / 1_000}.${rest < 10 ? '00' : rest < 100 ? '0' : ''}${rest}`
}

/** Seconds with as few decimals as needed. */
function printSeconds(ms: number): string {
  return `${ms / 1_000}`
}

// Only strings with control characters, quotes, backslashes, surrogates, or what Go escapes for HTML need more than quotes.
// oxlint-disable-next-line no-control-regex
const SPECIAL = /[\u0000-\u001f"\\<>&\u2028\u2029\ud800-\udfff]/

function quote(text: string): string {
  return SPECIAL.test(text) ? JSON.stringify(text) : `"${text}"`
}
