/**
 * Route: registers a path with all that belongs to it: its methods, an answer 405 that names them for the others, OPTIONS for browsers, HEAD
 * beside GET, and the refusal while the store is not there.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { queryRefusal, writeRefusal, type Refusal } from './errors.ts'
import { sendPlain, sendRefusal } from './respond.ts'

export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE'

export type Handler = (request: FastifyRequest, reply: FastifyReply) => FastifyReply | Promise<FastifyReply>

export interface RouteOptions {
  /** How failures are told: Prometheus's JSON envelope (the default) or plain text, as writers expect it. */
  readonly dialect?: 'envelope' | 'plain'
  /** Answers also while the store is not ready. */
  readonly always?: boolean
  /** Answers also without the auth token: probes. */
  readonly open?: boolean
  /** The handler reads the body from the raw request. */
  readonly ownBody?: boolean
  /** What another method is told; the reference has two wordings. */
  readonly wrongMethod?: string
}

declare module 'fastify' {
  interface FastifyContextConfig {
    readonly always?: boolean
    readonly open?: boolean
    readonly ownBody?: boolean
  }
}

const ALL = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'] as const

export function route(app: FastifyInstance, methods: readonly Method[], url: string, handler: Handler, options: RouteOptions = {}): void {
  const config = { always: options.always === true, open: options.open === true, ownBody: options.ownBody === true }
  const served: string[] = [...methods]
  if (methods.includes('GET')) served.push('HEAD')
  app.route({
    method: served,
    url,
    config,
    exposeHeadRoute: false,
    handler: async (request, reply) => {
      try {
        return await handler(request, reply)
      } catch (error) {
        return refuse(request, reply, error, options.dialect ?? 'envelope')
      }
    },
  })
  app.route({ method: 'OPTIONS', url, config: { always: true, open: true }, handler: (_, reply) => reply.code(204).send() })
  const allow = [...methods, 'OPTIONS'].toSorted().join(', ')
  app.route({
    method: ALL.filter((method) => method !== 'OPTIONS' && !served.includes(method)),
    url,
    config: { always: true },
    exposeHeadRoute: false,
    handler: (_, reply) => {
      reply.header('allow', allow)
      if (options.wrongMethod === undefined) return sendPlain(reply, 405, 'Method Not Allowed')
      return reply.code(405).send(options.wrongMethod)
    },
  })
}

/** Tells a failure in the route's dialect, and the log when it is the server's own. */
export function refuse(request: FastifyRequest, reply: FastifyReply, error: unknown, dialect: 'envelope' | 'plain'): FastifyReply {
  const refusal = dialect === 'plain' ? writeRefusal(error) : queryRefusal(error)
  logOwnFault(request, refusal, error)
  if (dialect === 'envelope') return sendRefusal(reply, refusal)
  if (refusal.retryAfterS > 0) reply.header('retry-after', String(refusal.retryAfterS))
  return sendPlain(reply, refusal.status, refusal.message)
}

function logOwnFault(request: FastifyRequest, refusal: Refusal, error: unknown): void {
  if (refusal.ours) request.log.error({ err: error, url: request.url }, 'a request failed')
}
