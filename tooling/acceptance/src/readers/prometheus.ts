/**
 * Prometheus reading from us: a server without data of its own answers from ours. Debian's takes samples, Prometheus 3 streamed chunks, so both
 * modes of the protocol are read by the program that they were made for.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from '@tsink/testing'
import { ask, printSeries, stored, unlike, untilStored, type Labels } from '../answer.ts'
import { differences, type Series } from '../compare.ts'
import type { Part } from '../part.ts'
import { seed } from './seed.ts'
import { Tap } from './tap.ts'

export const remoteRead: Part = reader('prometheus', 'remote-read', 'samples', 'application/x-protobuf')
export const remoteRead3: Part = reader(
  'prometheus3',
  'remote-read3',
  'streamed chunks',
  'application/x-streamed-protobuf; proto=prometheus.ChunkedReadResponse',
)

function reader(program: 'prometheus' | 'prometheus3', part: string, mode: string, contentType: string): Part {
  return {
    name: part,
    programs: [program],
    async run(suite, stage) {
      const name = part.replaceAll('-', '_')
      const { floats, start, end, step } = await seed(stage, name)
      const tap = await Tap.open(stage.url)
      const folder = stage.makeFolder(part)
      const config = join(folder, 'prometheus.yml')
      writeFileSync(config, `remote_read: [{ url: '${tap.url}/api/v1/read', read_recent: true }]\n`)
      const port = await freePort()
      const theirs = stage.start(program, [
        `--config.file=${config}`,
        `--storage.tsdb.path=${join(folder, 'data')}`,
        `--web.listen-address=127.0.0.1:${port}`,
        '--enable-feature=native-histograms',
        '--log.level=warn',
      ])
      const url = `http://127.0.0.1:${port}`
      await theirs.answers(`${url}/-/ready`)

      await suite.check(`${part}, ${mode}: every sample`, () => untilStored(url, name, floats, { times: true }))
      await suite.check(`${part}: that was the mode`, () => {
        const found = [...tap.contentTypes].join(', ')
        if (found !== contentType) throw new Error(`the answers were ${found}`)
      })
      // Debian's Prometheus is older than native histograms in remote read.
      if (program === 'prometheus3') {
        await suite.check(`${part}, ${mode}: native histograms`, async () => {
          const ours = await stored(stage.url, `${name}_size`, { times: true })
          if (Object.values(ours)[0]?.split('"count"').length !== 6) throw new Error(`we have ${JSON.stringify(ours)}`)
          await untilStored(url, `${name}_size`, ours, { times: true })
        })
      }
      await suite.check(`${part}, ${mode}: matchers of all four kinds`, async () => {
        const query = `count_over_time({__name__="${name}",room!="a",room=~"b.*",other!~".+"}[1h])`
        await untilStored(url, query, { '{room="b \\"c\\""}': '200' }, { expression: true })
      })
      await suite.check(`${part}, ${mode}: range queries as ours`, async () => {
        for (const query of [`sum(rate(${name}[2m]))`, `max_over_time(${name}[1m]) - ${name} offset 1m`, `sort(-${name})`]) {
          const form = { query, start: String(start), end: String(end), step: String(step) }
          const read = async (from: string): Promise<Series[]> => (await ask<{ result: Series[] }>(from, 'query_range', form)).result
          const [left, right] = [await read(url), await read(stage.url)]
          if (left.length === 0) throw new Error(`no answer to ${query}`)
          const found = differences(left, right)
          if (found.length > 0) throw new Error(`${query}: ${found.join('; ')}`)
        }
      })
      await suite.check(`${part}, ${mode}: the list of series`, async () => {
        const found = await ask<Labels[]>(url, `series?${new URLSearchParams({ 'match[]': name, start: String(start), end: String(end) })}`)
        const wrong = unlike(floats, Object.fromEntries(found.map((labels) => [printSeries(labels), floats[printSeries(labels)] ?? ''])))
        if (wrong.length > 0) throw new Error(wrong.join('; '))
      })
      tap.close()
    },
  }
}
