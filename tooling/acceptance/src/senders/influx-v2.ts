/** `@influxdata/influxdb-client`, the client of InfluxDB 2: it batches, compresses and retries. */
import { gzipSync } from 'node:zlib'
import { HttpError, InfluxDB, Point } from '@influxdata/influxdb-client'
import { untilStored } from '../answer.ts'
import type { Part } from '../part.ts'

export const influxV2: Part = {
  name: 'influx-v2',
  programs: [],
  async run(suite, stage) {
    const client = new InfluxDB({ url: stage.url, token: 'any' })
    const labels = 'influx_bucket="bucket",influx_org="org",site="here"'

    await suite.check('@influxdata/influxdb-client: points of every field type are stored', async () => {
      const time = Date.now() - 60_000
      const writer = client.getWriteApi('org', 'bucket', 'ms', { defaultTags: { site: 'here' }, maxRetries: 0 })
      const point = new Point('v2_air').tag('room', 'a b,c=d').timestamp(time)
      point.floatField('temperature', -21.25e-3).intField('persons', 7).uintField('bytes', '9007199254740991').booleanField('open', true)
      writer.writePoint(point)
      writer.writePoint(
        new Point('v2_air')
          .tag('room', 'b')
          .floatField('temperature', 4)
          .timestamp(time + 1),
      )
      await writer.close()
      const at = (ms: number): string => String(ms / 1_000)
      await untilStored(
        stage.url,
        '{__name__=~"v2_air_.*"}',
        {
          [`v2_air_temperature{${labels.replace('site', 'room="a b,c=d",site')}}`]: `-0.02125@${at(time)}`,
          [`v2_air_persons{${labels.replace('site', 'room="a b,c=d",site')}}`]: `7@${at(time)}`,
          [`v2_air_bytes{${labels.replace('site', 'room="a b,c=d",site')}}`]: `9007199254740991@${at(time)}`,
          [`v2_air_open{${labels.replace('site', 'room="a b,c=d",site')}}`]: `1@${at(time)}`,
          [`v2_air_temperature{${labels.replace('site', 'room="b",site')}}`]: `4@${at(time + 1)}`,
        },
        { times: true },
      )
    })
    await suite.check('@influxdata/influxdb-client: a large batch goes compressed and is stored whole', async () => {
      const lines = Array.from({ length: 2_000 }, (_, i) => `v2_large,i=${i} value=${i}`)
      if (gzipSync(lines.join('\n')).length < 1_000) throw new Error('the batch is not large')
      const writer = client.getWriteApi('org', 'bucket', 's', { gzipThreshold: 1_000, maxRetries: 0 })
      writer.writeRecords(lines)
      await writer.close()
      await untilStored(stage.url, '(count(v2_large) * 1e9 + sum(v2_large))', { '': '2000001999000' }, { expression: true })
    })
    await suite.check('@influxdata/influxdb-client: the good lines of a batch are stored, the bad one is told', async () => {
      const failed: Error[] = []
      const writer = client.getWriteApi('org', 'bucket', 's', { maxRetries: 0, writeFailed: async (error) => void failed.push(error) })
      writer.writeRecords(['v2_part,n=1 value=1', 'v2_part,n=2 value=', 'v2_part,n=3 value=3'])
      await writer.close().catch(() => undefined)
      const [error] = failed
      if (!(error instanceof HttpError) || error.statusCode !== 400 || !error.message.includes('line 2'))
        throw new Error(`the client was told ${String(error)}`)
      await untilStored(stage.url, 'v2_part', {
        'v2_part{influx_bucket="bucket",influx_org="org",n="1"}': '1',
        'v2_part{influx_bucket="bucket",influx_org="org",n="3"}': '3',
      })
    })
  },
}
