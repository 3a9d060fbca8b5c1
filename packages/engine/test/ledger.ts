/**
 * Ledger: what a store should hold, told by the plainest means: every write and every delete in the order of their sequences. What is visible is
 * computed from the whole history each time. Engines are held against it.
 */
import { BatchBuilder, Labels, Matcher, SampleBuffer, type SelectedSeries, type ValueKind } from '@tsink/core'
import type { Engine } from '@tsink/engine'

export interface Written {
  readonly series: number
  readonly time: number
  readonly value: number
}

interface Write extends Written {
  readonly order: number
}

interface Deleted {
  readonly series: readonly number[]
  readonly minTime: number
  readonly maxTime: number
  readonly order: number
  readonly sequence: number
  undone: boolean
}

/** Series n holds values of one kind, so that all kinds are met. */
const KINDS: readonly ValueKind[] = ['f64', 'f64', 'i64', 'string', 'f64', 'histogram', 'u64', 'bool', 'f64', 'bytes']

export function kindOf(series: number): ValueKind {
  return KINDS[series % KINDS.length]!
}

export function labelsOf(series: number): Labels {
  return Labels.of({ __name__: series % 2 === 0 ? 'even' : 'odd', n: String(series), group: `g${series % 3}` })
}

export class Ledger {
  readonly writes: Write[] = []
  readonly deletes: Deleted[] = []
  /** Samples before this time are of no interest: retention may have dropped them. */
  minTime: number = -Infinity
  #order = 0

  write(samples: readonly Written[]): void {
    for (const sample of samples) this.writes.push({ ...sample, order: ++this.#order })
  }

  delete(series: readonly number[], minTime: number, maxTime: number, sequence: number): void {
    this.deletes.push({ series, minTime, maxTime, order: ++this.#order, sequence, undone: false })
  }

  /** Visible samples by series, as text that shows the value exactly. */
  visible(minTime: number, maxTime: number): Map<number, Map<number, string>> {
    const all = new Map<number, Map<number, string>>()
    for (const { series, time, value, order } of this.writes) {
      if (time < minTime || time > maxTime || time < this.minTime) continue
      const hidden = this.deletes.some(
        (each) => !each.undone && each.order > order && each.series.includes(series) && time >= each.minTime && time <= each.maxTime,
      )
      if (hidden) continue
      let samples = all.get(series)
      if (samples === undefined) {
        samples = new Map()
        all.set(series, samples)
      }
      samples.set(time, valueText(kindOf(series), value))
    }
    return all
  }
}

/** A batch of the samples, in their order. */
export function batchOf(samples: readonly Written[]): ReturnType<BatchBuilder['build']> {
  const builder = new BatchBuilder()
  for (const { series, time, value } of samples) {
    const slot = builder.slot(labelsOf(series))
    const kind = kindOf(series)
    if (kind === 'f64') builder.float(slot, time, value)
    else if (kind === 'bool') builder.add('bool', slot, time, value % 2)
    else if (kind === 'i64') builder.add('i64', slot, time, -(2n ** 62n) + BigInt(value))
    else if (kind === 'u64') builder.add('u64', slot, time, 2n ** 63n + BigInt(value))
    else if (kind === 'string') builder.add('string', slot, time, `väl-${value}`)
    else if (kind === 'bytes') builder.add('bytes', slot, time, Uint8Array.of(value & 255, value >> 8))
    // Every third histogram series sample is a float: both live in one series.
    else if (value % 3 === 0) builder.float(slot, time, value)
    else builder.add('histogram', slot, time, histogramOf(value))
  }
  return builder.build()
}

function histogramOf(value: number): Parameters<typeof valueOfHistogram>[0] {
  return {
    schema: 2,
    count: value,
    sum: value * 2,
    zeroThreshold: 0.001,
    zeroCount: 0,
    positiveSpans: [{ offset: 1, length: 2 }],
    positiveBuckets: Float64Array.of(1, value - 1),
    negativeSpans: [],
    negativeBuckets: new Float64Array(0),
    customValues: new Float64Array(0),
    hint: 'unknown',
    isInteger: true,
  }
}

function valueOfHistogram(h: import('@tsink/core').Histogram): string {
  return `h${h.count}/${h.sum}/${[...h.positiveBuckets].join(',')}`
}

function valueText(kind: ValueKind, value: number): string {
  switch (kind) {
    case 'bool':
      return String(value % 2)
    case 'i64':
      return String(-(2n ** 62n) + BigInt(value))
    case 'u64':
      return String(2n ** 63n + BigInt(value))
    case 'string':
      return `väl-${value}`
    case 'bytes':
      return `${value & 255},${value >> 8}`
    case 'histogram':
      return value % 3 === 0 ? String(value) : valueOfHistogram(histogramOf(value))
    default:
      return String(value)
  }
}

/** What an engine shows, in the ledger's form. With `last` each series shows its newest sample, and may show others. */
export async function shown(
  engine: Engine,
  matchers: readonly Matcher[],
  minTime: number,
  maxTime: number,
  last = false,
): Promise<Map<number, Map<number, string>>> {
  return gathered(engine.select({ matchers, minTime, maxTime, hints: { last } }), last)
}

/** As {@link shown}, of a selection that has begun. */
export async function gathered(pages: AsyncIterable<readonly SelectedSeries[]>, last: boolean): Promise<Map<number, Map<number, string>>> {
  const found = new Map<number, Map<number, string>>()
  const buffer = new SampleBuffer()
  for await (const page of pages) {
    for (const each of page) {
      const series = Number(each.labels.get('n'))
      if (found.has(series)) throw new Error(`series ${series} comes twice`)
      each.read(buffer)
      if (buffer.count > each.maxSamples)
        throw new Error(`${buffer.count} samples are more than the ${each.maxSamples} that were announced`)
      const samples = new Map<number, string>()
      let before = -Infinity
      for (let i = 0; i < buffer.count; i++) {
        const time = buffer.base + buffer.timestamps[i]!
        if (time <= before) throw new Error(`series ${series}: time ${time} does not ascend`)
        before = time
        samples.set(time, shownValue(buffer, i))
      }
      if (samples.size > 0) found.set(series, samples)
      if (!last) assertRunsAgree(each, samples)
    }
  }
  return found
}

/** The newest sample of each series. */
export function newest(all: ReadonlyMap<number, ReadonlyMap<number, string>>): Map<number, Map<number, string>> {
  return new Map([...all].map(([series, samples]) => [series, new Map([[...samples].toSorted(([a], [b]) => b - a)[0]!])]))
}

/** Reading in runs shows what reading at once does, each run with something in it. */
function assertRunsAgree(series: SelectedSeries, whole: ReadonlyMap<number, string>): void {
  const run = new SampleBuffer()
  const samples = new Map<number, string>()
  for (const _ of series.readRuns!(run, 5)) {
    if (run.count === 0) throw new Error('a run is empty')
    for (let i = 0; i < run.count; i++) samples.set(run.base + run.timestamps[i]!, shownValue(run, i))
  }
  const text = (all: ReadonlyMap<number, string>): string => JSON.stringify([...all])
  if (text(samples) !== text(whole)) throw new Error(`${series.labels.toString()} in runs: ${text(samples)}, at once: ${text(whole)}`)
}

function shownValue(buffer: SampleBuffer, i: number): string {
  const histogram = buffer.histograms?.[i]
  if (histogram !== undefined) return valueOfHistogram(histogram)
  if (buffer.integers !== null) return String(buffer.kind === 'u64' ? BigInt.asUintN(64, buffer.integers[i]!) : buffer.integers[i]!)
  if (buffer.blobs !== null) return buffer.kind === 'string' ? new TextDecoder().decode(buffer.blobs[i]!) : buffer.blobs[i]!.join(',')
  return String(buffer.values[i]!)
}

/** The first difference between what is expected and what is shown, or null. */
export function difference(
  expected: ReadonlyMap<number, ReadonlyMap<number, string>>,
  found: ReadonlyMap<number, ReadonlyMap<number, string>>,
  ignoreBefore: number = -Infinity,
): string | null {
  const series = new Set([...expected.keys(), ...found.keys()])
  for (const each of series) {
    const want = expected.get(each) ?? new Map<number, string>()
    const have = found.get(each) ?? new Map<number, string>()
    for (const time of new Set([...want.keys(), ...have.keys()])) {
      if (time < ignoreBefore) continue
      if (want.get(time) !== have.get(time)) return `series ${each} at ${time}: expected ${want.get(time)}, found ${have.get(time)}`
    }
  }
  return null
}
