/**
 * QueryCache: queries that were parsed and planned lately. Dashboards and rules ask the same few questions again and again, and reading a text costs more
 * than answering many of them.
 */
import { walk, type Expr } from './ast.ts'
import type { Settings } from './options.ts'
import type { Plan } from './plan.ts'
import { TextCache } from './text-cache.ts'

/** What is known of a text under the settings of its key. */
export interface KnownQuery {
  readonly expr: Expr
  /** The plan, where it is the same at all times; else null. */
  readonly plan: Plan | null
}

/** Queries by the text that {@link keyOf} makes. */
export class QueryCache extends TextCache<KnownQuery> {}

/** What stands for a text in a cache: the text with all that a plan depends on beside it. */
export function keyOf(text: string, { lookbackMs, noStepSubqueryMs, features }: Settings): string {
  const { experimentalFunctions, extendedRangeSelectors, fillModifiers, delayedNameRemoval, useStartTimestamps, typeAndUnitLabels } =
    features
  const bits =
    Number(experimentalFunctions) |
    (Number(extendedRangeSelectors) << 1) |
    (Number(fillModifiers) << 2) |
    (Number(delayedNameRemoval) << 3) |
    (Number(useStartTimestamps) << 4) |
    (Number(typeAndUnitLabels) << 5)
  return `${lookbackMs} ${noStepSubqueryMs} ${bits} ${text}`
}

/** Whether nothing in an expression depends on when, over what range and in what steps it is asked. */
export function isTimeless(expr: Expr): boolean {
  let timeless = true
  walk(expr, (node) => {
    if (node.type === 'vector') timeless &&= node.offsetExpr === null && node.at !== 'start' && node.at !== 'end'
    else if (node.type === 'matrix') timeless &&= node.rangeExpr === null
    else if (node.type === 'subquery') {
      timeless &&= node.rangeExpr === null && node.stepExpr === null && node.offsetExpr === null && node.at !== 'start' && node.at !== 'end'
    }
  })
  return timeless
}
