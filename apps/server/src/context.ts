/**
 * ServerContext: what the routes share. The store is there from the moment that its log is replayed; before that, and after the server
 * began to stop, routes that need it answer 503.
 */
import type { FastifyBaseLogger } from 'fastify'
import { TsinkError, type Store } from '@tsink/core'
import type { ActiveQueries } from './active-queries.ts'
import type { Config } from './config.ts'
import type { Gate } from './gate.ts'
import type { Ingest } from './ingest.ts'
import type { Metrics } from './metrics.ts'

export type Phase = 'replaying' | 'ready' | 'stopping'

/** What an opened store can do beyond the port; every part may be missing. */
export interface Administration {
  /** Writes everything recent into segments. */
  flush?(): Promise<void>
  /** Frees what deletions hid. */
  compact?(): Promise<void>
  /** Copies the store into a folder below the data path and returns the folder's name. */
  snapshot?(): Promise<string>
  /** The live segments, as /api/v1/status/tsdb/blocks tells them. */
  blocks?(): readonly unknown[]
  /** Facts for /api/v1/status/tsdb and /metrics. */
  stats?(): StoreStats
}

/** Counts of an opened store, as far as it knows them. */
export interface StoreStats {
  readonly series: number
  readonly chunks: number
  readonly minTime: number
  readonly maxTime: number
  readonly gauges: Readonly<Record<string, number>>
}

export interface ServerContext {
  readonly config: Config
  readonly version: string
  readonly metrics: Metrics
  readonly queries: Gate
  readonly activeQueries: ActiveQueries
  readonly writes: Gate
  readonly ingest: Ingest
  readonly startedAt: Date
  /** Every path that is served. */
  readonly paths: Set<string>
  log: FastifyBaseLogger
  phase: Phase
  replay: { readonly min: number; readonly max: number; readonly current: number }
  store: Store | null
  administration: Administration
  /** Asks the process to stop as if it had got SIGTERM. */
  quit: () => void
}

/** The store, when it serves. @throws TsinkError CLOSED otherwise. */
export function storeOf(context: ServerContext): Store {
  if (context.store === null || context.phase !== 'ready') {
    throw new TsinkError('CLOSED', context.phase === 'replaying' ? 'the store is still being opened' : 'the server is stopping')
  }
  return context.store
}
