/**
 * The ways in over HTTP. Each route takes one body, stores what is sound of it, and answers as the clients of its protocol expect: senders
 * of remote write send again what got 429 or 5xx and drop what got 400, so 400 is said only about what can never be stored.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { TsinkError, type Labels } from '@tsink/core'
import {
  decodeOpenMetricsText,
  decodePrometheusProtobuf,
  decodePrometheusText,
  decodeRemoteWrite,
  decodeSnappyRemoteWrite,
  expositionFormat,
  pushedGroup,
  REMOTE_WRITE_ENCODINGS,
  remoteWriteAnswer,
  remoteWriteVersion,
  writtenHeaders,
  type Decoded,
  type DecodeOptions,
} from '@tsink/protocols'
import { storeOf, type ServerContext } from '../context.ts'
import { featuresOf } from '../features.ts'
import { writeRefusal } from '../errors.ts'
import { contentEncoding, receive } from '../receive.ts'
import { sendPlain } from '../respond.ts'
import { refuse, route, type Handler, type Method } from '../route.ts'

export function registerWrite(app: FastifyInstance, context: ServerContext): void {
  writeRoute(app, context, '/api/v1/write', 'remote_write', (request, reply) => remoteWrite(context, request, reply))
  writeRoute(app, context, '/api/v1/import/prometheus', 'exposition', (request, reply) => importExposition(context, request, reply, 204))
  // The path of the Pushgateway: jobs that end before they can be scraped push here. What is stored is the push; there is no group to replace.
  const push: Handler = (request, reply) =>
    importExposition(context, request, reply, 200, pushedGroup(pathOf(request).slice('/metrics'.length)))
  writeRoute(app, context, '/metrics/*', 'exposition', push, ['POST', 'PUT'])
}

function pathOf(request: FastifyRequest): string {
  return request.url.split('?', 1)[0]!
}

/** A route that reads its own body and whose failures are counted and told in plain text. */
export function writeRoute(
  app: FastifyInstance,
  context: ServerContext,
  url: string,
  protocol: string,
  handler: Handler,
  methods: readonly Method[] = ['POST'],
): void {
  const counted: Handler = async (request, reply) => {
    try {
      return await handler(request, reply)
    } catch (error) {
      context.metrics.refusedWrites.inc({ protocol, code: String(writeRefusal(error).status) })
      return refuse(request, reply, error, 'plain')
    }
  }
  route(app, methods, url, counted, { dialect: 'plain', ownBody: true })
}

async function remoteWrite(context: ServerContext, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const contentType = request.headers['content-type']
  const version = remoteWriteVersion(contentType)
  if (version === null) {
    throw new TsinkError(
      'UNSUPPORTED',
      `the content type ${JSON.stringify(contentType)} is not remote write's; supported: prometheus.WriteRequest, io.prometheus.write.v2.Request`,
    )
  }
  // Without a header the body is snappy all the same: the oldest senders say nothing.
  const encoding = contentEncoding(request) || 'snappy'
  if (!REMOTE_WRITE_ENCODINGS.includes(encoding)) {
    throw new TsinkError(
      'UNSUPPORTED',
      `the content encoding ${JSON.stringify(encoding)} is not remote write's; supported: ${REMOTE_WRITE_ENCODINGS.join(', ')}`,
    )
  }
  // Version 2.0 wants to know what was written also when it fails; version 1.0 must not be told, or its senders count wrongly.
  if (version === 2) reply.headers(writtenHeaders(0, 0, 0))
  // Snappy is undone by the decoder, in the memory where it reads.
  const isSnappy = encoding === 'snappy'
  return receive(context, request, 'remote_write', isSnappy ? '' : encoding, async (body) => {
    const { ingest } = context
    const decoded = isSnappy ? decodeSnappyRemoteWrite(body, version, ingest.options()) : decodeRemoteWrite(body, version, ingest.options())
    const { result } = await ingest.append(storeOf(context), 'remote_write', decoded)
    const { complete, headers, message } = remoteWriteAnswer(decoded, result)
    reply.headers(headers)
    return complete ? reply.code(204).send() : sendPlain(reply, 400, message.trimEnd())
  })
}

/** Text unless the content type says another exposition format. A bad line costs only itself. */
async function importExposition(
  context: ServerContext,
  request: FastifyRequest,
  reply: FastifyReply,
  success: number,
  extraLabels?: Labels,
): Promise<FastifyReply> {
  const format = expositionFormat(request.headers['content-type'] ?? '') ?? 'prometheus-text'
  return receive(context, request, 'exposition', contentEncoding(request), async (body) => {
    const typeAndUnitLabels = featuresOf(context.config).typeAndUnitLabels === true
    const options = { ...context.ingest.options(), typeAndUnitLabels, ...(extraLabels === undefined ? {} : { extraLabels }) }
    const decoded = DECODERS[format](body, options)
    const { rejected, message } = await context.ingest.append(storeOf(context), 'exposition', decoded)
    return rejected === 0 ? reply.code(success).send() : sendPlain(reply, 400, message)
  })
}

/** What the decoders of all exposition formats take. */
type ExpositionOptions = DecodeOptions & { readonly extraLabels?: Labels; readonly typeAndUnitLabels: boolean }

const DECODERS = {
  'prometheus-text': (body: Uint8Array, options: ExpositionOptions): Decoded => decodePrometheusText(body, options),
  'openmetrics-text': (body: Uint8Array, options: ExpositionOptions): Decoded =>
    decodeOpenMetricsText(body, { ...options, badLine: 'line' }),
  'prometheus-protobuf': (body: Uint8Array, options: ExpositionOptions): Decoded => decodePrometheusProtobuf(body, options),
} as const
