/**
 * The store's own figures at /metrics, read when someone asks.
 */
import type { EngineStats } from '@tsink/engine'
import type { Metrics } from './metrics.ts'

/** One scrape reads dozens of figures; they come from one look at the store. */
const FRESH_MS = 100

type Read = (stats: EngineStats) => number

const GAUGES: readonly (readonly [name: string, help: string, read: Read])[] = [
  ['series', 'Series with samples in memory.', (s) => s.series],
  ['head_samples', 'Samples in memory.', (s) => s.head.samples],
  ['head_bytes', 'Memory of the samples in memory.', (s) => s.head.bytes],
  ['head_frozen_generations', 'Generations of samples that wait to be flushed.', (s) => s.head.frozen],
  ['memory_used_bytes', 'Memory of head, registry and caches.', (s) => s.memory.usedBytes],
  ['memory_limit_bytes', 'The limit of that memory (--memory-limit).', (s) => s.memory.limitBytes],
  ['registry_bytes', 'Memory of the registry of series.', (s) => s.memory.registryBytes],
  ['index_cache_bytes', "Memory of segments' indexes.", (s) => s.memory.indexBytes],
  ['chunk_cache_bytes', 'Memory of chunks of segments that were read.', (s) => s.memory.chunkBytes],
  ['label_cache_bytes', 'Memory of label sets that are kept between queries.', (s) => s.memory.labelBytes],
  ['log_bytes', 'Size of the log.', (s) => s.log?.bytes ?? 0],
  ['log_limit_bytes', 'The limit of that size (--wal-max-size).', (s) => s.log?.limitBytes ?? 0],
  ['segments', 'Live segments.', (s) => s.segments.length],
  ['segment_bytes', 'Size of all segments.', (s) => s.segmentBytes],
  ['segment_samples', 'Samples in segments.', (s) => s.segmentSamples],
  ['tombstones', 'Deletions that are not yet carried out.', (s) => s.tombstones],
  ['exemplars', 'Exemplars kept.', (s) => s.exemplars],
  ['quarantined_segments', 'Damaged segments that were set aside.', (s) => s.quarantined.length],
  [
    'clock_jump_seconds',
    'How far the clock has jumped from the time by which data ages; it is believed within a day.',
    (s) => s.clockJumpMs / 1_000,
  ],
  ['read_only', '1 when the store takes no writes any more; the log says why.', (s) => (s.readOnly === null ? 0 : 1)],
  ['background_failing', '1 while background work fails; the log says why.', (s) => (s.backgroundError === null ? 0 : 1)],
]

const COUNTERS: readonly (readonly [name: string, help: string, read: Read])[] = [
  ['appended_samples_total', 'Samples taken by the store since it was opened.', (s) => s.counters.appendedSamples],
  ['rejected_samples_total', 'Samples that the store did not take.', (s) => s.counters.rejectedSamples],
  ['created_series_total', 'Series that came to be in memory.', (s) => s.counters.createdSeries],
  ['removed_series_total', 'Series that left memory.', (s) => s.counters.removedSeries],
  ['flushes_total', 'Flushes from memory to segments.', (s) => s.counters.flushes],
  ['flushed_samples_total', 'Samples flushed.', (s) => s.counters.flushedSamples],
  ['flushed_bytes_total', 'Bytes of segments made by flushes.', (s) => s.counters.flushedBytes],
  ['compactions_total', 'Merges of segments.', (s) => s.counters.compactions],
  ['compacted_bytes_total', 'Bytes of segments made by merges.', (s) => s.counters.compactedBytes],
  ['retired_segments_total', 'Segments that were let go by retention.', (s) => s.counters.retiredSegments],
]

export function showStore(metrics: Metrics, read: () => EngineStats): void {
  let stats = read()
  let readAt = performance.now()
  const fresh = (): EngineStats => {
    const now = performance.now()
    if (now - readAt > FRESH_MS) [stats, readAt] = [read(), now]
    return stats
  }
  for (const [name, help, of] of GAUGES) metrics.gauge(`tsink_storage_${name}`, help, () => of(fresh()))
  for (const [name, help, of] of COUNTERS) metrics.countedElsewhere(`tsink_storage_${name}`, help, () => of(fresh()))
}
