/**
 * ValueTable: the distinct values of one label name while a segment is written, as bytes in an arena: a number for each in the order in which they
 * are met, and at the end their ranks in byte order. No string is made: a segment may have millions of values.
 */
import { assert } from '@tsink/core'
import type { ByteWriter } from '@tsink/codecs'

const MIN_SLOTS = 16
const MIN_ARENA_BYTES = 256
// Below this many, comparing whole values beats sorting by parts of them.
const SMALL_RUN = 12
// Above this many, values are first dealt into heaps by one byte, so that no step takes long.
const LARGE_RUN = 32_768
// A part of a value (32 bits) and its place in a run share one double of 53 bits.
const PLACES = 2 ** 21
// How many values are written between two points at which others may be let through.
const STEP_VALUES = 16_384

export class ValueTable {
  /** The label's name, a string of bytes. */
  readonly name: string
  /** How many values there are. */
  count = 0
  readonly #seed: number
  #arena: Uint8Array = new Uint8Array(MIN_ARENA_BYTES)
  /** Where value v begins; it ends where the next begins. */
  #starts: Uint32Array = new Uint32Array(MIN_SLOTS)
  #hashes: Uint32Array = new Uint32Array(MIN_SLOTS)
  // Open addressing: 0 for free, else a value's number plus one.
  #slots: Uint32Array = new Uint32Array(2 * MIN_SLOTS)

  /** `seed` differs from process to process, so that nobody can choose values that collide. */
  constructor(name: string, seed: number) {
    this.name = name
    this.#seed = seed | 0
  }

  /** The number of a value. */
  intern(bytes: Uint8Array, from: number, to: number): number {
    const hash = hashBytes(bytes, from, to, this.#seed)
    const mask = this.#slots.length - 1
    let slot = hash & mask
    for (; ; slot = (slot + 1) & mask) {
      const entry = this.#slots[slot]!
      if (entry === 0) break
      if (this.#hashes[entry - 1] === hash && this.#equals(entry - 1, bytes, from, to)) return entry - 1
    }
    return this.#add(bytes, from, to, hash, slot)
  }

  /** Whether value `number` is these bytes. */
  #equals(number: number, bytes: Uint8Array, from: number, to: number): boolean {
    const start = this.#starts[number]!
    if (this.#starts[number + 1]! - start !== to - from) return false
    for (let i = 0; i < to - from; i++) if (this.#arena[start + i] !== bytes[from + i]) return false
    return true
  }

  #add(bytes: Uint8Array, from: number, to: number, hash: number, slot: number): number {
    const number = this.count++
    const start = this.#starts[number]!
    const end = start + to - from
    assert(end <= 0xffff_ffff, 'the values of one label fit into 4 GiB')
    if (end > this.#arena.length) this.#arena = grown(this.#arena, new Uint8Array(Math.max(end, this.#arena.length * 2)))
    if (number + 2 > this.#starts.length) {
      this.#starts = grown(this.#starts, new Uint32Array(this.#starts.length * 2))
      this.#hashes = grown(this.#hashes, new Uint32Array(this.#hashes.length * 2))
    }
    this.#arena.set(bytes.subarray(from, to), start)
    this.#starts[number + 1] = end
    this.#hashes[number] = hash
    this.#slots[slot] = this.count
    if (this.count * 2 > this.#slots.length) this.#rehash()
    return number
  }

  #rehash(): void {
    const slots = new Uint32Array(this.#slots.length * 2)
    const mask = slots.length - 1
    for (let number = 0; number < this.count; number++) {
      let slot = this.#hashes[number]! & mask
      while (slots[slot] !== 0) slot = (slot + 1) & mask
      slots[slot] = number + 1
    }
    this.#slots = slots
  }

  /** Writes count and values in byte order, each with its length in front; answers the rank of each value by its number. Yields between its steps. */
  *write(into: ByteWriter): Generator<null, Uint32Array> {
    const order = new Uint32Array(this.count)
    for (let i = 0; i < this.count; i++) order[i] = i
    yield* this.#sort(order, 0, this.count, 0)
    const ranks = new Uint32Array(this.count)
    into.uvarint(this.count)
    for (let rank = 0; rank < order.length; rank++) {
      const number = order[rank]!
      ranks[number] = rank
      const start = this.#starts[number]!
      const end = this.#starts[number + 1]!
      into.uvarint(end - start)
      into.append(this.#arena.subarray(start, end))
      if (rank % STEP_VALUES === STEP_VALUES - 1) yield null
    }
    return ranks
  }

  /** Sorts `order` from `low` to `high`, whose values agree in their first `depth` bytes, in steps. */
  *#sort(order: Uint32Array, low: number, high: number, depth: number): Generator<null> {
    if (high - low <= LARGE_RUN) {
      this.#sortRun(order, low, high, depth)
      yield null
      return
    }
    // Heap 0 is for the value that ends here, of which there is one at most; heap b + 1 for those that go on with byte b.
    const heaps = new Uint32Array(258)
    const before = order.slice(low, high)
    for (let i = 0; i < before.length; i++) heaps[this.#heapOf(before[i]!, depth) + 1]!++
    for (let heap = 1; heap < heaps.length; heap++) heaps[heap]! += heaps[heap - 1]!
    const ends = heaps.slice()
    for (let i = 0; i < before.length; i++) order[low + ends[this.#heapOf(before[i]!, depth)]!++] = before[i]!
    yield null
    for (let heap = 1; heap < 257; heap++) {
      if (heaps[heap + 1]! > heaps[heap]!) yield* this.#sort(order, low + heaps[heap]!, low + heaps[heap + 1]!, depth + 1)
    }
  }

  #heapOf(number: number, depth: number): number {
    const at = this.#starts[number]! + depth
    return at < this.#starts[number + 1]! ? this.#arena[at]! + 1 : 0
  }

  /**
   * Sorts a run of bounded length by the next four bytes, as doubles that carry their places along, which the engine sorts without a call for each
   * comparison; then what is still equal by the four bytes after.
   */
  #sortRun(order: Uint32Array, low: number, high: number, depth: number): void {
    const count = high - low
    if (count <= SMALL_RUN) {
      if (count > 1) order.subarray(low, high).sort((a, b) => this.#compare(a, b, depth))
      return
    }
    const keys = new Float64Array(count)
    for (let i = 0; i < count; i++) keys[i] = this.#part(order[low + i]!, depth) * PLACES + i
    keys.sort()
    const before = order.slice(low, high)
    let equalFrom = 0
    let equalPart = -1
    for (let i = 0; i < count; i++) {
      const part = Math.floor(keys[i]! / PLACES)
      order[low + i] = before[keys[i]! - part * PLACES]!
      if (part === equalPart) continue
      this.#sortEqual(order, low + equalFrom, low + i, depth)
      equalFrom = i
      equalPart = part
    }
    this.#sortEqual(order, low + equalFrom, high, depth)
  }

  /** Sorts values that agree in the four bytes after `depth` too, or end within them. */
  #sortEqual(order: Uint32Array, low: number, high: number, depth: number): void {
    if (high - low < 2) return
    // Zero bytes and ends of values look alike in a part: where any value ends, whole values are compared.
    let allLonger = true
    for (let i = low; i < high && allLonger; i++) allLonger = this.#starts[order[i]! + 1]! - this.#starts[order[i]!]! >= depth + 4
    if (allLonger) this.#sortRun(order, low, high, depth + 4)
    else order.subarray(low, high).sort((a, b) => this.#compare(a, b, depth))
  }

  /** Four bytes of a value from `depth` on, as a number that orders as they do; zeros behind its end. */
  #part(number: number, depth: number): number {
    const at = this.#starts[number]! + depth
    const left = this.#starts[number + 1]! - at
    const arena = this.#arena
    if (left >= 4) return ((arena[at]! << 24) | (arena[at + 1]! << 16) | (arena[at + 2]! << 8) | arena[at + 3]!) >>> 0
    let part = 0
    for (let i = 0; i < 4; i++) part = part * 256 + (i < left ? arena[at + i]! : 0)
    return part
  }

  #compare(a: number, b: number, depth: number): number {
    const arena = this.#arena
    let x = this.#starts[a]! + depth
    let y = this.#starts[b]! + depth
    const xEnd = this.#starts[a + 1]!
    const yEnd = this.#starts[b + 1]!
    for (; x < xEnd && y < yEnd; x++, y++) if (arena[x] !== arena[y]) return arena[x]! - arena[y]!
    return xEnd - x - (yEnd - y)
  }
}

function grown<T extends Uint8Array | Uint32Array>(from: T, into: T): T {
  into.set(from)
  return into
}

/** A 32-bit hash for tables in memory (the rounds of MurmurHash3, byte by byte at the end). */
function hashBytes(bytes: Uint8Array, from: number, to: number, seed: number): number {
  let hash = seed
  let at = from
  for (; at + 4 <= to; at += 4) {
    const word = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
    hash = mix(hash, word)
  }
  let rest = to - from
  for (; at < to; at++) rest = (rest << 8) ^ bytes[at]!
  hash = mix(hash, rest)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85eb_ca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2_ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

function mix(hash: number, word: number): number {
  let scrambled = Math.imul(word, 0xcc9e_2d51)
  scrambled = Math.imul((scrambled << 15) | (scrambled >>> 17), 0x1b87_3593)
  const mixed = hash ^ scrambled
  return (Math.imul((mixed << 13) | (mixed >>> 19), 5) + 0xe654_6b64) | 0
}
