/**
 * Aggregates over columns: whole series and buckets of time.
 *
 * NaN is not a value here: it counts for nothing, and a bucket without any other value is left out. Variance and standard deviation are those
 * of the whole population. Sums are compensated, so that they do not depend on how large the running sum has grown.
 */
import { TsinkError, type SampleSummary, type ValueKind } from '@tsink/core'

/** The built-in aggregates. */
export type AggregateName = 'sum' | 'min' | 'max' | 'avg' | 'first' | 'last' | 'count' | 'median' | 'range' | 'variance' | 'stddev'

export const AGGREGATES: readonly AggregateName[] = [
  'sum',
  'min',
  'max',
  'avg',
  'first',
  'last',
  'count',
  'median',
  'range',
  'variance',
  'stddev',
]

/** Turns values of a program's own into bytes and back. */
export interface Codec<T> {
  encode(value: T): Uint8Array
  decode(bytes: Uint8Array): T
}

/** An aggregate over values of kind `bytes` or `string`, see {@link codecAggregate}. */
export interface CustomAggregate {
  /** The aggregate of the given values, in order of time; null leaves it out. */
  readonly bytes: (values: readonly Uint8Array[]) => Uint8Array | null
}

/**
 * An aggregate over a program's own values, which are stored as bytes.
 * @example
 * const peak = codecAggregate(myCodec, (values) => values.reduce((a, b) => (a.load > b.load ? a : b)))
 * await db.selectColumns('state', { step: 60_000, aggregate: peak })
 */
export function codecAggregate<T>(codec: Codec<T>, aggregate: (values: readonly T[]) => T | null): CustomAggregate {
  return {
    bytes(values) {
      const result = aggregate(values.map((value) => codec.decode(value)))
      return result === null ? null : codec.encode(result)
    },
  }
}

/** Samples of one series as the aggregates read them: offsets to some base, and values as doubles. */
export interface FloatColumns {
  readonly count: number
  readonly timestamps: Float64Array
  readonly values: Float64Array
}

/** @throws TsinkError UNSUPPORTED for a kind without numbers. */
export function assertNumeric(kind: ValueKind, aggregate: string): void {
  if (kind === 'f64' || kind === 'i64' || kind === 'u64') return
  const instead = kind === 'bytes' || kind === 'string' ? '; give a codecAggregate' : ''
  throw new TsinkError('UNSUPPORTED', `${aggregate} of values of kind ${kind} does not exist${instead}`, { detail: { kind, aggregate } })
}

/** Buckets [origin + n * step, origin + (n + 1) * step): the aggregate of each that has a value, at the bucket's start. */
export function aggregateBuckets(columns: FloatColumns, aggregate: AggregateName, origin: number, step: number): FloatColumns {
  const timestamps = new Float64Array(columns.count)
  const values = new Float64Array(columns.count)
  let count = 0
  forEachBucket(columns, origin, step, (start, from, to) => {
    const value = aggregateOf(columns.values, from, to, aggregate)
    if (value !== value) return
    timestamps[count] = start
    values[count++] = value
  })
  return { count, timestamps: timestamps.subarray(0, count), values: values.subarray(0, count) }
}

/**
 * The aggregate of all samples, as one sample or none. Its time is that of the sample that min, max, first and last choose, and of the last
 * sample otherwise.
 */
export function aggregateAll(columns: FloatColumns, aggregate: AggregateName): FloatColumns {
  const value = aggregateOf(columns.values, 0, columns.count, aggregate)
  if (value !== value) return { count: 0, timestamps: new Float64Array(0), values: new Float64Array(0) }
  let at = columns.count - 1
  if (aggregate === 'min' || aggregate === 'max' || aggregate === 'first') at = columns.values.indexOf(value)
  else while (Number.isNaN(columns.values[at]!)) at--
  return { count: 1, timestamps: Float64Array.of(columns.timestamps[at]!), values: Float64Array.of(value) }
}

/** {@link aggregateBuckets} and {@link aggregateAll} over pieces that come one by one in order of time: samples, or summaries of them. */
export class PiecewiseAggregate {
  readonly #aggregate: AggregateName
  readonly #origin: number
  readonly #step: number
  readonly #timestamps: number[] = []
  readonly #values: number[] = []
  // The bucket that is being filled; with an infinite step there is one.
  #bucket = Number.NaN
  #count = 0
  #sum = 0
  #lost = 0
  #min = Infinity
  #max = -Infinity
  #first = 0
  #firstTime = 0
  #last = 0
  #lastTime = 0
  #minTime = 0
  #maxTime = 0
  // All values of the bucket, for the aggregates that no running total gives.
  readonly #keeps: boolean
  #kept: Float64Array = new Float64Array(0)

  /** `step` Infinity: one bucket. */
  constructor(aggregate: AggregateName, origin: number, step: number) {
    this.#aggregate = aggregate
    this.#origin = origin
    this.#step = step
    this.#keeps = aggregate === 'median' || aggregate === 'variance' || aggregate === 'stddev'
  }

  /** Whether a summary does for samples from `minTime` to `maxTime`: they lie in one bucket, and nothing is asked that it does not tell. */
  fits(minTime: number, maxTime: number): boolean {
    if (this.#keeps) return false
    // Of a whole series min and max tell the time of the sample that they choose.
    if (this.#step === Infinity) return this.#aggregate !== 'min' && this.#aggregate !== 'max'
    return this.#bucketOf(minTime) === this.#bucketOf(maxTime)
  }

  addSummary({ count, minTime, maxTime, min, max, sum, first, last }: SampleSummary): void {
    this.#enter(minTime)
    if (this.#count === 0) {
      this.#first = first
      this.#firstTime = minTime
    }
    this.#count += count
    this.#add(sum)
    this.#min = Math.min(this.#min, min)
    this.#max = Math.max(this.#max, max)
    this.#last = last
    this.#lastTime = maxTime
  }

  addSamples({ count, timestamps, values }: FloatColumns): void {
    for (let i = 0; i < count; i++) {
      const value = values[i]!
      if (value !== value) continue
      const time = timestamps[i]!
      this.#enter(time)
      if (this.#count === 0) {
        this.#first = value
        this.#firstTime = time
      }
      if (this.#keeps) this.#keep(value)
      this.#count++
      this.#add(value)
      if (value < this.#min) {
        this.#min = value
        this.#minTime = time
      }
      if (value > this.#max) {
        this.#max = value
        this.#maxTime = time
      }
      this.#last = value
      this.#lastTime = time
    }
  }

  finish(): FloatColumns {
    this.#leave()
    return { count: this.#values.length, timestamps: Float64Array.from(this.#timestamps), values: Float64Array.from(this.#values) }
  }

  #bucketOf(time: number): number {
    return this.#step === Infinity ? 0 : Math.floor((time - this.#origin) / this.#step)
  }

  #enter(time: number): void {
    const bucket = this.#bucketOf(time)
    if (bucket === this.#bucket) return
    this.#leave()
    this.#bucket = bucket
  }

  /** Neumaier: what the addition rounds off is kept aside. */
  #add(value: number): void {
    const next = this.#sum + value
    this.#lost += Math.abs(this.#sum) >= Math.abs(value) ? this.#sum - next + value : value - next + this.#sum
    this.#sum = next
  }

  #leave(): void {
    if (this.#count === 0) return
    const whole = this.#step === Infinity
    this.#timestamps.push(whole ? this.#chosenTime() : this.#origin + this.#bucket * this.#step)
    this.#values.push(this.#value())
    this.#count = 0
    this.#sum = 0
    this.#lost = 0
    this.#min = Infinity
    this.#max = -Infinity
  }

  #keep(value: number): void {
    if (this.#count === this.#kept.length) {
      const kept = new Float64Array(Math.max(1_024, this.#count * 2))
      kept.set(this.#kept)
      this.#kept = kept
    }
    this.#kept[this.#count] = value
  }

  /** The time of the sample that the aggregate of a whole series chooses, or of the last one. */
  #chosenTime(): number {
    switch (this.#aggregate) {
      case 'first':
        return this.#firstTime
      case 'min':
        return this.#minTime
      case 'max':
        return this.#maxTime
      default:
        return this.#lastTime
    }
  }

  #value(): number {
    if (this.#keeps) return aggregateOf(this.#kept, 0, this.#count, this.#aggregate)
    // Infinities make the rest NaN.
    const sum = this.#lost === this.#lost ? this.#sum + this.#lost : this.#sum
    switch (this.#aggregate) {
      case 'sum':
        return sum
      case 'avg':
        return sum / this.#count
      case 'count':
        return this.#count
      case 'min':
        return this.#min
      case 'max':
        return this.#max
      case 'range':
        return this.#max - this.#min
      case 'first':
        return this.#first
      default:
        return this.#last
    }
  }
}

/** Calls `run` with the start and the index range of each bucket that holds a sample. Times ascend. */
export function forEachBucket(
  columns: { readonly count: number; readonly timestamps: Float64Array },
  origin: number,
  step: number,
  run: (start: number, from: number, to: number) => void,
): void {
  const { timestamps, count } = columns
  for (let from = 0; from < count;) {
    const start = origin + Math.floor((timestamps[from]! - origin) / step) * step
    const end = start + step
    let to = from + 1
    while (to < count && timestamps[to]! < end) to++
    run(start, from, to)
    from = to
  }
}

/** The aggregate of `values[from .. to)`; NaN when none of them is a value. */
export function aggregateOf(values: Float64Array, from: number, to: number, aggregate: AggregateName): number {
  switch (aggregate) {
    case 'first':
      for (let i = from; i < to; i++) if (values[i] === values[i]) return values[i]!
      return Number.NaN
    case 'last':
      for (let i = to - 1; i >= from; i--) if (values[i] === values[i]) return values[i]!
      return Number.NaN
    case 'median':
      return median(values, from, to)
    case 'variance':
    case 'stddev': {
      const variance = varianceOf(values, from, to)
      return aggregate === 'variance' ? variance : Math.sqrt(variance)
    }
    case 'min':
    case 'max':
    case 'range': {
      let min = Infinity
      let max = -Infinity
      let seen = false
      for (let i = from; i < to; i++) {
        const value = values[i]!
        if (value !== value) continue
        seen = true
        if (value < min) min = value
        if (value > max) max = value
      }
      if (!seen) return Number.NaN
      return aggregate === 'min' ? min : aggregate === 'max' ? max : max - min
    }
    case 'sum':
    case 'avg':
    case 'count': {
      let sum = 0
      let lost = 0
      let count = 0
      for (let i = from; i < to; i++) {
        const value = values[i]!
        if (value !== value) continue
        count++
        // Neumaier: what the addition rounds off is kept aside.
        const next = sum + value
        lost += Math.abs(sum) >= Math.abs(value) ? sum - next + value : value - next + sum
        sum = next
      }
      if (count === 0) return Number.NaN
      if (aggregate === 'count') return count
      // Infinities make the rest NaN.
      const total = lost === lost ? sum + lost : sum
      return aggregate === 'sum' ? total : total / count
    }
  }
}

function varianceOf(values: Float64Array, from: number, to: number): number {
  const mean = aggregateOf(values, from, to, 'avg')
  let sum = 0
  let count = 0
  for (let i = from; i < to; i++) {
    const value = values[i]!
    if (value !== value) continue
    sum += (value - mean) * (value - mean)
    count++
  }
  return count === 0 ? Number.NaN : sum / count
}

function median(values: Float64Array, from: number, to: number): number {
  const sorted = values.slice(from, to).sort()
  let count = sorted.length
  // A typed array sorts NaN to its end.
  while (count > 0 && Number.isNaN(sorted[count - 1]!)) count--
  if (count === 0) return Number.NaN
  const middle = count >>> 1
  return count % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}
