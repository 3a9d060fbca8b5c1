/**
 * Delta-of-delta for ascending times in plain TypeScript: the twin of assembly/delta-of-delta.ts (Gorilla, section 4.1.1).
 *
 * The difference of two successive deltas is `0` for zero, `10` + 7 bits, `110` + 11, `1110` + 20, or `1111` + 64, in two's complement. The
 * delta before the second sample of a block is 0. Every block of 128 begins anew; a directory in front has, for each block, the bytes of its
 * stream and the distance of its first time from that of the block before it (the first: from 0, zigzag).
 */
import { BLOCK_SAMPLES, MAX_COLUMN_SAMPLES } from '../codec-loops.ts'
import { beginBits, bitsOverran, endBits, openBits, putBits, takeBits } from './bits.ts'

const TWO_32 = 4_294_967_296
const blockBytes = new Int32Array(MAX_COLUMN_SAMPLES / BLOCK_SAMPLES)
let plannedCount = 0

/** See `CodecLoops.planDeltaOfDelta`. */
export function planDeltaOfDelta(times: Float64Array, count: number): number {
  plannedCount = count
  let total = 0
  for (let from = 0, block = 0; from < count; from += BLOCK_SAMPLES, block++) {
    const to = Math.min(count, from + BLOCK_SAMPLES)
    let bits = 0
    let delta = 0
    for (let i = from + 1; i < to; i++) {
      const next = times[i]! - times[i - 1]!
      const change = next - delta
      delta = next
      bits +=
        change === 0
          ? 1
          : change >= -64 && change < 64
            ? 9
            : change >= -1024 && change < 1024
              ? 14
              : change >= -524_288 && change < 524_288
                ? 24
                : 68
    }
    blockBytes[block] = (bits + 7) >>> 3
    total += blockBytes[block]! + (blockBytes[block]! < 128 ? 1 : 2)
    total += varintBytes(from === 0 ? zigzag(times[0]!) : times[from]! - times[from - BLOCK_SAMPLES]!)
  }
  return total
}

/** See `CodecLoops.writeDeltaOfDelta`. */
export function writeDeltaOfDelta(times: Float64Array, bytes: Uint8Array, at: number): number {
  const count = plannedCount
  for (let from = 0, block = 0; from < count; from += BLOCK_SAMPLES, block++) {
    at = writeVarint(bytes, at, blockBytes[block]!)
    at = writeVarint(bytes, at, from === 0 ? zigzag(times[0]!) : times[from]! - times[from - BLOCK_SAMPLES]!)
  }
  for (let from = 0; from < count; from += BLOCK_SAMPLES) {
    const to = Math.min(count, from + BLOCK_SAMPLES)
    beginBits(bytes, at)
    let delta = 0
    for (let i = from + 1; i < to; i++) {
      const next = times[i]! - times[i - 1]!
      const change = next - delta
      delta = next
      if (change === 0) putBits(0, 1)
      else if (change >= -64 && change < 64) putBits(1 | ((change & 0x7f) << 2), 9)
      else if (change >= -1024 && change < 1024) putBits(3 | ((change & 0x7ff) << 3), 14)
      else if (change >= -524_288 && change < 524_288) putBits(7 | ((change & 0xf_ffff) << 4), 24)
      else {
        putBits(15, 4)
        putBits(change | 0, 32)
        putBits(Math.floor(change / TWO_32) | 0, 32)
      }
    }
    at = endBits()
  }
  return at
}

/** See `CodecLoops.readDeltaOfDelta`. */
export function readDeltaOfDelta(
  bytes: Uint8Array,
  at: number,
  end: number,
  count: number,
  from: number,
  to: number,
  times: Float64Array,
): number {
  let stream = walkDirectory(bytes, at, end, count)
  if (stream < 0) return stream
  for (let first = 0, block = 0; first < to; first += BLOCK_SAMPLES, block++) {
    const streamEnd = stream + blockBytes[block]!
    if (streamEnd > end) return -1 - at
    if (first >= from) {
      openBits(bytes, stream, streamEnd)
      let time = firstTimes[block]!
      let delta = 0
      times[first - from] = time
      const stop = Math.min(to, first + BLOCK_SAMPLES) - from
      for (let i = first - from + 1; i < stop; i++) {
        // One bits in front, at most four, say how wide the change is.
        let ones = 0
        while (ones < 4 && takeBits(1) !== 0) ones++
        if (ones === 1) delta += (takeBits(7) << 25) >> 25
        else if (ones === 2) delta += (takeBits(11) << 21) >> 21
        else if (ones === 3) delta += (takeBits(20) << 12) >> 12
        else if (ones === 4) {
          const low = takeBits(32)
          delta += (takeBits(32) | 0) * TWO_32 + low
        }
        time += delta
        times[i] = time
      }
      if (bitsOverran()) return -1 - stream
    }
    stream = streamEnd
  }
  return to - from
}

/** See `CodecLoops.readDeltaOfDeltaStarts`. */
export function readDeltaOfDeltaStarts(bytes: Uint8Array, at: number, end: number, count: number, times: Float64Array): number {
  const stream = walkDirectory(bytes, at, end, count)
  if (stream < 0) return stream
  const blocks = Math.ceil(count / BLOCK_SAMPLES)
  times.set(firstTimes.subarray(0, blocks))
  return blocks
}
const firstTimes = new Float64Array(MAX_COLUMN_SAMPLES / BLOCK_SAMPLES)

// Reads lengths and first times; answers where the streams begin.
function walkDirectory(bytes: Uint8Array, at: number, end: number, count: number): number {
  let time = 0
  for (let block = 0; block * BLOCK_SAMPLES < count; block++) {
    at = readVarint(bytes, at, end)
    if (at < 0) return at
    if (value > 1_100) return -1 - at
    blockBytes[block] = value
    at = readVarint(bytes, at, end)
    if (at < 0) return at
    time = block === 0 ? (value % 2 === 0 ? value / 2 : -(value + 1) / 2) : time + value
    firstTimes[block] = time
  }
  return at
}

function zigzag(number: number): number {
  return number < 0 ? -2 * number - 1 : 2 * number
}

function varintBytes(number: number): number {
  let bytes = 1
  for (; number >= 0x80; number = Math.floor(number / 0x80)) bytes++
  return bytes
}

function writeVarint(bytes: Uint8Array, at: number, number: number): number {
  while (number >= 0x80) {
    bytes[at++] = (number % 0x80) | 0x80
    number = Math.floor(number / 0x80)
  }
  bytes[at++] = number
  return at
}

let value = 0

// Little-endian base 128, up to 2^56: exact times stay below 2^53, their zigzag below 2^54.
function readVarint(bytes: Uint8Array, start: number, end: number): number {
  value = 0
  let scale = 1
  for (let at = start; at < start + 8; scale *= 0x80) {
    if (at >= end) return -1 - at
    const byte = bytes[at++]!
    value += (byte & 0x7f) * scale
    if (byte < 0x80) return at
  }
  return -1 - start
}
