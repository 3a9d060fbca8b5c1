/**
 * `pnpm acceptance [--only NAME,...] [--screenshot FILE]`: the real server between real programs. Each part is one client that we did not
 * write, sending or reading; what it sent is asked for by query, what it read is compared with what was stored.
 */
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { docs } from './docs.ts'
import { differential } from './differential.ts'
import { page } from './page.ts'
import type { Part } from './part.ts'
import { findProgram, installMissing } from './programs.ts'
import { prometheus } from './prometheus.ts'
import { duckdb } from './readers/duckdb.ts'
import { federate, federate3 } from './readers/federate.ts'
import { grafana } from './readers/grafana.ts'
import { remoteRead, remoteRead3 } from './readers/prometheus.ts'
import { promtool, promtool3 } from './readers/promtool.ts'
import { vmalert } from './readers/vmalert.ts'
import { vmctl } from './readers/vmctl.ts'
import { scraping } from './scraping.ts'
import { access } from './senders/access.ts'
import { carbonRelay } from './senders/carbon-relay.ts'
import { collectd } from './senders/collectd.ts'
import { hotShots } from './senders/hot-shots.ts'
import { influxCli } from './senders/influx-cli.ts'
import { influxV1 } from './senders/influx-v1.ts'
import { influxV2 } from './senders/influx-v2.ts'
import { opentelemetry } from './senders/opentelemetry.ts'
import { promClient } from './senders/prom-client.ts'
import { prometheus3 } from './senders/prometheus3.ts'
import { questdb } from './senders/questdb.ts'
import { restart, restart3 } from './senders/restart.ts'
import { vmagent } from './senders/vmagent.ts'
import { Stage } from './stage.ts'
import { Suite } from './suite.ts'

const { values } = parseArgs({
  options: { only: { type: 'string' }, screenshot: { type: 'string' }, 'no-browser': { type: 'boolean', default: false } },
})
const screenshot = values.screenshot === undefined ? null : resolve(values.screenshot)
const parts: readonly Part[] = [
  prometheus,
  page(screenshot),
  scraping,
  opentelemetry,
  promClient,
  influxCli,
  influxV1,
  influxV2,
  questdb,
  hotShots,
  collectd,
  carbonRelay,
  vmagent,
  prometheus3,
  access,
  restart,
  restart3,
  remoteRead,
  remoteRead3,
  promtool,
  promtool3,
  vmctl,
  vmalert,
  federate,
  federate3,
  duckdb,
  grafana,
  docs,
  differential,
]

const suite = new Suite()
const selected = select(values.only?.split(',') ?? null)
installMissing(selected.flatMap((part) => part.programs))
const stage = await Stage.open()
try {
  await stage.server.ready()
  for (const part of selected) await run(part)
} catch (error) {
  await suite.check('the server runs', () => {
    throw error
  })
}
await suite.check('SIGTERM ends the server with 0', async () => {
  const code = await stage.close()
  if (code !== 0) throw new Error(`it ended with ${code}:\n${stage.server.stderr}`)
})
// A part that failed may have left a socket open.
process.exit(suite.close())

/** The parts that are asked for, with those whose data they look at. */
function select(only: readonly string[] | null): readonly Part[] {
  const wanted = new Set(only ?? parts.map((part) => part.name))
  if (values['no-browser']) wanted.delete('page')
  for (const part of parts) if (wanted.has(part.name)) for (const name of part.after ?? []) wanted.add(name)
  const unknown = [...wanted].filter((name) => !parts.some((part) => part.name === name))
  if (unknown.length > 0) throw new Error(`no part is named ${unknown.join(', ')}; there are ${parts.map((part) => part.name).join(', ')}`)
  return parts.filter((part) => wanted.has(part.name))
}

async function run(part: Part): Promise<void> {
  const missing = part.programs.filter((name) => findProgram(name) === null)
  const lacking = missing.length > 0 ? missing.join(', ') : (part.lacks?.() ?? null)
  if (lacking !== null) return suite.skip(part.name, `there is no ${lacking}`)
  const begin = performance.now()
  try {
    await part.run(suite, stage)
  } catch (error) {
    await suite.check(`${part.name} runs`, () => {
      throw error
    })
  } finally {
    await stage.clear()
  }
  console.log(`      ${part.name}: ${((performance.now() - begin) / 1_000).toFixed(1)} s`)
}
