import fc from 'fast-check'
import { RoaringBitmap32 } from 'roaring-wasm'
import { describe, expect, test } from 'vitest'
import { TsinkError } from '@tsink/core'
import { decodePostings, encodePostings, openPostings, Postings, sealPostings } from '@tsink/postings'

const member = fc.oneof(fc.integer({ min: 0, max: 200_000 }), fc.integer({ min: 0, max: 0xffff_ffff }))
const run = fc
  .tuple(fc.integer({ min: 0, max: 200_000 }), fc.integer({ min: 1, max: 9_000 }))
  .map(([from, n]) => Postings.range(from, from + n))
const comb = fc
  .tuple(fc.integer({ min: 0, max: 100_000 }), fc.integer({ min: 1, max: 9_000 }), fc.integer({ min: 2, max: 40 }))
  .map(([from, n, step]) => Postings.from(Array.from({ length: n }, (_, i) => from + i * step)))
const postings = fc
  .tuple(fc.array(member, { maxLength: 300 }), fc.array(fc.oneof(run, comb), { maxLength: 4 }))
  .map(([members, others]) => Postings.unionAll([Postings.from(members), ...others]))

/** One of each form and container: nothing, a list, an array, a bitmap, runs, and all in one. */
const SHAPES: readonly [string, Postings][] = [
  ['nothing', Postings.EMPTY],
  ['one number', Postings.from([7])],
  ['the greatest number', Postings.from([0xffff_ffff])],
  ['a list', Postings.from([1, 5, 1_000, 70_000])],
  ['one run', Postings.range(100, 50_000)],
  ['an array container', Postings.from(comb1(3_000, 21))],
  ['a bitmap container', Postings.from(comb1(20_000, 3))],
  [
    'containers of every kind',
    Postings.unionAll([Postings.range(0, 90_000), Postings.from(comb1(60_000, 3)), Postings.from(comb1(3_000, 999))]),
  ],
]

describe('bytes of postings', () => {
  test.each(SHAPES)('bring back %s', (_, set) => {
    expect(decodePostings(encodePostings(set)).equals(set)).toBe(true)
    expect(openPostings(sealPostings(set)).equals(set)).toBe(true)
    // With a limit near by, dense sets are decoded straight into bits.
    if (set.size > 0) expect(decodePostings(encodePostings(set), set.max + 1).equals(set)).toBe(true)
  })

  test('bring back every generated set', () => {
    fc.assert(
      fc.property(postings, (set) => {
        expect(openPostings(sealPostings(set)).equals(set)).toBe(true)
        if (set.size > 0) expect(openPostings(sealPostings(set), set.max + 1).equals(set)).toBe(true)
      }),
      { numRuns: 200 },
    )
  })

  test('of form 1 are what any roaring library reads', () => {
    for (const [, set] of SHAPES) {
      const bytes = encodePostings(set)
      if (bytes[0] !== 1) continue
      const bitmap = RoaringBitmap32.deserialize(bytes.slice(1), 'portable')
      expect(Array.from(bitmap.toUint32Array())).toEqual(Array.from(set.toArray()))
      bitmap.dispose()
    }
  })

  test('read what a roaring library wrote without optimising its runs', () => {
    for (const [, set] of SHAPES) {
      const bitmap = new RoaringBitmap32(set.toArray())
      const serialized = bitmap.serialize('portable')
      bitmap.dispose()
      const bytes = new Uint8Array(serialized.length + 1)
      bytes[0] = 1
      bytes.set(serialized, 1)
      expect(decodePostings(bytes).equals(set)).toBe(true)
    }
  })

  test('are small: runs take next to nothing, scattered numbers about two bytes', () => {
    expect(encodePostings(Postings.range(0, 1_000_000)).length).toBeLessThan(250)
    expect(encodePostings(Postings.from(comb1(10_000, 1_000))).length).toBeLessThan(21_000)
    expect(encodePostings(Postings.from([3, 4, 9])).length).toBe(5)
  })
})

describe('damaged bytes of postings', () => {
  test('never pass the checksum, whichever bit flips', () => {
    for (const [name, set] of SHAPES) {
      const bytes = sealPostings(set)
      const step = Math.max(1, Math.floor((bytes.length * 8) / 400))
      for (let bit = 0; bit < bytes.length * 8; bit += step) {
        bytes[bit >> 3]! ^= 1 << (bit & 7)
        expectCorrupt(() => openPostings(bytes), `${name}, bit ${bit}`)
        bytes[bit >> 3]! ^= 1 << (bit & 7)
      }
    }
  })

  test('are an error wherever they are cut', () => {
    for (const [name, set] of SHAPES) {
      const bytes = encodePostings(set)
      const step = Math.max(1, Math.floor(bytes.length / 300))
      for (let end = 0; end < bytes.length; end += step)
        expectCorrupt(() => decodePostings(bytes.subarray(0, end)), `${name}, cut at ${end}`)
    }
  })

  test('without a checksum are an error or a set, never a crash, a long loop or a large reserve', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(0, 1, 1, 2),
        fc.constantFrom(0, 12_346, 12_347, 12_347 | (3 << 16)),
        fc.uint8Array({ maxLength: 80 }),
        (form, cookie, rest) => {
          const bytes = new Uint8Array(5 + rest.length)
          bytes[0] = form
          new DataView(bytes.buffer).setUint32(1, cookie, true)
          bytes.set(rest, 5)
          try {
            const set = decodePostings(bytes, 100_000)
            expect(set.size).toBeLessThanOrEqual(100_000)
            if (set.size > 0) expect(set.max).toBeLessThan(100_000)
          } catch (error) {
            expect(error).toBeInstanceOf(TsinkError)
          }
        },
      ),
      { numRuns: 2_000 },
    )
  })

  test('that name a series which does not exist are an error', () => {
    for (const [name, set] of SHAPES.slice(1)) {
      const bytes = encodePostings(set)
      expect(decodePostings(bytes, set.max + 1).equals(set)).toBe(true)
      expectCorrupt(() => decodePostings(bytes, set.max), name)
    }
  })

  test('are reported with the place that the caller knows', () => {
    const bytes = sealPostings(Postings.from([1, 2]))
    bytes[1]! ^= 1
    expect(() => openPostings(bytes, 10, { file: 'seg/7', offset: 64 })).toThrow(/file seg\/7, offset 64, expected \d+, found \d+/)
  })
})

function expectCorrupt(run: () => unknown, what: string): void {
  try {
    run()
  } catch (error) {
    expect(error, what).toBeInstanceOf(TsinkError)
    expect((error as TsinkError).kind, what).toBe('corrupt')
    return
  }
  expect.fail(`${what}: accepted`)
}

function comb1(count: number, step: number): number[] {
  return Array.from({ length: count }, (_, i) => i * step)
}
