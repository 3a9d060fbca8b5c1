/** `prom-client` pushing to the Pushgateway's path, as batch jobs do. */
import { Counter, Gauge, Histogram, Pushgateway, Registry, Summary } from 'prom-client'
import { untilStored } from '../answer.ts'
import type { Part } from '../part.ts'

export const promClient: Part = {
  name: 'prom-client',
  programs: [],
  async run(suite, stage) {
    const registry = new Registry()
    const registers = [registry]
    const bytes = new Gauge({ name: 'pushed_bytes', help: 'bytes', labelNames: ['disk'], registers })
    const runs = new Counter({ name: 'pushed_runs_total', help: 'runs', registers })
    const seconds = new Histogram({ name: 'pushed_seconds', help: 'seconds', buckets: [0.5, 1], registers })
    const sizes = new Summary({ name: 'pushed_sizes', help: 'sizes', percentiles: [0.5], registers })
    const gateway = new Pushgateway(stage.url, {}, registry)
    const grouping = { instance: 'db 1/a' }

    await suite.check('prom-client: pushAdd stores counters, gauges, histograms and summaries', async () => {
      bytes.set({ disk: 'sda "1"' }, 5.25)
      runs.inc(2)
      for (const value of [0.25, 0.75, 2]) seconds.observe(value)
      for (const value of [10, 20, 30]) sizes.observe(value)
      await gateway.pushAdd({ jobName: 'backup', groupings: grouping })
      const labels = 'instance="db 1/a",job="backup"'
      await untilStored(stage.url, '{__name__=~"pushed_.*"}', {
        [`pushed_bytes{disk="sda \\"1\\"",${labels}}`]: '5.25',
        [`pushed_runs_total{${labels}}`]: '2',
        [`pushed_seconds_bucket{${labels},le="0.5"}`]: '1',
        [`pushed_seconds_bucket{${labels},le="1.0"}`]: '2',
        [`pushed_seconds_bucket{${labels},le="+Inf"}`]: '3',
        [`pushed_seconds_sum{${labels}}`]: '3',
        [`pushed_seconds_count{${labels}}`]: '3',
        [`pushed_sizes{${labels},quantile="0.5"}`]: '20',
        [`pushed_sizes_sum{${labels}}`]: '60',
        [`pushed_sizes_count{${labels}}`]: '3',
      })
    })
    await suite.check('prom-client: push (PUT) adds the next sample', async () => {
      runs.inc(40)
      await gateway.push({ jobName: 'backup', groupings: grouping })
      await untilStored(stage.url, 'pushed_runs_total', { 'pushed_runs_total{instance="db 1/a",job="backup"}': '2 42' })
    })
  },
}
