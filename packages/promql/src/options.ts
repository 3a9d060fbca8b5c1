/**
 * Options: what a query runs against and what it may cost. Everything from outside (store, clock, cancelling) comes in here, so the
 * evaluator runs in a browser as it runs in a server. Each limit has a default, a reason and the flag of the server that changes it.
 */
import { TsinkError, type Store } from '@tsink/core'
import type { QueryCache } from './query-cache.ts'

/** Switches of the language. They are the server's feature flags; all are off unless said, as in a stock Prometheus. */
export interface Features {
  /** Functions and aggregations that are marked as experimental. `--enable-feature=promql-experimental-functions` */
  readonly experimentalFunctions: boolean
  /** `anchored` and `smoothed`. `--enable-feature=promql-extended-range-selectors` */
  readonly extendedRangeSelectors: boolean
  /** `fill()`, `fill_left()`, `fill_right()`. `--enable-feature=promql-binop-fill-modifiers` */
  readonly fillModifiers: boolean
  /** Metric names are removed at the very end of a query. `--enable-feature=promql-delayed-name-removal` */
  readonly delayedNameRemoval: boolean
  /** Start timestamps of samples count in the rate family. `--enable-feature=use-start-timestamps` */
  readonly useStartTimestamps: boolean
  /** Annotations look at `__type__` instead of the name's suffix. `--enable-feature=type-and-unit-labels` */
  readonly typeAndUnitLabels: boolean
}

/** Everything off: a stock server. */
export const STOCK_FEATURES: Features = {
  experimentalFunctions: false,
  extendedRangeSelectors: false,
  fillModifiers: false,
  delayedNameRemoval: false,
  useStartTimestamps: false,
  typeAndUnitLabels: false,
}

/** How a query is run. Only the store is needed. */
export interface QueryOptions {
  readonly store: Store
  /** How far back an instant selector looks for a sample, in milliseconds. 5 minutes; `--query.lookback-delta`. */
  readonly lookbackMs?: number
  /** The step of a subquery that says none, in milliseconds. 1 minute; the rules' evaluation interval. */
  readonly noStepSubqueryMs?: number
  /** At most so many samples held at one moment. 50,000,000; `--query.max-samples`. */
  readonly maxSamples?: number
  /** At most so many series read by all selectors together. 10,000,000; `--query.max-series`. */
  readonly maxSeries?: number
  /** At most so many bytes of columns held at one moment. 256 MiB; `--query.max-memory`. */
  readonly maxMemoryBytes?: number
  /** The query ends with DEADLINE when `now()` passes this. None unless given; `--query.timeout`. */
  readonly deadlineMs?: number
  /** Aborting it ends the query with CANCELED within a time slice. */
  readonly signal?: AbortSignal
  readonly features?: Partial<Features>
  /** A monotonic clock in milliseconds, for slices, deadlines and analyze. Without it the query runs in one piece. */
  readonly now?: () => number
  /** Called when a slice of `sliceMs` is used up: gives the host's other work a turn. Without it only the microtask queue gets one. */
  readonly yieldToHost?: () => Promise<void>
  /** How long a query computes before it yields. 10 ms, so that a cancel arrives well within 50 ms. */
  readonly sliceMs?: number
  /** Count samples for each step: see `QueryStats`. */
  readonly stats?: boolean
  /** Measure each operator: the result carries an `analysis`. */
  readonly analyze?: boolean
  /** Where texts that come again are found parsed and planned. None unless given. */
  readonly cache?: QueryCache
}

/** The options with every default filled in. */
export interface Settings {
  readonly store: Store
  readonly lookbackMs: number
  readonly noStepSubqueryMs: number
  readonly maxSamples: number
  readonly maxSeries: number
  readonly maxMemoryBytes: number
  readonly deadlineMs: number
  readonly signal: AbortSignal | null
  readonly features: Features
  readonly now: () => number
  readonly yieldToHost: () => Promise<void>
  readonly sliceMs: number
  readonly stats: boolean
  readonly analyze: boolean
  readonly cache: QueryCache | null
}

export function settle(options: QueryOptions): Settings {
  const settings: Settings = {
    store: options.store,
    lookbackMs: options.lookbackMs ?? 300_000,
    noStepSubqueryMs: options.noStepSubqueryMs ?? 60_000,
    maxSamples: options.maxSamples ?? 50_000_000,
    maxSeries: options.maxSeries ?? 10_000_000,
    maxMemoryBytes: options.maxMemoryBytes ?? 256 * 1_024 * 1_024,
    deadlineMs: options.deadlineMs ?? Infinity,
    signal: options.signal ?? null,
    features: { ...STOCK_FEATURES, ...options.features },
    now: options.now ?? (() => 0),
    yieldToHost: options.yieldToHost ?? (() => Promise.resolve()),
    sliceMs: options.sliceMs ?? 10,
    stats: options.stats ?? false,
    analyze: options.analyze ?? false,
    cache: options.cache ?? null,
  }
  if (!(settings.lookbackMs > 0)) throw new TsinkError('BAD_QUERY', `the lookback must be above 0 ms, got ${settings.lookbackMs}`)
  if (!(settings.noStepSubqueryMs > 0)) {
    throw new TsinkError('BAD_QUERY', `the default subquery step must be above 0 ms, got ${settings.noStepSubqueryMs}`)
  }
  return settings
}
