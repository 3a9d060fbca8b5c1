/** The codec loops in plain TypeScript: columns of its own and the twins behind the port. */
import { MAX_COLUMN_BYTES, MAX_COLUMN_SAMPLES, type CodecLoops } from '../codec-loops.ts'
import { decimalExponent, decimalsToWords } from './decimals.ts'
import { planDeltaOfDelta, readDeltaOfDelta, readDeltaOfDeltaStarts, writeDeltaOfDelta } from './delta-of-delta.ts'
import { planPacked, writePacked } from './pack.ts'
import { readPacked, readPackedStarts } from './unpack.ts'
import { summarize } from './summary.ts'
import { planXor, readXor, writeXor } from './xor.ts'

const TWO_32 = 4_294_967_296

/** Copies `source[from..to)` to `into` from `at`, bit for bit. A view for `set` costs more than copying a few. */
export function copyColumn(source: Float64Array, from: number, to: number, into: Float64Array, at: number): void {
  if (to - from > 48) into.set(source.subarray(from, to), at)
  else for (let i = from; i < to; i++) into[at + i - from] = source[i]!
}

/** Makes the plain loops. */
export function plainCodecLoops(): CodecLoops {
  const doubles = new Float64Array(MAX_COLUMN_SAMPLES)
  const doublePairs = new Int32Array(doubles.buffer)
  const words = new BigInt64Array(MAX_COLUMN_SAMPLES)
  const pairs = new Int32Array(words.buffer)
  const positions = new Uint16Array(MAX_COLUMN_SAMPLES)
  const bytes = new Uint8Array(MAX_COLUMN_BYTES + 16)
  const summary = new Float64Array(5)
  return {
    doubles,
    words,
    positions,
    bytes,
    summary,
    summarize: (count) => summarize(doubles, count, summary),
    countRuns(count): number {
      let runs = count > 0 ? 1 : 0
      for (let i = 2; i < 2 * count; i += 2) {
        if (doublePairs[i] !== doublePairs[i - 2] || doublePairs[i + 1] !== doublePairs[i - 1]) runs++
      }
      return runs
    },
    firstDescent(count): number {
      for (let i = 1; i < count; i++) if (!(doubles[i]! > doubles[i - 1]!)) return i
      return count
    },
    copyDoubles: (from, to, into, at) => copyColumn(doubles, from, to, into, at),
    // Comparing bytes one by one takes as long as decoding them.
    recallTimes: () => false,
    keepTimes: () => undefined,
    integersToWords(count): void {
      for (let i = 0; i < count; i++) {
        const integer = doubles[i]!
        pairs[2 * i] = integer | 0
        pairs[2 * i + 1] = Math.floor(integer / TWO_32)
      }
    },
    bitsToWords(count): void {
      pairs.set(doublePairs.subarray(0, 2 * count))
    },
    decimalExponent: (count) => decimalExponent(doubles, count),
    decimalsToWords: (count, exponent) => decimalsToWords(doubles, count, exponent, pairs, positions),
    planPacked: (count, ordered) => planPacked(pairs, count, ordered),
    writePacked: (at) => writePacked(pairs, bytes, at),
    readPacked: (at, end, count, from, to, target) => readPacked(bytes, at, end, count, from, to, target, pairs, doubles),
    readPackedStarts: (at, end, count) => readPackedStarts(bytes, at, end, count, doubles),
    planXor: (count) => planXor(doublePairs, count),
    writeXor: (at) => writeXor(doublePairs, bytes, at),
    readXor: (at, end, count, from, to) => readXor(bytes, at, end, count, from, to, doublePairs),
    planDeltaOfDelta: (count) => planDeltaOfDelta(doubles, count),
    writeDeltaOfDelta: (at) => writeDeltaOfDelta(doubles, bytes, at),
    readDeltaOfDelta: (at, end, count, from, to) => readDeltaOfDelta(bytes, at, end, count, from, to, doubles),
    readDeltaOfDeltaStarts: (at, end, count) => readDeltaOfDeltaStarts(bytes, at, end, count, doubles),
  }
}
