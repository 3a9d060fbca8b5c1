/**
 * A disk in memory that behaves as badly as a real one may.
 *
 * Everything is deterministic. Changes (writes, truncates, syncs, creations, renames, links, removals, syncs of directories) are counted; a
 * test runs its workload once to learn the count, then again for every k with a fault at the k-th change: an I/O error, a full disk, or a
 * loss of power. After a loss of power (`crash`) the disk holds what the port promises and, as the test chooses, some of the rest:
 *
 *     file        bytes synced  │ writes since ── each kept, torn or lost
 *     directory   names synced  │ changes since ── a prefix kept
 *
 * Files keep undo records of the writes since their last sync; directories keep their durable names beside the current ones.
 */
import { assert, TsinkError, type ErrorCode } from '@tsink/core'
import type { DirectoryEntry, Disk, DiskFile, DiskLock, OpenMode } from '../disk.ts'
import { parentOf, splitPath } from '../path.ts'
import { Directory, MemoryInode, Namespace, type DirectoryNode } from './inode.ts'
import { seededRandom } from './random.ts'

export interface MemoryDiskOptions {
  /** Decides what survives a crash and how much of a failing write is done. Default 0. */
  readonly seed?: number
  /** Default true. False for a disk that is never crashed: then no undo records are kept. */
  readonly crashable?: boolean
  /** Default Infinity. Can be changed later, see {@link MemoryDisk.capacityBytes}. */
  readonly capacityBytes?: number
}

/** What of the unsynced changes a crash leaves. */
export type Survival =
  /** Nothing. */
  | 'lost'
  /** Everything: the process died, the machine did not. */
  | 'kept'
  /** Of each file a prefix of its writes, the last of them cut anywhere or ending in zeros; of each change of names a prefix. */
  | 'torn'
  /** Of each file any of its writes, later ones without earlier ones too; of the changes of names a prefix. */
  | 'reordered'

/** How a change fails. EIO: not done (a write: done in part). ENOSPC: the same, as a full disk. crash: loss of power at this moment. */
export type ChangeFault = 'EIO' | 'ENOSPC' | 'crash'

/** What every call throws between a loss of power and `crash`, which is the reboot. */
export class PowerFailure extends Error {
  override readonly name = 'PowerFailure'
  constructor() {
    super('the memory disk has lost its power')
  }
}

interface PlannedFault {
  from: number
  to: number
  fault: ChangeFault
}

export class MemoryDisk implements Disk {
  readonly kind = 'memory'
  /** Bytes that fit; a write beyond them fails as on a full disk. */
  capacityBytes: number
  /** Changes begun since the disk was made. */
  changes = 0
  /** Reads begun since the disk was made. */
  reads = 0
  /** Syncs of files begun since the disk was made: how well a log groups its commits. */
  syncs = 0

  readonly #names: Namespace
  readonly #random: () => number
  readonly #crashable: boolean
  #changeFaults: PlannedFault[] = []
  #readFaults: { from: number; to: number }[] = []
  // Goes up with each crash; files and locks of an earlier life are dead.
  #life = 1
  #powerless = false
  #locks = new Set<string>()

  constructor(options: MemoryDiskOptions = {}) {
    this.#random = seededRandom(options.seed ?? 0)
    this.#crashable = options.crashable ?? true
    this.#names = new Namespace(this.#crashable)
    this.capacityBytes = options.capacityBytes ?? Infinity
  }

  /** Plans a fault for the `at`-th change from now on (1 is the next), and for `times` changes in all. */
  failChange(at: number, fault: ChangeFault, times = 1): void {
    assert(at >= 1, 'the next change is number 1')
    this.#changeFaults.push({ from: this.changes + at, to: this.changes + at + times - 1, fault })
  }

  /** Plans EIO for the `at`-th read from now on (1 is the next), and for `times` reads in all. */
  failRead(at: number, times = 1): void {
    assert(at >= 1, 'the next read is number 1')
    this.#readFaults.push({ from: this.reads + at, to: this.reads + at + times - 1 })
  }

  /** Takes back every planned fault. */
  heal(): void {
    this.#changeFaults = []
    this.#readFaults = []
  }

  /** Whether a planned loss of power has come; only `crash` helps then. */
  get powerless(): boolean {
    return this.#powerless
  }

  /**
   * The loss of power (if it has not come yet) and the reboot: open files are dead, locks are free, planned faults are gone, and the disk
   * holds what was durable and what `survival` leaves of the rest.
   */
  crash(survival: Survival): void {
    assert(this.#crashable, 'a disk made with crashable: false is not crashed')
    this.#life++
    this.#powerless = false
    this.#locks.clear()
    this.heal()
    this.#names.crash(survival, this.#random)
  }

  /** What a file holds now, a copy. For tests that look at bytes or damage them. */
  peek(path: string): Uint8Array {
    return this.#file(path, 'peek').bytes().slice()
  }

  /** Replaces a file's bytes, durably, past every count and fault: for tests that damage stored bytes. Makes the file when it is not there. */
  poke(path: string, bytes: Uint8Array): void {
    let node = this.#names.find(splitPath(path))
    if (node === undefined) {
      const { dir, name } = parentOf(path)
      node = new MemoryInode(this.#crashable)
      this.#names.plant(splitPath(dir), name, node)
    }
    assert(node instanceof MemoryInode, `${path} is a file`)
    node.replace(bytes)
  }

  /** Bytes in all files. */
  get usedBytes(): number {
    return this.#names.usedBytes()
  }

  async list(dir: string): Promise<DirectoryEntry[]> {
    this.#alive()
    this.#read(dir, 'list')
    const node = this.#names.find(splitPath(dir))
    if (node === undefined) return []
    if (!(node instanceof Directory)) throw failure('READ_FAILED', 'list', dir, 'ENOTDIR')
    const listing: DirectoryEntry[] = []
    for (const [name, child] of node.names) {
      const isDirectory = child instanceof Directory
      listing.push({ name, isDirectory, sizeBytes: isDirectory ? 0 : child.sizeBytes })
    }
    return listing.sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  async makeDirectory(dir: string): Promise<void> {
    const names = splitPath(dir)
    for (let depth = 1; depth <= names.length; depth++) {
      const path = names.slice(0, depth).join('/')
      const node = this.#names.find(names.slice(0, depth))
      if (node instanceof Directory) continue
      if (node !== undefined) throw failure('WRITE_FAILED', 'make directory', path, 'EEXIST')
      this.#change('WRITE_FAILED', 'make directory', path)
      this.#names.set(this.#directory(names.slice(0, depth - 1).join('/'), path), names[depth - 1]!, new Directory())
    }
  }

  async open(path: string, mode: OpenMode): Promise<DiskFile> {
    this.#alive()
    const { dir, name } = parentOf(path)
    const node = this.#names.find(splitPath(path))
    if (mode === 'create') {
      this.#change('WRITE_FAILED', 'open', path)
      if (node !== undefined) throw failure('WRITE_FAILED', 'open', path, 'EEXIST')
      const inode = new MemoryInode(this.#crashable)
      this.#names.set(this.#directory(dir, path), name, inode)
      return this.#handle(path, inode, true)
    }
    this.#read(path, 'open')
    if (node instanceof Directory) throw failure('READ_FAILED', 'open', path, 'EISDIR')
    return this.#handle(path, this.#file(path, 'open'), mode === 'write')
  }

  async rename(from: string, to: string): Promise<void> {
    this.#change('WRITE_FAILED', 'rename', from)
    const node = this.#names.find(splitPath(from))
    if (node === undefined) throw failure('WRITE_FAILED', 'rename', from, 'ENOENT')
    const source = parentOf(from)
    const target = parentOf(to)
    const there = this.#names.find(splitPath(to))
    if (there instanceof Directory && there.names.size > 0) throw failure('WRITE_FAILED', 'rename', to, 'ENOTEMPTY')
    this.#names.move(this.#directory(source.dir, from), source.name, this.#directory(target.dir, to), target.name, node)
  }

  async link(from: string, to: string): Promise<void> {
    this.#change('WRITE_FAILED', 'link', to)
    const inode = this.#file(from, 'link')
    if (this.#names.find(splitPath(to)) !== undefined) throw failure('WRITE_FAILED', 'link', to, 'EEXIST')
    const { dir, name } = parentOf(to)
    this.#names.set(this.#directory(dir, to), name, inode)
  }

  async remove(path: string): Promise<void> {
    this.#change('WRITE_FAILED', 'remove', path)
    const { dir, name } = parentOf(path)
    if (this.#names.find(splitPath(path)) !== undefined) this.#names.set(this.#directory(dir, path), name, undefined)
  }

  async syncDirectory(dir: string): Promise<void> {
    this.#change('SYNC_FAILED', 'sync directory', dir)
    const directory = this.#directory(dir, dir)
    const upTo = this.#names.changes
    await this.#wait()
    this.#names.sync(directory, upTo)
  }

  async freeBytes(): Promise<number> {
    this.#alive()
    return Math.max(0, this.capacityBytes - this.usedBytes)
  }

  async lock(path: string): Promise<DiskLock> {
    this.#alive()
    if (this.#locks.has(path)) {
      throw new TsinkError('LOCKED', `${path} is locked: the store is open in this process`, { detail: { file: path } })
    }
    this.#locks.add(path)
    const life = this.#life
    return {
      release: async (): Promise<void> => {
        if (life === this.#life) this.#locks.delete(path)
      },
    }
  }

  #handle(path: string, inode: MemoryInode, writable: boolean): DiskFile {
    const life = this.#life
    let open = true
    const check = (): void => {
      if (life !== this.#life) throw new PowerFailure()
      this.#alive()
      assert(open, `${path} is used while it is open`)
    }
    const checkWritable = (): void => {
      check()
      assert(writable, `${path} is opened for writing before it is written`)
    }
    return {
      path,
      get sizeBytes(): number {
        return inode.sizeBytes
      },
      readSync: (into: Uint8Array, offset: number): number => {
        check()
        this.#read(path, 'read')
        return inode.read(into, offset)
      },
      writeSync: (bytes: Uint8Array, offset: number): void => {
        checkWritable()
        this.#write(path, inode, bytes, offset)
      },
      sync: async (): Promise<void> => {
        check()
        this.syncs++
        this.#sync('sync', path, inode)
        const upTo = inode.writes
        await this.#wait()
        check()
        inode.sync(upTo)
      },
      syncSync: (): void => {
        check()
        this.syncs++
        this.#sync('sync', path, inode)
        inode.sync(inode.writes)
      },
      truncate: (sizeBytes: number): void => {
        checkWritable()
        this.#change('WRITE_FAILED', 'truncate', path)
        inode.truncate(sizeBytes)
      },
      close: async (): Promise<void> => {
        open = false
        if (life === this.#life) inode.trim()
      },
    }
  }

  #write(path: string, inode: MemoryInode, bytes: Uint8Array, offset: number): void {
    const growth = Math.max(0, offset + bytes.length - inode.sizeBytes)
    const free = this.capacityBytes === Infinity ? Infinity : Math.max(0, this.capacityBytes - this.usedBytes)
    const fault = this.#countChange() ?? (growth > free ? 'ENOSPC' : undefined)
    if (fault === undefined) return inode.write(bytes, offset)
    // A loss of power leaves the whole write to the crash's choice; a failing write leaves a part of itself.
    const done =
      fault === 'crash'
        ? bytes.length
        : Math.floor(this.#random() * Math.min(bytes.length, Math.max(0, bytes.length - growth + Math.min(free, growth))))
    if (done > 0) inode.write(bytes.subarray(0, done), offset)
    this.#fail(fault, 'WRITE_FAILED', 'write', path)
  }

  #sync(verb: string, path: string, inode: MemoryInode): void {
    const fault = this.#countChange()
    if (fault === undefined) return
    // The pages of a failed sync are forgotten by some kernels: a later sync that succeeds does not bring them back.
    if (fault !== 'crash') inode.loseSync()
    this.#fail(fault, 'SYNC_FAILED', verb, path)
  }

  #change(code: ErrorCode, verb: string, path: string): void {
    const fault = this.#countChange()
    if (fault !== undefined) this.#fail(fault, code, verb, path)
  }

  #countChange(): ChangeFault | undefined {
    this.#alive()
    this.changes++
    return this.#changeFaults.find(({ from, to }) => this.changes >= from && this.changes <= to)?.fault
  }

  #read(path: string, verb: string): void {
    this.#alive()
    this.reads++
    if (this.#readFaults.some(({ from, to }) => this.reads >= from && this.reads <= to)) throw failure('READ_FAILED', verb, path, 'EIO')
  }

  #fail(fault: ChangeFault, code: ErrorCode, verb: string, path: string): never {
    if (fault === 'crash') {
      this.#powerless = true
      throw new PowerFailure()
    }
    throw failure(fault === 'ENOSPC' && code !== 'SYNC_FAILED' ? 'DISK_FULL' : code, verb, path, fault)
  }

  #alive(): void {
    if (this.#powerless) throw new PowerFailure()
  }

  // A sync takes time: whoever is ready runs in between, and what is written then is not covered.
  async #wait(): Promise<void> {
    const life = this.#life
    await Promise.resolve()
    await Promise.resolve()
    if (life !== this.#life) throw new PowerFailure()
    this.#alive()
  }

  #directory(dir: string, path: string): DirectoryNode {
    const node = this.#names.find(splitPath(dir))
    if (!(node instanceof Directory)) throw failure('WRITE_FAILED', 'find the directory of', path, 'ENOENT')
    return node
  }

  #file(path: string, verb: string): MemoryInode {
    const node = this.#names.find(splitPath(path))
    if (node === undefined) throw failure('READ_FAILED', verb, path, 'ENOENT')
    if (node instanceof Directory) throw failure('READ_FAILED', verb, path, 'EISDIR')
    return node
  }
}

function failure(code: ErrorCode, verb: string, path: string, errno: string): TsinkError {
  return new TsinkError(code, `cannot ${verb} ${path}: ${errno}`, {
    detail: { file: path, errno, ...(errno === 'ENOENT' ? { missing: true } : {}) },
  })
}
