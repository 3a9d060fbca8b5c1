/**
 * Background: the work that a store does by itself, and the gate through which all of it goes: one flush and one compaction (or retention) at a
 * time, side by side. Explicit calls (`flush`, `compact`) go through the same gate. Work that fails is reported and tried again later; a
 * full disk or a damaged segment is not the end of the store.
 */
import type { TsinkError } from '@tsink/core'
import type { Timer } from '@tsink/host'
import type { Position } from '@tsink/wal'
import { compactOnce } from './compact.ts'
import { flushOldest, freeze } from './flush.ts'
import { memoryUsed, type Parts } from './parts.ts'
import { retain } from './retain.ts'

/** How often age and log are looked at. */
const TICK_MS = 1_000
/** How often retention runs. */
const RETAIN_MS = 60_000
/** After a failure nothing is tried for so long. */
const RETRY_MS = 5_000
/** The memory of the head is looked at after so many samples. */
const CHECK_SAMPLES = 4_096
/** Under memory pressure columns with so many samples are sealed early, so many slots at each look. */
const EARLY_SEAL_SAMPLES = 32
const EARLY_SEAL_SLOTS = 1_024

export class Background {
  /** The last failure of background work, null after a success. */
  lastError: unknown = null
  #parts: Parts | null = null
  #timer: Timer | null = null
  #flushing: Promise<void> | null = null
  #compacting: Promise<void> | null = null
  #tasks = new Set<Promise<void>>()
  #retainedMs = 0
  #retryMs = 0
  #unchecked = 0
  #sealCursor = 0
  #overBudget = false
  /** The segments among which there was nothing to merge. */
  #inOrder: Parts['shelf']['segments'] | null = null

  /** Begins to work for an engine. */
  start(parts: Parts): void {
    this.#parts = parts
    this.#retainedMs = parts.host.clock.monotonic()
    if (parts.options.background) this.#schedule(parts)
  }

  /** Stops what runs by itself and waits for what is under way. */
  async stop(): Promise<void> {
    this.#timer?.cancel()
    this.#timer = null
    this.#parts = null
    while (this.#flushing !== null || this.#compacting !== null || this.#tasks.size > 0) {
      await Promise.allSettled([this.#flushing, this.#compacting, ...this.#tasks])
    }
  }

  /** Lets a task run by itself; its failure is reported. */
  run(task: () => Promise<void>): void {
    const parts = this.#parts
    const running: Promise<void> = task()
      .catch((error: unknown) => this.#failed(parts, error))
      .finally(() => this.#tasks.delete(running))
    this.#tasks.add(running)
  }

  /** Freezes the active generation; it is flushed soon. While the log is replayed, `logEnd` is where the replay stands. */
  freeze(parts: Parts, logEnd?: Position): void {
    if (freeze(parts, logEnd)) this.wake()
  }

  /** There may be something to flush. */
  wake(): void {
    const parts = this.#parts
    if (parts === null || !parts.options.background || parts.heads.frozen.length === 0) return
    if (this.#flushing === null) this.flush(parts).catch((error: unknown) => this.#failed(parts, error))
  }

  /** Looks, after an append of so many samples, whether the head has grown too large. */
  appended(parts: Parts, samples: number): void {
    this.#unchecked += samples
    if (this.#unchecked < CHECK_SAMPLES) return
    this.#unchecked = 0
    this.#overBudget = memoryUsed(parts) >= parts.options.memoryBytes
    const { active, frozen } = parts.heads
    const { flushBytes } = parts.options
    let open = 0
    for (const head of active.heads.values()) open += head.slabs.bytes
    if (open > flushBytes / 2) this.#sealSome(parts)
    // One generation waits at most: memory holds two of them and no more.
    if (active.bytes >= flushBytes && frozen.length === 0 && parts.options.background) this.freeze(parts)
  }

  /** Whether memory is over its budget, as of the last look; looked at again as long as it is. */
  isOverBudget(parts: Parts): boolean {
    if (this.#overBudget) this.#overBudget = memoryUsed(parts) >= parts.options.memoryBytes
    return this.#overBudget
  }

  /** What makes room in memory and log, when anything can: the flush under way, or a new one. Null when there is nothing to flush. */
  room(parts: Parts): Promise<void> | null {
    if (this.#flushing !== null) return this.#flushing
    if (parts.heads.frozen.length === 0 && !freeze(parts)) return null
    return this.flush(parts)
  }

  /** Flushes all generations that are frozen now or meanwhile. */
  flush(parts: Parts): Promise<void> {
    this.#flushing ??= this.#flush(parts).finally(() => {
      this.#flushing = null
    })
    return this.#flushing
  }

  /** Runs work that changes segments (compaction, retention, snapshots): one after the other. */
  async exclusively<T>(work: () => Promise<T>): Promise<T> {
    while (this.#compacting !== null) await this.#compacting.catch(() => undefined)
    const running = work()
    const settled = running.then(
      () => undefined,
      () => undefined,
    )
    this.#compacting = settled
    try {
      return await running
    } finally {
      if (this.#compacting === settled) this.#compacting = null
    }
  }

  async #flush(parts: Parts): Promise<void> {
    while (await flushOldest(parts)) this.lastError = null
  }

  #schedule(parts: Parts): void {
    this.#timer = parts.host.clock.setTimer(TICK_MS, () => {
      this.#tick(parts)
      if (this.#parts !== null) this.#schedule(parts)
    })
  }

  #tick(parts: Parts): void {
    const { host, heads, log, options } = parts
    const now = host.clock.monotonic()
    parts.age.look()
    if (log !== null && log.poisoned !== null) this.run(async () => void (await log.probe()))
    if (now < this.#retryMs) return
    const isOld = heads.active.samples > 0 && now - heads.active.startedMs >= options.flushAgeMs
    const isLogLong = log !== null && log.sizeBytes >= options.maxLogBytes / 2
    if ((isOld || isLogLong) && this.#flushing === null) this.freeze(parts)
    this.wake()
    if (this.#compacting !== null) return
    // What was found to be in order stays in order until something changes; deletes become final by time alone.
    if (this.#inOrder === parts.shelf.segments && parts.tombstones.list.length === 0 && now - this.#retainedMs < RETAIN_MS) return
    const isTimeToRetain = now - this.#retainedMs >= RETAIN_MS
    if (isTimeToRetain) this.#retainedMs = now
    this.run(() =>
      this.exclusively(async () => {
        if (isTimeToRetain) await retain(parts)
        while (this.#parts !== null && (await compactOnce(parts))) this.lastError = null
        this.#inOrder = parts.shelf.segments
      }),
    )
  }

  /** Seals the columns that are worth it, some at a time: encoded they take a tenth of the memory, and the flush merges them again. */
  #sealSome(parts: Parts): void {
    for (const head of parts.heads.active.heads.values()) {
      const end = Math.min(head.size, EARLY_SEAL_SLOTS)
      for (let i = 0; i < end; i++) {
        if (this.#sealCursor >= head.size) this.#sealCursor = 0
        const slot = this.#sealCursor++
        if (head.counts[slot]! >= EARLY_SEAL_SAMPLES) head.seal(slot)
      }
    }
  }

  #failed(parts: Parts | null, error: unknown): void {
    this.lastError = error
    if (parts === null || parts.state !== 'open') return
    this.#retryMs = parts.host.clock.monotonic() + RETRY_MS
    parts.options.onError?.(error as TsinkError)
  }
}
