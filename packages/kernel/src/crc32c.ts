/** CRC32C (Castagnoli), the checksum of every record and section that tsink writes. */
import { sharedKernel, type Kernel } from './instance.ts'
import { crc32cPlain } from './plain/crc32c.ts'

// Below this size the copy into the kernel costs more than the faster loop saves.
const SMALL_BYTES = 64
// A longer input is checksummed piece by piece.
const AREA_BYTES = 65_536

let area: { kernel: Kernel; address: number } | null | undefined

/** The CRC32C of `bytes` as an unsigned 32-bit number. `seed` is the checksum of the bytes that come before these, 0 at the start. */
export function crc32c(bytes: Uint8Array, seed = 0): number {
  if (bytes.length < SMALL_BYTES) return crc32cPlain(bytes, seed)
  if (area === undefined) area = reserveArea()
  if (area === null) return crc32cPlain(bytes, seed)
  const { kernel, address } = area
  let crc = seed
  for (let from = 0; from < bytes.length; from += AREA_BYTES) {
    const piece = bytes.length <= AREA_BYTES ? bytes : bytes.subarray(from, from + AREA_BYTES)
    kernel.bytes.set(piece, address)
    crc = kernel.exports.crc32c(address, piece.length, crc)
  }
  return crc >>> 0
}

function reserveArea(): { kernel: Kernel; address: number } | null {
  const kernel = sharedKernel()
  return kernel === null ? null : { kernel, address: kernel.reserve(AREA_BYTES) }
}
