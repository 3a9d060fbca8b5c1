/**
 * OTLP over gRPC: one unary method, `MetricsService/Export`, straight on node:http2. A call is one frame in and one frame out:
 *
 *     flag 1 (compressed) │ length 4, big-endian │ message          the status follows in trailers
 */
import {
  createSecureServer,
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2'
import type { AddressInfo } from 'node:net'
import { TsinkError } from '@tsink/core'
import { encodeOtlpResponse, OTLP_LIMITS } from '@tsink/protocols'
import { decompress } from './body.ts'
import type { ServerContext } from './context.ts'
import { writeRefusal } from './errors.ts'
import { authorizer, certificateOf, TOKEN_WANTED } from './secrets.ts'

const EXPORT = '/opentelemetry.proto.collector.metrics.v1.MetricsService/Export'
const FRAME_HEAD_BYTES = 5

/** gRPC's numbers for what can go wrong here. */
const STATUS = {
  ok: 0,
  invalidArgument: 3,
  resourceExhausted: 8,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  unauthenticated: 16,
} as const

export class OtlpGrpcListener {
  readonly #context: ServerContext
  readonly #server: Http2Server
  readonly #sessions = new Set<ServerHttp2Session>()
  readonly #isAuthorized: ReturnType<typeof authorizer>

  private constructor(context: ServerContext) {
    const { config } = context
    this.#context = context
    this.#isAuthorized = authorizer(config)
    const certificate = certificateOf(config)
    this.#server = certificate === null ? createServer() : createSecureServer(certificate)
    this.#server.on('session', (session) => {
      this.#sessions.add(session)
      session.on('close', () => this.#sessions.delete(session))
      // A peer that breaks the protocol ends its own session.
      session.on('error', () => session.destroy())
    })
    this.#server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => void this.#serve(stream, headers))
  }

  /** @throws the system's error when the address cannot be listened on. */
  static async open(context: ServerContext, host: string, port: number): Promise<OtlpGrpcListener> {
    const listener = new OtlpGrpcListener(context)
    await new Promise<void>((resolve, reject) => {
      listener.#server.once('error', reject)
      listener.#server.listen(port, host, resolve)
    })
    return listener
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** Lets calls in work finish within the grace; sessions are closed. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    for (const session of this.#sessions) session.close()
    const timer = setTimeout(() => {
      for (const session of this.#sessions) session.destroy()
    }, this.#context.config.shutdownGrace)
    await closed
    clearTimeout(timer)
  }

  async #serve(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): Promise<void> {
    stream.on('error', () => stream.destroy())
    try {
      if (headers[':path'] !== EXPORT) return end(stream, STATUS.unimplemented, `unknown method ${headers[':path']}`)
      if (!(headers['content-type'] ?? '').startsWith('application/grpc')) {
        stream.respond({ ':status': 415 }, { endStream: true })
        return
      }
      if (this.#isAuthorized !== null && !this.#isAuthorized(headers.authorization)) {
        return end(stream, STATUS.unauthenticated, TOKEN_WANTED)
      }
      await this.#export(stream, String(headers['grpc-encoding'] ?? 'identity'))
    } catch (error) {
      const { status, message, ours } = writeRefusal(error)
      this.#context.metrics.refusedWrites.inc({ protocol: 'otlp', code: String(status) })
      if (ours) this.#context.log.error({ err: error }, 'a write failed')
      const code =
        status === 429 ? STATUS.resourceExhausted : status === 503 ? STATUS.unavailable : ours ? STATUS.internal : STATUS.invalidArgument
      end(stream, code, message)
    }
  }

  async #export(stream: ServerHttp2Stream, encoding: string): Promise<void> {
    const { config, metrics, otlp, writes } = this.#context
    // How long the call will be is not declared; the first frame's head says it, and by then most of it is here.
    const weight = Math.min(config.writeMaxBody, EXPECTED_BYTES)
    const release = writes.tryEnter(weight) ?? (await writes.enter(weight, config.writeQueueTimeout))
    try {
      const { message, isCompressed } = await this.#within(stream, readFrame(stream, config.writeMaxBody))
      const counters = metrics.ofProtocol('otlp')
      counters.receivedBytes.inc(message.length)
      const plain = await decompress(message, isCompressed ? encoding : 'identity', Math.min(config.writeMaxDecoded, OTLP_LIMITS.bodyBytes))
      counters.decodedBytes.inc(plain.length)
      const { rejected, message: problem } = await otlp.take(this.#context, plain, 'protobuf')
      const answer = encodeOtlpResponse('protobuf', rejected, problem)
      const frame = Buffer.alloc(FRAME_HEAD_BYTES + answer.length)
      frame.writeUInt32BE(answer.length, 1)
      frame.set(answer, FRAME_HEAD_BYTES)
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true })
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': String(STATUS.ok) }))
      stream.end(frame)
    } finally {
      release()
    }
  }

  /** What comes of a request that must arrive within its time, as over HTTP. */
  async #within<T>(stream: ServerHttp2Stream, arriving: Promise<T>): Promise<T> {
    const { requestTimeout } = this.#context.config
    if (requestTimeout === 0) return arriving
    const late = new TsinkError('BAD_REQUEST', `the call did not arrive within ${requestTimeout} ms (--request-timeout)`)
    const timer = setTimeout(() => stream.destroy(late), requestTimeout)
    try {
      return await arriving
    } finally {
      clearTimeout(timer)
    }
  }
}

/** What an export is taken to weigh before it is read: exporters send a few hundred kilobytes. */
const EXPECTED_BYTES = 1_024 * 1_024

/** The one frame of a unary call. @throws TsinkError TOO_LARGE by its declared length, BAD_REQUEST when it is cut off or followed by more. */
async function readFrame(
  stream: ServerHttp2Stream,
  maxBytes: number,
): Promise<{ readonly message: Uint8Array; readonly isCompressed: boolean }> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    chunks.push(chunk)
    size += chunk.length
    if (size > maxBytes + FRAME_HEAD_BYTES) throw new TsinkError('TOO_LARGE', `the call has more than ${maxBytes} bytes (--write-max-body)`)
  }
  const bytes = Buffer.concat(chunks, size)
  if (size < FRAME_HEAD_BYTES) throw new TsinkError('BAD_REQUEST', `gRPC: a frame begins with ${FRAME_HEAD_BYTES} bytes, found ${size}`)
  const declared = bytes.readUInt32BE(1)
  if (declared !== size - FRAME_HEAD_BYTES)
    throw new TsinkError('BAD_REQUEST', `gRPC: the frame declares ${declared} bytes, found ${size - FRAME_HEAD_BYTES}`)
  return { message: bytes.subarray(FRAME_HEAD_BYTES), isCompressed: bytes[0] === 1 }
}

/** Ends a call without a message. */
function end(stream: ServerHttp2Stream, code: number, message: string): void {
  if (stream.destroyed || stream.headersSent) return
  const headers = {
    ':status': 200,
    'content-type': 'application/grpc',
    'grpc-status': String(code),
    'grpc-message': encodeURIComponent(message),
  }
  stream.respond(headers, { endStream: true })
  // What the client still sends is read and thrown away, or it would not see the answer.
  stream.resume()
}
