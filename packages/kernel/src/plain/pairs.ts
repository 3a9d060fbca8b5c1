/**
 * 64-bit words as pairs of 32-bit halves, low first: varints, zigzag and bit packing for the plain packer. BigInt would cost forty times as much.
 */

const TWO_32 = 4_294_967_296

/** The 64-bit number that a reading function below found. */
export let readLow = 0
export let readHigh = 0

export function bitLength(low: number, high: number): number {
  return high === 0 ? 32 - Math.clz32(low) : 64 - Math.clz32(high)
}

export function varintBytes(low: number, high: number): number {
  const sign = high >> 31
  return uvarintBytes((low << 1) ^ sign, ((high << 1) | (low >>> 31)) ^ sign)
}

export function uvarintBytes(low: number, high: number): number {
  return Math.max(1, Math.ceil(bitLength(low, high) / 7))
}

export function doubleVarintBytes(value: number): number {
  return uvarintBytes(value | 0, Math.floor(value / TWO_32) | 0)
}

export function zigzagBytes(value: number): number {
  return varintBytes(value | 0, Math.floor(value / TWO_32) | 0)
}

export function differenceBytes(low: number, high: number, fromLow: number, fromHigh: number): number {
  return varintBytes((low - fromLow) | 0, (high - fromHigh - (low >>> 0 < fromLow >>> 0 ? 1 : 0)) | 0)
}

export function writeDifference(bytes: Uint8Array, at: number, low: number, high: number, from: number): number {
  const fromLow = from | 0
  const fromHigh = Math.floor(from / TWO_32) | 0
  return writeZigzag(bytes, at, (low - fromLow) | 0, (high - fromHigh - (low >>> 0 < fromLow >>> 0 ? 1 : 0)) | 0)
}

export function readDifference(bytes: Uint8Array, at: number, end: number, from: number): number {
  const next = readZigzag(bytes, at, end)
  const low = readLow
  readLow = (low + (from | 0)) | 0
  readHigh = (readHigh + Math.floor(from / TWO_32) + (readLow >>> 0 < low >>> 0 ? 1 : 0)) | 0
  return next
}

export function writeZigzag(bytes: Uint8Array, at: number, low: number, high: number): number {
  const sign = high >> 31
  return writeVarint(bytes, at, (low << 1) ^ sign, ((high << 1) | (low >>> 31)) ^ sign)
}

export function writeVarint(bytes: Uint8Array, at: number, low: number, high: number): number {
  while (high !== 0 || low >>> 0 >= 0x80) {
    bytes[at++] = (low & 0x7f) | 0x80
    low = (low >>> 7) | (high << 25)
    high = high >>> 7
  }
  bytes[at++] = low
  return at
}

export function readZigzag(bytes: Uint8Array, at: number, end: number): number {
  const next = readVarint(bytes, at, end)
  const sign = -(readLow & 1)
  readLow = ((readLow >>> 1) | (readHigh << 31)) ^ sign
  readHigh = (readHigh >>> 1) ^ sign
  return next
}

// Little-endian base 128 of at most 64 bits.
export function readVarint(bytes: Uint8Array, start: number, end: number): number {
  readLow = readHigh = 0
  let at = start
  for (let shift = 0; shift < 70; shift += 7) {
    if (at >= end) return -1 - at
    const byte = bytes[at++]!
    const digit = byte & 0x7f
    if (shift === 63 && byte > 1) return -1 - start
    if (shift < 32) readLow |= digit << shift
    if (shift === 28) readHigh |= digit >>> 4
    else if (shift > 28) readHigh |= digit << (shift - 32)
    if (byte < 0x80) return at
  }
  return -1 - start
}

// Writes `count` numbers of `width` bits each, the lowest bit first, and pads the last byte with zeros.
export function writeBits(bytes: Uint8Array, at: number, lows: Int32Array, highs: Int32Array, count: number, width: number): number {
  if (width === 0 || count === 0) return at
  let pending = 0
  let filled = 0
  const lowWidth = Math.min(width, 32)
  const highWidth = width - lowWidth
  for (let i = 0; i < count; i++) {
    const low = lows[i]!
    pending |= low << filled
    filled += lowWidth
    if (filled >= 32) {
      at = writeWord(bytes, at, pending)
      filled -= 32
      pending = filled === 0 ? 0 : low >>> (lowWidth - filled)
    }
    if (highWidth === 0) continue
    const high = highs[i]!
    pending |= high << filled
    filled += highWidth
    if (filled >= 32) {
      at = writeWord(bytes, at, pending)
      filled -= 32
      pending = filled === 0 ? 0 : high >>> (highWidth - filled)
    }
  }
  for (; filled > 0; filled -= 8) {
    bytes[at++] = pending
    pending >>>= 8
  }
  return at
}

export function writeWord(bytes: Uint8Array, at: number, word: number): number {
  bytes[at] = word
  bytes[at + 1] = word >>> 8
  bytes[at + 2] = word >>> 16
  bytes[at + 3] = word >>> 24
  return at + 4
}

// Reads `count` numbers of `width` bits. May look at up to 7 bytes behind the last one; their value does not matter.
export function readBits(bytes: Uint8Array, at: number, lows: Int32Array, highs: Int32Array, count: number, width: number): void {
  if (width === 0) {
    lows.fill(0, 0, count)
    highs.fill(0, 0, count)
    return
  }
  if (width <= 24) {
    const mask = (1 << width) - 1
    for (let i = 0, bit = 0; i < count; i++, bit += width) {
      const byte = at + (bit >>> 3)
      lows[i] = ((bytes[byte]! | (bytes[byte + 1]! << 8) | (bytes[byte + 2]! << 16) | (bytes[byte + 3]! << 24)) >>> (bit & 7)) & mask
      highs[i] = 0
    }
    return
  }
  const lowWidth = Math.min(width, 32)
  const highWidth = width - lowWidth
  for (let i = 0, bit = 0; i < count; i++, bit += width) {
    lows[i] = bitsAt(bytes, at, bit, lowWidth)
    highs[i] = highWidth === 0 ? 0 : bitsAt(bytes, at, bit + lowWidth, highWidth)
  }
}

export function bitsAt(bytes: Uint8Array, at: number, bit: number, width: number): number {
  const byte = at + (bit >>> 3)
  const shift = bit & 7
  const word = bytes[byte]! | (bytes[byte + 1]! << 8) | (bytes[byte + 2]! << 16) | (bytes[byte + 3]! << 24)
  const value = shift === 0 ? word : (word >>> shift) | (bytes[byte + 4]! << (32 - shift))
  return width === 32 ? value : value & ((1 << width) - 1)
}
