/**
 * LabelPairs: every distinct label pair once, as a number from 1 on, with the ids of the series that carry it.
 *
 * A pair's bytes are its slice of the canonical label bytes (length, name, length, value), so that a series' label bytes are its pairs' bytes
 * end to end. The pairs of one name form a chain, newest first: the distinct values of a label. Numbers of pairs without series are used
 * again.
 */
import { utf8Length } from '@tsink/core'
import type { Postings } from '@tsink/postings'
import { BLOCK_BITS, ByteArena, OFFSET_MASK } from './byte-arena.ts'
import { HashIndex } from './hash-index.ts'
import { hashBytes } from './hash.ts'
import { IdLists } from './id-lists.ts'

/** Distinct values whose strings are kept, so that results share them. */
const CACHED_VALUES = 16_384
/** What a name costs beside its pairs: its strings and the entries in three tables. */
const NAME_BYTES = 160

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

export class LabelPairs {
  readonly #seed: number
  readonly #arena = new ByteArena()
  readonly #index = new HashIndex()
  readonly #lists = new IdLists()
  // By pair.
  #addresses: Uint32Array = new Uint32Array(64)
  #lengths: Uint32Array = new Uint32Array(64)
  #nameOf: Uint32Array = new Uint32Array(64)
  #nextOfName: Uint32Array = new Uint32Array(64)
  #end = 1
  // The first pair number to use again; free ones are linked by `#nextOfName`.
  #firstFree = 0
  // By name, from 0 on.
  readonly #nameNumbers = new Map<string, number>()
  readonly #names: string[] = []
  readonly #firstOfName: number[] = []
  readonly #valueCounts: number[] = []
  readonly #freeNames: number[] = []
  readonly #values = new Map<number, string>()
  #scratch: Uint8Array = new Uint8Array(256)

  constructor(seed: number) {
    this.#seed = seed
  }

  get bytesUsed(): number {
    return (
      this.#arena.bytesUsed +
      this.#index.bytesUsed +
      this.#lists.bytesUsed +
      this.#addresses.byteLength * 4 +
      this.#nameNumbers.size * NAME_BYTES +
      this.#values.size * 64
    )
  }

  /** How many label names are in use. */
  get nameCount(): number {
    return this.#nameNumbers.size
  }

  /** One above the greatest pair number in use. */
  get end(): number {
    return this.#end
  }

  /** Whether a pair's bytes stand in `bytes` from `start` on, before `end`; then its length, else 0. */
  lengthAt(pair: number, bytes: Uint8Array, start: number, end: number): number {
    const length = this.#lengths[pair]!
    if (start + length > end) return 0
    const address = this.#addresses[pair]!
    const block = this.#arena.blocks[address >>> BLOCK_BITS]!
    // From the end, where the bytes of different values differ soonest.
    for (let i = length - 1, at = (address & OFFSET_MASK) + i; i >= 0; i--, at--) if (block[at] !== bytes[start + i]) return 0
    return length
  }

  /** Copies a pair's bytes; returns where they end in `into`. */
  copy(pair: number, into: Uint8Array, at: number): number {
    const length = this.#lengths[pair]!
    const address = this.#addresses[pair]!
    const block = this.#arena.blocks[address >>> BLOCK_BITS]!
    for (let i = 0, from = address & OFFSET_MASK; i < length; i++) into[at + i] = block[from + i]!
    return at + length
  }

  lengthOf(pair: number): number {
    return this.#lengths[pair]!
  }

  name(pair: number): string {
    return this.#names[this.#nameOf[pair]!]!
  }

  /** The number of a pair's name. */
  nameNumber(pair: number): number {
    return this.#nameOf[pair]!
  }

  /** The number of a name, -1 when no series has it. */
  numberOfName(name: string): number {
    return this.#nameNumbers.get(name) ?? -1
  }

  nameOfNumber(number: number): string {
    return this.#names[number]!
  }

  names(): string[] {
    return [...this.#nameNumbers.keys()]
  }

  value(pair: number): string {
    const known = this.#values.get(pair)
    if (known !== undefined) return known
    const address = this.#addresses[pair]!
    const block = this.#arena.blocks[address >>> BLOCK_BITS]!
    const start = address & OFFSET_MASK
    const value = textOf(block, afterLength(block, afterLength(block, start) + lengthAt(block, start)), start + this.#lengths[pair]!)
    // Any that was dropped is made again; which ones are kept need not be the best choice.
    if (this.#values.size >= CACHED_VALUES) this.#values.clear()
    this.#values.set(pair, value)
    return value
  }

  /** How many distinct values a name has. */
  valueCount(name: string): number {
    const number = this.numberOfName(name)
    return number < 0 ? 0 : this.#valueCounts[number]!
  }

  /** Calls `visit` with each pair of a name. */
  forEachOf(name: string, visit: (pair: number) => void): void {
    const number = this.numberOfName(name)
    if (number < 0) return
    for (let pair = this.#firstOfName[number]!; pair !== 0; pair = this.#nextOfName[pair]!) visit(pair)
  }

  postings(pair: number): Postings {
    return this.#lists.postings(pair)
  }

  seriesCount(pair: number): number {
    return this.#lists.counts[pair]!
  }

  /** The number of the pair `name="value"`, 0 when no series has it. */
  find(name: string, value: string): number {
    // A text with half a surrogate pair would be encoded as another text.
    if (!name.isWellFormed() || !value.isWellFormed()) return 0
    const bound = (name.length + value.length) * 3 + 10
    if (this.#scratch.length < bound) this.#scratch = new Uint8Array(bound)
    const end = encodeText(value, this.#scratch, encodeText(name, this.#scratch, 0))
    return this.#find(this.#scratch, 0, end, hashBytes(this.#scratch, 0, end, this.#seed))
  }

  /** The number of the pair in `bytes[start .. end)`, made when it is new. */
  intern(bytes: Uint8Array, start: number, end: number): number {
    const hash = hashBytes(bytes, start, end, this.#seed)
    return this.#find(bytes, start, end, hash) || this.#add(bytes, start, end, hash)
  }

  /** Notes that a series carries the pair. The id is greater than all before. */
  push(pair: number, id: number): void {
    this.#lists.push(pair, id)
  }

  /** Takes series out of the postings of the given pairs, and forgets the pairs that are left without any. */
  subtract(pairs: Iterable<number>, gone: Postings): void {
    const touchedNames = new Set<number>()
    for (const pair of pairs) {
      if (this.#lists.subtract(pair, gone) > 0) continue
      touchedNames.add(this.#nameOf[pair]!)
      this.#forget(pair)
    }
    for (const name of touchedNames) this.#relink(name)
    this.#lists.compact()
    this.#evacuate()
  }

  #find(bytes: Uint8Array, start: number, end: number, hash: number): number {
    for (let at = this.#index.probe(hash, -1); at >= 0; at = this.#index.probe(hash, at)) {
      const pair = this.#index.numberAt(hash, at)
      if (this.#lengths[pair] === end - start && this.lengthAt(pair, bytes, start, end) > 0) return pair
    }
    return 0
  }

  #add(bytes: Uint8Array, start: number, end: number, hash: number): number {
    const length = end - start
    const address = this.#arena.allocate(length)
    this.#arena.blocks[address >>> BLOCK_BITS]!.set(bytes.subarray(start, end), address & OFFSET_MASK)
    const pair = this.#takeNumber()
    const name = this.#internName(bytes, start)
    this.#addresses[pair] = address
    this.#lengths[pair] = length
    this.#nameOf[pair] = name
    this.#nextOfName[pair] = this.#firstOfName[name]!
    this.#firstOfName[name] = pair
    this.#valueCounts[name]!++
    this.#index.add(hash, pair)
    return pair
  }

  #takeNumber(): number {
    const free = this.#firstFree
    if (free !== 0) {
      this.#firstFree = this.#nextOfName[free]!
      return free
    }
    if (this.#end >= this.#addresses.length) this.#grow()
    return this.#end++
  }

  #internName(bytes: Uint8Array, start: number): number {
    const from = afterLength(bytes, start)
    const name = textOf(bytes, from, from + lengthAt(bytes, start))
    const known = this.#nameNumbers.get(name)
    if (known !== undefined) return known
    const number = this.#freeNames.pop() ?? this.#names.length
    this.#nameNumbers.set(name, number)
    this.#names[number] = name
    this.#firstOfName[number] = 0
    this.#valueCounts[number] = 0
    return number
  }

  #forget(pair: number): void {
    const address = this.#addresses[pair]!
    const length = this.#lengths[pair]!
    const start = address & OFFSET_MASK
    this.#index.remove(hashBytes(this.#arena.blocks[address >>> BLOCK_BITS]!, start, start + length, this.#seed), pair)
    this.#arena.free(address, length)
    this.#lengths[pair] = 0
    this.#values.delete(pair)
  }

  /** Takes forgotten pairs out of a name's chain, and the name away when none is left. */
  #relink(name: number): void {
    let first = 0
    let last = 0
    let count = 0
    let next = 0
    for (let pair = this.#firstOfName[name]!; pair !== 0; pair = next) {
      next = this.#nextOfName[pair]!
      if (this.#lengths[pair] === 0) {
        this.#nextOfName[pair] = this.#firstFree
        this.#firstFree = pair
        continue
      }
      if (last === 0) first = pair
      else this.#nextOfName[last] = pair
      last = pair
      count++
    }
    if (last !== 0) this.#nextOfName[last] = 0
    this.#firstOfName[name] = first
    this.#valueCounts[name] = count
    if (count > 0) return
    this.#nameNumbers.delete(this.#names[name]!)
    this.#names[name] = ''
    this.#freeNames.push(name)
  }

  /** Moves the pairs out of blocks that are mostly free. */
  #evacuate(): void {
    const sparse = this.#arena.sparseBlocks()
    if (sparse.length === 0) return
    const leaving = new Set(sparse)
    for (let pair = 1; pair < this.#end; pair++) {
      const length = this.#lengths[pair]!
      const from = this.#addresses[pair]!
      if (length === 0 || !leaving.has(from >>> BLOCK_BITS)) continue
      const to = this.#arena.allocate(length)
      const start = from & OFFSET_MASK
      this.#arena.blocks[to >>> BLOCK_BITS]!.set(this.#arena.blocks[from >>> BLOCK_BITS]!.subarray(start, start + length), to & OFFSET_MASK)
      this.#arena.free(from, length)
      this.#addresses[pair] = to
    }
    for (const block of sparse) this.#arena.release(block)
  }

  #grow(): void {
    const capacity = this.#addresses.length + Math.max(64, this.#addresses.length >>> 2)
    this.#addresses = grown(this.#addresses, capacity)
    this.#lengths = grown(this.#lengths, capacity)
    this.#nameOf = grown(this.#nameOf, capacity)
    this.#nextOfName = grown(this.#nextOfName, capacity)
  }
}

/** Where the pair that begins at `start` ends. */
export function pairEnd(bytes: Uint8Array, start: number): number {
  const value = afterLength(bytes, start) + lengthAt(bytes, start)
  return afterLength(bytes, value) + lengthAt(bytes, value)
}

function grown(column: Uint32Array, capacity: number): Uint32Array {
  const next = new Uint32Array(capacity)
  next.set(column)
  return next
}

/** The length that is written at `at`: unsigned LEB128. */
function lengthAt(bytes: Uint8Array, at: number): number {
  let length = bytes[at]! & 0x7f
  for (let shift = 7; bytes[at]! >= 0x80; shift += 7) length |= (bytes[++at]! & 0x7f) << shift
  return length
}

/** Where the text begins whose length is written at `at`. */
function afterLength(bytes: Uint8Array, at: number): number {
  while (bytes[at]! >= 0x80) at++
  return at + 1
}

function encodeText(text: string, into: Uint8Array, at: number): number {
  let rest = utf8Length(text)
  while (rest >= 0x80) {
    into[at++] = (rest & 0x7f) | 0x80
    rest >>>= 7
  }
  into[at++] = rest
  return at + encoder.encodeInto(text, into.subarray(at)).written
}

function textOf(bytes: Uint8Array, start: number, end: number): string {
  if (end - start > 24) return decoder.decode(bytes.subarray(start, end))
  let text = ''
  for (let i = start; i < end; i++) {
    if (bytes[i]! >= 0x80) return decoder.decode(bytes.subarray(start, end))
    text += String.fromCharCode(bytes[i]!)
  }
  return text
}
