/** Open and close: from a directory to the parts of a running engine, and back. */
import { ByteWriter } from '@tsink/codecs'
import type { Host } from '@tsink/host'
import { Registry } from '@tsink/registry'
import { Log, type ReplayReport } from '@tsink/wal'
import { Background } from './background.ts'
import { Heads } from './heads.ts'
import { Notes } from './notes.ts'
import { completeOptions, type EngineOptions } from './options.ts'
import type { Parts } from './parts.ts'
import { Pins } from './pins.ts'
import { Replay } from './replay.ts'
import { Shelf } from './shelf.ts'
import { Tombstones } from './tombstones.ts'

export interface OpenReport {
  /** What the log held; null in a store without a log. */
  readonly log: ReplayReport | null
  /** Samples in the log that were left out since damage took the record that defines their series. Only with `replay: 'salvage'`. */
  readonly lostSamples: number
}

export async function openParts(host: Host, given: EngineOptions): Promise<{ parts: Parts; report: OpenReport }> {
  const options = completeOptions(given, host.memoryBytes)
  const pins = new Pins()
  const parts = {
    host,
    options,
    pins,
    registry: new Registry(),
    heads: new Heads(options.unit, options.chunkSamples, pins),
    notes: new Notes(options.maxExemplars, options.maxMetadata),
    tombstones: new Tombstones(),
    shelf: new Shelf(),
    background: new Background(),
    log: null as Log | null,
    sequence: 0,
    state: 'open' as const,
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
      quarantinedSegments: 0,
    },
  }
  const replay = new Replay(parts, 0)
  let report: ReplayReport | null = null
  if (options.sync !== 'none') {
    const opened = await Log.open(
      host.disk,
      'log',
      {
        clock: host.clock,
        sync: options.sync,
        periodMs: options.syncPeriodMs,
        fileBytes: options.logFileBytes,
        maxBytes: options.maxLogBytes,
        replay: options.replay,
        onProgress: ({ bytesDone, bytesTotal }) => options.onReplay?.(bytesDone, bytesTotal),
      },
      (record) => replay.take(record),
    )
    parts.log = opened.log
    report = opened.report
  }
  return { parts, report: { log: report, lostSamples: replay.lostSamples } }
}

export async function closeParts(parts: Parts): Promise<void> {
  if (parts.state !== 'open') return
  parts.state = 'closing'
  await parts.log?.close()
  parts.state = 'closed'
}
