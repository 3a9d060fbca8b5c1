/**
 * xxHash64 in plain TypeScript (the published algorithm of Yann Collet): the twin of assembly/xxhash64.ts. A 64-bit word is a pair of 32-bit
 * halves; products are built from 16-bit parts.
 */

const PRIMES = [
  [0x85eb_ca87, 0x9e37_79b1],
  [0x27d4_eb4f, 0xc2b2_ae3d],
  [0x9e37_79f9, 0x1656_67b1],
  [0xc2b2_ae63, 0x85eb_ca77],
  [0x1656_67c5, 0x27d4_eb2f],
] as const
const P1 = 0
const P2 = 1
const P3 = 2
const P4 = 3
const P5 = 4

// The accumulator: every step below reads and writes it.
let low = 0
let high = 0

/** Writes the xxHash64 (seed 0) of `bytes` to `out` as [low, high]. Same answers as `xxhash64`. */
export function xxhash64Plain(bytes: Uint8Array, out: Uint32Array): void {
  const size = bytes.length
  let at = 0
  if (size >= 32) {
    for (let lane = 0; lane < 4; lane++) {
      // Seeds: P1 + P2, P2, 0, -P1.
      low = high = 0
      if (lane === 0) addPrime(P1)
      if (lane <= 1) addPrime(P2)
      if (lane === 3) {
        low = -PRIMES[P1][0] | 0
        high = ~PRIMES[P1][1] | 0
      }
      for (at = lane * 8; at < (size & ~31); at += 32) round(word(bytes, at), word(bytes, at + 4))
      laneLow[lane] = low
      laneHigh[lane] = high
    }
    at = size & ~31
    low = high = 0
    for (let lane = 0; lane < 4; lane++) {
      const rotation = ROTATIONS[lane]!
      add(
        (laneLow[lane]! << rotation) | (laneHigh[lane]! >>> (32 - rotation)),
        (laneHigh[lane]! << rotation) | (laneLow[lane]! >>> (32 - rotation)),
      )
    }
    for (let lane = 0; lane < 4; lane++) {
      const keptLow = low
      const keptHigh = high
      low = high = 0
      round(laneLow[lane]!, laneHigh[lane]!)
      low ^= keptLow
      high ^= keptHigh
      multiply(P1)
      addPrime(P4)
    }
  } else {
    low = high = 0
    addPrime(P5)
  }
  add(size | 0, 0)
  for (; at + 8 <= size; at += 8) {
    const keptLow = low
    const keptHigh = high
    low = high = 0
    round(word(bytes, at), word(bytes, at + 4))
    low ^= keptLow
    high ^= keptHigh
    rotate(27)
    multiply(P1)
    addPrime(P4)
  }
  if (at + 4 <= size) {
    mix(word(bytes, at), P1)
    rotate(23)
    multiply(P2)
    addPrime(P3)
    at += 4
  }
  for (; at < size; at++) {
    mix(bytes[at]!, P5)
    rotate(11)
    multiply(P1)
  }
  // The avalanche: h ^= h >>> 33, * P2, h ^= h >>> 29, * P3, h ^= h >>> 32.
  low ^= high >>> 1
  multiply(P2)
  low ^= (low >>> 29) | (high << 3)
  high ^= high >>> 29
  multiply(P3)
  low ^= high
  out[0] = low
  out[1] = high
}
const ROTATIONS = [1, 7, 12, 18]
const laneLow = new Int32Array(4)
const laneHigh = new Int32Array(4)

// accumulator = rotate(accumulator + input * P2, 31) * P1
function round(inputLow: number, inputHigh: number): void {
  const keptLow = low
  const keptHigh = high
  low = inputLow
  high = inputHigh
  multiply(P2)
  add(keptLow, keptHigh)
  rotate(31)
  multiply(P1)
}

// accumulator ^= input * prime
function mix(input: number, prime: number): void {
  const keptLow = low
  const keptHigh = high
  low = input
  high = 0
  multiply(prime)
  low ^= keptLow
  high ^= keptHigh
}

function addPrime(prime: number): void {
  add(PRIMES[prime]![0] | 0, PRIMES[prime]![1] | 0)
}

function add(otherLow: number, otherHigh: number): void {
  const sum = (low + otherLow) | 0
  high = (high + otherHigh + (sum >>> 0 < low >>> 0 ? 1 : 0)) | 0
  low = sum
}

// By 1 to 31 bits to the left.
function rotate(bits: number): void {
  const next = (low << bits) | (high >>> (32 - bits))
  high = (high << bits) | (low >>> (32 - bits))
  low = next
}

function multiply(prime: number): void {
  const primeLow = PRIMES[prime]![0]
  const primeHigh = PRIMES[prime]![1]
  // The high half of low * primeLow, from 16-bit parts.
  const a = low & 0xffff
  const b = low >>> 16
  const c = primeLow & 0xffff
  const d = primeLow >>> 16
  const middle = b * c + ((a * c) >>> 16)
  const cross = a * d + (middle & 0xffff)
  const carry = b * d + Math.floor(middle / 65_536) + Math.floor(cross / 65_536)
  high = (Math.imul(high, primeLow) + Math.imul(low, primeHigh) + carry) | 0
  low = Math.imul(low, primeLow)
}

function word(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
}
