/**
 * The Pushgateway's way in, for batch jobs: `POST /metrics/job/NAME/LABEL/VALUE`. The path's labels go onto every series. What was pushed is
 * stored with the time of the push and ends like any other series; nothing is held for a scrape.
 */
import type { FastifyInstance } from 'fastify'
import { decodeLabels, encodeLabels, Labels, SeriesTable, TsinkError, type WriteBatch } from '@tsink/core'
import { decodeOpenMetricsText, decodePrometheusProtobuf, decodePrometheusText, expositionFormat, type Decoded } from '@tsink/protocols'
import { storeOf, type ServerContext } from '../context.ts'
import { contentEncoding, receive } from '../receive.ts'
import { sendPlain } from '../respond.ts'
import type { Handler } from '../route.ts'
import { writeRoute } from './write.ts'

export function registerPushgateway(app: FastifyInstance, context: ServerContext): void {
  const push: Handler = async (request, reply) => {
    const grouping = groupingOf((request.params as { '*': string })['*'])
    const format = expositionFormat(request.headers['content-type'] ?? '') ?? 'prometheus-text'
    return receive(context, request, 'pushgateway', contentEncoding(request), async (body) => {
      // No cache: the bytes of a line do not say which series it is, the path does too.
      const options = { now: Date.now(), badLine: 'body' } as const
      const decoded =
        format === 'prometheus-text'
          ? decodePrometheusText(body, options)
          : format === 'openmetrics-text'
            ? decodeOpenMetricsText(body, options)
            : decodePrometheusProtobuf(body, options)
      const { rejected, message } = await context.ingest.append(storeOf(context), 'pushgateway', grouped(decoded, grouping))
      return rejected === 0 ? reply.code(200).send() : sendPlain(reply, 400, message)
    })
  }
  writeRoute(app, context, '/metrics/job/*', 'pushgateway', push, ['POST', 'PUT'])
}

/** The labels of a path: `NAME/LABEL/VALUE/...`, each name with `@base64` when its value is encoded so. */
function groupingOf(path: string): ReadonlyMap<string, string> {
  const parts = ['job', ...path.split('/')]
  if (parts.at(-1) === '') parts.pop()
  if (parts.length % 2 !== 0) throw new TsinkError('BAD_REQUEST', 'the path is not /metrics/job/NAME/LABEL/VALUE/...')
  const labels = new Map<string, string>()
  for (let i = 0; i < parts.length; i += 2) {
    const [name, encoding] = parts[i]!.split('@')
    const value = encoding === 'base64' ? Buffer.from(parts[i + 1]!, 'base64url').toString() : parts[i + 1]!
    if (name === '' || (name === 'job' && value === '')) throw new TsinkError('BAD_REQUEST', 'the path names no job')
    labels.set(name!, value)
  }
  return labels
}

/** The same samples, with the path's labels on every series; they win over the body's. */
function grouped(decoded: Decoded, grouping: ReadonlyMap<string, string>): Decoded {
  const { series, ...rest } = decoded.batch
  const table = new SeriesTable(series.count, series.bytes.length)
  for (let slot = 0; slot < series.count; slot++) {
    const pairs = new Map(decodeLabels(series.labelBytes(slot)))
    for (const [name, value] of grouping) pairs.set(name, value)
    table.addBytes(encodeLabels(Labels.from(pairs)))
  }
  const batch: WriteBatch = { ...rest, series: table }
  return { ...decoded, batch }
}
