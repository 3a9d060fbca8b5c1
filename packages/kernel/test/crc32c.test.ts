import { expect, test } from 'vitest'
import { crc32c, crc32cPlain, sharedKernel } from '@tsink/kernel'

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text)

// Vectors of RFC 3720, appendix B.4.
const VECTORS: [name: string, bytes: Uint8Array, want: number][] = [
  ['nothing', new Uint8Array(0), 0],
  ['the digits', ascii('123456789'), 0xe3069283],
  ['32 zeros', new Uint8Array(32), 0x8a9136aa],
  ['32 ones', new Uint8Array(32).fill(0xff), 0x62a8ab43],
  ['32 ascending', Uint8Array.from({ length: 32 }, (_, i) => i), 0x46dd794e],
  ['32 descending', Uint8Array.from({ length: 32 }, (_, i) => 31 - i), 0x113fdb5c],
]

test.each(VECTORS)('%s', (_, bytes, want) => {
  expect(crc32c(bytes)).toBe(want)
  expect(crc32cPlain(bytes)).toBe(want)
})

test('the kernel and its twin agree on every length and alignment, and a checksum may be continued', () => {
  expect(sharedKernel() === null).toBe(globalThis.process?.env?.['TSINK_KERNEL'] === 'ts')
  const bytes = Uint8Array.from({ length: 200_000 }, (_, i) => (i * 2_654_435_761) >>> 13)
  for (let size = 0; size < 400; size++) {
    const part = bytes.subarray(size, size + size)
    const want = crc32cPlain(part)
    expect(crc32c(part)).toBe(want)
    expect(crc32c(part.subarray(size >> 1), crc32c(part.subarray(0, size >> 1)))).toBe(want)
  }
  expect(crc32c(bytes)).toBe(crc32cPlain(bytes))
})
