/**
 * What a server answers to `format_query` and `parse_query`, and how it words the errors of queries, against recorded answers.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { corpus } from '@tsink/testing'
import { ALL_FEATURES, parseExpr, parseSelector, prettyPrint, toJsonAst, type ParserOptions } from '@tsink/promql'

const found = corpus('http-api')
const suite = found.skip === null ? describe : describe.skip

interface Row {
  readonly id: number
  readonly path: string
  readonly params: readonly (readonly [string, string])[]
  readonly status: number
  readonly json?: { readonly data?: unknown; readonly error?: string }
}

suite(found.skip ?? 'recorded answers', () => {
  for (const [file, options] of [
    ['stock.jsonl', {}],
    ['features.jsonl', ALL_FEATURES],
  ] as const) {
    const rows = found.path === null ? [] : readFileSync(join(found.path, file), 'utf8').trim().split('\n')
    for (const line of rows) {
      const row: Row = JSON.parse(line)
      const query = row.params?.find(([name]) => name === 'query')?.[1]
      const selector = row.params?.find(([name]) => name === 'match[]')?.[1]
      const error = row.json?.error?.match(/^invalid parameter "(?:query|match\[\])": (.*parse error.*)$/s)?.[1]
      if (query !== undefined && (row.path.endsWith('format_query') || row.path.endsWith('parse_query') || error !== undefined)) {
        test(`${file} ${row.id}: ${query}`, () => answer(row, query, error, options))
      } else if (selector !== undefined && error !== undefined) {
        test(`${file} ${row.id}: ${selector}`, () => expect(() => parseSelector(selector)).toThrow(error))
      }
    }
  }
})

function answer(row: Row, query: string, error: string | undefined, options: ParserOptions): void {
  if (error !== undefined) {
    expect(() => parseExpr(query, options)).toThrow(error)
    return
  }
  const expr = parseExpr(query, options)
  if (row.path.endsWith('format_query')) expect(prettyPrint(expr)).toBe(row.json!.data)
  else expect(toJsonAst(expr)).toEqual(row.json!.data)
}
