/**
 * LabelPairs: every distinct label pair once, as a number from 1 on, with the ids of the series that carry it.
 *
 * A pair's bytes are its slice of the canonical label bytes (length, name, length, value), so that a series' label bytes are its pairs' bytes
 * end to end. The pairs of one name form a chain in both directions, newest first: the distinct values of a label. Numbers of pairs without series are used
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

/** The words of a pair in the table. */
const STRIDE = 5
const ADDRESS = 0
const LENGTH = 1
const NAME = 2
const NEXT = 3
const PREVIOUS = 4

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

export class LabelPairs {
  readonly #seed: number
  readonly #arena = new ByteArena()
  readonly #index = new HashIndex()
  readonly #lists = new IdLists()
  // By pair five words, side by side since they are read together: address and length of the bytes, number of the name, next and previous pair of it.
  #table: Uint32Array = new Uint32Array(64 * STRIDE)
  #end = 1
  // The first pair number to use again; free ones are linked by their NEXT.
  #firstFree = 0
  // Where evacuation stands.
  #cursor = 1
  // By name, from 0 on.
  readonly #nameNumbers = new Map<string, number>()
  readonly #names: string[] = []
  readonly #firstOfName: number[] = []
  readonly #valueCounts: number[] = []
  readonly #freeNames: number[] = []
  // Strings of values by pair; as many as CACHED_VALUES are set.
  readonly #values: (string | undefined)[] = []
  #cachedValues = 0
  readonly #scratch: Uint8Array<ArrayBuffer> = new Uint8Array(1_024)

  constructor(seed: number) {
    this.#seed = seed
  }

  get bytesUsed(): number {
    return (
      this.#arena.bytesUsed +
      this.#index.bytesUsed +
      this.#lists.bytesUsed +
      this.#table.byteLength +
      this.#nameNumbers.size * NAME_BYTES +
      this.#values.length * 8 +
      this.#cachedValues * 40
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

  /** Whether a pair's bytes stand in `view` from `start` on, before `end`; then its length, else 0. */
  lengthAt(pair: number, view: DataView, start: number, end: number): number {
    const length = this.#table[pair * STRIDE + LENGTH]!
    if (start + length > end) return 0
    const address = this.#table[pair * STRIDE + ADDRESS]!
    const own = this.#arena.views[address >>> BLOCK_BITS]!
    let at = address & OFFSET_MASK
    const stop = start + length
    // The last byte first: the values of one label differ there soonest.
    if (own.getUint8(at + length - 1) !== view.getUint8(stop - 1)) return 0
    let to = start
    for (; to + 4 <= stop; to += 4, at += 4) if (own.getInt32(at, true) !== view.getInt32(to, true)) return 0
    for (; to < stop; to++, at++) if (own.getUint8(at) !== view.getUint8(to)) return 0
    return length
  }

  /** The order of two pairs by their bytes. */
  compare(a: number, b: number): number {
    const lengthA = this.#table[a * STRIDE + LENGTH]!
    const lengthB = this.#table[b * STRIDE + LENGTH]!
    const addressA = this.#table[a * STRIDE + ADDRESS]!
    const addressB = this.#table[b * STRIDE + ADDRESS]!
    const blockA = this.#arena.blocks[addressA >>> BLOCK_BITS]!
    const blockB = this.#arena.blocks[addressB >>> BLOCK_BITS]!
    const atA = addressA & OFFSET_MASK
    const atB = addressB & OFFSET_MASK
    const shared = Math.min(lengthA, lengthB)
    for (let i = 0; i < shared; i++) {
      const difference = blockA[atA + i]! - blockB[atB + i]!
      if (difference !== 0) return difference
    }
    return lengthA - lengthB
  }

  /** Copies a pair's bytes; returns where they end in `into`. */
  copy(pair: number, into: Uint8Array, at: number): number {
    const length = this.#table[pair * STRIDE + LENGTH]!
    const address = this.#table[pair * STRIDE + ADDRESS]!
    const block = this.#arena.blocks[address >>> BLOCK_BITS]!
    const from = address & OFFSET_MASK
    for (let i = 0; i < length; i++) into[at + i] = block[from + i]!
    return at + length
  }

  lengthOf(pair: number): number {
    return this.#table[pair * STRIDE + LENGTH]!
  }

  name(pair: number): string {
    return this.#names[this.#table[pair * STRIDE + NAME]!]!
  }

  /** The number of a pair's name. */
  nameNumber(pair: number): number {
    return this.#table[pair * STRIDE + NAME]!
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
    const known = this.#values[pair]
    if (known !== undefined) return known
    const address = this.#table[pair * STRIDE + ADDRESS]!
    const block = this.#arena.blocks[address >>> BLOCK_BITS]!
    const start = address & OFFSET_MASK
    const value = textOf(
      block,
      afterLength(block, afterLength(block, start) + lengthAt(block, start)),
      start + this.#table[pair * STRIDE + LENGTH]!,
    )
    // Any that was dropped is made again; which ones are kept need not be the best choice.
    if (this.#cachedValues >= CACHED_VALUES) {
      this.#values.fill(undefined)
      this.#cachedValues = 0
    }
    while (this.#values.length <= pair) this.#values.push(undefined)
    this.#values[pair] = value
    this.#cachedValues++
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
    for (let pair = this.#firstOfName[number]!; pair !== 0; pair = this.#table[pair * STRIDE + NEXT]!) visit(pair)
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
    const bytes = bound <= this.#scratch.length ? this.#scratch : new Uint8Array(bound)
    const end = encodeText(value, bytes, encodeText(name, bytes, 0))
    const view = new DataView(bytes.buffer)
    return this.#find(view, 0, end, hashBytes(view, 0, end, this.#seed))
  }

  /** The number of the pair whose bytes stand in `view` from `start` up to `end`, made when it is new. */
  intern(view: DataView, start: number, end: number): number {
    const hash = hashBytes(view, start, end, this.#seed)
    return this.#find(view, start, end, hash) || this.#add(view, start, end, hash)
  }

  /** Notes that a series carries the pair. The id is greater than all before. */
  push(pair: number, id: number): void {
    this.#lists.push(pair, id)
  }

  /** Takes series out of the postings of the given pairs, and forgets the pairs that are left without any. */
  subtract(pairs: Iterable<number>, gone: Postings): void {
    for (const pair of pairs) if (this.#lists.subtract(pair, gone) === 0) this.#forget(pair)
  }

  /** Goes on giving back memory that is mostly free, by looking at so many pairs. */
  tidy(pairs: number): void {
    this.#lists.compact(pairs)
    this.#evacuate(pairs)
  }

  #find(view: DataView, start: number, end: number, hash: number): number {
    for (let at = this.#index.probe(hash, -1); at >= 0; at = this.#index.probe(hash, at)) {
      const pair = this.#index.numberAt(hash, at)
      if (this.#table[pair * STRIDE + LENGTH] === end - start && this.lengthAt(pair, view, start, end) > 0) return pair
    }
    return 0
  }

  #add(view: DataView, start: number, end: number, hash: number): number {
    const length = end - start
    const address = this.#arena.allocate(length)
    const block = this.#arena.blocks[address >>> BLOCK_BITS]!
    for (let i = start, to = address & OFFSET_MASK; i < end; i++, to++) block[to] = view.getUint8(i)
    const pair = this.#takeNumber()
    const name = this.#internName(block, address & OFFSET_MASK)
    this.#table[pair * STRIDE + ADDRESS] = address
    this.#table[pair * STRIDE + LENGTH] = length
    this.#table[pair * STRIDE + NAME] = name
    const next = this.#firstOfName[name]!
    this.#table[pair * STRIDE + NEXT] = next
    this.#table[pair * STRIDE + PREVIOUS] = 0
    if (next !== 0) this.#table[next * STRIDE + PREVIOUS] = pair
    this.#firstOfName[name] = pair
    this.#valueCounts[name]!++
    this.#index.add(hash, pair)
    return pair
  }

  #takeNumber(): number {
    const free = this.#firstFree
    if (free !== 0) {
      this.#firstFree = this.#table[free * STRIDE + NEXT]!
      return free
    }
    if (this.#end * STRIDE >= this.#table.length) this.#grow()
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
    const address = this.#table[pair * STRIDE + ADDRESS]!
    const length = this.#table[pair * STRIDE + LENGTH]!
    const start = address & OFFSET_MASK
    this.#index.remove(hashBytes(this.#arena.views[address >>> BLOCK_BITS]!, start, start + length, this.#seed), pair)
    this.#arena.free(address, length)
    this.#table[pair * STRIDE + LENGTH] = 0
    this.#unlink(pair)
    if (this.#values[pair] !== undefined) {
      this.#values[pair] = undefined
      this.#cachedValues--
    }
  }

  /** Takes a pair out of its name's chain, and the name away when none is left; the pair's number can be used again. */
  #unlink(pair: number): void {
    const table = this.#table
    const name = table[pair * STRIDE + NAME]!
    const next = table[pair * STRIDE + NEXT]!
    const previous = table[pair * STRIDE + PREVIOUS]!
    if (previous === 0) this.#firstOfName[name] = next
    else table[previous * STRIDE + NEXT] = next
    if (next !== 0) table[next * STRIDE + PREVIOUS] = previous
    table[pair * STRIDE + NEXT] = this.#firstFree
    this.#firstFree = pair
    if (--this.#valueCounts[name]! > 0) return
    this.#nameNumbers.delete(this.#names[name]!)
    this.#names[name] = ''
    this.#freeNames.push(name)
  }

  /** Moves pairs out of blocks that are mostly free: looks at so many. */
  #evacuate(pairs: number): void {
    const arena = this.#arena
    if (arena.leaving.size === 0) {
      if (!arena.choose()) return
      this.#cursor = 1
    }
    const end = Math.min(this.#end, this.#cursor + pairs)
    for (; this.#cursor < end; this.#cursor++) {
      const at = this.#cursor * STRIDE
      const length = this.#table[at + LENGTH]!
      const from = this.#table[at + ADDRESS]!
      if (length > 0 && arena.leaving.has(from >>> BLOCK_BITS)) this.#table[at + ADDRESS] = arena.move(from, length)
    }
    if (this.#cursor === this.#end) arena.left()
  }

  #grow(): void {
    const pairs = this.#table.length / STRIDE
    const table = new Uint32Array((pairs + Math.max(64, pairs >>> 2)) * STRIDE)
    table.set(this.#table)
    this.#table = table
  }
}

/** Where the pair that begins at `start` ends. */
export function pairEnd(view: DataView, start: number): number {
  return textEnd(view, textEnd(view, start))
}

/** Where the text ends whose length is written at `at`. */
function textEnd(view: DataView, at: number): number {
  let byte = view.getUint8(at++)
  let length = byte & 0x7f
  for (let shift = 7; byte >= 0x80; shift += 7) {
    byte = view.getUint8(at++)
    length |= (byte & 0x7f) << shift
  }
  return at + length
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
