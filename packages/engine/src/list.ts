/**
 * List: label names, label values and series, for people, dashboards and their auto-completion. The registry and the indexes of segments know
 * them without looking at samples; only when deletes are in force are series selected one by one, so that what is hidden is not listed.
 */
import { compareStrings, decodeLabels, type Labels, type Listing, type Matcher, type MetadataQuery } from '@tsink/core'
import { SegmentIndex } from '@tsink/segment'
import type { LabelNumbers } from './label-cache.ts'
import { LabelTable } from './label-table.ts'
import { assertOpen, type Parts } from './parts.ts'
import { select } from './select.ts'
import { Slices } from './slices.ts'
import { relative } from './tombstones.ts'
import { View } from './view.ts'

/** What both the registry and the index of a segment can tell. */
interface Source {
  select(matchers: readonly Matcher[]): Uint32Array
  labelNames(series?: Uint32Array): string[]
  labelValues(name: string, series?: Uint32Array): string[]
  labelBytes(series: number): Uint8Array
}

export async function labelNames(parts: Parts, query: MetadataQuery): Promise<Listing<string>> {
  const names = new Set<string>()
  return collect(
    parts,
    query,
    (source, series) => {
      for (const name of source.labelNames(series)) names.add(name)
    },
    (labels) => {
      for (const name of labels.names) names.add(name)
    },
    () => limited([...names].sort(compareStrings), query.limit),
  )
}

export async function labelValues(parts: Parts, name: string, query: MetadataQuery): Promise<Listing<string>> {
  const values = new Set<string>()
  return collect(
    parts,
    query,
    (source, series) => {
      for (const value of source.labelValues(name, series)) values.add(value)
    },
    (labels) => {
      if (labels.has(name)) values.add(labels.get(name))
    },
    () => limited([...values].sort(compareStrings), query.limit),
  )
}

export async function series(parts: Parts, query: MetadataQuery): Promise<Listing<Labels>> {
  const hidden = new Map<string, Labels>()
  const chosen: { readonly source: Source; readonly series: Uint32Array }[] = []
  let places = 0
  return collect(
    parts,
    query,
    (source, given) => {
      const series = given ?? source.select([])
      chosen.push({ source, series })
      places += series.length
    },
    (labels) => {
      hidden.set(labels.key(), labels)
    },
    async () => {
      const numbers = parts.labelCache.numbersFor(places)
      const found = numbers === null ? await fromBytes(parts, chosen) : fromNumbers(parts, chosen, numbers)
      for (const labels of hidden.values()) found.push(labels)
      return limited(
        found.sort((a, b) => a.compare(b)),
        query.limit,
      )
    },
  )
}

type Chosen = readonly { readonly source: Source; readonly series: Uint32Array }[]

/** The label sets of series, each once, out of those that are kept between selections. So few are found in a moment. */
function fromNumbers({ registry }: Parts, chosen: Chosen, numbers: LabelNumbers): Labels[] {
  const found: Labels[] = []
  const seen = new Set<number>()
  for (const { source, series } of chosen) {
    const known = source instanceof SegmentIndex ? numbers.mapOf(source) : null
    for (const each of series) {
      const number = known === null ? numbers.ofId(registry, each) : numbers.ofSeries(source as SegmentIndex, known, each)
      if (chosen.length > 1) {
        if (seen.has(number)) continue
        seen.add(number)
      }
      found.push(numbers.labels(number))
    }
  }
  return found
}

/** The same for any number of series. */
async function fromBytes(parts: Parts, chosen: Chosen): Promise<Labels[]> {
  const table = new LabelTable()
  const slices = new Slices(parts.host.clock)
  for (const { source, series } of chosen) {
    for (const each of series) {
      table.add(source.labelBytes(each))
      if (slices.due) await slices.pause()
    }
  }
  const found: Labels[] = []
  for (let number = 0; number < table.size; number++) {
    found.push(decodeLabels(table.labelBytes(number)))
    if (slices.due) await slices.pause()
  }
  return found
}

/**
 * Calls `visit` for the registry and each segment that overlaps, with the series that the query selects (undefined: all of them); or, while deletes
 * are in force, `visitLabels` for each series with visible samples. `finish` makes the answer, while the sources may still be asked.
 */
async function collect<T>(
  parts: Parts,
  query: MetadataQuery,
  visit: (source: Source, series: Uint32Array | undefined) => void,
  visitLabels: (labels: Labels) => void,
  finish: () => T | Promise<T>,
): Promise<T> {
  assertOpen(parts)
  const selectors: readonly (readonly Matcher[])[] = query.selectors.length === 0 ? [[]] : query.selectors
  if (parts.tombstones.list.length > 0) {
    const minTime = query.minTime ?? EARLIEST
    const maxTime = query.maxTime ?? LATEST
    for (const matchers of selectors) {
      for await (const page of select(parts, { matchers, minTime, maxTime, hints: { labelsOnly: true } })) {
        for (const { labels } of page) visitLabels(labels)
      }
    }
    return finish()
  }
  const inRange = ({ base, minTime, maxTime }: { readonly base: number; readonly minTime: number; readonly maxTime: number }): boolean =>
    relative(query.minTime ?? null, base, -Infinity) <= maxTime && relative(query.maxTime ?? null, base, Infinity) >= minTime
  const view = new View(parts)
  try {
    const sources: Source[] = view.heads.some(inRange) ? [parts.registry] : []
    for (const segment of view.segments) {
      if (!inRange(segment.info)) continue
      const index = parts.shelf.indexOf(segment) ?? (await parts.shelf.loadIndex(segment))
      if (index !== null) sources.push(index)
    }
    const slices = new Slices(parts.host.clock)
    for (const source of sources) {
      for (const matchers of selectors) {
        const chosen = matchers.length === 0 ? undefined : source.select(matchers)
        if (chosen === undefined || chosen.length > 0) visit(source, chosen)
        if (slices.due) await slices.pause()
      }
    }
    return await finish()
  } finally {
    view.release()
  }
}

const EARLIEST = -Number.MAX_SAFE_INTEGER
const LATEST = Number.MAX_SAFE_INTEGER

function limited<T>(items: readonly T[], limit: number | undefined): Listing<T> {
  if (limit === undefined || limit === 0 || items.length <= limit) return { items, truncated: false }
  return { items: items.slice(0, limit), truncated: true }
}
