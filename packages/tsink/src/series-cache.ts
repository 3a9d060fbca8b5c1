/**
 * SeriesCache: from a row's metric and labels to its slot in a series table that lives on from batch to batch, so that a series' labels are
 * sorted and encoded once and its number in the store is kept.
 *
 * Programs write the same series again and again in the same order. So the cache first guesses that the series is the one that followed the
 * last one before, and compares a few short strings. Only when that is wrong does it walk a tree over the labels in the order in which the row
 * has them, where every step hashes a string:
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

/** A series as rows name it. */
interface Shape {
  readonly metric: string
  readonly names: readonly string[]
  readonly values: readonly string[]
}

export class SeriesCache {
  /** The series; replaced by {@link trim}. */
  table: SeriesTable = new SeriesTable()
  #metrics: Map<string, Node> = new Map()
  #nodes = 0
  // By slot: the series, and the slot that came next the last time.
  #shapes: Shape[] = []
  #following: number[] = []
  #last = 0
  #run: Uint32Array = new Uint32Array(0)

  /**
   * The slot of a series.
   * @throws TsinkError BAD_LABEL saying what is wrong with the labels.
   */
  slot(metric: string, labels: LabelRecord | undefined): number {
    const guess = this.#following[this.#last]
    const slot = guess !== undefined && matches(this.#shapes[guess]!, metric, labels) ? guess : this.#walk(metric, labels)
    this.#following[this.#last] = slot
    this.#last = slot
    return slot
  }

  #walk(metric: string, labels: LabelRecord | undefined): number {
    let node = this.#metrics.get(metric)
    if (node === undefined) {
      node = this.#makeNode()
      this.#metrics.set(fresh(metric), node)
    }
    if (labels !== undefined) for (const name in labels) node = this.#next(node, name, labels[name]!)
    if (node.slot < 0) {
      node.slot = this.table.add(checkedLabels(metric, labels))
      const names = Object.keys(labels ?? {})
      // The tree may have several ways to one series, each with a slot of its own: shapes go by slot.
      this.#shapes[node.slot] = { metric: fresh(metric), names, values: names.map((name) => fresh(labels![name]!)) }
    }
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

  /** `count` or more times the same slot. The array is shared: nobody writes to it. */
  repeated(slot: number, count: number): Uint32Array {
    if (this.#run.length < count || this.#run[0] !== slot) this.#run = new Uint32Array(count).fill(slot)
    return this.#run
  }

  /** Begins anew when the cache is full. Slots from before are void then: called between batches only. */
  trim(): void {
    if (this.#nodes < MAX_NODES) return
    this.table = new SeriesTable()
    this.#metrics = new Map()
    this.#nodes = 0
    this.#shapes = []
    this.#following = []
    this.#last = 0
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
      values.set(fresh(value), next)
    }
    return next
  }

  #makeNode(): Node {
    this.#nodes++
    return { slot: -1, name: '', values: null, others: null }
  }
}

function matches(shape: Shape, metric: string, labels: LabelRecord | undefined): boolean {
  if (shape.metric !== metric) return false
  const { names, values } = shape
  let at = 0
  if (labels !== undefined) {
    for (const name in labels) {
      if (names[at] !== name || values[at] !== labels[name]) return false
      at++
    }
  }
  return at === names.length
}

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

/** A copy of a text: one that was cut out of a larger text, such as a parsed file, would keep all of that alive. */
function fresh(text: string): string {
  return typeof text === 'string' ? decoder.decode(encoder.encode(text)) : text
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
