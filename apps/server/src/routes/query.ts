/**
 * PromQL over HTTP: instant and range queries, their plans and measurements, and the printer and parser as services.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { TsinkError, type QueryValue } from '@tsink/core'
import {
  explainPlan,
  instantQuery,
  parseExpr,
  planOf,
  prettyPrint,
  rangeQuery,
  toJsonAst,
  type EvaluatedResult,
  type QueryOptions,
} from '@tsink/promql'
import { encodeQueryResult } from '@tsink/protocols'
import { cancelingController, yieldToHost } from '../cancellation.ts'
import { storeOf, type ServerContext } from '../context.ts'
import { EnvelopeError, queryRefusal } from '../errors.ts'
import type { Release } from '../gate.ts'
import { durationOf, invalid, parametersOf, type Parameters } from '../parameters.ts'
import { sendData, sendPieces } from '../respond.ts'
import { route } from '../route.ts'

const now = (): number => performance.now()

/** A timer's longest delay; longer timeouts are as good as none. */
const MAX_TIMEOUT_MS = 2 ** 31 - 1

export function registerQuery(app: FastifyInstance, context: ServerContext): void {
  const { features } = context

  route(app, ['GET', 'POST'], '/api/v1/query', async (request, reply) => {
    const parameters = parametersOf(request)
    const limit = parameters.limit()
    const time = parameters.time('time', Date.now())
    const text = parameters.get('query')
    return answer(context, request, reply, 'instant', parameters, limit, (options) => instantQuery(text, time, options))
  })

  route(app, ['GET', 'POST'], '/api/v1/query_range', async (request, reply) => {
    const parameters = parametersOf(request)
    const limit = parameters.limit()
    const range = rangeOf(parameters, context.config.queryMaxPoints)
    const text = parameters.get('query')
    return answer(context, request, reply, 'range', parameters, limit, (options) => rangeQuery(text, range, options))
  })

  // What a query would do: its plan, not run. With `start`, `end` and `step` as a range query, else as an instant one.
  route(app, ['GET', 'POST'], '/api/v1/explain', async (request, reply) => {
    const parameters = parametersOf(request)
    const store = storeOf(context)
    const plan = aboutQuery(() => explainPlan(planOf(parameters.get('query'), evaluationOf(parameters, context), { store, features })))
    return sendData(request, reply, plan)
  })

  // What a query does: its result is thrown away, the time and samples of each operator are told.
  route(app, ['GET', 'POST'], '/api/v1/analyze', async (request, reply) => {
    const parameters = parametersOf(request)
    const text = parameters.get('query')
    const isRange = parameters.get('step') !== ''
    const range = isRange ? rangeOf(parameters, context.config.queryMaxPoints) : null
    const time = parameters.time('time', Date.now())
    const result = await evaluate(context, reply, isRange ? 'range' : 'instant', parameters, (options) =>
      range === null ? instantQuery(text, time, { ...options, analyze: true }) : rangeQuery(text, range, { ...options, analyze: true }),
    )
    return sendData(request, reply, result.analysis, result.warnings)
  })

  route(app, ['GET', 'POST'], '/api/v1/format_query', (request, reply) =>
    sendData(
      request,
      reply,
      aboutQuery(() => prettyPrint(parseExpr(parametersOf(request).get('query'), features))),
    ),
  )

  route(app, ['GET', 'POST'], '/api/v1/parse_query', (request, reply) =>
    sendData(
      request,
      reply,
      aboutQuery(() => toJsonAst(parseExpr(parametersOf(request).get('query'), features))),
    ),
  )
}

interface Range {
  readonly startMs: number
  readonly endMs: number
  readonly stepMs: number
}

function rangeOf(parameters: Parameters, maxPoints: number): Range {
  const start = parameters.time('start')
  const end = parameters.time('end')
  if (end < start) throw invalid('end', 'end timestamp must not be before start timestamp')
  const step = parameters.duration('step')
  if (step <= 0) throw invalid('step', 'zero or negative query resolution step widths are not accepted. Try a positive integer')
  if ((end - start) / step > maxPoints) {
    const points = maxPoints.toLocaleString('en-US')
    throw new EnvelopeError(
      'bad_data',
      `exceeded maximum resolution of ${points} points per timeseries. Try decreasing the query resolution (?step=XX)`,
    )
  }
  return { startMs: start, endMs: end, stepMs: step }
}

function evaluationOf(parameters: Parameters, context: ServerContext): Range {
  if (parameters.get('step') !== '') return rangeOf(parameters, context.config.queryMaxPoints)
  const time = parameters.time('time', Date.now())
  return { startMs: time, endMs: time, stepMs: 0 }
}

type Run = (options: QueryOptions) => Promise<EvaluatedResult>

async function answer(
  context: ServerContext,
  request: FastifyRequest,
  reply: FastifyReply,
  kind: 'instant' | 'range',
  parameters: Parameters,
  limit: number,
  run: Run,
): Promise<FastifyReply> {
  const began = performance.now()
  const result = await evaluate(context, reply, kind, parameters, run)
  const [value, truncated] = limited(result.value, limit)
  const warnings = [...result.warnings]
  if (truncated) warnings.push('results truncated due to limit')
  const stats = parameters.get('stats')
  if (stats !== '' && stats !== 'true' && stats !== 'all') {
    warnings.push(
      `value ${JSON.stringify(stats)} for parameter "stats" is deprecated and will be rejected in the next major release, use "true" or "all"`,
    )
  }
  const perStep = stats === 'all' && context.config.enableFeature.includes('promql-per-step-stats')
  reply.header('content-type', 'application/json')
  return sendPieces(
    request,
    reply,
    encodeQueryResult({ value, warnings, infos: result.infos }, stats === '' ? undefined : statsOf(result, began, perStep)),
  )
}

/** Runs a query in its turn, with its deadline, ended when the client leaves. */
async function evaluate(
  context: ServerContext,
  reply: FastifyReply,
  kind: 'instant' | 'range',
  parameters: Parameters,
  run: Run,
): Promise<EvaluatedResult> {
  const { config, metrics, queries } = context
  const store = storeOf(context)
  const timeout = timeoutOf(parameters, config.queryTimeout)
  const lookbackMs = lookbackOf(parameters, config.queryLookback)
  const text = parameters.get('query')
  const controller = cancelingController(reply)
  const { signal } = controller
  const end = context.activeQueries.begin({ query: text, kind, client: reply.request.ip }, controller)
  let begin = performance.now()
  const options: QueryOptions = {
    store,
    lookbackMs,
    maxSamples: config.queryMaxSamples,
    maxMemoryBytes: config.queryMaxMemory,
    deadlineMs: begin + timeout,
    signal,
    features: context.features,
    stats: parameters.get('stats') !== '',
    now,
    yieldToHost,
    cache: context.queryCache,
  }
  let release: Release | null = queries.tryEnter(1)
  try {
    if (release === null) {
      release = await queries.enter(1, timeout, signal)
      begin = performance.now()
    }
    const result = await aboutQuery(() => run(options))
    metrics.ofQueries(kind).answered.inc()
    metrics.querySamples.inc(result.stats.samplesRead)
    return result
  } catch (error) {
    metrics.queries.inc({ kind, outcome: queryRefusal(error).errorType })
    throw error
  } finally {
    end()
    release?.()
    metrics.ofQueries(kind).seconds.observe((performance.now() - begin) / 1_000)
  }
}

/** The client's timeout, at most the server's. */
function timeoutOf(parameters: Parameters, most: number): number {
  const wanted = parameters.get('timeout') === '' ? most : parameters.duration('timeout')
  return Math.min(wanted > 0 ? wanted : 0, most, MAX_TIMEOUT_MS)
}

function lookbackOf(parameters: Parameters, otherwise: number): number {
  const text = parameters.get('lookback_delta')
  if (text === '') return otherwise
  const lookback = durationOf(text, (reason) => new TsinkError('BAD_REQUEST', `error parsing lookback delta duration: ${reason}`))
  return lookback > 0 ? lookback : otherwise
}

/** Runs what reads a query's text; a refusal of the text names the parameter. */
function aboutQuery<T>(run: () => T): T {
  const named = (error: unknown): unknown =>
    error instanceof TsinkError && (error.code === 'BAD_QUERY' || error.code === 'BAD_REGEX') ? invalid('query', error.message) : error
  try {
    const result = run()
    if (!(result instanceof Promise)) return result
    return result.catch((error: unknown) => {
      throw named(error)
    }) as T
  } catch (error) {
    throw named(error)
  }
}

function limited(value: QueryValue, limit: number): [value: QueryValue, truncated: boolean] {
  if (limit === 0) return [value, false]
  if (value.type === 'vector' && value.samples.length > limit) return [{ type: 'vector', samples: value.samples.slice(0, limit) }, true]
  if (value.type === 'matrix' && value.series.length > limit) return [{ type: 'matrix', series: value.series.slice(0, limit) }, true]
  return [value, false]
}

/** Prometheus's statistics, as far as they have a meaning here: one time, and samples as they were read. */
function statsOf({ stats }: EvaluatedResult, began: number, perStep: boolean): unknown {
  const total = (performance.now() - began) / 1_000
  const { samplesRead, peakSamples, queryableSamples, newSamples, timestamps } = stats
  const bySteps = (counts: Float64Array | null): number[][] => Array.from(timestamps ?? [], (time, k) => [time / 1_000, counts?.[k] ?? 0])
  return {
    timings: {
      evalTotalTime: total,
      resultSortTime: 0,
      queryPreparationTime: 0,
      innerEvalTime: total,
      execQueueTime: 0,
      execTotalTime: total,
    },
    samples: {
      totalQueryableSamples: queryableSamples?.reduce((sum, count) => sum + count, 0) ?? samplesRead,
      samplesRead,
      peakSamples,
      ...(perStep ? { totalQueryableSamplesPerStep: bySteps(queryableSamples), samplesReadPerStep: bySteps(newSamples) } : {}),
    },
  }
}
