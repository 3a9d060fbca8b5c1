/**
 * IdList: one large list of ascending series ids, as an array, or as bits once those are smaller, as for job="api". It grows at its end, and gives up
 * members in place: what leaves costs what leaves, not what stays.
 */
import { Postings } from '@tsink/postings'

const NO_IDS = new Uint32Array(0)

export class IdList {
  count: number
  #ids: Uint32Array
  // Bits of the words from `#first` to `#last`, or null; those before `#begin` are all 0.
  #words: Uint32Array | null = null
  #first = 0
  #begin = 0
  #last = 0

  constructor(ids: Uint32Array) {
    this.#ids = ids
    this.count = ids.length
    this.#last = ids[ids.length - 1]! >>> 5
  }

  get bytesUsed(): number {
    return 120 + this.#ids.byteLength + (this.#words?.byteLength ?? 0)
  }

  push(id: number): void {
    const word = id >>> 5
    if (this.#words === null ? this.count === this.#ids.length : word - this.#first >= this.#words.length) this.#makeRoom(word)
    if (this.#words === null) this.#ids[this.count] = id
    else this.#words[word - this.#first]! |= 1 << (id & 31)
    this.#last = word
    this.count++
  }

  postings(): Postings {
    if (this.#words === null) return Postings.fromSorted(this.#ids, this.count)
    return Postings.fromWords(this.#words.subarray(this.#begin - this.#first, this.#last - this.#first + 1), this.#begin)
  }

  /** Takes ids out. */
  subtract(gone: Postings): void {
    if (this.#words === null) {
      this.count = keepOthers(this.#ids, 0, this.count, gone)
      if (this.count > 0) this.#last = this.#ids[this.count - 1]! >>> 5
      if (this.count * 2 < this.#ids.length) this.#ids = this.#ids.slice(0, this.count)
      return
    }
    this.#clearBits(gone.toArray())
    if (this.count === 0) return
    while (this.#words[this.#begin - this.#first] === 0) this.#begin++
    // The older half is gone, or bits have become larger than ids would be: less memory does.
    const isBehind = this.#begin - this.#first > this.#words.length / 2
    if (isBehind || this.#last - this.#begin + 1 > this.count * 2) this.#makeRoom(this.#last)
  }

  #clearBits(gone: Uint32Array): void {
    const words = this.#words!
    for (let i = 0; i < gone.length; i++) {
      const id = gone[i]!
      const at = (id >>> 5) - this.#first
      if (at < 0 || at >= words.length) continue
      const bit = 1 << (id & 31)
      if ((words[at]! & bit) === 0) continue
      words[at]! &= ~bit
      this.count--
    }
  }

  /** Grows to take an id of word `word`, into whichever shape is smaller then. */
  #makeRoom(word: number): void {
    const first = this.#words === null ? this.#ids[0]! >>> 5 : this.#begin
    const span = word - first + 1
    // Bits are kept until they are twice as large as the ids, so that a list at the border does not change its shape all the time.
    if (span > (this.#words === null ? this.count : this.count * 2)) {
      const ids = this.#words === null ? this.#ids : this.postings().toArray()
      this.#ids = new Uint32Array(this.count + (this.count >>> 1) + 1)
      this.#ids.set(ids)
      this.#words = null
      return
    }
    const words = new Uint32Array(span + (span >>> 1) + 16)
    if (this.#words !== null) words.set(this.#words.subarray(first - this.#first, this.#last - this.#first + 1))
    else {
      for (let i = 0; i < this.count; i++) {
        const id = this.#ids[i]!
        words[(id >>> 5) - first]! |= 1 << (id & 31)
      }
    }
    this.#words = words
    this.#first = this.#begin = first
    this.#ids = NO_IDS
  }
}

/** Closes the gaps that the members of `gone` leave in the ids from `from` on, `count` in number. Returns how many are left. */
export function keepOthers(ids: Uint32Array, from: number, count: number, gone: Postings): number {
  const end = from + count
  let at = from
  // What is before the first of them, and behind the last, needs no look.
  const { min, max } = gone
  if (count > 64) at = from + lowerBound(ids, from, count, min)
  let to = at
  for (; at < end && ids[at]! <= max; at++) if (!gone.has(ids[at]!)) ids[to++] = ids[at]!
  if (to < at) ids.copyWithin(to, at, end)
  return to + (end - at) - from
}

/** How many of the ascending ids from `from` on are below `id`. */
function lowerBound(ids: Uint32Array, from: number, count: number, id: number): number {
  let low = 0
  let high = count
  while (low < high) {
    const middle = (low + high) >>> 1
    if (ids[from + middle]! < id) low = middle + 1
    else high = middle
  }
  return low
}
