/**
 * What the language service asks about the data. It never reads a store itself: an editor answers from its server, a linter from a file.
 * Positions of the language service are UTF-16 offsets of the text, as editors count, and `to` is exclusive.
 */
import type { Matcher, MetricType } from '@tsink/core'

/** An answer now or later. */
export type Maybe<T> = T | Promise<T>

/** What is known of a metric. */
export interface MetricDescription {
  readonly type: MetricType
  readonly help: string
  readonly unit: string
}

/** The data behind the queries. All names and values are as they are stored. */
export interface Metadata {
  /** Metrics whose names contain `part`, at most `limit`, the most useful first. */
  metrics(part: string, limit: number): Maybe<readonly string[]>
  /** What is known of a metric; null when nothing is. A metric may have series all the same. */
  describe(metric: string): Maybe<MetricDescription | null>
  /** The label names of the series that meet all matchers; of all series when there are none. */
  labelNames(matchers: readonly Matcher[]): Maybe<readonly string[]>
  /** The values of one label among the series that meet all matchers, at most `limit`. */
  labelValues(label: string, matchers: readonly Matcher[], limit: number): Maybe<readonly string[]>
  /** Whether any series meets all matchers. */
  hasSeries(matchers: readonly Matcher[]): Maybe<boolean>
}

/** A stretch of the text. */
export interface TextRange {
  readonly from: number
  readonly to: number
}

/** The parts of a histogram or summary, which are described under its name. */
const PARTS = /_(?:bucket|sum|count)$/

/** What is known of a metric, or of the histogram or summary whose part it is. */
export async function describeMetric(metadata: Metadata, metric: string): Promise<MetricDescription | null> {
  const own = await metadata.describe(metric)
  if (own !== null || !PARTS.test(metric)) return own
  const whole = await metadata.describe(metric.replace(PARTS, ''))
  return whole !== null && (whole.type === 'histogram' || whole.type === 'summary') ? { ...whole, type: 'counter' } : null
}
