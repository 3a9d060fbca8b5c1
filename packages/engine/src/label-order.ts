/**
 * Label order: the slots of a head in the order of their series' label bytes, which is the order of series in segments.
 */
import type { Registry } from '@tsink/registry'
import type { Head } from './head.ts'
import type { Slices } from './slices.ts'
import { sortNumbers } from './sort.ts'

export async function slotsByLabels(head: Head, registry: Registry, slices: Slices): Promise<Uint32Array> {
  const used = new Uint32Array(head.size)
  let count = 0
  for (let slot = 0; slot < head.size; slot++) if (head.counts[slot] !== 0 || head.firstChunks[slot] !== 0) used[count++] = slot
  const { ids } = head
  return sortNumbers(used.subarray(0, count), (a, b) => registry.compare(ids[a]!, ids[b]!), slices)
}

/** Order of two byte strings; a prefix comes first. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const shared = Math.min(a.length, b.length)
  for (let i = 0; i < shared; i++) if (a[i] !== b[i]) return a[i]! - b[i]!
  return a.length - b.length
}
