/** Where databases live in a browser: directories of the origin-private file system (in a worker only), or the page's memory. */
import type { Host } from '@tsink/host'
import { browserHost } from '@tsink/host/browser'
import { volatileHost } from '@tsink/host/memory'

export function placeAt(path: string): Promise<Host> {
  return browserHost(path)
}

export function memoryPlace(): Host {
  return volatileHost()
}
