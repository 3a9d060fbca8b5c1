/**
 * SegmentIndex: which series a segment has, which of them meet matchers, and where their chunks lie.
 *
 * The sections of the file stay in memory as the bytes that they are, with columns of offsets beside them; a label set or a set of postings is decoded
 * when it is asked for. Everything in them was checked once, when the index was loaded, so that nothing later can lead outside.
 */
import { assert, corruption, Labels, type Matcher } from '@tsink/core'
import { ByteReader } from '@tsink/codecs'
import type { Clock } from '@tsink/host'
import { decodePostings, Postings, selectPostings, type PostingsSource } from '@tsink/postings'
import { inFile } from './damage.ts'
import type { Footer } from './footer.ts'
import { decodeSections, type ChunkColumns, type RawSections, type Sections } from './sections.ts'
import { compareBytes, decodeText, decodeTextStrictly, lengthBytes, textBytes } from './text.ts'

// How many entries are verified between two turns of the event loop.
const VERIFY_TURN_ENTRIES = 16_384

// Values whose strings are kept, so that the labels of series share them: more than most segments have, little memory in those that have more.
const MAX_TEXTS = 65_536
// Selections that are kept, and how many numbers of series they have together at most: those of a dashboard, and no single one that fills it all.
const MAX_SELECTIONS = 256
const MAX_SELECTED = 65_536
// What a kept string takes, about.
const TEXT_BYTES = 48

/** What a list of matchers selected, and what stood in the list then. */
interface Selected {
  readonly matchers: readonly Matcher[]
  readonly series: Uint32Array
}

/** Where a reader is in a series' entry. */
interface LabelCursor {
  number: number
  shape: Uint32Array
  at: number
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
  /** The segment's file, for what errors say. */
  readonly file: string
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
  readonly #fixedBytes: number
  readonly #selected = new Map<readonly Matcher[], Selected>()
  #selectedCount = 0
  /** By shape, the names that all series of the shape share; made when the first of them is asked for. */
  readonly #namesOfShape: (readonly string[] | undefined)[]
  /** By number, the texts of values that were asked for. */
  #texts: (string | undefined)[] = []
  #textCount = 0

  private constructor(file: string, raw: RawSections, sections: Sections) {
    const { values, series, postingsAt, chunks } = sections
    this.file = file
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
    this.#namesOfShape = Array.from({ length: series.shapes.length })
    this.#fixedBytes =
      raw.values.length +
      raw.series.length +
      raw.postings.length +
      4 * (values.valueAt.length + this.#postingsAt.length + this.seriesCount) +
      perChunk * this.chunkCount.length
  }

  /** The memory that the index holds. */
  get bytesUsed(): number {
    return this.#fixedBytes + this.#texts.length * 8 + this.#textCount * TEXT_BYTES + this.#selectedCount * 4 + this.#selected.size * 200
  }

  /**
   * The index of a segment from its sections, which are kept. It yields where others may be let through.
   * @throws TsinkError of kind corrupt with file, section, offset in the section, expected and found.
   */
  static *decode(raw: RawSections, footer: Footer): Generator<void, SegmentIndex> {
    const file = footer.info.path
    try {
      return new SegmentIndex(file, raw, yield* decodeSections(raw, footer))
    } catch (error) {
      throw inFile(error, file, 'index')
    }
  }

  /** The canonical label bytes of a series: in `into` when it is given and long enough (then a view of it), else in new memory. */
  labelBytes(series: number, into?: Uint8Array): Uint8Array {
    const cursor = this.#begin(series)
    let target = into ?? scratch
    let at = 0
    for (let i = 0; i < cursor.shape.length; i++) {
      const place = cursor.shape[i]!
      const name = this.#nameAt[place]!
      const value = this.#valueAt[this.#nextValue(cursor, place)]!
      const nameSize = textBytes(this.#values, name)
      const valueSize = textBytes(this.#values, value)
      if (at + nameSize + valueSize > target.length) target = enlarged(target, at, at + nameSize + valueSize)
      copyBytes(this.#values, name, nameSize, target, at)
      copyBytes(this.#values, value, valueSize, target, at + nameSize)
      at += nameSize + valueSize
    }
    return target === into ? into.subarray(0, at) : target.slice(0, at)
  }

  /** The labels of a series. Series share the strings of what they have in common. */
  labels(series: number): Labels {
    try {
      const cursor = this.#begin(series)
      const { shape } = cursor
      const names = this.#namesOfShape[cursor.number] ?? this.#nameShape(cursor.number)
      const values: string[] = []
      for (let i = 0; i < shape.length; i++) {
        const value = this.#nextValue(cursor, shape[i]!)
        values.push(this.#texts[value] ?? this.#keepText(value))
      }
      return Labels.fromSorted(names, values)
    } catch (cause) {
      if (!(cause instanceof TypeError)) throw cause
      throw corruption('BAD_FORMAT', `a label of series ${series} is not UTF-8`, { file: this.file, cause: cause.message })
    }
  }

  #nameShape(number: number): readonly string[] {
    const names = Array.from(this.#shapes[number]!, (place) => this.#strictTextAt(this.#nameAt[place]!))
    this.#namesOfShape[number] = names
    return names
  }

  #keepText(value: number): string {
    const text = this.#strictTextAt(this.#valueAt[value]!)
    // Any that goes is made again; which ones stay need not be the best choice.
    if (this.#texts.length === 0 || this.#textCount === MAX_TEXTS) {
      this.#texts = Array.from({ length: this.#valueAt.length })
      this.#textCount = 0
    }
    this.#texts[value] = text
    this.#textCount++
    return text
  }

  /** The text of a value for a listing, which shows also what is not UTF-8. It is kept when it is, as `labels` would. */
  #listedText(value: number): string {
    const text = this.#textAt(this.#valueAt[value]!)
    return text.includes('\ufffd') ? text : this.#keepText(value)
  }

  /** @throws TypeError when it is not UTF-8. */
  #strictTextAt(at: number): string {
    return decodeTextStrictly(this.#values, at + lengthBytes(this.#values, at), at + textBytes(this.#values, at))
  }

  /**
   * The numbers of the series that meet all matchers, ascending. Not to be written to. What the same list of matchers selected before is known: a
   * segment does not change, and who asks again (a dashboard, a rule) asks with the list that was parsed once.
   */
  select(matchers: readonly Matcher[]): Uint32Array {
    const known = this.#selected.get(matchers)
    if (known !== undefined) {
      if (isSame(known.matchers, matchers)) return known.series
      // The list is the caller's, who has changed it.
      this.#selected.delete(matchers)
      this.#selectedCount -= known.series.length
    }
    const series = selectPostings(this, matchers).toArray()
    this.#keepSelected(matchers, series)
    return series
  }

  #keepSelected(matchers: readonly Matcher[], series: Uint32Array): void {
    if (series.length > MAX_SELECTED / 4) return
    this.#selected.set(matchers, { matchers: matchers.slice(), series })
    this.#selectedCount += series.length
    for (const [oldest, { series: given }] of this.#selected) {
      if (this.#selectedCount <= MAX_SELECTED && this.#selected.size <= MAX_SELECTIONS) return
      this.#selected.delete(oldest)
      this.#selectedCount -= given.length
    }
  }

  /** The label names of all series, or of those given, in byte order. */
  labelNames(series?: Uint32Array): string[] {
    if (series === undefined) return this.#names.slice()
    // What names a series has is a matter of its shape.
    const isMet = new Uint8Array(this.#shapes.length)
    const cursor = this.#cursor()
    for (let i = 0; i < series.length; i++) isMet[this.#enter(cursor, series[i]!)] = 1
    const isUsed = new Uint8Array(this.#names.length)
    for (let shape = 0; shape < isMet.length; shape++) if (isMet[shape] === 1) for (const place of this.#shapes[shape]!) isUsed[place] = 1
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
      const positions = Int32Array.from(this.#shapes, (shape) => shape.indexOf(place))
      const cursor = this.#cursor()
      for (let i = 0; i < series.length; i++) {
        const position = positions[this.#enter(cursor, series[i]!)]!
        if (position < 0) continue
        for (let k = 0; k < position; k++) this.#nextNumber(cursor)
        isUsed[this.#nextNumber(cursor)] = 1
      }
    }
    const texts: string[] = []
    for (let value = from; value < to; value++) if (isUsed[value - from] === 1) texts.push(this.#texts[value] ?? this.#listedText(value))
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
    const members: Uint32Array[] = []
    for (let value = 0; value < this.#valueAt.length; value++) {
      members.push(this.#postingsOf(value).toArray())
      if (value % VERIFY_TURN_ENTRIES === VERIFY_TURN_ENTRIES - 1) await clock.turn()
    }
    // Series are walked in order: each has to be the next member of each of its values.
    const met = new Uint32Array(members.length)
    let before: Uint8Array | null = null
    for (let series = 0; series < this.seriesCount; series++) {
      const bytes = this.labelBytes(series)
      if (before !== null && compareBytes(before, bytes) >= 0) {
        throw corruption('BAD_FORMAT', 'series are not in the order of their labels', { file: this.file, series })
      }
      before = bytes
      this.#eachLabel(series, (_, value) => {
        if (members[value]![met[value]!++] !== series) throw this.#wrongPostings(value, series)
      })
      if (series % VERIFY_TURN_ENTRIES === VERIFY_TURN_ENTRIES - 1) await clock.turn()
    }
    for (let value = 0; value < members.length; value++) {
      if (met[value] !== members[value]!.length) throw this.#wrongPostings(value, members[value]![met[value]!]!)
    }
  }

  #wrongPostings(value: number, series: number): Error {
    const text = JSON.stringify(this.#textAt(this.#valueAt[value]!))
    return corruption('BAD_FORMAT', `the postings of the value ${text} do not name the series that have it`, { file: this.file, series })
  }

  /** Calls back with each label of a series: the name's place and the value's number. */
  #eachLabel(series: number, label: (place: number, value: number) => void): void {
    const cursor = this.#begin(series)
    for (const place of cursor.shape) label(place, this.#nextValue(cursor, place))
  }

  #begin(series: number): LabelCursor {
    const cursor = this.#cursor()
    this.#enter(cursor, series)
    return cursor
  }

  #cursor(): LabelCursor {
    return { number: 0, shape: this.#shapes[0]!, at: 0 }
  }

  /** Moves to a series' first value; answers the number of its shape. */
  #enter(cursor: LabelCursor, series: number): number {
    assert(series >= 0 && series < this.seriesCount, 'a series number is one of the segment')
    cursor.at = this.#seriesAt[series]!
    cursor.number = this.#nextNumber(cursor)
    cursor.shape = this.#shapes[cursor.number]!
    return cursor.number
  }

  #nextValue(cursor: LabelCursor, place: number): number {
    return this.#valueFrom[place]! + this.#nextNumber(cursor)
  }

  #nextNumber(cursor: LabelCursor): number {
    const bytes = this.#series
    const first = bytes[cursor.at++]!
    if (first < 0x80) return first
    let value = first & 0x7f
    for (let scale = 0x80; ; scale *= 0x80) {
      const byte = bytes[cursor.at++]!
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value
    }
  }

  #postingsOf(value: number): Postings {
    const from = this.#postingsAt[value]!
    const reader = new ByteReader(this.#postings, from)
    const bytes = reader.take(reader.uvarint())
    return decodePostings(bytes, this.seriesCount, { file: this.file, section: 'postings', at: from })
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
    const length = textBytes(bytes, at) - prefix
    const shared = Math.min(length, wanted.length)
    for (let i = 0; i < shared; i++) {
      const difference = bytes[at + prefix + i]! - wanted[i]!
      if (difference !== 0) return difference
    }
    return length - wanted.length
  }

  #textAt(at: number): string {
    return decodeText(this.#values, at + lengthBytes(this.#values, at), at + textBytes(this.#values, at))
  }
}

const encoder = new TextEncoder()

// Where label bytes are put together when the caller gives no memory.
const scratch = new Uint8Array(4_096)

/** Room for a longer label set than the target has; the caller copies the result. */
function enlarged(target: Uint8Array, used: number, need: number): Uint8Array {
  const larger = new Uint8Array(need * 2)
  larger.set(target.subarray(0, used))
  return larger
}

function copyBytes(from: Uint8Array, at: number, size: number, into: Uint8Array, to: number): void {
  // Labels are short: a loop beats the call that copies long runs.
  if (size <= 32) for (let i = 0; i < size; i++) into[to + i] = from[at + i]!
  else into.set(from.subarray(at, at + size), to)
}

function isSame(a: readonly Matcher[], b: readonly Matcher[]): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}
