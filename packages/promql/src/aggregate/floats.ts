/**
 * Accumulators of floats: the state of one group at every step, as columns. Each takes one series at a time, in one loop, and needs the memory
 * of its group only, however many series there are.
 */
import { add, lost } from '@tsink/kernel'
import { ABSENT, FLOAT, type StepSeries } from '../evaluate/steps.ts'

/** Adds the floats of series and in the end writes one float for each step that had any. */
export interface FloatAccumulator {
  /** How many floats came, by step. */
  readonly counts: Int32Array
  add(series: StepSeries): void
  finish(out: StepSeries): void
}

export function accumulatorOf(op: string, steps: number): FloatAccumulator {
  switch (op) {
    case 'sum':
      return new Sum(steps)
    case 'avg':
      return new Mean(steps)
    case 'min':
      return new Extreme(steps, false)
    case 'max':
      return new Extreme(steps, true)
    default:
      return new Variance(steps, op === 'stddev')
  }
}

/** The bytes of an accumulator for each step; an upper bound. */
export const ACCUMULATOR_BYTES = 24

class Sum implements FloatAccumulator {
  readonly #counts: Int32Array
  readonly #sums: Float64Array
  readonly #lost: Float64Array
  /** Every step has had a float. */
  #isFull = false
  /** Series that had a float at every step and are not in the counts yet. */
  #uncounted = 0

  constructor(steps: number) {
    // One piece of memory: there may be many groups of few steps.
    const memory = new ArrayBuffer(20 * steps)
    this.#sums = new Float64Array(memory, 0, steps)
    this.#lost = new Float64Array(memory, 8 * steps, steps)
    this.#counts = new Int32Array(memory, 16 * steps, steps)
  }

  get counts(): Int32Array {
    if (this.#uncounted > 0) for (let k = 0; k < this.#counts.length; k++) this.#counts[k]! += this.#uncounted
    this.#uncounted = 0
    return this.#counts
  }

  add(series: StepSeries): void {
    const { kinds, values, histograms } = series
    if (!this.#isFull || histograms !== null) {
      this.#addSome(kinds, values)
      this.#isFull = this.#counts.indexOf(0) < 0
      return
    }
    const steps = kinds.length
    for (let from = kinds.indexOf(FLOAT); from >= 0 && from < steps;) {
      const gap = kinds.indexOf(ABSENT, from)
      const to = gap < 0 ? steps : gap
      this.#addRun(values, from, to)
      if (to - from === steps) this.#uncounted++
      else for (let k = from; k < to; k++) this.#counts[k]!++
      from = gap < 0 ? steps : kinds.indexOf(FLOAT, gap)
    }
  }

  // The steps of `add`, written out, where all steps have something already: this loop is the hot path of every dashboard.
  #addRun(values: Float64Array, from: number, to: number): void {
    const sums = this.#sums
    const rests = this.#lost
    for (let k = from; k < to; k++) {
      const value = values[k]!
      const sum = sums[k]!
      const total = sum + value
      const rest = Math.abs(sum) >= Math.abs(value) ? sum - total + value : value - total + sum
      // Nothing is kept of what an infinite sum has lost; a NaN stays one with or without it.
      rests[k] = total - total === 0 ? rests[k]! + rest : 0
      sums[k] = total
    }
  }

  #addSome(kinds: Uint8Array, values: Float64Array): void {
    const { counts } = this
    const sums = this.#sums
    const rests = this.#lost
    for (let k = 0; k < kinds.length; k++) {
      if (kinds[k] !== FLOAT) continue
      const value = values[k]!
      if (counts[k]!++ === 0) {
        sums[k] = value
        continue
      }
      const sum = sums[k]!
      const total = sum + value
      if (total === Infinity || total === -Infinity) rests[k] = 0
      else if (Math.abs(sum) >= Math.abs(value)) rests[k]! += sum - total + value
      else rests[k]! += value - total + sum
      sums[k] = total
    }
  }

  finish(out: StepSeries): void {
    const { counts } = this
    for (let k = 0; k < counts.length; k++) {
      if (counts[k] === 0) continue
      out.kinds[k] = FLOAT
      out.values[k] = this.#sums[k]! + this.#lost[k]!
    }
  }
}

/** Means by compensated sums; where a sum would overflow, that step goes on with a running mean. */
class Mean implements FloatAccumulator {
  readonly counts: Int32Array
  readonly #sums: Float64Array
  readonly #lost: Float64Array
  readonly #running: Uint8Array

  constructor(steps: number) {
    this.counts = new Int32Array(steps)
    this.#sums = new Float64Array(steps)
    this.#lost = new Float64Array(steps)
    this.#running = new Uint8Array(steps)
  }

  add(series: StepSeries): void {
    const { kinds, values } = series
    const { counts } = this
    const sums = this.#sums
    for (let k = 0; k < kinds.length; k++) {
      if (kinds[k] !== FLOAT) continue
      const value = values[k]!
      const count = ++counts[k]!
      if (count === 1) {
        sums[k] = value
        continue
      }
      if (this.#running[k] === 0) {
        const total = add(value, sums[k]!, this.#lost[k]!)
        if (total !== Infinity && total !== -Infinity) {
          sums[k] = total
          this.#lost[k] = lost[0]!
          continue
        }
        this.#running[k] = 1
        sums[k]! /= count - 1
        this.#lost[k]! /= count - 1
      }
      const share = (count - 1) / count
      sums[k] = add(value / count, share * sums[k]!, share * this.#lost[k]!)
      this.#lost[k] = lost[0]!
    }
  }

  finish(out: StepSeries): void {
    for (let k = 0; k < this.counts.length; k++) {
      if (this.counts[k] === 0) continue
      const divisor = this.#running[k] === 1 ? 1 : this.counts[k]!
      out.kinds[k] = FLOAT
      out.values[k] = this.#sums[k]! / divisor + this.#lost[k]! / divisor
    }
  }
}

/** The least or greatest; NaN only where every value is NaN. */
class Extreme implements FloatAccumulator {
  readonly counts: Int32Array
  readonly #best: Float64Array
  readonly #greatest: boolean

  constructor(steps: number, greatest: boolean) {
    this.counts = new Int32Array(steps)
    this.#best = new Float64Array(steps).fill(NaN)
    this.#greatest = greatest
  }

  add(series: StepSeries): void {
    const { kinds, values } = series
    const { counts } = this
    const best = this.#best
    const greatest = this.#greatest
    for (let k = 0; k < kinds.length; k++) {
      if (kinds[k] !== FLOAT) continue
      counts[k]!++
      const value = values[k]!
      const known = best[k]!
      if (known !== known || (greatest ? value > known : value < known)) best[k] = value
    }
  }

  finish(out: StepSeries): void {
    for (let k = 0; k < this.counts.length; k++) {
      if (this.counts[k] === 0) continue
      out.kinds[k] = FLOAT
      out.values[k] = this.#best[k]!
    }
  }
}

/** Population variance by Welford's recurrence; NaN and infinities make it NaN. */
class Variance implements FloatAccumulator {
  readonly counts: Int32Array
  readonly #means: Float64Array
  readonly #squares: Float64Array
  readonly #root: boolean

  constructor(steps: number, root: boolean) {
    this.counts = new Int32Array(steps)
    this.#means = new Float64Array(steps)
    this.#squares = new Float64Array(steps)
    this.#root = root
  }

  add(series: StepSeries): void {
    const { kinds, values } = series
    const { counts } = this
    for (let k = 0; k < kinds.length; k++) {
      if (kinds[k] !== FLOAT) continue
      const value = values[k]!
      const count = ++counts[k]!
      if (count === 1) {
        this.#means[k] = value
        this.#squares[k] = Number.isFinite(value) ? 0 : NaN
        continue
      }
      const delta = value - this.#means[k]!
      this.#means[k]! += delta / count
      this.#squares[k]! += delta * (value - this.#means[k]!)
    }
  }

  finish(out: StepSeries): void {
    for (let k = 0; k < this.counts.length; k++) {
      if (this.counts[k] === 0) continue
      const variance = this.#squares[k]! / this.counts[k]!
      out.kinds[k] = FLOAT
      out.values[k] = this.#root ? Math.sqrt(variance) : variance
    }
  }
}
