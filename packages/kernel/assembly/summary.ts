// The summary of a column of values: the twin of src/plain/summary.ts, which explains it.

import { DOUBLES } from './columns'

// min, max, sum, numbers, resets as doubles.
const SUMMARY = memory.data(5 * 8, 16)

export function summaryAddress(): usize {
  return SUMMARY
}

export function summarize(count: i32): void {
  let least = Infinity
  let greatest = -Infinity
  let sum: f64 = 0
  let compensation: f64 = 0
  let numbers = 0
  let resets = 0
  let before = -Infinity
  const end = DOUBLES + (<usize>count << 3)
  for (let at = DOUBLES; at < end; at += 8) {
    const value = load<f64>(at)
    if (value != value) continue
    numbers++
    least = value < least ? value : least
    greatest = value > greatest ? value : greatest
    resets += i32(value < before)
    before = value
    // Knuth's two-sum: the same correction as Neumaier's, without a branch.
    const next = sum + value
    const part = next - sum
    compensation += sum - (next - part) + (value - part)
    sum = next
  }
  // An infinity or an overflow leaves no correction.
  const total = sum + compensation
  store<f64>(SUMMARY, numbers == 0 ? NaN : least)
  store<f64>(SUMMARY, numbers == 0 ? NaN : greatest, 8)
  store<f64>(SUMMARY, sum - sum == 0 && total == total ? total : sum, 16)
  store<f64>(SUMMARY, numbers, 24)
  store<f64>(SUMMARY, resets, 32)
}
