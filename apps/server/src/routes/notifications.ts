/**
 * Notifications, as a list and as they come: Server-Sent Events, of which the first are what holds already.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { ServerContext } from '../context.ts'
import { Notifications, type Notification } from '../notifications.ts'
import { sendData } from '../respond.ts'
import { route } from '../route.ts'

/** A comment line so often, so that nothing on the way takes the connection for dead. */
const KEEP_ALIVE_MS = 30_000

export function registerNotifications(app: FastifyInstance, context: ServerContext): void {
  const notifications = new Notifications(context)
  route(app, ['GET'], '/api/v1/notifications', (request, reply) => sendData(request, reply, notifications.list()), { always: true })
  route(app, ['GET'], '/api/v1/notifications/live', (request, reply) => live(notifications, request, reply), { always: true })
  // Open streams would keep the server from ending.
  app.addHook('preClose', async () => notifications.end())
}

function live(notifications: Notifications, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  // Its answer has no body that would go on: kept open, it would hold up what comes next on the connection.
  if (request.method === 'HEAD') return reply.type('text/event-stream').send('')
  const stream = reply.raw
  const send = (notification: Notification): void => void stream.write(`data: ${JSON.stringify(notification)}\n\n`)
  const known = notifications.list()
  const stop = notifications.listen(send, () => stream.end())
  if (stop === null) return reply.code(204).send()
  reply.hijack()
  for (const [name, value] of Object.entries(reply.getHeaders())) if (value !== undefined) stream.setHeader(name, value)
  stream.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' })
  const timer = setInterval(() => stream.write(':\n\n'), KEEP_ALIVE_MS)
  stream.flushHeaders()
  for (const notification of known) send(notification)
  stream.on('close', () => {
    clearInterval(timer)
    stop()
  })
  return reply
}
