/**
 * List: label names, label values and series, for people, dashboards and their auto-completion. The registry and the indexes of segments know
 * them without looking at samples; only when deletes are in force are series selected one by one, so that what is hidden is not listed.
 */
import { compareStrings, decodeLabels, type Labels, type Listing, type Matcher, type MetadataQuery } from '@tsink/core'
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
  await collect(
    parts,
    query,
    (source, series) => {
      for (const name of source.labelNames(series)) names.add(name)
    },
    (labels) => {
      for (const name of labels.names) names.add(name)
    },
  )
  return limited([...names].sort(compareStrings), query.limit)
}

export async function labelValues(parts: Parts, name: string, query: MetadataQuery): Promise<Listing<string>> {
  const values = new Set<string>()
  await collect(
    parts,
    query,
    (source, series) => {
      for (const value of source.labelValues(name, series)) values.add(value)
    },
    (labels) => {
      if (labels.has(name)) values.add(labels.get(name))
    },
  )
  return limited([...values].sort(compareStrings), query.limit)
}

export async function series(parts: Parts, query: MetadataQuery): Promise<Listing<Labels>> {
  const table = new LabelTable()
  const selected = new Map<string, Labels>()
  const slices = new Slices(parts.host.clock)
  await collect(
    parts,
    query,
    async (source, given) => {
      for (const each of given ?? source.select([])) {
        table.add(source.labelBytes(each))
        if (slices.due) await slices.pause()
      }
    },
    (labels) => {
      selected.set(labels.key(), labels)
    },
  )
  const found = [...selected.values()]
  for (let number = 0; number < table.size; number++) {
    found.push(decodeLabels(table.labelBytes(number)))
    if (slices.due) await slices.pause()
  }
  return limited(
    found.sort((a, b) => a.compare(b)),
    query.limit,
  )
}

/**
 * Calls `visit` for the registry and each segment that overlaps, with the series that the query selects (undefined: all of them); or, while deletes
 * are in force, `visitLabels` for each series with visible samples.
 */
async function collect(
  parts: Parts,
  query: MetadataQuery,
  visit: (source: Source, series: Uint32Array | undefined) => void | Promise<void>,
  visitLabels: (labels: Labels) => void,
): Promise<void> {
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
    return
  }
  const inRange = ({ base, minTime, maxTime }: { readonly base: number; readonly minTime: number; readonly maxTime: number }): boolean =>
    relative(query.minTime ?? null, base, -Infinity) <= maxTime && relative(query.maxTime ?? null, base, Infinity) >= minTime
  const view = new View(parts)
  try {
    const sources: Source[] = view.heads.some(inRange) ? [parts.registry] : []
    for (const segment of view.segments) {
      if (!inRange(segment.info)) continue
      const index = await parts.shelf.loadIndex(segment)
      if (index !== null) sources.push(index)
    }
    for (const source of sources) {
      for (const matchers of selectors) {
        const chosen = matchers.length === 0 ? undefined : source.select(matchers)
        if (chosen === undefined || chosen.length > 0) await visit(source, chosen)
        await parts.host.clock.turn()
      }
    }
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
