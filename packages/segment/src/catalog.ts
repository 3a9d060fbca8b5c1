/**
 * Catalog: which segments are alive, and what else a store must agree on after a crash. One small file, replaced whole and in one step: a state is
 * the store's or it is not. The state is immutable data; publishing a next one is the commit of every flush, compaction, delete and retention.
 */
import { assert, compareStrings, corruption, TsinkError } from '@tsink/core'
import { ByteReader, ByteWriter, crc32c } from '@tsink/codecs'
import type { Disk } from '@tsink/host'
import { inFile } from './damage.ts'
import type { SegmentInfo } from './footer.ts'

export interface CatalogState {
  /** Goes up by one with every publish; 0 for a store that has never published. */
  readonly generation: number
  readonly segments: readonly SegmentInfo[]
  /** Identity for the next segment. */
  readonly nextSegmentId: number
  /** The highest sequence in segments and tombstones: the log may have higher ones. */
  readonly lastSequence: number
  /** Where replay of the log begins; what stands before is in segments. */
  readonly logCut: { readonly file: number; readonly offset: number }
  /** Bytes that belong to the engine, by name: tombstones, settings. */
  readonly attachments: ReadonlyMap<string, Uint8Array>
}

/** The state of a new store. */
export const EMPTY_CATALOG: CatalogState = {
  generation: 0,
  segments: [],
  nextSegmentId: 1,
  lastSequence: 0,
  logCut: { file: 0, offset: 0 },
  attachments: new Map(),
}

const MAGIC = 'tsinkcat'
const FORMAT_VERSION = 1
const CHECKSUM_BYTES = 4
const NAME = 'catalog'
const NEXT_NAME = 'catalog.next'
const COPY_NAME = 'catalog.copy'
const NEXT_COPY_NAME = 'catalog.copy.next'
// A million segments; a longer file is none of ours.
const MAX_BYTES = 256 * 1024 * 1024

export class Catalog {
  readonly #disk: Disk
  readonly #dir: string
  #state: CatalogState
  #isPublishing = false

  private constructor(disk: Disk, dir: string, state: CatalogState) {
    this.#disk = disk
    this.#dir = dir
    this.#state = state
  }

  /**
   * Reads the catalog of a directory; a directory without one has the empty state.
   * @throws TsinkError of kind corrupt when the file is damaged or of an unknown version.
   */
  static async open(disk: Disk, dir: string): Promise<Catalog> {
    const names = new Set((await disk.list(dir)).map(({ name }) => name))
    if (names.has(NEXT_NAME)) await disk.remove(join(dir, NEXT_NAME))
    if (names.has(NEXT_COPY_NAME)) await disk.remove(join(dir, NEXT_COPY_NAME))
    const path = join(dir, NAME)
    if (!names.has(NAME)) return new Catalog(disk, dir, EMPTY_CATALOG)
    const bytes = await readWhole(disk, path)
    const catalog = new Catalog(disk, dir, decode(bytes, path))
    // A crash may have left the copy of the state before. From here on the store goes by the catalog, and what only that state needs goes.
    const copy = names.has(COPY_NAME) ? await readWhole(disk, join(dir, COPY_NAME)) : null
    if (copy === null || !sameBytes(copy, bytes)) await catalog.#keepCopy(bytes)
    return catalog
  }

  /** The state that was published last. */
  get state(): CatalogState {
    return this.#state
  }

  /**
   * Makes `next` the store's state, durably, with a generation one higher than the current one's. One at a time.
   * @returns the state as it was published.
   * @throws TsinkError WRITE_FAILED or DISK_FULL: the old state stands. SYNC_FAILED: nobody knows which of both a crash would leave.
   */
  async publish(next: Omit<CatalogState, 'generation'>): Promise<CatalogState> {
    assert(!this.#isPublishing, 'one state is published at a time')
    this.#isPublishing = true
    try {
      const state: CatalogState = { ...next, generation: this.#state.generation + 1 }
      const aside = join(this.#dir, NEXT_NAME)
      const bytes = encodeCatalog(state)
      await this.#disk.remove(aside)
      try {
        await writeWhole(this.#disk, aside, bytes)
        await this.#disk.rename(aside, join(this.#dir, NAME))
      } catch (error) {
        await this.#disk.remove(aside).catch(() => undefined)
        throw error
      }
      await this.#disk.syncDirectory(this.#dir)
      this.#state = state
      await this.#keepCopy(bytes)
      return state
    } finally {
      this.#isPublishing = false
    }
  }

  /**
   * Writes the published state once more, beside it: what a repair goes by when a disk has lost the catalog itself. Until this is done nobody removes
   * what the state before needs, so that the older copy does as well. Without space for it the store goes on without a copy.
   */
  async #keepCopy(bytes: Uint8Array): Promise<void> {
    const copy = join(this.#dir, COPY_NAME)
    const aside = join(this.#dir, NEXT_COPY_NAME)
    try {
      await this.#disk.remove(aside)
      await writeWhole(this.#disk, aside, bytes)
      await this.#disk.rename(aside, copy)
      await this.#disk.syncDirectory(this.#dir)
    } catch {
      // An old copy would be worse than none.
      await this.#disk.remove(aside).catch(() => undefined)
      await this.#disk.remove(copy).catch(() => undefined)
    }
  }
}

/** The files of a catalog, as they stand on a disk. */
export const CATALOG_FILES: readonly string[] = [NAME, COPY_NAME]

/**
 * Reads a catalog's file and changes nothing. Null when it is not there.
 * @throws TsinkError of kind corrupt; READ_FAILED.
 */
export async function readCatalog(disk: Disk, path: string): Promise<CatalogState | null> {
  try {
    return decode(await readWhole(disk, path), path)
  } catch (error) {
    if (error instanceof TsinkError && error.detail['missing'] === true) return null
    throw error
  }
}

function encodeCatalog(state: CatalogState): Uint8Array {
  const writer = new ByteWriter(256 + state.segments.length * 128)
  for (let i = 0; i < MAGIC.length; i++) writer.u8(MAGIC.charCodeAt(i))
  writer.u32(FORMAT_VERSION)
  writer.uvarint(state.generation)
  writer.uvarint(state.nextSegmentId)
  writer.uvarint(state.lastSequence)
  writer.uvarint(state.logCut.file)
  writer.uvarint(state.logCut.offset)
  writer.uvarint(state.segments.length)
  for (const info of state.segments) {
    writer.string(info.path)
    writer.uvarint(info.id)
    writer.uvarint(info.level)
    writer.f64(info.base)
    writer.f64(info.minTime)
    writer.f64(info.maxTime)
    writer.uvarint(info.minSequence)
    writer.uvarint(info.maxSequence)
    writer.uvarint(info.series)
    writer.uvarint(info.chunks)
    writer.uvarint(info.samples)
    writer.uvarint(info.sizeBytes)
    writer.uvarint(info.createdAt)
  }
  writer.uvarint(state.attachments.size)
  for (const name of [...state.attachments.keys()].sort(compareStrings)) {
    const bytes = state.attachments.get(name)!
    writer.string(name)
    writer.uvarint(bytes.length)
    writer.append(bytes)
  }
  writer.u32(crc32c(writer.bytes.subarray(0, writer.length)))
  return writer.finish()
}

function decodeCatalog(bytes: Uint8Array, file: string): CatalogState {
  const end = bytes.length - CHECKSUM_BYTES
  if (end < MAGIC.length + 4) throw corruption('TRUNCATED', 'the catalog ends early', { file, offset: bytes.length })
  for (let i = 0; i < MAGIC.length; i++) {
    if (bytes[i] !== MAGIC.charCodeAt(i)) throw corruption('BAD_FORMAT', 'the file does not begin like a catalog', { file, offset: i })
  }
  const expected = new ByteReader(bytes, end).u32()
  const found = crc32c(bytes.subarray(0, end))
  if (found !== expected) throw corruption('CHECKSUM', 'the catalog is damaged', { file, offset: end, expected, found })
  const reader = new ByteReader(bytes, MAGIC.length, end, 'the catalog')
  const version = reader.u32()
  if (version !== FORMAT_VERSION) {
    throw corruption('UNKNOWN_VERSION', 'the catalog has a format that this tsink does not know', {
      file,
      offset: 8,
      expected: FORMAT_VERSION,
      found: version,
    })
  }
  const generation = reader.uvarint()
  const nextSegmentId = reader.uvarint()
  const lastSequence = reader.uvarint()
  const logCut = { file: reader.uvarint(), offset: reader.uvarint() }
  const segments: SegmentInfo[] = []
  // The shortest entry has 34 bytes.
  for (let count = reader.length(34); count > 0; count--) {
    segments.push({
      path: reader.string(),
      id: reader.uvarint(),
      level: reader.uvarint(),
      base: reader.f64(),
      minTime: reader.f64(),
      maxTime: reader.f64(),
      minSequence: reader.uvarint(),
      maxSequence: reader.uvarint(),
      series: reader.uvarint(),
      chunks: reader.uvarint(),
      samples: reader.uvarint(),
      sizeBytes: reader.uvarint(),
      createdAt: reader.uvarint(),
    })
  }
  const attachments = new Map<string, Uint8Array>()
  for (let count = reader.length(2); count > 0; count--) {
    const name = reader.string()
    attachments.set(name, reader.take(reader.length()).slice())
  }
  if (reader.remaining !== 0) throw corruption('BAD_FORMAT', 'the catalog has bytes behind its end', { file, offset: reader.offset })
  return { generation, segments, nextSegmentId, lastSequence, logCut, attachments }
}

function decode(bytes: Uint8Array, path: string): CatalogState {
  try {
    return decodeCatalog(bytes, path)
  } catch (error) {
    throw inFile(error, path, 'catalog')
  }
}

async function readWhole(disk: Disk, path: string): Promise<Uint8Array> {
  const file = await disk.open(path, 'read')
  try {
    if (file.sizeBytes > MAX_BYTES) {
      throw corruption('BAD_FORMAT', 'the catalog is longer than any may be', { file: path, expected: MAX_BYTES, found: file.sizeBytes })
    }
    const bytes = new Uint8Array(file.sizeBytes)
    return bytes.subarray(0, file.readSync(bytes, 0))
  } finally {
    await file.close()
  }
}

async function writeWhole(disk: Disk, path: string, bytes: Uint8Array): Promise<void> {
  if (bytes.length > MAX_BYTES) {
    throw new TsinkError('TOO_LARGE', `the catalog would have ${bytes.length} bytes; it may have ${MAX_BYTES}`, {
      detail: { limit: MAX_BYTES },
    })
  }
  const file = await disk.open(path, 'create')
  try {
    file.writeSync(bytes, 0)
    await file.sync()
  } finally {
    await file.close()
  }
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i])
}

function join(dir: string, name: string): string {
  return dir === '' ? name : `${dir}/${name}`
}
