/**
 * SeriesWalk: bodies to columns inside the kernel, with a table of known series by the raw bytes that name them.
 *
 * An instance has a memory of its own: the body (remote write's is decompressed into it), the table, and the columns that a walk fills.
 *
 *     body ─ walk ▸ slots of known series │ columns of samples │ what the walk leaves to the caller
 *     new series ─ caller reads their labels ▸ add, remember
 *     gather ▸ the batch's series table
 *
 * Remote write is walked whole: series that are new are misses, fields other than samples the rest. Other formats are walked in passes: each ends
 * before the first line or point that the walk does not take, the caller reads it, and the next pass goes on behind it.
 *
 * A walk takes what senders repeat. Anything odd or broken goes to the caller's plain decoder (the walk's twin), which says what is wrong. Raw bytes
 * are only a key to the canonical ones.
 */
import { assert, SeriesTable } from '@tsink/core'
import { createKernel, sharedKernel, type Kernel } from './instance.ts'
import { assertDecoded, SNAPPY_SLACK_BYTES, snappyCheckedHeader } from './snappy.ts'

/** The body must go to the plain decoder. */
export const WALK_AGAIN = -1
/** No slot: the series is not known. */
export const UNKNOWN_SERIES = -1
/** No slot: there is no room for one, in the table or in the batch. */
export const NO_ROOM = -2

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
/** What goes with all lines: a family's name, or what ends each key. */
const CONTEXT_BYTES = 65_536
/** Canonical bytes are copied out in pieces that stay in the processor's cache; a label set that is larger than one is the caller's. */
const GATHER_BYTES = 262_144
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
const NOTES = 9
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
const LINES = 34
const CONTEXT = 35
const CONTEXT_END = 36
const ENTRY_CAPACITY = 37
const ARENA_END = 38
const LEARNS = 39
const EXTRAS = 40
const EXTRAS_END = 41
const WALK_WORDS = 46
// And of those that are doubles, counted in eights.
const MIN_TIME = 21
const MAX_TIME = 22

export class SeriesWalk {
  readonly #kernel: Kernel
  readonly #options: SeriesWalkOptions
  readonly #state: number
  /** The walk's fields. */
  readonly #walk: Uint32Array
  readonly #times: Float64Array
  readonly #source: number
  readonly #body: number
  readonly #arena: number
  readonly #gathered: number
  readonly #offsets: number
  readonly #refs: number
  /** Arenas of batches that are done with. */
  readonly #spare: Uint8Array[] = []
  #bodyEnd = 0
  #loaded: Uint8Array = NO_BYTES
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
      maxBodyBytes +
      maxBytes +
      maxSeries * 28 +
      table * 4 +
      MAX_SLOTS * 24 +
      MAX_SAMPLES * 28 +
      MAX_REST * 12 +
      MAX_SYMBOLS * 8
    const kernel = createKernel(total + SCRATCH_BYTES + CONTEXT_BYTES * 2 + GATHER_BYTES + 1_048_576)
    this.#kernel = kernel
    this.#state = kernel.reserve(WALK_WORDS * 4)
    const walk = kernel.words.subarray(this.#state / 4, this.#state / 4 + WALK_WORDS)
    this.#walk = walk
    this.#times = kernel.doubles.subarray(this.#state / 8, (this.#state + WALK_WORDS * 4) / 8)
    this.#source = kernel.reserve(sourceBytes + SNAPPY_SLACK_BYTES)
    this.#body = kernel.reserve(maxBodyBytes + SNAPPY_SLACK_BYTES)
    this.#gathered = kernel.reserve(GATHER_BYTES)
    this.#arena = kernel.reserve(maxBytes + SNAPPY_SLACK_BYTES)
    walk[TABLE] = kernel.reserve(table * 4)
    walk[MASK] = table - 1
    walk[KEYS] = kernel.reserve(maxSeries * 4 + 4)
    for (const column of [FORMS, HASHES, REFS, STAMPS, ENTRY_SLOTS, NOTES]) walk[column] = kernel.reserve(maxSeries * 4)
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
    walk[CONTEXT] = walk[CONTEXT_END] = kernel.reserve(CONTEXT_BYTES)
    walk[EXTRAS] = kernel.reserve(CONTEXT_BYTES)
    walk[ENTRY_CAPACITY] = maxSeries
    walk[ARENA_END] = this.#arena + maxBytes
    this.#set(walk[KEYS], 0, this.#arena)
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
    this.#begin()
    const { exports } = this.#kernel
    const answer = version === 1 ? exports.walkRemoteWrite1 : exports.walkRemoteWrite2
    return answer(this.#state, this.#body, this.#bodyEnd)
  }

  #begin(): void {
    const walk = this.#walk
    const { maxSeries, maxBytes } = this.#options
    if (walk[ENTRIES]! > maxSeries * 0.9 || this.#word(walk[KEYS]!, walk[ENTRIES]!) - this.#arena > maxBytes * 0.9) this.#forget()
    walk[STAMP] = walk[STAMP]! + 1
    for (const field of [NEXT, SLOTS, MISSED, SAMPLES, ANY_START, RESTS, SYMBOLS, LINES, LEARNS]) walk[field] = 0
    walk[CONTEXT_END] = walk[CONTEXT]!
    this.#loaded = NO_BYTES
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
    return this.#add(slot, version - 1, key, canonical, 0) !== NO_ROOM
  }

  /** Both are copied. Answers the slot: the one given, or when that is negative the next one; or NO_ROOM. */
  #add(given: number, kind: number, key: Uint8Array, canonical: Uint8Array, note: number): number {
    if (key.length + canonical.length > SCRATCH_BYTES) return NO_ROOM
    const { bytes, exports } = this.#kernel
    const at = this.#walk[SCRATCH]!
    const form = at + key.length
    bytes.set(key, at)
    bytes.set(canonical, form)
    return exports.addSeriesOf(this.#state, given, at, key.length, form, canonical.length, kind, note)
  }

  /** Begins a body that is walked in passes; false when it is larger than the memory for it. `body` must stay as it is until the batch is made. */
  begin(body: Uint8Array): boolean {
    if (!this.load(body)) return false
    this.#begin()
    this.#loaded = body
    return true
  }

  /** Sets the bytes that go with what is walked next; false when they are too many. */
  setContext(bytes: Uint8Array): boolean {
    const walk = this.#walk
    walk[CONTEXT_END] = walk[CONTEXT]! + (bytes.length <= CONTEXT_BYTES ? bytes.length : 0)
    if (bytes.length > CONTEXT_BYTES) return false
    this.#kernel.bytes.set(bytes, walk[CONTEXT])
    return true
  }

  /** The slot of the series that the bytes name, or {@link UNKNOWN_SERIES} or {@link NO_ROOM}. */
  known(bytes: Uint8Array, start: number, end: number, kind: number): number {
    const size = end - start
    let at = this.#body + start
    if (bytes !== this.#loaded) {
      if (size > SCRATCH_BYTES) return UNKNOWN_SERIES
      at = this.#walk[SCRATCH]!
      this.#kernel.bytes.set(bytes.subarray(start, end), at)
    }
    return this.#kernel.exports.slotOfKey(this.#state, at, at + size, kind)
  }

  /** Puts a series that is not known into table and batch. Answers its slot, or {@link NO_ROOM}. */
  remember(key: Uint8Array, kind: number, canonical: Uint8Array, note = 0): number {
    return this.#add(-1, kind, key, canonical, note)
  }

  /** A view of the canonical label bytes of a slot of the present batch. */
  labelBytes(slot: number): Uint8Array {
    const entry = this.#word(this.#walk[SLOT_ENTRIES]!, slot)
    return this.#kernel.bytes.subarray(this.#word(this.#walk[FORMS]!, entry - 1), this.#word(this.#walk[KEYS]!, entry))
  }

  // Passes. Each goes on at byte `from` of the body and answers where it stopped: at what it leaves to the caller, or at the end. `lines` says how
  // many lines or points it took, `samples` how many samples there are now.

  text(from: number, kind: number, now: number, honorTimestamps: boolean): number {
    this.#walk[LINES] = 0
    return this.#kernel.exports.walkText(this.#state, this.#body + from, this.#bodyEnd, kind, now, honorTimestamps) - this.#body
  }

  openMetrics(from: number, kind: number, now: number, honorTimestamps: boolean, hasCreated: boolean): number {
    this.#walk[LINES] = 0
    const { walkOpenMetrics } = this.#kernel.exports
    return walkOpenMetrics(this.#state, this.#body + from, this.#bodyEnd, kind, now, honorTimestamps, hasCreated) - this.#body
  }

  graphite(from: number, now: number): number {
    this.#walk[LINES] = 0
    return this.#kernel.exports.walkGraphite(this.#state, this.#body + from, this.#bodyEnd, now) - this.#body
  }

  /** The unit of times is 0 nanoseconds, 1 microseconds, 2 milliseconds, 3 seconds, 4 minutes, 5 hours, 6 told by the size. */
  lineProtocol(from: number, unit: number, now: number): number {
    this.#walk[LINES] = 0
    return this.#kernel.exports.walkLineProtocol(this.#state, this.#body + from, this.#bodyEnd, unit, now) - this.#body
  }

  /** Lets line protocol make new series here: of texts the field that adds nothing to a name (or ''), then names and values of labels for all series. */
  setExtras(texts: readonly string[]): void {
    const walk = this.#walk
    const parts = texts.map((text) => new TextEncoder().encode(text))
    let at = walk[EXTRAS]!
    const end = parts.reduce((sum, part) => sum + 4 + part.length, at)
    if (end > at + CONTEXT_BYTES) return
    const { bytes } = this.#kernel
    const view = new DataView(bytes.buffer)
    for (const part of parts) {
      view.setUint32(at, part.length, true)
      bytes.set(part, at + 4)
      at += 4 + part.length
    }
    walk[EXTRAS_END] = end
    walk[LEARNS] = 1
  }

  jsonLines(from: number): number {
    this.#walk[LINES] = 0
    return this.#kernel.exports.walkJsonLines(this.#state, this.#body + from, this.#bodyEnd) - this.#body
  }

  /** Points of OTLP up to byte `end`. `minTime` and `maxTime` are those of the pass. */
  numberPoints(from: number, end: number): number {
    this.#walk[LINES] = 0
    this.#times[MIN_TIME] = Infinity
    this.#times[MAX_TIME] = -Infinity
    return this.#kernel.exports.walkNumberPoints(this.#state, this.#body + from, this.#body + end) - this.#body
  }

  get lines(): number {
    return this.#walk[LINES]!
  }

  get minTime(): number {
    return this.#times[MIN_TIME]!
  }

  get maxTime(): number {
    return this.#times[MAX_TIME]!
  }

  get samples(): number {
    return this.#walk[SAMPLES]!
  }

  set samples(count: number) {
    this.#walk[SAMPLES] = count
  }

  get anyStart(): boolean {
    return this.#walk[ANY_START] !== 0
  }

  /** The columns of samples as views: a caller may add samples too, and says so by `samples`. */
  sampleColumns(): {
    readonly slots: Uint32Array
    readonly timestamps: Float64Array
    readonly values: Float64Array
    readonly startTimestamps: Float64Array
  } {
    const walk = this.#walk
    const { words, doubles } = this.#kernel
    const column = (address: number): Float64Array => doubles.subarray(address / 8, address / 8 + MAX_SAMPLES)
    return {
      slots: words.subarray(walk[SAMPLE_SLOTS]! / 4, walk[SAMPLE_SLOTS]! / 4 + MAX_SAMPLES),
      timestamps: column(walk[TIMESTAMPS]!),
      values: column(walk[VALUES]!),
      startTimestamps: column(walk[STARTS]!),
    }
  }

  /** The batch's series table and, for each slot, its entry plus 1. Copies. */
  gather(): { readonly series: SeriesTable; readonly entries: Uint32Array } {
    const slots = this.slots
    const { exports, bytes, words } = this.#kernel
    const size = exports.placeSeries(this.#state, this.#offsets, this.#refs)
    const series = new SeriesTable(0, 0)
    series.bytes = this.#arenaOf(size)
    series.offsets = words.slice(this.#offsets / 4, this.#offsets / 4 + slots + 1)
    series.refs = words.slice(this.#refs / 4, this.#refs / 4 + slots)
    series.count = slots
    for (let slot = 0; slot < slots;) {
      const start = series.offsets[slot]!
      slot = exports.gatherSeries(this.#state, slot, this.#gathered, this.#gathered + GATHER_BYTES)
      series.bytes.set(bytes.subarray(this.#gathered, this.#gathered + series.offsets[slot]! - start), start)
    }
    this.#loaded = NO_BYTES
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

  /** Forgets which metadata of these entries was told, since the store did not take it. Entries of another generation mean nothing. */
  tellAgain(entries: Uint32Array, generation: number): void {
    if (generation !== this.#generation) return
    const notes = this.#walk[NOTES]! / 4
    for (const entry of entries) if (entry > 0) this.#kernel.words[notes + entry - 1] = 0
  }

  #forget(): void {
    const walk = this.#walk
    walk[ENTRIES] = 0
    this.#generation++
    const table = walk[TABLE]!
    this.#kernel.words.fill(0, table / 4, table / 4 + walk[MASK]! + 1)
  }

  #word(address: number, index: number): number {
    return this.#kernel.words[address / 4 + index]!
  }

  #set(address: number, index: number, value: number): void {
    assert(address > 0, 'the area is reserved')
    this.#kernel.words[address / 4 + index] = value
  }
}
