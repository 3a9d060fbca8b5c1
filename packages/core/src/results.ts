/**
 * Results: what a query returns, columnar and independent of any wire format.
 */
import type { Histogram } from './histogram.ts'
import type { Labels } from './labels.ts'

/** One series of a matrix: its samples in ascending order of time. Columns are exactly as long as there are samples. */
export interface MatrixSeries {
  readonly labels: Labels
  /** Milliseconds since the Unix epoch. */
  readonly timestamps: Float64Array
  readonly values: Float64Array
  /** A histogram at i means that sample i is one; null when the series holds floats only. */
  readonly histograms: readonly (Histogram | undefined)[] | null
}

/** One element of an instant vector. */
export interface VectorSample {
  readonly labels: Labels
  /** Milliseconds since the Unix epoch. */
  readonly timestamp: number
  readonly value: number
  readonly histogram: Histogram | null
}

export type QueryValue =
  | { readonly type: 'scalar'; readonly timestamp: number; readonly value: number }
  | { readonly type: 'string'; readonly timestamp: number; readonly value: string }
  | { readonly type: 'vector'; readonly samples: readonly VectorSample[] }
  | { readonly type: 'matrix'; readonly series: readonly MatrixSeries[] }

/** A query's answer with what the evaluator wants its author to know, as finished texts with positions. */
export interface QueryResult {
  readonly value: QueryValue
  readonly warnings: readonly string[]
  readonly infos: readonly string[]
}
