import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { compileRegex, Matcher, TsinkError } from '@tsink/core'
import { describe, expect, it } from 'vitest'

const SAMPLES = ['', 'a', 'b', 'ab', 'abc', 'api', 'api-1', 'api\n1', 'web', 'xapi', 'foo.bar', 'fooxbar', '\u{1f600}', 'x'.repeat(100)]

describe('regular expressions over label values', () => {
  it('are anchored, and the dot matches a newline', () => {
    const check = (source: string, value: string, want: boolean): void =>
      expect(compileRegex(source).test(value), `${source} on ${value}`).toBe(want)
    check('api', 'api', true)
    check('api', 'xapi', false)
    check('api.*', 'api\n1', true)
    check('.+', '', false)
    check('.*', '', true)
    check('foo\\.bar', 'foo.bar', true)
    check('foo\\.bar', 'fooxbar', false)
    check('(?i)API', 'api', true)
    check('a{0}b', 'b', true)
    check('\u{1f600}?', '', true)
  })

  it('answer alike by the fast path and by the engine', () => {
    for (const source of ['a|b|ab', '(api|web)', 'api(-1|)', '(?:a|b)c', 'api.*', 'api.+', '.*b', '.+b', 'ab*', 'ab?c', 'abc', '|a']) {
      const fast = compileRegex(source)
      // A group around everything that captures an empty alternative takes the same source past the fast paths.
      const slow = new RegExp(`^(?:${source})$`, 's')
      for (const value of SAMPLES) expect(fast.test(value), `${source} on ${JSON.stringify(value)}`).toBe(slow.test(value))
    }
  })

  it('know their finite sets and their prefixes', () => {
    expect(compileRegex('a|b').literals).toEqual(['a', 'b'])
    expect(compileRegex('node(1|2)').literals).toEqual(['node1', 'node2'])
    expect(compileRegex('api-.*').prefix).toBe('api-')
    expect(compileRegex('api-[0-9]+').prefix).toBe('api-')
    expect(compileRegex('apis?x').prefix).toBe('api')
    expect(compileRegex('a+b').literals).toBeNull()
  })

  it('take linear time', () => {
    const started = performance.now()
    expect(compileRegex('(a+)+b').test('a'.repeat(5_000))).toBe(false)
    expect(performance.now() - started).toBeLessThan(5_000)
  })

  it('are refused with the reason when they are none', () => {
    expect(() => new Matcher('=~', 'job', '(')).toThrow(TsinkError)
  })
})

describe('matchers', () => {
  it('treat an absent label as the empty value', () => {
    expect(new Matcher('!=', 'job', 'a').matchesEmpty).toBe(true)
    expect(new Matcher('=', 'job', '').matchesEmpty).toBe(true)
    expect(new Matcher('=~', 'job', 'a|').matchesEmpty).toBe(true)
    expect(new Matcher('!~', 'job', '.+').matchesEmpty).toBe(true)
    expect(new Matcher('=~', 'job', '.+').matchesEmpty).toBe(false)
  })

  it('have an inverse that holds exactly where they do not', () => {
    for (const matcher of [
      new Matcher('=', 'j', 'a'),
      new Matcher('!=', 'j', 'a'),
      new Matcher('=~', 'j', 'a.*'),
      new Matcher('!~', 'j', 'a|b'),
    ]) {
      for (const value of SAMPLES) expect(matcher.inverse().matches(value)).toBe(!matcher.matches(value))
    }
  })

  it('print as PromQL', () => {
    expect(new Matcher('=~', 'job', 'a|"b"').toString()).toBe('job=~"a|\\"b\\""')
    expect(new Matcher('=', 'service.name', 'x').toString()).toBe('"service.name"="x"')
  })
})

// The corpus helper lives above this package, so the folder is found here by hand.
const file = join(
  process.env['TSINK_CORPUS'] ?? join(import.meta.dirname, '../../../../shared/corpus'),
  'promql-parser/regex_matching.json',
)
const data = readOptional(file)

describe.skipIf(data === null)(data === null ? `the regex corpus: skipped, because ${file} is absent` : 'the regex corpus', () => {
  it('answers every row as the reference does', () => {
    const { cases, values } = JSON.parse(data!) as { cases: { regex: string; matches: unknown[]; notMatches: number }[]; values: unknown[] }
    let checked = 0
    for (const { regex, matches } of cases) {
      for (const value of values) {
        // Values that are not UTF-8 come as base64; no label value of ours can be one.
        if (typeof value !== 'string') continue
        expect(new Matcher('=~', 'l', regex).matches(value), `${regex} on ${JSON.stringify(value)}`).toBe(matches.includes(value))
        checked++
      }
    }
    expect(checked).toBeGreaterThan(4_000)
  })
})

function readOptional(path: string): string | null {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return null
  }
}

describe('long expressions', () => {
  it('are sets when they list plain values, however many', () => {
    const matcher = new Matcher('=~', 'x', Array.from({ length: 20_000 }, (_, i) => `value-${i}`).join('|'))
    expect(matcher.matches('value-19999')).toBe(true)
    expect(matcher.matches('value-20000')).toBe(false)
    expect(matcher.regex!.literals).toBeNull()
  })

  it('are refused when the engine would need long for every value', () => {
    expect(() => new Matcher('=~', 'x', 'a?'.repeat(40_000))).toThrow(
      'the regular expression has 80000 characters; at most 65536 are allowed',
    )
  })
})
