/** vmagent: it forwards what is pushed to it and what it scrapes, compressed with zstd or as snappy. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from '@tsink/testing'
import { untilStored } from '../answer.ts'
import { PageServer } from '../page-server.ts'
import type { Part } from '../part.ts'

export const vmagent: Part = {
  name: 'vmagent',
  programs: ['vmagent'],
  async run(suite, stage) {
    const page = await PageServer.open('vm_page{kind="a \\"b\\""} 42.25\nvm_page_total 7\n')
    for (const [protocol, flag] of [
      ['zstd', '-remoteWrite.forceVMProto'],
      ['snappy', '-remoteWrite.forcePromProto'],
    ] as const) {
      const folder = stage.makeFolder(`vmagent-${protocol}`)
      const config = join(folder, 'scrape.yml')
      writeFileSync(
        config,
        `global: { scrape_interval: 1s }
scrape_configs:
  - job_name: vm_${protocol}
    static_configs: [{ targets: ['${page.address}'] }]
`,
      )
      const listen = `127.0.0.1:${await freePort()}`
      const agent = stage.start('vmagent', [
        `-httpListenAddr=${listen}`,
        `-remoteWrite.url=${stage.url}/api/v1/write`,
        `-remoteWrite.tmpDataPath=${join(folder, 'queue')}`,
        '-remoteWrite.flushInterval=200ms',
        `-promscrape.config=${config}`,
        flag,
      ])
      await agent.answers(`http://${listen}/health`)

      await suite.check(`vmagent with ${protocol}: what is pushed to it arrives`, async () => {
        const seconds = Math.floor(Date.now() / 1_000) - 60
        const lines = Array.from({ length: 50 }, (_, i) => `vm_${protocol}{i="${i % 5}"} ${i}.125 ${seconds * 1_000 + i}\n`)
        const response = await fetch(`http://${listen}/api/v1/import/prometheus`, { method: 'POST', body: lines.join('') })
        if (!response.ok) throw new Error(`vmagent answered ${response.status}`)
        const want = Array.from({ length: 5 }, (_, rest) => {
          const samples = Array.from({ length: 10 }, (_, j) => `${j * 5 + rest}.125@${(seconds * 1_000 + j * 5 + rest) / 1_000}`)
          return [`vm_${protocol}{i="${rest}"}`, samples.join(' ')]
        })
        await untilStored(stage.url, `vm_${protocol}`, Object.fromEntries(want) as Record<string, string>, { times: true })
      })
      await suite.check(`vmagent with ${protocol}: what it scrapes arrives`, async () => {
        const labels = `instance="${page.address}",job="vm_${protocol}"`
        await untilStored(
          stage.url,
          `last_over_time({__name__=~"vm_page.*|up",job="vm_${protocol}"}[1m])`,
          {
            [`vm_page{${labels},kind="a \\"b\\""}`]: '42.25',
            [`vm_page_total{${labels}}`]: '7',
            [`up{${labels}}`]: '1',
          },
          { expression: true },
        )
      })
    }
    await page.close()
    await suite.check('vmagent: a page that is gone is down, and its series are stale', async () => {
      const down = Object.fromEntries(['snappy', 'zstd'].map((job) => [`up{instance="${page.address}",job="vm_${job}"}`, '0']))
      await untilStored(stage.url, '{__name__=~"vm_page.*|up",job=~"vm_.*"}', down, { expression: true })
    })
  },
}
