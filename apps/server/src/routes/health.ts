/**
 * Probes and the server's own metrics. "Healthy" means that the process serves; "ready" that the store is open and takes reads and writes.
 */
import type { FastifyInstance, FastifyReply } from 'fastify'
import { INFLUX_VERSION } from '@tsink/protocols'
import type { ServerContext } from '../context.ts'
import { sendWhole } from '../respond.ts'
import { route, type RouteOptions } from '../route.ts'

const PROBE: RouteOptions = { always: true, open: true }

export function registerHealth(app: FastifyInstance, context: ServerContext): void {
  const text = (reply: FastifyReply, status: number, body: string): FastifyReply =>
    reply.code(status).type('text/plain; charset=utf-8').send(body)
  const ready = (reply: FastifyReply, body: string): FastifyReply =>
    context.phase === 'ready' ? text(reply, 200, body) : text(reply.header('retry-after', '1'), 503, 'Service Unavailable\n')

  route(app, ['GET'], '/healthz', (_, reply) => text(reply, 200, 'ok'), PROBE)
  route(app, ['GET'], '/ready', (_, reply) => ready(reply, 'ready'), PROBE)
  route(app, ['GET'], '/-/healthy', (_, reply) => text(reply, 200, 'Prometheus Server is Healthy.\n'), PROBE)
  route(app, ['GET'], '/-/ready', (_, reply) => ready(reply, 'Prometheus Server is Ready.\n'), PROBE)

  // VictoriaMetrics' tools and InfluxDB's clients both probe /health; the latter read the JSON.
  const health = { name: 'tsink', message: 'ready for queries and writes', status: 'pass', checks: [], version: context.version }
  route(
    app,
    ['GET'],
    '/health',
    (_, reply) => reply.header('content-type', 'application/json').send(Buffer.from(JSON.stringify(health))),
    PROBE,
  )

  const ping = (reply: FastifyReply): FastifyReply =>
    reply.code(204).header('x-influxdb-version', INFLUX_VERSION).header('x-influxdb-build', 'tsink').send()
  route(app, ['GET'], '/ping', (_, reply) => ping(reply), PROBE)

  route(
    app,
    ['GET'],
    '/metrics',
    async (request, reply) => {
      const body = await context.metrics.print()
      return sendWhole(request, reply.type('text/plain; version=0.0.4; charset=utf-8'), body)
    },
    { always: true },
  )
}
