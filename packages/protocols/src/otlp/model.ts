/** An export request as plain values: what both encodings decode to, and what is translated. */
import { toBase64 } from '../base64.ts'
import { encodeInto } from '../utf8.ts'

/**
 * The attributes of a point. Those of protobuf bodies are read only when they are asked for: a series that is known by their raw bytes needs
 * them no more.
 */
export interface AttributeList {
  /** The attributes in the order given. */
  list(): readonly Attribute[]
  /** The bytes that stand for them, or null: equal bytes are equal attributes. Valid until those of another point are asked for. */
  readonly raw: { readonly bytes: Uint8Array; readonly start: number; readonly end: number } | null
}

let keyBytes = new Uint8Array(4_096)

/** Attributes that have been read as text. */
export class TextAttributes implements AttributeList {
  readonly #attributes: readonly Attribute[]

  constructor(attributes: readonly Attribute[]) {
    this.#attributes = attributes
  }

  list(): readonly Attribute[] {
    return this.#attributes
  }

  /** Names and values behind their lengths in decimal, which no attribute of a protobuf body begins with. */
  get raw(): { readonly bytes: Uint8Array; readonly start: number; readonly end: number } {
    let text = ''
    for (const [key, value] of this.#attributes) text += `${key.length}:${value.length}:${key}${value}`
    if (text.length * 3 > keyBytes.length) keyBytes = new Uint8Array(text.length * 6)
    return { bytes: keyBytes, start: 0, end: encodeInto(text, keyBytes, 0) }
  }
}

/** The number points of a metric where they stand in a protobuf body, one behind the other: those that the kernel takes are never read here. */
export interface RawPoints {
  readonly start: number
  readonly end: number
  readonly count: number
  /** Reads the point at byte `at`; answers it and where the next one begins. */
  read(at: number): { readonly point: NumberPoint; readonly next: number }
}

/** An instant: whole milliseconds since the epoch, and the nanoseconds on top. 0 means unset. */
export interface Instant {
  readonly ms: number
  readonly nanos: number
}

export const UNSET: Instant = { ms: 0, nanos: 0 }

export function isBefore(a: Instant, b: Instant): boolean {
  return a.ms < b.ms || (a.ms === b.ms && a.nanos < b.nanos)
}

/** Name and value; values are text already, as labels have them. */
export type Attribute = readonly [key: string, value: string]

export interface OtlpRequest {
  readonly resources: readonly ResourceMetrics[]
}

export interface ResourceMetrics {
  readonly attributes: readonly Attribute[]
  readonly scopes: readonly ScopeMetrics[]
}

export interface ScopeMetrics {
  readonly name: string
  readonly version: string
  readonly schemaUrl: string
  readonly attributes: readonly Attribute[]
  readonly metrics: readonly OtlpMetric[]
}

export type Temporality = 'unspecified' | 'delta' | 'cumulative'

export const TEMPORALITIES: readonly Temporality[] = ['unspecified', 'delta', 'cumulative']

export interface OtlpMetric {
  name: string
  description: string
  unit: string
  /** Null when the metric has no data of a kind that we know. */
  data: OtlpData | null
}

export type OtlpData =
  | { readonly kind: 'gauge'; readonly points: NumberPoint[]; raw: RawPoints | null }
  | { readonly kind: 'sum'; readonly points: NumberPoint[]; raw: RawPoints | null; temporality: Temporality; isMonotonic: boolean }
  | { readonly kind: 'histogram'; readonly points: HistogramPoint[]; temporality: Temporality }
  | { readonly kind: 'exponential'; readonly points: ExponentialPoint[]; temporality: Temporality }
  | { readonly kind: 'summary'; readonly points: SummaryPoint[] }

interface Point {
  readonly attributes: AttributeList
  time: Instant
  start: Instant
  /** The flag NoRecordedValue: the series has ended. */
  isStale: boolean
}

export interface NumberPoint extends Point {
  value: number
  exemplars: OtlpExemplar[]
}

export interface HistogramPoint extends Point {
  count: number
  sum: number | null
  bucketCounts: number[]
  bounds: number[]
  exemplars: OtlpExemplar[]
}

export interface ExponentialPoint extends Point {
  count: number
  sum: number | null
  scale: number
  zeroCount: number
  zeroThreshold: number
  positive: Buckets
  negative: Buckets
  exemplars: OtlpExemplar[]
}

export interface Buckets {
  offset: number
  counts: number[]
}

export interface SummaryPoint extends Point {
  count: number
  sum: number
  quantiles: { quantile: number; value: number }[]
}

export interface OtlpExemplar {
  attributes: Attribute[]
  time: Instant
  value: number
  /** Lower-case hexadecimal, '' when unset. */
  traceId: string
  spanId: string
}

export function newNumberPoint(attributes: AttributeList): NumberPoint {
  return { attributes, time: UNSET, start: UNSET, isStale: false, value: 0, exemplars: [] }
}

export function newHistogramPoint(attributes: AttributeList): HistogramPoint {
  return { attributes, time: UNSET, start: UNSET, isStale: false, count: 0, sum: null, bucketCounts: [], bounds: [], exemplars: [] }
}

export function newExponentialPoint(attributes: AttributeList): ExponentialPoint {
  return {
    attributes,
    time: UNSET,
    start: UNSET,
    isStale: false,
    count: 0,
    sum: null,
    scale: 0,
    zeroCount: 0,
    zeroThreshold: 0,
    positive: { offset: 0, counts: [] },
    negative: { offset: 0, counts: [] },
    exemplars: [],
  }
}

export function newSummaryPoint(attributes: AttributeList): SummaryPoint {
  return { attributes, time: UNSET, start: UNSET, isStale: false, count: 0, sum: 0, quantiles: [] }
}

/** The values that attributes may have, as text: numbers in decimal, bytes in base64, lists and maps as JSON. */
export type AnyValue = string | boolean | number | bigint | null | Uint8Array | AnyValue[] | { readonly map: [string, AnyValue][] }

export function attributeText(value: AnyValue): string {
  if (typeof value === 'string') return value
  if (value === null) return ''
  if (typeof value === 'boolean' || typeof value === 'bigint' || typeof value === 'number') return String(value)
  if (value instanceof Uint8Array) return toBase64(value)
  return jsonText(value)
}

function jsonText(value: AnyValue): string {
  if (value === null) return 'null'
  if (typeof value === 'string') return JSON.stringify(value)
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : JSON.stringify(String(value))
  if (value instanceof Uint8Array) return JSON.stringify(toBase64(value))
  if (Array.isArray(value)) return `[${value.map(jsonText).join(',')}]`
  if (typeof value === 'object') {
    const entries = [...value.map].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    return `{${entries.map(([key, inner]) => `${JSON.stringify(key)}:${jsonText(inner)}`).join(',')}}`
  }
  return String(value)
}
