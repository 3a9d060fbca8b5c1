/**
 * Open and close: from a directory to the parts of a running engine, and back. Opening takes the lock, reads the catalog, takes over its segments
 * without reading them, and replays the log; closing makes everything durable and lets go.
 */
import { TsinkError } from '@tsink/core'
import { ByteWriter } from '@tsink/codecs'
import type { DiskLock, Host } from '@tsink/host'
import { Registry } from '@tsink/registry'
import { Catalog, type SegmentInfo } from '@tsink/segment'
import { listLogFiles, Log, type ReplayReport } from '@tsink/wal'
import { AgeClock } from './age-clock.ts'
import { attachmentsOf, checkUnit, encodeAttachments } from './attachments.ts'
import { Background } from './background.ts'
import { freeze } from './flush.ts'
import { Heads } from './heads.ts'
import { Notes } from './notes.ts'
import { LabelCache } from './label-cache.ts'
import { completeOptions, type EngineOptions, type Options } from './options.ts'
import type { Parts } from './parts.ts'
import { Pins } from './pins.ts'
import { hasLostCatalog, lostCatalog } from './repair.ts'
import { Replay } from './replay.ts'
import { Shelf } from './shelf.ts'
import { Tombstones, type Tombstone } from './tombstones.ts'

export interface OpenReport {
  /** What the log held; null in a store without a log. */
  readonly log: ReplayReport | null
  /** Samples in the log that were left out since damage took the record that defines their series. Only with `replay: 'salvage'`. */
  readonly lostSamples: number
}

/** Memory for columns that is kept for the next head: enough for a steady load, little enough to be overlooked. */
const MAX_SPARE_BYTES = 67_108_864

/** Indexes of segments may take this share of the memory budget. */
const INDEX_SHARE = 0.25

/** As may chunks that were read, but no more than this: what the operating system keeps of the files comes on top of it. */
const CHUNK_SHARE = 1 / 16
const MAX_CHUNK_BYTES = 67_108_864

/** Label sets that selections have touched may take this share of it, and no more than serves many dashboards. */
const LABEL_SHARE = 1 / 32
const MAX_LABEL_BYTES = 32 * 1_048_576

export async function openParts(host: Host, given: EngineOptions): Promise<{ parts: Parts; report: OpenReport }> {
  const options = completeOptions(given, host.memoryBytes)
  await host.disk.makeDirectory('')
  const lock = await host.disk.lock('lock')
  try {
    return await openLocked(host, options, lock)
  } catch (error) {
    await lock.release()
    throw error
  }
}

async function openLocked(host: Host, options: Options, lock: DiskLock): Promise<{ parts: Parts; report: OpenReport }> {
  const catalog = await openCatalog(host)
  const { segments, lastSequence, logCut } = catalog.state
  const known = attachmentsOf(catalog.state)
  checkUnit(known.unit, options.unit)
  const pins = new Pins()
  const age = new AgeClock(host.clock, known.age)
  const tombstones = new Tombstones()
  const notes = new Notes(options.maxExemplars, options.maxMetadata)
  const attach = (): ReadonlyMap<string, Uint8Array> =>
    encodeAttachments({ unit: options.unit, tombstones: tombstones.list, notes: notes.file, age: age.state })
  const maxIndexBytes = options.preload ? Infinity : options.memoryBytes * INDEX_SHARE
  const maxChunkBytes = Math.min(MAX_CHUNK_BYTES, options.memoryBytes * CHUNK_SHARE)
  const onDamage = (error: unknown): void => options.onError?.(error)
  const shelf = await Shelf.open(host, catalog, pins, maxIndexBytes, maxChunkBytes, attach, onDamage)
  tombstones.list = known.tombstones
  if (known.notes !== '') await notes.load(host, known.notes)
  const parts: Mutable<Parts> = {
    host,
    options,
    pins,
    age,
    lock,
    registry: new Registry({ seed: host.random() * 2 ** 32 }),
    heads: new Heads(options.unit, options.chunkSamples, pins, Math.min(MAX_SPARE_BYTES, options.flushBytes / 4)),
    notes,
    tombstones,
    shelf,
    labelCache: new LabelCache(Math.min(MAX_LABEL_BYTES, options.memoryBytes * LABEL_SHARE)),
    background: new Background(),
    log: null,
    run: 0,
    sequence: highestSequence(lastSequence, segments, tombstones.list),
    state: 'open',
    closing: null,
    writer: new ByteWriter(65_536),
    scratch: null,
    counters: {
      appendedSamples: 0,
      rejectedSamples: 0,
      createdSeries: 0,
      removedSeries: 0,
      flushes: 0,
      flushedSamples: 0,
      flushedBytes: 0,
      compactions: 0,
      compactedBytes: 0,
      retiredSegments: 0,
    },
  }
  // A store says what it is before it takes anything.
  if (catalog.state.generation === 0) await shelf.publish({})
  const replay = new Replay(parts, lastSequence, logCut)
  let report: ReplayReport | null = null
  // A store without a log may have been one with a log: what that holds is written data like any other.
  if (options.sync !== 'none' || (await listLogFiles(host.disk, 'log')).length > 0) {
    const logOptions = {
      clock: host.clock,
      sync: options.sync === 'none' ? ('os' as const) : options.sync,
      periodMs: options.syncPeriodMs,
      fileBytes: options.logFileBytes,
      maxBytes: options.maxLogBytes,
      replay: options.replay,
      from: logCut,
      onProgress: ({ bytesDone, bytesTotal }: { bytesDone: number; bytesTotal: number }): void => options.onReplay?.(bytesDone, bytesTotal),
    }
    const opened = await Log.open(host.disk, 'log', logOptions, (record) => replay.take(record))
    parts.log = opened.log
    parts.run = opened.log.position.file
    report = opened.report
    forgetUnused(parts)
    if (options.sync === 'none') {
      await leaveLog(parts)
      parts.log = null
    }
  }
  if (options.preload) for (const segment of shelf.segments) await shelf.loadIndex(segment)
  parts.background.start(parts)
  parts.background.wake()
  return { parts, report: { log: report, lostSamples: replay.lostSamples } }
}

/** @throws TsinkError of kind corrupt when the catalog is damaged, or missing in a store that has data: only a repair may go on without it. */
async function openCatalog(host: Host): Promise<Catalog> {
  let catalog: Catalog
  try {
    catalog = await Catalog.open(host.disk, '')
  } catch (error) {
    throw error instanceof TsinkError && error.kind === 'corrupt' && error.code !== 'UNKNOWN_VERSION' ? lostCatalog(error) : error
  }
  if (catalog.state.generation === 0 && (await hasLostCatalog(host.disk))) throw lostCatalog()
  return catalog
}

/** A repaired catalog says 0 to have all of the log replayed; sequences go on all the same. */
function highestSequence(lastSequence: number, segments: readonly SegmentInfo[], tombstones: readonly Tombstone[]): number {
  let highest = lastSequence
  for (const { maxSequence } of segments) highest = Math.max(highest, maxSequence)
  for (const { sequence } of tombstones) highest = Math.max(highest, sequence)
  return highest
}

/** Writes what a log held into segments and catalog, and closes it. */
async function leaveLog(parts: Parts): Promise<void> {
  try {
    if (parts.log!.poisoned !== null) throw parts.log!.poisoned
    // Deletes and notes too: what is replayed once more at the next opening would undo what happened in between.
    if (parts.sequence > parts.shelf.state.lastSequence) await flushAll(parts)
  } finally {
    await parts.log!.close()
  }
}

/** Takes series out of the registry that the log defines but whose samples are all in segments. */
function forgetUnused(parts: Parts): void {
  const { registry, heads } = parts
  const unused: number[] = []
  for (let id = 1; id <= registry.lastId; id++) if (registry.has(id) && !heads.has(id)) unused.push(id)
  if (unused.length > 0) registry.remove(Uint32Array.from(unused))
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

/** Closes in good order; what fails then is thrown at the end, and everything is let go all the same. */
export function closeParts(parts: Parts): Promise<void> {
  parts.closing ??= close(parts)
  return parts.closing
}

async function close(parts: Parts): Promise<void> {
  parts.state = 'closing'
  const failures: unknown[] = []
  const attempt = async (work: () => Promise<unknown> | undefined): Promise<void> => {
    try {
      await work()
    } catch (error) {
      failures.push(error)
    }
  }
  await parts.background.stop()
  // Without trouble the head goes into segments, so that the next opening has nothing to replay.
  const isHealthy = (parts.log?.poisoned ?? null) === null && parts.shelf.trouble === null
  if (isHealthy && (parts.options.flushOnClose || parts.log === null)) {
    await attempt(() => flushAll(parts))
  }
  // Deletes and notes that no log keeps.
  if (isHealthy && parts.log === null) {
    await attempt(() => parts.notes.save(parts.host))
    await attempt(() => parts.shelf.publish({}))
  }
  await parts.background.stop()
  await attempt(() => parts.log?.close())
  await attempt(() => parts.shelf.close())
  await attempt(() => parts.lock.release())
  parts.state = 'closed'
  if (failures.length > 0) throw failures[0]
}

/** Flushes the head and lets the whole log go, for all of it is in segments then. */
async function flushAll(parts: Parts): Promise<void> {
  const { log } = parts
  const end = await log?.rotate()
  freeze(parts, end)
  await parts.background.flush(parts)
  if (log === null || end === undefined || parts.heads.frozen.length > 0) return
  await parts.notes.save(parts.host)
  await parts.shelf.publish({ logCut: end, lastSequence: parts.sequence })
  await log.cut(end)
}
