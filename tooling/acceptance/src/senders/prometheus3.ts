/** Prometheus 3 with remote write 2.0: samples, native histograms of custom buckets, exemplars and metadata, and names in UTF-8. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from '@tsink/testing'
import { ask, untilSame, untilStored } from '../answer.ts'
import { PageServer } from '../page-server.ts'
import type { Part } from '../part.ts'

const PAGE = `# HELP rw2_requests How many.
# TYPE rw2_requests counter
rw2_requests_total{code="200"} 5.5 # {trace_id="abc"} 1.5
# HELP rw2_seconds How long.
# TYPE rw2_seconds histogram
# UNIT rw2_seconds seconds
rw2_seconds_bucket{le="0.5"} 1
rw2_seconds_bucket{le="1.0"} 3
rw2_seconds_bucket{le="+Inf"} 4
rw2_seconds_sum 3.75
rw2_seconds_count 4
# TYPE "rw2.name with äöü" gauge
{"rw2.name with äöü","label.key"="x"} -2
# EOF
`

export const prometheus3: Part = {
  name: 'prometheus3',
  programs: ['prometheus3'],
  async run(suite, stage) {
    const page = await PageServer.open(PAGE, 'application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=allow-utf-8')
    const folder = stage.makeFolder('prometheus3')
    const config = join(folder, 'prometheus.yml')
    writeFileSync(
      config,
      `global: { scrape_interval: 1s, scrape_timeout: 1s }
scrape_configs:
  - job_name: rw2
    convert_classic_histograms_to_nhcb: true
    static_configs: [{ targets: ['${page.address}'] }]
remote_write:
  - url: ${stage.url}/api/v1/write
    protobuf_message: io.prometheus.write.v2.Request
    send_exemplars: true
    send_native_histograms: true
    queue_config: { batch_send_deadline: 200ms }
`,
    )
    const port = await freePort()
    const theirs = stage.start('prometheus3', [
      `--config.file=${config}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--enable-feature=exemplar-storage,native-histograms,metadata-wal-records',
      '--log.level=warn',
    ])
    await theirs.answers(`http://127.0.0.1:${port}/-/ready`)

    const target = `instance="${page.address}",job="rw2"`
    const now = (query: string, want: Record<string, string>): Promise<void> => untilStored(stage.url, query, want, { expression: true })
    await suite.check('Prometheus 3, remote write 2.0: samples', async () => {
      await now('{__name__=~"rw2.*total|rw2.name.*|up",job="rw2"}', {
        [`rw2_requests_total{code="200",${target}}`]: '5.5',
        [`rw2.name with äöü{${target},label.key="x"}`]: '-2',
        [`up{${target}}`]: '1',
      })
    })
    await suite.check('Prometheus 3, remote write 2.0: native histograms of custom buckets', async () => {
      await now('histogram_count(rw2_seconds)', { [`{${target}}`]: '4' })
      await now('histogram_sum(rw2_seconds)', { [`{${target}}`]: '3.75' })
      await now('histogram_fraction(0.5, 1, rw2_seconds) * 4', { [`{${target}}`]: '2' })
    })
    await suite.check('Prometheus 3, remote write 2.0: exemplars', async () => {
      interface Found {
        readonly exemplars: readonly { readonly labels: Record<string, string>; readonly value: string }[]
      }
      const read = async (): Promise<Record<string, string>> => {
        const end = String(Date.now() / 1_000)
        const found = await ask<Found[]>(stage.url, 'query_exemplars', { query: 'rw2_requests_total', start: '0', end })
        return Object.fromEntries(
          found.flatMap(({ exemplars }) => exemplars.slice(-1).map(({ labels, value }) => [JSON.stringify(labels), value])),
        )
      }
      await untilSame(read, { '{"trace_id":"abc"}': '1.5' })
    })
    await suite.check('Prometheus 3, remote write 2.0: metadata', async () => {
      const read = async (): Promise<Record<string, string>> => {
        const found = await ask<Record<string, unknown[]>>(stage.url, 'metadata')
        const ours = Object.entries(found).filter(([name]) => name.startsWith('rw2_'))
        return Object.fromEntries(ours.map(([name, [metadata]]) => [name, JSON.stringify(metadata)]))
      }
      await untilSame(read, {
        rw2_requests_total: '{"type":"counter","help":"How many.","unit":""}',
        rw2_seconds: '{"type":"histogram","help":"How long.","unit":"seconds"}',
      })
    })
    await page.close()
    await suite.check('Prometheus 3, remote write 2.0: stale markers, of histograms too', () =>
      now('{__name__=~"rw2.*|up",job="rw2"}', { [`up{${target}}`]: '0' }),
    )
  },
}
