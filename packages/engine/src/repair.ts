/**
 * Repair: a store whose catalog is lost or damaged gets one again. The copy beside it says all that the catalog said (see docs/format/catalog.md). When
 * both are gone, what the files say themselves has to do: every whole segment is listed, and the log is replayed from where it begins. Files that
 * are not part of what stands are set aside, never removed.
 *
 * What no file but the catalog knows are deletes that are older than the log. Samples that they hide would come back, so a rebuilding that cannot
 * rule this out wants to be told that it may.
 */
import { TsinkError, type TimeUnit } from '@tsink/core'
import type { Disk, Host } from '@tsink/host'
import { Catalog, CATALOG_FILES, readCatalog, Segment, type CatalogState, type SegmentInfo } from '@tsink/segment'
import { checkLog, listLogFiles } from '@tsink/wal'
import { ageOfSegments, attachmentsOf, checkUnit, encodeAttachments } from './attachments.ts'
import { LogCheck } from './log-check.ts'
import { Notes, NOTES_DIRECTORY } from './notes.ts'
import { QUARANTINE_DIRECTORY, SEGMENT_DIRECTORY } from './shelf.ts'
import type { Tombstone } from './tombstones.ts'

export interface RepairOptions {
  /** The unit of the store's times, where nothing is left that says it. Default ms. */
  readonly unit?: TimeUnit
  /** Rebuild even when deletes may be lost, so that what they hid is visible again. Default false: then it is an error that says so. */
  readonly loseDeletes?: boolean
}

export interface RepairReport {
  /** What was done: nothing, the copy has taken the catalog's place, or a new one was made of the files. */
  readonly catalog: 'whole' | 'copied' | 'rebuilt'
  /** What was wrong with the catalog, and with its copy where that did not do; null when it was whole. */
  readonly reason: string | null
  readonly segments: number
  readonly samples: number
  /** Deletes in force. */
  readonly deletes: number
  /** Whether deletes may be lost. */
  readonly deletesLost: boolean
  readonly setAside: readonly { readonly file: string; readonly movedTo: string; readonly reason: string }[]
}

/**
 * Repairs a store that nobody has open. A catalog that is whole is left alone.
 * @throws TsinkError LOCKED; UNSUPPORTED when deletes may be lost, see the option; UNKNOWN_VERSION; READ_FAILED and the like.
 */
export async function repair(host: Host, options: RepairOptions = {}): Promise<RepairReport> {
  const lock = await host.disk.lock('lock')
  try {
    return await new Repair(host, options).run()
  } finally {
    await lock.release()
  }
}

/** Whether a directory without a catalog is one that lost it, and not a new store. */
export async function hasLostCatalog(disk: Disk): Promise<boolean> {
  const isSegment = ({ name }: { readonly name: string }): boolean => name.endsWith('.seg')
  return (await disk.list(SEGMENT_DIRECTORY)).some(isSegment) || (await listLogFiles(disk, 'log')).length > 0
}

/** The error of opening a store without its catalog. */
export function lostCatalog(cause?: TsinkError): TsinkError {
  const [file] = CATALOG_FILES as [string]
  const what = cause === undefined ? 'the catalog is missing, though the store is not empty' : cause.message
  return new TsinkError(cause?.code ?? 'TRUNCATED', `${what}; \`tsink repair\` makes a new one of what is left`, {
    ...(cause === undefined ? {} : { cause }),
    detail: cause?.detail ?? { file },
  })
}

class Repair {
  readonly #host: Host
  readonly #options: RepairOptions
  readonly #setAside: { file: string; movedTo: string; reason: string }[] = []

  constructor(host: Host, options: RepairOptions) {
    this.#host = host
    this.#options = options
  }

  async run(): Promise<RepairReport> {
    const [name, copyName] = CATALOG_FILES as [string, string]
    const catalog = await this.#read(name)
    if (catalog.state !== null) return this.#report('whole', null, catalog.state, false)
    const copy = await this.#read(copyName)
    const problem = copy.state === null ? copy.problem : await this.#copyProblem(copy.state)
    if (copy.state !== null && problem === null) {
      await this.#publish(copy.state, `not listed by ${copyName}`, catalog.problem)
      return this.#report('copied', catalog.problem, copy.state, false)
    }
    const reason = `${catalog.problem}; ${copyName}: ${problem}`
    const { state, deletesLost, damaged } = await this.#rebuild(copy.state)
    if (deletesLost && this.#options.loseDeletes !== true) {
      const message = `${reason}. Deletes that are older than the log are lost with the catalog, and a rebuilt one may show what they hid`
      throw new TsinkError('UNSUPPORTED', `${message}; allow it with loseDeletes`, { detail: { option: 'loseDeletes' } })
    }
    for (const [path, what] of damaged) await this.#moveAside(path, what)
    await this.#publish(state, 'not a segment', catalog.problem)
    return this.#report('rebuilt', reason, state, deletesLost)
  }

  #report(catalog: RepairReport['catalog'], reason: string | null, state: CatalogState, deletesLost: boolean): RepairReport {
    return {
      catalog,
      reason,
      segments: state.segments.length,
      samples: state.segments.reduce((sum, { samples }) => sum + samples, 0),
      deletes: attachmentsOf(state).tombstones.length,
      deletesLost,
      setAside: this.#setAside,
    }
  }

  async #read(file: string): Promise<{ readonly state: CatalogState | null; readonly problem: string }> {
    try {
      return { state: await readCatalog(this.#host.disk, file), problem: `${file} is missing` }
    } catch (error) {
      // A newer version's store is not damaged.
      if (!(error instanceof TsinkError) || error.kind !== 'corrupt' || error.code === 'UNKNOWN_VERSION') throw error
      return { state: null, problem: error.message }
    }
  }

  /** Why a copy is not what the store stands by, or null: its segments are there, and the log begins no later than it says. */
  async #copyProblem(copy: CatalogState): Promise<string | null> {
    const files = new Set((await this.#host.disk.list(SEGMENT_DIRECTORY)).map(({ name }) => `${SEGMENT_DIRECTORY}/${name}`))
    for (const info of copy.segments) {
      if (!files.has(info.path)) return `${info.path}, which it lists, is missing`
      const found = await this.#infoOf(info.path)
      // A damaged segment is set aside when it is read, as ever.
      if (typeof found === 'string') continue
      if (found.id !== info.id || found.sizeBytes !== info.sizeBytes) return `${info.path} is another segment than it lists`
    }
    const first = await this.#firstLogFile()
    // Where the file of the cut was never made the log begins with the next.
    if (first > copy.logCut.file + 1) return `the log begins with file ${first}, and it needs file ${copy.logCut.file}`
    return null
  }

  /** The number of the oldest file of the log, 0 when there is none. */
  async #firstLogFile(): Promise<number> {
    return (await listLogFiles(this.#host.disk, 'log'))[0]?.number ?? 0
  }

  /** What a file says of itself, or what is wrong with it. */
  async #infoOf(path: string): Promise<SegmentInfo | string> {
    try {
      const segment = await Segment.open(this.#host, path)
      await segment.close()
      return segment.info
    } catch (error) {
      if (!(error instanceof TsinkError) || error.code === 'UNKNOWN_VERSION') throw error
      if (error.kind !== 'corrupt') throw error
      return error.message
    }
  }

  /** A catalog of what the files say. An old copy is good for what it knows of deletes and the unit. */
  async #rebuild(copy: CatalogState | null): Promise<{
    readonly state: CatalogState
    readonly deletesLost: boolean
    readonly damaged: readonly (readonly [path: string, reason: string])[]
  }> {
    const segments: SegmentInfo[] = []
    const damaged: [string, string][] = []
    let nextSegmentId = 1
    for (const { name } of await this.#host.disk.list(SEGMENT_DIRECTORY)) {
      const path = `${SEGMENT_DIRECTORY}/${name}`
      nextSegmentId = Math.max(nextSegmentId, (Number.parseInt(name, 10) || 0) + 1)
      const info = await this.#infoOf(path)
      if (typeof info === 'string') damaged.push([path, info])
      else {
        segments.push(info)
        nextSegmentId = Math.max(nextSegmentId, info.id + 1)
      }
    }
    const logCut = { file: await this.#firstLogFile(), offset: 0 }
    const log = new LogCheck(Infinity, () => undefined)
    await checkLog(this.#host.disk, this.#host.clock, 'log', logCut, (record) => log.take(record))
    const known = copy === null ? null : attachmentsOf(copy)
    const unit = known?.unit ?? this.#options.unit ?? 'ms'
    if (this.#options.unit !== undefined) checkUnit(known?.unit ?? null, this.#options.unit)
    const state: CatalogState = {
      generation: 0,
      segments,
      nextSegmentId,
      // All of the log is replayed: what of it is in segments too is the same there. Before the cut it may name series that it does not define.
      lastSequence: log.lastUndefined,
      logCut,
      attachments: encodeAttachments({
        unit,
        tombstones: union(known?.tombstones.filter(({ sequence }) => !log.undone.has(sequence)) ?? [], log.deletes),
        notes: await this.#newestNotes(damaged),
        age: ageOfSegments(segments),
      }),
    }
    // A log from the very beginning knows every delete that there was.
    const deletesLost = segments.length > 0 && log.firstSequence !== 1
    return { state, deletesLost, damaged }
  }

  /** The newest file of notes that is whole; newer ones are added to `damaged`. */
  async #newestNotes(damaged: [string, string][]): Promise<string> {
    const files = (await this.#host.disk.list(NOTES_DIRECTORY)).map(({ name }) => `${NOTES_DIRECTORY}/${name}`)
    for (const path of files.toReversed()) {
      try {
        await new Notes(Infinity, Infinity).read(this.#host, path)
        return path
      } catch (error) {
        if (!(error instanceof TsinkError) || error.kind !== 'corrupt') throw error
        damaged.push([path, error.message])
      }
    }
    return ''
  }

  /** Makes a state the store's, after all else in its directory is aside. Whatever a crash cuts off here can be begun again. */
  async #publish(state: CatalogState, unlisted: string, problem: string): Promise<void> {
    const { disk } = this.#host
    const [name] = CATALOG_FILES as [string]
    const listed = new Set(state.segments.map(({ path }) => path))
    for (const { name: file } of await disk.list(SEGMENT_DIRECTORY)) {
      const path = `${SEGMENT_DIRECTORY}/${file}`
      if (!listed.has(path)) await this.#moveAside(path, unlisted)
    }
    if ((await disk.list('')).some((entry) => entry.name === name)) await this.#moveAside(name, problem)
    const catalog = await Catalog.open(disk, '')
    await catalog.publish(state)
  }

  async #moveAside(path: string, reason: string): Promise<void> {
    const { disk } = this.#host
    await disk.makeDirectory(QUARANTINE_DIRECTORY)
    const taken = new Set((await disk.list(QUARANTINE_DIRECTORY)).map(({ name }) => name))
    const name = path.slice(path.lastIndexOf('/') + 1)
    let free = name
    for (let i = 2; taken.has(free); i++) free = `${name}.${i}`
    const movedTo = `${QUARANTINE_DIRECTORY}/${free}`
    await disk.rename(path, movedTo)
    await disk.syncDirectory(QUARANTINE_DIRECTORY)
    await disk.syncDirectory(path.slice(0, Math.max(0, path.lastIndexOf('/'))))
    this.#setAside.push({ file: path, movedTo, reason })
  }
}

function union(a: readonly Tombstone[], b: readonly Tombstone[]): Tombstone[] {
  const all = new Map([...a, ...b].map((each) => [each.sequence, each]))
  return [...all.values()].sort((x, y) => x.sequence - y.sequence)
}
