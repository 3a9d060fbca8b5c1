/**
 * SeriesCache: from a row's metric and labels to its slot in a series table that lives on from batch to batch, so that a series' labels are
 * sorted and encoded once and its number in the store is kept. Lookups walk a tree over the labels in the order in which the row has them: no
 * key is built.
 *
 *     "cpu" ─ host ▸ "a" ─ zone ▸ "eu" : slot 17
 */
import { Labels, METRIC_NAME, SeriesTable, TsinkError } from '@tsink/core'
import type { LabelRecord } from './types.ts'

/** About 200 bytes each; above it the cache begins anew, and series are found by their labels again. */
const MAX_NODES = 1_000_000
/** A batch much smaller than the table takes its few series along in a table of its own. */
const COMPACT_SLOTS = 4_096
const COMPACT_RATIO = 32

interface Node {
  /** -1 while the labels up to here were never a whole series. */
  slot: number
  /** The label that follows most often, and below it the values. */
  name: string
  values: Map<string, Node> | null
  /** Other labels that follow. */
  others: Map<string, Map<string, Node>> | null
}

export class SeriesCache {
  /** The series; replaced by {@link trim}. */
  table: SeriesTable = new SeriesTable()
  #metrics: Map<string, Node> = new Map()
  #nodes = 0

  /**
   * The slot of a series.
   * @throws TsinkError BAD_LABEL saying what is wrong with the labels.
   */
  slot(metric: string, labels: LabelRecord | undefined): number {
    let node = this.#metrics.get(metric)
    if (node === undefined) {
      node = this.#makeNode()
      this.#metrics.set(metric, node)
    }
    if (labels !== undefined) for (const name in labels) node = this.#next(node, name, labels[name]!)
    if (node.slot < 0) node.slot = this.table.add(checkedLabels(metric, labels))
    return node.slot
  }

  /**
   * The table and slots for a batch: the whole table and the slots as they are, or when the batch is small beside it, a table of its own.
   * `release` brings what the store noted there back.
   */
  tableFor(slots: Uint32Array, count: number): { series: SeriesTable; slots: Uint32Array; release: () => void } {
    const { table } = this
    if (table.count < COMPACT_SLOTS || table.count < count * COMPACT_RATIO) return { series: table, slots, release: () => {} }
    const series = new SeriesTable(count, 64 * count)
    const own = new Uint32Array(count)
    const taken = new Map<number, number>()
    for (let i = 0; i < count; i++) {
      const slot = slots[i]!
      let at = taken.get(slot)
      if (at === undefined) {
        at = series.addBytes(table.labelBytes(slot), table.refs[slot])
        taken.set(slot, at)
      }
      own[i] = at
    }
    const release = (): void => {
      for (const [slot, at] of taken) table.refs[slot] = series.refs[at]!
    }
    return { series, slots: own, release }
  }

  /** Begins anew when the cache is full. Slots from before are void then: called between batches only. */
  trim(): void {
    if (this.#nodes < MAX_NODES) return
    this.table = new SeriesTable()
    this.#metrics = new Map()
    this.#nodes = 0
  }

  #next(node: Node, name: string, value: string): Node {
    let values = node.values
    if (values === null) {
      node.name = name
      values = node.values = new Map()
    } else if (node.name !== name) {
      node.others ??= new Map()
      values = node.others.get(name) ?? null
      if (values === null) {
        values = new Map()
        node.others.set(name, values)
      }
    }
    let next = values.get(value)
    if (next === undefined) {
      next = this.#makeNode()
      values.set(value, next)
    }
    return next
  }

  #makeNode(): Node {
    this.#nodes++
    return { slot: -1, name: '', values: null, others: null }
  }
}

/** Labels of a series. @throws TsinkError BAD_LABEL. */
export function checkedLabels(metric: string, labels: LabelRecord | undefined): Labels {
  if (typeof metric !== 'string' || metric === '')
    throw new TsinkError('BAD_LABEL', `the metric is ${JSON.stringify(metric) ?? 'missing'}; it must be a name`)
  const pairs: [string, string][] = [[METRIC_NAME, metric]]
  for (const name in labels) {
    const value: unknown = labels[name]
    if (typeof value !== 'string') {
      throw new TsinkError('BAD_LABEL', `label ${JSON.stringify(name)} is ${typeof value}; label values are strings`, {
        detail: { label: name },
      })
    }
    pairs.push([name, value])
  }
  return Labels.from(pairs)
}
