/**
 * Prometheus's remote read: answers of samples, which are one message and made whole, and streams of compressed chunks, which are made while they
 * are sent, no faster than the reader reads. Series come in the order of their labels, since readers merge answers by it.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { SampleBuffer, TsinkError, type SelectedSeries, type Selection, type Store } from '@tsink/core'
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
import { released } from '../gate.ts'
import { sendPieces } from '../respond.ts'
import { route } from '../route.ts'
import { runsOf, Turns } from '../turns.ts'

export function registerRead(app: FastifyInstance, context: ServerContext): void {
  route(app, ['POST'], '/api/v1/read', (request, reply) => remoteRead(context, request, reply), { dialect: 'plain', ownBody: true })
}

async function remoteRead(context: ServerContext, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const body = await readBody(request.raw, REMOTE_READ_LIMITS.requestBytes)
  const { queries, responseType } = decodeReadRequest(snappyDecode(body, REMOTE_READ_LIMITS.requestBytes))
  const signal = cancellation(reply)
  const release = context.queries.tryEnter(1) ?? (await context.queries.enter(1, context.config.queryTimeout, signal))
  if (responseType === 'chunks') {
    reply.header('content-type', REMOTE_READ_STREAM_CONTENT_TYPE)
    return sendPieces(request, reply, released(framesOf(storeOf(context), queries, signal), release), false)
  }
  try {
    const encoder = new ReadResponseEncoder()
    for (const query of queries) {
      encoder.beginQuery()
      await encodeSamples(context, query, encoder, signal)
    }
    reply.header('content-type', REMOTE_READ_CONTENT_TYPE).header('content-encoding', 'snappy')
    return await reply.send(Buffer.from(snappyEncode(encoder.finish())))
  } finally {
    release()
  }
}

/** Adds all samples of a query. @throws TsinkError QUERY_SAMPLES above the server's limit. */
async function encodeSamples(context: ServerContext, query: ReadQuery, encoder: ReadResponseEncoder, signal: AbortSignal): Promise<void> {
  const most = context.config.queryMaxSamples
  const samples = new SampleBuffer()
  const turns = new Turns()
  let total = 0
  for await (const page of storeOf(context).select(selectionOf(query, signal))) {
    for (const series of page.filter(isReadable)) {
      series.read(samples)
      if (samples.count === 0) continue
      total += samples.count
      if (total > most) throw new TsinkError('QUERY_SAMPLES', `the answer has more than ${most} samples (--query-max-samples)`)
      encoder.series(series.labels, samples)
      if (turns.isDue) await turns.give()
    }
  }
}

/** The frames of an answer. A long series comes in several, with the same labels. */
async function* framesOf(store: Store, queries: readonly ReadQuery[], signal: AbortSignal): AsyncGenerator<Uint8Array, void, undefined> {
  const samples = new SampleBuffer()
  const turns = new Turns()
  for (const [index, query] of queries.entries()) {
    for await (const page of store.select(selectionOf(query, signal))) {
      for (const series of page.filter(isReadable)) {
        for (const _ of runsOf(series, samples)) yield* encodeReadFrames(series.labels, samples, index)
        if (turns.isDue) await turns.give()
      }
    }
  }
}

function selectionOf(query: ReadQuery, signal: AbortSignal): Selection {
  return { ...query, hints: {}, inLabelOrder: true, signal }
}

/** Readers know numbers and native histograms only. */
function isReadable({ kind }: SelectedSeries): boolean {
  return kind !== 'string' && kind !== 'bytes'
}
