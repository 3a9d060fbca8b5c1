/**
 * Registry: label set to series id and back, and matchers to series ids, for the series that are in memory. Nothing in it is a JavaScript
 * object per series.
 *
 *     label bytes ─ hash ▸ index ▸ id ▸ page ▸ record: the numbers of its label pairs ▸ pair: bytes, series ids
 *
 * Ids ascend from 1 and are never used again, so that a number kept from a removed series can only miss.
 */
import { assert, compareStrings, Labels, TsinkError, type Matcher } from '@tsink/core'
import { Postings, selectPostings, type PostingsSource } from '@tsink/postings'
import { BLOCK_BITS, ByteArena, OFFSET_MASK } from './byte-arena.ts'
import { HashIndex } from './hash-index.ts'
import { hashBytes, seedOf } from './hash.ts'
import { IdLists } from './id-lists.ts'
import { LabelPairs, pairEnd } from './label-pairs.ts'

const PAGE_BITS = 8
const PAGE_SIZE = 1 << PAGE_BITS
const PAGE_MASK = PAGE_SIZE - 1
/** A page's words and its object. */
const PAGE_BYTES = PAGE_SIZE * 4 + 128
const MAX_ID = 0xffff_fffe
/** A record's count of pairs and each pair's number take at most so many bytes. */
const MAX_VARINT = 5
/**
 * For each series that leaves so many others (and label pairs) are looked at whether they lie in memory that could be given back: when an eighth has
 * left since it was begun, all were, and no removal ever has to look at all of them at once.
 */
const TIDY_STEPS = 8

export class Registry {
  readonly #seed: number
  readonly #pairs: LabelPairs
  readonly #index = new HashIndex()
  readonly #records = new ByteArena()
  /** List 0 holds all ids. */
  readonly #all = new IdLists()
  // Page p holds the record addresses of ids p * 256 and up; a page without series is gone.
  readonly #pages: (Uint32Array | undefined)[] = []
  readonly #pageCounts: number[] = []
  #pageTotal = 0
  #lastId = 0
  // Where evacuation stands.
  #cursor = 0
  #scratch: Uint8Array<ArrayBuffer> = new Uint8Array(4_096)
  #scratchView: DataView = new DataView(this.#scratch.buffer)
  // The buffer of the label bytes given last, and a view of it.
  #input: ArrayBufferLike = this.#scratch.buffer
  #inputView: DataView = this.#scratchView
  // The pairs of the series added last: the next one often shares most of them.
  #recent: Uint32Array = new Uint32Array(64)
  #recentCount = 0
  readonly #source: PostingsSource

  /** `seed` should be a random number of 32 bits, new in each process: then nobody can prepare label sets that collide. */
  constructor(options: { readonly seed?: number } = {}) {
    this.#seed = seedOf(options.seed ?? 0)
    this.#pairs = new LabelPairs(this.#seed)
    this.#source = new RegistryPostings(this, this.#pairs, this.#all)
  }

  /** How many series there are. */
  get size(): number {
    return this.#index.size
  }

  /** The greatest id given so far, 0 before the first. */
  get lastId(): number {
    return this.#lastId
  }

  /** The memory that the registry holds, slack of its tables included. */
  get bytesUsed(): number {
    return (
      this.#pairs.bytesUsed +
      this.#index.bytesUsed +
      this.#records.bytesUsed +
      this.#all.bytesUsed +
      this.#pageTotal * PAGE_BYTES +
      this.#pages.length * 16
    )
  }

  /** The id of the series whose canonical label bytes stand in `bytes` from `start` up to `end`, 0 when there is none. */
  resolve(bytes: Uint8Array, start = 0, end: number = bytes.length): number {
    const view = this.#viewOf(bytes)
    const from = bytes.byteOffset + start
    const to = bytes.byteOffset + end
    return this.#find(view, from, to, hashBytes(view, from, to, this.#seed))
  }

  /**
   * The id of the series with these label bytes (`bytes` from `start` up to `end`), which is made when it is new. The caller has checked that
   * the bytes are canonical; they are copied.
   * @throws TsinkError SERIES_LIMIT when 4 billion ids were given or the label sets fill 4 GiB.
   */
  add(bytes: Uint8Array, start = 0, end: number = bytes.length): number {
    const view = this.#viewOf(bytes)
    const from = bytes.byteOffset + start
    const to = bytes.byteOffset + end
    const hash = hashBytes(view, from, to, this.#seed)
    const known = this.#find(view, from, to, hash)
    if (known !== 0) return known
    if (this.#lastId >= MAX_ID) throw new TsinkError('SERIES_LIMIT', `${MAX_ID} series ids were given; reopen the store to begin anew`)
    const id = this.#lastId + 1
    const count = this.#internPairs(view, from, to)
    const address = this.#writeRecord(count)
    // From here on nothing fails: a series is there as a whole or not at all.
    this.#lastId = id
    for (let i = 0; i < count; i++) this.#pairs.push(this.#recent[i]!, id)
    const page = (this.#pages[id >>> PAGE_BITS] ??= this.#newPage(id >>> PAGE_BITS))
    page[id & PAGE_MASK] = address
    this.#pageCounts[id >>> PAGE_BITS]!++
    this.#index.add(hash, id)
    this.#all.push(0, id)
    return id
  }

  has(id: number): boolean {
    return this.#address(id) !== 0
  }

  /** The canonical label bytes of a series: a view that the next call of this function overwrites. The series exists. */
  labelBytes(id: number): Uint8Array {
    const address = this.#address(id)
    assert(address !== 0, 'the series exists')
    const block = this.#records.blocks[address >>> BLOCK_BITS]!
    let at = address & OFFSET_MASK
    let left = block[at++]!
    if (left >= 0x80) left = (left & 0x7f) | (block[at++]! << 7)
    let end = 0
    for (; left > 0; left--) {
      let byte = block[at++]!
      let pair = byte & 0x7f
      for (let shift = 7; byte >= 0x80; shift += 7) {
        byte = block[at++]!
        pair |= (byte & 0x7f) << shift
      }
      const need = end + this.#pairs.lengthOf(pair)
      if (need > this.#scratch.length) this.#growScratch(need, end)
      end = this.#pairs.copy(pair, this.#scratch, end)
    }
    return this.#scratch.subarray(0, end)
  }

  /** The order of two series by their label bytes: negative when `a` comes first. Both exist. Allocates nothing. */
  compare(a: number, b: number): number {
    const addressA = this.#address(a)
    const addressB = this.#address(b)
    assert(addressA !== 0 && addressB !== 0, 'compared series exist')
    const blockA = this.#records.blocks[addressA >>> BLOCK_BITS]!
    const blockB = this.#records.blocks[addressB >>> BLOCK_BITS]!
    let atA = addressA & OFFSET_MASK
    let atB = addressB & OFFSET_MASK
    let countA = blockA[atA++]!
    if (countA >= 0x80) countA = (countA & 0x7f) | (blockA[atA++]! << 7)
    let countB = blockB[atB++]!
    if (countB >= 0x80) countB = (countB & 0x7f) | (blockB[atB++]! << 7)
    // A pair's bytes say where they end: the order of two label sets is that of the first pairs in which they differ.
    for (let left = Math.min(countA, countB); left > 0; left--) {
      let byte = blockA[atA++]!
      let pairA = byte & 0x7f
      for (let shift = 7; byte >= 0x80; shift += 7) {
        byte = blockA[atA++]!
        pairA |= (byte & 0x7f) << shift
      }
      byte = blockB[atB++]!
      let pairB = byte & 0x7f
      for (let shift = 7; byte >= 0x80; shift += 7) {
        byte = blockB[atB++]!
        pairB |= (byte & 0x7f) << shift
      }
      if (pairA !== pairB) return this.#pairs.compare(pairA, pairB)
    }
    return countA - countB
  }

  /** The labels of a series, decoded. The series exists. */
  labels(id: number): Labels {
    const address = this.#address(id)
    assert(address !== 0, 'the series exists')
    const block = this.#records.blocks[address >>> BLOCK_BITS]!
    const names: string[] = []
    const values: string[] = []
    let at = address & OFFSET_MASK
    let left = block[at++]!
    if (left >= 0x80) left = (left & 0x7f) | (block[at++]! << 7)
    for (; left > 0; left--) {
      let byte = block[at++]!
      let pair = byte & 0x7f
      for (let shift = 7; byte >= 0x80; shift += 7) {
        byte = block[at++]!
        pair |= (byte & 0x7f) << shift
      }
      names.push(this.#pairs.name(pair))
      values.push(this.#pairs.value(pair))
    }
    return Labels.fromSorted(names, values)
  }

  /** The ids of the series that meet all matchers, ascending; the array is the caller's. */
  select(matchers: readonly Matcher[]): Uint32Array {
    return selectPostings(this.#source, matchers).toArray().slice()
  }

  /** Label names in use, in byte order; of the given series only, when `ids` is given. */
  labelNames(ids?: Uint32Array): string[] {
    if (ids === undefined) return this.#pairs.names().toSorted(compareStrings)
    const seen = new Set<number>()
    for (const id of ids) {
      if (seen.size === this.#pairs.nameCount) break
      for (const pair of this.pairsOf(id)) seen.add(this.#pairs.nameNumber(pair))
    }
    return [...seen].map((name) => this.#pairs.nameOfNumber(name)).toSorted(compareStrings)
  }

  /** The distinct values of a label, in byte order; of the given series only (ascending ids), when `ids` is given. */
  labelValues(name: string, ids?: Uint32Array): string[] {
    const values: string[] = []
    const number = this.#pairs.numberOfName(name)
    if (number < 0) return values
    if (ids !== undefined && ids.length < this.#pairs.valueCount(name)) {
      const seen = new Set<number>()
      for (const id of ids) for (const pair of this.pairsOf(id)) if (this.#pairs.nameNumber(pair) === number) seen.add(pair)
      for (const pair of seen) values.push(this.#pairs.value(pair))
    } else {
      const among = ids === undefined ? null : Postings.fromSorted(ids)
      this.#pairs.forEachOf(name, (pair) => {
        if (among === null || this.#pairs.postings(pair).intersect(among).size > 0) values.push(this.#pairs.value(pair))
      })
    }
    return values.toSorted(compareStrings)
  }

  /**
   * Takes series out; ids that do not exist are passed over. Their memory is used again at once, and given back by and by, as more leave; also that
   * of label pairs which no other series has. The cost follows the number of ids and their labels, and not the size of the registry.
   */
  remove(ids: Uint32Array): void {
    const gone = Postings.from(ids).intersect(this.#all.postings(0))
    if (gone.size === 0) return
    const touched = new Set<number>()
    for (const id of gone.toArray().slice()) {
      const { length } = this.labelBytes(id)
      this.#index.remove(hashBytes(this.#scratchView, 0, length, this.#seed), id)
      for (const pair of this.pairsOf(id)) touched.add(pair)
      this.#dropRecord(id)
    }
    this.#pairs.subtract(touched, gone)
    this.#all.subtract(0, gone)
    this.#recentCount = 0
    const steps = gone.size * TIDY_STEPS
    this.#pairs.tidy(steps)
    this.#all.compact(1)
    this.#evacuate(Math.ceil(steps / PAGE_SIZE))
  }

  /** The numbers of a series' label pairs, in the order of its labels. */
  pairsOf(id: number): number[] {
    const address = this.#address(id)
    assert(address !== 0, `series ${id} exists`)
    const block = this.#records.blocks[address >>> BLOCK_BITS]!
    let at = address & OFFSET_MASK
    let left = block[at++]!
    if (left >= 0x80) left = (left & 0x7f) | (block[at++]! << 7)
    const pairs: number[] = []
    for (; left > 0; left--) {
      let byte = block[at++]!
      let pair = byte & 0x7f
      for (let shift = 7; byte >= 0x80; shift += 7) {
        byte = block[at++]!
        pair |= (byte & 0x7f) << shift
      }
      pairs.push(pair)
    }
    return pairs
  }

  #address(id: number): number {
    return this.#pages[id >>> PAGE_BITS]?.[id & PAGE_MASK] ?? 0
  }

  /** A view of the whole buffer in which the bytes lie. Batches keep all their label bytes in one, so the last view is often right again. */
  #viewOf(bytes: Uint8Array): DataView {
    const buffer = bytes.buffer
    if (buffer !== this.#input) {
      this.#input = buffer
      this.#inputView = new DataView(buffer)
    }
    return this.#inputView
  }

  #find(view: DataView, start: number, end: number, hash: number): number {
    for (let at = this.#index.probe(hash, -1); at >= 0; at = this.#index.probe(hash, at)) {
      const id = this.#index.numberAt(hash, at)
      if (this.#equals(id, view, start, end)) return id
    }
    return 0
  }

  /** Whether a series' pairs, end to end, are the bytes from `start` up to `end`. */
  #equals(id: number, view: DataView, start: number, end: number): boolean {
    const address = this.#address(id)
    const block = this.#records.blocks[address >>> BLOCK_BITS]!
    let at = address & OFFSET_MASK
    let count = block[at++]!
    if (count >= 0x80) count = (count & 0x7f) | (block[at++]! << 7)
    let from = start
    for (; count > 0; count--) {
      let byte = block[at++]!
      let pair = byte & 0x7f
      for (let shift = 7; byte >= 0x80; shift += 7) {
        byte = block[at++]!
        pair |= (byte & 0x7f) << shift
      }
      const length = this.#pairs.lengthAt(pair, view, from, end)
      if (length === 0) return false
      from += length
    }
    return from === end
  }

  /** Puts the numbers of the bytes' pairs into `#recent`, made where they are new. Returns how many there are. */
  #internPairs(view: DataView, start: number, end: number): number {
    const known = this.#recentCount
    let count = 0
    this.#recentCount = 0
    for (let at = start; at < end; count++) {
      if (count >= this.#recent.length) {
        const larger = new Uint32Array(count * 2)
        larger.set(this.#recent)
        this.#recent = larger
      }
      const shared = count < known ? this.#pairs.lengthAt(this.#recent[count]!, view, at, end) : 0
      if (shared > 0) {
        at += shared
        continue
      }
      const next = pairEnd(view, at)
      this.#recent[count] = this.#pairs.intern(view, at, next)
      at = next
    }
    this.#recentCount = count
    return count
  }

  #writeRecord(count: number): number {
    const need = (count + 1) * MAX_VARINT
    if (need > this.#scratch.length) this.#growScratch(need, 0)
    const scratch = this.#scratch
    let end = putVarint(scratch, 0, count)
    for (let i = 0; i < count; i++) end = putVarint(scratch, end, this.#recent[i]!)
    const address = this.#records.allocate(end)
    const block = this.#records.blocks[address >>> BLOCK_BITS]!
    for (let i = 0, to = address & OFFSET_MASK; i < end; i++) block[to + i] = scratch[i]!
    return address
  }

  #growScratch(need: number, used: number): void {
    const larger = new Uint8Array(need * 2)
    larger.set(this.#scratch.subarray(0, used))
    this.#scratch = larger
    this.#scratchView = new DataView(larger.buffer)
  }

  #newPage(page: number): Uint32Array {
    // Pages passed over hold no series: their slots are filled, so that the array stays dense.
    while (this.#pages.length <= page) {
      this.#pages.push(undefined)
      this.#pageCounts.push(0)
    }
    this.#pageTotal++
    return new Uint32Array(PAGE_SIZE)
  }

  #recordLength(address: number): number {
    const block = this.#records.blocks[address >>> BLOCK_BITS]!
    const start = address & OFFSET_MASK
    let at = start
    let left = block[at]! & 0x7f
    if (block[at++]! >= 0x80) left |= block[at++]! << 7
    for (; left > 0; left--) while (block[at++]! >= 0x80);
    return at - start
  }

  #dropRecord(id: number): void {
    const address = this.#address(id)
    this.#records.free(address, this.#recordLength(address))
    const page = id >>> PAGE_BITS
    this.#pages[page]![id & PAGE_MASK] = 0
    if (--this.#pageCounts[page]! > 0) return
    this.#pages[page] = undefined
    this.#pageTotal--
  }

  /** Moves records out of blocks that are mostly free: looks at so many pages of series. */
  #evacuate(pages: number): void {
    const records = this.#records
    if (records.leaving.size === 0) {
      if (!records.choose()) return
      this.#cursor = 0
    }
    const end = Math.min(this.#pages.length, this.#cursor + pages)
    for (; this.#cursor < end; this.#cursor++) {
      const page = this.#pages[this.#cursor]
      if (page === undefined) continue
      for (let i = 0; i < PAGE_SIZE; i++) {
        const from = page[i]!
        if (from !== 0 && records.leaving.has(from >>> BLOCK_BITS)) page[i] = records.move(from, this.#recordLength(from))
      }
    }
    if (this.#cursor === this.#pages.length) records.left()
  }
}

/** The registry as an index for matchers. */
class RegistryPostings implements PostingsSource {
  readonly #registry: Registry
  readonly #pairs: LabelPairs
  readonly #all: IdLists

  constructor(registry: Registry, pairs: LabelPairs, all: IdLists) {
    this.#registry = registry
    this.#pairs = pairs
    this.#all = all
  }

  all(): Postings {
    return this.#all.postings(0)
  }

  postings(name: string, value: string): Postings {
    const pair = this.#pairs.find(name, value)
    return pair === 0 ? Postings.EMPTY : this.#pairs.postings(pair)
  }

  valueCount(name: string): number {
    return this.#pairs.valueCount(name)
  }

  scan(name: string, prefix: string, keep: (value: string) => boolean): Postings[] {
    const found: Postings[] = []
    this.#pairs.forEachOf(name, (pair) => {
      const value = this.#pairs.value(pair)
      if (value.startsWith(prefix) && keep(value)) found.push(this.#pairs.postings(pair))
    })
    return found
  }

  labelValue(id: number, name: string): string {
    const number = this.#pairs.numberOfName(name)
    if (number < 0) return ''
    for (const pair of this.#registry.pairsOf(id)) if (this.#pairs.nameNumber(pair) === number) return this.#pairs.value(pair)
    return ''
  }
}

function putVarint(into: Uint8Array, at: number, value: number): number {
  while (value >= 0x80) {
    into[at++] = (value & 0x7f) | 0x80
    value >>>= 7
  }
  into[at++] = value
  return at
}
