import { TsinkError } from '@tsink/core'
import { portableCompression, systemCompression } from '@tsink/host/memory'
import fc from 'fast-check'
import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'

const node = systemCompression()
const all = { node, portable: portableCompression }

function errorOf(run: () => unknown): TsinkError {
  try {
    run()
  } catch (error) {
    if (error instanceof TsinkError) return error
    throw error
  }
  throw new Error('expected that it fails')
}

describe('zstd', () => {
  test('what either writes, either reads', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 5_000 }), fc.boolean(), (bytes, repeated) => {
        const input = repeated ? new Uint8Array([...bytes, ...bytes, ...bytes]) : bytes
        for (const writer of Object.values(all)) {
          for (const reader of Object.values(all)) {
            expect(reader.zstdDecompress(writer.zstdCompress(input), input.length)).toEqual(input)
          }
        }
      }),
      { numRuns: 40 },
    )
  })

  test('blocks of more than 128 KiB are split, and text shrinks on Node', () => {
    const text = new TextEncoder().encode('job="node", instance="host-1"\n'.repeat(20_000))
    for (const { zstdCompress } of Object.values(all)) {
      for (const { zstdDecompress } of Object.values(all)) expect(zstdDecompress(zstdCompress(text), text.length)).toEqual(text)
    }
    expect(node.zstdCompress(text).length).toBeLessThan(text.length / 50)
  })

  test('a frame that grows past the limit is refused', () => {
    const frame = node.zstdCompress(new Uint8Array(1_000_000))
    for (const [name, { zstdDecompress }] of Object.entries(all)) {
      expect(
        errorOf(() => zstdDecompress(frame, 999_999)),
        name,
      ).toMatchObject({ code: 'TOO_LARGE', detail: { limit: 999_999 } })
      expect(
        errorOf(() => zstdDecompress(frame, 0)),
        name,
      ).toMatchObject({ code: 'TOO_LARGE' })
    }
  })

  test('what is no frame, and a frame that ends early, are refused', () => {
    const frame = node.zstdCompress(new TextEncoder().encode('some text that is compressed '.repeat(100)))
    for (const [name, { zstdDecompress }] of Object.entries(all)) {
      for (const bytes of [new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8]), frame.subarray(0, frame.length - 3), frame.subarray(0, 6)]) {
        expect(
          errorOf(() => zstdDecompress(bytes, 10_000)),
          `${name}, ${bytes.length} bytes`,
        ).toMatchObject({ kind: 'invalid' })
      }
    }
  })
})

describe('gzip', () => {
  test('is read within a limit', () => {
    const text = new TextEncoder().encode('metric 1\n'.repeat(1_000))
    const packed = new Uint8Array(gzipSync(text))
    expect(node.gunzip(packed, text.length)).toEqual(text)
    expect(errorOf(() => node.gunzip(packed, text.length - 1)).code).toBe('TOO_LARGE')
    expect(errorOf(() => node.gunzip(new Uint8Array([1, 2, 3]), 10)).code).toBe('BAD_REQUEST')
    expect(errorOf(() => portableCompression.gunzip(packed, text.length)).code).toBe('UNSUPPORTED')
  })
})
