/**
 * Selectors and time ranges of requests that ask about series: `match[]`, `start`, `end`.
 */
import { TsinkError, type Matcher, type MetadataQuery } from '@tsink/core'
import { parseSelector, TextCache } from '@tsink/promql'
import { EnvelopeError } from './errors.ts'
import { invalid, MAX_TIME_MS, MIN_TIME_MS, type Parameters } from './parameters.ts'

/** Dashboards ask with the same few selectors again and again. */
const known = new TextCache<readonly Matcher[]>(65_536)

/**
 * The matchers of every `match[]`. `prefixed` says whether a refusal names the parameter: of the reference's endpoints some do.
 * @throws TsinkError when one cannot be parsed or would match every series.
 */
export function matchersOf(parameters: Parameters, prefixed: boolean): (readonly Matcher[])[] {
  return parameters.all('match[]').map((text) => {
    let matchers = known.get(text)
    if (matchers !== undefined) return matchers
    try {
      matchers = parseSelector(text)
      if (matchers.every((matcher) => matcher.matchesEmpty)) {
        throw new TsinkError('BAD_QUERY', 'match[] must contain at least one non-empty matcher')
      }
      known.set(text, matchers)
      return matchers
    } catch (error) {
      if (prefixed && error instanceof TsinkError) throw invalid('match[]', error.message)
      throw error
    }
  })
}

/** The same, where at least one is needed. */
export function requiredMatchersOf(parameters: Parameters, prefixed: boolean): (readonly Matcher[])[] {
  if (parameters.all('match[]').length === 0) throw new EnvelopeError('bad_data', 'no match[] parameter provided')
  return matchersOf(parameters, prefixed)
}

/** The time range of a request, with whatever it leaves out open; null when it is empty. */
export function timeRangeOf(parameters: Parameters): { readonly minTime?: number; readonly maxTime?: number } | null {
  const start = parameters.time('start', MIN_TIME_MS)
  const end = parameters.time('end', MAX_TIME_MS)
  if (start > end) return null
  return { ...(start === MIN_TIME_MS ? {} : { minTime: start }), ...(end === MAX_TIME_MS ? {} : { maxTime: end }) }
}

/** What a listing asks the store, or null when its time range is empty. Parameters are checked in the reference's order. */
export function metadataQueryOf(parameters: Parameters, selectors: () => (readonly Matcher[])[]): MetadataQuery | null {
  const limit = parameters.limit()
  const range = timeRangeOf(parameters)
  const query = { selectors: selectors(), limit }
  return range === null ? null : { ...query, ...range }
}
