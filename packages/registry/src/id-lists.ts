/**
 * IdLists: for each label pair the series ids that carry it, growing at the end, since ids ascend.
 *
 *     one id          in the list's own word
 *     2 to 1,024      a block in a pool of words, of the next of the sizes 2, 3, 4, 6, 8, 12 ...
 *     more            an array of its own; a bitset once that is smaller, as for job="api"
 */
import { Postings } from '@tsink/postings'
import { IdList, keepOthers } from './id-list.ts'

const CHUNK_BITS = 16
const CHUNK_WORDS = 1 << CHUNK_BITS
const CHUNK_MASK = CHUNK_WORDS - 1
const MAX_POOLED = 1_024
const CLASSES = 20
const NO_WORDS = new Uint32Array(0)

export class IdLists {
  /** How many ids a list has. */
  counts: Uint32Array = new Uint32Array(64)
  // The id itself, the address of a block, or the number of a large list.
  #places: Uint32Array = new Uint32Array(64)
  readonly #chunks: Uint32Array[] = []
  #filling = 0
  #chunkUsed = CHUNK_WORDS
  // Of each size class the address + 1 of the first free block; a free block's first word says the next.
  #free: Uint32Array = new Uint32Array(CLASSES)
  #freeWords = 0
  // Numbers of chunks that were given back, and of those that are being emptied: list by list, up to #cursor so far.
  readonly #vacant: number[] = []
  readonly #leaving = new Set<number>()
  #cursor = 0
  #large: (IdList | null)[] = []
  readonly #largeFree: number[] = []

  get bytesUsed(): number {
    let bytes = this.counts.byteLength + this.#places.byteLength + this.#chunkCount * CHUNK_WORDS * 4 + this.#large.length * 8
    for (const list of this.#large) if (list !== null) bytes += list.bytesUsed
    return bytes
  }

  get #chunkCount(): number {
    return this.#chunks.length - this.#vacant.length
  }

  /** Adds an id, greater than all in the list, to list number `list`. */
  push(list: number, id: number): void {
    if (list >= this.counts.length) this.#grow(list)
    const count = this.counts[list]!
    if (count === 0) this.#places[list] = id
    else if (count < MAX_POOLED) this.#pushPooled(list, count, id)
    else {
      if (count === MAX_POOLED) this.#enlarge(list)
      this.#large[this.#places[list]!]!.push(id)
    }
    this.counts[list] = count + 1
  }

  /** The ids as a set that may share the list's memory: it is right until the list changes. */
  postings(list: number): Postings {
    const count = list < this.counts.length ? this.counts[list]! : 0
    if (count === 0) return Postings.EMPTY
    const place = this.#places[list]!
    if (count > MAX_POOLED) return this.#large[place]!.postings()
    if (count === 1) return Postings.fromSorted(Uint32Array.of(place))
    const from = place & CHUNK_MASK
    return Postings.fromSorted(this.#chunks[place >>> CHUNK_BITS]!.subarray(from, from + count))
  }

  /** Takes ids out of a list. Returns how many are left. */
  subtract(list: number, gone: Postings): number {
    const count = list < this.counts.length ? this.counts[list]! : 0
    if (count === 0 || gone.size === 0) return count
    const place = this.#places[list]!
    if (count === 1) {
      if (gone.has(place)) this.counts[list] = 0
    } else if (count <= MAX_POOLED) {
      const left = keepOthers(this.#chunks[place >>> CHUNK_BITS]!, place & CHUNK_MASK, count, gone)
      if (left < count) this.#shrink(list, count, left)
    } else {
      const large = this.#large[place]!
      large.subtract(gone)
      this.counts[list] = large.count
      if (large.count <= MAX_POOLED) this.#reduce(list, large)
    }
    return this.counts[list]!
  }

  /**
   * Moves some lists, `lists` at most, out of chunks that are to be given back. It begins when more than half of the pool is free, and is over when
   * it has been called often enough to see every list.
   */
  compact(lists: number): void {
    if (this.#leaving.size === 0) {
      if (this.#freeWords < CHUNK_WORDS || this.#freeWords * 2 < this.#chunkCount * CHUNK_WORDS) return
      for (let chunk = 0; chunk < this.#chunks.length; chunk++) if (this.#chunks[chunk]!.length > 0) this.#leaving.add(chunk)
      this.#chunkUsed = CHUNK_WORDS
      this.#free.fill(0)
      this.#freeWords = 0
      this.#cursor = 0
    }
    const end = Math.min(this.counts.length, this.#cursor + lists)
    for (; this.#cursor < end; this.#cursor++) this.#moveOut(this.#cursor)
    if (this.#cursor < this.counts.length) return
    for (const chunk of this.#leaving) {
      this.#chunks[chunk] = NO_WORDS
      this.#vacant.push(chunk)
    }
    this.#leaving.clear()
  }

  #moveOut(list: number): void {
    const count = this.counts[list]!
    if (count < 2 || count > MAX_POOLED) return
    const place = this.#places[list]!
    if (this.#leaving.has(place >>> CHUNK_BITS)) this.#places[list] = this.#moved(place, count, classOf(count))
  }

  /** Copies the ids of a block into a new one of some class. */
  #moved(place: number, count: number, size: number): number {
    const to = this.#allocate(size)
    const from = place & CHUNK_MASK
    this.#chunks[to >>> CHUNK_BITS]!.set(this.#chunks[place >>> CHUNK_BITS]!.subarray(from, from + count), to & CHUNK_MASK)
    return to
  }

  /** After ids have left a block: puts the others into a smaller one when they fit. */
  #shrink(list: number, before: number, count: number): void {
    const place = this.#places[list]!
    this.counts[list] = count
    const size = classOf(before)
    if (count === 1) this.#places[list] = this.#chunks[place >>> CHUNK_BITS]![place & CHUNK_MASK]!
    else if (count > 1) {
      if (classOf(count) === size) return
      this.#places[list] = this.#moved(place, count, classOf(count))
    }
    this.#release(place, size)
  }

  /** Puts what is left of a large list into the pool. */
  #reduce(list: number, large: IdList): void {
    const number = this.#places[list]!
    this.#large[number] = null
    this.#largeFree.push(number)
    const ids = large.count === 0 ? NO_WORDS : large.postings().toArray().slice()
    this.counts[list] = 0
    for (let i = 0; i < ids.length; i++) this.push(list, ids[i]!)
  }

  #pushPooled(list: number, count: number, id: number): void {
    const place = this.#places[list]!
    if (count === 1) {
      const block = this.#allocate(0)
      const chunk = this.#chunks[block >>> CHUNK_BITS]!
      chunk[block & CHUNK_MASK] = place
      chunk[(block & CHUNK_MASK) + 1] = id
      this.#places[list] = block
      return
    }
    const size = classOf(count)
    if (count < sizeOf(size)) {
      this.#chunks[place >>> CHUNK_BITS]![(place & CHUNK_MASK) + count] = id
      return
    }
    const block = this.#moved(place, count, size + 1)
    this.#chunks[block >>> CHUNK_BITS]![(block & CHUNK_MASK) + count] = id
    this.#places[list] = block
    this.#release(place, size)
  }

  #enlarge(list: number): void {
    const place = this.#places[list]!
    const from = place & CHUNK_MASK
    const large = new IdList(this.#chunks[place >>> CHUNK_BITS]!.slice(from, from + MAX_POOLED))
    this.#release(place, classOf(MAX_POOLED))
    const number = this.#largeFree.pop() ?? this.#large.length
    this.#large[number] = large
    this.#places[list] = number
  }

  #allocate(size: number): number {
    const words = sizeOf(size)
    const free = this.#free[size]!
    if (free !== 0) {
      const block = free - 1
      this.#free[size] = this.#chunks[block >>> CHUNK_BITS]![block & CHUNK_MASK]!
      this.#freeWords -= words
      return block
    }
    if (this.#chunkUsed + words > CHUNK_WORDS) {
      this.#filling = this.#vacant.pop() ?? this.#chunks.length
      this.#chunks[this.#filling] = new Uint32Array(CHUNK_WORDS)
      this.#chunkUsed = 0
    }
    const block = ((this.#filling << CHUNK_BITS) | this.#chunkUsed) >>> 0
    this.#chunkUsed += words
    return block
  }

  #release(block: number, size: number): void {
    if (this.#leaving.has(block >>> CHUNK_BITS)) return
    this.#chunks[block >>> CHUNK_BITS]![block & CHUNK_MASK] = this.#free[size]!
    this.#free[size] = block + 1
    this.#freeWords += sizeOf(size)
  }

  #grow(list: number): void {
    // A quarter more: with a million lists the slack of doubling would be the larger part.
    const capacity = Math.max(list + 1, this.counts.length + (this.counts.length >>> 2))
    const counts = new Uint32Array(capacity)
    counts.set(this.counts)
    this.counts = counts
    const places = new Uint32Array(capacity)
    places.set(this.#places)
    this.#places = places
  }
}

/** The size of class c: 2, 3, 4, 6, 8, 12, 16 ... */
function sizeOf(size: number): number {
  const power = 2 << (size >>> 1)
  return (size & 1) === 0 ? power : power + (power >>> 1)
}

/** The smallest class that holds `count` ids, from 2 on. */
function classOf(count: number): number {
  const exponent = 32 - Math.clz32(count - 1)
  // 2^exponent holds them; so may three quarters of it, the class before.
  const even = (exponent - 1) * 2
  return even > 0 && count <= sizeOf(even - 1) ? even - 1 : even
}
