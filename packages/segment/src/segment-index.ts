/**
 * SegmentIndex: which series a segment has, which of them meet matchers, and where their chunks lie.
 *
 * The sections of the file stay in memory as the bytes that they are, with columns of offsets beside them; a label set or a set of postings is decoded
 * when it is asked for. Everything in them was checked once, when the index was loaded, so that nothing later can lead outside.
 */
import { assert, corruption, decodeLabels, TsinkError, VALUE_KINDS, type Labels, type Matcher } from '@tsink/core'
import { ByteReader, uvarintBytes } from '@tsink/codecs'
import type { Clock } from '@tsink/host'
import { decodePostings, Postings, selectPostings, type PostingsSource } from '@tsink/postings'
import { HEADER_BYTES, type Footer } from './footer.ts'

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

// How many entries are checked between two turns of the event loop: some milliseconds' worth.
const TURN_ENTRIES = 65_536

interface ValueTable {
  readonly names: readonly string[]
  /** Where the name stands in the section, its length in front. */
  readonly nameAt: Uint32Array
  /** The values of name n are numbered from `valueFrom[n]` up to but not including `valueFrom[n + 1]`, in byte order. */
  readonly valueFrom: Uint32Array
  /** Where value v stands in the section, its length in front. */
  readonly valueAt: Uint32Array
}

interface SeriesTable {
  /** For each shape the places of its names, ascending. */
  readonly shapes: readonly Uint32Array[]
  /** Where series i stands in the section. */
  readonly seriesAt: Uint32Array
}

export class SegmentIndex implements PostingsSource, ChunkColumns {
  readonly seriesCount: number
  readonly chunkFrom: Uint32Array
  readonly chunkKind: Uint8Array
  readonly chunkCount: Uint32Array
  readonly chunkMinTime: Float64Array
  readonly chunkMaxTime: Float64Array
  readonly chunkOffset: Float64Array
  readonly chunkLength: Uint32Array
  /** The memory that the index holds. */
  readonly bytesUsed: number

  readonly #file: string
  readonly #values: Uint8Array
  readonly #series: Uint8Array
  readonly #postings: Uint8Array
  readonly #names: readonly string[]
  readonly #places: ReadonlyMap<string, number>
  readonly #nameAt: Uint32Array
  readonly #valueFrom: Uint32Array
  readonly #valueAt: Uint32Array
  readonly #shapes: readonly Uint32Array[]
  readonly #seriesAt: Uint32Array
  readonly #postingsAt: Uint32Array

  private constructor(
    file: string,
    raw: RawSections,
    values: ValueTable,
    series: SeriesTable,
    postingsAt: Uint32Array,
    chunks: ChunkColumns,
  ) {
    this.#file = file
    this.#values = raw.values
    this.#series = raw.series
    this.#postings = raw.postings
    this.#names = values.names
    this.#places = new Map(values.names.map((name, place) => [name, place]))
    this.#nameAt = values.nameAt
    this.#valueFrom = values.valueFrom
    this.#valueAt = values.valueAt
    this.#shapes = series.shapes
    this.#seriesAt = series.seriesAt
    this.#postingsAt = postingsAt
    this.seriesCount = series.seriesAt.length
    this.chunkFrom = chunks.chunkFrom
    this.chunkKind = chunks.chunkKind
    this.chunkCount = chunks.chunkCount
    this.chunkMinTime = chunks.chunkMinTime
    this.chunkMaxTime = chunks.chunkMaxTime
    this.chunkOffset = chunks.chunkOffset
    this.chunkLength = chunks.chunkLength
    const perChunk = 4 + 1 + 4 + 8 + 8 + 8 + 4
    this.bytesUsed =
      raw.values.length +
      raw.series.length +
      raw.postings.length +
      4 * (values.valueAt.length + this.#postingsAt.length + this.seriesCount) +
      perChunk * this.chunkCount.length
  }

  /**
   * The index of a segment from its sections, which are kept. It yields where others may be let through.
   * @throws TsinkError of kind corrupt with file, section, offset in the section, expected and found.
   */
  static *decode(raw: RawSections, footer: Footer): Generator<void, SegmentIndex> {
    const { info, chunksEnd } = footer
    const file = info.path
    try {
      const values = yield* decodeValues(raw.values)
      const series = yield* decodeSeries(raw.series, values, info.series)
      const postingsAt = yield* locatePostings(raw.postings, values.valueAt.length)
      const chunks = yield* decodeChunkIndex(raw.chunkIndex, info.series, info.chunks, chunksEnd)
      checkTotals(chunks, footer)
      return new SegmentIndex(file, raw, values, series, postingsAt, chunks)
    } catch (error) {
      throw withFile(error, file)
    }
  }

  /** The canonical label bytes of a series: in `into` when it is given and long enough (then a view of it), else in new memory. */
  labelBytes(series: number, into?: Uint8Array): Uint8Array {
    let length = 0
    this.#eachLabel(series, (place, value) => {
      length += this.#sizeAt(this.#nameAt[place]!) + this.#sizeAt(this.#valueAt[value]!)
    })
    const bytes = into !== undefined && into.length >= length ? into : new Uint8Array(length)
    let at = 0
    this.#eachLabel(series, (place, value) => {
      at = this.#copy(this.#nameAt[place]!, bytes, at)
      at = this.#copy(this.#valueAt[value]!, bytes, at)
    })
    return bytes.length === length ? bytes : bytes.subarray(0, length)
  }

  /** The labels of a series, decoded anew. */
  labels(series: number): Labels {
    try {
      return decodeLabels(this.labelBytes(series))
    } catch (cause) {
      throw corruption('BAD_FORMAT', `a label of series ${series} is not UTF-8: ${(cause as Error).message}`, { file: this.#file })
    }
  }

  /** The numbers of the series that meet all matchers, ascending. Not to be written to. */
  select(matchers: readonly Matcher[]): Uint32Array {
    return selectPostings(this, matchers).toArray()
  }

  /** The label names of all series, or of those given, in byte order. */
  labelNames(series?: Uint32Array): string[] {
    if (series === undefined) return this.#names.slice()
    const isUsed = new Uint8Array(this.#names.length)
    for (const number of series) this.#eachLabel(number, (place) => (isUsed[place] = 1))
    return this.#names.filter((_, place) => isUsed[place] === 1)
  }

  /** The values that a label has in all series, or in those given, in byte order. */
  labelValues(name: string, series?: Uint32Array): string[] {
    const place = this.#places.get(name)
    if (place === undefined) return []
    const from = this.#valueFrom[place]!
    const to = this.#valueFrom[place + 1]!
    const isUsed = new Uint8Array(to - from)
    if (series === undefined) isUsed.fill(1)
    else {
      for (const number of series) {
        this.#eachLabel(number, (at, value) => {
          if (at === place) isUsed[value - from] = 1
        })
      }
    }
    const texts: string[] = []
    for (let value = from; value < to; value++) if (isUsed[value - from] === 1) texts.push(this.#textAt(this.#valueAt[value]!))
    return texts
  }

  all(): Postings {
    return Postings.range(0, this.seriesCount)
  }

  postings(name: string, value: string): Postings {
    const place = this.#places.get(name)
    if (place === undefined) return Postings.EMPTY
    const wanted = encoder.encode(value)
    const at = this.#lowerBound(place, wanted)
    const isThere = at < this.#valueFrom[place + 1]! && this.#compareValue(at, wanted) === 0
    return isThere ? this.#postingsOf(at) : Postings.EMPTY
  }

  valueCount(name: string): number {
    const place = this.#places.get(name)
    return place === undefined ? 0 : this.#valueFrom[place + 1]! - this.#valueFrom[place]!
  }

  scan(name: string, prefix: string, keep: (value: string) => boolean): Postings[] {
    const place = this.#places.get(name)
    if (place === undefined) return []
    const sets: Postings[] = []
    const to = this.#valueFrom[place + 1]!
    for (let value = this.#lowerBound(place, encoder.encode(prefix)); value < to; value++) {
      const text = this.#textAt(this.#valueAt[value]!)
      if (!text.startsWith(prefix)) break
      if (keep(text)) sets.push(this.#postingsOf(value))
    }
    return sets
  }

  labelValue(series: number, name: string): string {
    const wanted = this.#places.get(name)
    let text = ''
    if (wanted === undefined) return text
    this.#eachLabel(series, (place, value) => {
      if (place === wanted) text = this.#textAt(this.#valueAt[value]!)
    })
    return text
  }

  /** Checks what loading leaves out for its cost: that series ascend, and that postings name the series that carry each pair and no others. */
  async verify(clock: Clock): Promise<void> {
    const members: number[][] = Array.from({ length: this.#valueAt.length }, () => [])
    let before: Uint8Array | null = null
    for (let series = 0; series < this.seriesCount; series++) {
      const bytes = this.labelBytes(series)
      if (before !== null && compareBytes(before, bytes) >= 0) {
        throw corruption('BAD_FORMAT', 'series are not in the order of their labels', { file: this.#file, series })
      }
      before = bytes
      this.#eachLabel(series, (_, value) => members[value]!.push(series))
      if (series % TURN_ENTRIES === TURN_ENTRIES - 1) await clock.turn()
    }
    for (let value = 0; value < members.length; value++) {
      const found = this.#postingsOf(value).toArray()
      const expected = members[value]!
      if (found.length !== expected.length || expected.some((series, i) => found[i] !== series)) {
        const text = this.#textAt(this.#valueAt[value]!)
        throw corruption('BAD_FORMAT', `the postings of value ${JSON.stringify(text)} are not its series`, {
          file: this.#file,
          expected: expected.length,
          found: found.length,
        })
      }
      if (value % TURN_ENTRIES === TURN_ENTRIES - 1) await clock.turn()
    }
  }

  /** Calls back with each label of a series: the name's place and the value's number. */
  #eachLabel(series: number, label: (place: number, value: number) => void): void {
    assert(series >= 0 && series < this.seriesCount, 'a series number is one of the segment')
    const bytes = this.#series
    let at = this.#seriesAt[series]!
    const next = (): number => {
      let value = 0
      for (let shift = 0; ; shift += 7) {
        const byte = bytes[at++]!
        value |= (byte & 0x7f) << shift
        if (byte < 0x80) return value >>> 0
      }
    }
    const shape = this.#shapes[next()]!
    for (let i = 0; i < shape.length; i++) {
      const place = shape[i]!
      label(place, this.#valueFrom[place]! + next())
    }
  }

  #postingsOf(value: number): Postings {
    const from = this.#postingsAt[value]!
    const reader = new ByteReader(this.#postings, from)
    const bytes = reader.take(reader.uvarint())
    return decodePostings(bytes, this.seriesCount, { file: this.#file, section: 'postings', at: from })
  }

  /** The number of the first value of a name that is not below `wanted`. */
  #lowerBound(place: number, wanted: Uint8Array): number {
    let low = this.#valueFrom[place]!
    let high = this.#valueFrom[place + 1]!
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#compareValue(middle, wanted) < 0) low = middle + 1
      else high = middle
    }
    return low
  }

  #compareValue(value: number, wanted: Uint8Array): number {
    const bytes = this.#values
    const at = this.#valueAt[value]!
    const prefix = lengthBytes(bytes, at)
    const length = this.#sizeAt(at) - prefix
    const shared = Math.min(length, wanted.length)
    for (let i = 0; i < shared; i++) {
      const difference = bytes[at + prefix + i]! - wanted[i]!
      if (difference !== 0) return difference
    }
    return length - wanted.length
  }

  /** Size of the text at an offset of the values section, the length in front included. */
  #sizeAt(at: number): number {
    const bytes = this.#values
    const first = bytes[at]!
    if (first < 0x80) return 1 + first
    const second = bytes[at + 1]!
    if (second < 0x80) return 2 + (first & 0x7f) + second * 0x80
    return 3 + (first & 0x7f) + (second & 0x7f) * 0x80 + bytes[at + 2]! * 0x4000
  }

  #copy(from: number, into: Uint8Array, at: number): number {
    const size = this.#sizeAt(from)
    const bytes = this.#values
    // Labels are short: a loop beats the call that copies long runs.
    if (size <= 32) for (let i = 0; i < size; i++) into[at + i] = bytes[from + i]!
    else into.set(bytes.subarray(from, from + size), at)
    return at + size
  }

  #textAt(at: number): string {
    return decodeText(this.#values, at + lengthBytes(this.#values, at), at + this.#sizeAt(at))
  }
}

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
// The longest length that a label's text has is written in three bytes.
const MAX_TEXT_BYTES = 0x20_0000

function lengthBytes(bytes: Uint8Array, at: number): number {
  return bytes[at]! < 0x80 ? 1 : bytes[at + 1]! < 0x80 ? 2 : 3
}

function decodeText(bytes: Uint8Array, from: number, to: number): string {
  if (to - from <= 24) {
    let text = ''
    let at = from
    for (; at < to && bytes[at]! < 0x80; at++) text += String.fromCharCode(bytes[at]!)
    if (at === to) return text
  }
  return decoder.decode(bytes.subarray(from, to))
}

function* decodeValues(bytes: Uint8Array): Generator<void, ValueTable> {
  const reader = new ByteReader(bytes, 0, bytes.length, 'section values')
  // A name and its count of values take two bytes, a value one.
  const nameCount = reader.length(2)
  const names: string[] = []
  const nameAt = new Uint32Array(nameCount)
  const valueFrom = new Uint32Array(nameCount + 1)
  const valueAt: Uint32Array[] = []
  let total = 0
  let nameBefore: Uint8Array | null = null
  for (let place = 0; place < nameCount; place++) {
    nameAt[place] = reader.offset
    const name = takeText(reader)
    if (nameBefore !== null && compareBytes(nameBefore, name) >= 0) throw outOfOrder('names', nameAt[place]!)
    nameBefore = name
    names.push(decodeText(bytes, reader.offset - name.length, reader.offset))
    const count = reader.length(1)
    const offsets = new Uint32Array(count)
    let valueBefore: Uint8Array | null = null
    for (let i = 0; i < count; i++) {
      offsets[i] = reader.offset
      const value = takeText(reader)
      if (valueBefore !== null && compareBytes(valueBefore, value) >= 0) throw outOfOrder('values', offsets[i]!)
      valueBefore = value
      if (i % TURN_ENTRIES === TURN_ENTRIES - 1) yield
    }
    valueFrom[place] = total
    total += count
    valueAt.push(offsets)
  }
  valueFrom[nameCount] = total
  checkEnd(reader, 'values')
  const joined = new Uint32Array(total)
  for (let place = 0; place < nameCount; place++) joined.set(valueAt[place]!, valueFrom[place])
  return { names, nameAt, valueFrom, valueAt: joined }
}

function takeText(reader: ByteReader): Uint8Array {
  const at = reader.offset
  const length = reader.length()
  if (length >= MAX_TEXT_BYTES || reader.offset - at !== uvarintBytes(length)) {
    throw corruption('BAD_FORMAT', 'a label text has an impossible length', { section: 'values', offset: at, found: length })
  }
  return reader.take(length)
}

function* decodeSeries(bytes: Uint8Array, values: ValueTable, seriesCount: number): Generator<void, SeriesTable> {
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

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const shared = Math.min(a.length, b.length)
  for (let i = 0; i < shared; i++) if (a[i] !== b[i]) return a[i]! - b[i]!
  return a.length - b.length
}

function withFile(error: unknown, file: string): unknown {
  if (!(error instanceof TsinkError) || error.kind !== 'corrupt' || 'file' in error.detail) return error
  const code = error.code as Parameters<typeof corruption>[0]
  return new TsinkError(code, `${file}: ${error.message}`, { cause: error, detail: { file, ...error.detail } })
}
