/** A Prometheus scraping us, our own metrics and a federation of what we have stored: both pages must be what its parser takes whole. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from '@tsink/testing'
import { untilStored } from '../answer.ts'
import type { Part } from '../part.ts'

export const federate: Part = reader('prometheus')
export const federate3: Part = reader('prometheus3')

function reader(program: 'prometheus' | 'prometheus3'): Part {
  const part = program === 'prometheus' ? 'federate' : 'federate3'
  return {
    name: part,
    programs: [program],
    async run(suite, stage) {
      const seconds = Math.floor(Date.now() / 1_000)
      const lines = `${part}_pages{job="own",room="a \\"b\\""} 42.125 ${seconds}000\n${part}_pages{instance="x"} -1e-9 ${seconds}250\n`
      const pushed = await fetch(`${stage.url}/api/v1/import/prometheus`, { method: 'POST', body: lines })
      if (!pushed.ok) throw new Error(`the push answered ${pushed.status}: ${await pushed.text()}`)

      const folder = stage.makeFolder(part)
      const config = join(folder, 'prometheus.yml')
      writeFileSync(
        config,
        `global: { scrape_interval: 1s, scrape_timeout: 1s }
scrape_configs:
  - job_name: federate
    honor_labels: true
    metrics_path: /federate
    params: { 'match[]': ['${part}_pages'] }
    static_configs: [{ targets: ['${stage.address}'] }]
  - job_name: tsink
    static_configs: [{ targets: ['${stage.address}'] }]
`,
      )
      const port = await freePort()
      const theirs = stage.start(program, [
        `--config.file=${config}`,
        `--storage.tsdb.path=${join(folder, 'data')}`,
        `--web.listen-address=127.0.0.1:${port}`,
        '--log.level=warn',
      ])
      const url = `http://127.0.0.1:${port}`
      await theirs.answers(`${url}/-/ready`)
      await suite.check(`${part}: a federation has labels, values and times of what is stored`, () =>
        untilStored(
          url,
          `${part}_pages`,
          {
            [`${part}_pages{job="own",room="a \\"b\\""}`]: `42.125@${seconds}`,
            [`${part}_pages{instance="x",job="federate"}`]: `-1e-09@${seconds + 0.25}`,
          },
          { times: true },
        ),
      )
      await suite.check(`${part}: our own metrics are scraped whole`, async () => {
        const up = `up{instance="${stage.address}",job=`
        await untilStored(url, 'up', { [`${up}"federate"}`]: '1', [`${up}"tsink"}`]: '1' }, { expression: true })
        await untilStored(url, 'count(tsink_build_info == 1)', { '': '1' }, { expression: true })
      })
    },
  }
}
