/**
 * The index sections of a segment file as columns, with every check that keeps a later read from leading outside. Each decoder yields where others may
 * be let through. See docs/format/segment.md.
 */
import { corruption, VALUE_KINDS, type TsinkError } from '@tsink/core'
import { ByteReader, uvarintBytes } from '@tsink/codecs'
import { HEADER_BYTES, type Footer } from './footer.ts'
import { compareTexts, decodeText, MAX_TEXT_BYTES } from './text.ts'

/** The chunks of a segment as columns, in the order of the file. Times are relative to the segment's base. Not to be written to. */
export interface ChunkColumns {
  /** The chunks of series i are those from `chunkFrom[i]` up to but not including `chunkFrom[i + 1]`. */
  readonly chunkFrom: Uint32Array
  /** Place of the kind in VALUE_KINDS. */
  readonly chunkKind: Uint8Array
  /** Samples. */
  readonly chunkCount: Uint32Array
  readonly chunkMinTime: Float64Array
  readonly chunkMaxTime: Float64Array
  readonly chunkOffset: Float64Array
  readonly chunkLength: Uint32Array
}

/** The raw bytes of the sections, in the order of the file. */
export interface RawSections {
  readonly values: Uint8Array
  readonly series: Uint8Array
  readonly postings: Uint8Array
  readonly chunkIndex: Uint8Array
}

/** Label names and values. */
export interface NamesAndValues {
  readonly names: readonly string[]
  /** Where the name stands in the section, its length in front. */
  readonly nameAt: Uint32Array
  /** The values of name n are numbered from `valueFrom[n]` up to but not including `valueFrom[n + 1]`, in byte order. */
  readonly valueFrom: Uint32Array
  /** Where value v stands in the section, its length in front. */
  readonly valueAt: Uint32Array
}

/** Series by shape. */
export interface SeriesTable {
  /** For each shape the places of its names, ascending. */
  readonly shapes: readonly Uint32Array[]
  /** Where series i stands in the section. */
  readonly seriesAt: Uint32Array
}

/** What the sections say. */
export interface Sections {
  readonly values: NamesAndValues
  readonly series: SeriesTable
  /** Where the postings of value v stand in their section, their length in front. */
  readonly postingsAt: Uint32Array
  readonly chunks: ChunkColumns
}

// How many entries are checked between two turns of the event loop: some milliseconds' worth.
const TURN_ENTRIES = 16_384

/** Decodes and checks all sections against each other and against the footer. @throws TsinkError of kind corrupt. */
export function* decodeSections(raw: RawSections, footer: Footer): Generator<void, Sections> {
  const { info, chunksEnd } = footer
  const values = yield* decodeValues(raw.values)
  const series = yield* decodeSeries(raw.series, values, info.series)
  const postingsAt = yield* locatePostings(raw.postings, values.valueAt.length)
  const chunks = yield* decodeChunkIndex(raw.chunkIndex, info.series, info.chunks, chunksEnd)
  checkTotals(chunks, footer)
  return { values, series, postingsAt, chunks }
}

function* decodeValues(bytes: Uint8Array): Generator<void, NamesAndValues> {
  const reader = new ByteReader(bytes, 0, bytes.length, 'section values')
  // A name and its count of values take two bytes, a value one.
  const nameCount = reader.length(2)
  const names: string[] = []
  const nameAt = new Uint32Array(nameCount)
  const valueFrom = new Uint32Array(nameCount + 1)
  const valueAt: Uint32Array[] = []
  let total = 0
  for (let place = 0; place < nameCount; place++) {
    const at = reader.offset
    const start = takeText(reader)
    if (place > 0 && compareTexts(bytes, nameAt[place - 1]!, at) >= 0) throw outOfOrder('names', at)
    nameAt[place] = at
    names.push(decodeText(bytes, start, reader.offset))
    const offsets = new Uint32Array(reader.length(1))
    for (let i = 0; i < offsets.length; i++) {
      offsets[i] = reader.offset
      takeText(reader)
      if (i > 0 && compareTexts(bytes, offsets[i - 1]!, offsets[i]!) >= 0) throw outOfOrder('values', offsets[i]!)
      if (i % TURN_ENTRIES === TURN_ENTRIES - 1) yield
    }
    valueFrom[place] = total
    total += offsets.length
    valueAt.push(offsets)
  }
  valueFrom[nameCount] = total
  checkEnd(reader, 'values')
  const joined = new Uint32Array(total)
  for (let place = 0; place < nameCount; place++) joined.set(valueAt[place]!, valueFrom[place])
  return { names, nameAt, valueFrom, valueAt: joined }
}

/** Skips a text and its length; answers where the text begins. */
function takeText(reader: ByteReader): number {
  const at = reader.offset
  const length = reader.length()
  const start = reader.offset
  if (length >= MAX_TEXT_BYTES || start - at !== uvarintBytes(length)) {
    throw corruption('BAD_FORMAT', 'a label text has an impossible length', { section: 'values', offset: at, found: length })
  }
  reader.skip(length)
  return start
}

function* decodeSeries(bytes: Uint8Array, values: NamesAndValues, seriesCount: number): Generator<void, SeriesTable> {
  const reader = new ByteReader(bytes, 0, bytes.length, 'section series')
  const shapes: Uint32Array[] = []
  const nameCount = values.names.length
  for (let count = reader.length(1); count > 0; count--) {
    const shape = new Uint32Array(reader.length(1))
    for (let i = 0; i < shape.length; i++) {
      const at = reader.offset
      const place = reader.uvarint()
      if (place >= nameCount || (i > 0 && place <= shape[i - 1]!)) {
        throw corruption('BAD_FORMAT', 'a shape names a label that is not there or out of order', {
          section: 'series',
          offset: at,
          found: place,
        })
      }
      shape[i] = place
    }
    shapes.push(shape)
  }
  const countAt = reader.offset
  const count = reader.length(1)
  if (count !== seriesCount) throw wrongCount('series', countAt, seriesCount, count)
  const valueCounts = new Uint32Array(nameCount)
  for (let place = 0; place < nameCount; place++) valueCounts[place] = values.valueFrom[place + 1]! - values.valueFrom[place]!
  const seriesAt = new Uint32Array(count)
  for (let series = 0; series < count; series++) {
    seriesAt[series] = reader.offset
    const shape = shapes[reader.uvarint()]
    if (shape === undefined)
      throw corruption('BAD_FORMAT', 'a series has a shape that is not there', { section: 'series', offset: seriesAt[series]! })
    for (let i = 0; i < shape.length; i++) {
      const at = reader.offset
      const rank = reader.uvarint()
      if (rank >= valueCounts[shape[i]!]!) {
        throw corruption('BAD_FORMAT', 'a series has a value that is not there', {
          section: 'series',
          offset: at,
          expected: valueCounts[shape[i]!]!,
          found: rank,
        })
      }
    }
    if (series % TURN_ENTRIES === TURN_ENTRIES - 1) yield
  }
  checkEnd(reader, 'series')
  return { shapes, seriesAt }
}

function* locatePostings(bytes: Uint8Array, valueCount: number): Generator<void, Uint32Array> {
  const reader = new ByteReader(bytes, 0, bytes.length, 'section postings')
  const postingsAt = new Uint32Array(valueCount)
  for (let value = 0; value < valueCount; value++) {
    postingsAt[value] = reader.offset
    reader.skip(reader.length())
    if (value % TURN_ENTRIES === TURN_ENTRIES - 1) yield
  }
  checkEnd(reader, 'postings')
  return postingsAt
}

function* decodeChunkIndex(bytes: Uint8Array, seriesCount: number, chunkCount: number, chunksEnd: number): Generator<void, ChunkColumns> {
  const section = 'chunk index'
  const reader = new ByteReader(bytes, 0, bytes.length, 'section chunk index')
  // A series takes one byte at least, a chunk five.
  if (seriesCount + 5 * chunkCount > bytes.length) throw wrongCount(section, 0, seriesCount + 5 * chunkCount, bytes.length)
  const chunkFrom = new Uint32Array(seriesCount + 1)
  let total = 0
  for (let series = 0; series < seriesCount; series++) {
    chunkFrom[series] = total
    const at = reader.offset
    const count = reader.uvarint()
    total += count
    if (count < 1 || total > chunkCount) throw wrongCount(section, at, chunkCount, total)
  }
  chunkFrom[seriesCount] = total
  if (total !== chunkCount) throw wrongCount(section, reader.offset, chunkCount, total)
  const chunkKind = reader.take(chunkCount).slice()
  const unknown = chunkKind.findIndex((kind) => kind >= VALUE_KINDS.length)
  if (unknown >= 0) throw corruption('BAD_FORMAT', 'a chunk has an unknown kind', { section, found: chunkKind[unknown]! })
  yield
  const chunkCounts = new Uint32Array(chunkCount)
  cumulate(reader, chunkCounts, 1, 0xffff_ffff)
  yield
  const chunkLength = new Uint32Array(chunkCount)
  cumulate(reader, chunkLength, 1, Math.min(chunksEnd, 0xffff_ffff))
  yield
  const chunkMaxTime = new Float64Array(chunkCount)
  cumulate(reader, chunkMaxTime, 0, Number.MAX_SAFE_INTEGER)
  yield
  const chunkMinTime = new Float64Array(chunkCount)
  const chunkOffset = new Float64Array(chunkCount)
  let offset = HEADER_BYTES
  let firstMin = 0
  let chunk = 0
  for (let series = 0; series < seriesCount; series++) {
    let relativeTo = firstMin
    for (const to = chunkFrom[series + 1]!; chunk < to; chunk++) {
      const at = reader.offset
      const min = relativeTo + reader.varint()
      const max = min + chunkMaxTime[chunk]!
      if (!Number.isSafeInteger(min) || !Number.isSafeInteger(max) || (chunk > chunkFrom[series]! && min < chunkMinTime[chunk - 1]!)) {
        throw corruption('BAD_FORMAT', 'a chunk has an impossible time', { section, offset: at, found: min })
      }
      if (chunk === chunkFrom[series]) firstMin = min
      chunkMinTime[chunk] = min
      chunkMaxTime[chunk] = max
      relativeTo = max
      chunkOffset[chunk] = offset
      offset += chunkLength[chunk]!
    }
    if (series % TURN_ENTRIES === TURN_ENTRIES - 1) yield
  }
  checkEnd(reader, section)
  if (offset !== chunksEnd) throw wrongCount(section, reader.offset, chunksEnd, offset)
  return { chunkFrom, chunkKind, chunkCount: chunkCounts, chunkMinTime, chunkMaxTime, chunkOffset, chunkLength }
}

/** Reads a column that is told by differences. */
function cumulate(reader: ByteReader, column: Uint32Array | Float64Array, min: number, max: number): void {
  let value = 0
  for (let i = 0; i < column.length; i++) {
    const at = reader.offset
    value += reader.varint()
    if (!(value >= min && value <= max)) {
      throw corruption('BAD_FORMAT', 'a number of a chunk is out of range', {
        section: 'chunk index',
        offset: at,
        expected: max,
        found: value,
      })
    }
    column[i] = value
  }
}

function checkTotals(chunks: ChunkColumns, footer: Footer): void {
  let samples = 0
  let minTime = Infinity
  let maxTime = -Infinity
  for (let i = 0; i < chunks.chunkCount.length; i++) {
    samples += chunks.chunkCount[i]!
    minTime = Math.min(minTime, chunks.chunkMinTime[i]!)
    maxTime = Math.max(maxTime, chunks.chunkMaxTime[i]!)
  }
  const { info } = footer
  if (samples !== info.samples) throw wrongCount('chunk index', 0, info.samples, samples)
  if (minTime !== info.minTime || maxTime !== info.maxTime) {
    throw corruption('BAD_FORMAT', 'the times of the chunks are not those of the footer', {
      section: 'chunk index',
      expected: info.minTime,
      found: minTime,
    })
  }
}

function checkEnd(reader: ByteReader, section: string): void {
  if (reader.remaining === 0) return
  throw corruption('BAD_FORMAT', `the section ${section} has bytes behind its end`, {
    section,
    offset: reader.offset,
    found: reader.remaining,
  })
}

function outOfOrder(what: string, offset: number): TsinkError {
  return corruption('BAD_FORMAT', `label ${what} are out of order`, { section: 'values', offset })
}

function wrongCount(section: string, offset: number, expected: number, found: number): TsinkError {
  return corruption('BAD_FORMAT', `the section ${section} does not agree with the footer`, { section, offset, expected, found })
}
