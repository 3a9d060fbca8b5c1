/** Threads in a browser: dedicated workers, the only place from which files of the origin-private file system can be written in place. */
import type { Port, Thread } from './port.ts'

/** Starts the worker that runs a database. */
export function startThread(): Thread {
  // Bundlers recognise exactly this expression and bundle the worker.
  const worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module' })
  return {
    post: (message, transfer) => worker.postMessage(message, [...(transfer ?? [])]),
    onMessage: (take) => worker.addEventListener('message', (event: MessageEvent) => take(event.data)),
    onEnd: (take) => worker.addEventListener('error', (event) => take(new Error(event.message))),
    async end() {
      worker.terminate()
    },
  }
}

/** Inside of the worker: the line to the page. */
export function ownPort(): Port {
  const scope = globalThis as unknown as {
    postMessage(message: unknown, transfer: readonly ArrayBuffer[]): void
    addEventListener(type: 'message', take: (event: MessageEvent) => void): void
  }
  return {
    post: (message, transfer) => scope.postMessage(message, transfer ?? []),
    onMessage: (take) => scope.addEventListener('message', (event) => take(event.data)),
  }
}
