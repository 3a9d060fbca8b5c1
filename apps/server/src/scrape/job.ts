/**
 * Job: one entry of `scrape_configs`, read and completed: what is scraped, how often, how it is asked, and within which limits. Durations are
 * milliseconds, sizes bytes; a limit of 0 is none.
 */
import type { RelabelStep } from '@tsink/protocols'

export interface Job {
  readonly jobName: string
  readonly scrapeInterval: number
  readonly scrapeTimeout: number
  /** In the order in which they are asked for. */
  readonly scrapeProtocols: readonly ScrapeProtocol[]
  /** What a target speaks that sends no content type, or none of ours. */
  readonly fallbackScrapeProtocol: ScrapeProtocol | null
  readonly scrapeNativeHistograms: boolean
  readonly alwaysScrapeClassicHistograms: boolean
  readonly convertClassicHistogramsToNhcb: boolean
  readonly metricNameEscapingScheme: string
  readonly metricsPath: string
  readonly scheme: string
  readonly params: Readonly<Record<string, readonly string[]>>
  readonly honorLabels: boolean
  readonly honorTimestamps: boolean
  /** Whether series with times of their own get staleness markers too. */
  readonly trackTimestampsStaleness: boolean
  readonly enableCompression: boolean
  readonly extraScrapeMetrics: boolean
  readonly bodySizeLimit: number
  readonly sampleLimit: number
  readonly targetLimit: number
  readonly labelLimit: number
  readonly labelNameLengthLimit: number
  readonly labelValueLengthLimit: number
  /** At most so many dropped targets are kept to be shown; 0 keeps all. */
  readonly keepDroppedTargets: number
  readonly http: HttpSettings
  readonly staticConfigs: readonly TargetGroup[]
  readonly fileSdConfigs: readonly FileDiscoveryConfig[]
  readonly httpSdConfigs: readonly HttpDiscoveryConfig[]
  readonly dnsSdConfigs: readonly DnsDiscoveryConfig[]
  readonly relabelConfigs: readonly RelabelStep[]
  readonly metricRelabelConfigs: readonly RelabelStep[]
}

export type ScrapeProtocol =
  | 'PrometheusProto'
  | 'OpenMetricsText0.0.1'
  | 'OpenMetricsText1.0.0'
  | 'PrometheusText0.0.4'
  | 'PrometheusText1.0.0'

/** Targets that have labels in common. */
export interface TargetGroup {
  /** `host:port` of each, or a whole label set where discovery knows more of a target. */
  readonly targets: readonly (string | Readonly<Record<string, string>>)[]
  readonly labels: Readonly<Record<string, string>>
}

export interface FileDiscoveryConfig {
  /** Paths; the last part may hold `*`. */
  readonly files: readonly string[]
  readonly refreshInterval: number
}

export interface HttpDiscoveryConfig {
  readonly url: string
  readonly refreshInterval: number
  readonly http: HttpSettings
}

export interface DnsDiscoveryConfig {
  readonly names: readonly string[]
  readonly type: 'SRV' | 'A' | 'AAAA' | 'MX' | 'NS'
  /** The port of targets whose records have none. */
  readonly port: number
  readonly refreshInterval: number
}

/** How a server is spoken to: who we are and whom we believe. Files are read when they are needed, so that secrets may change. */
export interface HttpSettings {
  readonly basicAuth: BasicAuth | null
  readonly authorization: Authorization | null
  readonly followRedirects: boolean
  readonly httpHeaders: Readonly<Record<string, HeaderValues>>
  readonly tlsConfig: TlsSettings
}

export interface BasicAuth {
  readonly username: string
  readonly usernameFile: string | null
  readonly password: string
  readonly passwordFile: string | null
}

export interface Authorization {
  readonly type: string
  readonly credentials: string
  readonly credentialsFile: string | null
}

export interface HeaderValues {
  readonly values: readonly string[]
  readonly secrets: readonly string[]
  readonly files: readonly string[]
}

export interface TlsSettings {
  readonly ca: string | null
  readonly caFile: string | null
  readonly cert: string | null
  readonly certFile: string | null
  readonly key: string | null
  readonly keyFile: string | null
  readonly serverName: string | null
  readonly insecureSkipVerify: boolean
  readonly minVersion: TlsVersion | null
  readonly maxVersion: TlsVersion | null
}

export type TlsVersion = 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3'
