/** The host in a browser's worker: the origin-private file system and the browser's clock. */
import { systemClock } from '../clock.ts'
import { systemCompression } from '../compression.ts'
import type { Host } from '../host.ts'
import { OpfsDisk } from './disk.ts'

// Browsers tell the machine's memory in steps and only up to 8 GiB, and give a page a part of it; where they tell nothing, 2 GiB is assumed.
const ASSUMED_GIB = 2
const PAGE_SHARE = 4

/**
 * A host whose disk is a directory of the origin-private file system, made when it is not there. Only in a dedicated worker: pages have no synchronous
 * access to files.
 * @throws TsinkError UNSUPPORTED elsewhere, and where the browser has no such file system.
 */
export async function browserHost(directory = 'tsink'): Promise<Host> {
  const machine = navigator as { hardwareConcurrency?: number; deviceMemory?: number }
  return {
    disk: await OpfsDisk.open(directory),
    clock: systemClock,
    compression: systemCompression(),
    random: Math.random,
    cpus: Math.max(1, machine.hardwareConcurrency ?? 1),
    memoryBytes: ((machine.deviceMemory ?? ASSUMED_GIB) * 1_073_741_824) / PAGE_SHARE,
  }
}
