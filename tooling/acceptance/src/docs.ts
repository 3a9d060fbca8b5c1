/**
 * The documents: what the pages of the protocols tell one to paste is pasted into a shell, with our ports in place of the customary ones, and must
 * print what is said here. A page, or a block of one, that nobody thought of here fails.
 */
import { execFile } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { delimiter, join, resolve } from 'node:path'
import { freePort } from '@tsink/testing'
import { untilStored } from './answer.ts'
import type { Part } from './part.ts'
import { findProgram, type ProgramName } from './programs.ts'
import type { Stage } from './stage.ts'

const FOLDER = resolve(import.meta.dirname, '../../../docs/reference/protocols')

interface Block {
  /** What the block must print. */
  readonly prints: string
  readonly programs?: readonly ProgramName[]
}

/** The blocks of each page in their order; null for what is not run here. */
const PAGES: Readonly<Record<string, readonly (Block | null)[]>> = {
  'README.md': [],
  'clients.md': [],
  'collectd.md': [{ prints: '"1.5"' }],
  'csv.md': [{ prints: 'web01,42.5,' }],
  'exposition.md': [{ prints: '"1027"' }, { prints: 'BLOCK ULID', programs: ['promtool'] }, { prints: '"instance":"db1","job":"backup"' }],
  'graphite.md': [{ prints: '"dc":"eu"},"value"' }, { prints: '"2.5"' }],
  'influx.md': [{ prints: '"42.5"' }, { prints: '"influx_db":"demo"},"value"', programs: ['influx'] }, { prints: '"42.5"' }],
  'json-lines.md': [{ prints: '"values":[1,2.5]' }, { prints: '' }],
  'opentsdb.md': [{ prints: '"1.5"' }],
  'otlp.md': [{ prints: '"job":"shop"},"value"' }],
  // The part `duckdb` reads such files.
  'parquet.md': [null],
  'prometheus-json.md': [{ prints: '"__name__":"up"' }],
  'remote-read.md': [
    { prints: 'up{', programs: ['prometheus3', 'promtool3'] },
    { prints: 'samples/s', programs: ['vmctl', 'victoria-metrics'] },
  ],
  'remote-write.md': [{ prints: '"42.5"', programs: ['promtool3'] }],
  // The last block starts a server of its own.
  'statsd.md': [{ prints: '"code":"200"},"value"' }, { prints: '"__name__":"logins"', programs: ['socat'] }, null],
}

export const docs: Part = {
  name: 'docs',
  programs: [],
  async run(suite, stage) {
    stage.scrape('docs', stage.address)
    await untilStored(stage.url, 'up{job="docs"} > 0', { [`up{instance="${stage.address}",job="docs"}`]: '1' }, { expression: true })
    const victoria = `127.0.0.1:${await freePort()}`
    if (findProgram('victoria-metrics') !== null) {
      const theirs = stage.start('victoria-metrics', [
        `-httpListenAddr=${victoria}`,
        `-storageDataPath=${stage.makeFolder('docs-victoria')}`,
      ])
      await theirs.answers(`http://${victoria}/health`)
    }
    const addresses = await placesOf(stage, victoria)
    for (const page of readdirSync(FOLDER).toSorted()) {
      const blocks = [...readFileSync(join(FOLDER, page), 'utf8').matchAll(/^```sh\n(.*?)^```$/gms)].map(([, text]) => text!)
      const wanted = PAGES[page]
      if (wanted?.length !== blocks.length) {
        await suite.check(`docs: ${page}`, () => {
          throw new Error(`it has ${blocks.length} blocks to paste, and this part knows ${wanted?.length ?? 'nothing of it'}`)
        })
        continue
      }
      for (const [i, text] of blocks.entries()) {
        const block = wanted[i]
        if (block === null || block === undefined) continue
        const title = `docs: ${page}, block ${i + 1}`
        const missing = (block.programs ?? []).filter((name) => findProgram(name) === null)
        if (missing.length > 0) suite.skip(title, `there is no ${missing.join(', ')}`)
        else {
          await suite.check(title, async () => {
            const printed = await paste(addresses(text), stage.makeFolder('docs'))
            if (!printed.includes(block.prints)) throw new Error(`it printed ${JSON.stringify(printed.slice(0, 500))}`)
          })
        }
      }
    }
  },
}

/** Puts the places of the stage where the pages have the customary ones. */
async function placesOf(stage: Stage, victoria: string): Promise<(text: string) => string> {
  const { ports } = stage
  const reader = await freePort()
  const moved: Readonly<Record<string, number>> = {
    '9201': Number(stage.address.split(':')[1]),
    '2003': ports.graphite,
    '2004': ports['graphite-pickle'],
    '4242': ports.opentsdb,
    '4317': ports['otlp-grpc'],
    '8089': ports.influx,
    '8125': ports.statsd,
    '8428': Number(victoria.split(':')[1]),
    '9090': reader,
  }
  return (text) =>
    text
      .replaceAll(/\b(9201|2003|2004|4242|4317|8089|8125|8428|9090)\b/g, (port) => String(moved[port]))
      .replaceAll('/run/tsink/statsd.sock', stage.statsdSocket)
      // StatsD is flushed every second here.
      .replaceAll('sleep 10', 'sleep 2')
}

/** Runs a block, in which nothing may fail: what it printed. */
function paste(text: string, folder: string): Promise<string> {
  // A refusal of the server is a failure of the command.
  const script = `set -euo pipefail\ncurl() { command curl -sS --fail-with-body "$@"; }\n${text}`
  const path = [process.env['TSINK_PEERS'], process.env['PATH'], '/usr/sbin'].filter((entry) => entry !== undefined).join(delimiter)
  return new Promise((done, fail) => {
    execFile('bash', ['-c', script], { cwd: folder, timeout: 60_000, env: { ...process.env, PATH: path } }, (error, stdout, stderr) => {
      if (error === null) done(stdout + stderr)
      else fail(new Error(`${error.message}\n${stdout}${stderr}`))
    })
  })
}
