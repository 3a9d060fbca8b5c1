/**
 * Describe: the series notation of scripts, with histograms that are stepped by PromQL's own addition.
 */
import { assert, type Histogram } from '@tsink/core'
import { addHistograms, parseSeriesDescription, subtractHistograms, type SeriesDescription } from '@tsink/promql'
import { ScriptError, type Line } from './script.ts'

/** @throws ScriptError with the line when the notation is wrong. */
export function describeSeries(line: Line, text: string = line.text): SeriesDescription {
  try {
    return parseSeriesDescription(text, step)
  } catch (cause) {
    throw new ScriptError(line.number, cause instanceof Error ? cause.message : String(cause))
  }
}

function step(base: Histogram, increment: Histogram, sign: 1 | -1): Histogram {
  const combined = sign > 0 ? addHistograms(base, increment) : subtractHistograms(base, increment)
  assert(combined !== null, 'both histograms of a stepped description have buckets of one kind')
  return combined.histogram
}
