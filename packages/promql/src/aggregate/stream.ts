/**
 * Aggregations that need no series once it has gone by: sum, avg, min, max, count, group, stddev, stdvar. Series stream through, groups stay.
 */
import type { Expr } from '../ast.ts'
import type { Execution, Pages } from '../evaluate/execution.ts'
import { ABSENT, FLOAT, HISTOGRAM, isEmpty, StepSeries, type Grid } from '../evaluate/steps.ts'
import { HistogramSum } from '../histogram/sum.ts'
import type { AggregatePlan } from '../plan.ts'
import { quote } from '../strings.ts'
import { ACCUMULATOR_BYTES, accumulatorOf, type FloatAccumulator } from './floats.ts'
import { Grouping } from './grouping.ts'

/** One group: its floats, and its histograms where it has any. */
interface Group {
  add(series: StepSeries): void
  finish(out: StepSeries): void
}

export async function* streamGroups(plan: AggregatePlan, grid: Grid, execution: Execution): Pages {
  const grouping = new Grouping(plan.grouping, plan.without)
  const groups: Group[] = []
  const inner = plan.expr.type === 'aggregate' ? plan.expr.expr : plan.expr
  const bytes = grid.count * ACCUMULATOR_BYTES
  for await (const page of execution.vector(plan.input, grid)) {
    for (const series of page) {
      const number = grouping.of(series.labels, series.dropName)
      if (number === groups.length) {
        execution.hold(0, bytes)
        groups.push(groupOf(plan.op, grid.count, inner, execution))
      }
      groups[number]!.add(series)
      execution.recycle(series)
    }
    if (execution.due) await execution.pause()
  }
  const out: StepSeries[] = []
  for (let i = 0; i < groups.length; i++) {
    const result = new StepSeries(grouping.labels[i]!, grouping.dropName[i]!, grid.count)
    groups[i]!.finish(result)
    if (!isEmpty(result)) out.push(result)
  }
  execution.hold(0, -bytes * groups.length)
  if (out.length > 0) yield out
}

function groupOf(op: string, steps: number, expr: Expr, execution: Execution): Group {
  if (op === 'count' || op === 'group') return new Counting(steps, op === 'group')
  if (op === 'sum' || op === 'avg') return new Summing(op, steps, expr, execution)
  return new FloatsOnly(op, steps, expr, execution)
}

/** `count` and `group`: what a sample is does not matter. */
class Counting implements Group {
  readonly #counts: Int32Array
  readonly #ones: boolean

  constructor(steps: number, ones: boolean) {
    this.#counts = new Int32Array(steps)
    this.#ones = ones
  }

  add({ kinds }: StepSeries): void {
    const counts = this.#counts
    for (let k = 0; k < kinds.length; k++) if (kinds[k] !== ABSENT) counts[k]!++
  }

  finish(out: StepSeries): void {
    for (let k = 0; k < this.#counts.length; k++) {
      if (this.#counts[k] === 0) continue
      out.kinds[k] = FLOAT
      out.values[k] = this.#ones ? 1 : this.#counts[k]!
    }
  }
}

/** Leaves histograms out, and says so. */
class FloatsOnly implements Group {
  readonly #op: string
  readonly #floats: FloatAccumulator
  readonly #expr: Expr
  readonly #execution: Execution

  constructor(op: string, steps: number, expr: Expr, execution: Execution) {
    this.#op = op
    this.#floats = accumulatorOf(op, steps)
    this.#expr = expr
    this.#execution = execution
  }

  add(series: StepSeries): void {
    this.#floats.add(series)
    if (series.histograms === null || !series.kinds.includes(HISTOGRAM)) return
    this.#execution.annotations.info(`ignored histogram in ${this.#op} aggregation`, this.#expr)
  }

  finish(out: StepSeries): void {
    this.#floats.finish(out)
  }
}

/** `sum` and `avg` of floats or of histograms; a step with both has no result. */
class Summing implements Group {
  readonly #floats: FloatAccumulator
  readonly #mean: boolean
  readonly #steps: number
  readonly #expr: Expr
  readonly #execution: Execution
  #sums: (HistogramSum | undefined)[] | null = null
  /** Steps at which exponential and custom buckets met. */
  #broken: Uint8Array | null = null

  constructor(op: string, steps: number, expr: Expr, execution: Execution) {
    this.#floats = accumulatorOf(op, steps)
    this.#mean = op === 'avg'
    this.#steps = steps
    this.#expr = expr
    this.#execution = execution
  }

  add(series: StepSeries): void {
    this.#floats.add(series)
    if (series.histograms !== null) this.#addHistograms(series)
  }

  #addHistograms(series: StepSeries): void {
    this.#sums ??= Array.from({ length: this.#steps })
    this.#broken ??= new Uint8Array(this.#steps)
    for (let k = 0; k < this.#steps; k++) {
      if (series.kinds[k] !== HISTOGRAM || this.#broken[k] === 1) continue
      const histogram = series.histograms![k]!
      const sum = this.#sums[k]
      if (sum === undefined) this.#sums[k] = new HistogramSum(histogram, this.#mean)
      else if (!sum.add(histogram)) {
        this.#broken[k] = 1
        const message = `vector contains a mix of histograms with exponential and custom buckets schemas for metric name ${quote(series.labels.metric)}`
        this.#execution.annotations.warn(message, this.#expr)
      }
    }
  }

  finish(out: StepSeries): void {
    const { annotations } = this.#execution
    this.#floats.finish(out)
    if (this.#sums === null) return
    for (let k = 0; k < this.#steps; k++) {
      const sum = this.#sums[k]
      if (sum === undefined) continue
      if (this.#floats.counts[k]! > 0) {
        out.kinds[k] = ABSENT
        annotations.warn('encountered a mix of histograms and floats for aggregation', this.#expr)
        continue
      }
      if (sum.collision) annotations.warn('conflicting counter resets during histogram aggregation', this.#expr)
      if (sum.reconciled) annotations.info('mismatched custom buckets were reconciled during aggregation', this.#expr)
      if (this.#broken![k] === 0) out.setHistogram(k, sum.result())
    }
  }
}
