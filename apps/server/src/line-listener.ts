/**
 * LineListener: a protocol of lines over bare sockets. Datagrams are gathered for a moment and decoded together; a connection is read in
 * pieces that end at line ends, and not read on while its last piece is being stored. Senders over sockets are told nothing, so whatever
 * cannot be read or stored is counted.
 */
import { createSocket, type Socket as DatagramSocket } from 'node:dgram'
import { createServer, isIPv6, type AddressInfo, type Server, type Socket } from 'node:net'
import type { Metrics } from './metrics.ts'

export interface LineListenerOptions {
  /** As metrics name it. */
  readonly protocol: string
  readonly host: string
  readonly port: number
  readonly metrics: Metrics
  /** Stores whole lines. What it throws is counted as lost. */
  readonly take: (lines: Uint8Array) => Promise<void>
}

/** Datagrams wait for each other so long, or until there are so many bytes: one append for thousands of packets. */
const GATHER_MS = 20
const GATHER_BYTES = 256 * 1_024
/** Bytes of datagrams that wait while the store is busy; further ones are dropped, as the network itself would. */
const MAX_WAITING_BYTES = 16 * 1_024 * 1_024
/** A line longer than this is garbage: the connection is closed. */
const MAX_LINE_BYTES = 1_024 * 1_024
/** What is read from a connection before it must be stored. */
const PIECE_BYTES = 256 * 1_024
const MAX_CONNECTIONS = 1_024
/** A connection that sends nothing for so long is closed; agents send every minute at the latest. */
const IDLE_MS = 300_000
const RECEIVE_BUFFER_BYTES = 4 * 1_024 * 1_024
const NEWLINE = 0x0a

export class LineListener {
  readonly #options: LineListenerOptions
  readonly #server: Server
  readonly #datagrams: DatagramSocket
  readonly #connections = new Set<Socket>()
  #waiting: Uint8Array[] = []
  #waitingBytes = 0
  #timer: NodeJS.Timeout | null = null
  #storing: Promise<void> | null = null

  private constructor(options: LineListenerOptions) {
    this.#options = options
    this.#server = createServer((socket) => void this.#serve(socket))
    this.#server.maxConnections = MAX_CONNECTIONS
    this.#datagrams = createSocket({ type: isIPv6(options.host) ? 'udp6' : 'udp4', recvBufferSize: RECEIVE_BUFFER_BYTES })
  }

  /** Opens TCP and UDP at one address. @throws the system's error when either cannot be opened. */
  static async open(options: LineListenerOptions): Promise<LineListener> {
    const listener = new LineListener(options)
    await listener.#listen()
    return listener
  }

  /** The port that was really taken. */
  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** Stops listening and stores what has come. */
  async close(): Promise<void> {
    this.#datagrams.close()
    for (const socket of this.#connections) socket.destroy()
    await new Promise<void>((resolve) => this.#server.close(() => resolve()))
    await this.#flush()
  }

  async #listen(): Promise<void> {
    const { host, port } = this.#options
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(port, host, resolve)
    })
    this.#datagrams.on('message', (bytes) => this.#gather(bytes))
    await new Promise<void>((resolve, reject) => {
      this.#datagrams.once('error', reject)
      this.#datagrams.bind(this.port, host, resolve)
    })
    this.#datagrams.removeAllListeners('error')
    this.#datagrams.on('error', () => this.#lost())
  }

  #gather(bytes: Uint8Array): void {
    const { metrics, protocol } = this.#options
    metrics.ofProtocol(protocol).receivedBytes.inc(bytes.length)
    if (this.#waitingBytes + bytes.length > MAX_WAITING_BYTES) return this.#lost()
    this.#waiting.push(bytes)
    this.#waitingBytes += bytes.length + 1
    if (this.#waitingBytes >= GATHER_BYTES) void this.#flush()
    else this.#timer ??= setTimeout(() => void this.#flush(), GATHER_MS)
  }

  /** Stores what has been gathered, one batch after the other. */
  async #flush(): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer)
    this.#timer = null
    while (this.#storing !== null) await this.#storing
    if (this.#waiting.length === 0) return
    const lines = joined(this.#waiting, this.#waitingBytes)
    this.#waiting = []
    this.#waitingBytes = 0
    this.#storing = this.#store(lines)
    await this.#storing
    this.#storing = null
  }

  async #serve(socket: Socket): Promise<void> {
    this.#connections.add(socket)
    socket.setTimeout(IDLE_MS, () => socket.destroy())
    let held: Uint8Array[] = []
    let size = 0
    try {
      for await (const chunk of socket as AsyncIterable<Buffer>) {
        this.#options.metrics.ofProtocol(this.#options.protocol).receivedBytes.inc(chunk.length)
        held.push(chunk)
        size += chunk.length
        const end = chunk.lastIndexOf(NEWLINE) + 1
        if (end === 0) {
          if (size <= MAX_LINE_BYTES) continue
          this.#lost()
          break
        }
        // More may be on its way already, but lines must not wait for it.
        if (size < PIECE_BYTES && socket.readableLength > 0) continue
        const whole = Buffer.concat(held, size)
        const last = whole.lastIndexOf(NEWLINE) + 1
        held = last < size ? [whole.subarray(last)] : []
        size -= last
        await this.#store(whole.subarray(0, last))
      }
      if (size > 0 && size <= MAX_LINE_BYTES) await this.#store(Buffer.concat(held, size))
    } catch {
      // The peer has gone; what it sent in whole lines is stored.
      if (size > 0) this.#lost()
    } finally {
      this.#connections.delete(socket)
      socket.destroy()
    }
  }

  async #store(lines: Uint8Array): Promise<void> {
    try {
      await this.#options.take(lines)
    } catch {
      this.#lost()
    }
  }

  #lost(): void {
    this.#options.metrics.listenerErrors.inc({ protocol: this.#options.protocol })
  }
}

/** Datagrams as lines: a packet need not end with a line end. */
function joined(packets: readonly Uint8Array[], sizeBytes: number): Uint8Array {
  const lines = new Uint8Array(sizeBytes)
  let at = 0
  for (const packet of packets) {
    lines.set(packet, at)
    at += packet.length
    lines[at++] = NEWLINE
  }
  return lines
}
