/**
 * Timestamps: ascending safe integers, in whichever of four codecs takes the fewest bytes.
 *
 *     steps           runs of one fixed step: a perfectly regular column is one run
 *     packed          the patched integer packer over deltas: jitter, odd scrapes, anything long
 *     varint          one varint a delta: short columns
 *     delta-of-delta  Gorilla's bits: short columns with little jitter
 *
 * A section is one byte for the codec and its body; docs/format/chunk.md shows the bytes. Blocks of 128 decode alone.
 */
import { TsinkError, assert, corruption, lowerBound } from '@tsink/core'
import { BLOCK_SAMPLES, MAX_COLUMN_BYTES, MAX_COLUMN_SAMPLES, codecLoops } from '@tsink/kernel'
import { ByteReader, ByteWriter, uvarintBytes } from './bytes.ts'

/** How a column of timestamps is stored. */
export type TimestampCodec = 'steps' | 'packed' | 'varint' | 'delta-of-delta'

/** All timestamp codecs, in the order of their numbers in files. */
export const TIMESTAMP_CODECS: readonly TimestampCodec[] = ['steps', 'packed', 'varint', 'delta-of-delta']

const STEPS = 0
const PACKED = 1
const VARINT = 2
const DELTA_OF_DELTA = 3

/**
 * Encodes `timestamps[from..to)`, which ascend strictly and are integers of a magnitude of at most 2^52, as bytes that carry their own count.
 * At most 16,384 at a time. `codec` forces a codec; without it the smallest is taken.
 */
export function encodeTimestamps(timestamps: Float64Array, from = 0, to: number = timestamps.length, codec?: TimestampCodec): Uint8Array {
  const writer = new ByteWriter()
  writer.uvarint(to - from)
  if (to > from) writeTimestamps(writer, timestamps, from, to, codec)
  return writer.finish()
}

/** Decodes what `encodeTimestamps` made: to the start of `into` when it is given, whose filled part is returned, else to a new array. */
export function decodeTimestamps(bytes: Uint8Array, into?: Float64Array): Float64Array {
  const reader = new ByteReader(bytes, 0, bytes.length, 'timestamps')
  const count = readCount(reader)
  const times = filled(count, into)
  if (count === 0) return times
  readTimestamps(bytes, reader.offset, bytes.length, count, 0, count)
  times.set(codecLoops().doubles.subarray(0, count))
  return times
}

/** The first `count` places of the caller's array, or a new array. */
export function filled(count: number, into: Float64Array | undefined): Float64Array {
  if (into === undefined) return new Float64Array(count)
  if (into.length < count) {
    throw new TsinkError('BAD_RANGE', `a column of ${count} samples does not fit into an array of ${into.length}`, {
      detail: { expected: count, found: into.length },
    })
  }
  return into.length === count ? into : into.subarray(0, count)
}

/** Reads the count in front of a column that stands alone. */
export function readCount(reader: ByteReader): number {
  const at = reader.offset
  const count = reader.uvarint()
  if (count > MAX_COLUMN_SAMPLES)
    throw corruption('BAD_FORMAT', 'a column has too many samples', { offset: at, expected: MAX_COLUMN_SAMPLES, found: count })
  return count
}

/** Appends a section with `timestamps[from..to)`, at least one; answers the codec. */
export function writeTimestamps(
  writer: ByteWriter,
  timestamps: Float64Array,
  from: number,
  to: number,
  forced?: TimestampCodec,
): TimestampCodec {
  const count = to - from
  assert(count <= MAX_COLUMN_SAMPLES, `a column holds at most ${MAX_COLUMN_SAMPLES} samples`)
  if (forced === undefined && isSteady(timestamps, from, to)) {
    writeSteady(writer, timestamps, from, count)
    return 'steps'
  }
  const loops = codecLoops()
  loops.doubles.set(timestamps.subarray(from, to))
  const times = loops.doubles
  const sizes = measure(times, count)
  let codec = forced === undefined ? -1 : TIMESTAMP_CODECS.indexOf(forced)
  if (codec < 0) {
    codec = STEPS
    let least = sizes.steps
    if (sizes.runs > 1) {
      loops.integersToWords(count)
      const packed = loops.planPacked(count, true)
      if (packed < least) {
        least = packed
        codec = PACKED
      }
      if (sizes.varint < least) {
        least = sizes.varint
        codec = VARINT
      }
      // Its least: a bit a sample, and three bytes a block for the directory.
      if (((count * 9) >>> 6) + 3 < least && loops.planDeltaOfDelta(count) < least) codec = DELTA_OF_DELTA
    }
  }
  writer.u8(codec)
  if (codec === STEPS) writeSteps(writer, times, count)
  else if (codec === VARINT) writeVarints(writer, times, count)
  else if (codec === PACKED) {
    if (forced !== undefined) {
      loops.integersToWords(count)
      loops.planPacked(count, true)
    }
    writer.append(loops.bytes.subarray(0, loops.writePacked(0)))
  } else {
    if (forced !== undefined) loops.planDeltaOfDelta(count)
    writer.append(loops.bytes.subarray(0, loops.writeDeltaOfDelta(0)))
  }
  return TIMESTAMP_CODECS[codec]!
}

/**
 * Decodes samples `from` (a multiple of 128) to `to` of a section of `count` timestamps in `bytes[at..end)` to the start of the loops'
 * doubles, and checks that they ascend. `loadedAt` says where the section stands in the loops' bytes, -1 that it does not.
 */
export function readTimestamps(bytes: Uint8Array, at: number, end: number, count: number, from: number, to: number, loadedAt = -1): void {
  const loops = codecLoops()
  const codec = sectionCodec(bytes, at, end)
  if (codec === STEPS) readSteps(bytes, at, end, count, from, to, loops.doubles)
  else if (codec === VARINT) readVarints(bytes, at, end, count, from, to, loops.doubles)
  else {
    const size = end - at
    const begin = loadedAt >= 0 ? loadedAt : loadSection(bytes, at, end)
    if (loops.recallTimes(begin, size, count, from, to)) return
    const read =
      codec === PACKED
        ? loops.readPacked(begin + 1, begin + size, count, from, to, 0)
        : loops.readDeltaOfDelta(begin + 1, begin + size, count, from, to)
    if (read < 0) throw damaged(at - begin, read)
    checkAscent(at, from, to)
    loops.keepTimes(begin, size, count, from, to)
    return
  }
  checkAscent(at, from, to)
}

function checkAscent(at: number, from: number, to: number): void {
  const descent = codecLoops().firstDescent(to - from)
  if (descent < to - from) throw corruption('BAD_FORMAT', 'timestamps do not ascend', { offset: at, sample: from + descent })
}

/**
 * The blocks that may hold times from `minTime` to `maxTime` inclusive: answers the first sample of the first such block; `rangeEnd` tells the
 * sample behind the last. `loadedAt` as for `readTimestamps`.
 */
export function findBlocks(
  bytes: Uint8Array,
  at: number,
  end: number,
  count: number,
  minTime: number,
  maxTime: number,
  loadedAt = -1,
): number {
  rangeEnd = count
  if (count <= BLOCK_SAMPLES) return 0
  const loops = codecLoops()
  const codec = sectionCodec(bytes, at, end)
  const starts = loops.doubles
  let blocks = Math.ceil(count / BLOCK_SAMPLES)
  if (codec === STEPS) readStepStarts(bytes, at, end, count, starts)
  else if (codec === VARINT) readVarintStarts(new ByteReader(bytes, at + 1, end, 'timestamps'), count, starts)
  else {
    const begin = loadedAt >= 0 ? loadedAt : loadSection(bytes, at, end)
    const stop = begin + end - at
    blocks = codec === PACKED ? loops.readPackedStarts(begin + 1, stop, count) : loops.readDeltaOfDeltaStarts(begin + 1, stop, count)
    if (blocks < 0) throw damaged(at - begin, blocks)
  }
  // The block before the first one that starts after minTime may reach into the range.
  const first = Math.max(0, lowerBound(starts, blocks, minTime) - 1)
  const last = lowerBound(starts, blocks, maxTime + 1)
  rangeEnd = Math.min(count, last * BLOCK_SAMPLES)
  return Math.min(first * BLOCK_SAMPLES, rangeEnd)
}

/** The second answer of `findBlocks`. */
export let rangeEnd = 0

/** Copies all bytes into the loops' bytes, where sections then stand at their own offsets, if they fit. */
export function loadAll(bytes: Uint8Array): boolean {
  if (bytes.length > MAX_COLUMN_BYTES) return false
  codecLoops().bytes.set(bytes)
  return true
}

/** Copies a section to the start of the loops' bytes; answers where it stands: 0. */
export function loadSection(bytes: Uint8Array, at: number, end: number): number {
  const size = end - at
  if (size > MAX_COLUMN_BYTES)
    throw corruption('BAD_FORMAT', 'a column is too long', { offset: at, expected: MAX_COLUMN_BYTES, found: size })
  codecLoops().bytes.set(bytes.subarray(at, end))
  return 0
}

/** The error for a loop's answer `-1 - offset`, counted from the section at `at`. */
export function damaged(at: number, answer: number): Error {
  return corruption('BAD_FORMAT', 'the bytes of a column are damaged', { offset: at + (-1 - answer) })
}

function sectionCodec(bytes: Uint8Array, at: number, end: number): number {
  const codec = at < end ? bytes[at]! : -1
  if (codec >= 0 && codec < TIMESTAMP_CODECS.length) return codec
  throw corruption('BAD_FORMAT', 'a timestamp codec is unknown', { offset: at, found: codec })
}

// Whether all follow each other at one step, as those of most scraped series do: then nothing is shorter than steps.
function isSteady(timestamps: Float64Array, from: number, to: number): boolean {
  const step = timestamps[from + 1]! - timestamps[from]!
  for (let i = from + 2; i < to; i++) if (timestamps[i]! - timestamps[i - 1]! !== step) return false
  return true
}

/**
 * The step of a section whose `count` (more than one) timestamps follow each other at one step, from `first` to `last`: times of scraped series,
 * which need no decoding. 0 for any other section, damaged ones among them.
 */
export function steadyStep(bytes: Uint8Array, at: number, end: number, count: number, first: number, last: number): number {
  if (at >= end || bytes[at] !== STEPS || count < 2) return 0
  const reader = new ByteReader(bytes, at + 1, end, 'timestamps')
  if (reader.varint() !== first || reader.length(2) !== 1) return 0
  const step = reader.uvarint()
  return reader.uvarint() === count - 1 && first + step * (count - 1) === last ? step : 0
}

// What `writeSteps` writes for one run.
function writeSteady(writer: ByteWriter, timestamps: Float64Array, from: number, count: number): void {
  writer.u8(STEPS)
  writer.varint(timestamps[from]!)
  writer.uvarint(count > 1 ? 1 : 0)
  if (count === 1) return
  writer.uvarint(timestamps[from + 1]! - timestamps[from]!)
  writer.uvarint(count - 1)
}

// One pass: how many runs of one step there are, and what steps and varints would take. Beyond a block the packer takes less than varints,
// and beyond that many runs less than steps.
function measure(times: Float64Array, count: number): { runs: number; steps: number; varint: number } {
  let runs = 0
  let run = 0
  let steps = 8
  let varint = 8
  let step = -1
  if (count > BLOCK_SAMPLES) varint = Infinity
  for (let i = 1; i < count; i++) {
    const next = times[i]! - times[i - 1]!
    if (count <= BLOCK_SAMPLES) varint += uvarintBytes(next)
    if (next === step) {
      run++
      continue
    }
    if (count > BLOCK_SAMPLES && runs > count >>> 2) return { runs, steps: Infinity, varint }
    if (run > 0) steps += uvarintBytes(run)
    steps += uvarintBytes(next)
    step = next
    run = 1
    runs++
  }
  if (run > 0) steps += uvarintBytes(run)
  return { runs, steps: steps + uvarintBytes(runs), varint }
}

function writeSteps(writer: ByteWriter, times: Float64Array, count: number): void {
  const runs = countSteps(times, count)
  writer.varint(times[0]!)
  writer.uvarint(runs)
  for (let i = 1; i < count;) {
    const step = times[i]! - times[i - 1]!
    const start = i
    while (i < count && times[i]! - times[i - 1]! === step) i++
    writer.uvarint(step)
    writer.uvarint(i - start)
  }
}

function countSteps(times: Float64Array, count: number): number {
  let runs = 0
  let step = -1
  for (let i = 1; i < count; i++) {
    const next = times[i]! - times[i - 1]!
    if (next !== step) runs++
    step = next
  }
  return runs
}

function readSteps(bytes: Uint8Array, at: number, end: number, count: number, from: number, to: number, times: Float64Array): void {
  walkSteps(bytes, at, end, count, (index, time, step, length) => {
    // Samples index + 1 to index + length follow `time` at `step`.
    const first = Math.max(from, index + 1)
    const last = Math.min(to - 1, index + length)
    for (let i = first; i <= last; i++) times[i - from] = time + step * (i - index)
    if (index === 0 && from === 0) times[0] = time
  })
}

function readStepStarts(bytes: Uint8Array, at: number, end: number, count: number, starts: Float64Array): void {
  walkSteps(bytes, at, end, count, (index, time, step, length) => {
    if (index === 0) starts[0] = time
    for (let block = Math.floor(index / BLOCK_SAMPLES) + 1; block * BLOCK_SAMPLES <= index + length; block++) {
      starts[block] = time + step * (block * BLOCK_SAMPLES - index)
    }
  })
}

// Calls `visit` for every run: the index and time of the sample before it, its step and length. A lone sample is one run of length 0.
function walkSteps(
  bytes: Uint8Array,
  at: number,
  end: number,
  count: number,
  visit: (index: number, time: number, step: number, length: number) => void,
): void {
  const reader = new ByteReader(bytes, at + 1, end, 'timestamps')
  let time = reader.varint()
  const runs = reader.length(2)
  if (runs === 0) visit(0, time, 0, 0)
  let index = 0
  for (let run = 0; run < runs; run++) {
    const step = reader.uvarint()
    const lengthAt = reader.offset
    const length = reader.uvarint()
    if (length === 0 || length > count - 1 - index) {
      throw corruption('BAD_FORMAT', 'a run of steps exceeds its column', { offset: lengthAt, expected: count - 1 - index, found: length })
    }
    visit(index, time, step, length)
    time += step * length
    index += length
  }
  if (index !== count - 1)
    throw corruption('BAD_FORMAT', 'runs of steps end too early', { offset: reader.offset, expected: count - 1, found: index })
}

function writeVarints(writer: ByteWriter, times: Float64Array, count: number): void {
  writer.varint(times[0]!)
  for (let first = 0; first < count; first += BLOCK_SAMPLES) {
    if (first > 0) writer.uvarint(times[first]! - times[first - BLOCK_SAMPLES]!)
    let size = 0
    for (let i = first + 1; i < Math.min(count, first + BLOCK_SAMPLES); i++) size += uvarintBytes(times[i]! - times[i - 1]!)
    writer.uvarint(size)
  }
  for (let i = 1; i < count; i++) if (i % BLOCK_SAMPLES !== 0) writer.uvarint(times[i]! - times[i - 1]!)
}

function readVarints(bytes: Uint8Array, at: number, end: number, count: number, from: number, to: number, times: Float64Array): void {
  const reader = new ByteReader(bytes, at + 1, end, 'timestamps')
  reader.skip(readVarintStarts(reader, count, blockStarts, from))
  for (let first = from; first < to; first += BLOCK_SAMPLES) {
    let time = blockStarts[first / BLOCK_SAMPLES]!
    times[first - from] = time
    const stop = Math.min(count, first + BLOCK_SAMPLES)
    for (let i = first + 1; i < stop; i++) {
      time += reader.uvarint()
      if (i < to) times[i - from] = time
    }
  }
}
const blockStarts = new Float64Array(MAX_COLUMN_SAMPLES / BLOCK_SAMPLES)

// Reads the directory; answers how many bytes of deltas lie before the block that begins with sample `from`.
function readVarintStarts(reader: ByteReader, count: number, starts: Float64Array, from = 0): number {
  let time = reader.varint()
  let skip = 0
  for (let first = 0, block = 0; first < count; first += BLOCK_SAMPLES, block++) {
    if (first > 0) time += reader.uvarint()
    starts[block] = time
    const size = reader.uvarint()
    if (first < from) skip += size
  }
  return skip
}
