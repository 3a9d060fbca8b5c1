/**
 * Windows: how time is cut into segments. Windows of four sizes nest: the partition (2 h by default), three of them, twelve (a day), and 84
 * (a week). A segment lies within one window of its level. Windows are counted from the base of the times.
 */
import { lowerBound, SampleBuffer } from '@tsink/core'
import { decodeChunk } from '@tsink/codecs'
import type { Head } from './head.ts'
import type { Slices } from './slices.ts'

/** How many partitions each level's window has. */
export const LEVEL_PARTITIONS: readonly number[] = [1, 3, 12, 84]

/** A window of time that becomes one segment. */
export interface Window {
  readonly level: number
  /** Inclusive, relative to the base. */
  readonly from: number
  /** Exclusive. */
  readonly to: number
}

/** More days than this in one flush, and the older ones are cut by weeks: a backfill of years must not end in thousands of files. */
const MAX_DAY_WINDOWS = 32

/** A chunk that touches more days than this is decoded to see which it really has samples in. */
const MAX_GUESSED_DAYS = 8

/** The window of a level that holds a time. */
export function windowAt(level: number, time: number, partition: number): Window {
  const size = LEVEL_PARTITIONS[level]! * partition
  const from = Math.floor(time / size) * size
  return { level, from, to: from + size }
}

/** The smallest level at which one window holds both times, or the greatest level when none does. */
export function levelOf(minTime: number, maxTime: number, partition: number): number {
  for (let level = 0; level < LEVEL_PARTITIONS.length; level++) {
    const size = LEVEL_PARTITIONS[level]! * partition
    if (Math.floor(minTime / size) === Math.floor(maxTime / size)) return level
  }
  return LEVEL_PARTITIONS.length - 1
}

/**
 * The windows into which a head is flushed, ascending and disjoint. What spans a few partitions of a day, as a flush under steady load does, is
 * cut by partitions, so that later merges stay small; what spans more of a day is cut by the day; and of many days the old ones by the week.
 */
export async function flushWindows(head: Head, partition: number, slices: Slices): Promise<Window[]> {
  const days = new Map<number, { min: number; max: number }>()
  const daySize = LEVEL_PARTITIONS[2]! * partition
  const note = (day: number, min: number, max: number): void => {
    const known = days.get(day)
    if (known === undefined) days.set(day, { min, max })
    else {
      if (min < known.min) known.min = min
      if (max > known.max) known.max = max
    }
  }
  const noteRange = (min: number, max: number): void => {
    const last = Math.floor(max / daySize)
    for (let day = Math.floor(min / daySize); day <= last; day++)
      note(day, Math.max(min, day * daySize), Math.min(max, (day + 1) * daySize - 1))
  }
  const noteTimes = (times: Float64Array, count: number): void => {
    for (let at = 0; at < count;) {
      const day = Math.floor(times[at]! / daySize)
      const end = lowerBound(times, count, (day + 1) * daySize)
      note(day, times[at]!, times[end - 1]!)
      at = end
    }
  }
  const buffer = new SampleBuffer()
  const { sealed } = head
  for (let chunk = 1; chunk <= sealed.size; chunk++) {
    const min = sealed.minTimes[chunk]!
    const max = sealed.maxTimes[chunk]!
    if (Math.floor(max / daySize) - Math.floor(min / daySize) < MAX_GUESSED_DAYS) noteRange(min, max)
    else {
      buffer.clear()
      buffer.base = head.base
      decodeChunk(sealed.chunk(chunk), buffer, -Infinity, Infinity)
      noteTimes(buffer.timestamps, buffer.count)
    }
    if ((chunk & 255) === 0 && slices.due) await slices.pause()
  }
  for (let slot = 0; slot < head.size; slot++) {
    if (head.counts[slot] !== 0) {
      const times = head.openTimes(slot)
      noteTimes(times, times.length)
    }
    if ((slot & 1023) === 0 && slices.due) await slices.pause()
  }
  return cut(days, partition)
}

function cut(days: ReadonlyMap<number, { readonly min: number; readonly max: number }>, partition: number): Window[] {
  const daySize = LEVEL_PARTITIONS[2]! * partition
  const numbers = [...days.keys()].sort((a, b) => a - b)
  const firstByDay = numbers.length <= MAX_DAY_WINDOWS ? -Infinity : numbers[numbers.length - MAX_DAY_WINDOWS]!
  const windows: Window[] = []
  for (const day of numbers) {
    const { min, max } = days.get(day)!
    const last = windows.at(-1)
    if (day < firstByDay) {
      const week = windowAt(3, day * daySize, partition)
      // The week in which the days begin is cut short, so that windows stay disjoint.
      const to = Math.min(week.to, firstByDay * daySize)
      if (last === undefined || last.to <= day * daySize) windows.push({ level: 3, from: week.from, to })
    } else if (max - min > LEVEL_PARTITIONS[1]! * partition) windows.push(windowAt(2, day * daySize, partition))
    else {
      for (let at = windowAt(0, min, partition); at.from <= max; at = windowAt(0, at.to, partition)) windows.push(at)
    }
  }
  return windows
}
