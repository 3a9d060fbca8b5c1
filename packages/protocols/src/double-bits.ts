/**
 * Doubles by their bits. A NaN that carries something, as the stale marker does, survives in typed arrays; as a plain number it may come out
 * as another NaN. So where that matters, NaNs are moved as words.
 */
import { STALE_BITS_HIGH, STALE_BITS_LOW } from '@tsink/core'

/** Where the low word of a double stands in its pair. */
export const LOW: number = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1 ? 0 : 1
export const HIGH: number = 1 - LOW

/** The words of a column: those of element i at 2i + LOW and 2i + HIGH. */
export function wordsOf(values: Float64Array): Uint32Array {
  return new Uint32Array(values.buffer, values.byteOffset, values.length * 2)
}

/** Sets one element by its words. */
export function setBits(values: Float64Array, index: number, low: number, high: number): void {
  const words = wordsOf(values)
  words[index * 2 + LOW] = low
  words[index * 2 + HIGH] = high
}

export function setStale(values: Float64Array, index: number): void {
  setBits(values, index, STALE_BITS_LOW, STALE_BITS_HIGH)
}
