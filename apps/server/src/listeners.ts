/**
 * Listeners: which protocols are served over bare sockets, and how their lines become batches.
 */
import { TsinkError } from '@tsink/core'
import {
  compileGraphiteTemplates,
  decodeGraphite,
  decodeGraphitePickle,
  decodeLineProtocol,
  decodeOpenTsdbLines,
  decodeStatsd,
  Rejected,
  SeriesCache,
  STATSD_LIMITS,
  StatsdAggregator,
  type Decoded,
} from '@tsink/protocols'
import { storeOf, type ServerContext } from './context.ts'
import { pickleFramer, statsdFramer } from './framing.ts'
import { parseAddress } from './option.ts'
import { OtlpGrpcListener } from './otlp-grpc.ts'
import { loadStatsdMapping } from './statsd-mapping.ts'
import { SocketListener, type SocketListenerOptions } from './socket-listener.ts'

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
  const open: { close(): Promise<void> }[] = []
  const ports: Record<string, number> = {}
  // What holds events back until a flush is flushed after its listener has closed.
  const flushers: (() => Promise<void>)[] = []
  const close = async (): Promise<void> => {
    await Promise.all(open.map((listener) => listener.close()))
    await Promise.all(flushers.map((flush) => flush()))
  }

  const listen = async (options: Omit<SocketListenerOptions, 'metrics'>): Promise<void> => {
    const { protocol, address } = options
    const listener = await SocketListener.open({ ...options, metrics })
    open.push(listener)
    if ('host' in address) ports[protocol] = listener.port
    log.info({ protocol, ...address, ...('host' in address ? { port: listener.port } : {}) }, 'listening')
  }

  const decoded =
    (protocol: string, decode: (messages: Uint8Array) => Decoded) =>
    async (messages: Uint8Array): Promise<void> => {
      const { rejected } = await ingest.append(storeOf(context), protocol, decode(messages))
      if (rejected > 0) metrics.listenerErrors.inc({ protocol }, rejected)
    }

  const lines = async (protocol: string, text: string | null, decode: (lines: Uint8Array) => Decoded): Promise<void> => {
    if (text !== null) await listen({ protocol, address: parseAddress(text)!, datagrams: true, take: decoded(protocol, decode) })
  }

  try {
    await lines('influx', config.influxListen, (bytes) =>
      decodeLineProtocol(bytes, { ...ingest.options(), precision: config.influxPrecision, bareField: 'value' }),
    )
    const templates = compileGraphiteTemplates(config.graphiteTemplates)
    // Lines mean something else under templates, so this cache is the listener's own.
    const cache = new SeriesCache()
    await lines('graphite', config.graphiteListen, (bytes) => decodeGraphite(bytes, { now: Date.now(), cache, templates }))
    if (config.graphitePickleListen !== null) {
      await listen({
        protocol: 'graphite_pickle',
        address: parseAddress(config.graphitePickleListen)!,
        framer: pickleFramer,
        take: decoded('graphite_pickle', (frames) => decodeGraphitePickle(frames, { now: Date.now(), cache, templates })),
      })
    }
    await lines('opentsdb', config.opentsdbListen, (bytes) => decodeOpenTsdbLines(bytes, ingest.options()))
    if (config.otlpGrpcListen !== null) {
      const { host, port } = parseAddress(config.otlpGrpcListen)!
      const listener = await OtlpGrpcListener.open(context, host, port)
      open.push(listener)
      ports['otlp_grpc'] = listener.port
      log.info({ protocol: 'otlp_grpc', host, port: listener.port }, 'listening')
    }
    if (config.statsdListen !== null || config.statsdUnixSocket !== null) {
      const statsd = aggregateStatsd(context)
      flushers.push(statsd.close)
      const [protocol, take] = ['statsd', statsd.take]
      if (config.statsdListen !== null) await listen({ protocol, take, address: parseAddress(config.statsdListen)!, datagrams: true })
      if (config.statsdUnixSocket !== null)
        await listen({ protocol, take, address: { path: config.statsdUnixSocket }, framer: statsdFramer })
    }
  } catch (error) {
    await close()
    if (error instanceof TsinkError) throw error
    throw new TsinkError('BAD_CONFIG', `cannot open a listener: ${(error as Error).message}`, { cause: error })
  }
  return { ports, close }
}

/** Gathers StatsD events, and stores what they come to at each flush. */
function aggregateStatsd(context: ServerContext): {
  readonly take: (lines: Uint8Array) => Promise<void>
  readonly close: () => Promise<void>
} {
  const { config, ingest, metrics, log } = context
  const aggregator = new StatsdAggregator(config.statsdMapping === null ? {} : { mapper: loadStatsdMapping(config.statsdMapping) })
  let dropped = 0
  const flush = async (): Promise<void> => {
    const batch = aggregator.flush(Date.now())
    metrics.listenerErrors.inc({ protocol: 'statsd' }, aggregator.dropped - dropped)
    dropped = aggregator.dropped
    if (batch.series.count > 0) await ingest.append(storeOf(context), 'statsd', { batch, rejected: new Rejected() })
  }
  const timer = setInterval(() => {
    flush().catch((error: unknown) => log.warn({ err: error }, 'a flush of StatsD was lost'))
  }, config.statsdFlushInterval)
  const take = async (lines: Uint8Array): Promise<void> => {
    for (const packet of packetsOf(lines, STATSD_LIMITS.packetBytes)) {
      const { events, rejected } = decodeStatsd(packet)
      aggregator.add(events, Date.now())
      if (rejected.count > 0) metrics.listenerErrors.inc({ protocol: 'statsd' }, rejected.count)
    }
  }
  const close = async (): Promise<void> => {
    clearInterval(timer)
    await flush()
  }
  return { take, close }
}

/** Lines in pieces of at most `maxBytes` that end at line ends; a longer line is a piece of its own, to be refused. */
function* packetsOf(lines: Uint8Array, maxBytes: number): Generator<Uint8Array> {
  let start = 0
  while (start < lines.length) {
    let end = start + maxBytes
    if (end >= lines.length) end = lines.length
    else {
      end = lines.lastIndexOf(NEWLINE, end - 1) + 1
      if (end <= start) end = lines.indexOf(NEWLINE, start) + 1 || lines.length
    }
    yield lines.subarray(start, end)
    start = end
  }
}

const NEWLINE = 0x0a
