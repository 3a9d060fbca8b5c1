/** Merging two runs of samples of one series: ascending in time, and where both have a time, the newer one wins. */
import { SampleBuffer, TsinkError, assert } from '@tsink/core'
import { decodeChunk, MAX_CHUNK_SAMPLES, sealChunk } from './chunk.ts'

/**
 * Merges two chunks of one kind and one base into one; samples of `newer` replace those of `older` at the same time. Throws TYPE_MISMATCH for
 * different kinds and TOO_LARGE when the result has more than {@link MAX_CHUNK_SAMPLES} samples (merge with `mergeColumns` and seal in parts).
 */
export function mergeChunks(older: Uint8Array, newer: Uint8Array): Uint8Array {
  const left = new SampleBuffer()
  const right = new SampleBuffer()
  const merged = new SampleBuffer()
  decodeChunk(older, left, -Infinity, Infinity)
  decodeChunk(newer, right, -Infinity, Infinity)
  if (left.kind !== right.kind) throw new TsinkError('TYPE_MISMATCH', `a chunk of ${left.kind} and one of ${right.kind} do not merge`)
  mergeColumns(left, right, merged)
  if (merged.count > MAX_CHUNK_SAMPLES) {
    throw new TsinkError('TOO_LARGE', `the merged chunk would have ${merged.count} samples, at most ${MAX_CHUNK_SAMPLES} are allowed`, {
      detail: { limit: MAX_CHUNK_SAMPLES, found: merged.count },
    })
  }
  return sealChunk(merged)
}

/**
 * Appends the merge of two ascending buffers with the same base to the empty buffer `into`: at equal times `newer` wins. Floats and histograms
 * may mix; other kinds must be equal. Histograms and byte strings are shared, not copied.
 */
export function mergeColumns(older: SampleBuffer, newer: SampleBuffer, into: SampleBuffer): void {
  assert(into.count === 0, 'a merge goes to an empty buffer')
  assert(older.base === newer.base || older.count === 0 || newer.count === 0, 'merged buffers have one base')
  const model = newer.count > 0 ? newer : older
  into.begin(model.kind)
  into.base = model.base
  into.reserve(older.count + newer.count)
  if (older.histograms !== null || newer.histograms !== null) into.histograms ??= []
  if (older.startTimestamps !== null || newer.startTimestamps !== null) into.startTimestamps = new Float64Array(into.capacity)
  let i = 0
  let j = 0
  while (i < older.count || j < newer.count) {
    // The run of one side that lies before the other side's next time goes over in one piece.
    const olderTime = i < older.count ? older.timestamps[i]! : Infinity
    const newerTime = j < newer.count ? newer.timestamps[j]! : Infinity
    if (olderTime < newerTime) {
      const start = i
      while (i < older.count && older.timestamps[i]! < newerTime) i++
      take(older, start, i, into)
    } else {
      if (olderTime === newerTime) i++
      const limit = i < older.count ? older.timestamps[i]! : Infinity
      const start = j++
      while (j < newer.count && newer.timestamps[j]! < limit) j++
      take(newer, start, j, into)
    }
  }
}

function take(source: SampleBuffer, from: number, to: number, into: SampleBuffer): void {
  const at = into.count
  into.timestamps.set(source.timestamps.subarray(from, to), at)
  into.values.set(source.values.subarray(from, to), at)
  if (into.integers !== null && source.integers !== null) into.integers.set(source.integers.subarray(from, to), at)
  if (into.blobs !== null && source.blobs !== null) for (let i = from; i < to; i++) into.blobs[at + i - from] = source.blobs[i]!
  if (into.histograms !== null) for (let i = from; i < to; i++) into.histograms[at + i - from] = source.histograms?.[i]
  if (into.startTimestamps !== null && source.startTimestamps !== null) {
    into.startTimestamps.set(source.startTimestamps.subarray(from, to), at)
  }
  into.count = at + to - from
}
