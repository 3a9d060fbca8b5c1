/** LogFiles: the directory of a log: which files there are, how a new one is made, and how what replay found is put right before writing goes on. */
import type { Disk, DiskFile } from '@tsink/host'
import type { Position } from './position.ts'
import { encodeFileHeader, FILE_HEADER_BYTES, fileName, fileNumber, fileSeed } from './record.ts'
import type { LogFileEntry, ReplayOutcome } from './replay.ts'

/** A file that is written or waits for its last sync. */
export interface OpenFile {
  readonly number: number
  readonly path: string
  readonly seed: number
  readonly file: DiskFile
  /** Where the next record goes. */
  end: number
  /** Size of the file before, 0 when there is none. */
  sizeBefore: number
  /** Whether it has no record of the engine yet. */
  isEmpty: boolean
}

/** The files of a log's directory, oldest first. */
export async function listLogFiles(disk: Disk, dir: string): Promise<LogFileEntry[]> {
  const files: LogFileEntry[] = []
  for (const { name, sizeBytes } of await disk.list(dir)) {
    const number = fileNumber(name)
    if (number > 0) files.push({ number, path: `${dir}/${name}`, sizeBytes })
  }
  return files.sort((a, b) => a.number - b.number)
}

export class LogFiles {
  readonly #disk: Disk
  readonly #dir: string
  /** Files whose making failed and that could not be removed either. */
  readonly #unfinished = new Set<string>()

  constructor(disk: Disk, dir: string) {
    this.#disk = disk
    this.#dir = dir
  }

  async makeDirectory(): Promise<void> {
    await this.#disk.makeDirectory(this.#dir)
    const at = this.#dir.lastIndexOf('/')
    await this.#disk.syncDirectory(at < 0 ? '' : this.#dir.slice(0, at))
  }

  /** Makes a file whose header and name are durable. */
  async create(number: number): Promise<OpenFile> {
    const path = `${this.#dir}/${fileName(number)}`
    if (this.#unfinished.has(path)) await this.#disk.remove(path)
    const file = await this.#disk.open(path, 'create')
    try {
      file.writeSync(encodeFileHeader(number), 0)
      await file.sync()
      await this.#disk.syncDirectory(this.#dir)
    } catch (error) {
      await file.close()
      await this.#disk.remove(path).catch(() => this.#unfinished.add(path))
      throw error
    }
    this.#unfinished.delete(path)
    return { number, path, seed: fileSeed(number), file, end: FILE_HEADER_BYTES, sizeBefore: 0, isEmpty: true }
  }

  /** Brings the directory to the state that replay found: without the tail, without empty files, and durable. Answers the files that stay. */
  async mend(
    files: readonly LogFileEntry[],
    { end, durable, lastUsedFile, report }: ReplayOutcome,
    from: Position,
  ): Promise<LogFileEntry[]> {
    // The newest first: a crash in between leaves the tail where it was.
    const last = Math.max(lastUsedFile, from.file)
    let removed = false
    for (const { number, path } of files.toReversed()) {
      if (number <= last) break
      await this.#disk.remove(path)
      removed = true
    }
    if (removed) await this.#disk.syncDirectory(this.#dir)
    const staying: LogFileEntry[] = []
    for (const { number, path, sizeBytes } of files) {
      if (number > last) break
      let size = report.tail !== null && number === end.file ? end.offset : sizeBytes
      if (number >= durable.file) {
        const file = await this.#disk.open(path, 'write')
        if (size < sizeBytes) file.truncate(size)
        // A file that is needed for its number alone.
        if (size < FILE_HEADER_BYTES) {
          size = FILE_HEADER_BYTES
          file.writeSync(encodeFileHeader(number), 0)
        }
        await file.sync()
        await file.close()
      }
      staying.push({ number, path, sizeBytes: size })
    }
    return staying
  }
}
