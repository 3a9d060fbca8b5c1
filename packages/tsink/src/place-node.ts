/** Where databases live on Node: directories of the file system, or this process's memory. */
import type { Host } from '@tsink/host'
import { volatileHost } from '@tsink/host/memory'
import { machineLimits, nodeHost } from '@tsink/host/node'

export async function placeAt(path: string): Promise<Host> {
  return nodeHost(path)
}

export function memoryPlace(): Host {
  return { ...volatileHost(), ...machineLimits() }
}
