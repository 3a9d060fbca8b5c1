/**
 * Regular expressions of matchers against the reference's tables: every expression with every value, and the errors of broken ones.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { Matcher } from '@tsink/core'
import { corpus } from '@tsink/testing'

const found = corpus('promql-parser')
const suite = found.skip === null ? describe : describe.skip

type Value = string | { readonly base64: string }

interface Case {
  readonly regex: string
  readonly matches?: readonly Value[]
  /** Set when the reference refuses the expression. */
  readonly error?: string
}

interface Tables {
  readonly values: readonly Value[]
  readonly cases: readonly Case[]
  readonly ourProbeValues: readonly Value[]
  readonly ourSyntaxCases: readonly Case[]
  readonly ourInvalidSyntax: readonly { readonly regex: string; readonly ok: boolean; readonly error?: string }[]
}

suite(found.skip ?? 'regex corpus', () => {
  const tables: Tables =
    found.path === null
      ? { values: [], cases: [], ourProbeValues: [], ourSyntaxCases: [], ourInvalidSyntax: [] }
      : JSON.parse(readFileSync(join(found.path, 'regex_matching.json'), 'utf8'))

  test('every expression matches the values of the table and no other', () => {
    check(tables.cases, tables.values)
    check(tables.ourSyntaxCases, tables.ourProbeValues)
  })

  test('broken expressions are refused with the reference’s words', () => {
    const missed: unknown[] = []
    for (const { regex, ok, error } of tables.ourInvalidSyntax) {
      let message: string | undefined
      try {
        new Matcher('=~', 'x', regex)
      } catch (thrown) {
        message = (thrown as Error).message
      }
      if ((message === undefined) !== ok || message !== error) missed.push({ regex, error, message })
    }
    expect(missed).toEqual([])
  })
})

function check(cases: Tables['cases'], values: readonly Value[]): void {
  const missed: unknown[] = []
  for (const { regex, matches, error: refusal } of cases) {
    const wanted = new Set((matches ?? []).map(decode))
    let matcher: Matcher
    try {
      matcher = new Matcher('=~', 'x', regex)
    } catch (error) {
      if ((error as Error).message !== refusal) missed.push({ regex, error: (error as Error).message })
      continue
    }
    if (refusal !== undefined) missed.push({ regex, wanted: refusal })
    for (const value of values.map(decode)) {
      if (matcher.matches(value) !== wanted.has(value)) missed.push({ regex, value, wanted: wanted.has(value) })
    }
  }
  expect(missed).toEqual([])
}

/** Bytes that are no UTF-8 are lone surrogates, as in the syntax tree. */
function decode(value: Value): string {
  if (typeof value === 'string') return value
  const bytes = Buffer.from(value.base64, 'base64')
  return [...bytes].map((byte) => String.fromCharCode(byte < 0x80 ? byte : 0xdc00 + byte)).join('')
}
