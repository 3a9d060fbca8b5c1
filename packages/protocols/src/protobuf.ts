/**
 * Protocol buffers as they are on the wire: a cursor over bytes that never reads beyond its end, and a writer that grows.
 *
 *     message   tag │ payload │ tag │ payload │ ...       tag = field number * 8 + wire type
 *     0 varint   1 eight bytes   2 uvarint length, then bytes   5 four bytes
 *
 * Decoders walk messages with it by hand: no schema objects, no message objects.
 */
import { badBody } from './decoded.ts'
import { bytesOf, isUtf8, textOf } from './utf8.ts'

export const VARINT = 0
export const FIXED64 = 1
export const BYTES = 2
export const FIXED32 = 5

const scratch = new DataView(new ArrayBuffer(8))

export class ProtoReader {
  readonly bytes: Uint8Array
  readonly #view: DataView
  readonly #format: string
  /** Where the next byte is read. */
  at: number
  /** The end of the message that is walked; move it with `enter` and `leave`. */
  end: number
  nanLow = 0
  nanHigh = 0

  constructor(bytes: Uint8Array, format: string, start = 0, end: number = bytes.length) {
    this.bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#format = format
    this.at = start
    this.end = end
  }

  get more(): boolean {
    return this.at < this.end
  }

  /** The next tag: field number * 8 + wire type. */
  tag(): number {
    const start = this.at
    const tag = this.uint32()
    if (tag >>> 3 === 0) throw this.problem(start, 'found the field number 0')
    return tag
  }

  /** A varint cut to its low 32 bits, unsigned, as protobuf reads 32-bit fields. */
  uint32(): number {
    const bytes = this.bytes
    let at = this.at
    let value = 0
    for (let shift = 0; shift < 70; shift += 7) {
      if (at >= this.end) throw this.problem(at, 'the message ends inside a number')
      const byte = bytes[at++]!
      if (shift < 32) value |= (byte & 0x7f) << shift
      if (byte < 0x80) {
        this.at = at
        return value >>> 0
      }
    }
    throw this.problem(this.at, 'found a number of more than ten bytes')
  }

  sint32(): number {
    const value = this.uint32()
    return (value >>> 1) ^ -(value & 1)
  }

  /** A varint of 64 bits as a signed number; exact up to 2^53, the nearest double beyond. */
  int64(): number {
    const [low, high] = this.#varint64()
    return high * 0x1_0000_0000 + low
  }

  /** As `int64`; what a double does not hold exactly comes as a bigint. */
  int64Exact(): number | bigint {
    const [low, high] = this.#varint64()
    const value = high * 0x1_0000_0000 + low
    return Number.isSafeInteger(value) ? value : BigInt.asIntN(64, (BigInt(high) << 32n) | BigInt(low))
  }

  uint64(): number {
    const [low, high] = this.#varint64()
    return (high >>> 0) * 0x1_0000_0000 + low
  }

  sint64(): number {
    const [low, high] = this.#varint64()
    const unsignedHigh = high >>> 0
    const half = (unsignedHigh >>> 1) * 0x1_0000_0000 + (((low >>> 1) | (unsignedHigh << 31)) >>> 0)
    return (low & 1) === 1 ? -half - 1 : half
  }

  /** A double. The words of a NaN are kept in `nanLow` and `nanHigh` until the next NaN, since the number may lose them. */
  double(): number {
    const at = this.#take(8)
    const value = this.#view.getFloat64(at, true)
    if (value !== value) {
      this.nanLow = this.#view.getUint32(at, true)
      this.nanHigh = this.#view.getUint32(at + 4, true)
    }
    return value
  }

  /** Eight bytes as an unsigned number; exact up to 2^53. */
  fixed64(): number {
    const at = this.#take(8)
    return this.#view.getUint32(at + 4, true) * 0x1_0000_0000 + this.#view.getUint32(at, true)
  }

  sfixed64(): number {
    const at = this.#take(8)
    return this.#view.getInt32(at + 4, true) * 0x1_0000_0000 + this.#view.getUint32(at, true)
  }

  /** Eight bytes as milliseconds and the nanoseconds on top, for times counted in nanoseconds; exact. */
  nanoseconds(): { ms: number; nanos: number } {
    const at = this.#take(8)
    return splitNanos(this.#view.getUint32(at + 4, true), this.#view.getUint32(at, true))
  }

  fixed32(): number {
    return this.#view.getUint32(this.#take(4), true)
  }

  bool(): boolean {
    const [low, high] = this.#varint64()
    return (low | high) !== 0
  }

  /** Reads a length and answers where that many bytes end; `at` stands at their beginning. */
  length(): number {
    const start = this.at
    const length = this.uint32()
    if (length > this.end - this.at) throw this.problem(start, `found a length of ${length}, but ${this.end - this.at} bytes are left`)
    return this.at + length
  }

  /** A string. */
  string(): string {
    const end = this.length()
    if (!isUtf8(this.bytes, this.at, end)) throw this.problem(this.at, 'found a string that is not valid UTF-8')
    const text = textOf(this.bytes, this.at, end)
    this.at = end
    return text
  }

  /** A view of a bytes field. */
  blob(): Uint8Array {
    const end = this.length()
    const blob = this.bytes.subarray(this.at, end)
    this.at = end
    return blob
  }

  /** Walks into a nested message: until `leave`, `more` ends where that message ends. Returns the outer end for `leave`. */
  enter(): number {
    const inner = this.length()
    const outer = this.end
    this.end = inner
    return outer
  }

  leave(outer: number): void {
    this.at = this.end
    this.end = outer
  }

  /** Passes over the payload of a field that is not wanted. */
  skip(tag: number): void {
    switch (tag & 7) {
      case VARINT:
        this.#varint64()
        return
      case FIXED64:
        this.#take(8)
        return
      case BYTES:
        this.at = this.length()
        return
      case FIXED32:
        this.#take(4)
        return
      default:
        throw this.problem(this.at, `found the wire type ${tag & 7}`)
    }
  }

  /** Checks a known field's wire type. */
  expect(tag: number, wireType: number, field: string): void {
    if ((tag & 7) !== wireType) throw this.problem(this.at, `field ${field} has the wire type ${tag & 7}, expected ${wireType}`)
  }

  /** How many varints a packed field of this range holds, so that its array is taken once and never too large. */
  countVarints(end: number): number {
    let count = 0
    for (let at = this.at; at < end; at++) if (this.bytes[at]! < 0x80) count++
    return count
  }

  problem(at: number, what: string): Error {
    return badBody(this.#format, `byte ${at}`, what, { offset: at })
  }

  #take(size: number): number {
    const at = this.at
    if (size > this.end - at) throw this.problem(at, `the message ends inside a value of ${size} bytes`)
    this.at = at + size
    return at
  }

  #varint64(): readonly [low: number, high: number] {
    const bytes = this.bytes
    let at = this.at
    let low = 0
    let high = 0
    for (let i = 0; i < 10; i++) {
      if (at >= this.end) throw this.problem(at, 'the message ends inside a number')
      const byte = bytes[at++]!
      const bits = byte & 0x7f
      if (i < 4) low |= bits << (7 * i)
      else if (i === 4) {
        low |= bits << 28
        high |= bits >>> 4
      } else high |= bits << (7 * i - 32)
      if (byte < 0x80) {
        this.at = at
        return [low >>> 0, high]
      }
    }
    throw this.problem(this.at, 'found a number of more than ten bytes')
  }
}

/** Nanoseconds of 64 bits as whole milliseconds and the rest, exactly. */
export function splitNanos(high: number, low: number): { ms: number; nanos: number } {
  // Long division by 10^6 in two steps whose parts stay below 2^53.
  const highMs = Math.floor(high / 1e6)
  const rest = (high % 1e6) * 0x1_0000_0000 + low
  const lowMs = Math.floor(rest / 1e6)
  return { ms: highMs * 0x1_0000_0000 + lowMs, nanos: rest - lowMs * 1e6 }
}

/** Grows as it is written. Nested messages are written apart and put in with `message`. */
export class ProtoWriter {
  #bytes: Uint8Array
  #length = 0

  constructor(capacity = 256) {
    this.#bytes = new Uint8Array(capacity)
  }

  get length(): number {
    return this.#length
  }

  clear(): void {
    this.#length = 0
  }

  /** A copy of what was written. */
  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length)
  }

  /** A view of what was written, valid until the next write. */
  view(): Uint8Array {
    return this.#bytes.subarray(0, this.#length)
  }

  tag(field: number, wireType: number): void {
    this.uvarint(field * 8 + wireType)
  }

  /** An unsigned number up to 2^53. */
  uvarint(value: number): void {
    this.#room(10)
    let rest = value
    while (rest >= 0x80) {
      this.#bytes[this.#length++] = (rest % 128) | 0x80
      rest = Math.floor(rest / 128)
    }
    this.#bytes[this.#length++] = rest
  }

  /** A signed number of magnitude up to 2^53, as int64 and int32 fields have it: negative ones take ten bytes. */
  varint(value: number): void {
    if (value >= 0) return this.uvarint(value)
    this.#room(10)
    let low = value >>> 0
    let high = Math.floor(value / 0x1_0000_0000) | 0
    if (value !== Math.trunc(value)) low = 0
    for (let i = 0; i < 9; i++) {
      this.#bytes[this.#length++] = (low & 0x7f) | 0x80
      low = ((low >>> 7) | (high << 25)) >>> 0
      high >>= 7
    }
    this.#bytes[this.#length++] = 1
  }

  /** A zigzag number, as sint32 and sint64 fields have it. */
  zigzag(value: number): void {
    this.uvarint(value >= 0 ? value * 2 : -value * 2 - 1)
  }

  uint64Field(field: number, value: number): void {
    if (value === 0) return
    this.tag(field, VARINT)
    this.uvarint(value)
  }

  int64Field(field: number, value: number): void {
    if (value === 0) return
    this.tag(field, VARINT)
    this.varint(value)
  }

  sintField(field: number, value: number): void {
    if (value === 0) return
    this.tag(field, VARINT)
    this.zigzag(value)
  }

  /** Written even for zero: proto3 readers take it alike, and -0 survives. */
  doubleField(field: number, value: number): void {
    this.tag(field, FIXED64)
    this.double(value)
  }

  /** A double by its words, so that no NaN loses its bits. */
  doubleBitsField(field: number, low: number, high: number): void {
    this.tag(field, FIXED64)
    this.#room(8)
    for (let shift = 0; shift < 32; shift += 8) this.#bytes[this.#length++] = low >>> shift
    for (let shift = 0; shift < 32; shift += 8) this.#bytes[this.#length++] = high >>> shift
  }

  double(value: number): void {
    this.#room(8)
    scratch.setFloat64(0, value, true)
    for (let i = 0; i < 8; i++) this.#bytes[this.#length++] = scratch.getUint8(i)
  }

  fixed64Field(field: number, value: bigint): void {
    this.tag(field, FIXED64)
    this.#room(8)
    scratch.setBigUint64(0, value, true)
    for (let i = 0; i < 8; i++) this.#bytes[this.#length++] = scratch.getUint8(i)
  }

  stringField(field: number, text: string): void {
    this.bytesField(field, bytesOf(text))
  }

  bytesField(field: number, bytes: Uint8Array): void {
    this.tag(field, BYTES)
    this.uvarint(bytes.length)
    this.raw(bytes)
  }

  /** A nested message, or a packed field, that was written with a writer of its own. */
  message(field: number, inner: ProtoWriter): void {
    this.bytesField(field, inner.view())
  }

  raw(bytes: Uint8Array): void {
    this.#room(bytes.length)
    this.#bytes.set(bytes, this.#length)
    this.#length += bytes.length
  }

  #room(size: number): void {
    if (this.#length + size <= this.#bytes.length) return
    const bytes = new Uint8Array(Math.max(this.#length + size, this.#bytes.length * 2))
    bytes.set(this.#bytes)
    this.#bytes = bytes
  }
}
