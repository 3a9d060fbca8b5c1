/** List: label names, label values and series of the registry and of all segments, for the listings that people and dashboards ask for. */
import { compareStrings, type Labels, type Listing, type Matcher, type MetadataQuery } from '@tsink/core'
import { assertOpen, type Parts } from './parts.ts'
import { select } from './select.ts'

const ALL_TIME = { minTime: -Number.MAX_SAFE_INTEGER, maxTime: Number.MAX_SAFE_INTEGER } as const

export async function labelNames(parts: Parts, query: MetadataQuery): Promise<Listing<string>> {
  const names = new Set<string>()
  await forEachSeries(parts, query, (labels) => {
    for (const name of labels.names) names.add(name)
  })
  return limited([...names].sort(compareStrings), query.limit)
}

export async function labelValues(parts: Parts, name: string, query: MetadataQuery): Promise<Listing<string>> {
  const values = new Set<string>()
  await forEachSeries(parts, query, (labels) => {
    const value = labels.get(name)
    if (value !== '') values.add(value)
  })
  return limited([...values].sort(compareStrings), query.limit)
}

export async function series(parts: Parts, query: MetadataQuery): Promise<Listing<Labels>> {
  const found = new Map<string, Labels>()
  await forEachSeries(parts, query, (labels) => {
    found.set(labels.key(), labels)
  })
  return limited(
    [...found.values()].sort((a, b) => a.compare(b)),
    query.limit,
  )
}

async function forEachSeries(parts: Parts, query: MetadataQuery, visit: (labels: Labels) => void): Promise<void> {
  assertOpen(parts)
  const selectors: readonly (readonly Matcher[])[] = query.selectors.length === 0 ? [[]] : query.selectors
  const minTime = query.minTime ?? ALL_TIME.minTime
  const maxTime = query.maxTime ?? ALL_TIME.maxTime
  for (const matchers of selectors) {
    for await (const page of select(parts, { matchers, minTime, maxTime, hints: { labelsOnly: true } })) {
      for (const each of page) visit(each.labels)
    }
  }
}

function limited<T>(items: readonly T[], limit: number | undefined): Listing<T> {
  if (limit === undefined || limit === 0 || items.length <= limit) return { items, truncated: false }
  return { items: items.slice(0, limit), truncated: true }
}
