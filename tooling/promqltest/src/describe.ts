/**
 * Describe: the series notation of scripts, with the line in its errors.
 */
import { parseSeriesDescription, type SeriesDescription } from '@tsink/promql'
import { ScriptError, type Line } from './script.ts'

/** @throws ScriptError with the line when the notation is wrong. */
export function describeSeries(line: Line, text: string = line.text): SeriesDescription {
  try {
    return parseSeriesDescription(text)
  } catch (cause) {
    throw new ScriptError(line.number, cause instanceof Error ? cause.message : String(cause))
  }
}
