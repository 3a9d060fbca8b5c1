/**
 * What the server is and how it stands: build, flags, configuration, runtime, the store's figures.
 */
import { hostname } from 'node:os'
import { stringify as printYaml } from 'yaml'
import type { FastifyInstance } from 'fastify'
import { METRIC_NAME, utf8Length, type Labels } from '@tsink/core'
import type { Engine, EngineStats } from '@tsink/engine'
import { yieldToHost } from '../cancellation.ts'
import { flagName, type Config } from '../config.ts'
import { engineOf, type ServerContext } from '../context.ts'
import { printDuration } from '../duration.ts'
import { EnvelopeError } from '../errors.ts'
import { featureList } from '../features.ts'
import { parametersOf } from '../parameters.ts'
import { sendData } from '../respond.ts'
import { route } from '../route.ts'

export function registerStatus(app: FastifyInstance, context: ServerContext): void {
  const { config, version } = context

  route(app, ['GET'], '/api/v1/status/buildinfo', (request, reply) =>
    // Grafana and others decide by the version which functions exist, so it tells the Prometheus whose API this is. No `application`
    // field: its absence says "Prometheus".
    sendData(request, reply, {
      version: COMPATIBLE_WITH,
      revision: `tsink ${version}`,
      branch: '',
      buildUser: '',
      buildDate: '',
      goVersion: `node ${process.version}`,
    }),
  )

  route(app, ['GET'], '/api/v1/status/config', (request, reply) => sendData(request, reply, { yaml: printYaml(printSettings(config)) }))

  route(app, ['GET'], '/api/v1/status/flags', (request, reply) => sendData(request, reply, printSettings(config)))

  route(app, ['GET'], '/api/v1/status/runtimeinfo', (request, reply) =>
    sendData(request, reply, {
      startTime: context.startedAt.toISOString(),
      CWD: process.cwd(),
      hostname: hostname(),
      serverTime: new Date().toISOString(),
      reloadConfigSuccess: context.scraper?.loadedWell ?? true,
      lastConfigTime: new Date(context.scraper?.loadedAt ?? context.startedAt).toISOString(),
      corruptionCount: 0,
      goroutineCount: 0,
      GOMAXPROCS: 1,
      GOMEMLIMIT: process.constrainedMemory(),
      GOGC: '',
      GODEBUG: '',
      storageRetention: config.retention === 0 ? '' : printDuration(config.retention),
    }),
  )

  route(app, ['GET'], '/api/v1/features', (request, reply) => sendData(request, reply, featureList(config)))

  route(app, ['GET'], '/api/v1/status/walreplay', (request, reply) => sendData(request, reply, context.replay), { always: true })

  route(app, ['GET'], '/api/v1/status/active_queries', (request, reply) => {
    const now = Date.now()
    const queries = context.activeQueries.list().map((query) => ({ ...query, seconds: (now - query.startedAt) / 1_000 }))
    return sendData(request, reply, queries)
  })

  route(app, ['POST', 'PUT'], '/api/v1/status/active_queries/cancel', (request, reply) => {
    const id = parametersOf(request).get('id')
    if (!context.activeQueries.cancel(Number(id)))
      throw new EnvelopeError('not_found', `no query with the number ${JSON.stringify(id)} is running`)
    return reply.code(204).send()
  })

  route(app, ['GET'], '/api/v1/status/tsdb/blocks', (request, reply) =>
    sendData(request, reply, { blocks: engineOf(context).stats().segments.map(blockOf) }),
  )

  route(app, ['GET'], '/api/v1/status/tsdb', async (request, reply) => {
    const limit = parametersOf(request).get('limit')
    if (limit !== '' && !(/^\d+$/.test(limit) && Number(limit) >= 1)) throw new EnvelopeError('bad_data', 'limit must be a positive number')
    if (Number(limit) > 10_000) throw new EnvelopeError('bad_data', 'limit must not exceed 10000')
    return sendData(request, reply, await cardinality(engineOf(context), limit === '' ? 10 : Number(limit)))
  })
}

/** The Prometheus whose HTTP API and PromQL are followed. */
const COMPATIBLE_WITH = '3.14.0'

/** The settings that are set, by flag name. Secrets are not told. */
function printSettings(config: Config): Record<string, string> {
  const settings: Record<string, string> = {}
  for (const [key, value] of Object.entries(config)) {
    if (value === null) continue
    settings[flagName(key).slice(2)] = key === 'authToken' ? '<secret>' : String(value)
  }
  return settings
}

/** A segment in the shape of Prometheus's blocks. */
function blockOf(segment: EngineStats['segments'][number]): unknown {
  const { id, level, base, minTime, maxTime, series, chunks, samples, sizeBytes } = segment
  return {
    ulid: String(id),
    minTime: base + minTime,
    maxTime: base + maxTime,
    stats: { numSamples: samples, numSeries: series, numChunks: chunks, numBytes: sizeBytes },
    compaction: { level: level + 1, sources: [String(id)] },
    version: 1,
  }
}

interface Count {
  readonly name: string
  readonly value: number
}

/** Where the series come from: the greatest counts by metric, label name and pair. Walks all label sets, page by page. */
async function cardinality(engine: Engine, limit: number): Promise<unknown> {
  const byMetric = new Map<string, number>()
  const byPair = new Map<string, number>()
  const values = new Map<string, Set<string>>()
  const bytes = new Map<string, number>()
  let series = 0
  const count = (labels: Labels): void => {
    series++
    for (let i = 0; i < labels.names.length; i++) {
      const name = labels.names[i]!
      const value = labels.values[i]!
      if (name === METRIC_NAME) byMetric.set(value, (byMetric.get(value) ?? 0) + 1)
      const pair = `${name}=${value}`
      byPair.set(pair, (byPair.get(pair) ?? 0) + 1)
      let known = values.get(name)
      if (known === undefined) values.set(name, (known = new Set()))
      known.add(value)
      bytes.set(name, (bytes.get(name) ?? 0) + utf8Length(value))
    }
  }
  const everything = { matchers: [], minTime: Number.MIN_SAFE_INTEGER, maxTime: Number.MAX_SAFE_INTEGER, hints: { labelsOnly: true } }
  for await (const page of engine.select(everything)) {
    for (const one of page) count(one.labels)
    await yieldToHost()
  }
  const top = (counts: Iterable<readonly [string, number]>): Count[] =>
    [...counts]
      .map(([name, value]) => ({ name, value }))
      .toSorted((a, b) => b.value - a.value || (a.name < b.name ? -1 : 1))
      .slice(0, limit)
  const { head, segments } = engine.stats()
  return {
    headStats: {
      numSeries: series,
      numLabelPairs: byPair.size,
      chunkCount: segments.reduce((sum, segment) => sum + segment.chunks, 0),
      minTime: head.minTime ?? 0,
      maxTime: head.maxTime ?? 0,
    },
    seriesCountByMetricName: top(byMetric),
    labelValueCountByLabelName: top([...values].map(([name, known]) => [name, known.size] as const)),
    memoryInBytesByLabelName: top(bytes),
    seriesCountByLabelValuePair: top(byPair),
  }
}
