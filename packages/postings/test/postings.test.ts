import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Postings } from '@tsink/postings'

/** Close ones, word borders, far ones: subsets of these are sparse, dense, or change shape in an operation. */
const UNIVERSE = [0, 1, 31, 32, 63, 64, 5_000, 0xffff_ffff]

function subsets(): number[][] {
  return Array.from({ length: 1 << UNIVERSE.length }, (_, bits) => UNIVERSE.filter((_, i) => (bits & (1 << i)) !== 0))
}

describe('the algebra agrees with plain sets', () => {
  test('for every pair of subsets of a small universe', () => {
    const all = subsets()
    const sets = all.map((members) => Postings.from(members))
    for (let i = 0; i < all.length; i++) {
      const a = all[i]!
      for (let j = 0; j < all.length; j++) {
        const b = all[j]!
        // The bits of i and j are the subsets themselves, so the expected set is at hand.
        if (!sets[i]!.union(sets[j]!).equals(sets[i | j]!)) expect.fail(`union of [${a.join()}] and [${b.join()}]`)
        if (!sets[i]!.intersect(sets[j]!).equals(sets[i & j]!)) expect.fail(`intersection of [${a.join()}] and [${b.join()}]`)
        if (!sets[i]!.subtract(sets[j]!).equals(sets[i & ~j]!)) expect.fail(`[${a.join()}] without [${b.join()}]`)
        if (sets[i]!.equals(sets[j]!) !== (i === j)) expect.fail(`equality of [${a.join()}] and [${b.join()}]`)
      }
    }
  })

  const member = fc.oneof(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 0, max: 100_000 }), fc.integer({ min: 0, max: 0xffff_ffff }))
  const run = fc.tuple(fc.integer({ min: 0, max: 3_000 }), fc.integer({ min: 0, max: 500 })).map(([from, n]) => span(from, from + n))
  const members = fc
    .array(
      fc.oneof(
        member.map((id) => [id]),
        run,
      ),
      { maxLength: 60 },
    )
    .map((parts) => [...new Set(parts.flat())])

  test('for generated sets of every shape', () => {
    fc.assert(
      fc.property(members, members, (a, b) => {
        const x = Postings.from(a)
        const y = Postings.from(b)
        const inB = new Set(b)
        expect(list(x.union(y))).toEqual(sorted(new Set([...a, ...b])))
        expect(list(x.intersect(y))).toEqual(sorted(a.filter((id) => inB.has(id))))
        expect(list(x.subtract(y))).toEqual(sorted(a.filter((id) => !inB.has(id))))
        expect(list(x)).toEqual(sorted(a))
        for (const id of b.slice(0, 20)) expect(x.has(id)).toBe(a.includes(id))
      }),
      { numRuns: 300 },
    )
  })

  test('for unions and intersections of many', () => {
    fc.assert(
      fc.property(fc.array(members, { minLength: 1, maxLength: 8 }), (lists) => {
        const sets = lists.map((ids) => Postings.from(ids))
        expect(list(Postings.unionAll(sets))).toEqual(sorted(new Set(lists.flat())))
        expect(list(Postings.intersectAll(sets))).toEqual(sorted(lists[0]!.filter((id) => lists.every((ids) => ids.includes(id)))))
      }),
      { numRuns: 100 },
    )
  })
})

describe('a set', () => {
  test('of a range holds its start and not its end, at every word border', () => {
    for (let from = 0; from < 70; from++) {
      for (let to = from; to < 140; to++) expect(list(Postings.range(from, to))).toEqual(span(from, to))
    }
    expect(list(Postings.range(0xffff_fffe, 2 ** 32))).toEqual([0xffff_fffe, 0xffff_ffff])
  })

  test('knows its least and greatest member', () => {
    for (const members of subsets().slice(1)) {
      const set = Postings.from(members)
      expect([set.min, set.max]).toEqual([members[0], members.at(-1)])
    }
  })

  test('from words leaves out the empty words around its bits', () => {
    expect(list(Postings.fromWords(Uint32Array.of(0, 0, 5, 0), 10))).toEqual([384, 386])
    expect(Postings.fromWords(new Uint32Array(3)).size).toBe(0)
    expect(Postings.fromWords(Uint32Array.of(0, 0, 5, 0), 10).equals(Postings.from([384, 386]))).toBe(true)
  })

  test('takes a bit a number when it is dense', () => {
    expect(Postings.range(0, 1_000_000).bytesUsed).toBeLessThan(126_000)
    expect(Postings.from(span(0, 100).map((i) => i * 1_000)).bytesUsed).toBeLessThan(500)
  })
})

function list(set: Postings): number[] {
  const members = Array.from(set.toArray())
  expect(set.size).toBe(members.length)
  return members
}

function sorted(members: Iterable<number>): number[] {
  return [...members].toSorted((a, b) => a - b)
}

function span(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i)
}
