/**
 * Windows: what a function of a range works on. The samples of one series stand in columns; step k sees those from `low[k]` up to but not
 * including `high[k]`. Both bounds only move forward, so finding them for all steps walks through the samples once.
 *
 * A function (a {@link WindowFunction}) gets one series at a time and fills the steps of its result in one loop. One that looks at each window
 * anew does so from step `from` up to `to`, so that a series with much to look at can be filled in parts; one that needs a single walk for all
 * windows takes no notice of them.
 */
import { type Histogram } from '@tsink/core'
import { windowBounds } from '@tsink/kernel'
import type { Expr } from '../ast.ts'
import type { Execution } from '../evaluate/execution.ts'
import type { StepSeries } from '../evaluate/steps.ts'

/** Columns of one series' samples in ascending order of time, without stale markers. */
export interface Samples {
  timestamps: Float64Array
  values: Float64Array
  /** A histogram at i means that sample i is one; null when all are floats. */
  histograms: (Histogram | undefined)[] | null
  /** 0 means unknown; null when none is known or they do not count. */
  startTimestamps: Float64Array | null
  count: number
}

export class Window implements Samples {
  timestamps: Float64Array = new Float64Array(0)
  values: Float64Array = new Float64Array(0)
  histograms: (Histogram | undefined)[] | null = null
  startTimestamps: Float64Array | null = null
  count = 0
  readonly steps: number
  /** The steps to fill, from `from` up to but not including `to`: all, unless {@link only} says otherwise. */
  from = 0
  to: number
  readonly low: Int32Array
  readonly high: Int32Array
  /** Step k looks at (end - rangeMs, end] with end = `endMs + k * stepMs`; stepMs is 0 when the time is fixed. */
  readonly rangeMs: number
  readonly endMs: number
  readonly stepMs: number
  /** Step k is evaluated at `evaluationMs + k * evaluationStepMs`. */
  readonly evaluationMs: number
  readonly evaluationStepMs: number
  /** The scalar arguments at each step. */
  readonly params: readonly Float64Array[]
  readonly paramExprs: readonly Expr[]
  readonly execution: Execution
  /** The range argument, where annotations stand. */
  readonly expr: Expr
  /** The metric name of the series at hand. */
  metric = ''

  constructor(shape: WindowShape) {
    this.steps = shape.steps
    this.to = shape.steps
    this.low = new Int32Array(shape.steps)
    this.high = new Int32Array(shape.steps)
    this.rangeMs = shape.rangeMs
    this.endMs = shape.endMs
    this.stepMs = shape.stepMs
    this.evaluationMs = shape.evaluationMs
    this.evaluationStepMs = shape.evaluationStepMs
    this.params = shape.params
    this.paramExprs = shape.paramExprs
    this.execution = shape.execution
    this.expr = shape.expr
  }

  /** Restricts the steps that a function fills to those from `from` up to but not including `to`, until the next series is loaded. */
  only(from: number, to: number): void {
    this.from = from
    this.to = to
  }

  /** Takes the samples of the next series and finds the bounds of every step. */
  load(samples: Samples, metric: string): void {
    this.timestamps = samples.timestamps
    this.values = samples.values
    this.histograms = samples.histograms
    this.startTimestamps = samples.startTimestamps
    this.count = samples.count
    this.metric = metric
    this.only(0, this.steps)
    windowBounds(this.timestamps, this.count, this, this.low, this.high)
  }
}

/** What is the same for all series. */
export interface WindowShape {
  readonly steps: number
  readonly rangeMs: number
  readonly endMs: number
  readonly stepMs: number
  readonly evaluationMs: number
  readonly evaluationStepMs: number
  readonly params: readonly Float64Array[]
  readonly paramExprs: readonly Expr[]
  readonly execution: Execution
  readonly expr: Expr
}

/** Fills the steps of `out` that the window is to fill; steps that have no result stay absent. */
export type WindowFunction = (window: Window, out: StepSeries) => void

/**
 * A window of floats and one of histograms from one of both, each with its own bounds. For series in which both occur.
 */
export class SplitWindow {
  readonly floats: Window
  readonly histograms: Window
  readonly #floatSamples: Samples
  readonly #histogramSamples: Samples

  constructor(shape: WindowShape) {
    this.floats = new Window(shape)
    this.histograms = new Window(shape)
    this.#floatSamples = emptySamples()
    this.#histogramSamples = emptySamples()
  }

  load(mixed: Window): void {
    const floats = this.#floatSamples
    const histograms = this.#histogramSamples
    reserve(floats, mixed.count, mixed.startTimestamps !== null)
    reserve(histograms, mixed.count, mixed.startTimestamps !== null)
    histograms.histograms = []
    floats.count = 0
    histograms.count = 0
    for (let i = 0; i < mixed.count; i++) {
      const histogram = mixed.histograms?.[i]
      const into = histogram === undefined ? floats : histograms
      const at = into.count++
      into.timestamps[at] = mixed.timestamps[i]!
      into.values[at] = mixed.values[i]!
      if (mixed.startTimestamps !== null) into.startTimestamps![at] = mixed.startTimestamps[i]!
      if (histogram !== undefined) histograms.histograms[at] = histogram
    }
    this.floats.load(floats, mixed.metric)
    this.histograms.load(histograms, mixed.metric)
  }

  /** See {@link Window.only}. */
  only(from: number, to: number): void {
    this.floats.only(from, to)
    this.histograms.only(from, to)
  }
}

function emptySamples(): Samples {
  return { timestamps: new Float64Array(0), values: new Float64Array(0), histograms: null, startTimestamps: null, count: 0 }
}

function reserve(samples: Samples, count: number, withStarts: boolean): void {
  if (samples.timestamps.length < count) {
    samples.timestamps = new Float64Array(count * 2)
    samples.values = new Float64Array(count * 2)
  }
  samples.startTimestamps = withStarts ? new Float64Array(samples.timestamps.length) : null
}
