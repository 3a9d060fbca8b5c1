/**
 * Prometheus's remote read: whole answers of samples, and streams of compressed chunks. Readers want series in order of their labels and the
 * store promises none, so an answer is put in order before it is sent: as samples, or already compressed to chunks, a few bytes a sample.
 */
import { Readable } from 'node:stream'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { SampleBuffer, TsinkError, type Labels } from '@tsink/core'
import { snappyDecode, snappyEncode } from '@tsink/kernel'
import {
  decodeReadRequest,
  encodeReadFrames,
  REMOTE_READ_CONTENT_TYPE,
  REMOTE_READ_LIMITS,
  REMOTE_READ_STREAM_CONTENT_TYPE,
  ReadResponseEncoder,
  type ReadQuery,
} from '@tsink/protocols'
import { readBody } from '../body.ts'
import { cancellation } from '../cancellation.ts'
import { storeOf, type ServerContext } from '../context.ts'
import { route } from '../route.ts'

export function registerRead(app: FastifyInstance, context: ServerContext): void {
  route(app, ['POST'], '/api/v1/read', (request, reply) => remoteRead(context, request, reply), { dialect: 'plain', ownBody: true })
}

async function remoteRead(context: ServerContext, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const body = await readBody(request.raw, REMOTE_READ_LIMITS.requestBytes)
  const { queries, responseType } = decodeReadRequest(snappyDecode(body, REMOTE_READ_LIMITS.requestBytes))
  const signal = cancellation(reply)
  const release = context.queries.tryEnter(1) ?? (await context.queries.enter(1, context.config.queryTimeout, signal))
  try {
    if (responseType === 'samples') {
      const encoder = new ReadResponseEncoder()
      for (const query of queries) {
        encoder.beginQuery()
        for (const { labels, samples } of await samplesOf(context, query, signal)) encoder.series(labels, samples)
      }
      reply.header('content-type', REMOTE_READ_CONTENT_TYPE).header('content-encoding', 'snappy')
      return reply.send(Buffer.from(snappyEncode(encoder.finish())))
    }
    const frames: Uint8Array[] = []
    for (const [index, query] of queries.entries()) frames.push(...(await framesOf(context, query, index, signal)))
    return reply.header('content-type', REMOTE_READ_STREAM_CONTENT_TYPE).send(Readable.from(frames, { objectMode: false }))
  } finally {
    release()
  }
}

/** All samples of a query, in order of labels. @throws TsinkError QUERY_SAMPLES above the server's limit. */
async function samplesOf(
  context: ServerContext,
  query: ReadQuery,
  signal: AbortSignal,
): Promise<readonly { labels: Labels; samples: SampleBuffer }[]> {
  const found: { labels: Labels; samples: SampleBuffer }[] = []
  const most = context.config.queryMaxSamples
  let total = 0
  for await (const page of storeOf(context).select({ ...query, hints: {}, signal })) {
    for (const series of page) {
      const samples = new SampleBuffer(series.maxSamples)
      series.read(samples)
      if (samples.count === 0) continue
      total += samples.count
      if (total > most) throw new TsinkError('QUERY_SAMPLES', `the answer has more than ${most} samples (--query-max-samples)`)
      found.push({ labels: series.labels, samples })
    }
  }
  return found.toSorted((a, b) => a.labels.compare(b.labels))
}

/** The frames of a query's answer, in order of labels. @throws TsinkError QUERY_MEMORY above the server's limit. */
async function framesOf(context: ServerContext, query: ReadQuery, index: number, signal: AbortSignal): Promise<readonly Uint8Array[]> {
  const found: { labels: Labels; frames: Uint8Array[] }[] = []
  const buffer = new SampleBuffer()
  const most = context.config.queryMaxMemory
  let bytes = 0
  for await (const page of storeOf(context).select({ ...query, hints: {}, signal })) {
    for (const series of page) {
      series.read(buffer)
      if (buffer.count === 0) continue
      const frames = [...encodeReadFrames(series.labels, buffer, index)]
      for (const frame of frames) bytes += frame.length
      if (bytes > most) throw new TsinkError('QUERY_MEMORY', `the answer has more than ${most} bytes of chunks (--query-max-memory)`)
      found.push({ labels: series.labels, frames })
    }
  }
  return found.toSorted((a, b) => a.labels.compare(b.labels)).flatMap(({ frames }) => frames)
}
