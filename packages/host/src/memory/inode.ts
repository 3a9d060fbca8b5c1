/**
 * What the memory disk is made of: files that can undo their unsynced writes, and directories that know their durable names.
 *
 * A file's bytes are the current ones; `pending` holds, oldest first, what each write since the last sync overwrote. A crash undoes them all,
 * newest first, remembering what it takes away, and then puts back those that are to survive. Names work the other way round: `names` are
 * current, `durable` are what is known to survive, and the changes between the two wait in one list, in order.
 */
import { assert } from '@tsink/core'
import type { Survival } from './disk.ts'

interface PendingWrite {
  readonly number: number
  readonly offset: number
  readonly length: number
  /** The bytes that were there before, as far as the file reached. */
  readonly before: Uint8Array
  readonly sizeBefore: number
  readonly isTruncate: boolean
}

const MIN_CAPACITY = 256

export class MemoryInode {
  #buffer: Uint8Array = new Uint8Array(0)
  #sizeBytes = 0
  readonly #keepsUndo: boolean
  #pending: PendingWrite[] = []
  #syncLost = false
  /** Writes so far. */
  writes = 0

  constructor(keepsUndo: boolean) {
    this.#keepsUndo = keepsUndo
  }

  get sizeBytes(): number {
    return this.#sizeBytes
  }

  /** The current bytes, a view. */
  bytes(): Uint8Array {
    return this.#buffer.subarray(0, this.#sizeBytes)
  }

  read(into: Uint8Array, offset: number): number {
    const count = Math.max(0, Math.min(into.length, this.#sizeBytes - offset))
    into.set(this.#buffer.subarray(offset, offset + count))
    return count
  }

  write(bytes: Uint8Array, offset: number): void {
    this.#note(offset, bytes.length, false)
    this.#put(bytes, offset)
  }

  truncate(sizeBytes: number): void {
    const from = Math.min(sizeBytes, this.#sizeBytes)
    this.#note(from, this.#sizeBytes - from, true)
    this.#resize(sizeBytes)
  }

  /** Makes the writes before number `upTo` durable. */
  sync(upTo: number): void {
    if (this.#syncLost) return
    let done = 0
    while (done < this.#pending.length && this.#pending[done]!.number < upTo) done++
    this.#pending.splice(0, done)
  }

  /** A sync failed: from now on none of this file's syncs makes anything durable. */
  loseSync(): void {
    this.#syncLost = true
  }

  replace(bytes: Uint8Array): void {
    this.#buffer = bytes.slice()
    this.#sizeBytes = bytes.length
    this.#pending = []
  }

  /** Gives back memory that growing reserved. */
  trim(): void {
    if (this.#buffer.length - this.#sizeBytes > this.#buffer.length / 8) this.#buffer = this.#buffer.slice(0, this.#sizeBytes)
  }

  crash(survival: Survival, random: () => number): void {
    const pending = this.#pending
    this.#pending = []
    this.#syncLost = false
    if (survival === 'kept' || pending.length === 0) return
    // Newest first, so that each undo meets the state that its write made.
    const after: Uint8Array[] = []
    const sizesAfter: number[] = []
    for (let i = pending.length - 1; i >= 0; i--) {
      const { offset, length, before, sizeBefore, isTruncate } = pending[i]!
      after[i] = isTruncate ? new Uint8Array(0) : this.#buffer.slice(offset, offset + length)
      sizesAfter[i] = this.#sizeBytes
      this.#resize(sizeBefore)
      this.#buffer.set(before, offset)
    }
    if (survival === 'lost') return
    const kept = Math.floor(random() * (pending.length + 1))
    for (let i = 0; i < pending.length; i++) {
      const { offset, isTruncate } = pending[i]!
      if (survival === 'torn' ? i >= kept : random() < 0.5) continue
      if (isTruncate) this.#resize(sizesAfter[i]!)
      else this.#put(survival === 'torn' && i === kept - 1 ? torn(after[i]!, random) : after[i]!, offset)
    }
  }

  #note(offset: number, length: number, isTruncate: boolean): void {
    const number = this.writes++
    if (!this.#keepsUndo) return
    const before = this.#buffer.slice(Math.min(offset, this.#sizeBytes), Math.min(offset + length, this.#sizeBytes))
    this.#pending.push({ number, offset, length, before, sizeBefore: this.#sizeBytes, isTruncate })
  }

  #put(bytes: Uint8Array, offset: number): void {
    if (offset + bytes.length > this.#sizeBytes) this.#resize(offset + bytes.length)
    this.#buffer.set(bytes, offset)
  }

  #resize(sizeBytes: number): void {
    if (sizeBytes > this.#buffer.length) {
      const grown = new Uint8Array(Math.max(sizeBytes, this.#buffer.length * 2, MIN_CAPACITY))
      grown.set(this.#buffer.subarray(0, this.#sizeBytes))
      this.#buffer = grown
    } else if (sizeBytes < this.#sizeBytes) {
      // What a file grows over again reads as zeros.
      this.#buffer.fill(0, sizeBytes, this.#sizeBytes)
    }
    this.#sizeBytes = sizeBytes
  }
}

/** A write of which only the start reached the disk; in half of the cases the file has its full length all the same, with zeros. */
function torn(bytes: Uint8Array, random: () => number): Uint8Array {
  const reached = Math.floor(random() * (bytes.length + 1))
  if (random() < 0.5) return bytes.subarray(0, reached)
  const zeroed = bytes.slice()
  zeroed.fill(0, reached)
  return zeroed
}

export type MemoryNode = Directory | MemoryInode
export type DirectoryNode = Directory

export class Directory {
  names: Map<string, MemoryNode> = new Map()
  durable: Map<string, MemoryNode> = new Map()
}

interface NameChange {
  readonly number: number
  readonly steps: readonly { readonly directory: Directory; readonly name: string; readonly node: MemoryNode | undefined }[]
}

/** The tree of names. */
export class Namespace {
  readonly root: Directory = new Directory()
  readonly #keepsUndo: boolean
  // Changes that are not durable yet, oldest first.
  #pending: NameChange[] = []
  /** Changes of names so far. */
  changes = 0

  constructor(keepsUndo: boolean) {
    this.#keepsUndo = keepsUndo
  }

  find(names: readonly string[]): MemoryNode | undefined {
    let node: MemoryNode | undefined = this.root
    for (const name of names) {
      if (!(node instanceof Directory)) return undefined
      node = node.names.get(name)
    }
    return node
  }

  set(directory: Directory, name: string, node: MemoryNode | undefined): void {
    this.#apply([{ directory, name, node }])
  }

  /** One step: after a crash both names are as before or both as after. */
  move(from: Directory, name: string, to: Directory, newName: string, node: MemoryNode): void {
    this.#apply([
      { directory: from, name, node: undefined },
      { directory: to, name: newName, node },
    ])
  }

  /** Puts a file there, durably, with the directories above it. */
  plant(dirs: readonly string[], name: string, node: MemoryNode): void {
    let directory = this.root
    for (const dir of dirs) {
      let next = directory.names.get(dir)
      if (next === undefined) directory.names.set(dir, (next = new Directory()))
      assert(next instanceof Directory, `${dir} is a directory`)
      directory.durable.set(dir, next)
      directory = next
    }
    directory.names.set(name, node)
    directory.durable.set(name, node)
  }

  /**
   * Makes durable the changes of `directory` before number `upTo`. A move between directories is durable as soon as one of both is synced,
   * and takes the earlier changes of the other with it: file systems journal it as one.
   */
  sync(directory: Directory, upTo: number): void {
    const synced = new Set([directory])
    const durable: NameChange[] = []
    const rest: NameChange[] = []
    for (let i = this.#pending.length - 1; i >= 0; i--) {
      const change = this.#pending[i]!
      if (change.number < upTo && change.steps.some((step) => synced.has(step.directory))) {
        for (const step of change.steps) synced.add(step.directory)
        durable.push(change)
      } else rest.push(change)
    }
    for (const change of durable.reverse()) settle(change)
    this.#pending = rest.reverse()
  }

  crash(survival: Survival, random: () => number): void {
    const count = this.#pending.length
    const kept = survival === 'kept' ? count : survival === 'lost' ? 0 : Math.floor(random() * (count + 1))
    for (const change of this.#pending.slice(0, kept)) settle(change)
    this.#pending = []
    const files = new Set<MemoryInode>()
    restore(this.root, files)
    for (const file of files) file.crash(survival, random)
  }

  usedBytes(): number {
    const files = new Set<MemoryInode>()
    collect(this.root, files)
    let bytes = 0
    for (const file of files) bytes += file.sizeBytes
    return bytes
  }

  #apply(steps: NameChange['steps']): void {
    for (const { directory, name, node } of steps) {
      if (node === undefined) directory.names.delete(name)
      else directory.names.set(name, node)
    }
    if (this.#keepsUndo) this.#pending.push({ number: this.changes, steps })
    this.changes++
  }
}

function settle(change: NameChange): void {
  for (const { directory, name, node } of change.steps) {
    if (node === undefined) directory.durable.delete(name)
    else directory.durable.set(name, node)
  }
}

function restore(directory: Directory, files: Set<MemoryInode>): void {
  directory.names = new Map(directory.durable)
  for (const node of directory.names.values()) {
    if (node instanceof Directory) restore(node, files)
    else files.add(node)
  }
}

function collect(directory: Directory, files: Set<MemoryInode>): void {
  for (const node of directory.names.values()) {
    if (node instanceof Directory) collect(node, files)
    else files.add(node)
  }
}
