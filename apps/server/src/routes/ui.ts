/**
 * The web page: what apps/ui built, served at `/`. Without a build there is a hint instead, and the API works all the same.
 */
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import fastifyStatic from '@fastify/static'
import type { FastifyInstance } from 'fastify'
import { route } from '../route.ts'

const HINT = `tsink serves its API here, and no page: apps/ui is not built (npx -y pnpm@12 build).

    curl 'http://HOST:PORT/api/v1/query?query=up'
    curl 'http://HOST:PORT/metrics'
`

/** The page runs its own scripts only and stands in no foreign frame. Its editor and charts write styles while they run. */
const PAGE_POLICY = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'self'"

export async function registerUi(app: FastifyInstance): Promise<void> {
  const root = pageFolder()
  if (root === null) {
    route(app, ['GET'], '/', (_, reply) => reply.type('text/plain; charset=utf-8').send(HINT), { always: true })
    return
  }
  await app.register(fastifyStatic, {
    root,
    // Vite names its files by their content, so they never change; the page itself may.
    setHeaders: (response, path) => {
      const hashed = path.includes('/assets/')
      response.header('cache-control', hashed ? 'public, max-age=31536000, immutable' : 'no-cache')
      response.header('content-security-policy', PAGE_POLICY)
      response.header('x-content-type-options', 'nosniff')
    },
    cacheControl: false,
    // The build puts compressed twins beside the assets.
    preCompressed: true,
    wildcard: false,
  })
}

function pageFolder(): string | null {
  const root = join(dirname(fileURLToPath(import.meta.resolve('@tsink/ui/package.json'))), 'dist')
  return existsSync(join(root, 'index.html')) ? root : null
}
