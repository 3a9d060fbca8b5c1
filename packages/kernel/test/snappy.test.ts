import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { TsinkError } from '@tsink/core'
import { snappyDecode, snappyDecodePlain, snappyEncode, snappyEncodePlain, snappyHeader } from '@tsink/kernel'
import { corpus } from '@tsink/testing'

const LIMIT = 1 << 20

function random(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

const hex = (text: string): Uint8Array => Uint8Array.from(text.split(' '), (byte) => Number.parseInt(byte, 16))

test.each([
  ['nothing', '00', ''],
  ['a literal', '03 08 61 62 63', 'abc'],
  ['a copy with a short offset', '08 0c 61 62 63 64 01 04', 'abcdabcd'],
  ['a copy that repeats itself', '07 00 61 16 01 00', 'aaaaaaa'],
  ['a copy with an offset of four bytes', '06 08 61 62 63 0b 03 00 00 00', 'abcabc'],
])('decodes %s', (_, block, want) => {
  expect(new TextDecoder().decode(snappyDecode(hex(block), LIMIT))).toBe(want)
})

test.each([
  ['no header', ''],
  ['a header without end', '80 80 80 80 80 01'],
  ['a literal without its bytes', '03 08 61'],
  ['a literal beyond the declared size', '02 08 61 62 63'],
  ['an offset of zero', '05 00 61 01 00'],
  ['a copy from before the beginning', '05 00 61 01 02'],
  ['a copy beyond the declared size', '04 00 61 01 01'],
  ['too little content', '09 00 61'],
  ['a copy that is cut off', '05 00 61 02'],
])('refuses %s', (_, block) => {
  expect(() => snappyDecode(block === '' ? new Uint8Array(0) : hex(block), LIMIT)).toThrow(/^snappy: corrupt input/)
})

test('a declared size over the limit is refused before memory is taken for it', () => {
  expect(() => snappyDecode(hex('ff ff ff ff 0f 00 61'), LIMIT)).toThrow(expect.objectContaining({ code: 'TOO_LARGE' }))
  // Within the limit, but more than so few elements can make.
  expect(() => snappyDecode(hex('ff ff 3f 00 61'), LIMIT)).toThrow(expect.objectContaining({ code: 'BAD_REQUEST' }))
})

test('what is encoded decodes to the same, whether it repeats or not, at every length', () => {
  const next = random(7)
  for (let round = 0; round < 400; round++) {
    const size = round < 200 ? round : Math.floor(next() * 200_000)
    const alphabet = 1 + Math.floor(next() * 255)
    const bytes = Uint8Array.from({ length: size }, () => Math.floor(next() * alphabet))
    for (let i = 0; i < 8 && size > 100; i++) bytes.copyWithin(Math.floor(next() * size), 0, Math.floor(next() * size))
    const block = snappyEncode(bytes)
    expect(block.length).toBeLessThanOrEqual(37 + size + size / 6)
    expect(Buffer.compare(snappyDecode(block, LIMIT), bytes)).toBe(0)
  }
})

test('text becomes smaller', () => {
  const text = new TextEncoder().encode('node_cpu_seconds_total{cpu="0",mode="idle"} 1234.5\n'.repeat(500))
  expect(snappyEncode(text).length).toBeLessThan(text.length / 8)
})

test('the kernel and its twin write the same bytes and find the same faults', () => {
  const next = random(23)
  const rounds = process.env['TSINK_TEST_LONG'] === '1' ? 200_000 : 3_000
  for (let round = 0; round < rounds; round++) {
    const size = Math.floor(next() * 3_000)
    const alphabet = 1 + Math.floor(next() * 8)
    const bytes = Uint8Array.from({ length: size }, () => Math.floor(next() * alphabet))
    const block = snappyEncode(bytes)
    const plain = new Uint8Array(size * 2 + 64)
    const { start } = snappyHeader(block)
    expect(Buffer.compare(block.subarray(start), plain.subarray(0, snappyEncodePlain(bytes, plain, 0)))).toBe(0)
    for (let i = 0; i < next() * 4; i++) block[start + Math.floor(next() * (block.length - start))] = Math.floor(next() * 256)
    const mutant = next() < 0.3 ? block.subarray(0, start + Math.floor(next() * (block.length - start))) : block
    const into = new Uint8Array(size)
    const problem = snappyDecodePlain(mutant, start, into)
    const outcome = (): Uint8Array => snappyDecode(mutant, LIMIT)
    if (problem === 0) expect(Buffer.compare(outcome(), into)).toBe(0)
    else expect(outcome).toThrow(/^snappy: corrupt input/)
  }
})

test('mutated blocks are refused or decoded, never more', () => {
  const next = random(11)
  const block = snappyEncode(new TextEncoder().encode('go_gc_duration_seconds{quantile="0.25"} 7.42e-05 '.repeat(40)))
  const rounds = process.env['TSINK_TEST_LONG'] === '1' ? 1_000_000 : 20_000
  for (let round = 0; round < rounds; round++) {
    const mutant = block.slice(0, next() < 0.2 ? Math.floor(next() * block.length) : block.length)
    for (let i = 0; i < 1 + next() * 4; i++) mutant[Math.floor(next() * mutant.length)] = Math.floor(next() * 256)
    try {
      snappyDecode(mutant, LIMIT)
    } catch (error) {
      if (!(error instanceof TsinkError)) throw error
    }
  }
})

const field = corpus('snappy')
test.skipIf(field.skip !== null)(field.skip ?? 'the field’s own blocks: good ones decode to the text, bad ones are refused', () => {
  const read = (name: string): Uint8Array => readFileSync(join(field.path!, name))
  const text = read('Isaac.Newton-Opticks.txt')
  expect(Buffer.compare(snappyDecode(read('Isaac.Newton-Opticks.txt.rawsnappy'), LIMIT), text)).toBe(0)
  expect(Buffer.compare(snappyDecode(snappyEncode(text), LIMIT), text)).toBe(0)
  for (const bad of ['baddata1.snappy', 'baddata2.snappy']) expect(() => snappyDecode(read(bad), 1 << 30)).toThrow(TsinkError)
})
