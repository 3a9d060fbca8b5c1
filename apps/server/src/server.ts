/**
 * The HTTP server: fastify with our limits, our way to read bodies, and the routes. It serves before the store is open, so that probes see a
 * process that lives and is not ready yet.
 */
import fastify, { LogController, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { pino } from 'pino'
import { readBody } from './body.ts'
import type { ServerContext } from './context.ts'
import { refuse } from './route.ts'
import { sendPlain } from './respond.ts'
import { authorizer, certificateOf, TOKEN_WANTED } from './secrets.ts'
import { registerAdmin } from './routes/admin.ts'
import { registerExchange } from './routes/exchange.ts'
import { registerExplore } from './routes/explore.ts'
import { registerFederate } from './routes/federate.ts'
import { registerHealth } from './routes/health.ts'
import { registerInflux } from './routes/influx.ts'
import { registerMetadata } from './routes/metadata.ts'
import { registerNotifications } from './routes/notifications.ts'
import { registerOpenApi } from './routes/openapi.ts'
import { registerOtlp } from './routes/otlp.ts'
import { registerQuery } from './routes/query.ts'
import { registerRead } from './routes/read.ts'
import { registerRules } from './routes/rules.ts'
import { registerSearch } from './routes/search.ts'
import { registerSelfMetrics } from './routes/self-metrics.ts'
import { registerStatus } from './routes/status.ts'
import { registerTargets } from './routes/targets.ts'
import { registerUi } from './routes/ui.ts'
import { registerWrite } from './routes/write.ts'

/** A body of parameters (not of samples): far above any query that people write. */
const MAX_FORM_BYTES = 10 * 1_024 * 1_024
/** Idle connections are kept so long: above the 30 s of common load balancers and scrape loops. */
const KEEP_ALIVE_MS = 65_000

const NO_QUERY = {}

/** The code that requests are counted under whose clients left before there was one, as nginx has it. */
const CLIENT_LEFT = 499

/** A server that is not listening yet. Sets `context.log`. */
export async function buildServer(context: ServerContext): Promise<FastifyInstance> {
  const { config } = context
  const certificate = certificateOf(config)
  const app = fastify({
    loggerInstance: pino({ level: config.logLevel, base: null }, pino.destination({ fd: 2, sync: true })),
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: config.writeMaxBody,
    requestTimeout: config.requestTimeout,
    keepAliveTimeout: KEEP_ALIVE_MS,
    forceCloseConnections: 'idle',
    // What every request would pay for and no route uses: parameters are read by `parametersOf`, and nothing is logged of a request that went well.
    routerOptions: { maxParamLength: 4_096, querystringParser: () => NO_QUERY },
    childLoggerFactory: (logger: unknown) => logger,
    genReqId: () => '',
    ...(certificate === null ? {} : { https: certificate }),
  } as object) as unknown as FastifyInstance
  context.log = app.log
  app.server.maxConnections = config.maxConnections
  app.server.on('connection', () => context.metrics.connections.inc())

  app.addHook('onRoute', ({ url }) => void context.paths.add(url))

  // Write routes read their bodies themselves, after admission; everything else has a small body of parameters.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', async (request: FastifyRequest, payload: FastifyRequest['raw']) =>
    request.routeOptions.config.ownBody === true ? undefined : readBody(payload, MAX_FORM_BYTES),
  )

  observe(app, context)
  guard(app, context)
  app.setNotFoundHandler((_, reply) => sendPlain(reply, 404, '404 page not found'))
  app.setErrorHandler((error, request, reply) => refuse(request, reply, error, 'envelope'))

  registerHealth(app, context)
  registerWrite(app, context)
  registerExchange(app, context)
  registerInflux(app, context)
  registerOtlp(app, context)
  registerRead(app, context)
  registerQuery(app, context)
  registerMetadata(app, context)
  registerExplore(app, context)
  registerStatus(app, context)
  registerTargets(app, context)
  registerRules(app)
  registerNotifications(app, context)
  registerSearch(app, context)
  registerSelfMetrics(app, context)
  registerOpenApi(app, context)
  registerFederate(app, context)
  registerAdmin(app, context)
  await registerUi(app)
  return app
}

/** Counts requests and their time. */
function observe(app: FastifyInstance, { metrics }: ServerContext): void {
  const seconds = new Map<string, { observe(value: number): void }>()
  const counts = new Map<string, { inc(): void }>()
  const finish = (request: FastifyRequest, reply: FastifyReply, began: number): void => {
    metrics.requestsInFlight.dec()
    const route = request.routeOptions.url ?? 'unknown'
    let histogram = seconds.get(route)
    if (histogram === undefined) seconds.set(route, (histogram = metrics.requestSeconds.labels({ route })))
    histogram.observe((performance.now() - began) / 1_000)
    const code = reply.raw.headersSent ? reply.statusCode : CLIENT_LEFT
    const key = `${route} ${request.method} ${code}`
    let counter = counts.get(key)
    if (counter === undefined) {
      counts.set(key, (counter = metrics.requests.labels({ route, method: request.method, code: String(code) })))
    }
    counter.inc()
  }
  app.addHook('onRequest', (request, reply, done) => {
    metrics.requestsInFlight.inc()
    const began = performance.now()
    // It comes once for every request. The hook onResponse does not when the client leaves before the answer is out.
    reply.raw.once('close', () => finish(request, reply, began))
    done()
  })
}

/** What every request passes before its handler: CORS, the token, readiness. */
function guard(app: FastifyInstance, context: ServerContext): void {
  const { config } = context
  const isAuthorized = authorizer(config)
  const origins = new RegExp(`^(?:${config.corsOrigin})$`)
  app.addHook('onRequest', (request, reply, done) => {
    const { origin, authorization, 'content-type': contentType } = request.headers
    // InfluxDB's shell sends the header without a value, which says as much as none.
    if (contentType === '') delete request.raw.headers['content-type']
    if (origin !== undefined) allowOrigin(reply, origin, origins)
    // The page's files are not registered by `route`: they say nothing that needs a token or a store.
    const { open, always } = request.routeOptions.config
    if (isAuthorized !== null && open === false && !isAuthorized(authorization)) {
      sendPlain(reply.header('www-authenticate', 'Bearer'), 401, TOKEN_WANTED)
      return
    }
    if (always === false && context.phase !== 'ready') {
      sendPlain(reply.header('retry-after', '1').header('x-tsink-phase', context.phase), 503, 'Service Unavailable')
      return
    }
    done()
  })
}

function allowOrigin(reply: FastifyReply, origin: string, origins: RegExp): void {
  reply.header('vary', 'Origin')
  if (!origins.test(origin)) return
  reply.header('access-control-allow-origin', origin)
  reply.header('access-control-allow-methods', 'GET, POST, OPTIONS')
  reply.header('access-control-allow-headers', 'Accept, Authorization, Content-Type, Origin')
  reply.header('access-control-expose-headers', 'Date')
}
