/**
 * Label order: the slots of a head in the order of their series' label bytes, which is the order of series in segments. A million label sets
 * are sorted as runs that fit a slice of time, and the runs are merged through a heap.
 */
import type { Registry } from '@tsink/registry'
import type { Head } from './head.ts'
import type { Slices } from './slices.ts'

const RUN_SLOTS = 4_096

export async function slotsByLabels(head: Head, registry: Registry, slices: Slices): Promise<Uint32Array> {
  const used = new Uint32Array(head.size)
  let count = 0
  for (let slot = 0; slot < head.size; slot++) if (head.counts[slot] !== 0 || head.firstChunks[slot] !== 0) used[count++] = slot
  const runs: Uint32Array[] = []
  for (let from = 0; from < count; from += RUN_SLOTS) {
    runs.push(sortRun(head, registry, used.subarray(from, Math.min(count, from + RUN_SLOTS))))
    if (slices.due) await slices.pause()
  }
  return runs.length <= 1 ? (runs[0] ?? new Uint32Array(0)) : mergeRuns(head, registry, runs, count, slices)
}

/** Order of two byte strings; a prefix comes first. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const shared = Math.min(a.length, b.length)
  for (let i = 0; i < shared; i++) if (a[i] !== b[i]) return a[i]! - b[i]!
  return a.length - b.length
}

function sortRun(head: Head, registry: Registry, slots: Uint32Array): Uint32Array {
  const { ids } = head
  return slots.sort((a, b) => registry.compare(ids[a]!, ids[b]!))
}

async function mergeRuns(
  head: Head,
  registry: Registry,
  runs: readonly Uint32Array[],
  count: number,
  slices: Slices,
): Promise<Uint32Array> {
  const at = new Uint32Array(runs.length)
  // The series at which each run stands.
  const ids = Uint32Array.from(runs, (run) => head.ids[run[0]!]!)
  // A binary heap of run numbers, least label bytes at the root.
  const heap = Uint32Array.from(runs, (_, i) => i).sort((a, b) => registry.compare(ids[a]!, ids[b]!))
  const order = new Uint32Array(count)
  let size = heap.length
  for (let i = 0; i < count; i++) {
    const run = heap[0]!
    order[i] = runs[run]![at[run]!++]!
    if (at[run] === runs[run]!.length) heap[0] = heap[--size]!
    else ids[run] = head.ids[runs[run]![at[run]!]!]!
    sink(heap, size, ids, registry)
    if ((i & 255) === 255 && slices.due) await slices.pause()
  }
  return order
}

function sink(heap: Uint32Array, size: number, ids: Uint32Array, registry: Registry): void {
  for (let at = 0; ;) {
    let least = at
    const left = 2 * at + 1
    if (left < size && registry.compare(ids[heap[left]!]!, ids[heap[least]!]!) < 0) least = left
    if (left + 1 < size && registry.compare(ids[heap[left + 1]!]!, ids[heap[least]!]!) < 0) least = left + 1
    if (least === at) return
    const moved = heap[at]!
    heap[at] = heap[least]!
    heap[least] = moved
    at = least
  }
}
