/**
 * Replay: the log's records back into the head. Series are named in records by the numbers of the process that wrote them; the log defines those
 * that it names, and here they are translated into the numbers of this process.
 */
import { corruption } from '@tsink/core'
import { ByteReader } from '@tsink/codecs'
import type { LogRecord, Position } from '@tsink/wal'
import { apply, resolveColumn } from './append.ts'
import { freezeHidden } from './delete.ts'
import type { Parts } from './parts.ts'
import { SlotMap } from './slot-map.ts'
import { BATCH, DELETE, readBatch, UNDELETE } from './record.ts'
import { readTombstone } from './tombstones.ts'

export class Replay {
  readonly #parts: Parts
  /** Records up to this sequence are in segments already. */
  readonly #after: number
  /** Where the replay began. */
  readonly #begin: Position
  #run = -1
  /** This process's series number by that of the process whose records are read. */
  #ids = new SlotMap()
  /** Samples that a salvaging replay had to leave out, since the record that defines their series was damaged. */
  lostSamples = 0

  constructor(parts: Parts, after: number, begin: Position) {
    this.#parts = parts
    this.#after = after
    this.#begin = begin
  }

  /** Takes one record. @throws TsinkError of kind `corrupt` when it is whole but makes no sense. */
  take(record: LogRecord): void {
    const { sequence, position } = record
    const parts = this.#parts
    const isNew = sequence > this.#after
    if (record.type === BATCH) this.#batch(record, isNew)
    else if (record.type === DELETE) {
      const tombstone = readTombstone(new ByteReader(record.payload, 0, record.payload.length, 'delete record'))
      if (isNew) {
        // The log may not be cut here: generations are cut anew by a replay, and what follows may rely on definitions before.
        freezeHidden(parts, tombstone, this.#begin)
        parts.tombstones.add(tombstone)
      }
    } else if (record.type === UNDELETE) {
      const undone = new ByteReader(record.payload, 0, record.payload.length, 'undelete record').uvarint()
      if (isNew) parts.tombstones.remove(undone)
    } else {
      throw corruption('UNKNOWN_VERSION', `the log holds a record of type ${record.type}, which this version does not know`, {
        file: String(position.file),
        offset: position.offset,
      })
    }
    if (sequence > parts.sequence) parts.sequence = sequence
  }

  #batch(record: LogRecord, isNew: boolean): void {
    const parts = this.#parts
    const { run, definitions, columns, metadata, exemplars } = readBatch(record.payload)
    if (run !== this.#run) {
      this.#run = run
      this.#ids = new SlotMap()
    }
    // Definitions count even when the samples are in segments: later records may rely on them.
    for (const { id, labelBytes } of definitions) {
      const known = parts.registry.resolve(labelBytes)
      this.#ids.set(id, known === 0 ? parts.registry.add(labelBytes) : known)
    }
    if (!isNew) return
    for (const column of columns) {
      const { ids } = column
      for (let i = 0; i < ids.length; i++) ids[i] = this.#translate(ids[i]!, record)
      apply(parts, resolveColumn(parts, column), record.sequence)
    }
    parts.notes.addMetadata(metadata)
    parts.notes.addExemplars(exemplars)
  }

  /** This process's number of a series, or 0 when it is lost. */
  #translate(id: number, record: LogRecord): number {
    const known = this.#ids.get(id)
    if (known > 0) return known
    if (this.#parts.options.replay === 'salvage') {
      this.lostSamples++
      return 0
    }
    throw corruption('BAD_FORMAT', `the log names series ${id}, which it does not define`, {
      file: String(record.position.file),
      offset: record.position.offset,
    })
  }
}
