/**
 * Rounds: start the server, write to it from several connections, kill -9 or cut the power at a random moment, start again, and compare with the
 * ledger.
 */
import { rmSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { encodeRemoteWrite, freePort, REMOTE_WRITE_HEADERS, ServerProcess, sleep, type SentSeries } from '@tsink/testing'
import { Ledger, valueOf, type Loss } from './ledger.ts'
import type { LoopDisk } from './loop-disk.ts'
import { seeded, type Random } from './random.ts'

export interface ChaosOptions {
  readonly rounds: number
  readonly seed: number
  /** The server's command line without `--listen` and `--data-path`. */
  readonly command: readonly string[]
  readonly args?: readonly string[]
  /** Where the data lies, when the machine is to lose power: that cuts it before the server is killed. */
  readonly disk?: LoopDisk
  readonly onRound?: (round: RoundReport) => void
}

export interface RoundReport {
  readonly round: number
  readonly acknowledged: number
  readonly checkedSeries: number
  readonly losses: readonly Loss[]
}

const WRITERS = 4
const SERIES_PER_WRITER = 5
/** Rounds live so long at most after they are ready; long enough for group commits, short enough for hundreds of rounds. */
const MAX_LIFE_MS = 600
/** One round in so many is timed from its first request, the others from their first acknowledgement: on a slow machine that comes late. */
const EARLY_KILLS = 5
/** A round without any acknowledgement ends after this. */
const MAX_WAIT_MS = 20_000
/** One round in so many is killed while it starts, which is when it replays. */
const STARTUP_KILLS = 8
/** Series of so many earlier rounds are read again each time; all of them at the end. */
const LOOK_BACK = 3

/** Runs the rounds and returns every loss. The folder of the data is removed afterwards when nothing was lost. */
export async function runRounds(
  options: ChaosOptions,
): Promise<{ readonly losses: readonly Loss[]; readonly acknowledged: number; readonly folder: string | null }> {
  const random = seeded(options.seed)
  const { disk } = options
  const folder = disk === undefined ? mkdtempSync(join(tmpdir(), 'tsink-chaos-')) : join(disk.path, 'data')
  const ledger = new Ledger()
  const losses: Loss[] = []
  const args = ['--data-path', folder, '--retention', '100y', '--log-level', 'warn', ...(options.args ?? [])]
  const born: string[][] = []
  for (let round = 0; round < options.rounds; round++) {
    if (random() < 1 / STARTUP_KILLS) {
      const victim = new ServerProcess(options.command, await freePort(), args)
      await sleep(random() * 400)
      await end(victim, disk)
      disk?.restore()
    }
    const server = new ServerProcess(options.command, await freePort(), args)
    try {
      await server.ready()
      const found = await checkSeries(server.url, ledger, born.slice(-LOOK_BACK).flat())
      for (const loss of found) losses.push(loss)
      born.push(seriesOf(round))
      const before = ledger.acknowledgedSamples
      await writeUntilKilled(server, ledger, round, random, disk)
      options.onRound?.({
        round,
        acknowledged: ledger.acknowledgedSamples - before,
        checkedSeries: Math.min(round, LOOK_BACK) * WRITERS * SERIES_PER_WRITER,
        losses: found,
      })
    } finally {
      await server.kill()
    }
    disk?.restore()
  }
  const last = new ServerProcess(options.command, await freePort(), args)
  try {
    await last.ready()
    // One by one: a canary loses more than a call has arguments.
    for (const loss of await checkSeries(last.url, ledger, ledger.labels)) losses.push(loss)
  } finally {
    await last.stop()
  }
  if (losses.length === 0) rmSync(folder, { recursive: true, force: true })
  return { losses, acknowledged: ledger.acknowledgedSamples, folder: losses.length === 0 ? null : folder }
}

function seriesOf(round: number): string[] {
  const labels: string[] = []
  for (let writer = 0; writer < WRITERS; writer++) {
    for (let i = 0; i < SERIES_PER_WRITER; i++) labels.push(`round="${round}",series="${i}",writer="${writer}"`)
  }
  return labels
}

/** The end of a server: killed, and before that the power of its disk cut. */
async function end(server: ServerProcess, disk: LoopDisk | undefined): Promise<void> {
  disk?.cutPower()
  await server.kill()
}

async function writeUntilKilled(
  server: ServerProcess,
  ledger: Ledger,
  round: number,
  random: Random,
  disk: LoopDisk | undefined,
): Promise<void> {
  let alive = true
  const start = Date.now()
  const lifeMs = random() * MAX_LIFE_MS
  const early = random() < 1 / EARLY_KILLS
  const acknowledged = Promise.withResolvers<void>()
  const seeds = Array.from({ length: WRITERS }, () => Math.floor(random() * 2 ** 32))
  const writers = seeds.map(async (seed, writer) => {
    const own = seeded(seed)
    while (alive) {
      const batch: { labels: string; first: number; count: number }[] = []
      const sent: SentSeries[] = []
      for (let i = 0; i < SERIES_PER_WRITER; i++) {
        const labels = `round="${round}",series="${i}",writer="${writer}"`
        const count = 1 + Math.floor(own() * 20)
        const first = ledger.send(labels, start, count)
        batch.push({ labels, first, count })
        const timestamps = Array.from({ length: count }, (_, k) => first + k)
        const pairs = [
          ['__name__', 'chaos'],
          ['round', String(round)],
          ['series', String(i)],
          ['writer', String(writer)],
        ] as const
        sent.push({ labels: pairs, timestamps, values: Float64Array.from(timestamps, valueOf) })
      }
      try {
        const response = await fetch(`${server.url}/api/v1/write`, {
          method: 'POST',
          headers: REMOTE_WRITE_HEADERS,
          body: encodeRemoteWrite(sent) as BodyInit,
        })
        if (response.status === 204) {
          for (const { labels, first, count } of batch) ledger.acknowledge(labels, first, count)
          acknowledged.resolve()
        } else if (alive) throw new Error(`a write got ${response.status}: ${await response.text()}`)
      } catch (error) {
        // The connection breaks when the server is killed; that write is not acknowledged. Anything else is a fault.
        if (!alive || error instanceof TypeError) return
        throw error
      }
    }
  })
  const killed = (async () => {
    if (!early) await Promise.race([acknowledged.promise, sleep(MAX_WAIT_MS)])
    await sleep(lifeMs)
    alive = false
    await end(server, disk)
  })()
  await Promise.all([...writers, killed])
}

async function checkSeries(url: string, ledger: Ledger, labels: readonly string[]): Promise<Loss[]> {
  const losses: Loss[] = []
  for (const one of labels) for (const loss of ledger.check(one, await storedSamples(url, one))) losses.push(loss)
  return losses
}

/** Every stored sample of a series, by its time. */
async function storedSamples(url: string, labels: string): Promise<Map<number, number>> {
  const time = Date.now() / 1_000 + 3_600
  const parameters = new URLSearchParams({ query: `chaos{${labels}}[100d]`, time: String(time) })
  const response = await fetch(`${url}/api/v1/query?${parameters}`)
  const body = (await response.json()) as { data?: { result: { values: [number, string][] }[] }; error?: string }
  if (body.data === undefined) throw new Error(`the check of {${labels}} got ${response.status}: ${body.error}`)
  const stored = new Map<number, number>()
  for (const { values } of body.data.result) for (const [seconds, value] of values) stored.set(Math.round(seconds * 1_000), Number(value))
  return stored
}
