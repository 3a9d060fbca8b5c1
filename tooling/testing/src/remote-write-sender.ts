/**
 * The smallest remote-write sender: float samples of a few series as one version 1.0 body.
 * The bytes are a snappy block of literals: valid, and not smaller, because what is tested is the receiver.
 */

export interface SentSeries {
  /** Sorted by name. */
  readonly labels: readonly (readonly [name: string, value: string])[]
  readonly timestamps: readonly number[]
  /** A typed array, because the bits of a stale marker matter. */
  readonly values: Float64Array
}

/** The body of one request, compressed as the protocol wants it. */
export function encodeRemoteWrite(series: readonly SentSeries[]): Uint8Array {
  const body: number[] = []
  for (const { labels, timestamps, values } of series) {
    const message: number[] = []
    for (const [name, value] of labels) {
      const pair: number[] = []
      field(pair, 0x0a, Buffer.from(name))
      field(pair, 0x12, Buffer.from(value))
      field(message, 0x0a, pair)
    }
    for (let i = 0; i < timestamps.length; i++) {
      const sample: number[] = [0x09, ...new Uint8Array(values.buffer, values.byteOffset + 8 * i, 8), 0x10]
      varint(sample, timestamps[i]!)
      field(message, 0x12, sample)
    }
    field(body, 0x0a, message)
  }
  return literals(body)
}

/** The headers that go with it. */
export const REMOTE_WRITE_HEADERS: Readonly<Record<string, string>> = {
  'content-type': 'application/x-protobuf',
  'content-encoding': 'snappy',
  'x-prometheus-remote-write-version': '0.1.0',
}

/** A snappy block without any compression. */
function literals(bytes: readonly number[]): Uint8Array {
  const block: number[] = []
  varint(block, bytes.length)
  for (let at = 0; at < bytes.length; at += 65_536) {
    const piece = bytes.slice(at, at + 65_536)
    // Tag 61: a literal whose length minus 1 follows in two bytes.
    block.push(61 << 2, (piece.length - 1) & 0xff, (piece.length - 1) >>> 8)
    for (const byte of piece) block.push(byte)
  }
  return Uint8Array.from(block)
}

function field(into: number[], tag: number, bytes: ArrayLike<number>): void {
  into.push(tag)
  varint(into, bytes.length)
  for (let i = 0; i < bytes.length; i++) into.push(bytes[i]!)
}

function varint(into: number[], value: number): void {
  let rest = value
  while (rest >= 0x80) {
    into.push((rest % 128) | 0x80)
    rest = Math.floor(rest / 128)
  }
  into.push(rest)
}
