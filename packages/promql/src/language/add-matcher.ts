/**
 * Adding a matcher: narrows the selectors of a metric in a query without touching the rest of the text.
 */
import { METRIC_NAME, type Matcher } from '@tsink/core'
import { walk, type Expr, type VectorSelector } from '../ast.ts'
import type { ParserOptions } from '../features.ts'
import { tryParse } from '../parse.ts'
import { printExpr } from '../printer.ts'
import { Source } from '../source.ts'

/**
 * The text with the matcher in each selector of the metric, in the place of an equality on the same label if there is one. Null when the text
 * does not parse or selects no such metric.
 */
export function addMatcher(text: string, metric: string, matcher: Matcher, options: ParserOptions = {}): string | null {
  const { expr } = tryParse(text, options)
  if (expr === null) return null
  const source = new Source(text)
  const selectors = selectorsOf(expr, metric)
  if (selectors.length === 0) return null
  let narrowed = text
  for (const selector of selectors.toSorted((a, b) => b.start - a.start)) {
    const printed = printExpr({ ...selector, matchers: withMatcher(selector.matchers, matcher) })
    narrowed = narrowed.slice(0, source.indexAt(selector.start)) + printed + narrowed.slice(source.indexAt(selector.end))
  }
  return narrowed
}

function selectorsOf(expr: Expr, metric: string): VectorSelector[] {
  const selectors: VectorSelector[] = []
  const take = (selector: VectorSelector): void => {
    if (selector.matchers.some(({ name, type, value }) => name === METRIC_NAME && type === '=' && value === metric))
      selectors.push(selector)
  }
  walk(expr, (node) => {
    if (node.type === 'vector') take(node)
    if (node.type !== 'matrix') return true
    // What stands behind the brackets belongs to the selector, but not to its text.
    take({ ...node.selector, offset: 0, offsetExpr: null, at: null, anchored: false, smoothed: false })
    return false
  })
  return selectors
}

/** The matcher of a name before the braces stays the last, as printers expect it. */
function withMatcher(matchers: readonly Matcher[], added: Matcher): Matcher[] {
  const at = matchers.findIndex(({ name, type }) => name === added.name && type === '=')
  if (at >= 0) return matchers.with(at, added)
  const name = matchers.findLastIndex((matcher) => matcher.name === METRIC_NAME)
  return name === matchers.length - 1 ? [...matchers.slice(0, -1), added, matchers.at(-1)!] : [...matchers, added]
}
