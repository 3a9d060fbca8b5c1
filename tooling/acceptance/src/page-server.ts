/** A page of text that programs scrape: what it shows is known, so what arrives can be compared exactly. */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

export class PageServer {
  /** HOST:PORT. */
  readonly address: string
  readonly #server: Server

  private constructor(server: Server) {
    this.#server = server
    this.address = `127.0.0.1:${(server.address() as AddressInfo).port}`
  }

  /** Serves `text` at every path. */
  static open(text: string, contentType = 'text/plain; version=0.0.4'): Promise<PageServer> {
    const server = createServer((_, response) => response.setHeader('content-type', contentType).end(text))
    return new Promise((done) => server.listen(0, '127.0.0.1', () => done(new PageServer(server))))
  }

  close(): Promise<void> {
    return new Promise((done) => {
      this.#server.close(() => done())
      this.#server.closeAllConnections()
    })
  }
}
