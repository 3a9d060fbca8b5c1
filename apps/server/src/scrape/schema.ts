/**
 * Schema: Prometheus's `scrape_configs` in zod. The file is read with every scalar as text, so that a label value `1.10` stays what was
 * written. Fields that Prometheus has and this scraper does not are refused by name, with what to do instead:
 * a setting that is silently not obeyed is worse than one that is missing.
 */
import { dirname, resolve } from 'node:path'
import * as z from 'zod'
import { TsinkError } from '@tsink/core'
import { compileRelabel, RELABEL_ACTIONS, type RelabelConfig, type RelabelStep } from '@tsink/protocols'
import { parseSize } from '../duration.ts'
import { choice, count, duration, flag, list, read, record, section, text, type Shape } from '../yaml-fields.ts'
import type {
  Authorization,
  BasicAuth,
  HeaderValues,
  HttpSettings,
  Job,
  ScrapeProtocol,
  TargetGroup,
  TlsSettings,
  TlsVersion,
} from './job.ts'

/** A job as its entry has it; what is left out comes from `global` or the defaults. */
export type PartialJob = Partial<Omit<Job, 'jobName'>> & { readonly jobName: string }

/** The parts of a file that this scraper reads. */
export interface ScrapeSections {
  readonly global: Partial<Job>
  readonly scrapeConfigs: readonly PartialJob[]
  /** Patterns of files with further `scrape_configs`. */
  readonly scrapeConfigFiles: readonly string[]
}

/** The schema of a file at `path`, against whose folder relative paths are meant. */
export function scrapeSchema(path: string): z.ZodType<ScrapeSections, unknown> {
  const file = fileIn(dirname(path))
  const http = httpFields(file)
  const shared = sharedFields()
  const job = section<PartialJob>(
    {
      job_name: text.refine((name) => name !== '', 'is empty'),
      ...shared,
      honor_labels: flag,
      honor_timestamps: flag,
      track_timestamps_staleness: flag,
      params: record(list(text)),
      metrics_path: text,
      scheme: choice(['http', 'https']),
      enable_compression: flag,
      ...http,
      static_configs: list(targetGroup),
      file_sd_configs: list(section({ files: list(filePattern(file)), refresh_interval: duration }, ['files'])),
      http_sd_configs: list(section({ url: httpUrl, refresh_interval: duration, ...http }, ['url'], withHttp)),
      dns_sd_configs: list(
        section({ names: list(text), type: choice(['SRV', 'A', 'AAAA', 'MX', 'NS']), port, refresh_interval: duration }, ['names']),
      ),
      relabel_configs: list(relabelStep),
      metric_relabel_configs: list(relabelStep),
      ...JOB_REFUSALS,
    },
    ['job_name'],
    withHttp,
  )
  return section<ScrapeSections>({
    global: section({ ...shared, external_labels: z.unknown(), evaluation_interval: duration, ...GLOBAL_REFUSALS }),
    scrape_configs: list(job),
    scrape_config_files: list(text.transform(file)),
    ...Object.fromEntries(ELSEWHERE.map((name) => [name, z.unknown()])),
  })
}

/** Sections of a Prometheus file that are not about scraping. They are left alone, so that one file serves both programs. */
export const ELSEWHERE: readonly string[] = [
  'rule_files',
  'alerting',
  'remote_write',
  'remote_read',
  'storage',
  'tracing',
  'otlp',
  'runtime',
]

/** Target groups as files and HTTP discovery give them. */
export function groupsSchema(): z.ZodType<readonly TargetGroup[], unknown> {
  return list(targetGroup)
}

const size = read(parseSize, 'a size such as 10MB, or 0 for no limit')
const port = read((value) => (/^\d{1,5}$/.test(value) && Number(value) <= 65_535 ? Number(value) : null), 'a port')
const httpUrl = read((value) => {
  const url = URL.canParse(value) ? new URL(value) : null
  return url !== null && /^https?:$/.test(url.protocol) && url.host !== '' ? value : null
}, 'a URL that begins with http:// or https://')

const PROTOCOLS = ['PrometheusProto', 'OpenMetricsText0.0.1', 'OpenMetricsText1.0.0', 'PrometheusText0.0.4', 'PrometheusText1.0.0'] as const
const protocol: z.ZodType<ScrapeProtocol, unknown> = choice(PROTOCOLS)

const targetGroup: z.ZodType<TargetGroup, unknown> = section<TargetGroup>(
  { targets: list(address()), labels: record(text).refine((labels) => !Object.hasOwn(labels, ''), ': a label name is empty') },
  [],
  ({ targets = [], labels = {} }) => ({ targets, labels }),
)

function address(): z.ZodType<string, unknown> {
  return read((value) => (value !== '' && !value.includes('/') ? value : null), 'an address such as host:9100, without scheme and path')
}

const relabelStep: z.ZodType<RelabelStep, unknown> = section<RelabelConfig>({
  action: z.preprocess((value) => (typeof value === 'string' ? value.toLowerCase() : value), choice(RELABEL_ACTIONS)),
  source_labels: list(text),
  separator: text,
  regex: text,
  modulus: count,
  target_label: text,
  replacement: text,
}).transform((config, context) => {
  try {
    return compileRelabel(config)
  } catch (error) {
    if (!(error instanceof TsinkError)) throw error
    const field = error.code === 'BAD_REGEX' ? 'regex' : error.detail['field']
    const at = typeof field === 'string' ? [field.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)] : []
    context.addIssue({ code: 'custom', message: `: ${error.message}`, path: at })
    return z.NEVER
  }
})

/** What `global` and a job both may set. */
function sharedFields(): Shape {
  return {
    scrape_interval: duration,
    scrape_timeout: duration,
    scrape_protocols: list(protocol).refine((names) => new Set(names).size === names.length, 'names a protocol twice'),
    fallback_scrape_protocol: protocol,
    scrape_native_histograms: flag,
    always_scrape_classic_histograms: flag,
    convert_classic_histograms_to_nhcb: flag,
    metric_name_validation_scheme: choice(['utf8']),
    metric_name_escaping_scheme: choice(['allow-utf-8', 'underscores', 'dots', 'values']),
    extra_scrape_metrics: flag,
    body_size_limit: size,
    sample_limit: count,
    target_limit: count,
    label_limit: count,
    label_name_length_limit: count,
    label_value_length_limit: count,
    keep_dropped_targets: count,
  }
}

function httpFields(file: (path: string) => string): Shape {
  const path = text.refine((value) => value !== '', 'is empty').transform(file)
  const version = choice(['TLS10', 'TLS11', 'TLS12', 'TLS13']).transform((name) => `TLSv1.${name[4]!}`.replace('.0', '') as TlsVersion)
  return {
    basic_auth: section<BasicAuth>({ username: text, username_file: path, password: text, password_file: path }, [], (given) => ({
      username: '',
      usernameFile: null,
      password: '',
      passwordFile: null,
      ...given,
    })),
    authorization: section<Authorization>({ type: text, credentials: text, credentials_file: path }, [], (given) => ({
      type: 'Bearer',
      credentials: '',
      credentialsFile: null,
      ...given,
    })).refine(({ type }) => type.toLowerCase() !== 'basic', `: use basic_auth for the type "basic"`),
    bearer_token: text,
    bearer_token_file: path,
    follow_redirects: flag,
    // HTTP/1.1 with kept connections serves scrapes as well; the setting asks for nothing that could be missed.
    enable_http2: flag,
    http_headers: record(
      section<HeaderValues>({ values: list(text), secrets: list(text), files: list(path) }, [], (given) => ({
        values: [],
        secrets: [],
        files: [],
        ...given,
      })),
    ),
    tls_config: section<TlsSettings>(
      {
        ca: text,
        ca_file: path,
        cert: text,
        cert_file: path,
        key: text,
        key_file: path,
        server_name: text,
        insecure_skip_verify: flag,
        min_version: version,
        max_version: version,
      },
      [],
      (given) => ({ ...NO_TLS, ...given }),
    ),
    ...HTTP_REFUSALS,
  }
}

export const NO_TLS: TlsSettings = {
  ca: null,
  caFile: null,
  cert: null,
  certFile: null,
  key: null,
  keyFile: null,
  serverName: null,
  insecureSkipVerify: false,
  minVersion: null,
  maxVersion: null,
}

interface FlatHttp extends Partial<HttpSettings> {
  readonly bearerToken?: string
  readonly bearerTokenFile?: string
  readonly enableHttp2?: boolean
}

/** Gathers the HTTP fields of a section under `http`. */
function withHttp(given: Readonly<Record<string, unknown>>, context: z.core.$RefinementCtx): object {
  const {
    basicAuth,
    authorization,
    bearerToken,
    bearerTokenFile,
    followRedirects,
    httpHeaders,
    tlsConfig,
    enableHttp2: _,
    ...rest
  } = given as FlatHttp & Record<string, unknown>
  const ways = [basicAuth, authorization, bearerToken, bearerTokenFile].filter((way) => way !== undefined)
  if (ways.length > 1) {
    context.addIssue({
      code: 'custom',
      message: ': at most one of basic_auth, authorization, bearer_token and bearer_token_file may be given',
    })
  }
  const bearer =
    bearerToken === undefined && bearerTokenFile === undefined
      ? null
      : { type: 'Bearer', credentials: bearerToken ?? '', credentialsFile: bearerTokenFile ?? null }
  const http: HttpSettings = {
    basicAuth: basicAuth ?? null,
    authorization: authorization ?? bearer,
    followRedirects: followRedirects ?? true,
    httpHeaders: httpHeaders ?? {},
    tlsConfig: tlsConfig ?? NO_TLS,
  }
  return { ...rest, http }
}

/** A field of Prometheus that is not built in, with the way around it. */
function refused(instead: string): z.ZodType {
  return z.unknown().refine((value) => value === undefined, `is not built in: ${instead}`)
}

const HTTP_REFUSALS: Shape = {
  oauth2: refused('use authorization with a credentials_file that something keeps fresh'),
  proxy_url: refused('point the target address at the proxy, or scrape from behind it'),
  no_proxy: refused('there is no proxy_url either'),
  proxy_from_environment: refused('there is no proxy_url either'),
  proxy_connect_header: refused('there is no proxy_url either'),
}

const DISCOVERIES = [
  'azure',
  'aws',
  'consul',
  'digitalocean',
  'docker',
  'dockerswarm',
  'ec2',
  'eureka',
  'gce',
  'hetzner',
  'ionos',
  'kubernetes',
  'kuma',
  'lightsail',
  'linode',
  'marathon',
  'nerve',
  'nomad',
  'openstack',
  'ovhcloud',
  'puppetdb',
  'scaleway',
  'serverset',
  'stackit',
  'triton',
  'uyuni',
  'vultr',
] as const

const JOB_REFUSALS: Shape = {
  ...Object.fromEntries(
    DISCOVERIES.map((name) => [
      `${name}_sd_configs`,
      refused('let something write its targets for file_sd_configs or serve them for http_sd_configs'),
    ]),
  ),
  scrape_failure_log_file: refused('/api/v1/targets tells the last error of each target'),
  native_histogram_bucket_limit: refused('the store takes histograms as they are exposed'),
  native_histogram_min_bucket_factor: refused('the store takes histograms as they are exposed'),
}

const GLOBAL_REFUSALS: Shape = {
  query_log_file: refused('see --log-level'),
  scrape_failure_log_file: refused('/api/v1/targets tells the last error of each target'),
  rule_query_offset: z.unknown(),
}

function fileIn(folder: string): (path: string) => string {
  return (path) => resolve(folder, path)
}

function filePattern(file: (path: string) => string): z.ZodType<string, unknown> {
  const pattern = /^[^*]*(?:\*[^/]*)?\.(?:json|ya?ml)$/i
  return read(
    (value) => (pattern.test(value) ? file(value) : null),
    'a path that ends in .json, .yml or .yaml; only its last part may hold *',
  )
}
