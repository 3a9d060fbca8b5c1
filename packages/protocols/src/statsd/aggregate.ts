/**
 * What StatsD events come to: totals, last values, quantiles, cardinalities. The aggregator takes events as they come, and a flush makes a
 * batch of it with one time for all.
 *
 *     counter    name                     the total since the aggregator began (a counter as Prometheus has it: use rate)
 *     gauge      name                     the last value
 *     timer, histogram, distribution      name{quantile="0.5"} of what came since the last flush, name_count and name_sum as totals
 *     set        name                     how many members were told apart since the last flush
 *
 * A mapping gives names and labels, and says which observations are classic histograms instead: name_bucket{le="0.5"} as totals, too.
 *
 * A series that was not heard of for a while is dropped with a stale marker, so that the value of a dead sender does not stand for ever.
 */
import { Labels, METRIC_NAME, type WriteBatch } from '@tsink/core'
import { BatchWriter } from '../batch-writer.ts'
import { printBound, printShortest } from '../decimal.ts'
import { metricName } from '../names.ts'
import type { StatsdEvent } from './decode.ts'
import { STATSD_LIMITS } from './limits.ts'
import { statsdMetricType, type StatsdMapped, type StatsdMapper, type StatsdObserving } from './mapping.ts'

export interface StatsdAggregatorOptions {
  /** Which quantiles of timers are kept; 0.5, 0.9, 0.95 and 0.99 when left out. */
  readonly quantiles?: readonly number[]
  /** How long a series may be quiet before it ends. */
  readonly expireMs?: number
  /** Rules for names, and how what they match is stored. */
  readonly mapper?: StatsdMapper
  /** Labels for every series. */
  readonly extraLabels?: Readonly<Record<string, string>>
}

const QUANTILES = [0.5, 0.9, 0.95, 0.99]
const EXPIRE_MS = 300_000

interface Entry {
  readonly type: StatsdEvent['type']
  readonly labels: Labels
  readonly observing: StatsdObserving
  lastHeardMs: number
  value: number
  count: number
  sum: number
  /** How many observations came since the last flush, and a fair choice of them. */
  seen: number
  observations: number[]
  /** Of a histogram: how many observations are in each bucket, the last one up to +Inf. */
  readonly buckets: number[]
  members: Set<string> | null
}

export class StatsdAggregator {
  readonly #mapper: StatsdMapper | null
  readonly #unmapped: StatsdObserving
  readonly #expireMs: number
  readonly #extra: readonly [string, string][]
  readonly #entries = new Map<string, Entry>()
  // A generator of its own keeps the choice of observations repeatable.
  #random = 0x2545_f491
  /** Events that were left out since the series limit was reached, and that contradicted the type of their series. */
  dropped = 0

  constructor(options: StatsdAggregatorOptions = {}) {
    this.#mapper = options.mapper ?? null
    this.#unmapped = this.#mapper?.unmapped ?? {
      observerType: 'summary',
      quantiles: options.quantiles ?? QUANTILES,
      buckets: [],
      ttlMs: null,
    }
    this.#expireMs = options.expireMs ?? EXPIRE_MS
    this.#extra = Object.entries(options.extraLabels ?? {})
  }

  get size(): number {
    return this.#entries.size
  }

  /** Takes events that came at `nowMs`. */
  add(events: readonly StatsdEvent[], nowMs: number): void {
    for (const event of events) {
      const mapped = this.#mapper?.map(event.name, statsdMetricType(event)) ?? null
      if (mapped === 'drop') continue
      const entry = this.#entry(event, mapped)
      if (entry === null) {
        this.dropped++
        continue
      }
      entry.lastHeardMs = nowMs
      const value = mapped === null ? event.value : event.value * mapped.scale
      switch (event.type) {
        case 'counter':
          entry.value += value
          break
        case 'gauge':
          entry.value = event.isRelative ? entry.value + value : value
          break
        case 'observer':
          if (entry.observing.observerType === 'histogram') entry.buckets[bucketOf(entry.observing.buckets, value)]! += event.times
          else for (let i = 0; i < Math.min(event.times, STATSD_LIMITS.observations); i++) this.#observe(entry, value)
          entry.count += event.times
          entry.sum += value * event.times
          break
        case 'set':
          if (entry.members!.size < STATSD_LIMITS.members) entry.members!.add(event.member)
          break
      }
    }
  }

  /** Everything that is known, at one time. Timers and sets begin anew. */
  flush(nowMs: number): WriteBatch {
    const batch = new BatchWriter({ now: nowMs })
    for (const [key, entry] of this.#entries) {
      const isExpired = nowMs - entry.lastHeardMs > (entry.observing.ttlMs ?? this.#expireMs)
      this.#write(batch, entry, nowMs, isExpired)
      if (isExpired) this.#entries.delete(key)
    }
    return batch.build()
  }

  #write(batch: BatchWriter, entry: Entry, nowMs: number, isExpired: boolean): void {
    const write = (labels: Labels, value: number): void => {
      const slot = batch.addLabels(labels)
      if (isExpired) batch.stale(slot, nowMs)
      else batch.float(slot, nowMs, value)
    }
    const name = entry.labels.metric
    switch (entry.type) {
      case 'counter':
        batch.metadata(name, { type: 'counter' })
        write(entry.labels, entry.value)
        return
      case 'gauge':
        batch.metadata(name, { type: 'gauge' })
        write(entry.labels, entry.value)
        return
      case 'set':
        batch.metadata(name, { type: 'gauge' })
        write(entry.labels, entry.members!.size)
        entry.members!.clear()
        return
      case 'observer': {
        const { observerType } = entry.observing
        batch.metadata(name, { type: observerType })
        if (observerType === 'histogram') writeBuckets(entry, write)
        else writeQuantiles(entry, write)
        write(entry.labels.with(METRIC_NAME, `${name}_count`), entry.count)
        write(entry.labels.with(METRIC_NAME, `${name}_sum`), entry.sum)
        entry.observations = []
        entry.seen = 0
      }
    }
  }

  // Every observation has the same chance to be among those that are kept (Vitter's algorithm R).
  #observe(entry: Entry, value: number): void {
    entry.seen++
    if (entry.observations.length < STATSD_LIMITS.observations) {
      entry.observations.push(value)
      return
    }
    this.#random ^= this.#random << 13
    this.#random ^= this.#random >>> 17
    this.#random ^= this.#random << 5
    const at = (this.#random >>> 0) % entry.seen
    if (at < entry.observations.length) entry.observations[at] = value
  }

  #entry(event: StatsdEvent, mapped: StatsdMapped | null): Entry | null {
    const name = mapped?.name ?? event.name
    const tags =
      mapped === null ? event.labels : mapped.honorLabels ? { ...mapped.labels, ...event.labels } : { ...event.labels, ...mapped.labels }
    const key = `${name}\u0000${JSON.stringify(tags)}`
    const known = this.#entries.get(key)
    if (known !== undefined) return known.type === event.type ? known : null
    if (this.#entries.size >= STATSD_LIMITS.series) return null
    const labels = new Map<string, string>([...this.#extra, ...Object.entries(tags), [METRIC_NAME, metricName(name)]])
    const observing = mapped ?? this.#unmapped
    const entry: Entry = {
      type: event.type,
      labels: Labels.from(labels),
      observing,
      lastHeardMs: 0,
      value: 0,
      count: 0,
      sum: 0,
      seen: 0,
      observations: [],
      buckets: observing.buckets.map(() => 0).concat(0),
      members: event.type === 'set' ? new Set() : null,
    }
    this.#entries.set(key, entry)
    return entry
  }
}

type Write = (labels: Labels, value: number) => void

function writeQuantiles(entry: Entry, write: Write): void {
  const sorted = Float64Array.from(entry.observations).sort()
  for (const quantile of entry.observing.quantiles) {
    const value = sorted.length === 0 ? NaN : sorted[Math.min(sorted.length - 1, Math.floor(quantile * sorted.length))]!
    write(entry.labels.with('quantile', printShortest(quantile)), value)
  }
}

function writeBuckets(entry: Entry, write: Write): void {
  const labels = entry.labels.with(METRIC_NAME, `${entry.labels.metric}_bucket`)
  let total = 0
  for (const [i, count] of entry.buckets.entries()) {
    total += count
    write(labels.with('le', printBound(entry.observing.buckets[i] ?? Infinity)), total)
  }
}

/** The first bucket whose bound is not below a value. */
function bucketOf(bounds: readonly number[], value: number): number {
  let low = 0
  let high = bounds.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (bounds[middle]! < value) low = middle + 1
    else high = middle
  }
  return low
}
