/**
 * SealedChunks: the encoded chunks of one head. Bytes lie end to end in slabs and never move or change, so a reader may keep a view of them;
 * a table of typed arrays describes them, and the chunks of one series form a list in the order of their sealing, which is the order of
 * writes: of two chunks of one series with a sample at the same time the later chunk's sample counts.
 */
const SLAB_BYTES = 262_144

export class SealedChunks {
  /** Number of the next chunk of the same series, 0 at the end. Chunk numbers begin at 1. */
  next: Uint32Array = new Uint32Array(64)
  counts: Uint32Array = new Uint32Array(64)
  kinds: Uint8Array = new Uint8Array(64)
  /** Inclusive times relative to the head's base. */
  minTimes: Float64Array = new Float64Array(64)
  maxTimes: Float64Array = new Float64Array(64)
  #slabOf: Uint32Array = new Uint32Array(64)
  #offsets: Uint32Array = new Uint32Array(64)
  #lengths: Uint32Array = new Uint32Array(64)
  readonly #slabs: Uint8Array[] = []
  #used = SLAB_BYTES
  #count = 0
  bytes = 0

  /** How many chunks there are. */
  get size(): number {
    return this.#count
  }

  /** Copies a chunk in and returns its number. */
  add(chunk: Uint8Array, kind: number, count: number, minTime: number, maxTime: number): number {
    if (this.#used + chunk.length > SLAB_BYTES) {
      const slab = new Uint8Array(Math.max(SLAB_BYTES, chunk.length))
      this.#slabs.push(slab)
      this.#used = 0
      this.bytes += slab.length
    }
    const slab = this.#slabs.length - 1
    this.#slabs[slab]!.set(chunk, this.#used)
    const number = ++this.#count
    if (number >= this.next.length) this.#grow()
    this.#slabOf[number] = slab
    this.#offsets[number] = this.#used
    this.#lengths[number] = chunk.length
    this.kinds[number] = kind
    this.counts[number] = count
    this.minTimes[number] = minTime
    this.maxTimes[number] = maxTime
    this.#used += chunk.length
    return number
  }

  /** A chunk's bytes; they stay as they are. */
  chunk(number: number): Uint8Array {
    const start = this.#offsets[number]!
    return this.#slabs[this.#slabOf[number]!]!.subarray(start, start + this.#lengths[number]!)
  }

  length(number: number): number {
    return this.#lengths[number]!
  }

  #grow(): void {
    const capacity = this.next.length * 2
    this.next = grown(this.next, new Uint32Array(capacity))
    this.counts = grown(this.counts, new Uint32Array(capacity))
    this.kinds = grown(this.kinds, new Uint8Array(capacity))
    this.minTimes = grown(this.minTimes, new Float64Array(capacity))
    this.maxTimes = grown(this.maxTimes, new Float64Array(capacity))
    this.#slabOf = grown(this.#slabOf, new Uint32Array(capacity))
    this.#offsets = grown(this.#offsets, new Uint32Array(capacity))
    this.#lengths = grown(this.#lengths, new Uint32Array(capacity))
  }
}

function grown<T extends Uint8Array | Uint32Array | Float64Array>(from: T, to: T): T {
  to.set(from)
  return to
}
