// Lines of line protocol whose fields are all numbers, and which have one blank between their parts; new series where their names are plain.
//
//     key of a series    measurement and tags as they stand │ 0 │ field │ what the context holds       note: where the tags end
//
// Where the tags of the expected series stand in the line, they end where they ended when they were first read; so does the field.
import { addLabel, addMetricName, addSeries, beginLabels, hasLabel } from './labels'
import { isInteger, numberEnd, readDigits, readNumber } from './numbers'
import { entryOf, expects, INFLUX, keyOf, keySize, NO_SLOT, pushSample, same, slotOfEntry, Walk } from './series-table'

const BLANK: u32 = 0x20
const COMMA: u32 = 0x2c
const EQUAL: u32 = 0x3d
const BACKSLASH: u32 = 0x5c
const NEWLINE: u32 = 0x0a
const MAX_TIME: u64 = 0x7fff_ffff_ffff_ffff
const MAX_EXACT: u64 = 9_007_199_254_740_992
/** More fields than usual lines have are the caller's, who knows how many there may be. */
const MAX_FIELDS: u32 = 1_024

/** Units of time: their numbers are those of UNITS in @tsink/protocols. */
const NANOSECONDS: i32 = 0
const MICROSECONDS: i32 = 1
const MILLISECONDS: i32 = 2
const SECONDS: i32 = 3
const MINUTES: i32 = 4
const HOURS: i32 = 5
const BY_SIZE: i32 = 6

// Where the parser stands; behind what was read last.
let at: usize = 0

/** Takes lines from `start` on. Answers where the first stands that it leaves to the caller, or `end`. `now` is the time of lines without one. */
export function walkLineProtocol(state: usize, start: usize, end: usize, unit: i32, now: f64): usize {
  const walk = changetype<Walk>(state)
  let line = start
  while (line < end) {
    const samples = walk.samples
    if (!walkLine(walk, line, end, unit, now)) {
      // The caller reads the line as a whole.
      walk.samples = samples
      break
    }
    walk.lines++
    line = at < end ? at + 1 : end
  }
  return line
}

function walkLine(walk: Walk, line: usize, end: usize, unit: i32, now: f64): bool {
  const first = walk.samples
  const tags = tagsSize(walk, line, end)
  if (tags == 0) return false
  at = line + tags + 1
  for (let fields: u32 = 1; ; fields++) {
    if (fields > MAX_FIELDS) return false
    const entry = entryOfField(walk, line, tags, end)
    if (entry == NO_SLOT || at >= end) return false
    const byte = <u32>load<u8>(at)
    if (byte - 0x30 > 9 && byte != 0x2d && byte != 0x2e) return false
    const value = readNumber(at, end)
    if (numberEnd == 0 || value - value != 0) return false
    const start = at
    at = numberEnd
    if (at < end && (load<u8>(at) == 0x69 || load<u8>(at) == 0x75)) {
      // 18 digits fit both kinds of integers.
      if (!isInteger || at - start > 18 || (load<u8>(at) == 0x75 && byte == 0x2d)) return false
      at++
    }
    const slot = slotOfEntry(walk, entry)
    if (slot == NO_SLOT || !pushSample(walk, slot, now, reinterpret<u64>(value), 0)) return false
    if (at >= end || load<u8>(at) != COMMA) break
    at++
  }
  if (at < end && load<u8>(at) == BLANK) {
    const given = readDigits(at + 1, end)
    if (numberEnd == 0 || given > MAX_TIME) return false
    at = numberEnd
    const time = milliseconds(given, unit)
    if (time < 0) return false
    for (let i = first; i < walk.samples; i++) store<f64>(walk.timestamps + (i << 3), time)
  }
  return at >= end || load<u8>(at) == NEWLINE
}

/** A time as milliseconds, or -1 when it is beyond what a double counts. */
function milliseconds(time: u64, unit: i32): f64 {
  if (unit == BY_SIZE) return milliseconds(time, time < 5_000_000_000 ? SECONDS : time < 5_000_000_000_000 ? MILLISECONDS : time < 5_000_000_000_000_000 ? MICROSECONDS : NANOSECONDS)
  if (unit == NANOSECONDS) return <f64>(time / 1_000_000)
  if (unit == MICROSECONDS) time /= 1_000
  if (time > MAX_EXACT) return -1
  return <f64>time * (unit == SECONDS ? 1e3 : unit == MINUTES ? 60e3 : unit == HOURS ? 3_600e3 : 1)
}

/** How many bytes measurement and tags have, behind which a blank stands; 0 when that is not plain to see. */
// @ts-ignore: decorator
@inline
function tagsSize(walk: Walk, line: usize, end: usize): usize {
  if (expects(walk, INFLUX)) {
    const size = <usize>load<u32>(walk.notes + (walk.next << 2))
    if (size < end - line && load<u8>(line + size) == BLANK && same(keyOf(walk, walk.next), line, size)) return size
  }
  let at = line
  while (at < end && load<u8>(at) > BLANK) {
    if (load<u8>(at) == BACKSLASH) return 0
    at++
  }
  return at < end && load<u8>(at) == BLANK ? at - line : 0
}

/** The entry of the series that the tags and the field at `at` name, or NO_SLOT; then `at` stands behind the equals sign. */
// @ts-ignore: decorator
@inline
function entryOfField(walk: Walk, line: usize, tags: usize, end: usize): u32 {
  const suffix = <usize>(walk.contextEnd - walk.context)
  if (expects(walk, INFLUX) && <usize>load<u32>(walk.notes + (walk.next << 2)) == tags) {
    const key = keyOf(walk, walk.next)
    const field = keySize(walk, walk.next) - tags - 1 - suffix
    if (
      field < end - at &&
      load<u8>(at + field) == EQUAL &&
      same(key + tags + 1, at, field) &&
      same(key + tags + 1 + field, walk.context, suffix) &&
      same(key, line, tags)
    ) {
      at += field + 1
      return walk.next
    }
  }
  const start = at
  let stop = at
  while (stop < end) {
    const byte = <u32>load<u8>(stop)
    if (byte == EQUAL) break
    if (byte <= BLANK || byte == COMMA || byte == BACKSLASH) return NO_SLOT
    stop++
  }
  const field = stop - start
  const scratch = <usize>walk.scratch
  if (stop >= end || scratch + tags + 1 + field + suffix > <usize>walk.scratchEnd) return NO_SLOT
  memory.copy(scratch, line, tags)
  store<u8>(scratch + tags, 0)
  memory.copy(scratch + tags + 1, start, field)
  memory.copy(scratch + tags + 1 + field, walk.context, suffix)
  at = stop + 1
  const keyEnd = scratch + tags + 1 + field + suffix
  const entry = entryOf(walk, scratch, keyEnd, INFLUX)
  return entry != NO_SLOT ? entry : newSeries(walk, line, tags, start, stop, scratch, keyEnd)
}

/** `measurement_field`, of which one is in use at a time. */
const METRIC_BYTES: usize = 1_024
const METRIC = memory.data(1_024, 16)

/** The entry made for a series whose names PromQL takes as they are; NO_SLOT for others. */
function newSeries(walk: Walk, line: usize, tags: usize, field: usize, fieldEnd: usize, key: usize, keyEnd: usize): u32 {
  if (walk.learns == 0) return NO_SLOT
  const end = line + tags
  let at = line
  while (at < end && isNameByte(load<u8>(at), true)) at++
  const measurement = at - line
  const fieldSize = fieldEnd - field
  if (measurement == 0 || isDigit(load<u8>(line)) || fieldSize == 0 || measurement + 1 + fieldSize > METRIC_BYTES) return NO_SLOT
  for (let i = field; i < fieldEnd; i++) if (!isNameByte(load<u8>(i), true)) return NO_SLOT
  beginLabels()
  memory.copy(METRIC, line, measurement)
  let metricEnd = METRIC + measurement
  if (!isBare(walk, field, fieldSize)) {
    store<u8>(metricEnd, 0x5f)
    memory.copy(metricEnd + 1, field, fieldSize)
    metricEnd += 1 + fieldSize
  }
  if (!addMetricName(METRIC, metricEnd)) return NO_SLOT
  while (at < end) {
    if (load<u8>(at) != COMMA) return NO_SLOT
    const name = ++at
    while (at < end && isNameByte(load<u8>(at), false)) at++
    const nameEnd = at
    if (nameEnd == name || isDigit(load<u8>(name)) || at >= end || load<u8>(at) != EQUAL) return NO_SLOT
    const value = ++at
    // Known tags may hold escapes, and a field beside them be new.
    for (; at < end && load<u8>(at) != COMMA; at++) if (load<u8>(at) == EQUAL || load<u8>(at) == BACKSLASH) return NO_SLOT
    if (at == value || !addLabel(name, nameEnd, value, at)) return NO_SLOT
  }
  return addExtraLabels(walk) ? addSeries(walk, key, keyEnd, INFLUX, <u32>tags) : NO_SLOT
}

// The extras: the field that adds nothing to a name, then pairs of names and values, each behind its size as a word.

function isBare(walk: Walk, field: usize, size: usize): bool {
  return load<u32>(walk.extras) == size && size > 0 && same(walk.extras + 4, field, size)
}

/** Adds the labels of the request that are not tags of the line too. */
function addExtraLabels(walk: Walk): bool {
  let at = <usize>walk.extras + 4 + load<u32>(walk.extras)
  while (at < <usize>walk.extrasEnd) {
    const name = at + 4
    const nameEnd = name + load<u32>(at)
    const value = nameEnd + 4
    const valueEnd = value + load<u32>(nameEnd)
    if (!hasLabel(name, nameEnd) && !addLabel(name, nameEnd, value, valueEnd)) return false
    at = valueEnd
  }
  return true
}

// @ts-ignore: decorator
@inline
function isDigit(byte: u32): bool {
  return byte - 0x30 < 10
}

// @ts-ignore: decorator
@inline
function isNameByte(byte: u32, withColon: bool): bool {
  return (byte | 0x20) - 0x61 < 26 || isDigit(byte) || byte == 0x5f || (withColon && byte == 0x3a)
}
