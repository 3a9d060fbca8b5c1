/**
 * /federate: the newest samples of selected series in Prometheus's text format, for another Prometheus to scrape.
 */
import type { FastifyInstance } from 'fastify'
import { isLegacyLabelName, isLegacyMetricName, METRIC_NAME, TsinkError, type Labels, type VectorSample } from '@tsink/core'
import { instantQuery } from '@tsink/promql'
import { printValue } from '@tsink/protocols'
import { cancellation, yieldToHost } from '../cancellation.ts'
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
      const parameters = parametersOf(request)
      matchersOf(parameters, false)
      const signal = cancellation(reply)
      const now = Date.now()
      const samples = new Map<string, VectorSample>()
      const release = context.queries.tryEnter(1) ?? (await context.queries.enter(1, context.config.queryTimeout, signal))
      try {
        for (const selector of parameters.all('match[]')) {
          const { value } = await instantQuery(selector, now, {
            store: storeOf(context),
            lookbackMs: context.config.queryLookback,
            maxSamples: context.config.queryMaxSamples,
            signal,
            now: () => performance.now(),
            yieldToHost,
          })
          if (value.type !== 'vector') throw new TsinkError('BAD_QUERY', 'match[] is not a selector')
          // Native histograms have no form in this text format.
          for (const sample of value.samples) if (sample.histogram === null) samples.set(sample.labels.key(), sample)
        }
      } finally {
        release()
      }
      const sorted = [...samples.values()].toSorted((a, b) => a.labels.compare(b.labels))
      return sendText(request, reply.type('text/plain; version=0.0.4; charset=utf-8; escaping=underscores'), print(sorted))
    },
    { dialect: 'plain' },
  )
}

function* print(samples: readonly VectorSample[]): Generator<string> {
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
