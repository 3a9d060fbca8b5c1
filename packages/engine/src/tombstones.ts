/**
 * Tombstones: deletes as data. A tombstone hides the samples of the series that its selectors match, in its inclusive range of time, that were
 * written before it: whatever has a later sequence is visible. Heads and segments carry the sequence of their last batch, and a delete never
 * falls into the middle of samples that it would hide (see delete.ts), so a tombstone hides a whole unit's samples in its range or none.
 */
import { corruption, type Labels, type Matcher, type Timestamp } from '@tsink/core'
import { ByteReader, ByteWriter } from '@tsink/codecs'
import { readSelectors, writeSelectors } from './record.ts'

export interface Tombstone {
  readonly sequence: number
  /** The series for which all matchers of any one set hold. */
  readonly selectors: readonly (readonly Matcher[])[]
  /** Inclusive; null: open. A bigint in nanosecond stores. */
  readonly minTime: Timestamp | null
  readonly maxTime: Timestamp | null
  /** When it was made, for the time in which it can be undone. */
  readonly createdMs: number
}

/** Inclusive times relative to some base. */
export interface Interval {
  readonly minTime: number
  readonly maxTime: number
}

/** Deletes in force: an immutable list that is replaced as a whole. */
export class Tombstones {
  list: readonly Tombstone[] = []
  /** Monotonic times of the deletes that this process made, by sequence: no clock that jumps may end their undoing. */
  readonly made: Map<number, number> = new Map()

  add(tombstone: Tombstone): void {
    if (this.list.some((each) => each.sequence === tombstone.sequence)) return
    this.list = [...this.list, tombstone].sort((a, b) => a.sequence - b.sequence)
  }

  /** Whether there was one. */
  remove(sequence: number): boolean {
    const rest = this.list.filter((each) => each.sequence !== sequence)
    if (rest.length === this.list.length) return false
    this.list = rest
    this.made.delete(sequence)
    return true
  }
}

/** A time relative to a base; exact as far as a double is. */
export function relative(time: Timestamp | null, base: number, otherwise: number): number {
  if (time === null) return otherwise
  return typeof time === 'bigint' ? Number(time - BigInt(base)) : time - base
}

export function selects(tombstone: Tombstone, labels: Labels): boolean {
  return tombstone.selectors.some((matchers) => matchers.every((matcher) => matcher.matches(labels.get(matcher.name))))
}

/** The tombstones that hide anything of a unit: later than its last batch and overlapping its times. */
export function hiding(tombstones: readonly Tombstone[], maxSequence: number, base: number, minTime: number, maxTime: number): Tombstone[] {
  return tombstones.filter(
    (each) =>
      each.sequence > maxSequence &&
      relative(each.minTime, base, -Infinity) <= maxTime &&
      relative(each.maxTime, base, Infinity) >= minTime,
  )
}

/** What is left of an inclusive range when a series' tombstones are taken out: disjoint intervals in ascending order. Times are integers. */
export function visible(tombstones: readonly Tombstone[], labels: Labels, base: number, minTime: number, maxTime: number): Interval[] {
  let intervals: Interval[] = [{ minTime, maxTime }]
  for (const tombstone of tombstones) {
    if (!selects(tombstone, labels)) continue
    const from = relative(tombstone.minTime, base, -Infinity)
    const to = relative(tombstone.maxTime, base, Infinity)
    const next: Interval[] = []
    for (const interval of intervals) {
      if (to < interval.minTime || from > interval.maxTime) next.push(interval)
      else {
        if (from > interval.minTime) next.push({ minTime: interval.minTime, maxTime: from - 1 })
        if (to < interval.maxTime) next.push({ minTime: to + 1, maxTime: interval.maxTime })
      }
    }
    intervals = next
  }
  return intervals
}

const MIN_TIME = 1
const MAX_TIME = 2
const BIGINTS = 4

export function writeTombstone(writer: ByteWriter, tombstone: Tombstone): void {
  const { minTime, maxTime } = tombstone
  const big = typeof minTime === 'bigint' || typeof maxTime === 'bigint'
  writer.uvarint(tombstone.sequence)
  writer.uvarint(Math.max(0, Math.floor(tombstone.createdMs)))
  writer.u8((minTime === null ? 0 : MIN_TIME) | (maxTime === null ? 0 : MAX_TIME) | (big ? BIGINTS : 0))
  for (const time of [minTime, maxTime]) {
    if (time === null) continue
    if (big) writer.append(new Uint8Array(BigInt64Array.of(BigInt(time)).buffer))
    else writer.f64(time as number)
  }
  writeSelectors(writer, tombstone.selectors)
}

export function readTombstone(reader: ByteReader): Tombstone {
  const sequence = reader.uvarint()
  const createdMs = reader.uvarint()
  const flags = reader.u8()
  if (flags > 7) throw corruption('BAD_FORMAT', 'tombstone: unknown flags', { offset: reader.offset - 1, found: flags })
  const time = (): Timestamp => ((flags & BIGINTS) === 0 ? reader.f64() : new BigInt64Array(reader.take(8).slice().buffer)[0]!)
  const minTime = (flags & MIN_TIME) === 0 ? null : time()
  const maxTime = (flags & MAX_TIME) === 0 ? null : time()
  return { sequence, createdMs, minTime, maxTime, selectors: readSelectors(reader) }
}

/** All tombstones as bytes, for the catalog. */
export function encodeTombstones(list: readonly Tombstone[]): Uint8Array {
  const writer = new ByteWriter()
  writer.uvarint(list.length)
  for (const tombstone of list) writeTombstone(writer, tombstone)
  return writer.finish()
}

export function decodeTombstones(bytes: Uint8Array): Tombstone[] {
  const reader = new ByteReader(bytes, 0, bytes.length, 'tombstones')
  return Array.from({ length: reader.length(3) }, () => readTombstone(reader))
}
