/**
 * Samples as an Arrow IPC stream, one row each, record batch by record batch. Strings that repeat are dictionaries of their batch: each batch brings
 * its own in place of the one before, so that neither side holds every label value of a long stream.
 */
import { VALUE_KINDS, type Labels, type SampleBuffer } from '@tsink/core'
import {
  AsyncByteQueue,
  Dictionary,
  Field,
  Float64,
  Int32,
  makeData,
  RecordBatch,
  RecordBatchStreamWriter,
  Schema,
  Struct,
  TimestampMillisecond,
  Utf8,
  vectorFromArray,
  type Data,
} from 'apache-arrow'
import {
  assertKnownLabels,
  labelColumns,
  labelsJson,
  SampleTable,
  type LabelColumn,
  type SampleRun,
  type SampleTableOptions,
} from '../sample-table.ts'
import { ARROW_LIMITS } from './limits.ts'

type Words = Dictionary<Utf8, Int32>

/** Writes a stream of samples whose times are milliseconds. */
export class ArrowEncoder {
  readonly #columns: readonly LabelColumn[]
  readonly #known: ReadonlySet<string> | null
  readonly #table: SampleTable
  readonly #schema: Schema
  readonly #sink = new PieceQueue()
  readonly #writer: RecordBatchStreamWriter

  constructor(options: SampleTableOptions) {
    const isJson = options.layout === 'json'
    this.#columns = labelColumns(options)
    this.#known = isJson ? null : new Set(this.#columns.map(({ label }) => label))
    const names = isJson ? ['labels'] : this.#columns.map(({ column }) => column)
    const rows = Math.floor(ARROW_LIMITS.batchValues / (names.length + 5))
    this.#table = new SampleTable(Math.max(1, Math.min(ARROW_LIMITS.batchRows, rows)))
    const words = (name: string, id: number): Field => new Field(name, new Dictionary(new Utf8(), new Int32(), id), true)
    this.#schema = new Schema([
      ...['metric', ...names].map(words),
      new Field('timestamp', new TimestampMillisecond('UTC'), false),
      new Field('value', new Float64(), true),
      words('kind', names.length + 1),
      new Field('text', new Utf8(), true),
    ])
    this.#writer = new RecordBatchStreamWriter()
    this.#writer.reset(this.#sink, this.#schema)
  }

  /** Adds a series, or more of the one before; yields a piece of the stream for each batch that is full. */
  *series(labels: Labels, samples: SampleBuffer): Generator<Uint8Array, void, undefined> {
    if (this.#known !== null) assertKnownLabels(labels, this.#known)
    for (let at = 0; at < samples.count;) {
      at = this.#table.append(labels, samples, at)
      if (this.#table.isFull) yield this.#batch()
    }
  }

  /** The rest of the stream. */
  *end(): Generator<Uint8Array, void, undefined> {
    if (this.#table.count > 0) yield this.#batch()
    this.#writer.finish()
    yield this.#sink.take()
  }

  #batch(): Uint8Array {
    const table = this.#table
    const { count } = table
    const types = this.#schema.fields.map((field) => field.type as Words)
    const labels: readonly ((run: SampleRun) => string)[] =
      this.#known === null
        ? [(run) => labelsJson(run.labels)]
        : this.#columns.map(
            ({ label }) =>
              (run: SampleRun) =>
                run.labels.get(label),
          )
    const children: Data[] = [
      words(types[0]!, table, (run) => run.labels.metric),
      ...labels.map((of, i) => words(types[i + 1]!, table, of)),
      makeData({ type: new TimestampMillisecond('UTC'), length: count, nullCount: 0, data: milliseconds(table.timestamps, count) }),
      makeData({
        type: new Float64(),
        length: count,
        nullCount: table.missingCount,
        nullBitmap: table.missingCount === 0 ? null : bitmap(count, (row) => table.missing[row] === 0),
        data: table.values.slice(0, count),
      }),
      makeData({
        type: types.at(-2)!,
        length: count,
        nullCount: 0,
        data: Int32Array.from(table.kinds.subarray(0, count)),
        dictionary: vectorFromArray(VALUE_KINDS, new Utf8()),
      }),
      vectorFromArray(table.texts.slice(0, count), new Utf8()).data[0]!,
    ]
    const type = new Struct(this.#schema.fields)
    this.#writer.write(new RecordBatch(this.#schema, makeData({ type, length: count, nullCount: 0, children })))
    table.clear()
    return this.#sink.take()
  }
}

/** A column that says one thing for all rows of a run; '' is null. */
function words(type: Words, { runs, count }: SampleTable, of: (run: SampleRun) => string): Data<Words> {
  const places = new Map<string, number>()
  const data = new Int32Array(count)
  let nullCount = 0
  for (const run of runs) {
    const word = of(run)
    if (word === '') {
      nullCount += run.end - run.start
      data.fill(-1, run.start, run.end)
      continue
    }
    let place = places.get(word)
    if (place === undefined) places.set(word, (place = places.size))
    data.fill(place, run.start, run.end)
  }
  const nullBitmap = nullCount === 0 ? null : bitmap(count, (row) => data[row]! >= 0)
  if (nullBitmap !== null) for (let row = 0; row < count; row++) if (data[row]! < 0) data[row] = 0
  return makeData({ type, length: count, nullCount, nullBitmap, data, dictionary: vectorFromArray([...places.keys()], new Utf8()) })
}

function bitmap(count: number, isValid: (row: number) => boolean): Uint8Array {
  const bits = new Uint8Array((count + 7) >> 3)
  for (let row = 0; row < count; row++) if (isValid(row)) bits[row >> 3]! |= 1 << (row & 7)
  return bits
}

/** Whole milliseconds as 64-bit integers, by halves, since a BigInt for each would cost more than all the rest. */
function milliseconds(timestamps: Float64Array, count: number): BigInt64Array {
  const words = new Int32Array(2 * count)
  for (let row = 0; row < count; row++) {
    const time = timestamps[row]!
    const high = Math.floor(time / 0x1_0000_0000)
    words[2 * row] = (time - high * 0x1_0000_0000) | 0
    words[2 * row + 1] = high
  }
  return new BigInt64Array(words.buffer)
}

/** What the writer wrote since it was last taken. */
class PieceQueue extends AsyncByteQueue {
  #pieces: Uint8Array[] = []

  override write(piece: unknown): void {
    this.#pieces.push(piece as Uint8Array)
  }

  take(): Uint8Array {
    const all = new Uint8Array(this.#pieces.reduce((sum, piece) => sum + piece.length, 0))
    let at = 0
    for (const piece of this.#pieces) {
      all.set(piece, at)
      at += piece.length
    }
    this.#pieces = []
    return all
  }
}
