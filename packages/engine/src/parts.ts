/**
 * Parts: the state of one open engine. Five parts own it (Log, Registry, Heads, Catalog, Tombstones); the operations, one file each, are
 * scripts over them. There is one writer, the event loop: between two awaits the world stands still, and no invariant is broken across one.
 */
import { TsinkError } from '@tsink/core'
import type { ByteWriter } from '@tsink/codecs'
import type { DiskLock, Host } from '@tsink/host'
import type { Registry } from '@tsink/registry'
import type { Log } from '@tsink/wal'
import type { AgeClock } from './age-clock.ts'
import type { Background } from './background.ts'
import type { Heads } from './heads.ts'
import type { LabelCache } from './label-cache.ts'
import type { Notes } from './notes.ts'
import { inUnits, type Options } from './options.ts'
import type { Pins } from './pins.ts'
import type { Shelf } from './shelf.ts'
import type { Tombstones } from './tombstones.ts'

export interface Parts {
  readonly host: Host
  readonly options: Options
  readonly pins: Pins
  /** The time by which data ages. */
  readonly age: AgeClock
  readonly lock: DiskLock
  readonly registry: Registry
  readonly heads: Heads
  readonly notes: Notes
  readonly tombstones: Tombstones
  /** Segments and the catalog that lists them. */
  readonly shelf: Shelf
  readonly labelCache: LabelCache
  readonly background: Background
  /** Null in a store without a log. */
  readonly log: Log | null
  /** Names this opening of the store in the log: the number of the first log file that it writes. */
  readonly run: number
  /** Sequence of the last batch or delete. */
  sequence: number
  state: 'open' | 'closing' | 'closed'
  /** The closing under way or done. */
  closing: Promise<void> | null
  /** Payloads of records are built here. */
  readonly writer: ByteWriter
  /** What checking a batch needs, used again and again; owned by append.ts. */
  scratch: unknown
  readonly counters: Counters
}

/** What has happened since the store was opened. */
export interface Counters {
  appendedSamples: number
  rejectedSamples: number
  createdSeries: number
  removedSeries: number
  flushes: number
  flushedSamples: number
  flushedBytes: number
  compactions: number
  compactedBytes: number
  retiredSegments: number
}

/** @throws TsinkError CLOSED. */
export function assertOpen(parts: Parts): void {
  if (parts.state !== 'open') throw new TsinkError('CLOSED', parts.state === 'closing' ? 'the store is closing' : 'the store is closed')
}

/** @throws TsinkError CLOSED, or READ_ONLY with the reason. */
export function assertWritable(parts: Parts): void {
  assertOpen(parts)
  const trouble = parts.log?.poisoned ?? parts.shelf.trouble
  if (trouble !== null) throw trouble
}

/** What head, registry, loaded indexes and caches hold, in bytes. */
export function memoryUsed(parts: Parts): number {
  return parts.heads.bytes + parts.registry.bytesUsed + parts.shelf.indexBytes + parts.shelf.chunkBytes + parts.labelCache.bytes
}

/** Exact integers end here. Nanoseconds are held as two parts and go further: to the years 1677 and 2262. */
const MAX_TIME = Number.MAX_SAFE_INTEGER
const MAX_NANOSECONDS = 9_223_372_036_854_000_000

export interface TimeLimits {
  /** What a store can hold at all, and what retention and clock allow; inclusive, in the store's unit. */
  readonly minTime: number
  readonly maxTime: number
  readonly oldest: number
  readonly newest: number
}

const ANY_TIME: TimeLimits = { minTime: -MAX_TIME, maxTime: MAX_TIME, oldest: -Infinity, newest: Infinity }
const ANY_NANOSECONDS: TimeLimits = { minTime: -MAX_NANOSECONDS, maxTime: MAX_NANOSECONDS, oldest: -Infinity, newest: Infinity }

export function timeLimits(parts: Parts): TimeLimits {
  const { options, age } = parts
  const max = options.unit === 'ns' ? MAX_NANOSECONDS : MAX_TIME
  let retentionMs = options.retentionMs
  for (const rule of options.retentionRules) retentionMs = Math.max(retentionMs, rule.retentionMs)
  if (retentionMs === Infinity && options.maxFutureMs === Infinity) return max === MAX_TIME ? ANY_TIME : ANY_NANOSECONDS
  return {
    minTime: -max,
    maxTime: max,
    oldest: retentionMs === Infinity ? -Infinity : Math.floor(inUnits(age.earliest - retentionMs, options.unit)),
    newest: options.maxFutureMs === Infinity ? Infinity : Math.ceil(inUnits(age.latest + options.maxFutureMs, options.unit)),
  }
}
