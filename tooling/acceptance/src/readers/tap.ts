/** A tap between a reader and the server: it passes everything on, and notes what kind of body the answers had. */
import { createServer, request, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

export class Tap {
  readonly url: string
  /** The content types of all answers but 404. */
  readonly contentTypes: ReadonlySet<string>
  readonly #server: Server

  private constructor(server: Server, contentTypes: ReadonlySet<string>) {
    this.#server = server
    this.contentTypes = contentTypes
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  }

  static open(target: string): Promise<Tap> {
    const contentTypes = new Set<string>()
    const server = createServer((incoming, outgoing) => {
      const options = { method: incoming.method!, headers: incoming.headers }
      const passed = request(new URL(incoming.url!, target), options, (answer) => {
        if (answer.statusCode !== 404) contentTypes.add(answer.headers['content-type'] ?? '')
        outgoing.writeHead(answer.statusCode!, answer.headers)
        answer.pipe(outgoing)
      })
      passed.on('error', () => outgoing.destroy())
      incoming.pipe(passed)
    })
    return new Promise((done) => server.listen(0, '127.0.0.1', () => done(new Tap(server, contentTypes))))
  }

  close(): void {
    this.#server.close()
    this.#server.closeAllConnections()
  }
}
