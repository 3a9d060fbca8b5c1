/**
 * Compact: several segments into one. The inputs are read series by series in the order of label bytes, so that memory does not grow with their
 * size; full chunks go over as they are. Deletes that are past undoing and retention by selector are carried out on the way.
 */
import { decodeLabels, SampleBuffer, type Labels } from '@tsink/core'
import { openChunk } from '@tsink/codecs'
import type { Segment, SegmentIndex } from '@tsink/segment'
import { planCompaction, type CompactionPlan } from './compaction-plan.ts'
import { compareBytes } from './label-order.ts'
import { inUnits, retentionOf } from './options.ts'
import { assertOpen, type Parts } from './parts.ts'
import { readSources, type Source } from './read.ts'
import { Rewriter } from './rewrite.ts'
import { SegmentBatch } from './segment-batch.ts'
import { Slices } from './slices.ts'
import { hiding, relative, visible, type Tombstone } from './tombstones.ts'
import { segmentSources } from './units.ts'
import { View } from './view.ts'

/** Runs the next merge, if there is one. */
export async function compactOnce(parts: Parts): Promise<boolean> {
  const plan = planNext(parts) ?? (await planDelete(parts))
  if (plan === null) {
    await pruneTombstones(parts)
    return false
  }
  await runCompaction(parts, plan)
  return true
}

/** The next merge as data, for people to look at. */
export function planNext(parts: Parts): CompactionPlan | null {
  const partition = inUnits(parts.options.partitionMs, parts.options.unit)
  const barriers = parts.tombstones.list.filter((each) => !isFinal(parts, each)).map((each) => each.sequence)
  return planCompaction(
    parts.shelf.segments.map(({ info }) => info),
    partition,
    barriers,
  )
}

/** Whether a delete is past undoing. */
function isFinal(parts: Parts, tombstone: Tombstone): boolean {
  const { undoMs } = parts.options
  const made = parts.tombstones.made.get(tombstone.sequence) ?? -Infinity
  return parts.age.earliest >= tombstone.createdMs + undoMs && parts.host.clock.monotonic() >= made + undoMs
}

/** A rewrite of a segment that holds what a final delete hides; null when there is none. */
async function planDelete(parts: Parts): Promise<CompactionPlan | null> {
  for (const tombstone of parts.tombstones.list) {
    if (!isFinal(parts, tombstone)) continue
    for (const segment of parts.shelf.segments) {
      if (!(await holdsHidden(parts, tombstone, segment))) continue
      const { info } = segment
      return { reason: 'delete', level: info.level, base: info.base, inputs: [info] }
    }
  }
  return null
}

/** Whether a segment has chunks of a series that a tombstone selects, in its range and from before it. */
async function holdsHidden(parts: Parts, tombstone: Tombstone, segment: Segment): Promise<boolean> {
  const { base, minTime, maxTime, maxSequence } = segment.info
  if (hiding([tombstone], maxSequence, base, minTime, maxTime).length === 0) return false
  const index = await parts.shelf.loadIndex(segment)
  if (index === null) return false
  const from = relative(tombstone.minTime, base, -Infinity)
  const to = relative(tombstone.maxTime, base, Infinity)
  for (const matchers of tombstone.selectors) {
    for (const series of index.select(matchers)) {
      for (let chunk = index.chunkFrom[series]!; chunk < index.chunkFrom[series + 1]!; chunk++) {
        if (index.chunkMinTime[chunk]! > to || index.chunkMaxTime[chunk]! < from) continue
        // The chunk may reach around a gap that holds no sample in the range any more: only reading tells.
        if (index.chunkMinTime[chunk]! >= from && index.chunkMaxTime[chunk]! <= to) return true
        const sources: Source[] = []
        segmentSources(parts, segment, index, series, from, to, [{ minTime: from, maxTime: to }], sources)
        if (holdsSamples(sources, base, from, to)) return true
        break
      }
    }
  }
  return false
}

/** Forgets final deletes that hide nothing any more. */
async function pruneTombstones(parts: Parts): Promise<void> {
  for (const tombstone of parts.tombstones.list) {
    if (!isFinal(parts, tombstone)) continue
    if (parts.heads.frozen.some((generation) => generation.maxSequence < tombstone.sequence)) continue
    let needed = false
    for (const segment of parts.shelf.segments) needed ||= await holdsHidden(parts, tombstone, segment)
    // Segments may have come meanwhile, but only with later batches than the delete.
    if (!needed) parts.tombstones.remove(tombstone.sequence)
  }
}

/** Carries a plan out. */
export async function runCompaction(parts: Parts, plan: CompactionPlan): Promise<void> {
  const ids = new Set(plan.inputs.map(({ id }) => id))
  const view = new View(parts)
  let batch: SegmentBatch | null = null
  try {
    const inputs = view.segments.filter(({ info }) => ids.has(info.id))
    // Some went while the plan was made.
    if (inputs.length < plan.inputs.length) return
    const indexes: SegmentIndex[] = []
    for (const segment of inputs) {
      const index = await parts.shelf.loadIndex(segment)
      // The damaged one has been set aside; the next plan is made without it.
      if (index === null) return
      indexes.push(index)
    }
    const last = Math.max(...inputs.map(({ info }) => info.maxSequence))
    const tombstones = view.tombstones.filter((each) => isFinal(parts, each) || each.sequence < last)
    batch = await SegmentBatch.create(parts.host, parts.shelf, [{ level: plan.level, from: -Infinity, to: Infinity }], {
      base: plan.base,
      minSequence: Math.min(...inputs.map(({ info }) => info.minSequence)),
      maxSequence: last,
    })
    await merge(parts, inputs, indexes, tombstones, plan.base, batch)
    const add = await batch.finish()
    // A delete that was undone meanwhile, or a segment that was set aside: what was merged is not what the store holds any more.
    const stands = (): boolean =>
      inputs.every((segment) => parts.shelf.segments.includes(segment)) && tombstones.every((each) => parts.tombstones.list.includes(each))
    if (!(await parts.shelf.publish({ remove: inputs, add, stands }))) {
      await batch.abort()
      return
    }
    parts.counters.compactions++
    for (const info of add) parts.counters.compactedBytes += info.sizeBytes
  } catch (error) {
    // When nobody knows which catalog a crash would leave, the files of the new one must be there.
    if (parts.shelf.trouble === null) await batch?.abort()
    throw error
  } finally {
    view.release()
  }
}

/** One input while it is read: its next series and that series' label bytes. */
interface Cursor {
  readonly segment: Segment
  readonly index: SegmentIndex
  readonly tombstones: readonly Tombstone[]
  series: number
  labelBytes: Uint8Array
}

async function merge(
  parts: Parts,
  inputs: readonly Segment[],
  indexes: readonly SegmentIndex[],
  tombstones: readonly Tombstone[],
  base: number,
  batch: SegmentBatch,
): Promise<void> {
  const slices = new Slices(parts.host.clock)
  const rewriter = new Rewriter(base, parts.options.chunkSamples)
  const now = parts.age.earliest
  const cursors = inputs.map((segment, i): Cursor => {
    const { minTime, maxTime, maxSequence } = segment.info
    const hidden = hiding(tombstones, maxSequence, base, minTime, maxTime)
    return { segment, index: indexes[i]!, tombstones: hidden, series: 0, labelBytes: indexes[i]!.labelBytes(0) }
  })
  const sources: Source[] = []
  for (;;) {
    const least = leastLabels(cursors)
    if (least === null) return
    const labels = decodeLabels(least)
    const oldest = oldestKept(parts, labels, now, base)
    sources.length = 0
    for (const cursor of cursors) {
      if (cursor.series >= cursor.index.seriesCount || compareBytes(cursor.labelBytes, least) !== 0) continue
      appendSources(parts, cursor, labels, base, oldest, sources)
      if (++cursor.series < cursor.index.seriesCount) cursor.labelBytes = cursor.index.labelBytes(cursor.series)
    }
    batch.series(least)
    if (sources.every(({ family }) => family === sources[0]!.family))
      rewriter.run(sources, -Infinity, Infinity, (chunk) => batch.chunk(0, chunk))
    else for (const chunk of rewriteMixed(rewriter, sources)) batch.chunk(0, chunk)
    if (slices.due) {
      await slices.pause()
      // Closing does not wait for a merge that can as well be made another time.
      assertOpen(parts)
    }
  }
}

function leastLabels(cursors: readonly Cursor[]): Uint8Array | null {
  let least: Uint8Array | null = null
  for (const { series, index, labelBytes } of cursors) {
    if (series < index.seriesCount && (least === null || compareBytes(labelBytes, least) < 0)) least = labelBytes
  }
  return least
}

/** The chunks of a series that came back with another kind of value: each kind for itself, in the order of their first times. */
function rewriteMixed(rewriter: Rewriter, sources: readonly Source[]): Uint8Array[] {
  const chunks: { readonly bytes: Uint8Array; readonly minTime: number }[] = []
  for (const family of new Set(sources.map((source) => source.family))) {
    const ofFamily = sources.filter((source) => source.family === family)
    rewriter.run(ofFamily, -Infinity, Infinity, (chunk) => {
      const bytes = chunk.slice()
      const { base, minOffset } = openChunk(bytes)
      chunks.push({ bytes, minTime: base + minOffset })
    })
  }
  return chunks.sort((a, b) => a.minTime - b.minTime).map(({ bytes }) => bytes)
}

/** Appends an input's chunks of its present series. */
function appendSources(parts: Parts, cursor: Cursor, labels: Labels, base: number, oldest: number, into: Source[]): void {
  const { segment, index, tombstones, series } = cursor
  const intervals = visible(tombstones, labels, base, oldest, Infinity)
  if (intervals.length === 0) return
  segmentSources(parts, segment, index, series, -Infinity, Infinity, intervals, into)
}

/** The earliest time of a series that retention keeps, relative to the base. */
function oldestKept(parts: Parts, labels: Labels, now: number, base: number): number {
  const retentionMs = retentionOf(parts.options, labels)
  if (retentionMs === Infinity) return -Infinity
  return Math.floor(inUnits(now - retentionMs, parts.options.unit)) - base
}

function holdsSamples(sources: readonly Source[], base: number, minTime: number, maxTime: number): boolean {
  const buffer = new SampleBuffer()
  readSources(sources, base, minTime, maxTime, buffer)
  return buffer.count > 0
}
