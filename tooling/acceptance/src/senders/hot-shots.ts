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
    await sendAsDatadog()
    await sendAsTelegraf()

    await suite.check('hot-shots gathers by itself: what it adds up arrives as a sum', async () => {
      const client = new StatsD({
        host: '127.0.0.1',
        port,
        prefix: 'hs_sum.',
        aggregation: { flushInterval: 50 },
        includeDataDogTags: false,
      })
      for (let i = 1; i <= 100; i++) client.increment('requests', i)
      client.increment('sampled', 1, 1)
      await closed(client)
      await untilStored(
        stage.url,
        'last_over_time({__name__=~"hs_sum_.*"}[5m])',
        { hs_sum_requests: '5050', hs_sum_sampled: '1' },
        EXPRESSION,
      )
    })

    /** With the fields that Datadog's agent reads behind a metric: container, cardinality, time. */
    async function sendAsDatadog(): Promise<void> {
      await suite.check("hot-shots with Datadog's fields, and a time of the sender", async () => {
        const datadog = { datadog: true, containerID: 'abc', cardinality: 'low', includeDatadogTelemetry: false } as const
        const client = new StatsD({ host: '127.0.0.1', port, prefix: 'hs_dd.', globalTags: { env: 'test' }, ...datadog })
        client.increment('requests', 5, { tags: { code: '200' }, cardinality: 'high', timestamp: new Date() })
        client.distribution('size', 12)
        client.gauge('queue', -3.5)
        await closed(client)
        await untilStored(
          stage.url,
          'last_over_time({__name__=~"hs_dd_.*",quantile=""}[5m])',
          {
            'hs_dd_requests{code="200",container_id="abc",env="test"}': '5',
            'hs_dd_size_count{container_id="abc",env="test"}': '1',
            'hs_dd_size_sum{container_id="abc",env="test"}': '12',
            'hs_dd_queue{container_id="abc",env="test"}': '-3.5',
          },
          EXPRESSION,
        )
      })
    }

    /** Telegraf's dialect has its tags in the name. */
    async function sendAsTelegraf(): Promise<void> {
      await suite.check("hot-shots in Telegraf's dialect", async () => {
        const client = new StatsD({ host: '127.0.0.1', port, prefix: 'hs_tg.', globalTags: { env: 'test' }, telegraf: true })
        client.increment('requests', 5, { code: '200' })
        client.gauge('queue', 2)
        await closed(client)
        const want = { 'hs_tg_requests{code="200",env="test"}': '5', 'hs_tg_queue{env="test"}': '2' }
        await untilStored(stage.url, 'last_over_time({__name__=~"hs_tg_.*"}[5m])', want, EXPRESSION)
      })
    }

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
        await closed(client)
        const e = '{env="test"}'
        await untilStored(
          stage.url,
          `last_over_time({__name__=~"hs_${way}_.*",__name__!~".*_users",quantile=""}[5m])`,
          {
            [`hs_${way}_requests{code="200",env="test"}`]: '7',
            [`hs_${way}_requests{code="500",env="test"}`]: '-1',
            [`hs_${way}_queue${e}`]: '17.5',
            [`hs_${way}_latency_count${e}`]: '4',
            [`hs_${way}_latency_sum${e}`]: '1',
          },
          EXPRESSION,
        )
        // A set begins anew with each flush.
        await untilStored(stage.url, `max_over_time(hs_${way}_users[5m])`, { [e]: '2' }, EXPRESSION)
      })
    }
  },
}

const EXPRESSION = { expression: true } as const

/** Lets a client send what it holds, and closes it. */
function closed(client: StatsD): Promise<void> {
  return new Promise((done) => setTimeout(() => client.close(() => done()), 150))
}
