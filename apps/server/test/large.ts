/** Stores with much in them, what a process holds in memory while it is read, and how long it keeps the thread. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { Labels, SeriesTable, type Store, type WriteBatch } from '@tsink/core'

/** Many samples in few series: large out, small in the store. */
export async function fill(store: Store, metric: string, series: number, samples: number, startMs: number): Promise<void> {
  for (let s = 0; s < series; s++) {
    const labels = Labels.of({ __name__: metric, instance: `host-${s}`, job: 'node' })
    for (let from = 0; from < samples; from += 100_000) {
      const count = Math.min(100_000, samples - from)
      const table = new SeriesTable(1)
      table.add(labels)
      const timestamps = Float64Array.from({ length: count }, (_, i) => startMs + (from + i) * 1_000)
      const values = Float64Array.from({ length: count }, (_, i) => (((from + i) * 7_919) % 10_007) / 8)
      const batch: WriteBatch = {
        series: table,
        samples: [{ kind: 'f64', count, slots: new Uint32Array(count), base: 0, timestamps, values }],
      }
      await store.append(batch)
    }
  }
}

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

const nobody = new Int32Array(new SharedArrayBuffer(4))

/**
 * Bytes that are in use, garbage not among them. The memory of buffers is given back by another thread, for which this one stands still, so that
 * nothing new is made meanwhile.
 */
export function held(): number {
  for (let i = 0; i < 2; i++) {
    collectGarbage()
    Atomics.wait(nobody, 0, 0, 20)
  }
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

/**
 * Watches how long the thread is kept at a time: in processor time, since a busy machine makes every wait long. Calling the answer ends it and tells the
 * longest piece and all together, in microseconds.
 */
export function watchTurns(): () => { readonly longest: number; readonly total: number } {
  const used = (): number => {
    const { user, system } = process.cpuUsage()
    return user + system
  }
  let isOver = false
  let [last, total, longest] = [used(), 0, 0]
  const tick = (): void => {
    const now = used()
    total += now - last
    longest = Math.max(longest, now - last)
    last = now
    if (!isOver) setImmediate(tick)
  }
  setImmediate(tick)
  return () => {
    isOver = true
    return { longest, total }
  }
}
