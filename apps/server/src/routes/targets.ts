/**
 * What the scraper does: its targets, what they say of their metrics, its pools and their settings, and how relabelling comes to its result.
 * Without a scrape config all lists are empty.
 */
import { hostname } from 'node:os'
import type { FastifyInstance } from 'fastify'
import { Labels, TsinkError, type Matcher } from '@tsink/core'
import { parseSelector } from '@tsink/promql'
import type { ServerContext } from '../context.ts'
import { printDuration } from '../duration.ts'
import { EnvelopeError } from '../errors.ts'
import { parametersOf, type Parameters } from '../parameters.ts'
import { sendData } from '../respond.ts'
import { route } from '../route.ts'
import { printJob, relabelFields } from '../scrape/job-text.ts'
import type { ScrapeLoop } from '../scrape/loop.ts'
import type { ScrapePool } from '../scrape/pool.ts'

export function registerTargets(app: FastifyInstance, context: ServerContext): void {
  const answer = (url: string, data: (parameters: Parameters) => unknown): void => {
    route(app, ['GET'], url, (request, reply) => sendData(request, reply, data(parametersOf(request))))
  }
  const pools = (): readonly ScrapePool[] => context.scraper?.pools ?? []

  answer('/api/v1/targets', (parameters) => {
    const state = parameters.get('state').toLowerCase()
    const wanted = parameters.get('scrapePool')
    const chosen = pools().filter(({ job }) => wanted === '' || job.jobName === wanted)
    const all = state === '' || state === 'any'
    const active = all || state === 'active' ? chosen.flatMap(activeTargets) : []
    const showDropped = all || state === 'dropped'
    return {
      activeTargets: active,
      droppedTargets: showDropped ? chosen.flatMap(droppedTargets) : [],
      droppedTargetCounts: showDropped ? Object.fromEntries(pools().map(({ job, droppedCount }) => [job.jobName, droppedCount])) : {},
    }
  })

  answer('/api/v1/targets/metadata', (parameters) => {
    const limit = limitOf(parameters)
    const metric = parameters.get('metric')
    const selector = parameters.get('match_target')
    const matchers: readonly Matcher[] = selector === '' ? [] : parseSelector(selector)
    const found: unknown[] = []
    for (const loop of pools().flatMap(loopsOf)) {
      const { labels } = loop.target
      if (!matchers.every((matcher) => matcher.matches(labels.get(matcher.name)))) continue
      for (const one of loop.metadata.values()) {
        if (metric !== '' && one.metric !== metric) continue
        if (limit >= 0 && found.length >= limit) return found
        const name = metric === '' ? { metric: one.metric } : {}
        found.push({ target: labels.toJSON(), ...name, type: one.type, help: one.help, unit: one.unit })
      }
    }
    return found
  })

  answer('/api/v1/targets/relabel_steps', (parameters) => {
    const name = poolName(parameters)
    const text = parameters.get('labels')
    if (text === '') throw new EnvelopeError('bad_data', 'no labels parameter provided')
    const labels = parseLabels(text)
    let current: Labels | null = labels
    const steps = poolOf(context, name).job.relabelConfigs.map((step) => {
      current = current === null ? null : step.apply(current)
      return { rule: relabelFields(step), output: current?.toJSON() ?? {}, keep: current !== null }
    })
    return { steps }
  })

  answer('/api/v1/scrape_pools', () => ({ scrapePools: pools().map(({ job }) => job.jobName) }))

  answer('/api/v1/scrape_pools/config', (parameters) => ({ yaml: printJob(poolOf(context, poolName(parameters)).job) }))
}

function poolName(parameters: Parameters): string {
  const name = parameters.get('scrapePool')
  if (name === '') throw new EnvelopeError('bad_data', 'no scrapePool parameter provided')
  return name
}

function poolOf(context: ServerContext, name: string): ScrapePool {
  const pool = context.scraper?.pool(name) ?? null
  if (pool === null) throw new EnvelopeError('bad_data', `error retrieving scrape config: scrape pool ${JSON.stringify(name)} not found`)
  return pool
}

function loopsOf({ loops }: ScrapePool): readonly ScrapeLoop[] {
  return [...loops.values()].toSorted((a, b) => (a.target.scrapeUrl < b.target.scrapeUrl ? -1 : 1))
}

/** The time of a target that was not scraped yet. */
const NEVER = '0001-01-01T00:00:00Z'

function activeTargets(pool: ScrapePool): readonly unknown[] {
  return loopsOf(pool).map(({ target, health, lastError, lastScrape, lastSeconds }) => ({
    discoveredLabels: target.discovered.toJSON(),
    labels: target.labels.toJSON(),
    scrapePool: pool.job.jobName,
    scrapeUrl: target.scrapeUrl,
    globalUrl: globalUrl(target.scrapeUrl),
    lastError,
    lastScrape: lastScrape === 0 ? NEVER : new Date(lastScrape).toISOString(),
    lastScrapeDuration: lastSeconds,
    health,
    scrapeInterval: printDuration(target.interval),
    scrapeTimeout: printDuration(target.timeout),
  }))
}

function droppedTargets(pool: ScrapePool): readonly unknown[] {
  return pool.dropped.map((labels) => ({ discoveredLabels: labels.toJSON(), scrapePool: pool.job.jobName }))
}

/** The address as other machines would write it. */
function globalUrl(url: string): string {
  return url.replace(/^(https?:\/\/)(?:localhost|127\.0\.0\.1|\[::1\])(?=[:/?]|$)/, `$1${hostname()}`)
}

/** How many entries are wanted; -1 for all. */
function limitOf(parameters: Parameters): number {
  const text = parameters.get('limit')
  if (text === '') return -1
  if (!/^[+-]?\d+$/.test(text)) throw new EnvelopeError('bad_data', 'limit must be a number')
  return Number(text)
}

function parseLabels(text: string): Labels {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new EnvelopeError('bad_data', `error parsing labels: ${(error as Error).message}`)
  }
  const entries = typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.entries(value) : null
  if (entries === null || !entries.every((entry): entry is [string, string] => typeof entry[1] === 'string')) {
    throw new EnvelopeError('bad_data', 'error parsing labels: expected an object of strings')
  }
  try {
    return Labels.from(entries)
  } catch (error) {
    if (error instanceof TsinkError) throw new EnvelopeError('bad_data', `error parsing labels: ${error.message}`)
    throw error
  }
}
