/**
 * The yardstick: how many bytes Gorilla's codecs take for a column, as published (Pelkonen and others, 2015), in one stream without blocks or
 * directories. Only counted, not written: it is nobody's codec here.
 */

const bits = new Float64Array(1)
const words = new Uint32Array(bits.buffer)

/** XOR of doubles: 64 bits, then `0`, `10` + meaningful bits, or `11` + 5 + 6 + meaningful bits. */
export function gorillaValueBytes(values: Float64Array): number {
  let total = 64
  let leading = 255
  let trailing = 0
  bits[0] = values[0]!
  let beforeLow = words[0]!
  let beforeHigh = words[1]!
  for (let i = 1; i < values.length; i++) {
    bits[0] = values[i]!
    const low = words[0]! ^ beforeLow
    const high = words[1]! ^ beforeHigh
    beforeLow = words[0]!
    beforeHigh = words[1]!
    if ((low | high) === 0) {
      total++
      continue
    }
    const leads = Math.min(31, high === 0 ? 32 + Math.clz32(low) : Math.clz32(high))
    const trails = low === 0 ? 32 + trailingZeros(high) : trailingZeros(low)
    if (leads >= leading && trails >= trailing) total += 2 + 64 - leading - trailing
    else {
      leading = leads
      trailing = trails
      total += 13 + 64 - leads - trails
    }
  }
  return Math.ceil(total / 8)
}

/** Delta of delta: 64 bits, then `0`, `10` + 7, `110` + 9, `1110` + 12, `1111` + 32 bits (64 where 32 do not hold it). */
export function gorillaTimestampBytes(times: Float64Array): number {
  let total = 64
  let delta = 0
  for (let i = 1; i < times.length; i++) {
    const next = times[i]! - times[i - 1]!
    const change = Math.abs(next - delta)
    delta = next
    total += change === 0 ? 1 : change < 64 ? 9 : change < 256 ? 12 : change < 2_048 ? 16 : change < 2 ** 31 ? 36 : 68
  }
  return Math.ceil(total / 8)
}

function trailingZeros(word: number): number {
  return 31 - Math.clz32(word & -word)
}
