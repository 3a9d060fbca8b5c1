/**
 * What the parser says about text that is no PromQL: message and place, as Prometheus has them, and that it always says something soon.
 */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { TsinkError } from '@tsink/core'
import {
  ALL_FEATURES,
  MAX_DEPTH,
  MAX_NESTING,
  MAX_QUERY_BYTES,
  parseExpr,
  parseSelector,
  prettyPrint,
  printExpr,
  toJsonAst,
  tryParse,
  walk,
  type ParserOptions,
} from '@tsink/promql'

function check(text: string, message: string, options: ParserOptions = ALL_FEATURES): void {
  let thrown: unknown
  try {
    parseExpr(text, options)
  } catch (error) {
    thrown = error
  }
  expect(thrown, text).toBeInstanceOf(TsinkError)
  expect((thrown as TsinkError).message).toBe(message)
}

describe('errors of the parser', () => {
  test('name what stands there and what should', () => {
    check('', 'unknown position: parse error: no expression found in input')
    check('foo bar', '1:5: parse error: unexpected identifier "bar"')
    check('foo a:b', '1:5: parse error: unexpected metric identifier "a:b"')
    check('foo "some longer text"', '1:5: parse error: unexpected string "\\"some long"...')
    check('foo 5m', '1:5: parse error: unexpected duration "5m"')
    check('foo on', '1:5: parse error: unexpected <on>')
    check('foo BY', '1:5: parse error: unexpected <BY>')
    check('foo start', '1:5: parse error: unexpected "start"')
    check('foo sum', '1:5: parse error: unexpected <aggr:sum>')
    check('fill(1)', '1:5: parse error: unexpected "("')
    check('offset(1)', '1:7: parse error: unexpected "("')
    check('RATE(foo[5m])', '1:1: parse error: unknown function with name "RATE"')
    check('sum by (inf) (foo)', '1:9: parse error: unexpected number "inf" in grouping opts, expected label')
    check('foo\u00a0', "1:4: parse error: unexpected character: '\\u00a0'")
    check('bool', '1:1: parse error: unexpected <bool>')
    check('(foo bar)', '1:6: parse error: unexpected identifier "bar"')
    check('sum(foo bar)', '1:9: parse error: unexpected identifier "bar" in aggregation')
    check('sum by (a) foo', '1:12: parse error: unexpected identifier "foo" in aggregation')
    check('sum by a (foo)', '1:8: parse error: unexpected identifier "a" in grouping opts, expected "("')
    check('sum by (a b) (foo)', '1:11: parse error: unexpected identifier "b" in grouping opts, expected "," or ")"')
    check('foo + on(a) group_left )', "1:25: parse error: unexpected right parenthesis ')'")
    check('(foo + on(a) group_left )', '1:25: parse error: unexpected ")" in grouping opts, expected "("')
    check('foo{a="b",,}', '1:11: parse error: unexpected "," in label matching, expected identifier or "}"')
    check('foo{="b"}', '1:5: parse error: unexpected "=" in label matching, expected identifier or "}"')
    check('foo{a="b"', '1:10: parse error: unexpected end of input inside braces')
    check('foo @ bar', '1:7: parse error: unexpected identifier "bar" in @, expected timestamp')
    check('foo @ start', '1:12: parse error: unexpected end of input in @, expected timestamp')
    check('foo offset bar', '1:12: parse error: unexpected identifier "bar" in offset, expected number, duration, step(), or range()')
    check('foo[5m', '1:7: parse error: unclosed left bracket')
    check('foo[5m:5m:]', "1:10: parse error: unexpected colon ':'")
    check('foo[5m 5m]', '1:8: parse error: unexpected duration "5m" in subquery or range, expected ":" or "]"')
    check('foo[5m:5m 5m]', '1:11: parse error: unexpected duration "5m" in subquery selector, expected "]"')
    check('foo[5m:+]', '1:9: parse error: unexpected "]" in subquery selector, expected number, duration, step(), range(), or "]"')
  })

  test('count lines and bytes', () => {
    check('foo\n  bar', '2:3: parse error: unexpected identifier "bar"')
    check('"ä" bar', '1:6: parse error: unexpected identifier "bar"')
    check('# a comment\nfoo # another\nbar', '3:1: parse error: unexpected identifier "bar"')
  })

  test('say which characters cannot be read', () => {
    check('foo $', "1:5: parse error: unexpected character: '$'")
    check('foo ü', "1:5: parse error: unexpected character: 'ü'")
    check('foo !', "1:5: parse error: unexpected character after '!': '\ufffd'")
    check('foo{a$}', "1:6: parse error: unexpected character inside braces: '$'")
    check('foo{a!b}', "1:6: parse error: unexpected character after '!' inside braces: 'b'")
    check('foo[$]', "1:5: parse error: unexpected character in duration expression: '$'")
    check('1_', '1:1: parse error: bad number or duration syntax: "1_"')
    check('0x', '1:1: parse error: error parsing number: strconv.ParseFloat: parsing "0x": invalid syntax')
    check('1.5h', '1:1: parse error: unknown unit "." in duration "1.5h"')
    check('"\\xz1"', `1:1: parse error: illegal character U+007A 'z' in escape sequence`)
    check('"\\ud800"', '1:1: parse error: escape sequence is an invalid Unicode code point')
    check('"a\nb"', '1:1: parse error: unterminated quoted string')
  })

  test('refuse durations out of range', () => {
    check('foo offset 9.5e10', '1:12: parse error: duration out of range')
    check('foo offset -9.5e10', '1:12: parse error: duration out of range')
    check('foo[-9.5e10]', '1:6: parse error: duration out of range')
    check('foo[0]', '1:5: parse error: duration must be greater than 0')
    check('foo[5m:-5m]', '1:8: parse error: duration must be greater than 0')
  })

  test('come in the order in which Prometheus finds them', () => {
    // What a complete construct means is judged before the token behind it is looked at, unless that token decides where it ends.
    check(
      '1 offset 5m $',
      '1:1: parse error: offset modifier must be preceded by an instant vector selector or range vector selector or a subquery',
    )
    check('nope() $', '1:1: parse error: unknown function with name "nope"')
    check('sum() $', "1:7: parse error: unexpected character: '$'")
    check('foo(1,) $', '1:6: parse error: trailing commas not allowed in function call args')
  })

  test('tell what is switched off', () => {
    check(
      'limitk(1, foo)',
      '1:1: parse error: limitk() is experimental and must be enabled with --enable-feature=promql-experimental-functions',
      {},
    )
    check('info(foo)', '1:1: parse error: function "info" is not enabled', {})
    check('foo[5m] anchored', '1:1: parse error: anchored modifier is experimental and not enabled', {})
    check('a + fill(1) b', '1:1: parse error: binop fill modifiers are experimental and not enabled', {})
    check('foo[5m+5m]', '1:5: parse error: experimental duration expression is not enabled', { durationExpressions: false })
  })

  test('explain types', () => {
    check('rate(foo)', '1:6: parse error: expected type range vector in call to function "rate", got instant vector')
    check('sum(1)', '1:5: parse error: expected type instant vector in aggregation expression, got scalar')
    check('foo + "a"', '1:7: parse error: binary expression must contain only scalar and instant vector types')
    check('1[5m:]', '1:1: parse error: subquery is only allowed on instant vector, got scalar instead')
    check('a and on(b) group_left c', '1:1: parse error: no grouping allowed for "and" operation')
    check('a + on(b) group_left(b) c', '1:3: parse error: label "b" must not occur in ON and GROUP clause at once')
    check('a and fill(1) b', '1:1: parse error: filling in missing series not allowed for set operators')
    check('a + fill(1) 1', '1:1: parse error: filling in missing series only allowed between instant vectors')
  })
})

describe('selectors of APIs', () => {
  test('are matchers alone', () => {
    expect(parseSelector('up{job=~"a|b"}').map(String)).toEqual(['job=~"a|b"', '__name__="up"'])
    expect(parseSelector('{"a.b"}').map(String)).toEqual(['__name__="a.b"'])
    expect(parseSelector('{x=""}')).toHaveLength(1)
    expect(() => parseSelector('up[5m]')).toThrow('1:3: parse error: unexpected "["')
    expect(() => parseSelector('up offset 5m')).toThrow('1:4: parse error: unexpected <offset>')
    expect(() => parseSelector('1')).toThrow('1:1: parse error: unexpected number "1"')
    expect(() => parseSelector('')).toThrow('unknown position: parse error: unexpected end of input')
  })
})

describe('hostile text', () => {
  const bound = 'a'.repeat(MAX_QUERY_BYTES)

  test('is refused by its length', () => {
    expect(parseExpr(bound)).toMatchObject({ type: 'vector' })
    check(`${bound}a`, `1:1: parse error: the query has ${MAX_QUERY_BYTES + 1} bytes; at most ${MAX_QUERY_BYTES} are allowed`)
  })

  test('is refused by its nesting', () => {
    const nested = (depth: number, open: string, close: string): string => open.repeat(depth) + 'a' + close.repeat(depth)
    for (const open of ['(', 'sum(', 'abs(', '-(']) {
      expect(tryParse(nested(MAX_NESTING, open, ')')).problems, open).toEqual([])
      expect(() => parseExpr(nested(MAX_NESTING + 1, open, ')')), open).toThrow(`parentheses are nested more than ${MAX_NESTING} deep`)
      expect(() => parseExpr(open.repeat(100_000)), open).toThrow('parentheses are nested more than')
    }
  })

  test('is refused by the levels of its tree, which everything else can recurse over', () => {
    const chain = (length: number, operator: string): string => Array(length).fill('a').join(operator)
    for (const operator of ['+', '^', ' or ']) {
      const expr = parseExpr(chain(MAX_DEPTH, operator))
      let nodes = 0
      walk(expr, () => void nodes++)
      expect(nodes).toBe(2 * MAX_DEPTH - 1)
      expect(printExpr(expr).length).toBeGreaterThan(MAX_DEPTH)
      expect(prettyPrint(expr).length).toBeGreaterThan(MAX_DEPTH)
      expect(toJsonAst(expr)).toMatchObject({ type: 'binaryExpr' })
      expect(() => parseExpr(chain(MAX_DEPTH + 1, operator))).toThrow(`the expression has more than ${MAX_DEPTH} levels`)
      expect(() => parseExpr(chain(40_000, operator))).toThrow('the expression has more than')
    }
    expect(() => parseExpr(`a[${Array(40_000).fill('1').join('+')}]`)).toThrow('the expression has more than')
    expect(() => parseExpr(`${'-'.repeat(40_000)}a`)).toThrow('the expression has more than')
  })

  test('ends soon, whatever it is', () => {
    const size = 1_000_000
    const units = ['(', '[', '{', '-', 'a+', 'sum by (a) (', 'a{b="c"} or ', '"\\', '5m', '#\n', 'a[5m:', 'a offset 1s ', '1,', '\udcff']
    for (const unit of units) {
      for (const text of [unit.repeat(size / unit.length), unit.repeat(500_000 / unit.length)]) {
        const started = performance.now()
        expect(tryParse(text, ALL_FEATURES).expr, unit).toBeNull()
        // Some hundred milliseconds; the rest is for machines that do something else as well.
        expect(performance.now() - started, unit).toBeLessThan(10_000)
      }
    }
  })
})

describe('fuzzing', () => {
  const seeds = [
    'sum by (job, "a.b") (rate(http_requests_total{code=~"5..", job!="x"}[5m] offset -1h)) / on (job) group_left (z) up @ start()',
    'histogram_quantile(0.9, sum without (le) (foo{"a.b"="c"}[1h:5m] @ 1609746000)) > bool -1.5e-3 unless {__name__="x"}',
    'a + fill_left(1) fill_right(-Inf) b[step() + min_of(5m, range() / 2):(1m)] offset (5m * 2) smoothed',
    'label_replace(x, \'dst\', `$1`, "src", "(.*)\\u00e9\\xff") and ignoring() y # end',
  ]
  const pieces = [
    '(',
    ')',
    '[',
    ']',
    '{',
    '}',
    ',',
    ':',
    '"',
    "'",
    '`',
    '\\',
    '#',
    '\n',
    '@',
    'offset',
    'by',
    'on',
    '5m',
    '0x',
    '1e',
    '-',
    '^',
    'sum',
    'é',
    '\udcff',
  ]

  test('mutated queries parse, or fail with a place and a message', () => {
    const mutation = fc.record({
      at: fc.nat(200),
      remove: fc.nat(4),
      insert: fc.oneof(fc.constantFrom(...pieces), fc.string({ maxLength: 3 })),
    })
    fc.assert(
      fc.property(fc.constantFrom(...seeds), fc.array(mutation, { maxLength: 4 }), (seed, mutations) => {
        let text = seed
        for (const { at, remove, insert } of mutations) text = text.slice(0, at) + insert + text.slice(at + remove)
        try {
          const expr = parseExpr(text, ALL_FEATURES)
          expect(printExpr(parseExpr(printExpr(expr), ALL_FEATURES))).toBe(printExpr(expr))
        } catch (error) {
          if (!(error instanceof TsinkError)) throw error
          expect(error.code).toBe('BAD_QUERY')
          expect(error.message).toMatch(/^(\d+:\d+|unknown position): parse error: ./)
        }
      }),
      { numRuns: 2000 },
    )
  })

  test('any text does', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (text) => {
        const { expr, problems } = tryParse(text, ALL_FEATURES)
        expect(expr === null).toBe(problems.length > 0)
        for (const { start, end } of problems) expect(start).toBeLessThanOrEqual(end)
      }),
      { numRuns: 1000 },
    )
  })
})
