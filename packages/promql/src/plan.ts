/**
 * Plans: what a query will do, as data. A plan is a tree of operators with every duration, offset and time resolved; it can be printed
 * (see explain.ts), compared and asserted, and running it is a matter of execute.ts alone.
 *
 * Each vector operator says what metric names its series may carry, because removing names can make two series equal, and only where that
 * is possible must all series be held to find out:
 *   none  no series has a name
 *   one   all series have the same name, so that they stay apart without it
 *   many  anything
 */
import type { Matcher } from '@tsink/core'
import type { AggregateOp, BinaryOp, Expr, SetOp, VectorMatching } from './ast.ts'

export type Names = 'none' | 'one' | 'many'

interface Node {
  /** Unique within the plan; statistics are kept by it. */
  readonly id: number
  /** The expression that this operator computes: for positions and explanations. */
  readonly expr: Expr
}

interface VectorNode extends Node {
  readonly names: Names
}

/** Which samples a selector reads: `ref - offset`, where `ref` is the step's time or the fixed `at`. */
export interface Selector {
  readonly matchers: readonly Matcher[]
  /** Milliseconds. */
  readonly offsetMs: number
  /** A fixed time in Unix milliseconds instead of the step's, or null. */
  readonly atMs: number | null
  /** Counter resets of histograms are found while reading and put into the hints: only count and sum are wanted. */
  readonly detectResets: boolean
  /** The function or aggregation above, for the store. */
  readonly above: string
}

/** What an instant selector gives for each step. */
export type SelectMode = 'value' | 'timestamp' | 'start_timestamp' | 'smoothed'

export interface SelectPlan extends VectorNode {
  readonly kind: 'select'
  readonly selector: Selector
  readonly mode: SelectMode
  /** The names that the stored series carry; `names` is what is left of them. */
  readonly carried: Names
  readonly lookbackMs: number
}

export type Extended = 'none' | 'anchored' | 'smoothed'

/** A range: samples of a selector, or of another plan at the steps of a subquery. */
export interface RangeSource {
  readonly rangeMs: number
  readonly input: { readonly kind: 'selector'; readonly selector: Selector; readonly extended: Extended } | SubqueryInput
  readonly expr: Expr
  readonly names: Names
}

export interface SubqueryInput {
  readonly kind: 'subquery'
  readonly plan: VectorPlan
  readonly stepMs: number
  readonly offsetMs: number
  readonly atMs: number | null
}

/** A function of a range, such as `rate(x[5m])`. */
export interface WindowPlan extends VectorNode {
  readonly kind: 'window'
  readonly func: string
  readonly source: RangeSource
  /** The scalar arguments, in order. */
  readonly params: readonly ScalarPlan[]
  readonly paramExprs: readonly Expr[]
  readonly lookbackMs: number
}

/** A range vector as the whole query. */
export interface MatrixPlan extends Node {
  readonly kind: 'matrix'
  readonly source: RangeSource
  readonly lookbackMs: number
}

/** A function that maps each sample by itself: `abs`, `clamp`, `histogram_sum`, unary minus. */
export interface MapPlan extends VectorNode {
  readonly kind: 'map'
  readonly func: string
  readonly input: VectorPlan
  readonly params: readonly ScalarPlan[]
}

/** `label_replace` and `label_join`. */
export interface RelabelPlan extends VectorNode {
  readonly kind: 'relabel'
  readonly func: 'label_replace' | 'label_join'
  readonly input: VectorPlan
  readonly texts: readonly string[]
}

export interface SortPlan extends VectorNode {
  readonly kind: 'sort'
  readonly func: string
  readonly input: VectorPlan
  readonly labels: readonly string[]
}

/** `absent` and `absent_over_time`: 1 with `labels` at the steps at which the input has nothing. */
export interface AbsentPlan extends VectorNode {
  readonly kind: 'absent'
  readonly input: VectorPlan
  readonly labels: readonly (readonly [string, string])[]
}

/** `vector(s)`. */
export interface LiftPlan extends VectorNode {
  readonly kind: 'lift'
  readonly input: ScalarPlan
}

/** `histogram_quantile`, `histogram_quantiles`, `histogram_fraction`. */
export interface HistogramPlan extends VectorNode {
  readonly kind: 'histogram'
  readonly func: 'histogram_quantile' | 'histogram_quantiles' | 'histogram_fraction'
  readonly input: VectorPlan
  readonly inputExpr: Expr
  readonly params: readonly ScalarPlan[]
  readonly paramExprs: readonly Expr[]
  /** The label of `histogram_quantiles`. */
  readonly label: string
}

export interface InfoPlan extends VectorNode {
  readonly kind: 'info'
  readonly input: VectorPlan
  /** Matchers that choose the info series, and those of data labels. */
  readonly matchers: readonly Matcher[]
  readonly offsetMs: number
  readonly atMs: number | null
  readonly lookbackMs: number
}

export interface AggregatePlan extends VectorNode {
  readonly kind: 'aggregate'
  readonly op: AggregateOp
  readonly input: VectorPlan
  readonly param: ScalarPlan | null
  /** The label of `count_values`. */
  readonly label: string
  readonly grouping: readonly string[]
  readonly without: boolean
}

/** A vector with a scalar on one side. */
export interface VectorScalarPlan extends VectorNode {
  readonly kind: 'vector-scalar'
  readonly op: Exclude<BinaryOp, SetOp>
  readonly vector: VectorPlan
  readonly scalar: ScalarPlan
  readonly scalarLeft: boolean
  readonly bool: boolean
}

export interface VectorsPlan extends VectorNode {
  readonly kind: 'vectors'
  readonly op: Exclude<BinaryOp, SetOp>
  readonly left: VectorPlan
  readonly right: VectorPlan
  readonly bool: boolean
  readonly matching: VectorMatching
}

export interface SetPlan extends VectorNode {
  readonly kind: 'set'
  readonly op: SetOp
  readonly left: VectorPlan
  readonly right: VectorPlan
  readonly matching: VectorMatching
}

/** Does not depend on the step: computed once and repeated. */
export interface InvariantPlan extends VectorNode {
  readonly kind: 'invariant'
  readonly input: VectorPlan
}

/** Occurs several times in the query: computed once where memory allows, see operators/repeated.ts. */
export interface SharedPlan extends VectorNode {
  readonly kind: 'shared'
  readonly input: VectorPlan
  /** Equal for all occurrences. */
  readonly key: string
  readonly uses: number
}

export type VectorPlan =
  | SelectPlan
  | WindowPlan
  | MapPlan
  | RelabelPlan
  | SortPlan
  | AbsentPlan
  | LiftPlan
  | HistogramPlan
  | InfoPlan
  | AggregatePlan
  | VectorScalarPlan
  | VectorsPlan
  | SetPlan
  | InvariantPlan
  | SharedPlan

export interface NumberPlan extends Node {
  readonly kind: 'number'
  readonly value: number
}

/** `time()`, `start()`, `end()`, `step()`, `range()`. */
export interface ClockPlan extends Node {
  readonly kind: 'clock'
  readonly func: string
}

/** `scalar(v)`. */
export interface LowerPlan extends Node {
  readonly kind: 'lower'
  readonly input: VectorPlan
}

/** Arithmetic, comparisons, `min_of` and `max_of` of scalars, and the sign. */
export interface ScalarsPlan extends Node {
  readonly kind: 'scalars'
  readonly op: Exclude<BinaryOp, SetOp> | 'min_of' | 'max_of'
  readonly left: ScalarPlan
  readonly right: ScalarPlan
}

export type ScalarPlan = NumberPlan | ClockPlan | LowerPlan | ScalarsPlan

export interface StringPlan extends Node {
  readonly kind: 'string'
  readonly value: string
}

export type Plan = VectorPlan | ScalarPlan | StringPlan | MatrixPlan

/** The plans directly below one. */
export function inputs(plan: Plan): readonly Plan[] {
  switch (plan.kind) {
    case 'number':
    case 'string':
    case 'clock':
    case 'select':
      return []
    case 'window':
      return [...sourceInputs(plan.source), ...plan.params]
    case 'matrix':
      return sourceInputs(plan.source)
    case 'map':
    case 'histogram':
      return [plan.input, ...plan.params]
    case 'aggregate':
      return plan.param === null ? [plan.input] : [plan.input, plan.param]
    case 'vector-scalar':
      return plan.scalarLeft ? [plan.scalar, plan.vector] : [plan.vector, plan.scalar]
    case 'vectors':
    case 'set':
    case 'scalars':
      return [plan.left, plan.right]
    default:
      return [plan.input]
  }
}

function sourceInputs(source: RangeSource): readonly Plan[] {
  return source.input.kind === 'subquery' ? [source.input.plan] : []
}
