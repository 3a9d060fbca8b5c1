/** Attachments: what the engine keeps in the catalog besides the list of segments. See docs/format/records.md. */
import { TsinkError, type TimeUnit } from '@tsink/core'
import type { CatalogState } from '@tsink/segment'
import { decodeAgeClock, encodeAgeClock, type AgeClockState } from './age-clock.ts'
import { decodeTombstones, encodeTombstones, type Tombstone } from './tombstones.ts'

export interface Attachments {
  /** Null in a store that was never published. */
  readonly unit: TimeUnit | null
  readonly tombstones: readonly Tombstone[]
  /** Path of the file of notes; '' for none. */
  readonly notes: string
  /** Where the time by which data ages stood; null in a new store. */
  readonly age: AgeClockState | null
}

const UNIT = 'unit'
const TOMBSTONES = 'tombstones'
const NOTES = 'notes'
const CLOCK = 'clock'

/** @throws TsinkError of kind corrupt. */
export function attachmentsOf({ attachments, segments }: CatalogState): Attachments {
  const text = (name: string): string => new TextDecoder().decode(attachments.get(name))
  const unit = text(UNIT)
  const clock = attachments.get(CLOCK)
  return {
    unit: unit === '' ? null : (unit as TimeUnit),
    tombstones: attachments.has(TOMBSTONES) ? decodeTombstones(attachments.get(TOMBSTONES)!) : [],
    notes: text(NOTES),
    age: clock === undefined ? ageOfSegments(segments) : decodeAgeClock(clock),
  }
}

export function encodeAttachments({ unit, tombstones, notes, age }: Attachments): ReadonlyMap<string, Uint8Array> {
  const all = new Map([
    [TOMBSTONES, encodeTombstones(tombstones)],
    [NOTES, new TextEncoder().encode(notes)],
  ])
  if (unit !== null) all.set(UNIT, new TextEncoder().encode(unit))
  if (age !== null) all.set(CLOCK, encodeAgeClock(age))
  return all
}

/** Segments of a store that did not note the time say when they were made. */
export function ageOfSegments(segments: CatalogState['segments']): AgeClockState | null {
  if (segments.length === 0) return null
  return { ageMs: segments.reduce((latest, { createdAt }) => Math.max(latest, createdAt), 0), readMs: 0 }
}

/** @throws TsinkError BAD_CONFIG when a store of one unit is opened with another. */
export function checkUnit(known: TimeUnit | null, unit: TimeUnit): void {
  if (known === null || known === unit) return
  throw new TsinkError('BAD_CONFIG', `the store keeps its times in ${known}; it cannot be opened with unit ${unit}`, {
    detail: { option: 'unit', expected: known, found: unit },
  })
}
