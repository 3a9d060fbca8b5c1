/**
 * /federate: the newest samples of selected series in Prometheus's text format, for another Prometheus to scrape.
 */
import type { FastifyInstance } from 'fastify'
import {
  isLegacyLabelName,
  isLegacyMetricName,
  isStale,
  Labels,
  METRIC_NAME,
  SampleBuffer,
  type Matcher,
  type Store,
  type VectorSample,
} from '@tsink/core'
import { encodeFederation } from '@tsink/protocols'
import { cancellation } from '../cancellation.ts'
import { storeOf, type ServerContext } from '../context.ts'
import { parametersOf } from '../parameters.ts'
import { sendPieces } from '../respond.ts'
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
        // Scrapers that know names beyond the old grammar say so; for the others every such character becomes an underscore.
        const isAware = /escaping=allow-utf-8/i.test(request.headers.accept ?? '')
        const escaping = isAware ? 'allow-utf-8' : 'underscores'
        reply.header('content-type', `text/plain; version=0.0.4; charset=utf-8; escaping=${escaping}`)
        return await sendPieces(request, reply, encodeFederation(isAware ? newest : newest.map(escaped)))
      } finally {
        release()
      }
    },
    { dialect: 'plain' },
  )
}

/** The last sample of each selected series within the lookback, with its own time, unless the series has ended. */
async function newestSamples(
  store: Store,
  selectors: readonly (readonly Matcher[])[],
  lookbackMs: number,
  signal: AbortSignal,
): Promise<readonly VectorSample[]> {
  const now = Date.now()
  const buffer = new SampleBuffer()
  const newest = new Map<string, VectorSample>()
  for (const matchers of selectors) {
    for await (const page of store.select({ matchers, minTime: now - lookbackMs + 1, maxTime: now, signal })) {
      for (const series of page) {
        series.read(buffer)
        const last = buffer.count - 1
        // Native histograms, strings and bytes have no form in this text format.
        if (last < 0 || buffer.blobs !== null || isStale(buffer.values, last) || buffer.histograms?.[last] !== undefined) continue
        newest.set(series.labels.key(), {
          labels: series.labels,
          timestamp: buffer.timestamps[last]! + buffer.base,
          value: buffer.values[last]!,
          histogram: null,
        })
      }
    }
  }
  return [...newest.values()]
}

function escaped(sample: VectorSample): VectorSample {
  const { names, values } = sample.labels
  if (names.every(isLegacyLabelName) && isLegacyMetricName(sample.labels.metric)) return sample
  const plain = (name: string): string => name.replaceAll(/[^a-zA-Z0-9_:]/gu, '_').replace(/^(?=\d)/, '_')
  const pairs = new Map(names.map((name, i) => [plain(name), name === METRIC_NAME ? plain(values[i]!) : values[i]!]))
  return { ...sample, labels: Labels.from(pairs) }
}
