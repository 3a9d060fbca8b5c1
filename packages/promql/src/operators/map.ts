/**
 * Functions that map each sample by itself. Series stream through and are changed in place.
 */
import type { Histogram } from '@tsink/core'
import type { Execution, Pages } from '../evaluate/execution.ts'
import { ABSENT, FLOAT, HISTOGRAM, isEmpty, owned, type Grid, type StepSeries } from '../evaluate/steps.ts'
import { greater, lesser } from '../functions/extremes.ts'
import { MAPPINGS, type Mapping } from '../functions/math.ts'
import { scaleHistogram } from '../histogram/arithmetic.ts'
import { histogramVariance } from '../histogram/quantile.ts'
import type { MapPlan } from '../plan.ts'
import { NameDropper } from './names.ts'

type Change = (series: StepSeries, grid: Grid, params: readonly Float64Array[]) => void

export async function* mapSamples(plan: MapPlan, grid: Grid, execution: Execution): Pages {
  const params: Float64Array[] = []
  for (const param of plan.params) params.push(await execution.scalar(param, grid))
  const change = changeOf(plan.func)
  const dropper = new NameDropper(plan.input.names, execution)
  for await (const page of execution.vector(plan.input, grid)) {
    const out: StepSeries[] = []
    for (const given of page) {
      const series = owned(given)
      change(series, grid, params)
      if (isEmpty(series)) continue
      const named = dropper.drop(series)
      if (named !== null) out.push(named)
    }
    if (out.length > 0) yield out
    if (execution.due) await execution.pause()
  }
  const rest = dropper.rest()
  if (rest.length > 0) yield rest
}

function changeOf(func: string): Change {
  const mapping = MAPPINGS[func]
  if (mapping !== undefined) return (series) => mapFloats(series, mapping)
  switch (func) {
    case 'negate':
      return negate
    case 'round':
      return round
    case 'clamp':
      return (series, _, params) => clamp(series, params[0]!, params[1]!)
    case 'clamp_min':
      return (series, _, params) => clamp(series, params[0]!, null)
    case 'clamp_max':
      return (series, _, params) => clamp(series, null, params[0]!)
    case 'timestamp':
      return evaluationTime
    case 'histogram_count':
      return (series) => mapHistograms(series, (h) => h.count)
    case 'histogram_sum':
      return (series) => mapHistograms(series, (h) => h.sum)
    case 'histogram_avg':
      return (series) => mapHistograms(series, (h) => h.sum / h.count)
    case 'histogram_stdvar':
      return (series) => mapHistograms(series, histogramVariance)
    case 'histogram_stddev':
      return (series) => mapHistograms(series, (h) => Math.sqrt(histogramVariance(h)))
    default:
      // start_timestamp of anything but a selector: the start timestamps are lost.
      return (series) => series.kinds.fill(ABSENT)
  }
}

function mapFloats(series: StepSeries, mapping: Mapping): void {
  const { kinds, values } = series
  for (let k = 0; k < kinds.length; k++) if (kinds[k] === FLOAT) values[k] = mapping(values[k]!)
  dropHistograms(series)
}

function dropHistograms(series: StepSeries): void {
  if (series.histograms === null) return
  const { kinds } = series
  for (let k = 0; k < kinds.length; k++) if (kinds[k] === HISTOGRAM) kinds[k] = ABSENT
  series.histograms = null
}

function mapHistograms(series: StepSeries, of: (histogram: Histogram) => number): void {
  const { kinds, values, histograms } = series
  for (let k = 0; k < kinds.length; k++) {
    if (kinds[k] === HISTOGRAM) {
      values[k] = of(histograms![k]!)
      kinds[k] = FLOAT
    } else kinds[k] = ABSENT
  }
  series.histograms = null
}

function negate(series: StepSeries): void {
  const { kinds, values, histograms } = series
  for (let k = 0; k < kinds.length; k++) {
    if (kinds[k] === FLOAT) values[k] = -values[k]!
    else if (kinds[k] === HISTOGRAM) histograms![k] = scaleHistogram(histograms![k]!, -1)
  }
}

/** Halves go up, also below zero. */
function round(series: StepSeries, _: Grid, params: readonly Float64Array[]): void {
  const { kinds, values } = series
  const to = params[0]
  for (let k = 0; k < kinds.length; k++) {
    if (kinds[k] !== FLOAT) continue
    // By the inverse, since 0.1 is not exact but 10 is.
    const inverse = to === undefined ? 1 : 1 / to[k]!
    values[k] = Math.floor(values[k]! * inverse + 0.5) / inverse
  }
  dropHistograms(series)
}

function clamp(series: StepSeries, least: Float64Array | null, most: Float64Array | null): void {
  const { kinds, values } = series
  for (let k = 0; k < kinds.length; k++) {
    if (kinds[k] !== FLOAT) continue
    const low = least === null ? -Infinity : least[k]!
    const high = most === null ? Infinity : most[k]!
    if (high < low) kinds[k] = ABSENT
    else values[k] = greater(low, lesser(high, values[k]!))
  }
  dropHistograms(series)
}

function evaluationTime(series: StepSeries, grid: Grid): void {
  const { kinds, values } = series
  for (let k = 0; k < kinds.length; k++) {
    if (kinds[k] === ABSENT) continue
    kinds[k] = FLOAT
    values[k] = (grid.startMs + k * grid.stepMs) / 1_000
  }
  series.histograms = null
}
