/**
 * Postings as bytes: a list of differences while that is smaller, else a roaring bitmap in its portable format.
 *
 *     form 0   count: varint · first: varint · (id - previous - 1): varint ...
 *     form 1   a roaring bitmap, portable format (https://github.com/RoaringBitmap/RoaringFormatSpec)
 *
 * The roaring library writes form 1 and our own reader reads it: the library's reader accepts damaged bytes and is undefined on hostile
 * ones, where ours checks every bound. A form is told by its first byte; see docs/format/postings.md.
 */
import { corruption, type ErrorDetail } from '@tsink/core'
import { crc32c } from '@tsink/kernel'
import { RoaringBitmap32, roaringLibraryInitialize } from 'roaring-wasm'
import { Postings } from './postings.ts'

const FORM_DELTAS = 0
const FORM_ROARING = 1
/** Below this many members a list of differences is never much larger than a bitmap's headers, and is not worth the trip to the library. */
const MIN_ROARING = 64
/** So many members are encoded in one step: a millisecond or two. */
const STEP_IDS = 131_072
const CHECKSUM_BYTES = 4
const MAX_LIMIT = 2 ** 32

/** Resolves when {@link encodePostings} may be called: at once on Node, after the library's module was compiled in a browser. */
export function postingsReady(): Promise<void> {
  return roaringLibraryInitialize()
}

/** The bytes of a set with a checksum behind them. */
export function sealPostings(postings: Postings): Uint8Array {
  const body = encodePostings(postings)
  const bytes = new Uint8Array(body.length + CHECKSUM_BYTES)
  bytes.set(body)
  new DataView(bytes.buffer).setUint32(body.length, crc32c(body), true)
  return bytes
}

/**
 * The set of sealed bytes. All its members have to be below `limit`: the number of series that there are.
 * @throws TsinkError CHECKSUM, TRUNCATED or BAD_FORMAT; `where` (a file, an offset) goes into its message.
 */
export function openPostings(bytes: Uint8Array, limit: number = MAX_LIMIT, where: ErrorDetail = {}): Postings {
  const end = bytes.length - CHECKSUM_BYTES
  if (end < 1) throw corruption('TRUNCATED', 'postings end early', { ...where, found: bytes.length })
  const expected = new DataView(bytes.buffer, bytes.byteOffset + end).getUint32(0, true)
  const body = bytes.subarray(0, end)
  const found = crc32c(body)
  if (found !== expected) throw corruption('CHECKSUM', 'postings do not match their checksum', { ...where, expected, found })
  return decodePostings(body, limit, where)
}

/** The bytes of a set without a checksum, for files that checksum what they put them into. */
export function encodePostings(postings: Postings): Uint8Array {
  return encodeSorted(postings.toArray())
}

/** As {@link encodePostings}, of numbers that ascend without repeats. */
export function encodeSorted(ids: Uint32Array): Uint8Array {
  const steps = encodeSteps(ids)
  for (;;) {
    const step = steps.next()
    if (step.done === true) return step.value
  }
}

/** As {@link encodeSorted}, yielding wherever others may be let through: a set of millions takes long. */
export function* encodeSteps(ids: Uint32Array): Generator<void, Uint8Array> {
  if (ids.length < MIN_ROARING) return encodeDeltas(ids, sizeOfDeltas(ids))
  // The library's memory is its own: nothing of it may outlive this block.
  const bitmap = new RoaringBitmap32()
  try {
    for (let from = 0; from < ids.length; from += STEP_IDS) {
      bitmap.addMany(ids.subarray(from, from + STEP_IDS))
      if (from + STEP_IDS < ids.length) yield
    }
    bitmap.runOptimize()
    if (bitmap.size !== ids.length) throw new Error(`the roaring library kept ${bitmap.size} of ${ids.length} series`)
    const roaringBytes = bitmap.getSerializationSizeInBytes('portable') + 1
    // As differences every member takes a byte at least: often that is enough to know.
    if (roaringBytes > ids.length) {
      const deltaBytes = sizeOfDeltas(ids)
      if (deltaBytes <= roaringBytes) return encodeDeltas(ids, deltaBytes)
    }
    const bytes = new Uint8Array(roaringBytes)
    bytes[0] = FORM_ROARING
    bytes.set(bitmap.serialize('portable'), 1)
    return bytes
  } finally {
    bitmap.dispose()
  }
}

/**
 * The set of bytes that {@link encodePostings} made. The bytes are not kept. All its members have to be below `limit`, which
 * also bounds what hostile bytes can make us reserve.
 * @throws TsinkError TRUNCATED or BAD_FORMAT; `where` goes into its message.
 */
export function decodePostings(bytes: Uint8Array, limit: number = MAX_LIMIT, where: ErrorDetail = {}): Postings {
  switch (bytes[0]) {
    case FORM_DELTAS:
      return decodeDeltas(bytes, limit, where)
    case FORM_ROARING:
      return decodeRoaring(bytes, limit, where)
    case undefined:
      throw corruption('TRUNCATED', 'postings end early', { ...where, found: 0 })
    default:
      throw corruption('BAD_FORMAT', 'postings have an unknown form', { ...where, found: bytes[0]! })
  }
}

function varintBytes(value: number): number {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x20_0000 ? 3 : value < 0x1000_0000 ? 4 : 5
}

function sizeOfDeltas(ids: Uint32Array): number {
  let bytes = 1 + varintBytes(ids.length)
  let previous = -1
  for (let i = 0; i < ids.length; i++) {
    bytes += varintBytes(ids[i]! - previous - 1)
    previous = ids[i]!
  }
  return bytes
}

function encodeDeltas(ids: Uint32Array, sizeBytes: number): Uint8Array {
  const bytes = new Uint8Array(sizeBytes)
  bytes[0] = FORM_DELTAS
  let at = 1
  const put = (value: number): void => {
    let rest = value
    while (rest >= 0x80) {
      bytes[at++] = (rest & 0x7f) | 0x80
      rest >>>= 7
    }
    bytes[at++] = rest
  }
  put(ids.length)
  let previous = -1
  for (let i = 0; i < ids.length; i++) {
    put(ids[i]! - previous - 1)
    previous = ids[i]!
  }
  return bytes
}

function decodeDeltas(bytes: Uint8Array, limit: number, where: ErrorDetail): Postings {
  let at = 1
  const next = (): number => {
    let value = 0
    for (let shift = 0; shift < 35; shift += 7) {
      if (at >= bytes.length) throw corruption('TRUNCATED', 'postings end inside a number', { ...where, offset: at })
      const byte = bytes[at++]!
      value += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) return value
    }
    throw corruption('BAD_FORMAT', 'a number in postings is longer than five bytes', { ...where, offset: at })
  }
  const count = next()
  // Every member takes a byte at least, so a false count cannot make us reserve more memory than the bytes themselves took.
  if (count > bytes.length - at) throw corruption('TRUNCATED', 'postings are shorter than their count', { ...where, expected: count })
  const ids = new Uint32Array(count)
  let previous = -1
  for (let i = 0; i < count; i++) {
    previous += next() + 1
    if (previous >= limit) throw corruption('BAD_FORMAT', 'a series number is too great', { ...where, offset: at, limit })
    ids[i] = previous
  }
  if (at !== bytes.length) throw corruption('BAD_FORMAT', 'postings have bytes behind their end', { ...where, offset: at })
  return Postings.fromSorted(ids)
}

const COOKIE_PLAIN = 12_346
const COOKIE_RUNS = 12_347
/** With fewer containers than this, a bitmap with runs has no table of offsets. */
const MIN_OFFSETS = 4
const ARRAY_LIMIT = 4_096
const BITMAP_BYTES = 8_192

function decodeRoaring(bytes: Uint8Array, limit: number, where: ErrorDetail): Postings {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let at = 1
  const need = (count: number): void => {
    if (count > bytes.length - at) throw corruption('TRUNCATED', 'a roaring bitmap ends early', { ...where, offset: at, expected: count })
  }
  const bad = (what: string): never => {
    throw corruption('BAD_FORMAT', `a roaring bitmap ${what}`, { ...where, offset: at })
  }
  need(4)
  const cookie = view.getUint32(at, true)
  at += 4
  const hasRuns = (cookie & 0xffff) === COOKIE_RUNS
  let containers = (cookie >>> 16) + 1
  let runFlags = 0
  if (hasRuns) {
    runFlags = at
    need((containers + 7) >>> 3)
    at += (containers + 7) >>> 3
  } else {
    if (cookie !== COOKIE_PLAIN) bad('has an unknown cookie')
    need(4)
    containers = view.getUint32(at, true)
    at += 4
    if (containers > 65_536) bad('has more containers than there can be')
  }
  const keys = at
  need(containers * 4)
  at += containers * 4
  if (!hasRuns || containers >= MIN_OFFSETS) {
    need(containers * 4)
    at += containers * 4
  }
  let total = 0
  for (let c = 0; c < containers; c++) total += view.getUint16(keys + c * 4 + 2, true) + 1
  if (total > limit) bad('has more members than there are series')
  if (containers > 0 && view.getUint16(keys + (containers - 1) * 4, true) * 65_536 >= limit) bad('has a member that is too great')
  const into = membersOf(total, containers === 0 ? 0 : view.getUint16(keys, true) * 65_536, limit)
  let count = 0
  let previousKey = -1
  for (let c = 0; c < containers; c++) {
    const key = view.getUint16(keys + c * 4, true)
    const size = view.getUint16(keys + c * 4 + 2, true) + 1
    if (key <= previousKey) bad('has containers out of order')
    previousKey = key
    const high = key * 65_536
    const end = count + size
    if (hasRuns && (bytes[runFlags + (c >>> 3)]! & (1 << (c & 7))) !== 0) {
      need(2)
      const runs = view.getUint16(at, true)
      at += 2
      need(runs * 4)
      let next = 0
      for (let r = 0; r < runs; r++, at += 4) {
        const start = view.getUint16(at, true)
        const stop = start + view.getUint16(at + 2, true)
        if (start < next || stop > 0xffff || count + stop - start + 1 > end) bad('has a run that does not fit')
        if (high + stop >= limit) bad('has a member that is too great')
        into.addRange(high + start, high + stop + 1)
        count += stop - start + 1
        next = stop + 1
      }
    } else if (size <= ARRAY_LIMIT) {
      need(size * 2)
      let previous = -1
      for (let i = 0; i < size; i++, at += 2) {
        const low = view.getUint16(at, true)
        if (low <= previous) bad('has members out of order')
        previous = low
        if (high + low >= limit) bad('has a member that is too great')
        into.add(high + low)
      }
      count = end
    } else {
      need(BITMAP_BYTES)
      for (let w = 0; w < BITMAP_BYTES / 4; w++, at += 4) {
        for (let word = view.getInt32(at, true); word !== 0; word &= word - 1) {
          const id = high + w * 32 + 31 - Math.clz32(word & -word)
          if (id >= limit || ++count > end) bad('has a bitmap with members that do not fit')
          into.add(id)
        }
      }
    }
    if (count !== end) bad('has a container that does not hold as many members as it says')
  }
  if (at !== bytes.length) bad('has bytes behind its end')
  return into.postings()
}

/** Members that come in ascending order, on their way to a set. */
interface Members {
  add(id: number): void
  /** From `from` up to, not including, `to`. */
  addRange(from: number, to: number): void
  postings(): Postings
}

/** `total` members from `first` on and below `limit`: as bits when those are fewer words than the members would be. */
function membersOf(total: number, first: number, limit: number): Members {
  const firstWord = first >>> 5
  const words = Math.ceil(limit / 32) - firstWord
  return words <= total ? new Bits(new Uint32Array(words), firstWord) : new List(new Uint32Array(total))
}

class List implements Members {
  readonly #ids: Uint32Array
  #count = 0

  constructor(ids: Uint32Array) {
    this.#ids = ids
  }

  add(id: number): void {
    this.#ids[this.#count++] = id
  }

  addRange(from: number, to: number): void {
    for (let id = from; id < to; id++) this.#ids[this.#count++] = id
  }

  postings(): Postings {
    return Postings.fromSorted(this.#ids, this.#count)
  }
}

class Bits implements Members {
  readonly #words: Uint32Array
  readonly #first: number

  constructor(words: Uint32Array, first: number) {
    this.#words = words
    this.#first = first
  }

  add(id: number): void {
    this.#words[(id >>> 5) - this.#first]! |= 1 << (id & 31)
  }

  addRange(from: number, to: number): void {
    const words = this.#words
    const start = (from >>> 5) - this.#first
    const end = ((to - 1) >>> 5) - this.#first
    const head = 0xffff_ffff << (from & 31)
    const tail = 0xffff_ffff >>> (31 - ((to - 1) & 31))
    if (start === end) words[start]! |= head & tail
    else {
      words[start]! |= head
      words.fill(0xffff_ffff, start + 1, end)
      words[end]! |= tail
    }
  }

  postings(): Postings {
    return Postings.fromWords(this.#words, this.#first)
  }
}
