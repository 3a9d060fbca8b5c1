/** Threads on Node. */
import { parentPort, Worker } from 'node:worker_threads'
import type { Port, Thread } from './port.ts'

/** Starts the thread that runs a database. It does not keep the process alive by itself. */
export function startThread(): Thread {
  // In development the sources run, in an installed package what was built from them.
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
  const worker = new Worker(new URL(`./worker.${extension}`, import.meta.url))
  let ending = false
  return {
    post: (message, transfer) => worker.postMessage(message, [...(transfer ?? [])]),
    onMessage: (take) => worker.on('message', take),
    onEnd(take) {
      worker.on('error', (error) => take(error instanceof Error ? error : new Error(String(error))))
      worker.on('exit', (code) => {
        if (!ending) take(new Error(`the database's thread ended with code ${code}`))
      })
    },
    async end() {
      ending = true
      await worker.terminate()
    },
  }
}

/** Inside of the thread: the line to whoever started it. */
export function ownPort(): Port {
  const port = parentPort
  if (port === null) throw new Error('this module runs in a thread of its own only')
  return {
    post: (message, transfer) => port.postMessage(message, [...(transfer ?? [])]),
    onMessage: (take) => port.on('message', take),
  }
}
