/**
 * Log: the write-ahead log. A record is one batch and is the commit; what `append` has returned is in the hands of the operating system, what
 * `commit` has resolved (mode `every`) is on the disk.
 *
 *     append ─▸ current file ──────────────▸ commits that wait share one sync
 *                  │ full: the next file, made ahead, takes over      (no await inside append)
 *     cut    ─▸ oldest files are removed, while writing goes on
 *
 * A failed write or sync poisons the log: nothing more is appended until the store is opened again, since nobody knows what the disk holds. A full
 * disk is the exception: the record is taken back, and `probe` lets writing go on when there is space again.
 */
import { assert, TsinkError, type Durability } from '@tsink/core'
import type { Clock, Disk, Timer } from '@tsink/host'
import { GroupSync } from './group-sync.ts'
import { listLogFiles, LogFiles, type OpenFile } from './log-files.ts'
import { comparePositions, START, type Position } from './position.ts'
import { encodeMark, encodeRecord, FILE_HEADER_BYTES, MARK_BYTES, MARK_TYPE, MAX_PAYLOAD_BYTES, recordBytes } from './record.ts'
import { Reserve } from './reserve.ts'
import { runReplay, type LogFileEntry, type LogRecord, type ReplayOutcome, type ReplayProgress, type ReplayReport } from './replay.ts'

export type { LogRecord } from './replay.ts'

/** When appended records are made durable: before `commit` resolves, at most `periodMs` after they are appended, or when the system likes. */
export type SyncMode = 'every' | 'periodic' | 'os'

export interface LogOptions {
  readonly clock: Clock
  /** Default 'every'. */
  readonly sync?: SyncMode
  /** Longest time that a record of the mode `periodic` stays unsynced. Default 1,000. */
  readonly periodMs?: number
  /** A file that has reached this size is followed by the next. Default 64 MiB: cutting frees space in steps of it. */
  readonly fileBytes?: number
  /** The log's files together stay below this; then append throws LOG_FULL. Default 4 GiB. */
  readonly maxBytes?: number
  /** Space held back while the log is open, for the moment when the disk is full. Default 1 MiB; 0 for none. */
  readonly reserveBytes?: number
  /** What to do about damage: stop at it, or set it aside and go on. Default 'strict'. */
  readonly replay?: 'strict' | 'salvage'
  /** Where replay begins: files before this position are removed. A log that was ever cut is opened with the position of the cut. Default the beginning. */
  readonly from?: Position
  readonly onProgress?: (progress: ReplayProgress) => void
}

const DEFAULT_FILE_BYTES = 64 * 1024 * 1024
const DEFAULT_MAX_BYTES = 4 * 1024 * 1024 * 1024
const DEFAULT_RESERVE_BYTES = 1024 * 1024
const DEFAULT_PERIOD_MS = 1_000
const MIN_BUFFER_BYTES = 65_536

export class Log {
  readonly #disk: Disk
  readonly #dir: string
  readonly #clock: Clock
  readonly #mode: SyncMode
  readonly #periodMs: number
  readonly #fileBytes: number
  readonly #maxBytes: number
  readonly #reserve: Reserve
  readonly #files: LogFiles
  readonly #syncs: GroupSync

  // Files that are not written any more, oldest first.
  #closed: LogFileEntry[] = []
  // Full files with bytes that are not synced yet, oldest first; the current file follows them.
  #unsynced: OpenFile[] = []
  #current: OpenFile | null = null
  // The number of the first file of this run.
  #firstNumber = 1
  #next: OpenFile | null = null
  #nextComing: Promise<void> | null = null

  #durable: Position = START
  #marked: Position = START
  #lastSequence = 0
  #timer: Timer | null = null
  #probing: Promise<boolean> | null = null
  #trouble: TsinkError | null = null
  #isFull = false
  #isClosed = false
  #buffer: Uint8Array = new Uint8Array(MIN_BUFFER_BYTES)
  #view: DataView = new DataView(this.#buffer.buffer)

  private constructor(disk: Disk, dir: string, options: LogOptions) {
    this.#disk = disk
    this.#dir = dir
    this.#clock = options.clock
    this.#mode = options.sync ?? 'every'
    this.#periodMs = options.periodMs ?? DEFAULT_PERIOD_MS
    this.#fileBytes = options.fileBytes ?? DEFAULT_FILE_BYTES
    this.#maxBytes = options.maxBytes ?? DEFAULT_MAX_BYTES
    this.#reserve = new Reserve(disk, dir, options.reserveBytes ?? DEFAULT_RESERVE_BYTES)
    this.#files = new LogFiles(disk, dir)
    this.#syncs = new GroupSync(() => this.#sync())
  }

  /**
   * Opens the log of a directory (made when it is not there), replays it, and makes it ready for appending behind what was replayed. One process
   * may do so at a time: the caller holds the store's lock. When the disk is full, the log is open all the same, see {@link poisoned}.
   * @throws TsinkError of kind corrupt when replay is strict and durable records do not verify; UNKNOWN_VERSION in both modes; what `onRecord` throws.
   */
  static async open(
    disk: Disk,
    dir: string,
    options: LogOptions,
    onRecord: (record: LogRecord) => void,
  ): Promise<{ log: Log; report: ReplayReport }> {
    const log = new Log(disk, dir, options)
    const from = options.from ?? START
    try {
      await log.#files.makeDirectory()
    } catch (error) {
      if (!isDiskFull(error)) throw error
      log.#refuse(error, true)
    }
    const all = await listLogFiles(disk, dir)
    const files = all.filter(({ number }) => number >= from.file)
    for (const { number, path } of all) if (number < from.file) await disk.remove(path)
    const plan = {
      disk,
      clock: options.clock,
      dir,
      files,
      from,
      mode: options.replay ?? 'strict',
      onProgress: options.onProgress,
      onRecord,
    }
    const outcome = await runReplay(plan)
    try {
      await log.#goOn(await log.#files.mend(files, outcome, from), outcome, from)
    } catch (error) {
      await log.#current?.file.close()
      throw error
    }
    return { log, report: outcome.report }
  }

  /** Where the next record will stand. `position.file` changes only as `append`, `rotate` or `probe` returns. */
  get position(): Position {
    const current = this.#current
    if (current === null) return { file: this.#firstNumber, offset: FILE_HEADER_BYTES + MARK_BYTES }
    return { file: current.number, offset: current.end + (this.#needsMark() ? MARK_BYTES : 0) }
  }

  /** Everything before it is on the disk. */
  get durable(): Position {
    return this.#durable
  }

  /** Size of all files, without the reserve. */
  get sizeBytes(): number {
    let bytes = this.#current?.end ?? 0
    if (this.#next !== null) bytes += this.#next.end
    for (const file of this.#closed) bytes += file.sizeBytes
    for (const file of this.#unsynced) bytes += file.end
    return bytes
  }

  /** Why nothing can be appended: READ_ONLY with the cause, or null. When the cause is DISK_FULL, {@link probe} may lift it. */
  get poisoned(): TsinkError | null {
    return this.#trouble
  }

  /**
   * Appends one record. `type` is 1 to 255; `payload` is copied and may be empty. When it returns, the system has the bytes.
   * @returns where the record stands.
   * @throws TsinkError LOG_FULL when the log has reached its size limit (cut it); TOO_LARGE; DISK_FULL and WRITE_FAILED the first time, READ_ONLY
   * from then on; CLOSED. The record is not in the log then, save after WRITE_FAILED, when it may be.
   */
  append(type: number, sequence: number, payload: Uint8Array): Position {
    assert(type > MARK_TYPE && type < 256, 'a record has a type from 1 to 255')
    const current = this.#writable()
    if (payload.length > MAX_PAYLOAD_BYTES) {
      throw new TsinkError('TOO_LARGE', `a log record of ${payload.length} bytes is over the limit of ${MAX_PAYLOAD_BYTES}`, {
        detail: { limit: MAX_PAYLOAD_BYTES, found: payload.length },
      })
    }
    const bytes = recordBytes(payload.length) + (this.#needsMark() ? MARK_BYTES : 0)
    const sizeBytes = this.sizeBytes
    // The mark that closing writes has its place.
    if (sizeBytes + bytes + MARK_BYTES > this.#maxBytes) {
      throw new TsinkError(
        'LOG_FULL',
        `the log has ${sizeBytes} bytes and may have ${this.#maxBytes}; it shrinks when the head is flushed`,
        {
          detail: { limit: this.#maxBytes, found: sizeBytes },
        },
      )
    }
    const position = this.position
    this.#write(current, type, sequence, payload, bytes)
    this.#lastSequence = sequence
    if (this.#mode === 'periodic' && this.#timer === null) this.#startTimer()
    if (current.end >= this.#fileBytes) this.#moveOn()
    if (this.#current!.end >= this.#fileBytes / 2 && this.#next === null) this.#makeNext()
    return position
  }

  /**
   * In mode `every`: resolves with `durable` when everything appended before the call is on the disk; calls that wait together share one sync. In
   * the other modes: resolves at once with `appended`.
   * @throws TsinkError SYNC_FAILED, or READ_ONLY when the log was poisoned before.
   */
  async commit(): Promise<Durability> {
    if (this.#mode !== 'every') {
      if (this.#trouble !== null && !this.#isFull) throw this.#trouble
      return 'appended'
    }
    await this.sync()
    return 'durable'
  }

  /** Resolves when everything appended before the call is on the disk, in every mode. */
  sync(): Promise<void> {
    if (this.#trouble !== null && !this.#isFull) return Promise.reject(this.#trouble)
    return this.#syncs.isRunning || this.#hasUnsynced() ? this.#syncs.ride() : Promise.resolve()
  }

  /** Begins a new file, so that a later cut before the answer frees everything appended before the call. */
  async rotate(): Promise<Position> {
    const before = this.#writable()
    if (before.isEmpty) return this.position
    if (this.#next === null) this.#makeNext()
    await this.#nextComing
    if (this.#writable() === before) this.#moveOn()
    return this.position
  }

  /** Removes the files whose records are all before `before`. Appending goes on meanwhile. */
  async cut(before: Position): Promise<void> {
    // What is cut is in segments, but a file in the middle of a sync has to come out of it first.
    if (this.#trouble === null && this.#unsynced.some((file) => file.number < before.file)) await this.sync()
    let removed = false
    while (this.#closed.length > 0 && this.#closed[0]!.number < before.file) {
      await this.#disk.remove(this.#closed[0]!.path)
      this.#closed.shift()
      removed = true
    }
    if (removed) await this.#disk.syncDirectory(this.#dir)
  }

  /**
   * After DISK_FULL: tries whether there is space again for the reserve and as much besides, and if so lifts the poison. Answers whether the log
   * takes records.
   */
  probe(): Promise<boolean> {
    this.#probing ??= this.#probe().finally(() => {
      this.#probing = null
    })
    return this.#probing
  }

  async #probe(): Promise<boolean> {
    if (!this.#isFull || this.#isClosed) return this.#trouble === null && !this.#isClosed
    if ((await this.#disk.freeBytes()) < 2 * this.#reserve.sizeBytes) return false
    try {
      await this.#files.makeDirectory()
      await this.#reserve.make()
      if (this.#current === null) await this.#begin()
      else if (this.#current.file.sizeBytes > this.#current.end) this.#current.file.truncate(this.#current.end)
    } catch (error) {
      if (isDiskFull(error)) return false
      throw this.#refuse(error, false)
    }
    this.#trouble = null
    this.#isFull = false
    return true
  }

  /**
   * Syncs and closes. When it resolves, everything that was appended is on the disk; else it throws, and the files are closed all the same.
   * @throws TsinkError SYNC_FAILED, or READ_ONLY when the log was poisoned before.
   */
  async close(): Promise<void> {
    if (this.#isClosed) return
    try {
      await this.#nextComing
      await this.#probing
      // A poisoned log refuses here: the caller must not believe that everything is on the disk.
      await this.sync()
      if (this.#trouble === null && this.#needsMark()) await this.#writeLastMark(this.#current!)
      await this.#reserve.giveUp()
    } finally {
      this.#isClosed = true
      this.#timer?.cancel()
      await this.#syncs.settle()
      for (const open of [...this.#unsynced, this.#current, this.#next]) await open?.file.close()
    }
  }

  /** Everything is on the disk; the mark lets the next replay know. A full disk may keep it out. */
  async #writeLastMark(current: OpenFile): Promise<void> {
    try {
      this.#write(current, MARK_TYPE, this.#lastSequence, this.#mark(current), MARK_BYTES)
    } catch (error) {
      if (isDiskFull(error)) return
      throw error
    }
    await this.sync()
  }

  #writable(): OpenFile {
    if (this.#isClosed) throw new TsinkError('CLOSED', 'the log is closed')
    if (this.#trouble !== null) throw this.#trouble
    assert(this.#current !== null, 'a log that takes records has a file')
    return this.#current
  }

  /** Writes a record, behind a mark when one is due, in one call. */
  #write(current: OpenFile, type: number, sequence: number, payload: Uint8Array, bytes: number): void {
    if (bytes > this.#buffer.length) {
      this.#buffer = new Uint8Array(Math.max(bytes, this.#buffer.length * 2))
      this.#view = new DataView(this.#buffer.buffer)
    }
    const { file, seed, end } = current
    let at = 0
    if (type !== MARK_TYPE && this.#needsMark()) {
      at = encodeRecord(this.#buffer, this.#view, 0, seed, end, MARK_TYPE, this.#lastSequence, this.#mark(current))
    }
    at = encodeRecord(this.#buffer, this.#view, at, seed, end + at, type, sequence, payload)
    try {
      file.writeSync(this.#buffer.subarray(0, at), end)
    } catch (error) {
      this.#takeBack(current, error)
      throw error
    }
    current.end = end + at
    current.isEmpty &&= type === MARK_TYPE
    this.#marked = this.#durable
  }

  /** A write has failed: when the disk is full, what is there of the record is cut off again, and the log can go on later. */
  #takeBack(current: OpenFile, error: unknown): void {
    const isFull = isDiskFull(error)
    if (isFull) {
      try {
        current.file.truncate(current.end)
      } catch {
        // The probe tries again, before anything is appended.
      }
    }
    this.#refuse(error, isFull)
    // The reserve makes room for what closing in good order has to write.
    if (isFull) void this.#reserve.giveUp()
  }

  #refuse(error: unknown, isFull: boolean): TsinkError {
    if (this.#trouble !== null && !this.#isFull) return this.#trouble
    const cause = error as Error
    const detail = cause instanceof TsinkError ? { ...cause.detail, reason: cause.code } : {}
    this.#isFull = isFull
    this.#trouble = new TsinkError('READ_ONLY', `the store takes no writes: ${cause.message}`, { cause, detail })
    return this.#trouble
  }

  #needsMark(): boolean {
    return this.#current!.end === FILE_HEADER_BYTES || comparePositions(this.#durable, this.#marked) > 0
  }

  #mark(file: OpenFile): Uint8Array {
    return encodeMark(this.#durable, file.sizeBefore)
  }

  #hasUnsynced(): boolean {
    const current = this.#current
    if (this.#unsynced.length > 0) return true
    return current !== null && comparePositions(this.#durable, { file: current.number, offset: current.end }) < 0
  }

  /** Syncs what is there now, the oldest file first. */
  async #sync(): Promise<void> {
    if (this.#trouble !== null && !this.#isFull) throw this.#trouble
    const full = this.#unsynced.slice()
    const current = this.#current
    const end = current?.end ?? 0
    try {
      for (const open of full) {
        await open.file.sync()
        this.#durable = { file: open.number, offset: open.end }
        await open.file.close()
        assert(this.#unsynced.shift() === open, 'full files are synced oldest first')
        this.#closed.push({ number: open.number, path: open.path, sizeBytes: open.end })
      }
      if (current === null) return
      await current.file.sync()
      const durable = { file: current.number, offset: end }
      if (comparePositions(durable, this.#durable) > 0) this.#durable = durable
    } catch (error) {
      this.#refuse(error, false)
      throw error
    }
  }

  #startTimer(): void {
    this.#timer = this.#clock.setTimer(this.#periodMs, () => {
      this.#timer = null
      // A failure poisons the log, and the next append says so.
      this.sync().catch(() => undefined)
    })
  }

  /** The next file takes over, if it is there. */
  #moveOn(): void {
    const next = this.#next
    if (next === null) return
    next.sizeBefore = this.#current!.end
    this.#unsynced.push(this.#current!)
    this.#current = next
    this.#next = null
    // Without commits nobody else would sync the full file. A failure poisons the log, and the next append says so.
    this.sync().catch(() => undefined)
  }

  #makeNext(): void {
    if (this.#nextComing !== null || this.#trouble !== null) return
    this.#nextComing = this.#files
      .create(this.#current!.number + 1)
      .then(
        (next) => {
          this.#next = next
        },
        (error: unknown) => {
          this.#refuse(error, isDiskFull(error))
        },
      )
      .finally(() => {
        this.#nextComing = null
      })
  }

  /** Begins the file that this run appends to, with a mark for everything that stands before it. */
  async #begin(): Promise<void> {
    const number = this.#firstNumber
    const created = await this.#files.create(number)
    created.sizeBefore = this.#closed.at(-1)?.sizeBytes ?? 0
    this.#current = created
    this.#write(created, MARK_TYPE, this.#lastSequence, this.#mark(created), MARK_BYTES)
    await created.file.sync()
    this.#durable = { file: number, offset: created.end }
    this.#marked = this.#durable
  }

  /** Takes over what is there, and begins a file of this run's own. */
  async #goOn(closed: LogFileEntry[], { report, lastUsedFile }: ReplayOutcome, from: Position): Promise<void> {
    this.#closed = closed
    this.#lastSequence = report.lastSequence
    const newest = this.#closed.at(-1)
    if (newest !== undefined) this.#durable = { file: newest.number, offset: newest.sizeBytes }
    this.#firstNumber = Math.max(lastUsedFile, from.file) + 1
    if (this.#trouble !== null) return
    try {
      await this.#reserve.make()
      await this.#begin()
    } catch (error) {
      if (!isDiskFull(error)) throw error
      this.#refuse(error, true)
    }
  }
}

function isDiskFull(error: unknown): boolean {
  return error instanceof TsinkError && error.code === 'DISK_FULL'
}
