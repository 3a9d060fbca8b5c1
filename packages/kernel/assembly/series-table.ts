// The table of known series that all walks over bodies share: from the raw bytes that name a series to its entry, and from entries to the
// slots of the batch that is made; and the columns that samples go into.
//
// The caller lays out a Walk (see src/series-walk.ts) and its areas. A walk takes what senders repeat; what it does not know, and anything odd
// or broken, it leaves to the caller, whose own decoder says what is wrong.

// @ts-ignore: decorator
@unmanaged
export class Walk {
  // The table of known series: entry i has its key at keys[i] .. forms[i] and its canonical bytes at forms[i] .. keys[i + 1].
  entries: u32
  table: u32
  mask: u32
  keys: u32
  forms: u32
  hashes: u32
  refs: u32
  stamps: u32
  entrySlots: u32
  // What a format remembers of an entry: remote write its metadata, line protocol where its tags end.
  notes: u32
  // Which body this is, and the entry that is expected next.
  stamp: u32
  next: u32
  // Slot i of the batch has the series of entry slotEntries[i] - 1; 0 is a miss.
  slots: u32
  slotEntries: u32
  slotCapacity: u32
  // Misses: slot, begin and end of the labels.
  misses: u32
  missed: u32
  missCapacity: u32
  samples: u32
  sampleSlots: u32
  timestamps: u32
  values: u32
  starts: u32
  sampleCapacity: u32
  anyStart: u32
  // The rest: slot (or NO_SLOT), tag, where the payload's length stands.
  rest: u32
  rests: u32
  restCapacity: u32
  symbols: u32
  symbolStarts: u32
  symbolEnds: u32
  symbolCapacity: u32
  scratch: u32
  scratchEnd: u32
  // Of formats with lines: how many were taken, and the bytes that go with all of them (a family's name, a key's end).
  lines: u32
  context: u32
  contextEnd: u32
  // How many entries there may be, and where the memory for their bytes ends.
  entryCapacity: u32
  arenaEnd: u32
  // What line protocol makes new series of beside the line, where it learns them here.
  learns: u32
  extras: u32
  extrasEnd: u32
  // The earliest and latest time that was seen.
  minTime: f64
  maxTime: f64
}

/** In place of a slot or entry: there is none. */
export const NO_SLOT: u32 = 0xffff_ffff

/** What the bytes of a key are; see KEY_KINDS in @tsink/protocols. The kind is the end of a key's hash. */
export const REMOTE_WRITE: u32 = 0
export const PAIRS: u32 = 1
export const TEXT: u32 = 2
export const TEXT_HISTOGRAM: u32 = 3
export const TEXT_SUMMARY: u32 = 4
export const INFLUX: u32 = 5
export const GRAPHITE: u32 = 6
export const OTLP: u32 = 7
export const JSON_LINE: u32 = 8
/** Canonical bytes of one series; they are copied out in pieces of this size. */
const MAX_FORM: usize = 262_144
const KIND_BITS: u32 = 4
const KIND_MASK: u32 = 15

/** Whether the entry that is expected next has a key of this kind. */
// @ts-ignore: decorator
@inline
export function expects(walk: Walk, kind: u32): bool {
  const next = walk.next
  return next < walk.entries && (load<u32>(walk.hashes + (next << 2)) & KIND_MASK) == kind
}

// @ts-ignore: decorator
@inline
export function keyOf(walk: Walk, entry: u32): usize {
  return <usize>load<u32>(walk.keys + (entry << 2))
}

// @ts-ignore: decorator
@inline
export function keySize(walk: Walk, entry: u32): usize {
  return <usize>(load<u32>(walk.forms + (entry << 2)) - load<u32>(walk.keys + (entry << 2)))
}

/** The entry whose key stands in start .. end, or NO_SLOT. */
export function entryOf(walk: Walk, start: usize, end: usize, kind: u32): u32 {
  if (expects(walk, kind) && matches(walk, walk.next, start, end)) return walk.next
  const hash = keyHash(start, end, kind)
  let place = (hash >> KIND_BITS) & walk.mask
  let entry = load<u32>(walk.table + (place << 2))
  while (entry != 0) {
    if (load<u32>(walk.hashes + ((entry - 1) << 2)) == hash && matches(walk, entry - 1, start, end)) return entry - 1
    place = (place + 1) & walk.mask
    entry = load<u32>(walk.table + (place << 2))
  }
  return NO_SLOT
}

/** The entry's slot in the batch, given when the batch has none yet; NO_SLOT when there is no room. The entry behind it is expected next. */
// @ts-ignore: decorator
@inline
export function slotOfEntry(walk: Walk, entry: u32): u32 {
  walk.next = entry + 1
  if (load<u32>(walk.stamps + (entry << 2)) == walk.stamp) return load<u32>(walk.entrySlots + (entry << 2))
  const slot = walk.slots
  if (slot >= walk.slotCapacity) return NO_SLOT
  walk.slots = slot + 1
  store<u32>(walk.stamps + (entry << 2), walk.stamp)
  store<u32>(walk.entrySlots + (entry << 2), slot)
  store<u32>(walk.slotEntries + (slot << 2), entry + 1)
  return slot
}

/** Adds a sample; false when there is no room. The value comes as bits, so that no NaN is touched. */
// @ts-ignore: decorator
@inline
export function pushSample(walk: Walk, slot: u32, timestamp: f64, value: u64, start: f64): bool {
  const index = walk.samples
  if (index >= walk.sampleCapacity) return false
  walk.samples = index + 1
  store<u32>(walk.sampleSlots + (index << 2), slot)
  store<f64>(walk.timestamps + (index << 3), timestamp)
  store<u64>(walk.values + (index << 3), value)
  store<f64>(walk.starts + (index << 3), start)
  if (start != 0) walk.anyStart = 1
  return true
}

// @ts-ignore: decorator
@inline
function matches(walk: Walk, entry: u32, start: usize, end: usize): bool {
  return keySize(walk, entry) == end - start && same(keyOf(walk, entry), start, end - start)
}

/** Whether the bytes at two places are the same. */
export function same(a: usize, b: usize, size: usize): bool {
  let i: usize = 0
  for (; i + 16 <= size; i += 16) {
    if (v128.any_true(v128.xor(v128.load(a + i), v128.load(b + i)))) return false
  }
  for (; i + 4 <= size; i += 4) if (load<u32>(a + i) != load<u32>(b + i)) return false
  for (; i < size; i++) if (load<u8>(a + i) != load<u8>(b + i)) return false
  return true
}

// @ts-ignore: decorator
@inline
export function mix(hash: u64, word: u64): u64 {
  const product = (hash ^ word) * 0x9e37_79b9_7f4a_7c15
  return product ^ (product >> 32)
}

export function hashOf(start: usize, end: usize, seed: u64): u64 {
  let hash = mix(seed, <u64>(end - start))
  let from = start
  for (; from + 8 <= end; from += 8) hash = mix(hash, load<u64>(from))
  for (; from < end; from++) hash = mix(hash, load<u8>(from))
  return mix(hash, 0x5851_f42d_4c95_7f2d)
}

// @ts-ignore: decorator
@inline
function keyHash(start: usize, end: usize, kind: u32): u32 {
  return (<u32>hashOf(start, end, kind) & ~KIND_MASK) | kind
}

/** The slot of the series whose key stands in start .. end; -1 when it is not known, -2 when the batch has no room. */
export function slotOfKey(state: usize, start: usize, end: usize, kind: u32): i32 {
  const walk = changetype<Walk>(state)
  const entry = entryOf(walk, start, end, kind)
  if (entry == NO_SLOT) return -1
  const slot = slotOfEntry(walk, entry)
  return slot == NO_SLOT ? -2 : <i32>slot
}

/** Whether there is room for an entry with so many bytes of key and of canonical form. */
export function hasRoom(walk: Walk, key: usize, form: usize): bool {
  return walk.entries < walk.entryCapacity && key + form <= walk.arenaEnd - keyOf(walk, walk.entries) && form <= MAX_FORM
}

/** Gives the next entry its canonical bytes, which stand at `form` .. `end` behind its key, and puts it into the table. Answers the entry. */
export function addEntry(walk: Walk, form: usize, end: usize, kind: u32, note: u32): u32 {
  const entry = walk.entries
  const index = entry << 2
  store<u32>(walk.forms + index, <u32>form)
  store<u32>(walk.keys + index + 4, <u32>end)
  store<u32>(walk.refs + index, 0)
  store<u32>(walk.stamps + index, 0)
  store<u32>(walk.notes + index, note)
  const hash = keyHash(keyOf(walk, entry), form, kind)
  store<u32>(walk.hashes + index, hash)
  let place = (hash >> KIND_BITS) & walk.mask
  while (load<u32>(walk.table + (place << 2)) != 0) place = (place + 1) & walk.mask
  store<u32>(walk.table + (place << 2), entry + 1)
  walk.entries = entry + 1
  return entry
}

/**
 * Puts a series into the table whose key and canonical bytes the caller has read, and into the batch. They are copied. Answers its slot, or -2 when
 * there is no room; with a slot given (not negative) the series has that one already.
 */
export function addSeriesOf(state: usize, given: i32, key: usize, keySize: usize, form: usize, formSize: usize, kind: u32, note: u32): i32 {
  const walk = changetype<Walk>(state)
  // A body may miss a series many times; one entry serves all of its slots.
  const known = given < 0 ? NO_SLOT : entryOf(walk, key, key + keySize, kind)
  if (known != NO_SLOT) {
    store<u32>(walk.slotEntries + (given << 2), known + 1)
    return given
  }
  if (!hasRoom(walk, keySize, formSize)) return -2
  const to = keyOf(walk, walk.entries)
  memory.copy(to, key, keySize)
  memory.copy(to + keySize, form, formSize)
  const entry = addEntry(walk, to + keySize, to + keySize + formSize, kind, note)
  if (given < 0) {
    const slot = slotOfEntry(walk, entry)
    return slot == NO_SLOT ? -2 : <i32>slot
  }
  store<u32>(walk.stamps + (entry << 2), walk.stamp)
  store<u32>(walk.entrySlots + (entry << 2), <u32>given)
  store<u32>(walk.slotEntries + (given << 2), entry + 1)
  return given
}

/** Writes where the canonical bytes of each slot will stand, end to end (`slots + 1` offsets), and the store's numbers. Answers how many bytes. */
export function placeSeries(state: usize, offsets: usize, refs: usize): u32 {
  const walk = changetype<Walk>(state)
  let size: u32 = 0
  store<u32>(offsets, 0)
  for (let slot: u32 = 0; slot < walk.slots; slot++) {
    const entry = load<u32>(walk.slotEntries + (slot << 2))
    let ref: u32 = 0
    if (entry != 0) {
      size += load<u32>(walk.keys + (entry << 2)) - load<u32>(walk.forms + ((entry - 1) << 2))
      ref = load<u32>(walk.refs + ((entry - 1) << 2))
    }
    store<u32>(refs + (slot << 2), ref)
    store<u32>(offsets + ((slot + 1) << 2), size)
  }
  return size
}

/** Copies the canonical bytes of slots from `slot` on to `bytes`, as far as they fit. Answers the slot that it came to. */
export function gatherSeries(state: usize, slot: u32, bytes: usize, bytesEnd: usize): u32 {
  const walk = changetype<Walk>(state)
  let to = bytes
  for (; slot < walk.slots; slot++) {
    const entry = load<u32>(walk.slotEntries + (slot << 2))
    if (entry == 0) continue
    const from = <usize>load<u32>(walk.forms + ((entry - 1) << 2))
    const size = <usize>load<u32>(walk.keys + (entry << 2)) - from
    if (size > bytesEnd - to) break
    memory.copy(to, from, size)
    to += size
  }
  return slot
}
