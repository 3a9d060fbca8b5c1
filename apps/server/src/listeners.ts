/**
 * Listeners: which protocols are served over bare sockets, and how their lines become batches.
 */
import { TsinkError } from '@tsink/core'
import { decodeLineProtocol, type Decoded } from '@tsink/protocols'
import { storeOf, type ServerContext } from './context.ts'
import { LineListener } from './line-listener.ts'
import { parseAddress } from './option.ts'

export interface Listeners {
  /** The ports by protocol. */
  readonly ports: Readonly<Record<string, number>>
  close(): Promise<void>
}

/**
 * Opens what the configuration asks for.
 * @throws TsinkError BAD_CONFIG when an address cannot be listened on; nothing stays open then.
 */
export async function openListeners(context: ServerContext): Promise<Listeners> {
  const { config, ingest, metrics, log } = context
  const open: LineListener[] = []
  const ports: Record<string, number> = {}
  const close = async (): Promise<void> => {
    await Promise.all(open.map((listener) => listener.close()))
  }

  const lines = async (protocol: string, address: string | null, decode: (lines: Uint8Array) => Decoded): Promise<void> => {
    if (address === null) return
    const { host, port } = parseAddress(address)!
    const take = async (bytes: Uint8Array): Promise<void> => {
      const { rejected } = await ingest.append(storeOf(context), protocol, decode(bytes))
      if (rejected > 0) metrics.listenerErrors.inc({ protocol }, rejected)
    }
    const listener = await LineListener.open({ protocol, host, port, metrics, take })
    open.push(listener)
    ports[protocol] = listener.port
    log.info({ protocol, host, port: listener.port }, 'listening')
  }

  try {
    await lines('influx', config.influxListen, (bytes) =>
      decodeLineProtocol(bytes, { ...ingest.options(), precision: config.influxPrecision, bareField: 'value' }),
    )
  } catch (error) {
    await close()
    throw new TsinkError('BAD_CONFIG', `cannot open a listener: ${(error as Error).message}`, { cause: error })
  }
  return { ports, close }
}
