/**
 * The ways in over HTTP. Each route takes one body, stores what is sound of it, and answers as the clients of its protocol expect: senders
 * of remote write send again what got 429 or 5xx and drop what got 400, so 400 is said only about what can never be stored.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { TsinkError, type AppendResult } from '@tsink/core'
import {
  decodePrometheusText,
  decodeRemoteWrite,
  REMOTE_WRITE_ENCODINGS,
  remoteWriteVersion,
  type RemoteWriteDecoded,
} from '@tsink/protocols'
import { storeOf, type ServerContext } from '../context.ts'
import { writeRefusal } from '../errors.ts'
import { contentEncoding, receive } from '../receive.ts'
import { sendPlain } from '../respond.ts'
import { refuse, route, type Handler } from '../route.ts'

export function registerWrite(app: FastifyInstance, context: ServerContext): void {
  writeRoute(app, context, '/api/v1/write', 'remote_write', (request, reply) => remoteWrite(context, request, reply))
  writeRoute(app, context, '/api/v1/import/prometheus', 'prometheus_text', (request, reply) => importText(context, request, reply))
}

/** A route that reads its own body and whose failures are counted and told in plain text. */
export function writeRoute(app: FastifyInstance, context: ServerContext, url: string, protocol: string, handler: Handler): void {
  const counted: Handler = async (request, reply) => {
    try {
      return await handler(request, reply)
    } catch (error) {
      context.metrics.refusedWrites.inc({ protocol, code: String(writeRefusal(error).status) })
      return refuse(request, reply, error, 'plain')
    }
  }
  route(app, ['POST'], url, counted, { dialect: 'plain', ownBody: true })
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
  if (version === 2) setWritten(reply, 0, 0, 0)
  return receive(context, request, 'remote_write', encoding, async (body) => {
    const decoded = decodeRemoteWrite(body, version, context.ingest.options())
    const { result, rejected, message } = await context.ingest.append(storeOf(context), 'remote_write', decoded)
    if (version === 2) {
      const { samples, histograms } = writtenByKind(decoded, result)
      setWritten(reply, samples, histograms, decoded.exemplars)
    }
    return rejected === 0 ? reply.code(204).send() : sendPlain(reply, 400, message)
  })
}

async function importText(context: ServerContext, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  return receive(context, request, 'prometheus_text', contentEncoding(request), async (body) => {
    const decoded = decodePrometheusText(body, context.ingest.options())
    const { rejected, message } = await context.ingest.append(storeOf(context), 'prometheus_text', decoded)
    return rejected === 0 ? reply.code(204).send() : sendPlain(reply, 400, message)
  })
}

/** How many samples of each kind were stored; rejections beyond the listed ones are taken for float samples. */
function writtenByKind(decoded: RemoteWriteDecoded, result: AppendResult): { readonly samples: number; readonly histograms: number } {
  let histograms = decoded.histograms
  for (const { column } of result.rejections) if (decoded.batch.samples[column]!.kind === 'histogram') histograms--
  return { samples: result.accepted - histograms, histograms }
}

function setWritten(reply: FastifyReply, samples: number, histograms: number, exemplars: number): void {
  reply.header('x-prometheus-remote-write-samples-written', String(samples))
  reply.header('x-prometheus-remote-write-histograms-written', String(histograms))
  reply.header('x-prometheus-remote-write-exemplars-written', String(exemplars))
}
