/** Remote write 2.0: a Request with one table of symbols, from which series, exemplars and metadata take their strings by number. */
import { Labels, METRIC_NAME, type MetricType } from '@tsink/core'
import { BatchWriter } from '../batch-writer.ts'
import { Rejected, tooLarge, type DecodeOptions } from '../decoded.ts'
import { LabelWriter } from '../label-writer.ts'
import { BYTES, FIXED64, ProtoReader, VARINT } from '../protobuf.ts'
import { KEY_KINDS } from '../series-cache.ts'
import { isUtf8, textOf } from '../utf8.ts'
import type { RemoteWriteDecoded } from './decode.ts'
import { decodeHistogram } from './histogram.ts'
import { REMOTE_WRITE_LIMITS } from './limits.ts'
import { metricType } from './metadata.ts'

const FORMAT = 'remote write 2.0'
const SYMBOL_TAG = (4 << 3) | BYTES
const SERIES_TAG = (5 << 3) | BYTES

export function decodeRequestV2(body: Uint8Array, options: DecodeOptions): RemoteWriteDecoded {
  const reader = new ProtoReader(body, FORMAT)
  const request = new Request(reader, readSymbols(reader), new BatchWriter(options, Math.min(4_096, body.length >>> 6) + 1, body.length))
  reader.at = 0
  for (let index = 0; reader.more;) {
    const tag = reader.tag()
    if (tag !== SERIES_TAG) {
      reader.skip(tag)
      continue
    }
    const outer = reader.enter()
    request.series(index++)
    reader.leave(outer)
  }
  const { batch, rejected, histograms } = request
  return { version: 2, batch: batch.build(), rejected, samples: batch.samples - histograms, histograms, exemplars: batch.exemplars }
}

/** Where each symbol stands in the body. */
interface Symbols {
  readonly count: number
  readonly starts: Uint32Array
  readonly ends: Uint32Array
}

// Symbols are read first wherever they stand, since series may come before them.
function readSymbols(reader: ProtoReader): Symbols {
  let starts: Uint32Array = new Uint32Array(256)
  let ends: Uint32Array = new Uint32Array(256)
  let count = 0
  while (reader.more) {
    const tag = reader.tag()
    if (tag !== SYMBOL_TAG) {
      reader.skip(tag)
      continue
    }
    const end = reader.length()
    if (count >= REMOTE_WRITE_LIMITS.symbols) throw tooLarge('symbols', count + 1, REMOTE_WRITE_LIMITS.symbols)
    if (count === starts.length) {
      const moreStarts = new Uint32Array(count * 2)
      moreStarts.set(starts)
      starts = moreStarts
      const moreEnds = new Uint32Array(count * 2)
      moreEnds.set(ends)
      ends = moreEnds
    }
    if (count === 0 && end > reader.at) throw reader.problem(reader.at, 'the first symbol is not the empty string')
    if (!isUtf8(reader.bytes, reader.at, end)) throw reader.problem(reader.at, `symbol ${count} is not valid UTF-8`)
    starts[count] = reader.at
    ends[count] = end
    count++
    reader.at = end
  }
  return { count, starts, ends }
}

const labelWriter = new LabelWriter()

/** One request that is being decoded. */
class Request {
  readonly batch: BatchWriter
  readonly rejected: Rejected = new Rejected()
  histograms = 0
  readonly #reader: ProtoReader
  readonly #symbols: Symbols
  /** The numbers of the labels that are looked at. */
  readonly #refs: number[] = []
  #key: Uint8Array = new Uint8Array(1_024)

  constructor(reader: ProtoReader, symbols: Symbols, batch: BatchWriter) {
    this.#reader = reader
    this.#symbols = symbols
    this.batch = batch
  }

  /** Decodes the series in whose message the reader stands. */
  series(index: number): void {
    const reader = this.#reader
    const start = reader.at
    this.#refs.length = 0
    collectRefs(reader, this.#refs)
    const problem = refsProblem(this.#refs, this.#symbols.count)
    let slot = -1
    if (problem === null) slot = this.#slot()
    if (slot < 0) {
      reader.at = start
      const samples = this.#count()
      const named = problem ?? this.#labelsProblem
      this.rejected.add(
        `timeseries[${index}]`,
        `invalid metric name or labels, got ${printPairs(this.#pairs(this.#refs))}: ${named}`,
        samples,
      )
      return
    }
    reader.at = start
    this.#decodeParts(slot, index)
  }

  #labelsProblem = ''

  /** The slot of the series that the collected numbers name, or -1 with the reason kept. */
  #slot(): number {
    const { starts, ends } = this.#symbols
    const bytes = this.#reader.bytes
    let end = 0
    for (const ref of this.#refs) {
      const from = starts[ref]!
      const to = ends[ref]!
      if (end + (to - from) + 5 > this.#key.length) this.#growKey(end + (to - from) + 5)
      const key = this.#key
      let size = to - from
      for (; size >= 0x80; size >>>= 7) key[end++] = (size & 0x7f) | 0x80
      key[end++] = size
      if (to - from > 40) {
        key.set(bytes.subarray(from, to), end)
        end += to - from
      } else for (let i = from; i < to; i++) key[end++] = bytes[i]!
    }
    const known = this.batch.known(this.#key, 0, end, KEY_KINDS.pairs)
    if (known >= 0) return known
    labelWriter.begin()
    for (let i = 0; i < this.#refs.length; i += 2) {
      const name = this.#refs[i]!
      const value = this.#refs[i + 1]!
      labelWriter.add(bytes, starts[name]!, ends[name]!, starts[value]!, ends[value]!)
    }
    const problem = labelWriter.finish(true)
    if (problem !== null) {
      this.#labelsProblem = problem
      return -1
    }
    return this.batch.remember(this.#key, 0, end, KEY_KINDS.pairs, labelWriter)
  }

  #decodeParts(slot: number, index: number): void {
    const reader = this.#reader
    while (reader.more) {
      const tag = reader.tag()
      switch (tag) {
        case (2 << 3) | BYTES:
          this.#decodeSample(slot)
          break
        case (3 << 3) | BYTES: {
          const outer = reader.enter()
          const { histogram, problem, timestamp, startTimestamp } = decodeHistogram(reader)
          reader.leave(outer)
          if (histogram === null) this.rejected.add(`timeseries[${index}] histogram at ${timestamp}`, problem!)
          else {
            this.batch.histogram(slot, timestamp, histogram, startTimestamp)
            this.histograms++
          }
          break
        }
        case (4 << 3) | BYTES:
          this.#decodeExemplar(slot, index)
          break
        case (5 << 3) | BYTES:
          this.#decodeMetadata(index)
          break
        default:
          reader.skip(tag)
      }
    }
  }

  #decodeSample(slot: number): void {
    const reader = this.#reader
    const outer = reader.enter()
    let value = 0
    let timestamp = 0
    let startTimestamp = 0
    while (reader.more) {
      const tag = reader.tag()
      if (tag === ((1 << 3) | FIXED64)) value = reader.double()
      else if (tag === ((2 << 3) | VARINT)) timestamp = reader.int64()
      else if (tag === ((3 << 3) | VARINT)) startTimestamp = reader.int64()
      else reader.skip(tag)
    }
    reader.leave(outer)
    this.batch.float(slot, timestamp, value, startTimestamp)
    if (value !== value) this.batch.nanBits(reader.nanLow, reader.nanHigh)
  }

  #decodeExemplar(slot: number, index: number): void {
    const { refs, value, timestamp } = decodeExemplarFields(this.#reader)
    const problem = refsProblem(refs, this.#symbols.count)
    if (problem !== null) {
      this.rejected.add(`timeseries[${index}] exemplar at ${timestamp}`, problem, 0)
      return
    }
    try {
      this.batch.exemplar(slot, Labels.from(this.#pairs(refs)), timestamp, value)
    } catch (error) {
      this.rejected.add(`timeseries[${index}] exemplar at ${timestamp}`, (error as Error).message, 0)
    }
  }

  #decodeMetadata(index: number): void {
    const { type, help, unit } = decodeMetadataFields(this.#reader)
    const problem = metadataProblem(help, unit, this.#symbols.count)
    if (problem !== null) {
      this.rejected.add(`timeseries[${index}] metadata`, problem, 0)
      return
    }
    if (type === 'unknown' && help === 0 && unit === 0) return
    const name = this.#pairs(this.#refs).find(([label]) => label === METRIC_NAME)
    if (name !== undefined) this.batch.metadata(name[1], { type, help: this.#symbol(help), unit: this.#symbol(unit) })
  }

  #count(): number {
    const reader = this.#reader
    let count = 0
    while (reader.more) {
      const tag = reader.tag()
      if (tag === ((2 << 3) | BYTES) || tag === ((3 << 3) | BYTES)) count++
      reader.skip(tag)
    }
    return count
  }

  #pairs(refs: readonly number[]): [string, string][] {
    return pairsOf(refs, (ref) => this.#symbol(ref))
  }

  #symbol(ref: number): string {
    return ref < this.#symbols.count ? textOf(this.#reader.bytes, this.#symbols.starts[ref], this.#symbols.ends[ref]) : `symbol ${ref}`
  }

  #growKey(need: number): void {
    const key = new Uint8Array(need * 2)
    key.set(this.#key)
    this.#key = key
  }
}

/** What is wrong with numbers of symbols that stand for labels, or null. */
export function refsProblem(refs: readonly number[], symbols: number): string | null {
  if (refs.length % 2 !== 0) return `${refs.length} label references; they must come in pairs`
  for (const ref of refs) if (ref >= symbols) return `label reference ${ref}, but there are ${symbols} symbols`
  return null
}

/** What is wrong with the numbers of help and unit, or null; 0 is none. */
export function metadataProblem(help: number, unit: number, symbols: number): string | null {
  const isWrong = (ref: number): boolean => ref >= symbols && ref !== 0
  return isWrong(help) || isWrong(unit) ? `reference ${Math.max(help, unit)}, but there are ${symbols} symbols` : null
}

/** Numbers of symbols as pairs of their texts. */
export function pairsOf(refs: readonly number[], symbol: (ref: number) => string): [string, string][] {
  const pairs: [string, string][] = []
  for (let i = 0; i + 1 < refs.length; i += 2) pairs.push([symbol(refs[i]!), symbol(refs[i + 1]!)])
  return pairs
}

/** Label pairs for a message, cut where they are long. */
export function printPairs(pairs: readonly (readonly [string, string])[]): string {
  const shown = pairs.slice(0, 20).map(([name, value]) => `${name.slice(0, 80)}=${JSON.stringify(value.slice(0, 80))}`)
  return `{${shown.join(', ')}${pairs.length > 20 ? ', ...' : ''}}`
}

/** Adds the numbers of all fields 1 of the message from here on, packed or not. */
function collectRefs(reader: ProtoReader, into: number[]): void {
  while (reader.more) {
    const tag = reader.tag()
    if (tag === ((1 << 3) | BYTES)) {
      const outer = reader.enter()
      while (reader.more) into.push(reader.uint32())
      reader.leave(outer)
    } else if (tag === ((1 << 3) | VARINT)) into.push(reader.uint32())
    else reader.skip(tag)
  }
}

/** Reads an exemplar whose length the reader stands at. */
export function decodeExemplarFields(reader: ProtoReader): { refs: number[]; value: number; timestamp: number } {
  const outer = reader.enter()
  const start = reader.at
  const refs: number[] = []
  collectRefs(reader, refs)
  reader.at = start
  let value = 0
  let timestamp = 0
  while (reader.more) {
    const tag = reader.tag()
    if (tag === ((2 << 3) | FIXED64)) value = reader.double()
    else if (tag === ((3 << 3) | VARINT)) timestamp = reader.int64()
    else reader.skip(tag)
  }
  reader.leave(outer)
  return { refs, value, timestamp }
}

/** Reads metadata whose length the reader stands at. `help` and `unit` are numbers of symbols. */
export function decodeMetadataFields(reader: ProtoReader): { type: MetricType; help: number; unit: number } {
  const outer = reader.enter()
  let type: MetricType = 'unknown'
  let help = 0
  let unit = 0
  while (reader.more) {
    const tag = reader.tag()
    if (tag === ((1 << 3) | VARINT)) type = metricType(reader.uint32())
    else if (tag === ((3 << 3) | VARINT)) help = reader.uint32()
    else if (tag === ((4 << 3) | VARINT)) unit = reader.uint32()
    else reader.skip(tag)
  }
  reader.leave(outer)
  return { type, help, unit }
}
