/**
 * The model: a Store so plain that it is right by inspection. Series in a Map, samples of each series in a Map by time, deletes carried out
 * at once. Slow and unbounded on purpose; real stores are held against it.
 */
import {
  compareStrings,
  decodeLabels,
  isStaleHistogram,
  Labels,
  labelsProblem,
  MAX_LISTED_REJECTIONS,
  SampleBuffer,
  storedHint,
  TsinkError,
  type AnySampleColumns,
  type AppendResult,
  type DeleteRequest,
  type DeleteResult,
  type Exemplar,
  type ExemplarQuery,
  type Histogram,
  type Listing,
  type Matcher,
  type MetadataQuery,
  type MetricMetadata,
  type MetricMetadataQuery,
  type RejectReason,
  type Rejection,
  type SelectedSeries,
  type Selection,
  type SeriesExemplars,
  type Store,
  type TimeUnit,
  type Timestamp,
  type ValueKind,
  type WriteBatch,
} from '@tsink/core'

/** One stored sample; `float` is a typed array of one, so that every NaN keeps its bits. */
interface ModelSample {
  readonly kind: ValueKind
  readonly float: Float64Array
  readonly histogram: Histogram | undefined
  readonly integer: bigint
  readonly blob: Uint8Array | undefined
  readonly startTimestamp: number
}

interface ModelSeries {
  readonly ref: number
  readonly labels: Labels
  readonly family: string
  readonly samples: Map<number, ModelSample>
  readonly exemplars: Omit<Exemplar, 'slot'>[]
}

export interface ModelStoreOptions {
  readonly unit?: TimeUnit
  /** Samples older than this are refused, as a store with retention does. */
  readonly minTime?: () => number
}

export class ModelStore implements Store {
  readonly unit: TimeUnit
  readonly #minTime: () => number
  #series = new Map<string, ModelSeries>()
  #byRef = new Map<number, ModelSeries>()
  #metadata = new Map<string, MetricMetadata[]>()
  #sequence = 0
  #nextRef = 1
  #closed = false

  constructor(options: ModelStoreOptions = {}) {
    this.unit = options.unit ?? 'ms'
    this.#minTime = options.minTime ?? (() => -Infinity)
  }

  append(batch: WriteBatch): Promise<AppendResult> {
    return Promise.resolve().then(() => this.appendNow(batch))
  }

  appendNow(batch: WriteBatch): AppendResult {
    this.#open()
    const rejections: Rejection[] = []
    let accepted = 0
    let rejected = 0
    for (const [column, samples] of batch.samples.entries()) {
      for (let index = 0; index < samples.count; index++) {
        const problem = this.#appendOne(batch, samples, index)
        if (problem === null) accepted++
        else {
          rejected++
          const [reason, message] = problem
          if (rejections.length < MAX_LISTED_REJECTIONS) rejections.push({ column, index, slot: samples.slots[index]!, reason, message })
        }
      }
    }
    for (const exemplar of batch.exemplars ?? []) {
      const { slot, ...rest } = exemplar
      this.#resolve(batch, slot, null)?.exemplars.push(rest)
    }
    for (const entry of batch.metadata ?? []) this.#metadata.set(entry.metric, [entry])
    return { accepted, rejected, rejections, durability: 'volatile', sequence: ++this.#sequence }
  }

  async *select(selection: Selection): AsyncGenerator<readonly SelectedSeries[]> {
    this.#open()
    const minTime = Number(selection.minTime)
    const maxTime = Number(selection.maxTime)
    const page: SelectedSeries[] = []
    for (const series of this.#matching([selection.matchers])) {
      const buffer = columnsOf(series, minTime, maxTime)
      if (buffer.count === 0) continue
      page.push({
        labels: series.labels,
        kind: series.family === 'f64' ? 'f64' : buffer.kind,
        maxSamples: buffer.count,
        read: (into) => copyInto(buffer, into),
      })
    }
    if (selection.inLabelOrder === true) page.sort((a, b) => a.labels.compare(b.labels))
    if (page.length > 0) yield page
  }

  async labelNames(query: MetadataQuery): Promise<Listing<string>> {
    this.#open()
    const names = new Set<string>()
    for (const series of this.#listed(query)) for (const name of series.labels.names) names.add(name)
    return limited([...names].sort(compareStrings), query.limit)
  }

  async labelValues(name: string, query: MetadataQuery): Promise<Listing<string>> {
    this.#open()
    const values = new Set<string>()
    for (const series of this.#listed(query)) if (series.labels.has(name)) values.add(series.labels.get(name))
    return limited([...values].sort(compareStrings), query.limit)
  }

  async series(query: MetadataQuery): Promise<Listing<Labels>> {
    this.#open()
    const labels = this.#listed(query).map((series) => series.labels)
    return limited(
      labels.sort((a, b) => a.compare(b)),
      query.limit,
    )
  }

  async metricMetadata(query: MetricMetadataQuery): Promise<ReadonlyMap<string, readonly MetricMetadata[]>> {
    this.#open()
    const wanted = [...this.#metadata].filter(([metric]) => query.metric === undefined || metric === query.metric)
    return new Map(query.limit === undefined || query.limit === 0 ? wanted : wanted.slice(0, query.limit))
  }

  async exemplars(query: ExemplarQuery): Promise<readonly SeriesExemplars[]> {
    this.#open()
    const found: SeriesExemplars[] = []
    for (const series of this.#matching(query.selectors)) {
      const exemplars = series.exemplars.filter((e) => e.timestamp >= Number(query.minTime) && e.timestamp <= Number(query.maxTime))
      if (exemplars.length > 0) found.push({ labels: series.labels, exemplars })
    }
    return found
  }

  async delete(request: DeleteRequest): Promise<DeleteResult> {
    this.#open()
    const minTime = request.minTime === undefined ? -Infinity : Number(request.minTime)
    const maxTime = request.maxTime === undefined ? Infinity : Number(request.maxTime)
    let touched = 0
    let samples = 0
    for (const series of this.#matching(request.selectors)) {
      let hit = 0
      for (const time of series.samples.keys()) {
        if (time < minTime || time > maxTime) continue
        hit++
        if (request.dryRun !== true) series.samples.delete(time)
      }
      if (hit > 0) touched++
      samples += hit
    }
    return { series: touched, samples, bytes: 0, sequence: request.dryRun === true ? 0 : ++this.#sequence }
  }

  async close(): Promise<void> {
    this.#closed = true
  }

  /** Forgets everything. */
  clear(): void {
    this.#series = new Map()
    this.#byRef = new Map()
    this.#metadata = new Map()
  }

  /** Drops samples older than a time, as retention does. */
  retain(minTime: number): void {
    for (const series of this.#series.values()) for (const time of series.samples.keys()) if (time < minTime) series.samples.delete(time)
  }

  #open(): void {
    if (this.#closed) throw new TsinkError('CLOSED', 'the store is closed')
  }

  #appendOne(batch: WriteBatch, samples: AnySampleColumns, index: number): [RejectReason, string] | null {
    const time = samples.base + samples.timestamps[index]!
    if (!Number.isInteger(time)) return ['bad_timestamp', `timestamp ${time} is not an integer`]
    if (time < this.#minTime()) return ['too_old', `timestamp ${time} is older than retention`]
    const family = samples.kind === 'histogram' ? 'f64' : samples.kind
    const series = this.#resolve(batch, samples.slots[index]!, family)
    if (series === null) return ['bad_label', 'labels are not valid']
    if (series.family !== family) return ['kind_mismatch', `series holds ${series.family}, not ${family}`]
    series.samples.delete(time)
    series.samples.set(time, sampleOf(samples, index))
    return null
  }

  #resolve(batch: WriteBatch, slot: number, family: string | null): ModelSeries | null {
    const known = this.#byRef.get(batch.series.refs[slot]!)
    if (known !== undefined) return known
    let labels: Labels
    try {
      labels = decodeLabels(batch.series.labelBytes(slot).slice())
    } catch {
      return null
    }
    if (labels.size === 0 || labelsProblem(labels) !== null) return null
    let series = this.#series.get(labels.key())
    if (series === undefined) {
      if (family === null) return null
      series = { ref: this.#nextRef++, labels, family, samples: new Map(), exemplars: [] }
      this.#series.set(labels.key(), series)
      this.#byRef.set(series.ref, series)
    }
    batch.series.refs[slot] = series.ref
    return series
  }

  #matching(selectors: readonly (readonly Matcher[])[]): ModelSeries[] {
    const all = [...this.#series.values()]
    if (selectors.length === 0) return all
    return all.filter((series) => selectors.some((matchers) => matchers.every((m) => m.matches(series.labels.get(m.name)))))
  }

  #listed(query: MetadataQuery): ModelSeries[] {
    const minTime = bound(query.minTime, -Infinity)
    const maxTime = bound(query.maxTime, Infinity)
    return this.#matching(query.selectors).filter((series) => [...series.samples.keys()].some((time) => time >= minTime && time <= maxTime))
  }
}

function bound(time: Timestamp | undefined, otherwise: number): number {
  return time === undefined ? otherwise : Number(time)
}

function limited<T>(items: readonly T[], limit: number | undefined): Listing<T> {
  if (limit === undefined || limit === 0 || items.length <= limit) return { items, truncated: false }
  return { items: items.slice(0, limit), truncated: true }
}

function sampleOf(samples: AnySampleColumns, index: number): ModelSample {
  const float = new Float64Array(1)
  let histogram: Histogram | undefined
  let integer = 0n
  let blob: Uint8Array | undefined
  switch (samples.kind) {
    case 'f64':
    case 'bool':
      float.set(samples.values.subarray(index, index + 1))
      break
    case 'i64':
    case 'u64':
      integer = samples.values[index]!
      float[0] = Number(integer)
      break
    case 'bytes':
      blob = samples.values[index]!.slice()
      break
    case 'string':
      blob = new TextEncoder().encode(samples.values[index]!)
      break
    case 'histogram':
      histogram = samples.values[index]!
      float[0] = histogram.sum
      break
  }
  return { kind: samples.kind, float, histogram, integer, blob, startTimestamp: samples.startTimestamps?.[index] ?? 0 }
}

function columnsOf(series: ModelSeries, minTime: number, maxTime: number): SampleBuffer {
  const times = [...series.samples.keys()].sort((a, b) => a - b)
  const buffer = new SampleBuffer(times.length)
  const first = series.samples.get(times[0]!)
  if (series.family !== 'f64' && first !== undefined) buffer.begin(first.kind)
  let previous: Histogram | undefined
  for (const time of times) {
    const sample = series.samples.get(time)!
    // Hints follow from the stored neighbour, whether or not that lies in the range.
    const histogram = sample.histogram && { ...sample.histogram, hint: storedHint(previous, sample.histogram) }
    const stale = sample.histogram !== undefined && isStaleHistogram(sample.histogram)
    previous = stale ? undefined : sample.histogram
    if (time < minTime || time > maxTime) continue
    const at = buffer.count++
    buffer.timestamps[at] = time
    buffer.values.set(sample.float, at)
    if (histogram !== undefined) {
      buffer.histograms ??= []
      buffer.histograms[at] = histogram
    }
    if (buffer.integers !== null) buffer.integers[at] = BigInt.asIntN(64, sample.integer)
    if (buffer.blobs !== null) buffer.blobs[at] = sample.blob!
    if (sample.startTimestamp !== 0) buffer.startTimestamps ??= new Float64Array(times.length)
    if (buffer.startTimestamps !== null) buffer.startTimestamps[at] = sample.startTimestamp
  }
  return buffer
}

function copyInto(from: SampleBuffer, into: SampleBuffer): void {
  into.clear()
  into.begin(from.kind)
  into.reserve(from.count)
  into.timestamps.set(from.timestamps.subarray(0, from.count))
  into.values.set(from.values.subarray(0, from.count))
  if (from.histograms !== null) into.histograms = [...from.histograms]
  if (from.integers !== null) into.integers!.set(from.integers.subarray(0, from.count))
  if (from.blobs !== null) into.blobs = [...from.blobs]
  if (from.startTimestamps !== null) {
    into.startTimestamps = new Float64Array(into.capacity)
    into.startTimestamps.set(from.startTimestamps.subarray(0, from.count))
  }
  into.count = from.count
}
