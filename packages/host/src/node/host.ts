/** The host on Node: a directory of the file system, the machine's clock, and what the container allows of the machine. */
import { systemClock } from '../clock.ts'
import { systemCompression } from '../compression.ts'
import type { Host } from '../host.ts'
import { NodeDisk } from './disk.ts'
import { machineLimits } from './machine.ts'

/** A host whose disk is the directory `path`, which is made when it is not there. */
export function nodeHost(path: string): Host {
  const { cpus, memoryBytes } = machineLimits()
  return { disk: new NodeDisk(path), clock: systemClock, compression: systemCompression(), random: Math.random, cpus, memoryBytes }
}
