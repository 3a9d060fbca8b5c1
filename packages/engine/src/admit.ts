/**
 * Admit: appending with patience. A batch that finds the memory budget or the log full waits for the flush that makes room, up to the write
 * timeout; then it fails as `limited`. A batch that was taken waits for the durability that the store promises.
 */
import { TsinkError, type AppendResult, type WriteBatch } from '@tsink/core'
import { appendNow } from './append.ts'
import { assertWritable, type Parts } from './parts.ts'

export async function append(parts: Parts, batch: WriteBatch): Promise<AppendResult> {
  const result = await admitted(parts, batch)
  if (parts.log === null) return result
  return { ...result, durability: await parts.log.commit() }
}

async function admitted(parts: Parts, batch: WriteBatch): Promise<AppendResult> {
  const { clock } = parts.host
  const deadline = clock.monotonic() + parts.options.writeTimeoutMs
  for (;;) {
    try {
      return appendNow(parts, batch)
    } catch (error) {
      if (!(error instanceof TsinkError) || error.kind !== 'limited') throw error
      const room = parts.background.room(parts)
      if (room === null || !(await waits(parts, room, deadline))) throw error
      assertWritable(parts)
    }
  }
}

/** Whether a promise settles before a monotonic time. */
async function waits(parts: Parts, promise: Promise<unknown>, deadline: number): Promise<boolean> {
  const { clock } = parts.host
  const left = deadline - clock.monotonic()
  if (left <= 0) return false
  return new Promise((resolve) => {
    const timer = clock.setTimer(left, () => resolve(false))
    const settled = (): void => {
      timer.cancel()
      resolve(true)
    }
    promise.then(settled, settled)
  })
}
