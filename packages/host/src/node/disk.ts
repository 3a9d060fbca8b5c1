/**
 * The disk on Node: files below one directory.
 *
 * Reads and writes are synchronous calls by file descriptor. Syncs of files are fdatasync (size and bytes, not times) on Node's thread pool.
 */
import type { ErrorCode } from '@tsink/core'
import fs from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import type { DirectoryEntry, Disk, DiskFile, DiskLock, OpenMode } from '../disk.ts'
import { splitPath } from '../path.ts'
import { codeOf, failure } from './failure.ts'
import { takeLock } from './lock.ts'

export class NodeDisk implements Disk {
  readonly kind = 'node'
  /** The directory, as an absolute path. */
  readonly root: string

  constructor(root: string) {
    this.root = resolve(root)
  }

  list(dir: string): Promise<DirectoryEntry[]> {
    const path = this.#absolute(dir)
    return attempt('READ_FAILED', 'list', path, () => {
      let entries: fs.Dirent[]
      try {
        entries = fs.readdirSync(path, { withFileTypes: true })
      } catch (error) {
        if (codeOf(error) === 'ENOENT') return []
        throw error
      }
      const listing: DirectoryEntry[] = []
      for (const entry of entries) {
        const isDirectory = entry.isDirectory()
        // Between the listing and here a file may have been removed; then it is not listed.
        const stat = isDirectory ? undefined : fs.statSync(join(path, entry.name), { throwIfNoEntry: false })
        if (isDirectory) listing.push({ name: entry.name, isDirectory, sizeBytes: 0 })
        else if (stat !== undefined) listing.push({ name: entry.name, isDirectory, sizeBytes: stat.size })
      }
      return listing.sort((a, b) => (a.name < b.name ? -1 : 1))
    })
  }

  makeDirectory(dir: string): Promise<void> {
    const path = this.#absolute(dir)
    return attempt('WRITE_FAILED', 'make directory', path, () => {
      const first = makeFolders(path)
      // The names of the root and of what was made above it are outside of the disk: nobody else can make them durable.
      if (first === undefined || process.platform === 'win32' || !this.root.startsWith(first)) return
      for (let made = this.root; made.length >= first.length; made = dirname(made)) syncNow(dirname(made), 'r')
    })
  }

  open(path: string, mode: OpenMode): Promise<DiskFile> {
    const absolute = this.#absolute(path)
    return attempt(mode === 'create' ? 'WRITE_FAILED' : 'READ_FAILED', 'open', absolute, () => {
      const fd = fs.openSync(absolute, mode === 'read' ? 'r' : mode === 'write' ? 'r+' : 'wx+')
      return new NodeFile(path, absolute, fd, mode === 'create' ? 0 : fs.fstatSync(fd).size)
    })
  }

  rename(from: string, to: string): Promise<void> {
    const source = this.#absolute(from)
    return attempt('WRITE_FAILED', 'rename', source, () => fs.renameSync(source, this.#absolute(to)))
  }

  link(from: string, to: string): Promise<void> {
    const source = this.#absolute(from)
    const target = this.#absolute(to)
    return attempt('WRITE_FAILED', 'link', source, () => {
      try {
        fs.linkSync(source, target)
      } catch (error) {
        // Some file systems (FAT, some network shares) have no links, and none spans devices.
        if (!['EPERM', 'EXDEV', 'ENOTSUP', 'ENOSYS', 'EOPNOTSUPP'].includes(codeOf(error))) throw error
        fs.copyFileSync(source, target, fs.constants.COPYFILE_EXCL | fs.constants.COPYFILE_FICLONE)
        // A link is whole at once; so must a copy be.
        syncNow(target, 'r+')
      }
    })
  }

  async remove(path: string): Promise<void> {
    const absolute = this.#absolute(path)
    try {
      await fs.promises.rm(absolute, { recursive: true, force: true })
    } catch (error) {
      throw failure('WRITE_FAILED', 'remove', absolute, error)
    }
  }

  async syncDirectory(dir: string): Promise<void> {
    const path = this.#absolute(dir)
    // Windows has no sync of directories: NTFS journals its names itself.
    if (process.platform === 'win32') return
    try {
      const handle = await fs.promises.open(path, 'r')
      try {
        await handle.sync()
      } finally {
        await handle.close()
      }
    } catch (error) {
      throw failure('SYNC_FAILED', 'sync directory', path, error)
    }
  }

  async freeBytes(): Promise<number> {
    try {
      const stat = await fs.promises.statfs(this.root)
      return stat.bavail * stat.bsize
    } catch {
      return Infinity
    }
  }

  lock(path: string): Promise<DiskLock> {
    return takeLock(this.#absolute(path))
  }

  #absolute(path: string): string {
    return join(this.root, ...splitPath(path))
  }
}

class NodeFile implements DiskFile {
  readonly path: string
  readonly #absolute: string
  #fd: number
  #sizeBytes: number

  constructor(path: string, absolute: string, fd: number, sizeBytes: number) {
    this.path = path
    this.#absolute = absolute
    this.#fd = fd
    this.#sizeBytes = sizeBytes
  }

  get sizeBytes(): number {
    return this.#sizeBytes
  }

  readSync(into: Uint8Array, offset: number): number {
    try {
      let done = 0
      while (done < into.length) {
        const count = fs.readSync(this.#fd, into, done, into.length - done, offset + done)
        if (count === 0) break
        done += count
      }
      return done
    } catch (error) {
      throw failure('READ_FAILED', 'read', this.#absolute, error, offset)
    }
  }

  writeSync(bytes: Uint8Array, offset: number): void {
    let done = 0
    try {
      while (done < bytes.length) done += fs.writeSync(this.#fd, bytes, done, bytes.length - done, offset + done)
    } catch (error) {
      throw failure('WRITE_FAILED', 'write', this.#absolute, error, offset + done)
    } finally {
      if (done > 0 && offset + done > this.#sizeBytes) this.#sizeBytes = offset + done
    }
  }

  sync(): Promise<void> {
    return new Promise((resolve, reject) => {
      fs.fdatasync(this.#fd, (error) => (error === null ? resolve() : reject(failure('SYNC_FAILED', 'sync', this.#absolute, error))))
    })
  }

  syncSync(): void {
    try {
      fs.fdatasyncSync(this.#fd)
    } catch (error) {
      throw failure('SYNC_FAILED', 'sync', this.#absolute, error)
    }
  }

  truncate(sizeBytes: number): void {
    try {
      fs.ftruncateSync(this.#fd, sizeBytes)
      this.#sizeBytes = sizeBytes
    } catch (error) {
      throw failure('WRITE_FAILED', 'truncate', this.#absolute, error)
    }
  }

  async close(): Promise<void> {
    if (this.#fd < 0) return
    const fd = this.#fd
    this.#fd = -1
    try {
      fs.closeSync(fd)
    } catch (error) {
      throw failure('WRITE_FAILED', 'close', this.#absolute, error)
    }
  }
}

function syncNow(path: string, flags: 'r' | 'r+'): void {
  const fd = fs.openSync(path, flags)
  try {
    fs.fsyncSync(fd)
  } finally {
    fs.closeSync(fd)
  }
}

function attempt<T>(code: ErrorCode, verb: string, path: string, run: () => T): Promise<T> {
  try {
    return Promise.resolve(run())
  } catch (error) {
    return Promise.reject(failure(code, verb, path, error))
  }
}

/** Makes a folder with those above it and returns the first that was new. Node's own recursion never ends where a parent takes no folders, as /proc. */
function makeFolders(path: string): string | undefined {
  try {
    fs.mkdirSync(path)
    return path
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST' && fs.statSync(path).isDirectory()) return undefined
    if (code !== 'ENOENT' || fs.existsSync(dirname(path))) throw error
  }
  const first = makeFolders(dirname(path))
  fs.mkdirSync(path)
  return first ?? path
}
