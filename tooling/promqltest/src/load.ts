/**
 * Load: puts the series of a `load` block into a store, each value at a multiple of the step.
 */
import { BatchBuilder, CUSTOM_BUCKETS_SCHEMA, histogram, Labels, METRIC_NAME, type Histogram, type Store } from '@tsink/core'
import { parseDuration, type SeriesValue } from '@tsink/promql'
import { describeSeries } from './describe.ts'
import { ScriptError, type Line, type LoadCommand } from './script.ts'

interface LoadedSeries {
  readonly labels: Labels
  readonly values: readonly SeriesValue[]
  /** Start timestamps in milliseconds by position; 0 means unknown. */
  readonly starts: readonly number[] | null
}

/** @throws ScriptError for a mistake in the block, or when the store refuses a sample. */
export async function load(command: LoadCommand, store: Store): Promise<void> {
  const builder = new BatchBuilder()
  const series = parseBlock(command)
  for (const { labels, values, starts } of series) {
    const slot = builder.slot(labels)
    for (const [i, value] of values.entries()) {
      const time = i * command.stepMs
      const start = starts?.[i] ?? 0
      if (value.type === 'float') builder.add('f64', slot, time, value.value, start)
      else if (value.type === 'stale') builder.stale(slot, time)
      else if (value.type === 'histogram') builder.add('histogram', slot, time, value.histogram, start)
    }
  }
  if (command.withNhcb) addCustomBuckets(command, series, builder)
  const result = await store.append(builder.build())
  if (result.rejected > 0) throw new ScriptError(command.line, `the store rejected a sample: ${result.rejections[0]!.message}`)
}

function parseBlock(command: LoadCommand): LoadedSeries[] {
  const series = new Map<string, LoadedSeries>()
  let starts: { line: Line; labels: string; offsets: (number | null)[] } | null = null
  for (const line of command.series) {
    const at = /^(.*?)@st\s+(.*)$/.exec(line.text)
    if (at !== null) {
      starts = { line, labels: describeSeries(line, at[1]!).labels.key(), offsets: parseStarts(line, at[2]!) }
      continue
    }
    const { labels, values } = describeSeries(line, line.text)
    let startTimes: number[] | null = null
    if (starts !== null) {
      if (starts.labels !== labels.key())
        throw new ScriptError(starts.line.number, 'start timestamps must stand directly above their series')
      if (starts.offsets.length !== values.length)
        throw new ScriptError(starts.line.number, `${starts.offsets.length} start timestamps for ${values.length} samples`)
      startTimes = starts.offsets.map((offset, i) => (offset === null ? 0 : i * command.stepMs + offset))
      starts = null
    }
    series.set(labels.key(), { labels, values, starts: startTimes })
  }
  return [...series.values()]
}

/** `_`, `_xN`, `<dur>`, `<dur>xN` and `<dur>±<dur>xN`: offsets in milliseconds relative to each sample. */
function parseStarts(line: Line, text: string): (number | null)[] {
  const offsets: (number | null)[] = []
  for (const item of text.trim().split(/\s+/)) {
    const omitted = /^_(?:x(\d+))?$/.exec(item)
    if (omitted !== null) {
      for (let i = 0; i < Number(omitted[1] ?? 1); i++) offsets.push(null)
      continue
    }
    const match = /^([+-]?[0-9a-z]*?[a-z0-9])(?:([+-])([0-9a-wyz]+))?(?:x(\d+))?$/.exec(item)
    if (match === null) throw new ScriptError(line.number, `${JSON.stringify(item)} is no start timestamp`)
    const first = signedDuration(match[1]!)
    const step = match[3] === undefined ? 0 : signedDuration(match[2]! + match[3])
    const repeats = match[4] === undefined ? 0 : Number(match[4])
    for (let i = 0; i <= repeats; i++) offsets.push(first + i * step)
  }
  return offsets
}

function signedDuration(text: string): number {
  const negative = text.startsWith('-')
  const duration = parseDuration(text.replace(/^[+-]/, ''))
  return negative ? -duration : duration
}

interface ClassicHistogram {
  readonly labels: Labels
  readonly buckets: Map<number, number>
  sum: number
  count: number | null
}

/** Adds, for the classic histograms of a block, native ones with custom buckets under the bare name. */
function addCustomBuckets(command: LoadCommand, series: readonly LoadedSeries[], builder: BatchBuilder): void {
  const groups = new Map<string, Map<number, ClassicHistogram>>()
  for (const { labels, values } of series) {
    const match = /^(.*)_(bucket|count|sum)$/.exec(labels.metric)
    if (match === null) continue
    const part = match[2] as 'bucket' | 'count' | 'sum'
    const bound = Number(labels.get('le').replace('Inf', 'Infinity'))
    if (part === 'bucket' && (!labels.has('le') || Number.isNaN(bound))) continue
    const target = labels.with('le', '').with(METRIC_NAME, match[1]!)
    for (const [i, value] of values.entries()) {
      if (value.type !== 'float') continue
      let group = groups.get(target.key())
      if (group === undefined) groups.set(target.key(), (group = new Map()))
      let classic = group.get(i)
      if (classic === undefined) group.set(i, (classic = { labels: target, buckets: new Map(), sum: 0, count: null }))
      if (part === 'bucket') classic.buckets.set(bound, value.value)
      else if (part === 'sum') classic.sum = value.value
      else classic.count = value.value
    }
  }
  for (const group of groups.values()) {
    for (const [i, classic] of group) {
      const converted = toCustomBuckets(command, classic)
      if (converted !== null) builder.add('histogram', builder.slot(classic.labels), i * command.stepMs, converted)
    }
  }
}

function toCustomBuckets(command: LoadCommand, classic: ClassicHistogram): Histogram | null {
  if (classic.buckets.size === 0) return null
  const bounds = [...classic.buckets.keys()].sort((a, b) => a - b)
  const finite = bounds.filter((bound) => bound !== Infinity)
  const last = classic.buckets.get(bounds.at(-1)!)!
  const count = classic.count ?? last
  const counts: number[] = []
  let before = 0
  for (const bound of [...finite, Infinity]) {
    const cumulative = classic.buckets.get(bound) ?? count
    if (cumulative < before) throw new ScriptError(command.line, `classic histogram ${classic.labels.toString()} has decreasing buckets`)
    counts.push(cumulative - before)
    before = cumulative
  }
  if (before !== count)
    throw new ScriptError(command.line, `classic histogram ${classic.labels.toString()} counts ${count} but its buckets ${before}`)
  return histogram({
    schema: CUSTOM_BUCKETS_SCHEMA,
    count,
    sum: classic.sum,
    customValues: Float64Array.from(finite),
    positiveSpans: [{ offset: 0, length: counts.length }],
    positiveBuckets: Float64Array.from(counts),
  })
}
