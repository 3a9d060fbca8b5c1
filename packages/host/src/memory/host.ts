/** Hosts in memory: one that repeats exactly, for tests, and one for stores that are not meant to last. */
import { systemClock } from '../clock.ts'
import { systemCompression } from '../compression.ts'
import type { Host } from '../host.ts'
import { ManualClock } from './clock.ts'
import { MemoryDisk, type MemoryDiskOptions } from './disk.ts'
import { seededRandom } from './random.ts'

export interface MemoryHost extends Host {
  readonly disk: MemoryDisk
  readonly clock: ManualClock
}

export interface MemoryHostOptions extends MemoryDiskOptions {
  /** The clock's first time of day, in ms since 1970; by default some day in 2025. */
  readonly startMs?: number
}

/**
 * A host for tests: everything repeats for the same seed, the disk can fail and lose power (see {@link MemoryDisk}), time is moved by hand.
 * @example
 * const host = memoryHost({ seed: 1 })
 * host.disk.failChange(10, 'ENOSPC')
 * host.clock.advance(1_000)
 * host.disk.crash('torn')
 */
export function memoryHost(options: MemoryHostOptions = {}): MemoryHost {
  const { startMs = 1_750_000_000_000, seed = 0 } = options
  return {
    disk: new MemoryDisk(options),
    clock: new ManualClock(startMs),
    compression: systemCompression(),
    // A stream of its own, so that what the store draws does not change what a crash keeps.
    random: seededRandom(seed ^ 0x5bd1_e995),
    cpus: 1,
    memoryBytes: 1_073_741_824,
  }
}

/**
 * A host whose disk is this process's memory and whose clock is the machine's: for stores that end with the process. `cpus` and
 * `memoryBytes` are guesses from what a browser tells; on Node spread `machineLimits()` of `@tsink/host/node` over it.
 */
export function volatileHost(): Host {
  const machine = (globalThis as { navigator?: { hardwareConcurrency?: number; deviceMemory?: number } }).navigator
  return {
    disk: new MemoryDisk({ crashable: false }),
    clock: systemClock,
    compression: systemCompression(),
    random: Math.random,
    cpus: Math.max(1, machine?.hardwareConcurrency ?? 1),
    memoryBytes: (machine?.deviceMemory ?? 2) * 1_073_741_824,
  }
}
