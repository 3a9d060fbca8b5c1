/** Snappy's block format (no frames), in which Prometheus sends and takes remote-write and remote-read bodies. */
import { TsinkError } from '@tsink/core'
import { SNAPPY_PROBLEMS, snappyBoundPlain, snappyDecodePlain, snappyEncodePlain } from './plain/snappy.ts'

/**
 * The size that a block declares for its content, and where its elements begin.
 * @throws TsinkError BAD_REQUEST when there is no such header.
 */
export function snappyHeader(bytes: Uint8Array): { readonly sizeBytes: number; readonly start: number } {
  let size = 0
  for (let at = 0; at < 5; at++) {
    if (at >= bytes.length) throw corrupt(at, 'the header is cut off')
    const byte = bytes[at]!
    size += (byte & 0x7f) * 2 ** (7 * at)
    if (byte >= 0x80) continue
    if (size > 0xffff_ffff) break
    return { sizeBytes: size, start: at + 1 }
  }
  throw corrupt(0, 'the header is no size of 32 bits')
}

/**
 * The content of a block, in a new array. No memory is taken before the declared size is compared with `maxBytes`.
 * @throws TsinkError TOO_LARGE when more than `maxBytes` are declared, BAD_REQUEST when the block is damaged.
 */
export function snappyDecode(bytes: Uint8Array, maxBytes: number): Uint8Array {
  const { sizeBytes, start } = snappyHeader(bytes)
  if (sizeBytes > maxBytes) {
    throw new TsinkError('TOO_LARGE', `the snappy block declares ${sizeBytes} bytes of content; at most ${maxBytes} are taken`, {
      detail: { found: sizeBytes, limit: maxBytes },
    })
  }
  // An element of three bytes makes at most 64 bytes: a header that promises more than that is false, and is not believed.
  if (sizeBytes > Math.ceil((bytes.length - start) / 3) * 64 + bytes.length) {
    throw corrupt(start, `${bytes.length - start} bytes of elements cannot make the declared ${sizeBytes}`)
  }
  const into = new Uint8Array(sizeBytes)
  const problem = snappyDecodePlain(bytes, start, into)
  if (problem < 0) throw corrupt(start, SNAPPY_PROBLEMS[-problem - 1]!)
  return into
}

/** `bytes` as a block. */
export function snappyEncode(bytes: Uint8Array): Uint8Array {
  const into = new Uint8Array(5 + snappyBoundPlain(bytes.length))
  let at = 0
  let size = bytes.length
  for (; size >= 0x80; size = Math.floor(size / 128)) into[at++] = (size & 0x7f) | 0x80
  into[at++] = size
  return into.slice(0, snappyEncodePlain(bytes, into, at))
}

function corrupt(offset: number, what: string): TsinkError {
  return new TsinkError('BAD_REQUEST', `snappy: corrupt input: ${what}`, { detail: { offset } })
}
