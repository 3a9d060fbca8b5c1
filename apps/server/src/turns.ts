/**
 * Turns: long work on the server's one thread, in slices between which others have their turn, and series of any length, in runs.
 */
import type { SampleBuffer, SelectedSeries } from '@tsink/core'
import { yieldToHost } from './cancellation.ts'

/** So long work keeps the thread before others have their turn. */
const SLICE_MS = 10
/** Samples of one series that are read at once; a series of any length comes in runs of so many. */
const RUN_SAMPLES = 65_536

export class Turns {
  #began = performance.now()

  get isDue(): boolean {
    return performance.now() - this.#began >= SLICE_MS
  }

  /** Gives the others a turn. */
  async give(): Promise<void> {
    await yieldToHost()
    this.#began = performance.now()
  }
}

/** Does work in slices to its end, with turns for the others in between. */
export async function inTurns<T>(work: Generator<void, T, undefined>): Promise<T> {
  const turns = new Turns()
  for (;;) {
    const next = work.next()
    if (next.done === true) return next.value
    if (turns.isDue) await turns.give()
  }
}

/** Fills the buffer with a series' samples, run by run. */
export function* runsOf(series: SelectedSeries, buffer: SampleBuffer): Generator<void, void, undefined> {
  if (series.maxSamples > RUN_SAMPLES && series.readRuns !== undefined) {
    for (const _ of series.readRuns(buffer, RUN_SAMPLES)) yield
    return
  }
  series.read(buffer)
  if (buffer.count > 0) yield
}
