/**
 * Serve: a server's life from its command line to its end. The listener opens first, then the store, so that probes see a process that is
 * there and not ready; SIGTERM lets requests in work finish, makes everything durable and ends with 0.
 */
import { readFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { TsinkError } from '@tsink/core'
import { parseExpr, QueryCache } from '@tsink/promql'
import type { FastifyInstance } from 'fastify'
import { ActiveQueries } from './active-queries.ts'
import { loadConfig, type Config } from './config.ts'
import { printHelp } from './config-text.ts'
import type { ServerContext } from './context.ts'
import { featuresOf } from './features.ts'
import { Gate } from './gate.ts'
import { Ingest } from './ingest.ts'
import { Metrics } from './metrics.ts'
import { openListeners, type Listeners } from './listeners.ts'
import { openStore } from './open-store.ts'
import { parseAddress } from './option.ts'
import { OtlpReceiver } from './otlp-receiver.ts'
import { loadScrapeConfig } from './scrape/config.ts'
import { Scraper } from './scrape/scraper.ts'
import { ScrapeMetrics } from './scrape/scrape-metrics.ts'
import { buildServer } from './server.ts'
import { showStore } from './store-metrics.ts'

/** A running server. */
export interface RunningServer {
  /** `http://127.0.0.1:9201`, with the port that was really taken. */
  readonly url: string
  readonly context: ServerContext
  readonly app: FastifyInstance
  /** Resolves when the store is open; rejects when it cannot be opened. */
  readonly ready: Promise<void>
  /** Stops taking requests, lets those in work finish, closes the store. Calling it twice is fine. */
  stop(): Promise<void>
}

/** Command lines and start-up errors that the user must change end with this status. */
const MISUSE = 2

/**
 * Runs a server until a signal stops it, and returns the exit status: 0 after a clean stop, 2 when the command line, the data folder or the
 * port is at fault (one line on standard error says what), 1 when something broke.
 */
export async function serve(
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  program = 'tsink-server',
): Promise<number> {
  if (argv.includes('--help') || argv.includes('-h')) {
    process.stdout.write(printHelp(program))
    return 0
  }
  if (argv.includes('--version')) {
    process.stdout.write(`tsink ${version()}\n`)
    return 0
  }
  let server: RunningServer
  try {
    server = await startServer(await loadConfig(argv, env))
  } catch (error) {
    return misuse(program, error)
  }
  const stopped = untilSignal(server)
  try {
    await server.ready
  } catch (error) {
    await server.stop()
    return misuse(program, error)
  }
  return stopped
}

/**
 * Opens the listener, then the store in the background.
 * @throws TsinkError BAD_CONFIG when the address is taken or cannot be listened on, or the scrape config is wrong.
 */
export async function startServer(config: Config): Promise<RunningServer> {
  // A mistake in the file is told before anything is opened.
  const scrapeConfig = config.scrapeConfig === null ? null : loadScrapeConfig(config.scrapeConfig)
  const metrics = new Metrics(version())
  const context: ServerContext = {
    config,
    version: version(),
    metrics,
    queries: new Gate({
      capacity: config.queryMaxConcurrency,
      maxWaiting: MAX_WAITING_QUERIES,
      message: 'too many queries wait for their turn (--query-max-concurrency)',
      timeoutCode: 'DEADLINE',
      timeoutMessage: 'query timed out in query queue',
    }),
    writes: new Gate({
      capacity: config.writeMaxInflight,
      maxWaiting: MAX_WAITING_WRITES,
      message: 'too many writes wait for their turn (--write-max-inflight)',
      timeoutCode: 'OVERLOADED',
      timeoutMessage: `no room for this write within ${config.writeQueueTimeout} ms (--write-max-inflight, --write-queue-timeout)`,
    }),
    features: featuresOf(config),
    queryCache: new QueryCache(),
    activeQueries: new ActiveQueries(),
    ingest: new Ingest(metrics),
    otlp: new OtlpReceiver(config),
    paths: new Set(),
    startedAt: new Date(),
    log: undefined as never,
    phase: 'replaying',
    replay: { min: 0, max: 0, current: 0 },
    store: null,
    engine: null,
    ports: {},
    scraper: null,
    quit: () => process.kill(process.pid, 'SIGTERM'),
  }
  showGates(context)
  const app = await buildServer(context)
  const url = await listen(app, config)
  context.log.info({ url, dataPath: config.dataPath ?? 'memory' }, 'listening')
  let listeners: Listeners | null = null
  const opening = openStore(context).then(async (engine) => {
    context.engine = engine
    context.store = engine
    showStore(metrics, () => engine.stats())
    // A stop that came during the replay has the store closed by `stop`.
    if (context.phase !== 'replaying') return
    context.phase = 'ready'
    // The grammar is made when the first text is read: now, not when the first user waits.
    parseExpr('up')
    listeners = await openListeners(context)
    context.ports = listeners.ports
    if (scrapeConfig !== null) {
      const { ingest, log } = context
      const around = {
        store: engine,
        ingest,
        metrics: new ScrapeMetrics(metrics),
        log,
        version: version(),
        typeAndUnitLabels: featuresOf(config).typeAndUnitLabels === true,
      }
      context.scraper = new Scraper(config.scrapeConfig!, around)
      await context.scraper.start(scrapeConfig)
    }
    context.log.info({ ms: Date.now() - context.startedAt.getTime() }, 'ready')
  })
  let stopping: Promise<void> | null = null
  const stop = (): Promise<void> => (stopping ??= close())
  const close = async (): Promise<void> => {
    context.phase = 'stopping'
    await opening.catch(() => undefined)
    await context.scraper?.stop()
    await listeners?.close()
    await closeWithin(app, config.shutdownGrace)
    await context.store?.close()
  }
  return { url, context, app, ready: opening, stop }
}

/** So many may wait; each holds a connection, which has a limit of its own. */
const MAX_WAITING_QUERIES = 1_000
const MAX_WAITING_WRITES = 1_000

function showGates({ metrics, queries, writes }: ServerContext): void {
  metrics.gauge('tsink_queries_in_flight', 'Queries being evaluated.', () => queries.inside)
  metrics.gauge('tsink_queries_waiting', 'Queries waiting for their turn.', () => queries.waiting)
  metrics.countedElsewhere('tsink_queries_refused_total', 'Queries that did not get their turn.', () => queries.refused)
  metrics.gauge('tsink_write_inflight_bytes', 'Bytes of write bodies in work.', () => writes.inside)
  metrics.gauge('tsink_write_inflight_limit_bytes', 'How many bytes of write bodies may be in work.', () => writes.capacity)
  metrics.gauge('tsink_writes_waiting', 'Writes waiting for their turn.', () => writes.waiting)
  metrics.countedElsewhere('tsink_writes_refused_total', 'Writes that did not get their turn.', () => writes.refused)
}

async function listen(app: FastifyInstance, config: Config): Promise<string> {
  const { host, port } = parseAddress(config.listen)!
  try {
    await app.listen({ host, port })
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const reason = code === 'EADDRINUSE' ? 'the port is taken' : code === 'EACCES' ? 'not allowed' : message
    throw new TsinkError('BAD_CONFIG', `cannot listen on ${config.listen}: ${reason}`, { cause: error })
  }
  const address = app.server.address() as AddressInfo
  const shown = address.family === 'IPv6' ? `[${address.address}]` : address.address
  return `${config.tlsCert === null ? 'http' : 'https'}://${shown}:${address.port}`
}

/** Closes the HTTP server; connections that are not done within the grace are cut. */
async function closeWithin(app: FastifyInstance, graceMs: number): Promise<void> {
  const timer = setTimeout(() => app.server.closeAllConnections(), graceMs)
  await app.close()
  clearTimeout(timer)
}

function untilSignal(server: RunningServer): Promise<number> {
  return new Promise((resolve) => {
    const onSignal = (signal: NodeJS.Signals): void => {
      server.context.log.info({ signal }, 'stopping')
      server.stop().then(
        () => resolve(0),
        (error: unknown) => {
          server.context.log.fatal({ err: error }, 'the stop failed')
          resolve(1)
        },
      )
    }
    process.on('SIGHUP', () => {
      server.context.scraper
        ?.reload()
        .catch((error: unknown) => server.context.log.error({ err: error }, 'the config was not loaded again'))
    })
    process.once('SIGTERM', onSignal)
    process.once('SIGINT', onSignal)
  })
}

function misuse(program: string, error: unknown): number {
  if (error instanceof TsinkError) {
    process.stderr.write(`${program}: ${error.message.replaceAll('\n', ' ')}\n`)
    return MISUSE
  }
  process.stderr.write(`${program}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`)
  return 1
}

/** The version of this package. */
export function version(): string {
  const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }
  return manifest.version
}
