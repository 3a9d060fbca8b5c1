/** `hot-shots`, the DogStatsD client: every kind of metric over UDP and TCP, tags, sample rates, packed and aggregated values. */
import { connect } from 'node:net'
import { StatsD, type ClientOptions } from 'hot-shots'
import { untilStored } from '../answer.ts'
import type { Part } from '../part.ts'

export const hotShots: Part = {
  name: 'hot-shots',
  programs: [],
  async run(suite, stage) {
    const port = stage.ports.statsd
    await send('UDP', 'udp', { protocol: 'udp', host: '127.0.0.1', port })
    await send('TCP', 'tcp', { protocol: 'tcp', host: '127.0.0.1', port })
    await send('UDP, buffered', 'buffered', { protocol: 'udp', host: '127.0.0.1', port, maxBufferSize: 1_200, bufferFlushInterval: 50 })

    const stream = connect(stage.statsdSocket)
    await send('a Unix stream', 'unix', { protocol: 'stream', stream })
    stream.destroy()

    async function send(title: string, way: string, options: ClientOptions): Promise<void> {
      await suite.check(`hot-shots over ${title}: counters, gauges, timers, sets`, async () => {
        const client = new StatsD({
          ...options,
          prefix: `hs_${way}.`,
          globalTags: { env: 'test' },
          includeDataDogTags: false,
          datadog: false,
        })
        client.increment('requests', 3, { code: '200' })
        client.increment('requests', 4, { code: '200' })
        client.decrement('requests', 1, { code: '500' })
        client.gauge('queue', 17.5)
        for (const ms of [100, 200, 300, 400]) client.timing('latency', ms)
        for (const member of ['ann', 'bob', 'ann']) client.unique('users', member)
        // What is no metric must not disturb the others.
        client.event('deploy', 'a new version')
        client.check('alive', client.CHECKS.OK)
        await new Promise<void>((done) => setTimeout(() => client.close(() => done()), 150))
        const e = '{env="test"}'
        await untilStored(
          stage.url,
          `(last_over_time({__name__=~"hs_${way}_.*", quantile=""}[5m]))`,
          {
            [`hs_${way}_requests{code="200",env="test"}`]: '7',
            [`hs_${way}_requests{code="500",env="test"}`]: '-1',
            [`hs_${way}_queue${e}`]: '17.5',
            [`hs_${way}_latency_count${e}`]: '4',
            [`hs_${way}_latency_sum${e}`]: '1',
            [`hs_${way}_users${e}`]: '2',
          },
          { expression: true },
        )
      })
    }
  },
}
