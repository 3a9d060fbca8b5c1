/** Segments for tests: series with chunks of generated samples, written through the front door. */
import { encodeLabels, Labels, SampleBuffer } from '@tsink/core'
import { sealChunk } from '@tsink/codecs'
import type { Host } from '@tsink/host'
import { SegmentWriter, type SegmentInfo, type SegmentMeta } from '@tsink/segment'

export interface PlannedSeries {
  readonly labels: Labels
  readonly chunks: readonly Uint8Array[]
}

export const META: SegmentMeta = { id: 7, level: 0, base: 0, minSequence: 3, maxSequence: 12 }

/** A chunk of `count` samples from `start` on, `step` apart. */
export function makeChunk(start: number, count: number, step = 15_000, base = 0): Uint8Array {
  const samples = new SampleBuffer(count)
  samples.base = base
  for (let i = 0; i < count; i++) samples.push(start + i * step, Math.sin(start + i) * 100)
  return sealChunk(samples)
}

/** Series in the order that a segment wants them. */
export function ordered(series: readonly PlannedSeries[]): PlannedSeries[] {
  const keyed = series.map((one) => ({ one, key: encodeLabels(one.labels) }))
  keyed.sort((a, b) => compareBytes(a.key, b.key))
  return keyed.map(({ one }) => one)
}

export async function writeSegment(
  host: Host,
  path: string,
  series: readonly PlannedSeries[],
  meta: SegmentMeta = META,
): Promise<SegmentInfo> {
  const writer = await SegmentWriter.create(host, path, meta)
  for (const { labels, chunks } of ordered(series)) {
    writer.series(encodeLabels(labels))
    for (const chunk of chunks) writer.chunk(chunk)
  }
  return writer.finish()
}

/** `count` series (of `chunks` chunks of `samples`) of three metrics with an instance, a job, and on every third an extra label. */
export function makeSeries(count: number, chunks = 2, samples = 120): PlannedSeries[] {
  return Array.from({ length: count }, (_, i) => ({
    labels: Labels.of({
      __name__: ['cpu_seconds_total', 'memory_bytes', 'up'][i % 3]!,
      instance: `host-${Math.floor(i / 3)}`,
      job: i % 2 === 0 ? 'node' : 'größe',
      ...(i % 3 === 0 ? { mode: ['idle', 'user', 'system'][Math.floor(i / 3) % 3]! } : {}),
    }),
    chunks: Array.from({ length: chunks }, (_unused, c) => makeChunk(1_000_000 + c * 15_000 * samples, samples)),
  }))
}

export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const shared = Math.min(a.length, b.length)
  for (let i = 0; i < shared; i++) if (a[i] !== b[i]) return a[i]! - b[i]!
  return a.length - b.length
}
