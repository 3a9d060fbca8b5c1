/** Places that messages of the server name, found again in the text of the query. */
import { expect, test } from 'vitest'
import { locate } from '@tsink/ui'

/** What is underlined: the `[…]` of a marked query. */
function check(message: string, marked: string): void {
  const query = marked.replace(/[⟨⟩]/g, '')
  const { place } = locate(message, query)
  expect(place && `${query.slice(0, place.from)}⟨${query.slice(place.from, place.to)}⟩${query.slice(place.to)}`).toBe(marked)
}

test('errors and annotations name a line and a byte, from 1', () => {
  check('1:5: parse error: unclosed left parenthesis', 'sum(⟨⟩')
  check('invalid parameter "query": 1:8: parse error: unexpected identifier "foo"', 'sum(up ⟨foo⟩)')
  check('2:3: parse error: x', 'sum(\n  ⟨up⟩ foo)')
  check('PromQL warning: quantile value should be between 0 and 1, got 2 (1:20)', 'histogram_quantile(⟨2⟩, x)')
})

test('bytes are not characters', () => {
  check('1:14: parse error: x', '{"é", b="ü"⟨}⟩ y')
  check('1:8: parse error: x', '"😀" ⟨foo⟩')
})

test('a whole string or operator is underlined', () => {
  check('1:5: parse error: x', 'sum(⟨"a \\" b"⟩)')
  check('1:3: parse error: x', 'a ⟨=~⟩ b')
})

test('a message without a place is left as it is', () => {
  expect(locate('query timed out', 'up')).toEqual({ text: 'query timed out', place: null })
  expect(locate('9:1: parse error: x', 'up').place).toBeNull()
  expect(locate('invalid parameter "query": 1:1: parse error: x', 'up').text).toBe('1:1: parse error: x')
})
