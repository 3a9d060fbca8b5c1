/**
 * Samples as a Parquet file, one row each, made row group by row group: what is held is one group and, for the footer, a few numbers about every
 * column of every group. Strings are dictionaries, times are deltas, pages are compressed with snappy.
 */
import { VALUE_KINDS, type Labels, type SampleBuffer } from '@tsink/core'
import { snappyEncode } from '@tsink/kernel'
import { ByteWriter, ParquetWriter, type ColumnSource } from 'hyparquet-writer'
import {
  assertKnownLabels,
  labelColumns,
  labelsJson,
  SampleTable,
  type LabelColumn,
  type SampleRun,
  type SampleTableOptions,
} from '../sample-table.ts'
import { PARQUET_LIMITS } from './limits.ts'

/** Writes a file of samples whose times are milliseconds. */
export class ParquetEncoder {
  readonly #columns: readonly LabelColumn[]
  readonly #known: ReadonlySet<string> | null
  readonly #table: SampleTable
  readonly #bytes = new PieceWriter()
  readonly #writer: ParquetWriter

  constructor(options: SampleTableOptions) {
    const isJson = options.layout === 'json'
    this.#columns = labelColumns(options)
    this.#known = isJson ? null : new Set(this.#columns.map(({ label }) => label))
    const names = isJson ? ['labels'] : this.#columns.map(({ column }) => column)
    const columns = names.length + 5
    this.#table = new SampleTable(Math.max(1, Math.min(PARQUET_LIMITS.groupRows, Math.floor(PARQUET_LIMITS.groupValues / columns))))
    this.#writer = new ParquetWriter({
      writer: this.#bytes,
      schema: schemaOf(names),
      compressors: { SNAPPY: snappyEncode },
      createdBy: 'tsink',
    })
  }

  /** Adds a series, or more of the one before; yields a piece of the file for each row group that is full. */
  *series(labels: Labels, samples: SampleBuffer): Generator<Uint8Array, void, undefined> {
    if (this.#known !== null) assertKnownLabels(labels, this.#known)
    for (let at = 0; at < samples.count;) {
      at = this.#table.append(labels, samples, at)
      if (this.#table.isFull) yield this.#group()
    }
  }

  /** The rest of the file. */
  *end(): Generator<Uint8Array, void, undefined> {
    if (this.#table.count > 0) yield this.#group()
    void this.#writer.finish()
    yield this.#bytes.take()
  }

  #group(): Uint8Array {
    const table = this.#table
    const { count, runs } = table
    const strings = (name: string, of: (run: SampleRun) => string): ColumnSource => {
      const data: (string | null)[] = Array.from({ length: count }, () => null)
      for (const run of runs) if (of(run) !== '') data.fill(of(run), run.start, run.end)
      return { name, data, encoding: 'RLE_DICTIONARY', offsetIndex: false }
    }
    const labels =
      this.#known === null
        ? [strings('labels', (run) => labelsJson(run.labels))]
        : this.#columns.map(({ label, column }) => strings(column, (run) => run.labels.get(label)))
    const values = table.values.subarray(0, count)
    // Synchronous, as the bytes are only gathered.
    void this.#writer.write({
      columnData: [
        strings('metric', (run) => run.labels.metric),
        ...labels,
        { name: 'timestamp', data: table.timestamps.subarray(0, count), encoding: 'DELTA_BINARY_PACKED', offsetIndex: false },
        {
          name: 'value',
          data: table.missingCount === 0 ? values : Array.from(values, (value, i) => (table.missing[i] === 1 ? null : value)),
          encoding: 'PLAIN',
          offsetIndex: false,
        },
        {
          name: 'kind',
          data: Array.from(table.kinds.subarray(0, count), (kind) => VALUE_KINDS[kind]!),
          encoding: 'RLE_DICTIONARY',
          offsetIndex: false,
        },
        { name: 'text', data: table.texts.slice(0, count), offsetIndex: false },
      ],
      rowGroupSize: count,
    })
    table.clear()
    return this.#bytes.take()
  }
}

/** What was written since it was last taken; the offset in the file goes on. */
class PieceWriter extends ByteWriter {
  take(): Uint8Array {
    const piece = this.getBytes().slice()
    this.index = 0
    return piece
  }
}

type Schema = ConstructorParameters<typeof ParquetWriter>[0]['schema']

function schemaOf(labels: readonly string[]): Schema {
  const text = (name: string): Schema[number] => ({
    name,
    type: 'BYTE_ARRAY',
    converted_type: 'UTF8',
    logical_type: { type: 'STRING' },
    repetition_type: 'OPTIONAL',
  })
  return [
    { name: 'samples', num_children: labels.length + 5 },
    text('metric'),
    ...labels.map(text),
    {
      name: 'timestamp',
      type: 'INT64',
      converted_type: 'TIMESTAMP_MILLIS',
      logical_type: { type: 'TIMESTAMP', isAdjustedToUTC: true, unit: 'MILLIS' },
      repetition_type: 'REQUIRED',
    },
    { name: 'value', type: 'DOUBLE', repetition_type: 'OPTIONAL' },
    text('kind'),
    text('text'),
  ]
}
