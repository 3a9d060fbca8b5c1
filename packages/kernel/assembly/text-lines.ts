// Lines of the text formats, Prometheus's and OpenMetrics', that are spelled as nearly all are: one blank between parts, no exemplar. Where the bytes
// of the expected series stand in the line, the series ends where it ended when it was first read. New series are read here too when they are plain.
import { addLabel, addMetricName, addSeries, beginLabels } from './labels'
import { numberEnd, readInteger, readNumber } from './numbers'
import { entryOf, expects, GRAPHITE, keyOf, keySize, NO_SLOT, pushSample, same, slotOfEntry, TEXT, TEXT_HISTOGRAM, TEXT_SUMMARY, Walk } from './series-table'

const BLANK: u32 = 0x20
const NEWLINE: u32 = 0x0a
const RETURN: u32 = 0x0d
const COLON: u32 = 0x3a
const COMMA: u32 = 0x2c
const EQUAL: u32 = 0x3d
const QUOTE: u32 = 0x22
const BACKSLASH: u32 = 0x5c
const OPEN: u32 = 0x7b
const CLOSE: u32 = 0x7d
/** Longer series are the caller's, who knows how long a line may be. */
const MAX_KEY: usize = 60_000

/**
 * Takes lines from `start` on. Answers where the first stands that it leaves to the caller, or `end`. `kind` is what the family that stands in the
 * context makes of its series; times are milliseconds. Lines without a time, or all where times are not honored, are of the time `now`.
 */
export function walkText(state: usize, start: usize, end: usize, kind: u32, now: f64, honor: bool): usize {
  const walk = changetype<Walk>(state)
  let line = start
  while (line < end) {
    const ofLine = kind == TEXT || isInFamily(walk, line, end) ? kind : TEXT
    const entry = entryOfLine(walk, line, end, ofLine)
    if (entry == NO_SLOT) break
    const value = readNumber(at + 1, end)
    if (numberEnd == 0) break
    at = numberEnd
    let time = now
    if (at < end && load<u8>(at) == BLANK) {
      const given = readInteger(at + 1, end)
      if (numberEnd == 0) break
      at = numberEnd
      if (honor) time = given
    }
    if (at < end && load<u8>(at) == RETURN) at++
    if (at < end && load<u8>(at) != NEWLINE) break
    const slot = slotOfEntry(walk, entry)
    if (slot == NO_SLOT || !pushSample(walk, slot, time, reinterpret<u64>(value), 0)) break
    walk.lines++
    line = at < end ? at + 1 : end
  }
  return line
}

/** As walkText for OpenMetrics: times are seconds. A line that is not of the family, or tells when a series began, is left to the caller. */
export function walkOpenMetrics(state: usize, start: usize, end: usize, kind: u32, now: f64, honor: bool, hasCreated: bool): usize {
  const walk = changetype<Walk>(state)
  const hasFamily = walk.contextEnd > walk.context
  let line = start
  while (line < end) {
    if (hasFamily && (!isInFamily(walk, line, end) || (hasCreated && isCreated(walk, line, end)))) break
    const entry = entryOfLine(walk, line, end, kind)
    if (entry == NO_SLOT) break
    const value = readNumber(at + 1, end)
    if (numberEnd == 0) break
    at = numberEnd
    let time = now
    if (at < end && load<u8>(at) == BLANK) {
      const seconds = readNumber(at + 1, end)
      if (numberEnd == 0 || seconds - seconds != 0) break
      at = numberEnd
      if (honor) time = trunc(seconds * 1e3)
    }
    if (at < end && load<u8>(at) != NEWLINE) break
    const slot = slotOfEntry(walk, entry)
    if (slot == NO_SLOT || !pushSample(walk, slot, time, reinterpret<u64>(value), 0)) break
    walk.lines++
    line = at < end ? at + 1 : end
  }
  return line
}

/** Lines of Graphite: path, value and whole seconds, one blank between them. */
export function walkGraphite(state: usize, start: usize, end: usize, now: f64): usize {
  const walk = changetype<Walk>(state)
  let line = start
  while (line < end) {
    const entry = entryOfPath(walk, line, end)
    if (entry == NO_SLOT) break
    const value = readNumber(at + 1, end)
    if (numberEnd == 0 || numberEnd >= end || load<u8>(numberEnd) != BLANK) break
    const seconds = readInteger(numberEnd + 1, end)
    if (numberEnd == 0) break
    at = numberEnd
    if (at < end && load<u8>(at) == RETURN) at++
    if (at < end && load<u8>(at) != NEWLINE) break
    const slot = slotOfEntry(walk, entry)
    if (slot == NO_SLOT || !pushSample(walk, slot, seconds == -1 ? now : seconds * 1e3, reinterpret<u64>(value), 0)) break
    walk.lines++
    line = at < end ? at + 1 : end
  }
  return line
}

// Where the series of the line ends, behind which a blank stands.
let at: usize = 0

/** The entry of the line's series, or NO_SLOT; sets `at`. */
// @ts-ignore: decorator
@inline
function entryOfLine(walk: Walk, line: usize, end: usize, kind: u32): u32 {
  if (isExpected(walk, line, end, kind)) return walk.next
  at = seriesEnd(line, end)
  if (at == line || at >= end || load<u8>(at) != BLANK || at - line > MAX_KEY) return NO_SLOT
  const entry = entryOf(walk, line, at, kind)
  return entry != NO_SLOT ? entry : newSeries(walk, line, at, kind)
}

// @ts-ignore: decorator
@inline
function entryOfPath(walk: Walk, line: usize, end: usize): u32 {
  if (isExpected(walk, line, end, GRAPHITE)) return walk.next
  at = line
  while (at < end && load<u8>(at) > BLANK) at++
  if (at == line || at >= end || load<u8>(at) != BLANK || at - line > MAX_KEY) return NO_SLOT
  return entryOf(walk, line, at, GRAPHITE)
}

/** Whether the line begins with the series that is expected and a blank; sets `at`. */
// @ts-ignore: decorator
@inline
function isExpected(walk: Walk, line: usize, end: usize, kind: u32): bool {
  if (!expects(walk, kind)) return false
  const size = keySize(walk, walk.next)
  if (size >= end - line || size > MAX_KEY || load<u8>(line + size) != BLANK) return false
  at = line + size
  return same(keyOf(walk, walk.next), line, size)
}

/** The entry made for a series that is spelled plainly, `name{label="value",label="value"}` without a backslash; NO_SLOT for others. */
function newSeries(walk: Walk, start: usize, end: usize, kind: u32): u32 {
  beginLabels()
  let at = start
  while (at < end && isNameByte(load<u8>(at))) at++
  if (at == start || isDigit(load<u8>(start)) || !addMetricName(start, at)) return NO_SLOT
  while (at < end) {
    // An opening brace or a comma.
    const name = ++at
    while (at < end && isNameByte(load<u8>(at)) && load<u8>(at) != COLON) at++
    const nameEnd = at
    if (nameEnd == name || isDigit(load<u8>(name)) || at + 3 > end || load<u8>(at) != EQUAL || load<u8>(at + 1) != QUOTE) return NO_SLOT
    at += 2
    const value = at
    while (at < end && load<u8>(at) != QUOTE) if (load<u8>(at++) == BACKSLASH) return NO_SLOT
    const valueEnd = at++
    if (at >= end) return NO_SLOT
    if (isBound(name, nameEnd, kind)) {
      if (!addBound(name, nameEnd, value, valueEnd)) return NO_SLOT
    } else if (!addLabel(name, nameEnd, value, valueEnd)) return NO_SLOT
    if (load<u8>(at) == CLOSE) return at + 1 == end ? addSeries(walk, start, end, kind, 0) : NO_SLOT
    if (load<u8>(at) != COMMA) return NO_SLOT
  }
  return addSeries(walk, start, end, kind, 0)
}

/** Whether the label is the one that says a bound in the family's series. */
function isBound(name: usize, nameEnd: usize, kind: u32): bool {
  if (kind == TEXT_HISTOGRAM) return nameEnd - name == 2 && load<u16>(name) == 0x656c
  return kind == TEXT_SUMMARY && nameEnd - name == 8 && load<u64>(name) == 0x656c_6974_6e61_7571
}

/** A whole number as bound, with `.0` behind it. One bound is in use at a time. */
const WHOLE = memory.data(16, 16)

/** Adds a bound that is spelled as all are, or whole; false for others. */
function addBound(name: usize, nameEnd: usize, value: usize, valueEnd: usize): bool {
  const size = valueEnd - value
  if (size == 4 && load<u32>(value) == 0x666e_492b) return addLabel(name, nameEnd, value, valueEnd)
  let at = value
  while (at < valueEnd && isDigit(load<u8>(at))) at++
  const whole = at - value
  // From 1e6 on, and below 1e-4, bounds are spelled with exponents.
  if (whole == 0 || whole > 6 || (whole > 1 && load<u8>(value) == 0x30)) return false
  if (at == valueEnd) {
    memory.copy(WHOLE, value, whole)
    store<u16>(WHOLE + whole, 0x302e)
    return addLabel(name, nameEnd, WHOLE, WHOLE + whole + 2)
  }
  if (load<u8>(at) != 0x2e) return false
  const fraction = ++at
  while (at < valueEnd && isDigit(load<u8>(at))) at++
  const digits = at - fraction
  if (at != valueEnd || digits == 0 || digits > 9) return false
  if (load<u8>(at - 1) == 0x30) return digits == 1 && addLabel(name, nameEnd, value, valueEnd)
  if (whole == 1 && load<u8>(value) == 0x30 && digits > 3 && load<u32>(fraction) == 0x3030_3030) return false
  return addLabel(name, nameEnd, value, valueEnd)
}

/** Behind the name or the closing brace, as seriesEnd in @tsink/protocols finds it where no blank stands before the brace. */
function seriesEnd(line: usize, end: usize): usize {
  let at = line
  while (at < end && isNameByte(load<u8>(at))) at++
  if (at >= end || load<u8>(at) != OPEN) return at
  for (at++; at < end; at++) {
    const byte = <u32>load<u8>(at)
    if (byte == CLOSE) return at + 1
    if (byte == NEWLINE) return line
    if (byte != QUOTE) continue
    for (at++; at < end && load<u8>(at) != QUOTE; at++) {
      if (load<u8>(at) == BACKSLASH) at++
      else if (load<u8>(at) == NEWLINE) return line
    }
  }
  return line
}

// @ts-ignore: decorator
@inline
function isDigit(byte: u32): bool {
  return byte - 0x30 < 10
}

// @ts-ignore: decorator
@inline
function isNameByte(byte: u32): bool {
  return (byte | 0x20) - 0x61 < 26 || byte - 0x30 < 11 || byte == 0x5f
}

/** Whether the line begins with the name in the context, in quotes or not. */
// @ts-ignore: decorator
@inline
function isInFamily(walk: Walk, line: usize, end: usize): bool {
  const size = <usize>(walk.contextEnd - walk.context)
  const from = load<u8>(line) == OPEN ? line + 2 : line
  return from + size <= end && same(walk.context, from, size)
}

/** Whether `_created` follows the family's name. */
function isCreated(walk: Walk, line: usize, end: usize): bool {
  const from = (load<u8>(line) == OPEN ? line + 2 : line) + <usize>(walk.contextEnd - walk.context)
  return from + 8 <= end && load<u64>(from) == 0x6465_7461_6572_635f
}
