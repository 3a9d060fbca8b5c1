/**
 * Exploring: which metrics there are, found by parts of their names, and what the series of a selection are made of. For the page and for
 * people who look around. Answers are bounded however much is stored: counting ends at a limit, and an answer says so.
 */
import type { FastifyInstance } from 'fastify'
import { compareStrings, METRIC_NAME, Matcher, type Labels, type MetadataQuery, type MetricMetadata, type Store } from '@tsink/core'
import { cancellation, yieldToHost } from '../cancellation.ts'
import { storeOf, type ServerContext } from '../context.ts'
import { EnvelopeError } from '../errors.ts'
import { MAX_TIME_MS, MIN_TIME_MS, parametersOf, type Parameters } from '../parameters.ts'
import { sendData } from '../respond.ts'
import { route } from '../route.ts'
import { requiredMatchersOf, timeRangeOf } from '../selectors.ts'

/** So many metrics are given where no limit is asked for, and at most; each is described and counted. */
const DEFAULT_METRICS = 100
const MAX_METRICS = 1_000
/** The series of one metric are counted so far: beyond it the exact number matters less than a quick list. */
const MAX_COUNTED = 10_000
/** A summary walks so many series: one that differ in ten labels each take about 100 MB until the answer is out. */
const MAX_SUMMARISED = 100_000
/** So many values of each label are named in a summary, the most frequent ones. */
const DEFAULT_VALUES = 20
const MAX_VALUES = 1_000
/** The list of all names is kept so long, because people type. */
const NAMES_MS = 5_000

export function registerExplore(app: FastifyInstance, context: ServerContext): void {
  const names = new MetricNames()

  route(app, ['GET', 'POST'], '/api/v1/metrics', async (request, reply) => {
    const parameters = parametersOf(request)
    const store = storeOf(context)
    const limit = boundedLimit(parameters, DEFAULT_METRICS, MAX_METRICS)
    const range = timeRangeOf(parameters)
    const found = range === null ? [] : search(await names.of(store, range), parameters.get('search'))
    const counted = parameters.get('count') === 'true'
    const signal = cancellation(reply)
    const metrics: unknown[] = []
    for (const name of found.slice(0, limit)) {
      const { type = 'unknown', help = '', unit = '' } = (await describe(store, name)) ?? {}
      const about = { name, type, help, unit }
      metrics.push(counted ? { ...about, ...(await countSeries(store, name, range!, signal)) } : about)
    }
    return sendData(request, reply, { metrics, total: found.length })
  })

  route(app, ['GET', 'POST'], '/api/v1/cardinality', async (request, reply) => {
    const parameters = parametersOf(request)
    const limit = boundedLimit(parameters, DEFAULT_VALUES, MAX_VALUES)
    const [matchers, ...others] = requiredMatchersOf(parameters, true)
    if (others.length > 0) throw new EnvelopeError('bad_data', 'one match[] parameter is expected')
    const range = timeRangeOf(parameters)
    const summary = new Summary()
    if (range !== null) await summary.read(storeOf(context), matchers!, range, cancellation(reply))
    return sendData(request, reply, summary.answer(limit))
  })
}

type Range = Pick<MetadataQuery, 'minTime' | 'maxTime'>

function boundedLimit(parameters: Parameters, otherwise: number, most: number): number {
  const limit = parameters.limit()
  return limit === 0 ? otherwise : Math.min(limit, most)
}

/** The names of all metrics, asked for once while somebody types. */
class MetricNames {
  #key = ''
  #until = 0
  #names: readonly string[] = []

  async of(store: Store, range: Range): Promise<readonly string[]> {
    const key = `${range.minTime} ${range.maxTime}`
    if (key === this.#key && performance.now() < this.#until) return this.#names
    const { items } = await store.labelValues(METRIC_NAME, { selectors: [], ...range })
    this.#key = key
    this.#names = items
    this.#until = performance.now() + NAMES_MS
    return items
  }
}

/** The names that contain every word, in letters of any case: first those that are the text, then those that start with it, in order each. */
function search(names: readonly string[], text: string): readonly string[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean)
  if (words.length === 0) return names
  const [first] = words
  const classes: string[][] = [[], [], []]
  for (const name of names) {
    const lower = name.toLowerCase()
    if (!words.every((word) => lower.includes(word))) continue
    classes[lower === first ? 0 : lower.startsWith(first!) ? 1 : 2]!.push(name)
  }
  return classes.flat()
}

/** What is known of a metric, or of the histogram or summary whose part it is. */
async function describe(store: Store, metric: string): Promise<MetricMetadata | null> {
  const own = (await store.metricMetadata({ metric })).get(metric)?.[0]
  if (own !== undefined) return own
  const family = metric.replace(/_(?:bucket|sum|count)$/, '')
  if (family === metric) return null
  const whole = (await store.metricMetadata({ metric: family })).get(family)?.[0]
  return whole !== undefined && (whole.type === 'histogram' || whole.type === 'summary') ? whole : null
}

async function countSeries(store: Store, metric: string, range: Range, signal: AbortSignal): Promise<{ series: number; exact: boolean }> {
  let series = 0
  for await (const page of labelPages(store, [Matcher.metric(metric)], range, signal)) {
    series += page.length
    if (series > MAX_COUNTED) return { series: MAX_COUNTED, exact: false }
  }
  return { series, exact: true }
}

/** How many series there are, and how they spread over the values of their labels. */
class Summary {
  #series = 0
  #exact = true
  readonly #counts = new Map<string, Map<string, number>>()

  async read(store: Store, matchers: readonly Matcher[], range: Range, signal: AbortSignal): Promise<void> {
    for await (const page of labelPages(store, matchers, range, signal)) {
      if (this.#series >= MAX_SUMMARISED) {
        this.#exact = false
        return
      }
      for (const { labels } of page) this.#add(labels)
      await yieldToHost()
    }
  }

  #add(labels: Labels): void {
    this.#series++
    for (let i = 0; i < labels.names.length; i++) {
      const name = labels.names[i]!
      const value = labels.values[i]!
      let counts = this.#counts.get(name)
      if (counts === undefined) this.#counts.set(name, (counts = new Map()))
      counts.set(value, (counts.get(value) ?? 0) + 1)
    }
  }

  answer(limit: number): unknown {
    const labels = [...this.#counts].toSorted(([a], [b]) => compareStrings(a, b))
    return {
      series: this.#series,
      exact: this.#exact,
      labels: labels.map(([name, counts]) => ({ name, values: counts.size, top: most(counts, limit) })),
    }
  }
}

function most(counts: ReadonlyMap<string, number>, limit: number): { value: string; series: number }[] {
  return [...counts]
    .toSorted(([a, m], [b, n]) => n - m || compareStrings(a, b))
    .slice(0, limit)
    .map(([value, series]) => ({ value, series }))
}

function labelPages(store: Store, matchers: readonly Matcher[], range: Range, signal: AbortSignal): ReturnType<Store['select']> {
  const { minTime = MIN_TIME_MS, maxTime = MAX_TIME_MS } = range
  return store.select({ matchers, minTime, maxTime, hints: { labelsOnly: true }, signal })
}
