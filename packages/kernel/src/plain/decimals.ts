/**
 * Decimals in plain TypeScript: the twin of assembly/decimals.ts, after ALP (Afroozeh, Kuffo and Boncz, 2023) with one exponent and division.
 *
 * Most measured doubles were printed with few digits: v is r / 10^e for a small integer r. Division is correctly rounded, so r / 10^e gives
 * back exactly the double that a decimal of up to 15 digits was parsed to; a value for which it does not is an exception. Rounding adds and
 * takes away 1.5 * 2^52, which rounds half to even in one step and the same way everywhere, for |r| < 2^51.
 */
import { MAX_EXPONENT } from '../codec-loops.ts'

export const POWERS_OF_TEN: Float64Array = Float64Array.from({ length: MAX_EXPONENT + 1 }, (_, exponent) => Number(`1e${exponent}`))

const ROUNDER = 1.5 * 2 ** 52
const MAX_INTEGER = 2 ** 51
// How many values vote for the exponent.
const VOTERS = 64
// When none of the first so many has one, the column is not asked further.
const PATIENCE = 12
// The price of an exception: its position, its eight bytes and the disturbance of its block.
const EXCEPTION_BITS = 88
const BITS_PER_DIGIT = 3.33

const votes = new Int32Array(MAX_EXPONENT + 1)

/** See `CodecLoops.decimalExponent`. */
export function decimalExponent(doubles: Float64Array, count: number): number {
  votes.fill(0)
  const voters = Math.min(VOTERS, count)
  let voted = 0
  let finite = 0
  for (let k = 0; k < voters; k++) {
    const value = doubles[Math.floor((k * count) / voters)]!
    if (value - value !== 0) continue
    finite++
    const exponent = exactExponent(value)
    if (exponent < 0) {
      if (voted === 0 && finite >= PATIENCE) return -1
      continue
    }
    votes[exponent]!++
    voted++
  }
  if (voted === 0 || 2 * voted < finite) return -1
  let best = -1
  let least = Infinity
  let exceptions = finite
  for (let exponent = 0; exponent <= MAX_EXPONENT; exponent++) {
    if (votes[exponent] === 0) continue
    exceptions -= votes[exponent]!
    const bits = exceptions * EXCEPTION_BITS + (finite - exceptions) * exponent * BITS_PER_DIGIT
    if (bits < least) {
      least = bits
      best = exponent
    }
  }
  return best
}

/** See `CodecLoops.decimalsToWords`. */
export function decimalsToWords(doubles: Float64Array, count: number, exponent: number, pairs: Int32Array, positions: Uint16Array): number {
  const power = POWERS_OF_TEN[exponent]!
  let exceptions = 0
  let low = 0
  let high = 0
  let leading = 0
  for (let i = 0; i < count; i++) {
    const value = doubles[i]!
    const rounded = value * power + ROUNDER - ROUNDER
    if (rounded / power === value && rounded < MAX_INTEGER && rounded > -MAX_INTEGER && (rounded !== 0 || Object.is(value, 0))) {
      low = rounded | 0
      high = Math.floor(rounded / 4_294_967_296)
      if (exceptions === i && leading < i) {
        // Only exceptions so far: they repeat this first word.
        for (; leading < i; leading++) {
          pairs[2 * leading] = low
          pairs[2 * leading + 1] = high
        }
      }
    } else {
      positions[exceptions++] = i
    }
    pairs[2 * i] = low
    pairs[2 * i + 1] = high
  }
  return exceptions
}

// The least exponent that gives `value` back exactly, or -1.
function exactExponent(value: number): number {
  if (value === 0) return Object.is(value, 0) ? 0 : -1
  for (let exponent = 0; exponent <= MAX_EXPONENT; exponent++) {
    const power = POWERS_OF_TEN[exponent]!
    const rounded = value * power + ROUNDER - ROUNDER
    if (rounded >= MAX_INTEGER || rounded <= -MAX_INTEGER) return -1
    if (rounded / power === value) return exponent
  }
  return -1
}
