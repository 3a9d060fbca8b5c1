import { compareStrings, decodeLabels, encodeLabels, Labels, labelsProblem, TsinkError, utf8Length } from '@tsink/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

/** Strings of whole characters, plain and exotic, of lengths that need one, two and three length bytes. */
const text = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.string({ unit: 'binary', maxLength: 40 }).filter((s) => s.isWellFormed()),
  fc.nat(20_000).map((n) => 'ä'.repeat(n)),
)
const name = text.filter((s) => s !== '')
const labels = fc.dictionary(name, text, { maxKeys: 8 }).map((record) => Labels.of(record))

describe('labels', () => {
  it('are sorted by name, without empty values', () => {
    const set = Labels.of({ job: 'a', __name__: 'up', empty: '' })
    expect([...set]).toEqual([
      ['__name__', 'up'],
      ['job', 'a'],
    ])
  })

  it('refuse an empty name and a name that comes twice', () => {
    expect(() => Labels.of({ '': 'x' })).toThrow(TsinkError)
    expect(() =>
      Labels.from([
        ['a', '1'],
        ['a', '2'],
      ]),
    ).toThrow('label "a" is given twice')
  })

  it('print as selectors, with quotes where a name is no identifier', () => {
    const check = (record: Record<string, string>, want: string): void => expect(Labels.of(record).toString()).toBe(want)
    check({}, '{}')
    check({ __name__: 'up' }, 'up')
    check({ __name__: 'up', job: 'a"b\n' }, 'up{job="a\\"b\\n"}')
    check({ job: 'a' }, '{job="a"}')
    check({ __name__: 'http.requests', 'service.name': 'x' }, '{"http.requests", "service.name"="x"}')
  })

  it('survive their canonical bytes', () => {
    fc.assert(fc.property(labels, (set) => decodeLabels(encodeLabels(set)).equals(set)))
  })

  it('have equal bytes and keys exactly when they are equal', () => {
    fc.assert(
      fc.property(labels, labels, (a, b) => {
        const sameBytes = Buffer.compare(encodeLabels(a), encodeLabels(b)) === 0
        return sameBytes === a.equals(b) && (a.key() === b.key()) === a.equals(b) && (a.compare(b) === 0) === a.equals(b)
      }),
    )
  })

  it('decode nothing from cut or wild bytes but BAD_LABEL errors', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        try {
          decodeLabels(bytes)
        } catch (error) {
          expect(error).toBeInstanceOf(TsinkError)
        }
      }),
    )
  })

  it('are changed into copies', () => {
    const set = Labels.of({ __name__: 'up', job: 'a' })
    expect(set.with('job', '').toString()).toBe('up')
    expect(set.with('env', 'dev').toString()).toBe('up{env="dev", job="a"}')
    expect(set.with('job', 'a')).toBe(set)
    expect(set.filter((n) => n !== '__name__').toString()).toBe('{job="a"}')
  })

  it('are refused for storing when too long, and say what is too long', () => {
    expect(labelsProblem(Labels.of({ a: 'x' }))).toBeNull()
    expect(labelsProblem(Labels.of({ ['n'.repeat(257)]: 'x' }))).toMatch('longer than 256 bytes')
    expect(labelsProblem(Labels.of({ a: 'ä'.repeat(8_193) }))).toMatch('longer than 16384 bytes')
    expect(labelsProblem(Labels.of({ __name__: 'x'.repeat(65_535) }))).toBeNull()
  })
})

describe('strings', () => {
  it('compare by their UTF-8 bytes', () => {
    fc.assert(
      fc.property(text, text, (a, b) => Math.sign(compareStrings(a, b)) === Buffer.compare(Buffer.from(a), Buffer.from(b))),
      { examples: [['\u{1f600}', '\uffee']] },
    )
  })

  it('know their length in UTF-8', () => {
    fc.assert(fc.property(text, (s) => utf8Length(s) === Buffer.byteLength(s)))
  })
})
