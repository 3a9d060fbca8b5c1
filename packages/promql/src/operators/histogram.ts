/**
 * histogram_quantile, histogram_quantiles and histogram_fraction: of native histograms one by one, and of classic ones from the series of
 * their buckets, which are gathered by all labels but `le`.
 */
import type { Labels } from '@tsink/core'
import { forMetric } from '../annotations.ts'
import type { Execution, Pages } from '../evaluate/execution.ts'
import { FLOAT, HISTOGRAM, isEmpty, StepSeries, type Grid } from '../evaluate/steps.ts'
import { mergeEqual } from '../evaluate/unique.ts'
import { ClassicBuckets, type BucketSeries } from '../histogram/classic.ts'
import { histogramFraction, histogramQuantile } from '../histogram/quantile.ts'
import { printShortest } from '../numbers.ts'
import { quote } from '../strings.ts'
import type { HistogramPlan } from '../plan.ts'

/** One native series or the buckets of one classic histogram; both when they have the same labels. */
interface Family {
  readonly labels: Labels
  readonly metric: string
  readonly buckets: BucketSeries[]
  readonly natives: StepSeries[]
}

export async function* ofHistograms(plan: HistogramPlan, grid: Grid, execution: Execution): Pages {
  const params: Float64Array[] = []
  for (const param of plan.params) params.push(await execution.scalar(param, grid))
  if (plan.func !== 'histogram_fraction') checkQuantiles(plan, params, execution)
  const held = await execution.collect(plan.input, grid)
  const families = gather(held.series, plan, execution)
  const out: StepSeries[] = []
  for (const family of families) {
    if (plan.func === 'histogram_quantiles') {
      for (let i = 0; i < params.length; i++) quantilesOf(family, params[i]!, plan, grid, execution, out, plan.label)
    } else if (plan.func === 'histogram_quantile') quantilesOf(family, params[0]!, plan, grid, execution, out, '')
    else fractionsOf(family, params[0]!, params[1]!, plan, grid, execution, out)
    if (execution.due) await execution.pause()
  }
  execution.drop(held)
  const merged = mergeEqual(out)
  if (merged.length > 0) yield merged
}

function checkQuantiles(plan: HistogramPlan, params: readonly Float64Array[], execution: Execution): void {
  for (let i = 0; i < params.length; i++) {
    for (const q of params[i]!) {
      if (q >= 0 && q <= 1) continue
      execution.annotations.warn(`quantile value should be between 0 and 1, got ${printShortest(q)}`, plan.paramExprs[i]!)
    }
  }
}

function gather(all: readonly StepSeries[], plan: HistogramPlan, execution: Execution): Iterable<Family> {
  const families = new Map<string, Family>()
  const familyOf = (labels: Labels, metric: string): Family => {
    const key = labels.key()
    let family = families.get(key)
    if (family === undefined) {
      family = { labels, metric, buckets: [], natives: [] }
      families.set(key, family)
    }
    return family
  }
  // Annotations name the metric only where the result still knows it.
  const named = execution.settings.features.delayedNameRemoval
  for (const series of all) {
    const metric = named ? series.labels.metric : ''
    if (series.kinds.includes(HISTOGRAM)) familyOf(series.labels, metric).natives.push(series)
    if (!series.kinds.includes(FLOAT)) continue
    const le = series.labels.get('le')
    const bound = parseBound(le)
    if (bound === null) {
      const message = `bucket label "le" is missing or has a malformed value of ${quote(le)}${forMetric(metric)}`
      execution.annotations.warn(message, plan.inputExpr)
      continue
    }
    // Without delayed removal the name is gone from the result; buckets of different metrics then fall together, as in the reference.
    familyOf(
      series.labels.filter((name) => name !== 'le'),
      metric,
    ).buckets.push({ bound, series })
  }
  return families.values()
}

/** A bound as Go reads floats; null when it is none. */
function parseBound(text: string): number | null {
  if (/^[+-]?inf(inity)?$/i.test(text)) return text.startsWith('-') ? -Infinity : Infinity
  if (/^[+-]?nan$/i.test(text)) return NaN
  if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text)) return null
  return Number(text)
}

/** Calls one of the two for each step at which the family has something, and warns at steps at which it has both. */
function eachStep(
  family: Family,
  plan: HistogramPlan,
  grid: Grid,
  execution: Execution,
  native: (series: StepSeries, k: number) => void,
  classic: (buckets: ClassicBuckets, k: number) => void,
): void {
  const { natives } = family
  const buckets = new ClassicBuckets(family.buckets)
  for (let k = 0; k < grid.count; k++) {
    const found = natives.length === 0 ? undefined : natives.find((series) => series.kinds[k] === HISTOGRAM)
    const anyClassic = buckets.take(k)
    if (found !== undefined && anyClassic) {
      const message = `vector contains a mix of classic and native histograms${forMetric(family.metric)}`
      execution.annotations.warn(message, plan.inputExpr)
    } else if (found !== undefined) native(found, k)
    else if (anyClassic) classic(buckets, k)
  }
}

function quantilesOf(
  family: Family,
  quantiles: Float64Array,
  plan: HistogramPlan,
  grid: Grid,
  execution: Execution,
  out: StepSeries[],
  label: string,
): void {
  const { annotations } = execution
  const { metric } = family
  const results = new Map<number, StepSeries>()
  const put = (q: number, value: number, k: number): void => {
    // The label value follows the quantile, which may differ from step to step.
    const which = label === '' ? 0 : q
    let result = results.get(which)
    if (result === undefined) {
      result = resultFor(family, grid, execution)
      if (label !== '') result.labels = result.labels.with(label, printBound(q))
      results.set(which, result)
    }
    result.kinds[k] = FLOAT
    result.values[k] = value
  }
  eachStep(
    family,
    plan,
    grid,
    execution,
    (series, k) => {
      const { value, nan } = histogramQuantile(quantiles[k]!, series.histograms![k]!)
      const effect = nan === 'result' ? 'result is NaN' : 'result is skewed higher'
      if (nan !== 'none')
        annotations.info(`input to histogram_quantile has NaN observations, ${effect}${forMetric(metric)}`, plan.inputExpr)
      put(quantiles[k]!, value, k)
    },
    (buckets, k) => {
      const value = buckets.quantile(quantiles[k]!)
      const { straightened } = buckets
      if (straightened !== null) {
        const { lowest, highest, largest } = straightened
        const timeMs = grid.startMs + k * grid.stepMs
        annotations.straightened(plan.inputExpr, { metric, lowest, highest, largest, timeMs, step: k, steps: grid.count })
      }
      put(quantiles[k]!, value, k)
    },
  )
  for (const result of results.values()) out.push(result)
}

function fractionsOf(
  family: Family,
  lower: Float64Array,
  upper: Float64Array,
  plan: HistogramPlan,
  grid: Grid,
  execution: Execution,
  out: StepSeries[],
): void {
  const result = resultFor(family, grid, execution)
  eachStep(
    family,
    plan,
    grid,
    execution,
    (series, k) => {
      const { value, hasNan } = histogramFraction(lower[k]!, upper[k]!, series.histograms![k]!)
      if (hasNan) {
        const message = `input to histogram_fraction has NaN observations, which are excluded from all fractions${forMetric(family.metric)}`
        execution.annotations.info(message, plan.inputExpr)
      }
      result.kinds[k] = FLOAT
      result.values[k] = value
    },
    (buckets, k) => {
      result.kinds[k] = FLOAT
      result.values[k] = buckets.fraction(lower[k]!, upper[k]!)
    },
  )
  if (!isEmpty(result)) out.push(result)
}

function resultFor(family: Family, grid: Grid, execution: Execution): StepSeries {
  const delayed = execution.settings.features.delayedNameRemoval
  return new StepSeries(delayed ? family.labels : family.labels.withoutSchema(), delayed, grid.count)
}

/** A quantile as a label value: always with a decimal point or an exponent, `0.0`, `0.25`, `1e-07`. */
function printBound(value: number): string {
  const text = printShortest(value)
  return /^-?\d+$/.test(text) ? `${text}.0` : text
}
