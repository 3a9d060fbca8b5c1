/**
 * Generated queries over generated data, asked of a real Prometheus and of us: native histograms included, which no naive evaluator of ours
 * judges. `TSINK_SEED` chooses data and queries, `TSINK_DIFFERENTIAL_ROUNDS` how often both are made anew.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { snappyEncode } from '@tsink/kernel'
import { Dice, generateData, generateHistogramQuery, generateQuery, generateRarerQuery } from '@tsink/promqltest'
import { encodeRemoteWrite } from '@tsink/protocols'
import { freePort, REMOTE_WRITE_HEADERS, ServerProcess, serverCommand } from '@tsink/testing'
import { differences, type Series } from './compare.ts'
import type { Part } from './part.ts'
import type { Stage } from './stage.ts'

const SEED = Number(process.env['TSINK_SEED'] ?? 1)
const ROUNDS = Number(process.env['TSINK_DIFFERENTIAL_ROUNDS'] ?? 2)
const QUERIES_PER_ROUND = 300

/** What means something else since versions that the peer may be older than. */
const CHANGED: readonly RegExp[] = [
  // 3.6: the extrapolation of histograms, too, stops where the counter would have been zero.
  /\b(rate|increase)\((latency|size|depth|\{)(?!_bucket)/,
  // 3.6: fractions of classic histograms were NaN wherever something was interpolated.
  /histogram_fraction\(.*latency_bucket/,
]

export const differential: Part = {
  name: 'differential',
  programs: ['prometheus3'],
  async run(suite, stage) {
    const dice = new Dice(SEED)
    for (let round = 0; round < ROUNDS; round++) {
      await suite.check(`${QUERIES_PER_ROUND} generated queries as Prometheus 3 (seed ${SEED}, round ${round + 1} of ${ROUNDS})`, () =>
        compareRound(dice, stage, round),
      )
    }
  },
}

async function compareRound(dice: Dice, stage: Stage, round: number): Promise<void> {
  const { batch, startMs, endMs } = generateData(dice, true)
  const theirs = await startPrometheus(stage, `differential-${round}`)
  const ours = new ServerProcess(serverCommand(), await freePort(), [
    '--retention',
    '100y',
    '--enable-feature',
    'promql-experimental-functions',
  ])
  try {
    await ours.ready()
    const body = snappyEncode(encodeRemoteWrite(batch, 1))
    for (const url of [theirs, ours.url]) await send(url, body)
    const found: string[] = []
    for (let i = 0; i < QUERIES_PER_ROUND; i++) {
      const query = dice.pick([generateQuery, generateRarerQuery, generateHistogramQuery])(dice)
      if (CHANGED.some((pattern) => pattern.test(query))) continue
      const stepMs = dice.pick([15_000, 60_000, 37_000])
      const start = startMs + dice.below(endMs - startMs)
      const range = { start: start / 1_000, end: (start + stepMs * dice.below(12)) / 1_000, step: stepMs / 1_000 }
      const difference = unlike(await ask(theirs, query, range), await ask(ours.url, query, range))
      if (difference !== null) found.push(`${query}\n      at ${JSON.stringify(range)}: ${difference}`)
    }
    if (found.length > 0) throw new Error(`${found.length} of ${QUERIES_PER_ROUND}:\n    ${found.slice(0, 5).join('\n    ')}`)
  } finally {
    await ours.stop()
    await stage.clear()
  }
}

/** A Prometheus that takes what is sent, and scrapes nothing: its URL. */
async function startPrometheus(stage: Stage, name: string): Promise<string> {
  const folder = stage.makeFolder(name)
  const config = join(folder, 'prometheus.yml')
  writeFileSync(config, 'global: { scrape_interval: 15s }\n')
  const port = await freePort()
  const program = stage.start('prometheus3', [
    `--config.file=${config}`,
    `--storage.tsdb.path=${join(folder, 'data')}`,
    '--storage.tsdb.retention.time=100y',
    `--web.listen-address=127.0.0.1:${port}`,
    '--web.enable-remote-write-receiver',
    '--enable-feature=native-histograms,promql-experimental-functions',
    '--log.level=warn',
  ])
  const url = `http://127.0.0.1:${port}`
  await program.answers(`${url}/-/ready`)
  return url
}

async function send(url: string, body: Uint8Array): Promise<void> {
  const response = await fetch(`${url}/api/v1/write`, { method: 'POST', headers: REMOTE_WRITE_HEADERS, body: Buffer.from(body) })
  if (!response.ok) throw new Error(`${url} answered ${response.status} to the data: ${await response.text()}`)
}

interface Answer {
  readonly series: readonly Series[] | null
  readonly error: string
}

async function ask(url: string, query: string, range: { start: number; end: number; step: number }): Promise<Answer> {
  const parameters = new URLSearchParams({
    query,
    start: range.start.toFixed(3),
    end: range.end.toFixed(3),
    step: range.step.toFixed(3),
  })
  const response = await fetch(`${url}/api/v1/query_range`, { method: 'POST', body: parameters })
  const { data, error = '' } = (await response.json()) as { data?: { result: Series[] }; error?: string }
  return { series: data?.result ?? null, error }
}

function unlike(theirs: Answer, ours: Answer): string | null {
  if (theirs.series !== null && ours.series !== null) return differences(theirs.series, ours.series)[0] ?? null
  // Which of two faults is met first, and in what words, is nobody's business here; that a query fails is.
  if (theirs.series === null && ours.series === null) return null
  // The newest Prometheus, which we follow, refuses a second match also where nothing would come of it, and has more functions.
  if (ours.error.startsWith('multiple matches') || theirs.error.includes('unknown function')) return null
  return theirs.series === null ? `they refuse: ${theirs.error}` : `we refuse: ${ours.error}`
}
