/**
 * Unique label sets: two series of one vector may not have the same labels at the same step. Series that never meet at a step are one
 * series and are merged; series that do meet are an error.
 */
import { TsinkError, type Labels } from '@tsink/core'
import { ABSENT, owned, type StepSeries } from './steps.ts'

/** Whether removing the schema labels removes more than the metric name. */
export function hasTypeOrUnit(labels: Labels): boolean {
  const { names } = labels
  if (names !== latestNames) {
    latestNames = names
    latestHas = labels.has('__type__') || labels.has('__unit__')
  }
  return latestHas
}

// What was found for the array of names seen last: label sets of one store share theirs.
let latestNames: readonly string[] = []
let latestHas = false

/**
 * The series with equal label sets merged, in order of first occurrence.
 * @throws TsinkError EXECUTION when two of them have a sample at the same step.
 */
export function mergeEqual(all: readonly StepSeries[]): StepSeries[] {
  const byKey = new Map<string, number>()
  const merged: StepSeries[] = []
  for (const series of all) {
    const key = series.labels.key()
    const at = byKey.get(key)
    if (at === undefined) {
      byKey.set(key, merged.length)
      merged.push(series)
    } else merged[at] = merge(owned(merged[at]!), series)
  }
  return merged
}

function merge(into: StepSeries, from: StepSeries): StepSeries {
  for (let k = 0; k < from.kinds.length; k++) {
    if (from.kinds[k] === ABSENT) continue
    if (into.kinds[k] !== ABSENT) throw new TsinkError('EXECUTION', 'vector cannot contain metrics with the same labelset')
    const histogram = from.histograms?.[k]
    if (histogram !== undefined) into.setHistogram(k, histogram)
    else {
      into.kinds[k] = from.kinds[k]!
      into.values[k] = from.values[k]!
    }
  }
  into.dropName ||= from.dropName
  return into
}
