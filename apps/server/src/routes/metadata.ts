/**
 * What there is: series, label names, label values, metadata and exemplars.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Labels, Listing } from '@tsink/core'
import { parseExpr, walk, type Expr, type VectorSelector } from '@tsink/promql'
import { encodeListing, printValue } from '@tsink/protocols'
import { storeOf, type ServerContext } from '../context.ts'
import { EnvelopeError } from '../errors.ts'
import { featuresOf } from '../features.ts'
import { MAX_TIME_MS, MIN_TIME_MS, parametersOf, type Parameters } from '../parameters.ts'
import { sendData, sendPieces } from '../respond.ts'
import { route } from '../route.ts'
import { matchersOf, metadataQueryOf, requiredMatchersOf } from '../selectors.ts'

const TRUNCATED = ['results truncated due to limit']

export function registerMetadata(app: FastifyInstance, context: ServerContext): void {
  route(app, ['GET', 'POST'], '/api/v1/labels', async (request, reply) => {
    const parameters = parametersOf(request)
    const query = metadataQueryOf(parameters, () => matchersOf(parameters, false))
    return sendListing(request, reply, query === null ? null : await storeOf(context).labelNames(query))
  })

  route(app, ['GET'], '/api/v1/label/:name/values', async (request, reply) => {
    const parameters = parametersOf(request)
    const name = unescapeName((request.params as { name: string }).name)
    if (name === '') throw new EnvelopeError('bad_data', `invalid label name: ${JSON.stringify(name)}`)
    const query = metadataQueryOf(parameters, () => matchersOf(parameters, false))
    return sendListing(request, reply, query === null ? null : await storeOf(context).labelValues(name, query))
  })

  route(app, ['GET', 'POST'], '/api/v1/series', async (request, reply) => {
    const parameters = parametersOf(request)
    if (parameters.all('match[]').length === 0) throw new EnvelopeError('bad_data', 'no match[] parameter provided')
    const query = metadataQueryOf(parameters, () => requiredMatchersOf(parameters, true))
    return sendListing(request, reply, query === null ? null : await storeOf(context).series(query))
  })

  route(app, ['GET'], '/api/v1/metadata', async (request, reply) => {
    const parameters = parametersOf(request)
    const limit = metadataLimit(parameters, 'limit')
    const perMetric = metadataLimit(parameters, 'limit_per_metric')
    const metric = parameters.get('metric')
    // The reference takes 0 for "nothing" here and negative numbers for "everything".
    const known =
      limit === 0 ? new Map() : await storeOf(context).metricMetadata({ ...(metric === '' ? {} : { metric }), limit: Math.max(0, limit) })
    const data: Record<string, unknown> = {}
    for (const [name, entries] of known) {
      const shown = perMetric > 0 ? entries.slice(0, perMetric) : entries
      data[name] = shown.map(({ type, help, unit }: { type: string; help: string; unit: string }) => ({ type, help, unit }))
    }
    return sendData(request, reply, data)
  })

  route(app, ['GET', 'POST'], '/api/v1/query_exemplars', async (request, reply) => {
    const parameters = parametersOf(request)
    const minTime = parameters.time('start', MIN_TIME_MS)
    const maxTime = parameters.time('end', MAX_TIME_MS)
    if (maxTime < minTime) throw new EnvelopeError('bad_data', 'end timestamp must not be before start timestamp')
    const selectors = vectorSelectors(parseExpr(parameters.get('query'), featuresOf(context.config)))
    if (selectors.length === 0) return reply.code(204).send()
    const found = await storeOf(context).exemplars({ selectors: selectors.map((selector) => selector.matchers), minTime, maxTime })
    const data = found.map((series) => ({
      seriesLabels: series.labels,
      exemplars: series.exemplars.map((exemplar) => ({
        labels: exemplar.labels,
        value: printValue(exemplar.value),
        timestamp: exemplar.timestamp / 1_000,
      })),
    }))
    return sendData(request, reply, data)
  })
}

function sendListing(
  request: FastifyRequest,
  reply: FastifyReply,
  listing: Listing<string | Labels> | null,
): FastifyReply | Promise<FastifyReply> {
  reply.header('content-type', 'application/json')
  return sendPieces(request, reply, encodeListing(listing?.items ?? [], { warnings: listing?.truncated === true ? TRUNCATED : [] }))
}

function metadataLimit(parameters: Parameters, name: string): number {
  const text = parameters.get(name)
  if (text === '') return -1
  if (!/^[+-]?\d+$/.test(text)) throw new EnvelopeError('bad_data', `${name} must be a number`)
  return Number(text)
}

/** The name behind `U__service_2e_name`: underscores are doubled, other characters are `_HEX_`. A name that is none stays as it is. */
function unescapeName(name: string): string {
  if (!name.startsWith('U__')) return name
  let broken = false
  const plain = name.slice(3).replaceAll(/__|_([0-9a-fA-F]{1,6})_|_/g, (found, hex: string | undefined) => {
    if (found === '__') return '_'
    const code = hex === undefined ? -1 : Number.parseInt(hex, 16)
    if (code < 0 || code > 0x10_ffff || (code >= 0xd800 && code <= 0xdfff)) broken = true
    return broken ? found : String.fromCodePoint(code)
  })
  return broken ? name : plain
}

function vectorSelectors(expr: Expr): VectorSelector[] {
  const selectors: VectorSelector[] = []
  walk(expr, (node) => {
    if (node.type === 'vector') selectors.push(node)
  })
  return selectors
}
