/**
 * selectPostings: from matchers to series numbers, once for every index that can look up a label pair.
 *
 * A matcher that an absent label does not meet names the series to keep: those with one of the matching values. A matcher that an absent
 * label meets names the series to drop: those with one of the values that do not match. So
 *
 *     {a="x", b!="y", c=~"z.*", d=""}   is   a:x  ∩  ⋃ c:z…  −  b:y  −  ⋃ d:…
 *
 * Lookups come before scans, and the smallest set first. Once few series are left, a scan over a label's many values is not worth it: the
 * few series' own values are tested instead.
 */
import type { Matcher } from '@tsink/core'
import { Postings } from './postings.ts'

/** An index from label pairs to the series that carry them. */
export interface PostingsSource {
  /** Every series. */
  all(): Postings
  /** The series with `name="value"`, empty when there are none. `value` is not "". */
  postings(name: string, value: string): Postings
  /** How many distinct values a label has: the cost of a scan. 0 when no series has the label. */
  valueCount(name: string): number
  /** The postings of each value of a label that starts with `prefix` and for which `keep` says true. */
  scan(name: string, prefix: string, keep: (value: string) => boolean): Postings[]
  /** One series' value of a label, "" when it has none. Left out where series cannot be read one by one at little cost. */
  labelValue?(id: number, name: string): string
}

/** Reading one series' label costs about as much as testing so many values. */
const READ_COST = 4

/** The series that meet all matchers, all series when there is no matcher. */
export function selectPostings(source: PostingsSource, matchers: readonly Matcher[]): Postings {
  const keep: Postings[] = []
  const drop: Postings[] = []
  const scans: Matcher[] = []
  for (const matcher of matchers) {
    const values = literalsOf(matcher)
    if (values === null) {
      if (!isAlwaysTrue(matcher)) scans.push(matcher)
      continue
    }
    const found = Postings.unionAll(values.map((value) => source.postings(matcher.name, value)))
    if (matcher.matchesEmpty) drop.push(found)
    else if (found.size === 0) return Postings.EMPTY
    else keep.push(found)
  }
  let result = keep.length === 0 ? null : Postings.intersectAll(keep)
  if (result !== null) result = subtractAll(result, drop)
  // A scan that keeps comes before a scan that drops: without any set so far the first replaces "all series".
  scans.sort((a, b) => Number(a.matchesEmpty) - Number(b.matchesEmpty) || source.valueCount(a.name) - source.valueCount(b.name))
  for (const matcher of scans) {
    if (result?.size === 0) return Postings.EMPTY
    if (result !== null && source.labelValue !== undefined && result.size * READ_COST < source.valueCount(matcher.name)) {
      result = testEach(source as Required<PostingsSource>, result, matcher)
      continue
    }
    const wanted = !matcher.matchesEmpty
    const found = scan(source, matcher, wanted)
    if (wanted) result = result === null ? found : result.intersect(found)
    else result = (result ?? source.all()).subtract(found)
  }
  // Without a set to start from, the lookups that drop were left for last.
  return keep.length === 0 ? subtractAll(result ?? source.all(), drop) : result!
}

/**
 * The values by which a matcher keeps (or, when it is met by an absent label, drops) series, when they are a small list: then they are
 * looked up. Null when only a scan tells.
 */
function literalsOf(matcher: Matcher): readonly string[] | null {
  switch (matcher.type) {
    case '=':
    case '!=':
      return matcher.value === '' ? null : [matcher.value]
    case '=~':
    case '!~': {
      const literals = matcher.regex!.literals
      return literals === null || literals.includes('') ? null : literals
    }
  }
}

function isAlwaysTrue(matcher: Matcher): boolean {
  return matcher.type === '=~' && matcher.value === '.*'
}

/** The union of the series whose value of the matcher's label meets it, or with `met` false, of those whose value does not. */
function scan(source: PostingsSource, matcher: Matcher, met: boolean): Postings {
  // An expression's prefix bounds the values that match it, not those that do not.
  const matchesRegex = matcher.type === '=~' ? met : matcher.type === '!~' ? !met : false
  const prefix = matchesRegex ? matcher.regex!.prefix : ''
  return Postings.unionAll(source.scan(matcher.name, prefix, (value) => matcher.matches(value) === met))
}

function testEach(source: Required<PostingsSource>, among: Postings, matcher: Matcher): Postings {
  const from = among.toArray()
  const ids = new Uint32Array(from.length)
  let count = 0
  for (const id of from) if (matcher.matches(source.labelValue(id, matcher.name))) ids[count++] = id
  return Postings.fromSorted(ids, count)
}

function subtractAll(from: Postings, sets: readonly Postings[]): Postings {
  let result = from
  for (const set of sets) result = result.subtract(set)
  return result
}
