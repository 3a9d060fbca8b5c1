/** Series descriptions, the notation of test files. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { COUNTER_RESET_HINTS, type Histogram } from '@tsink/core'
import { corpus } from '@tsink/testing'
import { parseSeriesDescription, type SeriesValue } from '@tsink/promql'

const found = corpus('promql-parser')
const suite = found.skip === null ? describe : describe.skip

function values(text: string): unknown[] {
  return parseSeriesDescription(text).values.map((value) => (value.type === 'float' ? value.value : value.type))
}

describe('series descriptions', () => {
  test('list values, gaps and runs', () => {
    expect(values('m 1 -2 +3.5 _ 1e3')).toEqual([1, -2, 3.5, 'omitted', 1000])
    expect(values('m 1x3 _x2')).toEqual([1, 1, 1, 1, 'omitted', 'omitted'])
    expect(values('m 10-5x3')).toEqual([10, 5, 0, -5])
    expect(values('m 0.1+0.1x2')).toEqual([0.1, 0.2, 0.2 + 0.1])
    expect(values('m')).toEqual([])
    expect(values('m   1   2  ')).toEqual([1, 2])
    expect(values('m Inf -Inf NaN')).toEqual([Infinity, -Infinity, NaN])
  })

  test('know the stale marker', () => {
    expect(values('m 1 stale 2')).toEqual([1, 'stale', 2])
  })

  test('name series like selectors do', () => {
    const labels = (text: string): unknown => parseSeriesDescription(text).labels.toJSON()
    expect(labels('m{a="b", c=\'d\'} 1')).toEqual({ __name__: 'm', a: 'b', c: 'd' })
    expect(labels('{"a.b", "c.d"="e"} 1')).toEqual({ __name__: 'a.b', 'c.d': 'e' })
    expect(labels('sum{by="x",} 1')).toEqual({ __name__: 'sum', by: 'x' })
    expect(labels('{} 1')).toEqual({})
  })

  test('say where they are wrong', () => {
    const check = (text: string, message: string): void => {
      expect(() => parseSeriesDescription(text), text).toThrow(message)
    }
    check('m 1+1', '1:6: parse error: unexpected end of input in series values')
    check('m 1 x', '1:5: parse error: unexpected "x"')
    check('m 1x', '1:5: parse error: unexpected end of input in series values')
    check('m{a=b} 1', '1:5: parse error: unexpected identifier "b" in label set, expected string')
    check('m{a="b" c} 1', '1:9: parse error: unexpected identifier "c" in label set, expected "," or "}"')
    check('m foo', '1:3: parse error: unexpected identifier "foo" in series values, expected number or "stale"')
    check('m {{sum:1 count}}', '1:11: parse error: missing `:` for histogram descriptor')
    check('m 1x100000000', 'the series has more than 10000000 values')
  })
})

suite(found.skip ?? 'series corpus', () => {
  const lines = found.path === null ? [] : readFileSync(join(found.path, 'series_desc.jsonl'), 'utf8').trim().split('\n')
  for (const line of lines) {
    const row = JSON.parse(line)
    test(`${row.id}: ${row.input}`, () => {
      const parse = (): ReturnType<typeof parseSeriesDescription> => parseSeriesDescription(row.input)
      if (!row.ok) {
        expect(parse).toThrow(row.error)
        return
      }
      const { labels, values } = parse()
      expect(labels.toJSON()).toEqual(row.labels)
      expect(values.map(neutral)).toEqual(row.values.map(withoutText))
    })
  }
})

function withoutText(value: any): unknown {
  if (value === null || typeof value === 'string') return value
  const { testExpression: _, ...rest } = value.histogram
  return { ...value, histogram: rest }
}

function neutral(value: SeriesValue): unknown {
  if (value.type === 'omitted') return null
  if (value.type === 'stale') return 'stale'
  if (value.type === 'float') return String(value.value)
  const h = value.histogram
  const spans = (list: Histogram['positiveSpans']): number[][] => list.map(({ offset, length }) => [offset, length])
  return {
    counterResetHintSet: value.hintGiven,
    histogram: {
      count: String(h.count),
      counterResetHint: COUNTER_RESET_HINTS.indexOf(h.hint),
      customValues: [...h.customValues].map(String),
      negativeBuckets: [...h.negativeBuckets].map(String),
      negativeSpans: spans(h.negativeSpans),
      positiveBuckets: [...h.positiveBuckets].map(String),
      positiveSpans: spans(h.positiveSpans),
      schema: h.schema,
      sum: String(h.sum),
      zeroCount: String(h.zeroCount),
      zeroThreshold: String(h.zeroThreshold),
    },
  }
}
