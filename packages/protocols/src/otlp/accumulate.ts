/**
 * Deltas summed up to cumulative values. Each stream (metric, attributes, resource, scope) has its running total, which begins where its
 * first delta began. A point that begins before the last one ended has been counted already, in part or whole, and is left out; a gap is
 * bridged, since nothing is known of it.
 *
 * Streams are forgotten when nothing has come for a while, and the oldest when there are too many: what comes then begins anew, which
 * readers see as a reset.
 */
import {
  isBefore,
  type Attribute,
  type ExponentialPoint,
  type HistogramPoint,
  type Instant,
  type NumberPoint,
  type OtlpData,
} from './model.ts'

export interface DeltaAccumulatorOptions {
  /** How many streams are kept; the one that was quiet longest goes first. */
  readonly maxStreams?: number
  /** How long a stream may be quiet in the time of its own points. */
  readonly maxQuietMs?: number
}

interface Stream {
  start: Instant
  end: Instant
  total: number
  count: number
  sum: number | null
  bounds: readonly number[]
  counts: number[]
  scale: number
  zeroCount: number
  positive: Map<number, number>
  negative: Map<number, number>
}

export class DeltaAccumulator {
  readonly #maxStreams: number
  readonly #maxQuietMs: number
  /** In the order of their last points. */
  readonly #streams = new Map<string, Stream>()

  constructor(options: DeltaAccumulatorOptions = {}) {
    this.#maxStreams = options.maxStreams ?? 100_000
    this.#maxQuietMs = options.maxQuietMs ?? 3_600_000
  }

  get size(): number {
    return this.#streams.size
  }

  /** The same data with running totals in place of deltas; points that were counted already are left out. */
  accumulate(context: string, data: OtlpData): OtlpData {
    switch (data.kind) {
      case 'sum':
        return {
          ...data,
          temporality: 'cumulative',
          points: this.#points(context, data.points, (stream, point) => this.#number(stream, point)),
        }
      case 'histogram':
        return {
          ...data,
          temporality: 'cumulative',
          points: this.#points(context, data.points, (stream, point) => this.#histogram(stream, point)),
        }
      case 'exponential':
        return {
          ...data,
          temporality: 'cumulative',
          points: this.#points(context, data.points, (stream, point) => this.#exponential(stream, point)),
        }
      default:
        return data
    }
  }

  #points<P extends NumberPoint | HistogramPoint | ExponentialPoint>(
    context: string,
    points: readonly P[],
    add: (stream: Stream, point: P) => P,
  ): P[] {
    const kept: P[] = []
    for (const point of points) {
      const key = context + keyOf(point.attributes.list())
      let stream = this.#streams.get(key)
      if (stream !== undefined && point.time.ms - stream.end.ms > this.#maxQuietMs) stream = undefined
      if (point.isStale) {
        this.#streams.delete(key)
        kept.push(point)
        continue
      }
      if (stream === undefined) stream = newStream(point.start.ms === 0 ? point.time : point.start)
      else if (isBefore(point.start.ms === 0 ? point.time : point.start, stream.end) || !isBefore(stream.end, point.time)) continue
      this.#streams.delete(key)
      this.#streams.set(key, stream)
      if (this.#streams.size > this.#maxStreams) this.#streams.delete(this.#streams.keys().next().value!)
      stream.end = point.time
      kept.push({ ...add(stream, point), start: stream.start })
    }
    return kept
  }

  #number(stream: Stream, point: NumberPoint): NumberPoint {
    stream.total += point.value
    return { ...point, value: stream.total }
  }

  #histogram(stream: Stream, point: HistogramPoint): HistogramPoint {
    const sameBounds = stream.bounds.length === point.bounds.length && stream.bounds.every((bound, i) => bound === point.bounds[i])
    if (!sameBounds || stream.counts.length !== point.bucketCounts.length) {
      // Other buckets cannot be added to: the stream begins anew with this point.
      stream.bounds = point.bounds
      stream.counts = point.bucketCounts.map(() => 0)
      stream.count = 0
      stream.sum = null
      stream.start = point.start.ms === 0 ? point.time : point.start
    }
    point.bucketCounts.forEach((count, i) => (stream.counts[i]! += count))
    stream.count += point.count
    if (point.sum !== null) stream.sum = (stream.sum ?? 0) + point.sum
    return { ...point, bucketCounts: [...stream.counts], count: stream.count, sum: stream.sum }
  }

  #exponential(stream: Stream, point: ExponentialPoint): ExponentialPoint {
    // Both go to the coarser of the two scales.
    const scale = Math.min(point.scale, stream.count === 0 ? point.scale : stream.scale)
    if (stream.scale !== scale && stream.count > 0) {
      stream.positive = rescaled(stream.positive, stream.scale - scale)
      stream.negative = rescaled(stream.negative, stream.scale - scale)
    }
    stream.scale = scale
    addBuckets(stream.positive, point.positive, point.scale - scale)
    addBuckets(stream.negative, point.negative, point.scale - scale)
    stream.zeroCount += point.zeroCount
    stream.count += point.count
    if (point.sum !== null) stream.sum = (stream.sum ?? 0) + point.sum
    return {
      ...point,
      scale,
      count: stream.count,
      sum: stream.sum,
      zeroCount: stream.zeroCount,
      positive: bucketsOf(stream.positive),
      negative: bucketsOf(stream.negative),
    }
  }
}

/** More buckets than a stored histogram may have are not laid out; the point then fails where it is checked. */
const MAX_LAID_OUT = 65_536

function newStream(start: Instant): Stream {
  return {
    start,
    end: start,
    total: 0,
    count: 0,
    sum: null,
    bounds: [],
    counts: [],
    scale: 0,
    zeroCount: 0,
    positive: new Map(),
    negative: new Map(),
  }
}

function keyOf(attributes: readonly Attribute[]): string {
  return JSON.stringify([...attributes].sort(([a], [b]) => (a < b ? -1 : 1)))
}

function rescaled(buckets: Map<number, number>, scaleDown: number): Map<number, number> {
  const coarser = new Map<number, number>()
  for (const [index, count] of buckets) {
    const target = Math.floor(index / 2 ** scaleDown)
    coarser.set(target, (coarser.get(target) ?? 0) + count)
  }
  return coarser
}

function addBuckets(into: Map<number, number>, { offset, counts }: ExponentialPoint['positive'], scaleDown: number): void {
  counts.forEach((count, i) => {
    if (count === 0) return
    const index = Math.floor((offset + i) / 2 ** scaleDown)
    into.set(index, (into.get(index) ?? 0) + count)
  })
}

function bucketsOf(buckets: Map<number, number>): ExponentialPoint['positive'] {
  if (buckets.size === 0) return { offset: 0, counts: [] }
  let offset = Infinity
  let last = -Infinity
  for (const index of buckets.keys()) {
    offset = Math.min(offset, index)
    last = Math.max(last, index)
  }
  const counts = Array.from({ length: Math.min(MAX_LAID_OUT, last - offset + 1) }, (_, i) => buckets.get(offset + i) ?? 0)
  return { offset, counts }
}
