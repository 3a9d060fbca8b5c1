/**
 * A Prometheus that goes on sending while the server is killed and started again: in the end we must have exactly the samples that it has, none
 * lost and none twice.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort, ServerProcess, serverCommand, sleep } from '@tsink/testing'
import { ask, printSeries, unlike, type Labels, type Stored } from '../answer.ts'
import { PageServer } from '../page-server.ts'
import type { Part } from '../part.ts'

export const restart: Part = sender('prometheus', 'restart', '')
export const restart3: Part = sender('prometheus3', 'restart3', 'protobuf_message: io.prometheus.write.v2.Request')

const RUN_MS = 2_500
const DOWN_MS = 1_000
/** How long Prometheus may take to send again what was refused: it waits up to 5 s between tries. */
const SETTLE_MS = 30_000

function sender(program: 'prometheus' | 'prometheus3', name: string, more: string): Part {
  return {
    name,
    programs: [program],
    async run(suite, stage) {
      const folder = stage.makeFolder(name)
      const page = await PageServer.open(Array.from({ length: 200 }, (_, i) => `restart_page{i="${i}"} ${i}.5\n`).join(''))
      const [ourPort, port] = [await freePort(), await freePort()]
      const start = (): ServerProcess => new ServerProcess(serverCommand(), ourPort, ['--data-path', join(folder, 'tsink')])
      let ours = start()
      await ours.ready()
      const config = join(folder, 'prometheus.yml')
      writeFileSync(
        config,
        `global: { scrape_interval: 250ms, scrape_timeout: 250ms }
scrape_configs:
  - job_name: restart
    static_configs: [{ targets: ['${page.address}'] }]
remote_write:
  - url: ${ours.url}/api/v1/write
    ${more}
    queue_config: { batch_send_deadline: 100ms, max_backoff: 500ms }
`,
      )
      const theirs = stage.start(program, [
        `--config.file=${config}`,
        `--storage.tsdb.path=${join(folder, 'data')}`,
        `--web.listen-address=127.0.0.1:${port}`,
        '--log.level=error',
      ])
      await theirs.answers(`http://127.0.0.1:${port}/-/ready`)
      await suite.check(`${name}: what ${program} sent around two kills of the server is there, once`, async () => {
        for (let round = 0; round < 2; round++) {
          await sleep(RUN_MS)
          await ours.kill()
          await sleep(DOWN_MS)
          ours = start()
          await ours.ready()
        }
        await sleep(RUN_MS)
        const until = Date.now() / 1_000 - 1
        const deadline = performance.now() + SETTLE_MS
        for (;;) {
          const want = await samplesUntil(`http://127.0.0.1:${port}`, until)
          if (Object.keys(want).length !== 200) throw new Error(`${program} itself has ${Object.keys(want).length} series`)
          const wrong = unlike(want, await samplesUntil(ours.url, until))
          if (wrong.length === 0) return
          if (performance.now() > deadline) throw new Error(`${wrong.length} of 200 series differ: ${wrong.slice(0, 3).join('; ')}`)
          await sleep(500)
        }
      })
      await ours.stop()
      await page.close()
    },
  }
}

/** All samples of the page up to a moment. */
async function samplesUntil(url: string, seconds: number): Promise<Stored> {
  const form = { query: 'restart_page[5m]', time: seconds.toFixed(3) }
  const { result } = await ask<{ result: { metric: Labels; values: [number, string][] }[] }>(url, 'query', form)
  return Object.fromEntries(
    result.map(({ metric, values }) => [printSeries(metric), values.map(([time, value]) => `${value}@${time}`).join(' ')]),
  )
}
