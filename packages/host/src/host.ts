/**
 * Host: the one door outside. Whatever a store does with disks, time, chance or the machine goes through this object, so that a test can be
 * the outside: a disk that loses unsynced bytes at the n-th sync, a clock that jumps. A host is plain data: to change one part, spread it.
 */
import type { Clock } from './clock.ts'
import type { Compression } from './compression.ts'
import type { Disk } from './disk.ts'

export interface Host {
  readonly disk: Disk
  readonly clock: Clock
  readonly compression: Compression
  /** A number at random, at least 0 and below 1. Not for secrets. */
  readonly random: () => number
  /** How many threads may really run at once: what the container allows, at least 1. */
  readonly cpus: number
  /** How much memory the process may use: what the container allows. */
  readonly memoryBytes: number
}
