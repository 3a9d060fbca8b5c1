/**
 * Snappy's block format in plain TypeScript: the twin of the kernel's loops.
 *
 *     block    uvarint size of the content │ element │ element │ ...
 *     literal  tag ......00, then the bytes themselves
 *     copy     tag ......01 (4 to 11 bytes, offset below 2,048), ......10 (1 to 64, below 65,536) or ......11 (1 to 64, any offset)
 *
 * Decoding answers with a problem code instead of throwing, as the kernel does; {@link SNAPPY_PROBLEMS} has the words.
 */

/** What a decoder found wrong, by its negative answer: -1 is the first. */
export const SNAPPY_PROBLEMS: readonly string[] = [
  'an element is cut off',
  'a literal is longer than what is left of the block or of the declared size',
  'a copy points before the beginning of the content',
  'a copy goes beyond the declared size',
  'the content is shorter than declared',
]

/** Decodes the elements in `bytes[start..]` into `into`, whose length is the declared size. Answers 0, or a negative problem. */
export function snappyDecodePlain(bytes: Uint8Array, start: number, into: Uint8Array): number {
  const end = bytes.length
  const size = into.length
  let from = start
  let at = 0
  while (from < end) {
    const tag = bytes[from++]!
    let length: number
    let offset: number
    if ((tag & 3) === 0) {
      length = tag >>> 2
      if (length >= 60) {
        const extra = length - 59
        if (end - from < extra) return -1
        length = bytes[from]!
        if (extra > 1) length |= bytes[from + 1]! << 8
        if (extra > 2) length |= bytes[from + 2]! << 16
        if (extra > 3) length += bytes[from + 3]! * 0x100_0000
        from += extra
      }
      length++
      if (length > end - from || length > size - at) return -2
      if (length <= 16) for (let i = 0; i < length; i++) into[at + i] = bytes[from + i]!
      else into.set(bytes.subarray(from, from + length), at)
      from += length
      at += length
      continue
    }
    if ((tag & 3) === 1) {
      if (from >= end) return -1
      length = ((tag >>> 2) & 7) + 4
      offset = ((tag >>> 5) << 8) | bytes[from++]!
    } else if ((tag & 3) === 2) {
      if (end - from < 2) return -1
      length = (tag >>> 2) + 1
      offset = bytes[from]! | (bytes[from + 1]! << 8)
      from += 2
    } else {
      if (end - from < 4) return -1
      length = (tag >>> 2) + 1
      offset = (bytes[from]! | (bytes[from + 1]! << 8) | (bytes[from + 2]! << 16)) + bytes[from + 3]! * 0x100_0000
      from += 4
    }
    if (offset === 0 || offset > at) return -3
    if (length > size - at) return -4
    // Byte by byte and forward: where a copy overlaps itself it repeats what it just wrote.
    for (const stop = at + length; at < stop; at++) into[at] = into[at - offset]!
  }
  return at === size ? 0 : -5
}

const BLOCK_BYTES = 65_536
const TABLE_BITS = 14
const table = new Uint16Array(1 << TABLE_BITS)
// Behind the last match a block needs this many bytes for its closing literal, so that loads of four bytes stay inside.
const MARGIN = 15

/** The most bytes that a block of `size` bytes of content can take, without its header. */
export function snappyBoundPlain(size: number): number {
  return 32 + size + Math.floor(size / 6)
}

/** Writes the elements for `bytes` to `into` from `start` on and answers where they end. `into` has room for the bound. */
export function snappyEncodePlain(bytes: Uint8Array, into: Uint8Array, start: number): number {
  let at = start
  for (let from = 0; from < bytes.length; from += BLOCK_BYTES) {
    at = encodeBlock(bytes, from, Math.min(from + BLOCK_BYTES, bytes.length), into, at)
  }
  return at
}

// Matches are looked for inside blocks of 64 KiB, so that a position fits sixteen bits. The table holds positions from the block's start.
function encodeBlock(bytes: Uint8Array, base: number, end: number, into: Uint8Array, start: number): number {
  let at = start
  let literal = base
  if (end - base > MARGIN) {
    table.fill(0)
    const last = end - MARGIN
    let from = base + 1
    let next = hash(bytes, from)
    search: for (;;) {
      // Looks at every byte at first and ever more rarely where nothing repeats.
      let skip = 32
      let candidate: number
      let look = from
      for (;;) {
        from = look
        look = from + (skip >>> 5)
        skip++
        if (look > last) break search
        candidate = base + table[next]!
        table[next] = from - base
        next = hash(bytes, look)
        if (candidate < from && same4(bytes, candidate, from)) break
      }
      if (literal < from) at = encodeLiteral(bytes, literal, from, into, at)
      for (;;) {
        const matched = from
        from += 4
        candidate += 4
        while (from < end && bytes[from] === bytes[candidate]) {
          from++
          candidate++
        }
        at = encodeCopy(from - candidate, from - matched, into, at)
        literal = from
        if (from >= last) break search
        table[hash(bytes, from - 1)] = from - 1 - base
        const here = hash(bytes, from)
        candidate = base + table[here]!
        table[here] = from - base
        if (candidate >= from || !same4(bytes, candidate, from)) break
      }
      from++
      next = hash(bytes, from)
    }
  }
  return literal < end ? encodeLiteral(bytes, literal, end, into, at) : at
}

function hash(bytes: Uint8Array, at: number): number {
  const word = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
  return Math.imul(word, 0x1e35_a7bd) >>> (32 - TABLE_BITS)
}

function same4(bytes: Uint8Array, a: number, b: number): boolean {
  return bytes[a] === bytes[b] && bytes[a + 1] === bytes[b + 1] && bytes[a + 2] === bytes[b + 2] && bytes[a + 3] === bytes[b + 3]
}

function encodeLiteral(bytes: Uint8Array, from: number, to: number, into: Uint8Array, start: number): number {
  let at = start
  const rest = to - from - 1
  if (rest < 60) into[at++] = rest << 2
  else if (rest < 256) {
    into[at++] = 60 << 2
    into[at++] = rest
  } else {
    into[at++] = 61 << 2
    into[at++] = rest & 0xff
    into[at++] = rest >>> 8
  }
  if (rest < 16) for (let i = from; i < to; i++) into[at++] = bytes[i]!
  else {
    into.set(bytes.subarray(from, to), at)
    at += to - from
  }
  return at
}

function encodeCopy(offset: number, size: number, into: Uint8Array, start: number): number {
  let at = start
  let length = size
  // 68 and not 64: what is left for the closing element must be at least the four bytes of a short copy.
  while (length >= 68) {
    at = encodeLongCopy(offset, 64, into, at)
    length -= 64
  }
  if (length > 64) {
    at = encodeLongCopy(offset, 60, into, at)
    length -= 60
  }
  if (length >= 12 || offset >= 2_048) return encodeLongCopy(offset, length, into, at)
  into[at++] = ((offset >>> 8) << 5) | ((length - 4) << 2) | 1
  into[at++] = offset & 0xff
  return at
}

function encodeLongCopy(offset: number, length: number, into: Uint8Array, at: number): number {
  into[at] = ((length - 1) << 2) | 2
  into[at + 1] = offset & 0xff
  into[at + 2] = offset >>> 8
  return at + 3
}
