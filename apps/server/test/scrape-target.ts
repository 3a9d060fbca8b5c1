/** A target that a test owns: a real HTTP server on a free port, whose answer the test sets. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export const TEXT = 'text/plain; version=0.0.4'

export class ScrapeTarget {
  body: string | Uint8Array = ''
  headers: Record<string, string> = { 'content-type': TEXT }
  status = 200
  /** Answers instead of the fields above. */
  answer: ((request: IncomingMessage, response: ServerResponse) => void) | null = null
  readonly requests: { readonly url: string; readonly headers: IncomingMessage['headers'] }[] = []
  /** Connections that were opened. */
  connections = 0
  readonly #server: Server

  private constructor(server: Server) {
    this.#server = server
  }

  static async open(body: string | Uint8Array = ''): Promise<ScrapeTarget> {
    const server = createServer()
    const target = new ScrapeTarget(server)
    target.body = body
    server.on('connection', () => target.connections++)
    server.on('request', (request, response) => {
      target.requests.push({ url: request.url!, headers: request.headers })
      if (target.answer !== null) return target.answer(request, response)
      response.writeHead(target.status, target.headers).end(target.body)
    })
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
    return target
  }

  /** `127.0.0.1:PORT`. */
  get address(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((done) => this.#server.close(done))
  }
}
