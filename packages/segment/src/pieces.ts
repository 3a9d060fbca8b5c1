/**
 * Compressed sections: pieces of 1 MiB, each a zstd frame with its length in front, so that neither writing nor reading a large index holds up everybody
 * else.
 */
import { corruption, TsinkError } from '@tsink/core'
import { ByteReader } from '@tsink/codecs'
import type { Compression } from '@tsink/host'

/** Raw bytes of every piece but the last. */
export const PIECE_BYTES: number = 1_048_576

/** The raw bytes of a compressed section. Yields between pieces. @throws TsinkError of kind corrupt. */
export function* decompressPieces(
  stored: Uint8Array,
  rawBytes: number,
  compression: Compression,
  what: string,
): Generator<void, Uint8Array> {
  const reader = new ByteReader(stored, 0, stored.length, what)
  const pieces: Uint8Array[] = []
  for (let left = rawBytes; left > 0; left -= PIECE_BYTES) {
    const at = reader.offset
    const frame = reader.take(reader.u32())
    const expected = Math.min(left, PIECE_BYTES)
    const piece = decompressPiece(frame, expected, compression, what, at)
    if (piece.length !== expected) {
      throw corruption('BAD_FORMAT', `${what}: a piece has another length than it should`, { offset: at, expected, found: piece.length })
    }
    pieces.push(piece)
    yield
  }
  if (reader.remaining > 0)
    throw corruption('BAD_FORMAT', `${what}: bytes follow the last piece`, { offset: reader.offset, found: reader.remaining })
  if (pieces.length === 1) return pieces[0]!
  const raw = new Uint8Array(rawBytes)
  for (const [i, piece] of pieces.entries()) raw.set(piece, i * PIECE_BYTES)
  return raw
}

function decompressPiece(frame: Uint8Array, sizeBytes: number, compression: Compression, what: string, offset: number): Uint8Array {
  try {
    return compression.zstdDecompress(frame, sizeBytes)
  } catch (cause) {
    throw new TsinkError('BAD_FORMAT', `${what}: a piece cannot be decompressed: ${(cause as Error).message}`, {
      cause,
      detail: { offset },
    })
  }
}
