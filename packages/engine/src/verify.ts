/**
 * Verify: reads every byte that a store has on the disk and checks every invariant that can be checked without knowing what was written: the catalog
 * and its copy, segments down to each sample and summary, deletes, notes, and the log down to the series that its records name. What is found is
 * a report that says where; with `quarantine` an open store sets damaged segments aside. A store that nobody has open is verified as it lies
 * there: nothing is replayed, merged or removed.
 */
import { corruption, SampleBuffer, TsinkError } from '@tsink/core'
import { decodeChunk, openChunk, summaryOf } from '@tsink/codecs'
import type { Host } from '@tsink/host'
import { CATALOG_FILES, EMPTY_CATALOG, readCatalog, Segment, type CatalogState, type SegmentInfo } from '@tsink/segment'
import { checkLog, listLogFiles, type ReplayReport } from '@tsink/wal'
import { attachmentsOf } from './attachments.ts'
import { LogCheck, tombstoneProblem } from './log-check.ts'
import { Notes } from './notes.ts'
import { inUnits } from './options.ts'
import { assertOpen, type Parts } from './parts.ts'
import { SEGMENT_DIRECTORY } from './shelf.ts'
import { Slices } from './slices.ts'
import { View } from './view.ts'
import { levelOf, LEVEL_PARTITIONS } from './windows.ts'

export interface VerifyReport {
  readonly segments: number
  readonly chunks: number
  /** Samples in segments. */
  readonly samples: number
  /** Bytes of segments and log. */
  readonly sizeBytes: number
  /** What the log holds; null in a store without one. */
  readonly log: { readonly files: number; readonly records: number; readonly samples: number; readonly tail: ReplayReport['tail'] } | null
  /** Files of segments that the catalog does not list: a crash left them, and opening removes them. */
  readonly unlisted: readonly string[]
  readonly problems: readonly VerifyProblem[]
}

export interface VerifyProblem {
  readonly file: string
  /** Where in the file, as far as that is known. */
  readonly offset: number | null
  readonly message: string
}

/** Verifies a store that this process has open. */
export async function verify(parts: Parts, options: { readonly quarantine?: boolean } = {}): Promise<VerifyReport> {
  assertOpen(parts)
  const { host, shelf } = parts
  const check = new Verification(host)
  const view = new View(parts)
  try {
    for (const segment of view.segments) {
      const error = await check.segment(segment)
      if (error !== null && options.quarantine === true && error.kind === 'corrupt') await shelf.quarantine(segment, error)
    }
    const infos = view.segments.map(({ info }) => info)
    check.infos(infos, parts.sequence)
    check.levels(infos, inUnits(parts.options.partitionMs, parts.options.unit))
    // While nothing is published, the files of the catalog and of the notes stand still.
    await shelf.pause(async () => {
      await check.catalog(shelf.state.generation)
      await check.attachments(shelf.state)
    })
    for (;;) {
      const { logCut, lastSequence } = shelf.state
      if (parts.log === null || (await check.log(logCut, lastSequence))) break
      // A flush has let files go while they were read.
      if (shelf.state.logCut === logCut) break
    }
    return check.report(infos.length)
  } finally {
    view.release()
  }
}

/**
 * Verifies a store that no process has open, and changes nothing in it.
 * @throws TsinkError LOCKED.
 */
export async function verifyClosed(host: Host): Promise<VerifyReport> {
  const lock = await host.disk.lock('lock')
  try {
    const check = new Verification(host)
    const state = await check.catalog(null)
    const listed = state ?? { ...EMPTY_CATALOG, logCut: { file: (await listLogFiles(host.disk, 'log'))[0]?.number ?? 0, offset: 0 } }
    const files = (await host.disk.list(SEGMENT_DIRECTORY)).map(({ name }) => `${SEGMENT_DIRECTORY}/${name}`)
    const known = new Set(listed.segments.map(({ path }) => path))
    for (const path of files) if (!known.has(path)) check.unlisted.push(path)
    for (const info of listed.segments) await check.file(() => Promise.resolve(Segment.of(host, info)), info.path)
    // Without a catalog the files themselves say what they are.
    if (state === null) for (const path of check.unlisted) await check.file(() => Segment.open(host, path), path)
    check.infos(listed.segments, Infinity)
    if (state !== null) await check.attachments(state)
    await check.log(listed.logCut, state === null ? Infinity : state.lastSequence)
    return check.report(listed.segments.length)
  } finally {
    await lock.release()
  }
}

class Verification {
  readonly unlisted: string[] = []
  readonly #host: Host
  readonly #problems: VerifyProblem[] = []
  #chunks = 0
  #samples = 0
  #sizeBytes = 0
  #log: VerifyReport['log'] = null

  constructor(host: Host) {
    this.#host = host
  }

  report(segments: number): VerifyReport {
    return {
      segments,
      chunks: this.#chunks,
      samples: this.#samples,
      sizeBytes: this.#sizeBytes,
      log: this.#log,
      unlisted: this.unlisted,
      problems: this.#problems,
    }
  }

  /** Reads a segment; answers what is wrong with it, or null. */
  async segment(segment: Segment): Promise<TsinkError | null> {
    const { info } = segment
    const error = await this.#attempt(info.path, () => verifySegment(this.#host, segment))
    if (error !== null) return error
    this.#chunks += info.chunks
    this.#samples += info.samples
    this.#sizeBytes += info.sizeBytes
    return null
  }

  /** Reads a file as a segment that nobody else has open. */
  async file(open: () => Promise<Segment>, path: string): Promise<void> {
    await this.#attempt(path, async () => {
      const segment = await open()
      try {
        await this.segment(segment)
      } finally {
        await segment.close()
      }
    })
  }

  /** Reads the catalog and its copy; answers the state of the first that is whole. */
  async catalog(generation: number | null): Promise<CatalogState | null> {
    const [name, copyName] = CATALOG_FILES as [string, string]
    let state: CatalogState | null = null
    await this.#attempt(name, async () => {
      state = await readCatalog(this.#host.disk, name)
      if (state === null) throw corruption('TRUNCATED', 'the catalog is missing', { file: name })
      if (generation !== null && state.generation !== generation) {
        throw corruption('BAD_FORMAT', 'the catalog on the disk is not the one in force', {
          file: name,
          expected: generation,
          found: state.generation,
        })
      }
    })
    // A disk that was full may have left none, and a crash one of the state before: that is put right when there is space, and on opening.
    let copy: CatalogState | null = null
    await this.#attempt(copyName, async () => {
      copy = await readCatalog(this.#host.disk, copyName)
    })
    return state ?? copy
  }

  /** What does not agree between the entries of a catalog. */
  infos(infos: readonly SegmentInfo[], lastSequence: number): void {
    const ids = new Set<number>()
    const paths = new Set<string>()
    for (const { id, path, minSequence, maxSequence, minTime, maxTime } of infos) {
      if (ids.has(id)) this.#problem(path, `segment id ${id} is given twice`)
      if (paths.has(path)) this.#problem(path, 'the file is listed twice')
      ids.add(id)
      paths.add(path)
      if (minSequence > maxSequence) this.#problem(path, `sequences ${minSequence} to ${maxSequence} are reversed`)
      if (minTime > maxTime) this.#problem(path, `times ${minTime} to ${maxTime} are reversed`)
      if (maxSequence > lastSequence) this.#problem(path, `sequence ${maxSequence} was never given`)
    }
  }

  /** Whether each segment lies in a window of its level. */
  levels(infos: readonly SegmentInfo[], partition: number): void {
    for (const { path, level, minTime, maxTime } of infos) {
      const needed = levelOf(minTime, maxTime, partition)
      if (needed > level && level < LEVEL_PARTITIONS.length - 1)
        this.#problem(path, `its times need a window of level ${needed}, but its level is ${level}`)
    }
  }

  /** What the engine keeps in the catalog, and the notes that it names. */
  async attachments(state: CatalogState): Promise<void> {
    const [file] = CATALOG_FILES as [string]
    await this.#attempt(file, async () => {
      for (const { id, path } of state.segments)
        if (id >= state.nextSegmentId) this.#problem(path, `segment id ${id} is above the next, ${state.nextSegmentId}`)
      const { tombstones, notes } = attachmentsOf(state)
      let before = 0
      for (const tombstone of tombstones) {
        const wrong = tombstoneProblem(tombstone)
        if (wrong !== null) this.#problem(file, wrong)
        if (tombstone.sequence <= before) this.#problem(file, `the delete ${tombstone.sequence} follows the delete ${before}`)
        before = tombstone.sequence
      }
      if (notes !== '') await this.#attempt(notes, () => new Notes(Infinity, Infinity).read(this.#host, notes))
    })
  }

  /** Reads the log. False when a file has gone meanwhile. */
  async log(from: CatalogState['logCut'], after: number): Promise<boolean> {
    const found: VerifyProblem[] = []
    const check = new LogCheck(after, ({ file, offset }, message) =>
      found.push({ file: `log/${String(file).padStart(12, '0')}.log`, offset, message }),
    )
    let report: ReplayReport | null = null
    try {
      report = await checkLog(this.#host.disk, this.#host.clock, 'log', from, (record) => check.take(record))
      for (const { file, offset, reason } of report.damage) found.push({ file, offset, message: reason })
    } catch (error) {
      if (!(error instanceof TsinkError) || (error.kind !== 'corrupt' && error.kind !== 'io')) throw error
      if (error.detail['missing'] === true) return false
      found.push(problemOf('log', error))
    }
    for (const problem of found) this.#problems.push(problem)
    if (report === null || report.files === 0) return true
    this.#sizeBytes += report.sizeBytes
    this.#log = { files: report.files, records: report.records, samples: check.samples, tail: report.tail }
    return true
  }

  #problem(file: string, message: string): void {
    this.#problems.push({ file, offset: null, message })
  }

  async #attempt(file: string, work: () => Promise<unknown>): Promise<TsinkError | null> {
    try {
      await work()
      return null
    } catch (error) {
      if (!(error instanceof TsinkError) || (error.kind !== 'corrupt' && error.kind !== 'io')) throw error
      this.#problems.push(problemOf(file, error))
      return error
    }
  }
}

function problemOf(file: string, error: TsinkError): VerifyProblem {
  const { detail } = error
  const offset = detail['offset']
  const named = detail['file']
  return { file: typeof named === 'string' ? named : file, offset: typeof offset === 'number' ? offset : null, message: error.message }
}

/** The file's own checks, then that every chunk decodes to ascending times, as many samples as it says, and the summary that it carries. */
async function verifySegment(host: Host, segment: Segment): Promise<void> {
  await segment.verify()
  const index = await segment.loadIndex()
  const slices = new Slices(host.clock)
  const buffer = new SampleBuffer()
  const file = segment.info.path
  for (let chunk = 0; chunk < index.chunkCount.length; chunk++) {
    buffer.clear()
    buffer.base = segment.info.base
    const bytes = segment.readChunk(index, chunk)
    const where = { file, offset: index.chunkOffset[chunk]!, chunk }
    decodeChunk(bytes, buffer, -Infinity, Infinity)
    if (buffer.count !== index.chunkCount[chunk]) {
      throw corruption('BAD_FORMAT', 'a chunk has another number of samples than it says', {
        ...where,
        expected: index.chunkCount[chunk]!,
        found: buffer.count,
      })
    }
    for (let i = 1; i < buffer.count; i++) {
      if (buffer.timestamps[i]! > buffer.timestamps[i - 1]!) continue
      throw corruption('BAD_FORMAT', 'the times of a chunk do not ascend', { ...where, sample: i })
    }
    // Aggregates go by the summary and do not decode.
    const said = openChunk(bytes)
    const summary = summaryOf(buffer, 0, buffer.count)
    for (const name of summary === null ? [] : (Object.keys(summary) as (keyof typeof summary)[])) {
      if (Object.is(said[name], summary![name])) continue
      throw corruption('BAD_FORMAT', `the summary of a chunk is wrong about ${name}`, {
        ...where,
        expected: summary![name],
        found: said[name],
      })
    }
    if (slices.due) await slices.pause()
  }
}
