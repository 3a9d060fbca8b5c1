/**
 * Native histograms as data: counts over exponential or custom buckets, as Prometheus defines them.
 *
 * Schema -4 to 8: positive bucket i covers (base^(i-1), base^i] with base = 2^(2^-schema), negative buckets mirror them, and the zero bucket
 * covers [-zeroThreshold, zeroThreshold]. Schema -53: bucket i covers (custom[i-1], custom[i]], the last one ends at +Inf, and there are
 * neither negative buckets nor a zero bucket. Spans say which bucket indexes the counts belong to: each span's offset counts from the end
 * of the span before it (the first from index 0). Arithmetic on histograms lives with PromQL; this is only the value.
 */

/** The schema number of histograms with custom bucket bounds (NHCB). */
export const CUSTOM_BUCKETS_SCHEMA = -53

/** The least and greatest exponential schema that is stored. Finer ones (9 to 52) are reduced to 8 at the edge. */
export const MIN_EXPONENTIAL_SCHEMA = -4
export const MAX_EXPONENTIAL_SCHEMA = 8

/** What is known about a counter reset between this sample and the one before it. */
export type CounterResetHint = 'unknown' | 'reset' | 'not_reset' | 'gauge'

/** All hints, in the order of their numbers on the wire and in files. */
export const COUNTER_RESET_HINTS: readonly CounterResetHint[] = ['unknown', 'reset', 'not_reset', 'gauge']

/** A run of consecutive buckets: `offset` empty buckets are skipped, then `length` buckets follow. */
export interface Span {
  readonly offset: number
  readonly length: number
}

/** One native histogram. Immutable by convention: nobody writes into the arrays of a histogram that they did not make. */
export interface Histogram {
  readonly schema: number
  readonly count: number
  readonly sum: number
  readonly zeroThreshold: number
  readonly zeroCount: number
  readonly positiveSpans: readonly Span[]
  /** Absolute counts (never deltas), one for each bucket of the spans in order. */
  readonly positiveBuckets: Float64Array
  readonly negativeSpans: readonly Span[]
  readonly negativeBuckets: Float64Array
  /** Ascending upper bounds without +Inf; empty unless the schema is {@link CUSTOM_BUCKETS_SCHEMA}. */
  readonly customValues: Float64Array
  readonly hint: CounterResetHint
  /** True when it arrived as an integer histogram, so that it leaves as one. Counts above 2^53 are not exact. */
  readonly isInteger: boolean
}

const NO_BUCKETS = new Float64Array(0)

/** A histogram from its parts; whatever is left out is empty, zero or unknown. */
export function histogram(parts: Partial<Histogram>): Histogram {
  return {
    schema: parts.schema ?? 0,
    count: parts.count ?? 0,
    sum: parts.sum ?? 0,
    zeroThreshold: parts.zeroThreshold ?? 0,
    zeroCount: parts.zeroCount ?? 0,
    positiveSpans: parts.positiveSpans ?? [],
    positiveBuckets: parts.positiveBuckets ?? NO_BUCKETS,
    negativeSpans: parts.negativeSpans ?? [],
    negativeBuckets: parts.negativeBuckets ?? NO_BUCKETS,
    customValues: parts.customValues ?? NO_BUCKETS,
    hint: parts.hint ?? 'unknown',
    isInteger: parts.isInteger ?? false,
  }
}

/**
 * What is wrong with a histogram, or null when it is sound: schema in range, spans that match their buckets, no negative count, ascending
 * custom bounds, and no part that its schema does not have.
 */
export function histogramProblem(h: Histogram): string | null {
  const custom = h.schema === CUSTOM_BUCKETS_SCHEMA
  if (!custom && !(Number.isInteger(h.schema) && h.schema >= MIN_EXPONENTIAL_SCHEMA && h.schema <= MAX_EXPONENTIAL_SCHEMA)) {
    return `schema ${h.schema} is neither ${MIN_EXPONENTIAL_SCHEMA} to ${MAX_EXPONENTIAL_SCHEMA} nor ${CUSTOM_BUCKETS_SCHEMA}`
  }
  if (custom) {
    if (h.negativeBuckets.length > 0 || h.negativeSpans.length > 0) return 'custom buckets cannot be negative'
    if (h.zeroCount !== 0 || h.zeroThreshold !== 0) return 'custom buckets have no zero bucket'
    for (let i = 0; i < h.customValues.length; i++) {
      const bound = h.customValues[i]!
      if (Number.isNaN(bound) || bound === Infinity) return `custom bound ${i} is ${bound}`
      if (i > 0 && bound <= h.customValues[i - 1]!) return `custom bound ${i} (${bound}) does not ascend`
    }
    const buckets = spanEnd(h.positiveSpans)
    if (buckets > h.customValues.length + 1) return `${buckets} buckets for ${h.customValues.length} custom bounds`
  } else if (h.customValues.length > 0) return 'custom bounds belong to custom buckets only'
  return (
    spanProblem('positive', h.positiveSpans, h.positiveBuckets) ??
    spanProblem('negative', h.negativeSpans, h.negativeBuckets) ??
    (h.count < 0 ? `count ${h.count} is negative` : h.zeroCount < 0 ? `zero count ${h.zeroCount} is negative` : null)
  )
}

function spanEnd(spans: readonly Span[]): number {
  let end = 0
  for (const span of spans) end += span.offset + span.length
  return end
}

function spanProblem(side: string, spans: readonly Span[], buckets: Float64Array): string | null {
  let length = 0
  for (let i = 0; i < spans.length; i++) {
    const span = spans[i]!
    if (i > 0 && span.offset < 0) return `${side} span ${i} has the negative offset ${span.offset}`
    if (span.length < 0) return `${side} span ${i} has the negative length ${span.length}`
    length += span.length
  }
  if (length !== buckets.length) return `${side} spans cover ${length} buckets but ${buckets.length} are given`
  for (let i = 0; i < buckets.length; i++) if (buckets[i]! < 0) return `${side} bucket ${i} has the negative count ${buckets[i]!}`
  return null
}
