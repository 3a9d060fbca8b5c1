/**
 * Administration: deletion, freeing what was deleted, snapshots, and stopping. Off unless a flag says otherwise.
 */
import type { FastifyInstance } from 'fastify'
import { TsinkError } from '@tsink/core'
import { storeOf, type ServerContext } from '../context.ts'
import { EnvelopeError } from '../errors.ts'
import { parametersOf } from '../parameters.ts'
import { sendData } from '../respond.ts'
import { route, type Handler } from '../route.ts'
import { requiredMatchersOf, timeRangeOf } from '../selectors.ts'

export function registerAdmin(app: FastifyInstance, context: ServerContext): void {
  const { config, administration } = context
  const admin = (path: string, handler: Handler): void => {
    route(app, ['POST', 'PUT'], `/api/v1/admin/tsdb/${path}`, (request, reply) => {
      // The reference answers 500 here, not 503.
      if (!config.enableAdminApi) throw new EnvelopeError('unavailable', 'admin APIs disabled', 500)
      return handler(request, reply)
    })
  }

  // With `dry_run=true` the answer says what would be deleted, and nothing is.
  admin('delete_series', async (request, reply) => {
    const parameters = parametersOf(request)
    const selectors = requiredMatchersOf(parameters, true)
    const range = timeRangeOf(parameters)
    if (range === null) throw new EnvelopeError('bad_data', 'end timestamp must not be before start timestamp')
    const dryRun = parameters.get('dry_run') === 'true'
    const { series, samples, bytes } = await storeOf(context).delete({ selectors, ...range, dryRun })
    if (dryRun) return sendData(request, reply, { series, samples, bytes })
    request.log.info({ series, samples, ...range, selectors: selectors.map(String) }, 'series deleted')
    return reply.code(204).send()
  })

  admin('clean_tombstones', async (_, reply) => {
    if (administration.compact === undefined) throw unsupported('freeing deleted samples at once')
    await administration.compact()
    return reply.code(204).send()
  })

  admin('flush', async (_, reply) => {
    if (administration.flush === undefined) throw unsupported('flushing')
    await administration.flush()
    return reply.code(204).send()
  })

  admin('snapshot', async (request, reply) => {
    if (administration.snapshot === undefined) throw unsupported('snapshots')
    return sendData(request, reply, { name: await administration.snapshot() })
  })

  route(app, ['POST', 'PUT'], '/-/reload', (_, reply) => reply.code(403).send('Lifecycle API is not enabled.'), {
    always: true,
    wrongMethod: 'Only POST or PUT requests allowed',
  })

  route(
    app,
    ['POST', 'PUT'],
    '/-/quit',
    (_, reply) => {
      if (!config.enableLifecycle) return reply.code(403).send('Lifecycle API is not enabled.')
      setImmediate(context.quit)
      return reply.send('Requesting termination... Goodbye!')
    },
    { always: true, wrongMethod: 'Only POST or PUT requests allowed' },
  )
}

function unsupported(what: string): TsinkError {
  return new TsinkError('UNSUPPORTED', `this store does not do ${what}`)
}
