/** Stats: the state of a store in numbers, for metrics and for people. */
import type { SegmentInfo } from '@tsink/segment'
import { memoryUsed, type Counters, type Parts } from './parts.ts'
import type { QuarantinedSegment } from './shelf.ts'

export interface EngineStats {
  readonly series: number
  readonly head: {
    /** Series with samples in memory, samples, and their memory. */
    readonly series: number
    readonly samples: number
    readonly bytes: number
    /** Generations that wait to be flushed. */
    readonly frozen: number
    /** Times of the earliest and latest sample; null while empty. Nearest doubles in nanosecond stores. */
    readonly minTime: number | null
    readonly maxTime: number | null
  }
  readonly memory: {
    readonly usedBytes: number
    readonly limitBytes: number
    readonly registryBytes: number
    /** Loaded indexes of segments, and chunks that were read. */
    readonly indexBytes: number
    readonly chunkBytes: number
    /** Label sets kept between selections. */
    readonly labelBytes: number
  }
  readonly log: { readonly bytes: number; readonly limitBytes: number } | null
  readonly segments: readonly SegmentInfo[]
  readonly segmentBytes: number
  readonly segmentSamples: number
  /** Times of the earliest and latest sample in segments; null when there are none. */
  readonly minTime: number | null
  readonly maxTime: number | null
  readonly tombstones: number
  readonly exemplars: number
  readonly quarantined: readonly QuarantinedSegment[]
  /** Why the store takes no writes, or null. */
  readonly readOnly: string | null
  /** What background work failed with last, null when it succeeds. */
  readonly backgroundError: string | null
  /**
   * How far the time of day stands from the time by which data ages, in ms: not near 0 after a jump of the clock that is not believed yet.
   */
  readonly clockJumpMs: number
  readonly sequence: number
  readonly counters: Readonly<Counters>
}

export function stats(parts: Parts): EngineStats {
  const { heads, shelf, registry, log, options, background } = parts
  let headMin = Infinity
  let headMax = -Infinity
  for (const generation of heads.generations) {
    for (const head of generation.heads.values()) {
      headMin = Math.min(headMin, head.base + head.minTime)
      headMax = Math.max(headMax, head.base + head.maxTime)
    }
  }
  let minTime = Infinity
  let maxTime = -Infinity
  let segmentSamples = 0
  for (const { info } of shelf.segments) {
    minTime = Math.min(minTime, info.base + info.minTime)
    maxTime = Math.max(maxTime, info.base + info.maxTime)
    segmentSamples += info.samples
  }
  const trouble = log?.poisoned ?? shelf.trouble
  return {
    series: registry.size,
    head: {
      series: heads.active.series,
      samples: heads.generations.reduce((sum, generation) => sum + generation.samples, 0),
      bytes: heads.bytes,
      frozen: heads.frozen.length,
      minTime: finite(headMin),
      maxTime: finite(headMax),
    },
    memory: {
      usedBytes: memoryUsed(parts),
      limitBytes: options.memoryBytes,
      registryBytes: registry.bytesUsed,
      indexBytes: shelf.indexBytes,
      chunkBytes: shelf.chunkBytes,
      labelBytes: parts.labelCache.bytes,
    },
    log: log === null ? null : { bytes: log.sizeBytes, limitBytes: options.maxLogBytes },
    segments: shelf.segments.map(({ info }) => info),
    segmentBytes: shelf.sizeBytes,
    segmentSamples,
    minTime: finite(minTime),
    maxTime: finite(maxTime),
    tombstones: parts.tombstones.list.length,
    exemplars: parts.notes.exemplarCount,
    quarantined: shelf.quarantined,
    readOnly: trouble === null ? null : trouble.message,
    backgroundError: background.lastError === null ? null : String((background.lastError as Error).message ?? background.lastError),
    clockJumpMs: parts.age.jumpMs,
    sequence: parts.sequence,
    counters: { ...parts.counters },
  }
}

function finite(time: number): number | null {
  return Number.isFinite(time) ? time : null
}
