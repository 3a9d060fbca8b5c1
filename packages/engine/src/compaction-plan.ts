/**
 * Compaction plan: which segments to merge next, as data. Two things call for a merge:
 *
 *     a window of time that is over     partitions ─▸ three of them ─▸ a day; nothing outside of the window is touched
 *     many segments of one size         four neighbours in one window become one, so that frequent flushes do not pile up
 *
 * and one for a rewrite: a delete that is past undoing. A merge takes segments that follow each other in the order of writing wherever they
 * overlap others: else a sample could come to outrank one that was written later.
 */
import type { SegmentInfo } from '@tsink/segment'
import { LEVEL_PARTITIONS, levelOf, windowAt, type Window } from './windows.ts'

export interface CompactionPlan {
  readonly reason: 'window' | 'pile' | 'delete' | 'retention'
  readonly level: number
  readonly base: number
  /** In the order of writing. */
  readonly inputs: readonly SegmentInfo[]
}

/** So many segments of similar size make a pile. */
const PILE = 4
/** Segments below this are of similar size, whatever it is. */
const SMALL_BYTES = 1_048_576
/** At most so many segments are merged at once: each has an index and a file open. */
const MAX_INPUTS = 32
/** A large segment is rewritten for small late ones only when they make this share of it, or are this many. */
const WORTH_SHARE = 0.1
const WORTH_COUNT = 5

/**
 * The next merge, or null. `segments` are in the order of writing; `barriers` are sequences of deletes that can still be undone: no merge may
 * bring samples from before and from after one together.
 */
export function planCompaction(segments: readonly SegmentInfo[], partition: number, barriers: readonly number[]): CompactionPlan | null {
  for (const base of new Set(segments.map((info) => info.base))) {
    const ofBase = segments.filter((info) => info.base === base)
    const plan = planWindows(ofBase, base, partition, barriers) ?? planPiles(ofBase, base, partition, barriers)
    if (plan !== null) return plan
  }
  return null
}

function planWindows(
  segments: readonly SegmentInfo[],
  base: number,
  partition: number,
  barriers: readonly number[],
): CompactionPlan | null {
  const latest = segments.reduce((time, info) => Math.max(time, info.maxTime), -Infinity)
  for (let level = 1; level < LEVEL_PARTITIONS.length; level++) {
    for (const [window, inside] of byWindow(segments, level, partition)) {
      // Weeks come about by backfill only; days are not merged into them without need.
      if (level === 3 && !inside.some((info) => levelOf(info.minTime, info.maxTime, partition) === 3)) continue
      if (window.to > latest || inside.length < 2 || !isWorth(inside)) continue
      const inputs = inside.slice(0, MAX_INPUTS)
      if (mayMerge(inputs, segments, barriers)) return { reason: 'window', level, base, inputs }
    }
  }
  return null
}

function planPiles(segments: readonly SegmentInfo[], base: number, partition: number, barriers: readonly number[]): CompactionPlan | null {
  for (let level = 0; level < LEVEL_PARTITIONS.length; level++) {
    // Only those that need a window of this size: smaller ones pile up in their own windows.
    const ofLevel = segments.filter((info) => levelOf(info.minTime, info.maxTime, partition) === level)
    for (const [, inside] of byWindow(ofLevel, level, partition)) {
      if (inside.length < PILE) continue
      for (let end = inside.length; end >= PILE; end--) {
        let from = end
        let bytes = 0
        while (from > 0 && end - from < MAX_INPUTS && inside[from - 1]!.sizeBytes <= Math.max(SMALL_BYTES, 2 * bytes))
          bytes += inside[--from]!.sizeBytes
        const inputs = inside.slice(from, end)
        if (inputs.length >= PILE && mayMerge(inputs, segments, barriers)) return { reason: 'pile', level, base, inputs }
      }
    }
  }
  return null
}

/** Segments that lie within one window of a level, in the order of writing, by window in the order of time. */
function byWindow(segments: readonly SegmentInfo[], level: number, partition: number): [Window, SegmentInfo[]][] {
  const windows = new Map<number, [Window, SegmentInfo[]]>()
  for (const info of segments) {
    if (levelOf(info.minTime, info.maxTime, partition) > level) continue
    const window = windowAt(level, info.minTime, partition)
    if (info.maxTime >= window.to) continue
    const known = windows.get(window.from)
    if (known === undefined) windows.set(window.from, [window, [info]])
    else known[1].push(info)
  }
  return [...windows.values()].sort(([a], [b]) => a.from - b.from)
}

function isWorth(inputs: readonly SegmentInfo[]): boolean {
  if (inputs.length >= WORTH_COUNT) return true
  const sizes = inputs.map((info) => info.sizeBytes).sort((a, b) => b - a)
  const rest = sizes.slice(1).reduce((sum, size) => sum + size, 0)
  return sizes[0]! <= SMALL_BYTES || rest >= sizes[0]! * WORTH_SHARE
}

/** Whether merging keeps the order of writing: no other segment that overlaps, and no delete that can be undone, stands in between. */
export function mayMerge(inputs: readonly SegmentInfo[], segments: readonly SegmentInfo[], barriers: readonly number[]): boolean {
  const first = Math.min(...inputs.map((info) => info.maxSequence))
  const last = Math.max(...inputs.map((info) => info.maxSequence))
  const minTime = Math.min(...inputs.map((info) => info.minTime))
  const maxTime = Math.max(...inputs.map((info) => info.maxTime))
  if (barriers.some((sequence) => sequence > first && sequence < last)) return false
  return !segments.some(
    (other) =>
      !inputs.includes(other) &&
      other.minTime <= maxTime &&
      other.maxTime >= minTime &&
      other.maxSequence > first &&
      other.maxSequence < last,
  )
}
