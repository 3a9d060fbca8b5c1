/**
 * Hints: the counter-reset hint that a stored native histogram is given back with. It follows from the sample stored before it, at each read, so
 * that late samples and deletes need no upkeep. Where the sample before the first one read cannot be known without reading more than the
 * selection touches, the hint is `unknown`, which is always right: whoever needs to know then compares.
 */
import { isStaleHistogram, SampleBuffer, storedHint, type Histogram } from '@tsink/core'
import { readSources, type Source } from './read.ts'

/** Gives every histogram of a buffer its hint. `before` is asked for the histogram stored before the first sample, when that matters. */
export function setHints(buffer: SampleBuffer, before: (time: number) => Histogram | undefined): void {
  const { histograms, count } = buffer
  if (histograms === null) return
  let previous: Histogram | undefined
  for (let i = 0; i < count; i++) {
    const each = histograms[i]
    if (each === undefined) {
      previous = undefined
      continue
    }
    if (i === 0 && each.hint !== 'gauge' && each.hint !== 'reset') previous = before(buffer.timestamps[0]!)
    const hint = storedHint(previous, each)
    // The object may be the head's own.
    if (hint !== each.hint) histograms[i] = { ...each, hint }
    previous = each
  }
}

/**
 * The histogram that is the last visible sample of the sources before a time; undefined when that is a float, stale, or not there. `isGap` says
 * whether there may be samples elsewhere between a time and the end: then nobody knows, and the answer is undefined too.
 */
export function lastBefore(
  sources: readonly Source[],
  base: number,
  time: number,
  isGap: (from: number, to: number) => boolean,
): Histogram | undefined {
  const buffer = new SampleBuffer()
  let reach = 0
  for (let end = time - 1; ;) {
    let nearest: Source | undefined
    for (const source of sources) {
      if (source.minTime <= end && (nearest === undefined || Math.min(source.maxTime, end) > Math.min(nearest.maxTime, end)))
        nearest = source
    }
    if (nearest === undefined) return undefined
    // A chunk holds thousands, and one is wanted: a few samples back, then twice as many.
    reach = Math.max(2 * reach, (4 * (nearest.maxTime - nearest.minTime)) / nearest.count)
    const from = Math.max(nearest.minTime, Math.floor(Math.min(end, nearest.maxTime) - reach))
    const touched = sources.filter((source) => source.minTime <= end && source.maxTime >= from)
    readSources(touched, base, from, end, buffer)
    if (buffer.count > 0) {
      const at = buffer.count - 1
      const last = buffer.histograms?.[at]
      if (last === undefined || isStaleHistogram(last)) return undefined
      return isGap(buffer.timestamps[at]!, time) ? undefined : last
    }
    end = from - 1
  }
}
