/**
 * SegmentWriter: series and chunks in, one segment file out, front to back.
 *
 * Chunk bytes go to the file as they come, through one buffer. What stays in memory until the end is the index: for each series four bytes a label, for
 * each distinct value its text, for each chunk some ten bytes. Values get numbers as they are met and their ranks, by byte order, at the end.
 */
import { assert, VALUE_KINDS } from '@tsink/core'
import { ByteWriter, crc32c, openChunk } from '@tsink/codecs'
import type { DiskFile, Host } from '@tsink/host'
import { encodePostings, Postings, postingsReady } from '@tsink/postings'
import { encodeFooter, encodeHeader, type Section, type SegmentInfo } from './footer.ts'
import { ValueTable } from './value-table.ts'

/** What the caller knows of a segment before it is written. */
export interface SegmentMeta {
  readonly id: number
  readonly level: number
  /** What the segment's times are relative to: 0, or in stores of nanoseconds the start of its window. */
  readonly base: number
  /** Of the batches whose samples are in it. */
  readonly minSequence: number
  readonly maxSequence: number
}

const BUFFER_BYTES = 262_144
// Compression below this wins nothing that the frame does not cost.
const MIN_COMPRESSED_BYTES = 128

/** Names that series have in common, as a path of names from the root: one node for each set of names and for each beginning of one. */
interface Shape {
  /** The values of the last name; null at the root. */
  readonly values: ValueTable | null
  readonly longer: Map<string, Shape>
  /** -1 until a series has exactly these names. */
  number: number
}

export class SegmentWriter {
  readonly #host: Host
  readonly #file: DiskFile
  readonly #meta: SegmentMeta
  readonly #buffer: Uint8Array = new Uint8Array(BUFFER_BYTES)
  readonly #seed: number
  #buffered = 0
  #written = 0

  readonly #names = new Map<string, ValueTable>()
  readonly #noNames: Shape = { values: null, longer: new Map(), number: -1 }
  readonly #shapes: (readonly ValueTable[])[] = []
  // For each series its shape, then the numbers of its values.
  readonly #cells = new Numbers()
  readonly #chunkCounts = new ByteWriter()
  readonly #kinds = new ByteWriter()
  readonly #samples = new ByteWriter()
  readonly #lengths = new ByteWriter()
  readonly #spans = new ByteWriter()
  readonly #starts = new ByteWriter()

  // The series before, most of whose labels are the next one's too: its bytes, and for each label the end of its value, its shape and its number.
  #lastLabels: Uint8Array = new Uint8Array(256)
  #lastLength = 0
  readonly #lastEnds: number[] = []
  readonly #lastPath: Shape[] = []
  readonly #lastNumbers: number[] = []
  #seriesCount = 0
  #seriesChunks = 0
  #chunkCount = 0
  #sampleCount = 0
  #minTime = Infinity
  #maxTime = -Infinity
  // Of the chunk before: what the columns of the chunk index are told against.
  #lastCount = 0
  #lastChunkLength = 0
  #lastSpan = 0
  #lastMin = 0
  #lastMax = 0
  #lastFirstMin = 0

  private constructor(host: Host, file: DiskFile, meta: SegmentMeta) {
    this.#host = host
    this.#file = file
    this.#meta = meta
    this.#seed = host.random() * 4_294_967_296
  }

  /** Begins a segment in a new file. Until {@link finish} has resolved and the caller has made its name durable, the file is nothing. */
  static async create(host: Host, path: string, meta: SegmentMeta): Promise<SegmentWriter> {
    assert(meta.base % 8_192 === 0, 'the base of a segment is a multiple of 2^13')
    await postingsReady()
    const writer = new SegmentWriter(host, await host.disk.open(path, 'create'), meta)
    writer.#put(encodeHeader())
    return writer
  }

  /** Size of the file so far. */
  get sizeBytes(): number {
    return this.#written + this.#buffered
  }

  /** Begins the next series. `labelBytes` are canonical and greater, byte by byte, than those of the series before; they are not kept. */
  series(labelBytes: Uint8Array): void {
    const shared = sharedPrefix(this.#lastLabels, this.#lastLength, labelBytes)
    if (this.#seriesCount > 0) {
      const isNext =
        shared === this.#lastLength
          ? labelBytes.length > shared
          : shared < labelBytes.length && this.#lastLabels[shared]! < labelBytes[shared]!
      assert(isNext, 'series come in ascending order of their label bytes')
      assert(this.#seriesChunks > 0, 'every series has a chunk')
      this.#chunkCounts.uvarint(this.#seriesChunks)
    }
    this.#seriesCount++
    this.#seriesChunks = 0
    this.#addLabels(labelBytes, shared)
  }

  /** Appends a chunk of the series just begun: the bytes of `sealChunk`, copied. Its first time is not before that of the chunk before. */
  chunk(bytes: Uint8Array): void {
    assert(this.#seriesCount > 0, 'a series is begun before its first chunk')
    const chunk = openChunk(bytes)
    const shift = chunk.base - this.#meta.base
    const min = chunk.minOffset + shift
    const max = chunk.maxOffset + shift
    const isFirst = this.#seriesChunks === 0
    assert(isFirst || min >= this.#lastMin, 'the chunks of a series come in ascending order of their first times')
    this.#kinds.u8(VALUE_KINDS.indexOf(chunk.kind))
    this.#samples.varint(chunk.count - this.#lastCount)
    this.#lengths.varint(bytes.length - this.#lastChunkLength)
    this.#spans.varint(max - min - this.#lastSpan)
    this.#starts.varint(min - (isFirst ? this.#lastFirstMin : this.#lastMax))
    this.#lastCount = chunk.count
    this.#lastChunkLength = bytes.length
    this.#lastSpan = max - min
    this.#lastMin = min
    this.#lastMax = max
    if (isFirst) this.#lastFirstMin = min
    this.#seriesChunks++
    this.#chunkCount++
    this.#sampleCount += chunk.count
    if (min < this.#minTime) this.#minTime = min
    if (max > this.#maxTime) this.#maxTime = max
    this.#put(bytes)
  }

  /**
   * Writes the index and the footer, syncs and closes the file. At least one series was written.
   * @returns what the segment is; the name becomes durable with the caller's `syncDirectory`.
   * @throws TsinkError as {@link Disk} does; then call {@link abort}.
   */
  async finish(): Promise<SegmentInfo> {
    assert(this.#seriesChunks > 0, 'a segment has a series, and every series has a chunk')
    this.#chunkCounts.uvarint(this.#seriesChunks)
    const chunksEnd = this.sizeBytes
    const sections: Section[] = []
    for await (const raw of this.#index()) sections.push(this.#section(raw))
    const info: SegmentInfo = {
      ...this.#meta,
      path: this.#file.path,
      minTime: this.#minTime,
      maxTime: this.#maxTime,
      series: this.#seriesCount,
      chunks: this.#chunkCount,
      samples: this.#sampleCount,
      sizeBytes: 0,
      createdAt: Math.max(0, Math.floor(this.#host.clock.now())),
    }
    this.#put(encodeFooter({ info, chunksEnd, sections }))
    this.#flush()
    await this.#file.sync()
    await this.#file.close()
    return { ...info, sizeBytes: this.#written }
  }

  /** Gives the segment up: closes and removes the file. */
  async abort(): Promise<void> {
    await this.#file.close()
    await this.#host.disk.remove(this.#file.path)
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
      // Of the label in which both series part, the name may still be shared.
      const isSameName = count < ends.length && valueAt <= shared
      shape = isSameName ? path[count]! : this.#longerShape(shape, byteString(labelBytes, nameAt, nameEnd))
      if (count < ends.length && !isSameName) ends.length = count
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

  #longerShape(shape: Shape, name: string): Shape {
    let longer = shape.longer.get(name)
    if (longer !== undefined) return longer
    let values = this.#names.get(name)
    if (values === undefined) {
      values = new ValueTable(name, this.#seed)
      this.#names.set(name, values)
    }
    longer = { values, longer: new Map(), number: -1 }
    shape.longer.set(name, longer)
    return longer
  }

  /** The raw bytes of the four sections, in order. Gives way between its steps: a large index is no reason for everybody else to wait. */
  async *#index(): AsyncGenerator<ByteWriter> {
    const { clock } = this.#host
    const tables = [...this.#names.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
    const places = new Map(tables.map((table, i) => [table, i]))
    // For each name: the rank of a value by its number.
    const ranks: Uint32Array[] = []
    const values = new ByteWriter(65_536)
    values.uvarint(tables.length)
    for (const table of tables) {
      putText(values, table.name)
      ranks.push(table.write(values))
      await clock.turn()
    }
    yield values

    const series = new ByteWriter(this.#cells.length * 2 + 256)
    series.uvarint(this.#shapes.length)
    for (const names of this.#shapes) {
      series.uvarint(names.length)
      for (const table of names) series.uvarint(places.get(table)!)
    }
    series.uvarint(this.#seriesCount)
    // Members by name and rank: first how many, then who, in ascending order since series are walked in order.
    const sizes = ranks.map((rank) => new Uint32Array(rank.length + 1))
    const shapes = this.#shapes.map((names) => names.map((table) => places.get(table)!))
    const cells = this.#cells.values
    for (let i = 0; i < this.#cells.length;) {
      const shape = cells[i++]!
      series.uvarint(shape)
      for (const place of shapes[shape]!) {
        const rank = ranks[place]![cells[i++]!]!
        series.uvarint(rank)
        sizes[place]![rank + 1]!++
      }
      if (i % 65_536 < 32) await clock.turn()
    }
    yield series

    const members = sizes.map((size) => {
      for (let rank = 1; rank < size.length; rank++) size[rank]! += size[rank - 1]!
      return new Uint32Array(size[size.length - 1]!)
    })
    const ends = sizes.map((size) => size.slice())
    for (let i = 0, number = 0; i < this.#cells.length; number++) {
      for (const place of shapes[cells[i++]!]!) {
        const rank = ranks[place]![cells[i++]!]!
        members[place]![ends[place]![rank]!++] = number
      }
    }
    const postings = new ByteWriter(65_536)
    for (let place = 0; place < tables.length; place++) {
      for (let rank = 0; rank < ranks[place]!.length; rank++) {
        const encoded = encodePostings(Postings.fromSorted(members[place]!.subarray(sizes[place]![rank], ends[place]![rank])))
        postings.uvarint(encoded.length)
        postings.append(encoded)
        if (rank % 4_096 === 4_095) await clock.turn()
      }
      await clock.turn()
    }
    yield postings

    const chunks = new ByteWriter(this.#chunkCounts.length + this.#chunkCount * 8)
    for (const column of [this.#chunkCounts, this.#kinds, this.#samples, this.#lengths, this.#spans, this.#starts]) {
      chunks.append(column.bytes.subarray(0, column.length))
    }
    yield chunks
  }

  #section(raw: ByteWriter): Section {
    const bytes = raw.bytes.subarray(0, raw.length)
    const compressed = bytes.length < MIN_COMPRESSED_BYTES ? bytes : this.#host.compression.zstdCompress(bytes)
    const isCompressed = compressed.length < bytes.length
    const stored = isCompressed ? compressed : bytes
    const section = { offset: this.sizeBytes, storedBytes: stored.length, rawBytes: bytes.length, checksum: crc32c(stored), isCompressed }
    this.#put(stored)
    return section
  }

  #put(bytes: Uint8Array): void {
    if (this.#buffered + bytes.length > BUFFER_BYTES) this.#flush()
    if (bytes.length > BUFFER_BYTES) {
      this.#file.writeSync(bytes, this.#written)
      this.#written += bytes.length
      return
    }
    this.#buffer.set(bytes, this.#buffered)
    this.#buffered += bytes.length
  }

  #flush(): void {
    if (this.#buffered === 0) return
    this.#file.writeSync(this.#buffer.subarray(0, this.#buffered), this.#written)
    this.#written += this.#buffered
    this.#buffered = 0
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

/** Bytes as a string with one character for each: cheap to make, to hash and to order. */
function byteString(bytes: Uint8Array, from: number, to: number): string {
  let text = ''
  for (let i = from; i < to; i++) text += String.fromCharCode(bytes[i]!)
  return text
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
