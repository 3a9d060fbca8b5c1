/**
 * The summary of a column of values in plain TypeScript: the twin of assembly/summary.ts. NaNs (stale markers among them) are left out and
 * counted. The sum is compensated: what each addition rounds away is kept (Knuth's two-sum, as Neumaier's algorithm) and added at the end.
 */

/** Writes min, max, sum, numbers and resets of the first `count` doubles to `out`; see `CodecLoops.summarize`. */
export function summarize(doubles: Float64Array, count: number, out: Float64Array): void {
  let least = Infinity
  let greatest = -Infinity
  let sum = 0
  let compensation = 0
  let numbers = 0
  let resets = 0
  let before = -Infinity
  for (let i = 0; i < count; i++) {
    const value = doubles[i]!
    if (value !== value) continue
    numbers++
    if (value < least) least = value
    if (value > greatest) greatest = value
    if (value < before) resets++
    before = value
    const next = sum + value
    const part = next - sum
    compensation += sum - (next - part) + (value - part)
    sum = next
  }
  // An infinity or an overflow leaves no correction.
  const total = sum + compensation
  out[0] = numbers === 0 ? NaN : least
  out[1] = numbers === 0 ? NaN : greatest
  out[2] = sum - sum === 0 && total === total ? total : sum
  out[3] = numbers
  out[4] = resets
}
