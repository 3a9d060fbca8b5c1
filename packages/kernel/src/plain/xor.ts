/**
 * Gorilla's XOR codec for doubles in plain TypeScript: the twin of assembly/xor.ts (Pelkonen and others, 2015, section 4.1.2).
 *
 * A value is XORed with the one before it: a zero bit says equal, `10` says that the meaningful bits lie in the window of the last time,
 * `11` brings a new window: 5 bits of leading zeros, 6 bits of length less one. Every block of 128 begins anew with 64 plain bits, and a
 * directory of byte lengths in front lets a reader go straight to its block.
 */
import { BLOCK_SAMPLES, MAX_COLUMN_SAMPLES } from '../codec-loops.ts'
import { beginBits, bitsOverran, endBits, openBits, putBits, takeBits } from './bits.ts'

const blockBytes = new Int32Array(MAX_COLUMN_SAMPLES / BLOCK_SAMPLES)
let plannedCount = 0

/** See `CodecLoops.planXor`. */
export function planXor(pairs: Int32Array, count: number): number {
  plannedCount = count
  let total = 0
  for (let from = 0, block = 0; from < count; from += BLOCK_SAMPLES, block++) {
    const to = Math.min(count, from + BLOCK_SAMPLES)
    let bits = 64
    let leading = 255
    let trailing = 0
    for (let i = from + 1; i < to; i++) {
      const low = pairs[2 * i]! ^ pairs[2 * i - 2]!
      const high = pairs[2 * i + 1]! ^ pairs[2 * i - 1]!
      if ((low | high) === 0) {
        bits++
        continue
      }
      const leads = Math.min(31, high === 0 ? 32 + Math.clz32(low) : Math.clz32(high))
      const trails = low === 0 ? 63 - Math.clz32(high & -high) : 31 - Math.clz32(low & -low)
      if (leads >= leading && trails >= trailing) bits += 2 + 64 - leading - trailing
      else {
        leading = leads
        trailing = trails
        bits += 13 + 64 - leads - trails
      }
    }
    blockBytes[block] = (bits + 7) >>> 3
    total += blockBytes[block]! + (count > BLOCK_SAMPLES ? (blockBytes[block]! < 128 ? 1 : 2) : 0)
  }
  return total
}

/** See `CodecLoops.writeXor`. */
export function writeXor(pairs: Int32Array, bytes: Uint8Array, at: number): number {
  const count = plannedCount
  if (count > BLOCK_SAMPLES) {
    for (let block = 0; block * BLOCK_SAMPLES < count; block++) at = writeLength(bytes, at, blockBytes[block]!)
  }
  for (let from = 0; from < count; from += BLOCK_SAMPLES) {
    const to = Math.min(count, from + BLOCK_SAMPLES)
    beginBits(bytes, at)
    putBits(pairs[2 * from]!, 32)
    putBits(pairs[2 * from + 1]!, 32)
    let leading = 255
    let trailing = 0
    for (let i = from + 1; i < to; i++) {
      const low = pairs[2 * i]! ^ pairs[2 * i - 2]!
      const high = pairs[2 * i + 1]! ^ pairs[2 * i - 1]!
      if ((low | high) === 0) {
        putBits(0, 1)
        continue
      }
      const leads = Math.min(31, high === 0 ? 32 + Math.clz32(low) : Math.clz32(high))
      const trails = low === 0 ? 63 - Math.clz32(high & -high) : 31 - Math.clz32(low & -low)
      if (leads >= leading && trails >= trailing) putBits(1, 2)
      else {
        leading = leads
        trailing = trails
        putBits(3 | (leads << 2) | ((63 - leads - trails) << 7), 13)
      }
      putMeaningful(low, high, trailing, 64 - leading - trailing)
    }
    at = endBits()
  }
  return at
}

/** See `CodecLoops.readXor`. */
export function readXor(bytes: Uint8Array, at: number, end: number, count: number, from: number, to: number, pairs: Int32Array): number {
  let directory = at
  let stream = at
  if (count > BLOCK_SAMPLES) {
    for (let block = 0; block * BLOCK_SAMPLES < count; block++) {
      if (stream >= end) return -1 - stream
      stream += bytes[stream]! < 0x80 ? 1 : 2
    }
  }
  for (let first = 0; first < to; first += BLOCK_SAMPLES) {
    let streamEnd = end
    const blockAt = directory
    if (count > BLOCK_SAMPLES) {
      const byte = bytes[directory++]!
      streamEnd = stream + (byte < 0x80 ? byte : (byte & 0x7f) | (bytes[directory++]! << 7))
      if (streamEnd > end) return -1 - blockAt
    }
    if (first >= from) {
      openBits(bytes, stream, streamEnd)
      let low = takeBits(32) | 0
      let high = takeBits(32) | 0
      pairs[2 * (first - from)] = low
      pairs[2 * (first - from) + 1] = high
      let trailing = 0
      let length = 0
      const stop = Math.min(to, first + BLOCK_SAMPLES) - from
      for (let i = first - from + 1; i < stop; i++) {
        if (takeBits(1) !== 0) {
          if (takeBits(1) !== 0) {
            const window = takeBits(11)
            length = (window >>> 5) + 1
            trailing = 64 - (window & 31) - length
            if (trailing < 0) return -1 - stream
          } else if (length === 0) return -1 - stream
          // The meaningful bits, shifted to their place.
          const lowBits = takeBits(length > 32 ? 32 : length)
          const topBits = length > 32 ? takeBits(length - 32) : 0
          if (trailing === 0) {
            low ^= lowBits
            high ^= topBits
          } else if (trailing < 32) {
            low ^= lowBits << trailing
            high ^= (topBits << trailing) | (lowBits >>> (32 - trailing))
          } else high ^= lowBits << (trailing - 32)
        }
        pairs[2 * i] = low
        pairs[2 * i + 1] = high
      }
      if (bitsOverran()) return -1 - stream
    }
    stream = streamEnd
  }
  return to - from
}

function putMeaningful(low: number, high: number, trailing: number, length: number): void {
  let bitsLow = low
  let bitsHigh = high
  if (trailing >= 32) {
    bitsLow = high >>> (trailing - 32)
    bitsHigh = 0
  } else if (trailing > 0) {
    bitsLow = (low >>> trailing) | (high << (32 - trailing))
    bitsHigh = high >>> trailing
  }
  if (length > 32) {
    putBits(bitsLow, 32)
    putBits(bitsHigh, length - 32)
  } else putBits(bitsLow, length)
}

// A block is at most 77 * 128 bits, so its length takes one or two bytes.
function writeLength(bytes: Uint8Array, at: number, length: number): number {
  if (length < 0x80) {
    bytes[at] = length
    return at + 1
  }
  bytes[at] = (length & 0x7f) | 0x80
  bytes[at + 1] = length >>> 7
  return at + 2
}
