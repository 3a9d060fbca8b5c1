// The walk over remote-write bodies, both versions: series are looked up by the bytes of their labels in a table, samples go into columns.
//
// The caller lays out a Walk (see src/remote-write.ts) and its areas. What the walk does not know it leaves to the caller: new series are
// listed as misses, fields other than samples as the rest; anything odd or broken makes it answer -1, and the caller's own decoder says
// what is wrong. Every read stays below the end of the message that it belongs to.

// @ts-ignore: decorator
@unmanaged
class Walk {
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
  metadata: u32
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
}

const NO_SLOT: u32 = 0xffff_ffff

// The cursor: where the next byte is read, and whether something was wrong.
let at: usize = 0
let bad: bool = false

// A length or tag of at most 32 bits; longer spellings count as odd.
// @ts-ignore: decorator
@inline
function uvarint(end: usize): u32 {
  if (at < end) {
    const first = <u32>load<u8>(at)
    if (first < 0x80) {
      at++
      return first
    }
  }
  return longUvarint(end)
}

function longUvarint(end: usize): u32 {
  let value: u32 = 0
  for (let shift: u32 = 0; shift < 35; shift += 7) {
    if (at >= end) break
    const byte = <u32>load<u8>(at++)
    if (shift == 28 && byte > 0x0f) break
    value |= (byte & 0x7f) << shift
    if (byte < 0x80) return value
  }
  bad = true
  return 0
}

function varint64(end: usize): i64 {
  let value: u64 = 0
  for (let shift: u64 = 0; shift < 70; shift += 7) {
    if (at >= end) break
    const byte = <u64>load<u8>(at++)
    value |= (byte & 0x7f) << shift
    if (byte < 0x80) return <i64>value
  }
  bad = true
  return 0
}

/** Reads a length and answers where that many bytes end; sets `bad` where they do not fit. */
// @ts-ignore: decorator
@inline
function length(end: usize): usize {
  const size = <usize>uvarint(end)
  if (bad || size > end - at) {
    bad = true
    return at
  }
  return at + size
}

/** Walks a WriteRequest from `body` to `end`. 0, or -1 when the caller must decode it. */
export function walkRemoteWrite1(state: usize, body: usize, end: usize): i32 {
  const walk = changetype<Walk>(state)
  at = body
  bad = false
  while (at < end) {
    const tag = load<u8>(at)
    if (tag == 0x0a) {
      at++
      const stop = length(end)
      if (bad || !walkSeries1(walk, stop)) return -1
      at = stop
    } else if (tag == 0x1a) {
      if (!leave(walk, NO_SLOT, end)) return -1
    } else return -1
  }
  return 0
}

function walkSeries1(walk: Walk, end: usize): bool {
  const start = at
  while (at < end && load<u8>(at) == 0x0a) {
    at++
    at = length(end)
    if (bad) return false
  }
  const slot = slotOf(walk, start, at)
  if (slot == NO_SLOT) return false
  while (at < end) {
    const tag = load<u8>(at)
    if (tag == 0x12) {
      at++
      const stop = length(end)
      if (bad || !walkSample(walk, slot, stop)) return false
    } else if (tag == 0x1a || tag == 0x22) {
      if (!leave(walk, slot, end)) return false
    } else return false
  }
  return true
}

/** Walks a Request of version 2.0. 0, or -1 when the caller must decode it. */
export function walkRemoteWrite2(state: usize, body: usize, end: usize): i32 {
  const walk = changetype<Walk>(state)
  at = body
  bad = false
  // Symbols come first from every known sender.
  while (at < end && load<u8>(at) == 0x22) {
    at++
    const stop = length(end)
    if (bad || walk.symbols >= walk.symbolCapacity) return -1
    if (walk.symbols == 0 && stop > at) return -1
    if (!isUtf8(at, stop)) return -1
    store<u32>(walk.symbolStarts + (walk.symbols << 2), <u32>at)
    store<u32>(walk.symbolEnds + (walk.symbols << 2), <u32>stop)
    walk.symbols++
    at = stop
  }
  while (at < end) {
    if (load<u8>(at) != 0x2a) return -1
    at++
    const stop = length(end)
    if (bad || !walkSeries2(walk, stop)) return -1
    at = stop
  }
  return 0
}

function walkSeries2(walk: Walk, end: usize): bool {
  if (at >= end || load<u8>(at) != 0x0a) return false
  at++
  const refsEnd = length(end)
  if (bad) return false
  const slot = slotOfRefs(walk, at, refsEnd)
  if (slot == NO_SLOT) return false
  at = refsEnd
  while (at < end) {
    const tag = load<u8>(at)
    if (tag == 0x12) {
      at++
      const stop = length(end)
      if (bad || !walkSample(walk, slot, stop)) return false
    } else if (tag == 0x1a || tag == 0x22) {
      if (!leave(walk, slot, end)) return false
    } else if (tag == 0x2a) {
      if (!walkMetadata(walk, slot, end)) return false
    } else return false
  }
  return true
}

// One sample of either version. Values are moved as bits, so that no NaN is touched.
function walkSample(walk: Walk, slot: u32, end: usize): bool {
  let value: u64 = 0
  let timestamp: i64 = 0
  let start: i64 = 0
  while (at < end) {
    const tag = load<u8>(at++)
    if (tag == 0x09) {
      if (end - at < 8) return false
      value = load<u64>(at)
      at += 8
    } else if (tag == 0x10) timestamp = varint64(end)
    else if (tag == 0x18) start = varint64(end)
    else return false
    if (bad) return false
  }
  const index = walk.samples
  if (index >= walk.sampleCapacity) return false
  walk.samples = index + 1
  store<u32>(walk.sampleSlots + (index << 2), slot)
  store<f64>(walk.timestamps + (index << 3), <f64>timestamp)
  store<u64>(walk.values + (index << 3), value)
  store<f64>(walk.starts + (index << 3), <f64>start)
  if (start != 0) walk.anyStart = 1
  return true
}

/** Notes a field for the caller and passes over it. */
function leave(walk: Walk, slot: u32, end: usize): bool {
  const tag = load<u8>(at++)
  const place = at
  const stop = length(end)
  if (bad || walk.rests >= walk.restCapacity) return false
  const record = walk.rest + walk.rests * 12
  store<u32>(record, slot)
  store<u32>(record, tag, 4)
  store<u32>(record, <u32>place, 8)
  walk.rests++
  at = stop
  return true
}

// Senders repeat a series' metadata with every sample: only what is new to the entry goes to the caller.
function walkMetadata(walk: Walk, slot: u32, end: usize): bool {
  const begin = at
  at++
  const stop = length(end)
  if (bad) return false
  const entry = load<u32>(walk.slotEntries + (slot << 2))
  if (entry != 0) {
    let hash: u64 = 0x9e37_79b9_7f4a_7c15
    while (at < stop) {
      const tag = load<u8>(at++)
      const number = uvarint(stop)
      if (bad) return false
      if (tag == 0x08) hash = mix(hash, number)
      else if (tag == 0x18 || tag == 0x20) {
        if (number >= walk.symbols) return false
        const from = load<u32>(walk.symbolStarts + (number << 2))
        const to = load<u32>(walk.symbolEnds + (number << 2))
        hash = mix(hash, hashOf(from, to, tag))
      } else return false
    }
    const known = walk.metadata + ((entry - 1) << 2)
    const short = <u32>(hash ^ (hash >> 32)) | 1
    if (load<u32>(known) == short) {
      at = stop
      return true
    }
    store<u32>(known, short)
  }
  at = begin
  return leave(walk, slot, end)
}

/** The batch's slot for the series whose label fields stand in start .. end. */
function slotOf(walk: Walk, start: usize, end: usize): u32 {
  const next = walk.next
  if (next < walk.entries && (load<u32>(walk.hashes + (next << 2)) & 1) == 0 && matches(walk, next, start, end)) return slotOfEntry(walk, next)
  const hash = <u32>hashOf(start, end, 0) & ~1
  const entry = find(walk, hash, start, end)
  return entry != NO_SLOT ? slotOfEntry(walk, entry) : miss(walk, start, end)
}

/** As slotOf, for a list of symbols. The key is every symbol behind its length, which no key of version 1 equals: see the last hash bit. */
function slotOfRefs(walk: Walk, start: usize, end: usize): u32 {
  const next = walk.next
  if (next < walk.entries && (load<u32>(walk.hashes + (next << 2)) & 1) == 1 && matchesRefs(walk, next, start, end)) {
    return bad ? NO_SLOT : slotOfEntry(walk, next)
  }
  if (bad) return NO_SLOT
  let to = <usize>walk.scratch
  at = start
  let refs: u32 = 0
  while (at < end) {
    const ref = uvarint(end)
    if (bad) return NO_SLOT
    // References that point nowhere, or do not pair up, are the caller's to refuse.
    if (ref >= walk.symbols) return miss(walk, start, end)
    const from = <usize>load<u32>(walk.symbolStarts + (ref << 2))
    const size = <usize>load<u32>(walk.symbolEnds + (ref << 2)) - from
    if (to + size + 5 > <usize>walk.scratchEnd) return NO_SLOT
    let rest = size
    while (rest >= 0x80) {
      store<u8>(to++, (rest & 0x7f) | 0x80)
      rest >>= 7
    }
    store<u8>(to++, rest)
    memory.copy(to, from, size)
    to += size
    refs++
  }
  if ((refs & 1) != 0) return miss(walk, start, end)
  const hash = <u32>hashOf(walk.scratch, to, 1) | 1
  const entry = find(walk, hash, walk.scratch, to)
  return entry != NO_SLOT ? slotOfEntry(walk, entry) : miss(walk, start, end)
}

// Compares symbol by symbol with the expected entry's key: no copy, no hash.
function matchesRefs(walk: Walk, entry: u32, start: usize, end: usize): bool {
  let key = <usize>load<u32>(walk.keys + (entry << 2))
  const keyEnd = <usize>load<u32>(walk.forms + (entry << 2))
  at = start
  while (at < end) {
    const ref = uvarint(end)
    if (bad || ref >= walk.symbols) return false
    const from = <usize>load<u32>(walk.symbolStarts + (ref << 2))
    const size = <usize>load<u32>(walk.symbolEnds + (ref << 2)) - from
    let rest = size
    while (rest >= 0x80) {
      if (key >= keyEnd || load<u8>(key++) != ((rest & 0x7f) | 0x80)) return false
      rest >>= 7
    }
    if (key >= keyEnd || load<u8>(key++) != rest) return false
    if (keyEnd - key < size || !same(key, from, size)) return false
    key += size
  }
  return key == keyEnd
}

// @ts-ignore: decorator
@inline
function slotOfEntry(walk: Walk, entry: u32): u32 {
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

function miss(walk: Walk, start: usize, end: usize): u32 {
  const slot = walk.slots
  if (slot >= walk.slotCapacity || walk.missed >= walk.missCapacity) return NO_SLOT
  walk.slots = slot + 1
  store<u32>(walk.slotEntries + (slot << 2), 0)
  const record = walk.misses + walk.missed * 12
  store<u32>(record, slot)
  store<u32>(record, <u32>start, 4)
  store<u32>(record, <u32>end, 8)
  walk.missed++
  return slot
}

function find(walk: Walk, hash: u32, start: usize, end: usize): u32 {
  let place = (hash >> 1) & walk.mask
  let entry = load<u32>(walk.table + (place << 2))
  while (entry != 0) {
    if (load<u32>(walk.hashes + ((entry - 1) << 2)) == hash && matches(walk, entry - 1, start, end)) return entry - 1
    place = (place + 1) & walk.mask
    entry = load<u32>(walk.table + (place << 2))
  }
  return NO_SLOT
}

// @ts-ignore: decorator
@inline
function matches(walk: Walk, entry: u32, start: usize, end: usize): bool {
  const key = <usize>load<u32>(walk.keys + (entry << 2))
  const size = <usize>load<u32>(walk.forms + (entry << 2)) - key
  return size == end - start && same(key, start, size)
}

function same(a: usize, b: usize, size: usize): bool {
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
function mix(hash: u64, word: u64): u64 {
  const product = (hash ^ word) * 0x9e37_79b9_7f4a_7c15
  return product ^ (product >> 32)
}

function hashOf(start: usize, end: usize, seed: u64): u64 {
  let hash = mix(seed, <u64>(end - start))
  let from = start
  for (; from + 8 <= end; from += 8) hash = mix(hash, load<u64>(from))
  for (; from < end; from++) hash = mix(hash, load<u8>(from))
  return mix(hash, 0x5851_f42d_4c95_7f2d)
}

/**
 * Puts a new entry into the table. Its key and canonical bytes stand already in place: keys[entry], forms[entry] and keys[entry + 1] are set.
 * `version` is 1 or 2, whose keys are told apart by the last bit of their hash.
 */
export function addSeriesKey(state: usize, entry: u32, version: u32): void {
  const walk = changetype<Walk>(state)
  const key = load<u32>(walk.keys + (entry << 2))
  const end = load<u32>(walk.forms + (entry << 2))
  const hash = version == 1 ? <u32>hashOf(key, end, 0) & ~1 : <u32>hashOf(key, end, 1) | 1
  store<u32>(walk.hashes + (entry << 2), hash)
  let place = (hash >> 1) & walk.mask
  while (load<u32>(walk.table + (place << 2)) != 0) place = (place + 1) & walk.mask
  store<u32>(walk.table + (place << 2), entry + 1)
}

/** Writes the batch's series table: canonical bytes end to end at `bytes`, `slots + 1` offsets, and the store's numbers. Answers the bytes. */
export function gatherSeries(state: usize, bytes: usize, bytesEnd: usize, offsets: usize, refs: usize): u32 {
  const walk = changetype<Walk>(state)
  let to = bytes
  store<u32>(offsets, 0)
  for (let slot: u32 = 0; slot < walk.slots; slot++) {
    const entry = load<u32>(walk.slotEntries + (slot << 2))
    let ref: u32 = 0
    if (entry != 0) {
      const from = <usize>load<u32>(walk.forms + ((entry - 1) << 2))
      const size = <usize>load<u32>(walk.keys + (entry << 2)) - from
      if (size > bytesEnd - to) return NO_SLOT
      memory.copy(to, from, size)
      to += size
      ref = load<u32>(walk.refs + ((entry - 1) << 2))
    }
    store<u32>(refs + (slot << 2), ref)
    store<u32>(offsets + ((slot + 1) << 2), <u32>(to - bytes))
  }
  return <u32>(to - bytes)
}

function isUtf8(start: usize, end: usize): bool {
  let from = start
  for (; from + 16 <= end; from += 16) if (v128.any_true(v128.and(v128.load(from), i8x16.splat(<i8>0x80)))) break
  while (from < end) {
    const lead = <u32>load<u8>(from++)
    if (lead < 0x80) continue
    if (lead < 0xc2 || lead > 0xf4) return false
    let low: u32 = 0x80
    let high: u32 = 0xbf
    let more: usize = 1
    if (lead >= 0xf0) {
      more = 3
      if (lead == 0xf0) low = 0x90
      if (lead == 0xf4) high = 0x8f
    } else if (lead >= 0xe0) {
      more = 2
      if (lead == 0xe0) low = 0xa0
      if (lead == 0xed) high = 0x9f
    }
    if (more > end - from) return false
    const second = <u32>load<u8>(from)
    if (second < low || second > high) return false
    for (let i: usize = 1; i < more; i++) if ((load<u8>(from + i) & 0xc0) != 0x80) return false
    from += more
  }
  return true
}
