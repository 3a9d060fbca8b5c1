/** Snappy's block format (no frames), in which Prometheus sends and takes remote-write and remote-read bodies. */
import { TsinkError } from '@tsink/core'
import { sharedKernel, type Kernel } from './instance.ts'
import { SNAPPY_PROBLEMS, snappyBoundPlain, snappyDecodePlain, snappyEncodePlain } from './plain/snappy.ts'

/** Vectors are read and written whole: so much behind source and target is touched. */
export const SNAPPY_SLACK_BYTES = 64
/** Larger contents are left to the twin: the shared memory holds a source and a target of this size. */
const AREA_BYTES = 4 * 1024 * 1024
// Below this size the copies into the kernel and back cost more than its faster loop saves.
const SMALL_BYTES = 256

let areas: { readonly kernel: Kernel; readonly source: number; readonly target: number } | null | undefined

/**
 * The size that a block declares for its content, and where its elements begin.
 * @throws TsinkError BAD_REQUEST when there is no such header.
 */
export function snappyHeader(bytes: Uint8Array): { readonly sizeBytes: number; readonly start: number } {
  let size = 0
  for (let at = 0; at < 5; at++) {
    if (at >= bytes.length) throw snappyCorrupt(at, 'the header is cut off')
    const byte = bytes[at]!
    size += (byte & 0x7f) * 2 ** (7 * at)
    if (byte >= 0x80) continue
    if (size > 0xffff_ffff) break
    return { sizeBytes: size, start: at + 1 }
  }
  throw snappyCorrupt(0, 'the header is no size of 32 bits')
}

/**
 * As {@link snappyHeader}, with the size held against `maxBytes` and against what so many bytes can make at all.
 * @throws TsinkError TOO_LARGE, BAD_REQUEST
 */
export function snappyCheckedHeader(bytes: Uint8Array, maxBytes: number): { readonly sizeBytes: number; readonly start: number } {
  const header = snappyHeader(bytes)
  const { sizeBytes, start } = header
  if (sizeBytes > maxBytes) {
    throw new TsinkError('TOO_LARGE', `the snappy block declares ${sizeBytes} bytes of content; at most ${maxBytes} are taken`, {
      detail: { found: sizeBytes, limit: maxBytes },
    })
  }
  // An element of three bytes makes at most 64 bytes: a header that promises more than that is false, and is not believed.
  if (sizeBytes > Math.ceil((bytes.length - start) / 3) * 64 + bytes.length) {
    throw snappyCorrupt(start, `${bytes.length - start} bytes of elements cannot make the declared ${sizeBytes}`)
  }
  return header
}

/**
 * The content of a block, in a new array. No memory is taken before the declared size is compared with `maxBytes`.
 * @throws TsinkError TOO_LARGE when more than `maxBytes` are declared, BAD_REQUEST when the block is damaged.
 */
export function snappyDecode(bytes: Uint8Array, maxBytes: number): Uint8Array {
  const { sizeBytes, start } = snappyCheckedHeader(bytes, maxBytes)
  const fits = sizeBytes <= AREA_BYTES && bytes.length <= AREA_BYTES && sizeBytes >= SMALL_BYTES
  const used = fits ? reserved() : null
  if (used === null) {
    const into = new Uint8Array(sizeBytes)
    assertDecoded(snappyDecodePlain(bytes, start, into), start)
    return into
  }
  const { kernel, source, target } = used
  kernel.bytes.set(bytes, source)
  assertDecoded(kernel.exports.snappyDecode(source + start, source + bytes.length, target, sizeBytes), start)
  return kernel.bytes.slice(target, target + sizeBytes)
}

/** Throws what a decoder's negative answer means. */
export function assertDecoded(problem: number, start: number): void {
  if (problem < 0) throw snappyCorrupt(start, SNAPPY_PROBLEMS[-problem - 1]!)
}

/** `bytes` as a block. */
export function snappyEncode(bytes: Uint8Array): Uint8Array {
  const header = sizeHeader(bytes.length)
  const used = bytes.length <= MAX_ENCODED && bytes.length >= SMALL_BYTES ? reserved() : null
  if (used === null) {
    const into = new Uint8Array(header.length + snappyBoundPlain(bytes.length))
    into.set(header)
    return into.slice(0, snappyEncodePlain(bytes, into, header.length))
  }
  const { kernel, source, target } = used
  kernel.bytes.set(bytes, source)
  kernel.bytes.set(header, target)
  return kernel.bytes.slice(target, kernel.exports.snappyEncode(source, bytes.length, target + header.length))
}

// What fits the target area even if nothing repeats.
const MAX_ENCODED = Math.floor((AREA_BYTES - 64) * (6 / 7))

function sizeHeader(size: number): Uint8Array {
  const header: number[] = []
  let rest = size
  for (; rest >= 0x80; rest = Math.floor(rest / 128)) header.push((rest & 0x7f) | 0x80)
  header.push(rest)
  return Uint8Array.from(header)
}

function reserved(): { readonly kernel: Kernel; readonly source: number; readonly target: number } | null {
  if (areas === undefined) {
    const kernel = sharedKernel()
    areas =
      kernel === null
        ? null
        : { kernel, source: kernel.reserve(AREA_BYTES + SNAPPY_SLACK_BYTES), target: kernel.reserve(AREA_BYTES + SNAPPY_SLACK_BYTES) }
  }
  return areas
}

function snappyCorrupt(offset: number, what: string): TsinkError {
  return new TsinkError('BAD_REQUEST', `snappy: corrupt input: ${what}`, { detail: { offset } })
}
