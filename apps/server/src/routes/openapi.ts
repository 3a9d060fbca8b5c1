/**
 * A description of the API in OpenAPI, made from the routes that are served and the table of what they take.
 */
import { stringify } from 'yaml'
import type { FastifyInstance } from 'fastify'
import { API } from '../api-table.ts'
import type { ServerContext } from '../context.ts'
import { EnvelopeError } from '../errors.ts'
import { parametersOf } from '../parameters.ts'
import { route } from '../route.ts'

const BASE = '/api/v1'
/** Parameters that may be given many times. */
const LISTS = new Set(['match[]', 'search[]', 'rule_name[]', 'rule_group[]', 'file[]'])

export function registerOpenApi(app: FastifyInstance, context: ServerContext): void {
  route(
    app,
    ['GET'],
    `${BASE}/openapi.yaml`,
    (request, reply) => {
      const version = parametersOf(request).get('openapi_version') || '3.1'
      if (version !== '3.1' && version !== '3.2')
        throw new EnvelopeError('bad_data', `invalid openapi_version ${JSON.stringify(version)}: must be 3.1 or 3.2`)
      return reply.type('application/yaml; charset=utf-8').send(stringify(describe(`${version}.0`, context.version)))
    },
    { always: true },
  )
}

function describe(openapi: string, version: string): unknown {
  const paths: Record<string, Record<string, unknown>> = {}
  for (const { path, methods, parameters, answer } of API) {
    const inPath = [...path.matchAll(/:(\w+)/g)].map(([, name]) => name!)
    const url = path.slice(BASE.length).replaceAll(/:(\w+)/g, '{$1}')
    const operations: Record<string, unknown> = {}
    for (const method of methods) {
      const all = [
        ...inPath.map((name) => ({ name, in: 'path', required: true, schema: { type: 'string' } })),
        ...parameters.map((name) => {
          const one = { type: 'string' }
          return { name, in: 'query', required: false, schema: LISTS.has(name) ? { type: 'array', items: one } : one }
        }),
      ]
      operations[method.toLowerCase()] = {
        operationId: `${method.toLowerCase()}${path.slice(BASE.length).replaceAll(/[^a-zA-Z0-9]+(\w?)/g, (_, letter: string) => letter.toUpperCase())}`,
        summary: answer,
        ...(all.length === 0 ? {} : { parameters: all }),
        responses: {
          '2XX': { description: answer },
          '4XX': { description: 'the request cannot be taken' },
          '5XX': { description: 'it failed here' },
        },
      }
    }
    paths[url] = operations
  }
  return {
    openapi,
    info: { title: 'tsink', description: 'The HTTP API of tsink, which is that of Prometheus and more.', version },
    servers: [{ url: BASE }],
    paths,
  }
}
