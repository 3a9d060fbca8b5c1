/** Protocols over bare sockets, with real sockets. */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect } from 'node:net'
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
    's',
    '--graphite-listen',
    '127.0.0.1:0',
    '--graphite-templates',
    'servers.* .host.measurement*; measurement*',
    '--statsd-listen',
    '127.0.0.1:0',
    '--statsd-flush-interval',
    '100ms',
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

describe('a listener', () => {
  test('whose port is taken stops the start with one line', async () => {
    const taken = String(server.context.ports['influx'])
    await expect(start('--influx-listen', `127.0.0.1:${taken}`)).rejects.toMatchObject({
      code: 'BAD_CONFIG',
      message: expect.stringContaining(taken),
    })
  })
})
