/**
 * Whole series in and out, as people move data between databases: VictoriaMetrics' JSON lines and CSV both ways, OpenMetrics out, and the
 * JSON of OpenTSDB and collectd in. Exports are made while they are sent, series by series, no faster than the client reads.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { SampleBuffer, type Labels, type Matcher } from '@tsink/core'
import {
  CSV_CONTENT_TYPE,
  decodeCollectd,
  decodeCsv,
  decodeJsonLines,
  decodeOpenTsdbJson,
  encodeCsv,
  encodeJsonLines,
  parseCsvFields,
  parseCsvFormat,
  VM_JSON_CONTENT_TYPE,
  type Decoded,
  type DecodeOptions,
} from '@tsink/protocols'
import { cancellation } from '../cancellation.ts'
import { storeOf, type ServerContext } from '../context.ts'
import { writeRefusal } from '../errors.ts'
import type { Release } from '../gate.ts'
import { invalid, MAX_TIME_MS, MIN_TIME_MS, parametersOf, type Parameters } from '../parameters.ts'
import { contentEncoding, receive } from '../receive.ts'
import { sendPlain, sendText } from '../respond.ts'
import { route } from '../route.ts'
import { requiredMatchersOf, timeRangeOf } from '../selectors.ts'
import { writeRoute } from './write.ts'

const API = '/api/v1'

export function registerExchange(app: FastifyInstance, context: ServerContext): void {
  const take = (
    url: string,
    protocol: string,
    decode: (body: Uint8Array, options: DecodeOptions, parameters: Parameters) => Decoded,
  ): void => {
    writeRoute(app, context, url, protocol, async (request, reply) => {
      const parameters = parametersOf(request)
      return receive(context, request, protocol, contentEncoding(request), async (body) => {
        const { rejected, message } = await context.ingest.append(
          storeOf(context),
          protocol,
          decode(body, context.ingest.options(), parameters),
        )
        return rejected === 0 ? reply.code(204).send() : sendPlain(reply, 400, message)
      })
    })
  }
  take(`${API}/import`, 'json_lines', decodeJsonLines)
  take(`${API}/import/csv`, 'csv', (body, options, parameters) =>
    decodeCsv(body, { ...options, columns: parseCsvFormat(parameters.get('format')), skipRows: parameters.limit('skip_rows') }),
  )
  take('/collectd', 'collectd', decodeCollectd)
  route(app, ['POST'], '/api/put', (request, reply) => putOpenTsdb(context, request, reply), { dialect: 'plain', ownBody: true })

  const give = (url: string, contentType: string, encoder: (parameters: Parameters) => SeriesEncoder): void => {
    const answer = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
      const parameters = parametersOf(request)
      const selectors = requiredMatchersOf(parameters, true)
      const range = timeRangeOf(parameters)
      const encode = encoder(parameters)
      const signal = cancellation(reply)
      const release = context.queries.tryEnter(1) ?? (await context.queries.enter(1, context.config.queryTimeout, signal))
      reply.header('content-type', contentType)
      return sendText(request, reply, exported(context, range === null ? [] : selectors, range ?? {}, encode, signal, release))
    }
    route(app, ['GET', 'POST'], url, answer)
  }
  give(`${API}/export`, VM_JSON_CONTENT_TYPE, () => encodeJsonLines)
  give(`${API}/export/csv`, CSV_CONTENT_TYPE, (parameters) => {
    if (parameters.get('format') === '') throw invalid('format', 'which fields? For example __name__,job,__value__,__timestamp__:unix_s')
    const fields = parseCsvFields(parameters.get('format'))
    return (labels, samples) => encodeCsv(labels, samples, fields)
  })
}

type SeriesEncoder = (labels: Labels, samples: SampleBuffer) => Iterable<string>

/** The text of all selected series; a series that several selectors choose comes once. Leaves the gate at the end. */
async function* exported(
  context: ServerContext,
  selectors: readonly (readonly Matcher[])[],
  { minTime = MIN_TIME_MS, maxTime = MAX_TIME_MS }: { readonly minTime?: number; readonly maxTime?: number },
  encode: SeriesEncoder,
  signal: AbortSignal,
  release: Release,
): AsyncGenerator<string> {
  const buffer = new SampleBuffer()
  // Only with several selectors can a series come twice.
  const seen = selectors.length > 1 ? new Set<string>() : null
  try {
    for (const matchers of selectors) {
      for await (const page of storeOf(context).select({ matchers, minTime, maxTime, signal })) {
        for (const series of page) {
          if (seen !== null) {
            const key = series.labels.key()
            if (seen.has(key)) continue
            seen.add(key)
          }
          series.read(buffer)
          yield* encode(series.labels, buffer)
        }
      }
    }
  } finally {
    release()
  }
}

/** `POST /api/put`: with `summary` or `details` clients want counts, else nothing where all went well. */
async function putOpenTsdb(context: ServerContext, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const send = (status: number, body: unknown): FastifyReply =>
    reply
      .code(status)
      .header('content-type', 'application/json')
      .send(Buffer.from(JSON.stringify(body)))
  try {
    const url = request.raw.url ?? ''
    return await receive(context, request, 'opentsdb', contentEncoding(request), async (body) => {
      const decoded = decodeOpenTsdbJson(body, context.ingest.options())
      const { result, rejected, message } = await context.ingest.append(storeOf(context), 'opentsdb', decoded)
      if (/[?&](?:summary|details)\b/.test(url)) {
        const errors = rejected === 0 ? [] : [{ error: message }]
        return send(rejected === 0 ? 200 : 400, { success: result.accepted, failed: rejected, errors })
      }
      return rejected === 0 ? reply.code(204).send() : send(400, { error: { code: 400, message } })
    })
  } catch (error) {
    const { status, message, retryAfterS, ours } = writeRefusal(error)
    context.metrics.refusedWrites.inc({ protocol: 'opentsdb', code: String(status) })
    if (ours) request.log.error({ err: error }, 'a write failed')
    if (retryAfterS > 0) reply.header('retry-after', String(retryAfterS))
    return send(status, { error: { code: status, message } })
  }
}
