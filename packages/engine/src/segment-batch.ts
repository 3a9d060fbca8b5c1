/**
 * SegmentBatch: segments while they are written, one for each window that has samples, finished or given up together. Series come in the order
 * of their label bytes; a series begins in a segment with its first chunk there.
 */
import { SegmentWriter, type SegmentInfo } from '@tsink/segment'
import type { Host } from '@tsink/host'
import { SEGMENT_DIRECTORY, type Shelf } from './shelf.ts'
import type { Window } from './windows.ts'

export class SegmentBatch {
  readonly windows: readonly Window[]
  readonly #host: Host
  readonly #writers: SegmentWriter[]
  /** Which series was begun last in each writer. */
  readonly #current: number[]
  readonly #chunks: number[]
  readonly #infos: SegmentInfo[] = []
  #finished = 0
  #series = 0
  #labels: Uint8Array = new Uint8Array(512)
  #labelLength = 0

  private constructor(host: Host, windows: readonly Window[], writers: SegmentWriter[]) {
    this.#host = host
    this.windows = windows
    this.#writers = writers
    this.#current = windows.map(() => 0)
    this.#chunks = windows.map(() => 0)
  }

  static async create(
    host: Host,
    shelf: Shelf,
    windows: readonly Window[],
    meta: { readonly base: number; readonly minSequence: number; readonly maxSequence: number },
  ): Promise<SegmentBatch> {
    const writers: SegmentWriter[] = []
    try {
      for (const { level } of windows) {
        const { id, path } = shelf.newSegment()
        writers.push(await SegmentWriter.create(host, path, { id, level, ...meta }))
      }
    } catch (error) {
      await abortAll(writers)
      throw error
    }
    return new SegmentBatch(host, windows, writers)
  }

  get sizeBytes(): number {
    return this.#writers.reduce((sum, writer) => sum + writer.sizeBytes, 0)
  }

  /** Begins the next series. The bytes are copied. */
  series(labelBytes: Uint8Array): void {
    this.#series++
    if (labelBytes.length > this.#labels.length) this.#labels = new Uint8Array(labelBytes.length * 2)
    this.#labels.set(labelBytes)
    this.#labelLength = labelBytes.length
  }

  /** Appends a chunk of the series to a window's segment. */
  chunk(window: number, bytes: Uint8Array): void {
    const writer = this.#writers[window]!
    if (this.#current[window] !== this.#series) {
      this.#current[window] = this.#series
      writer.series(this.#labels.subarray(0, this.#labelLength))
    }
    this.#chunks[window]!++
    writer.chunk(bytes)
  }

  /** Completes the segments that have anything in them, durably, names included; the others leave no file. */
  async finish(): Promise<SegmentInfo[]> {
    for (; this.#finished < this.#writers.length; this.#finished++) {
      const writer = this.#writers[this.#finished]!
      if (this.#chunks[this.#finished] === 0) await writer.abort()
      else this.#infos.push(await writer.finish())
    }
    await this.#host.disk.syncDirectory(SEGMENT_DIRECTORY)
    return this.#infos
  }

  /** Gives all of them up, complete or not. */
  async abort(): Promise<void> {
    await abortAll(this.#writers.slice(this.#finished))
    for (const { path } of this.#infos) await this.#host.disk.remove(path).catch(() => undefined)
  }
}

async function abortAll(writers: readonly SegmentWriter[]): Promise<void> {
  // A file that cannot be removed now goes when the store is opened again.
  for (const writer of writers) await writer.abort().catch(() => undefined)
}
