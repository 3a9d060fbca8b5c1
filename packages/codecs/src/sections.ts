/**
 * What all value sections share: the numbers of the codecs, and runs, the codec for values that rarely change.
 *
 * A section is one byte for the codec and its body. It does not say its count or its length: the chunk does.
 */
import { corruption } from '@tsink/core'
import type { ByteReader, ByteWriter } from './bytes.ts'

/** How a column of values is stored. */
export type ValueCodec =
  /** Runs of equal 64-bit words (doubles, integers). */
  | 'runs'
  /** Doubles as packed integers over a power of ten, the rest as exceptions (ALP). */
  | 'decimal'
  /** Doubles by Gorilla's XOR. */
  | 'xor'
  /** The bits of doubles as packed integers. */
  | 'bits'
  /** Packed integers. */
  | 'integers'
  /** One bit a boolean. */
  | 'bitmap'
  /** Lengths of alternating runs of booleans. */
  | 'toggles'
  /** Distinct byte strings and the indexes into them. */
  | 'dictionary'
  /** Byte strings as the length of the prefix shared with the one before, and the rest. */
  | 'prefix'
  /** Native histograms: runs of one bucket layout, a column for every field and bucket. */
  | 'histogram'

/** All value codecs, in the order of their numbers in files. */
export const VALUE_CODECS: readonly ValueCodec[] = [
  'runs',
  'decimal',
  'xor',
  'bits',
  'integers',
  'bitmap',
  'toggles',
  'dictionary',
  'prefix',
  'histogram',
]

/** The codec of the section at `at`; throws when it is none of `allowed`. */
export function sectionCodec(bytes: Uint8Array, at: number, end: number, allowed: readonly ValueCodec[]): ValueCodec {
  const number = at < end ? bytes[at]! : -1
  const codec = VALUE_CODECS[number]
  if (codec !== undefined && allowed.includes(codec)) return codec
  throw corruption('BAD_FORMAT', `a value codec is none of ${allowed.join(', ')}`, { offset: at, found: codec ?? number })
}

/** The most bytes of a section of so many runs: the length of a run takes one or two of them. */
export function runsBytes(runs: number): number {
  return 3 + runs * 10
}

/** Writes the body of a `runs` section. `pairs` are the halves of the words, low first. */
export function writeRuns(writer: ByteWriter, pairs: Int32Array, count: number, runs: number): void {
  writer.uvarint(runs)
  for (let i = 0; i < count;) {
    const low = pairs[2 * i]!
    const high = pairs[2 * i + 1]!
    const start = i
    while (i < count && pairs[2 * i] === low && pairs[2 * i + 1] === high) i++
    writer.uvarint(i - start)
    writer.u32(low)
    writer.u32(high)
  }
}

/** Decodes samples `from` to `to` of a `runs` body of `count` words to the start of `pairs`. */
export function readRuns(reader: ByteReader, count: number, from: number, to: number, pairs: Int32Array): void {
  const runs = reader.length(9)
  let index = 0
  for (let run = 0; run < runs; run++) {
    const at = reader.offset
    const length = reader.uvarint()
    if (length === 0 || length > count - index) {
      throw corruption('BAD_FORMAT', 'a run of values exceeds its column', { offset: at, expected: count - index, found: length })
    }
    const low = reader.u32() | 0
    const high = reader.u32() | 0
    const first = Math.max(index, from)
    if (first < to) fillPairs(pairs, first - from, Math.min(index + length, to) - from, low, high)
    index += length
  }
  if (index !== count)
    throw corruption('BAD_FORMAT', 'runs of values end too early', { offset: reader.offset, expected: count, found: index })
}

// Fills `pairs` from word `from` to `to`: the first few one by one, then by copying what is there, each time twice as much.
function fillPairs(pairs: Int32Array, from: number, to: number, low: number, high: number): void {
  const seed = Math.min(to, from + 16)
  for (let i = from; i < seed; i++) {
    pairs[2 * i] = low
    pairs[2 * i + 1] = high
  }
  for (let filled = seed - from; from + filled < to; filled *= 2) {
    pairs.copyWithin(2 * (from + filled), 2 * from, 2 * (from + Math.min(filled, to - from - filled)))
  }
}
