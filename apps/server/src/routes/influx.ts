/**
 * InfluxDB's ways in, as its clients of all versions use them, and as much of its other endpoints as those clients ask before they write.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { TsinkError } from '@tsink/core'
import { decodeLineProtocol, INFLUX_VERSION, influxPrecision, type InfluxPrecision, type Refusal } from '@tsink/protocols'
import { storeOf, type ServerContext } from '../context.ts'
import { writeRefusal } from '../errors.ts'
import { parametersOf, type Parameters } from '../parameters.ts'
import { contentEncoding, receive } from '../receive.ts'
import { route } from '../route.ts'

/** How a version of the API tells what was refused. */
interface Dialect {
  /** The body of an error. `rejected` is the number of lines that were left out, 0 when the whole body was; `refusals` are some of them. */
  error(message: string, rejected: number, refusals: readonly Refusal[]): unknown
}

const V1: Dialect = { error: (message, rejected) => ({ error: rejected > 0 ? `partial write: ${message} dropped=${rejected}` : message }) }
const V2: Dialect = {
  error: (message, rejected) => ({ code: 'invalid', message: rejected > 0 ? `partial write: ${message} dropped=${rejected}` : message }),
}
const V3: Dialect = {
  error: (message, rejected, refusals) => {
    if (rejected === 0) return { error: message }
    const lines = refusals.map(({ where, reason }) => ({
      line_number: Number(/^line (\d+)/.exec(where)?.[1] ?? 0),
      error_message: `${where}: ${reason}`,
    }))
    // What the store has refused has no line any more.
    const data = lines.length === rejected ? lines : [...lines, { line_number: 0, error_message: message }]
    return { error: 'partial write of line protocol occurred', data }
  },
}

export function registerInflux(app: FastifyInstance, context: ServerContext): void {
  const write = (url: string, dialect: Dialect): void => {
    route(app, ['POST'], url, (request, reply) => writeLines(context, request, reply, dialect), { dialect: 'plain', ownBody: true })
  }
  write('/write', V1)
  write('/api/v2/write', V2)
  write('/api/v3/write_lp', V3)

  // Clients create their database before they write; there is nothing to create here.
  route(app, ['GET', 'POST'], '/query', (request, reply) => answerStatement(reply, parametersOf(request)))

  route(app, ['POST'], '/api/v2/query', (_, reply) =>
    json(reply, 400, { code: 'invalid', message: 'Flux is not served here: ask /api/v1/query in PromQL' }),
  )

  // QuestDB's clients read here, without credentials, which dialect of line protocol they may send.
  const settings = {
    config: {
      'release.type': 'OSS',
      'line.proto.support.versions': [1],
      'ilp.proto.transports': ['tcp', 'http'],
      'cairo.max.file.name.length': 127,
    },
  }
  route(app, ['GET'], '/settings', (_, reply) => json(reply, 200, { ...settings, 'preferences.version': 0, preferences: {} }), {
    always: true,
    open: true,
  })
}

async function writeLines(context: ServerContext, request: FastifyRequest, reply: FastifyReply, dialect: Dialect): Promise<FastifyReply> {
  try {
    const parameters = parametersOf(request)
    const precision = precisionOf(parameters)
    return await receive(context, request, 'influx', contentEncoding(request), async (body) => {
      const decoded = decodeLineProtocol(body, {
        ...context.ingest.options(),
        precision,
        bareField: 'value',
        extraLabels: destinationOf(parameters),
      })
      const { rejected, message } = await context.ingest.append(storeOf(context), 'influx', decoded)
      return rejected === 0 ? reply.code(204).send() : json(reply, 400, dialect.error(message, rejected, decoded.rejected.listed))
    })
  } catch (error) {
    const { status, message, retryAfterS, ours } = writeRefusal(error)
    context.metrics.refusedWrites.inc({ protocol: 'influx', code: String(status) })
    if (ours) request.log.error({ err: error }, 'a write failed')
    if (retryAfterS > 0) reply.header('retry-after', String(retryAfterS))
    return json(reply, status, dialect.error(message, 0, []))
  }
}

function precisionOf(parameters: Parameters): InfluxPrecision {
  const precision = influxPrecision(parameters.get('precision'))
  if (precision === null)
    throw new TsinkError('BAD_REQUEST', `invalid precision ${JSON.stringify(parameters.get('precision'))} (use n, u, ms, s, m or h)`)
  return precision
}

/** Where the client believes that it writes, as labels. */
function destinationOf(parameters: Parameters): Readonly<Record<string, string>> {
  const labels: Record<string, string> = {}
  for (const name of ['db', 'rp', 'bucket', 'org']) {
    const value = parameters.get(name)
    if (value !== '') labels[`influx_${name}`] = value
  }
  return labels
}

function answerStatement(reply: FastifyReply, parameters: Parameters): FastifyReply {
  const statement = parameters.get('q').trim()
  if (/^show\s+databases\b/i.test(statement)) {
    const series = [{ name: 'databases', columns: ['name'], values: [['tsink']] }]
    return json(reply, 200, { results: [{ statement_id: 0, series }] })
  }
  if (/^(?:create|drop|alter)\s+(?:database|retention\s+policy)\b/i.test(statement))
    return json(reply, 200, { results: [{ statement_id: 0 }] })
  return json(reply, 400, { error: 'InfluxQL is not served here: ask /api/v1/query in PromQL' })
}

function json(reply: FastifyReply, status: number, body: unknown): FastifyReply {
  // Influx clients decide by this header that they talk to a database of theirs.
  return reply
    .code(status)
    .header('x-influxdb-version', INFLUX_VERSION)
    .header('content-type', 'application/json')
    .send(Buffer.from(JSON.stringify(body)))
}
