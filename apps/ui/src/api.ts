/**
 * The server's HTTP API as the page uses it. Errors carry what the server said, word for word.
 */

import { authorization, tokenRefused } from './token.ts'

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

/** One operator of a plan; the measurements are there once the query has run. */
export interface PlanNode {
  readonly operator: string
  readonly detail: string
  readonly query: string
  readonly inputs: readonly PlanNode[]
  readonly timeMs?: number
  readonly series?: number
  readonly samples?: number
  readonly samplesRead?: number
  readonly bytesDecoded?: number
  readonly chunksDecoded?: number
  readonly chunksSkipped?: number
}

/** A metric in the explorer's list. */
export interface MetricEntry {
  readonly name: string
  readonly type: string
  readonly help: string
  readonly unit: string
  readonly series?: number
  /** False when counting ended at a limit. */
  readonly exact?: boolean
}

/** What the series of a selection are made of. */
export interface Cardinality {
  readonly series: number
  readonly exact: boolean
  readonly labels: readonly {
    readonly name: string
    readonly values: number
    readonly top: readonly { readonly value: string; readonly series: number }[]
  }[]
}

export interface Answer<T = QueryData> {
  readonly data: T
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

/** A stretch of time in seconds. */
export interface Steps {
  readonly start: number
  readonly end: number
  readonly step: number
}

export function queryInstant(query: string, time: number, signal: AbortSignal): Promise<Answer> {
  return ask('query', { query, time: String(time) }, signal)
}

export function queryRange(query: string, { start, end, step }: Steps, signal: AbortSignal): Promise<Answer> {
  return ask('query_range', { query, start: String(start), end: String(end), step: String(step) }, signal)
}

/** The plan of a range query: before it runs, or run and measured. */
export function queryPlan(run: boolean, query: string, { start, end, step }: Steps, signal: AbortSignal): Promise<Answer<PlanNode>> {
  return ask(run ? 'analyze' : 'explain', { query, start: String(start), end: String(end), step: String(step) }, signal)
}

/** The path under which the server serves the page, so that a reverse proxy may put it anywhere. */
export const BASE = new URL('.', location.href).pathname.replace(/\/$/, '')

/** The version of the server; '' when it does not say. */
export async function serverVersion(): Promise<string> {
  try {
    // `version` is that of the Prometheus whose API this is; the server's own stands in `revision`.
    const { data } = await get<{ revision?: string }>('status/buildinfo', {}, new AbortController().signal)
    return data.revision?.replace('tsink ', '') ?? ''
  } catch {
    return ''
  }
}

/** A question whose answer changes nothing and may be long in the making: parameters in the body, since queries outgrow addresses. */
function ask<T>(endpoint: string, parameters: Readonly<Record<string, string>>, signal: AbortSignal): Promise<Answer<T>> {
  return read(`${BASE}/api/v1/${endpoint}`, { method: 'POST', body: new URLSearchParams(parameters), signal })
}

/** A small listing. */
export function get<T>(endpoint: string, parameters: Readonly<Record<string, string>>, signal: AbortSignal): Promise<Answer<T>> {
  return read(`${BASE}/api/v1/${endpoint}?${new URLSearchParams(parameters)}`, { signal })
}

/** Tells the server to do something, and waits until it has. */
export async function tell(endpoint: string, parameters: Readonly<Record<string, string>>): Promise<void> {
  await fetch(`${BASE}/api/v1/${endpoint}`, { method: 'POST', body: new URLSearchParams(parameters), headers: authorization() })
}

async function read<T>(url: string, init: RequestInit & { readonly signal: AbortSignal }): Promise<Answer<T>> {
  const started = performance.now()
  let response: Response
  let text: string
  try {
    response = await fetch(url, { ...init, headers: authorization() })
    text = await response.text()
  } catch (error) {
    if (init.signal.aborted) throw error
    throw new ApiError('unreachable', 'The server does not answer. Is it still running?', 0)
  }
  if (response.status === 401) {
    tokenRefused()
    throw new ApiError('unauthorized', 'The server needs a token.', 401)
  }
  let body: { status?: string; errorType?: string; error?: string; data?: T; warnings?: string[]; infos?: string[] }
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
