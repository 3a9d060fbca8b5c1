/** The numbers of metric types, the same in both versions. */
import type { MetricType } from '@tsink/core'

const TYPES: readonly MetricType[] = ['unknown', 'counter', 'gauge', 'histogram', 'gaugehistogram', 'summary', 'info', 'stateset']

export function metricType(number: number): MetricType {
  return TYPES[number] ?? 'unknown'
}

export function metricTypeNumber(type: MetricType): number {
  return TYPES.indexOf(type)
}
