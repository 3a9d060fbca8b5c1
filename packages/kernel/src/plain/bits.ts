/**
 * A stream of bits, least significant first, in plain TypeScript: what XOR and delta-of-delta are written in.
 *
 * One stream is open at a time, in module variables: an object per stream or a method per bit would cost more than the work.
 */

let stream: Uint8Array = new Uint8Array(0)
let position = 0
let limit = 0
let pending = 0
let filled = 0

/** Begins to write at byte `at` of `bytes`. */
export function beginBits(bytes: Uint8Array, at: number): void {
  stream = bytes
  position = at
  pending = 0
  filled = 0
}

/** Writes the low `width` (1 to 32) bits of `value`; the bits above are zero. */
export function putBits(value: number, width: number): void {
  pending |= value << filled
  filled += width
  if (filled < 32) return
  stream[position] = pending
  stream[position + 1] = pending >>> 8
  stream[position + 2] = pending >>> 16
  stream[position + 3] = pending >>> 24
  position += 4
  filled -= 32
  pending = filled === 0 ? 0 : value >>> (width - filled)
}

/** Fills the last byte with zeros; answers the offset behind it. */
export function endBits(): number {
  for (; filled > 0; filled -= 8) {
    stream[position++] = pending
    pending >>>= 8
  }
  return position
}

/** Begins to read at byte `at` of `bytes`. Bits at and behind byte `end` read as zeros; `bitsOverran` tells. */
export function openBits(bytes: Uint8Array, at: number, end: number): void {
  stream = bytes
  position = at * 8
  limit = end * 8
}

/** Reads `width` (1 to 32) bits. */
export function takeBits(width: number): number {
  const byte = position >>> 3
  const shift = position & 7
  position += width
  let value = (stream[byte]! | (stream[byte + 1]! << 8) | (stream[byte + 2]! << 16) | (stream[byte + 3]! << 24)) >>> shift
  if (shift + width > 32) value |= stream[byte + 4]! << (32 - shift)
  return width === 32 ? value >>> 0 : value & ((1 << width) - 1)
}

/** Whether more bits were read than there are. */
export function bitsOverran(): boolean {
  return position > limit
}
