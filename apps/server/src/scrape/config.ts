/** Config: from a file in Prometheus's YAML to jobs. Whatever is wrong is told with the file, the line and the path of the field. */
import { globSync, readFileSync } from 'node:fs'
import { TsinkError } from '@tsink/core'
import { checkedYaml, parseYaml } from '../yaml-file.ts'
import type { Job, ScrapeProtocol, TargetGroup } from './job.ts'
import { ELSEWHERE, groupsSchema, scrapeSchema, type PartialJob, type ScrapeSections } from './schema.ts'

export interface ScrapeConfig {
  readonly jobs: readonly Job[]
  /** Sections of the file that this server does not read. */
  readonly unread: readonly string[]
  /** For each job the data that it was made from, to tell whether it changed. */
  readonly fingerprints: ReadonlyMap<string, string>
}

/**
 * Reads a file and those that it names.
 * @throws TsinkError BAD_CONFIG, in one line.
 */
export function loadScrapeConfig(path: string): ScrapeConfig {
  const { sections, data } = readSections(path)
  const partial = [...sections.scrapeConfigs]
  const raw = [...entriesOf(data)]
  for (const pattern of sections.scrapeConfigFiles) {
    for (const file of globSync(pattern).toSorted()) {
      const more = readSections(file)
      partial.push(...more.sections.scrapeConfigs)
      raw.push(...entriesOf(more.data))
    }
  }
  const jobs = new Map<string, Job>()
  const fingerprints = new Map<string, string>()
  for (const [i, one] of partial.entries()) {
    const { jobName } = one
    if (jobs.has(jobName)) throw refuse(`${path}: found multiple scrape configs with job name ${JSON.stringify(jobName)}`)
    jobs.set(jobName, complete(path, sections.global, one))
    fingerprints.set(jobName, JSON.stringify([data['global'], raw[i]]))
  }
  return { jobs: [...jobs.values()], unread: ELSEWHERE.filter((name) => Object.hasOwn(data, name)), fingerprints }
}

/**
 * Target groups of a discovery's answer, JSON or YAML.
 * @throws TsinkError BAD_CONFIG with the place.
 */
export function parseTargetGroups(text: string, where: string): readonly TargetGroup[] {
  return checkedYaml(groupsSchema(), parseYaml(text, where))
}

const MINUTE_MS = 60_000
const DEFAULT_TIMEOUT_MS = 10_000
/** What text bodies are limited to by their decoders, so that a hostile target cannot take more than this. */
export const MAX_BODY_BYTES: number = 64 * 1_024 * 1_024

const TEXT_PROTOCOLS: readonly ScrapeProtocol[] = [
  'OpenMetricsText1.0.0',
  'OpenMetricsText0.0.1',
  'PrometheusText1.0.0',
  'PrometheusText0.0.4',
]

const DEFAULTS: Omit<Job, 'jobName' | 'scrapeInterval' | 'scrapeTimeout' | 'scrapeProtocols' | 'http'> = {
  fallbackScrapeProtocol: null,
  scrapeNativeHistograms: false,
  alwaysScrapeClassicHistograms: false,
  convertClassicHistogramsToNhcb: false,
  metricNameEscapingScheme: 'allow-utf-8',
  metricsPath: '/metrics',
  scheme: 'http',
  params: {},
  honorLabels: false,
  honorTimestamps: true,
  trackTimestampsStaleness: false,
  enableCompression: true,
  extraScrapeMetrics: false,
  bodySizeLimit: 0,
  sampleLimit: 0,
  targetLimit: 0,
  labelLimit: 0,
  labelNameLengthLimit: 0,
  labelValueLengthLimit: 0,
  keepDroppedTargets: 0,
  staticConfigs: [],
  fileSdConfigs: [],
  httpSdConfigs: [],
  dnsSdConfigs: [],
  relabelConfigs: [],
  metricRelabelConfigs: [],
}

const FILE_REFRESH_MS = 5 * MINUTE_MS
const HTTP_REFRESH_MS = MINUTE_MS
const DNS_REFRESH_MS = 30_000

function complete(path: string, global: Partial<Job>, job: PartialJob): Job {
  const merged = { ...DEFAULTS, ...global, ...job }
  const scrapeInterval = merged.scrapeInterval ?? MINUTE_MS
  // A timeout of the job's own must fit its interval; an inherited one is cut to it.
  const scrapeTimeout = job.scrapeTimeout ?? Math.min(global.scrapeTimeout ?? DEFAULT_TIMEOUT_MS, scrapeInterval)
  if (scrapeTimeout > scrapeInterval) {
    throw refuse(`${path}: scrape timeout greater than scrape interval for scrape config with job name ${JSON.stringify(job.jobName)}`)
  }
  const scrapeProtocols =
    merged.scrapeProtocols ?? (merged.scrapeNativeHistograms ? (['PrometheusProto', ...TEXT_PROTOCOLS] as const) : TEXT_PROTOCOLS)
  if (scrapeProtocols.length === 0) throw refuse(`${path}: job ${JSON.stringify(job.jobName)}: scrape_protocols is empty`)
  for (const dns of merged.dnsSdConfigs) {
    if (dns.names.length === 0) throw refuse(`${path}: job ${JSON.stringify(job.jobName)}: DNS-SD config must contain at least one name`)
    if ((dns.type ?? 'SRV') !== 'SRV' && dns.port === undefined) {
      throw refuse(`${path}: job ${JSON.stringify(job.jobName)}: a port is required in DNS-SD configs for all record types except SRV`)
    }
  }
  return {
    ...merged,
    http: job.http!,
    scrapeInterval,
    scrapeTimeout,
    scrapeProtocols,
    fileSdConfigs: merged.fileSdConfigs.map((config) => ({ ...config, refreshInterval: config.refreshInterval ?? FILE_REFRESH_MS })),
    httpSdConfigs: merged.httpSdConfigs.map((config) => ({ ...config, refreshInterval: config.refreshInterval ?? HTTP_REFRESH_MS })),
    dnsSdConfigs: merged.dnsSdConfigs.map((config) => ({
      ...config,
      type: config.type ?? 'SRV',
      port: config.port ?? 0,
      refreshInterval: config.refreshInterval ?? DNS_REFRESH_MS,
    })),
  }
}

type Data = Readonly<Record<string, unknown>>

function readSections(path: string): { readonly sections: ScrapeSections; readonly data: Data } {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    throw refuse(`cannot read the scrape config ${path}: ${(error as Error).message}`)
  }
  const file = parseYaml(text, path)
  const sections = checkedYaml(scrapeSchema(path), file)
  const { global = {}, scrapeConfigs = [], scrapeConfigFiles = [] } = sections as Partial<ScrapeSections>
  return { sections: { global, scrapeConfigs, scrapeConfigFiles }, data: (file.document.toJS() ?? {}) as Data }
}

function entriesOf(data: Data): readonly unknown[] {
  const entries = data['scrape_configs']
  return Array.isArray(entries) ? entries : []
}

function refuse(message: string): TsinkError {
  return new TsinkError('BAD_CONFIG', message)
}
