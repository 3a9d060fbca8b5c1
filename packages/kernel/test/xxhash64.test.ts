import { expect, test } from 'vitest'
import { xxhash64, xxhash64Plain } from '@tsink/kernel'

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text)

function hex(hash: (bytes: Uint8Array, out: Uint32Array) => void, bytes: Uint8Array): string {
  const out = new Uint32Array(2)
  hash(bytes, out)
  return out[1]!.toString(16).padStart(8, '0') + out[0]!.toString(16).padStart(8, '0')
}

// Published test values of the reference implementation, seed 0.
const VECTORS: [text: string, want: string][] = [
  ['', 'ef46db3751d8e999'],
  ['a', 'd24ec4f1a98c6e5b'],
  ['abc', '44bc2cf5ad770999'],
]

test.each(VECTORS)('%j', (text, want) => {
  expect(hex(xxhash64, ascii(text))).toBe(want)
  expect(hex(xxhash64Plain, ascii(text))).toBe(want)
})

test('the kernel and its twin agree on every length and alignment', () => {
  const bytes = Uint8Array.from({ length: 1_000 }, (_, i) => Math.imul(i + 7, 2_654_435_761) >>> 11)
  for (let size = 0; size < 300; size++) {
    const part = bytes.subarray(size % 9, (size % 9) + size)
    expect(hex(xxhash64, part)).toBe(hex(xxhash64Plain, part))
  }
  expect(hex(xxhash64, bytes)).toBe(hex(xxhash64Plain, bytes))
})
