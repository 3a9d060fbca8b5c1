/** What `open` takes, with defaults and reasons, and how spans and sizes are written: `'14d'`, `'90s'`, `'512MiB'`, or numbers. */
import { TsinkError } from '@tsink/core'
import type { Host } from '@tsink/host'
import type { EngineOptions } from '@tsink/engine'
import type { Precision, Selector } from './types.ts'

/** A span of time: milliseconds, or a number with a unit (`ms`, `s`, `m`, `h`, `d`, `w`, `y`), or several: `'1h30m'`. */
export type Span = number | string

/** An amount of memory: bytes, or a number with a unit (`KiB`, `MiB`, `GiB`, `TiB`; `KB`, `MB`, `GB`, `TB` are powers of 1,000). */
export type Size = number | string

/** How long the samples of some series are kept. */
export interface Keep {
  readonly selector: Selector
  readonly retention: Span
}

export interface OpenOptions<P extends Precision = Precision> {
  /** The directory of the database, made when it is not there. Without it the database is in memory and ends with the process. */
  readonly path?: string
  /** Unit of all timestamps, fixed when a database is made. `ns` takes and gives bigints. Default `ms`. */
  readonly precision?: P
  /** How long samples are kept, by their own time. Default: for ever. A clock that jumps ahead expires nothing until it has stood for a day. */
  readonly retention?: Span
  /** Exceptions to `retention` by selector; the first that matches decides. */
  readonly keep?: readonly Keep[]
  /** Most bytes on disk; above it the oldest samples go. Default: no limit. */
  readonly diskLimit?: Size
  /** Memory for recent samples, series and caches together; above it writes wait for a flush. Default: a quarter of what the container has. */
  readonly memoryLimit?: Size
  /**
   * When an insert is done. `every`: it is on the disk (inserts that come together share one sync). `periodic`: it is with the operating system,
   * which is told to write it every `syncPeriod`. `os`: the operating system decides when. `none`: no log, what is not flushed yet ends with
   * the process. Default `every`; in memory `none`.
   */
  readonly sync?: 'every' | 'periodic' | 'os' | 'none'
  /** Default 200 ms. */
  readonly syncPeriod?: Span
  /** What opening does with damage inside the log: refuse, or skip and report it. Default `strict`. */
  readonly replay?: 'strict' | 'salvage'
  /** Most bytes of log; at half of it a flush begins, at all of it writes wait. Default 1 GiB. */
  readonly logLimit?: Size
  /** Window of time of the smallest files. Default 2 hours. */
  readonly partition?: Span
  /** Samples in a full chunk, 2 to 2,048. Default 2,048. */
  readonly chunkSamples?: number
  /** Most series with samples in memory; samples of a further one are rejected. Default: no limit. */
  readonly maxSeries?: number
  /** Samples further in the future than this are rejected. Default: no limit. */
  readonly maxFuture?: Span
  /** How long an insert waits for memory or log space before it fails. Default 30 s. */
  readonly writeTimeout?: Span
  /** Whether flushes, compaction and retention run by themselves. Default true. */
  readonly background?: boolean
  /**
   * Keeps the index of every file in memory, as the synchronous reads need. Without it indexes come and go as they are used: for databases of
   * very many series and files that are read through promises. Default true.
   */
  readonly preload?: boolean
  /** For how long a delete can be undone at least. Default 10 minutes. */
  readonly undo?: Span
  /** Told about progress while opening replays the log. */
  readonly onReplay?: (doneBytes: number, totalBytes: number) => void
  /** Told about errors of background work, damaged files among them. Default: they show in `stats()` only. */
  readonly onError?: (error: unknown) => void
  /**
   * Runs the database in a thread of its own, so that the event loop of this one never waits for it: `open` gives a RemoteDatabase then, with
   * promises for everything. In a browser this is the way to a database in files. Default false.
   */
  readonly worker?: boolean
  /** A disk, clock and machine of your own, for tests and unusual places. Replaces `path`. */
  readonly host?: Host
}

/** The engine's options. `keep` is resolved already. @throws TsinkError BAD_CONFIG naming the option. */
export function engineOptions(options: OpenOptions, rules: EngineOptions['retentionRules'] & object): EngineOptions {
  const inMemory = options.path === undefined && options.host === undefined
  const span = (name: keyof OpenOptions): number | undefined => spanOf(name, options[name] as Span | undefined)
  const size = (name: keyof OpenOptions): number | undefined => sizeOf(name, options[name] as Size | undefined)
  return defined({
    unit: options.precision ?? 'ms',
    sync: options.sync ?? (inMemory ? 'none' : 'every'),
    syncPeriodMs: span('syncPeriod'),
    replay: options.replay,
    maxLogBytes: size('logLimit'),
    partitionMs: span('partition'),
    chunkSamples: options.chunkSamples,
    memoryBytes: size('memoryLimit'),
    writeTimeoutMs: span('writeTimeout'),
    maxSeries: options.maxSeries,
    retentionMs: span('retention'),
    retentionRules: rules,
    retentionBytes: size('diskLimit'),
    maxFutureMs: span('maxFuture'),
    background: options.background,
    preload: options.preload ?? true,
    undoMs: span('undo'),
    onReplay: options.onReplay,
    onError: options.onError,
  })
}

const KNOWN: readonly string[] = [
  'path',
  'precision',
  'retention',
  'keep',
  'diskLimit',
  'memoryLimit',
  'sync',
  'syncPeriod',
  'replay',
  'logLimit',
  'partition',
  'chunkSamples',
  'maxSeries',
  'maxFuture',
  'writeTimeout',
  'background',
  'preload',
  'undo',
  'onReplay',
  'onError',
  'host',
  'worker',
]

/** @throws TsinkError BAD_CONFIG for an option that does not exist: a misspelt one would be a setting that is silently not made. */
export function checkKnown(options: object): void {
  for (const name of Object.keys(options)) {
    if (!KNOWN.includes(name))
      throw new TsinkError('BAD_CONFIG', `there is no option ${JSON.stringify(name)}`, { detail: { option: name } })
  }
}

const SPAN_UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
  y: 31_536_000_000,
}

/** Milliseconds of a span. @throws TsinkError BAD_CONFIG. */
export function spanOf(name: string, span: Span | undefined): number | undefined {
  if (span === undefined) return undefined
  if (typeof span === 'number') {
    if (span > 0) return span
  } else if (/^(?:\d+(?:\.\d+)?(?:ms|[smhdwy]))+$/.test(span)) {
    let ms = 0
    for (const [, count, unit] of span.matchAll(/([\d.]+)(ms|[smhdwy])/g)) ms += Number(count) * SPAN_UNITS[unit!]!
    if (ms > 0) return ms
  }
  throw new TsinkError('BAD_CONFIG', `${name} is ${JSON.stringify(span)}; it must be milliseconds above 0 or a text such as '14d'`, {
    detail: { option: name },
  })
}

const SIZE_UNITS: Readonly<Record<string, number>> = {
  B: 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
}

/** Bytes of a size. @throws TsinkError BAD_CONFIG. */
export function sizeOf(name: string, size: Size | undefined): number | undefined {
  if (size === undefined) return undefined
  if (typeof size === 'number') {
    if (size > 0) return size
  } else {
    const [, count, unit] = /^(\d+(?:\.\d+)?)\s*([KMGT]?i?B)$/.exec(size) ?? []
    const bytes = Number(count) * (SIZE_UNITS[unit ?? ''] ?? Number.NaN)
    if (bytes > 0) return Math.floor(bytes)
  }
  throw new TsinkError('BAD_CONFIG', `${name} is ${JSON.stringify(size)}; it must be bytes above 0 or a text such as '512MiB'`, {
    detail: { option: name },
  })
}

/** Without the properties that are not set. */
function defined(options: { readonly [K in keyof EngineOptions]: EngineOptions[K] | undefined }): EngineOptions {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as EngineOptions
}
