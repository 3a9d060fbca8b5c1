/**
 * Remote write through the kernel: the walk has found the known series and filled the columns; here new series are read and added to its
 * table, and what is not a sample (histograms, exemplars, metadata) is decoded as the plain decoders do it. A series whose labels are refused
 * costs itself: its samples are taken out of the columns again.
 *
 * Broken bytes, and whatever no sender writes, make this give up: the plain decoder then reads the body and says what is wrong with it.
 */
import { decodeLabels, Labels, METRIC_NAME, TsinkError, type SeriesTable } from '@tsink/core'
import type { SeriesWalk } from '@tsink/kernel'
import { BatchWriter } from '../batch-writer.ts'
import { Rejected, type DecodeOptions } from '../decoded.ts'
import { LabelWriter } from '../label-writer.ts'
import { ProtoReader } from '../protobuf.ts'
import { textOf } from '../utf8.ts'
import { decodeExemplarPairs, decodeLabel, decodeMetadata } from './decode-v1.ts'
import { decodeExemplarFields, decodeMetadataFields, metadataProblem, pairsOf, printPairs, refsProblem } from './decode-v2.ts'
import type { RemoteWriteDecoded } from './decode.ts'
import { decodeHistogram } from './histogram.ts'

const METADATA_OF_REQUEST = -1
const labelWriter = new LabelWriter()

/** Decodes the body that `walk` has loaded, or null. */
export function decodeWalked(walk: SeriesWalk, version: 1 | 2, options: DecodeOptions): RemoteWriteDecoded | null {
  try {
    return decodeColumns(walk, version, options)
  } catch (error) {
    if (error instanceof TsinkError) return null
    throw error
  }
}

function decodeColumns(walk: SeriesWalk, version: 1 | 2, options: DecodeOptions): RemoteWriteDecoded | null {
  if (walk.walk(version) !== 0) return null
  const reader = new ProtoReader(walk.bytes, 'remote write', 0, walk.bodyEnd)
  const refusals = new Refusals(walk, version)
  for (let i = 0; i < walk.misses; i++) {
    const { slot, start, end } = walk.miss(i)
    const key = version === 1 ? readLabels(reader, start, end) : readRefs(reader, walk, start, end)
    const problem = typeof key === 'string' ? key : labelWriter.finish(true)
    if (typeof key !== 'string' && problem === null) {
      if (!walk.add(slot, version, key, labelWriter.bytes.subarray(0, labelWriter.length))) return null
      continue
    }
    // A refused series is no entry of the table: its slot stays without labels.
    const shown = version === 1 ? labelWriter.toString() : printRefs(reader, walk, start, end)
    refusals.series(slot, start, version === 1 ? `${problem}: ${shown}` : `invalid metric name or labels, got ${shown}: ${problem}`)
  }
  const { series, entries } = walk.gather()
  const writer = new BatchWriter({ now: options.now, ...(options.unit === undefined ? {} : { unit: options.unit }) })
  const { slots, timestamps, values, startTimestamps, ...columns } = walk.columns()
  const count = refusals.isEmpty ? columns.count : refusals.takeOut(columns.count, slots, timestamps, values, startTimestamps)
  const floats = writer.floatColumns(count, slots, timestamps, values, startTimestamps)
  const rest = new Rest(walk, reader, writer, series, refusals)
  for (let i = 0; i < walk.rests; i++) {
    const { slot, tag, at } = walk.rest(i)
    reader.at = at
    rest.decode(version, slot, tag)
  }
  options.cache!.expectWalked(series, entries)
  const { generation } = walk
  const built = writer.build()
  return {
    version,
    batch: {
      series,
      samples: count === 0 ? built.samples : [floats, ...built.samples],
      metadata: built.metadata ?? [],
      exemplars: built.exemplars ?? [],
    },
    rejected: refusals.rejected(),
    release: () => walk.recycle(series),
    failed: () => walk.tellAgain(entries, generation),
    samples: count,
    histograms: rest.histograms,
    exemplars: writer.exemplars,
  }
}

/** Reads the label fields from `start` to `end` into the label writer; their bytes are the key. */
function readLabels(reader: ProtoReader, start: number, end: number): Uint8Array {
  const outer = reader.end
  labelWriter.begin()
  reader.at = start
  reader.end = end
  while (reader.more) {
    reader.tag()
    decodeLabel(reader, labelWriter)
  }
  reader.end = outer
  return reader.bytes.subarray(start, end)
}

let keyBytes = new Uint8Array(4_096)

function refsOf(reader: ProtoReader, start: number, end: number): number[] {
  const outer = reader.end
  const refs: number[] = []
  reader.at = start
  reader.end = end
  while (reader.more) refs.push(reader.uint32())
  reader.end = outer
  return refs
}

/**
 * Reads the labels that packed symbol numbers name into the label writer; each symbol behind its length is the key. A text says what is wrong
 * with the numbers.
 */
function readRefs(reader: ProtoReader, walk: SeriesWalk, start: number, end: number): Uint8Array | string {
  const refs = refsOf(reader, start, end)
  const problem = refsProblem(refs, walk.symbols)
  if (problem !== null) return problem
  labelWriter.begin()
  let length = 0
  for (let i = 0; i < refs.length; i++) {
    const ref = refs[i]!
    const from = walk.symbolStart(ref)
    const to = walk.symbolEnd(ref)
    if (i % 2 === 0) labelWriter.name(reader.bytes, from, to)
    else labelWriter.value(reader.bytes, from, to)
    if (length + to - from + 5 > keyBytes.length) {
      const larger = new Uint8Array((length + to - from + 5) * 2)
      larger.set(keyBytes)
      keyBytes = larger
    }
    let size = to - from
    for (; size >= 0x80; size >>>= 7) keyBytes[length++] = (size & 0x7f) | 0x80
    keyBytes[length++] = size
    keyBytes.set(reader.bytes.subarray(from, to), length)
    length += to - from
  }
  return keyBytes.subarray(0, length)
}

function printRefs(reader: ProtoReader, walk: SeriesWalk, start: number, end: number): string {
  return printPairs(pairsOf(refsOf(reader, start, end), (ref) => symbolOf(reader, walk, ref)))
}

function symbolOf(reader: ProtoReader, walk: SeriesWalk, ref: number): string {
  return ref < walk.symbols ? textOf(reader.bytes, walk.symbolStart(ref), walk.symbolEnd(ref)) : `symbol ${ref}`
}

/** What the walk left: decodes one field at a time. */
class Rest {
  histograms = 0
  readonly #walk: SeriesWalk
  readonly #reader: ProtoReader
  readonly #writer: BatchWriter
  readonly #series: SeriesTable
  readonly #refusals: Refusals

  constructor(walk: SeriesWalk, reader: ProtoReader, writer: BatchWriter, series: SeriesTable, refusals: Refusals) {
    this.#walk = walk
    this.#reader = reader
    this.#writer = writer
    this.#series = series
    this.#refusals = refusals
  }

  /** Decodes the field whose length the reader stands at. */
  decode(version: 1 | 2, slot: number, tag: number): void {
    const [reader, at] = [this.#reader, this.#reader.at]
    const isHistogram = tag === (version === 1 ? 0x22 : 0x1a) && slot !== METADATA_OF_REQUEST
    if (this.#refusals.has(slot)) {
      if (isHistogram) this.#refusals.sampleOf(slot)
      return
    }
    if (isHistogram) {
      const outer = reader.enter()
      const { histogram, problem, timestamp, startTimestamp } = decodeHistogram(reader)
      reader.leave(outer)
      if (histogram === null) return this.#refusals.part(at, `histogram at ${timestamp}`, problem!, 1)
      this.#writer.histogram(slot, timestamp, histogram, startTimestamp)
      this.histograms++
    } else if (version === 1) {
      if (slot === METADATA_OF_REQUEST) {
        const outer = reader.enter()
        decodeMetadata(reader, this.#writer)
        reader.leave(outer)
      } else {
        const { pairs, value, timestamp } = decodeExemplarPairs(reader)
        this.#exemplar(slot, at, pairs, timestamp, value)
      }
    } else if (tag === 0x22) {
      const { refs, value, timestamp } = decodeExemplarFields(reader)
      const problem = refsProblem(refs, this.#walk.symbols)
      if (problem !== null) return this.#refusals.part(at, `exemplar at ${timestamp}`, problem, 0)
      const pairs = pairsOf(refs, (ref) => symbolOf(reader, this.#walk, ref))
      this.#exemplar(slot, at, pairs, timestamp, value)
    } else this.#metadata(slot, at)
  }

  #exemplar(slot: number, at: number, pairs: readonly (readonly [string, string])[], timestamp: number, value: number): void {
    try {
      this.#writer.exemplar(slot, Labels.from(pairs), timestamp, value)
    } catch (error) {
      this.#refusals.part(at, `exemplar at ${timestamp}`, (error as Error).message, 0)
    }
  }

  #metadata(slot: number, at: number): void {
    const [reader, walk] = [this.#reader, this.#walk]
    const { type, help, unit } = decodeMetadataFields(reader)
    const problem = metadataProblem(help, unit, walk.symbols)
    if (problem !== null) return this.#refusals.part(at, 'metadata', problem, 0)
    if (type === 'unknown' && help === 0 && unit === 0) return
    const metric = decodeLabels(this.#series.labelBytes(slot)).get(METRIC_NAME)
    this.#writer.metadata(metric, { type, help: symbolOf(reader, walk, help), unit: symbolOf(reader, walk, unit) })
  }
}

/** What of a body was refused, told by its place as the plain decoder tells it. */
class Refusals {
  readonly #walk: SeriesWalk
  readonly #tag: number
  readonly #series = new Map<number, { readonly at: number; readonly reason: string; samples: number }>()
  readonly #parts: { readonly at: number; readonly what: string; readonly reason: string; readonly samples: number }[] = []

  constructor(walk: SeriesWalk, version: 1 | 2) {
    this.#walk = walk
    this.#tag = version === 1 ? 0x0a : 0x2a
  }

  /** Whether no series was refused. */
  get isEmpty(): boolean {
    return this.#series.size === 0
  }

  /** Refuses the series of a slot, whose labels stand at `at`. */
  series(slot: number, at: number, reason: string): void {
    this.#series.set(slot, { at, reason, samples: 0 })
  }

  has(slot: number): boolean {
    return this.#series.has(slot)
  }

  /** Counts a sample of a refused series. */
  sampleOf(slot: number): void {
    this.#series.get(slot)!.samples++
  }

  /** Refuses a part of a series, which stands at `at`. */
  part(at: number, what: string, reason: string, samples: number): void {
    this.#parts.push({ at, what: ` ${what}`, reason, samples })
  }

  /** Takes the samples of refused series out of the columns, and answers how many stay. */
  takeOut(count: number, slots: Uint32Array, timestamps: Float64Array, values: Float64Array, starts: Float64Array | null): number {
    let kept = 0
    for (let i = 0; i < count; i++) {
      const refused = this.#series.get(slots[i]!)
      if (refused !== undefined) {
        refused.samples++
        continue
      }
      if (kept < i) {
        slots[kept] = slots[i]!
        timestamps[kept] = timestamps[i]!
        // As bytes, since a plain number may lose those of a NaN.
        values.copyWithin(kept, i, i + 1)
        if (starts !== null) starts[kept] = starts[i]!
      }
      kept++
    }
    return kept
  }

  /** All refusals in the order of the body. */
  rejected(): Rejected {
    const rejected = new Rejected()
    const all = [...this.#parts]
    for (const { at, reason, samples } of this.#series.values()) all.push({ at, what: '', reason, samples })
    if (all.length === 0) return rejected
    const ends = this.#seriesEnds()
    let series = 0
    for (const { at, what, reason, samples } of all.sort((a, b) => a.at - b.at)) {
      // What is refused of an empty series stands where it ends.
      while (ends[series]! < at) series++
      rejected.add(`timeseries[${series}]${what}`, reason, samples)
    }
    return rejected
  }

  /** Where each series of the body ends. */
  #seriesEnds(): number[] {
    const { bytes, body, bodyEnd } = this.#walk
    const reader = new ProtoReader(bytes, 'remote write', bodyEnd - body.length, bodyEnd)
    const ends: number[] = []
    while (reader.more) {
      const tag = reader.tag()
      reader.skip(tag)
      if (tag === this.#tag) ends.push(reader.at)
    }
    return ends
  }
}
