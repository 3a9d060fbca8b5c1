/**
 * Listeners: protocols that speak over bare sockets. What they cannot read is counted, never logged by the packet.
 */
import type { ServerContext } from './context.ts'

export interface Listeners {
  close(): Promise<void>
}

/** Opens what the configuration asks for. */
export async function openListeners(_context: ServerContext): Promise<Listeners> {
  return { close: async () => undefined }
}
