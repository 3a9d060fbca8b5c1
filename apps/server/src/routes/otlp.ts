/**
 * OTLP metrics over HTTP, in protobuf and JSON, at every path that exporters are configured with. What could not be taken is a partial
 * success; statuses that ask for a repetition are those of the specification.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { TsinkError } from '@tsink/core'
import { encodeOtlpError, encodeOtlpResponse, OTLP_CONTENT_TYPES, otlpEncoding, type OtlpEncoding } from '@tsink/protocols'
import type { ServerContext } from '../context.ts'
import { writeRefusal } from '../errors.ts'
import { contentEncoding, receive } from '../receive.ts'
import { route } from '../route.ts'

/** The numbers of gRPC's statuses that errors over HTTP carry. */
const INVALID_ARGUMENT = 3
const RESOURCE_EXHAUSTED = 8
const INTERNAL = 13
const UNAVAILABLE = 14

export function registerOtlp(app: FastifyInstance, context: ServerContext): void {
  for (const url of ['/api/v1/otlp/v1/metrics', '/v1/metrics', '/opentelemetry/v1/metrics']) {
    route(app, ['POST'], url, (request, reply) => exportMetrics(context, request, reply), { dialect: 'plain', ownBody: true })
  }
}

async function exportMetrics(context: ServerContext, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const encoding = otlpEncoding(request.headers['content-type'])
  try {
    if (encoding === null) {
      throw new TsinkError(
        'UNSUPPORTED',
        `the content type ${JSON.stringify(request.headers['content-type'])} is not OTLP's; supported: ${Object.values(OTLP_CONTENT_TYPES).join(', ')}`,
      )
    }
    return await receive(context, request, 'otlp', contentEncoding(request), async (body) => {
      const { rejected, message } = await context.otlp.take(context, body, encoding)
      return send(reply, 200, encoding, encodeOtlpResponse(encoding, rejected, message))
    })
  } catch (error) {
    const { status, message, retryAfterS, ours } = writeRefusal(error)
    context.metrics.refusedWrites.inc({ protocol: 'otlp', code: String(status) })
    if (ours) request.log.error({ err: error }, 'a write failed')
    if (retryAfterS > 0) reply.header('retry-after', String(retryAfterS))
    const code = status === 429 ? RESOURCE_EXHAUSTED : status === 503 ? UNAVAILABLE : ours ? INTERNAL : INVALID_ARGUMENT
    const answer = encoding ?? 'json'
    return send(reply, status, answer, encodeOtlpError(answer, code, message))
  }
}

function send(reply: FastifyReply, status: number, encoding: OtlpEncoding, body: Uint8Array): FastifyReply {
  return reply.code(status).header('content-type', OTLP_CONTENT_TYPES[encoding]).send(Buffer.from(body))
}
