/** promtool, Debian's and that of Prometheus 3: queries against us, and blocks for a Prometheus out of our OpenMetrics dump. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from '@tsink/testing'
import { printSeries, unlike, untilStored, type Labels, type Stored } from '../answer.ts'
import type { Part } from '../part.ts'
import { runProgram } from '../programs.ts'
import type { Stage } from '../stage.ts'
import type { Suite } from '../suite.ts'
import { seed } from './seed.ts'

export const promtool: Part = part('promtool', 'promtool', 'prometheus')
export const promtool3: Part = part('promtool3', 'promtool3', 'prometheus3')

function part(name: string, tool: 'promtool' | 'promtool3', server: 'prometheus' | 'prometheus3'): Part {
  return { name, programs: [tool, server], run: (suite, stage) => check(suite, stage, tool, server) }
}

async function check(suite: Suite, stage: Stage, tool: 'promtool' | 'promtool3', server: 'prometheus' | 'prometheus3'): Promise<void> {
  const name = `seen_by_${tool}`
  const { floats, start, end, step } = await seed(stage, name)
  const query = (...args: string[]): Promise<string> => runProgram(tool, ['query', ...args])

  await suite.check(`${tool} query instant`, async () => {
    const found = await query('-o', 'json', 'instant', `--time=${end + 1}`, stage.url, `${name}[1h]`)
    equal(floats, asStored(found))
  })
  await suite.check(`${tool} query range`, async () => {
    const times = [`--start=${start}`, `--end=${end}`, `--step=${step}s`]
    const found = await query('-o', 'json', 'range', ...times, stage.url, `${name}{room="a"}`)
    equal({ [`${name}{room="a"}`]: floats[`${name}{room="a"}`]! }, asStored(found))
  })
  await suite.check(`${tool} query instant, native histograms`, async () => {
    const found = await query('instant', `--time=${start + 15}`, stage.url, `histogram_count(${name}_size)`)
    if (found.trim() !== `{} => 16 @[${start + 15}]`) throw new Error(`it printed ${found}`)
  })
  await suite.check(`${tool} query series`, async () => {
    const found = await query('series', `--match=${name}`, `--start=${start}`, `--end=${end}`, stage.url)
    equalLines(
      found,
      Object.keys(floats).map((series) => series.replace(name, '').replace('{', `{__name__="${name}", `)),
    )
  })
  await suite.check(`${tool} query labels`, async () => {
    equalLines(await query('labels', `--start=${start}`, `--end=${end}`, `--match=${name}`, stage.url, 'room'), ['a', 'b "c"'])
  })

  await suite.check(`${tool} tsdb create-blocks-from openmetrics, of our dump, for a Prometheus to serve`, async () => {
    const folder = stage.makeFolder(tool)
    const dump = join(folder, 'dump.txt')
    const response = await fetch(`${stage.url}/api/v1/export/openmetrics?${new URLSearchParams({ 'match[]': `{__name__=~"${name}.*"}` })}`)
    if (!response.ok) throw new Error(`the export answered ${response.status}: ${await response.text()}`)
    writeFileSync(dump, await response.text())
    const data = join(folder, 'data')
    await runProgram(tool, ['tsdb', 'create-blocks-from', 'openmetrics', dump, data])
    const config = join(folder, 'prometheus.yml')
    writeFileSync(config, '')
    const port = await freePort()
    const args = [`--config.file=${config}`, `--storage.tsdb.path=${data}`, `--web.listen-address=127.0.0.1:${port}`, '--log.level=warn']
    const theirs = stage.start(server, args)
    await theirs.answers(`http://127.0.0.1:${port}/-/ready`)
    await untilStored(`http://127.0.0.1:${port}`, name, floats, { times: true })
  })
}

/** promtool's JSON, which is the result of the API without its envelope. */
function asStored(json: string): Stored {
  const series = JSON.parse(json) as { metric: Labels; values: [number, string][] }[]
  return Object.fromEntries(
    series.map(({ metric, values }) => [printSeries(metric), values.map(([time, value]) => `${value}@${time}`).join(' ')]),
  )
}

function equal(want: Stored, found: Stored): void {
  const wrong = unlike(want, found)
  if (wrong.length > 0) throw new Error(wrong.join('; '))
}

function equalLines(text: string, want: readonly string[]): void {
  const lines = text.split('\n').filter((line) => line !== '')
  if (JSON.stringify(lines.toSorted()) !== JSON.stringify(want.toSorted()))
    throw new Error(`it printed ${JSON.stringify(lines)}, not ${JSON.stringify(want)}`)
}
