/**
 * Parsing, from text to a checked tree.
 */
import { TsinkError, type Matcher } from '@tsink/core'
import { children, type DurationExpr, type Expr } from './ast.ts'
import { Builder, type ExprDraft } from './build.ts'
import { checkTypes } from './check.ts'
import { grammar, type Grammar } from './grammar.ts'
import { lex } from './lexer.ts'
import type { ParserOptions } from './features.ts'
import { badQuery, Source, type Problem } from './source.ts'

/** An expression may have so many levels: everything behind the parser recurses over the tree. */
export const MAX_DEPTH = 1000

/** What parsing found: a tree when there are no problems. */
export type ParseResult =
  | { readonly expr: Expr; readonly problems: readonly [] }
  | { readonly expr: null; readonly problems: readonly Problem[] }

/**
 * The tree of an expression. Its types are right, and every function exists and is switched on.
 * @throws TsinkError BAD_QUERY with the first problem, in Prometheus's words: `1:5: parse error: unexpected end of input`.
 */
export function parseExpr(text: string, options: ParserOptions = {}): Expr {
  const { expr, problems } = tryParse(text, options)
  if (expr === null) throw badQuery(text, problems[0]!)
  return expr
}

/** Like {@link parseExpr}, but with all problems found, in the order in which they were found, as data. */
export function tryParse(text: string, options: ParserOptions = {}): ParseResult {
  const source = new Source(text)
  const { expr, problems } = read(source, options, 'expression')
  if (expr === null || problems.length > 0) return { expr: null, problems }
  const typeProblems = checkTypes(expr, source)
  return typeProblems.length > 0 ? { expr: null, problems: typeProblems } : { expr, problems: [] }
}

/**
 * The matchers of a selector without range, offset or `@`, as APIs take it: `up{job="node"}`. Unlike in an expression, all matchers may
 * match the empty string.
 * @throws TsinkError BAD_QUERY
 */
export function parseSelector(text: string): Matcher[] {
  const { expr, problems } = read(new Source(text), {}, 'selector')
  if (problems.length > 0) throw badQuery(text, problems[0]!)
  if (expr?.type !== 'vector') throw new TsinkError('BAD_QUERY', 'not a selector')
  return [...expr.matchers]
}

function read(source: Source, options: ParserOptions, rule: keyof Grammar): { expr: ExprDraft | null; problems: readonly Problem[] } {
  const tokens = lex(source)
  const builder = new Builder(source, options)
  if (rule === 'expression' && tokens.length === 0) {
    builder.complain({ start: 0, end: 0 }, 'no expression found in input')
    return { expr: null, problems: builder.problems }
  }
  const expr = grammar()[rule](tokens, builder)
  if (expr !== null && builder.problems.length === 0 && isTooDeep(expr)) {
    builder.complain(expr, `the expression has more than ${MAX_DEPTH} levels`)
  }
  return { expr, problems: builder.problems }
}

/** Without recursion, since the tree may be as deep as the text is long. */
function isTooDeep(root: ExprDraft): boolean {
  let level: readonly (Expr | DurationExpr)[] = [root]
  for (let depth = 0; level.length > 0; depth++) {
    if (depth === MAX_DEPTH) return true
    level = level.flatMap(partsOf)
  }
  return false
}

/** Sub-expressions, of durations as well. */
function partsOf(node: Expr | DurationExpr): readonly (Expr | DurationExpr)[] {
  switch (node.type) {
    case 'duration':
      return [node.left, node.right].filter((part) => part !== null)
    case 'vector':
      return node.offsetExpr === null ? [] : [node.offsetExpr]
    case 'matrix':
      return node.rangeExpr === null ? [node.selector] : [node.selector, node.rangeExpr]
    case 'subquery':
      return [node.expr, ...[node.rangeExpr, node.stepExpr, node.offsetExpr].filter((part) => part !== null)]
    default:
      return children(node)
  }
}
