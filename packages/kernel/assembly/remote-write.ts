// The walk over remote-write bodies, both versions: series are looked up by the bytes of their labels, samples go into columns.
//
// New series are listed as misses, fields other than samples as the rest; anything odd or broken makes a walk answer -1, and the caller's own
// decoder says what is wrong. Every read stays below the end of the message that it belongs to.
import { addLabel, addSeries, beginLabels, isUtf8 } from './labels'
import { entryOf, expects, hashOf, keyOf, keySize, mix, NO_SLOT, PAIRS, pushSample, REMOTE_WRITE, same, slotOfEntry, Walk } from './series-table'

// The cursor: where the next byte is read, and whether something was wrong.
let at: usize = 0
let bad: bool = false
// How many entries there were before this body.
let known: u32 = 0

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
  const slot = isExpected(walk, end) ? slotOfEntry(walk, walk.next) : slotOfLabels(walk, end)
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
  known = walk.entries
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
  // Nearly all are a value and a timestamp of at most eight bytes, of which each but the last has its high bit set.
  if (end - at > 10 && load<u8>(at) == 0x09 && load<u8>(at + 9) == 0x10) {
    const word = load<u64>(at + 10)
    const size = <usize>(ctz<u64>(~word & 0x8080_8080_8080_8080) >> 3) + 1
    if (at + 10 + size == end && size <= 8) {
      const bits = word & (0xffff_ffff_ffff_ffff >> (64 - (size << 3)))
      const twos = (bits & 0x007f_007f_007f_007f) | ((bits & 0x7f00_7f00_7f00_7f00) >> 1)
      const fours = (twos & 0x0000_3fff_0000_3fff) | ((twos & 0x3fff_0000_3fff_0000) >> 2)
      const timestamp = (fours & 0x0fff_ffff) | ((fours & 0x0fff_ffff_0000_0000) >> 4)
      const value = load<u64>(at + 1)
      at = end
      return pushSample(walk, slot, <f64>(<i64>timestamp), value, 0)
    }
  }
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
  return pushSample(walk, slot, <f64>timestamp, value, <f64>start)
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

// Senders repeat a series' metadata with every sample: only what is new to an entry of an earlier body is for the caller.
function walkMetadata(walk: Walk, slot: u32, end: usize): bool {
  const begin = at
  at++
  const stop = length(end)
  if (bad) return false
  const entry = load<u32>(walk.slotEntries + (slot << 2))
  if (entry != 0 && entry <= known) {
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
    const known = walk.notes + ((entry - 1) << 2)
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

/** Whether the label fields at the cursor are those of the series that is expected; if so the cursor stands behind them. */
// @ts-ignore: decorator
@inline
function isExpected(walk: Walk, end: usize): bool {
  if (!expects(walk, REMOTE_WRITE)) return false
  const size = keySize(walk, walk.next)
  // A label field more would be another series.
  if (size > end - at || (size < end - at && load<u8>(at + size) == 0x0a) || !same(keyOf(walk, walk.next), at, size)) return false
  at += size
  return true
}

/** The batch's slot for the series whose label fields stand at the cursor, which goes behind them. */
function slotOfLabels(walk: Walk, end: usize): u32 {
  const start = at
  while (at < end && load<u8>(at) == 0x0a) {
    at++
    at = length(end)
    if (bad) return NO_SLOT
  }
  const stop = at
  let entry = entryOf(walk, start, stop, REMOTE_WRITE)
  if (entry == NO_SLOT) entry = newSeries(walk, start, stop)
  at = stop
  return entry != NO_SLOT ? slotOfEntry(walk, entry) : miss(walk, start, stop)
}

/** The entry made for a series whose label fields stand in start .. end, or NO_SLOT where the caller must make it. Moves the cursor. */
function newSeries(walk: Walk, start: usize, end: usize): u32 {
  beginLabels()
  at = start
  while (at < end) {
    at++
    const stop = length(end)
    // A name and a value, in this order.
    if (at >= stop || load<u8>(at++) != 0x0a) return NO_SLOT
    const nameEnd = length(stop)
    const name = at
    at = nameEnd
    let valueEnd = stop
    if (!bad && at < stop && load<u8>(at++) == 0x12) valueEnd = length(stop)
    else bad = true
    if (bad || valueEnd != stop) {
      // The caller says what is wrong inside of a label.
      bad = false
      return NO_SLOT
    }
    if (!addLabel(name, nameEnd, at, stop)) return NO_SLOT
    at = stop
  }
  return addSeries(walk, start, end, REMOTE_WRITE, 0)
}

/** The batch's slot for the series that a list of symbols names. The key is every symbol behind its length. */
function slotOfRefs(walk: Walk, start: usize, end: usize): u32 {
  if (expects(walk, PAIRS) && matchesRefs(walk, walk.next, start, end)) return bad ? NO_SLOT : slotOfEntry(walk, walk.next)
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
  let entry = entryOf(walk, walk.scratch, to, PAIRS)
  if (entry == NO_SLOT) entry = newSeriesOfRefs(walk, start, end, to)
  return entry != NO_SLOT ? slotOfEntry(walk, entry) : miss(walk, start, end)
}

/** The entry made for a series whose key stands in the scratch up to `keyEnd`. The references are known to pair up, and to be symbols. */
function newSeriesOfRefs(walk: Walk, start: usize, end: usize, keyEnd: usize): u32 {
  beginLabels()
  at = start
  while (at < end) {
    const name = uvarint(end) << 2
    const value = uvarint(end) << 2
    const starts = walk.symbolStarts
    const ends = walk.symbolEnds
    if (!addLabel(load<u32>(starts + name), load<u32>(ends + name), load<u32>(starts + value), load<u32>(ends + value))) return NO_SLOT
  }
  return addSeries(walk, walk.scratch, keyEnd, PAIRS, 0)
}

// Compares symbol by symbol with the expected entry's key: no copy, no hash.
function matchesRefs(walk: Walk, entry: u32, start: usize, end: usize): bool {
  let key = keyOf(walk, entry)
  const keyEnd = key + keySize(walk, entry)
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
