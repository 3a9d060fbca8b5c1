/**
 * Writing and reading bytes: the two cursors that every format of tsink is written and read with.
 *
 * Numbers are little-endian. A uvarint is base 128, low digit first, of a safe integer (up to 2^53 - 1, so at most 8 bytes); a varint is the
 * zigzag of a signed one. A reader checks every length against its end before it touches or allocates anything.
 */
import { assert, corruption } from '@tsink/core'

const MIN_CAPACITY = 256
const MAX_SAFE = Number.MAX_SAFE_INTEGER
// A double as its bytes and back: cheaper than a DataView for every reader. Typed arrays are little-endian wherever tsink runs.
const eight = new Float64Array(1)
const eightBytes = new Uint8Array(eight.buffer)
const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** A growing run of bytes. `bytes.subarray(0, length)` is what was written; `finish` copies it. */
export class ByteWriter {
  bytes: Uint8Array
  length = 0

  constructor(capacity: number = MIN_CAPACITY) {
    this.bytes = new Uint8Array(Math.max(capacity, 16))
  }

  /** Forgets what was written and keeps the memory. */
  clear(): void {
    this.length = 0
  }

  /** Makes room for `extra` more bytes. `bytes` may be replaced. */
  reserve(extra: number): void {
    const need = this.length + extra
    if (need <= this.bytes.length) return
    const next = new Uint8Array(Math.max(need, this.bytes.length * 2))
    next.set(this.bytes.subarray(0, this.length))
    this.bytes = next
  }

  u8(value: number): void {
    this.reserve(1)
    this.bytes[this.length++] = value
  }

  u16(value: number): void {
    this.reserve(2)
    this.bytes[this.length++] = value
    this.bytes[this.length++] = value >>> 8
  }

  u32(value: number): void {
    this.reserve(4)
    this.bytes[this.length++] = value
    this.bytes[this.length++] = value >>> 8
    this.bytes[this.length++] = value >>> 16
    this.bytes[this.length++] = value >>> 24
  }

  /** A double. A number loses the bits of some NaNs; stored values go through typed arrays. */
  f64(value: number): void {
    this.reserve(8)
    eight[0] = value
    this.bytes.set(eightBytes, this.length)
    this.length += 8
  }

  /** A safe integer of 0 and up. */
  uvarint(value: number): void {
    this.reserve(8)
    this.length = writeUvarint(this.bytes, this.length, value)
  }

  /** A safe integer of either sign, of a magnitude below 2^52. */
  varint(value: number): void {
    this.uvarint(value < 0 ? -2 * value - 1 : 2 * value)
  }

  /** The bytes as they are, without their length. */
  append(bytes: Uint8Array): void {
    this.reserve(bytes.length)
    this.bytes.set(bytes, this.length)
    this.length += bytes.length
  }

  /** The text as UTF-8, with its length in bytes in front. */
  string(text: string): void {
    const bytes = encoder.encode(text)
    this.uvarint(bytes.length)
    this.append(bytes)
  }

  /** A copy of what was written, which the caller owns. */
  finish(): Uint8Array {
    return this.bytes.slice(0, this.length)
  }
}

/** A cursor over bytes that it does not own. Every read past `end` throws TRUNCATED with the offset. */
export class ByteReader {
  readonly bytes: Uint8Array
  /** Where the next read begins. */
  offset: number
  /** The offset behind the last readable byte. */
  readonly end: number
  private readonly what: string

  /** `what` names the thing that is read in errors, for instance `chunk`. */
  constructor(bytes: Uint8Array, offset = 0, end: number = bytes.length, what = 'bytes') {
    assert(offset >= 0 && offset <= end && end <= bytes.length, 'a reader lies within its bytes')
    this.bytes = bytes
    this.offset = offset
    this.end = end
    this.what = what
  }

  get remaining(): number {
    return this.end - this.offset
  }

  u8(): number {
    return this.bytes[this.claim(1)]!
  }

  u16(): number {
    const at = this.claim(2)
    return this.bytes[at]! | (this.bytes[at + 1]! << 8)
  }

  u32(): number {
    const at = this.claim(4)
    return (this.bytes[at]! | (this.bytes[at + 1]! << 8) | (this.bytes[at + 2]! << 16) | (this.bytes[at + 3]! << 24)) >>> 0
  }

  f64(): number {
    const at = this.claim(8)
    for (let i = 0; i < 8; i++) eightBytes[i] = this.bytes[at + i]!
    return eight[0]!
  }

  uvarint(): number {
    const start = this.offset
    let value = 0
    let scale = 1
    for (let digits = 0; digits < 8; digits++, scale *= 0x80) {
      if (this.offset >= this.end) this.truncated(1)
      const byte = this.bytes[this.offset++]!
      value += (byte & 0x7f) * scale
      if (byte < 0x80) {
        if (value > MAX_SAFE) break
        return value
      }
    }
    this.offset = start
    throw corruption('BAD_FORMAT', `${this.what}: a varint exceeds 2^53`, { offset: start })
  }

  varint(): number {
    const value = this.uvarint()
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2
  }

  /** A length that must fit into what remains: a uvarint times `unit` bytes. Check before every allocation from a file's number. */
  length(unit = 1): number {
    const start = this.offset
    const value = this.uvarint()
    if (value * unit > this.end - this.offset) {
      throw corruption('TRUNCATED', `${this.what}: a length exceeds the bytes that follow`, {
        offset: start,
        expected: value * unit,
        found: this.end - this.offset,
      })
    }
    return value
  }

  /** The next `size` bytes as a view of the same memory. */
  take(size: number): Uint8Array {
    const at = this.claim(size)
    return this.bytes.subarray(at, at + size)
  }

  /** A text as `ByteWriter.string` wrote it. */
  string(): string {
    const start = this.offset
    const bytes = this.take(this.length())
    try {
      // A decoder takes no shared memory.
      return decoder.decode(bytes.buffer instanceof ArrayBuffer ? bytes : bytes.slice())
    } catch {
      throw corruption('BAD_FORMAT', `${this.what}: a text is not UTF-8`, { offset: start })
    }
  }

  /** Skips `size` bytes. */
  skip(size: number): void {
    this.claim(size)
  }

  private claim(size: number): number {
    const at = this.offset
    if (size > this.end - at) this.truncated(size)
    this.offset = at + size
    return at
  }

  private truncated(size: number): never {
    throw corruption('TRUNCATED', `${this.what}: ends too early`, { offset: this.offset, expected: size, found: this.end - this.offset })
  }
}

/** Writes a safe integer of 0 and up at `offset` (room for 8 bytes is the caller's care); answers the offset behind it. */
export function writeUvarint(bytes: Uint8Array, offset: number, value: number): number {
  while (value >= 0x8000_0000) {
    bytes[offset++] = (value % 0x80) | 0x80
    value = Math.floor(value / 0x80)
  }
  while (value >= 0x80) {
    bytes[offset++] = (value & 0x7f) | 0x80
    value >>>= 7
  }
  bytes[offset++] = value
  return offset
}

/** How many bytes `writeUvarint` takes for the value. */
export function uvarintBytes(value: number): number {
  let bytes = 1
  for (; value >= 0x8000_0000; value /= 0x80) bytes++
  // 7 bits a byte: 32 - clz32 bits are there, at least one.
  return bytes + Math.floor((31 - Math.clz32(value | 1)) / 7)
}

/** Reads a uvarint at the cursor: the free-standing twin of `writeUvarint`. */
export function readUvarint(cursor: ByteReader): number {
  return cursor.uvarint()
}
