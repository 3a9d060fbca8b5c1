/**
 * The text of a job as it is in force, with the defaults filled in: what /api/v1/scrape_pools/config shows. Secrets are not told.
 */
import { stringify } from 'yaml'
import { RELABEL_DEFAULTS, type RelabelConfig, type RelabelStep } from '@tsink/protocols'
import { printDuration, printSize } from '../duration.ts'
import type { HttpSettings, Job, TargetGroup } from './job.ts'

const SECRET = '<secret>'

/** The entry of `scrape_configs` that means this job. */
export function printJob(job: Job): string {
  return stringify(
    present({
      job_name: job.jobName,
      honor_labels: job.honorLabels || undefined,
      honor_timestamps: job.honorTimestamps,
      track_timestamps_staleness: job.trackTimestampsStaleness,
      params: job.params,
      scrape_interval: printDuration(job.scrapeInterval),
      scrape_timeout: printDuration(job.scrapeTimeout),
      scrape_protocols: job.scrapeProtocols,
      fallback_scrape_protocol: job.fallbackScrapeProtocol ?? undefined,
      scrape_native_histograms: job.scrapeNativeHistograms,
      always_scrape_classic_histograms: job.alwaysScrapeClassicHistograms,
      convert_classic_histograms_to_nhcb: job.convertClassicHistogramsToNhcb,
      metrics_path: job.metricsPath,
      scheme: job.scheme,
      enable_compression: job.enableCompression,
      metric_name_validation_scheme: 'utf8',
      metric_name_escaping_scheme: job.metricNameEscapingScheme,
      extra_scrape_metrics: job.extraScrapeMetrics,
      body_size_limit: job.bodySizeLimit === 0 ? undefined : printSize(job.bodySizeLimit),
      sample_limit: job.sampleLimit || undefined,
      target_limit: job.targetLimit || undefined,
      label_limit: job.labelLimit || undefined,
      label_name_length_limit: job.labelNameLengthLimit || undefined,
      label_value_length_limit: job.labelValueLengthLimit || undefined,
      keep_dropped_targets: job.keepDroppedTargets || undefined,
      ...httpFields(job.http),
      relabel_configs: job.relabelConfigs.map(relabelFields),
      metric_relabel_configs: job.metricRelabelConfigs.map(relabelFields),
      static_configs: job.staticConfigs.map(groupFields),
      file_sd_configs: job.fileSdConfigs.map(({ files, refreshInterval }) => ({ files, refresh_interval: printDuration(refreshInterval) })),
      http_sd_configs: job.httpSdConfigs.map(({ url, refreshInterval, http }) => ({
        ...httpFields(http),
        refresh_interval: printDuration(refreshInterval),
        url,
      })),
      dns_sd_configs: job.dnsSdConfigs.map(({ names, type, port, refreshInterval }) => ({
        names,
        refresh_interval: printDuration(refreshInterval),
        type,
        ...(port === 0 ? {} : { port }),
      })),
    }),
    { lineWidth: 0 },
  )
}

/** A relabelling step with the fields that it has, named as in the file. */
export function relabelFields({ config }: RelabelStep): Record<string, unknown> {
  const fields: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(config) as [keyof RelabelConfig, unknown][]) {
    const isEmpty = value === '' || value === 0 || (Array.isArray(value) && value.length === 0)
    const isMeaningless = name !== 'action' && !MEANINGFUL[name].includes(config.action) && value === RELABEL_DEFAULTS[name]
    if (!isEmpty && !isMeaningless) fields[name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)] = value
  }
  return fields
}

/** Which actions look at a field, so that its default is worth showing. */
const MEANINGFUL: Readonly<Record<keyof RelabelConfig, readonly string[]>> = {
  action: [],
  sourceLabels: [],
  separator: ['replace', 'keep', 'drop', 'hashmod', 'lowercase', 'uppercase'],
  regex: ['replace', 'keep', 'drop', 'labelmap', 'labeldrop', 'labelkeep'],
  modulus: [],
  targetLabel: [],
  replacement: ['replace', 'labelmap'],
}

function httpFields(http: HttpSettings): Record<string, unknown> {
  const { basicAuth, authorization, followRedirects, httpHeaders, tlsConfig } = http
  return present({
    basic_auth:
      basicAuth === null
        ? undefined
        : present({
            username: basicAuth.username || undefined,
            username_file: basicAuth.usernameFile ?? undefined,
            password: basicAuth.password === '' ? undefined : SECRET,
            password_file: basicAuth.passwordFile ?? undefined,
          }),
    authorization:
      authorization === null
        ? undefined
        : present({
            type: authorization.type,
            credentials: authorization.credentials === '' ? undefined : SECRET,
            credentials_file: authorization.credentialsFile ?? undefined,
          }),
    follow_redirects: followRedirects,
    http_headers: Object.fromEntries(
      Object.entries(httpHeaders).map(([name, { values, secrets, files }]) => [
        name,
        present({ values, secrets: secrets.map(() => SECRET), files }),
      ]),
    ),
    tls_config: present({
      ca: tlsConfig.ca ?? undefined,
      ca_file: tlsConfig.caFile ?? undefined,
      cert: tlsConfig.cert ?? undefined,
      cert_file: tlsConfig.certFile ?? undefined,
      key: tlsConfig.key === null ? undefined : SECRET,
      key_file: tlsConfig.keyFile ?? undefined,
      server_name: tlsConfig.serverName ?? undefined,
      insecure_skip_verify: tlsConfig.insecureSkipVerify || undefined,
      min_version: tlsConfig.minVersion === null ? undefined : goVersion(tlsConfig.minVersion),
      max_version: tlsConfig.maxVersion === null ? undefined : goVersion(tlsConfig.maxVersion),
    }),
  })
}

/** `TLS12` for `TLSv1.2`. */
function goVersion(version: string): string {
  return version === 'TLSv1' ? 'TLS10' : version.replace('TLSv1.', 'TLS1')
}

function groupFields({ targets, labels }: TargetGroup): Record<string, unknown> {
  return present({ targets, labels })
}

/** Without what is not set: undefined, and empty lists and maps. */
function present(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).filter(
      ([, value]) => value !== undefined && !(typeof value === 'object' && value !== null && Object.keys(value).length === 0),
    ),
  )
}
