/**
 * A batch as a remote-write body, for sending to other stores. Samples are grouped by series; in version 2.0 a series carries floats or
 * histograms, never both, so a series with both is written twice.
 */
import { decodeLabels, METRIC_NAME, type AnySampleColumns, type Exemplar, type Histogram, type WriteBatch } from '@tsink/core'
import { HIGH, LOW, wordsOf } from '../double-bits.ts'
import { encodePairs } from '../label-pairs.ts'
import { ProtoWriter } from '../protobuf.ts'
import { encodeHistogram } from './histogram.ts'
import { metricTypeNumber } from './metadata.ts'

/** The message of `version`, not yet compressed. Times in the batch are milliseconds; kinds other than floats and histograms are left out. */
export function encodeRemoteWrite(batch: WriteBatch, version: 1 | 2): Uint8Array {
  const grouped = groupBySlot(batch)
  return version === 1 ? encodeV1(batch, grouped) : encodeV2(batch, grouped)
}

interface Group {
  readonly floats: { readonly column: AnySampleColumns; readonly index: number }[]
  readonly histograms: { readonly column: AnySampleColumns; readonly index: number }[]
  readonly exemplars: Exemplar[]
}

function groupBySlot(batch: WriteBatch): Group[] {
  const groups = Array.from({ length: batch.series.count }, (): Group => ({ floats: [], histograms: [], exemplars: [] }))
  for (const column of batch.samples) {
    if (column.kind !== 'f64' && column.kind !== 'histogram') continue
    for (let index = 0; index < column.count; index++) {
      const group = groups[column.slots[index]!]!
      if (column.kind === 'f64') group.floats.push({ column, index })
      else group.histograms.push({ column, index })
    }
  }
  for (const exemplar of batch.exemplars ?? []) groups[exemplar.slot]!.exemplars.push(exemplar)
  return groups
}

function encodeValue(writer: ProtoWriter, { column, index }: Group['floats'][number]): void {
  const words = wordsOf(column.values as Float64Array)
  writer.doubleBitsField(1, words[index * 2 + LOW]!, words[index * 2 + HIGH]!)
}

function timeOf({ column, index }: Group['floats'][number]): number {
  return column.base + column.timestamps[index]!
}

function encodeV1(batch: WriteBatch, groups: readonly Group[]): Uint8Array {
  const request = new ProtoWriter(65_536)
  const series = new ProtoWriter(4_096)
  const inner = new ProtoWriter()
  groups.forEach((group, slot) => {
    series.clear()
    encodePairs(series, inner, decodeLabels(batch.series.labelBytes(slot)))
    for (const sample of group.floats) {
      inner.clear()
      encodeValue(inner, sample)
      inner.int64Field(2, timeOf(sample))
      series.message(2, inner)
    }
    for (const exemplar of group.exemplars) {
      const pair = new ProtoWriter()
      inner.clear()
      encodePairs(inner, pair, exemplar.labels)
      inner.doubleField(2, exemplar.value)
      inner.int64Field(3, exemplar.timestamp)
      series.message(3, inner)
    }
    for (const sample of group.histograms) {
      inner.clear()
      encodeHistogram(inner, sample.column.values[sample.index] as unknown as Histogram, timeOf(sample))
      series.message(4, inner)
    }
    request.message(1, series)
  })
  for (const metadata of batch.metadata ?? []) {
    inner.clear()
    inner.int64Field(1, metricTypeNumber(metadata.type))
    inner.stringField(2, metadata.metric)
    inner.stringField(4, metadata.help)
    inner.stringField(5, metadata.unit)
    request.message(3, inner)
  }
  return request.finish()
}

function encodeV2(batch: WriteBatch, groups: readonly Group[]): Uint8Array {
  const symbols = new Map<string, number>([['', 0]])
  const symbol = (text: string): number => {
    let ref = symbols.get(text)
    if (ref === undefined) {
      ref = symbols.size
      symbols.set(text, ref)
    }
    return ref
  }
  const all = new ProtoWriter(65_536)
  const series = new ProtoWriter(4_096)
  const inner = new ProtoWriter()
  const refs = new ProtoWriter()
  const encodeRefs = (into: ProtoWriter, labels: Iterable<readonly [string, string]>): void => {
    refs.clear()
    for (const [name, value] of labels) {
      refs.uvarint(symbol(name))
      refs.uvarint(symbol(value))
    }
    if (refs.length > 0) into.message(1, refs)
  }
  const metadata = new Map((batch.metadata ?? []).map((entry) => [entry.metric, entry]))
  groups.forEach((group, slot) => {
    const labels = decodeLabels(batch.series.labelBytes(slot))
    const parts = group.floats.length > 0 && group.histograms.length > 0 ? ['floats', 'histograms'] : ['both']
    for (const part of parts) {
      series.clear()
      encodeRefs(series, labels)
      for (const sample of part === 'histograms' ? [] : group.floats) {
        inner.clear()
        encodeValue(inner, sample)
        inner.int64Field(2, timeOf(sample))
        inner.int64Field(3, sample.column.startTimestamps?.[sample.index] ?? 0)
        series.message(2, inner)
      }
      for (const sample of part === 'floats' ? [] : group.histograms) {
        inner.clear()
        const start = sample.column.startTimestamps?.[sample.index] ?? 0
        encodeHistogram(inner, sample.column.values[sample.index] as unknown as Histogram, timeOf(sample), start)
        series.message(3, inner)
      }
      for (const exemplar of part === 'histograms' ? [] : group.exemplars) {
        inner.clear()
        encodeRefs(inner, exemplar.labels)
        inner.doubleField(2, exemplar.value)
        inner.int64Field(3, exemplar.timestamp)
        series.message(4, inner)
      }
      const known = metadata.get(labels.get(METRIC_NAME))
      if (known !== undefined) {
        inner.clear()
        inner.int64Field(1, metricTypeNumber(known.type))
        inner.uint64Field(3, symbol(known.help))
        inner.uint64Field(4, symbol(known.unit))
        series.message(5, inner)
      }
      all.message(5, series)
    }
  })
  const request = new ProtoWriter(all.length + 65_536)
  for (const text of symbols.keys()) request.stringField(4, text)
  request.raw(all.view())
  return request.finish()
}
