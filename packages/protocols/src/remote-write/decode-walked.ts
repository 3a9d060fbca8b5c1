/**
 * Remote write through the kernel: the walk has found the known series and filled the columns; here new series are read and added to its
 * table, and what is not a sample (histograms, exemplars, metadata) is decoded as the plain decoders do it.
 *
 * Whatever is not as it should be makes this give up: the plain decoder then reads the body and says what is wrong with it.
 */
import { decodeLabels, Labels, METRIC_NAME, TsinkError, type SeriesTable } from '@tsink/core'
import type { SeriesWalk } from '@tsink/kernel'
import { BatchWriter } from '../batch-writer.ts'
import { Rejected, type DecodeOptions } from '../decoded.ts'
import { LabelWriter } from '../label-writer.ts'
import { ProtoReader } from '../protobuf.ts'
import { textOf } from '../utf8.ts'
import { decodeExemplar, decodeLabel, decodeMetadata } from './decode-v1.ts'
import { decodeExemplarFields, decodeMetadataFields } from './decode-v2.ts'
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
  for (let i = 0; i < walk.misses; i++) {
    const { slot, start, end } = walk.miss(i)
    const key = version === 1 ? readLabels(reader, start, end) : readRefs(reader, walk, start, end)
    if (key === null || labelWriter.finish(true) !== null) return null
    if (!walk.add(slot, version, key, labelWriter.bytes.subarray(0, labelWriter.length))) return null
  }
  const gathered = walk.gather()
  if (gathered === null) return null
  const { series, entries } = gathered
  const writer = new BatchWriter({ now: options.now, ...(options.unit === undefined ? {} : { unit: options.unit }) })
  const { count, slots, timestamps, values, startTimestamps } = walk.columns()
  const floats = writer.floatColumns(count, slots, timestamps, values, startTimestamps)
  const rest = new Rest(walk, reader, writer, series)
  for (let i = 0; i < walk.rests; i++) {
    const { slot, tag, at } = walk.rest(i)
    reader.at = at
    if (!rest.decode(version, slot, tag)) return null
  }
  options.cache!.expectWalked(series, entries)
  const built = writer.build()
  return {
    version,
    batch: {
      series,
      samples: count === 0 ? built.samples : [floats, ...built.samples],
      metadata: built.metadata ?? [],
      exemplars: built.exemplars ?? [],
    },
    rejected: new Rejected(),
    release: () => walk.recycle(series),
    samples: count,
    histograms: rest.histograms,
    exemplars: writer.exemplars,
  }
}

/** Reads the label fields from `start` to `end` into the label writer; their bytes are the key. */
function readLabels(reader: ProtoReader, start: number, end: number): Uint8Array | null {
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

/** Reads the labels that packed symbol numbers name into the label writer; each symbol behind its length is the key. */
function readRefs(reader: ProtoReader, walk: SeriesWalk, start: number, end: number): Uint8Array | null {
  const outer = reader.end
  const refs: number[] = []
  reader.at = start
  reader.end = end
  while (reader.more) refs.push(reader.uint32())
  reader.end = outer
  if (refs.length % 2 !== 0) return null
  labelWriter.begin()
  let length = 0
  for (let i = 0; i < refs.length; i++) {
    const ref = refs[i]!
    if (ref >= walk.symbols) return null
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

/** What the walk left: decodes one field at a time. */
class Rest {
  histograms = 0
  readonly #walk: SeriesWalk
  readonly #reader: ProtoReader
  readonly #writer: BatchWriter
  readonly #series: SeriesTable
  readonly #rejected = new Rejected()

  constructor(walk: SeriesWalk, reader: ProtoReader, writer: BatchWriter, series: SeriesTable) {
    this.#walk = walk
    this.#reader = reader
    this.#writer = writer
    this.#series = series
  }

  /** Decodes the field whose length the reader stands at; false when anything about it is refused. */
  decode(version: 1 | 2, slot: number, tag: number): boolean {
    const reader = this.#reader
    const isHistogram = tag === (version === 1 ? 0x22 : 0x1a) && slot !== METADATA_OF_REQUEST
    if (isHistogram) {
      const outer = reader.enter()
      const { histogram, timestamp, startTimestamp } = decodeHistogram(reader)
      reader.leave(outer)
      if (histogram === null) return false
      this.#writer.histogram(slot, timestamp, histogram, startTimestamp)
      this.histograms++
    } else if (version === 1) {
      if (slot === METADATA_OF_REQUEST) {
        const outer = reader.enter()
        decodeMetadata(reader, this.#writer)
        reader.leave(outer)
      } else decodeExemplar(reader, this.#writer, slot, this.#rejected, 0)
    } else if (tag === 0x22) {
      const { refs, value, timestamp } = decodeExemplarFields(reader)
      const pairs: [string, string][] = []
      for (let i = 0; i + 1 < refs.length; i += 2) {
        if (refs[i]! >= this.#walk.symbols || refs[i + 1]! >= this.#walk.symbols) return false
        pairs.push([this.#symbol(refs[i]!), this.#symbol(refs[i + 1]!)])
      }
      if (refs.length % 2 !== 0) return false
      try {
        this.#writer.exemplar(slot, Labels.from(pairs), timestamp, value)
      } catch {
        return false
      }
    } else {
      const { type, help, unit } = decodeMetadataFields(reader)
      if (help >= this.#walk.symbols || unit >= this.#walk.symbols) return false
      if (type === 'unknown' && help === 0 && unit === 0) return true
      const metric = decodeLabels(this.#series.labelBytes(slot)).get(METRIC_NAME)
      this.#writer.metadata(metric, { type, help: this.#symbol(help), unit: this.#symbol(unit) })
    }
    return this.#rejected.count === 0
  }

  #symbol(ref: number): string {
    return textOf(this.#reader.bytes, this.#walk.symbolStart(ref), this.#walk.symbolEnd(ref))
  }
}
