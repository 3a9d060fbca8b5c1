/**
 * SeriesCache: from the raw bytes with which a sender names a series to its canonical label bytes and the store's number for it.
 *
 * Senders repeat themselves: the next body of a connection names the same series with the same bytes in the same order. So a series is
 * parsed, sorted and checked once; from then on its raw bytes are a key, and mostly the next entry is simply the right one.
 *
 *     raw bytes ─ hash ▸ table ▸ entry: raw bytes │ canonical bytes │ store's number
 *                         entry n + 1 is tried before the table: "next series" prediction
 *
 * Raw bytes are only a key: two spellings of one label set are two entries with one canonical form. The store's numbers come back from the
 * batches in which they were filled in, when the next body is decoded. When the cache is full it forgets everything and begins again.
 */
import type { SeriesTable } from '@tsink/core'
import { SeriesWalk } from '@tsink/kernel'
import { REMOTE_WRITE_LIMITS } from './remote-write/limits.ts'

export interface SeriesCacheOptions {
  /** How many series are remembered. */
  readonly maxSeries?: number
  /** How many bytes of raw and canonical labels are kept. */
  readonly maxBytes?: number
  /**
   * Whether the store's numbers say it all: series with a number come without labels then. For stores that never forget a number, as a
   * scraper's own table is one.
   */
  readonly numbersSuffice?: boolean
}

/** What raw bytes are, so that the same bytes of two formats stay apart in one cache. At most sixteen; the kernel knows them by their numbers. */
export const KEY_KINDS = {
  /** The label fields of remote write 1.0. */
  remoteWrite: 0,
  /** Name and value after name and value, each behind its length. */
  pairs: 1,
  /** A series of the text formats, by what its family's type makes of its labels. */
  text: 2,
  textHistogram: 3,
  textSummary: 4,
  /** Measurement, tags and field of the line protocol. */
  influx: 5,
  /** A path of Graphite. */
  graphite: 6,
  /** What an OTLP series is made of: names, resource, scope and the attributes as they are. */
  otlp: 7,
  /** The object of a JSON line. */
  jsonLine: 8,
} as const

const KIND_BITS = 4
const KIND_MASK = 15

/** Half a million series with 200 bytes of labels twice: what a busy tenant's senders name between restarts. */
const MAX_SERIES = 524_288
const MAX_BYTES = 256 * 1024 * 1024
/** Texts of keys that have numbers; forgotten together, since their series are soon known under new ones. */
const MAX_NUMBERS = 65_536
/** Batches whose numbers are still to come: an append in flight holds one each. */
const MAX_PENDING = 64

const NO_LABELS = new Uint8Array(0)

/** A batch whose store may have filled in its numbers since. `entries[slot]` is the slot's entry plus 1, or 0. */
interface Pending {
  readonly series: SeriesTable
  readonly entries: Uint32Array
  readonly generation: number
}

export class SeriesCache {
  readonly #maxSeries: number
  readonly #maxBytes: number
  readonly numbersSuffice: boolean
  #count = 0
  /** For entry i: its raw bytes are `arena[keys[i] .. forms[i])`, its canonical bytes `arena[forms[i] .. keys[i + 1])`. */
  // Small at first: a scraper has a cache for each of its targets.
  #arena: Uint8Array = new Uint8Array(4_096)
  #keys: Uint32Array = new Uint32Array(65)
  #forms: Uint32Array = new Uint32Array(64)
  #hashes: Uint32Array = new Uint32Array(64)
  #refs: Uint32Array = new Uint32Array(64)
  #table: Int32Array = new Int32Array(256).fill(-1)
  #next = 0
  #generation = 0
  #pending: Pending[] = []
  readonly #numbers = new Map<string, number>()
  #lastNumber = 0
  #walk: SeriesWalk | null | undefined
  #walkPending: Pending[] = []

  constructor(options: SeriesCacheOptions = {}) {
    this.#maxSeries = options.maxSeries ?? MAX_SERIES
    this.#maxBytes = options.maxBytes ?? MAX_BYTES
    this.numbersSuffice = options.numbersSuffice === true
  }

  get size(): number {
    return this.#count
  }

  /** Begins a body: takes over the numbers that stores filled in since. */
  begin(): void {
    this.#next = 0
    if (this.#pending.length === 0) return
    this.#pending = this.#pending.filter((batch) => !this.#learn(batch.series, batch.entries, batch.generation))
    if (this.#pending.length > MAX_PENDING) this.#pending.splice(0, this.#pending.length - MAX_PENDING)
  }

  /** The entry of the raw bytes, or -1. `kind` tells apart what the same bytes mean in different formats. */
  find(bytes: Uint8Array, start: number, end: number, kind: number): number {
    const predicted = this.#next
    if (predicted < this.#count && this.#matches(predicted, bytes, start, end)) {
      // The kind is part of the hash, so it is compared through it.
      const hash = this.#hashes[predicted]!
      if ((hash & KIND_MASK) === kind) {
        this.#next = predicted + 1
        return predicted
      }
    }
    const hash = hashOf(bytes, start, end, kind)
    const mask = this.#table.length - 1
    for (let at = (hash >>> KIND_BITS) & mask; ; at = (at + 1) & mask) {
      const entry = this.#table[at]!
      if (entry < 0) return -1
      if (this.#hashes[entry] === hash && this.#matches(entry, bytes, start, end)) {
        this.#next = entry + 1
        return entry
      }
    }
  }

  /** Where the raw bytes of the entry that is expected next end, if they stand at `start` with a blank behind them; else -1. */
  expectedEnd(bytes: Uint8Array, start: number, end: number, kind: number): number {
    const entry = this.#next
    if (entry >= this.#count || (this.#hashes[entry]! & KIND_MASK) !== kind) return -1
    const arena = this.#arena
    const from = this.#keys[entry]!
    const size = this.#forms[entry]! - from
    if (size >= end - start || bytes[start + size] !== 0x20) return -1
    for (let i = size - 1; i >= 0; i--) if (bytes[start + i] !== arena[from + i]) return -1
    return start + size
  }

  /** The entry that is expected next; the one behind it is the next. */
  takeExpected(): number {
    return this.#next++
  }

  /** Remembers raw bytes that `find` does not know. Both are copied. */
  add(bytes: Uint8Array, start: number, end: number, kind: number, canonical: Uint8Array, canonicalEnd: number): number {
    const used = this.#keys[this.#count]!
    const need = used + (end - start) + canonicalEnd
    if (this.#count >= this.#maxSeries || need > this.#maxBytes) this.#forget()
    const entry = this.#count
    if (entry >= this.#refs.length) this.#growEntries()
    const from = this.#keys[entry]!
    const form = from + end - start
    const stop = form + canonicalEnd
    if (stop > this.#arena.length) this.#growArena(stop)
    this.#arena.set(bytes.subarray(start, end), from)
    this.#arena.set(canonical.subarray(0, canonicalEnd), form)
    this.#forms[entry] = form
    this.#keys[entry + 1] = stop
    this.#refs[entry] = 0
    const hash = hashOf(bytes, start, end, kind)
    this.#hashes[entry] = hash
    this.#count++
    this.#insert(entry, hash)
    this.#next = entry + 1
    return entry
  }

  /** Adds an entry's series to a batch and returns its slot there. */
  addTo(series: SeriesTable, entry: number): number {
    const ref = this.#refs[entry]!
    if (ref !== 0 && this.numbersSuffice) return series.addBytes(NO_LABELS, ref)
    return series.addBytes(this.labelBytes(entry), ref)
  }

  /** A view of an entry's canonical label bytes; do not keep it beyond the next `add`. */
  labelBytes(entry: number): Uint8Array {
    return this.#arena.subarray(this.#forms[entry]!, this.#keys[entry + 1]!)
  }

  /** A number for a text that many keys have in common, so that they hold the number in its place. Never the same for two texts. */
  numberOf(text: string): number {
    let number = this.#numbers.get(text)
    if (number === undefined) {
      if (this.#numbers.size >= MAX_NUMBERS) this.#numbers.clear()
      number = ++this.#lastNumber
      this.#numbers.set(text, number)
    }
    return number
  }

  /** Keeps the batch's table until its store has filled in the numbers. `entries[slot]` is the slot's entry plus 1, or 0, in the generation given. */
  expect(series: SeriesTable, entries: Uint32Array, generation: number): void {
    this.#pending.push({ series, entries, generation })
  }

  /** Which entries were told apart since: a decoder that keeps entry numbers across `add` compares it. */
  get generation(): number {
    return this.#generation
  }

  /** The kernel's table, or null where there is no kernel. It is a table of its own, made when it is first asked for. */
  get walk(): SeriesWalk | null {
    this.#walk ??= SeriesWalk.create({ maxSeries: this.#maxSeries, maxBytes: this.#maxBytes, maxBodyBytes: REMOTE_WRITE_LIMITS.bodyBytes })
    const walk = this.#walk
    if (walk !== null && this.#walkPending.length > 0) {
      this.#walkPending = this.#walkPending.filter(({ series, entries, generation }) => {
        if (generation !== walk.generation) return false
        if (!isAnswered(series)) return true
        walk.learn(series.refs, entries, series.count)
        return false
      })
      if (this.#walkPending.length > MAX_PENDING) this.#walkPending.splice(0, this.#walkPending.length - MAX_PENDING)
    }
    return walk
  }

  /** As `expect`, for a batch that the walk made. */
  expectWalked(series: SeriesTable, entries: Uint32Array): void {
    this.#walkPending.push({ series, entries, generation: this.#walk!.generation })
  }

  #learn(series: SeriesTable, entries: Uint32Array, generation: number): boolean {
    if (generation !== this.#generation) return true
    if (!isAnswered(series)) return series.count === 0
    for (let slot = 0; slot < series.count; slot++) {
      const entry = entries[slot]!
      if (entry > 0) this.#refs[entry - 1] = series.refs[slot]!
    }
    return true
  }

  #matches(entry: number, bytes: Uint8Array, start: number, end: number): boolean {
    const arena = this.#arena
    const from = this.#keys[entry]!
    if (this.#forms[entry]! - from !== end - start) return false
    // From the end: what differs between the series of one metric mostly stands there.
    for (let i = end - 1, j = from + end - start - 1; i >= start; i--, j--) if (bytes[i] !== arena[j]) return false
    return true
  }

  #insert(entry: number, hash: number): void {
    if ((entry + 1) * 2 > this.#table.length) {
      this.#table = new Int32Array(this.#table.length * 2).fill(-1)
      for (let i = 0; i < entry; i++) this.#place(i, this.#hashes[i]!)
    }
    this.#place(entry, hash)
  }

  #place(entry: number, hash: number): void {
    const mask = this.#table.length - 1
    let at = (hash >>> KIND_BITS) & mask
    while (this.#table[at]! >= 0) at = (at + 1) & mask
    this.#table[at] = entry
  }

  #forget(): void {
    this.#count = 0
    this.#next = 0
    this.#generation++
    this.#pending = []
    this.#table.fill(-1)
  }

  #growEntries(): void {
    const capacity = this.#refs.length * 2
    const grown = (column: Uint32Array, length: number): Uint32Array => {
      const next = new Uint32Array(length)
      next.set(column)
      return next
    }
    this.#keys = grown(this.#keys, capacity + 1)
    this.#forms = grown(this.#forms, capacity)
    this.#hashes = grown(this.#hashes, capacity)
    this.#refs = grown(this.#refs, capacity)
  }

  #growArena(need: number): void {
    const arena = new Uint8Array(Math.max(need, this.#arena.length * 2))
    arena.set(this.#arena)
    this.#arena = arena
  }
}

/** Whether a store has filled in any number. */
function isAnswered(series: SeriesTable): boolean {
  for (let slot = 0; slot < series.count; slot++) if (series.refs[slot] !== 0) return true
  return false
}

/** 28 bits of hash and the kind in the low four. */
function hashOf(bytes: Uint8Array, start: number, end: number, kind: number): number {
  let hash = (end - start) ^ 0x9e37_79b9
  let at = start
  for (; at + 4 <= end; at += 4) {
    const word = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
    hash = Math.imul(hash ^ word, 0x85eb_ca6b)
    hash ^= hash >>> 15
  }
  for (; at < end; at++) hash = Math.imul(hash ^ bytes[at]!, 0x85eb_ca6b)
  hash ^= hash >>> 13
  hash = Math.imul(hash, 0xc2b2_ae35)
  hash ^= hash >>> 16
  return ((hash & ~KIND_MASK) | kind) >>> 0
}
