/**
 * Query results as Prometheus's HTTP API has them, in pieces: a generator yields bytes of some 256 KiB at a time, so that a result of any size
 * is never in memory as a whole and the socket sets the pace.
 *
 *     {"status":"success","data":{"resultType":"matrix","result":[{"metric":{...},"values":[[1435781430.781,"1"],...]},...]}}
 *
 * Values are strings, since JSON has no NaN and no infinities. Times are seconds: whole when the milliseconds are zero, else with three
 * decimals in vectors and matrices and with as few as needed in scalars and strings.
 */
import type { Histogram, Labels, MatrixSeries, QueryResult, VectorSample } from '@tsink/core'
import { printValue } from '../decimal.ts'
import { histogramBuckets } from '../histogram-buckets.ts'
import { JsonBytes } from './json-bytes.ts'

/** The `errorType` of an answer; see the status table at the server's edge. */
export type ErrorType = 'bad_data' | 'not_acceptable' | 'execution' | 'canceled' | 'timeout' | 'not_found' | 'internal' | 'unavailable'

export interface EnvelopeExtras {
  readonly warnings?: readonly string[]
  readonly infos?: readonly string[]
}

/** `{"status":"success","data":...}` in pieces, which are the caller's. `stats` is put in as it is. */
export function* encodeQueryResult(result: QueryResult, stats?: unknown): Generator<Uint8Array<ArrayBuffer>, void, undefined> {
  const { value } = result
  const json = new JsonBytes()
  try {
    json.text(`{"status":"success","data":{"resultType":"${value.type}","result":`)
    switch (value.type) {
      case 'scalar':
        json.text(`[${printSeconds(value.timestamp)},"${printValue(value.value)}"]`)
        break
      case 'string':
        json.text(`[${printSeconds(value.timestamp)},${quote(value.value)}]`)
        break
      case 'vector':
        json.text('[')
        for (let i = 0; i < value.samples.length; i++) {
          if (i > 0) json.comma()
          vectorElement(json, value.samples[i]!)
          if (json.isFull) yield json.take()
        }
        json.text(']')
        break
      case 'matrix':
        json.text('[')
        for (let i = 0; i < value.series.length; i++) {
          json.text(i > 0 ? ',{"metric":' : '{"metric":')
          metric(json, value.series[i]!.labels)
          for (const _ of matrixValues(json, value.series[i]!)) yield json.take()
          json.text('}')
        }
        json.text(']')
        break
    }
    if (stats !== undefined) json.text(`,"stats":${JSON.stringify(stats)}`)
    json.text(`}${encodeExtras(result)}}`)
    yield json.take()
  } finally {
    json.end()
  }
}

/** A whole answer with any data: for listings and status pages, which are small. */
export function encodeSuccess(data: unknown, extras: EnvelopeExtras = {}): string {
  return `{"status":"success","data":${JSON.stringify(data)}${encodeExtras(extras)}}`
}

/** `{"status":"success","data":[...]}` in pieces, for listings of any length. */
export function* encodeListing(
  items: Iterable<string | Labels>,
  extras: EnvelopeExtras = {},
): Generator<Uint8Array<ArrayBuffer>, void, undefined> {
  const json = new JsonBytes()
  try {
    json.text('{"status":"success","data":[')
    let isFirst = true
    for (const item of items) {
      if (!isFirst) json.comma()
      isFirst = false
      if (typeof item === 'string') json.quoted(item)
      else metric(json, item)
      if (json.isFull) yield json.take()
    }
    json.text(`]${encodeExtras(extras)}}`)
    yield json.take()
  } finally {
    json.end()
  }
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

// What stands for an encoding of a label set that was met once: only sets that are met again are worth keeping it.
const MET = new Uint8Array(0)

function metric(json: JsonBytes, labels: Labels): void {
  const known = labels.encoding
  if (known !== null && known !== MET) {
    json.bytes(known)
    return
  }
  const start = json.length
  const { names, values } = labels
  json.text('{')
  for (let i = 0; i < names.length; i++) {
    if (i > 0) json.comma()
    json.quoted(names[i]!)
    json.text(':')
    json.quoted(values[i]!)
  }
  json.text('}')
  labels.encoding = known === null ? MET : json.since(start)
}

function vectorElement(json: JsonBytes, { labels, timestamp, value, histogram }: VectorSample): void {
  json.text('{"metric":')
  metric(json, labels)
  if (histogram === null) {
    json.text(',"value":')
    json.sample(timestamp, value)
  } else {
    json.text(',"histogram":[')
    json.milliseconds(timestamp)
    json.text(`,${encodeHistogram(histogram)}]`)
  }
  json.text('}')
}

/** Yields when there is enough for a piece. */
function* matrixValues(json: JsonBytes, { timestamps, values, histograms }: MatrixSeries): Generator<void, void, undefined> {
  let isFirst = true
  for (let i = 0; i < timestamps.length;) {
    // Asked now and then, not at each sample.
    const end = Math.min(timestamps.length, i + 1_024)
    for (; i < end; i++) {
      if (histograms !== null && histograms[i] !== undefined) continue
      if (isFirst) json.text(',"values":[')
      else json.comma()
      isFirst = false
      json.sample(timestamps[i]!, values[i]!)
    }
    if (json.isFull) yield
  }
  if (!isFirst) json.text(']')
  if (histograms === null) return
  isFirst = true
  for (let i = 0; i < timestamps.length; i++) {
    const histogram = histograms[i]
    if (histogram === undefined) continue
    json.text(isFirst ? ',"histograms":[[' : ',[')
    isFirst = false
    json.milliseconds(timestamps[i]!)
    json.text(`,${encodeHistogram(histogram)}]`)
    if (json.isFull) yield
  }
  if (!isFirst) json.text(']')
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
