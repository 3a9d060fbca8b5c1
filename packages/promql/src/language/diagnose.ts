/**
 * Diagnosis: what is wrong with a query, and what is probably not meant. What the parser refuses is an error; everything else is a warning
 * or a hint that follows from the tree and from what is known of the data.
 */
import { METRIC_NAME, type Matcher } from '@tsink/core'
import { children, unwrapParens, type Aggregate, type Call, type Expr, type VectorSelector } from '../ast.ts'
import type { ParserOptions } from '../features.ts'
import { tryParse } from '../parse.ts'
import { printMatcher } from '../printer.ts'
import { Source } from '../source.ts'
import { quote } from '../strings.ts'
import { describeMetric, type Metadata, type MetricDescription, type TextRange } from './metadata.ts'
import { isCounterType } from './vocabulary.ts'

export type Severity = 'error' | 'warning' | 'info'

export type DiagnosticCode =
  | 'syntax'
  | 'unknown-metric'
  | 'no-series'
  | 'contradiction'
  | 'counter-expected'
  | 'gauge-expected'
  | 'missing-le'
  | 'bucket-expected'
  | 'plain-regex'

/** One remark about a stretch of the text. */
export interface Diagnostic extends TextRange {
  readonly severity: Severity
  readonly code: DiagnosticCode
  readonly message: string
}

/** Functions for counters: on a gauge every decrease looks like a reset. */
const FOR_COUNTERS: ReadonlySet<string> = new Set(['rate', 'irate', 'increase', 'resets'])
/** Functions for gauges: on a counter every reset looks like a decrease. */
const FOR_GAUGES: ReadonlySet<string> = new Set(['delta', 'idelta', 'deriv', 'predict_linear'])
/** Functions whose argument may well select nothing. */
const ABOUT_ABSENCE: ReadonlySet<string> = new Set(['absent', 'absent_over_time'])

/** All remarks about a query, in the order of the text. Metadata is asked only for what parses. */
export async function diagnose(text: string, metadata: Metadata, options: ParserOptions = {}): Promise<Diagnostic[]> {
  const source = new Source(text)
  const { expr, problems } = tryParse(text, options)
  if (expr === null) {
    return problems.map(({ start, end, message }) => ({ ...rangeOf(source, start, end), severity: 'error', code: 'syntax', message }))
  }
  const diagnosis = new Diagnosis(source, metadata)
  await diagnosis.visit(expr, null)
  return diagnosis.found.sort((a, b) => a.from - b.from)
}

class Diagnosis {
  readonly found: Diagnostic[] = []
  private readonly source: Source
  private readonly metadata: Metadata

  constructor(source: Source, metadata: Metadata) {
    this.source = source
    this.metadata = metadata
  }

  /** `call` is the function whose argument the expression is, parentheses aside. */
  async visit(expr: Expr, call: Call | null): Promise<void> {
    if (expr.type === 'vector') return this.selector(expr, call)
    if (expr.type === 'matrix') return this.selector(expr.selector, call)
    if (expr.type === 'call' && expr.func === 'histogram_quantile') await this.histogramQuantile(expr)
    const inner = expr.type === 'call' ? expr : expr.type === 'paren' ? call : null
    for (const child of children(expr)) {
      // The second argument of info() selects no series of its own.
      if (child.type !== 'vector' || !child.labelsOnly) await this.visit(child, inner)
    }
  }

  private remark(expr: Expr, severity: Severity, code: DiagnosticCode, message: string): void {
    this.found.push({ ...rangeOf(this.source, expr.start, expr.end), severity, code, message })
  }

  private async selector(expr: VectorSelector, call: Call | null): Promise<void> {
    this.plainRegexes(expr)
    if (call !== null && ABOUT_ABSENCE.has(call.func)) return
    const contradiction = contradictionOf(expr.matchers)
    if (contradiction !== null) {
      this.remark(expr, 'warning', 'contradiction', `matches nothing: ${contradiction}`)
      return
    }
    const metric = metricOf(expr)
    const description = metric === null ? null : await describeMetric(this.metadata, metric)
    if (!(await this.metadata.hasSeries(expr.matchers))) await this.nothingFound(expr, metric)
    if (metric !== null && description !== null && call !== null) this.typeOf(expr, metric, description, call)
  }

  private async nothingFound(expr: VectorSelector, metric: string | null): Promise<void> {
    const isKnown = metric === null || (await this.metadata.hasSeries(expr.matchers.filter((matcher) => matcher.name === METRIC_NAME)))
    if (isKnown) {
      this.remark(expr, 'warning', 'no-series', 'no series matches')
      return
    }
    const near = await this.nearest(metric)
    const hint = near === null ? '' : `; did you mean ${near}?`
    this.remark(expr, 'warning', 'unknown-metric', `there is no metric ${quote(metric)}${hint}`)
  }

  /** The known metric that differs least from a name, when it differs little. */
  private async nearest(metric: string): Promise<string | null> {
    const names = new Set<string>()
    for (const part of [metric.slice(0, 4), metric.slice(-8)]) for (const name of await this.metadata.metrics(part, 500)) names.add(name)
    let best: string | null = null
    let least = Math.max(2, Math.floor(metric.length / 4)) + 1
    for (const name of names) {
      const distance = editDistance(metric, name, least)
      if (distance >= least) continue
      best = name
      least = distance
    }
    return best
  }

  private typeOf(expr: VectorSelector, metric: string, { type }: MetricDescription, call: Call): void {
    if (FOR_COUNTERS.has(call.func) && type === 'gauge') {
      const instead =
        call.func === 'rate' || call.func === 'irate' ? 'deriv() or delta()' : call.func === 'resets' ? 'changes()' : 'delta()'
      this.remark(expr, 'warning', 'counter-expected', `${call.func}() is for counters, but ${metric} is a gauge: use ${instead}`)
    }
    if (FOR_GAUGES.has(call.func) && isCounterType(type)) {
      this.remark(expr, 'warning', 'gauge-expected', `${call.func}() is for gauges, but ${metric} is a ${type}: use rate() or increase()`)
    }
  }

  private plainRegexes(expr: VectorSelector): void {
    for (const matcher of expr.matchers) {
      if (matcher.regex === null || matcher.value === '' || /[\\.+*?()|[\]{}^$]/.test(matcher.value)) continue
      const equal = `${matcher.name}${matcher.type === '=~' ? '=' : '!='}${quote(matcher.value)}`
      this.remark(expr, 'info', 'plain-regex', `${printMatcher(matcher)} has no special characters: ${equal} says the same`)
    }
  }

  /** Classic histograms are buckets with the label `le`: without it, or without `_bucket`, there is no quantile. */
  private async histogramQuantile(call: Call): Promise<void> {
    const [, histogram] = call.args
    if (histogram === undefined) return
    const { selector, dropping } = pathToSelector(histogram)
    const metric = selector === null ? null : metricOf(selector)
    if (selector === null || metric === null) return
    const isBucket = metric.endsWith('_bucket')
    if (dropping !== null && isBucket) {
      const cure = dropping.without ? 'do not drop it' : `add it: ${dropping.op} by (${[...dropping.grouping, 'le'].join(', ')})`
      this.remark(dropping, 'warning', 'missing-le', `histogram_quantile() needs the label le, which ${dropping.op} drops here; ${cure}`)
    }
    if (isBucket || (await this.metadata.hasSeries(selector.matchers))) return
    const buckets = await this.metadata.metrics(`${metric}_bucket`, 1)
    if (!buckets.includes(`${metric}_bucket`)) return
    this.remark(selector, 'warning', 'bucket-expected', `the buckets of ${metric} are the metric ${metric}_bucket`)
  }
}

/** The one selector under functions and aggregations, and the outermost aggregation on the way that drops `le`. */
function pathToSelector(expr: Expr): { selector: VectorSelector | null; dropping: Aggregate | null } {
  let dropping: Aggregate | null = null
  for (let node = unwrapParens(expr); ;) {
    if (node.type === 'vector') return { selector: node, dropping }
    if (node.type === 'matrix') return { selector: node.selector, dropping }
    if (node.type === 'aggregate') {
      const keepsSeries = node.op === 'topk' || node.op === 'bottomk' || node.op === 'limitk' || node.op === 'limit_ratio'
      if (!keepsSeries && node.grouping.includes('le') === node.without) dropping ??= node
      node = unwrapParens(node.expr)
    } else {
      const inner = children(node).filter((child) => child.type !== 'number' && child.type !== 'string')
      if (inner.length !== 1) return { selector: null, dropping }
      node = unwrapParens(inner[0]!)
    }
  }
}

/** The metric that a selector names for certain. */
function metricOf(expr: VectorSelector): string | null {
  const name = expr.matchers.find((matcher) => matcher.name === METRIC_NAME && matcher.type === '=')
  return name === undefined || name.value === '' ? null : name.value
}

/** Two matchers that no value meets at once, in words, or null. */
function contradictionOf(matchers: readonly Matcher[]): string | null {
  for (const equal of matchers) {
    if (equal.type !== '=') continue
    const other = matchers.find((matcher) => matcher.name === equal.name && !matcher.matches(equal.value))
    if (other !== undefined) return `${printMatcher(equal)} and ${printMatcher(other)} exclude each other`
  }
  return null
}

/** How many letters have to change to make one word the other; `bound` or more count as `bound`. */
function editDistance(a: string, b: string, bound: number): number {
  if (Math.abs(a.length - b.length) >= bound) return bound
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const change = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(change, row[j]! + 1, next[j - 1]! + 1))
    }
    if (Math.min(...next) >= bound) return bound
    row = next
  }
  return Math.min(row[b.length]!, bound)
}

function rangeOf(source: Source, start: number, end: number): TextRange {
  return { from: source.indexAt(start), to: source.indexAt(Math.min(Math.max(end, start), source.byteLength)) }
}
