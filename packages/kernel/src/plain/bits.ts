/**
 * A stream of bits, most significant first, in plain TypeScript: what XOR and delta-of-delta are written in.
 *
 * One stream is open at a time, in module variables: an object per stream or a method per bit would cost more than the work.
 */

let stream: Uint8Array = new Uint8Array(0)
let position = 0
let limit = 0
let pending = 0
let free = 32

/** Begins to write at byte `at` of `bytes`. */
export function beginBits(bytes: Uint8Array, at: number): void {
  stream = bytes
  position = at
  pending = 0
  free = 32
}

/** Writes the low `width` (1 to 32) bits of `value`; the bits above are zero. */
export function putBits(value: number, width: number): void {
  if (width < free) {
    free -= width
    pending |= value << free
    return
  }
  const rest = width - free
  pending |= value >>> rest
  stream[position] = pending >>> 24
  stream[position + 1] = pending >>> 16
  stream[position + 2] = pending >>> 8
  stream[position + 3] = pending
  position += 4
  free = 32 - rest
  pending = rest === 0 ? 0 : value << free
}

/** Fills the last byte with zeros; answers the offset behind it. */
export function endBits(): number {
  for (let used = 32 - free; used > 0; used -= 8) {
    stream[position++] = pending >>> 24
    pending <<= 8
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
  const word = (stream[byte]! << 24) | (stream[byte + 1]! << 16) | (stream[byte + 2]! << 8) | stream[byte + 3]!
  if (shift + width <= 32) return (word << shift) >>> (32 - width)
  return ((word << shift) | (stream[byte + 4]! >>> (8 - shift))) >>> (32 - width)
}

/** Whether more bits were read than there are. */
export function bitsOverran(): boolean {
  return position > limit
}
