/**
 * The cases of Prometheus's editor grammar: what it takes, and how expressions nest. Its trees have a node for every token; compared are the
 * nodes that stand for expressions.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { corpus } from '@tsink/testing'
import { ALL_FEATURES, children, tryParse, type Expr } from '@tsink/promql'

const found = corpus('promql-parser')
const suite = found.skip === null ? describe : describe.skip

const KINDS: Readonly<Record<Expr['type'], string>> = {
  number: 'NumberDurationLiteral',
  string: 'StringLiteral',
  vector: 'VectorSelector',
  matrix: 'MatrixSelector',
  subquery: 'SubqueryExpr',
  call: 'FunctionCall',
  aggregate: 'AggregateExpr',
  binary: 'BinaryExpr',
  unary: 'UnaryExpr',
  paren: 'ParenExpr',
}

/** Nodes that are no expressions of their own, though expressions' names may stand in them. */
const OPAQUE: ReadonlySet<string> = new Set(['LabelMatchers', 'GroupingLabels', 'DurationExpr', 'OffsetDurationExpr'])

suite(found.skip ?? 'editor corpus', () => {
  const text = found.path === null ? '' : readFileSync(join(found.path, 'lezer-expression.txt'), 'utf8')
  for (const [, title, input, tree] of text.matchAll(/^# (.*)\n\n([^]*?)\n\n==>\n([^]*?)(?=\n# |$(?![^]))/gm)) {
    test(title!, () => {
      const { expr, problems } = tryParse(input!, ALL_FEATURES)
      if (tree!.includes('⚠')) {
        expect(problems).not.toEqual([])
        return
      }
      expect(problems).toEqual([])
      // One case reads a metric name alone.
      if (!tree!.includes('MetricName(')) expect(sketch(expr!)).toBe(nested(tree!))
    })
  }
})

function sketch(expr: Expr): string {
  const parts = expr.type === 'aggregate' && expr.param !== null ? [expr.param, expr.expr] : children(expr)
  return `${KINDS[expr.type]}(${parts.map(sketch).join()})`
}

/** The expressions of an editor tree, in the form of {@link sketch}. */
function nested(tree: string): string {
  const tokens = tree.match(/\w+|[()]/g)!
  let at = 0
  const read = (): string => {
    const name = tokens[at++]!
    const parts: string[] = []
    if (tokens[at] === '(') {
      at++
      while (tokens[at] !== ')') parts.push(read())
      at++
    }
    // The time of `@` is a number, but not an operand.
    if (name === 'StepInvariantExpr') return parts[0]!
    if (OPAQUE.has(name)) return ''
    const inner = parts.filter((part) => part !== '').join()
    return Object.values(KINDS).includes(name) ? `${name}(${inner})` : inner
  }
  return read()
}
