/**
 * Administration: deletion, freeing what was deleted, snapshots, and stopping. Off unless a flag says otherwise.
 */
import { randomBytes } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import { engineOf, storeOf, type ServerContext } from '../context.ts'
import { EnvelopeError } from '../errors.ts'
import { parametersOf } from '../parameters.ts'
import { sendData, sendPlain } from '../respond.ts'
import { route, type Handler } from '../route.ts'
import { requiredMatchersOf, timeRangeOf } from '../selectors.ts'

export function registerAdmin(app: FastifyInstance, context: ServerContext): void {
  const { config } = context
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
    const { series, samples, bytes, sequence } = await storeOf(context).delete({ selectors, ...range, dryRun })
    if (dryRun) return sendData(request, reply, { series, samples, bytes })
    request.log.info({ series, samples, sequence, ...range, selectors: selectors.map(String) }, 'series deleted')
    // The number with which `undelete` takes it back.
    return reply.code(204).header('x-tsink-sequence', String(sequence)).send()
  })

  // Deletes are carried out when segments are merged; recent ones stay undoable for a while, also after this.
  admin('clean_tombstones', async (_, reply) => {
    await engineOf(context).compact()
    return reply.code(204).send()
  })

  admin('flush', async (_, reply) => {
    await engineOf(context).flush()
    return reply.code(204).send()
  })

  // The snapshot is a store of its own in a folder below the data path, so a copy of that folder can be opened.
  admin('snapshot', async (request, reply) => {
    const name = `${new Date().toISOString().replaceAll(/[-:]|\.\d+/g, '')}-${randomBytes(4).toString('hex')}`
    const { path, segments, samples, sizeBytes } = await engineOf(context).snapshot(`snapshots/${name}`)
    request.log.info({ path, segments, samples, sizeBytes }, 'snapshot made')
    return sendData(request, reply, { name })
  })

  admin('verify', async (request, reply) => sendData(request, reply, await engineOf(context).verify()))

  admin('undelete', async (request, reply) => {
    const sequence = Number(parametersOf(request).get('sequence'))
    if (!Number.isSafeInteger(sequence) || sequence <= 0)
      throw new EnvelopeError('bad_data', 'sequence must be the number that delete_series told')
    await engineOf(context).undelete(sequence)
    return reply.code(204).send()
  })

  route(
    app,
    ['POST', 'PUT'],
    '/-/reload',
    async (request, reply) => {
      if (!config.enableLifecycle) return reply.code(403).send('Lifecycle API is not enabled.')
      try {
        await context.scraper?.reload()
      } catch (error) {
        request.log.error({ err: error }, 'the config was not loaded again')
        return sendPlain(reply, 500, `failed to reload config: ${(error as Error).message}`)
      }
      return reply.send()
    },
    { always: true, wrongMethod: 'Only POST or PUT requests allowed' },
  )

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
