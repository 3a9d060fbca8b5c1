/**
 * /federate: the newest samples of selected series in Prometheus's text format, for another Prometheus to scrape.
 */
import type { FastifyInstance } from 'fastify'
import {
  isLegacyLabelName,
  isLegacyMetricName,
  isStale,
  METRIC_NAME,
  SampleBuffer,
  type Labels,
  type Matcher,
  type Store,
} from '@tsink/core'
import { printValue } from '@tsink/protocols'
import { cancellation } from '../cancellation.ts'
import { storeOf, type ServerContext } from '../context.ts'
import { parametersOf } from '../parameters.ts'
import { sendText } from '../respond.ts'
import { route } from '../route.ts'
import { matchersOf } from '../selectors.ts'

export function registerFederate(app: FastifyInstance, context: ServerContext): void {
  route(
    app,
    ['GET'],
    '/federate',
    async (request, reply) => {
      const selectors = matchersOf(parametersOf(request), false)
      const signal = cancellation(reply)
      const release = context.queries.tryEnter(1) ?? (await context.queries.enter(1, context.config.queryTimeout, signal))
      try {
        const newest = await newestSamples(storeOf(context), selectors, context.config.queryLookback, signal)
        return await sendText(request, reply.type('text/plain; version=0.0.4; charset=utf-8; escaping=underscores'), print(newest))
      } finally {
        release()
      }
    },
    { dialect: 'plain' },
  )
}

interface Newest {
  readonly labels: Labels
  /** The sample's own time, not that of the request. */
  readonly timestamp: number
  readonly value: number
}

/** The last sample of each selected series within the lookback, unless the series has ended; sorted by labels. */
async function newestSamples(
  store: Store,
  selectors: readonly (readonly Matcher[])[],
  lookbackMs: number,
  signal: AbortSignal,
): Promise<readonly Newest[]> {
  const now = Date.now()
  const buffer = new SampleBuffer()
  const newest = new Map<string, Newest>()
  for (const matchers of selectors) {
    for await (const page of store.select({ matchers, minTime: now - lookbackMs + 1, maxTime: now, signal })) {
      for (const series of page) {
        series.read(buffer)
        const last = buffer.count - 1
        // Native histograms have no form in this text format.
        if (last < 0 || isStale(buffer.values, last) || buffer.histograms?.[last] !== undefined) continue
        newest.set(series.labels.key(), {
          labels: series.labels,
          timestamp: buffer.timestamps[last]! + buffer.base,
          value: buffer.values[last]!,
        })
      }
    }
  }
  return [...newest.values()].toSorted((a, b) => a.labels.compare(b.labels))
}

function* print(samples: readonly Newest[]): Generator<string> {
  let family = ''
  for (const { labels, value, timestamp } of samples) {
    if (labels.metric === '') continue
    if (labels.metric !== family) {
      family = labels.metric
      yield `# TYPE ${escapedName(family)} untyped\n`
    }
    yield `${escapedName(family)}${printLabels(labels)} ${printValue(value)} ${timestamp}\n`
  }
}

function printLabels(labels: Labels): string {
  const pairs: string[] = []
  for (const [name, value] of labels) {
    if (name === METRIC_NAME) continue
    const text = value
      .replaceAll('\\', String.raw`\\`)
      .replaceAll('"', String.raw`\"`)
      .replaceAll('\n', String.raw`\n`)
    pairs.push(`${isLegacyLabelName(name) ? name : escaped(name)}="${text}"`)
  }
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`
}

function escapedName(name: string): string {
  return isLegacyMetricName(name) ? name : escaped(name)
}

function escaped(name: string): string {
  return name.replaceAll(/[^a-zA-Z0-9_:]/gu, '_').replace(/^(?=\d)/, '_')
}
