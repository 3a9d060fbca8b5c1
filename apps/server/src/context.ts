/**
 * ServerContext: what the routes share. The store is there from the moment that its log is replayed; before that, and after the server
 * began to stop, routes that need it answer 503.
 */
import type { FastifyBaseLogger } from 'fastify'
import { TsinkError, type Store } from '@tsink/core'
import type { Engine } from '@tsink/engine'
import type { Features, QueryCache } from '@tsink/promql'
import type { ActiveQueries } from './active-queries.ts'
import type { Config } from './config.ts'
import type { Gate } from './gate.ts'
import type { Ingest } from './ingest.ts'
import type { Metrics } from './metrics.ts'
import type { OtlpReceiver } from './otlp-receiver.ts'
import type { Scraper } from './scrape/scraper.ts'

export type Phase = 'replaying' | 'ready' | 'stopping'

export interface ServerContext {
  readonly config: Config
  readonly version: string
  readonly metrics: Metrics
  readonly queries: Gate
  /** The switches of PromQL that are on. */
  readonly features: Features
  /** Queries that came lately, read and planned. */
  readonly queryCache: QueryCache
  readonly activeQueries: ActiveQueries
  readonly writes: Gate
  readonly ingest: Ingest
  readonly otlp: OtlpReceiver
  readonly startedAt: Date
  /** Every path that is served. */
  readonly paths: Set<string>
  log: FastifyBaseLogger
  phase: Phase
  replay: { readonly min: number; readonly max: number; readonly current: number }
  /** What is written to and read from. */
  store: Store | null
  /** The same store as an engine, for what only an engine does. */
  engine: Engine | null
  /** The ports of listeners over bare sockets, by protocol. */
  ports: Readonly<Record<string, number>>
  /** What scrapes targets, when there is a scrape config and the store is open. */
  scraper: Scraper | null
  /** Asks the process to stop as if it had got SIGTERM. */
  quit: () => void
}

/**
 * The store, when it is open: also while the server stops, for requests that came before. New ones are refused before their handler.
 * @throws TsinkError CLOSED while it is being opened.
 */
export function storeOf(context: ServerContext): Store {
  if (context.store === null) throw new TsinkError('CLOSED', 'the store is still being opened')
  return context.store
}

/** The engine, when the store is open. @throws TsinkError CLOSED otherwise. */
export function engineOf(context: ServerContext): Engine {
  storeOf(context)
  return context.engine!
}
