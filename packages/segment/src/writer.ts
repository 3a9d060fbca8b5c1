/**
 * SegmentWriter: series and chunks in, one segment file out, front to back. Chunk bytes go to the file as they come, through one buffer; what stays in
 * memory until the end is the index.
 */
import { assert } from '@tsink/core'
import { ByteWriter, crc32c, openChunk } from '@tsink/codecs'
import type { DiskFile, Host } from '@tsink/host'
import { postingsReady } from '@tsink/postings'
import { encodeFooter, encodeHeader, type Section, type SegmentInfo } from './footer.ts'
import { IndexBuilder } from './index-builder.ts'
import { PIECE_BYTES } from './pieces.ts'

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

export class SegmentWriter {
  readonly #host: Host
  readonly #file: DiskFile
  readonly #meta: SegmentMeta
  readonly #index: IndexBuilder
  readonly #buffer: Uint8Array = new Uint8Array(BUFFER_BYTES)
  #buffered = 0
  #written = 0

  private constructor(host: Host, file: DiskFile, meta: SegmentMeta) {
    this.#host = host
    this.#file = file
    this.#meta = meta
    this.#index = new IndexBuilder(meta.base, host.random() * 4_294_967_296)
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
    this.#index.addSeries(labelBytes)
  }

  /** Appends a chunk of the series just begun: the bytes of `sealChunk`, copied. Its first time is not before that of the chunk before. */
  chunk(bytes: Uint8Array): void {
    this.#index.addChunk(openChunk(bytes))
    this.#put(bytes)
  }

  /**
   * Writes the index and the footer, syncs and closes the file. At least one series was written. Gives way between its steps: a large index is no
   * reason for everybody else to wait.
   * @returns what the segment is; the name becomes durable with the caller's `syncDirectory`.
   * @throws TsinkError as {@link Disk} does; then call {@link abort}.
   */
  async finish(): Promise<SegmentInfo> {
    const index = this.#index
    const chunksEnd = this.sizeBytes
    const sections: Section[] = []
    for (const step of index.sections()) {
      if (step === null) await this.#host.clock.turn()
      else sections.push(await this.#putSection(step))
    }
    const info: SegmentInfo = {
      ...this.#meta,
      path: this.#file.path,
      minTime: index.minTime,
      maxTime: index.maxTime,
      series: index.seriesCount,
      chunks: index.chunkCount,
      samples: index.sampleCount,
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

  /** Writes a section, compressed where that makes it shorter. */
  async #putSection(raw: ByteWriter): Promise<Section> {
    const bytes = raw.bytes.subarray(0, raw.length)
    const compressed = bytes.length < MIN_COMPRESSED_BYTES ? null : await this.#compress(bytes)
    const isCompressed = compressed !== null && compressed.length < bytes.length
    const stored = isCompressed ? compressed : bytes
    const section = { offset: this.sizeBytes, storedBytes: stored.length, rawBytes: bytes.length, checksum: crc32c(stored), isCompressed }
    this.#put(stored)
    return section
  }

  async #compress(bytes: Uint8Array): Promise<Uint8Array> {
    const pieces = new ByteWriter(bytes.length / 4)
    for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
      const frame = this.#host.compression.zstdCompress(bytes.subarray(at, at + PIECE_BYTES))
      pieces.u32(frame.length)
      pieces.append(frame)
      await this.#host.clock.turn()
    }
    return pieces.bytes.subarray(0, pieces.length)
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
