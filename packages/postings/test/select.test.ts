import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { compareStrings, Labels, Matcher, type MatchType } from '@tsink/core'
import { Postings, selectPostings, type PostingsSource } from '@tsink/postings'

/** A plain index over label sets: the smallest honest source. Series i has number i + 1. */
function sourceOf(series: readonly Labels[], withValueOf: boolean): PostingsSource & { lookups: number; scans: number } {
  const with_ = (keep: (labels: Labels) => boolean): Postings => Postings.from(series.flatMap((labels, i) => (keep(labels) ? [i + 1] : [])))
  const valuesOf = (name: string): string[] =>
    [...new Set(series.map((labels) => labels.get(name)))].filter((v) => v !== '').toSorted(compareStrings)
  return {
    lookups: 0,
    scans: 0,
    all: () => Postings.range(1, series.length + 1),
    postings(name, value) {
      expect(value).not.toBe('')
      this.lookups++
      return with_((labels) => labels.get(name) === value)
    },
    valueCount: (name) => valuesOf(name).length,
    scan(name, prefix, keep) {
      this.scans++
      return valuesOf(name)
        .filter((value) => value.startsWith(prefix) && keep(value))
        .map((value) => with_((labels) => labels.get(name) === value))
    },
    ...(withValueOf ? { labelValue: (id: number, name: string) => series[id - 1]!.get(name) } : {}),
  }
}

function naive(series: readonly Labels[], matchers: readonly Matcher[]): number[] {
  return series.flatMap((labels, i) => (matchers.every((matcher) => matcher.matches(labels.get(matcher.name))) ? [i + 1] : []))
}

const TYPES: readonly MatchType[] = ['=', '!=', '=~', '!~']
const TEXTS = ['', 'a', 'ab', 'b', 'a|b', 'a|', '.*', '.+', 'a.*', 'a.+', '.*b', 'a?b?', '(a|ab)', '[ab]', 'b.*|a', 'a{0}b']
const VALUES = ['', 'a', 'ab', 'b', 'abc', 'ba']

/** Every label set over two labels. */
const SERIES = VALUES.flatMap((x) => VALUES.map((y) => Labels.of({ __name__: 'm', x, y })))

describe('selectPostings agrees with testing every series', () => {
  test('for every matcher, and every pair of matchers on one label and on two', () => {
    const matchers = ['x', 'y', 'absent'].flatMap((name) => TYPES.flatMap((type) => TEXTS.map((text) => new Matcher(type, name, text))))
    const source = sourceOf(SERIES, false)
    for (const matcher of matchers) {
      expect(Array.from(selectPostings(source, [matcher]).toArray()), String(matcher)).toEqual(naive(SERIES, [matcher]))
    }
    // Evaluated once per matcher, a pair's expected set is the intersection of two.
    const expected = matchers.map((matcher) => Postings.from(naive(SERIES, [matcher])))
    const byReading = sourceOf(SERIES, true)
    for (let i = 0; i < matchers.length; i++) {
      for (let j = i; j < matchers.length; j += 3) {
        const pair = [matchers[i]!, matchers[j]!]
        const want = expected[i]!.intersect(expected[j]!)
        if (!selectPostings(source, pair).equals(want)) expect.fail(`{${pair.join(',')}}`)
        if (!selectPostings(byReading, pair).equals(want)) expect.fail(`{${pair.join(',')}} with labelValue`)
      }
    }
  })

  test('for generated series and matchers', () => {
    const labels = fc
      .dictionary(fc.constantFrom('a', 'b', 'c', 'd'), fc.constantFrom('', 'x', 'y', 'xy', 'z1', 'z2', 'z3', 'é', '\u{1f600}'), {
        maxKeys: 4,
      })
      .map((record) => Labels.of(record))
    const matcher = fc
      .tuple(
        fc.constantFrom(...TYPES),
        fc.constantFrom('a', 'b', 'c', 'd', 'e'),
        fc.constantFrom('', 'x', 'y', 'x|y', 'z.*', 'z[12]', '.', '.?', 'z1|z2|', '.*y', '\u{1f600}.*'),
      )
      .map(([type, name, value]) => new Matcher(type, name, value))
    fc.assert(
      fc.property(fc.array(labels, { maxLength: 40 }), fc.array(matcher, { maxLength: 4 }), fc.boolean(), (series, matchers, reading) => {
        const found = selectPostings(sourceOf(series, reading), matchers)
        expect(Array.from(found.toArray())).toEqual(naive(series, matchers))
      }),
      { numRuns: 1_000 },
    )
  })

  test('for no matcher at all: every series', () => {
    expect(selectPostings(sourceOf(SERIES, false), []).size).toBe(SERIES.length)
  })
})

describe('the cost of a selection', () => {
  const check = (matchers: Matcher[], withValueOf: boolean): [lookups: number, scans: number] => {
    const source = sourceOf(SERIES, withValueOf)
    selectPostings(source, matchers)
    return [source.lookups, source.scans]
  }

  test('is lookups only for exact matchers and alternatives of literals', () => {
    expect(check([new Matcher('=', 'x', 'a'), new Matcher('=~', 'y', 'a|b')], false)).toEqual([3, 0])
    expect(check([new Matcher('!=', 'x', 'a'), new Matcher('!~', 'y', 'a|b')], false)).toEqual([3, 0])
  })

  test('is one lookup when the value does not exist', () => {
    expect(check([new Matcher('=', 'x', 'none'), new Matcher('=~', 'y', '[ab]')], false)).toEqual([1, 0])
  })

  test('is no scan when few series are left and they can be read', () => {
    const many = Array.from({ length: 100 }, (_, i) => Labels.of({ job: i < 2 ? 'rare' : 'common', path: `/p/${i}` }))
    const source = sourceOf(many, true)
    const found = selectPostings(source, [new Matcher('=', 'job', 'rare'), new Matcher('=~', 'path', '/./[1-9]+')])
    expect(Array.from(found.toArray())).toEqual([2])
    expect(source.scans).toBe(0)
  })
})
