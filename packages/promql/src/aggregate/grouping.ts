/**
 * Grouping: which group a series belongs to, by the labels of `by` or all but those of `without`.
 */
import { isSchemaLabel, METRIC_NAME, type Labels } from '@tsink/core'

/** Groups are numbered in the order in which their first series comes. */
export class Grouping {
  /** The labels of each group. */
  readonly labels: Labels[] = []
  /** Whether the metric name of each group is to be dropped at the end; only where the name is among the group's labels. */
  readonly dropName: boolean[] = []
  readonly #numbers = new Map<string, number>()
  readonly #names: ReadonlySet<string>
  readonly #without: boolean
  readonly #keepsName: boolean
  readonly #only: string | null
  // Which labels of a set make its key. Sets of one store share their names, so that this is found out once for many series.
  #shape: readonly string[] | null = null
  readonly #places: number[] = []

  constructor(names: readonly string[], without: boolean) {
    this.#names = new Set(names)
    this.#without = without
    this.#keepsName = !without && this.#names.has(METRIC_NAME)
    this.#only = !without && this.#names.size === 1 ? names[0]! : null
  }

  /** The group's number. */
  of(labels: Labels, dropName: boolean): number {
    const key = this.#only === null ? this.#key(labels) : this.#valueOf(labels, this.#only)
    let number = this.#numbers.get(key)
    if (number === undefined) {
      number = this.labels.length
      this.#numbers.set(key, number)
      this.labels.push(labels.filter((name) => this.#keeps(name)))
      this.dropName.push(false)
    }
    if (dropName && this.#keepsName) this.dropName[number] = true
    return number
  }

  #valueOf({ names, values }: Labels, name: string): string {
    if (names !== this.#shape) {
      this.#shape = names
      this.#places[0] = names.indexOf(name)
    }
    return this.#places[0]! < 0 ? '' : values[this.#places[0]!]!
  }

  #key({ names, values }: Labels): string {
    const places = this.#places
    if (names !== this.#shape) {
      this.#shape = names
      places.length = 0
      for (let i = 0; i < names.length; i++) if (this.#keeps(names[i]!)) places.push(i)
    }
    let key = ''
    for (const place of places) key += `${names[place]!}\u0001${values[place]!}\u0002`
    return key
  }

  #keeps(name: string): boolean {
    return this.#without ? !this.#names.has(name) && !isSchemaLabel(name) : this.#names.has(name)
  }
}
