/**
 * The disk in a browser: files of the origin-private file system, by synchronous access handles, which only a worker has.
 *
 * The browser gives out one access handle a file, so every open file of this disk shares its file's handle, and the last one to close gives it
 * back. Renaming a file gives its handle back for a moment. Names are the browser's own affair: there is no sync of directories, and a rename
 * over another file is one step in its records. Locks are Web Locks: they go when the worker or the page does.
 */
import { TsinkError, type ErrorCode } from '@tsink/core'
import type { DirectoryEntry, Disk, DiskFile, DiskLock, OpenMode } from '../disk.ts'
import { parentOf, splitPath } from '../path.ts'

// The parts of the File System API that TypeScript's library for pages leaves out.
interface AccessHandle {
  read(into: Uint8Array, options: { at: number }): number
  write(bytes: Uint8Array, options: { at: number }): number
  truncate(sizeBytes: number): void
  getSize(): number
  flush(): void
  close(): void
}
interface WorkerFileHandle extends FileSystemFileHandle {
  createSyncAccessHandle(): Promise<AccessHandle>
  move?(parent: FileSystemDirectoryHandle, name: string): Promise<void>
}
/** One file of this disk that is open, for all who have it open. */
interface SharedFile {
  path: string
  access: AccessHandle
  users: number
}

const COPY_BYTES = 1_048_576

export class OpfsDisk implements Disk {
  readonly kind = 'opfs'
  readonly #root: FileSystemDirectoryHandle
  readonly #name: string
  readonly #open = new Map<string, SharedFile>()
  // Opening, renaming and linking take several steps that no other may come between: they run one after the other.
  #last: Promise<unknown> = Promise.resolve()

  private constructor(root: FileSystemDirectoryHandle, name: string) {
    this.#root = root
    this.#name = name
  }

  /** The disk of a directory, which is made when it is not there. @throws TsinkError UNSUPPORTED outside of a worker. */
  static async open(directory: string): Promise<OpfsDisk> {
    const isWorker = 'WorkerGlobalScope' in globalThis
    if (!isWorker || !('storage' in navigator) || !('createSyncAccessHandle' in FileSystemFileHandle.prototype)) {
      throw new TsinkError('UNSUPPORTED', 'files in a browser need a dedicated worker and the origin-private file system')
    }
    let handle = await navigator.storage.getDirectory()
    for (const name of splitPath(directory)) handle = await handle.getDirectoryHandle(name, { create: true })
    return new OpfsDisk(handle, splitPath(directory).join('/'))
  }

  list(dir: string): Promise<DirectoryEntry[]> {
    return this.#inTurn('READ_FAILED', 'list', dir, async () => {
      const handle = await this.#directory(dir).catch((error: unknown) => {
        if (nameOf(error) === 'NotFoundError') return null
        throw error
      })
      if (handle === null) return []
      const listing: DirectoryEntry[] = []
      for await (const [name, child] of handle.entries()) {
        if (child.kind === 'directory') listing.push({ name, isDirectory: true, sizeBytes: 0 })
        else {
          const shared = this.#open.get([...splitPath(dir), name].join('/'))
          listing.push({
            name,
            isDirectory: false,
            sizeBytes: shared?.access.getSize() ?? (await (child as FileSystemFileHandle).getFile()).size,
          })
        }
      }
      return listing.sort((a, b) => (a.name < b.name ? -1 : 1))
    })
  }

  makeDirectory(dir: string): Promise<void> {
    return this.#inTurn('WRITE_FAILED', 'make directory', dir, async () => {
      let handle = this.#root
      for (const name of splitPath(dir)) handle = await handle.getDirectoryHandle(name, { create: true })
    })
  }

  open(path: string, mode: OpenMode): Promise<DiskFile> {
    return this.#inTurn(mode === 'create' ? 'WRITE_FAILED' : 'READ_FAILED', 'open', path, async () => {
      const { dir, name } = parentOf(path)
      const directory = await this.#directory(dir)
      if (mode === 'create' && (await exists(directory, name))) throw new DOMException('the file exists', 'InvalidModificationError')
      const key = splitPath(path).join('/')
      let shared = this.#open.get(key)
      if (shared === undefined) {
        const handle = (await directory.getFileHandle(name, { create: mode === 'create' })) as WorkerFileHandle
        shared = { path: key, access: await handle.createSyncAccessHandle(), users: 0 }
        this.#open.set(key, shared)
      }
      shared.users++
      return new OpfsFile(path, shared, () => this.#release(shared))
    })
  }

  rename(from: string, to: string): Promise<void> {
    return this.#inTurn('WRITE_FAILED', 'rename', from, async () => {
      const source = parentOf(from)
      const target = parentOf(to)
      const sourceDirectory = await this.#directory(source.dir)
      const targetDirectory = await this.#directory(target.dir)
      if (await isDirectory(sourceDirectory, source.name)) {
        await this.#moveTree(splitPath(from).join('/'), splitPath(to).join('/'))
        await sourceDirectory.removeEntry(source.name, { recursive: true })
      } else await this.#moveFile(sourceDirectory, splitPath(from).join('/'), targetDirectory, splitPath(to).join('/'))
    })
  }

  link(from: string, to: string): Promise<void> {
    return this.#inTurn('WRITE_FAILED', 'link', from, async () => {
      const source = parentOf(from)
      const target = parentOf(to)
      const directory = await this.#directory(target.dir)
      if (await exists(directory, target.name)) throw new DOMException('the file exists', 'InvalidModificationError')
      const handle = (await (await this.#directory(source.dir)).getFileHandle(source.name)) as WorkerFileHandle
      const shared = this.#open.get(splitPath(from).join('/'))
      const reader = shared?.access ?? (await handle.createSyncAccessHandle())
      try {
        const copy = (await directory.getFileHandle(target.name, { create: true })) as WorkerFileHandle
        const writer = await copy.createSyncAccessHandle()
        try {
          const piece = new Uint8Array(COPY_BYTES)
          for (let at = 0, count = 0; (count = reader.read(piece, { at })) > 0; at += count)
            writeWhole(writer, piece.subarray(0, count), at)
          writer.flush()
        } finally {
          writer.close()
        }
      } finally {
        if (shared === undefined) reader.close()
      }
    })
  }

  remove(path: string): Promise<void> {
    return this.#inTurn('WRITE_FAILED', 'remove', path, async () => {
      const { dir, name } = parentOf(path)
      const prefix = splitPath(path).join('/')
      // Who has it open loses it, as the file system does not let a file in use go.
      for (const [key, shared] of this.#open) {
        if (key !== prefix && !key.startsWith(`${prefix}/`)) continue
        shared.access.close()
        this.#open.delete(key)
      }
      try {
        await (await this.#directory(dir)).removeEntry(name, { recursive: true })
      } catch (error) {
        if (nameOf(error) !== 'NotFoundError') throw error
      }
    })
  }

  async syncDirectory(): Promise<void> {
    // The browser keeps its records of names itself.
  }

  async freeBytes(): Promise<number> {
    const { quota, usage } = await navigator.storage.estimate()
    return quota === undefined ? Infinity : Math.max(0, quota - (usage ?? 0))
  }

  lock(path: string): Promise<DiskLock> {
    const name = `tsink ${this.#name}/${splitPath(path).join('/')}`
    return new Promise((resolve, reject) => {
      const held = navigator.locks.request(name, { mode: 'exclusive', ifAvailable: true }, (lock) => {
        if (lock === null) {
          reject(new TsinkError('LOCKED', `${path} is locked: the store is open in another tab or worker`, { detail: { file: path } }))
          return undefined
        }
        // The lock is held until this promise resolves.
        return new Promise<void>((letGo) => {
          resolve({
            release: async (): Promise<void> => {
              letGo()
              await held
            },
          })
        })
      })
      held.catch(reject)
    })
  }

  async #moveFile(from: FileSystemDirectoryHandle, fromKey: string, to: FileSystemDirectoryHandle, toKey: string): Promise<void> {
    const handle = (await from.getFileHandle(parentOf(fromKey).name)) as WorkerFileHandle
    if (handle.move === undefined) throw new DOMException('this browser cannot rename files', 'NotSupportedError')
    const shared = this.#open.get(fromKey)
    shared?.access.close()
    try {
      await handle.move(to, parentOf(toKey).name)
      if (shared !== undefined) {
        this.#open.delete(fromKey)
        this.#open.set(toKey, shared)
        shared.path = toKey
      }
    } finally {
      if (shared !== undefined) shared.access = await handle.createSyncAccessHandle()
    }
  }

  // Directories have no rename: their files are moved one by one.
  async #moveTree(from: string, to: string): Promise<void> {
    const source = await this.#directory(from)
    const target = await (await this.#directory(parentOf(to).dir)).getDirectoryHandle(parentOf(to).name, { create: true })
    const names: [string, boolean][] = []
    for await (const [name, child] of source.entries()) names.push([name, child.kind === 'directory'])
    for (const [name, isTree] of names) {
      if (isTree) await this.#moveTree(`${from}/${name}`, `${to}/${name}`)
      else await this.#moveFile(source, `${from}/${name}`, target, `${to}/${name}`)
    }
  }

  #release(shared: SharedFile): void {
    if (--shared.users > 0) return
    shared.access.close()
    if (this.#open.get(shared.path) === shared) this.#open.delete(shared.path)
  }

  async #directory(dir: string): Promise<FileSystemDirectoryHandle> {
    let handle = this.#root
    for (const name of splitPath(dir)) handle = await handle.getDirectoryHandle(name)
    return handle
  }

  #inTurn<T>(code: ErrorCode, verb: string, path: string, run: () => Promise<T>): Promise<T> {
    // Paths are checked at once, as on the other disks.
    splitPath(path)
    const result = this.#last.then(run).catch((error: unknown) => {
      throw failure(code, verb, path, error)
    })
    this.#last = result.catch(() => undefined)
    return result
  }
}

class OpfsFile implements DiskFile {
  readonly path: string
  readonly #shared: SharedFile
  readonly #release: () => void
  #isOpen = true

  constructor(path: string, shared: SharedFile, release: () => void) {
    this.path = path
    this.#shared = shared
    this.#release = release
  }

  get sizeBytes(): number {
    return this.#shared.access.getSize()
  }

  readSync(into: Uint8Array, offset: number): number {
    try {
      return this.#shared.access.read(into, { at: offset })
    } catch (error) {
      throw failure('READ_FAILED', 'read', this.path, error)
    }
  }

  writeSync(bytes: Uint8Array, offset: number): void {
    try {
      writeWhole(this.#shared.access, bytes, offset)
    } catch (error) {
      throw failure('WRITE_FAILED', 'write', this.path, error)
    }
  }

  async sync(): Promise<void> {
    this.syncSync()
  }

  syncSync(): void {
    try {
      this.#shared.access.flush()
    } catch (error) {
      throw failure('SYNC_FAILED', 'sync', this.path, error)
    }
  }

  truncate(sizeBytes: number): void {
    try {
      this.#shared.access.truncate(sizeBytes)
    } catch (error) {
      throw failure('WRITE_FAILED', 'truncate', this.path, error)
    }
  }

  async close(): Promise<void> {
    if (!this.#isOpen) return
    this.#isOpen = false
    this.#release()
  }
}

function writeWhole(access: AccessHandle, bytes: Uint8Array, offset: number): void {
  let done = 0
  while (done < bytes.length) {
    const count = access.write(done === 0 ? bytes : bytes.subarray(done), { at: offset + done })
    if (count === 0) throw new DOMException('nothing more can be written', 'QuotaExceededError')
    done += count
  }
}

async function exists(directory: FileSystemDirectoryHandle, name: string): Promise<boolean> {
  if (await isDirectory(directory, name)) return true
  return directory.getFileHandle(name).then(
    () => true,
    (error: unknown) => {
      if (nameOf(error) === 'NotFoundError') return false
      throw error
    },
  )
}

function isDirectory(directory: FileSystemDirectoryHandle, name: string): Promise<boolean> {
  return directory.getDirectoryHandle(name).then(
    () => true,
    () => false,
  )
}

function nameOf(error: unknown): string {
  return (error as { name?: string } | null)?.name ?? ''
}

function failure(code: ErrorCode, verb: string, path: string, cause: unknown): TsinkError {
  const reason = nameOf(cause)
  const isFull = reason === 'QuotaExceededError' && code !== 'SYNC_FAILED'
  return new TsinkError(isFull ? 'DISK_FULL' : code, `cannot ${verb} ${path}: ${(cause as Error).message}`, {
    cause,
    detail: { file: path, errno: reason, ...(reason === 'NotFoundError' ? { missing: true } : {}) },
  })
}
