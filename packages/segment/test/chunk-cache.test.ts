import { sealChunk } from '@tsink/codecs'
import { Labels, SampleBuffer } from '@tsink/core'
import { memoryHost } from '@tsink/host/memory'
import { describe, expect, test } from 'vitest'
import { ChunkCache, Segment, type SegmentIndex } from '@tsink/segment'
import { makeChunk, writeSegment } from './fixtures.ts'

/** A chunk of about so many bytes that do not compress. */
function bigChunk(bytes: number, seed: number): Uint8Array {
  const buffer = new SampleBuffer()
  buffer.begin('f64')
  const count = Math.floor(bytes / 8)
  buffer.reserve(count)
  for (let i = 0; i < count; i++) {
    buffer.timestamps[i] = i * 1_000
    buffer.values[i] = Math.sin((i + 1) * seed) * 1e9
  }
  buffer.count = count
  return sealChunk(buffer)
}

async function open(
  chunks: readonly Uint8Array[],
  cache: ChunkCache,
): Promise<{ segment: Segment; index: SegmentIndex; reads: () => number }> {
  const host = memoryHost()
  const series = chunks.map((chunk, i) => ({ labels: Labels.of({ a: String(i).padStart(6, '0') }), chunks: [chunk] }))
  const segment = Segment.of(host, await writeSegment(host, 'a.seg', series), cache)
  const index = await segment.loadIndex()
  return { segment, index, reads: () => host.disk.reads }
}

describe('the chunk cache', () => {
  test('never holds more than its bound, whatever is read in whatever order', async () => {
    const chunks = Array.from({ length: 200 }, (_, i) => bigChunk(1_000 + ((i * 7_919) % 9_000), i + 1))
    const cache = new ChunkCache(150_000)
    const { segment, index } = await open(chunks, cache)
    for (let i = 0, at = 0; i < 2_000; i++, at = (at * 61 + 17) % chunks.length) {
      expect(segment.readChunk(index, at)).toEqual(chunks[at])
      expect(cache.bytesUsed).toBeLessThanOrEqual(cache.maxBytes)
    }
    expect(cache.bytesUsed).toBeGreaterThan(50_000)
    await segment.close()
    expect(cache.bytesUsed).toBe(0)
  })

  test('one that may hold nothing still reads', async () => {
    const chunks = [makeChunk(0, 10), makeChunk(0, 20)]
    const cache = new ChunkCache(0)
    const { segment, index } = await open(chunks, cache)
    expect([segment.readChunk(index, 1), segment.readChunk(index, 0)]).toEqual([chunks[1], chunks[0]])
    expect(cache.bytesUsed).toBe(0)
  })

  test('long chunks are read by themselves, and those between them together', async () => {
    const chunks = [bigChunk(3_000, 1), bigChunk(16_384, 2), bigChunk(3_000, 3), bigChunk(3_000, 4), bigChunk(16_384, 5), bigChunk(900, 6)]
    const cache = new ChunkCache(1_000_000)
    const { segment, index, reads } = await open(chunks, cache)
    for (let i = 0; i < chunks.length; i++) expect(segment.readChunk(index, i)).toEqual(chunks[i])
    const before = reads()
    segment.readChunk(index, 1)
    expect(reads()).toBe(before + 1)
    segment.readChunk(index, 3)
    segment.readChunk(index, 3)
    expect(reads()).toBeLessThanOrEqual(before + 2)
  })

  test('what queries come back to survives a pass through a file that is larger than the cache', async () => {
    const chunks = Array.from({ length: 300 }, (_, i) => bigChunk(4_000, i + 1))
    const cache = new ChunkCache(400_000)
    const { segment, index, reads } = await open(chunks, cache)
    const hot = [5, 60]
    for (let round = 0; round < 3; round++) for (const chunk of hot) segment.readChunk(index, chunk)
    const other = await open(chunks, cache)
    for (let i = 0; i < 60; i++) other.segment.readChunk(other.index, i)
    const before = reads()
    for (const chunk of hot) segment.readChunk(index, chunk)
    expect(reads()).toBe(before)
  })
})
