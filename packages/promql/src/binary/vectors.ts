/**
 * Operators between two vectors. Series are brought together by match group once for all steps; within a group the steps decide which
 * of several series meet. One side is the "one" side, of which at most one series may be there at a step; with group_right it is the left.
 */
import { Labels, TsinkError } from '@tsink/core'
import type { VectorMatching } from '../ast.ts'
import type { Execution, Held, Pages } from '../evaluate/execution.ts'
import { ABSENT, FLOAT, HISTOGRAM, isEmpty, type Grid, type StepSeries } from '../evaluate/steps.ts'
import { mergeEqual } from '../evaluate/unique.ts'
import type { VectorsPlan } from '../plan.ts'
import { combineElements, refuseFloats } from './elements.ts'
import { matchKey, matchLabels, presence, showLabels } from './matching.ts'
import { arithmeticOf, comparisonOf, type Comparison, type Operation } from './operations.ts'

interface Group {
  readonly one: StepSeries[]
  readonly many: StepSeries[]
}

export async function* matchVectors(plan: VectorsPlan, grid: Grid, execution: Execution): Pages {
  const left = await execution.collect(plan.left, grid)
  const right = await execution.collect(plan.right, grid)
  const out = await new Matcher(plan, grid, execution).match(left, right)
  // Both sides and the result are there at this moment: together they must fit.
  const bytes = out.length * grid.count * 9
  execution.hold(0, bytes)
  execution.hold(0, -bytes)
  execution.drop(left)
  execution.drop(right)
  if (out.length > 0) yield out
}

class Matcher {
  readonly #plan: VectorsPlan
  readonly #matching: VectorMatching
  readonly #steps: number
  readonly #grid: Grid
  readonly #execution: Execution
  readonly #delayed: boolean
  /** The "one" side is on the left. */
  readonly #oneLeft: boolean
  readonly #arithmetic: Operation | null
  readonly #comparison: Comparison | null
  readonly #fillOne: number | null
  readonly #fillMany: number | null
  /** What both sides have. */
  #one: readonly StepSeries[] = []
  #many: readonly StepSeries[] = []
  /** Steps at which both sides have something, or all where missing samples are filled in; null until that matters. */
  #meets: Uint8Array | null = null

  constructor(plan: VectorsPlan, grid: Grid, execution: Execution) {
    const { matching } = plan
    this.#plan = plan
    this.#matching = matching
    this.#steps = grid.count
    this.#grid = grid
    this.#execution = execution
    this.#delayed = execution.settings.features.delayedNameRemoval
    this.#oneLeft = matching.cardinality === 'one-to-many'
    this.#arithmetic = arithmeticOf(plan.op)
    this.#comparison = comparisonOf(plan.op)
    // The sides are swapped for group_right before anything is filled in, so that "left" is the "many" side in both directions.
    this.#fillOne = matching.fillRight
    this.#fillMany = matching.fillLeft
  }

  async match(left: Held, right: Held): Promise<StepSeries[]> {
    const one = this.#oneLeft ? left.series : right.series
    const many = this.#oneLeft ? right.series : left.series
    this.#one = one
    this.#many = many
    const key = matchKey(this.#matching)
    const groups = new Map<string, Group>()
    const groupOf = (series: StepSeries): Group => {
      const name = key(series.labels)
      let group = groups.get(name)
      if (group === undefined) {
        group = { one: [], many: [] }
        groups.set(name, group)
      }
      return group
    }
    for (const series of many) groupOf(series).many.push(series)
    for (const series of one) groupOf(series).one.push(series)
    const out: StepSeries[] = []
    for (const group of groups.values()) {
      this.#matchGroup(group, out)
      if (this.#execution.due) await this.#execution.pause()
    }
    // Copied labels can make series of different groups equal.
    return this.#matching.cardinality === 'one-to-one' ? out : mergeEqual(out)
  }

  #matchGroup(group: Group, out: StepSeries[]): void {
    if (group.one.length === 0 && this.#fillOne === null) return
    const oneAt = this.#indexOne(group.one)
    if (group.many.length === 0 && this.#fillMany === null) return
    /** For one-to-one: steps that have a match already. */
    const matched = group.many.length > 1 || this.#fillMany !== null ? new Uint8Array(this.#steps) : null
    const results: StepSeries[] = []
    for (const many of group.many) this.#matchOne(many, group.one, oneAt, matched, results)
    if (this.#matching.cardinality !== 'one-to-one') this.#refuseEqual(results)
    if (this.#fillMany !== null) this.#fillMissing(group, oneAt, matched!, results)
    const merged = this.#matching.cardinality === 'one-to-one' && results.length > 1 ? mergeEqual(results) : results
    for (const series of merged) if (!isEmpty(series)) out.push(series)
  }

  /**
   * Which series of the "one" side is there at each step, -1 for none; null when there is one series at most.
   * @throws TsinkError EXECUTION when two are.
   */
  #indexOne(one: readonly StepSeries[]): Int32Array | null {
    if (one.length < 2) return null
    const meets = (this.#meets ??= this.#findMeets())
    const index = new Int32Array(this.#steps).fill(-1)
    for (let i = 0; i < one.length; i++) {
      const { kinds } = one[i]!
      for (let k = 0; k < this.#steps; k++) {
        if (kinds[k] === ABSENT || meets[k] === 0) continue
        if (index[k]! >= 0) throw this.#duplicate(one[index[k]!]!.labels, one[i]!.labels)
        index[k] = i
      }
    }
    return index
  }

  #findMeets(): Uint8Array {
    if (this.#fillOne !== null || this.#fillMany !== null) return new Uint8Array(this.#steps).fill(1)
    const meets = presence(this.#one, this.#steps)
    const manyThere = presence(this.#many, this.#steps)
    for (let k = 0; k < this.#steps; k++) meets[k]! &= manyThere[k]!
    return meets
  }

  #duplicate(a: Labels, b: Labels): TsinkError {
    const group = showLabels(matchLabels(a, this.#matching))
    const side = this.#oneLeft ? 'left' : 'right'
    const both = [showLabels(a), showLabels(b)].sort()
    return new TsinkError(
      'EXECUTION',
      `found duplicate series for the match group ${group} on the ${side} hand-side of the operation: [${both.join(', ')}]` +
        ';many-to-many matching not allowed: matching labels must be unique on one side',
    )
  }

  /** Matches one series of the "many" side with those of the "one" side. */
  #matchOne(
    many: StepSeries,
    one: readonly StepSeries[],
    oneAt: Int32Array | null,
    matched: Uint8Array | null,
    results: StepSeries[],
  ): void {
    const { kinds } = many
    const single = one.length === 1 ? one[0]! : null
    if (matched !== null) {
      const explicit = this.#matching.cardinality !== 'one-to-one'
      for (let k = 0; k < this.#steps; k++) {
        if (kinds[k] === ABSENT) continue
        const there = single !== null ? single.kinds[k] !== ABSENT : oneAt !== null && oneAt[k]! >= 0
        if (!there && this.#fillOne === null) continue
        if (matched[k] === 1 && !explicit) {
          const message = 'multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)'
          throw new TsinkError('EXECUTION', message)
        }
        matched[k] = 1
      }
    }
    if (single !== null && this.#fillOne === null) {
      const result = this.#result(many.labels, single.labels, many.dropName)
      if (many.histograms === null && single.histograms === null && this.#arithmetic !== null) {
        combineFloats(this.#oneLeft ? single : many, this.#oneLeft ? many : single, this.#arithmetic, result)
      } else
        for (let k = 0; k < this.#steps; k++) if (kinds[k] !== ABSENT && single.kinds[k] !== ABSENT) this.#combine(many, single, k, result)
      results.push(result)
      return
    }
    const byPartner = new Map<number, StepSeries>()
    for (let k = 0; k < this.#steps; k++) {
      if (kinds[k] === ABSENT) continue
      const partner = single !== null ? (single.kinds[k] === ABSENT ? -1 : 0) : oneAt === null ? -1 : oneAt[k]!
      if (partner < 0 && this.#fillOne === null) continue
      let result = byPartner.get(partner)
      if (result === undefined) {
        const partnerLabels = partner < 0 ? matchLabels(many.labels, this.#matching) : one[partner]!.labels
        result = this.#result(many.labels, partnerLabels, many.dropName)
        byPartner.set(partner, result)
        results.push(result)
      }
      if (partner < 0) this.#combineFilled(many, k, this.#fillOne!, true, result)
      else this.#combine(many, one[partner]!, k, result)
    }
  }

  /** Results of one group may not have the same labels at the same step. */
  #refuseEqual(results: readonly StepSeries[]): void {
    if (results.length < 2) return
    const byKey = new Map<string, StepSeries>()
    for (const series of results) {
      const key = series.labels.key()
      const other = byKey.get(key)
      if (other === undefined) {
        byKey.set(key, series)
        continue
      }
      for (let k = 0; k < this.#steps; k++) {
        if (series.kinds[k] === ABSENT || other.kinds[k] === ABSENT) continue
        throw new TsinkError('EXECUTION', 'multiple matches for labels: grouping labels must ensure unique matches')
      }
    }
  }

  /** Fills in for the "many" side where it has nothing in this group: one series with the group's labels. */
  #fillMissing(group: Group, oneAt: Int32Array | null, matched: Uint8Array, results: StepSeries[]): void {
    for (let i = 0; i < group.one.length; i++) {
      const one = group.one[i]!
      let result: StepSeries | null = null
      for (let k = 0; k < this.#steps; k++) {
        if (one.kinds[k] === ABSENT || matched[k] === 1 || (oneAt !== null && oneAt[k] !== i)) continue
        if (result === null) {
          result = this.#result(matchLabels(one.labels, this.#matching), one.labels, false)
          results.push(result)
        }
        this.#combineFilled(one, k, this.#fillMany!, false, result)
      }
    }
  }

  #combineFilled(series: StepSeries, k: number, fill: number, isMany: boolean, result: StepSeries): void {
    const histogram = series.histograms?.[k]
    const seriesLeft = isMany !== this.#oneLeft
    if (seriesLeft) this.#put(histogram, series.values[k]!, undefined, fill, k, result)
    else this.#put(undefined, fill, histogram, series.values[k]!, k, result)
  }

  #combine(many: StepSeries, one: StepSeries, k: number, result: StepSeries): void {
    const left = this.#oneLeft ? one : many
    const right = this.#oneLeft ? many : one
    const leftHistogram = left.kinds[k] === HISTOGRAM ? left.histograms![k] : undefined
    const rightHistogram = right.kinds[k] === HISTOGRAM ? right.histograms![k] : undefined
    this.#put(leftHistogram, left.values[k]!, rightHistogram, right.values[k]!, k, result)
  }

  #put(
    left: Parameters<typeof combineElements>[1],
    leftValue: number,
    right: Parameters<typeof combineElements>[3],
    rightValue: number,
    k: number,
    result: StepSeries,
  ): void {
    const { op, bool, expr } = this.#plan
    if (left === undefined && right === undefined) {
      if (this.#arithmetic !== null) {
        result.kinds[k] = FLOAT
        result.values[k] = this.#arithmetic(leftValue, rightValue)
      } else if (this.#comparison !== null) {
        const holds = this.#comparison(leftValue, rightValue)
        if (!holds && !bool) return
        result.kinds[k] = FLOAT
        result.values[k] = bool ? (holds ? 1 : 0) : leftValue
      } else refuseFloats(op, expr, this.#execution)
      return
    }
    const outcome = combineElements(op, left, leftValue, right, rightValue, expr, this.#execution)
    if (outcome === null) return
    if (typeof outcome !== 'boolean') result.setHistogram(k, outcome)
    else if (bool) {
      result.kinds[k] = FLOAT
      result.values[k] = outcome ? 1 : 0
    } else if (outcome) result.setHistogram(k, left!)
  }

  /** An empty result for a series of the "many" side and its partner. */
  #result(many: Labels, one: Labels, dropName: boolean): StepSeries {
    const { bool } = this.#plan
    const { cardinality, on, labels: listed, include } = this.#matching
    let labels = many
    if (this.#arithmetic !== null) labels = labels.withoutSchema()
    if (cardinality === 'one-to-one') {
      const names = new Set(listed)
      labels = labels.filter((name) => names.has(name) === on)
    }
    if (include.length > 0) {
      const pairs = new Map(labels)
      for (const name of include) pairs.set(name, one.get(name))
      labels = Labels.from(pairs)
    }
    if (bool && !this.#delayed) labels = labels.withoutSchema()
    return this.#execution.series(labels, this.#delayed && (bool || dropName), this.#grid)
  }
}

function combineFloats(left: StepSeries, right: StepSeries, operation: Operation, out: StepSeries): void {
  const { kinds, values } = out
  const leftKinds = left.kinds
  const rightKinds = right.kinds
  const leftValues = left.values
  const rightValues = right.values
  for (let k = 0; k < kinds.length; k++) {
    if (leftKinds[k] !== FLOAT || rightKinds[k] !== FLOAT) continue
    kinds[k] = FLOAT
    values[k] = operation(leftValues[k]!, rightValues[k]!)
  }
}
