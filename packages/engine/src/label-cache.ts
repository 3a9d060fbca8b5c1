/**
 * LabelCache: the label sets of series that selections have touched lately. Decoding a label set, and comparing its bytes to find the same series in
 * another segment, costs as much as decoding its samples, and dashboards ask for the same series again and again. A kept label set has a number:
 * two places hold the same series exactly when their numbers are equal.
 *
 * What is kept is one generation. When it is full, the next one begins empty, and a selection that is under way goes on with its own. Selections too
 * large to be kept do without.
 */
import { corruption, decodeLabels, Labels } from '@tsink/core'
import type { Registry } from '@tsink/registry'
import type { SegmentIndex } from '@tsink/segment'
import { LabelTable } from './label-table.ts'
import { SlotMap } from './slot-map.ts'

/** Most label sets of a generation: those of many dashboards. */
const MAX_SETS = 32_768

/** What a label set takes beside its bytes: the object, two arrays, the heads of the strings that no other set shares, and an encoding. */
const BYTES_PER_SET = 480

export class LabelCache {
  readonly #maxBytes: number
  #current = new LabelNumbers()

  /** Holds about `maxBytes` at most. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** Estimated memory of what is kept. */
  get bytes(): number {
    return this.#current.bytes
  }

  /** Numbers for a selection with so many places, or null when there are too many to be kept. */
  numbersFor(places: number): LabelNumbers | null {
    if (places > MAX_SETS) return null
    if (this.#current.size + places > MAX_SETS || this.#current.bytes > this.#maxBytes) this.#current = new LabelNumbers()
    return this.#current
  }
}

/** One generation. Numbers begin at 0. */
export class LabelNumbers {
  readonly #table = new LabelTable()
  readonly #labels: Labels[] = []
  /** The number of each series of an index, as far as it is known: of very many series a few may be asked for. */
  readonly #ofIndex = new WeakMap<SegmentIndex, SlotMap>()
  readonly #ofId = new Map<number, number>()
  // Label sets share their names and what texts they have in common.
  readonly #names = new Map<string, readonly string[]>()
  readonly #texts = new Map<string, string>()
  #bytes = 0

  get size(): number {
    return this.#labels.length
  }

  get bytes(): number {
    return this.#bytes
  }

  labels(number: number): Labels {
    return this.#labels[number]!
  }

  /** Where the numbers of a segment's series are kept, for {@link ofSeries}. */
  mapOf(index: SegmentIndex): SlotMap {
    let map = this.#ofIndex.get(index)
    if (map === undefined) {
      map = new SlotMap(index.seriesCount)
      this.#ofIndex.set(index, map)
    }
    return map
  }

  /** The number of a segment's series. */
  ofSeries(index: SegmentIndex, map: SlotMap, series: number): number {
    const known = map.get(series)
    if (known >= 0) return known
    const number = this.#numberOf(index.labelBytes(series), index.file)
    const before = map.bytes
    map.set(series, number)
    this.#bytes += map.bytes - before
    return number
  }

  /** The number of a series of the registry, which exists. */
  ofId(registry: Registry, id: number): number {
    const known = this.#ofId.get(id)
    if (known !== undefined) return known
    const number = this.#numberOf(registry.labelBytes(id), null)
    this.#ofId.set(id, number)
    return number
  }

  #numberOf(bytes: Uint8Array, file: string | null): number {
    const number = this.#table.add(bytes)
    if (this.#labels[number] !== undefined) return number
    this.#labels[number] = this.#shared(decode(bytes, file))
    this.#bytes += 5 * bytes.length + BYTES_PER_SET
    return number
  }

  #shared({ names, values }: Labels): Labels {
    const shape = names.join('\u0001')
    let sharedNames = this.#names.get(shape)
    if (sharedNames === undefined) {
      sharedNames = names
      this.#names.set(shape, names)
    }
    return Labels.fromSorted(
      sharedNames,
      values.map((text) => {
        const known = this.#texts.get(text)
        if (known === undefined) this.#texts.set(text, text)
        return known ?? text
      }),
    )
  }
}

function decode(bytes: Uint8Array, file: string | null): Labels {
  try {
    return decodeLabels(bytes)
  } catch (cause) {
    if (file === null) throw cause
    throw corruption('BAD_FORMAT', `a label is not UTF-8: ${(cause as Error).message}`, { file })
  }
}
