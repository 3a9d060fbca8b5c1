/**
 * `pnpm chaos --rounds 200 --seed 1 [--canary] [--power-loss]`: kill -9 at random moments under write load against the real server process; every
 * acknowledged sample must be there after each restart. With `--power-loss` the data lies on a file system of its own that loses power each time.
 * With `--canary` a server that acknowledges too early must be caught; with both, one that does not sync.
 */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { serverCommand } from '@tsink/testing'
import { LoopDisk } from './loop-disk.ts'
import { runRounds } from './rounds.ts'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '20' },
    seed: { type: 'string' },
    canary: { type: 'boolean', default: false },
    'power-loss': { type: 'boolean', default: false },
    'sync-mode': { type: 'string', default: 'every-write' },
  },
})
const rounds = Number(values.rounds)
const seed = values.seed === undefined ? Date.now() % 2 ** 31 : Number(values.seed)
if (!Number.isInteger(rounds) || rounds < 1 || !Number.isInteger(seed)) {
  process.stderr.write('chaos: --rounds and --seed are whole numbers, --rounds at least 1\n')
  process.exit(2)
}
const whyNot = values['power-loss'] ? LoopDisk.whyNot() : null
if (whyNot !== null) {
  console.log(`skipped, because this machine has no disk that can lose power: ${whyNot}`)
  process.exit(0)
}
const disk = values['power-loss'] ? LoopDisk.make() : undefined
const canary = [process.execPath, '--conditions=@tsink/source', join(import.meta.dirname, 'canary-server.ts')]
console.log(`chaos: ${rounds} rounds, seed ${seed}${values.canary ? ', canary' : ''}`)
let failed = 0
const { losses, acknowledged, folder } = await runRounds({
  rounds,
  seed,
  // A server that leaves syncing to the system is good enough for a kill, and must not be for a loss of power.
  command: values.canary && disk === undefined ? canary : serverCommand(),
  args: ['--wal-sync-mode', values.canary && disk !== undefined ? 'os' : values['sync-mode']],
  ...(disk === undefined ? {} : { disk }),
  onRound: (report) => {
    if (report.losses.length > 0) failed++
    if (report.round % 10 === 9 || report.losses.length > 0) {
      console.log(
        `round ${report.round + 1}: ${report.acknowledged} samples acknowledged, ${report.losses.length} faults in ${report.checkedSeries} earlier series`,
      )
    }
  },
})
for (const loss of losses.slice(0, values.canary ? 3 : 20)) console.log(`  {${loss.labels}} at ${loss.timestamp}: ${loss.problem}`)
if (disk !== undefined) disk.remove()
else if (folder !== null) {
  if (values.canary) rmSync(folder, { recursive: true, force: true })
  else console.log(`the data is kept at ${folder}`)
}
console.log(`${acknowledged} samples acknowledged in all, ${losses.length} faults`)
if (values.canary) {
  const caught = losses.length > 0
  console.log(caught ? 'the canary was caught' : 'THE CANARY WAS NOT CAUGHT: the checker is asleep')
  console.log(caught ? '1 passed, 0 failed' : '0 passed, 1 failed')
  process.exitCode = caught ? 0 : 1
} else {
  if (losses.length > 0) failed = Math.max(1, failed)
  if (acknowledged === 0) {
    console.log('NOTHING WAS ACKNOWLEDGED: nothing could be lost, so nothing was shown')
    failed = rounds
  }
  console.log(`${rounds - failed} passed, ${failed} failed`)
  process.exitCode = failed > 0 ? 1 : 0
}
