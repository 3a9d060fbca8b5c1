/**
 * Body: the bytes of a request, whole and once. A body with a declared length arrives in memory made for it; decompression knows its limit
 * before it begins, by what the bytes declare where their format has that, and by what really comes out in any case.
 */
import type { IncomingMessage } from 'node:http'
import { promisify } from 'node:util'
import {
  brotliDecompress,
  brotliDecompressSync,
  gunzip,
  gunzipSync,
  inflate,
  inflateSync,
  zstdDecompress,
  zstdDecompressSync,
} from 'node:zlib'
import { TsinkError } from '@tsink/core'
import { snappyDecode } from '@tsink/kernel'

/** Compressed bodies up to this size are decompressed where they arrive: handing them to another thread would cost more. */
const INLINE_BYTES = 256 * 1_024

/** The declared length of a request's body, or null when it comes in chunks. */
export function declaredLength(request: IncomingMessage): number | null {
  const header = request.headers['content-length']
  return header === undefined ? null : Number(header)
}

/**
 * Reads a body of at most `maxBytes`.
 * @throws TsinkError TOO_LARGE as soon as the limit is passed, BAD_REQUEST when the client stops in the middle.
 */
export function readBody(request: IncomingMessage, maxBytes: number): Promise<Uint8Array> {
  const declared = declaredLength(request)
  if (declared !== null && declared > maxBytes) return Promise.reject(tooLarge('the body', declared, maxBytes))
  // Who left while the request waited for its turn has told so already, and tells nothing more.
  if (request.destroyed) return Promise.reject(new TsinkError('BAD_REQUEST', 'the connection ended before the body was read'))
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let size = 0
    const end = (error: TsinkError | null): void => {
      request.removeListener('data', onData)
      request.removeListener('end', onEnd)
      request.removeListener('close', onClose)
      request.removeListener('error', onClose)
      if (error !== null) reject(error)
      else resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, size))
    }
    const onData = (chunk: Buffer): void => {
      size += chunk.length
      if (size > maxBytes) end(tooLarge('the body', size, maxBytes))
      else chunks.push(chunk)
    }
    const onEnd = (): void => end(null)
    const onClose = (): void => end(new TsinkError('BAD_REQUEST', `the connection ended after ${size} bytes of the body`))
    request.on('data', onData)
    request.on('end', onEnd)
    request.on('close', onClose)
    request.on('error', onClose)
  })
}

/**
 * Undoes a Content-Encoding.
 * @throws TsinkError UNSUPPORTED for an encoding that we do not know, TOO_LARGE above the limit, BAD_REQUEST for damaged bytes.
 */
export function decompress(bytes: Uint8Array, encoding: string, maxBytes: number): Uint8Array | Promise<Uint8Array> {
  switch (encoding) {
    case '':
    case 'identity':
      return bytes
    case 'snappy':
      return snappyDecode(bytes, maxBytes)
    case 'gzip':
    case 'x-gzip':
    case 'deflate':
    case 'zstd':
    case 'br':
      return bytes.length <= INLINE_BYTES ? inline(bytes, encoding, maxBytes) : elsewhere(bytes, encoding, maxBytes)
    default:
      throw new TsinkError(
        'UNSUPPORTED',
        `the content encoding ${JSON.stringify(encoding)} is not known; use snappy, gzip, zstd, deflate, br or none`,
      )
  }
}

type ZlibEncoding = 'gzip' | 'x-gzip' | 'deflate' | 'zstd' | 'br'

const SYNC = { gzip: gunzipSync, 'x-gzip': gunzipSync, deflate: inflateSync, zstd: zstdDecompressSync, br: brotliDecompressSync } as const
const ASYNC = {
  gzip: promisify(gunzip),
  'x-gzip': promisify(gunzip),
  deflate: promisify(inflate),
  zstd: promisify(zstdDecompress),
  br: promisify(brotliDecompress),
} as const

function inline(bytes: Uint8Array, encoding: ZlibEncoding, maxBytes: number): Uint8Array {
  try {
    return SYNC[encoding](bytes, { maxOutputLength: maxBytes })
  } catch (error) {
    throw zlibError(error, encoding, maxBytes)
  }
}

async function elsewhere(bytes: Uint8Array, encoding: ZlibEncoding, maxBytes: number): Promise<Uint8Array> {
  try {
    return (await ASYNC[encoding](bytes, { maxOutputLength: maxBytes })) as Uint8Array
  } catch (error) {
    throw zlibError(error, encoding, maxBytes)
  }
}

function zlibError(error: unknown, encoding: string, maxBytes: number): TsinkError {
  if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') {
    return new TsinkError('TOO_LARGE', `the ${encoding} body decompresses to more than the limit of ${maxBytes} bytes`, {
      detail: { limit: maxBytes },
    })
  }
  return new TsinkError('BAD_REQUEST', `the body is not valid ${encoding}: ${(error as Error).message}`)
}

function tooLarge(what: string, bytes: number, limit: number): TsinkError {
  return new TsinkError('TOO_LARGE', `${what} has ${bytes} bytes or more; the limit is ${limit}`, { detail: { bytes, limit } })
}
