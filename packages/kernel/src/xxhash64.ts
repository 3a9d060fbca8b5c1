/** xxHash64 with seed 0: the stable identity of a label set. */
import { sharedKernel, type Kernel } from './instance.ts'
import { xxhash64Plain } from './plain/xxhash64.ts'

// The longest input that the kernel's area takes; longer ones, which label sets are not, go to the twin.
const AREA_BYTES = 65_536

let area: { kernel: Kernel; address: number } | null | undefined

/** Writes the xxHash64 (seed 0) of `bytes` to `out` as [low half, high half]. */
export function xxhash64(bytes: Uint8Array, out: Uint32Array): void {
  if (area === undefined) area = reserveArea()
  if (area === null || bytes.length > AREA_BYTES) {
    xxhash64Plain(bytes, out)
    return
  }
  const { kernel, address } = area
  kernel.bytes.set(bytes, address + 8)
  kernel.exports.xxhash64(address + 8, bytes.length, address)
  out[0] = kernel.words[address >>> 2]!
  out[1] = kernel.words[(address >>> 2) + 1]!
}

function reserveArea(): { kernel: Kernel; address: number } | null {
  const kernel = sharedKernel()
  return kernel === null ? null : { kernel, address: kernel.reserve(AREA_BYTES + 8) }
}
