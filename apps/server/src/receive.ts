/**
 * Receive: the way of a write's body through the server: admission by its size, then the bytes, then decompression. What comes out is one
 * array, never a string, and the place in the gate is kept until the batch is stored.
 */
import type { FastifyRequest } from 'fastify'
import { declaredLength, decompress, readBody } from './body.ts'
import type { ServerContext } from './context.ts'
import type { Release } from './gate.ts'
import { TsinkError } from '@tsink/core'

/** The encoding that a request names, in lower case; '' for none. */
export function contentEncoding(request: FastifyRequest): string {
  return (request.headers['content-encoding'] ?? '').trim().toLowerCase()
}

/**
 * Runs `work` with the decompressed body of a write.
 * @throws TsinkError OVERLOADED when there was no room in time, TOO_LARGE, BAD_REQUEST and what `work` throws.
 */
export async function receive<T>(
  context: ServerContext,
  request: FastifyRequest,
  protocol: string,
  encoding: string,
  work: (body: Uint8Array) => Promise<T>,
): Promise<T> {
  const { config, metrics, writes } = context
  const declared = declaredLength(request.raw)
  if (declared !== null && declared > config.writeMaxBody) {
    throw new TsinkError('TOO_LARGE', `the body has ${declared} bytes; at most ${config.writeMaxBody} are taken (--write-max-body)`, {
      detail: { found: declared, limit: config.writeMaxBody, flag: '--write-max-body' },
    })
  }
  // A body of unknown length may become as large as the limit lets it.
  const weight = declared ?? config.writeMaxBody
  const release: Release = writes.tryEnter(weight) ?? (await writes.enter(weight, config.writeQueueTimeout))
  try {
    const bytes = await readBody(request.raw, config.writeMaxBody)
    const counters = metrics.ofProtocol(protocol)
    counters.receivedBytes.inc(bytes.length)
    const plain = decompress(bytes, encoding, config.writeMaxDecoded)
    const body = plain instanceof Uint8Array ? plain : await plain
    counters.decodedBytes.inc(body.length)
    return await work(body)
  } finally {
    release()
  }
}
