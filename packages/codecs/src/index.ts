export { crc32c, xxhash64 } from '@tsink/kernel'
export { ByteReader, ByteWriter, readUvarint, uvarintBytes, writeUvarint } from './bytes.ts'
export { decodeTimestamps, encodeTimestamps, TIMESTAMP_CODECS, type TimestampCodec } from './timestamps.ts'
export { decodeFloats, encodeFloats, measureFloats, type FloatCodec, type FloatSizes } from './floats.ts'
export { decodeIntegers, encodeIntegers, type IntegerCodec } from './integers.ts'
export { decodeBooleans, encodeBooleans, type BooleanCodec } from './booleans.ts'
export { decodeBlobs, encodeBlobs, MAX_BLOB_BYTES, type BlobCodec } from './blobs.ts'
export { decodeHistograms, encodeHistograms, MAX_HISTOGRAM_CELLS } from './histograms.ts'
export { VALUE_CODECS, type ValueCodec } from './sections.ts'
export type { Summary } from './summary.ts'
export {
  CHUNK_VERSION,
  MAX_CHUNK_SAMPLES,
  decodeChunk,
  decodeNewest,
  openChunk,
  sealChunk,
  summaryOf,
  verifyChunk,
  type Chunk,
  type ChunkColumns,
} from './chunk.ts'
export { mergeChunks, mergeColumns } from './merge.ts'
