/**
 * Bounds of exponential buckets, to the last bit as Prometheus has them: its bounds come from a table, and what an answer prints or a
 * quantile returns shows their last digit. The table is not the correctly rounded powers of two; it was built by multiplication from an
 * exponential function in double arithmetic, and is built here in the same way.
 */
import { MAX_EXPONENTIAL_SCHEMA } from './histogram.ts'

/** The Remez coefficients of that function. */
const P: readonly [number, number, number, number, number] = [
  1.666_666_666_666_666_574_15e-1, -2.777_777_777_701_559_338_42e-3, 6.613_756_321_437_934_361_17e-5, -1.653_390_220_546_525_153_9e-6,
  4.138_136_797_057_238_460_39e-8,
]

/** For each schema the bounds in [0.5, 1). */
const FRACTIONS: readonly Float64Array[] = makeFractions()

/** The upper bound of bucket `index`: 2 to the power of index / 2^schema. The last finite bucket ends at the largest double. */
export function exponentialBound(schema: number, index: number): number {
  if (schema <= 0) {
    const exponent = index * 2 ** -schema
    return exponent === 1_024 ? Number.MAX_VALUE : 2 ** exponent
  }
  const perPower = 2 ** schema
  const exponent = Math.floor(index / perPower)
  const fraction = index - exponent * perPower
  if (exponent === 1_024 && fraction === 0) return Number.MAX_VALUE
  // In two factors, since 2^1024 alone would be infinite.
  return FRACTIONS[schema]![fraction]! * 2 * 2 ** exponent
}

function makeFractions(): Float64Array[] {
  const table: Float64Array[] = []
  for (let schema = 0; schema <= MAX_EXPONENTIAL_SCHEMA; schema++) {
    const fractions = new Float64Array(2 ** schema).fill(0.5)
    const factor = powerOfTwo(powerOfTwo(-schema))
    for (let i = 1; i < fractions.length; i++) {
      // Every other bound is one of the coarser schema.
      fractions[i] = i % 2 === 0 ? table[schema - 1]![i / 2]! : fractions[i - 1]! * factor
    }
    table.push(fractions)
  }
  return table
}

/** 2^x for -8 <= x <= 1 by reduction to a rational function, as in FreeBSD's e_exp.c; `**` of engines differs from it in last bits. */
function powerOfTwo(x: number): number {
  const whole = Math.trunc(x < 0 ? x - 0.5 : x + 0.5)
  const high = (x - whole) * 6.931_471_803_691_238_164_9e-1
  const low = -(x - whole) * 1.908_214_929_270_587_700_02e-10
  const r = high - low
  const t = r * r
  const polynomial = P[0] + t * (P[1] + t * (P[2] + t * (P[3] + t * P[4])))
  const c = r - t * polynomial
  return (1 - (low - (r * c) / (2 - c) - high)) * 2 ** whole
}
