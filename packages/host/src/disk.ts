/**
 * Disk: the port over which tsink reads and writes files, and what it may count on.
 *
 * Paths are relative to the disk's root, with `/` between names; `..` is refused. Bytes move by synchronous calls, since a read from the page
 * cache costs less than a hop through a thread pool; whatever waits for hardware (sync) has an asynchronous form. What survives a power
 * loss: the bytes of a file that were written before a `sync` of that file resolved, and the names that were made, changed or removed
 * in a directory before a `syncDirectory` of it resolved. Nothing else.
 *
 * Errors are TsinkErrors: READ_FAILED, WRITE_FAILED, SYNC_FAILED and DISK_FULL, each with `detail.file` and `detail.errno`.
 */

export type OpenMode =
  /** The file exists; it is only read. */
  | 'read'
  /** The file exists; it is read and written. */
  | 'write'
  /** The file does not exist and is made, empty; it is read and written. */
  | 'create'

export interface DirectoryEntry {
  readonly name: string
  readonly isDirectory: boolean
  /** 0 for directories. */
  readonly sizeBytes: number
}

export interface Disk {
  readonly kind: 'node' | 'memory' | 'opfs'
  /** What is in a directory, sorted by name; empty when there is no such directory. */
  list(dir: string): Promise<DirectoryEntry[]>
  /** Makes a directory and those above it; fine when it is there. */
  makeDirectory(dir: string): Promise<void>
  /** @throws TsinkError READ_FAILED with `detail.missing` when the file is not there (modes read and write); WRITE_FAILED when it is (create). */
  open(path: string, mode: OpenMode): Promise<DiskFile>
  /** Gives a file or directory another name, in one step: a file that had the name is replaced. */
  rename(from: string, to: string): Promise<void>
  /** A second name for the same file where the disk has hard links, else a copy. For files that are not written any more. */
  link(from: string, to: string): Promise<void>
  /** Removes a file, or a directory with all that is in it; fine when it is not there. */
  remove(path: string): Promise<void>
  /** Makes the names in a directory durable. */
  syncDirectory(dir: string): Promise<void>
  /** Space left for this process, Infinity where that is not known. */
  freeBytes(): Promise<number>
  /**
   * Takes the lock of that name for this process. It is free at once when its holder dies, however it dies.
   * @throws TsinkError LOCKED when somebody holds it, with `detail.pid` where that is known.
   */
  lock(path: string): Promise<DiskLock>
}

export interface DiskLock {
  release(): Promise<void>
}

/** An open file. There is no position: every call says where. */
export interface DiskFile {
  readonly path: string
  /** Size as of the last write or truncate through this object. */
  readonly sizeBytes: number
  /** Fills `into` from `offset` on; the answer is the count of bytes read, less than asked only where the file ends. */
  readSync(into: Uint8Array, offset: number): number
  /** Writes all of `bytes`, or throws: then any part of them may be in the file. Past the end the gap reads as zeros. Takes no hold of `bytes`. */
  writeSync(bytes: Uint8Array, offset: number): void
  /** Makes the bytes written before the call durable. After a failure nothing is known of bytes written since the last good sync. */
  sync(): Promise<void>
  /** The same, without giving way. */
  syncSync(): void
  /** Cuts or extends (with zeros) the file. */
  truncate(sizeBytes: number): void
  close(): Promise<void>
}
