/**
 * Generate, for native histograms: seeded series of exponential and custom buckets, counters with resets and gauges, and queries over them.
 * Only a real Prometheus can judge these: the naive evaluator knows floats alone.
 */
import { CUSTOM_BUCKETS_SCHEMA, histogram, Labels, type BatchBuilder, type Histogram, type Span } from '@tsink/core'
import type { Dice } from './generate.ts'

/** Adds some series of native histograms, one sample at most for each time. */
export function generateHistograms(dice: Dice, builder: BatchBuilder, times: readonly number[]): void {
  for (const instance of ['a', 'b', 'c']) {
    for (const [metric, make] of [
      ['latency', exponential],
      ['size', custom],
      ['depth', gauge],
    ] as const) {
      const slot = builder.slot(Labels.of({ __name__: metric, instance, job: dice.pick(['api', 'web']) }))
      const next = make(dice)
      for (const time of times) if (!dice.chance(0.05)) builder.add('histogram', slot, time, next())
    }
  }
}

/**
 * A query over native histograms that yields an instant vector. Quantiles and the like are not asked of negative ones: there the empty buckets
 * show that the reference's chunks put between others.
 */
export function generateHistogramQuery(dice: Dice): string {
  const vector = histograms(dice, 2)
  switch (dice.below(9)) {
    case 0:
      return dice.pick([vector, `-(${vector})`, `${vector} * -1`, `${vector} / 0`])
    case 1:
      return `histogram_quantile(${dice.pick(['0', '0.5', '0.9', '0.99', '1', '-1', '2'])}, ${vector})`
    case 2:
      return `histogram_fraction(${dice.pick(['-1', '0', '0.25', '-Inf'])}, ${dice.pick(['1', '3.5', '+Inf'])}, ${vector})`
    case 3:
      return `histogram_${dice.pick(['count', 'sum', 'avg', 'stddev', 'stdvar'])}(${vector})`
    case 4:
      // Not of an average: the reference adds in no certain order, so its own is not always equal to itself. And not as stored: its chunks
      // have empty buckets, which count here.
      return `${name(dice)} * 2 ${dice.pick(['==', '!='])} ${name(dice)} * ${dice.pick(['2', '4'])}`
    case 5:
      return `${dice.pick(['count', 'group', 'min', 'max'])} by (job) (${vector})`
    case 6:
      return `${dice.pick(['resets', 'changes', 'count_over_time', 'present_over_time'])}(${name(dice)}[${window(dice)}])`
    case 7:
      return `sum by (job) (${vector}) ${dice.pick(['and', 'or', 'unless'])} on (job) ${vector}`
    default:
      return `${vector} ${dice.pick(['+', '-', '/', '>', 'and'])} on (instance) ${name(dice)}`
  }
}

function histograms(dice: Dice, depth: number): string {
  if (depth === 0) return name(dice)
  const deeper = (): string => histograms(dice, depth - 1)
  switch (dice.below(6)) {
    case 0:
      return name(dice) + dice.pick(['', ' offset 1m', ' @ end()'])
    case 1:
    case 2:
      return `${dice.pick(['rate', 'increase', 'delta', 'irate', 'idelta', 'sum_over_time', 'avg_over_time', 'last_over_time'])}(${name(dice)}[${window(dice)}])`
    case 3:
      return `${dice.pick(['sum', 'avg'])} ${dice.pick(['by (job)', 'by (instance)', 'without (instance)', ''])} (${deeper()})`
    case 4:
      return `${deeper()} ${dice.pick(['*', '/'])} ${dice.pick(['2', '0.5'])}`
    default:
      return `(${deeper()})`
  }
}

function name(dice: Dice): string {
  return dice.pick([
    'latency',
    'size',
    'depth',
    'latency{job="api"}',
    'size{instance=~"a|b"}',
    '{__name__=~"latency|size"}',
    'requests_total',
  ])
}

function window(dice: Dice): string {
  return dice.pick(['30s', '1m', '5m', '10m'])
}

/** Counts by bucket index. */
type Counts = Map<number, number>

function exponential(dice: Dice): () => Histogram {
  let schema = dice.below(4)
  let zeroThreshold = dice.pick([0, 0.001])
  const positive: Counts = new Map()
  const negative: Counts = new Map()
  let [zeroCount, sum] = [0, 0]
  return () => {
    if (positive.size === 0 || dice.chance(0.02)) {
      // Never without a bucket on either side: the reference's chunks may add an empty one, which then changes the zero bucket.
      positive.clear()
      negative.clear()
      add(positive, 1, 1)
      add(negative, 1, 1)
      zeroCount = sum = 0
      if (dice.chance(0.5)) schema = dice.below(4)
      if (dice.chance(0.5)) zeroThreshold = dice.pick([0, 0.001, 0.01])
    }
    for (let i = dice.below(4); i > 0; i--) add(positive, dice.below(9) - 2, 1 + dice.below(5))
    if (dice.chance(0.2)) add(negative, dice.below(3), 1)
    zeroCount += dice.below(2)
    sum += dice.below(20)
    return filled({ schema, zeroThreshold, zeroCount, sum }, positive, negative)
  }
}

function custom(dice: Dice): () => Histogram {
  // Always the same bounds: only since 3.8 are different ones reconciled.
  const bounds = [0.1, 1, 10]
  const counts: Counts = new Map()
  let sum = 0
  return () => {
    if (dice.chance(0.02)) {
      counts.clear()
      sum = 0
    }
    for (let i = dice.below(4); i > 0; i--) add(counts, dice.below(bounds.length + 1), 1 + dice.below(5))
    sum += dice.below(20)
    return filled({ schema: CUSTOM_BUCKETS_SCHEMA, customValues: Float64Array.from(bounds), sum }, counts, new Map())
  }
}

function gauge(dice: Dice): () => Histogram {
  return () => {
    const counts: Counts = new Map()
    for (let i = dice.below(5); i > 0; i--) add(counts, dice.below(6), 1 + dice.below(9))
    return filled({ schema: 1, sum: dice.below(100) - 50, hint: 'gauge' }, counts, new Map())
  }
}

function add(counts: Counts, index: number, count: number): void {
  counts.set(index, (counts.get(index) ?? 0) + count)
}

function filled(parts: Partial<Histogram>, positive: Counts, negative: Counts): Histogram {
  const above = layout(positive)
  const below = layout(negative)
  let count = parts.zeroCount ?? 0
  for (const buckets of [above.buckets, below.buckets]) for (const value of buckets) count += value
  return histogram({
    ...parts,
    count,
    positiveSpans: above.spans,
    positiveBuckets: above.buckets,
    negativeSpans: below.spans,
    negativeBuckets: below.buckets,
    isInteger: true,
  })
}

function layout(counts: Counts): { readonly spans: readonly Span[]; readonly buckets: Float64Array } {
  const indexes = [...counts.keys()].toSorted((a, b) => a - b)
  const spans: { offset: number; length: number }[] = []
  let end = 0
  for (const index of indexes) {
    if (spans.length > 0 && index === end) spans.at(-1)!.length++
    else spans.push({ offset: index - end, length: 1 })
    end = index + 1
  }
  return { spans, buckets: Float64Array.from(indexes, (index) => counts.get(index)!) }
}
