// Number points of OTLP whose series are known: what stands in the context (a number for resource, scope and name) and the bytes of their
// attributes are the key.
//
//     NumberDataPoint   start 2, time 3, double 4 or integer 6, attributes 7          others are the caller's
import { entryOf, expects, keyOf, keySize, NO_SLOT, OTLP, pushSample, same, slotOfEntry, Walk } from './series-table'

const NANOSECONDS_OF_MS: u64 = 1_000_000

/**
 * Takes points, which are fields number 1 of a message, from `start` on. Answers where the first stands that it leaves to the caller, or `end`. The
 * earliest and latest time of those that were taken are kept in milliseconds.
 */
export function walkNumberPoints(state: usize, start: usize, end: usize): usize {
  const walk = changetype<Walk>(state)
  let point = start
  while (point < end && load<u8>(point) == 0x0a) {
    let at = point + 1
    // Lengths of one or two bytes.
    if (at + 2 > end) break
    let size = <usize>load<u8>(at++)
    if (size >= 0x80) {
      const more = <usize>load<u8>(at++)
      if (more >= 0x80) break
      size = (size & 0x7f) | (more << 7)
    }
    if (size > end - at || !walkPoint(walk, at, at + size)) break
    walk.lines++
    point = at + size
  }
  return point
}

function walkPoint(walk: Walk, start: usize, end: usize): bool {
  let at = start
  let begin: u64 = 0
  let time: u64 = 0
  let value: f64 = 0
  let attributes: usize = 0
  let attributesEnd: usize = 0
  while (at < end) {
    const tag = load<u8>(at)
    if (tag == 0x3a) {
      if (attributes == 0) attributes = at
      else if (attributesEnd != at) return false
      if (at + 3 > end) return false
      let size = <usize>load<u8>(at + 1)
      at += 2
      if (size >= 0x80) {
        const more = <usize>load<u8>(at++)
        if (more >= 0x80) return false
        size = (size & 0x7f) | (more << 7)
      }
      if (size > end - at) return false
      at += size
      attributesEnd = at
      continue
    }
    if (at + 9 > end) return false
    const word = load<u64>(at + 1)
    if (tag == 0x11) begin = word
    else if (tag == 0x19) time = word
    else if (tag == 0x21) value = reinterpret<f64>(word)
    else if (tag == 0x31) value = <f64>(<i64>word)
    else return false
    at += 9
  }
  // What a NaN says is read by the caller.
  if (value != value) return false
  const entry = entryOfPoint(walk, attributes, attributesEnd)
  if (entry == NO_SLOT) return false
  const ms = <f64>(time / NANOSECONDS_OF_MS)
  const slot = slotOfEntry(walk, entry)
  if (slot == NO_SLOT || !pushSample(walk, slot, ms, reinterpret<u64>(value), <f64>(begin / NANOSECONDS_OF_MS))) return false
  if (ms < walk.minTime) walk.minTime = ms
  if (ms > walk.maxTime) walk.maxTime = ms
  return true
}

// @ts-ignore: decorator
@inline
function entryOfPoint(walk: Walk, attributes: usize, attributesEnd: usize): u32 {
  const prefix = <usize>(walk.contextEnd - walk.context)
  const size = attributesEnd - attributes
  if (expects(walk, OTLP) && keySize(walk, walk.next) == prefix + size) {
    const key = keyOf(walk, walk.next)
    if (same(key, walk.context, prefix) && same(key + prefix, attributes, size)) return walk.next
  }
  const scratch = <usize>walk.scratch
  if (scratch + prefix + size > <usize>walk.scratchEnd) return NO_SLOT
  memory.copy(scratch, walk.context, prefix)
  memory.copy(scratch + prefix, attributes, size)
  return entryOf(walk, scratch, scratch + prefix + size, OTLP)
}
