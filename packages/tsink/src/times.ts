/**
 * Times at the public edge. Inside, a time is a double: exact by itself in seconds, milliseconds and microseconds; in nanoseconds an offset to
 * a base that is a multiple of 2^13, hence exact too. Columns of bigints are read and written as pairs of 32-bit words, for a BigInt in a loop
 * costs twenty times what the loop does otherwise.
 */
import { TsinkError } from '@tsink/core'

/** Bases are multiples of this: every such number of today's nanoseconds is a double. */
const BASE_STEP = 8_192n
/** An offset from a base stays an exact double, with room for arithmetic: 2^52 ns are 52 days. */
const MAX_OFFSET = 2 ** 52
const TWO_32 = 2 ** 32
const littleEndian = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1
const LOW = littleEndian ? 0 : 1
const HIGH = 1 - LOW

/** The base below a time in nanoseconds. */
export function baseOf(time: bigint): number {
  const floor = time >= 0n ? time / BASE_STEP : (time - BASE_STEP + 1n) / BASE_STEP
  return Number(floor * BASE_STEP)
}

/** The offset of a time to a base, or NaN when it is too far away to be exact. */
export function offsetOf(time: bigint, base: number): number {
  const offset = Number(time - BigInt(base))
  return Math.abs(offset) <= MAX_OFFSET ? offset : Number.NaN
}

/** Runs of nanosecond times, each with a base to which all its offsets are exact. */
export interface TimeRun {
  readonly from: number
  readonly to: number
  readonly base: number
  readonly offsets: Float64Array
}

/** Splits a column of nanoseconds into runs: one, unless it spans more than 52 days. */
export function runsOf(times: BigInt64Array): TimeRun[] {
  const words = new Int32Array(times.buffer, times.byteOffset, times.length * 2)
  const runs: TimeRun[] = []
  for (let from = 0; from < times.length;) {
    const base = baseOf(times[from]!)
    const baseHigh = Math.floor(base / TWO_32)
    const baseLow = base - baseHigh * TWO_32
    const offsets = new Float64Array(times.length - from)
    let to = from
    for (; to < times.length; to++) {
      const offset = (words[to * 2 + HIGH]! - baseHigh) * TWO_32 + ((words[to * 2 + LOW]! >>> 0) - baseLow)
      if (!(Math.abs(offset) <= MAX_OFFSET)) break
      offsets[to - from] = offset
    }
    runs.push({ from, to, base, offsets: offsets.subarray(0, to - from) })
    from = to
  }
  return runs
}

/** Writes `base + offsets[from .. to)` into a column of nanoseconds, from its place `at` on. */
export function writeTimes(into: BigInt64Array, at: number, base: number, offsets: Float64Array, from: number, to: number): void {
  const words = new Int32Array(into.buffer, into.byteOffset, into.length * 2)
  const baseHigh = Math.floor(base / TWO_32)
  const baseLow = base - baseHigh * TWO_32
  for (let i = from; i < to; i++, at++) {
    const offset = offsets[i]!
    const high = Math.floor(offset / TWO_32)
    const low = offset - high * TWO_32 + baseLow
    const carry = low >= TWO_32 ? 1 : 0
    words[at * 2 + LOW] = low - carry * TWO_32
    words[at * 2 + HIGH] = high + baseHigh + carry
  }
}

/** The inclusive bounds of a half-open range. */
export function inclusive(
  range: { readonly start?: number | bigint; readonly end?: number | bigint },
  nanoseconds: boolean,
): { minTime: number | bigint; maxTime: number | bigint } {
  const { start, end } = range
  for (const [name, time] of [
    ['start', start],
    ['end', end],
  ] as const) {
    if (time === undefined) continue
    if (nanoseconds ? typeof time !== 'bigint' : typeof time !== 'number' || !Number.isSafeInteger(time)) {
      const wanted = nanoseconds ? 'a bigint, since the database counts nanoseconds' : 'a whole number'
      throw new TsinkError('BAD_RANGE', `${name} is ${String(time)}; it must be ${wanted}`, { detail: { option: name } })
    }
  }
  if (start !== undefined && end !== undefined && start >= end) {
    throw new TsinkError('BAD_RANGE', `the range from ${start} up to ${end} is empty: its end is not part of it`)
  }
  if (nanoseconds) return { minTime: start ?? -(2n ** 63n), maxTime: end === undefined ? 2n ** 63n - 1n : (end as bigint) - 1n }
  return { minTime: start ?? Number.MIN_SAFE_INTEGER, maxTime: end === undefined ? Number.MAX_SAFE_INTEGER : (end as number) - 1 }
}
