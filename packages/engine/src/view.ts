/**
 * View: what one reader sees, fixed at one moment: the live segments, the frozen generations, the tombstones, and of the active generation the
 * open columns as they stand. While a view is open nothing that it holds is freed or changed (see Pins).
 */
import type { Segment } from '@tsink/segment'
import type { Beside, Head } from './head.ts'
import type { Parts } from './parts.ts'
import type { Pins } from './pins.ts'
import type { Tombstone } from './tombstones.ts'

export class View {
  /** Ascending in sequence: what comes later wins. All segments come before all heads. */
  readonly segments: readonly Segment[]
  readonly heads: readonly Head[]
  readonly tombstones: readonly Tombstone[]
  readonly #parts: Parts
  readonly #epoch: number

  constructor(parts: Parts) {
    this.#parts = parts
    this.#epoch = parts.pins.pin()
    abandoned.register(this, { pins: parts.pins, epoch: this.#epoch }, this)
    this.segments = parts.shelf.segments
    this.heads = parts.heads.generations.flatMap((generation) => [...generation.heads.values()])
    this.tombstones = parts.tombstones.list
  }

  release(): void {
    abandoned.unregister(this)
    this.#parts.pins.unpin(this.#epoch)
  }
}

/** Who begins a selection and never ends it holds its view until the iterator and its series are garbage; then it is let go all the same. */
const abandoned = new FinalizationRegistry<{ readonly pins: Pins; readonly epoch: number }>(({ pins, epoch }) => pins.unpin(epoch))

/** The state of some slots of a head when it was caught: later appends do not show. */
export class CaughtSlots {
  readonly head: Head
  /** Ascending in series number, like the ids that were asked for. */
  readonly ids: Uint32Array
  readonly slots: Uint32Array
  readonly count: number
  readonly #blocks: Uint32Array
  readonly #classes: Uint8Array
  readonly #counts: Uint16Array
  readonly #lastChunks: Uint32Array
  readonly #beside: Map<number, Beside> | null

  /** Catches those of the series `ids` that have a slot in the head. */
  constructor(head: Head, ids: Uint32Array) {
    let count = 0
    const slots = new Uint32Array(ids.length)
    const caught = new Uint32Array(ids.length)
    for (let i = 0; i < ids.length; i++) {
      const slot = head.slotOf(ids[i]!)
      if (slot < 0 || (head.counts[slot] === 0 && head.firstChunks[slot] === 0)) continue
      slots[count] = slot
      caught[count++] = ids[i]!
    }
    this.head = head
    this.ids = caught
    this.slots = slots
    this.count = count
    this.#blocks = new Uint32Array(count)
    this.#classes = new Uint8Array(count)
    this.#counts = new Uint16Array(count)
    this.#lastChunks = new Uint32Array(count)
    let beside: Map<number, Beside> | null = null
    for (let i = 0; i < count; i++) {
      const slot = slots[i]!
      this.#blocks[i] = head.blocks[slot]!
      this.#classes[i] = head.classes[slot]!
      this.#counts[i] = head.counts[slot]!
      this.#lastChunks[i] = head.lastChunks[slot]!
      if (head.hasBeside[slot] !== 0) {
        beside ??= new Map()
        beside.set(i, { ...head.beside.get(slot)! })
      }
    }
    this.#beside = beside
  }

  /** Numbers of the sealed chunks of a caught slot, in the order of their sealing. */
  chunks(index: number): number[] {
    const { head } = this
    const last = this.#lastChunks[index]!
    const chunks: number[] = []
    if (last === 0) return chunks
    for (let chunk = head.firstChunks[this.slots[index]!]!; ; chunk = head.sealed.next[chunk]!) {
      chunks.push(chunk)
      if (chunk === last) return chunks
    }
  }

  /** Length of the open column. */
  openCount(index: number): number {
    return this.#counts[index]!
  }

  /** Time `at` of the open column. */
  openTime(index: number, at: number): number {
    const { slabs } = this.head
    const block = this.#blocks[index]!
    return slabs.floats[slabs.slabOf(block)]![slabs.offsetOf(block) + at]!
  }

  openTimes(index: number): Float64Array {
    const { slabs } = this.head
    const block = this.#blocks[index]!
    const offset = slabs.offsetOf(block)
    return slabs.floats[slabs.slabOf(block)]!.subarray(offset, offset + this.#counts[index]!)
  }

  openValues(index: number): Float64Array {
    const { slabs } = this.head
    const block = this.#blocks[index]!
    const offset = slabs.offsetOf(block) + slabs.capacities[this.#classes[index]!]!
    return slabs.floats[slabs.slabOf(block)]!.subarray(offset, offset + this.#counts[index]!)
  }

  /** Appends samples `from` to `to` of the open column to a buffer. */
  copyOpen(index: number, from: number, to: number, into: Parameters<Head['copyOpen']>[7]): void {
    const beside = this.#beside?.get(index)
    this.head.copyOpen(this.slots[index]!, this.#blocks[index]!, this.#classes[index]!, this.#counts[index]!, beside, from, to, into)
  }
}
