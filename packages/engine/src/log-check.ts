/**
 * LogCheck: what the records of a log have to be, beyond their bytes: each decodes to its end, sequences ascend, and every series that a record names
 * by number was defined before it in the same run. It reads as a replay does and keeps nothing but numbers.
 */
import { decodeLabels, encodeLabels, TsinkError } from '@tsink/core'
import { ByteReader } from '@tsink/codecs'
import type { LogRecord, Position } from '@tsink/wal'
import { compareBytes } from './label-order.ts'
import { BATCH, DELETE, readBatch, UNDELETE } from './record.ts'
import { readTombstone, type Tombstone } from './tombstones.ts'

export class LogCheck {
  records = 0
  samples = 0
  /** Deletes that no later record undoes. */
  deletes: Tombstone[] = []
  /** Sequences of deletes that were undone. */
  readonly undone: Set<number> = new Set()
  firstSequence = 0
  lastSequence = 0
  /** The last record that names a series which the log does not define: a cut has taken the definition, so the record is in segments. */
  lastUndefined = 0
  readonly #problem: (position: Position, message: string) => void
  #run = -1
  #defined = new Set<number>()

  readonly #after: number

  /** Records up to the sequence `after` are in segments. `problem` is told what is wrong with a record, and where it stands. */
  constructor(after: number, problem: (position: Position, message: string) => void) {
    this.#after = after
    this.#problem = problem
  }

  take(record: LogRecord): void {
    const { sequence, position } = record
    this.records++
    if (this.records === 1) this.firstSequence = sequence
    if (sequence <= this.lastSequence) this.#problem(position, `sequence ${sequence} follows ${this.lastSequence}`)
    this.lastSequence = Math.max(this.lastSequence, sequence)
    try {
      if (record.type === BATCH) this.#batch(record)
      else if (record.type === DELETE) this.#delete(record)
      else if (record.type === UNDELETE) {
        const reader = new ByteReader(record.payload, 0, record.payload.length, 'undelete record')
        const undone = reader.uvarint()
        assertEnd(reader)
        this.undone.add(undone)
        this.deletes = this.deletes.filter((each) => each.sequence !== undone)
      } else this.#problem(position, `a record of the unknown type ${record.type}`)
    } catch (error) {
      if (!(error instanceof TsinkError)) throw error
      this.#problem(position, error.message)
    }
  }

  #batch({ payload, position, sequence }: LogRecord): void {
    const { run, definitions, columns } = readBatch(payload)
    if (run !== this.#run) {
      this.#run = run
      this.#defined = new Set()
    }
    for (const { id, labelBytes } of definitions) {
      if (id === 0) this.#problem(position, 'it defines series 0, which stands for none')
      if (compareBytes(encodeLabels(decodeLabels(labelBytes)), labelBytes) !== 0)
        this.#problem(position, `the label bytes of series ${id} are not canonical`)
      this.#defined.add(id)
    }
    for (const { ids, timestamps, count } of columns) {
      let unknown = 0
      for (let i = 0; i < count; i++) {
        if (!this.#defined.has(ids[i]!)) unknown = ids[i]! || -1
        if (!Number.isInteger(timestamps[i]!)) this.#problem(position, `sample ${i} has the time ${timestamps[i]!}`)
      }
      if (unknown !== 0) this.lastUndefined = Math.max(this.lastUndefined, sequence)
      if (unknown !== 0 && sequence > this.#after)
        this.#problem(position, `it names series ${Math.max(0, unknown)}, which the log does not define`)
      this.samples += count
    }
  }

  #delete({ payload, position, sequence }: LogRecord): void {
    const reader = new ByteReader(payload, 0, payload.length, 'delete record')
    const tombstone = readTombstone(reader)
    assertEnd(reader)
    if (tombstone.sequence !== sequence) this.#problem(position, `the delete has sequence ${tombstone.sequence}, its record ${sequence}`)
    const wrong = tombstoneProblem(tombstone)
    if (wrong !== null) this.#problem(position, wrong)
    this.deletes.push(tombstone)
  }
}

/** What no delete can be, or null. */
export function tombstoneProblem({ sequence, selectors, minTime, maxTime }: Tombstone): string | null {
  if (selectors.length === 0 || selectors.some((matchers) => matchers.length === 0)) return `the delete ${sequence} selects everything`
  if (minTime !== null && maxTime !== null && minTime > maxTime) return `the delete ${sequence} ends before it begins`
  return null
}

function assertEnd(reader: ByteReader): void {
  if (reader.remaining > 0) throw new TsinkError('BAD_FORMAT', `the record has ${reader.remaining} bytes behind its end`)
}
