/**
 * Framing: where in a stream of bytes one message ends. A framer belongs to one connection.
 */
import { wholePickleFrames } from '@tsink/protocols'

export interface Framer {
  /** The whole messages at the front of what has come, and how many bytes they were; null when the bytes are garbage. */
  take(bytes: Uint8Array): Taken | null
  /** What the rest says when the connection ends in good order, or null when it is cut off. */
  end(rest: Uint8Array): Uint8Array | null
}

export interface Taken {
  readonly messages: Uint8Array
  readonly used: number
}

const NEWLINE = 0x0a

/** Lines; the last one may lack its end. */
export function lineFramer(): Framer {
  return {
    take: (bytes) => {
      const used = bytes.lastIndexOf(NEWLINE) + 1
      return { messages: bytes.subarray(0, used), used }
    },
    end: (rest) => rest,
  }
}

/** Graphite's pickles, each behind its length. */
export function pickleFramer(): Framer {
  return {
    take: (bytes) => {
      const used = wholePickleFrames(bytes)
      return used < 0 ? null : { messages: bytes.subarray(0, used), used }
    },
    end: () => null,
  }
}

/** A packet of DogStatsD is at most so long. */
const MAX_PACKET_BYTES = 65_536

/**
 * StatsD over a stream: lines, or packets of lines behind their length (four bytes, the lowest first) as DogStatsD's clients send them to
 * `unixstream://`. The first four bytes tell, since a length of a packet has zeros above and a line has none.
 */
export function statsdFramer(): Framer {
  const lines = lineFramer()
  let packets: boolean | null = null
  return {
    take: (bytes) => {
      if (packets === null && bytes.length >= 4) packets = bytes[2]! <= 1 && bytes[3] === 0
      if (packets === null) return bytes.includes(NEWLINE) ? lines.take(bytes) : { messages: bytes.subarray(0, 0), used: 0 }
      return packets ? takePackets(bytes) : lines.take(bytes)
    },
    end: (rest) => (packets === true ? null : rest),
  }
}

/** Packets as lines: each has its length in front replaced by a line end behind. */
function takePackets(bytes: Uint8Array): Taken | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const lines = new Uint8Array(bytes.length)
  let [used, written] = [0, 0]
  while (used + 4 <= bytes.length) {
    const length = view.getUint32(used, true)
    if (length > MAX_PACKET_BYTES) return used === 0 ? null : { messages: lines.subarray(0, written), used }
    if (length > bytes.length - used - 4) break
    lines.set(bytes.subarray(used + 4, used + 4 + length), written)
    written += length
    lines[written++] = NEWLINE
    used += 4 + length
  }
  return { messages: lines.subarray(0, written), used }
}
