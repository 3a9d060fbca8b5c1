/**
 * IndexBuilder: the index of a segment while the segment is written. Series and chunks go in, in the order of the file; the raw bytes of the index
 * sections come out at the end.
 *
 * In memory there are, until then, four bytes for each label of a series, the text of each distinct value, and some ten bytes a chunk. Values get numbers
 * as they are met and their ranks, by byte order, at the end. Series come in order, so that most labels of one are those of the one before: what both
 * share is not looked at again.
 */
import { assert, VALUE_KINDS } from '@tsink/core'
import { ByteWriter, type Chunk } from '@tsink/codecs'
import { encodeSteps } from '@tsink/postings'
import { ValueTable } from './value-table.ts'

// How many entries are written between two points at which others may be let through.
const STEP_ENTRIES = 16_384

/** Names that series have in common, as a path of names from the root: one node for each set of names and for each beginning of one. */
interface Shape {
  /** The last name's bytes and its values; at the root none and null. */
  readonly name: Uint8Array
  readonly values: ValueTable | null
  readonly longer: Map<string, Shape>
  /** The longer shape that was met last, which is most often the next one met. */
  recent: Shape | null
  /** -1 until a series has exactly these names. */
  number: number
}

export class IndexBuilder {
  seriesCount = 0
  chunkCount = 0
  sampleCount = 0
  minTime: number = Infinity
  maxTime: number = -Infinity

  readonly #base: number
  readonly #seed: number
  readonly #names = new Map<string, ValueTable>()
  readonly #noNames: Shape = { name: new Uint8Array(0), values: null, longer: new Map(), recent: null, number: -1 }
  readonly #shapes: (readonly ValueTable[])[] = []
  // For each series its shape, then the numbers of its values.
  readonly #cells = new Numbers()

  // The series before: its bytes, and for each label the end of its value, its shape and its number.
  #lastLabels: Uint8Array = new Uint8Array(256)
  #lastLength = 0
  readonly #lastEnds: number[] = []
  readonly #lastPath: Shape[] = []
  readonly #lastNumbers: number[] = []

  // The columns of the chunk index, and of the chunk before what they are told against.
  readonly #chunkCounts = new ByteWriter()
  readonly #kinds = new ByteWriter()
  readonly #samples = new ByteWriter()
  readonly #lengths = new ByteWriter()
  readonly #spans = new ByteWriter()
  readonly #starts = new ByteWriter()
  #seriesChunks = 0
  #lastCount = 0
  #lastChunkLength = 0
  #lastSpan = 0
  #lastMin = 0
  #lastMax = 0
  #lastFirstMin = 0

  /** `base` is the segment's; `seed` see {@link ValueTable}. */
  constructor(base: number, seed: number) {
    this.#base = base
    this.#seed = seed
  }

  /** The next series, by its canonical label bytes, which are not kept. */
  addSeries(labelBytes: Uint8Array): void {
    const shared = sharedPrefix(this.#lastLabels, this.#lastLength, labelBytes)
    if (this.seriesCount > 0) {
      const isNext =
        shared === this.#lastLength
          ? labelBytes.length > shared
          : shared < labelBytes.length && this.#lastLabels[shared]! < labelBytes[shared]!
      assert(isNext, 'series come in ascending order of their label bytes')
      assert(this.#seriesChunks > 0, 'every series has a chunk')
      this.#chunkCounts.uvarint(this.#seriesChunks)
    }
    this.seriesCount++
    this.#seriesChunks = 0
    this.#addLabels(labelBytes, shared)
  }

  /** The next chunk of the series before, by its header and its length in the file. */
  addChunk(chunk: Chunk): void {
    assert(this.seriesCount > 0, 'a series is begun before its first chunk')
    const shift = chunk.base - this.#base
    const min = chunk.minOffset + shift
    const max = chunk.maxOffset + shift
    const isFirst = this.#seriesChunks === 0
    assert(isFirst || min >= this.#lastMin, 'the chunks of a series come in ascending order of their first times')
    this.#kinds.u8(VALUE_KINDS.indexOf(chunk.kind))
    this.#samples.varint(chunk.count - this.#lastCount)
    this.#lengths.varint(chunk.byteLength - this.#lastChunkLength)
    this.#spans.varint(max - min - this.#lastSpan)
    this.#starts.varint(min - (isFirst ? this.#lastFirstMin : this.#lastMax))
    this.#lastCount = chunk.count
    this.#lastChunkLength = chunk.byteLength
    this.#lastSpan = max - min
    this.#lastMin = min
    this.#lastMax = max
    if (isFirst) this.#lastFirstMin = min
    this.#seriesChunks++
    this.chunkCount++
    this.sampleCount += chunk.count
    if (min < this.minTime) this.minTime = min
    if (max > this.maxTime) this.maxTime = max
  }

  /** The raw bytes of the four sections in the order of the file; between them nulls, at which others may be let through. Called once, at the end. */
  *sections(): Generator<ByteWriter | null> {
    assert(this.#seriesChunks > 0, 'a segment has a series, and every series has a chunk')
    this.#chunkCounts.uvarint(this.#seriesChunks)
    const tables = [...this.#names.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
    const places = new Map(tables.map((table, place) => [table, place]))
    const shapes = this.#shapes.map((names) => names.map((table) => places.get(table)!))
    // For each name: the rank of a value by its number.
    const ranks: Uint32Array[] = []
    const values = new ByteWriter(65_536)
    values.uvarint(tables.length)
    for (const table of tables) {
      putText(values, table.name)
      ranks.push(yield* table.write(values))
    }
    yield values
    // For each name: how many series have each value; the counts become the places where the members of each begin.
    const starts = ranks.map((rank) => new Uint32Array(rank.length + 1))
    yield* this.#writeSeries(shapes, ranks, starts)
    for (const start of starts) for (let rank = 1; rank < start.length; rank++) start[rank]! += start[rank - 1]!
    yield null
    yield* this.#writePostings(shapes, ranks, starts)
    const chunks = new ByteWriter(this.#chunkCounts.length + this.chunkCount * 8)
    for (const column of [this.#chunkCounts, this.#kinds, this.#samples, this.#lengths, this.#spans, this.#starts]) {
      chunks.append(column.bytes.subarray(0, column.length))
    }
    yield chunks
  }

  /** Writes the series section, and counts the members of each value one place behind its rank. */
  *#writeSeries(shapes: readonly number[][], ranks: readonly Uint32Array[], counts: readonly Uint32Array[]): Generator<ByteWriter | null> {
    const series = new ByteWriter(this.#cells.length * 2 + 256)
    series.uvarint(shapes.length)
    for (const places of shapes) {
      series.uvarint(places.length)
      for (const place of places) series.uvarint(place)
    }
    series.uvarint(this.seriesCount)
    const cells = this.#cells.values
    for (let number = 0, cell = 0; number < this.seriesCount; number++) {
      const shape = cells[cell++]!
      series.uvarint(shape)
      for (const place of shapes[shape]!) {
        const rank = ranks[place]![cells[cell++]!]!
        series.uvarint(rank)
        counts[place]![rank + 1]!++
      }
      if (number % STEP_ENTRIES === STEP_ENTRIES - 1) yield null
    }
    yield series
  }

  *#writePostings(
    shapes: readonly number[][],
    ranks: readonly Uint32Array[],
    starts: readonly Uint32Array[],
  ): Generator<ByteWriter | null> {
    // Series are walked in order, so that the members of each value ascend.
    const members = starts.map((start) => new Uint32Array(start.at(-1)!))
    const ends = starts.map((start) => start.slice())
    const cells = this.#cells.values
    for (let number = 0, cell = 0; number < this.seriesCount; number++) {
      for (const place of shapes[cells[cell++]!]!) {
        const rank = ranks[place]![cells[cell++]!]!
        members[place]![ends[place]![rank]!++] = number
      }
      if (number % STEP_ENTRIES === STEP_ENTRIES - 1) yield null
    }
    const postings = new ByteWriter(65_536)
    let written = 0
    for (const [place, start] of starts.entries()) {
      for (let rank = 0; rank + 1 < start.length; rank++) {
        const encoded = yield* encoding(members[place]!.subarray(start[rank], start[rank + 1]))
        postings.uvarint(encoded.length)
        postings.append(encoded)
        written += start[rank + 1]! - start[rank]! + 8
        if (written < STEP_ENTRIES) continue
        written = 0
        yield null
      }
    }
    yield postings
  }

  /** Numbers the labels of a series, of which the first `shared` bytes are those of the series before. */
  #addLabels(labelBytes: Uint8Array, shared: number): void {
    const ends = this.#lastEnds
    const path = this.#lastPath
    const numbers = this.#lastNumbers
    // Labels that lie whole within the shared bytes are known.
    let count = 0
    while (count < ends.length && ends[count]! <= shared) count++
    let at = count === 0 ? 0 : ends[count - 1]!
    let shape = count === 0 ? this.#noNames : path[count - 1]!
    while (at < labelBytes.length) {
      const nameAt = textStart(labelBytes, at)
      const nameEnd = nameAt + textLength(labelBytes, at)
      const valueAt = textStart(labelBytes, nameEnd)
      const valueEnd = valueAt + textLength(labelBytes, nameEnd)
      assert(valueEnd <= labelBytes.length, 'label bytes are canonical')
      const { recent } = shape
      const isRecent = recent !== null && equalBytes(recent.name, labelBytes, nameAt, nameEnd)
      shape = isRecent ? recent : this.#longerShape(shape, labelBytes.slice(nameAt, nameEnd))
      path[count] = shape
      numbers[count] = shape.values!.intern(labelBytes, valueAt, valueEnd)
      ends[count] = at = valueEnd
      count++
    }
    ends.length = count
    if (shape.number < 0) shape.number = this.#shapes.push(path.slice(0, count).map(({ values }) => values!)) - 1
    this.#cells.push(shape.number)
    for (let i = 0; i < count; i++) this.#cells.push(numbers[i]!)
    if (labelBytes.length > this.#lastLabels.length) this.#lastLabels = new Uint8Array(labelBytes.length * 2)
    this.#lastLabels.set(labelBytes)
    this.#lastLength = labelBytes.length
  }

  #longerShape(shape: Shape, nameBytes: Uint8Array): Shape {
    const name = byteString(nameBytes)
    let longer = shape.longer.get(name)
    if (longer === undefined) {
      let values = this.#names.get(name)
      if (values === undefined) {
        values = new ValueTable(name, this.#seed)
        this.#names.set(name, values)
      }
      longer = { name: nameBytes, values, longer: new Map(), recent: null, number: -1 }
      shape.longer.set(name, longer)
    }
    shape.recent = longer
    return longer
  }
}

/** The encoded postings of a value; nulls in between where others may be let through. */
function* encoding(members: Uint32Array): Generator<null, Uint8Array> {
  const steps = encodeSteps(members)
  for (;;) {
    const step = steps.next()
    if (step.done === true) return step.value
    yield null
  }
}

/** Unsigned 32-bit numbers, as many as come. */
class Numbers {
  values: Uint32Array = new Uint32Array(1_024)
  length = 0

  push(value: number): void {
    if (this.length === this.values.length) {
      const grown = new Uint32Array(this.length * 2)
      grown.set(this.values)
      this.values = grown
    }
    this.values[this.length++] = value
  }
}

function putText(into: ByteWriter, byteText: string): void {
  into.uvarint(byteText.length)
  into.reserve(byteText.length)
  for (let i = 0; i < byteText.length; i++) into.bytes[into.length++] = byteText.charCodeAt(i)
}

/** Bytes as a string with one character for each, which orders as they do. */
function byteString(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += String.fromCharCode(byte)
  return text
}

function equalBytes(a: Uint8Array, b: Uint8Array, from: number, to: number): boolean {
  if (a.length !== to - from) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[from + i]) return false
  return true
}

/** How many bytes from the start on are the same. */
function sharedPrefix(a: Uint8Array, aLength: number, b: Uint8Array): number {
  const end = Math.min(aLength, b.length)
  let at = 0
  while (at < end && a[at] === b[at]) at++
  return at
}

/** Where the text begins whose length stands at `at`. */
function textStart(bytes: Uint8Array, at: number): number {
  let start = at
  while (bytes[start]! >= 0x80) start++
  return start + 1
}

function textLength(bytes: Uint8Array, at: number): number {
  let length = 0
  for (let i = at, shift = 0; ; i++, shift += 7) {
    const byte = bytes[i]!
    length |= (byte & 0x7f) << shift
    if (byte < 0x80) return length
  }
}
