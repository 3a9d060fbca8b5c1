/**
 * Append: a batch on its way into the store. Check every sample and resolve its series, write what is accepted into the log, put it into the
 * head; nothing waits in between, so a batch is in the store whole or, when the log refuses it, not at all.
 *
 * A sample that cannot be taken is a rejection with its reason and costs no other sample. Checking allocates nothing when nothing is refused:
 * the accepted columns are the batch's own.
 */
import {
  encodeLabels,
  histogramProblem,
  labelsProblem,
  LIMITS,
  MAX_LISTED_REJECTIONS,
  TsinkError,
  VALUE_KINDS,
  type AnySampleColumns,
  type AppendResult,
  type Histogram,
  type Rejection,
  type RejectReason,
  type SampleColumns,
  type SeriesTable,
  type WriteBatch,
} from '@tsink/core'
import { F64, HISTOGRAM, type Head } from './head.ts'
import { labelBytesProblem } from './label-check.ts'
import { assertWritable, memoryUsed, timeLimits, type Parts } from './parts.ts'
import { BATCH, writeBatch, type AcceptedColumn, type AcceptedExemplar, type ColumnValues, type Definition } from './record.ts'

/** Accepted samples of one kind on their way to one head. */
export interface Piece extends AcceptedColumn {
  readonly head: Head
  readonly slots: Uint32Array
  /** Added to timestamps to make them relative to the head's base. */
  readonly shift: number
  /** The slot of all samples, which ascend in time: then `slots` is not used. Else -1. */
  readonly sole: number
}

/** Why a whole series is refused, for all of its samples in one batch. */
interface SeriesProblem {
  readonly reason: RejectReason
  readonly message: string
}

/** What checking a batch has found out; its arrays are scratch and used again by the next batch. */
class Check {
  pieces: Piece[] = []
  rejections: Rejection[] = []
  rejected = 0
  accepted = 0
  /** Slots whose series no record of the generation defines yet. */
  undefinedSlots: { head: Head; slot: number }[] = []
  /**
   * For each series of the batch the slot that it had in the head of some batch before: a guess, right when the slot has the number that the
   * series has. So the same series written again are found without a look at any table.
   */
  guesses: Uint32Array = new Uint32Array(64)
  /** For each refused series why. */
  problems: Map<number, SeriesProblem> = new Map()
  /** For each run of samples the slots and the series numbers, at the samples' own indexes. */
  readonly #slots: Uint32Array[] = []
  readonly #ids: Uint32Array[] = []
  runs = 0
  /** Whether the samples of the run so far have one time. */
  isOneTime = false

  begin(series: number): void {
    this.pieces = []
    this.rejections = []
    this.rejected = 0
    this.accepted = 0
    // Those of a batch that was not taken after all.
    for (const { head, slot } of this.undefinedSlots) if (head.isDefined[slot] === BEING_DEFINED) head.isDefined[slot] = 0
    if (this.undefinedSlots.length > 0) this.undefinedSlots = []
    if (this.guesses.length < series) this.guesses = new Uint32Array(series * 2)
    if (this.problems.size > 0) this.problems = new Map()
    this.runs = 0
  }

  /** Room for the slots of the next run. */
  slots(count: number): Uint32Array {
    return scratchFor(this.#slots, this.runs++, count)
  }

  /** Room for the series numbers of the run begun last. */
  ids(count: number): Uint32Array {
    return scratchFor(this.#ids, this.runs - 1, count)
  }

  reject(column: number, index: number, slot: number, reason: RejectReason, message: string): void {
    this.rejected++
    if (this.rejections.length < MAX_LISTED_REJECTIONS) this.rejections.push({ column, index, slot, reason, message })
  }
}

function scratchFor(pool: Uint32Array[], run: number, count: number): Uint32Array {
  const known = pool[run]
  if (known !== undefined && known.length >= count) return known
  const made = new Uint32Array(Math.max(256, count * 2))
  // A column that is cut into very many runs leaves no trail.
  if (run < 16) pool[run] = made
  return made
}

const REFUSED = -1
/** In place of 0 or 1 in `isDefined`: the record under way defines the series. */
const BEING_DEFINED = 2
/** A store without a log needs no series numbers. */
const NO_IDS = new Uint32Array(0)
/** In place of a slot: the sample was rejected. */
const NO_SLOT = 0xffff_ffff

/** Takes a batch at once. Its durability is `volatile` without a log and `appended` with one; see `Engine.append` for more. */
export function appendNow(parts: Parts, batch: WriteBatch): AppendResult {
  assertWritable(parts)
  admit(parts)
  const check = checkBatch(parts, batch)
  const exemplars = acceptedExemplars(parts, batch)
  const metadata = batch.metadata ?? []
  const sequence = parts.sequence + 1
  if (parts.log !== null && (check.accepted > 0 || metadata.length > 0 || exemplars.length > 0)) {
    const { log, writer } = parts
    const definitions = check.undefinedSlots.map(({ head, slot }): Definition => {
      const id = head.ids[slot]!
      return { id, labelBytes: parts.registry.labelBytes(id).slice() }
    })
    writer.clear()
    writeBatch(writer, { run: parts.run, definitions, columns: check.pieces, metadata, exemplars })
    log.append(BATCH, sequence, writer.bytes.subarray(0, writer.length))
    for (const { head, slot } of check.undefinedSlots) head.isDefined[slot] = 1
  }
  parts.sequence = sequence
  apply(parts, check.pieces, sequence)
  parts.notes.addMetadata(metadata)
  parts.notes.addExemplars(exemplars)
  parts.counters.appendedSamples += check.accepted
  parts.counters.rejectedSamples += check.rejected
  parts.background.appended(parts, check.accepted)
  return {
    accepted: check.accepted,
    rejected: check.rejected,
    rejections: check.rejections,
    durability: parts.log === null ? 'volatile' : 'appended',
    sequence,
  }
}

/** @throws TsinkError MEMORY_BUDGET when head, registry and indexes take more memory than they may. */
function admit(parts: Parts): void {
  if (!parts.background.isOverBudget(parts)) return
  const limit = parts.options.memoryBytes
  const used = memoryUsed(parts)
  throw new TsinkError(
    'MEMORY_BUDGET',
    `the store holds ${used} bytes in memory and may hold ${limit}; it shrinks when the head is flushed`,
    {
      detail: { limit, found: used },
    },
  )
}

/** Puts accepted samples into the active heads. */
export function apply(parts: Parts, pieces: readonly Piece[], sequence: number): void {
  if (pieces.length === 0) return
  const generation = parts.heads.active
  if (generation.minSequence === 0) {
    generation.minSequence = sequence
    generation.startedMs = parts.host.clock.monotonic()
  }
  generation.maxSequence = sequence
  for (const piece of pieces) {
    const { head, startTimestamps } = piece
    if (head.minSequence === 0) head.minSequence = sequence
    head.maxSequence = sequence
    if (piece.sole >= 0) head.appendColumn(piece.sole, piece.count, piece.timestamps, piece.shift, piece.values as Float64Array)
    else if (startTimestamps === null) appendRange(piece, 0, piece.count)
    else {
      // One by one: a column may be sealed in between, and its start timestamps must be in it then.
      for (let i = 0; i < piece.count; i++) {
        appendRange(piece, i, i + 1)
        if (startTimestamps[i] !== 0) head.setStartTimestamp(piece.slots[i]!, piece.timestamps[i]! + piece.shift, startTimestamps[i]!)
      }
    }
  }
}

/** The pieces of a replayed column: its series are in the registry. Samples of series 0 or of a kind that is not the series' are left out. */
export function resolveColumn(parts: Parts, column: AcceptedColumn): Piece[] {
  const { heads } = parts
  const pieces: Piece[] = []
  const kind = VALUE_KINDS.indexOf(column.kind)
  const family = kind === HISTOGRAM ? F64 : kind
  for (let from = 0; from < column.count;) {
    const head = heads.head(heads.baseOf(column.base, column.timestamps[from]!))
    let to = from
    const slots = new Uint32Array(column.count - from)
    for (; to < column.count; to++) {
      if (heads.span !== Infinity && heads.baseOf(column.base, column.timestamps[to]!) !== head.base) break
      const id = column.ids[to]!
      if (id === 0) break
      let slot = head.slotOf(id)
      if (slot < 0) {
        const known = heads.kindOf(id)
        slot = head.addSlot(id, known < 0 ? kind : known)
      }
      if (head.kinds[slot] !== family) break
      slots[to - from] = slot
    }
    if (to > from) {
      pieces.push({
        kind: column.kind,
        base: column.base,
        count: to - from,
        ids: column.ids.subarray(from, to),
        timestamps: column.timestamps.subarray(from, to),
        isOneTime: column.isOneTime,
        values: column.values.slice(from, to) as ColumnValues,
        startTimestamps: column.startTimestamps?.subarray(from, to) ?? null,
        head,
        slots: slots.subarray(0, to - from),
        shift: column.base - head.base,
        sole: -1,
      })
      from = to
    } else from++
  }
  return pieces
}

function appendRange(piece: Piece, from: number, to: number): void {
  const { head, slots, timestamps, shift, values, isOneTime } = piece
  if (values instanceof Float64Array) head.appendFloats(slots, from, to, timestamps, shift, values, isOneTime)
  else if (values instanceof BigInt64Array) head.appendIntegers(slots, from, to, timestamps, shift, values)
  else head.appendObjects(slots, from, to, timestamps, shift, values)
}

function checkBatch(parts: Parts, batch: WriteBatch): Check {
  const check = (parts.scratch ??= new Check()) as Check
  check.begin(batch.series.count)
  const limits = timeLimits(parts)
  for (let column = 0; column < batch.samples.length; column++) {
    const samplesOf = batch.samples[column]!
    for (let from = 0; from < samplesOf.count;) from = checkRun(parts, check, batch.series, samplesOf, column, from, limits)
  }
  return check
}

/** Checks the samples of one column from `from` on, up to the first that belongs to another head; returns its index. */
function checkRun(
  parts: Parts,
  check: Check,
  series: SeriesTable,
  samples: AnySampleColumns,
  column: number,
  from: number,
  limits: { readonly minTime: number; readonly maxTime: number; readonly oldest: number; readonly newest: number },
): number {
  const { heads } = parts
  const { timestamps, slots, count } = samples
  const headBase = heads.baseOf(samples.base, timestamps[from]!)
  const head = heads.head(Number.isFinite(headBase) ? headBase : 0)
  const kind = VALUE_KINDS.indexOf(samples.kind)
  const family = kind === HISTOGRAM ? F64 : kind
  const oneSpan = heads.span === Infinity
  // Checks on values happen only where a value can be wrong.
  const checkValue = valueCheck(samples)
  const lowest = Math.max(limits.minTime, limits.oldest) - samples.base
  const highest = Math.min(limits.maxTime, limits.newest) - samples.base
  if (from === 0 && samples.kind === 'f64' && takeSole(parts, check, series, samples, head, lowest, highest)) return count
  const { refs, count: seriesCount } = series
  const { guesses } = check
  const isLogged = parts.log !== null
  const runSlots = check.slots(count - from)
  const runIds = isLogged ? check.ids(count - from) : NO_IDS
  const first = timestamps[from]!
  // Where a time needs no look but at the limits, and a value none.
  const isPlain = oneSpan && checkValue === null && first >= lowest && first <= highest && Math.floor(first) === first
  check.isOneTime = isPlain
  let rejected = 0
  let others = 0
  let i = from
  for (; i < count; i++) {
    if (isPlain) {
      i = takeKnown(check, head, samples, refs, seriesCount, runSlots, runIds, from, i, lowest, highest, family, isLogged)
      if (i === count) break
    }
    others++
    const time = timestamps[i]!
    const slot = slots[i]!
    if (time >= lowest && time <= highest && Math.floor(time) === time) {
      if (!oneSpan && heads.baseOf(samples.base, time) !== head.base) break
      let target = REFUSED
      if (slot < seriesCount) {
        const id = refs[slot]!
        target = guesses[slot]!
        if (id === 0 || target >= head.size || head.ids[target] !== id || (isLogged && head.isDefined[target] === 0)) {
          target = resolve(parts, check, head, series, slot, kind)
          if (target >= 0) guesses[slot] = target
        }
      }
      if (target >= 0 && head.kinds[target] === family) {
        const problem = checkValue === null ? null : checkValue(i)
        if (problem === null) {
          runSlots[i - from] = target
          continue
        }
        check.reject(column, i, slot, 'bad_value', problem)
      } else if (target >= 0) {
        const message = `the series holds ${VALUE_KINDS[head.kinds[target]!]}, not ${samples.kind}`
        check.reject(column, i, slot, 'kind_mismatch', message)
      } else {
        const problem = check.problems.get(slot) ?? { reason: 'bad_label', message: `the batch has no series ${slot}` }
        check.reject(column, i, slot, problem.reason, problem.message)
      }
    } else rejectTime(check, column, i, slot, time, samples.base, limits)
    runSlots[i - from] = NO_SLOT
    rejected++
  }
  const length = i - from
  const accepted = length - rejected
  check.accepted += accepted
  if (others > 0) {
    check.isOneTime = false
    if (isLogged) for (let k = 0; k < length; k++) if (runSlots[k] !== NO_SLOT) runIds[k] = head.ids[runSlots[k]!]!
  }
  if (accepted > 0) check.pieces.push(pieceOf(check, head, samples, from, i, runSlots, runIds, rejected))
  return i
}

/**
 * Checks samples from `i` on as long as each is of a series whose slot was guessed rightly, at a time that can be taken: nearly always. Calls
 * nothing. Returns where it stopped.
 */
function takeKnown(
  check: Check,
  head: Head,
  samples: AnySampleColumns,
  refs: Uint32Array,
  seriesCount: number,
  runSlots: Uint32Array,
  runIds: Uint32Array,
  from: number,
  start: number,
  lowest: number,
  highest: number,
  family: number,
  isLogged: boolean,
): number {
  const { timestamps, slots, count } = samples
  const { ids, kinds, isDefined, size } = head
  const { guesses } = check
  const first = timestamps[from]!
  let isOneTime = check.isOneTime
  let i = start
  for (; i < count; i++) {
    const time = timestamps[i]!
    const slot = slots[i]!
    if (slot >= seriesCount) break
    if (time !== first) {
      if (!(time >= lowest && time <= highest && Math.floor(time) === time)) break
      isOneTime = false
    }
    const target = guesses[slot]!
    const id = refs[slot]!
    // A number of 0 is no slot's.
    if (target >= size || ids[target] !== id || kinds[target] !== family) break
    if (isLogged) {
      if (isDefined[target] === 0) break
      runIds[i - from] = id
    }
    runSlots[i - from] = target
  }
  check.isOneTime = isOneTime
  return i
}

/** Takes a whole column of one series in ascending order, as who writes columns gives it: one look at each sample. False when it is none. */
function takeSole(
  parts: Parts,
  check: Check,
  series: SeriesTable,
  samples: SampleColumns<'f64'>,
  head: Head,
  lowest: number,
  highest: number,
): boolean {
  const { slots, timestamps, count } = samples
  const slot = slots[0]!
  if (slot >= series.count || samples.startTimestamps !== undefined || slots[count - 1] !== slot) return false
  if (!(timestamps[0]! >= lowest && timestamps[count - 1]! <= highest)) return false
  let before = -Infinity
  for (let i = 0; i < count; i++) {
    const time = timestamps[i]!
    if (slots[i] !== slot || !(time > before) || Math.floor(time) !== time) return false
    before = time
  }
  const { heads } = parts
  if (heads.span !== Infinity && heads.baseOf(samples.base, before) !== head.base) return false
  const target = resolve(parts, check, head, series, slot, F64)
  if (target < 0 || head.kinds[target] !== F64) return false
  check.accepted += count
  const ids = parts.log === null ? NO_IDS : Uint32Array.of(head.ids[target]!)
  const shift = samples.base - head.base
  const { base, values } = samples
  check.pieces.push({
    kind: 'f64',
    base,
    count,
    ids,
    timestamps,
    isOneTime: false,
    values,
    startTimestamps: null,
    head,
    slots,
    shift,
    sole: target,
  })
  return true
}

function rejectTime(
  check: Check,
  column: number,
  index: number,
  slot: number,
  time: number,
  base: number,
  limits: { readonly minTime: number; readonly maxTime: number; readonly oldest: number; readonly newest: number },
): void {
  const absolute = time + base
  if (!Number.isInteger(time) || absolute < limits.minTime || absolute > limits.maxTime) {
    check.reject(column, index, slot, 'bad_timestamp', `timestamp ${absolute} is not an integer that a store can hold`)
  } else if (absolute < limits.oldest) {
    check.reject(column, index, slot, 'too_old', `timestamp ${absolute} lies before ${limits.oldest}, where retention ends`)
  } else {
    const message = `timestamp ${absolute} lies after ${limits.newest}, further in the future than is allowed`
    check.reject(column, index, slot, 'too_far_in_future', message)
  }
}

/** The slot of a batch's series in a head, made when it is new; or REFUSED with the problem noted. */
function resolve(parts: Parts, check: Check, head: Head, series: SeriesTable, slot: number, kind: number): number {
  const { registry, heads } = parts
  if (check.problems.has(slot)) return REFUSED
  let id = series.refs[slot]!
  let target = id === 0 ? -1 : head.slotOf(id)
  if (target < 0) {
    if (id === 0 || !registry.has(id)) {
      const bytes = series.labelBytes(slot)
      id = registry.resolve(bytes)
      if (id === 0) {
        const problem = seriesProblem(parts, bytes)
        if (problem !== null) {
          check.problems.set(slot, problem)
          return REFUSED
        }
        id = registry.add(bytes)
        parts.counters.createdSeries++
      }
      series.refs[slot] = id
    }
    target = head.slotOf(id)
    if (target < 0) {
      const known = heads.kindOf(id)
      target = head.addSlot(id, known < 0 ? kind : known)
    }
  }
  if (parts.log !== null && head.isDefined[target] === 0) {
    head.isDefined[target] = BEING_DEFINED
    check.undefinedSlots.push({ head, slot: target })
  }
  return target
}

/** Why a new series cannot be made, or null. */
function seriesProblem(parts: Parts, bytes: Uint8Array): SeriesProblem | null {
  const problem = labelBytesProblem(bytes)
  if (problem !== null) return { reason: 'bad_label', message: problem }
  const limit = parts.options.maxSeries
  if (parts.registry.size >= limit) {
    return { reason: 'series_limit', message: `the store holds ${parts.registry.size} active series; its limit is ${limit}` }
  }
  return null
}

/** What tells whether value i of a column can be stored; null when every value can. */
function valueCheck(samples: AnySampleColumns): ((index: number) => string | null) | null {
  switch (samples.kind) {
    case 'f64':
    case 'i64':
    case 'u64':
      return null
    case 'bool': {
      const { values } = samples
      return (index) => (values[index] === 0 || values[index] === 1 ? null : `${values[index]} is neither 0 nor 1`)
    }
    case 'string': {
      const { values } = samples
      return (index) => {
        const text = values[index]!
        if (!text.isWellFormed()) return 'the string is not valid Unicode'
        return text.length * 3 <= LIMITS.blobBytes ? null : blobProblem(new TextEncoder().encode(text).length)
      }
    }
    case 'bytes': {
      const { values } = samples
      return (index) => blobProblem(values[index]!.length)
    }
    case 'histogram': {
      const { values } = samples
      return (index) => {
        const h = values[index]!
        const buckets = h.positiveBuckets.length + h.negativeBuckets.length
        if (buckets > LIMITS.histogramBuckets) return `${buckets} buckets; at most ${LIMITS.histogramBuckets} are allowed`
        return histogramProblem(h)
      }
    }
  }
}

function blobProblem(bytes: number): string | null {
  return bytes <= LIMITS.blobBytes ? null : `the value takes ${bytes} bytes; at most ${LIMITS.blobBytes} are allowed`
}

/** Samples `from` to `to` of a column without the rejected ones. `runSlots` has the slot of each of them, or NO_SLOT. */
function pieceOf(
  check: Check,
  head: Head,
  samples: AnySampleColumns,
  from: number,
  to: number,
  runSlots: Uint32Array,
  runIds: Uint32Array,
  rejected: number,
): Piece {
  const length = to - from
  const count = length - rejected
  const whole = from === 0 && to === samples.count && rejected === 0
  let slots = runSlots
  let ids = runIds
  let { timestamps } = samples
  let startTimestamps = samples.startTimestamps ?? null
  let values = storedValues(samples)
  if (!whole) {
    // Where each kept sample stands in the batch.
    const kept = new Uint32Array(count)
    let at = 0
    for (let i = 0; i < length; i++) if (slots[i] !== NO_SLOT) kept[at++] = from + i
    slots = picked(slots, kept, new Uint32Array(count), from)
    if (ids.length > 0) ids = picked(ids, kept, new Uint32Array(count), from)
    timestamps = picked(timestamps, kept, new Float64Array(count), 0)
    if (startTimestamps !== null) startTimestamps = picked(startTimestamps, kept, new Float64Array(count), 0)
    if (values instanceof Float64Array) values = picked(values, kept, new Float64Array(count), 0)
    else if (values instanceof BigInt64Array) {
      const words = new BigInt64Array(count)
      for (let i = 0; i < count; i++) words[i] = values[kept[i]!]!
      values = words
    } else {
      const all = values
      values = Array.from(kept, (index) => all[index]!) as Histogram[] | Uint8Array[]
    }
  }
  const shift = samples.base - head.base
  const { isOneTime } = check
  return {
    kind: samples.kind,
    base: samples.base,
    count,
    ids,
    timestamps,
    isOneTime,
    values,
    startTimestamps,
    head,
    slots,
    shift,
    sole: -1,
  }
}

function picked<T extends Uint32Array | Float64Array>(from: T, kept: Uint32Array, into: T, shift: number): T {
  for (let i = 0; i < kept.length; i++) into[i] = from[kept[i]! - shift]!
  return into
}

/** The values as the head keeps them: nothing in them belongs to the caller any more, save what is copied out of typed arrays anyway. */
function storedValues(samples: AnySampleColumns): ColumnValues {
  switch (samples.kind) {
    case 'u64':
      return new BigInt64Array(samples.values.buffer, samples.values.byteOffset, samples.values.length)
    case 'bytes':
      return samples.values.slice(0, samples.count).map((value) => value.slice())
    case 'string': {
      const encoder = new TextEncoder()
      return samples.values.slice(0, samples.count).map((value) => encoder.encode(value))
    }
    default:
      return samples.values
  }
}

/** Exemplars of series that are known, here or by a sample in the same batch; others are passed over. */
function acceptedExemplars(parts: Parts, batch: WriteBatch): AcceptedExemplar[] {
  const accepted: AcceptedExemplar[] = []
  const { series } = batch
  for (const { slot, labels, timestamp, value } of batch.exemplars ?? []) {
    if (slot >= series.count || labelsProblem(labels) !== null || !Number.isFinite(timestamp)) continue
    const ref = series.refs[slot]!
    const id = ref !== 0 && parts.registry.has(ref) ? ref : parts.registry.resolve(series.labelBytes(slot))
    if (id !== 0) accepted.push({ seriesBytes: parts.registry.labelBytes(id).slice(), labelBytes: encodeLabels(labels), timestamp, value })
  }
  return accepted
}
