/**
 * Runs: from columns to chunks. A chunk holds one kind and at most so many samples, so a column is cut where floats and histograms change
 * places, where a chunk is full, and, for very large values, wherever it takes to stay within what a chunk can hold.
 */
import { TsinkError, type SampleBuffer, type ValueKind } from '@tsink/core'
import { sealChunk } from '@tsink/codecs'

/** Takes one encoded chunk of the samples `from` to `to`. */
export type ChunkSink = (bytes: Uint8Array, kind: ValueKind, from: number, to: number) => void

/** Encodes samples `from` to `to` of a column as chunks, in order of time. */
export function sealRuns(columns: SampleBuffer, from: number, to: number, chunkSamples: number, sink: ChunkSink): void {
  const { histograms, kind } = columns
  if (histograms === null || (kind !== 'f64' && kind !== 'histogram')) {
    for (let at = from; at < to; at += chunkSamples) sealPart(columns, at, Math.min(to, at + chunkSamples), sink)
    return
  }
  for (let at = from; at < to;) {
    const isHistogram = histograms[at] !== undefined
    let end = at + 1
    while (end < to && end - at < chunkSamples && (histograms[end] !== undefined) === isHistogram) end++
    columns.kind = isHistogram ? 'histogram' : 'f64'
    sealPart(columns, at, end, sink)
    at = end
  }
  columns.kind = kind
}

function sealPart(columns: SampleBuffer, from: number, to: number, sink: ChunkSink): void {
  let bytes: Uint8Array
  try {
    bytes = sealChunk(columns, from, to)
  } catch (error) {
    if (!(error instanceof TsinkError) || error.code !== 'TOO_LARGE' || to - from === 1) throw error
    const middle = (from + to) >>> 1
    sealPart(columns, from, middle, sink)
    sealPart(columns, middle, to, sink)
    return
  }
  sink(bytes, columns.kind, from, to)
}
