/**
 * ChunkStore: a Store over sealed chunks in memory, to measure queries "from compressed chunks to result columns" and nothing else.
 */
import { TsinkError, type Labels, type SampleBuffer, type SelectedSeries, type Selection, type Store } from '@tsink/core'
import { decodeChunk, MAX_CHUNK_SAMPLES, sealChunk } from '@tsink/codecs'

interface Sealed {
  readonly minTime: number
  readonly maxTime: number
  readonly bytes: Uint8Array
}

interface StoredSeries {
  readonly labels: Labels
  readonly chunks: Sealed[]
  readonly samples: number
}

/** Chunks as the engine cuts them by default. */
const CHUNK_SAMPLES = Math.min(2_048, MAX_CHUNK_SAMPLES)
const PAGE = 128

function unsupported(): never {
  throw new TsinkError('UNSUPPORTED', 'the benchmark store only selects')
}

export class ChunkStore implements Store {
  readonly unit = 'ms' as const
  readonly #series: StoredSeries[] = []

  /** Adds one series; the buffer may be reused. */
  add(labels: Labels, samples: SampleBuffer): void {
    const chunks: Sealed[] = []
    for (let from = 0; from < samples.count; from += CHUNK_SAMPLES) {
      const to = Math.min(from + CHUNK_SAMPLES, samples.count)
      const bytes = sealChunk(samples, from, to)
      chunks.push({ minTime: samples.timestamps[from]!, maxTime: samples.timestamps[to - 1]!, bytes })
    }
    this.#series.push({ labels, chunks, samples: samples.count })
  }

  get samples(): number {
    return this.#series.reduce((sum, { samples }) => sum + samples, 0)
  }

  async *select(selection: Selection): AsyncGenerator<SelectedSeries[]> {
    const minTime = Number(selection.minTime)
    const maxTime = Number(selection.maxTime)
    let page: SelectedSeries[] = []
    for (const { labels, chunks, samples } of this.#series) {
      if (!selection.matchers.every((matcher) => matcher.matches(labels.get(matcher.name)))) continue
      page.push({ labels, kind: 'f64', maxSamples: samples, read: (into) => readChunks(chunks, into, minTime, maxTime) })
      if (page.length < PAGE) continue
      yield page
      page = []
    }
    if (page.length > 0) yield page
  }

  append: () => never = unsupported
  labelNames: () => never = unsupported
  labelValues: () => never = unsupported
  series: () => never = unsupported
  metricMetadata: () => never = unsupported
  exemplars: () => never = unsupported
  delete: () => never = unsupported

  async close(): Promise<void> {}
}

function readChunks(chunks: readonly Sealed[], into: SampleBuffer, minTime: number, maxTime: number): void {
  into.clear()
  for (const chunk of chunks) if (chunk.maxTime >= minTime && chunk.minTime <= maxTime) decodeChunk(chunk.bytes, into, minTime, maxTime)
}
