/**
 * The canary: the real server with a store that acknowledges before it writes. A checker that does not catch it is asleep.
 */
import { loadConfig, startServer } from '@tsink/server'
import type { AppendResult, Store, WriteBatch } from '@tsink/core'

/** How long after the acknowledgement the store writes. */
const DELAY_MS = 50

const server = await startServer(await loadConfig(process.argv.slice(2), process.env))
await server.ready
server.context.store = eager(server.context.store!)
process.once('SIGTERM', () => void server.stop().then(() => process.exit(0)))

function eager(store: Store): Store {
  return new Proxy(store, {
    get(target, name): unknown {
      if (name === 'append') return (batch: WriteBatch) => appendLater(target, batch)
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

async function appendLater(store: Store, batch: WriteBatch): Promise<AppendResult> {
  setTimeout(() => void store.append(batch), DELAY_MS)
  const accepted = batch.samples.reduce((sum, { count }) => sum + count, 0)
  return { accepted, rejected: 0, rejections: [], durability: 'durable', sequence: 0 }
}
