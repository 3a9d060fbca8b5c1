/**
 * Sort: many numbers by an order that is costly to ask for, in slices of time. Runs that fit a slice are sorted one by one, and merged through a
 * heap.
 */
import type { Slices } from './slices.ts'

const RUN_LENGTH = 4_096

/** Whether `a` comes before `b` (below 0) or after it. */
export type Order = (a: number, b: number) => number

/** The numbers in order, as a new array or the one given. */
export async function sortNumbers(numbers: Uint32Array, order: Order, slices: Slices): Promise<Uint32Array> {
  const runs: Uint32Array[] = []
  for (let from = 0; from < numbers.length; from += RUN_LENGTH) {
    runs.push(numbers.subarray(from, Math.min(numbers.length, from + RUN_LENGTH)).sort(order))
    if (slices.due) await slices.pause()
  }
  return runs.length <= 1 ? numbers : mergeRuns(runs, numbers.length, order, slices)
}

async function mergeRuns(runs: readonly Uint32Array[], count: number, order: Order, slices: Slices): Promise<Uint32Array> {
  const at = new Uint32Array(runs.length)
  // The number at which each run stands.
  const first = Uint32Array.from(runs, (run) => run[0]!)
  // A binary heap of runs, the one with the least number at the root.
  const heap = Uint32Array.from(runs, (_, i) => i).sort((a, b) => order(first[a]!, first[b]!))
  const sorted = new Uint32Array(count)
  let size = heap.length
  for (let i = 0; i < count; i++) {
    const run = heap[0]!
    sorted[i] = first[run]!
    if (++at[run]! === runs[run]!.length) heap[0] = heap[--size]!
    else first[run] = runs[run]![at[run]!]!
    sink(heap, size, first, order)
    if ((i & 255) === 255 && slices.due) await slices.pause()
  }
  return sorted
}

function sink(heap: Uint32Array, size: number, first: Uint32Array, order: Order): void {
  for (let at = 0; ;) {
    let least = at
    const left = 2 * at + 1
    if (left < size && order(first[heap[left]!]!, first[heap[least]!]!) < 0) least = left
    if (left + 1 < size && order(first[heap[left + 1]!]!, first[heap[least]!]!) < 0) least = left + 1
    if (least === at) return
    const moved = heap[at]!
    heap[at] = heap[least]!
    heap[least] = moved
    at = least
  }
}
