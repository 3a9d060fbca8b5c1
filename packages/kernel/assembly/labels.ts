// From the labels of a new series, wherever they stand, to its canonical bytes and its entry in the table: sorted by name, checked, each part behind
// its length. What breaks a rule, or is unusual, is the caller's, who knows what to say about it.
import { addEntry, hasRoom, keyOf, NO_SLOT, same, Walk } from './series-table'

/** Label sets with more are the caller's. */
const MAX_LABELS: u32 = 64
/** For label i: where its name begins and ends, where its value begins and ends. */
const PARTS = memory.data(64 * 16, 16)
const ORDER = memory.data(64 * 4, 16)
const METRIC_NAME = memory.data<u8>([0x5f, 0x5f, 0x6e, 0x61, 0x6d, 0x65, 0x5f, 0x5f])
const METRIC_NAME_BYTES: usize = 8
// Limits of @tsink/core.
const MAX_NAME_BYTES: usize = 256
const MAX_VALUE_BYTES: usize = 16_384

let labels: u32 = 0
/** Bytes of all parts together. */
let size: usize = 0

export function beginLabels(): void {
  labels = 0
  size = 0
}

/** Adds a label; false when there are too many. */
export function addLabel(name: usize, nameEnd: usize, value: usize, valueEnd: usize): bool {
  if (labels >= MAX_LABELS) return false
  const part = PARTS + (<usize>labels << 4)
  store<u32>(part, <u32>name)
  store<u32>(part, <u32>nameEnd, 4)
  store<u32>(part, <u32>value, 8)
  store<u32>(part, <u32>valueEnd, 12)
  labels++
  size += nameEnd - name + valueEnd - value
  return true
}

export function addMetricName(value: usize, valueEnd: usize): bool {
  return addLabel(METRIC_NAME, METRIC_NAME + METRIC_NAME_BYTES, value, valueEnd)
}

/** Whether a label has the name already. */
export function hasLabel(name: usize, nameEnd: usize): bool {
  for (let i: u32 = 0; i < labels; i++) {
    const part = PARTS + (<usize>i << 4)
    const start = <usize>load<u32>(part)
    if (<usize>load<u32>(part, 4) - start == nameEnd - name && same(start, name, nameEnd - name)) return true
  }
  return false
}

/** Puts the series of the labels into the table, under the key in start .. end. Answers its entry, or NO_SLOT where the caller must. */
export function addSeries(walk: Walk, start: usize, end: usize, kind: u32, note: u32): u32 {
  // A length takes at most three bytes.
  if (!hasRoom(walk, end - start, size + labels * 6)) return NO_SLOT
  sort()
  const key = keyOf(walk, walk.entries)
  let to = key + (end - start)
  let isNamed = false
  let before: usize = 0
  for (let i: u32 = 0; i < labels; i++) {
    const part = partAt(i)
    const name = <usize>load<u32>(part)
    const nameEnd = <usize>load<u32>(part, 4)
    const value = <usize>load<u32>(part, 8)
    const valueEnd = <usize>load<u32>(part, 12)
    if (nameEnd == name || nameEnd - name > MAX_NAME_BYTES || valueEnd - value > MAX_VALUE_BYTES) return NO_SLOT
    if (before != 0 && order(before, part) == 0) return NO_SLOT
    before = part
    if (!isUtf8(name, nameEnd) || !isUtf8(value, valueEnd)) return NO_SLOT
    // An empty value means that there is no such label.
    if (valueEnd == value) continue
    if (nameEnd - name == METRIC_NAME_BYTES && same(name, METRIC_NAME, METRIC_NAME_BYTES)) isNamed = true
    to = write(value, valueEnd, write(name, nameEnd, to))
  }
  if (!isNamed) return NO_SLOT
  memory.copy(key, start, end - start)
  return addEntry(walk, key + (end - start), to, kind, note)
}

// @ts-ignore: decorator
@inline
function partAt(i: u32): usize {
  return PARTS + (<usize>load<u32>(ORDER + (<usize>i << 2)) << 4)
}

// By insertion: nearly all senders sort.
function sort(): void {
  for (let i: u32 = 0; i < labels; i++) {
    const part = PARTS + (<usize>i << 4)
    let at = i
    while (at > 0 && order(partAt(at - 1), part) > 0) {
      store<u32>(ORDER + (<usize>at << 2), load<u32>(ORDER + (<usize>(at - 1) << 2)))
      at--
    }
    store<u32>(ORDER + (<usize>at << 2), i)
  }
}

/** How the names of two labels stand to each other, byte by byte. */
function order(a: usize, b: usize): i32 {
  const aStart = <usize>load<u32>(a)
  const bStart = <usize>load<u32>(b)
  const aSize = <usize>load<u32>(a, 4) - aStart
  const bSize = <usize>load<u32>(b, 4) - bStart
  const shared = min(aSize, bSize)
  for (let i: usize = 0; i < shared; i++) {
    const difference = <i32>load<u8>(aStart + i) - <i32>load<u8>(bStart + i)
    if (difference != 0) return difference
  }
  return <i32>aSize - <i32>bSize
}

function write(start: usize, end: usize, to: usize): usize {
  let rest = end - start
  while (rest >= 0x80) {
    store<u8>(to++, (rest & 0x7f) | 0x80)
    rest >>= 7
  }
  store<u8>(to++, rest)
  memory.copy(to, start, end - start)
  return to + end - start
}

/** Whether the bytes are well-formed UTF-8. */
export function isUtf8(start: usize, end: usize): bool {
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
