/**
 * Units: where a view finds series, a segment or a head, each with the series that were selected in it, and what of a unit a series' samples are read
 * from: chunks, and the open columns of heads.
 */
import { lowerBound, type Labels, type SampleBuffer } from '@tsink/core'
import type { Segment, SegmentIndex } from '@tsink/segment'
import type { LabelNumbers } from './label-cache.ts'
import type { Parts } from './parts.ts'
import { SealedChunk, SegmentChunk, type Source } from './read.ts'
import type { SlotMap } from './slot-map.ts'
import type { Interval, Tombstone } from './tombstones.ts'
import type { CaughtSlots } from './view.ts'

/** A unit of the view with the selected series in it: a segment, or a head. */
export interface Unit {
  readonly base: number
  readonly minTime: number
  readonly maxTime: number
  readonly tombstones: readonly Tombstone[]
  readonly maxSequence: number
  readonly count: number
  /** The range of the selection as far as it touches the unit: what is visible where no tombstone is. */
  readonly whole: readonly Interval[]
  labels(item: number): Labels
  labelBytes(item: number): Uint8Array
  /** The number of a series' label set; only when the selection has numbers. */
  number(item: number): number
  /** Said once, before anything is asked: the numbers of the selection, or null when it is too large for them. */
  use(numbers: LabelNumbers | null): void
  /** All chunks of one series. */
  chunkCount(item: number): number
  /** Appends the sources of one series that overlap a range, in the order of their writing. */
  sources(item: number, minTime: number, maxTime: number, intervals: readonly Interval[], into: Source[]): void
}

export class SegmentUnit implements Unit {
  readonly base: number
  readonly minTime: number
  readonly maxTime: number
  readonly tombstones: readonly Tombstone[]
  readonly maxSequence: number
  readonly count: number
  readonly whole: readonly Interval[]
  readonly #parts: Parts
  readonly #segment: Segment
  readonly #index: SegmentIndex
  readonly #items: Uint32Array
  #numbers: LabelNumbers | null = null
  #known: SlotMap | null = null

  constructor(
    parts: Parts,
    segment: Segment,
    index: SegmentIndex,
    items: Uint32Array,
    minTime: number,
    maxTime: number,
    tombstones: readonly Tombstone[],
  ) {
    this.#parts = parts
    this.#segment = segment
    this.#index = index
    this.#items = items
    this.base = segment.info.base
    this.minTime = minTime
    this.maxTime = maxTime
    this.tombstones = tombstones
    this.maxSequence = segment.info.maxSequence
    this.count = items.length
    this.whole = [{ minTime, maxTime }]
  }

  use(numbers: LabelNumbers | null): void {
    this.#numbers = numbers
    if (numbers !== null) this.#known = numbers.mapOf(this.#index)
  }

  number(item: number): number {
    return this.#numbers!.ofSeries(this.#index, this.#known!, this.#items[item]!)
  }

  labels(item: number): Labels {
    return this.#numbers === null ? this.#index.labels(this.#items[item]!) : this.#numbers.labels(this.number(item))
  }

  labelBytes(item: number): Uint8Array {
    return this.#index.labelBytes(this.#items[item]!)
  }

  chunkCount(item: number): number {
    const series = this.#items[item]!
    return this.#index.chunkFrom[series + 1]! - this.#index.chunkFrom[series]!
  }

  sources(item: number, minTime: number, maxTime: number, intervals: readonly Interval[], into: Source[]): void {
    segmentSources(this.#parts, this.#segment, this.#index, this.#items[item]!, minTime, maxTime, intervals, into)
  }
}

/** Appends the chunks of a segment's series that overlap a range as sources. */
export function segmentSources(
  parts: Parts,
  segment: Segment,
  index: SegmentIndex,
  series: number,
  minTime: number,
  maxTime: number,
  intervals: readonly Interval[],
  into: Source[],
): void {
  const end = index.chunkFrom[series + 1]!
  for (let chunk = index.chunkFrom[series]!; chunk < end; chunk++) {
    if (index.chunkMinTime[chunk]! > maxTime || index.chunkMaxTime[chunk]! < minTime) continue
    into.push(new SegmentChunk(parts.shelf, segment, index, chunk, intervals))
  }
}

export class HeadUnit implements Unit {
  readonly base: number
  readonly minTime: number
  readonly maxTime: number
  readonly tombstones: readonly Tombstone[]
  readonly maxSequence: number
  readonly count: number
  readonly whole: readonly Interval[]
  readonly #parts: Parts
  readonly #caught: CaughtSlots
  #numbers: LabelNumbers | null = null

  constructor(parts: Parts, caught: CaughtSlots, minTime: number, maxTime: number, tombstones: readonly Tombstone[]) {
    this.#parts = parts
    this.#caught = caught
    this.base = caught.head.base
    this.minTime = minTime
    this.maxTime = maxTime
    this.tombstones = tombstones
    this.maxSequence = caught.head.maxSequence
    this.count = caught.count
    this.whole = [{ minTime, maxTime }]
  }

  use(numbers: LabelNumbers | null): void {
    this.#numbers = numbers
  }

  number(item: number): number {
    return this.#numbers!.ofId(this.#parts.registry, this.#caught.ids[item]!)
  }

  labels(item: number): Labels {
    return this.#numbers === null ? this.#parts.registry.labels(this.#caught.ids[item]!) : this.#numbers.labels(this.number(item))
  }

  labelBytes(item: number): Uint8Array {
    return this.#parts.registry.labelBytes(this.#caught.ids[item]!)
  }

  chunkCount(item: number): number {
    return this.#caught.chunks(item).length
  }

  sources(item: number, minTime: number, maxTime: number, intervals: readonly Interval[], into: Source[]): void {
    headSources(this.#caught, item, minTime, maxTime, intervals, into)
  }
}

/** Appends a caught slot's sealed chunks and open column, where they overlap a range, as sources. */
export function headSources(
  caught: CaughtSlots,
  item: number,
  minTime: number,
  maxTime: number,
  intervals: readonly Interval[],
  into: Source[],
): void {
  const { head } = caught
  const { sealed } = head
  for (const chunk of caught.chunks(item)) {
    if (sealed.minTimes[chunk]! > maxTime || sealed.maxTimes[chunk]! < minTime) continue
    into.push(new SealedChunk(sealed, chunk, intervals))
  }
  const count = caught.openCount(item)
  if (count > 0 && caught.openTime(item, 0) <= maxTime && caught.openTime(item, count - 1) >= minTime) {
    const times = caught.openTimes(item)
    const from = times[0]! >= minTime ? 0 : lowerBound(times, count, minTime)
    const to = times[count - 1]! <= maxTime ? count : lowerBound(times, count, maxTime + 1)
    if (from < to) into.push(new OpenSource(caught, item, times, from, to, intervals))
  }
}

/** Samples of an open column. */
class OpenSource implements Source {
  readonly minTime: number
  readonly maxTime: number
  readonly count: number
  readonly family: number
  readonly visible: readonly Interval[]
  readonly #caught: CaughtSlots
  readonly #item: number

  constructor(caught: CaughtSlots, item: number, times: Float64Array, from: number, to: number, intervals: readonly Interval[]) {
    this.#caught = caught
    this.#item = item
    this.minTime = times[from]!
    this.maxTime = times[to - 1]!
    this.count = to - from
    this.family = caught.head.kinds[caught.slots[item]!]!
    this.visible = intervals
  }

  decode(into: SampleBuffer, minTime: number, maxTime: number): void {
    // Taken anew: the block may have been retired and the view of it must not outlive one call.
    const times = this.#caught.openTimes(this.#item)
    const count = times.length
    const from = times[0]! >= minTime ? 0 : lowerBound(times, count, minTime)
    const to = times[count - 1]! <= maxTime ? count : lowerBound(times, count, maxTime + 1)
    if (from < to) this.#caught.copyOpen(this.#item, from, to, into)
  }

  decodeNewest(into: SampleBuffer, minTime: number, maxTime: number): void {
    const times = this.#caught.openTimes(this.#item)
    const to = lowerBound(times, times.length, maxTime + 1)
    if (to > 0 && times[to - 1]! >= minTime) this.#caught.copyOpen(this.#item, to - 1, to, into)
  }
}
