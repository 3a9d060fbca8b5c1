/** Protocols over bare sockets, with real sockets. */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect as connectHttp2, type IncomingHttpHeaders } from 'node:http2'
import { connect } from 'node:net'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { RunningServer } from '@tsink/server'
import { get, start } from './harness.ts'

let server: RunningServer
const T = 1_705_315_800

beforeAll(async () => {
  server = await start(
    '--influx-listen',
    '127.0.0.1:0',
    '--influx-precision',
    'auto',
    '--graphite-listen',
    '127.0.0.1:0',
    '--graphite-templates',
    'servers.* .host.measurement*; measurement*',
    '--statsd-listen',
    '127.0.0.1:0',
    '--statsd-flush-interval',
    '100ms',
    '--otlp-grpc-listen',
    '127.0.0.1:0',
    '--opentsdb-listen',
    '127.0.0.1:0',
  )
})
afterAll(() => server.stop())

function udp(port: number, ...packets: string[]): Promise<void> {
  const socket = createSocket('udp4')
  return new Promise((resolve, reject) => {
    let left = packets.length
    for (const packet of packets) {
      socket.send(packet, port, '127.0.0.1', (error) => {
        if (error !== null) reject(error)
        else if (--left === 0) socket.close(() => resolve())
      })
    }
  })
}

async function tcp(port: number, ...pieces: string[]): Promise<void> {
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  for (const piece of pieces) {
    socket.write(piece)
    await new Promise((done) => setTimeout(done, 10))
  }
  socket.end()
  await once(socket.resume(), 'close')
}

/** The value of a series as soon as it is there. */
async function eventually(query: string, want: string, time = T): Promise<void> {
  let got: string | undefined
  for (let i = 0; i < 200; i++) {
    const { body } = await get(server, `/api/v1/query?${new URLSearchParams({ query, time: String(time) })}`)
    got = (body.data as { result: { value: [number, string] }[] }).result[0]?.value[1]
    if (got === want) return
    await new Promise((done) => setTimeout(done, 25))
  }
  expect(got, query).toBe(want)
}

describe('line protocol', () => {
  test('may come in several units at one listener', async () => {
    await udp(
      server.context.ports['influx']!,
      `unit,i=1 v=1 ${T}`,
      `unit,i=2 v=2 ${T}000`,
      `unit,i=3 v=3 ${T}000000`,
      `unit,i=4 v=4 ${T}000000000`,
    )
    await eventually('sum(timestamp(unit_v))', String(4 * T))
  })

  test('comes by datagrams, each with whole lines', async () => {
    await udp(server.context.ports['influx']!, `u,i=1 v=1 ${T}\nu,i=2 v=2 ${T}`, `u,i=3 v=3 ${T}\n`)
    await eventually('sum(u_v)', '6')
  })

  test('comes by a connection, cut anywhere', async () => {
    await tcp(server.context.ports['influx']!, `t,i=1 v=1 ${T}\nt,i`, `=2 v=2 `, `${T}\nt,i=3 v=3 ${T}`)
    await eventually('sum(t_v)', '6')
  })

  test('that cannot be read is counted, and costs nothing else', async () => {
    await udp(server.context.ports['influx']!, `garbage`, `ok v=1 ${T}`, '\u0000\u0001')
    await eventually('ok_v', '1')
    const metrics = await (await fetch(`${server.url}/metrics`)).text()
    expect(metrics).toMatch(/tsink_listener_errors_total\{protocol="influx"\} [1-9]/)
  })
})

describe('Graphite', () => {
  test('comes by connections and datagrams, tagged or by templates', async () => {
    const port = server.context.ports['graphite']!
    await tcp(port, `servers.web01.cpu.load 0.5 ${T}\r\n`, `disk.free;host=a 7 ${T}\n`)
    await udp(port, `servers.web02.cpu.load 1.5 ${T}`)
    await eventually('cpu_load{host="web01"} + on() cpu_load{host="web02"}', '2')
    await eventually('disk_free{host="a"}', '7')
  })
})

describe('OpenTSDB', () => {
  test('puts come by lines', async () => {
    await tcp(server.context.ports['opentsdb']!, `put sys.load ${T} 3 fqdn=vm  \r\nput bad\n`)
    await eventually('sys_load{fqdn="vm"}', '3')
  })
})

describe('StatsD', () => {
  test('events are added up and stored at each flush', async () => {
    const port = server.context.ports['statsd']!
    await udp(port, 'hits:1|c\nhits:2|c', 'hits:4|c|@0.5', 'temp:21|g', 'temp:-1|g', 'garbage', 'tagged:5|c|#env:prod')
    await eventually('hits', '11', Date.now() / 1_000 + 60)
    await eventually('temp', '20', Date.now() / 1_000 + 60)
    await tcp(port, 'tagged:5|c|#env:prod\n')
    await eventually('tagged{env="prod"}', '10', Date.now() / 1_000 + 60)
  })
})

describe('OTLP over gRPC', () => {
  /** gauge `grpc_load` = 0.75, written by hand field by field. */
  function request(): Buffer {
    const field = (number: number, body: Buffer): Buffer => Buffer.concat([Buffer.from([(number << 3) | 2, body.length]), body])
    const time = Buffer.alloc(9)
    time[0] = (3 << 3) | 1
    time.writeBigUInt64LE(BigInt(T) * 1_000_000_000n, 1)
    const value = Buffer.alloc(9)
    value[0] = (4 << 3) | 1
    value.writeDoubleLE(0.75, 1)
    const gauge = field(5, field(1, Buffer.concat([time, value])))
    const metric = Buffer.concat([field(1, Buffer.from('grpc_load')), gauge])
    return field(1, field(2, field(2, metric)))
  }

  function call(path: string, message: Buffer, compressed: boolean): Promise<{ status: string; message: string; body: Buffer }> {
    const session = connectHttp2(`http://127.0.0.1:${server.context.ports['otlp_grpc']}`)
    return new Promise((resolve, reject) => {
      session.on('error', reject)
      const headers = { ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers', 'grpc-encoding': 'gzip' }
      const stream = session.request(headers)
      let [status, text] = ['', '']
      const read = (from: IncomingHttpHeaders): void => {
        status = String(from['grpc-status'] ?? status)
        text = String(from['grpc-message'] ?? text)
      }
      stream.on('response', read)
      stream.on('trailers', read)
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('error', reject)
      stream.on('close', () => {
        session.close()
        resolve({ status, message: decodeURIComponent(text), body: Buffer.concat(chunks) })
      })
      const payload = compressed ? gzipSync(message) : message
      const head = Buffer.alloc(5)
      head[0] = compressed ? 1 : 0
      head.writeUInt32BE(payload.length, 1)
      stream.end(Buffer.concat([head, payload]))
    })
  }

  const EXPORT = '/opentelemetry.proto.collector.metrics.v1.MetricsService/Export'

  test('exports are stored, compressed or not, and answered with an empty message', async () => {
    for (const compressed of [false, true]) {
      expect(await call(EXPORT, request(), compressed)).toEqual({ status: '0', message: '', body: Buffer.alloc(5) })
    }
    await eventually('grpc_load', '0.75')
  })

  test('what cannot be read, and what is not there, is told by status', async () => {
    expect(await call(EXPORT, Buffer.from('garbage'), false)).toMatchObject({ status: '3', message: expect.stringContaining('OTLP') })
    expect(await call('/nothing/Here', request(), false)).toMatchObject({ status: '12' })
  })
})

describe('a listener', () => {
  test('whose port is taken stops the start with one line', async () => {
    const taken = String(server.context.ports['influx'])
    await expect(start('--influx-listen', `127.0.0.1:${taken}`)).rejects.toMatchObject({
      code: 'BAD_CONFIG',
      message: expect.stringContaining(taken),
    })
  })
})
