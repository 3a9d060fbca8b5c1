/**
 * Search: names and values that look like what is asked for, as Prometheus's experimental search API has it, in lines of JSON. It needs the feature
 * `search-api`.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { METRIC_NAME, type Listing, type MetadataQuery, type MetricMetadata } from '@tsink/core'
import { cancellation } from '../cancellation.ts'
import { storeOf, type ServerContext } from '../context.ts'
import { EnvelopeError } from '../errors.ts'
import { jaroWinkler, subsequence } from '../fuzzy.ts'
import { parametersOf, type Parameters } from '../parameters.ts'
import { sendPieces } from '../respond.ts'
import { route } from '../route.ts'
import { matchersOf, timeRangeOf } from '../selectors.ts'
import { Turns } from '../turns.ts'

const DEFAULT_LIMIT = 100
const DEFAULT_BATCH = 100
const MAX_BATCH = 10_000
/** What is searched for is typed by people: each text is compared with every name. */
const MAX_TEXTS = 32
const MAX_TEXT_CHARS = 256

type Lister = (query: MetadataQuery, parameters: Parameters) => Promise<Listing<string>>

export function registerSearch(app: FastifyInstance, context: ServerContext): void {
  const serve = (what: string, field: 'name' | 'value', list: Lister): void =>
    route(app, ['GET', 'POST'], `/api/v1/search/${what}`, (request, reply) => {
      // The reference's words and status for a server without it.
      if (!context.config.enableFeature.includes('search-api')) throw new EnvelopeError('unavailable', 'search API disabled', 500)
      return search(context, request, reply, field, list)
    })
  serve('metric_names', 'name', (query) => storeOf(context).labelValues(METRIC_NAME, query))
  serve('label_names', 'name', (query) => storeOf(context).labelNames(query))
  serve('label_values', 'value', (query, parameters) => {
    const label = parameters.get('label')
    if (label === '') throw new EnvelopeError('bad_data', 'missing required parameter "label"')
    return storeOf(context).labelValues(label, query)
  })
}

interface Wanted {
  readonly texts: readonly string[]
  readonly threshold: number
  readonly score: (pattern: string, text: string) => number
  readonly isCaseSensitive: boolean
  readonly sortBy: '' | 'alpha' | 'score'
  readonly descending: boolean
  readonly withScore: boolean
  readonly withMetadata: boolean
  readonly limit: number
  readonly batch: number
}

interface Found {
  readonly text: string
  readonly score: number
}

async function search(
  context: ServerContext,
  request: FastifyRequest,
  reply: FastifyReply,
  field: 'name' | 'value',
  list: Lister,
): Promise<FastifyReply> {
  const parameters = parametersOf(request)
  const wanted = wantedOf(parameters)
  const selectors = matchersOf(parameters, true)
  const range = timeRangeOf(parameters)
  const items = range === null ? [] : (await list({ selectors, ...range }, parameters)).items
  const all = sorted(await matching(items, wanted, cancellation(reply)), wanted)
  const shown = wanted.limit === 0 ? all : all.slice(0, wanted.limit)
  const metadata = field === 'name' && wanted.withMetadata ? await storeOf(context).metricMetadata({}) : null
  reply.header('content-type', 'application/x-ndjson; charset=utf-8')
  return sendPieces(request, reply, lines(shown, all.length > shown.length, field, wanted, metadata))
}

function* lines(
  shown: readonly Found[],
  hasMore: boolean,
  field: 'name' | 'value',
  { batch, withScore }: Wanted,
  metadata: ReadonlyMap<string, readonly MetricMetadata[]> | null,
): Generator<string, void, undefined> {
  for (let from = 0; from < shown.length; from += batch) {
    const results = shown.slice(from, from + batch).map(({ text, score }) => ({
      [field]: text,
      ...(withScore ? { score } : {}),
      ...(metadata === null ? {} : { metadata: (metadata.get(text) ?? []).map(({ type, help, unit }) => ({ type, help, unit })) }),
    }))
    yield `${JSON.stringify({ results })}\n`
  }
  if (shown.length === 0) yield '{"results":[]}\n'
  yield `${JSON.stringify({ status: 'success', has_more: hasMore })}\n`
}

/** The texts that any pattern fits well enough, each with the best score; all of them where nothing is searched for. */
async function matching(
  items: readonly string[],
  { texts, score, threshold, isCaseSensitive }: Wanted,
  signal: AbortSignal,
): Promise<Found[]> {
  if (texts.length === 0) return items.map((text) => ({ text, score: 1 }))
  const folded = (text: string): string => (isCaseSensitive ? text : text.toLowerCase())
  const patterns = texts.map(folded)
  const found: Found[] = []
  const turns = new Turns()
  for (const text of items) {
    const best = Math.max(...patterns.map((pattern) => score(pattern, folded(text))))
    if (best > 0 && best * 100 >= threshold) found.push({ text, score: best })
    if (!turns.isDue) continue
    await turns.give()
    signal.throwIfAborted()
  }
  return found
}

function sorted(found: Found[], { sortBy, descending }: Wanted): Found[] {
  if (sortBy === 'score') found.sort((a, b) => b.score - a.score || (a.text < b.text ? -1 : 1))
  // What is best comes first, and so does the first letter; the other way round is on demand.
  if (sortBy !== '' && descending !== (sortBy === 'score')) found.reverse()
  return found
}

function wantedOf(parameters: Parameters): Wanted {
  const choice = <T extends string>(name: string, values: readonly T[], otherwise: T): T => {
    const text = parameters.get(name)
    if (text === '') return otherwise
    const known = values.find((value) => value === text)
    if (known === undefined) throw new EnvelopeError('bad_data', `invalid ${name} ${JSON.stringify(text)}: must be ${values.join(' or ')}`)
    return known
  }
  const whole = (name: string, otherwise: number, most: number): number => {
    const text = parameters.get(name)
    if (text === '') return otherwise
    if (!/^\d{1,9}$/.test(text) || Number(text) > most)
      throw new EnvelopeError('bad_data', `invalid ${name} ${JSON.stringify(text)}: must be 0-${most}`)
    return Number(text)
  }
  const isTrue = (name: string): boolean => choice(name, ['true', 'false'], 'false') === 'true'
  const sortBy = choice('sort_by', ['alpha', 'score', ''], '')
  return {
    texts: textsOf(parameters),
    threshold: whole('fuzz_threshold', 0, 100),
    score: choice('fuzz_alg', ['subsequence', 'jarowinkler'], 'subsequence') === 'subsequence' ? subsequence : jaroWinkler,
    isCaseSensitive: isTrue('case_sensitive'),
    sortBy,
    descending: choice('sort_dir', ['asc', 'dsc'], sortBy === 'score' ? 'dsc' : 'asc') === 'dsc',
    withScore: isTrue('include_score'),
    withMetadata: isTrue('include_metadata'),
    limit: whole('limit', DEFAULT_LIMIT, 999_999_999),
    batch: Math.max(1, whole('batch_size', DEFAULT_BATCH, MAX_BATCH)),
  }
}

function textsOf(parameters: Parameters): string[] {
  const texts = parameters.all('search[]').filter((text) => text !== '')
  if (texts.length > MAX_TEXTS || texts.some((text) => text.length > MAX_TEXT_CHARS)) {
    throw new EnvelopeError('bad_data', `invalid search[]: at most ${MAX_TEXTS} texts of ${MAX_TEXT_CHARS} characters`)
  }
  return texts
}
