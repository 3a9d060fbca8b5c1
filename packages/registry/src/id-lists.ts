/**
 * IdLists: for each label pair the series ids that carry it, growing at the end, since ids ascend.
 *
 *     one id          in the list's own word
 *     2 to 1,024      a block in a pool of words, of the next of the sizes 2, 3, 4, 6, 8, 12 ...
 *     more            an array of its own; a bitset once that is smaller, as for job="api"
 */
import { Postings } from '@tsink/postings'

const CHUNK_BITS = 16
const CHUNK_WORDS = 1 << CHUNK_BITS
const CHUNK_MASK = CHUNK_WORDS - 1
const MAX_POOLED = 1_024
const CLASSES = 20

export class IdLists {
  /** How many ids a list has. */
  counts: Uint32Array = new Uint32Array(64)
  // The id itself, the address of a block, or the number of a large list.
  #places: Uint32Array = new Uint32Array(64)
  #chunks: Uint32Array[] = []
  #chunkUsed = CHUNK_WORDS
  // Of each size class the address + 1 of the first free block; a free block's first word says the next.
  #free: Uint32Array = new Uint32Array(CLASSES)
  #freeWords = 0
  #large: (IdList | null)[] = []
  readonly #largeFree: number[] = []

  get bytesUsed(): number {
    let bytes = this.counts.byteLength + this.#places.byteLength + this.#chunks.length * CHUNK_WORDS * 4 + this.#large.length * 8
    for (const list of this.#large) if (list !== null) bytes += list.bytesUsed
    return bytes
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
    const before = this.postings(list)
    const after = before.subtract(gone)
    if (after.size === before.size) return after.size
    // The set may lie in the memory that is about to be written.
    const ids = after.size === 0 ? after.toArray() : after.toArray().slice()
    this.#clear(list)
    for (let i = 0; i < ids.length; i++) this.push(list, ids[i]!)
    return ids.length
  }

  /** Moves what is left close together when more than half of the pool is free. */
  compact(): void {
    if (this.#freeWords < CHUNK_WORDS || this.#freeWords * 2 < this.#chunks.length * CHUNK_WORDS) return
    const old = this.#chunks
    this.#chunks = []
    this.#chunkUsed = CHUNK_WORDS
    this.#free.fill(0)
    this.#freeWords = 0
    for (let list = 0; list < this.counts.length; list++) {
      const count = this.counts[list]!
      if (count < 2 || count > MAX_POOLED) continue
      const place = this.#places[list]!
      const from = place & CHUNK_MASK
      const to = this.#allocate(classOf(count))
      this.#chunks[to >>> CHUNK_BITS]!.set(old[place >>> CHUNK_BITS]!.subarray(from, from + count), to & CHUNK_MASK)
      this.#places[list] = to
    }
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
    const block = this.#allocate(size + 1)
    const chunk = this.#chunks[block >>> CHUNK_BITS]!
    const from = place & CHUNK_MASK
    chunk.set(this.#chunks[place >>> CHUNK_BITS]!.subarray(from, from + count), block & CHUNK_MASK)
    chunk[(block & CHUNK_MASK) + count] = id
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

  #clear(list: number): void {
    const count = this.counts[list]!
    const place = this.#places[list]!
    if (count > MAX_POOLED) {
      this.#large[place] = null
      this.#largeFree.push(place)
    } else if (count > 1) this.#release(place, classOf(count))
    this.counts[list] = 0
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
      this.#chunks.push(new Uint32Array(CHUNK_WORDS))
      this.#chunkUsed = 0
    }
    const block = (this.#chunks.length - 1) * CHUNK_WORDS + this.#chunkUsed
    this.#chunkUsed += words
    return block
  }

  #release(block: number, size: number): void {
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

/** One large list: ids in an array, or bits from word `first` on. */
class IdList {
  #ids: Uint32Array
  #count: number
  #words: Uint32Array | null = null
  #first = 0
  #last = 0

  constructor(ids: Uint32Array) {
    this.#ids = ids
    this.#count = ids.length
    this.#last = ids[ids.length - 1]! >>> 5
  }

  get bytesUsed(): number {
    return 120 + this.#ids.byteLength + (this.#words?.byteLength ?? 0)
  }

  push(id: number): void {
    const word = id >>> 5
    if (this.#words === null ? this.#count === this.#ids.length : word - this.#first >= this.#words.length) this.#makeRoom(word)
    if (this.#words === null) this.#ids[this.#count] = id
    else this.#words[word - this.#first]! |= 1 << (id & 31)
    this.#last = word
    this.#count++
  }

  postings(): Postings {
    if (this.#words === null) return Postings.fromSorted(this.#ids, this.#count)
    return Postings.fromWords(this.#words.subarray(0, this.#last - this.#first + 1), this.#first)
  }

  /** Grows to take an id of word `word`, into whichever shape is smaller then. */
  #makeRoom(word: number): void {
    const first = this.#words === null ? this.#ids[0]! >>> 5 : this.#first
    const span = word - first + 1
    // Bits are kept until they are twice as large as the ids, so that a list at the border does not change its shape all the time.
    if (span > (this.#words === null ? this.#count : this.#count * 2)) {
      const ids = this.#words === null ? this.#ids : this.postings().toArray()
      this.#ids = new Uint32Array(this.#count + (this.#count >>> 1))
      this.#ids.set(ids)
      this.#words = null
      return
    }
    const words = new Uint32Array(span + (span >>> 1) + 16)
    if (this.#words !== null) words.set(this.#words)
    else {
      for (let i = 0; i < this.#count; i++) {
        const id = this.#ids[i]!
        words[(id >>> 5) - first]! |= 1 << (id & 31)
      }
    }
    this.#words = words
    this.#first = first
    this.#ids = NO_IDS
  }
}

const NO_IDS = new Uint32Array(0)
