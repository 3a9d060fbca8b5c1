import { describe, expect, test } from 'vitest'
import { compileCapturing, TsinkError } from '@tsink/core'

describe('capturing expressions', () => {
  const check = (regex: string, value: string, template: string, want: string | null): void =>
    expect(compileCapturing(regex).match(value)?.expand(template) ?? null).toBe(want)

  test('are anchored at both ends, and the dot matches a newline', () => {
    check('b', 'abc', 'x', null)
    check('a|abc', 'abc', 'x', 'x')
    check('a.*c', 'a\nc', 'x', 'x')
  })

  test('fill their groups into templates as Go does', () => {
    check('(.*)-(.*)', 'a-b', '$2-${1}', 'b-a')
    check('(?P<host>[^:]+):(.*)', 'h:1', '$host/${host}/$2', 'h/h/1')
    check('(a)(b)?', 'a', '[$2]', '[]')
    check('(a)', 'a', '$1x ${1}x $9 $$1 $- ${ $', ' ax  $1 $- ${ $')
  })

  test('say what is wrong with an expression', () => {
    expect(() => compileCapturing('(')).toThrow(TsinkError)
    expect(() => compileCapturing('(')).toThrow(/missing closing \)/)
  })
})
