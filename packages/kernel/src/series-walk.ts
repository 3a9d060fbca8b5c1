/**
 * SeriesWalk: remote-write bodies to columns inside the kernel, with a table of known series by the raw bytes of their labels.
 *
 * An instance has a memory of its own: the body (decompressed into it), the table, and the columns that a walk fills.
 *
 *     body ─ walk ▸ slots of known series │ misses: series that are new │ columns of samples │ rest: histograms, exemplars, metadata
 *     misses ─ caller reads their labels ▸ add
 *     gather ▸ the batch's series table
 *
 * A walk takes the bodies that all known senders make. For anything odd or broken it answers {@link WALK_AGAIN}: the caller decodes the body
 * with its plain decoder (the walk's twin), which says what is wrong. Raw label bytes are only a key to the canonical ones.
 */
import { assert, SeriesTable } from '@tsink/core'
import { createKernel, sharedKernel, type Kernel } from './instance.ts'
import { assertDecoded, SNAPPY_SLACK_BYTES, snappyCheckedHeader } from './snappy.ts'

/** The body must go to the plain decoder. */
export const WALK_AGAIN = -1

/** A series that the table does not know: its slot, and its labels' place in `bytes` (1.0: label fields; 2.0: packed references). */
export interface WalkMiss {
  readonly slot: number
  readonly start: number
  readonly end: number
}

/** A field that the walk leaves to the caller: the series' slot (or -1), its tag byte, and where its length stands in `bytes`. */
export interface WalkRest {
  readonly slot: number
  readonly tag: number
  readonly at: number
}

export interface SeriesWalkOptions {
  readonly maxSeries: number
  readonly maxBytes: number
  readonly maxBodyBytes: number
}

/** More slots or samples in one body are left to the plain decoder: at 20 bytes a sample this is what a body of 32 MiB honestly holds. */
const MAX_SLOTS = 262_144
const MAX_SAMPLES = 2_097_152
const MAX_REST = 262_144
const MAX_SYMBOLS = 1_048_576
const SCRATCH_BYTES = 1_048_576
/** Label arenas kept for the next bodies: as many as senders have bodies on their way, none of them larger than usual bodies need. */
const MAX_SPARE = 16
const MAX_SPARE_BYTES = 1_048_576
const MIN_ARENA_BYTES = 65_536
const NO_BYTES = new Uint8Array(0)

// Word numbers of the fields of Walk in assembly/remote-write.ts.
const ENTRIES = 0
const TABLE = 1
const MASK = 2
const KEYS = 3
const FORMS = 4
const HASHES = 5
const REFS = 6
const STAMPS = 7
const ENTRY_SLOTS = 8
const METADATA = 9
const STAMP = 10
const NEXT = 11
const SLOTS = 12
const SLOT_ENTRIES = 13
const SLOT_CAPACITY = 14
const MISSES = 15
const MISSED = 16
const MISS_CAPACITY = 17
const SAMPLES = 18
const SAMPLE_SLOTS = 19
const TIMESTAMPS = 20
const VALUES = 21
const STARTS = 22
const SAMPLE_CAPACITY = 23
const ANY_START = 24
const REST = 25
const RESTS = 26
const REST_CAPACITY = 27
const SYMBOLS = 28
const SYMBOL_STARTS = 29
const SYMBOL_ENDS = 30
const SYMBOL_CAPACITY = 31
const SCRATCH = 32
const SCRATCH_END = 33
const WALK_WORDS = 34

export class SeriesWalk {
  readonly #kernel: Kernel
  readonly #options: SeriesWalkOptions
  readonly #state: number
  /** The walk's fields. */
  readonly #walk: Uint32Array
  readonly #source: number
  readonly #body: number
  readonly #arena: number
  readonly #gathered: number
  readonly #offsets: number
  readonly #refs: number
  /** Arenas of batches that are done with. */
  readonly #spare: Uint8Array[] = []
  #bodyEnd = 0
  #generation = 0

  /** An instance, or null where the kernel is not to be had. Reserves address space for all limits together; pages count when written. */
  static create(options: SeriesWalkOptions): SeriesWalk | null {
    if (sharedKernel() === null) return null
    try {
      return new SeriesWalk(options)
    } catch {
      // No address space for it: the plain decoder serves.
      return null
    }
  }

  private constructor(options: SeriesWalkOptions) {
    this.#options = options
    const { maxSeries, maxBytes, maxBodyBytes } = options
    const sourceBytes = Math.ceil((maxBodyBytes * 7) / 6) + 1_024
    const table = 2 ** Math.ceil(Math.log2(maxSeries * 2))
    const total =
      sourceBytes +
      maxBodyBytes * 2 +
      maxBytes +
      maxSeries * 28 +
      table * 4 +
      MAX_SLOTS * 24 +
      MAX_SAMPLES * 28 +
      MAX_REST * 12 +
      MAX_SYMBOLS * 8
    const kernel = createKernel(total + SCRATCH_BYTES + 1_048_576)
    this.#kernel = kernel
    this.#state = kernel.reserve(WALK_WORDS * 4)
    const walk = kernel.words.subarray(this.#state / 4, this.#state / 4 + WALK_WORDS)
    this.#walk = walk
    this.#source = kernel.reserve(sourceBytes + SNAPPY_SLACK_BYTES)
    this.#body = kernel.reserve(maxBodyBytes + SNAPPY_SLACK_BYTES)
    this.#gathered = kernel.reserve(maxBodyBytes + SNAPPY_SLACK_BYTES)
    this.#arena = kernel.reserve(maxBytes + SNAPPY_SLACK_BYTES)
    walk[TABLE] = kernel.reserve(table * 4)
    walk[MASK] = table - 1
    walk[KEYS] = kernel.reserve(maxSeries * 4 + 4)
    for (const column of [FORMS, HASHES, REFS, STAMPS, ENTRY_SLOTS, METADATA]) walk[column] = kernel.reserve(maxSeries * 4)
    walk[SLOT_ENTRIES] = kernel.reserve(MAX_SLOTS * 4)
    walk[SLOT_CAPACITY] = MAX_SLOTS
    walk[MISSES] = kernel.reserve(MAX_SLOTS * 12)
    walk[MISS_CAPACITY] = MAX_SLOTS
    this.#offsets = kernel.reserve(MAX_SLOTS * 4 + 4)
    this.#refs = kernel.reserve(MAX_SLOTS * 4)
    walk[SAMPLE_SLOTS] = kernel.reserve(MAX_SAMPLES * 4)
    for (const column of [TIMESTAMPS, VALUES, STARTS]) walk[column] = kernel.reserve(MAX_SAMPLES * 8)
    walk[SAMPLE_CAPACITY] = MAX_SAMPLES
    walk[REST] = kernel.reserve(MAX_REST * 12)
    walk[REST_CAPACITY] = MAX_REST
    walk[SYMBOL_STARTS] = kernel.reserve(MAX_SYMBOLS * 4)
    walk[SYMBOL_ENDS] = kernel.reserve(MAX_SYMBOLS * 4)
    walk[SYMBOL_CAPACITY] = MAX_SYMBOLS
    walk[SCRATCH] = kernel.reserve(SCRATCH_BYTES)
    walk[SCRATCH_END] = walk[SCRATCH] + SCRATCH_BYTES
    this.#word(walk[KEYS], 0, this.#arena)
  }

  /** The memory in which bodies, misses and rest have their places. Read from it between a walk and the next body only. */
  get bytes(): Uint8Array {
    return this.#kernel.bytes
  }

  /** The end of the body in `bytes`. */
  get bodyEnd(): number {
    return this.#bodyEnd
  }

  /** The body as a view of `bytes`, for the plain decoder. */
  get body(): Uint8Array {
    return this.#kernel.bytes.subarray(this.#body, this.#bodyEnd)
  }

  get size(): number {
    return this.#walk[ENTRIES]!
  }

  /** Grows with every time that the table forgot: entries of another generation mean nothing. */
  get generation(): number {
    return this.#generation
  }

  /** Takes a body as it is; false when it is larger than the memory for it. */
  load(body: Uint8Array): boolean {
    if (body.length > this.#options.maxBodyBytes) return false
    this.#kernel.bytes.set(body, this.#body)
    this.#bodyEnd = this.#body + body.length
    return true
  }

  /**
   * Takes a body that is a snappy block; false when the block is larger than the memory for it.
   * @throws TsinkError TOO_LARGE when more than `maxBodyBytes` are declared, BAD_REQUEST when the block is damaged.
   */
  loadSnappy(block: Uint8Array): boolean {
    const { sizeBytes, start } = snappyCheckedHeader(block, this.#options.maxBodyBytes)
    if (block.length > this.#body - this.#source - SNAPPY_SLACK_BYTES) return false
    const { bytes, exports } = this.#kernel
    bytes.set(block, this.#source)
    assertDecoded(exports.snappyDecode(this.#source + start, this.#source + block.length, this.#body, sizeBytes), start)
    this.#bodyEnd = this.#body + sizeBytes
    return true
  }

  /** Walks the body that was loaded. 0, or {@link WALK_AGAIN}. */
  walk(version: 1 | 2): number {
    const walk = this.#walk
    const { maxSeries, maxBytes } = this.#options
    if (walk[ENTRIES]! > maxSeries * 0.9 || this.#word(walk[KEYS]!, walk[ENTRIES]!) - this.#arena > maxBytes * 0.9) this.#forget()
    walk[STAMP] = walk[STAMP]! + 1
    for (const field of [NEXT, SLOTS, MISSED, SAMPLES, ANY_START, RESTS, SYMBOLS]) walk[field] = 0
    const { exports } = this.#kernel
    const answer = version === 1 ? exports.walkRemoteWrite1 : exports.walkRemoteWrite2
    return answer(this.#state, this.#body, this.#bodyEnd)
  }

  get slots(): number {
    return this.#walk[SLOTS]!
  }

  get misses(): number {
    return this.#walk[MISSED]!
  }

  miss(index: number): WalkMiss {
    const record = this.#walk[MISSES]!
    return { slot: this.#word(record, index * 3), start: this.#word(record, index * 3 + 1), end: this.#word(record, index * 3 + 2) }
  }

  get rests(): number {
    return this.#walk[RESTS]!
  }

  rest(index: number): WalkRest {
    const record = this.#walk[REST]!
    return { slot: this.#word(record, index * 3) | 0, tag: this.#word(record, index * 3 + 1), at: this.#word(record, index * 3 + 2) }
  }

  get symbols(): number {
    return this.#walk[SYMBOLS]!
  }

  symbolStart(symbol: number): number {
    return this.#word(this.#walk[SYMBOL_STARTS]!, symbol)
  }

  symbolEnd(symbol: number): number {
    return this.#word(this.#walk[SYMBOL_ENDS]!, symbol)
  }

  /**
   * Puts a missed series into the table: `key` as the walk compares it (1.0: the raw label fields; 2.0: each symbol behind its length) and its
   * canonical bytes. False when there is no room: the body goes to the plain decoder then, and the next walk begins with an empty table.
   */
  add(slot: number, version: 1 | 2, key: Uint8Array, canonical: Uint8Array): boolean {
    const walk = this.#walk
    const entry = walk[ENTRIES]!
    const start = this.#word(walk[KEYS]!, entry)
    const end = start + key.length + canonical.length
    if (entry >= this.#options.maxSeries || end > this.#arena + this.#options.maxBytes) return false
    this.#kernel.bytes.set(key, start)
    this.#kernel.bytes.set(canonical, start + key.length)
    this.#set(walk[FORMS]!, entry, start + key.length)
    this.#set(walk[KEYS]!, entry + 1, end)
    this.#set(walk[REFS]!, entry, 0)
    this.#set(walk[STAMPS]!, entry, walk[STAMP]!)
    this.#set(walk[ENTRY_SLOTS]!, entry, slot)
    this.#set(walk[METADATA]!, entry, 0)
    this.#set(walk[SLOT_ENTRIES]!, slot, entry + 1)
    this.#kernel.exports.addSeriesKey(this.#state, entry, version)
    walk[ENTRIES] = entry + 1
    return true
  }

  /** The batch's series table and, for each slot, its entry plus 1. Copies; null when the labels do not fit the memory for them. */
  gather(): { readonly series: SeriesTable; readonly entries: Uint32Array } | null {
    const slots = this.slots
    const { exports, bytes, words } = this.#kernel
    const size = exports.gatherSeries(this.#state, this.#gathered, this.#gathered + this.#options.maxBodyBytes, this.#offsets, this.#refs)
    if (size >>> 0 === 0xffff_ffff) return null
    const series = new SeriesTable(0, 0)
    series.bytes = this.#arenaOf(size)
    series.bytes.set(bytes.subarray(this.#gathered, this.#gathered + size))
    series.offsets = words.slice(this.#offsets / 4, this.#offsets / 4 + slots + 1)
    series.refs = words.slice(this.#refs / 4, this.#refs / 4 + slots)
    series.count = slots
    const entries = this.#walk[SLOT_ENTRIES]! / 4
    return { series, entries: words.slice(entries, entries + slots) }
  }

  /** Takes back the label bytes of a batch that nobody reads any more, so that the next body need not make new ones. Its refs stay. */
  recycle(series: SeriesTable): void {
    const { bytes } = series
    series.bytes = NO_BYTES
    if (bytes.length > 0 && bytes.length <= MAX_SPARE_BYTES && this.#spare.length < MAX_SPARE) this.#spare.push(bytes)
  }

  #arenaOf(size: number): Uint8Array {
    for (let i = this.#spare.length - 1; i >= 0; i--) if (this.#spare[i]!.length >= size) return this.#spare.splice(i, 1)[0]!
    // Room for bodies that are a little larger, in sizes that come again.
    return new Uint8Array(Math.max(MIN_ARENA_BYTES, 2 ** Math.ceil(Math.log2(size + 1))))
  }

  /** The samples of the walk, as copies. `startTimestamps` is null when no sample has one. */
  columns(): {
    readonly count: number
    readonly slots: Uint32Array
    readonly timestamps: Float64Array
    readonly values: Float64Array
    readonly startTimestamps: Float64Array | null
  } {
    const walk = this.#walk
    const count = walk[SAMPLES]!
    const { words, doubles } = this.#kernel
    const column = (address: number): Float64Array => doubles.slice(address / 8, address / 8 + count)
    return {
      count,
      slots: words.slice(walk[SAMPLE_SLOTS]! / 4, walk[SAMPLE_SLOTS]! / 4 + count),
      timestamps: column(walk[TIMESTAMPS]!),
      values: column(walk[VALUES]!),
      startTimestamps: walk[ANY_START] === 0 ? null : column(walk[STARTS]!),
    }
  }

  /** Keeps the store's numbers of the series for the next bodies. */
  learn(refs: Uint32Array, entries: Uint32Array, count: number): void {
    const known = this.#walk[REFS]! / 4
    const { words } = this.#kernel
    for (let slot = 0; slot < count; slot++) if (entries[slot]! > 0) words[known + entries[slot]! - 1] = refs[slot]!
  }

  #forget(): void {
    const walk = this.#walk
    walk[ENTRIES] = 0
    this.#generation++
    const table = walk[TABLE]!
    this.#kernel.words.fill(0, table / 4, table / 4 + walk[MASK]! + 1)
  }

  #word(address: number, index: number, value?: number): number {
    const at = address / 4 + index
    if (value !== undefined) this.#kernel.words[at] = value
    return this.#kernel.words[at]!
  }

  #set(address: number, index: number, value: number): void {
    assert(address > 0, 'the area is reserved')
    this.#kernel.words[address / 4 + index] = value
  }
}
