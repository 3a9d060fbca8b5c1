/** Protocols over bare sockets, with real sockets. */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect as connectHttp2, type IncomingHttpHeaders } from 'node:http2'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { RunningServer } from '@tsink/server'
import { get, start } from './harness.ts'

let server: RunningServer
const folder = mkdtempSync(join(tmpdir(), 'tsink-listeners-'))
const SOCKET = join(folder, 'statsd.sock')
const MAPPING = join(folder, 'mapping.yml')
const T = 1_705_315_800

beforeAll(async () => {
  writeFileSync(MAPPING, 'mappings:\n  - { match: "web.*.requests", name: web_requests_total, labels: { site: $1 } }\n')
  server = await start(
    '--influx-listen',
    '127.0.0.1:0',
    '--influx-precision',
    'auto',
    '--graphite-listen',
    '127.0.0.1:0',
    '--graphite-templates',
    'servers.* .host.measurement*; measurement*',
    '--graphite-pickle-listen',
    '127.0.0.1:0',
    '--statsd-listen',
    '127.0.0.1:0',
    '--statsd-unix-socket',
    SOCKET,
    '--statsd-mapping',
    MAPPING,
    '--statsd-flush-interval',
    '100ms',
    '--otlp-grpc-listen',
    '127.0.0.1:0',
    '--opentsdb-listen',
    '127.0.0.1:0',
  )
})
afterAll(async () => {
  await server.stop()
  rmSync(folder, { recursive: true, force: true })
})

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

function tcp(port: number, ...pieces: (string | Uint8Array)[]): Promise<void> {
  return send(connect(port, '127.0.0.1'), pieces)
}

async function send(socket: Socket, pieces: readonly (string | Uint8Array)[]): Promise<void> {
  // The other side may close first.
  const closed = once(socket.resume(), 'close')
  await once(socket, 'connect')
  for (const piece of pieces) {
    socket.write(piece)
    await new Promise((done) => setTimeout(done, 10))
  }
  socket.end()
  await closed
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

describe('Graphite pickles', () => {
  function frame(pickle: string): Buffer {
    const length = Buffer.alloc(4)
    length.writeUInt32BE(pickle.length)
    return Buffer.concat([length, Buffer.from(pickle, 'latin1')])
  }
  const point = (path: string, value: number): string => `((S'${path}'\n(I${T}\nF${value}\nttl.`

  test('come in frames, in whatever pieces, by the templates of the lines', async () => {
    const port = server.context.ports['graphite_pickle']!
    const [first, second] = [frame(point('servers.p1.pickled', 1.5)), frame(point('plain;host=a', 4))]
    await tcp(port, first.subarray(0, 2), first.subarray(2, 20), Buffer.concat([first.subarray(20), second, second.subarray(0, 9)]))
    await eventually('pickled{host="p1"}', '1.5')
    await eventually('plain{host="a"}', '4')
  })

  test('a call in one is refused, counted, and ends nothing', async () => {
    const port = server.context.ports['graphite_pickle']!
    await tcp(port, frame("cos\nsystem\n(S'true'\ntR."), frame(point('after_call', 1)))
    await eventually('after_call', '1')
    const metrics = await (await fetch(`${server.url}/metrics`)).text()
    expect(metrics).toMatch(/tsink_listener_errors_total\{protocol="graphite_pickle"\} [1-9]/)
  })

  test('bytes that are no frames close the connection', async () => {
    await tcp(server.context.ports['graphite_pickle']!, 'GET / HTTP/1.1\r\n\r\n')
  })

  const SCRIPT = `
import pickle, socket, struct, sys
connection = socket.create_connection(('127.0.0.1', int(sys.argv[1])))
for protocol in range(5):
    data = pickle.dumps([('carbon.python', (${T} + protocol, protocol + 0.5))], protocol=protocol)
    connection.sendall(struct.pack('!L', len(data)) + data)
connection.close()
`
  const hasPython = spawnSync('python3', ['--version']).error === undefined
  test.skipIf(!hasPython)(`come from Python itself${hasPython ? '' : ' (skipped, because there is no python3)'}`, async () => {
    const { stderr } = spawnSync('python3', ['-c', SCRIPT, String(server.context.ports['graphite_pickle'])])
    expect(stderr.toString()).toBe('')
    await eventually('sum_over_time(carbon_python[10s])', '12.5', T + 5)
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

  test('names follow the mapping file', async () => {
    await udp(server.context.ports['statsd']!, 'web.shop.requests:3|c')
    await eventually('web_requests_total{site="shop"}', '3', Date.now() / 1_000 + 60)
  })

  test('a mapping file that is wrong stops the start with one line', async () => {
    const path = join(folder, 'bad.yml')
    writeFileSync(path, 'mappings:\n  - { match: a, nmae: b }\n')
    await expect(start('--statsd-listen', '127.0.0.1:0', '--statsd-mapping', path)).rejects.toMatchObject({
      code: 'BAD_CONFIG',
      message: `${path}:2: mappings[0].nmae is not a known field`,
    })
  })
})

describe('StatsD over a Unix socket', () => {
  const soon = (): number => Date.now() / 1_000 + 60

  test('comes in lines', async () => {
    expect(statSync(SOCKET).mode & 0o777).toBe(0o722)
    await send(connect(SOCKET), ['uds_', 'lines:1|c\nuds_lines:2|', 'c'])
    await eventually('uds_lines', '3', soon())
  })

  test('comes in packets behind their lengths, as DogStatsD clients write', async () => {
    const packet = (text: string): Buffer => {
      const length = Buffer.alloc(4)
      length.writeUInt32LE(text.length)
      return Buffer.concat([length, Buffer.from(text)])
    }
    const all = Buffer.concat([
      packet('uds_packets:1|c|#a:b'),
      packet('uds_packets:2|c|#a:b\nuds_packets:4|c|#a:b\n'),
      packet(`uds_packets:8|c|#a:b,x:${'y'.repeat(300)}`),
    ])
    await send(connect(SOCKET), [all.subarray(0, 3), all.subarray(3, 30), all.subarray(30)])
    await eventually('sum(uds_packets)', '15', soon())
  })

  test('takes the place of a socket that a killed process left, of no other file, and is gone after the stop', async () => {
    const path = join(folder, 'left.sock')
    const code = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`
    spawnSync(process.execPath, ['-e', code])
    expect(existsSync(path)).toBe(true)
    const other = await start('--statsd-unix-socket', path)
    await other.stop()
    expect(existsSync(path)).toBe(false)
    writeFileSync(path, 'data')
    await expect(start('--statsd-unix-socket', path)).rejects.toMatchObject({
      code: 'BAD_CONFIG',
      message: expect.stringContaining('no socket'),
    })
    rmSync(path)
    const live = createServer().listen(path)
    await once(live, 'listening')
    await expect(start('--statsd-unix-socket', path)).rejects.toMatchObject({
      code: 'BAD_CONFIG',
      message: expect.stringContaining('another process'),
    })
    live.close()
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
