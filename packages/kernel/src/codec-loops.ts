/**
 * The loops under the codecs: what must be fast between a column of samples and its bytes.
 *
 * A {@link CodecLoops} owns a few columns. The caller fills one, asks for a plan (how many bytes would this codec need?), lets the cheapest
 * codec write into `bytes`, and copies the result out; decoding goes the other way. There are two implementations with the same answers to
 * the last bit: the WebAssembly one works on areas of the kernel's memory, the plain one on its own arrays. Every 128 samples are a block
 * that decodes alone, so a range costs its blocks and not the column.
 *
 * The formats are those of docs/format/chunk.md. Readers take bytes from strangers: they check every length against the end that the caller
 * gives, and answer `-1 - offset` where the bytes are wrong.
 */

/** The most samples that one encoded column holds. */
export const MAX_COLUMN_SAMPLES = 16_384

/** How many samples a block holds: what a read of one sample decodes. */
export const BLOCK_SAMPLES = 128

/** The most bytes that one encoded column takes, whatever its codec and contents. */
export const MAX_COLUMN_BYTES = 262_144

/** What `readPacked` makes of the packed integers: the 64-bit words alone, doubles with these bits, or (0 and up) integer / 10^target. */
export const TARGET_WORDS = -2
export const TARGET_BITS = -1

/** The greatest decimal exponent: 10^18 and the division by it are exact enough for every decimal of up to 15 digits. */
export const MAX_EXPONENT = 18

export interface CodecLoops {
  /** Doubles in and out. Holds {@link MAX_COLUMN_SAMPLES}. */
  readonly doubles: Float64Array
  /** 64-bit integers in and out. Holds {@link MAX_COLUMN_SAMPLES}. */
  readonly words: BigInt64Array
  /** The positions that `decimalsToWords` found no exact decimal for, ascending. */
  readonly positions: Uint16Array
  /** Encoded bytes in and out. Holds {@link MAX_COLUMN_BYTES} and a little slack. */
  readonly bytes: Uint8Array

  /** What `summarize` found: min, max, sum, how many are not NaN, how many are less than the one before. */
  readonly summary: Float64Array
  /** Summarises the first `count` doubles. NaNs are left out: min and max are NaN and the sum is 0 when nothing is left. The sum is compensated. */
  summarize(count: number): void

  /** How many runs of equal bits the first `count` doubles form. */
  countRuns(count: number): number

  /** The first place from 1 on whose double is not greater than the one before it, or `count`. */
  firstDescent(count: number): number

  /** Copies doubles `from` to `to` into a column, bit for bit. */
  copyDoubles(from: number, to: number, into: Float64Array, at: number): void

  /**
   * Whether it is known what samples `from` to `to` of the section of `count` samples in `size` bytes at `at` of `bytes` decode to, as told by
   * `keepTimes`: then they are at the start of `doubles`. Series that are scraped together have the same times. It may be forgotten at any moment.
   */
  recallTimes(at: number, size: number, count: number, from: number, to: number): boolean
  /** Tells that a section, which is sound, was decoded to the start of `doubles`. */
  keepTimes(at: number, size: number, count: number, from: number, to: number): void

  /** words = doubles, which are integers of a magnitude of at most 2^53. */
  integersToWords(count: number): void
  /** words = the bits of doubles. */
  bitsToWords(count: number): void
  /** The decimal exponent under which most doubles are exact integers, judged by a sample; -1 when there is none worth trying. */
  decimalExponent(count: number): number
  /** words = doubles * 10^exponent where that is exact; the answer is how many were not: see `positions`. Their words repeat a neighbour's. */
  decimalsToWords(count: number, exponent: number): number

  /** How many bytes `writePacked` would write for the first `count` words. `ordered` forces deltas in every block, for timestamps. */
  planPacked(count: number, ordered: boolean): number
  /** Writes the words of the last plan at `at` of `bytes`; answers the offset behind. */
  writePacked(at: number): number
  /**
   * Decodes samples `from` (a multiple of 128) to `to` of a packed column of `count` samples in `bytes` from `at` to `end`, to the start of
   * `words` or `doubles`. Answers the number of samples, or -1 - offset.
   */
  readPacked(at: number, end: number, count: number, from: number, to: number, target: number): number
  /**
   * The first words of the blocks of a packed column that was planned `ordered`, as doubles at the start of `doubles`. Answers the number of
   * blocks, or -1 - offset.
   */
  readPackedStarts(at: number, end: number, count: number): number

  /** How many bytes `writeXor` would write for the first `count` doubles. */
  planXor(count: number): number
  writeXor(at: number): number
  readXor(at: number, end: number, count: number, from: number, to: number): number

  /** How many bytes `writeDeltaOfDelta` would write for the first `count` doubles, which are ascending integers. */
  planDeltaOfDelta(count: number): number
  writeDeltaOfDelta(at: number): number
  readDeltaOfDelta(at: number, end: number, count: number, from: number, to: number): number
  /** The first time of every block, as `readPackedStarts`. */
  readDeltaOfDeltaStarts(at: number, end: number, count: number): number
}
