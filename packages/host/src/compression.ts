/**
 * Compression: zstd for what tsink stores, gzip for what clients send. Node's own zlib does the work where it is there. In a browser fzstd
 * reads zstd; what is written there is a valid zstd frame of stored blocks, so that every tsink reads every tsink's files.
 */
import { TsinkError } from '@tsink/core'
import { Decompress } from 'fzstd'

export interface Compression {
  /** One zstd frame; not always shorter than what goes in. Calls cost some 30 µs: for pieces of kilobytes and more. */
  readonly zstdCompress: (bytes: Uint8Array) => Uint8Array
  /**
   * The bytes of one zstd frame.
   * @throws TsinkError TOO_LARGE when they would be more than `maxBytes` (found before they take memory), BAD_REQUEST when it is no zstd.
   */
  readonly zstdDecompress: (bytes: Uint8Array, maxBytes: number) => Uint8Array
  /** The same for gzip. @throws also UNSUPPORTED in browsers. */
  readonly gunzip: (bytes: Uint8Array, maxBytes: number) => Uint8Array
}

// The part of node:zlib that is used; asked for at run time, so that this file loads in a browser.
interface NodeZlib {
  zstdCompressSync(bytes: Uint8Array, options: { params: Record<number, number> }): Uint8Array
  zstdDecompressSync(bytes: Uint8Array, options: { maxOutputLength: number; chunkSize: number }): Uint8Array
  gunzipSync(bytes: Uint8Array, options: { maxOutputLength: number }): Uint8Array
  constants: { ZSTD_c_compressionLevel: number }
}

// Index sections are written once and read often; level 3 costs little more time than 1 and wins a few percent.
const ZSTD_LEVEL = 3
// zlib refuses output chunks under 64 bytes and gains nothing above this.
const MIN_CHUNK_BYTES = 1_024
const MAX_CHUNK_BYTES = 1_048_576

/** What this runtime offers. */
export function systemCompression(): Compression {
  const process = (globalThis as { process?: { getBuiltinModule?(name: string): unknown } }).process
  const zlib = process?.getBuiltinModule?.('node:zlib') as NodeZlib | undefined
  return zlib?.zstdCompressSync === undefined ? portableCompression : nodeCompression(zlib)
}

function nodeCompression(zlib: NodeZlib): Compression {
  const params = { [zlib.constants.ZSTD_c_compressionLevel]: ZSTD_LEVEL }
  return {
    zstdCompress: (bytes) => plain(zlib.zstdCompressSync(bytes, { params })),
    zstdDecompress: (bytes, maxBytes) =>
      guarded('zstd', maxBytes, () =>
        // The default chunk of 16 KiB makes large frames three times slower.
        zlib.zstdDecompressSync(bytes, {
          maxOutputLength: Math.max(1, maxBytes),
          chunkSize: Math.min(MAX_CHUNK_BYTES, Math.max(MIN_CHUNK_BYTES, maxBytes)),
        }),
      ),
    gunzip: (bytes, maxBytes) => guarded('gzip', maxBytes, () => zlib.gunzipSync(bytes, { maxOutputLength: Math.max(1, maxBytes) })),
  }
}

/** zstd in plain JavaScript: reads everything, writes stored blocks. */
export const portableCompression: Compression = {
  zstdCompress: storedFrame,
  zstdDecompress(bytes: Uint8Array, maxBytes: number): Uint8Array {
    return guarded('zstd', maxBytes, () => {
      const pieces: Uint8Array[] = []
      let size = 0
      let ended = false
      const stream = new Decompress((piece, final) => {
        size += piece.length
        if (size > maxBytes) throw new TooLong()
        pieces.push(piece)
        ended ||= final === true
      })
      stream.push(bytes, true)
      if (!ended) throw new Error('the frame ends early')
      const whole = new Uint8Array(size)
      let at = 0
      for (const piece of pieces) {
        whole.set(piece, at)
        at += piece.length
      }
      return whole
    })
  },
  gunzip(): Uint8Array {
    throw new TsinkError('UNSUPPORTED', 'gzip is not available in this runtime')
  },
}

class TooLong extends Error {}

function guarded(format: string, maxBytes: number, decompress: () => Uint8Array): Uint8Array {
  let bytes: Uint8Array
  try {
    bytes = plain(decompress())
  } catch (cause) {
    const tooLong = cause instanceof TooLong || (cause as { code?: string }).code === 'ERR_BUFFER_TOO_LARGE'
    if (tooLong) throw tooLarge(format, maxBytes, cause)
    throw new TsinkError('BAD_REQUEST', `the ${format} data cannot be decompressed: ${(cause as Error).message}`, { cause })
  }
  if (bytes.length > maxBytes) throw tooLarge(format, maxBytes, undefined)
  return bytes
}

function tooLarge(format: string, maxBytes: number, cause: unknown): TsinkError {
  return new TsinkError('TOO_LARGE', `the ${format} data is longer than ${maxBytes} bytes when decompressed`, {
    cause,
    detail: { limit: maxBytes },
  })
}

// Node answers with Buffers, whose methods differ from Uint8Array's in small ways (slice shares memory).
function plain(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

// RFC 8878: magic, a frame header of one segment with a four-byte content size, then raw blocks of at most 128 KiB.
const MAX_BLOCK_BYTES = 131_072

function storedFrame(bytes: Uint8Array): Uint8Array {
  const blocks = Math.max(1, Math.ceil(bytes.length / MAX_BLOCK_BYTES))
  const frame = new Uint8Array(9 + 3 * blocks + bytes.length)
  const view = new DataView(frame.buffer)
  view.setUint32(0, 0xfd2f_b528, true)
  frame[4] = 0b1010_0000
  view.setUint32(5, bytes.length, true)
  let at = 9
  for (let i = 0; i < blocks; i++) {
    const block = bytes.subarray(i * MAX_BLOCK_BYTES, (i + 1) * MAX_BLOCK_BYTES)
    const header = (block.length << 3) | (i === blocks - 1 ? 1 : 0)
    frame[at] = header & 0xff
    frame[at + 1] = (header >>> 8) & 0xff
    frame[at + 2] = header >>> 16
    frame.set(block, at + 3)
    at += 3 + block.length
  }
  return frame
}
