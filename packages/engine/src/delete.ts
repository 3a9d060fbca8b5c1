/**
 * Delete: a tombstone, in the log and in force at once; compaction frees the bytes later. It hides what was written before it, also in the head:
 * when the active generation holds samples that it hides, that generation is frozen first, so that what is written later is in another
 * one, with a later sequence. Until compaction has carried a delete out, it can be undone.
 */
import { TsinkError, type DeleteRequest, type DeleteResult } from '@tsink/core'
import type { Position } from '@tsink/wal'
import { assertOpen, assertWritable, type Parts } from './parts.ts'
import { DELETE, UNDELETE } from './record.ts'
import type { Source } from './read.ts'
import { Slices } from './slices.ts'
import { hiding, relative, visible, writeTombstone, type Tombstone } from './tombstones.ts'
import { headSources, segmentSources } from './units.ts'
import { CaughtSlots, View } from './view.ts'

/** With more generations than this waiting to be flushed, a delete waits too. */
const MAX_FROZEN = 4

/** Deletes, or with `dryRun` only says what would go. Not durable yet when it returns: see Engine.delete. */
export async function deleteSamples(parts: Parts, request: DeleteRequest): Promise<DeleteResult> {
  assertOpen(parts)
  checkRequest(request)
  const dryRun = request.dryRun === true
  if (!dryRun) assertWritable(parts)
  const tombstone: Tombstone = {
    sequence: dryRun ? parts.sequence + 1 : ++parts.sequence,
    selectors: request.selectors,
    minTime: request.minTime ?? null,
    maxTime: request.maxTime ?? null,
    createdMs: parts.age.stamp,
  }
  // What it hides is counted on a view from before the delete: counting gives way to other work, the delete itself does not.
  const view = new View(parts)
  try {
    const caught = catchHeads(parts, view, tombstone)
    if (!dryRun) {
      record(parts, tombstone)
      freezeHidden(parts, tombstone)
      parts.tombstones.add(tombstone)
      parts.tombstones.made.set(tombstone.sequence, parts.host.clock.monotonic())
      parts.background.wake()
    }
    const affected = await count(parts, view, tombstone, caught)
    // Each delete may have frozen a generation: they must not pile up in memory.
    if (parts.heads.frozen.length > MAX_FROZEN) await parts.background.flush(parts)
    return { ...affected, sequence: dryRun ? 0 : tombstone.sequence }
  } finally {
    view.release()
  }
}

/**
 * Takes a delete back: what it has hidden and compaction has not dropped yet is visible again.
 * @throws TsinkError BAD_REQUEST when there is no such delete any more.
 */
export function undelete(parts: Parts, sequence: number): void {
  assertWritable(parts)
  if (!parts.tombstones.list.some((each) => each.sequence === sequence)) {
    throw new TsinkError('BAD_REQUEST', `there is no delete ${sequence} that could be undone`, { detail: { sequence } })
  }
  parts.sequence++
  if (parts.log !== null) {
    parts.writer.clear()
    parts.writer.uvarint(sequence)
    parts.log.append(UNDELETE, parts.sequence, parts.writer.bytes.subarray(0, parts.writer.length))
  }
  parts.tombstones.remove(sequence)
}

/** Freezes the active generation when a tombstone is about to hide samples in it. */
export function freezeHidden(parts: Parts, tombstone: Tombstone, logEnd?: Position): void {
  for (const head of parts.heads.active.heads.values()) {
    const from = relative(tombstone.minTime, head.base, -Infinity)
    const to = relative(tombstone.maxTime, head.base, Infinity)
    if (head.samples === 0 || from > head.maxTime || to < head.minTime) continue
    for (const selector of tombstone.selectors) {
      for (const id of parts.registry.select(selector)) {
        if (head.slotOf(id) < 0) continue
        parts.background.freeze(parts, logEnd)
        return
      }
    }
  }
}

function checkRequest(request: DeleteRequest): void {
  if (request.selectors.length === 0 || request.selectors.some((matchers) => matchers.length === 0)) {
    throw new TsinkError('BAD_REQUEST', 'a delete needs at least one selector, and no selector may be empty')
  }
  if (request.minTime !== undefined && request.maxTime !== undefined && request.minTime > request.maxTime) {
    throw new TsinkError('BAD_RANGE', `the range begins at ${request.minTime}, after its end ${request.maxTime}`)
  }
}

function record(parts: Parts, tombstone: Tombstone): void {
  if (parts.log === null) return
  parts.writer.clear()
  writeTombstone(parts.writer, tombstone)
  parts.log.append(DELETE, tombstone.sequence, parts.writer.bytes.subarray(0, parts.writer.length))
}

/** The slots of the heads that the tombstone may touch, as they are now. */
function catchHeads(parts: Parts, view: View, tombstone: Tombstone): CaughtSlots[] {
  const ids = union(tombstone.selectors.map((matchers) => parts.registry.select(matchers)))
  return view.heads.map((head) => new CaughtSlots(head, ids))
}

interface Affected {
  readonly series: number
  readonly samples: number
  readonly bytes: number
}

/** Series are counted once for each unit in which they lie only when their labels differ; samples as far as whole chunks and columns tell. */
async function count(parts: Parts, view: View, tombstone: Tombstone, heads: readonly CaughtSlots[]): Promise<Affected> {
  const slices = new Slices(parts.host.clock)
  const series = new Set<string>()
  let samples = 0
  let bytes = 0
  for (const segment of view.segments) {
    const { base, minTime, maxTime, maxSequence } = segment.info
    const from = relative(tombstone.minTime, base, -Infinity)
    const to = relative(tombstone.maxTime, base, Infinity)
    if (from > maxTime || to < minTime) continue
    const index = await parts.shelf.loadIndex(segment)
    if (index === null) continue
    const hidden = hiding(view.tombstones, maxSequence, base, from, to)
    const bytesPerSample = segment.info.sizeBytes / Math.max(1, segment.info.samples)
    for (const item of union(tombstone.selectors.map((matchers) => index.select(matchers)))) {
      if (slices.due) await slices.pause()
      const labels = index.labels(item)
      const sources: Source[] = []
      segmentSources(parts, segment, index, item, from, to, visible(hidden, labels, base, from, to), sources)
      const found = countVisible(sources, from, to)
      if (found === 0) continue
      series.add(labels.key())
      samples += found
      bytes += found * bytesPerSample
    }
  }
  for (const caught of heads) {
    const { head } = caught
    const from = relative(tombstone.minTime, head.base, -Infinity)
    const to = relative(tombstone.maxTime, head.base, Infinity)
    const hidden = hiding(view.tombstones, head.maxSequence, head.base, from, to)
    for (let item = 0; item < caught.count; item++) {
      if (slices.due) await slices.pause()
      const labels = parts.registry.labels(caught.ids[item]!)
      const sources: Source[] = []
      headSources(caught, item, from, to, visible(hidden, labels, head.base, from, to), sources)
      const found = countVisible(sources, from, to)
      if (found === 0) continue
      series.add(labels.key())
      samples += found
    }
  }
  return { series: series.size, samples, bytes: Math.round(bytes) }
}

/** Samples of the sources in a range: exact for open columns, whole chunks for the rest. */
function countVisible(sources: readonly Source[], minTime: number, maxTime: number): number {
  let samples = 0
  for (const source of sources) {
    const isSeen = source.visible.some(
      (interval) =>
        Math.max(interval.minTime, minTime) <= Math.min(interval.maxTime, maxTime) &&
        interval.minTime <= source.maxTime &&
        interval.maxTime >= source.minTime,
    )
    if (isSeen) samples += source.count
  }
  return samples
}

function union(lists: readonly Uint32Array[]): Uint32Array {
  if (lists.length === 1) return lists[0]!
  const all = new Set<number>()
  for (const list of lists) for (const each of list) all.add(each)
  return Uint32Array.from(all).sort()
}
