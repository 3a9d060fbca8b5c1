/**
 * What the language service asks about the data, answered by the server. Every answer is bounded and kept for a while; a request whose asker
 * has moved on is aborted, and what fails counts as unknown, since a missing hint must never be in somebody's way.
 */
import type { Matcher } from '@tsink/core'
import type { Metadata, MetricDescription, ParserOptions } from '@tsink/promql'
import { get, type MetricEntry } from './api.ts'

/** Answers are kept so long: new metrics come seldom, and whoever waits for one reloads. */
const FRESH_MS = 30_000
const MAX_KEPT = 300
/** No listing is asked for more. */
const MAX_LISTED = 1_000

interface Kept {
  readonly at: number
  readonly data: unknown
}

const kept = new Map<string, Kept>()

/** The data behind the queries, asked for until `signal` aborts. */
export function serverMetadata(signal: AbortSignal): Metadata {
  const listing = <T>(endpoint: string, parameters: Record<string, string>, otherwise: T): Promise<T> =>
    cached(`${endpoint}?${new URLSearchParams(parameters)}`, signal, otherwise, () => get<T>(endpoint, parameters, signal))
  return {
    async metrics(part, limit) {
      const wider = widerAnswer(part)
      if (wider !== null) return wider.slice(0, limit)
      const parameters = { search: part, limit: String(Math.min(limit, MAX_LISTED)) }
      const { metrics } = await listing<MetricList>('metrics', parameters, { metrics: [], total: 0 })
      return metrics.map(({ name }) => name)
    },
    async describe(metric) {
      const found = await listing<Record<string, MetricDescription[]>>('metadata', { metric }, {})
      return found[metric]?.[0] ?? null
    },
    labelNames: (matchers) => listing<string[]>('labels', { ...selectorOf(matchers), limit: String(MAX_LISTED) }, []),
    labelValues: (label, matchers, limit) =>
      listing<string[]>(`label/${escapeName(label)}/values`, { ...selectorOf(matchers), limit: String(Math.min(limit, MAX_LISTED)) }, []),
    async hasSeries(matchers) {
      const selector = selectorOf(matchers)
      // What may match everything cannot be asked for, and what is unknown is not called missing.
      if (selector['match[]'] === undefined) return true
      const found = await listing<unknown[] | null>('series', { ...selector, limit: '1' }, null)
      return found === null || found.length > 0
    },
  }
}

/** Which of PromQL's switches the server has on. */
export async function serverFeatures(signal: AbortSignal): Promise<ParserOptions> {
  try {
    const { data } = await get<Record<string, Record<string, boolean>>>('features', {}, signal)
    const promql = data['promql'] ?? {}
    return {
      experimentalFunctions: data['promql_operators']?.['limitk'] === true,
      extendedRangeSelectors: promql['anchored'] === true,
      fillModifiers: promql['fill'] === true,
    }
  } catch {
    return {}
  }
}

interface MetricList {
  readonly metrics: readonly MetricEntry[]
  readonly total: number
}

async function cached<T>(key: string, signal: AbortSignal, otherwise: T, ask: () => Promise<{ readonly data: T }>): Promise<T> {
  const known = kept.get(key)
  if (known !== undefined && performance.now() - known.at < FRESH_MS) return known.data as T
  kept.delete(key)
  try {
    const { data } = await ask()
    kept.set(key, { at: performance.now(), data })
    if (kept.size > MAX_KEPT) kept.delete(kept.keys().next().value!)
    return data
  } catch (error) {
    if (signal.aborted) throw error
    return otherwise
  }
}

/** The names that contain `part`, out of a complete answer for a shorter part of it. */
function widerAnswer(part: string): readonly string[] | null {
  for (const [key, { at, data }] of kept) {
    if (!key.startsWith('metrics?') || performance.now() - at >= FRESH_MS) continue
    const { metrics, total } = data as MetricList
    const asked = new URLSearchParams(key.slice('metrics?'.length)).get('search')!
    const words = part.toLowerCase()
    if (total > metrics.length || !words.includes(asked.toLowerCase())) continue
    return metrics.map(({ name }) => name).filter((name) => name.toLowerCase().includes(words))
  }
  return null
}

function selectorOf(matchers: readonly Matcher[]): { 'match[]'?: string } {
  return matchers.every((matcher) => matcher.matchesEmpty) ? {} : { 'match[]': `{${matchers.map(String).join(',')}}` }
}

/** A label's name in a path: as it is, or with what paths and Prometheus's names do not hold written as `_HEX_`. */
function escapeName(name: string): string {
  if (/^[a-zA-Z_]\w*$/.test(name) && !name.startsWith('U__')) return name
  const escaped = Array.from(name, (char) => (char === '_' ? '__' : /\w/.test(char) ? char : `_${char.codePointAt(0)!.toString(16)}_`))
  return `U__${escaped.join('')}`
}
