/**
 * Replay: what an opening store reads from its log, and the verdict on bytes that are no record.
 *
 * The verdict turns on marks (see docs/format/log.md): bytes that a mark calls durable and that do not verify are damage; bytes after the last
 * durable position are a tail, which a crash may leave in any state and which was never acknowledged as durable.
 */
import { corruption } from '@tsink/core'
import type { Clock, Disk } from '@tsink/host'
import { listLogFiles } from './log-files.ts'
import { comparePositions, START, type Position } from './position.ts'
import { decodeMark, FILE_HEADER_BYTES, MARK_TYPE } from './record.ts'
import { Scanner, type Fault } from './scanner.ts'

/** One record while it is replayed. The object is used again for the next record: copy what you keep. */
export interface LogRecord {
  type: number
  sequence: number
  /** A view that is valid during the call. Its memory is aligned to 8 bytes. */
  payload: Uint8Array
  position: Position
}

export interface ReplayProgress {
  readonly bytesDone: number
  readonly bytesTotal: number
  readonly records: number
}

/** Bytes that were durable once and do not verify now. */
export interface Damage {
  readonly file: string
  readonly offset: number
  readonly sizeBytes: number
  readonly reason: string
  /** The file that holds a copy of the bytes; null when there are none to copy. */
  readonly quarantine: string | null
}

export interface ReplayReport {
  readonly files: number
  readonly records: number
  /** Bytes of the files that were read. */
  readonly sizeBytes: number
  /** The highest sequence seen, 0 when there is no record. */
  readonly lastSequence: number
  /** What a crash left after the last record, null when the log ends cleanly. */
  readonly tail: { readonly file: string; readonly offset: number; readonly sizeBytes: number; readonly reason: string } | null
  /** What a salvaging replay has skipped, or a check has found. */
  readonly damage: readonly Damage[]
}

export interface LogFileEntry {
  readonly number: number
  readonly path: string
  readonly sizeBytes: number
}

export interface ReplayPlan {
  readonly disk: Disk
  readonly clock: Clock
  readonly dir: string
  /** Ascending, without the files before `from`. */
  readonly files: readonly LogFileEntry[]
  readonly from: Position
  /** What to do about damage: throw it, set its bytes aside and go on, or only note it and go on. */
  readonly mode: 'strict' | 'salvage' | 'check'
  readonly onProgress: ((progress: ReplayProgress) => void) | undefined
  readonly onRecord: (record: LogRecord) => void
}

export interface ReplayOutcome {
  readonly report: ReplayReport
  /** Where the log ends: after the last record that counts. */
  readonly end: Position
  /** The last position that a mark calls durable. */
  readonly durable: Position
  /** The highest file number with a record of the engine that counts, 0 when there is none. */
  readonly lastUsedFile: number
}

// How much is read between two turns of the event loop.
const TURN_BYTES = 1_048_576
const FIRST_RECORD = FILE_HEADER_BYTES

/**
 * Reads a log as replay would and changes nothing: `damage` of the report is what a strict replay would stop at. The log may be open meanwhile;
 * then its files may go while they are read.
 * @throws TsinkError UNKNOWN_VERSION, BAD_FORMAT for a mark that makes no sense, READ_FAILED; what `onRecord` throws.
 */
export async function checkLog(
  disk: Disk,
  clock: Clock,
  dir: string,
  from: Position,
  onRecord: (record: LogRecord) => void,
): Promise<ReplayReport> {
  const files = (await listLogFiles(disk, dir)).filter(({ number }) => number >= from.file)
  return (await runReplay({ disk, clock, dir, files, from, mode: 'check', onProgress: undefined, onRecord })).report
}

export async function runReplay(plan: ReplayPlan): Promise<ReplayOutcome> {
  return new Replay(plan).run()
}

class Replay {
  readonly #plan: ReplayPlan
  readonly #bytesTotal: number
  readonly #damage: Damage[] = []
  #buffer: Uint8Array | undefined
  #records = 0
  #lastSequence = 0
  #lastUsedFile = 0
  #durable = START
  #end = START
  #tail: ReplayReport['tail'] = null

  constructor(plan: ReplayPlan) {
    this.#plan = plan
    this.#bytesTotal = plan.files.reduce((sum, file) => sum + file.sizeBytes, 0)
  }

  async run(): Promise<ReplayOutcome> {
    const { files } = this.#plan
    this.#checkGaps()
    let bytesBefore = 0
    for (let i = 0; i < files.length && this.#tail === null; i++) {
      await this.#readFile(i, bytesBefore)
      bytesBefore += files[i]!.sizeBytes
    }
    const report: ReplayReport = {
      files: files.length,
      records: this.#records,
      sizeBytes: this.#bytesTotal,
      lastSequence: this.#lastSequence,
      tail: this.#tail,
      damage: this.#damage,
    }
    return { report, end: this.#end, durable: this.#durable, lastUsedFile: this.#lastUsedFile }
  }

  // The first file is the one that replay begins in, or, where that was never made, the next.
  #checkGaps(): void {
    let expected = this.#plan.from.file
    for (const { number, path } of this.#plan.files) {
      const isFirst = expected === this.#plan.from.file
      if (number !== expected && !(isFirst && number === expected + 1)) {
        this.#damaged(path, 0, 0, { code: 'TRUNCATED', what: 'a log file before this one is missing', expected, found: number }, null)
      }
      expected = number + 1
    }
  }

  /** Reads the records of a file, up to its end or to the tail of the log. */
  async #readFile(index: number, bytesBefore: number): Promise<void> {
    const { number, path } = this.#plan.files[index]!
    const file = await this.#plan.disk.open(path, 'read')
    try {
      const scanner = new Scanner(file, number, this.#buffer)
      const record: LogRecord = { type: 0, sequence: 0, payload: new Uint8Array(0), position: START }
      let fault = scanner.header()
      if (fault?.code === 'UNKNOWN_VERSION') throw faultError(path, 0, fault)
      if (await this.#endedEarly(index, scanner)) return
      let offset = fault === null ? FIRST_RECORD : 0
      let nextTurn = offset + TURN_BYTES
      while (offset < scanner.sizeBytes || fault !== null) {
        fault ??= scanner.at(offset)
        if (fault === null) {
          this.#deliver(scanner, number, path, offset, record)
          offset = scanner.end
        } else {
          const next = scanner.findAfter(Math.max(offset, FIRST_RECORD - 8))
          if (await this.#isTail(index, scanner, { file: number, offset }, next)) {
            this.#dropFrom(index, offset, fault)
            return
          }
          const kept = this.#plan.mode === 'salvage' ? await this.#quarantine(scanner, offset, next) : null
          this.#damaged(path, offset, next - offset, fault, kept)
          offset = next
          fault = null
        }
        if (offset >= nextTurn) {
          nextTurn = offset + TURN_BYTES
          this.#progress(bytesBefore + offset)
          await this.#plan.clock.turn()
        }
      }
      this.#end = { file: number, offset }
      this.#buffer = scanner.buffer
      this.#progress(bytesBefore + scanner.sizeBytes)
    } finally {
      await file.close()
    }
  }

  /** Whether the file before ended earlier than this one's first mark says, and that is where the log ends. */
  async #endedEarly(index: number, scanner: Scanner): Promise<boolean> {
    if (index === 0 || this.#end.file !== scanner.number - 1) return false
    if (scanner.sizeBytes <= FIRST_RECORD || scanner.at(FIRST_RECORD) !== null || scanner.type !== MARK_TYPE) return false
    const expected = decodeMark(scanner.payload)?.sizeBefore ?? 0
    const end = this.#end
    if (expected <= end.offset) return false
    const fault: Fault = { code: 'TRUNCATED', what: 'a log file has lost records at its end', expected, found: end.offset }
    if (await this.#isTail(index, scanner, end, FIRST_RECORD)) {
      this.#dropFrom(index - 1, end.offset, fault)
      return true
    }
    this.#damaged(this.#plan.files[index - 1]!.path, end.offset, 0, fault, null)
    return false
  }

  #dropFrom(index: number, offset: number, fault: Fault): void {
    const { files } = this.#plan
    const { number, path, sizeBytes } = files[index]!
    const dropped = files.slice(index + 1).reduce((sum, later) => sum + later.sizeBytes, sizeBytes - offset)
    this.#tail = { file: path, offset, sizeBytes: dropped, reason: fault.what }
    this.#end = { file: number, offset }
  }

  #deliver(scanner: Scanner, number: number, path: string, offset: number, record: LogRecord): void {
    if (scanner.type === MARK_TYPE) {
      this.#noteMark(scanner, path, offset)
      return
    }
    this.#records++
    this.#lastUsedFile = number
    if (scanner.sequence > this.#lastSequence) this.#lastSequence = scanner.sequence
    record.type = scanner.type
    record.sequence = scanner.sequence
    record.payload = scanner.payload
    record.position = { file: number, offset }
    this.#plan.onRecord(record)
  }

  #noteMark(scanner: Scanner, path: string, offset: number): void {
    const mark = decodeMark(scanner.payload)
    if (mark === null) {
      const found = scanner.payload.length
      throw faultError(path, offset, { code: 'BAD_FORMAT', what: 'a mark of the log has a wrong length', expected: 24, found })
    }
    if (comparePositions(mark.durable, this.#durable) > 0) this.#durable = mark.durable
  }

  /** Whether nothing from the fault on was ever durable. `next` is the next whole record in the scanner's file, or the file's size. */
  async #isTail(index: number, scanner: Scanner, fault: Position, next: number): Promise<boolean> {
    const { files, mode, disk } = this.#plan
    let durable = this.#durable
    let followed = false
    const search = (within: Scanner, first: number): void => {
      let at = first
      while (at < within.sizeBytes) {
        if (within.at(at) !== null) {
          at = within.findAfter(at)
          continue
        }
        const marked = within.type === MARK_TYPE ? decodeMark(within.payload) : null
        if (marked === null) followed = true
        else if (comparePositions(marked.durable, durable) > 0) durable = marked.durable
        at = within.end
      }
    }
    search(scanner, next)
    for (const { number, path } of files.slice(index + 1)) {
      const file = await disk.open(path, 'read')
      try {
        const later = new Scanner(file, number)
        search(later, later.findAfter(FIRST_RECORD - 8))
      } finally {
        await file.close()
      }
    }
    return comparePositions(durable, fault) <= 0 && !(mode === 'salvage' && followed)
  }

  /** Copies damaged bytes aside; answers the path of the copy. */
  async #quarantine(scanner: Scanner, from: number, to: number): Promise<string> {
    const { disk, dir } = this.#plan
    const folder = `${dir}/quarantine`
    await disk.makeDirectory(folder)
    const path = `${folder}/${String(scanner.number).padStart(12, '0')}-${String(from).padStart(10, '0')}.bin`
    await disk.remove(path)
    const file = await disk.open(path, 'create')
    try {
      for (let at = from; at < to; at += TURN_BYTES) file.writeSync(scanner.copy(at, Math.min(to, at + TURN_BYTES)), at - from)
      await file.sync()
    } finally {
      await file.close()
    }
    await disk.syncDirectory(folder)
    await disk.syncDirectory(dir)
    return path
  }

  #damaged(file: string, offset: number, sizeBytes: number, fault: Fault, quarantine: string | null): void {
    if (this.#plan.mode === 'strict') throw faultError(file, offset, fault)
    this.#damage.push({ file, offset, sizeBytes, reason: faultError(file, offset, fault).message, quarantine })
  }

  #progress(bytesDone: number): void {
    this.#plan.onProgress?.({ bytesDone, bytesTotal: this.#bytesTotal, records: this.#records })
  }
}

function faultError(file: string, offset: number, fault: Fault): Error {
  return corruption(fault.code, fault.what, { file, offset, expected: fault.expected, found: fault.found })
}
