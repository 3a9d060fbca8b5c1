/**
 * The server's HTTP API as the page uses it. Errors carry what the server said, word for word.
 */

export type LabelSet = Readonly<Record<string, string>>

export interface HistogramValue {
  readonly count: string
  readonly sum: string
  readonly buckets?: readonly (readonly [rule: number, lower: string, upper: string, count: string])[]
}

export interface InstantSample {
  readonly metric: LabelSet
  readonly value?: readonly [time: number, value: string]
  readonly histogram?: readonly [time: number, value: HistogramValue]
}

export interface RangeSeries {
  readonly metric: LabelSet
  readonly values?: readonly (readonly [time: number, value: string])[]
  readonly histograms?: readonly (readonly [time: number, value: HistogramValue])[]
}

export type QueryData =
  | { readonly resultType: 'vector'; readonly result: readonly InstantSample[] }
  | { readonly resultType: 'matrix'; readonly result: readonly RangeSeries[] }
  | { readonly resultType: 'scalar' | 'string'; readonly result: readonly [time: number, value: string] }

export interface Answer {
  readonly data: QueryData
  readonly warnings: readonly string[]
  readonly infos: readonly string[]
  /** From the request's start to the parsed answer. */
  readonly tookMs: number
  readonly bytes: number
}

/** What the server answered when it refused. */
export class ApiError extends Error {
  readonly type: string
  readonly status: number
  constructor(type: string, message: string, status: number) {
    super(message)
    this.type = type
    this.status = status
  }
}

export function queryInstant(query: string, time: number, signal: AbortSignal): Promise<Answer> {
  return ask('query', { query, time: String(time) }, signal)
}

/** Times and step in seconds. */
export function queryRange(query: string, start: number, end: number, step: number, signal: AbortSignal): Promise<Answer> {
  return ask('query_range', { query, start: String(start), end: String(end), step: String(step) }, signal)
}

/** The path under which the server serves the page, so that a reverse proxy may put it anywhere. */
export const BASE = new URL('.', location.href).pathname.replace(/\/$/, '')

export async function buildInfo(): Promise<{ version: string } | null> {
  try {
    const response = await fetch(`${BASE}/api/v1/status/buildinfo`)
    // `version` is that of the Prometheus whose API this is; the server's own stands in `revision`.
    const body = (await response.json()) as { data?: { revision?: string } }
    return { version: body.data?.revision?.replace('tsink ', '') ?? '' }
  } catch {
    return null
  }
}

async function ask(endpoint: string, parameters: Record<string, string>, signal: AbortSignal): Promise<Answer> {
  const started = performance.now()
  let response: Response
  try {
    response = await fetch(`${BASE}/api/v1/${endpoint}`, { method: 'POST', body: new URLSearchParams(parameters), signal })
  } catch (error) {
    if (signal.aborted) throw error
    throw new ApiError('unreachable', 'The server does not answer. Is it still running?', 0)
  }
  const text = await response.text()
  let body: { status?: string; errorType?: string; error?: string; data?: QueryData; warnings?: string[]; infos?: string[] }
  try {
    body = JSON.parse(text) as typeof body
  } catch {
    throw new ApiError('unexpected', text.slice(0, 500) || response.statusText, response.status)
  }
  if (body.status !== 'success' || body.data === undefined) {
    throw new ApiError(body.errorType ?? 'error', body.error ?? response.statusText, response.status)
  }
  return {
    data: body.data,
    warnings: body.warnings ?? [],
    infos: body.infos ?? [],
    tookMs: performance.now() - started,
    bytes: text.length,
  }
}
