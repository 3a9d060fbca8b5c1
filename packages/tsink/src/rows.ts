/**
 * Rows and columns to write batches. Rows of floats, nearly all rows there are, become three columns in one pass; rows of other kinds are put
 * into a column of their kind. A row that cannot be right (no metric, a value of no kind) is a rejection here already; what the store rejects
 * is brought back to the row or column that it came from.
 */
import { assert, TsinkError, VALUE_KINDS, type AnySampleColumns, type AppendResult, type RejectReason } from '@tsink/core'
import { MAX_LISTED_REJECTIONS, type SeriesTable, type ValueColumns, type ValueKind, type WriteBatch } from '@tsink/core'
import type { SeriesCache } from './series-cache.ts'
import { baseOf, offsetOf, runsOf } from './times.ts'
import type { Columns, InsertResult, Precision, Row, RowRejection, SeriesInput } from './types.ts'

/** A batch with the way back from its columns to what the caller gave. */
export interface Draft {
  readonly batch: WriteBatch
  /** Turns the store's answer into the caller's. Call it once, after the store took the batch. */
  finish(result: AppendResult): InsertResult
}

/** Where the samples of one column of a batch come from. */
interface Origin {
  readonly column: number
  /** The caller's index of each sample, or the index of the first when they follow each other. */
  readonly indexes: Uint32Array | number
}

export function draftRows<P extends Precision>(rows: readonly Row<P>[], cache: SeriesCache, nanoseconds: boolean): Draft {
  cache.trim()
  const refused: RowRejection[] = []
  const slots = new Uint32Array(rows.length)
  const timestamps = new Float64Array(rows.length)
  const values = new Float64Array(rows.length)
  let count = 0
  if (!nanoseconds) {
    for (; count < rows.length; count++) {
      const row = rows[count] as Row
      const { value } = row
      if (typeof value !== 'number' || typeof row.timestamp !== 'number') break
      try {
        slots[count] = cache.slot(row.metric, row.labels)
      } catch (error) {
        if (!(error instanceof TsinkError)) throw error
        break
      }
      timestamps[count] = row.timestamp
      values[count] = value
    }
  }
  const columns: AnySampleColumns[] = []
  const origins: Origin[] = []
  if (count > 0) {
    columns.push({ kind: 'f64', count, slots, base: 0, timestamps, values })
    origins.push({ column: 0, indexes: 0 })
  }
  if (count < rows.length) new MixedRows(cache, nanoseconds, columns, origins, refused).add(rows, count)
  return draftOf(cache, columns, origins, refused)
}

/** Rows of any kind: one open column for each. */
class MixedRows {
  readonly #cache: SeriesCache
  readonly #nanoseconds: boolean
  readonly #columns: AnySampleColumns[]
  readonly #origins: Origin[]
  readonly #refused: RowRejection[]
  readonly #open = new Map<ValueKind, OpenColumn>()

  constructor(cache: SeriesCache, nanoseconds: boolean, columns: AnySampleColumns[], origins: Origin[], refused: RowRejection[]) {
    this.#cache = cache
    this.#nanoseconds = nanoseconds
    this.#columns = columns
    this.#origins = origins
    this.#refused = refused
  }

  add<P extends Precision>(rows: readonly Row<P>[], from: number): void {
    for (let index = from; index < rows.length; index++) this.#row(rows[index]!, index)
    for (const kind of this.#open.keys()) this.#end(kind)
  }

  #row(row: Row<Precision>, index: number): void {
    const { value, timestamp } = row
    const kind = kindOf(value, row.kind)
    if (kind === null) return this.#refuse(index, 'bad_value', `a value of type ${describe(value)} is of no kind that can be stored`)
    if (typeof value === 'bigint' && !fits64(value, kind))
      return this.#refuse(index, 'bad_value', `${value} does not fit into kind ${kind}`)
    if (typeof timestamp !== (this.#nanoseconds ? 'bigint' : 'number')) {
      const wanted = this.#nanoseconds ? 'a bigint, since the database counts nanoseconds' : 'a number'
      return this.#refuse(index, 'bad_timestamp', `the timestamp is of type ${describe(timestamp)}; it must be ${wanted}`)
    }
    let slot: number
    try {
      slot = this.#cache.slot(row.metric, row.labels)
    } catch (error) {
      if (!(error instanceof TsinkError)) throw error
      return this.#refuse(index, 'bad_label', error.message)
    }
    // Floats and histograms may follow each other in one series, where the later one wins: their columns keep the order of the rows.
    if (kind === 'histogram') this.#end('f64')
    else if (kind === 'f64') this.#end('histogram')
    const column = this.#columnFor(kind, timestamp)
    column.slots.push(slot)
    column.timestamps.push(typeof timestamp === 'bigint' ? offsetOf(timestamp, column.base) : (timestamp as number))
    column.values.push(value)
    column.indexes.push(index)
  }

  /** The open column of a kind to whose base the time is exact. */
  #columnFor(kind: ValueKind, time: number | bigint): OpenColumn {
    const open = this.#open.get(kind)
    if (open !== undefined && (typeof time === 'number' || !Number.isNaN(offsetOf(time, open.base)))) return open
    if (open !== undefined) this.#end(kind)
    const column = { base: typeof time === 'bigint' ? baseOf(time) : 0, slots: [], timestamps: [], values: [], indexes: [] }
    this.#open.set(kind, column)
    return column
  }

  #refuse(index: number, reason: RejectReason, message: string): void {
    this.#refused.push({ index, column: 0, reason, message })
  }

  #end(kind: ValueKind): void {
    const column = this.#open.get(kind)
    if (column === undefined) return
    this.#open.delete(kind)
    this.#columns.push({
      kind,
      count: column.slots.length,
      slots: Uint32Array.from(column.slots),
      base: column.base,
      timestamps: Float64Array.from(column.timestamps),
      values: columnOf(kind, column.values),
    } as AnySampleColumns)
    this.#origins.push({ column: 0, indexes: Uint32Array.from(column.indexes) })
  }
}

interface OpenColumn {
  readonly base: number
  readonly slots: number[]
  readonly timestamps: number[]
  readonly values: unknown[]
  readonly indexes: number[]
}

/** @throws TsinkError BAD_REQUEST when a column's lengths differ, BAD_LABEL for bad labels: then nothing was written. */
export function draftColumns<P extends Precision>(given: readonly Columns<P>[], cache: SeriesCache, nanoseconds: boolean): Draft {
  cache.trim()
  const columns: AnySampleColumns[] = []
  const origins: Origin[] = []
  for (const [column, each] of given.entries()) {
    const { timestamps, values } = each
    const kind = each.kind ?? 'f64'
    if (!VALUE_KINDS.includes(kind))
      throw new TsinkError('BAD_REQUEST', `column ${column} is of kind ${String(kind)}, which does not exist`)
    if (timestamps.length !== values.length) {
      throw new TsinkError('BAD_REQUEST', `column ${column} has ${timestamps.length} timestamps but ${values.length} values`)
    }
    if (timestamps.length === 0) continue
    const count = timestamps.length
    const slots = cache.repeated(cache.slot(each.metric, each.labels), count)
    const stored = columnOf(kind, values)
    if (!nanoseconds) {
      columns.push({
        kind,
        count,
        slots,
        base: 0,
        timestamps: millisOf(timestamps, column),
        values: stored,
      } as AnySampleColumns)
      origins.push({ column, indexes: 0 })
      continue
    }
    for (const { from, to, base, offsets } of runsOf(nanosOf(timestamps, column))) {
      const part = from === 0 && to === count ? stored : (stored as Float64Array).slice(from, to)
      columns.push({ kind, count: to - from, slots, base, timestamps: offsets, values: part } as AnySampleColumns)
      origins.push({ column, indexes: from })
    }
  }
  return draftOf(cache, columns, origins, [])
}

function millisOf(timestamps: SeriesInput<Precision>['timestamps'], column: number): Float64Array {
  if (timestamps instanceof Float64Array) return timestamps
  if (typeof timestamps[0] !== 'number')
    throw new TsinkError('BAD_REQUEST', `column ${column} has timestamps of type ${typeof timestamps[0]}; they must be numbers`)
  return Float64Array.from(timestamps as readonly number[])
}

function nanosOf(timestamps: SeriesInput<Precision>['timestamps'], column: number): BigInt64Array {
  if (timestamps instanceof BigInt64Array) return timestamps
  if (typeof timestamps[0] !== 'bigint') {
    throw new TsinkError(
      'BAD_REQUEST',
      `column ${column} has timestamps of type ${typeof timestamps[0]}; a nanosecond database takes bigints`,
    )
  }
  return BigInt64Array.from(timestamps as readonly bigint[])
}

function draftOf(cache: SeriesCache, columns: AnySampleColumns[], origins: readonly Origin[], refused: readonly RowRejection[]): Draft {
  let series: SeriesTable = cache.table
  let release = (): void => {}
  if (columns.length === 1) {
    const column = columns[0]!
    const own = cache.tableFor(column.slots, column.count)
    series = own.series
    release = own.release
    if (own.slots !== column.slots) columns[0] = { ...column, slots: own.slots } as AnySampleColumns
  }
  return {
    batch: { series, samples: columns },
    finish(result) {
      release()
      if (result.rejected === 0 && refused.length === 0)
        return { accepted: result.accepted, rejected: 0, rejections: [], durability: result.durability }
      const rejections = result.rejections.map(({ column, index, reason, message }): RowRejection => {
        const origin = origins[column]!
        const at = typeof origin.indexes === 'number' ? origin.indexes + index : origin.indexes[index]!
        return { index: at, column: origin.column, reason, message }
      })
      return {
        accepted: result.accepted,
        rejected: result.rejected + refused.length,
        rejections: [...rejections, ...refused]
          .toSorted((a, b) => a.column - b.column || a.index - b.index)
          .slice(0, MAX_LISTED_REJECTIONS),
        durability: result.durability,
      }
    },
  }
}

function kindOf(value: unknown, kind: 'u64' | undefined): ValueKind | null {
  switch (typeof value) {
    case 'number':
      return 'f64'
    case 'bigint':
      return kind ?? 'i64'
    case 'boolean':
      return 'bool'
    case 'string':
      return 'string'
    case 'object':
      if (value instanceof Uint8Array) return 'bytes'
      return value !== null && 'schema' in value && 'positiveSpans' in value ? 'histogram' : null
    default:
      return null
  }
}

/** A list of values as the column in which a batch carries them. Typed columns of the right type are taken as they are. */
export function columnOf<K extends ValueKind>(kind: K, values: ArrayLike<unknown>): ValueColumns[K]
export function columnOf(kind: ValueKind, values: ArrayLike<unknown>): ValueColumns[ValueKind] {
  switch (kind) {
    case 'f64':
      return values instanceof Float64Array ? values : Float64Array.from(values as ArrayLike<number>)
    case 'bool':
      return Float64Array.from(values as ArrayLike<boolean>, Number)
    case 'i64':
      return values instanceof BigInt64Array ? values : BigInt64Array.from(checkedIntegers(kind, values))
    case 'u64':
      return values instanceof BigUint64Array ? values : BigUint64Array.from(checkedIntegers(kind, values))
    default:
      assert(Array.isArray(values), 'values that are no numbers come as a list')
      return values as unknown as ValueColumns['string']
  }
}

function checkedIntegers(kind: 'i64' | 'u64', values: ArrayLike<unknown>): bigint[] {
  return Array.from(values, (value) => {
    if (typeof value === 'bigint' && fits64(value, kind)) return value
    throw new TsinkError('BAD_REQUEST', `${String(value)} does not fit into kind ${kind}`)
  })
}

function fits64(value: bigint, kind: ValueKind): boolean {
  return value === (kind === 'u64' ? BigInt.asUintN(64, value) : BigInt.asIntN(64, value))
}

function describe(value: unknown): string {
  return value === null ? 'null' : typeof value
}
