/**
 * Sharing: finds operators that occur more than once in a plan and marks the largest of them, so that `rate(x[5m]) / sum(rate(x[5m]))`
 * reads x once. Two operators are the same when they compute the same thing on the same grid from texts of the same shape; the shape counts
 * because annotations of the one are repeated at the other.
 */
import { inputs, type Plan, type RangeSource, type Selector, type VectorPlan } from './plan.ts'

/** The plan with every repeated operator wrapped into a {@link SharedPlan}. */
export function share(plan: Plan): Plan {
  if (sizeOf(plan) > MAX_OPERATORS) return plan
  const counts = new Map<string, number>()
  const keys = new Map<Plan, string>()
  count(plan, '', counts, keys)
  for (const uses of counts.values()) if (uses > 1) return rewrite(plan, counts, keys, 1)
  return plan
}

/** Finding what repeats costs the square of a plan's depth; plans of more operators than this are machine-made and run as they are. */
const MAX_OPERATORS = 500

function sizeOf(plan: Plan): number {
  let size = 1
  for (const input of inputs(plan)) size += sizeOf(input)
  return size
}

const VECTORS = new Set(['select', 'window', 'map', 'relabel', 'histogram', 'info', 'aggregate', 'vector-scalar', 'vectors', 'set'])

function count(plan: Plan, scope: string, counts: Map<string, number>, keys: Map<Plan, string>): void {
  if (VECTORS.has(plan.kind)) {
    const key = `${scope}|${describe(plan, plan.expr.start)}`
    keys.set(plan, key)
    counts.set(key, (counts.get(key) ?? 0) + 1)
  }
  for (const input of inputs(plan)) count(input, scopeBelow(plan, scope), counts, keys)
}

/** The grid on which a plan's inputs run, as a text. */
function scopeBelow(plan: Plan, scope: string): string {
  if (plan.kind === 'invariant') return `${scope}once;`
  if (plan.kind !== 'window' && plan.kind !== 'matrix') return scope
  const { input, rangeMs } = plan.source
  return input.kind === 'selector' ? scope : `${scope}${rangeMs}:${input.stepMs}@${String(input.atMs)}-${input.offsetMs};`
}

/** Everything that decides what a plan computes, and where in the text it stands relative to `origin`. */
function describe(plan: Plan, origin: number): string {
  const place = `${plan.expr.start - origin}-${plan.expr.end - origin}`
  const own = Object.entries(plan)
    .filter(([name, value]) => !SKIPPED.has(name) && (typeof value !== 'object' || value === null))
    .map(([name, value]) => `${name}=${String(value)}`)
  const parts = [place, ...own]
  if (plan.kind === 'select') parts.push(describeSelector(plan.selector))
  if (plan.kind === 'window' || plan.kind === 'matrix') parts.push(describeSource(plan.source))
  if (plan.kind === 'relabel') parts.push(JSON.stringify(plan.texts))
  if (plan.kind === 'sort' || plan.kind === 'absent') parts.push(JSON.stringify(plan.labels))
  if (plan.kind === 'info') parts.push(JSON.stringify(plan.matchers))
  if (plan.kind === 'aggregate') parts.push(JSON.stringify(plan.grouping))
  if (plan.kind === 'vectors' || plan.kind === 'set') parts.push(JSON.stringify(plan.matching))
  return `(${parts.join(' ')} ${inputs(plan)
    .map((input) => describe(input, origin))
    .join(' ')})`
}

const SKIPPED = new Set(['id', 'expr', 'names'])

/** What stands above a selector is a hint to the store and changes nothing. */
function describeSelector(selector: Selector): string {
  return JSON.stringify({ ...selector, above: '' })
}

function describeSource(source: RangeSource): string {
  const { input } = source
  if (input.kind === 'selector') return `${source.rangeMs} ${input.extended} ${describeSelector(input.selector)}`
  return `${source.rangeMs} ${input.stepMs} ${input.offsetMs} ${String(input.atMs)}`
}

/** `usesAbove` is how often the nearest shared operator above occurs: what occurs no more often than that is shared with it. */
function rewrite<P extends Plan>(plan: P, counts: Map<string, number>, keys: Map<Plan, string>, usesAbove: number): P {
  const key = keys.get(plan)
  const uses = key === undefined ? 0 : counts.get(key)!
  const shares = key !== undefined && uses > usesAbove
  const below = mapInputs(plan, (input) => rewrite(input, counts, keys, shares ? uses : usesAbove))
  if (!shares) return below
  const input = below as unknown as VectorPlan
  const shared: VectorPlan = { kind: 'shared', id: input.id, expr: input.expr, names: input.names, input, key, uses }
  return shared as unknown as P
}

/** The same plan over other inputs. */
function mapInputs<P extends Plan>(plan: P, change: <I extends Plan>(input: I) => I): P {
  const next: Record<string, unknown> = { ...plan }
  for (const name of ['input', 'left', 'right', 'vector', 'scalar', 'param']) {
    const below = next[name]
    if (below !== null && typeof below === 'object') next[name] = change(below as Plan)
  }
  if (Array.isArray(next['params'])) next['params'] = next['params'].map((param: Plan) => change(param))
  if (plan.kind === 'window' || plan.kind === 'matrix') {
    const { input } = plan.source
    if (input.kind === 'subquery') next['source'] = { ...plan.source, input: { ...input, plan: change(input.plan) } }
  }
  return next as unknown as P
}
