/** vmalert with us on both of its sides: it asks us for what its rules need, and writes to us what they come to. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from '@tsink/testing'
import { untilStored } from '../answer.ts'
import type { Part } from '../part.ts'
import { seed } from './seed.ts'

export const vmalert: Part = {
  name: 'vmalert',
  programs: ['vmalert'],
  async run(suite, stage) {
    const name = 'seen_by_vmalert'
    await seed(stage, name)
    const folder = stage.makeFolder(name)
    const rules = join(folder, 'rules.yml')
    // The seed ends a minute ago, so the rules' answers stay the same while they are evaluated.
    writeFileSync(
      rules,
      `groups:
  - name: acceptance
    interval: 1s
    rules:
      - record: vmalert_recorded
        expr: max_over_time(${name}[30m])
        labels: { by: vmalert }
      - alert: VmalertFires
        expr: max_over_time(${name}{room="a"}[30m]) > 20
        labels: { severity: page }
`,
    )
    const listen = `127.0.0.1:${await freePort()}`
    const alerting = stage.start('vmalert', [
      `-rule=${rules}`,
      `-datasource.url=${stage.url}`,
      `-remoteWrite.url=${stage.url}`,
      `-remoteRead.url=${stage.url}`,
      '-remoteWrite.flushInterval=200ms',
      '-notifier.blackhole',
      '-evaluationInterval=1s',
      `-httpListenAddr=${listen}`,
    ])
    await alerting.answers(`http://${listen}/health`)
    await suite.check('vmalert: a recording rule asks us, and what it records is stored', () =>
      untilStored(
        stage.url,
        'vmalert_recorded',
        {
          'vmalert_recorded{by="vmalert",room="a"}': '24.875',
          'vmalert_recorded{by="vmalert",room="b \\"c\\""}': '-999603.99',
        },
        { expression: true },
      ),
    )
    await suite.check('vmalert: an alert fires, and its state is stored', () =>
      untilStored(
        stage.url,
        'ALERTS{alertname="VmalertFires"}',
        {
          'ALERTS{alertgroup="acceptance",alertname="VmalertFires",alertstate="firing",room="a",severity="page"}': '1',
        },
        { expression: true },
      ),
    )
  },
}
