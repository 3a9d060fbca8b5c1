/**
 * Sums and means of many histograms, compensated in every field as those of floats are (see functions/summation.ts). The layout follows the
 * coarsest operand seen so far.
 */
import { exponentialBound, type CounterResetHint, type Histogram } from '@tsink/core'
import { add, lost } from '../functions/summation.ts'
import { commonBounds, commonThreshold, joinHints } from './arithmetic.ts'
import { bucketsOf, negativeOf, positiveOf, spansOf, usesCustomBuckets, type Buckets } from './layout.ts'

/** Adds histograms up, or averages them. Of one family: exponential and custom buckets do not add. */
export class HistogramSum {
  readonly #custom: boolean
  readonly #mean: boolean
  #schema: number
  #bounds: Float64Array
  #zeroThreshold: number
  #hint: CounterResetHint
  #parts: Parts
  #operands = 0
  /** The parts hold a running mean, because the sum would have overflowed. */
  #running = false
  #sawReset = false
  #sawNoReset = false
  /** Custom bounds differed and were reduced to the common ones. */
  reconciled = false

  /** Starts with the first histogram; `mean` says what {@link result} gives. */
  constructor(first: Histogram, mean: boolean) {
    this.#custom = usesCustomBuckets(first)
    this.#mean = mean
    this.#schema = first.schema
    this.#bounds = first.customValues
    this.#zeroThreshold = first.zeroThreshold
    this.#hint = first.hint
    this.#parts = new Parts()
    this.#see(first)
    this.#addScaled(first, 1)
  }

  /** Whether operands with the hints "reset" and "not reset" came together. */
  get collision(): boolean {
    return this.#sawReset && this.#sawNoReset
  }

  /** Adds one more; false, and nothing is added, when it is of the other family. */
  add(h: Histogram): boolean {
    if (usesCustomBuckets(h) !== this.#custom) return false
    this.#see(h)
    this.#hint = joinHints(this.#hint, h.hint).hint
    this.#adapt(h)
    if (this.#mean && !this.#running) {
      const before = this.#parts.copy()
      this.#addScaled(h, 1)
      if (!this.#parts.overflows()) return true
      this.#parts = before
      this.#parts.divide(this.#operands - 1)
      this.#running = true
    } else if (!this.#running) {
      this.#addScaled(h, 1)
      return true
    }
    this.#parts.scale((this.#operands - 1) / this.#operands)
    this.#addScaled(h, this.#operands)
    return true
  }

  /** The sum or mean so far. */
  result(): Histogram {
    const divisor = this.#mean && !this.#running ? this.#operands : 1
    const parts = this.#parts
    const positive = spansOf(parts.positive.buckets(divisor))
    const negative = spansOf(parts.negative.buckets(divisor))
    return {
      schema: this.#schema,
      count: parts.totals.value(COUNT, divisor),
      sum: parts.totals.value(SUM, divisor),
      zeroThreshold: this.#zeroThreshold,
      zeroCount: parts.totals.value(ZERO, divisor),
      positiveSpans: positive.spans,
      positiveBuckets: positive.counts,
      negativeSpans: negative.spans,
      negativeBuckets: negative.counts,
      customValues: this.#bounds,
      hint: this.#hint,
      isInteger: false,
    }
  }

  #see(h: Histogram): void {
    this.#operands++
    if (h.hint === 'reset') this.#sawReset = true
    if (h.hint === 'not_reset') this.#sawNoReset = true
  }

  /** Brings what is summed so far to a layout in which `h` can be added. */
  #adapt(h: Histogram): void {
    const parts = this.#parts
    if (this.#custom) {
      const from = this.#bounds
      const bounds = commonBounds(from, h.customValues)
      if (bounds.length !== from.length || bounds.length !== h.customValues.length) this.reconciled = true
      if (bounds.length === from.length) return
      parts.positive = parts.positive.moved((index) => boundIndex(index < from.length ? from[index]! : Infinity, bounds))
      this.#bounds = bounds
      return
    }
    const threshold = h.zeroThreshold === this.#zeroThreshold ? h.zeroThreshold : commonThreshold(this.result(), h)
    if (threshold > this.#zeroThreshold) {
      this.#zeroThreshold = threshold
      parts.swallow(threshold, this.#schema)
    }
    if (h.schema < this.#schema) {
      const shift = this.#schema - h.schema
      parts.positive = parts.positive.moved((index) => coarser(index, shift))
      parts.negative = parts.negative.moved((index) => coarser(index, shift))
      this.#schema = h.schema
    }
  }

  #addScaled(h: Histogram, divisor: number): void {
    const { totals, positive, negative } = this.#parts
    totals.add(COUNT, h.count / divisor)
    totals.add(SUM, h.sum / divisor)
    totals.add(ZERO, h.zeroCount / divisor)
    if (this.#custom) {
      const buckets = bucketsOf(h.positiveSpans, h.positiveBuckets)
      for (let i = 0; i < buckets.indexes.length; i++) {
        const index = buckets.indexes[i]!
        const upper = index < h.customValues.length ? h.customValues[index]! : Infinity
        positive.add(boundIndex(upper, this.#bounds), buckets.counts[i]! / divisor)
      }
      return
    }
    this.#addSide(positive, positiveOf(h), h, divisor)
    this.#addSide(negative, negativeOf(h), h, divisor)
  }

  #addSide(into: Compensated, buckets: Buckets, h: Histogram, divisor: number): void {
    const shift = h.schema - this.#schema
    const widened = this.#zeroThreshold > h.zeroThreshold
    for (let i = 0; i < buckets.indexes.length; i++) {
      const index = buckets.indexes[i]!
      const count = buckets.counts[i]! / divisor
      // What lies inside the zero bucket counts there, unless the histogram had such a bucket beside its own zero bucket of that width.
      if (exponentialBound(h.schema, index) > this.#zeroThreshold) into.add(shift === 0 ? index : coarser(index, shift), count)
      else if (widened) this.#parts.totals.add(ZERO, count)
    }
  }
}

/** The indexes of the single numbers in {@link Parts.totals}. */
const COUNT = 0
const SUM = 1
const ZERO = 2

/** All numbers of a histogram under way. */
class Parts {
  totals = new Compensated()
  positive = new Compensated()
  negative = new Compensated()

  copy(): Parts {
    const copy = new Parts()
    copy.totals = this.totals.moved((index) => index)
    copy.positive = this.positive.moved((index) => index)
    copy.negative = this.negative.moved((index) => index)
    return copy
  }

  overflows(): boolean {
    return this.totals.overflows() || this.positive.overflows() || this.negative.overflows()
  }

  scale(factor: number): void {
    for (const part of [this.totals, this.positive, this.negative]) part.change((value) => value * factor)
  }

  divide(divisor: number): void {
    for (const part of [this.totals, this.positive, this.negative]) part.change((value) => value / divisor)
  }

  /** Moves the buckets below the threshold into the zero bucket. */
  swallow(threshold: number, schema: number): void {
    for (const side of [this.positive, this.negative]) {
      for (const [index, sum] of side.sums) {
        if (exponentialBound(schema, index - 1) >= threshold) continue
        this.totals.add(ZERO, sum)
        this.totals.add(ZERO, side.lost.get(index)!)
        side.sums.delete(index)
        side.lost.delete(index)
      }
    }
  }
}

/** Compensated sums by index. */
class Compensated {
  readonly sums = new Map<number, number>()
  readonly lost = new Map<number, number>()

  add(index: number, increment: number): void {
    const sum = this.sums.get(index)
    // The first number is the sum; adding it to 0 would turn -0 into 0 and nothing else.
    this.sums.set(index, add(increment, sum ?? 0, this.lost.get(index) ?? 0))
    this.lost.set(index, lost[0]!)
  }

  /** The same with every index replaced; what meets is added up. */
  moved(target: (index: number) => number): Compensated {
    const next = new Compensated()
    for (const [index, sum] of this.sums) {
      const to = target(index)
      next.add(to, sum)
      next.lost.set(to, next.lost.get(to)! + this.lost.get(index)!)
    }
    return next
  }

  change(of: (value: number) => number): void {
    for (const [index, sum] of this.sums) this.sums.set(index, of(sum))
    for (const [index, rest] of this.lost) this.lost.set(index, of(rest))
  }

  overflows(): boolean {
    for (const sum of this.sums.values()) if (sum === Infinity || sum === -Infinity) return true
    return false
  }

  value(index: number, divisor: number): number {
    const sum = this.sums.get(index)! / divisor
    return sum === Infinity || sum === -Infinity ? sum : sum + this.lost.get(index)! / divisor
  }

  buckets(divisor: number): Buckets {
    const indexes = [...this.sums.keys()].sort((a, b) => a - b)
    return { indexes, counts: indexes.map((index) => this.value(index, divisor)) }
  }
}

function coarser(index: number, shift: number): number {
  return ((index - 1) >> shift) + 1
}

/** The bucket over `bounds` that holds a bucket ending at `upper`. */
function boundIndex(upper: number, bounds: Float64Array): number {
  let index = 0
  while (index < bounds.length && bounds[index]! < upper) index++
  return index
}
