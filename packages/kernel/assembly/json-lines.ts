// JSON lines that are spelled without blanks and in the order in which they are exported:
//
//     {"metric":{"__name__":"up","job":"node"},"values":[1,0],"timestamps":[1549891472010,1549891487724]}
//
// The key of a series is its object, byte by byte.
import { addLabel, addSeries, beginLabels } from './labels'
import { isJson, numberEnd, readInteger, readNumber } from './numbers'
import { entryOf, expects, JSON_LINE, keyOf, keySize, NO_SLOT, pushSample, same, slotOfEntry, Walk } from './series-table'

const COMMA: u32 = 0x2c
const COLON: u32 = 0x3a
const QUOTE: u32 = 0x22
const BACKSLASH: u32 = 0x5c
const CLOSE_LIST: u32 = 0x5d
const CLOSE: u32 = 0x7d
const NEWLINE: u32 = 0x0a
const RETURN: u32 = 0x0d

const METRIC = memory.data<u8>([0x7b, 0x22, 0x6d, 0x65, 0x74, 0x72, 0x69, 0x63, 0x22, 0x3a])
const METRIC_BYTES: usize = 10
const VALUES = memory.data<u8>([0x2c, 0x22, 0x76, 0x61, 0x6c, 0x75, 0x65, 0x73, 0x22, 0x3a, 0x5b])
const VALUES_BYTES: usize = 11
const TIMESTAMPS = memory.data<u8>([0x2c, 0x22, 0x74, 0x69, 0x6d, 0x65, 0x73, 0x74, 0x61, 0x6d, 0x70, 0x73, 0x22, 0x3a, 0x5b])
const TIMESTAMPS_BYTES: usize = 15
const NULL: u32 = 0x6c6c_756e

// Where the parser stands.
let at: usize = 0

/** Takes lines from `start` on. Answers where the first stands that it leaves to the caller, or `end`. */
export function walkJsonLines(state: usize, start: usize, end: usize): usize {
  const walk = changetype<Walk>(state)
  let line = start
  while (line < end) {
    const samples = walk.samples
    if (!walkLine(walk, line, end)) {
      walk.samples = samples
      break
    }
    walk.lines++
    line = at < end ? at + 1 : end
  }
  return line
}

function walkLine(walk: Walk, line: usize, end: usize): bool {
  const first = walk.samples
  at = line
  if (!literal(METRIC, METRIC_BYTES, end)) return false
  const entry = entryOfObject(walk, end)
  if (entry == NO_SLOT || !literal(VALUES, VALUES_BYTES, end)) return false
  const slot = slotOfEntry(walk, entry)
  if (slot == NO_SLOT) return false
  for (;;) {
    let value: f64 = NaN
    if (at + 4 <= end && load<u32>(at) == NULL) at += 4
    else {
      value = readNumber(at, end)
      if (numberEnd == 0 || !isJson) return false
      at = numberEnd
    }
    if (!pushSample(walk, slot, 0, reinterpret<u64>(value), 0) || at >= end) return false
    const byte = <u32>load<u8>(at++)
    if (byte == CLOSE_LIST) break
    if (byte != COMMA) return false
  }
  if (!literal(TIMESTAMPS, TIMESTAMPS_BYTES, end)) return false
  for (let i = first; i < walk.samples; i++) {
    if (at >= end || load<u8>(at) - 0x31 > 8) return false
    const time = readInteger(at, end)
    if (numberEnd == 0 || numberEnd >= end || time > 9_007_199_254_740_991) return false
    at = numberEnd
    store<f64>(walk.timestamps + (i << 3), time)
    if (load<u8>(at++) != (i + 1 < walk.samples ? COMMA : CLOSE_LIST)) return false
  }
  if (at >= end || load<u8>(at++) != CLOSE) return false
  if (at < end && load<u8>(at) == RETURN) at++
  return at >= end || load<u8>(at) == NEWLINE
}

/** The entry of the object at `at`, or NO_SLOT; then `at` stands behind it. */
// @ts-ignore: decorator
@inline
function entryOfObject(walk: Walk, end: usize): u32 {
  const start = at
  if (expects(walk, JSON_LINE)) {
    const size = keySize(walk, walk.next)
    // An object ends where it ended when it was first read.
    if (size < end - at && same(keyOf(walk, walk.next), at, size)) {
      at += size
      return walk.next
    }
  }
  for (; at < end; at++) {
    const byte = <u32>load<u8>(at)
    if (byte == CLOSE) {
      at++
      const entry = entryOf(walk, start, at, JSON_LINE)
      return entry != NO_SLOT ? entry : newSeries(walk, start, at)
    }
    if (byte == NEWLINE) return NO_SLOT
    if (byte != QUOTE) continue
    for (at++; at < end && load<u8>(at) != QUOTE; at++) {
      if (load<u8>(at) == BACKSLASH) at++
      else if (load<u8>(at) == NEWLINE) return NO_SLOT
    }
  }
  return NO_SLOT
}

/** The entry made for an object of strings without backslashes and blanks between them; NO_SLOT for others. */
function newSeries(walk: Walk, start: usize, end: usize): u32 {
  beginLabels()
  let at = start
  while (at < end) {
    // An opening brace or a comma.
    const name = at + 2
    const nameEnd = stringEnd(at + 1, end)
    if (nameEnd == 0 || load<u8>(nameEnd + 1) != COLON) return NO_SLOT
    const valueEnd = stringEnd(nameEnd + 2, end)
    if (valueEnd == 0 || !addLabel(name, nameEnd, nameEnd + 3, valueEnd)) return NO_SLOT
    at = valueEnd + 1
    if (load<u8>(at) == CLOSE) return at + 1 == end ? addSeries(walk, start, end, JSON_LINE, 0) : NO_SLOT
    if (load<u8>(at) != COMMA) return NO_SLOT
  }
  return NO_SLOT
}

/** The closing quote of the string that begins at `start`, or 0. */
function stringEnd(start: usize, end: usize): usize {
  if (load<u8>(start) != QUOTE) return 0
  for (let at = start + 1; at < end; at++) {
    const byte = <u32>load<u8>(at)
    if (byte == QUOTE) return at
    if (byte < 0x20 || byte == BACKSLASH) return 0
  }
  return 0
}

/** Passes over bytes that must stand at `at`. */
// @ts-ignore: decorator
@inline
function literal(bytes: usize, size: usize, end: usize): bool {
  if (size > end - at || !same(bytes, at, size)) return false
  at += size
  return true
}
