/**
 * Rewrite: the samples of one series from many sources into full chunks of one window: what a flush does to a head and compaction does to segments.
 * A chunk that is full enough, whole within the window, overlapped by no other and touched by no delete goes over as it is; all others are
 * decoded, merged (the later written winning) and encoded anew.
 */
import { SampleBuffer } from '@tsink/core'
import { appendBuffer, ChunkSource, clusters, readCluster, type Ranked, type Source } from './read.ts'
import { sealRuns } from './runs.ts'

export class Rewriter {
  readonly #base: number
  readonly #chunkSamples: number
  #pending = new SampleBuffer()
  #spare = new SampleBuffer()

  constructor(base: number, chunkSamples: number) {
    this.#base = base
    this.#chunkSamples = chunkSamples
  }

  /** Hands out the chunks of `minTime` to `maxTime` (inclusive), ascending. Sources are in the order of their writing. */
  run(sources: readonly Source[], minTime: number, maxTime: number, emit: (chunk: Uint8Array) => void): void {
    const half = this.#chunkSamples / 2
    this.#pending.clear()
    this.#pending.base = this.#base
    for (const cluster of clusters(sources)) {
      const whole = this.#wholeChunk(cluster, minTime, maxTime)
      if (whole !== null && (this.#pending.count === 0 || this.#pending.count >= half)) {
        this.#seal(this.#pending.count, emit)
        emit(whole)
        continue
      }
      readCluster(cluster, this.#base, minTime, maxTime, this.#pending)
      // Full chunks leave as soon as there are two, so that what is left can still grow into a full one.
      if (this.#pending.count >= 2 * this.#chunkSamples) {
        this.#seal(Math.floor(this.#pending.count / this.#chunkSamples) * this.#chunkSamples, emit)
      }
    }
    this.#seal(this.#pending.count, emit)
  }

  /** The bytes of a cluster that is one chunk to be kept as it is, or null. */
  #wholeChunk(cluster: readonly Ranked[], minTime: number, maxTime: number): Uint8Array | null {
    if (cluster.length !== 1) return null
    const { source } = cluster[0]!
    if (!(source instanceof ChunkSource) || source.count < this.#chunkSamples / 2) return null
    if (source.minTime < minTime || source.maxTime > maxTime) return null
    const untouched = source.visible.some((interval) => interval.minTime <= source.minTime && interval.maxTime >= source.maxTime)
    return untouched ? source.bytes() : null
  }

  /** Encodes the first `count` pending samples. */
  #seal(count: number, emit: (chunk: Uint8Array) => void): void {
    const pending = this.#pending
    if (count === 0) return
    sealRuns(pending, 0, count, this.#chunkSamples, (bytes) => emit(bytes))
    if (count === pending.count) {
      pending.clear()
      pending.base = this.#base
      return
    }
    const rest = this.#spare
    rest.clear()
    rest.base = this.#base
    appendBuffer(pending, count, pending.count, rest)
    this.#spare = pending
    this.#pending = rest
  }
}
