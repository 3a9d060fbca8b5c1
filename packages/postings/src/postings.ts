/**
 * Postings: an immutable set of series numbers (unsigned 32-bit), the only type for such sets.
 *
 * A set is a sorted array while it is sparse, and a bitset over its own span once that is smaller, that is from one member in 32 numbers on:
 *
 *     sparse   ids    3 · 900 · 4001 ...                4 bytes a member
 *     dense    first  96 · words  0b1011... ...         span / 8 bytes, whole words in the algebra
 *
 * Neither needs memory outside the collector's care, hence no `dispose`; dense sets are faster than a roaring bitmap in WebAssembly, sparse ones about
 * equal (test/postings.bench.ts). On disk the format is roaring's; see encoding.ts.
 */
import { assert } from '@tsink/core'

const WORD_BITS = 32
/** A merge walks both arrays; from this ratio on, searching the smaller one's members in the larger is cheaper. */
const GALLOP_RATIO = 16

export class Postings {
  /** How many members the set has. */
  readonly size: number
  // Sparse: the members, ascending; the array may be longer. Dense: null.
  readonly #ids: Uint32Array | null
  // Dense: bit b of word w stands for (#first + w) * 32 + b. The first and last word are not 0.
  readonly #words: Uint32Array | null
  readonly #first: number

  private constructor(size: number, ids: Uint32Array | null, words: Uint32Array | null, first: number) {
    this.size = size
    this.#ids = ids
    this.#words = words
    this.#first = first
  }

  static readonly EMPTY: Postings = new Postings(0, new Uint32Array(0), null, 0)

  /**
   * A set of numbers that ascend without repeats. The array is kept, not copied: nobody may write to its first `count` elements afterwards.
   */
  static fromSorted(ids: Uint32Array, count: number = ids.length): Postings {
    if (count === 0) return Postings.EMPTY
    const first = ids[0]! >>> 5
    const span = (ids[count - 1]! >>> 5) - first + 1
    if (span > count) return new Postings(count, ids.length === count ? ids : ids.subarray(0, count), null, 0)
    const words = new Uint32Array(span)
    for (let i = 0; i < count; i++) {
      const id = ids[i]!
      words[(id >>> 5) - first]! |= 1 << (id & 31)
    }
    return new Postings(count, null, words, first)
  }

  /** A set of numbers in any order, repeats allowed. The array is copied. */
  static from(ids: Iterable<number>): Postings {
    const sorted = Uint32Array.from(ids).sort()
    let count = 0
    for (let i = 0; i < sorted.length; i++) {
      if (count > 0 && sorted[count - 1] === sorted[i]) continue
      sorted[count++] = sorted[i]!
    }
    return Postings.fromSorted(sorted, count)
  }

  /** The numbers from `from` up to but not including `to`. */
  static range(from: number, to: number): Postings {
    assert(from >= 0 && to <= 2 ** 32, 'series numbers are unsigned 32-bit')
    if (to <= from) return Postings.EMPTY
    const first = Math.floor(from / WORD_BITS)
    const words = new Uint32Array(Math.floor((to - 1) / WORD_BITS) - first + 1).fill(0xffff_ffff)
    words[0]! &= 0xffff_ffff << (from & 31)
    words[words.length - 1]! &= 0xffff_ffff >>> (31 - ((to - 1) & 31))
    return Postings.fromWords(words, first)
  }

  /** The smallest member. The set is not empty. */
  get min(): number {
    assert(this.size > 0, 'the set has a member')
    if (this.#ids !== null) return this.#ids[0]!
    return this.#first * WORD_BITS + trailingZeros(this.#words![0]!)
  }

  /** The greatest member. The set is not empty. */
  get max(): number {
    assert(this.size > 0, 'the set has a member')
    if (this.#ids !== null) return this.#ids[this.size - 1]!
    const words = this.#words!
    return (this.#first + words.length - 1) * WORD_BITS + 31 - Math.clz32(words[words.length - 1]!)
  }

  /** The memory that the set holds. */
  get bytesUsed(): number {
    return 48 + (this.#ids ?? this.#words)!.byteLength
  }

  has(id: number): boolean {
    if (this.#ids !== null) {
      const at = searchFrom(this.#ids, this.size, 0, id)
      return at < this.size && this.#ids[at] === id
    }
    const at = (id >>> 5) - this.#first
    return at >= 0 && at < this.#words!.length && (this.#words![at]! & (1 << (id & 31))) !== 0
  }

  /** The members, ascending. The array may be the set's own: do not write to it. */
  toArray(): Uint32Array {
    if (this.#ids !== null) return this.#ids
    const ids = new Uint32Array(this.size)
    const words = this.#words!
    let count = 0
    for (let w = 0; w < words.length; w++) {
      const start = (this.#first + w) * WORD_BITS
      for (let word = words[w]! | 0; word !== 0; word &= word - 1) ids[count++] = start + trailingZeros(word)
    }
    return ids
  }

  equals(other: Postings): boolean {
    if (this.size !== other.size) return false
    const a = this.#ids ?? this.#words!
    const b = other.#ids ?? other.#words!
    // Equal sets have equal shapes, for the shape follows from the members alone.
    if ((this.#ids === null) !== (other.#ids === null) || a.length !== b.length || this.#first !== other.#first) return false
    for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
    return true
  }

  /** The members of either set. */
  union(other: Postings): Postings {
    return Postings.unionAll([this, other])
  }

  /** The members of both sets. */
  intersect(other: Postings): Postings {
    if (this.size === 0 || other.size === 0) return Postings.EMPTY
    if (this.#ids !== null && other.#ids !== null) {
      const [small, large] = this.size <= other.size ? [this, other] : [other, this]
      const ids = new Uint32Array(small.size)
      return Postings.fromSorted(ids, intersectArrays(small.#ids!, small.size, large.#ids!, large.size, ids))
    }
    if (this.#ids !== null) return this.keep(other, true)
    if (other.#ids !== null) return other.keep(this, true)
    const first = Math.max(this.#first, other.#first)
    const end = Math.min(this.#first + this.#words!.length, other.#first + other.#words!.length)
    if (end <= first) return Postings.EMPTY
    const words = this.#words!.slice(first - this.#first, end - this.#first)
    const others = other.#words!
    const skip = first - other.#first
    for (let w = 0; w < words.length; w++) words[w]! &= others[w + skip]!
    return Postings.fromWords(words, first)
  }

  /** The members of this set that are not in the other. */
  subtract(other: Postings): Postings {
    if (this.size === 0 || other.size === 0) return this
    if (this.#ids !== null && other.#ids !== null) {
      const ids = new Uint32Array(this.size)
      return Postings.fromSorted(ids, subtractArrays(this.#ids, this.size, other.#ids, other.size, ids))
    }
    if (this.#ids !== null) return this.keep(other, false)
    const words = this.#words!.slice()
    if (other.#ids !== null) {
      const end = this.#first + words.length
      for (let i = searchFrom(other.#ids, other.size, 0, this.#first * WORD_BITS); i < other.size; i++) {
        const id = other.#ids[i]!
        if (id >>> 5 >= end) break
        words[(id >>> 5) - this.#first]! &= ~(1 << (id & 31))
      }
    } else {
      const from = Math.max(this.#first, other.#first)
      const end = Math.min(this.#first + words.length, other.#first + other.#words!.length)
      for (let w = from; w < end; w++) words[w - this.#first]! &= ~other.#words![w - other.#first]!
    }
    return Postings.fromWords(words, this.#first)
  }

  /** Sparse only: the members for which `dense.has` is `wanted`. */
  // Not a #method: TypeScript 7 emits a class wrongly that is named inside one.
  private keep(dense: Postings, wanted: boolean): Postings {
    const from = this.#ids!
    const ids = new Uint32Array(this.size)
    const words = dense.#words!
    let count = 0
    for (let i = 0; i < this.size; i++) {
      const id = from[i]!
      const at = (id >>> 5) - dense.#first
      const has = at >= 0 && at < words.length && (words[at]! & (1 << (id & 31))) !== 0
      if (has === wanted) ids[count++] = id
    }
    return Postings.fromSorted(ids, count)
  }

  /** The members of any of the sets. */
  static unionAll(sets: readonly Postings[]): Postings {
    let some = Postings.EMPTY
    let others = 0
    let total = 0
    let min = Infinity
    let max = -Infinity
    for (const set of sets) {
      if (set.size === 0) continue
      if (some.size > 0) others++
      some = set
      total += set.size
      min = Math.min(min, set.min)
      max = Math.max(max, set.max)
    }
    if (others === 0) return some
    const first = min >>> 5
    const span = (max >>> 5) - first + 1
    // A few members in a wide span: merging them is cheaper than walking the span's words.
    if (total < span >>> 3) return mergeAll(sets.filter((set) => set.size > 0).map((set) => set.toArray()))
    const words = new Uint32Array(span)
    for (const set of sets) set.#setIn(words, first)
    return Postings.fromWords(words, first)
  }

  /** The members of all of the sets, of which there is at least one. The smallest comes first, so that every step is as small as it is. */
  static intersectAll(sets: readonly Postings[]): Postings {
    assert(sets.length > 0, 'there is a set to intersect')
    const ordered = sets.toSorted((a, b) => a.size - b.size)
    let result = ordered[0]!
    for (let i = 1; i < ordered.length && result.size > 0; i++) result = result.intersect(ordered[i]!)
    return result
  }

  /**
   * A set from bits: bit b of word w stands for the number (first + w) * 32 + b. The array is kept, not copied.
   */
  static fromWords(words: Uint32Array, first = 0): Postings {
    let start = 0
    let end = words.length
    while (start < end && words[start] === 0) start++
    while (end > start && words[end - 1] === 0) end--
    if (start === end) return Postings.EMPTY
    let count = 0
    for (let w = start; w < end; w++) count += popCount(words[w]!)
    const trimmed = start === 0 && end === words.length ? words : words.subarray(start, end)
    const dense = new Postings(count, null, trimmed, first + start)
    return end - start <= count ? dense : new Postings(count, dense.toArray(), null, 0)
  }

  /** Sets the members' bits in words that begin at word `first` and span them all. */
  #setIn(words: Uint32Array, first: number): void {
    if (this.#ids !== null) {
      const ids = this.#ids
      for (let i = 0; i < this.size; i++) {
        const id = ids[i]!
        words[(id >>> 5) - first]! |= 1 << (id & 31)
      }
      return
    }
    const from = this.#words!
    const skip = this.#first - first
    for (let w = 0; w < from.length; w++) words[w + skip]! |= from[w]!
  }
}

/** The union of sorted arrays: neighbours are merged until one is left, so that many small ones cost a logarithm, not a square. */
function mergeAll(arrays: Uint32Array[]): Postings {
  while (arrays.length > 1) {
    const merged: Uint32Array[] = []
    for (let i = 0; i < arrays.length; i += 2) merged.push(i + 1 < arrays.length ? mergeArrays(arrays[i]!, arrays[i + 1]!) : arrays[i]!)
    arrays = merged
  }
  return Postings.fromSorted(arrays[0]!)
}

function mergeArrays(a: Uint32Array, b: Uint32Array): Uint32Array {
  const into = new Uint32Array(a.length + b.length)
  let count = 0
  let i = 0
  let j = 0
  while (i < a.length && j < b.length) {
    const x = a[i]!
    const y = b[j]!
    into[count++] = x < y ? x : y
    i += x <= y ? 1 : 0
    j += y <= x ? 1 : 0
  }
  while (i < a.length) into[count++] = a[i++]!
  while (j < b.length) into[count++] = b[j++]!
  return count === into.length ? into : into.subarray(0, count)
}

function intersectArrays(small: Uint32Array, smallSize: number, large: Uint32Array, largeSize: number, into: Uint32Array): number {
  let count = 0
  let j = 0
  if (smallSize * GALLOP_RATIO < largeSize) {
    for (let i = 0; i < smallSize && j < largeSize; i++) {
      const id = small[i]!
      j = searchFrom(large, largeSize, j, id)
      if (j < largeSize && large[j] === id) into[count++] = id
    }
    return count
  }
  for (let i = 0; i < smallSize && j < largeSize;) {
    const a = small[i]!
    const b = large[j]!
    if (a === b) into[count++] = a
    if (a <= b) i++
    if (b <= a) j++
  }
  return count
}

function subtractArrays(from: Uint32Array, fromSize: number, gone: Uint32Array, goneSize: number, into: Uint32Array): number {
  let count = 0
  let j = 0
  const gallop = fromSize * GALLOP_RATIO < goneSize
  for (let i = 0; i < fromSize; i++) {
    const id = from[i]!
    if (gallop) j = searchFrom(gone, goneSize, j, id)
    else while (j < goneSize && gone[j]! < id) j++
    if (j >= goneSize || gone[j] !== id) into[count++] = id
  }
  return count
}

/** The first index at or after `start` with `ids[index] >= id`, else `size`: doubling steps, then halves. */
function searchFrom(ids: Uint32Array, size: number, start: number, id: number): number {
  let low = start
  let step = 1
  while (low + step < size && ids[low + step]! < id) {
    low += step
    step *= 2
  }
  let high = Math.min(size, low + step)
  while (low < high) {
    const middle = (low + high) >>> 1
    if (ids[middle]! < id) low = middle + 1
    else high = middle
  }
  return low
}

function trailingZeros(word: number): number {
  return 31 - Math.clz32(word & -word)
}

function popCount(bits: number): number {
  let word = bits | 0
  word = (word - ((word >>> 1) & 0x5555_5555)) | 0
  word = (word & 0x3333_3333) + ((word >>> 2) & 0x3333_3333)
  return Math.imul((word + (word >>> 4)) & 0x0f0f_0f0f, 0x0101_0101) >>> 24
}
