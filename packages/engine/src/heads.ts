/**
 * Heads: all samples that are in memory, as generations. Batches go to the active generation. Freezing puts an empty one in its place; the
 * frozen one is written into segments and dropped. So a flush never stops writing, a log position separates two generations, and no sample
 * of a frozen one changes. A delete freezes as well when there is something to hide: then the order of generations and deletes is total.
 *
 * A generation has one head, save in nanosecond stores: there each span of 2^52 ns has its own, whose base keeps offsets exact in a double.
 */
import type { TimeUnit } from '@tsink/core'
import { START, type Position } from '@tsink/wal'
import { Head } from './head.ts'
import type { Pins } from './pins.ts'
import { SlabPool } from './slabs.ts'

/** 52 days. Half of what a double holds exactly, so that sums of two offsets are exact too. */
export const NANOSECOND_SPAN: number = 2 ** 52

export class Generation {
  readonly heads: Map<number, Head> = new Map()
  /** Sequences of the first and last batch; 0 while empty. */
  minSequence = 0
  maxSequence = 0
  /** Monotonic time of the first batch. */
  startedMs = 0
  /** Where the log stood when the generation was frozen: what is before is in this generation or an older one. */
  logEnd: Position = START

  get bytes(): number {
    let bytes = 0
    for (const head of this.heads.values()) bytes += head.bytes
    return bytes
  }

  get samples(): number {
    let samples = 0
    for (const head of this.heads.values()) samples += head.samples
    return samples
  }

  get series(): number {
    let series = 0
    for (const head of this.heads.values()) series += head.size
    return series
  }

  /** Whether a series has a slot in here. */
  has(id: number): boolean {
    for (const head of this.heads.values()) if (head.slotOf(id) >= 0) return true
    return false
  }
}

export class Heads {
  readonly span: number
  active: Generation = new Generation()
  /** Oldest first. */
  frozen: readonly Generation[] = []
  /** Dropped, but a view looks at them. */
  readonly #leaving = new Set<Generation>()
  readonly #chunkSamples: number
  readonly #pins: Pins
  readonly #pool: SlabPool

  constructor(unit: TimeUnit, chunkSamples: number, pins: Pins, spareBytes: number) {
    this.#pool = new SlabPool(spareBytes)
    this.span = unit === 'ns' ? NANOSECOND_SPAN : Infinity
    this.#chunkSamples = chunkSamples
    this.#pins = pins
  }

  get bytes(): number {
    let bytes = this.active.bytes
    for (const generation of this.frozen) bytes += generation.bytes
    return bytes
  }

  /** Oldest first, the active one last; empty ones are left out. */
  get generations(): readonly Generation[] {
    const all = this.active.samples === 0 ? [...this.frozen] : [...this.frozen, this.active]
    return all
  }

  /** The base of the head that holds `offset + base`. */
  baseOf(base: number, offset: number): number {
    if (this.span === Infinity) return 0
    const within = base % this.span
    return base - within + Math.floor((within + offset) / this.span) * this.span
  }

  /** The active head with a base, made when there is none. */
  head(base: number): Head {
    let head = this.active.heads.get(base)
    if (head === undefined) {
      head = new Head(base, this.#chunkSamples, this.#pins, this.#pool)
      this.active.heads.set(base, head)
    }
    return head
  }

  /** The kind (index into VALUE_KINDS) that a series has in memory, or -1. */
  kindOf(id: number): number {
    for (const head of this.active.heads.values()) {
      const slot = head.slotOf(id)
      if (slot >= 0) return head.kinds[slot]!
    }
    for (const generation of this.frozen) {
      for (const head of generation.heads.values()) {
        const slot = head.slotOf(id)
        if (slot >= 0) return head.kinds[slot]!
      }
    }
    return -1
  }

  /** Whether a series has samples in memory, or a view may still show some: then its labels are needed. */
  has(id: number): boolean {
    if (this.active.has(id)) return true
    for (const generation of this.frozen) if (generation.has(id)) return true
    for (const generation of this.#leaving) if (generation.has(id)) return true
    return false
  }

  /** Puts an empty generation in place of the active one; null when there is nothing to freeze. */
  freeze(logEnd: Position): Generation | null {
    const generation = this.active
    if (generation.samples === 0) return null
    generation.logEnd = logEnd
    this.frozen = [...this.frozen, generation]
    this.active = new Generation()
    return generation
  }

  /** Lets a frozen generation go. When no view looks at it any more, its memory is used again and `gone` is called. */
  drop(generation: Generation, gone: () => void): void {
    this.frozen = this.frozen.filter((each) => each !== generation)
    this.#leaving.add(generation)
    this.#pins.whenFree(() => {
      this.#leaving.delete(generation)
      for (const head of generation.heads.values()) head.slabs.dispose()
      gone()
    })
  }
}
