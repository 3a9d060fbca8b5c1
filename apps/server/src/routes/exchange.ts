/**
 * Whole series in and out, as people move data between databases: VictoriaMetrics' JSON lines, lines of single samples and CSV both ways, the
 * JSON of OpenTSDB and collectd in, OpenMetrics, Parquet and Arrow out. Exports are made while they are sent, no faster than the client reads.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import {
  decodeCollectd,
  decodeCsv,
  decodeJsonLines,
  decodeOpenTsdbJson,
  decodeSampleLines,
  parseCsvFields,
  parseCsvFormat,
  type Decoded,
  type DecodeOptions,
} from '@tsink/protocols'
import { cancellation } from '../cancellation.ts'
import { storeOf, type ServerContext } from '../context.ts'
import { writeRefusal } from '../errors.ts'
import { EXPORT_CONTENT_TYPES, exportPieces, type ExportFormat, type ExportRequest } from '../export.ts'
import { released } from '../gate.ts'
import { invalid, MAX_TIME_MS, MIN_TIME_MS, parametersOf, type Parameters } from '../parameters.ts'
import { contentEncoding, receive } from '../receive.ts'
import { sendPieces, sendPlain } from '../respond.ts'
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
  take(`${API}/import/ndjson`, 'ndjson', decodeSampleLines)
  take(`${API}/import/csv`, 'csv', (body, options, parameters) =>
    decodeCsv(body, { ...options, columns: parseCsvFormat(parameters.get('format')), skipRows: parameters.limit('skip_rows') }),
  )
  take('/collectd', 'collectd', decodeCollectd)
  route(app, ['POST'], '/api/put', (request, reply) => putOpenTsdb(context, request, reply), { dialect: 'plain', ownBody: true })

  const give = (url: string, format: ExportFormat): void => {
    route(app, ['GET', 'POST'], url, async (request, reply) => {
      const parameters = parametersOf(request)
      const wanted = exportOf(format, parameters)
      // Nothing is made of which nothing is sent.
      if (request.method === 'HEAD') return reply.header('content-type', EXPORT_CONTENT_TYPES[format]).send('')
      const signal = cancellation(reply)
      const release = context.queries.tryEnter(1) ?? (await context.queries.enter(1, context.config.queryTimeout, signal))
      reply.header('content-type', EXPORT_CONTENT_TYPES[format])
      // Parquet compresses its pages itself.
      return sendPieces(request, reply, released(exportPieces(storeOf(context), { ...wanted, signal }), release), format !== 'parquet')
    })
  }
  give(`${API}/export`, 'jsonl')
  give(`${API}/export/csv`, 'csv')
  give(`${API}/export/ndjson`, 'ndjson')
  give(`${API}/export/openmetrics`, 'openmetrics')
  give(`${API}/export/parquet`, 'parquet')
  give(`${API}/export/arrow`, 'arrow')
}

/** What a request wants exported. @throws TsinkError when its parameters are wrong. */
function exportOf(format: ExportFormat, parameters: Parameters): ExportRequest {
  const selectors = requiredMatchersOf(parameters, true)
  const range = timeRangeOf(parameters)
  const labels = parameters.get('labels') || 'columns'
  if (labels !== 'columns' && labels !== 'json') throw invalid('labels', 'it is columns or json')
  const fields = format === 'csv' ? parameters.get('format') : null
  if (fields === '') throw invalid('format', 'which fields? For example __name__,job,__value__,__timestamp__:unix_s')
  return {
    format,
    selectors: range === null ? [] : selectors,
    minTime: range?.minTime ?? MIN_TIME_MS,
    maxTime: range?.maxTime ?? MAX_TIME_MS,
    labels,
    ...(fields === null ? {} : { csvFields: parseCsvFields(fields) }),
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
