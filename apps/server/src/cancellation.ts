/**
 * Cancellation: a signal that aborts when the client goes away before its answer is out, so that nobody computes for nobody.
 */
import type { FastifyReply } from 'fastify'
import { TsinkError } from '@tsink/core'

export function cancellation(reply: FastifyReply): AbortSignal {
  return cancelingController(reply).signal
}

/** The same as a controller, which others may abort too. */
export function cancelingController(reply: FastifyReply): AbortController {
  const controller = new AbortController()
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) controller.abort(new TsinkError('CANCELED', 'the client went away'))
  })
  return controller
}

/** Gives the event loop's other work a turn. */
export function yieldToHost(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve))
}
