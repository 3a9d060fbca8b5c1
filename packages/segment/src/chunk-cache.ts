/**
 * ChunkCache: stretches of segment files in memory, so that chunks that are asked for again cost no system call, no copy and no second check. One cache
 * serves all segments of a store and bounds the memory of all together.
 *
 * A stretch is what chunks begin in one window of 32 KiB of the file, from the first byte of the first to the last byte of the last. Which of its chunks
 * have been checked is kept with it and goes with it: bytes that are read again are checked again.
 *
 * Stretches go by the clock rule: a hand passes over all of them, spares once those that were used since it came by, and drops the others. Reading many
 * chunks of one stretch in a row counts as one use, so that a compaction that passes through a file drives out nothing that queries come back to.
 */
import type { SegmentIndex } from './segment-index.ts'

/** A window of the file: enough for some forty chunks, little enough to be read for a single one. */
const STRETCH_BYTES = 32_768
/** Longer chunks are read by themselves. */
const MAX_CHUNK_BYTES = 16_384

/** Chunks `first` up to `end` of a segment. */
export interface Stretch {
  readonly first: number
  readonly end: number
  /** Where in the file the bytes begin. */
  readonly offset: number
  readonly bytes: Uint8Array<ArrayBuffer>
  /** 1 for chunks whose bytes have been checked, from `first` on. */
  readonly isChecked: Uint8Array
  isUsed: boolean
  /** The place under the hand; -1 when the stretch is not kept any more. */
  place: number
  readonly of: CachedStretches
}

export class ChunkCache {
  readonly maxBytes: number
  bytesUsed = 0
  readonly #all: Stretch[] = []
  #hand = 0

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes
  }

  /** Keeps a stretch, and lets others go as far as the bound asks for it. */
  keep(stretch: Stretch): void {
    this.bytesUsed += sizeOf(stretch)
    stretch.place = this.#all.length
    this.#all.push(stretch)
    while (this.bytesUsed > this.maxBytes) {
      if (this.#hand >= this.#all.length) this.#hand = 0
      const next = this.#all[this.#hand]!
      if (next.isUsed) {
        next.isUsed = false
        this.#hand++
      } else next.of.drop(next)
    }
  }

  /** Lets a stretch go. The last one takes its place. */
  drop(stretch: Stretch): void {
    if (stretch.place < 0) return
    this.bytesUsed -= sizeOf(stretch)
    const last = this.#all.pop()!
    if (last !== stretch) {
      this.#all[stretch.place] = last
      last.place = stretch.place
    }
    stretch.place = -1
  }
}

/** The stretches of one segment that are in memory. */
export class CachedStretches {
  readonly #cache: ChunkCache
  readonly #read: (into: Uint8Array, offset: number) => number
  readonly #byNumber = new Map<number, Stretch>()
  #latest: Stretch | null = null

  /** `read` fills memory from the file and answers how much there was. */
  constructor(cache: ChunkCache, read: (into: Uint8Array, offset: number) => number) {
    this.#cache = cache
    this.#read = read
  }

  /** The stretch with a chunk in it; null when the chunk is too long to be kept, or the file ends before it does. */
  of(index: SegmentIndex, chunk: number): Stretch | null {
    const latest = this.#latest
    if (latest !== null && chunk >= latest.first && chunk < latest.end) return latest
    if (index.chunkLength[chunk]! > MAX_CHUNK_BYTES) return null
    const number = Math.floor(index.chunkOffset[chunk]! / STRETCH_BYTES)
    let stretch = this.#byNumber.get(number)
    if (stretch !== undefined && chunk >= stretch.first && chunk < stretch.end) stretch.isUsed = true
    else {
      if (stretch !== undefined) this.drop(stretch)
      stretch = this.#load(index, chunk, number)
      if (stretch.bytes.length < index.chunkOffset[stretch.end - 1]! + index.chunkLength[stretch.end - 1]! - stretch.offset) return null
      this.#byNumber.set(number, stretch)
      this.#cache.keep(stretch)
    }
    // One that is larger than the whole cache is not kept, and read again next time.
    this.#latest = stretch.place < 0 ? null : stretch
    return stretch
  }

  drop(stretch: Stretch): void {
    this.#cache.drop(stretch)
    if (this.#latest === stretch) this.#latest = null
    const number = Math.floor(stretch.offset / STRETCH_BYTES)
    if (this.#byNumber.get(number) === stretch) this.#byNumber.delete(number)
  }

  clear(): void {
    for (const stretch of this.#byNumber.values()) this.#cache.drop(stretch)
    this.#byNumber.clear()
    this.#latest = null
  }

  /** Reads the stretch around a chunk. Chunks that are too long part it: it reaches from the one before to the one behind. */
  #load({ chunkOffset, chunkLength }: SegmentIndex, chunk: number, number: number): Stretch {
    let first = chunk
    while (first > 0 && chunkOffset[first - 1]! >= number * STRETCH_BYTES && chunkLength[first - 1]! <= MAX_CHUNK_BYTES) first--
    const behind = (number + 1) * STRETCH_BYTES
    let end = chunk + 1
    while (end < chunkOffset.length && chunkOffset[end]! < behind && chunkLength[end]! <= MAX_CHUNK_BYTES) end++
    const offset = chunkOffset[first]!
    const bytes = new Uint8Array(chunkOffset[end - 1]! + chunkLength[end - 1]! - offset)
    const count = this.#read(bytes, offset)
    return {
      first,
      end,
      offset,
      bytes: bytes.subarray(0, count),
      isChecked: new Uint8Array(end - first),
      isUsed: false,
      place: -1,
      of: this,
    }
  }
}

/** Its bytes, and what the objects around them take. */
function sizeOf({ bytes, isChecked }: Stretch): number {
  return bytes.length + isChecked.length + 400
}
