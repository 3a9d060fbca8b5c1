/**
 * The server's own metrics as families in JSON, in the shape that Prometheus's protobuf exposition has there.
 */
import type { FastifyInstance } from 'fastify'
import { TsinkError } from '@tsink/core'
import { compileRegex } from '@tsink/core'
import { printValue } from '@tsink/protocols'
import type { ServerContext } from '../context.ts'
import { EnvelopeError } from '../errors.ts'
import { parametersOf } from '../parameters.ts'
import { sendData } from '../respond.ts'
import { route } from '../route.ts'

export function registerSelfMetrics(app: FastifyInstance, context: ServerContext): void {
  route(app, ['GET'], '/api/v1/status/self_metrics', async (request, reply) => {
    const pattern = parametersOf(request).get('metric_name_pattern')
    const matches = pattern === '' ? () => true : matcherOf(pattern)
    const families = (await context.metrics.registry.getMetricsAsJSON()) as unknown as readonly Family[]
    return sendData(request, reply, families.filter(({ name }) => matches(name)).map(printed))
  })
}

function matcherOf(pattern: string): (name: string) => boolean {
  try {
    const regex = compileRegex(pattern)
    return (name) => regex.test(name)
  } catch (error) {
    if (error instanceof TsinkError) throw new EnvelopeError('bad_data', `invalid parameter "metric_name_pattern": ${error.message}`)
    throw error
  }
}

interface Value {
  readonly labels: Readonly<Record<string, string | number>>
  readonly metricName?: string
  readonly value: number
}

interface Family {
  readonly name: string
  readonly help: string
  readonly type: string
  readonly values: readonly Value[]
}

function printed({ name, help, type, values }: Family): unknown {
  const metric =
    type === 'histogram'
      ? histograms(name, values)
      : values.map(({ labels, value }) => ({ label: pairs(labels), [type]: { value: number(value) } }))
  return { name, help, type: type.toUpperCase(), metric }
}

/** The samples of a histogram, which come one by one, label set by label set. */
function histograms(name: string, values: readonly Value[]): unknown[] {
  const groups = new Map<string, { label: unknown; histogram: { sampleCount: string; sampleSum: number | string; bucket: unknown[] } }>()
  for (const { labels, metricName, value } of values) {
    const { le, ...rest } = labels
    const key = JSON.stringify(rest)
    let group = groups.get(key)
    if (group === undefined) groups.set(key, (group = { label: pairs(rest), histogram: { sampleCount: '0', sampleSum: 0, bucket: [] } }))
    if (metricName === `${name}_sum`) group.histogram.sampleSum = number(value)
    else if (metricName === `${name}_count`) group.histogram.sampleCount = String(value)
    else group.histogram.bucket.push({ cumulativeCount: String(value), upperBound: le === '+Inf' ? 'Infinity' : Number(le) })
  }
  return [...groups.values()]
}

function pairs(labels: Readonly<Record<string, string | number>>): unknown[] {
  return Object.entries(labels).map(([name, value]) => ({ name, value: String(value) }))
}

/** A number as JSON of protobuf messages has it. */
function number(value: number): number | string {
  return Number.isFinite(value) ? value : printValue(value).replace('+', '').replace('Inf', 'Infinity')
}
