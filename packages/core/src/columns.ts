/**
 * Columns: samples as parallel arrays, the only shape in which samples move inside tsink.
 *
 * {@link SampleBuffer} is the read side: a growable set of columns that belongs to the reader, is filled by stores and decoders, and is used
 * again and again. `timestamps[i] + base` is the time of sample i in the store's unit. `base` is 0 for stores in seconds, milliseconds and
 * microseconds, whose times are exact in a double. In a nanosecond store it is the exact start of a partition (a multiple of 2^13 ns, hence
 * exact too) and the offsets are exact integers; one filled buffer never spans more than the 104 days for which that holds.
 */
import { assert } from './errors.ts'
import type { Histogram } from './histogram.ts'

/** What one value is. A series keeps one kind for life, save that floats and native histograms may follow each other in one series. */
export type ValueKind = 'f64' | 'i64' | 'u64' | 'bool' | 'bytes' | 'string' | 'histogram'

/** All value kinds, in the order of their numbers in files. */
export const VALUE_KINDS: readonly ValueKind[] = ['f64', 'i64', 'u64', 'bool', 'bytes', 'string', 'histogram']

/** The unit of a store's timestamps. */
export type TimeUnit = 's' | 'ms' | 'us' | 'ns'

/** How many of the unit make a second. */
export const UNITS_PER_SECOND: Readonly<Record<TimeUnit, number>> = { s: 1, ms: 1e3, us: 1e6, ns: 1e9 }

/** The bits of the stale marker, the NaN that says "this series has no value from here on". Test it by bits, never by number. */
export const STALE_BITS_HIGH = 0x7ff0_0000
export const STALE_BITS_LOW = 0x0000_0002

const scratch = new Float64Array(1)
const scratchBits = new Uint32Array(scratch.buffer)
const littleEndian = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1
const LOW = littleEndian ? 0 : 1
const HIGH = 1 - LOW

/** A one-element array that holds the stale marker; copy it with typed arrays only, a plain number may lose its bits. */
export const STALE: Float64Array = (() => {
  const stale = new Float64Array(1)
  const bits = new Uint32Array(stale.buffer)
  bits[LOW] = STALE_BITS_LOW
  bits[HIGH] = STALE_BITS_HIGH
  return stale
})()

/** The bit that tells a quiet NaN from a signalling one, which the stale marker is. */
const QUIET_BIT = 0x0008_0000

/**
 * Whether `values[index]` is the stale marker. The quiet bit does not count: the processor sets it when compiled code passes a NaN through
 * a register, so it may be set by the time the bits are looked at. No other NaN in use has the marker's low half.
 */
export function isStale(values: Float64Array, index: number): boolean {
  const value = values[index]!
  if (value === value) return false
  scratch[0] = value
  return scratchBits[LOW] === STALE_BITS_LOW && (scratchBits[HIGH]! & ~QUIET_BIT) === STALE_BITS_HIGH
}

/** The smallest capacity that a buffer grows to: one chunk's worth of samples. */
const MIN_CAPACITY = 2_048

/**
 * Columns of one series' samples, owned by the reader. Stores append to it; `clear` empties it for reuse without freeing.
 *
 * Exactly one of the value columns speaks for a sample: `histograms[i]` when present and defined; else `integers[i]` (kinds i64 and u64, as
 * raw 64-bit two's complement words), `blobs[i]` (bytes and strings, UTF-8) or `values[i]` (f64 and bool as 0 or 1). Which of them exist
 * follows from `kind`: floats and histograms share one buffer, the others stand alone. For i64 and u64 `values[i]` holds the nearest double
 * as well, so that PromQL and aggregates can read every numeric kind from one column.
 */
export class SampleBuffer {
  kind: ValueKind = 'f64'
  /** Added to each timestamp; see the file's head. */
  base = 0
  count = 0
  timestamps: Float64Array
  values: Float64Array
  /** Native histograms by sample, or null when the buffer holds none. An undefined element means: a float, see `values`. */
  histograms: (Histogram | undefined)[] | null = null
  /** Exact integers of kinds i64 and u64 as their 64 bits, else null. */
  integers: BigInt64Array | null = null
  /** Values of kinds bytes and string, else null. */
  blobs: Uint8Array[] | null = null
  /** Start timestamps by sample (0 means unknown), or null when none is known. */
  startTimestamps: Float64Array | null = null

  constructor(capacity = 0) {
    this.timestamps = new Float64Array(capacity)
    this.values = new Float64Array(capacity)
  }

  /** How many samples fit without growing. */
  get capacity(): number {
    return this.timestamps.length
  }

  /** Forgets the samples and the kind, keeps the memory. */
  clear(): void {
    this.kind = 'f64'
    this.base = 0
    this.count = 0
    this.histograms = null
    this.integers = null
    this.blobs = null
    this.startTimestamps = null
  }

  /** Makes room for `extra` more samples; the columns may be replaced, so take them anew afterwards. */
  reserve(extra: number): void {
    const need = this.count + extra
    if (need <= this.timestamps.length) return
    const capacity = Math.max(need, this.timestamps.length * 2, MIN_CAPACITY)
    this.timestamps = grown(this.timestamps, capacity, this.count)
    this.values = grown(this.values, capacity, this.count)
    if (this.startTimestamps !== null) this.startTimestamps = grown(this.startTimestamps, capacity, this.count)
    if (this.integers !== null) {
      const integers = new BigInt64Array(capacity)
      integers.set(this.integers.subarray(0, this.count))
      this.integers = integers
    }
  }

  /** Sets the kind of an empty buffer and makes the columns that it needs. */
  begin(kind: ValueKind): void {
    assert(this.count === 0, 'the kind of a buffer is set while it is empty')
    this.kind = kind
    this.histograms = kind === 'histogram' ? [] : null
    this.blobs = kind === 'bytes' || kind === 'string' ? [] : null
    this.integers = kind === 'i64' || kind === 'u64' ? new BigInt64Array(this.capacity) : null
  }

  /** Appends one float sample. For generators and tests; stores fill the columns in bulk. */
  push(timestamp: number, value: number): void {
    this.reserve(1)
    this.timestamps[this.count] = timestamp
    this.values[this.count] = value
    this.count++
  }

  /** Appends one native histogram sample. */
  pushHistogram(timestamp: number, histogram: Histogram): void {
    this.reserve(1)
    this.timestamps[this.count] = timestamp
    this.values[this.count] = histogram.sum
    if (this.histograms === null) this.histograms = []
    this.histograms[this.count] = histogram
    this.count++
  }

  /** The first index whose timestamp is at or after `time` (relative to `base`), by binary search; `count` when there is none. */
  lowerBound(time: number): number {
    return lowerBound(this.timestamps, this.count, time)
  }
}

/** The first index below `count` with `timestamps[index] >= time`, else `count`. `timestamps` ascends. */
export function lowerBound(timestamps: Float64Array, count: number, time: number): number {
  let low = 0
  let high = count
  while (low < high) {
    const middle = (low + high) >>> 1
    if (timestamps[middle]! < time) low = middle + 1
    else high = middle
  }
  return low
}

function grown(column: Float64Array, capacity: number, count: number): Float64Array {
  const next = new Float64Array(capacity)
  next.set(column.subarray(0, count))
  return next
}
