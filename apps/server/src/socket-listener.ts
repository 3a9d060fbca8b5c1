/**
 * SocketListener: a protocol over bare sockets. Datagrams are gathered for a moment and decoded together; a connection is read in pieces of whole
 * messages, and not read on while its last piece is being stored. Senders over sockets are told nothing, so whatever cannot be read or
 * stored is counted.
 */
import { createSocket, type Socket as DatagramSocket } from 'node:dgram'
import { chmod, stat, unlink } from 'node:fs/promises'
import { connect, createServer, isIPv6, type AddressInfo, type Server, type Socket } from 'node:net'
import { TsinkError } from '@tsink/core'
import { lineFramer, type Framer } from './framing.ts'
import type { Metrics } from './metrics.ts'

/** An address of the network, or a file of the machine's own: a Unix socket. */
export type SocketAddress = { readonly host: string; readonly port: number } | { readonly path: string }

export interface SocketListenerOptions {
  /** As metrics name it. */
  readonly protocol: string
  readonly address: SocketAddress
  readonly metrics: Metrics
  /** Stores whole messages. What it throws is counted as lost. */
  readonly take: (messages: Uint8Array) => Promise<void>
  /** How a connection's bytes are messages; lines when left out. */
  readonly framer?: () => Framer
  /** Whether datagrams are taken too, at a port of the same number. Each holds lines. Unix sockets have none: Node cannot receive them. */
  readonly datagrams?: boolean
}

/** Datagrams wait for each other so long, or until there are so many bytes: one append for thousands of packets. */
const GATHER_MS = 20
const GATHER_BYTES = 256 * 1_024
/** Bytes of datagrams that wait while the store is busy; further ones are dropped, as the network itself would. */
const MAX_WAITING_BYTES = 16 * 1_024 * 1_024
/** A message longer than this is garbage: the connection is closed. */
const MAX_MESSAGE_BYTES = 1_024 * 1_024 + 4
/** What is read from a connection before it must be stored. */
const PIECE_BYTES = 256 * 1_024
const MAX_CONNECTIONS = 1_024
/** A connection that sends nothing for so long is closed; agents send every minute at the latest. */
const IDLE_MS = 300_000
const RECEIVE_BUFFER_BYTES = 4 * 1_024 * 1_024
const NEWLINE = 0x0a
/** Whoever runs on this machine may write to a Unix socket, and only we may read, as DogStatsD has it. */
const UNIX_SOCKET_MODE = 0o722

export class SocketListener {
  readonly #options: SocketListenerOptions
  readonly #server: Server
  readonly #datagrams: DatagramSocket | null
  readonly #connections = new Set<Socket>()
  #waiting: Uint8Array[] = []
  #waitingBytes = 0
  #timer: NodeJS.Timeout | null = null
  #storing: Promise<void> | null = null

  private constructor(options: SocketListenerOptions) {
    this.#options = options
    this.#server = createServer((socket) => void this.#serve(socket))
    this.#server.maxConnections = MAX_CONNECTIONS
    const { address, datagrams } = options
    const isUdp = datagrams === true && 'host' in address
    this.#datagrams = isUdp ? createSocket({ type: isIPv6(address.host) ? 'udp6' : 'udp4', recvBufferSize: RECEIVE_BUFFER_BYTES }) : null
  }

  /** Opens what the options say. @throws the system's error when something cannot be opened. */
  static async open(options: SocketListenerOptions): Promise<SocketListener> {
    const listener = new SocketListener(options)
    await listener.#listen()
    return listener
  }

  /** The port that was really taken; 0 at a Unix socket. */
  get port(): number {
    return 'path' in this.#options.address ? 0 : (this.#server.address() as AddressInfo).port
  }

  /** Stops listening and stores what has come. */
  async close(): Promise<void> {
    this.#datagrams?.close()
    for (const socket of this.#connections) socket.destroy()
    await new Promise<void>((resolve) => this.#server.close(() => resolve()))
    await this.#flush()
  }

  async #listen(): Promise<void> {
    const { address } = this.#options
    if ('path' in address) await removeDeadSocket(address.path)
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject)
      if ('path' in address) this.#server.listen(address.path, resolve)
      else this.#server.listen(address.port, address.host, resolve)
    })
    if ('path' in address) await chmod(address.path, UNIX_SOCKET_MODE)
    else if (this.#datagrams !== null) await this.#bind(this.#datagrams, address.host)
  }

  async #bind(datagrams: DatagramSocket, host: string): Promise<void> {
    datagrams.on('message', (bytes) => this.#gather(bytes))
    await new Promise<void>((resolve, reject) => {
      datagrams.once('error', reject)
      datagrams.bind(this.port, host, resolve)
    })
    datagrams.removeAllListeners('error')
    datagrams.on('error', () => this.#lost())
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
    const framer = (this.#options.framer ?? lineFramer)()
    let held: Uint8Array[] = []
    let size = 0
    try {
      for await (const chunk of socket as AsyncIterable<Buffer>) {
        this.#options.metrics.ofProtocol(this.#options.protocol).receivedBytes.inc(chunk.length)
        held.push(chunk)
        size += chunk.length
        // More may be on its way already, but messages must not wait for it.
        if (size < PIECE_BYTES && socket.readableLength > 0) continue
        const bytes = held.length === 1 ? held[0]! : Buffer.concat(held, size)
        const taken = framer.take(bytes)
        const used = taken?.used ?? size
        if (taken === null || size - used > MAX_MESSAGE_BYTES) {
          this.#lost()
          size = 0
          break
        }
        held = used < size ? [bytes.subarray(used)] : []
        size -= used
        if (used > 0) await this.#store(taken.messages)
      }
      const last = size === 0 ? null : framer.end(Buffer.concat(held, size))
      if (last !== null) await this.#store(last)
      else if (size > 0) this.#lost()
    } catch {
      // The peer has gone; what it sent in whole messages is stored.
      if (size > 0) this.#lost()
    } finally {
      this.#connections.delete(socket)
      socket.destroy()
    }
  }

  async #store(messages: Uint8Array): Promise<void> {
    try {
      await this.#options.take(messages)
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

/**
 * Removes the file of a socket that nobody listens at any more: a process that was killed leaves it behind.
 * @throws TsinkError BAD_CONFIG when somebody listens there, or the file is no socket.
 */
async function removeDeadSocket(path: string): Promise<void> {
  let file
  try {
    file = await stat(path)
  } catch {
    return
  }
  if (!file.isSocket()) throw new TsinkError('BAD_CONFIG', `${path} exists and is no socket`)
  const isAlive = await new Promise<boolean>((resolve) => {
    const socket = connect(path)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
  if (isAlive) throw new TsinkError('BAD_CONFIG', `another process listens at ${path}`)
  await unlink(path)
}
