/** InfluxDB's own shell, version 1: it greets with /ping, creates its database, inserts a line and imports a file. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { untilStored } from '../answer.ts'
import type { Part } from '../part.ts'
import { runProgram } from '../programs.ts'

export const influxCli: Part = {
  name: 'influx-cli',
  programs: ['influx'],
  async run(suite, stage) {
    const [host, port] = stage.address.split(':') as [string, string]
    const influx = (...args: string[]): Promise<string> => runProgram('influx', ['-host', host, '-port', port, ...args])
    const seconds = Math.floor(Date.now() / 1_000) - 60

    await suite.check('influx CLI: lists databases', async () => {
      const output = await influx('-execute', 'SHOW DATABASES')
      if (!output.includes('tsink')) throw new Error(`it printed ${JSON.stringify(output)}`)
    })
    await suite.check('influx CLI: INSERT is stored with its time', async () => {
      const line = `INSERT cli_cpu,host=web\\ 01,dc=eu usage=42.5,cores=8i,up=true ${seconds}123`
      await influx('-database', 'demo', '-precision', 'ms', '-execute', line)
      await untilStored(
        stage.url,
        '{__name__=~"cli_cpu_.*"}',
        {
          'cli_cpu_usage{dc="eu",host="web 01",influx_db="demo"}': `42.5@${seconds}.123`,
          'cli_cpu_cores{dc="eu",host="web 01",influx_db="demo"}': `8@${seconds}.123`,
          'cli_cpu_up{dc="eu",host="web 01",influx_db="demo"}': `1@${seconds}.123`,
        },
        { times: true },
      )
    })
    await suite.check('influx CLI: -import stores every line of a file', async () => {
      const file = join(stage.makeFolder('influx-cli'), 'import.txt')
      const lines = Array.from({ length: 20 }, (_, i) => `cli_import,room=r${i % 2} value=${i}.25 ${seconds + i}`)
      writeFileSync(file, ['# DDL', 'CREATE DATABASE cellar', '# DML', '# CONTEXT-DATABASE: cellar', ...lines, ''].join('\n'))
      await influx('-import', '-path', file, '-precision', 's')
      const of = (rest: number): string => Array.from({ length: 10 }, (_, i) => `${i * 2 + rest}.25@${seconds + i * 2 + rest}`).join(' ')
      await untilStored(
        stage.url,
        'cli_import',
        { 'cli_import{influx_db="cellar",room="r0"}': of(0), 'cli_import{influx_db="cellar",room="r1"}': of(1) },
        { times: true },
      )
    })
  },
}
