/**
 * OTLP metrics over HTTP, in protobuf and JSON, at every path that exporters are configured with. What could not be taken is a partial
 * success; statuses that ask for a repetition are those of the specification.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { TsinkError } from '@tsink/core'
import {
  decodeOtlp,
  DeltaAccumulator,
  encodeOtlpError,
  encodeOtlpResponse,
  OTLP_CONTENT_TYPES,
  otlpEncoding,
  type OtlpEncoding,
  type OtlpOptions,
} from '@tsink/protocols'
import type { Config } from '../config.ts'
import { storeOf, type ServerContext } from '../context.ts'
import { writeRefusal } from '../errors.ts'
import { contentEncoding, receive } from '../receive.ts'
import { route } from '../route.ts'

/** The numbers of gRPC's statuses that errors over HTTP carry. */
const INVALID_ARGUMENT = 3
const RESOURCE_EXHAUSTED = 8
const INTERNAL = 13
const UNAVAILABLE = 14

export function registerOtlp(app: FastifyInstance, context: ServerContext): void {
  const options = otlpOptions(context.config)
  for (const url of ['/api/v1/otlp/v1/metrics', '/v1/metrics', '/opentelemetry/v1/metrics']) {
    route(app, ['POST'], url, (request, reply) => exportMetrics(context, request, reply, options), { dialect: 'plain', ownBody: true })
  }
}

type FixedOptions = Omit<OtlpOptions, 'now' | 'cache' | 'unit'>

function otlpOptions(config: Config): FixedOptions {
  return {
    translationStrategy: config.otlpTranslation,
    promoteResourceAttributes: config.otlpPromoteAttributes,
    promoteAllResourceAttributes: config.otlpPromoteAllAttributes,
    lookbackMs: config.queryLookback,
    delta: config.otlpDelta === 'accumulate' ? new DeltaAccumulator() : config.otlpDelta,
  }
}

async function exportMetrics(
  context: ServerContext,
  request: FastifyRequest,
  reply: FastifyReply,
  options: FixedOptions,
): Promise<FastifyReply> {
  const encoding = otlpEncoding(request.headers['content-type'])
  try {
    if (encoding === null) {
      throw new TsinkError(
        'UNSUPPORTED',
        `the content type ${JSON.stringify(request.headers['content-type'])} is not OTLP's; supported: ${Object.values(OTLP_CONTENT_TYPES).join(', ')}`,
      )
    }
    return await receive(context, request, 'otlp', contentEncoding(request), async (body) => {
      const decoded = decodeOtlp(body, encoding, { ...context.ingest.options(), ...options })
      const { rejected, message } = await context.ingest.append(storeOf(context), 'otlp', decoded)
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
