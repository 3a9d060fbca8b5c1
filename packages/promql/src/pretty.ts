/**
 * The pretty printer: what fits on a line stays on it, everything else is opened up, one level of nesting after the other.
 */
import type { Aggregate, Binary, Call, Expr, Paren } from './ast.ts'
import { printAggregation, printExpr, printOperator, printSubqueryRange } from './printer.ts'
import { Source } from './source.ts'

/** An expression of more bytes, not counting its indentation, is opened up. */
export const LINE_WIDTH = 100
const INDENT = '  '

/** An expression over several lines where it is long. Comments are not part of trees and are lost. */
export function prettyPrint(expr: Expr, lineWidth: number = LINE_WIDTH): string {
  return new PrettyPrinter(lineWidth).print(expr, 0)
}

class PrettyPrinter {
  private readonly lineWidth: number

  constructor(lineWidth: number) {
    this.lineWidth = lineWidth
  }

  print(expr: Expr, level: number): string {
    const line = printExpr(expr)
    // Prometheus leaves the indentation away before a sign's operand and, unlike elsewhere, before a subquery that fits.
    if (expr.type === 'unary') return indent(level) + expr.op + this.print(expr.expr, level).trim()
    if (new Source(line).byteLength <= this.lineWidth) return expr.type === 'subquery' ? line : indent(level) + line
    switch (expr.type) {
      case 'number':
      case 'string':
      case 'vector':
      case 'matrix':
        return indent(level) + line
      case 'subquery':
        return `${this.print(expr.expr, level)}${printSubqueryRange(expr)}`
      case 'paren':
        return this.paren(expr, level)
      case 'call':
        return this.call(expr, level)
      case 'aggregate':
        return this.aggregate(expr, level)
      case 'binary':
        return this.binary(expr, level)
    }
  }

  private paren(expr: Paren, level: number): string {
    return `${indent(level)}(\n${this.print(expr.expr, level + 1)}\n${indent(level)})`
  }

  private call(expr: Call, level: number): string {
    return `${indent(level)}${expr.func}(\n${this.list(expr.args, level + 1)}\n${indent(level)})`
  }

  private aggregate(expr: Aggregate, level: number): string {
    const args = expr.param === null ? [expr.expr] : [expr.param, expr.expr]
    return `${indent(level)}${printAggregation(expr)}(\n${this.list(args, level + 1)}\n${indent(level)})`
  }

  private binary(expr: Binary, level: number): string {
    return `${this.print(expr.left, level + 1)}\n${indent(level)}${printOperator(expr)}\n${this.print(expr.right, level + 1)}`
  }

  private list(args: readonly Expr[], level: number): string {
    return args.map((arg) => this.print(arg, level)).join(',\n')
  }
}

function indent(level: number): string {
  return INDENT.repeat(level)
}
