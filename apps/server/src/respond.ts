/**
 * Respond: answers on their way out. A small answer goes in one piece, a large one is streamed as it is made, no faster than the client
 * reads; either is compressed when the client takes that and it pays.
 */
import { Readable, type Transform } from 'node:stream'
import { createDeflate, createGzip, createZstdCompress, constants, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Refusal } from './errors.ts'

/** Below this size compression costs more than it saves: such an answer fits one packet as it is. */
const MIN_COMPRESSED_BYTES = 1_024
/** Answers up to this size are sent in one piece, with their length: a stream has a cost of its own. */
const ONE_PIECE_BYTES = 1_024 * 1_024
/** Those that are compressed only up to this one, since compressing holds up everything else; above it other threads do it. */
const ONE_COMPRESSED_PIECE_BYTES = 64 * 1_024
/** Level 1 of gzip and zstd: JSON shrinks tenfold already, and higher levels cost the query's own time. */
const FAST = 1

/** Sends text or bytes whose pieces are made while they are sent. */
export function sendPieces(
  request: FastifyRequest,
  reply: FastifyReply,
  pieces: Iterable<Piece> | AsyncIterable<Piece>,
  compress = true,
): FastifyReply | Promise<FastifyReply> {
  const encoding = compress ? negotiate(request) : null
  const most = encoding === null ? ONE_PIECE_BYTES : ONE_COMPRESSED_PIECE_BYTES
  const head: Piece[] = []
  if (Symbol.asyncIterator in pieces) return sendLater(reply, pieces[Symbol.asyncIterator](), head, most, encoding)
  const iterator = pieces[Symbol.iterator]()
  for (let size = 0; size <= most; size += head.at(-1)!.length) {
    const next = iterator.next()
    if (next.done === true) return sendBytes(reply, joined(head), encoding)
    head.push(next.value)
  }
  return sendStream(reply, joined(head), iterator, encoding)
}

async function sendLater(
  reply: FastifyReply,
  iterator: AsyncIterator<Piece>,
  head: Piece[],
  most: number,
  encoding: Encoding | null,
): Promise<FastifyReply> {
  for (let size = 0; size <= most; size += head.at(-1)!.length) {
    const next = await iterator.next()
    if (next.done === true) return sendBytes(reply, joined(head), encoding)
    head.push(next.value)
  }
  return sendStream(reply, joined(head), iterator, encoding)
}

function joined(pieces: readonly Piece[]): Piece {
  if (pieces.length === 1) return pieces[0]!
  return pieces.every((piece) => typeof piece === 'string')
    ? pieces.join('')
    : Buffer.concat(pieces.map((piece) => (typeof piece === 'string' ? Buffer.from(piece) : piece)))
}

/** Sends a finished answer. */
export function sendWhole(request: FastifyRequest, reply: FastifyReply, whole: Piece): FastifyReply {
  return sendBytes(reply, whole, negotiate(request))
}

function sendBytes(reply: FastifyReply, whole: Piece, wanted: Encoding | null): FastifyReply {
  const encoding = whole.length < MIN_COMPRESSED_BYTES ? null : wanted
  reply.header('vary', 'Accept-Encoding')
  // Bytes, not text: fastify would put a charset behind `application/json`.
  const bytes = typeof whole === 'string' ? Buffer.from(whole) : whole
  if (encoding === null) return reply.send(bytes)
  reply.header('content-encoding', encoding)
  switch (encoding) {
    case 'gzip':
      return reply.send(gzipSync(bytes, { level: FAST }))
    case 'deflate':
      return reply.send(deflateSync(bytes, { level: FAST }))
    case 'zstd':
      return reply.send(zstdCompressSync(bytes, { params: { [constants.ZSTD_c_compressionLevel]: FAST } }))
  }
}

/** The success envelope around data that is JSON already. */
export function envelope(data: string, warnings: readonly string[] = [], infos: readonly string[] = []): string {
  const extra = `${warnings.length > 0 ? `,"warnings":${JSON.stringify(warnings)}` : ''}${infos.length > 0 ? `,"infos":${JSON.stringify(infos)}` : ''}`
  return `{"status":"success","data":${data}${extra}}`
}

/** Answers with the success envelope. */
export function sendData(request: FastifyRequest, reply: FastifyReply, data: unknown, warnings: readonly string[] = []): FastifyReply {
  reply.header('content-type', 'application/json')
  return sendWhole(request, reply, envelope(JSON.stringify(data), warnings))
}

/** Answers with the error envelope. */
export function sendRefusal(reply: FastifyReply, refusal: Refusal): FastifyReply {
  if (refusal.retryAfterS > 0) reply.header('retry-after', String(refusal.retryAfterS))
  return reply
    .code(refusal.status)
    .header('content-type', 'application/json')
    .send(Buffer.from(JSON.stringify({ status: 'error', errorType: refusal.errorType, error: refusal.message })))
}

/** Answers with plain text, closed by a line end. */
export function sendPlain(reply: FastifyReply, status: number, text: string): FastifyReply {
  return reply
    .code(status)
    .type('text/plain; charset=utf-8')
    .header('x-content-type-options', 'nosniff')
    .send(text === '' ? '' : `${text}\n`)
}

type Encoding = 'gzip' | 'deflate' | 'zstd'

type Piece = string | Uint8Array

function sendStream(
  reply: FastifyReply,
  head: Piece,
  rest: Iterator<Piece> | AsyncIterator<Piece>,
  encoding: Encoding | null,
): FastifyReply {
  const source = Readable.from(
    (async function* () {
      yield head
      for (;;) {
        const next = await rest.next()
        if (next.done === true) return
        yield next.value
      }
    })(),
    { objectMode: false },
  )
  // The client may leave in the middle, or have left before the first piece, when the generator has not begun and would never come to a `finally`.
  source.once('close', () => void letGo(rest))
  // Nor does one that stands still keep it for ever.
  reply.raw.setTimeout(reply.server.server.requestTimeout, () => reply.raw.destroy())
  reply.header('vary', 'Accept-Encoding')
  if (encoding === null) return reply.send(source)
  reply.header('content-encoding', encoding)
  const transform = compressor(encoding)
  source.on('error', (error) => transform.destroy(error))
  transform.on('close', () => source.destroy())
  return reply.send(source.pipe(transform))
}

/** Ends pieces that nobody wants any more, so that what they hold is let go. */
async function letGo(rest: Iterator<Piece> | AsyncIterator<Piece>): Promise<void> {
  try {
    await rest.return?.()
  } catch {
    // There is nobody left to tell.
  }
}

function compressor(encoding: Encoding): Transform {
  switch (encoding) {
    case 'gzip':
      return createGzip({ level: FAST })
    case 'deflate':
      return createDeflate({ level: FAST })
    case 'zstd':
      return createZstdCompress({ params: { [constants.ZSTD_c_compressionLevel]: FAST } })
  }
}

/** The best encoding that the client takes; one with weight 0 is refused by it. */
function negotiate(request: FastifyRequest): Encoding | null {
  const header = request.headers['accept-encoding']
  if (header === undefined) return null
  const accepted = new Set<string>()
  for (const part of String(header).split(',')) {
    const [name, ...parameters] = part.split(';')
    if (!parameters.some((parameter) => /^\s*q=0(?:\.0*)?\s*$/.test(parameter))) accepted.add(name!.trim().toLowerCase())
  }
  return (['zstd', 'gzip', 'deflate'] as const).find((encoding) => accepted.has(encoding)) ?? (accepted.has('*') ? 'gzip' : null)
}
