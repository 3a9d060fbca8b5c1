/**
 * Scan: rows page by page, in the order of labels and time. A cursor says where the last page ended; it needs nothing kept open between pages.
 */
import { Labels, Matcher, TsinkError } from '@tsink/core'
import type { Engine } from '@tsink/engine'
import { partsOf, Reader, selectionOf } from './read.ts'
import { inclusive } from './times.ts'
import type { Precision, Row, Time, TimeRange, Value } from './types.ts'

export interface ScanOptions<P extends Precision = 'ms'> extends TimeRange<P> {
  /** Most rows in a page. Default 10,000. */
  readonly maxRows?: number
  /** The `cursor` of the page before. */
  readonly cursor?: string | undefined
}

export interface ScanPage<P extends Precision = 'ms'> {
  readonly rows: Row<P>[]
  /** Where the next page begins; undefined when there is nothing more. */
  readonly cursor: string | undefined
}

export async function scan<P extends Precision>(
  engine: Engine,
  matchers: readonly Matcher[],
  options: ScanOptions<P>,
  nanoseconds: boolean,
): Promise<ScanPage<P>> {
  const { maxRows = 10_000, start, end } = options
  if (!(Number.isInteger(maxRows) && maxRows > 0))
    throw new TsinkError('BAD_REQUEST', `maxRows is ${maxRows}; it must be a whole number above 0`)
  const after = options.cursor === undefined ? null : parseCursor(options.cursor)
  const listing = await engine.series({ selectors: [matchers], ...inclusive(options, nanoseconds) })
  const rows: Row<P>[] = []
  for (const labels of listing.items) {
    const order = after === null ? 1 : labels.compare(after.labels)
    if (order < 0) continue
    const range: TimeRange<P> = {
      ...(start === undefined ? {} : { start }),
      ...(end === undefined ? {} : { end }),
      ...(order === 0 ? { start: after!.next as Time<P> } : {}),
    }
    if (range.start !== undefined && end !== undefined && range.start >= end) continue
    const reader = new Reader<P>({}, nanoseconds)
    const exact = [...labels].map(([name, value]) => Matcher.equal(name, value))
    for await (const page of engine.select(selectionOf(exact, range, nanoseconds))) {
      for (const series of page) if (series.labels.equals(labels)) reader.take(series)
    }
    const parts = partsOf(labels)
    for (const columns of reader.finish()) {
      const { timestamps, values, kind } = columns
      for (let i = 0; i < timestamps.length; i++) {
        const timestamp = timestamps[i] as Time<P>
        if (rows.length === maxRows) return { rows, cursor: printCursor(labels, timestamp) }
        rows.push({ ...parts, timestamp, value: values[i] as Value, ...(kind === 'u64' ? { kind } : {}) })
      }
    }
  }
  return { rows, cursor: undefined }
}

/** A cursor: the labels of the next row and its time. For people it is opaque. */
function printCursor(labels: Labels, next: number | bigint): string {
  return JSON.stringify([typeof next === 'bigint' ? `${next}n` : next, ...labels])
}

function parseCursor(cursor: string): { labels: Labels; next: number | bigint } {
  try {
    const [next, ...pairs] = JSON.parse(cursor) as [number | string, ...[string, string][]]
    return { labels: Labels.from(pairs), next: typeof next === 'string' ? BigInt(next.slice(0, -1)) : next }
  } catch (cause) {
    throw new TsinkError('BAD_REQUEST', 'the cursor is not one that scan gave', { cause })
  }
}
