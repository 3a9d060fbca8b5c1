import { encodeLabels, Labels } from '@tsink/core'
import { memoryHost, portableCompression, type MemoryHost } from '@tsink/host/memory'
import { Catalog, Segment, SegmentWriter } from '@tsink/segment'
import { goldenBytes } from '@tsink/testing'
import { describe, expect, test } from 'vitest'
import { makeSeries, META, ordered, writeSegment, type PlannedSeries } from './fixtures.ts'

// Chunks of three samples as version 1 of the chunk has them: their bytes are given, so that a better codec does not change these files.
const CHUNKS = [
  '01400380897ad00f09000000000000e03f000000000000044000000000000012400000080080897a01e80702010100010a0a0200002411aa78f7',
  '0140038092f401d00f09000000000000e03f00000000000004400000000000001240000009008092f40101e80702010100010a0a0200002459580cbc',
].map((hex) => Uint8Array.fromHex(hex))

function frozenSeries(count: number): PlannedSeries[] {
  return makeSeries(count, 0).map(({ labels }, i) => ({ labels, chunks: i % 2 === 0 ? CHUNKS : [CHUNKS[1]!] }))
}

async function check(host: MemoryHost, name: string, path: string): Promise<void> {
  const made = host.disk.peek(path)
  const frozen = goldenBytes(new URL(`golden/${name}`, import.meta.url), made)
  expect(made.toHex()).toBe(frozen.toHex())
  host.disk.poke(path, frozen)
}

describe('the format of the segment, version 1', () => {
  test('is written to the byte as it was when it was frozen, and read', async () => {
    // Stored sections: what a compressor makes changes with its version.
    const host: MemoryHost = { ...memoryHost({ startMs: 1_750_000_000_000 }), compression: portableCompression }
    const planned = frozenSeries(5)
    await writeSegment(host, 'a.seg', planned)
    await check(host, 'segment-v1.hex', 'a.seg')
    const segment = await Segment.open(host, 'a.seg')
    await segment.verify()
    const index = await segment.loadIndex()
    const expected = ordered(planned)
    expect(expected.map((_, i) => index.labels(i).toString())).toEqual(expected.map(({ labels }) => labels.toString()))
    for (let i = 0; i < expected.length; i++) {
      const chunks: Uint8Array[] = []
      for (let chunk = index.chunkFrom[i]!; chunk < index.chunkFrom[i + 1]!; chunk++) chunks.push(segment.readChunk(index, chunk))
      expect(chunks).toEqual(expected[i]!.chunks)
    }
  })

  test('with compressed sections is read', async () => {
    const host = memoryHost()
    const planned = frozenSeries(60)
    await writeSegment(host, 'a.seg', planned)
    host.disk.poke('a.seg', goldenBytes(new URL('golden/segment-v1-zstd.hex', import.meta.url), host.disk.peek('a.seg')))
    for (const compression of [host.compression, portableCompression]) {
      const segment = await Segment.open({ ...host, compression }, 'a.seg')
      await segment.verify()
      const index = await segment.loadIndex()
      expect(index.labels(59).toString()).toBe(ordered(planned)[59]!.labels.toString())
    }
  })
})

describe('the format of the catalog, version 1', () => {
  test('is written to the byte as it was when it was frozen, and read', async () => {
    const host = memoryHost({ startMs: 1_750_000_000_000 })
    const writer = await SegmentWriter.create(host, '1.seg', META)
    writer.series(encodeLabels(Labels.EMPTY))
    writer.chunk(CHUNKS[0]!)
    const info = { ...(await writer.finish()), sizeBytes: 1_234 }
    const catalog = await Catalog.open(host.disk, '')
    const state = await catalog.publish({
      segments: [info, { ...info, id: 8, path: 'segments/größe.seg', base: 8_192 * 1_000 }],
      nextSegmentId: 9,
      lastSequence: 2 ** 53 - 1,
      logCut: { file: 3, offset: 80 },
      attachments: new Map([
        ['b', new Uint8Array([1, 2, 3])],
        ['a', new Uint8Array(0)],
      ]),
    })
    await check(host, 'catalog-v1.hex', 'catalog')
    expect((await Catalog.open(host.disk, '')).state).toEqual(state)
  })
})
