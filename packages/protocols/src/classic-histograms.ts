/**
 * Classic histograms (`_bucket`, `_count`, `_sum`) as native ones with custom buckets (NHCB): one sample instead of a series for each bound.
 */
import { CUSTOM_BUCKETS_SCHEMA, decodeLabels, histogram, Labels, METRIC_NAME, type Histogram } from '@tsink/core'
import type { BatchWriter } from './batch-writer.ts'
import { spansOf } from './histogram-schema.ts'

/** A histogram from cumulative counts at ascending bounds. `null` when the counts do not ascend. The last bound may be +Inf or missing. */
export function classicHistogram(
  bounds: readonly number[],
  cumulative: readonly number[],
  count: number | null,
  sum: number | null,
): Histogram | null {
  const finite = bounds.filter((bound) => bound !== Infinity)
  const total = count ?? (bounds.length > finite.length ? cumulative[cumulative.length - 1]! : (cumulative[finite.length - 1] ?? 0))
  const indexes: number[] = []
  const counts: number[] = []
  let before = 0
  for (let i = 0; i <= finite.length; i++) {
    const upTo = i < finite.length ? cumulative[i]! : (cumulative[i] ?? total)
    if (upTo < before) return null
    if (upTo > before) {
      indexes.push(i)
      counts.push(upTo - before)
    }
    before = upTo
  }
  if (before !== total) return null
  const { spans, buckets } = spansOf(indexes, counts)
  return histogram({
    schema: CUSTOM_BUCKETS_SCHEMA,
    count: total,
    sum: sum ?? 0,
    positiveSpans: spans,
    positiveBuckets: buckets,
    customValues: Float64Array.from(finite),
    isInteger: Number.isInteger(total) && counts.every(Number.isInteger),
  })
}

interface Group {
  readonly labels: Labels
  readonly bounds: number[]
  readonly cumulative: number[]
  readonly slots: number[]
  count: number | null
  sum: number | null
  time: number
  startTime: number
  hasBuckets: boolean
}

/**
 * Turns the float samples from number `from` on, which are those of the family `metric`, into histograms. The classic samples stay only if
 * `keepClassic` says so. Groups whose counts do not ascend become nothing; their number is the answer.
 */
export function convertClassicHistograms(batch: BatchWriter, from: number, metric: string, keepClassic: boolean): number {
  const groups = new Map<string, Group>()
  const others: number[] = []
  for (let i = from; i < batch.floatCount; i++) {
    const labels = decodeLabels(batch.labelBytes(batch.floatSlot(i)))
    const suffix = labels.metric.slice(metric.length)
    if (!labels.metric.startsWith(metric) || !['_bucket', '_count', '_sum', '_gcount', '_gsum'].includes(suffix)) {
      others.push(i)
      continue
    }
    const own = labels.filter((name) => name !== METRIC_NAME && name !== 'le').with(METRIC_NAME, metric)
    const key = own.key()
    let group = groups.get(key)
    if (group === undefined) {
      group = {
        labels: own,
        bounds: [],
        cumulative: [],
        slots: [],
        count: null,
        sum: null,
        time: batch.floatTime(i),
        startTime: batch.floatStart(i),
        hasBuckets: false,
      }
      groups.set(key, group)
    }
    group.slots.push(batch.floatSlot(i))
    const value = batch.floatValue(i)
    if (suffix === '_bucket') {
      const text = labels.get('le')
      group.hasBuckets = true
      group.bounds.push(text === '+Inf' ? Infinity : Number(text))
      group.cumulative.push(value)
    } else if (suffix === '_sum' || suffix === '_gsum') group.sum = value
    else group.count = value
  }
  if (!keepClassic) batch.keepFloats(from, others)
  let refused = 0
  for (const group of groups.values()) {
    const order = group.bounds.map((_, i) => i).sort((a, b) => group.bounds[a]! - group.bounds[b]!)
    const converted = classicHistogram(
      order.map((i) => group.bounds[i]!),
      order.map((i) => group.cumulative[i]!),
      group.count,
      group.sum,
    )
    if (converted === null) {
      refused++
      continue
    }
    const slot = batch.addLabels(group.labels)
    batch.histogramAt(slot, group.time, converted, group.startTime)
    if (!keepClassic) batch.moveExemplars(group.slots, slot)
  }
  return refused
}
