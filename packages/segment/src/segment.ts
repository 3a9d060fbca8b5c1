/**
 * Segment: a reader of one segment file, by byte range. Nothing is read before it is needed: a segment that the catalog knows costs no more than its
 * entry until somebody loads its index; chunks are read in small stretches and each is checked before its bytes are given out.
 */
import { assert, corruption, TsinkError, VALUE_KINDS } from '@tsink/core'
import { crc32c, openChunk, verifyChunk } from '@tsink/codecs'
import type { DiskFile, Host } from '@tsink/host'
import {
  checkHeader,
  decodeFooter,
  FOOTER_BYTES,
  HEADER_BYTES,
  SECTION_NAMES,
  type Footer,
  type Section,
  type SegmentInfo,
} from './footer.ts'
import { CachedStretches, ChunkCache } from './chunk-cache.ts'
import { inFile } from './damage.ts'
import { decompressPieces } from './pieces.ts'
import { SegmentIndex } from './segment-index.ts'

// How much is read and checked between two turns of the event loop while a segment is verified.
const VERIFY_TURN_BYTES = 4_194_304

// The cache of a segment that was opened by itself: neighbouring chunks are read together, since one by one is mostly system calls.
const OWN_CACHE_BYTES = 65_536

export class Segment {
  readonly info: SegmentInfo
  readonly #host: Host
  #file: DiskFile | null = null
  #footer: Footer | null = null
  #index: SegmentIndex | null = null
  #loading: Promise<SegmentIndex> | null = null
  #opening: Promise<void> | null = null
  #isClosed = false
  readonly #stretches: CachedStretches

  private constructor(host: Host, info: SegmentInfo, cache: ChunkCache) {
    this.#host = host
    this.info = info
    this.#stretches = new CachedStretches(cache, (into, offset) => this.#file!.readSync(into, offset))
  }

  /**
   * A segment of which the catalog says what it is. The file is opened, and compared with what was said, when the index is loaded. `cache` is what it
   * shares with others; without one it has a small one of its own.
   */
  static of(host: Host, info: SegmentInfo, cache: ChunkCache = new ChunkCache(OWN_CACHE_BYTES)): Segment {
    return new Segment(host, info, cache)
  }

  /**
   * Opens a segment file by itself: reads header and footer.
   * @throws TsinkError of kind corrupt when they are damaged, of an unknown version, or when there is no such file.
   */
  static async open(host: Host, path: string): Promise<Segment> {
    const file = await openFile(host, path)
    try {
      const footer = readFooter(file, path)
      const segment = new Segment(host, footer.info, new ChunkCache(OWN_CACHE_BYTES))
      segment.#file = file
      segment.#footer = footer
      return segment
    } catch (error) {
      await file.close()
      throw error
    }
  }

  /** The index when it is loaded, else null. */
  get index(): SegmentIndex | null {
    return this.#index
  }

  /**
   * Reads and checks the index; callers that come together share the work, and later ones have it at once.
   * @throws TsinkError of kind corrupt with file, offset, expected and found; READ_FAILED.
   */
  loadIndex(): Promise<SegmentIndex> {
    if (this.#index !== null) return Promise.resolve(this.#index)
    this.#loading ??= this.#load()
      .then((index) => {
        if (!this.#isClosed) this.#index = index
        return index
      })
      .finally(() => {
        this.#loading = null
      })
    return this.#loading
  }

  /** The same without giving way, for callers that cannot wait. The file is open: by {@link openFile}, or since the index was loaded before. */
  loadIndexNow(): SegmentIndex {
    if (this.#index !== null) return this.#index
    const decoding = this.#decode()
    let step = decoding.next()
    while (step.done !== true) step = decoding.next()
    this.#index = step.value
    return step.value
  }

  /** Opens the file and checks that its footer is what the catalog says. @throws TsinkError of kind corrupt; READ_FAILED. */
  openFile(): Promise<void> {
    assert(!this.#isClosed, 'a closed segment stays closed')
    if (this.#file !== null) return Promise.resolve()
    this.#opening ??= this.#openFile().finally(() => {
      this.#opening = null
    })
    return this.#opening
  }

  /** Lets the index go. Who holds it may go on using it. */
  dropIndex(): void {
    this.#index = null
  }

  /**
   * The bytes of a chunk of the index (a place in its columns), checked since they were read. They may be shared: nobody writes to them.
   * @throws TsinkError CHECKSUM, TRUNCATED or BAD_FORMAT with file and offset; READ_FAILED.
   */
  readChunk(index: SegmentIndex, chunk: number): Uint8Array {
    assert(this.#file !== null && !this.#isClosed, 'a segment is open while its chunks are read')
    const stretch = this.#stretches.of(index, chunk)
    if (stretch === null) return this.#readAlone(index, chunk)
    const at = index.chunkOffset[chunk]! - stretch.offset
    const bytes = stretch.bytes.subarray(at, at + index.chunkLength[chunk]!)
    if (stretch.isChecked[chunk - stretch.first] === 0) {
      this.#checkChunk(index, chunk, bytes)
      stretch.isChecked[chunk - stretch.first] = 1
    }
    return bytes
  }

  #readAlone(index: SegmentIndex, chunk: number): Uint8Array {
    const offset = index.chunkOffset[chunk]!
    const bytes = new Uint8Array(index.chunkLength[chunk]!)
    const count = this.#file!.readSync(bytes, offset)
    if (count < bytes.length) {
      const lengths = { expected: bytes.length, found: count }
      throw corruption('TRUNCATED', 'the segment ends inside a chunk', { file: this.info.path, offset, ...lengths })
    }
    this.#checkChunk(index, chunk, bytes)
    return bytes
  }

  /** Reads every byte and checks every invariant. @throws TsinkError of kind corrupt: the first fault. */
  async verify(): Promise<void> {
    const index = await this.#load()
    await index.verify(this.#host.clock)
    // What was read before may have changed on the disk since.
    this.#stretches.clear()
    let sinceTurn = 0
    for (let chunk = 0; chunk < index.chunkCount.length; chunk++) {
      sinceTurn += this.readChunk(index, chunk).length
      if (sinceTurn < VERIFY_TURN_BYTES) continue
      sinceTurn = 0
      await this.#host.clock.turn()
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await this.#opening?.catch(() => undefined)
    await this.#loading?.catch(() => undefined)
    await this.#file?.close()
    this.#file = null
    this.#index = null
    this.#stretches.clear()
  }

  async #load(): Promise<SegmentIndex> {
    await this.openFile()
    const decoding = this.#decode()
    for (;;) {
      const step = decoding.next()
      if (step.done === true) return step.value
      await this.#host.clock.turn()
    }
  }

  async #openFile(): Promise<void> {
    const file = await openFile(this.#host, this.info.path)
    try {
      this.#footer = readFooter(file, this.info.path)
      compareInfo(this.info, this.#footer.info)
    } catch (error) {
      await file.close()
      throw error
    }
    this.#file = file
  }

  *#decode(): Generator<void, SegmentIndex> {
    assert(this.#file !== null && !this.#isClosed, 'the file of a segment is open while its index is loaded')
    const footer = this.#footer!
    const raw: Uint8Array[] = []
    for (let i = 0; i < footer.sections.length; i++) raw.push(yield* this.#readSection(footer.sections[i]!, SECTION_NAMES[i]!))
    const [values, series, postings, chunkIndex] = raw
    return yield* SegmentIndex.decode({ values: values!, series: series!, postings: postings!, chunkIndex: chunkIndex! }, footer)
  }

  *#readSection(section: Section, name: string): Generator<void, Uint8Array> {
    const { offset, storedBytes, rawBytes, checksum } = section
    try {
      // The footer was checked: what it says lies within the file.
      const stored = new Uint8Array(storedBytes)
      const count = this.#file!.readSync(stored, offset)
      if (count < storedBytes) throw corruption('TRUNCATED', 'the file ends inside the section', { expected: storedBytes, found: count })
      const found = crc32c(stored)
      if (found !== checksum) throw corruption('CHECKSUM', 'the section is damaged', { expected: checksum, found })
      yield
      return section.isCompressed ? yield* decompressPieces(stored, rawBytes, this.#host.compression, 'compressed section') : stored
    } catch (error) {
      throw inFile(error, this.info.path, `section ${name}`, offset)
    }
  }

  #checkChunk(index: SegmentIndex, chunk: number, bytes: Uint8Array): void {
    try {
      verifyChunk(bytes)
      const { kind, count, base, minOffset, maxOffset } = openChunk(bytes)
      const shift = base - this.info.base
      const same =
        VALUE_KINDS.indexOf(kind) === index.chunkKind[chunk] &&
        count === index.chunkCount[chunk] &&
        minOffset + shift === index.chunkMinTime[chunk] &&
        maxOffset + shift === index.chunkMaxTime[chunk]
      if (!same) throw corruption('BAD_FORMAT', 'the chunk is not the one that the index names')
    } catch (error) {
      throw inFile(error, this.info.path, `chunk ${chunk}`, index.chunkOffset[chunk]!)
    }
  }
}

async function openFile(host: Host, path: string): Promise<DiskFile> {
  try {
    return await host.disk.open(path, 'read')
  } catch (error) {
    if (error instanceof TsinkError && error.detail['missing'] === true) {
      throw corruption('TRUNCATED', 'the segment file is missing', { file: path })
    }
    throw error
  }
}

function readFooter(file: DiskFile, path: string): Footer {
  const { sizeBytes } = file
  const least = HEADER_BYTES + FOOTER_BYTES
  if (sizeBytes < least)
    throw corruption('TRUNCATED', 'the segment file ends early', { file: path, offset: sizeBytes, expected: least, found: sizeBytes })
  const header = new Uint8Array(HEADER_BYTES)
  const footer = new Uint8Array(FOOTER_BYTES)
  file.readSync(header, 0)
  file.readSync(footer, sizeBytes - FOOTER_BYTES)
  checkHeader(header, path)
  return decodeFooter(footer, path, sizeBytes)
}

function compareInfo(expected: SegmentInfo, found: SegmentInfo): void {
  for (const key of Object.keys(found) as (keyof SegmentInfo)[]) {
    if (Object.is(expected[key], found[key])) continue
    throw corruption('BAD_FORMAT', `the segment is not the one that the catalog names: ${key} differs`, {
      file: expected.path,
      expected: expected[key],
      found: found[key],
    })
  }
}
