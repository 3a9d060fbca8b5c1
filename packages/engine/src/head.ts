/**
 * Head: samples in memory between the log and the segments. Every series with samples here has a slot; a slot has one open column, sorted by
 * time and growing in place, and a list of sealed chunks that were open columns before.
 *
 *     slot ─┬─ open column   [t t t t . .][v v v v . .]      a block in ColumnSlabs
 *           └─ sealed chunks  c1 ─▸ c2 ─▸ c3                 bytes in SealedChunks
 *
 * A sample in order goes to the column's end; any other is put in its place, however old it is, and one with a time that is there replaces
 * it. Sealing always takes the whole column, so the order of the chunks is the order of writes, also where they overlap in time, and the
 * open column is later than all of them. A head is filled, then frozen, written into segments and dropped as a whole.
 *
 * State is typed arrays by slot. Only values that are objects by nature (histograms, bytes, strings) and start timestamps live beside them.
 */
import { assert, lowerBound, SampleBuffer, VALUE_KINDS, type Histogram, type ValueKind } from '@tsink/core'
import type { Pins } from './pins.ts'
import { sealRuns } from './runs.ts'
import { SealedChunks } from './sealed.ts'
import { ColumnSlabs, type SlabPool } from './slabs.ts'
import { SlotMap } from './slot-map.ts'

export const F64 = 0
export const HISTOGRAM: number = VALUE_KINDS.indexOf('histogram')

/** What a slot has beside its column, by index of the sample. Lists are replaced, not changed, while a view may hold them. */
export interface Beside {
  /** Histograms (undefined for a float among them), or bytes. */
  objects: (Histogram | Uint8Array | undefined)[] | null
  startTimestamps: Float64Array | null
  /** Estimated memory of the objects. */
  bytes: number
}

/** A column that filled up once will fill again: it starts at this size instead of the smallest. */
const REFILL_SAMPLES = 256

/** A rough size of an object beside a column, for the memory budget: it cannot be measured. */
const OBJECT_BYTES = 96

/** A column with more than this beside it is sealed before it is full: long texts and wide histograms must not pile up as objects. */
const MAX_OBJECT_BYTES = 262_144

export class Head {
  /** Added to every time in this head: 0, or in nanosecond stores the exact start of its span. */
  readonly base: number
  readonly chunkSamples: number
  readonly slabs: ColumnSlabs
  readonly sealed: SealedChunks = new SealedChunks()
  /** Series number of each slot. */
  ids: Uint32Array = new Uint32Array(64)
  /** Block address, size class and used length of each slot's open column; a length of 0 means that there is no block. */
  blocks: Uint32Array = new Uint32Array(64)
  classes: Uint8Array = new Uint8Array(64)
  counts: Uint16Array = new Uint16Array(64)
  /** Value kind of each slot as an index into VALUE_KINDS; floats and histograms are both F64. */
  kinds: Uint8Array = new Uint8Array(64)
  /** First and last sealed chunk, 0 for none. */
  firstChunks: Uint32Array = new Uint32Array(64)
  lastChunks: Uint32Array = new Uint32Array(64)
  /** 1 for each slot whose series a log record of this generation defines. */
  isDefined: Uint8Array = new Uint8Array(64)
  /** What is beside the open columns of some slots, and 1 for each slot that has it. */
  readonly beside: Map<number, Beside> = new Map()
  hasBeside: Uint8Array = new Uint8Array(64)
  size = 0
  /** Samples appended, replaced ones counted again. */
  samples = 0
  /** Sequences of the first and last batch in here; 0 while empty. */
  minSequence = 0
  maxSequence = 0
  /** Times of the earliest and latest sample ever put in, relative to base. */
  minTime: number = Infinity
  maxTime: number = -Infinity

  readonly #slots = new SlotMap()
  readonly #pins: Pins
  readonly #scratch = new SampleBuffer()
  #objectBytes = 0
  #limbo: number[] | null = null
  #limboEpoch = -1

  constructor(base: number, chunkSamples: number, pins: Pins, pool: SlabPool) {
    this.base = base
    this.chunkSamples = chunkSamples
    this.slabs = new ColumnSlabs(chunkSamples, pool)
    this.#pins = pins
  }

  /** Memory that the head holds, estimated for objects. */
  get bytes(): number {
    return (
      this.slabs.bytes + this.sealed.bytes + this.sealed.next.length * 37 + this.ids.length * 26 + this.#slots.bytes + this.#objectBytes
    )
  }

  /** The slot of a series, or -1. */
  slotOf(id: number): number {
    return this.#slots.get(id)
  }

  /** Makes a slot for a series that has none. `kind` is an index into VALUE_KINDS. */
  addSlot(id: number, kind: number): number {
    if (this.size === this.ids.length) this.#grow()
    const slot = this.size++
    this.ids[slot] = id
    this.kinds[slot] = kind === HISTOGRAM ? F64 : kind
    this.#slots.set(id, slot)
    return slot
  }

  /** Floats and bools: sample i goes to slot `slots[i]` at `timestamps[i] + shift`. `isOneTime`: all of these are the same. */
  appendFloats(
    slots: Uint32Array,
    from: number,
    to: number,
    timestamps: Float64Array,
    shift: number,
    values: Float64Array,
    isOneTime = false,
  ): void {
    for (let i = from; ;) {
      i = this.#appendInOrder(slots, i, to, timestamps, shift, values)
      if (i === to) break
      const slot = slots[i]!
      const place = this.#place(slot, timestamps[i]! + shift)
      const block = this.blocks[slot]!
      this.slabs.floats[block >>> 12]![((block & 4_095) << 3) + this.slabs.capacities[this.classes[slot]!]! + place] = values[i]!
      if (this.hasBeside[slot] !== 0) this.#besideFloat(slot, place)
      i++
    }
    if (isOneTime && to > from) {
      this.#countTimes(from, from + 1, timestamps, shift)
      this.samples += to - from - 1
    } else this.#countTimes(from, to, timestamps, shift)
  }

  /** Appends floats as long as each comes after the last of its column and finds room there: nearly always. Calls nothing. Returns where it stopped. */
  #appendInOrder(slots: Uint32Array, from: number, to: number, timestamps: Float64Array, shift: number, values: Float64Array): number {
    const { blocks, classes, counts, hasBeside } = this
    const { floats, capacities } = this.slabs
    for (let i = from; i < to; i++) {
      const slot = slots[i]!
      const at = counts[slot]!
      const address = blocks[slot]!
      const words = floats[address >>> 12]!
      const end = ((address & 4_095) << 3) + at
      const capacity = capacities[classes[slot]!]!
      const time = timestamps[i]! + shift
      if (at === 0 || at >= capacity || !(time > words[end - 1]!) || hasBeside[slot] !== 0) return i
      words[end] = time
      words[end + capacity] = values[i]!
      counts[slot] = at + 1
    }
    return to
  }

  /** A column of floats of one slot, in ascending order of time: copied in pieces, as far as its samples come after those that are there. */
  appendColumn(slot: number, count: number, timestamps: Float64Array, shift: number, values: Float64Array): void {
    let from = 0
    while (from < count && this.hasBeside[slot] === 0) {
      const at = this.#roomFor(slot, count - from)
      const block = this.blocks[slot]!
      const words = this.slabs.floats[this.slabs.slabOf(block)]!
      const offset = this.slabs.offsetOf(block)
      if (at > 0 && timestamps[from]! + shift <= words[offset + at - 1]!) break
      const capacity = this.slabs.capacities[this.classes[slot]!]!
      const length = Math.min(count - from, capacity - at)
      words.set(timestamps.subarray(from, from + length), offset + at)
      if (shift !== 0) for (let i = offset + at; i < offset + at + length; i++) words[i]! += shift
      words.set(values.subarray(from, from + length), offset + capacity + at)
      this.counts[slot] = at + length
      from += length
    }
    if (from > 0) {
      this.minTime = Math.min(this.minTime, timestamps[0]! + shift)
      this.maxTime = Math.max(this.maxTime, timestamps[from - 1]! + shift)
      this.samples += from
    }
    if (from === count) return
    const slots = new Uint32Array(count).fill(slot)
    this.appendFloats(slots, from, count, timestamps, shift, values)
  }

  /** 64-bit integers, signed or not. */
  appendIntegers(slots: Uint32Array, from: number, to: number, timestamps: Float64Array, shift: number, values: BigInt64Array): void {
    for (let i = from; i < to; i++) {
      const slot = slots[i]!
      const place = this.#place(slot, timestamps[i]! + shift)
      const block = this.blocks[slot]!
      this.slabs.integers[block >>> 12]![((block & 4_095) << 3) + this.slabs.capacities[this.classes[slot]!]! + place] = values[i]!
    }
    this.#countTimes(from, to, timestamps, shift)
  }

  /** Histograms and bytes; they are kept, so nobody may change them afterwards. */
  appendObjects(
    slots: Uint32Array,
    from: number,
    to: number,
    timestamps: Float64Array,
    shift: number,
    values: readonly (Histogram | Uint8Array)[],
  ): void {
    for (let i = from; i < to; i++) {
      const slot = slots[i]!
      const value = values[i]!
      if (this.hasBeside[slot] !== 0 && this.beside.get(slot)!.bytes > MAX_OBJECT_BYTES) this.seal(slot)
      const place = this.#place(slot, timestamps[i]! + shift)
      const beside = this.#besideOf(slot)
      if (beside.objects === null) beside.objects = Array.from({ length: this.counts[slot]! }, () => undefined)
      beside.objects[place] = value
      const block = this.blocks[slot]!
      const at = ((block & 4_095) << 3) + this.slabs.capacities[this.classes[slot]!]! + place
      this.slabs.floats[block >>> 12]![at] = value instanceof Uint8Array ? NaN : value.sum
      const bytes =
        OBJECT_BYTES + (value instanceof Uint8Array ? value.length : (value.positiveBuckets.length + value.negativeBuckets.length) * 8)
      beside.bytes += bytes
      this.#objectBytes += bytes
    }
    this.#countTimes(from, to, timestamps, shift)
  }

  /** Sets the start timestamp of the sample that was appended last. */
  setStartTimestamp(slot: number, time: number, start: number): void {
    const count = this.counts[slot]!
    const place = lowerBound(this.openTimes(slot), count, time)
    if (place === count) return
    const beside = this.#besideOf(slot)
    const capacity = this.slabs.capacities[this.classes[slot]!]!
    if (beside.startTimestamps === null) beside.startTimestamps = new Float64Array(capacity)
    else if (beside.startTimestamps.length < capacity) beside.startTimestamps = copied(beside.startTimestamps, capacity)
    beside.startTimestamps[place] = start
  }

  /** The open column's times and values as views; valid until the next append to the slot. */
  openTimes(slot: number): Float64Array {
    const block = this.blocks[slot]!
    const offset = this.slabs.offsetOf(block)
    return this.slabs.floats[this.slabs.slabOf(block)]!.subarray(offset, offset + this.counts[slot]!)
  }

  /** Seals a slot's open column into a chunk; where floats and histograms alternate, into one for each run. */
  seal(slot: number): void {
    const count = this.counts[slot]!
    if (count === 0) return
    const open = this.#scratch
    this.#scratch.count = 0
    this.copyOpen(slot, this.blocks[slot]!, this.classes[slot]!, count, this.beside.get(slot), 0, count, open)
    sealRuns(open, 0, count, this.chunkSamples, (bytes, kind, from, to) => {
      const chunk = this.sealed.add(bytes, VALUE_KINDS.indexOf(kind), to - from, open.timestamps[from]!, open.timestamps[to - 1]!)
      const last = this.lastChunks[slot]!
      if (last === 0) this.firstChunks[slot] = chunk
      else this.sealed.next[last] = chunk
      this.lastChunks[slot] = chunk
    })
    open.clear()
    this.#retire(this.blocks[slot]!)
    this.counts[slot] = 0
    if (this.hasBeside[slot] !== 0) {
      this.#objectBytes -= this.beside.get(slot)!.bytes
      this.beside.delete(slot)
      this.hasBeside[slot] = 0
    }
  }

  /** Appends samples `from` to `to` of an open column, as a view caught it, to a buffer. Sets the kind of an empty buffer. */
  copyOpen(
    slot: number,
    block: number,
    size: number,
    count: number,
    beside: Beside | undefined,
    from: number,
    to: number,
    into: SampleBuffer,
  ): void {
    assert(from <= to && to <= count, 'the copied samples lie in the open column')
    const slab = this.slabs.slabOf(block)
    const offset = this.slabs.offsetOf(block)
    const values = offset + this.slabs.capacities[size]!
    const kind = this.kindOf(slot)
    if (into.count === 0) {
      into.clear()
      into.begin(kind)
      into.base = this.base
    }
    const at = into.count
    into.reserve(to - from)
    into.timestamps.set(this.slabs.floats[slab]!.subarray(offset + from, offset + to), at)
    if (into.integers !== null) {
      const integers = this.slabs.integers[slab]!.subarray(values + from, values + to)
      const words = kind === 'u64' ? new BigUint64Array(integers.buffer, integers.byteOffset, integers.length) : integers
      into.integers.set(integers, at)
      for (let i = 0; i < words.length; i++) into.values[at + i] = Number(words[i]!)
    } else into.values.set(this.slabs.floats[slab]!.subarray(values + from, values + to), at)
    const objects = beside?.objects ?? null
    if (into.blobs !== null) for (let i = from; i < to; i++) into.blobs[at + i - from] = objects![i] as Uint8Array
    else if (objects !== null) {
      into.histograms ??= Array.from({ length: at }, () => undefined)
      for (let i = from; i < to; i++) into.histograms[at + i - from] = objects[i] as Histogram | undefined
    } else if (into.histograms !== null) for (let i = from; i < to; i++) into.histograms[at + i - from] = undefined
    const starts = beside?.startTimestamps ?? null
    if (starts !== null) {
      if (into.startTimestamps === null) into.startTimestamps = new Float64Array(into.capacity)
      into.startTimestamps.set(starts.subarray(from, to), at)
    } else into.startTimestamps?.fill(0, at, at + to - from)
    into.count = at + to - from
  }

  kindOf(slot: number): ValueKind {
    return VALUE_KINDS[this.kinds[slot]!]!
  }

  /** Makes room for one sample at least, better for `count`, at the end of the slot's open column; answers the column's length. */
  #roomFor(slot: number, count: number): number {
    const at = this.counts[slot]!
    const { capacities } = this.slabs
    if (at > 0 && at < capacities[this.classes[slot]!]!) return at
    if (at > 0 && this.classes[slot]! < capacities.length - 1) {
      this.#moveBlock(slot, this.slabs.classFor(at + count))
      return at
    }
    this.seal(slot)
    this.#newBlock(slot, count)
    return 0
  }

  /** Makes room for a sample at a time in the slot's open column and returns its index there; a sample at that time is replaced. */
  #place(slot: number, time: number): number {
    let count = this.counts[slot]!
    if (count === 0) this.#newBlock(slot)
    else if (count === this.slabs.capacities[this.classes[slot]!]!) {
      if (this.classes[slot] === this.slabs.capacities.length - 1) {
        this.seal(slot)
        this.#newBlock(slot)
        count = 0
      } else this.#growBlock(slot)
    }
    let offset = this.slabs.offsetOf(this.blocks[slot]!)
    let words = this.slabs.floats[this.slabs.slabOf(this.blocks[slot]!)]!
    if (count === 0 || time > words[offset + count - 1]!) {
      words[offset + count] = time
      this.counts[slot] = count + 1
      return count
    }
    const place = lowerBound(words.subarray(offset, offset + count), count, time)
    // Whoever looks at the block goes on seeing it as it was.
    if (this.#pins.active) {
      this.#moveBlock(slot, this.classes[slot]!)
      offset = this.slabs.offsetOf(this.blocks[slot]!)
      words = this.slabs.floats[this.slabs.slabOf(this.blocks[slot]!)]!
    }
    const beside = this.beside.get(slot)
    if (words[offset + place] === time) {
      if (beside !== undefined) this.#openGap(beside, place, count, 0)
      return place
    }
    const capacity = this.slabs.capacities[this.classes[slot]!]!
    words.copyWithin(offset + place + 1, offset + place, offset + count)
    words.copyWithin(offset + capacity + place + 1, offset + capacity + place, offset + capacity + count)
    if (beside !== undefined) this.#openGap(beside, place, count, 1)
    words[offset + place] = time
    this.counts[slot] = count + 1
    return place
  }

  /** Shifts what is beside a column from `place` on by `by` (0 or 1) and forgets what was at `place`. */
  #openGap(beside: Beside, place: number, count: number, by: number): void {
    if (beside.objects !== null) {
      if (this.#pins.active) beside.objects = [...beside.objects]
      if (by === 1) beside.objects.splice(place, 0, undefined)
      else beside.objects[place] = undefined
    }
    if (beside.startTimestamps !== null) {
      const starts = copied(beside.startTimestamps, Math.max(beside.startTimestamps.length, count + by))
      if (by === 1) starts.copyWithin(place + 1, place, count)
      starts[place] = 0
      beside.startTimestamps = starts
    }
  }

  /** A float has nothing beside it: a histogram or start timestamp that was at its place is gone already, the lists must only be long enough. */
  #besideFloat(slot: number, place: number): void {
    const beside = this.beside.get(slot)
    if (beside === undefined) return
    if (beside.objects !== null && beside.objects.length <= place) beside.objects[place] = undefined
    const starts = beside.startTimestamps
    if (starts !== null && starts.length <= place) beside.startTimestamps = copied(starts, this.slabs.capacities[this.classes[slot]!]!)
  }

  #besideOf(slot: number): Beside {
    let beside = this.beside.get(slot)
    if (beside === undefined) {
      beside = { objects: null, startTimestamps: null, bytes: 0 }
      this.beside.set(slot, beside)
      this.hasBeside[slot] = 1
    }
    return beside
  }

  #newBlock(slot: number, count = 1): void {
    const likely = this.lastChunks[slot] === 0 ? count : Math.max(count, Math.min(REFILL_SAMPLES, this.chunkSamples))
    const size = this.slabs.classFor(likely)
    this.blocks[slot] = this.slabs.allocate(size)
    this.classes[slot] = size
  }

  #growBlock(slot: number): void {
    this.#moveBlock(slot, this.classes[slot]! + 1)
  }

  /** Copies a column into a new block of some class. */
  #moveBlock(slot: number, size: number): void {
    const old = this.blocks[slot]!
    const count = this.counts[slot]!
    const oldCapacity = this.slabs.capacities[this.classes[slot]!]!
    const block = this.slabs.allocate(size)
    const from = this.slabs.floats[this.slabs.slabOf(old)]!
    const to = this.slabs.floats[this.slabs.slabOf(block)]!
    const start = this.slabs.offsetOf(old)
    const offset = this.slabs.offsetOf(block)
    const capacity = this.slabs.capacities[size]!
    if (count <= 48) {
      for (let i = 0; i < count; i++) to[offset + i] = from[start + i]!
      for (let i = 0; i < count; i++) to[offset + capacity + i] = from[start + oldCapacity + i]!
    } else {
      to.set(from.subarray(start, start + count), offset)
      to.set(from.subarray(start + oldCapacity, start + oldCapacity + count), offset + capacity)
    }
    this.blocks[slot] = block
    this.classes[slot] = size
    this.#retire(old)
  }

  /** Frees a block when no view can see it any more. */
  #retire(block: number): void {
    if (!this.#pins.active) {
      this.slabs.release(block)
      return
    }
    if (this.#limbo === null || this.#limboEpoch !== this.#pins.epoch) {
      const blocks: number[] = []
      this.#limbo = blocks
      this.#limboEpoch = this.#pins.epoch
      this.#pins.whenFree(() => {
        if (this.#limbo === blocks) this.#limbo = null
        for (const each of blocks) this.slabs.release(each)
      })
    }
    this.#limbo.push(block)
  }

  #countTimes(from: number, to: number, timestamps: Float64Array, shift: number): void {
    let min = this.minTime
    let max = this.maxTime
    for (let i = from; i < to; i++) {
      const time = timestamps[i]! + shift
      if (time < min) min = time
      if (time > max) max = time
    }
    this.minTime = min
    this.maxTime = max
    this.samples += to - from
  }

  #grow(): void {
    const capacity = this.ids.length * 2
    this.ids = copied(this.ids, capacity)
    this.blocks = copied(this.blocks, capacity)
    this.classes = copied(this.classes, capacity)
    this.counts = copied(this.counts, capacity)
    this.kinds = copied(this.kinds, capacity)
    this.hasBeside = copied(this.hasBeside, capacity)
    this.firstChunks = copied(this.firstChunks, capacity)
    this.lastChunks = copied(this.lastChunks, capacity)
    this.isDefined = copied(this.isDefined, capacity)
  }
}

function copied<T extends Uint8Array | Uint16Array | Uint32Array | Float64Array>(from: T, length: number): T {
  const to = new (from.constructor as new (length: number) => T)(length)
  to.set(from)
  return to
}
