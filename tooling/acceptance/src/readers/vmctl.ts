/** vmctl moving series out of us into a VictoriaMetrics by remote read, in both of its modes. */
import { freePort } from '@tsink/testing'
import { printSeries, untilSame, type Labels, type Stored } from '../answer.ts'
import type { Part } from '../part.ts'
import { runProgram } from '../programs.ts'
import { seed } from './seed.ts'
import { Tap } from './tap.ts'

export const vmctl: Part = {
  name: 'vmctl',
  programs: ['vmctl', 'victoria-metrics'],
  async run(suite, stage) {
    for (const [mode, flags, contentType] of [
      ['samples', [], 'application/x-protobuf'],
      ['streamed chunks', ['--remote-read-use-stream'], 'application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse'],
    ] as const) {
      const name = `vmctl_${flags.length}`
      const { floats, start, end } = await seed(stage, name)
      const tap = await Tap.open(stage.url)
      const url = `http://127.0.0.1:${await freePort()}`
      const theirs = stage.start('victoria-metrics', [`-httpListenAddr=${new URL(url).host}`, `-storageDataPath=${stage.makeFolder(name)}`])
      await theirs.answers(`${url}/health`)
      await suite.check(`vmctl remote-read, ${mode}: every sample arrives in VictoriaMetrics`, async () => {
        const time = (seconds: number): string => new Date(seconds * 1_000).toISOString()
        await runProgram('vmctl', [
          'remote-read',
          '-s',
          '--disable-progress-bar',
          `--remote-read-src-addr=${tap.url}`,
          `--remote-read-filter-time-start=${time(start - 1)}`,
          `--remote-read-filter-time-end=${time(end + 1)}`,
          '--remote-read-step-interval=hour',
          '--remote-read-filter-label=__name__',
          `--remote-read-filter-label-value=${name}`,
          `--vm-addr=${url}`,
          ...flags,
        ])
        await untilSame(() => exported(url, name), floats)
        const found = [...tap.contentTypes].filter((type) => type.includes('protobuf')).join(', ')
        if (found !== contentType) throw new Error(`the answers were ${found}`)
      })
      tap.close()
    }
  },
}

/** Everything that a VictoriaMetrics has of a metric. */
async function exported(url: string, name: string): Promise<Stored> {
  // What was written is not searched before it is flushed, which takes seconds by itself.
  await fetch(`${url}/internal/force_flush`)
  const response = await fetch(`${url}/api/v1/export?${new URLSearchParams({ 'match[]': name, reduce_mem_usage: '1' })}`)
  const lines = (await response.text()).split('\n').filter((line) => line !== '')
  const series = new Map<string, string[]>()
  for (const line of lines) {
    const { metric, values, timestamps } = JSON.parse(line) as { metric: Labels; values: number[]; timestamps: number[] }
    const samples = values.map((value, i) => `${value}@${timestamps[i]! / 1_000}`)
    series.set(printSeries(metric), [...(series.get(printSeries(metric)) ?? []), ...samples])
  }
  return Object.fromEntries([...series].map(([labels, samples]) => [labels, samples.join(' ')]))
}
