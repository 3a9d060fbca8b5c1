/**
 * OTLP metrics as series. Resource and scope become labels and `target_info`, points become samples, and names are translated, all as
 * Prometheus's own receiver does it.
 */
import {
  CUSTOM_BUCKETS_SCHEMA,
  decodeLabels,
  histogram,
  Labels,
  METRIC_NAME,
  STALE,
  type Histogram,
  type MetricType,
  type Span,
} from '@tsink/core'
import type { SeriesWalk } from '@tsink/kernel'
import { BatchWriter } from '../batch-writer.ts'
import { Rejected, type DecodeOptions } from '../decoded.ts'
import { LabelWriter } from '../label-writer.ts'
import { KEY_KINDS } from '../series-cache.ts'
import { addTypeAndUnit } from '../type-and-unit.ts'
import { codePoints } from '../utf8.ts'
import type { DeltaAccumulator } from './accumulate.ts'
import { OTLP_LIMITS } from './limits.ts'
import {
  isBefore,
  type Attribute,
  type AttributeList,
  type Buckets,
  type ExponentialPoint,
  type HistogramPoint,
  type Instant,
  type NumberPoint,
  type OtlpData,
  type OtlpExemplar,
  type OtlpMetric,
  type OtlpRequest,
  type RawPoints,
  type ResourceMetrics,
  type ScopeMetrics,
  type SummaryPoint,
} from './model.ts'
import {
  translateLabelName,
  translateMetricName,
  translateUnit,
  type LabelNaming,
  type MetricNaming,
  type OtlpMetricType,
  type TranslationStrategy,
} from './names.ts'

export interface OtlpOptions extends DecodeOptions {
  readonly translationStrategy?: TranslationStrategy
  /** Put in front of every metric name. */
  readonly namespace?: string
  readonly labelNameUnderscoreSanitization?: boolean
  readonly labelNamePreserveMultipleUnderscores?: boolean
  /** Resource attributes that every series of the resource gets as labels: these, or all but those ignored. */
  readonly promoteResourceAttributes?: readonly string[]
  readonly promoteAllResourceAttributes?: boolean
  readonly ignoreResourceAttributes?: readonly string[]
  /** service.name and the like stay on target_info as well. */
  readonly keepIdentifyingResourceAttributes?: boolean
  /** Give every series its family's type and unit as labels, see `TypeAndUnit`. */
  readonly typeAndUnitLabels?: boolean
  /** Scope name, version, schema and attributes become labels. */
  readonly promoteScopeMetadata?: boolean
  /** Histograms with explicit buckets become native histograms with custom buckets. */
  readonly convertHistogramsToNHCB?: boolean
  readonly disableTargetInfo?: boolean
  /** Exponential histograms keep the zero threshold that they were sent with; as in Prometheus it is 1e-128 for all otherwise. */
  readonly keepZeroThreshold?: boolean
  /** How far apart samples of target_info may be is half of it. */
  readonly lookbackMs?: number
  /** What becomes of deltas: refused (the default), stored as they are, or summed up by an accumulator that lives as long as the receiver. */
  readonly delta?: 'refuse' | 'keep' | DeltaAccumulator
}

const DEFAULT_LOOKBACK_MS = 300_000
const DEFAULT_ZERO_THRESHOLD = 1e-128
const IDENTIFYING = new Set(['service.namespace', 'service.name', 'service.instance.id'])
/** Characters of an exemplar's labels, names and values together. */
const EXEMPLAR_CHARS = 128

export class Translator {
  readonly batch: BatchWriter
  readonly rejected: Rejected = new Rejected()
  readonly warnings: string[] = []
  readonly #options: OtlpOptions
  readonly #naming: MetricNaming
  readonly #labelNaming: LabelNaming
  readonly #labels = new LabelWriter()
  // Of the metric whose points are read.
  #type: MetricType = 'unknown'
  #unit = ''
  readonly #labelNames = new Map<string, string>()
  readonly #targetInfos = new Set<string>()
  // The labels that the resource and the scope give to each of their series.
  #promoted: readonly Attribute[] = []
  #job = ''
  #instance = ''
  #scope: readonly Attribute[] = []
  // What the resource's promoted attributes become, for the list that they were made of.
  #promotedFor: readonly Attribute[] | null = null
  #promotedAs: ReadonlyMap<string, string> = new Map()
  // The key of the present series in the cache: a number for what all points of a metric share, and their attributes as they stand in the body.
  #context = ''
  #key: Uint8Array = new Uint8Array(4_096)
  #minTime: Instant | null = null
  #maxTime: Instant | null = null

  /** `body` is where the kernel may take points from. */
  constructor(options: OtlpOptions, body: Uint8Array) {
    this.#options = options
    const strategy = options.translationStrategy ?? 'UnderscoreEscapingWithSuffixes'
    const utf8 = strategy === 'NoUTF8EscapingWithSuffixes' || strategy === 'NoTranslation'
    const suffixes = strategy === 'UnderscoreEscapingWithSuffixes' || strategy === 'NoUTF8EscapingWithSuffixes'
    this.#naming = { utf8, suffixes, namespace: options.namespace ?? '' }
    this.#labelNaming = {
      utf8,
      underscoreSanitization: options.labelNameUnderscoreSanitization ?? true,
      preserveMultipleUnderscores: options.labelNamePreserveMultipleUnderscores ?? true,
    }
    this.batch = new BatchWriter(options, 16, 1_024, body)
  }

  request(request: OtlpRequest): void {
    for (const resource of request.resources) this.#resource(resource)
  }

  #resource(resource: ResourceMetrics): void {
    const attribute = (key: string): string => resource.attributes.find(([name]) => name === key)?.[1] ?? ''
    const service = attribute('service.name')
    const namespace = attribute('service.namespace')
    this.#job = service === '' ? '' : namespace === '' ? service : `${namespace}/${service}`
    this.#instance = attribute('service.instance.id')
    this.#promoted = this.#promotedAttributes(resource)
    this.#minTime = null
    this.#maxTime = null
    for (const scope of resource.scopes) {
      this.#scope = this.#scopeAttributes(scope)
      const context = JSON.stringify([this.#job, this.#instance, this.#promoted, this.#scope, this.#naming, this.#labelNaming])
      this.#context = this.#options.cache === undefined ? '' : `${this.#options.cache.numberOf(context)}`
      for (const metric of scope.metrics) this.#metric(metric)
    }
    if (this.#options.disableTargetInfo !== true && this.#maxTime !== null) this.#targetInfo(resource, this.#minTime!, this.#maxTime)
  }

  #promotedAttributes(resource: ResourceMetrics): readonly Attribute[] {
    const { promoteAllResourceAttributes, promoteResourceAttributes, ignoreResourceAttributes } = this.#options
    if (promoteAllResourceAttributes === true) return resource.attributes.filter(([key]) => !(ignoreResourceAttributes ?? []).includes(key))
    const wanted = promoteResourceAttributes ?? []
    return wanted.length === 0 ? [] : resource.attributes.filter(([key]) => wanted.includes(key))
  }

  #scopeAttributes(scope: ScopeMetrics): readonly Attribute[] {
    if (this.#options.promoteScopeMetadata !== true || scope.name === '') return []
    const own = scope.attributes.map(([key, value]): Attribute => [`otel_scope_${key}`, value])
    return [...own, ['otel_scope_name', scope.name], ['otel_scope_version', scope.version], ['otel_scope_schema_url', scope.schemaUrl]]
  }

  #metric(metric: OtlpMetric): void {
    const { data } = metric
    if (data === null) return
    const raw = 'raw' in data ? data.raw : null
    const count = data.points.length + (raw?.count ?? 0)
    if (count === 0) return
    const where = `metric ${JSON.stringify(metric.name)}`
    for (const { time } of data.points) this.#sees(time)
    const isDelta = 'temporality' in data && data.temporality === 'delta'
    const delta = this.#options.delta ?? 'refuse'
    let name = ''
    let problem: string | null = null
    if ('temporality' in data && (data.temporality === 'unspecified' || (isDelta && delta === 'refuse'))) {
      const reason = isDelta ? 'its temporality is delta, which is not taken here' : 'its temporality is not said'
      problem = `invalid temporality and type combination for ${where}: ${reason}`
    } else {
      try {
        name = translateMetricName(metric.name, metric.unit, metricTypeOf(data), this.#naming)
      } catch (error) {
        problem = (error as Error).message
      }
    }
    if (problem !== null) {
      this.rejected.add(where, problem, count)
      if (raw !== null) for (let at = raw.start; at < raw.end; at = this.#read(raw, at).next);
      return
    }
    const isKept = isDelta && delta === 'keep'
    this.#type = isKept ? 'unknown' : familyTypeOf(data)
    this.#unit = translateUnit(metric.unit)
    this.batch.metadata(name, { type: this.#type, help: metric.description, unit: this.#unit })
    if (raw !== null) this.#rawPoints(name, raw, where)
    const points = isDelta && typeof delta === 'object' ? delta.accumulate(this.#streamKey(name), data) : data
    points.points.forEach((point, index) => {
      const refusal = this.#point(name, points, point, isKept)
      if (refusal !== null) this.rejected.add(`${where} point ${index + (raw?.count ?? 0)}`, refusal)
    })
  }

  /** The kernel takes points of known series; the one where it stops is read here. */
  #rawPoints(name: string, raw: RawPoints, where: string): void {
    const { batch } = this
    batch.setContext(numberBytes(this.#keyNumber(name, '', '')))
    const take = (walk: SeriesWalk, from: number): number => {
      const stop = walk.numberPoints(from, raw.end)
      if (walk.lines > 0) {
        this.#sees({ ms: walk.minTime, nanos: 0 })
        this.#sees({ ms: walk.maxTime, nanos: 0 })
      }
      return stop
    }
    let index = 0
    for (let at = raw.start; ; index++) {
      at = batch.pass(at, take)
      index += batch.passed
      if (at >= raw.end) return
      const { point, next } = this.#read(raw, at)
      const refusal = this.#number(name, point)
      if (refusal !== null) this.rejected.add(`${where} point ${index}`, refusal)
      at = next
    }
  }

  #read(raw: RawPoints, at: number): { readonly point: NumberPoint; readonly next: number } {
    const read = raw.read(at)
    this.#sees(read.point.time)
    return read
  }

  #sees(time: Instant): void {
    if (this.#minTime === null || isBefore(time, this.#minTime)) this.#minTime = time
    if (this.#maxTime === null || isBefore(this.#maxTime, time)) this.#maxTime = time
  }

  /** What tells apart the delta streams of one name: the resource and the scope. */
  #streamKey(name: string): string {
    return JSON.stringify([name, this.#job, this.#instance, this.#promoted, this.#scope])
  }

  #point(name: string, data: OtlpData, point: OtlpData['points'][number], isKept: boolean): string | null {
    switch (data.kind) {
      case 'gauge':
      case 'sum':
        return this.#number(name, point as NumberPoint)
      case 'histogram':
        return this.#options.convertHistogramsToNHCB === true
          ? this.#customHistogram(name, point as HistogramPoint, isKept)
          : this.#classicHistogram(name, point as HistogramPoint)
      case 'exponential':
        return this.#exponentialHistogram(name, point as ExponentialPoint, isKept)
      case 'summary':
        return this.#summary(name, point as SummaryPoint)
    }
  }

  #number(name: string, point: NumberPoint): string | null {
    const slot = this.#slot(name, point.attributes)
    if (typeof slot === 'string') return slot
    this.#float(slot, point, point.value)
    this.#exemplars(slot, point.exemplars)
    return null
  }

  #classicHistogram(name: string, point: HistogramPoint): string | null {
    if (point.sum !== null) {
      const slot = this.#slot(`${name}_sum`, point.attributes)
      if (typeof slot === 'string') return slot
      this.#float(slot, point, point.sum)
    }
    const count = this.#slot(`${name}_count`, point.attributes)
    if (typeof count === 'string') return count
    this.#float(count, point, point.count)
    let cumulative = 0
    let exemplars = [...point.exemplars].sort((a, b) => a.value - b.value)
    for (let i = 0; i < point.bounds.length && i < point.bucketCounts.length; i++) {
      const bound = point.bounds[i]!
      cumulative += point.bucketCounts[i]!
      const slot = this.#slot(`${name}_bucket`, point.attributes, 'le', plainNumber(bound))
      if (typeof slot === 'string') return slot
      this.#float(slot, point, cumulative)
      this.#exemplars(
        slot,
        exemplars.filter((exemplar) => exemplar.value <= bound),
      )
      exemplars = exemplars.filter((exemplar) => !(exemplar.value <= bound))
    }
    const slot = this.#slot(`${name}_bucket`, point.attributes, 'le', '+Inf')
    if (typeof slot === 'string') return slot
    this.#float(slot, point, point.count)
    this.#exemplars(slot, exemplars)
    return null
  }

  #customHistogram(name: string, point: HistogramPoint, isKept: boolean): string | null {
    const { spans, buckets } = bucketLayout({ offset: 0, counts: point.bucketCounts }, 0, false)
    return this.#native(name, point, isKept, {
      schema: CUSTOM_BUCKETS_SCHEMA,
      positiveSpans: spans,
      positiveBuckets: buckets,
      customValues: Float64Array.from(point.bounds),
    })
  }

  #exponentialHistogram(name: string, point: ExponentialPoint, isKept: boolean): string | null {
    if (point.scale < -4) return `the scale of an exponential histogram is ${point.scale}; at least -4 is needed`
    const scaleDown = Math.max(0, point.scale - 8)
    const positive = bucketLayout(point.positive, scaleDown, true)
    const negative = bucketLayout(point.negative, scaleDown, true)
    return this.#native(name, point, isKept, {
      schema: point.scale - scaleDown,
      zeroThreshold: this.#options.keepZeroThreshold === true && point.zeroThreshold > 0 ? point.zeroThreshold : DEFAULT_ZERO_THRESHOLD,
      zeroCount: point.zeroCount,
      positiveSpans: positive.spans,
      positiveBuckets: positive.buckets,
      negativeSpans: negative.spans,
      negativeBuckets: negative.buckets,
    })
  }

  #native(name: string, point: HistogramPoint | ExponentialPoint, isKept: boolean, parts: Partial<Histogram>): string | null {
    const slot = this.#slot(name, point.attributes)
    if (typeof slot === 'string') return slot
    const hint = isKept ? 'gauge' : 'unknown'
    const sum = point.isStale ? STALE[0]! : (point.sum ?? 0)
    const { ms, nanos } = point.time
    this.batch.histogram(
      slot,
      ms,
      histogram({ ...parts, count: point.isStale ? 0 : point.count, sum, hint, isInteger: true }),
      point.start.ms,
      nanos,
      point.start.nanos,
    )
    this.#exemplars(slot, point.exemplars)
    return null
  }

  #summary(name: string, point: SummaryPoint): string | null {
    for (const [suffix, value] of [
      ['_sum', point.sum],
      ['_count', point.count],
    ] as const) {
      const slot = this.#slot(name + suffix, point.attributes)
      if (typeof slot === 'string') return slot
      this.#float(slot, point, value)
    }
    for (const { quantile, value } of point.quantiles) {
      const slot = this.#slot(name, point.attributes, 'quantile', plainNumber(quantile))
      if (typeof slot === 'string') return slot
      this.#float(slot, point, value)
    }
    return null
  }

  #float(slot: number, point: NumberPoint | HistogramPoint | SummaryPoint, value: number): void {
    const { ms, nanos } = point.time
    const { start } = point
    if (point.isStale) this.batch.stale(slot, ms, start.ms, nanos, start.nanos)
    else this.batch.float(slot, ms, value, start.ms, nanos, start.nanos)
  }

  /** The slot of a point's series, or what is wrong with its labels. */
  #slot(name: string, attributes: AttributeList, extraName = '', extraValue = ''): number | string {
    const raw = this.#options.cache === undefined ? null : attributes.raw
    const end = raw === null ? -1 : this.#writeKey(name, raw, extraName, extraValue)
    if (end >= 0) {
      const known = this.batch.known(this.#key, 0, end, KEY_KINDS.otlp)
      if (known >= 0) return known
    }
    const problem = this.#writeLabels(name, attributes.list(), this.#promoted, this.#scope, extraName, extraValue)
    if (problem !== null) return problem
    return end >= 0 ? this.batch.remember(this.#key, 0, end, KEY_KINDS.otlp, this.#labels) : this.batch.add(this.#labels)
  }

  /** Writes the key of a series of this request: everything that its labels are made of. Answers where it ends. */
  #writeKey(
    name: string,
    raw: { readonly bytes: Uint8Array; readonly start: number; readonly end: number },
    extraName: string,
    extraValue: string,
  ): number {
    const end = 4 + raw.end - raw.start
    if (end > this.#key.length) this.#key = new Uint8Array(end * 2)
    this.#key.set(numberBytes(this.#keyNumber(name, extraName, extraValue)))
    this.#key.set(raw.bytes.subarray(raw.start, raw.end), 4)
    return end
  }

  /** A number for all that the points of a metric share. */
  #keyNumber(name: string, extraName: string, extraValue: string): number {
    return this.#options.cache?.numberOf(`${this.#context}\u0000${name}\u0000${extraName}${extraValue}${this.#typeKey}`) ?? 0
  }

  #writeLabels(
    name: string,
    attributes: readonly Attribute[],
    promoted: readonly Attribute[],
    scope: readonly Attribute[],
    extraName: string,
    extraValue: string,
  ): string | null {
    const labels = new Map<string, string>()
    // Attributes that become one label are joined in the order of their own names.
    const sorted = attributes.length < 2 ? attributes : [...attributes].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    try {
      for (const [key, value] of sorted) {
        if (key === METRIC_NAME) continue
        const label = this.#labelName(key)
        const known = labels.get(label)
        labels.set(label, known === undefined ? value : `${known};${value}`)
      }
      for (const [label, value] of this.#promotedLabels(promoted)) if (!labels.has(label)) labels.set(label, value)
      for (const [key, value] of scope) labels.set(this.#labelName(key), value)
    } catch (error) {
      return (error as Error).message
    }
    if (this.#job !== '') labels.set('job', this.#job)
    if (this.#instance !== '') labels.set('instance', this.#instance)
    if (extraName !== '') labels.set(extraName, extraValue)
    labels.set(METRIC_NAME, name)
    this.#labels.begin()
    for (const [label, value] of labels) this.#labels.addText(label, value)
    const { typeAndUnitLabels } = this.#options
    if (typeAndUnitLabels === true) addTypeAndUnit(this.#labels, this.#type, this.#unit)
    return this.#labels.finish(true, typeAndUnitLabels === true)
  }

  /** What of the family is in the labels of its series. */
  get #typeKey(): string {
    return this.#options.typeAndUnitLabels === true ? `\u0000${this.#type}\u0000${this.#unit}` : ''
  }

  // Of resource attributes that become one label the last in order of their names stays.
  #promotedLabels(promoted: readonly Attribute[]): ReadonlyMap<string, string> {
    if (this.#promotedFor === promoted) return this.#promotedAs
    const labels = new Map<string, string>()
    const sorted = [...promoted].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    for (const [key, value] of sorted) labels.set(this.#labelName(key), value)
    this.#promotedFor = promoted
    this.#promotedAs = labels
    return labels
  }

  #labelName(key: string): string {
    let label = this.#labelNames.get(key)
    if (label === undefined) {
      label = translateLabelName(key, this.#labelNaming)
      this.#labelNames.set(key, label)
    }
    return label
  }

  #exemplars(slot: number, exemplars: readonly OtlpExemplar[]): void {
    for (const exemplar of exemplars) {
      const pairs: [string, string][] = []
      let chars = 0
      const add = (name: string, value: string): void => {
        const size = codePoints(name) + codePoints(value)
        if (value === '' || chars + size > EXEMPLAR_CHARS || pairs.some(([known]) => known === name)) return
        chars += size
        pairs.push([name, value])
      }
      add('trace_id', exemplar.traceId)
      add('span_id', exemplar.spanId)
      for (const [key, value] of exemplar.attributes) add(key, value)
      this.#labels.begin()
      for (const [name, value] of pairs) this.#labels.addText(name, value)
      const labels = this.#labels.finish(false) === null ? decodeLabels(this.#labels.bytes, 0, this.#labels.length) : Labels.EMPTY
      this.batch.exemplar(slot, labels, exemplar.time.ms, exemplar.value, exemplar.time.nanos)
    }
  }

  // What is known of the resource, for joins: one series with the value 1 for as long as its data reach.
  #targetInfo(resource: ResourceMetrics, from: Instant, to: Instant): void {
    const identifying = resource.attributes.filter(([key]) => IDENTIFYING.has(key)).length
    if (resource.attributes.length === identifying || (this.#job === '' && this.#instance === '')) return
    const keep = this.#options.keepIdentifyingResourceAttributes === true
    const attributes = keep ? resource.attributes : resource.attributes.filter(([key]) => !IDENTIFYING.has(key))
    const name = this.#naming.namespace === '' ? 'target_info' : `${this.#naming.namespace}_target_info`
    // It has no type of its own among labels, as in Prometheus.
    this.#type = 'unknown'
    this.#unit = ''
    const problem = this.#writeLabels(name, attributes, [], [], '', '')
    if (problem !== null) {
      this.rejected.add('resource', `target_info: ${problem}`)
      return
    }
    const slot = this.batch.add(this.#labels)
    this.batch.metadata(name, { type: 'gauge', help: 'Target metadata' })
    // In the kernel's table equal label sets have one slot.
    const key = this.batch.isWalked ? slot : [...this.#labels.bytes.subarray(0, this.#labels.length)].join()
    const step = Math.max(1, (this.#options.lookbackMs ?? DEFAULT_LOOKBACK_MS) / 2)
    const times: number[] = []
    for (let time = from.ms; time < to.ms && times.length < OTLP_LIMITS.targetInfoSamples; time += step) times.push(time)
    times.push(to.ms)
    for (const time of times) {
      const seen = `${key}@${time}`
      if (this.#targetInfos.has(seen)) continue
      this.#targetInfos.add(seen)
      this.batch.float(slot, time, 1)
    }
  }
}

const number = new Uint32Array(1)
const numberAsBytes = new Uint8Array(number.buffer)

function numberBytes(value: number): Uint8Array {
  number[0] = value
  return numberAsBytes
}

function metricTypeOf(data: OtlpData): OtlpMetricType {
  switch (data.kind) {
    case 'sum':
      return data.isMonotonic ? 'monotonic_counter' : 'non_monotonic_counter'
    case 'exponential':
      return 'exponential_histogram'
    default:
      return data.kind
  }
}

function familyTypeOf(data: OtlpData): MetricType {
  switch (data.kind) {
    case 'sum':
      return data.isMonotonic ? 'counter' : 'gauge'
    case 'exponential':
      return 'histogram'
    default:
      return data.kind
  }
}

/** Numbers in labels: the shortest digits, never an exponent. */
function plainNumber(value: number): string {
  if (value === Infinity) return '+Inf'
  if (value === -Infinity) return '-Inf'
  const text = String(value)
  if (!text.includes('e')) return text
  const [mantissa, exponentText] = text.split('e') as [string, string]
  const negative = mantissa.startsWith('-')
  const digits = mantissa.replace('-', '').replace('.', '')
  const point = 1 + Number(exponentText)
  const plain =
    point <= 0
      ? `0.${'0'.repeat(-point)}${digits}`
      : point >= digits.length
        ? digits + '0'.repeat(point - digits.length)
        : `${digits.slice(0, point)}.${digits.slice(point)}`
  return negative ? `-${plain}` : plain
}

/**
 * The buckets of one side as spans. OTLP's bucket j is Prometheus's j + 1 (`shift`); `scaleDown` joins 2^scaleDown neighbours into one. The
 * first and the last bucket are kept even when they are empty, and so are gaps of one or two: they cost less than another span.
 */
export function bucketLayout({ offset, counts }: Buckets, scaleDown: number, shift: boolean): { spans: Span[]; buckets: Float64Array } {
  if (counts.length === 0) return { spans: [], buckets: new Float64Array(0) }
  const divisor = 2 ** scaleDown
  const indexOf = (i: number): number => Math.floor((offset + i) / divisor) + (shift ? 1 : 0)
  const spans: { offset: number; length: number }[] = [{ offset: indexOf(0), length: 0 }]
  const buckets: number[] = []
  const append = (gap: number, count: number): void => {
    if (gap > 2) spans.push({ offset: gap, length: 0 })
    else for (let i = 0; i < gap; i++) buckets.push(0)
    buckets.push(count)
    spans[spans.length - 1]!.length += gap > 2 ? 1 : gap + 1
  }
  // The bucket behind the last one that was appended, and what was counted since.
  let next = indexOf(0)
  let index = next
  let count = 0
  for (let i = 0; i < counts.length; i++) {
    const here = indexOf(i)
    if (here !== index) {
      if (count !== 0) {
        append(index - next, count)
        next = index + 1
        count = 0
      }
      index = here
    }
    count += counts[i]!
  }
  append(index - next, count)
  return { spans: spans.length > 1 && spans[0]!.length === 0 ? merged(spans) : spans, buckets: Float64Array.from(buckets) }
}

/** Without the first span, which has no buckets. */
function merged(spans: readonly Span[]): Span[] {
  const [empty, first, ...rest] = spans as [Span, Span, ...Span[]]
  return [{ offset: empty.offset + first.offset, length: first.length }, ...rest]
}
