/** Reading the field's own cases, and batches as plain values that tests compare. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { decodeLabels, isStale, type Histogram, type Labels, type WriteBatch } from '@tsink/core'
import { printShortest } from '@tsink/protocols'

export type Case = Record<string, any>

export function readLines(folder: string, name: string): Case[] {
  return readFileSync(join(folder, name), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Case)
}

export interface FlatSample {
  readonly labels: Labels
  readonly timestamp: number
  readonly startTimestamp: number
  readonly value: string | boolean | Histogram
}

/** All samples of a batch, column by column. */
export function flatten(batch: WriteBatch): FlatSample[] {
  const flat: FlatSample[] = []
  for (const column of batch.samples) {
    for (let i = 0; i < column.count; i++) {
      const value = column.values[i] as unknown
      flat.push({
        labels: decodeLabels(batch.series.labelBytes(column.slots[i]!)),
        timestamp: column.base + column.timestamps[i]!,
        startTimestamp: column.startTimestamps?.[i] ?? 0,
        value:
          column.kind === 'f64'
            ? isStale(column.values, i)
              ? 'stale'
              : printShortest(column.values[i]!)
            : column.kind === 'histogram'
              ? (value as Histogram)
              : column.kind === 'bool'
                ? value === 1
                : typeof value === 'bigint'
                  ? `${value}`
                  : (value as string),
      })
    }
  }
  return flat
}

/** One line for each sample: `name{labels} value @timestamp`. */
export function print(batch: WriteBatch): string[] {
  return flatten(batch).map(
    ({ labels, value, timestamp }) => `${labels.toString()} ${typeof value === 'object' ? 'histogram' : value} @${timestamp}`,
  )
}

export const ascii = (text: string): Uint8Array => new TextEncoder().encode(text)

export function inputOf(item: Case): Uint8Array {
  return item['input_base64'] === undefined ? ascii(item['input'] as string) : Buffer.from(item['input_base64'] as string, 'base64')
}
