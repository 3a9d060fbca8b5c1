/**
 * Read: one series' samples out of whatever holds them. A series' sources (chunks of segments, sealed chunks and open columns of heads) are put
 * in order of time; a source that overlaps no other is decoded straight into the caller's buffer, which is nearly always; sources that
 * overlap are decoded each on its own and merged, the later written winning.
 */
import { assert, lowerBound, SampleBuffer, type ReadTally, type SampleSummary } from '@tsink/core'
import { decodeChunk, decodeNewest, mergeColumns, openChunk } from '@tsink/codecs'
import type { Segment, SegmentIndex } from '@tsink/segment'
import { F64, HISTOGRAM } from './head.ts'
import type { SealedChunks } from './sealed.ts'
import type { Shelf } from './shelf.ts'
import type { Interval } from './tombstones.ts'

/** Fills a buffer with a source's samples of an inclusive range relative to the source's base. */
export interface Source {
  /** Times of the first and last sample, relative to base. */
  readonly minTime: number
  readonly maxTime: number
  /** An upper bound. */
  readonly count: number
  /** The kind of value as index into VALUE_KINDS; floats and histograms have one. */
  readonly family: number
  /** What deletes and the selection have left of the source. */
  readonly visible: readonly Interval[]
  decode(into: SampleBuffer, minTime: number, maxTime: number): void
  /** As `decode`, only the newest sample of the range. */
  decodeNewest(into: SampleBuffer, minTime: number, maxTime: number): void
}

/** A source whose samples are one encoded chunk. */
export abstract class ChunkSource implements Source {
  readonly minTime: number
  readonly maxTime: number
  readonly count: number
  readonly family: number
  readonly visible: readonly Interval[]

  constructor(kind: number, count: number, minTime: number, maxTime: number, visible: readonly Interval[]) {
    this.family = kind === HISTOGRAM ? F64 : kind
    this.count = count
    this.minTime = minTime
    this.maxTime = maxTime
    this.visible = visible
  }

  abstract decode(into: SampleBuffer, minTime: number, maxTime: number): void

  decodeNewest(into: SampleBuffer, minTime: number, maxTime: number): void {
    decodeNewest(this.bytes(), into, minTime, maxTime)
  }

  /** The encoded chunk, which the caller may keep. */
  abstract bytes(): Uint8Array
}

/** A chunk of a segment. */
export class SegmentChunk extends ChunkSource {
  readonly #shelf: Shelf
  readonly #segment: Segment
  readonly #index: SegmentIndex
  readonly #chunk: number

  constructor(shelf: Shelf, segment: Segment, index: SegmentIndex, chunk: number, visible: readonly Interval[]) {
    super(index.chunkKind[chunk]!, index.chunkCount[chunk]!, index.chunkMinTime[chunk]!, index.chunkMaxTime[chunk]!, visible)
    this.#shelf = shelf
    this.#segment = segment
    this.#index = index
    this.#chunk = chunk
  }

  decode(into: SampleBuffer, minTime: number, maxTime: number): void {
    decodeChunk(this.bytes(), into, minTime, maxTime)
  }

  bytes(): Uint8Array {
    return this.#shelf.readChunk(this.#segment, this.#index, this.#chunk)
  }
}

/** A sealed chunk of a head. */
export class SealedChunk extends ChunkSource {
  readonly #sealed: SealedChunks
  readonly #chunk: number

  constructor(sealed: SealedChunks, chunk: number, visible: readonly Interval[]) {
    super(sealed.kinds[chunk]!, sealed.counts[chunk]!, sealed.minTimes[chunk]!, sealed.maxTimes[chunk]!, visible)
    this.#sealed = sealed
    this.#chunk = chunk
  }

  decode(into: SampleBuffer, minTime: number, maxTime: number): void {
    decodeChunk(this.#sealed.chunk(this.#chunk), into, minTime, maxTime)
  }

  bytes(): Uint8Array {
    return this.#sealed.chunk(this.#chunk)
  }
}

/**
 * Appends the samples of all sources with `minTime <= time <= maxTime` to an empty buffer, one for each time. `sources` are in the order of
 * their writing, all relative to the same base, which the buffer gets.
 */
export function readSources(sources: readonly Source[], base: number, minTime: number, maxTime: number, into: SampleBuffer): void {
  into.clear()
  into.base = base
  if (areInOrder(sources)) for (const source of sources) decodeVisible(source, minTime, maxTime, into)
  else for (const cluster of clusters(sources)) readCluster(cluster, base, minTime, maxTime, into)
  if (into.kind === 'histogram') into.kind = 'f64'
}

/** Whether each source begins after the one before it ends, which is nearly always. */
function areInOrder(sources: readonly Source[]): boolean {
  for (let i = 1; i < sources.length; i++) if (sources[i]!.minTime <= sources[i - 1]!.maxTime) return false
  return true
}

/** As {@link readSources}, of one source only its newest sample in the range. */
export function readNewest(source: Source, base: number, minTime: number, maxTime: number, into: SampleBuffer): void {
  into.clear()
  into.base = base
  const [interval, another] = source.visible
  if (interval !== undefined && another === undefined) {
    source.decodeNewest(into, Math.max(interval.minTime, minTime), Math.min(interval.maxTime, maxTime))
  } else decodeVisible(source, minTime, maxTime, into)
  if (into.kind === 'histogram') into.kind = 'f64'
}

/** As {@link readSources}, in runs: see `SelectedSeries.readRuns`. Sources that overlap are one run. */
export function* readRuns(
  sources: readonly Source[],
  base: number,
  minTime: number,
  maxTime: number,
  into: SampleBuffer,
  most: number,
): Generator<void, void, undefined> {
  into.clear()
  into.base = base
  for (const cluster of clusters(sources)) {
    const coming = cluster.reduce((sum, { source }) => sum + source.count, 0)
    if (into.count > 0 && into.count + coming > most) {
      yield
      into.clear()
      into.base = base
    }
    readCluster(cluster, base, minTime, maxTime, into)
    if (into.kind === 'histogram') into.kind = 'f64'
  }
  if (into.count > 0) yield
}

/** As {@link readSources}, in pieces: see `SelectedSeries.readPieces`. */
export function readPieces(
  sources: readonly Source[],
  base: number,
  minTime: number,
  maxTime: number,
  into: SampleBuffer,
  fits: (minTime: number, maxTime: number) => boolean,
  take: (summary: SampleSummary | null) => void,
): void {
  for (const cluster of clusters(sources)) {
    const alone = cluster.length === 1 ? cluster[0]!.source : null
    if (alone instanceof ChunkSource && isWhole(alone, minTime, maxTime) && fits(alone.minTime, alone.maxTime)) {
      const { count, numbers, min, max, sum, first, last } = openChunk(alone.bytes())
      if (numbers === count) {
        take({ count, minTime: alone.minTime, maxTime: alone.maxTime, min, max, sum, first, last })
        continue
      }
    }
    into.clear()
    into.base = base
    readCluster(cluster, base, minTime, maxTime, into)
    if (into.count > 0) take(null)
  }
}

/** Whether neither the range nor a delete cuts anything off a source. */
function isWhole(source: Source, minTime: number, maxTime: number): boolean {
  const [interval, another] = source.visible
  if (interval === undefined || another !== undefined) return false
  return Math.max(minTime, interval.minTime) <= source.minTime && Math.min(maxTime, interval.maxTime) >= source.maxTime
}

export interface Ranked {
  readonly source: Source
  /** Place in the order of writing. */
  readonly rank: number
}

/** Sources in groups, ascending in time: sources of one group overlap in a chain, those of different groups do not. */
export function clusters(sources: readonly Source[]): Ranked[][] {
  const order: Ranked[] = []
  let sorted = true
  for (let rank = 0; rank < sources.length; rank++) {
    const source = sources[rank]!
    if (rank > 0 && source.minTime < sources[rank - 1]!.minTime) sorted = false
    order.push({ source, rank })
  }
  if (!sorted) order.sort((a, b) => a.source.minTime - b.source.minTime || a.rank - b.rank)
  const groups: Ranked[][] = []
  let latest = -Infinity
  for (const each of order) {
    if (each.source.minTime > latest) groups.push([each])
    else groups[groups.length - 1]!.push(each)
    latest = Math.max(latest, each.source.maxTime)
  }
  return groups
}

/** Appends the visible samples of one group of sources in a range. */
export function readCluster(cluster: Ranked[], base: number, minTime: number, maxTime: number, into: SampleBuffer): void {
  if (cluster.length === 1) decodeVisible(cluster[0]!.source, minTime, maxTime, into)
  else readOverlap(cluster, base, minTime, maxTime, into)
}

/** Appends what is visible of one source in a range. */
function decodeVisible(source: Source, minTime: number, maxTime: number, into: SampleBuffer): void {
  for (const interval of source.visible) {
    const from = Math.max(interval.minTime, minTime)
    const to = Math.min(interval.maxTime, maxTime)
    if (from <= to) source.decode(into, from, to)
  }
}

function readOverlap(cluster: Ranked[], base: number, minTime: number, maxTime: number, into: SampleBuffer): void {
  cluster.sort((a, b) => a.rank - b.rank)
  let runs: SampleBuffer[] = []
  for (const { source } of cluster) {
    const run = new SampleBuffer()
    run.base = base
    decodeVisible(source, minTime, maxTime, run)
    if (run.count > 0) runs.push(run)
  }
  // Neighbours in the order of writing merge pairwise, so that many small runs cost a logarithm, not a square.
  while (runs.length > 1) {
    const next: SampleBuffer[] = []
    for (let i = 0; i < runs.length; i += 2) {
      if (i + 1 === runs.length) next.push(runs[i]!)
      else {
        const merged = new SampleBuffer()
        mergeColumns(runs[i]!, runs[i + 1]!, merged)
        next.push(merged)
      }
    }
    runs = next
  }
  if (runs.length === 1) appendBuffer(runs[0]!, 0, runs[0]!.count, into)
}

/** Appends samples `from` to `to` of a buffer to another with the same base. */
export function appendBuffer(source: SampleBuffer, from: number, to: number, into: SampleBuffer): void {
  if (to <= from) return
  if (into.count === 0) {
    const { base } = into
    into.begin(source.kind)
    into.base = base
  }
  assert(into.base === source.base, 'samples of one buffer have one base')
  const at = into.count
  into.reserve(to - from)
  into.timestamps.set(source.timestamps.subarray(from, to), at)
  into.values.set(source.values.subarray(from, to), at)
  if (source.histograms !== null || into.histograms !== null) {
    into.histograms ??= []
    for (let i = from; i < to; i++) into.histograms[at + i - from] = source.histograms?.[i]
  }
  if (source.integers !== null) into.integers!.set(source.integers.subarray(from, to), at)
  if (source.blobs !== null) for (let i = from; i < to; i++) into.blobs![at + i - from] = source.blobs[i]!
  if (source.startTimestamps !== null) {
    into.startTimestamps ??= new Float64Array(into.capacity)
    into.startTimestamps.set(source.startTimestamps.subarray(from, to), at)
  } else into.startTimestamps?.fill(0, at, at + to - from)
  into.count = at + to - from
}

/** How many of ascending timestamps lie in an inclusive range. */
export function countInRange(timestamps: Float64Array, count: number, minTime: number, maxTime: number): number {
  return lowerBound(timestamps, count, maxTime + 1) - lowerBound(timestamps, count, minTime)
}

/** How many sources from a place on are encoded chunks. */
export function chunksIn(sources: readonly Source[], from: number): number {
  let count = 0
  for (let i = from; i < sources.length; i++) if (sources[i] instanceof ChunkSource) count++
  return count
}

/** Counts the chunks of sources that are about to be decoded. */
export function countDecoded(sources: readonly Source[], tally: ReadTally): void {
  for (const source of sources) {
    if (!(source instanceof ChunkSource)) continue
    tally.chunksDecoded++
    tally.bytesDecoded += source.bytes().length
  }
}
