/**
 * Evaluating: from a query text to its answer. Parse, resolve durations, plan, run, and give the result its final shape: names that were to be
 * dropped are gone, label sets are unique, a matrix is in order of labels.
 */
import { Labels, TsinkError, type Histogram, type MatrixSeries, type QueryResult, type QueryValue, type VectorSample } from '@tsink/core'
import type { Expr } from './ast.ts'
import { resolveDurations } from './durations.ts'
import { Execution, type Held } from './evaluate/execution.ts'
import { runner } from './evaluate/execute.ts'
import { ABSENT, FLOAT, owned, runOf, samplesOf, type Grid, type StepSeries } from './evaluate/steps.ts'
import { mergeEqual } from './evaluate/unique.ts'
import { extendSamples } from './functions/extended.ts'
import { analysisOf, type Analysis } from './explain.ts'
import { readRange, shapeOf } from './operators/range.ts'
import { settle, type QueryOptions, type Settings } from './options.ts'
import { parseExpr } from './parse.ts'
import type { MatrixPlan, Plan } from './plan.ts'
import { valueType } from './check.ts'
import { planQuery, type QueryRange } from './planner.ts'
import { isTimeless, keyOf } from './query-cache.ts'

/** How a query went. */
export interface QueryStats {
  /** Samples read from the store. */
  readonly samplesRead: number
  /** The most samples held at one moment. */
  readonly peakSamples: number
  /**
   * Samples that the selectors look at, by step: one that lies in the windows of several steps counts at each of them. Null unless
   * {@link QueryOptions.stats} asked for it.
   */
  readonly queryableSamples: Float64Array | null
  /** Samples that a step looks at and the step before did not. Null as above. */
  readonly newSamples: Float64Array | null
  /** The times of the steps in Unix milliseconds. Null as above. */
  readonly timestamps: Float64Array | null
}

/** A query's answer with its statistics, and the analysis of its plan where one was asked for. */
export interface EvaluatedResult extends QueryResult {
  readonly stats: QueryStats
  readonly analysis: Analysis | null
}

/**
 * Evaluates a query at one moment.
 * @throws TsinkError BAD_QUERY when it does not parse, EXECUTION when this data does not allow it, QUERY_SAMPLES, QUERY_SERIES or
 *   QUERY_MEMORY at a limit, DEADLINE, CANCELED, and whatever the store throws.
 */
export async function instantQuery(query: string | Expr, timeMs: number, options: QueryOptions): Promise<EvaluatedResult> {
  const settings = settle(options)
  const range = { startMs: timeMs, endMs: timeMs, stepMs: 0 }
  const { plan, text } = prepare(query, range, settings)
  const grid: Grid = { startMs: timeMs, stepMs: 0, count: 1, inner: false }
  const execution = new Execution(settings, range, grid.count, text, runner)
  return finish(plan, grid, execution, await run(plan, grid, execution, true))
}

/**
 * Evaluates a query at every step from `startMs` to `endMs`, both inclusive.
 * @throws TsinkError BAD_RANGE when the range is none; else as {@link instantQuery}.
 */
export async function rangeQuery(
  query: string | Expr,
  range: { readonly startMs: number; readonly endMs: number; readonly stepMs: number },
  options: QueryOptions,
): Promise<EvaluatedResult> {
  const settings = settle(options)
  const { startMs, endMs, stepMs } = range
  if (!(stepMs > 0)) {
    throw new TsinkError('BAD_RANGE', 'zero or negative query resolution step widths are not accepted. Try a positive integer')
  }
  if (endMs < startMs) throw new TsinkError('BAD_RANGE', 'end timestamp must not be before start time')
  const { plan, text } = prepare(query, range, settings)
  const grid: Grid = { startMs, stepMs, count: Math.floor((endMs - startMs) / stepMs) + 1, inner: false }
  const execution = new Execution(settings, range, grid.count, text, runner)
  return finish(plan, grid, execution, await run(plan, grid, execution, false))
}

function prepare(query: string | Expr, range: QueryRange, settings: Settings): { plan: Plan; text: string } {
  if (typeof query !== 'string') return { plan: planned(query, range, settings), text: '' }
  const { cache } = settings
  if (cache === null) return { plan: planned(parseExpr(query, settings.features), range, settings), text: query }
  const key = keyOf(query, settings)
  const known = cache.get(key)
  if (known !== undefined && known.plan !== null) {
    assertFits(known.expr, range)
    return { plan: known.plan, text: query }
  }
  const expr = known?.expr ?? parseExpr(query, settings.features)
  const plan = planned(expr, range, settings)
  if (known === undefined) cache.set(key, { expr, plan: isTimeless(expr) ? plan : null })
  return { plan, text: query }
}

function planned(parsed: Expr, range: QueryRange, settings: Settings): Plan {
  const expr = resolveDurations(parsed, { stepMs: range.stepMs, rangeMs: range.endMs - range.startMs })
  assertFits(expr, range)
  return planQuery(expr, range, settings)
}

/** @throws TsinkError BAD_QUERY when a range query asks for what only an instant query can give. */
function assertFits(expr: Expr, range: QueryRange): void {
  if (range.stepMs === 0) return
  const type = valueType(expr)
  if (type !== 'matrix' && type !== 'string') return
  const name = type === 'matrix' ? 'range vector' : 'string'
  throw new TsinkError('BAD_QUERY', `invalid expression type "${name}" for range query, must be Scalar or instant Vector`)
}

/** Plans a query without running it. */
export function planOf(query: string | Expr, range: QueryRange, options: QueryOptions): Plan {
  return prepare(query, range, settle(options)).plan
}

function finish(plan: Plan, grid: Grid, execution: Execution, value: QueryValue): EvaluatedResult {
  const { annotations, samplesRead, peakSamples, counts } = execution
  return {
    value,
    warnings: annotations.warnings(),
    infos: annotations.infos(),
    stats: {
      samplesRead,
      peakSamples,
      queryableSamples: counts?.queryable ?? null,
      newSamples: counts?.fresh ?? null,
      timestamps: counts === null ? null : timesOf(grid),
    },
    analysis: execution.settings.analyze ? analysisOf(plan, execution) : null,
  }
}

async function run(plan: Plan, grid: Grid, execution: Execution, instant: boolean): Promise<QueryValue> {
  execution.stopIfEnded()
  switch (plan.kind) {
    case 'string':
      return { type: 'string', timestamp: grid.startMs, value: plan.value }
    case 'matrix':
      return { type: 'matrix', series: await collectMatrix(plan, grid, execution) }
    case 'number':
    case 'clock':
    case 'lower':
    case 'scalars': {
      const values = await execution.scalar(plan, grid)
      if (instant) return { type: 'scalar', timestamp: grid.startMs, value: values[0]! }
      return { type: 'matrix', series: [scalarSeries(values, grid)] }
    }
    default: {
      const held = cleanUp(await execution.collect(plan, grid))
      if (instant) return { type: 'vector', samples: held.map((series) => sampleOf(series, grid.startMs)) }
      const times = timesOf(grid)
      const series = held.map((series) => matrixSeries(series, times))
      return { type: 'matrix', series: series.sort((a, b) => a.labels.compare(b.labels)) }
    }
  }
}

/** Removes the names that were only marked, and brings together what is the same without them. */
function cleanUp({ series }: Held): readonly StepSeries[] {
  if (!series.some(({ dropName }) => dropName)) return series
  const cleaned = series.map((given) => {
    if (!given.dropName) return given
    const changed = owned(given)
    changed.labels = changed.labels.withoutSchema()
    return changed
  })
  return mergeEqual(cleaned)
}

function sampleOf({ labels, values, histograms }: StepSeries, timestamp: number): VectorSample {
  const histogram = histograms?.[0] ?? null
  return { labels, timestamp, value: histogram === null ? values[0]! : histogram.sum, histogram }
}

function scalarSeries(values: Float64Array, grid: Grid): MatrixSeries {
  return { labels: Labels.EMPTY, timestamps: timesOf(grid), values, histograms: null }
}

/** `times` are those of the grid; series without gaps take a part of them, and their own values, as they are. */
function matrixSeries(series: StepSeries, times: Float64Array): MatrixSeries {
  const { labels, kinds, values, histograms } = series
  const run = runOf(series)
  if (run !== null) {
    return { labels, timestamps: times.subarray(run.from, run.to), values: values.subarray(run.from, run.to), histograms: null }
  }
  const count = samplesOf(series)
  const timestamps = new Float64Array(count)
  const found = new Float64Array(count)
  const foundHistograms: (Histogram | undefined)[] | null = histograms === null ? null : []
  let at = 0
  for (let k = 0; k < kinds.length; k++) {
    if (kinds[k] === ABSENT) continue
    timestamps[at] = times[k]!
    if (foundHistograms !== null) foundHistograms[at] = kinds[k] === FLOAT ? undefined : histograms![k]
    found[at] = kinds[k] === FLOAT ? values[k]! : histograms![k]!.sum
    at++
  }
  const any = foundHistograms?.some((histogram) => histogram !== undefined) === true
  return { labels, timestamps, values: found, histograms: any ? foundHistograms : null }
}

function timesOf(grid: Grid): Float64Array {
  const times = new Float64Array(grid.count)
  for (let k = 0; k < grid.count; k++) times[k] = grid.startMs + k * grid.stepMs
  return times
}

/** A range vector as the result of an instant query: the samples themselves. */
async function collectMatrix(plan: MatrixPlan, grid: Grid, execution: Execution): Promise<MatrixSeries[]> {
  const { source } = plan
  const { endMs } = shapeOf(source, grid)
  const startMs = endMs - source.rangeMs
  const all: MatrixSeries[] = []
  const extended = source.input.kind === 'selector' ? source.input.extended : 'none'
  for await (const page of readRange(source, grid, plan.lookbackMs, plan.id, execution)) {
    for (const { labels, dropName, samples: read } of page) {
      const samples = extended === 'none' ? read : extendSamples(read, startMs, endMs, extended === 'smoothed', plan.lookbackMs)
      if (samples === null) continue
      let from = 0
      let to = samples.count
      // The left border of an extended range is one of its samples.
      if (extended === 'none') while (from < to && samples.timestamps[from]! <= startMs) from++
      while (to > from && samples.timestamps[to - 1]! > endMs) to--
      if (from === to) continue
      execution.hold(to - from, (to - from) * 16)
      const series: MatrixSeries = {
        labels: dropName ? labels.withoutSchema() : labels,
        timestamps: samples.timestamps.slice(from, to),
        values: samples.values.slice(from, to),
        histograms: samples.histograms?.slice(from, to) ?? null,
      }
      all.push(series)
    }
    if (execution.due) await execution.pause()
  }
  all.sort((a, b) => a.labels.compare(b.labels))
  for (let i = 1; i < all.length; i++) {
    if (all[i - 1]!.labels.equals(all[i]!.labels)) throw new TsinkError('EXECUTION', 'vector cannot contain metrics with the same labelset')
  }
  return all
}
