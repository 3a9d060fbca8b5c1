/** Parquet and Arrow, read back with the libraries that others read them with. */
import { describe, expect, test } from 'vitest'
import { RecordBatchReader, tableFromIPC } from 'apache-arrow'
import { parquetMetadata, parquetReadObjects } from 'hyparquet'
import { histogram, Labels, SampleBuffer, STALE, TsinkError, type ValueKind } from '@tsink/core'
import { ARROW_LIMITS, ArrowEncoder } from '@tsink/protocols/arrow'
import { PARQUET_LIMITS, ParquetEncoder } from '@tsink/protocols/parquet'

const T = 1_700_000_000_000
type Series = readonly [Labels, SampleBuffer]
type Row = Record<string, unknown>

function floats(labels: Record<string, string>, count: number, value: (i: number) => number = (i) => i): Series {
  const samples = new SampleBuffer(count)
  for (let i = 0; i < count; i++) samples.push(T + i * 1_000, value(i))
  return [Labels.of(labels), samples]
}

function one(name: string, kind: ValueKind, fill: (samples: SampleBuffer) => void): Series {
  const samples = new SampleBuffer(1)
  samples.begin(kind)
  samples.reserve(1)
  samples.timestamps[0] = T
  fill(samples)
  samples.count = 1
  return [Labels.of({ __name__: name }), samples]
}

interface TableEncoder {
  series(labels: Labels, samples: SampleBuffer): Iterable<Uint8Array>
  end(): Iterable<Uint8Array>
}

interface Written {
  readonly rows: readonly Row[]
  readonly columns: readonly string[]
  readonly pieces: readonly Uint8Array[]
}

const namesOf = (all: readonly Series[]): string[] => [...new Set(all.flatMap(([labels]) => labels.names))].toSorted()

function piecesOf(encoder: TableEncoder, all: readonly Series[]): Uint8Array<ArrayBuffer>[] {
  const pieces: Uint8Array[] = []
  for (const [labels, samples] of all) pieces.push(...encoder.series(labels, samples))
  return [...pieces, ...encoder.end()].map((piece) => Uint8Array.from(piece))
}

type Write = (all: readonly Series[], layout?: 'columns' | 'json', labelNames?: readonly string[]) => Promise<Written>

const FORMATS: Record<string, Write> = {
  Parquet: async (all, layout = 'columns', labelNames = namesOf(all)) => {
    const pieces = piecesOf(new ParquetEncoder({ labelNames, layout }), all)
    const file = await new Blob(pieces).arrayBuffer()
    const rows: Row[] = await parquetReadObjects({ file })
    const columns = parquetMetadata(file)
      .schema.slice(1)
      .map(({ name }) => name)
    return { rows: rows.map((row) => ({ ...row, timestamp: (row['timestamp'] as Date).getTime() })), columns, pieces }
  },
  Arrow: async (all, layout = 'columns', labelNames = namesOf(all)) => {
    const pieces = piecesOf(new ArrowEncoder({ labelNames, layout }), all)
    const table = tableFromIPC(new Uint8Array(await new Blob(pieces).arrayBuffer()))
    const rows = table.toArray().map((row: { toJSON(): Row }) => row.toJSON())
    return { rows, columns: table.schema.fields.map(({ name }) => name), pieces }
  },
}

const COLUMNS = ['timestamp', 'value', 'kind', 'text']

describe.each(Object.entries(FORMATS))('%s', (_, write) => {
  test('has a row for each sample and a column for each label', async () => {
    const { rows, columns } = await write([
      floats({ __name__: 'cpu', job: 'a', mode: 'idle' }, 2),
      floats({ __name__: 'cpu', job: 'b' }, 1, () => -0.5),
    ])
    expect(columns).toEqual(['metric', 'job', 'mode', ...COLUMNS])
    expect(rows).toEqual([
      { metric: 'cpu', job: 'a', mode: 'idle', timestamp: T, value: 0, kind: 'f64', text: null },
      { metric: 'cpu', job: 'a', mode: 'idle', timestamp: T + 1_000, value: 1, kind: 'f64', text: null },
      { metric: 'cpu', job: 'b', mode: null, timestamp: T, value: -0.5, kind: 'f64', text: null },
    ])
  })

  test('has one column of labels on demand', async () => {
    const { rows, columns } = await write([floats({ __name__: 'cpu', job: 'ä"', mode: 'idle' }, 1)], 'json')
    expect(columns).toEqual(['metric', 'labels', ...COLUMNS])
    expect(rows).toEqual([{ metric: 'cpu', labels: '{"job":"ä\\"","mode":"idle"}', timestamp: T, value: 0, kind: 'f64', text: null }])
  })

  test('tells labels from columns of the same name', async () => {
    const { rows, columns } = await write([floats({ __name__: 'x', value: 'v', label_value: 'l', Kind: 'k' }, 1)])
    expect(columns).toEqual(['metric', 'label_Kind', 'label_value', 'label_label_value', ...COLUMNS])
    expect(rows[0]).toMatchObject({ label_Kind: 'k', label_value: 'l', label_label_value: 'v', kind: 'f64', value: 0 })
  })

  test('keeps every kind of value', async () => {
    const big = 2n ** 63n + 1n
    const { rows } = await write([
      one('small', 'i64', (samples) => {
        samples.integers![0] = -5n
        samples.values[0] = -5
      }),
      one('big', 'u64', (samples) => {
        samples.integers![0] = BigInt.asIntN(64, big)
        samples.values[0] = Number(big)
      }),
      one('yes', 'bool', (samples) => void (samples.values[0] = 1)),
      one('words', 'string', (samples) => void (samples.blobs![0] = new TextEncoder().encode('grün'))),
      one('raw', 'bytes', (samples) => void (samples.blobs![0] = Uint8Array.of(255, 0))),
      one('spread', 'histogram', (samples) => {
        const positiveBuckets = Float64Array.of(3)
        samples.histograms![0] = histogram({ count: 3, sum: 4.5, positiveSpans: [{ offset: 0, length: 1 }], positiveBuckets })
      }),
    ])
    expect(rows.map(({ metric, kind, value, text }) => [metric, kind, value, text])).toEqual([
      ['small', 'i64', -5, null],
      ['big', 'u64', 2 ** 63, '9223372036854775809'],
      ['yes', 'bool', 1, null],
      ['words', 'string', null, 'grün'],
      ['raw', 'bytes', null, '/wA='],
      ['spread', 'histogram', null, '{"count":"3","sum":"4.5","buckets":[[0,"0.5","1","3"]]}'],
    ])
  })

  test('keeps values that are no numbers and leaves stale markers out', async () => {
    const [labels, samples] = floats({ __name__: 'odd' }, 5, (i) => [NaN, Infinity, -Infinity, -0, 0][i]!)
    samples.values.set(STALE, 4)
    const { rows } = await write([[labels, samples]])
    expect(rows.map(({ value }) => value)).toEqual([NaN, Infinity, -Infinity, -0])
  })

  test('reads times before 1970 and far ahead', async () => {
    const samples = new SampleBuffer()
    const times = [-8_640_000_000_000_000, -4_294_967_297, -1, 0, 4_294_967_296, 8_640_000_000_000_000]
    for (const time of times) samples.push(time, 1)
    const { rows } = await write([[Labels.of({ __name__: 'x' }), samples]])
    expect(rows.map(({ timestamp }) => timestamp)).toEqual(times)
  })

  test('is a table also without rows', async () => {
    const { rows, columns } = await write([])
    expect([rows, columns]).toEqual([[], ['metric', ...COLUMNS]])
  })

  test('comes in pieces while it is made, and long texts do not make them large', async () => {
    const long = new SampleBuffer()
    long.begin('string')
    long.reserve(64)
    for (let i = 0; i < 64; i++) {
      long.timestamps[i] = T + i
      long.blobs!.push(new TextEncoder().encode(`${i}`.padEnd(1_048_576, '.')))
    }
    long.count = 64
    const all: Series[] = [floats({ __name__: 'x', job: 'a' }, 200_000), [Labels.of({ __name__: 'long' }), long]]
    const { rows, pieces } = await write(all)
    expect(rows).toHaveLength(200_064)
    expect(rows[199_999]).toMatchObject({ metric: 'x', job: 'a', value: 199_999, timestamp: T + 199_999_000 })
    expect(String(rows[200_063]!['text']).slice(0, 3)).toBe('63.')
    expect(pieces.length).toBeGreaterThanOrEqual(11)
    expect(Math.max(...pieces.map((piece) => piece.length))).toBeLessThan(12 * 1_048_576)
  })

  test('refuses a label that is no column, and too many columns', async () => {
    const fail = async (action: Promise<unknown>): Promise<string> =>
      action.then(
        () => '',
        (error: TsinkError) => error.code,
      )
    expect(await fail(write([floats({ __name__: 'x', job: 'a' }, 1)], 'columns', ['__name__']))).toBe('EXECUTION')
    const many = Array.from({ length: 1_001 }, (_each, i) => `l${i}`)
    expect(await fail(write([], 'columns', many))).toBe('TOO_LARGE')
  })
})

test('row groups and record batches stay within their limits with many columns too', async () => {
  const labelNames = Array.from({ length: 500 }, (_, i) => `l${i}`)
  const all = [floats({ __name__: 'x', l7: 'seven' }, 5_000)]
  const file = await new Blob(piecesOf(new ParquetEncoder({ labelNames, layout: 'columns' }), all)).arrayBuffer()
  const most = Math.max(...parquetMetadata(file).row_groups.map(({ num_rows }) => Number(num_rows)))
  expect(most * 505).toBeLessThanOrEqual(PARQUET_LIMITS.groupValues)
  const reader = RecordBatchReader.from(Buffer.concat(piecesOf(new ArrowEncoder({ labelNames, layout: 'columns' }), all)))
  const sizes = [...reader].map((batch) => batch.numRows)
  expect(Math.max(...sizes) * 505).toBeLessThanOrEqual(ARROW_LIMITS.batchValues)
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(5_000)
})
