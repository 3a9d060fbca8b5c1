import { browserHost } from '@tsink/host/browser'
import { describe, expect, test } from 'vitest'
import { DISK_CASES } from '../disk-cases.ts'
import type { Request } from './disk-worker.ts'

function startWorker(): Worker {
  return new Worker(new URL('./disk-worker.ts', import.meta.url), { type: 'module' })
}

function ask(worker: Worker, request: Request): Promise<unknown> {
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }: MessageEvent<{ result?: unknown; error?: string }>) =>
      data.error === undefined ? resolve(data.result) : reject(new Error(data.error))
    worker.onerror = (event) => reject(new Error(event.message))
    worker.postMessage(request)
  })
}

describe('the disk of the browser', () => {
  for (const { name } of DISK_CASES) {
    test(name, async () => {
      const worker = startWorker()
      expect(await ask(worker, { do: 'case', name })).toBeNull()
      worker.terminate()
    })
  }

  test('keeps its files for the next worker', async () => {
    const first = startWorker()
    await ask(first, { do: 'write', path: 'a', bytes: [1, 2, 3] })
    first.terminate()
    const second = startWorker()
    expect(await ask(second, { do: 'read', path: 'a' })).toEqual([1, 2, 3])
    second.terminate()
  })

  test('is locked against another worker until its holder is gone', async () => {
    const holder = startWorker()
    await ask(holder, { do: 'lock' })
    const other = startWorker()
    await expect(ask(other, { do: 'lock' })).rejects.toThrow(/locked: the store is open in another tab or worker/)
    holder.terminate()
    const start = performance.now()
    for (;;) {
      const error = await ask(other, { do: 'lock' }).catch((thrown: unknown) => thrown)
      if (error === null) break
      expect(performance.now() - start).toBeLessThan(5_000)
    }
    other.terminate()
  })

  test('is not to be had in a page, and says so', async () => {
    await expect(browserHost()).rejects.toThrow(/dedicated worker/)
  })
})
