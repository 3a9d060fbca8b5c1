/**
 * Flush: a frozen generation into segments, one for each window of time, and then out of memory. Writing goes on into the active generation
 * meanwhile. The generation leaves, the segments come, and the log before it is given free, in one publish.
 */
import type { SegmentInfo } from '@tsink/segment'
import { START, type Position } from '@tsink/wal'
import { attachmentsOf } from './attachments.ts'
import type { Head } from './head.ts'
import type { Generation } from './heads.ts'
import { slotsByLabels } from './label-order.ts'
import { inUnits } from './options.ts'
import type { Parts } from './parts.ts'
import type { Source } from './read.ts'
import { Rewriter } from './rewrite.ts'
import { SegmentBatch } from './segment-batch.ts'
import { Slices } from './slices.ts'
import { headSources } from './units.ts'
import { CaughtSlots } from './view.ts'
import { flushWindows, type Window } from './windows.ts'

/** So many segments are written at a time; each holds a buffer. */
const MAX_OPEN_WINDOWS = 16

/** So many series are looked up at a time. */
const BATCH_SERIES = 512

/** Freezes the active generation. False when it was empty. `logEnd` is where the log stands: what is before it is in memory or in segments. */
export function freeze(parts: Parts, logEnd: Position = parts.log?.position ?? START): boolean {
  return parts.heads.freeze(logEnd) !== null
}

/** Removes the files of notes that the published catalog does not name any more, once nobody may be about to link them. */
export function removeOldNotes(parts: Parts): void {
  const old = parts.notes.takeOld(attachmentsOf(parts.shelf.state).notes)
  if (old.length === 0) return
  parts.pins.whenFree(() =>
    parts.background.run(async () => {
      for (const path of old) await parts.host.disk.remove(path)
    }),
  )
}

/** Writes the oldest frozen generation into segments. False when there is none. One at a time. */
export async function flushOldest(parts: Parts): Promise<boolean> {
  const generation = parts.heads.frozen[0]
  if (generation === undefined) return false
  const batches: SegmentBatch[] = []
  const infos: SegmentInfo[] = []
  const samples = generation.samples
  try {
    const slices = new Slices(parts.host.clock)
    for (const head of generation.heads.values()) {
      if (head.samples > 0) await writeHead(parts, head, slices, batches, infos)
    }
    await parts.notes.save(parts.host)
    await parts.shelf.publish({
      add: infos,
      logCut: generation.logEnd,
      lastSequence: generation.maxSequence,
      swap: () => parts.heads.drop(generation, () => forgetSeries(parts, generation)),
    })
  } catch (error) {
    // When nobody knows which catalog a crash would leave, the files of the new one must be there.
    if (parts.shelf.trouble === null) for (const batch of batches) await batch.abort()
    throw error
  }
  parts.counters.flushes++
  parts.counters.flushedSamples += samples
  for (const info of infos) parts.counters.flushedBytes += info.sizeBytes
  await parts.log?.cut(generation.logEnd)
  removeOldNotes(parts)
  return true
}

async function writeHead(parts: Parts, head: Head, slices: Slices, batches: SegmentBatch[], infos: SegmentInfo[]): Promise<void> {
  const partition = inUnits(parts.options.partitionMs, parts.options.unit)
  const windows = await flushWindows(head, partition, slices)
  const order = await slotsByLabels(head, parts.registry, slices)
  const meta = { base: head.base, minSequence: head.minSequence, maxSequence: head.maxSequence }
  for (let at = 0; at < windows.length; at += MAX_OPEN_WINDOWS) {
    const batch = await SegmentBatch.create(parts.host, parts.shelf, windows.slice(at, at + MAX_OPEN_WINDOWS), meta)
    batches.push(batch)
    await writeWindows(parts, head, order, batch, slices)
    infos.push(...(await batch.finish()))
  }
}

async function writeWindows(parts: Parts, head: Head, order: Uint32Array, batch: SegmentBatch, slices: Slices): Promise<void> {
  const rewriter = new Rewriter(head.base, parts.options.chunkSamples)
  const { windows } = batch
  const sources: Source[] = []
  const everything = [{ minTime: -Infinity, maxTime: Infinity }]
  for (let from = 0; from < order.length; from += BATCH_SERIES) {
    const ids = order.subarray(from, from + BATCH_SERIES).map((slot) => head.ids[slot]!)
    const caught = new CaughtSlots(head, ids)
    for (let item = 0; item < caught.count; item++) {
      sources.length = 0
      headSources(caught, item, -Infinity, Infinity, everything, sources)
      batch.series(parts.registry.labelBytes(caught.ids[item]!))
      for (let i = 0; i < windows.length; i++) {
        const window = windows[i]!
        const inWindow = sourcesIn(sources, window)
        if (inWindow.length > 0) rewriter.run(inWindow, window.from, window.to - 1, (chunk) => batch.chunk(i, chunk))
        if (slices.due) await slices.pause()
      }
    }
  }
}

function sourcesIn(sources: readonly Source[], window: Window): readonly Source[] {
  const inside = (source: Source): boolean => source.minTime < window.to && source.maxTime >= window.from
  return sources.every(inside) ? sources : sources.filter(inside)
}

/** So many series leave the registry in one piece of work: some milliseconds. */
const FORGET_SERIES = 1_024

/** Takes the series of a generation that is gone out of the registry, unless they have samples in another. */
function forgetSeries(parts: Parts, generation: Generation): void {
  parts.background.run(async () => {
    const slices = new Slices(parts.host.clock)
    for (const head of generation.heads.values()) {
      for (let from = 0; from < head.size; from += FORGET_SERIES) {
        const gone = head.ids.subarray(from, Math.min(head.size, from + FORGET_SERIES)).filter((id) => !parts.heads.has(id))
        parts.registry.remove(gone)
        parts.counters.removedSeries += gone.length
        if (slices.due) await slices.pause()
      }
    }
  })
}
