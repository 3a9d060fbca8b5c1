/**
 * Split: one batch as several, for stores that take a batch in one piece of work. Series that a store sees for the first time cost it a look at
 * their labels, and half a million of them would keep everybody else waiting.
 */
import type { AnySampleColumns, Rejection, WriteBatch } from './batch.ts'

export interface BatchPiece {
  readonly batch: WriteBatch
  /** A rejection in the piece, with its place in the whole. */
  readonly inWhole: (rejection: Rejection) => Rejection
}

/**
 * The batch in pieces of at most so many samples, in their order, when at least so many of its series are new to the store; else the batch itself.
 * The pieces are views of it and share its series table. Metadata and exemplars come with the last.
 */
export function splitBatch(batch: WriteBatch, samplesPerPiece: number): readonly BatchPiece[] {
  if (newSeries(batch) <= samplesPerPiece) return [{ batch, inWhole: (rejection) => rejection }]
  const pieces: BatchPiece[] = []
  let samples: AnySampleColumns[] = []
  let origins: Origin[] = []
  let room = samplesPerPiece
  for (const [column, columns] of batch.samples.entries()) {
    for (let from = 0; from < columns.count;) {
      const to = Math.min(columns.count, from + room)
      samples.push(part(columns, from, to))
      origins.push({ column, from })
      room -= to - from
      from = to
      if (room > 0) continue
      pieces.push({ batch: { series: batch.series, samples }, inWhole: moved(origins) })
      samples = []
      origins = []
      room = samplesPerPiece
    }
  }
  pieces.push({ batch: { ...batch, samples }, inWhole: moved(origins) })
  return pieces
}

interface Origin {
  readonly column: number
  readonly from: number
}

function moved(origins: readonly Origin[]): (rejection: Rejection) => Rejection {
  return (rejection) => {
    const { column, from } = origins[rejection.column]!
    return { ...rejection, column, index: from + rejection.index }
  }
}

function newSeries({ series }: WriteBatch): number {
  const { refs, count } = series
  let found = 0
  for (let slot = 0; slot < count; slot++) if (refs[slot] === 0) found++
  return found
}

function part(columns: AnySampleColumns, from: number, to: number): AnySampleColumns {
  const { kind, base, slots, timestamps, values, startTimestamps } = columns
  return {
    kind,
    base,
    count: to - from,
    slots: slots.subarray(from, to),
    timestamps: timestamps.subarray(from, to),
    values: ArrayBuffer.isView(values) ? values.subarray(from, to) : values.slice(from, to),
    ...(startTimestamps === undefined ? {} : { startTimestamps: startTimestamps.subarray(from, to) }),
  } as AnySampleColumns
}
