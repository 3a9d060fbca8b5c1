/**
 * Retain: what is too old or too much goes. A segment goes as a whole when every series in it has expired, which is cheap; a segment in which only
 * the series of some rule have expired is rewritten without them. Nothing goes before its time: a segment waits for its last sample, and time is the
 * AgeClock's, which does not jump.
 */
import type { Segment } from '@tsink/segment'
import type { CompactionPlan } from './compaction-plan.ts'
import { runCompaction } from './compact.ts'
import { inUnits, retentionOf } from './options.ts'
import { assertOpen, type Parts } from './parts.ts'
import { Slices } from './slices.ts'
import { View } from './view.ts'

export interface Expiry {
  readonly path: string
  readonly reason: 'age' | 'rule' | 'size'
  /** All of the segment goes, or only series of rules. */
  readonly whole: boolean
  /** Samples and bytes of the segment that go; an estimate unless all of it goes. */
  readonly samples: number
  readonly bytes: number
}

/** What would go now. */
export async function previewRetention(parts: Parts): Promise<Expiry[]> {
  assertOpen(parts)
  return (await plan(parts)).map(({ expiry }) => expiry)
}

/** Lets go what has expired; the answer says what. */
export async function retain(parts: Parts): Promise<Expiry[]> {
  assertOpen(parts)
  const planned = await plan(parts)
  const whole = planned.filter(({ expiry }) => expiry.whole).map(({ segment }) => segment)
  const standing = whole.filter((segment) => parts.shelf.segments.includes(segment))
  if (standing.length > 0) await parts.shelf.publish({ remove: standing })
  parts.counters.retiredSegments += standing.length
  for (const { segment, expiry } of planned) {
    if (expiry.whole || !parts.shelf.segments.includes(segment)) continue
    const { info } = segment
    const rewrite: CompactionPlan = { reason: 'retention', level: info.level, base: info.base, inputs: [info] }
    await runCompaction(parts, rewrite)
  }
  return planned.map(({ expiry }) => expiry)
}

/** Segments without expired series, with the number of retention times that they had passed when that was found. */
const nothingExpired = new WeakMap<Segment, number>()

interface Planned {
  readonly segment: Segment
  readonly expiry: Expiry
}

async function plan(parts: Parts): Promise<Planned[]> {
  // A compaction may replace segments meanwhile: they stay open until all of them have been looked at.
  const view = new View(parts)
  try {
    return await planOf(parts, view.segments)
  } finally {
    view.release()
  }
}

async function planOf(parts: Parts, segments: readonly Segment[]): Promise<Planned[]> {
  const { options } = parts
  const planned: Planned[] = []
  const retentions = [options.retentionMs, ...options.retentionRules.map((rule) => rule.retentionMs)]
  const longest = Math.max(...retentions)
  const shortest = Math.min(...retentions)
  for (const segment of segments) {
    const end = segment.info.base + segment.info.maxTime
    if (end < oldest(parts, longest)) planned.push({ segment, expiry: wholeOf(segment, 'age') })
    else if (end < oldest(parts, shortest)) {
      // Looking at every series is dear, and only the passing of another rule's time can change the answer.
      const passed = retentions.filter((retentionMs) => end < oldest(parts, retentionMs)).length
      if (nothingExpired.get(segment) === passed) continue
      const expiry = await expiredSeries(parts, segment, end)
      if (expiry === null) nothingExpired.set(segment, passed)
      else planned.push({ segment, expiry })
    }
  }
  const gone = new Set(planned.filter(({ expiry }) => expiry.whole).map(({ segment }) => segment))
  let bytes = segments.reduce((sum, segment) => sum + (gone.has(segment) ? 0 : segment.info.sizeBytes), 0)
  const byAge = segments.toSorted((a, b) => a.info.base + a.info.maxTime - (b.info.base + b.info.maxTime))
  for (const segment of byAge) {
    if (bytes <= options.retentionBytes) break
    if (gone.has(segment)) continue
    bytes -= segment.info.sizeBytes
    planned.push({ segment, expiry: wholeOf(segment, 'size') })
  }
  return planned
}

/** The series of a segment whose own retention is over, counted; null when there are none. */
async function expiredSeries(parts: Parts, segment: Segment, end: number): Promise<Expiry | null> {
  const index = await parts.shelf.loadIndex(segment)
  if (index === null) return null
  const slices = new Slices(parts.host.clock)
  let samples = 0
  let expired = 0
  for (let series = 0; series < index.seriesCount; series++) {
    if (slices.due) await slices.pause()
    if (end >= oldest(parts, retentionOf(parts.options, index.labels(series)))) continue
    expired++
    for (let chunk = index.chunkFrom[series]!; chunk < index.chunkFrom[series + 1]!; chunk++) samples += index.chunkCount[chunk]!
  }
  if (expired === 0) return null
  if (expired === index.seriesCount) return wholeOf(segment, 'rule')
  const { path, sizeBytes } = segment.info
  return { path, reason: 'rule', whole: false, samples, bytes: Math.round((sizeBytes * samples) / segment.info.samples) }
}

function wholeOf(segment: Segment, reason: Expiry['reason']): Expiry {
  const { path, samples, sizeBytes } = segment.info
  return { path, reason, whole: true, samples, bytes: sizeBytes }
}

/** The earliest time that a retention keeps, in the store's unit. */
function oldest(parts: Parts, retentionMs: number): number {
  return retentionMs === Infinity ? -Infinity : Math.floor(inUnits(parts.age.earliest - retentionMs, parts.options.unit))
}
