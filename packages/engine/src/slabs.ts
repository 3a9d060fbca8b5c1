/**
 * ColumnSlabs: memory for the head's open columns, as blocks inside large typed arrays.
 *
 * A block holds up to `capacity` samples: first the timestamps, then the values, both as 64-bit words. Blocks come in size classes that grow
 * by about a third to a half, and by doubling from 256 samples on; each slab is carved into blocks of one class, and a slab whose blocks are
 * all free is carved anew for any class, so that a million series growing in lockstep do not leave a trail of small free blocks. A block's
 * address is one number: the slab's index and the offset in units of eight words. Free blocks are chained through their own first word.
 */
import { assert } from '@tsink/core'

/** Words (64 bits) in one slab: 256 KiB, small enough for tiny stores, large enough that a million series need a few hundred. */
const SLAB_WORDS = 32_768

/** Addresses count in units of so many words. */
const UNIT_SHIFT = 3
const UNITS_SHIFT = 12
const UNIT_MASK = (1 << UNITS_SHIFT) - 1

/** A slab that gave its memory back. */
const NO_WORDS = new Float64Array(0)
const NO_INTEGERS = new BigInt64Array(0)
const NO_CLASS = 255

/** One slab's memory, seen as doubles and as integers. */
interface SlabMemory {
  readonly floats: Float64Array
  readonly integers: BigInt64Array
}

/** Slabs that wait for their next use: memory that was touched before costs far less than new memory. Shared by the heads of a store. */
export class SlabPool {
  readonly #spare: SlabMemory[] = []
  readonly #max: number

  /** Keeps at most so many bytes; the rest go back to the system. */
  constructor(maxBytes: number) {
    this.#max = Math.floor(maxBytes / (SLAB_WORDS * 8))
  }

  take(): SlabMemory {
    const spare = this.#spare.pop()
    if (spare !== undefined) return spare
    const memory = new ArrayBuffer(SLAB_WORDS * 8)
    return { floats: new Float64Array(memory), integers: new BigInt64Array(memory) }
  }

  give(memory: SlabMemory): void {
    if (this.#spare.length < this.#max) this.#spare.push(memory)
  }
}

export class ColumnSlabs {
  /** Samples that a block of each class holds, ascending; the last is the size at which a column is sealed. */
  readonly capacities: readonly number[]
  /** The slabs' words as doubles, and the same words as integers. */
  readonly floats: Float64Array[] = []
  readonly integers: BigInt64Array[] = []
  /** Bytes of the slabs in use. */
  bytes = 0

  readonly #classOf: number[] = []
  readonly #live: number[] = []
  /** First free block of each slab as word offset, or -1. */
  readonly #free: number[] = []
  /** First word of each slab that was never given out. */
  readonly #fresh: number[] = []
  /** For each class slabs that may have room, newest last. Entries may be stale and are checked when they are met. */
  readonly #open: number[][]
  readonly #pool: SlabPool
  readonly #vacant: number[] = []

  constructor(maxSamples: number, pool: SlabPool) {
    this.#pool = pool
    const capacities: number[] = []
    for (let step = 4; step < maxSamples; step *= 2) {
      capacities.push(step)
      // Steps of a half are worth their copying where they save memory in very many columns.
      if (step >= 8 && step < 256 && step * 1.5 < maxSamples) capacities.push(step * 1.5)
    }
    capacities.push(Math.ceil(maxSamples / 4) * 4)
    this.capacities = capacities
    this.#open = capacities.map(() => [])
  }

  /** The slab of an address. */
  slabOf(address: number): number {
    return address >>> UNITS_SHIFT
  }

  /** The word at which an address' block starts in its slab. */
  offsetOf(address: number): number {
    return (address & UNIT_MASK) << UNIT_SHIFT
  }

  /** The smallest class that holds so many samples. */
  classFor(samples: number): number {
    let size = 0
    while (size < this.capacities.length - 1 && this.capacities[size]! < samples) size++
    return size
  }

  allocate(size: number): number {
    const words = this.capacities[size]! * 2
    const open = this.#open[size]!
    while (open.length > 0) {
      const slab = open[open.length - 1]!
      if (this.#classOf[slab] === size) {
        const offset = this.#take(slab, words)
        if (offset >= 0) return (slab << UNITS_SHIFT) | (offset >>> UNIT_SHIFT)
      }
      open.pop()
    }
    const slab = this.#newSlab()
    this.#classOf[slab] = size
    open.push(slab)
    return (slab << UNITS_SHIFT) | (this.#take(slab, words) >>> UNIT_SHIFT)
  }

  release(address: number): void {
    const slab = this.slabOf(address)
    const offset = this.offsetOf(address)
    const size = this.#classOf[slab]!
    assert(size !== NO_CLASS, 'a released block lies in a slab that is in use')
    const words = this.capacities[size]! * 2
    const wasFull = this.#free[slab]! < 0 && this.#fresh[slab]! + words > SLAB_WORDS
    this.floats[slab]![offset] = this.#free[slab]!
    this.#free[slab] = offset
    this.#live[slab]!--
    if (this.#live[slab] === 0) this.#retire(slab)
    else if (wasFull) this.#open[size]!.push(slab)
  }

  /** Gives all memory back to the pool. Nothing may look at any block afterwards. */
  dispose(): void {
    for (let slab = 0; slab < this.floats.length; slab++) if (this.#classOf[slab] !== NO_CLASS) this.#retire(slab)
  }

  /** A block's offset in the slab, or -1 when it is full. */
  #take(slab: number, words: number): number {
    let offset = this.#free[slab]!
    if (offset >= 0) this.#free[slab] = this.floats[slab]![offset]!
    else {
      offset = this.#fresh[slab]!
      if (offset + words > SLAB_WORDS) return -1
      this.#fresh[slab] = offset + words
    }
    this.#live[slab]!++
    return offset
  }

  #newSlab(): number {
    const slab = this.#vacant.pop() ?? this.floats.length
    const { floats, integers } = this.#pool.take()
    this.floats[slab] = floats
    this.integers[slab] = integers
    this.bytes += SLAB_WORDS * 8
    this.#reset(slab)
    return slab
  }

  #retire(slab: number): void {
    this.#reset(slab)
    this.#pool.give({ floats: this.floats[slab]!, integers: this.integers[slab]! })
    this.floats[slab] = NO_WORDS
    this.integers[slab] = NO_INTEGERS
    this.bytes -= SLAB_WORDS * 8
    this.#vacant.push(slab)
  }

  #reset(slab: number): void {
    this.#classOf[slab] = NO_CLASS
    this.#live[slab] = 0
    this.#free[slab] = -1
    this.#fresh[slab] = 0
  }
}
