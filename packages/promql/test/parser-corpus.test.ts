/**
 * Prometheus's own parser tables: every row of every file. The corpus holds what the reference asserts or produces.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { corpus } from '@tsink/testing'
import {
  ALL_FEATURES,
  describeProblem,
  parseDuration,
  parseExpr,
  prettyPrint,
  printDuration,
  printExpr,
  tryParse,
  unquote,
  valueType,
  type DurationExpr,
  type Expr,
  type VectorSelector,
} from '@tsink/promql'

const found = corpus('promql-parser')
const suite = found.skip === null ? describe : describe.skip
const name = found.skip ?? 'parser corpus'

type Row = Record<string, any>

function rows(file: string): Row[] {
  if (found.path === null) return []
  return readFileSync(join(found.path, file), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Row)
}

/** The features with which the reference made the rows. */
const TABLE = { ...ALL_FEATURES, fillModifiers: false }

suite(name, () => {
  describe('parse_expr', () => {
    for (const row of rows('parse_expr.jsonl')) {
      // The corpus shows broken UTF-8 as the replacement character; the input had one raw byte.
      const input = (row['input'] as string).replaceAll('\ufffd', '\udcff')
      test(`${row['id']}: ${row['input'].slice(0, 60)}`, () => {
        const { expr, problems } = tryParse(input, TABLE)
        if (!row['ok']) {
          expect(expr).toBeNull()
          expect(describeProblem(input, problems[0]!)).toBe(row['firstError'])
          const { start, end } = row['errors'][0]
          expect(problems[0]).toMatchObject({ start, end })
          return
        }
        expect(problems).toEqual([])
        expect(printExpr(expr!)).toBe(row['string'])
        expect(valueType(expr!)).toBe(row['valueType'])
        expect(neutral(expr!)).toEqual(row['ast'])
        const stock = tryParse(input)
        expect(stock.expr !== null).toBe(row['okStock'])
        if (!row['okStock']) expect(describeProblem(input, stock.problems[0]!)).toBe(row['stockError'])
      })
    }
  })

  test('parse_expr: all problems of a query, where reading goes on after the first', () => {
    const missed: unknown[] = []
    for (const row of rows('parse_expr.jsonl')) {
      if (row['ok']) continue
      const input = (row['input'] as string).replaceAll('\ufffd', '\udcff')
      const problems = tryParse(input, TABLE).problems.map(({ start, end, message }) => ({ start, end, msg: message }))
      const wanted = row['errors'].map(({ start, end, msg }: Row) => ({ start, end, msg }))
      if (JSON.stringify(problems) !== JSON.stringify(wanted)) missed.push({ id: row['id'], input, problems, wanted })
    }
    expect(missed).toEqual([])
  })

  test('roundtrip', () => {
    const missed: unknown[] = []
    for (const row of rows('roundtrip.jsonl')) {
      const { expr, problems } = tryParse(row['input'], ALL_FEATURES)
      const printed = expr === null ? null : printExpr(expr)
      const fine = row['ok'] ? printed === row['string'] && valueType(expr!) === row['valueType'] : expr === null
      if (!fine) missed.push({ ...row, printed, problem: problems[0]?.message })
    }
    expect(missed).toEqual([])
  })

  test('printer', () => {
    for (const row of rows('printer.jsonl')) expect(printExpr(parseExpr(row['input'], ALL_FEATURES))).toBe(row['string'])
  })

  test('prettify', () => {
    for (const row of rows('prettify.jsonl')) {
      expect(prettyPrint(parseExpr(row['input'], ALL_FEATURES), row['maxCharactersPerLine'])).toBe(row['pretty'])
    }
  })

  test('durations', () => {
    for (const row of rows('durations.jsonl')) {
      const parse = (): number => parseDuration(row['in'], { allowNegative: row['allowNegative'] })
      if (row['ok']) {
        expect(parse(), row['in']).toBe(row['ms'])
        expect(printDuration(row['ms'])).toBe(row['string'])
      } else expect(parse, row['in']).toThrow(row['error'])
    }
  })

  test('unquote', () => {
    for (const row of rows('unquote.jsonl')) {
      const text = unquote(row['in'])
      if (!row['ok']) expect(text, row['in']).toBeNull()
      else if (typeof row['out'] === 'string') expect(text, row['in']).toBe(row['out'])
      else expect(rawBytes(text!), row['in']).toEqual([...Buffer.from(row['out'].base64, 'base64')])
    }
  })
})

/** The bytes of a text in which raw bytes are lone surrogates. */
function rawBytes(text: string): number[] {
  return Array.from(text).flatMap((char) => {
    const code = char.codePointAt(0)!
    return code >= 0xdc80 && code <= 0xdcff ? [code - 0xdc00] : [...Buffer.from(char)]
  })
}

/** A tree in the corpus's form. */
function neutral(expr: Expr): unknown {
  const pos = [expr.start, expr.end]
  switch (expr.type) {
    case 'number':
      return { type: 'numberLiteral', val: printExpr({ ...expr, duration: false }), duration: expr.duration, pos }
    case 'string':
      return { type: 'stringLiteral', val: expr.value.toWellFormed(), pos }
    case 'vector':
      return { type: 'vectorSelector', ...selector(expr), pos }
    case 'matrix':
      return {
        type: 'matrixSelector',
        ...selector(expr.selector),
        rangeMs: expr.range,
        rangeExpr: duration(expr.rangeExpr),
        pos,
      }
    case 'subquery':
      return {
        type: 'subquery',
        expr: neutral(expr.expr),
        rangeMs: expr.range,
        rangeExpr: duration(expr.rangeExpr),
        stepMs: expr.step,
        stepExpr: duration(expr.stepExpr),
        ...when(expr),
        pos,
      }
    case 'call':
      return { type: 'call', func: expr.func, args: expr.args.map(neutral), pos }
    case 'aggregate':
      return {
        type: 'aggregation',
        op: expr.op,
        expr: neutral(expr.expr),
        param: expr.param && neutral(expr.param),
        grouping: expr.grouping,
        without: expr.without,
        pos,
      }
    case 'binary': {
      const m = expr.matching
      const matching = m && {
        card: m.cardinality,
        labels: m.labels,
        on: m.on,
        include: m.include,
        fillLeft: m.fillLeft,
        fillRight: m.fillRight,
      }
      return { type: 'binaryExpr', op: expr.op, lhs: neutral(expr.left), rhs: neutral(expr.right), bool: expr.bool, matching, pos }
    }
    case 'unary':
      return { type: 'unaryExpr', op: expr.op, expr: neutral(expr.expr), pos }
    case 'paren':
      return { type: 'parenExpr', expr: neutral(expr.expr), pos }
  }
}

function selector(expr: VectorSelector): Row {
  const matchers = expr.matchers.map(({ name, type, value }) => ({ name, type, value }))
  return { name: expr.name, matchers, anchored: expr.anchored, smoothed: expr.smoothed, ...when(expr) }
}

function when({ offset, offsetExpr, at }: Pick<VectorSelector, 'offset' | 'offsetExpr' | 'at'>): Row {
  return {
    offsetMs: offset,
    offsetExpr: duration(offsetExpr),
    timestampMs: typeof at === 'number' ? at : null,
    startOrEnd: typeof at === 'string' ? at : null,
  }
}

function duration(expr: DurationExpr | null): unknown {
  if (expr === null) return null
  if (expr.type === 'number') {
    return { type: 'numberLiteral', val: printExpr({ ...expr, duration: false }), duration: expr.duration }
  }
  return { type: 'durationExpr', op: expr.op, lhs: duration(expr.left), rhs: duration(expr.right), wrapped: expr.wrapped }
}
