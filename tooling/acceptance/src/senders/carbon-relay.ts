/** carbon-relay, Graphite's own relay: lines go in, and come to us as it hands them to a carbon, as pickles or as lines. */
import { writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { freePort } from '@tsink/testing'
import { untilStored } from '../answer.ts'
import type { Part } from '../part.ts'

export const carbonRelay: Part = {
  name: 'carbon-relay',
  programs: ['carbon-relay'],
  async run(suite, stage) {
    for (const [protocol, destination] of [
      ['pickle', stage.ports['graphite-pickle']],
      ['line', stage.ports.graphite],
    ] as const) {
      const folder = stage.makeFolder(`carbon-relay-${protocol}`)
      const [port, picklePort] = [await freePort(), await freePort()]
      const config = join(folder, 'carbon.conf')
      writeFileSync(join(folder, 'storage-schemas.conf'), '')
      writeFileSync(
        config,
        `[cache]
[relay]
CONF_DIR = ${folder}
LOG_DIR = ${folder}
PID_DIR = ${folder}
STORAGE_DIR = ${folder}
USER =
LINE_RECEIVER_INTERFACE = 127.0.0.1
LINE_RECEIVER_PORT = ${port}
PICKLE_RECEIVER_INTERFACE = 127.0.0.1
PICKLE_RECEIVER_PORT = ${picklePort}
RELAY_METHOD = consistent-hashing
DESTINATIONS = 127.0.0.1:${destination}:a
DESTINATION_PROTOCOL = ${protocol}
CARBON_METRIC_INTERVAL = 0
`,
      )
      const relay = stage.start('carbon-relay', [`--config=${config}`, `--pidfile=${join(folder, 'pid')}`, '--nodaemon', 'start'])
      await relay.until(() => isOpen(port), `does not listen at ${port}`)
      await suite.check(`carbon-relay by ${protocol}: paths, tags, values and times arrive`, async () => {
        const seconds = Math.floor(Date.now() / 1_000) - 60
        const lines = Array.from({ length: 600 }, (_, i) => `relay.${protocol}.n${i % 3};dc=eu ${i}.5 ${seconds - 600 + i}\n`)
        await sendLines(port, lines.join(''))
        const want = [0, 1, 2].map((rest) => {
          const samples = Array.from({ length: 200 }, (_, j) => `${j * 3 + rest}.5@${seconds - 600 + j * 3 + rest}`)
          return [`relay_${protocol}_n${rest}{dc="eu"}`, samples.join(' ')] as const
        })
        await untilStored(stage.url, `{__name__=~"relay_${protocol}_.*"}`, Object.fromEntries(want), { times: true })
      })
    }
  },
}

function isOpen(port: number): Promise<boolean> {
  return new Promise((done) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy()
      done(true)
    })
    socket.on('error', () => done(false))
  })
}

function sendLines(port: number, lines: string): Promise<void> {
  return new Promise((done, fail) => {
    const socket = connect(port, '127.0.0.1', () => socket.end(lines, done))
    socket.on('error', fail)
  })
}
