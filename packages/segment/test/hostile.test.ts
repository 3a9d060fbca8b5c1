/** Segments whose checksums are right and whose contents are not: what a reader meets when somebody made the file on purpose. */
import { TsinkError } from '@tsink/core'
import { crc32c } from '@tsink/codecs'
import { memoryHost, type MemoryHost } from '@tsink/host/memory'
import { Segment, SegmentWriter } from '@tsink/segment'
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { encodeLabels } from '@tsink/core'
import { makeSeries, META, ordered, writeSegment } from './fixtures.ts'

/** Many more runs with TSINK_TEST_LONG=1. A failure prints its seed. */
const LONG = process.env['TSINK_TEST_LONG'] === '1'

// The offsets of docs/format/segment.md, written down a second time on purpose.
const FOOTER_BYTES = 272
const SECTIONS_AT = 96
const VALUES = 0
const SERIES = 1
const POSTINGS = 2
const CHUNK_INDEX = 3

interface Parts {
  /** Header and chunks. */
  readonly front: Uint8Array
  readonly sections: Uint8Array[]
  readonly footer: Uint8Array
}

const host: MemoryHost = memoryHost()
let sound: Parts

beforeAll(async () => {
  await writeSegment(host, 'a.seg', makeSeries(9, 2, 5))
  sound = takeApart(host.disk.peek('a.seg'))
})

function takeApart(file: Uint8Array): Parts {
  const footer = file.slice(file.length - FOOTER_BYTES)
  const view = new DataView(footer.buffer)
  const sections: Uint8Array[] = []
  for (let i = 0; i < 4; i++) {
    const at = SECTIONS_AT + i * 40
    const offset = view.getUint32(at, true)
    const stored = file.slice(offset, offset + view.getUint32(at + 8, true))
    const isCompressed = view.getUint32(at + 28, true) === 1
    // These sections are of one piece: its length, then its frame.
    sections.push(isCompressed ? host.compression.zstdDecompress(stored.subarray(4), view.getUint32(at + 16, true)) : stored)
  }
  return { front: file.slice(0, view.getUint32(88, true)), sections, footer }
}

/** A file of the parts, with sections stored plainly and every checksum made right. */
function putTogether(parts: Parts, changeFooter: (view: DataView) => void = () => undefined): Uint8Array {
  const footer = parts.footer.slice()
  const view = new DataView(footer.buffer)
  let offset = parts.front.length
  view.setUint32(88, offset, true)
  for (const [i, section] of parts.sections.entries()) {
    const at = SECTIONS_AT + i * 40
    view.setUint32(at, offset, true)
    view.setUint32(at + 8, section.length, true)
    view.setUint32(at + 16, section.length, true)
    view.setUint32(at + 24, crc32c(section), true)
    view.setUint32(at + 28, 0, true)
    offset += section.length
  }
  changeFooter(view)
  view.setUint32(260, crc32c(footer.subarray(0, 260)), true)
  const file = new Uint8Array(offset + FOOTER_BYTES)
  let at = 0
  for (const part of [parts.front, ...parts.sections, footer]) {
    file.set(part, at)
    at += part.length
  }
  return file
}

function withSection(which: number, section: Uint8Array): Parts {
  return { ...sound, sections: sound.sections.map((bytes, i) => (i === which ? section : bytes)) }
}

/** Reads all there is; null when it is all well, else the error. Anything but an error of kind corrupt is thrown. */
async function readAll(file: Uint8Array): Promise<TsinkError | null> {
  host.disk.poke('b.seg', file)
  let segment: Segment | null = null
  try {
    segment = await Segment.open(host, 'b.seg')
    const index = await segment.loadIndex()
    const scratch = new Uint8Array(4_096)
    for (let series = 0; series < index.seriesCount; series++) {
      index.labelBytes(series, scratch)
      index.labels(series)
    }
    for (const name of index.labelNames()) for (const value of index.labelValues(name)) index.postings(name, value)
    for (let chunk = 0; chunk < index.chunkCount.length; chunk++) segment.readChunk(index, chunk)
    await segment.verify()
    return null
  } catch (error) {
    if (error instanceof TsinkError && error.kind === 'corrupt') return error
    throw error
  } finally {
    await segment?.close()
  }
}

describe('a segment with right checksums and wrong contents', () => {
  test('taken apart and put together is sound', async () => {
    expect(await readAll(putTogether(sound))).toBeNull()
  })

  test('any byte of any section changed ends in an error of kind corrupt or in a sound segment', async () => {
    let refused = 0
    for (const which of [VALUES, SERIES, POSTINGS, CHUNK_INDEX]) {
      const section = sound.sections[which]!
      for (let at = 0; at < section.length; at++) {
        for (const value of [0, 1, 0x7f, 0x80, 0xff, section[at]! ^ 1]) {
          const changed = section.slice()
          changed[at] = value
          if ((await readAll(putTogether(withSection(which, changed)))) !== null) refused++
        }
      }
    }
    expect(refused).toBeGreaterThan(500)
  })

  test('any bytes in place of a section end the same way', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(3), fc.uint8Array({ maxLength: 60 }), fc.nat(100), async (which, bytes, keep) => {
        const section = new Uint8Array([...sound.sections[which]!.subarray(0, keep), ...bytes])
        await readAll(putTogether(withSection(which, section)))
      }),
      { numRuns: LONG ? 20_000 : 400 },
    )
  })

  test('great counts are refused before memory is taken for them', async () => {
    const huge = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f]
    for (const which of [VALUES, SERIES, POSTINGS, CHUNK_INDEX]) {
      const start = performance.now()
      const error = await readAll(putTogether(withSection(which, new Uint8Array([...huge, ...huge, ...huge]))))
      expect(error, String(which)).not.toBeNull()
      expect(error!.detail['file'], String(which)).toBe('b.seg')
      expect(performance.now() - start).toBeLessThan(500)
    }
  })

  test('a section that grows beyond what the footer says when it is decompressed is refused', async () => {
    const frame = host.compression.zstdCompress(new Uint8Array(50_000_000))
    const bomb = new Uint8Array(4 + frame.length)
    new DataView(bomb.buffer).setUint32(0, frame.length, true)
    bomb.set(frame, 4)
    const parts = withSection(SERIES, bomb)
    const said = (rawBytes: number): Uint8Array =>
      putTogether(parts, (view) => {
        view.setUint32(SECTIONS_AT + 40 + 16, rawBytes, true)
        view.setUint32(SECTIONS_AT + 40 + 28, 1, true)
      })
    for (const rawBytes of [100, 49_999_999, 50_000_001, 4_000_000_000])
      expect(await readAll(said(rawBytes)), String(rawBytes)).not.toBeNull()
  })

  test('footers that lie about places, counts and times are refused', async () => {
    const lies: [string, (view: DataView) => void][] = [
      ['a section behind the end', (view) => view.setUint32(SECTIONS_AT, 0xffff_ffff, true)],
      ['a section that overlaps the one before', (view) => view.setUint32(SECTIONS_AT + 40, view.getUint32(SECTIONS_AT, true), true)],
      ['a section longer than the file', (view) => view.setUint32(SECTIONS_AT + 8, 0x7fff_ffff, true)],
      ['an offset above 2^53', (view) => view.setUint32(SECTIONS_AT + 4, 0xffff_ffff, true)],
      ['chunks that end elsewhere', (view) => view.setUint32(88, 17, true)],
      ['more series', (view) => view.setUint32(56, 1_000_000_000, true)],
      ['more chunks', (view) => view.setUint32(64, 1_000_000_000, true)],
      ['other samples', (view) => view.setUint32(72, 1, true)],
      ['another first time', (view) => view.setFloat64(24, 0, true)],
      ['another last time', (view) => view.setFloat64(32, NaN, true)],
      ['another base', (view) => view.setFloat64(16, 8_192, true)],
      ['an unknown flag', (view) => view.setUint32(SECTIONS_AT + 28, 2, true)],
      ['a newer version', (view) => view.setUint32(256, 2, true)],
    ]
    for (const [lie, change] of lies) expect(await readAll(putTogether(sound, change)), lie).not.toBeNull()
  })

  test('a chunk that is another one than the index names is refused, though it is whole', async () => {
    const file = putTogether(sound)
    const segment = await Segment.open(host, 'a.seg')
    const index = await segment.loadIndex()
    // The two chunks of a series have the same length here: they change places.
    const [one, two] = [index.chunkOffset[0]!, index.chunkOffset[1]!]
    const length = index.chunkLength[0]!
    expect(index.chunkLength[1]).toBe(length)
    file.copyWithin(one, two, two + length)
    expect(await readAll(file)).toMatchObject({
      code: 'BAD_FORMAT',
      message: expect.stringMatching(/b\.seg, chunk 0: .*not the one/),
      detail: { file: 'b.seg', offset: one },
    })
  })
})

describe('while a segment is written', () => {
  test('a fault at any change is thrown as such, and giving up leaves no file', async () => {
    for (const fault of ['EIO', 'ENOSPC'] as const) {
      for (let at = 1; ; at++) {
        const { disk } = memoryHost({ seed: at })
        const faulty = { ...host, disk }
        disk.failChange(at, fault)
        let writer: SegmentWriter | null = null
        try {
          writer = await SegmentWriter.create(faulty, 'a.seg', META)
          for (const { labels, chunks } of ordered(makeSeries(9))) {
            writer.series(encodeLabels(labels))
            for (const chunk of chunks) writer.chunk(chunk)
          }
          const info = await writer.finish()
          expect(at).toBeGreaterThan(3)
          expect((await Segment.open(faulty, 'a.seg')).info).toEqual(info)
          break
        } catch (error) {
          expect(error).toMatchObject({ kind: 'io' })
          await writer?.abort()
          expect(await disk.list('')).toEqual([])
        }
      }
    }
  })

  test('series and chunks out of order are the bugs that they are', async () => {
    const [first, second] = ordered(makeSeries(2))
    const writer = await SegmentWriter.create(host, 'c.seg', META)
    expect(() => writer.chunk(first!.chunks[0]!)).toThrow(/begun/)
    writer.series(encodeLabels(second!.labels))
    expect(() => writer.series(encodeLabels(second!.labels))).toThrow(/ascending/)
    expect(() => writer.series(encodeLabels(first!.labels))).toThrow(/ascending/)
    writer.chunk(second!.chunks[1]!)
    expect(() => writer.chunk(second!.chunks[0]!)).toThrow(/ascending/)
    await writer.abort()
  })
})
