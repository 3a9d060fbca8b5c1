/**
 * Results as a table for people: one line a series for instant queries, one line a sample for ranges.
 */
import type { QueryValue } from '@tsink/core'

/** Prometheus's answer, as far as it is printed. */
export interface Answer {
  readonly data: { readonly resultType: QueryValue['type']; readonly result: readonly unknown[] }
  readonly warnings?: readonly string[]
  readonly infos?: readonly string[]
}

type Pair = readonly [seconds: number, value: string]

interface Element {
  readonly metric: Readonly<Record<string, string>>
  readonly value?: Pair
  readonly histogram?: readonly [number, { readonly count: string; readonly sum: string }]
  readonly values?: readonly Pair[]
  readonly histograms?: readonly (readonly [number, { readonly count: string; readonly sum: string }])[]
}

export function printTable({ data }: Answer): string {
  const { resultType, result } = data
  if (resultType === 'scalar' || resultType === 'string') {
    const [seconds, value] = result as unknown as Pair
    return align([[time(seconds), value]])
  }
  const elements = result as readonly Element[]
  if (elements.length === 0) return 'no series\n'
  const rows: string[][] = []
  for (const { metric, value, histogram, values, histograms } of elements) {
    const name = series(metric)
    if (value !== undefined) rows.push([name, value[1], time(value[0])])
    if (histogram !== undefined) rows.push([name, summary(histogram[1]), time(histogram[0])])
    for (const [seconds, sample] of values ?? []) rows.push([name, sample, time(seconds)])
    for (const [seconds, sample] of histograms ?? []) rows.push([name, summary(sample), time(seconds)])
  }
  return align(rows)
}

function series(metric: Readonly<Record<string, string>>): string {
  const { __name__: name = '', ...rest } = metric
  const labels = Object.entries(rest).map(([label, value]) => `${label}=${JSON.stringify(value)}`)
  return labels.length === 0 && name !== '' ? name : `${name}{${labels.join(', ')}}`
}

function summary({ count, sum }: { readonly count: string; readonly sum: string }): string {
  return `histogram: count ${count}, sum ${sum}`
}

function time(seconds: number): string {
  return new Date(Math.round(seconds * 1_000)).toISOString()
}

function align(rows: readonly (readonly string[])[]): string {
  const widths: number[] = []
  for (const row of rows) for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, cell.length)
  return `${rows.map((row) => row.map((cell, i) => (i === row.length - 1 ? cell : cell.padEnd(widths[i]!))).join('  ')).join('\n')}\n`
}
