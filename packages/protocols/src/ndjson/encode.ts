/**
 * Samples as lines of JSON, one each, that lose nothing: every kind of value, stale markers, native histograms with their layout.
 *
 *     {"metric":{"__name__":"up","job":"node"},"timestamp":1549891472010,"value":1}
 */
import { isStale, isStaleHistogram, type Histogram, type Labels, type SampleBuffer, type Span } from '@tsink/core'
import { toBase64 } from '../base64.ts'
import { printValue } from '../decimal.ts'
import { encodeMetric } from '../prometheus-json/encode.ts'

/** The lines of one series, in pieces. */
export function* encodeSampleLines(labels: Labels, samples: SampleBuffer): Generator<string, void, undefined> {
  const head = `{"metric":${encodeMetric(labels)},"timestamp":`
  let text = ''
  for (let i = 0; i < samples.count; i++) {
    const start = samples.startTimestamps?.[i] ?? 0
    text += `${head}${samples.base + samples.timestamps[i]!}${start === 0 ? '' : `,"start":${samples.base + start}`},"value":${valueAt(samples, i)}}\n`
    if (text.length < 65_536) continue
    yield text
    text = ''
  }
  if (text !== '') yield text
}

function valueAt(samples: SampleBuffer, i: number): string {
  const { kind, integers, blobs } = samples
  const histogram = samples.histograms?.[i]
  if (histogram !== undefined) return isStaleHistogram(histogram) ? '{"histogram":"stale"}' : encodeLayout(histogram)
  if (blobs !== null) return kind === 'string' ? JSON.stringify(new TextDecoder().decode(blobs[i]!)) : `{"bytes":"${toBase64(blobs[i]!)}"}`
  if (integers !== null) return kind === 'u64' ? `{"u64":"${BigInt.asUintN(64, integers[i]!)}"}` : `{"i64":"${integers[i]!}"}`
  const value = samples.values[i]!
  if (kind === 'bool') return value === 0 ? 'false' : 'true'
  if (Number.isFinite(value)) return printNumber(value)
  return isStale(samples.values, i) ? '{"f64":"stale"}' : `{"f64":"${printValue(value)}"}`
}

function encodeLayout(h: Histogram): string {
  const spans = (all: readonly Span[]): string => `[${all.map(({ offset, length }) => `[${offset},${length}]`).join(',')}]`
  const numbers = (all: Float64Array): string => `[${Array.from(all, printNumber).join(',')}]`
  const parts = [
    `"schema":${h.schema}`,
    `"count":${printNumber(h.count)}`,
    `"sum":${printNumber(h.sum)}`,
    `"zeroThreshold":${printNumber(h.zeroThreshold)}`,
    `"zeroCount":${printNumber(h.zeroCount)}`,
    `"positiveSpans":${spans(h.positiveSpans)}`,
    `"positiveBuckets":${numbers(h.positiveBuckets)}`,
    `"negativeSpans":${spans(h.negativeSpans)}`,
    `"negativeBuckets":${numbers(h.negativeBuckets)}`,
    `"customValues":${numbers(h.customValues)}`,
    `"hint":"${h.hint}"`,
    `"isInteger":${h.isInteger}`,
  ]
  return `{"histogram":{${parts.join(',')}}}`
}

/** A number as JSON, which has no text for those that are not finite. */
function printNumber(value: number): string {
  if (Object.is(value, -0)) return '-0'
  return Number.isFinite(value) ? String(value) : `"${printValue(value)}"`
}
