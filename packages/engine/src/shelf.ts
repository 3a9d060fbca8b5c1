/**
 * Shelf: the live segments and the catalog that makes them so. Every change (flush, compaction, delete, retention) is one publish: the next state is
 * built aside, becomes durable in one step, and then takes the old one's place in memory by one assignment. Files that are not listed any
 * more go when the last view that may read them has let go. A damaged segment is set aside: the rest goes on serving.
 */
import { TsinkError } from '@tsink/core'
import type { Host } from '@tsink/host'
import { Catalog, ChunkCache, Segment, type CatalogState, type SegmentIndex, type SegmentInfo } from '@tsink/segment'
import { comparePositions, type Position } from '@tsink/wal'
import type { Pins } from './pins.ts'

export const SEGMENT_DIRECTORY = 'segments'
export const QUARANTINE_DIRECTORY = 'quarantine'

/** What a publish changes; what is left out stays. */
export interface Change {
  readonly remove?: readonly Segment[]
  readonly add?: readonly SegmentInfo[]
  /** The log before it is not needed any more; records up to `lastSequence` are in segments. */
  readonly logCut?: Position
  readonly lastSequence?: number
  /** Asked when the change's turn has come: what it was built on may have changed while it waited. False: nothing is published. */
  readonly stands?: () => boolean
  /** Runs in the same turn in which the new segments take their place. */
  readonly swap?: () => void
}

export interface QuarantinedSegment {
  readonly info: SegmentInfo
  readonly reason: string
}

export class Shelf {
  /** Ascending in sequence: samples of a later one win. Replaced as a whole. */
  segments: readonly Segment[]
  /** What was set aside since the store was opened. */
  quarantined: readonly QuarantinedSegment[] = []
  /** Set when nobody knows what the disk would hold after a crash: nothing may be published any more. */
  trouble: TsinkError | null = null
  readonly #host: Host
  readonly #catalog: Catalog
  readonly #pins: Pins
  readonly #attachments: () => ReadonlyMap<string, Uint8Array>
  readonly #onDamage: (error: unknown) => void
  #nextId: number
  #publishing: Promise<void> = Promise.resolve()
  #isClosed = false
  /** What all segments keep of their chunks. */
  readonly #chunks: ChunkCache
  /** Bounds the memory of indexes; the least recently used ones go first. */
  readonly #maxIndexBytes: number
  #used = new Map<Segment, number>()

  private constructor(
    host: Host,
    catalog: Catalog,
    pins: Pins,
    maxIndexBytes: number,
    maxChunkBytes: number,
    attachments: () => ReadonlyMap<string, Uint8Array>,
    onDamage: (error: unknown) => void,
  ) {
    this.#host = host
    this.#catalog = catalog
    this.#pins = pins
    this.#maxIndexBytes = maxIndexBytes
    this.#chunks = new ChunkCache(maxChunkBytes)
    this.#attachments = attachments
    this.#onDamage = onDamage
    this.#nextId = catalog.state.nextSegmentId
    this.segments = sorted(catalog.state.segments.map((info) => Segment.of(host, info, this.#chunks)))
  }

  /** Takes over what the catalog lists, and removes files that a crash has left of segments that were never published. */
  static async open(
    host: Host,
    catalog: Catalog,
    pins: Pins,
    maxIndexBytes: number,
    maxChunkBytes: number,
    attachments: () => ReadonlyMap<string, Uint8Array>,
    onDamage: (error: unknown) => void,
  ): Promise<Shelf> {
    await host.disk.makeDirectory(SEGMENT_DIRECTORY)
    const listed = new Set(catalog.state.segments.map(({ path }) => path))
    for (const { name } of await host.disk.list(SEGMENT_DIRECTORY)) {
      const path = `${SEGMENT_DIRECTORY}/${name}`
      if (!listed.has(path)) await host.disk.remove(path)
    }
    return new Shelf(host, catalog, pins, maxIndexBytes, maxChunkBytes, attachments, onDamage)
  }

  get state(): CatalogState {
    return this.#catalog.state
  }

  get sizeBytes(): number {
    let bytes = 0
    for (const { info } of this.segments) bytes += info.sizeBytes
    return bytes
  }

  /** Memory of the indexes that are loaded. */
  get indexBytes(): number {
    let bytes = 0
    for (const bytesUsed of this.#used.values()) bytes += bytesUsed
    return bytes
  }

  /** Memory of chunks that were read. */
  get chunkBytes(): number {
    return this.#chunks.bytesUsed
  }

  /** An id for the next segment, and where its file goes. */
  newSegment(): { readonly id: number; readonly path: string } {
    const id = this.#nextId++
    return { id, path: `${SEGMENT_DIRECTORY}/${String(id).padStart(10, '0')}.seg` }
  }

  /** The index when it is in memory, else null. */
  indexOf(segment: Segment): SegmentIndex | null {
    const { index } = segment
    if (index !== null) this.#touch(segment, index)
    return index
  }

  /** The index; null when the segment is damaged and has been set aside. */
  async loadIndex(segment: Segment): Promise<SegmentIndex | null> {
    this.#assertOpen()
    const known = this.indexOf(segment)
    if (known !== null) return known
    try {
      const index = await segment.loadIndex()
      this.#touch(segment, index)
      return index
    } catch (error) {
      if (!(error instanceof TsinkError) || error.kind !== 'corrupt') throw error
      await this.quarantine(segment, error)
      return null
    }
  }

  /** A chunk's bytes, checked. Damage sets the segment aside and is thrown: the reader must not take part of the data for all of it. */
  readChunk(segment: Segment, index: SegmentIndex, chunk: number): Uint8Array {
    this.#assertOpen()
    try {
      return segment.readChunk(index, chunk)
    } catch (error) {
      if (error instanceof TsinkError && error.kind === 'corrupt') this.quarantine(segment, error).catch(this.#onDamage)
      throw error
    }
  }

  /** Publishes a change. One at a time; each is built on the state that the one before has left. False when it does not stand any more. */
  publish(change: Change): Promise<boolean> {
    return this.pause(() => this.#publish(change))
  }

  /** Runs work during which nothing is published. */
  pause<T>(work: () => Promise<T>): Promise<T> {
    const run = this.#publishing.then(work)
    this.#publishing = run.then(
      () => undefined,
      () => undefined,
    )
    return run
  }

  /** Moves a damaged segment's file into quarantine and out of the catalog. */
  async quarantine(segment: Segment, error: TsinkError): Promise<void> {
    if (!this.segments.includes(segment) || this.quarantined.some(({ info }) => info === segment.info)) return
    this.quarantined = [...this.quarantined, { info: segment.info, reason: error.message }]
    this.#onDamage(error)
    const { path } = segment.info
    try {
      await this.#host.disk.makeDirectory(QUARANTINE_DIRECTORY)
      await this.#host.disk.link(path, `${QUARANTINE_DIRECTORY}/${path.slice(path.lastIndexOf('/') + 1)}`)
      await this.#host.disk.syncDirectory(QUARANTINE_DIRECTORY)
    } catch (cause) {
      // A file that is missing, or was set aside before, cannot be kept; what counts is that the store goes on without it.
      this.#onDamage(cause)
    }
    await this.publish({ remove: [segment] })
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await this.#publishing
    for (const segment of this.segments) await segment.close()
  }

  /** @throws TsinkError CLOSED: for selections that outlive their store. */
  #assertOpen(): void {
    if (this.#isClosed) throw new TsinkError('CLOSED', 'the store is closed')
  }

  async #publish(change: Change): Promise<boolean> {
    if (this.trouble !== null) throw this.trouble
    if (change.stands?.() === false) return false
    const remove = new Set(change.remove)
    const { state } = this.#catalog
    const gone = new Set([...remove].map(({ info }) => info.id))
    // A generation that was written without a log knows no position; the cut of an earlier run stands.
    const isLater = change.logCut !== undefined && comparePositions(change.logCut, state.logCut) > 0
    const segments = [...state.segments.filter(({ id }) => !gone.has(id)), ...(change.add ?? [])]
    const added = (change.add ?? []).map((info) => Segment.of(this.#host, info, this.#chunks))
    // Indexes that are all kept in memory are there before anybody can see their segments, for readers that cannot wait.
    if (this.#maxIndexBytes === Infinity) for (const segment of added) this.#touch(segment, await segment.loadIndex())
    try {
      await this.#catalog.publish({
        segments,
        nextSegmentId: this.#nextId,
        lastSequence: Math.max(state.lastSequence, change.lastSequence ?? 0),
        logCut: isLater ? change.logCut! : state.logCut,
        attachments: this.#attachments(),
      })
    } catch (error) {
      if (error instanceof TsinkError && error.code === 'SYNC_FAILED') {
        this.trouble = new TsinkError('READ_ONLY', `the store takes no writes: ${error.message}`, { cause: error, detail: error.detail })
      }
      for (const segment of added) {
        this.#used.delete(segment)
        await segment.close()
      }
      throw error
    }
    // From here to the end nothing waits: a view sees all of the change or none.
    this.segments = sorted([...this.segments.filter((segment) => !remove.has(segment)), ...added])
    change.swap?.()
    for (const segment of remove) {
      this.#used.delete(segment)
      this.#pins.whenFree(() => {
        // Once more: a view from before may have used it since.
        this.#used.delete(segment)
        segment
          .close()
          .then(() => this.#host.disk.remove(segment.info.path))
          .catch(this.#onDamage)
      })
    }
    return true
  }

  /** Notes that an index is used, and drops the indexes that have waited longest when there are too many. */
  #touch(segment: Segment, index: SegmentIndex): void {
    this.#used.delete(segment)
    this.#used.set(segment, index.bytesUsed)
    let bytes = this.indexBytes
    for (const [oldest, bytesUsed] of this.#used) {
      if (bytes <= this.#maxIndexBytes || oldest === segment) return
      oldest.dropIndex()
      this.#used.delete(oldest)
      bytes -= bytesUsed
    }
  }
}

/** In the order of writing; segments of one flush do not overlap and go by time. */
function sorted(segments: Segment[]): Segment[] {
  return segments.sort((a, b) => a.info.maxSequence - b.info.maxSequence || a.info.base - b.info.base || a.info.minTime - b.info.minTime)
}
