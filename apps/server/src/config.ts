/**
 * Config: every setting of the server in one table. Flags (`--query-timeout 2m`), environment (`TSINK_QUERY_TIMEOUT=2m`), the YAML file
 * (`query-timeout: 2m`), their checks, the help text and docs/reference/config.md all come from {@link OPTIONS}. Flags win over the
 * environment, the environment over the file, the file over the defaults.
 */
import { readFileSync } from 'node:fs'
import { TsinkError } from '@tsink/core'
import type { TranslationStrategy } from '@tsink/protocols'
import {
  address,
  boolean,
  choice,
  count,
  duration,
  list,
  optional,
  optionalAddress,
  optionalCount,
  optionalSize,
  pattern,
  size,
  words,
  YES_NO,
  type Option,
} from './option.ts'

/** The server's settings. Durations are milliseconds, sizes bytes; null means: not set. */
export interface Config {
  readonly config: string | null
  readonly listen: string
  readonly dataPath: string | null
  readonly retention: number
  readonly retentionSize: number | null
  readonly walEnabled: boolean
  readonly walSyncMode: 'every-write' | 'periodic' | 'os'
  readonly walSyncInterval: number
  readonly walMaxSize: number
  readonly walReplay: 'strict' | 'salvage'
  readonly memoryLimit: number | null
  readonly seriesLimit: number | null
  readonly futureLimit: number
  readonly queryTimeout: number
  readonly queryMaxConcurrency: number
  readonly queryMaxSamples: number
  readonly queryMaxMemory: number
  readonly queryMaxPoints: number
  readonly queryLookback: number
  readonly enableFeature: readonly string[]
  readonly writeMaxBody: number
  readonly writeMaxDecoded: number
  readonly writeMaxInflight: number
  readonly writeQueueTimeout: number
  readonly otlpDelta: 'accumulate' | 'keep' | 'refuse'
  readonly otlpTranslation: TranslationStrategy
  readonly otlpPromoteAttributes: readonly string[]
  readonly otlpPromoteAllAttributes: boolean
  readonly otlpIgnoreAttributes: readonly string[]
  readonly otlpKeepIdentifying: boolean
  readonly otlpPromoteScope: boolean
  readonly otlpConvertHistograms: boolean
  readonly otlpGrpcListen: string | null
  readonly graphiteListen: string | null
  readonly graphitePickleListen: string | null
  readonly graphiteTemplates: readonly string[]
  readonly statsdListen: string | null
  readonly statsdUnixSocket: string | null
  readonly statsdMapping: string | null
  readonly statsdFlushInterval: number
  readonly opentsdbListen: string | null
  readonly influxListen: string | null
  readonly influxPrecision: 'ns' | 'us' | 'ms' | 's' | 'auto'
  readonly scrapeConfig: string | null
  readonly authToken: string | null
  readonly authTokenFile: string | null
  readonly tlsCert: string | null
  readonly tlsKey: string | null
  readonly enableAdminApi: boolean
  readonly enableLifecycle: boolean
  readonly corsOrigin: string
  readonly maxConnections: number
  readonly requestTimeout: number
  readonly shutdownGrace: number
  readonly logLevel: 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent'
}

/** Language features of PromQL that are off unless asked for, by Prometheus's names. */
const FEATURES = [
  'promql-experimental-functions',
  'promql-extended-range-selectors',
  'promql-binop-fill-modifiers',
  'promql-delayed-name-removal',
  'promql-per-step-stats',
  'use-start-timestamps',
  'search-api',
  'type-and-unit-labels',
] as const

export const OPTIONS: { readonly [K in keyof Config]: Option<Config[K]> } = {
  config: optional('General', 'FILE', 'A YAML file with settings, each named as its flag without the dashes.'),
  listen: address('General', '127.0.0.1:9201', 'Where HTTP is served: HOST:PORT. Port 0 takes a free one, and the log says which.'),
  dataPath: optional(
    'Storage',
    'DIR',
    'The folder of the data, made when it is missing. Without it everything is kept in memory and lost at the end.',
  ),
  retention: duration('Storage', '14d', 'How long samples are kept. `0` keeps them for ever.'),
  retentionSize: optionalSize('Storage', 'At most so many bytes of segments; above it the oldest go. Left out: no limit.'),
  walEnabled: boolean(
    'Storage',
    true,
    'Write samples to the log before they are acknowledged. Without the log a crash loses what is not yet in a segment.',
  ),
  walSyncMode: choice(
    'Storage',
    ['every-write', 'periodic', 'os'],
    'every-write',
    'When the log is forced to the disk: before each acknowledgement, every wal-sync-interval, or when the operating system pleases.',
  ),
  walSyncInterval: duration('Storage', '200ms', 'How often the log is forced to the disk in mode periodic.'),
  walMaxSize: size('Storage', '1GiB', 'Writes are refused with 429 when the log holds so much that is not in segments.'),
  walReplay: choice(
    'Storage',
    ['strict', 'salvage'],
    'strict',
    'What a start does about damage in the log: stop and say where, or skip it, set the bytes aside and report what was skipped.',
  ),
  memoryLimit: optionalSize(
    'Storage',
    'Memory for recent samples; above it they are flushed to segments, and far above it writes get 429. Left out: a share of the machine.',
  ),
  seriesLimit: optionalCount('Storage', 'At most so many active series; samples of further ones are rejected. Left out: no limit.'),
  futureLimit: duration('Storage', '10m', 'Samples further in the future than this are rejected. `0` takes any.'),
  queryTimeout: duration('Queries', '2m', 'A query that takes longer is ended; waiting for its turn counts.'),
  queryMaxConcurrency: count('Queries', 20, 1, 'So many queries are evaluated at once; others wait.'),
  queryMaxSamples: count('Queries', 50_000_000, 1, 'A query that holds more samples in memory is ended.'),
  queryMaxMemory: size('Queries', '256MiB', 'A query whose columns take more memory at one moment is ended.'),
  queryMaxPoints: count('Queries', 11_000, 1, 'A range query with more steps than this is refused.'),
  queryLookback: duration('Queries', '5m', 'How far back an instant selector looks for a sample.'),
  enableFeature: list('Queries', FEATURES, 'Language features to switch on, separated by commas.'),
  writeMaxBody: size('Writes', '32MiB', 'A larger body is refused with 413.'),
  writeMaxDecoded: size('Writes', '64MiB', 'A body that is, or says that it is, larger than this after decompression is refused with 413.'),
  writeMaxInflight: size('Writes', '256MiB', 'Bodies in work at once; further ones wait.'),
  writeQueueTimeout: duration('Writes', '1s', 'How long a write waits for its turn before it gets 429.'),
  otlpDelta: choice(
    'Writes',
    ['accumulate', 'keep', 'refuse'],
    'accumulate',
    'What becomes of OTLP deltas: summed up to running totals, stored as they are, or refused.',
  ),
  otlpTranslation: choice(
    'Writes',
    ['UnderscoreEscapingWithSuffixes', 'UnderscoreEscapingWithoutSuffixes', 'NoUTF8EscapingWithSuffixes', 'NoTranslation'],
    'UnderscoreEscapingWithSuffixes',
    'How OTLP names become metric and label names.',
  ),
  otlpPromoteAttributes: words('Writes', 'OTLP resource attributes that every series of the resource gets as labels, separated by commas.'),
  otlpPromoteAllAttributes: boolean('Writes', false, 'Every OTLP resource attribute becomes a label of every series of the resource.'),
  otlpIgnoreAttributes: words('Writes', 'Attributes that are left out of otlp-promote-all-attributes, separated by commas.'),
  otlpKeepIdentifying: boolean(
    'Writes',
    false,
    'target_info keeps service.name, service.namespace and service.instance.id beside job and instance.',
  ),
  otlpPromoteScope: boolean('Writes', false, 'Name, version, schema and attributes of the OTLP scope become labels of its series.'),
  otlpConvertHistograms: boolean('Writes', false, 'OTLP histograms with explicit buckets become native histograms with custom buckets.'),
  otlpGrpcListen: optionalAddress('Listeners', 'HOST:PORT for OTLP over gRPC (4317 by custom).'),
  graphiteListen: optionalAddress('Listeners', 'HOST:PORT for Graphite plaintext over TCP and UDP.'),
  graphitePickleListen: optionalAddress('Listeners', 'HOST:PORT for Graphite pickles over TCP (2004 by custom).'),
  graphiteTemplates: words(
    'Listeners',
    'Templates that turn Graphite paths into names and labels, such as `servers.* .host.measurement*`, separated by semicolons.',
    ';',
  ),
  statsdListen: optionalAddress('Listeners', 'HOST:PORT for StatsD over UDP and TCP.'),
  statsdUnixSocket: optional(
    'Listeners',
    'PATH',
    'A Unix stream socket for StatsD: lines, or packets as DogStatsD clients send to unixstream://.',
  ),
  statsdMapping: optional('Listeners', 'FILE', "Rules that turn StatsD names into names and labels, in statsd_exporter's YAML."),
  statsdFlushInterval: duration('Listeners', '10s', 'How often what StatsD events come to is stored.'),
  opentsdbListen: optionalAddress('Listeners', 'HOST:PORT for OpenTSDB telnet lines over TCP and UDP.'),
  influxListen: optionalAddress('Listeners', 'HOST:PORT for InfluxDB line protocol over UDP and TCP.'),
  influxPrecision: choice(
    'Listeners',
    ['ns', 'us', 'ms', 's', 'auto'],
    'ns',
    'The unit of timestamps at influx-listen (collectd sends ms); auto judges each by its size.',
  ),
  scrapeConfig: optional(
    'Scraping',
    'FILE',
    'Targets to scrape: a file with `scrape_configs` as Prometheus has them. It is read again on SIGHUP and on POST /-/reload.',
  ),
  authToken: optional(
    'Access',
    'TOKEN',
    'Requests must carry `Authorization: Bearer TOKEN` (or `Token TOKEN`, or Basic with it as the password); probes need none.',
  ),
  authTokenFile: optional('Access', 'FILE', 'The token in a file, read at the start.'),
  tlsCert: optional('Access', 'FILE', 'A PEM certificate (chain): serve HTTPS. Needs tls-key.'),
  tlsKey: optional('Access', 'FILE', 'The PEM key of tls-cert.'),
  enableAdminApi: boolean('Access', false, 'Serve deletion and snapshots under /api/v1/admin/tsdb.'),
  enableLifecycle: boolean('Access', false, 'Serve /-/quit and /-/reload.'),
  corsOrigin: pattern('Access', '.*', 'A regular expression, anchored: origins whose pages may read our answers.'),
  maxConnections: count('HTTP', 1_024, 1, 'Further connections are closed at once.'),
  requestTimeout: duration(
    'HTTP',
    '1m',
    'A request must have arrived whole within this time, and who reads a long answer may stand still for so long.',
  ),
  shutdownGrace: duration('HTTP', '10s', 'How long requests in work may take after SIGTERM.'),
  logLevel: choice(
    'HTTP',
    ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'],
    'info',
    'What is logged to standard error, one JSON object a line.',
  ),
}

/**
 * The settings from a command line (without node and script), the environment and the config file that they name.
 * @throws TsinkError BAD_CONFIG, one line that names the flag, variable or key at fault.
 */
export async function loadConfig(argv: readonly string[], env: Readonly<Record<string, string | undefined>>): Promise<Config> {
  const flags = parseFlags(argv)
  const variables = new Map<keyof Config, Setting>()
  for (const key of KEYS) {
    const name = variableName(key)
    const text = env[name]
    if (text !== undefined && text !== '') variables.set(key, { text, from: name })
  }
  const file = (flags.get('config') ?? variables.get('config'))?.text
  const entries = file === undefined ? new Map<keyof Config, Setting>() : await readConfigFile(file)
  const values: Record<string, unknown> = {}
  for (const key of KEYS) {
    const setting = flags.get(key) ?? variables.get(key) ?? entries.get(key)
    values[key] = checked(key, setting)
  }
  const config = values as unknown as Config
  if ((config.tlsCert === null) !== (config.tlsKey === null)) throw refuse('--tls-cert and --tls-key go together')
  if (config.authToken !== null && config.authTokenFile !== null) throw refuse('--auth-token and --auth-token-file exclude each other')
  return config
}

/** `--query-timeout` for `queryTimeout`. */
export function flagName(key: string): string {
  return `--${key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
}

/** `TSINK_QUERY_TIMEOUT` for `queryTimeout`. */
export function variableName(key: string): string {
  return `TSINK_${flagName(key).slice(2).replaceAll('-', '_').toUpperCase()}`
}

interface Setting {
  readonly text: string
  /** What the user wrote: a flag, a variable, or a key of a file. */
  readonly from: string
}

const KEYS = Object.keys(OPTIONS) as (keyof Config)[]
const BY_FLAG = new Map(KEYS.map((key) => [flagName(key), key]))

function parseFlags(argv: readonly string[]): Map<keyof Config, Setting> {
  const flags = new Map<keyof Config, Setting>()
  for (let i = 0; i < argv.length; i++) {
    const word = argv[i]!
    const mark = word.indexOf('=')
    const name = mark < 0 ? word : word.slice(0, mark)
    const key = BY_FLAG.get(name)
    if (key === undefined) {
      throw refuse(
        word.startsWith('-') ? `unknown flag ${name}${nearest(name)}` : `unexpected argument ${JSON.stringify(word)}: settings are flags`,
      )
    }
    if (flags.has(key)) throw refuse(`${name} is given twice`)
    const next = argv[i + 1]
    if (mark >= 0) flags.set(key, { text: word.slice(mark + 1), from: name })
    else if (OPTIONS[key].value === '') {
      const takes = next !== undefined && Object.hasOwn(YES_NO, next)
      flags.set(key, { text: takes ? next : 'true', from: name })
      if (takes) i++
    } else {
      if (next === undefined) throw refuse(`${name} needs a value: ${name} ${OPTIONS[key].value}`)
      flags.set(key, { text: next, from: name })
      i++
    }
  }
  return flags
}

async function readConfigFile(path: string): Promise<Map<keyof Config, Setting>> {
  // Few start with a file; the others need not load the parser.
  const { parse: parseYaml } = await import('yaml')
  let document: unknown
  try {
    document = parseYaml(readFileSync(path, 'utf8'))
  } catch (error) {
    throw refuse(`cannot read the config file ${path}: ${(error as Error).message.split('\n')[0]}`)
  }
  const entries = new Map<keyof Config, Setting>()
  if (document === null) return entries
  if (typeof document !== 'object' || Array.isArray(document)) throw refuse(`${path}: expected a map of settings`)
  for (const [name, value] of Object.entries(document)) {
    const key = BY_FLAG.get(`--${name}`)
    if (key === undefined) throw refuse(`${path}: unknown setting ${name}${nearest(`--${name}`).replace('--', '')}`)
    if (key === 'config') throw refuse(`${path}: a config file cannot name another one`)
    if (value === null) continue
    if (typeof value === 'object' && !Array.isArray(value)) throw refuse(`${path}: ${name} must be a single value`)
    entries.set(key, { text: String(value), from: `${path}: ${name}` })
  }
  return entries
}

function checked<K extends keyof Config>(key: K, setting: Setting | undefined): Config[K] {
  const option = OPTIONS[key]
  const text = setting?.text ?? option.fallback
  if (text === null) return null as Config[K]
  const result = option.schema.safeParse(text)
  if (result.success) return result.data
  throw refuse(`${setting?.from ?? flagName(key)}: ${JSON.stringify(text)} ${result.error.issues[0]!.message}`)
}

function refuse(message: string): TsinkError {
  return new TsinkError('BAD_CONFIG', message)
}

/** `; did you mean --listen?` when a flag is close to what was written. */
function nearest(name: string): string {
  let best = ''
  let bestDistance = 4
  for (const flag of BY_FLAG.keys()) {
    const distance = editDistance(name, flag)
    if (distance < bestDistance) [best, bestDistance] = [flag, distance]
  }
  return best === '' ? '' : `; did you mean ${best}?`
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)))
    }
    row = next
  }
  return row[b.length]!
}
