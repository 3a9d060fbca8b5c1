/**
 * Values of the naive evaluator: what an expression is at one moment. Plain lists of plain objects; nothing here is meant to be fast.
 */
import { isStale, METRIC_NAME, SampleBuffer, type Labels, type Store } from '@tsink/core'

export interface NaiveSample {
  readonly labels: Labels
  readonly value: number
}

export type NaiveValue =
  | { readonly type: 'scalar'; readonly value: number }
  | { readonly type: 'string'; readonly value: string }
  | { readonly type: 'vector'; readonly samples: readonly NaiveSample[] }

/** One series with all of its samples, stale markers included. */
export interface NaiveSeries {
  readonly labels: Labels
  readonly samples: readonly NaivePoint[]
}

export interface NaivePoint {
  readonly time: number
  readonly value: number
  readonly stale: boolean
}

/** Reads a whole store of floats into lists. */
export async function readAll(store: Store): Promise<readonly NaiveSeries[]> {
  const all: NaiveSeries[] = []
  const buffer = new SampleBuffer()
  for await (const page of store.select({ matchers: [], minTime: -8.64e15, maxTime: 8.64e15 })) {
    for (const series of page) {
      series.read(buffer)
      const samples = Array.from({ length: buffer.count }, (_, i) => ({
        time: buffer.timestamps[i]!,
        value: buffer.values[i]!,
        stale: isStale(buffer.values, i),
      }))
      all.push({ labels: series.labels, samples })
    }
  }
  return all
}

/** A query that PromQL refuses while it runs. */
export class NaiveError extends Error {
  override readonly name = 'NaiveError'
}

/** Labels that describe the metric rather than the series, and go together. */
const SCHEMA_LABELS: ReadonlySet<string> = new Set([METRIC_NAME, '__type__', '__unit__'])

export function withoutName(labels: Labels): Labels {
  return labels.filter((name) => !SCHEMA_LABELS.has(name))
}
