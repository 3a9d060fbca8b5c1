/** Options of an engine, each with its default and its reason. Times are milliseconds, whatever the store's unit. */
import { LIMITS, TsinkError, UNITS_PER_SECOND, type Labels, type Matcher, type TimeUnit } from '@tsink/core'

export interface RetentionRule {
  /** All must hold. */
  readonly matchers: readonly Matcher[]
  readonly retentionMs: number
}

export interface EngineOptions {
  /** Unit of all timestamps. A store keeps the unit that it was made with. Default ms. */
  readonly unit?: TimeUnit
  /**
   * What `append` waits for. `every`: each batch is on the disk (batches that come together share one sync). `periodic`: synced every
   * `syncPeriodMs`. `os`: the operating system decides. `none`: no log at all; what is not flushed is lost with the process. Default every.
   */
  readonly sync?: 'every' | 'periodic' | 'os' | 'none'
  readonly syncPeriodMs?: number
  /** What opening does with damage inside the log. `strict` refuses to open, `salvage` skips it and reports it. Default strict. */
  readonly replay?: 'strict' | 'salvage'
  /** Size of one log file, and of all of them: at half of the latter the head is flushed, at all of it writes are refused. */
  readonly logFileBytes?: number
  readonly maxLogBytes?: number
  /** Window of time of the smallest segments. Default two hours. */
  readonly partitionMs?: number
  /** Samples in a full chunk, at most 2,048. */
  readonly chunkSamples?: number
  /** The head is flushed when it takes so much memory, or when its first batch is so old. */
  readonly flushBytes?: number
  readonly flushAgeMs?: number
  /** Memory for head, registry and caches together. Above it writes wait for a flush. Default: a quarter of what the host has. */
  readonly memoryBytes?: number
  /** How long an append may wait for memory or log space before it fails. Default 30 s. */
  readonly writeTimeoutMs?: number
  /** Most series with samples in memory; a further one is rejected. Default: no limit. */
  readonly maxSeries?: number
  /**
   * How long samples are kept, by their time. Default: for ever. Rules by selector come first: the first that matches decides. A clock that jumps
   * ahead expires nothing until it has kept to the jump for as long as it is wide, a day at most; a pause between two openings is such a jump.
   */
  readonly retentionMs?: number
  readonly retentionRules?: readonly RetentionRule[]
  /** Most bytes of segments; above it the oldest segments go. Default: no limit. */
  readonly retentionBytes?: number
  /** Samples further in the future than this are rejected. Default: no limit. */
  readonly maxFutureMs?: number
  /** Most exemplars and most metrics with metadata that are kept. */
  readonly maxExemplars?: number
  readonly maxMetadata?: number
  /** Whether flushes, compaction and retention run by themselves. Tests turn it off. Default true. */
  readonly background?: boolean
  /** For how long a delete can be undone at least: compaction leaves its data alone that long. Default 10 minutes. */
  readonly undoMs?: number
  /** Loads the index of every segment when opening and keeps it: what `selectNow` needs. Default false: indexes come and go as they are used. */
  readonly preload?: boolean
  /** Whether closing writes the head into segments, so that the next opening has nothing to replay. Default true. */
  readonly flushOnClose?: boolean
  /** Told about progress of the replay when opening: bytes read, bytes in all. */
  readonly onReplay?: (doneBytes: number, totalBytes: number) => void
  /** Told about errors of background work, damaged segments among them. */
  readonly onError?: (error: unknown) => void
}

export type Options = Required<Omit<EngineOptions, 'onReplay' | 'onError'>> & Pick<EngineOptions, 'onReplay' | 'onError'>

const MIB = 1_048_576
const MINUTE = 60_000
const HOUR = 60 * MINUTE

/** A head larger than this gains nothing: chunks are full long before, and opening after a crash takes the longer. */
const MAX_FLUSH_BYTES = 1_024 * MIB

/** @throws TsinkError BAD_CONFIG naming the option. */
export function completeOptions(options: EngineOptions, hostMemoryBytes: number): Options {
  const memoryBytes = options.memoryBytes ?? Math.floor(hostMemoryBytes / 4)
  const complete: Options = {
    unit: 'ms',
    sync: 'every',
    syncPeriodMs: 200,
    replay: 'strict',
    logFileBytes: 64 * MIB,
    maxLogBytes: 1_024 * MIB,
    partitionMs: 2 * HOUR,
    chunkSamples: LIMITS.chunkSamples,
    flushBytes: Math.min(MAX_FLUSH_BYTES, Math.floor(memoryBytes / 3)),
    flushAgeMs: 2 * HOUR,
    memoryBytes,
    writeTimeoutMs: 30_000,
    maxSeries: Infinity,
    retentionMs: Infinity,
    retentionRules: [],
    retentionBytes: Infinity,
    maxFutureMs: Infinity,
    maxExemplars: 100_000,
    maxMetadata: 100_000,
    background: true,
    undoMs: 10 * MINUTE,
    preload: false,
    flushOnClose: true,
    ...withoutUndefined(options),
  }
  const positive = [
    'syncPeriodMs',
    'logFileBytes',
    'maxLogBytes',
    'partitionMs',
    'flushBytes',
    'flushAgeMs',
    'memoryBytes',
    'maxSeries',
  ] as const
  for (const name of positive) {
    if (!(complete[name] > 0))
      throw new TsinkError('BAD_CONFIG', `${name} is ${complete[name]}; it must be above 0`, { detail: { option: name } })
  }
  if (!(complete.chunkSamples >= 2 && complete.chunkSamples <= LIMITS.chunkSamples && Number.isInteger(complete.chunkSamples))) {
    throw new TsinkError('BAD_CONFIG', `chunkSamples is ${complete.chunkSamples}; it must be an integer from 2 to ${LIMITS.chunkSamples}`, {
      detail: { option: 'chunkSamples' },
    })
  }
  if (!(complete.unit in UNITS_PER_SECOND)) throw new TsinkError('BAD_CONFIG', `unit is ${complete.unit}; it must be s, ms, us or ns`)
  return complete
}

/** How long a series' samples are kept: what the first rule that matches says, else the general retention. */
export function retentionOf(options: Options, labels: Labels): number {
  for (const rule of options.retentionRules) {
    if (rule.matchers.every((matcher) => matcher.matches(labels.get(matcher.name)))) return rule.retentionMs
  }
  return options.retentionMs
}

/** Milliseconds as a span in the store's unit. */
export function inUnits(ms: number, unit: TimeUnit): number {
  return unit === 's' ? Math.ceil(ms / 1_000) : ms * (UNITS_PER_SECOND[unit] / 1_000)
}

function withoutUndefined<T extends object>(options: T): T {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as T
}
