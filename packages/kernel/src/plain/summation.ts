/**
 * Compensated summation, the improvement of Neumaier on Kahan: next to the sum runs the sum of what rounding lost. Results agree with Prometheus bit
 * by bit only if every step is the same, so these few lines are the only place where it is done; the twin of a part of assembly/windows.ts.
 *
 * The sum is returned and the compensation left in a place of its own, because returning a pair would make an object for each sample.
 */
/** The compensation after the last {@link add}, in `lost[0]`. An array, since a variable of a module is boxed anew at every assignment. */
export const lost: Float64Array = new Float64Array(1)

/** The sum with one more number; its compensation is in `lost[0]` until the next call. */
export function add(increment: number, sum: number, compensation: number): number {
  const total = sum + increment
  if (total === Infinity || total === -Infinity) lost[0] = 0
  else if (Math.abs(sum) >= Math.abs(increment)) lost[0] = compensation + (sum - total + increment)
  else lost[0] = compensation + (increment - total + sum)
  return total
}

/** The sum of `values[from..to)`. */
function sumOf(values: Float64Array, from: number, to: number): number {
  let sum = 0
  let compensation = 0
  for (let i = from; i < to; i++) {
    sum = add(values[i]!, sum, compensation)
    compensation = lost[0]!
  }
  return sum === Infinity || sum === -Infinity ? sum : sum + compensation
}

/** The mean of `values[from..to)`; where the sum would overflow it goes on with a running mean. */
function meanOf(values: Float64Array, from: number, to: number): number {
  let sum = values[from]!
  let compensation = 0
  let count = 1
  for (let i = from + 1; i < to; i++) {
    const total = add(values[i]!, sum, compensation)
    if (total === Infinity || total === -Infinity) return runningMean(values, i, to, sum / count, compensation / count, count)
    sum = total
    compensation = lost[0]!
    count++
  }
  return sum / count + compensation / count
}

function runningMean(values: Float64Array, from: number, to: number, start: number, compensation: number, before: number): number {
  let mean = start
  let correction = compensation
  let count = before
  for (let i = from; i < to; i++) {
    count++
    const share = (count - 1) / count
    mean = add(values[i]! / count, share * mean, share * correction)
    correction = lost[0]!
  }
  return mean + correction
}

/** See `sumWindows`. */
export function sumWindowsPlain(
  values: Float64Array,
  low: Int32Array,
  high: Int32Array,
  from: number,
  to: number,
  mean: boolean,
  kinds: Uint8Array,
  results: Float64Array,
): void {
  for (let k = from; k < to; k++) {
    if (high[k] === low[k]) continue
    kinds[k] = 1
    results[k] = mean ? meanOf(values, low[k]!, high[k]!) : sumOf(values, low[k]!, high[k]!)
  }
}
