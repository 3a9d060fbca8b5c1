/**
 * Target: from what discovery found to what is scraped. Discovered labels are completed with the job's settings (`__scheme__`,
 * `__metrics_path__`, `__param_x`, `__scrape_interval__` and so on), relabelled, and read back: relabelling may change any of them.
 */
import { createHash } from 'node:crypto'
import { hostname } from 'node:os'
import { Labels } from '@tsink/core'
import { relabel } from '@tsink/protocols'
import { parseDuration, printDuration } from '../duration.ts'
import type { Job, TargetGroup } from './job.ts'

export interface Target {
  /** Equal for equal targets of one job: labels and address. */
  readonly key: string
  /** On every series. */
  readonly labels: Labels
  readonly url: URL
  /** The address as it is shown, with the port that was written even where it is the scheme's own. */
  readonly scrapeUrl: string
  readonly interval: number
  readonly timeout: number
  readonly discovered: Labels
}

/** What became of one discovered target: something to scrape, something that relabelling dropped, or a mistake. */
export type Found =
  | { readonly kind: 'target'; readonly target: Target }
  | { readonly kind: 'dropped'; readonly discovered: Labels }
  | { readonly kind: 'wrong'; readonly discovered: Labels; readonly problem: string }

/** The targets of a group. */
export function targetsOf(job: Job, group: TargetGroup): readonly Found[] {
  return group.targets.map((target) => {
    const own = typeof target === 'string' ? { __address__: target } : target
    return populate(job, discoveredLabels(job, { ...group.labels, ...own }))
  })
}

/** Which moment of each interval is the target's: spread by its identity and this machine's name, the same after a restart. */
export function offsetOf(target: Target): number {
  return createHash('md5').update(`${target.key}\n${hostname()}`).digest().readUIntBE(0, 6) % target.interval
}

function discoveredLabels(job: Job, found: Readonly<Record<string, string>>): Labels {
  const labels: Record<string, string> = { ...found }
  const defaults: Record<string, string> = {
    job: job.jobName,
    __scrape_interval__: printDuration(job.scrapeInterval),
    __scrape_timeout__: printDuration(job.scrapeTimeout),
    __metrics_path__: job.metricsPath,
    __scheme__: job.scheme,
  }
  for (const [name, values] of Object.entries(job.params)) if (values.length > 0) defaults[`__param_${name}`] = values[0]!
  for (const [name, value] of Object.entries(defaults)) if ((labels[name] ?? '') === '') labels[name] = value
  return Labels.of(labels)
}

function populate(job: Job, discovered: Labels): Found {
  const labels = relabel(discovered, job.relabelConfigs)
  if (labels === null) return { kind: 'dropped', discovered }
  const wrong = (problem: string): Found => ({ kind: 'wrong', discovered, problem })
  const address = labels.get('__address__')
  if (address === '') return wrong('no address')
  if (address.includes('/')) return wrong(`${JSON.stringify(address)} is not a valid hostname`)
  const interval = parseDuration(labels.get('__scrape_interval__'))
  if (interval === null) return wrong(`error parsing scrape interval: ${JSON.stringify(labels.get('__scrape_interval__'))} is no duration`)
  if (interval === 0) return wrong('scrape interval cannot be 0')
  const timeout = parseDuration(labels.get('__scrape_timeout__'))
  if (timeout === null) return wrong(`error parsing scrape timeout: ${JSON.stringify(labels.get('__scrape_timeout__'))} is no duration`)
  if (timeout === 0) return wrong('scrape timeout cannot be 0')
  if (timeout > interval)
    return wrong(`scrape timeout cannot be greater than scrape interval (${printDuration(timeout)} > ${printDuration(interval)})`)
  const url = urlOf(job, labels)
  if (url === null)
    return wrong(
      `${JSON.stringify(labels.get('__scheme__'))}, ${JSON.stringify(address)} and ${JSON.stringify(labels.get('__metrics_path__'))} make no URL`,
    )
  const visible = labels.filter((name) => !name.startsWith('__'))
  const named = visible.has('instance') ? visible : visible.with('instance', address)
  const scrapeUrl = `${url.protocol}//${address}${url.pathname}${url.search}`
  const key = `${named.key()}${scrapeUrl}`
  return { kind: 'target', target: { key, labels: named, url, scrapeUrl, interval, timeout, discovered } }
}

function urlOf(job: Job, labels: Labels): URL | null {
  const scheme = labels.get('__scheme__')
  if (scheme !== 'http' && scheme !== 'https') return null
  const path = labels.get('__metrics_path__')
  const base = `${scheme}://${labels.get('__address__')}`
  if (!URL.canParse(base)) return null
  const url = new URL(base)
  // A path may bring a query of its own, as people write it.
  const mark = path.indexOf('?')
  url.pathname = mark < 0 ? path : path.slice(0, mark)
  const query = new URLSearchParams(mark < 0 ? '' : path.slice(mark + 1))
  const params = new Map<string, string[]>(Object.entries(job.params).map(([name, values]) => [name, [...values]]))
  for (const [label, value] of labels) {
    if (!label.startsWith('__param_')) continue
    const name = label.slice('__param_'.length)
    params.set(name, [value, ...(params.get(name)?.slice(1) ?? [])])
  }
  for (const [name, values] of [...params].toSorted(([a], [b]) => (a < b ? -1 : 1))) for (const value of values) query.append(name, value)
  url.search = query.toString()
  return url
}
