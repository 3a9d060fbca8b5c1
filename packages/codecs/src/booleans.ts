/** Booleans, as doubles 0 and 1: a bitmap, or the lengths of the alternating runs where they are long. */
import { corruption } from '@tsink/core'
import { ByteReader, ByteWriter, uvarintBytes } from './bytes.ts'
import { sectionCodec, VALUE_CODECS, type ValueCodec } from './sections.ts'
import { filled, readCount } from './timestamps.ts'

/** How a column of booleans is stored. */
export type BooleanCodec = 'bitmap' | 'toggles'

const BOOLEAN_CODECS: readonly BooleanCodec[] = ['bitmap', 'toggles']

/** Encodes `values[from..to)` (0 is false, anything else true; at most 16,384) as bytes that carry their own count. */
export function encodeBooleans(values: Float64Array, from = 0, to: number = values.length, codec?: BooleanCodec): Uint8Array {
  const writer = new ByteWriter()
  writer.uvarint(to - from)
  if (to > from) writeBooleans(writer, values, from, to, codec)
  return writer.finish()
}

/** Decodes what `encodeBooleans` made to 0 and 1, in `into` or a new array; see `decodeFloats`. */
export function decodeBooleans(bytes: Uint8Array, into?: Float64Array): Float64Array {
  const reader = new ByteReader(bytes, 0, bytes.length, 'booleans')
  const count = readCount(reader)
  const values = filled(count, into)
  if (count > 0) readBooleans(bytes, reader.offset, bytes.length, count, 0, count, values, 0)
  return values
}

/** Appends a section with `values[from..to)`, at least one; answers the codec. */
export function writeBooleans(writer: ByteWriter, values: Float64Array, from: number, to: number, forced?: BooleanCodec): ValueCodec {
  let toggles = 1
  for (let i = from, start = from; i < to; i++) {
    if (i + 1 < to && (values[i + 1] !== 0) === (values[i] !== 0)) continue
    toggles += uvarintBytes(i + 1 - start)
    start = i + 1
  }
  const codec = forced ?? (toggles < (to - from + 7) >>> 3 ? 'toggles' : 'bitmap')
  writer.u8(VALUE_CODECS.indexOf(codec))
  if (codec === 'bitmap') {
    for (let i = from; i < to; i += 8) {
      let byte = 0
      for (let bit = 0; bit < 8 && i + bit < to; bit++) if (values[i + bit] !== 0) byte |= 1 << bit
      writer.u8(byte)
    }
    return codec
  }
  writer.u8(values[from] !== 0 ? 1 : 0)
  for (let i = from, start = from; i < to; i++) {
    if (i + 1 < to && (values[i + 1] !== 0) === (values[i] !== 0)) continue
    writer.uvarint(i + 1 - start)
    start = i + 1
  }
  return codec
}

/** Decodes samples `from` to `to` of a section of `count` booleans in `bytes[at..end)` to `out` from `outAt`. */
export function readBooleans(
  bytes: Uint8Array,
  at: number,
  end: number,
  count: number,
  from: number,
  to: number,
  out: Float64Array,
  outAt: number,
): void {
  const codec = sectionCodec(bytes, at, end, BOOLEAN_CODECS)
  const reader = new ByteReader(bytes, at + 1, end, 'booleans')
  if (codec === 'bitmap') {
    reader.skip((count + 7) >>> 3)
    for (let i = from; i < to; i++) out[outAt + i - from] = (bytes[at + 1 + (i >>> 3)]! >>> (i & 7)) & 1
    return
  }
  let value = reader.u8() & 1
  for (let index = 0; index < count; value ^= 1) {
    const lengthAt = reader.offset
    const length = reader.uvarint()
    if (length === 0 || length > count - index) {
      throw corruption('BAD_FORMAT', 'a run of booleans exceeds its column', { offset: lengthAt, expected: count - index, found: length })
    }
    const first = Math.max(index, from)
    const stop = Math.min(index + length, to)
    if (first < stop) out.fill(value, outAt + first - from, outAt + stop - from)
    index += length
  }
}
