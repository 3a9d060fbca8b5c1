/**
 * Generate: seeded data and well-typed queries over it, for the differential test. The same seed gives the same data and queries for ever.
 */
import { BatchBuilder, Labels, type WriteBatch } from '@tsink/core'
import { generateHistograms } from './generate-histograms.ts'

/** A small deterministic source of numbers (mulberry32). */
export class Dice {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** A number in [0, 1). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let t = this.#state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }

  /** An integer in [0, below). */
  below(below: number): number {
    return Math.floor(this.next() * below)
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!
  }

  chance(probability: number): boolean {
    return this.next() < probability
  }
}

const STEP_MS = 15_000
const SAMPLES = 240

export interface GeneratedData {
  readonly batch: WriteBatch
  readonly startMs: number
  readonly endMs: number
}

/**
 * About an hour of counters, gauges and classic histograms: with gaps, resets, stale markers, NaN and infinities; native histograms on demand.
 */
export function generateData(dice: Dice, nativeHistograms = false): GeneratedData {
  const builder = new BatchBuilder()
  const startMs = 1_700_000_000_000
  const times = Array.from({ length: SAMPLES }, (_, i) => startMs + i * STEP_MS)
  const jitter = dice.chance(0.5)
  const at = (time: number): number => (jitter && dice.chance(0.3) ? time + dice.below(7) - 3 : time)
  const walk = (labels: Record<string, string>, next: (before: number) => number): void => {
    const slot = builder.slot(Labels.of(labels))
    let value = 0
    let missing = 0
    for (const time of times) {
      value = next(value)
      if (missing > 0 || dice.chance(0.01)) {
        if (missing === 0) {
          missing = 1 + dice.below(30)
          if (dice.chance(0.5)) builder.stale(slot, time)
        }
        missing--
        continue
      }
      builder.float(slot, at(time), value)
    }
  }
  for (const instance of ['a', 'b', 'c']) {
    for (const job of ['api', 'web']) {
      for (const code of ['200', '404', '500']) {
        walk({ __name__: 'requests_total', instance, job, code }, (v) => (dice.chance(0.004) ? 0 : v + dice.below(50)))
      }
      walk({ __name__: 'temperature', instance, job }, (v) => Math.round((v + dice.next() * 2 - 1) * 100) / 100)
      walk({ __name__: 'flag', instance, job, ...(dice.chance(0.5) ? { zone: 'x' } : {}) }, () => dice.below(3))
      for (const le of ['0.1', '1', '10', '+Inf']) {
        walk({ __name__: 'latency_bucket', instance, job, le }, (v) => v + (le === '+Inf' ? 20 : le === '10' ? 15 : le === '1' ? 10 : 4))
      }
    }
    walk({ __name__: 'odd', instance }, () => dice.pick([NaN, Infinity, -Infinity, 0, -0, 1e300, -1e-300, 1, -1]))
  }
  if (nativeHistograms) generateHistograms(dice, builder, times)
  return { batch: builder.build(), startMs, endMs: times.at(-1)! }
}

const METRICS = ['requests_total', 'temperature', 'flag', 'latency_bucket', 'odd', 'nothing']
const MATCHERS = [
  'job="api"',
  'job!="api"',
  'instance=~"a|b"',
  'instance!~"a"',
  'code="500"',
  'zone=""',
  'zone!=""',
  'code=~".*0"',
  'le="1"',
]
const LABELS = ['job', 'instance', 'code', 'zone', 'le', '__name__']
const RANGES = ['30s', '1m', '1m30s', '5m', '20m']
const RANGE_FUNCTIONS = [
  'rate',
  'increase',
  'delta',
  'irate',
  'idelta',
  'resets',
  'changes',
  'deriv',
  'sum_over_time',
  'avg_over_time',
  'min_over_time',
  'max_over_time',
  'count_over_time',
  'last_over_time',
  'first_over_time',
  'present_over_time',
  'stddev_over_time',
  'stdvar_over_time',
]
const MATH_FUNCTIONS = [
  'abs',
  'ceil',
  'floor',
  'exp',
  'sqrt',
  'ln',
  'log2',
  'log10',
  'sgn',
  'sin',
  'cos',
  'atan',
  'deg',
  'round',
  'hour',
  'day_of_week',
  'timestamp',
]
const AGGREGATIONS = ['sum', 'avg', 'min', 'max', 'count', 'group', 'stddev', 'stdvar']
const ARITHMETIC = ['+', '-', '*', '/', '%', '^', 'atan2']
const COMPARISONS = ['==', '!=', '<', '>', '<=', '>=']
const SETS = ['and', 'or', 'unless']

/** A query that yields an instant vector. `depth` bounds its nesting. */
export function generateQuery(dice: Dice, depth = 3): string {
  return vector(dice, depth)
}

function vector(dice: Dice, depth: number): string {
  if (depth <= 0) return selector(dice)
  const deeper = (): string => vector(dice, depth - 1)
  switch (dice.below(11)) {
    case 0:
      return selector(dice)
    case 1:
    case 2:
      return rangeCall(dice, depth)
    case 3:
      return `${dice.pick(MATH_FUNCTIONS)}(${deeper()})`
    case 4:
      return aggregation(dice, deeper())
    case 5:
      return `${deeper()} ${operator(dice)} ${scalar(dice, depth - 1)}`
    case 6:
      return `${scalar(dice, depth - 1)} ${operator(dice)} (${deeper()})`
    case 7:
      return `(${deeper()}) ${dice.pick(SETS)}${setMatching(dice)} (${deeper()})`
    case 8:
      return `(${deeper()}) ${operator(dice)}${matching(dice)} (${deeper()})`
    case 9:
      return relabel(dice, deeper())
    default:
      return dice.pick([
        () => `-(${deeper()})`,
        () => `(${deeper()})`,
        () => `clamp_min(${deeper()}, ${number(dice)})`,
        () => `clamp_max(${deeper()}, ${number(dice)})`,
        () => `clamp(${deeper()}, -10, ${number(dice)})`,
        () => `sort(${deeper()})`,
      ])()
  }
}

function selector(dice: Dice): string {
  return bare(dice) + modifiers(dice)
}

function bare(dice: Dice): string {
  const matchers: string[] = []
  while (dice.chance(0.35)) matchers.push(dice.pick(MATCHERS))
  return dice.pick(METRICS) + (matchers.length > 0 ? `{${matchers.join(',')}}` : '')
}

function modifiers(dice: Dice): string {
  const offset = dice.chance(0.15) ? ` offset ${dice.pick(['1m', '-2m', '15s', '10m'])}` : ''
  const at = dice.chance(0.08) ? ` @ ${dice.pick(['start()', 'end()', '1700001000', '1700002345.678'])}` : ''
  return dice.chance(0.5) ? offset + at : at + offset
}

function rangeCall(dice: Dice, depth: number): string {
  const range = dice.chance(0.8)
    ? `${bare(dice)}[${dice.pick(RANGES)}]`
    : `(${vector(dice, depth - 2)})[${dice.pick(RANGES)}:${dice.pick(['', '30s', '1m', '7s'])}]`
  const argument = range + modifiers(dice)
  if (dice.chance(0.1)) return `quantile_over_time(${dice.pick(['0', '0.5', '0.9', '1', '-1', '2'])}, ${argument})`
  if (dice.chance(0.08)) return `predict_linear(${argument}, ${dice.pick(['60', '-30', '3600'])})`
  return `${dice.pick(RANGE_FUNCTIONS)}(${argument})`
}

function aggregation(dice: Dice, inner: string): string {
  const grouping = dice.chance(0.6) ? ` ${dice.pick(['by', 'without'])} (${labelList(dice)})` : ''
  if (dice.chance(0.15)) return `quantile${grouping} (${dice.pick(['0.5', '0.95', '0', '1.5'])}, ${inner})`
  return `${dice.pick(AGGREGATIONS)}${grouping} (${inner})`
}

function relabel(dice: Dice, inner: string): string {
  if (dice.chance(0.3)) return `label_join(${inner}, "${dice.pick(['joined', 'job'])}", "-", "job", "instance")`
  return `label_replace(${inner}, "${dice.pick(['new', 'job', 'instance'])}", "${dice.pick(['$1', 'x-$1', '', 'fixed'])}", "${dice.pick(['job', 'code', 'none'])}", "${dice.pick(['(.*)', 'a(.+)', '5..', '(w|a).*'])}")`
}

function labelList(dice: Dice): string {
  const labels = LABELS.filter(() => dice.chance(0.35))
  return labels.join(', ')
}

function operator(dice: Dice): string {
  if (dice.chance(0.6)) return dice.pick(ARITHMETIC)
  return dice.pick(COMPARISONS) + (dice.chance(0.4) ? ' bool' : '')
}

function matching(dice: Dice): string {
  if (dice.chance(0.3)) return ''
  const labels = labelList(dice)
  const group = dice.chance(0.4) ? ` ${dice.pick(['group_left', 'group_right'])}(${dice.chance(0.3) ? 'zone' : ''})` : ''
  const listed = group.includes('zone') ? labels.replace('zone', 'mode') : labels
  return ` ${dice.pick(['on', 'ignoring'])}(${listed})${group}`
}

function setMatching(dice: Dice): string {
  return dice.chance(0.5) ? '' : ` ${dice.pick(['on', 'ignoring'])}(${labelList(dice)})`
}

function scalar(dice: Dice, depth: number): string {
  if (depth > 0 && dice.chance(0.15)) return `scalar(${vector(dice, depth - 1)})`
  if (dice.chance(0.1)) return 'time()'
  if (depth > 0 && dice.chance(0.1)) return `(${scalar(dice, depth - 1)} ${dice.pick(ARITHMETIC)} ${number(dice)})`
  return number(dice)
}

function number(dice: Dice): string {
  return dice.pick(['0', '1', '2', '0.5', '-1', '1e3', 'Inf', 'NaN', '1m', '3'])
}
