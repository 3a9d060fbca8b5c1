/** The comparison of two servers' answers: it must see what differs, and nothing else. */
import { describe, expect, test } from 'vitest'
import { differences, Suite, type Series } from '@tsink/acceptance'

function series(metric: Record<string, string>, ...values: [number, string][]): Series {
  return { metric, values }
}

describe('two answers', () => {
  const answer = [series({ a: '1' }, [1, '2'], [2, 'NaN']), series({ a: '2' }, [1, '+Inf'])]

  test('are the same in any order, with labels in any order, up to the last bits', () => {
    expect(differences(answer, answer.toReversed())).toEqual([])
    expect(differences([series({ a: '1', b: '2' }, [1, '0.3'])], [series({ b: '2', a: '1' }, [1, '0.30000000000000004'])])).toEqual([])
  })

  test('differ by a series, a sample, a time or a value', () => {
    expect(differences(answer, answer.slice(0, 1))).toEqual(['we lack [["a","2"]]'])
    expect(differences(answer.slice(0, 1), answer)).toEqual(['only we have [["a","2"]]'])
    expect(differences(answer, [series({ a: '1' }, [1, '2']), answer[1]!])[0]).toContain('they have 2 samples, we have 1')
    expect(differences(answer, [series({ a: '1' }, [1, '2'], [3, 'NaN']), answer[1]!])[0]).toContain('at 2 there and at 3 here')
    expect(differences(answer, [series({ a: '1' }, [1, '2.0001'], [2, 'NaN']), answer[1]!])[0]).toContain('they have 2, we have 2.0001')
    expect(differences(answer, [answer[0]!, series({ a: '2' }, [1, '-Inf'])])).toHaveLength(1)
    expect(differences(answer, [answer[0]!, series({ a: '2' }, [1, 'NaN'])])).toHaveLength(1)
  })
})

describe('a suite', () => {
  test('fails when a check fails, and when there was none', async () => {
    expect(new Suite().close()).toBe(1)
    const suite = new Suite()
    await suite.check('holds', () => undefined)
    expect(suite.close()).toBe(0)
    await suite.check('does not hold', () => {
      throw new Error('on purpose')
    })
    expect([suite.passed, suite.failed, suite.close()]).toEqual([1, 1, 1])
  })
})
