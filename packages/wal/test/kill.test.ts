import { nodeHost } from '@tsink/host/node'
import { seededRandom } from '@tsink/host/memory'
import { Log } from '@tsink/wal'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { payloadOf } from './crash.ts'

const LONG = process.env['TSINK_TEST_LONG'] === '1'
const ROUNDS = LONG ? 100 : 4
const SEED = Number(process.env['TSINK_SEED'] ?? 1)

test(
  `a log on a real disk keeps every acknowledged record through kill -9 at any moment (seed ${SEED})`,
  { timeout: LONG ? 600_000 : 60_000 },
  async () => {
    const directory = mkdtempSync(join(tmpdir(), 'tsink-kill-'))
    const random = seededRandom(SEED)
    try {
      let acknowledged = 0
      for (let round = 0; round < ROUNDS; round++) {
        const program = new URL('kill-writer.ts', import.meta.url).pathname
        const child = spawn(process.execPath, ['--conditions=@tsink/source', '--no-warnings', program, directory], {
          stdio: ['ignore', 'pipe', 'inherit'],
        })
        let printed = ''
        child.stdout.on('data', (piece: Buffer) => (printed += piece.toString()))
        await once(child.stdout, 'data')
        await new Promise((resolve) => setTimeout(resolve, random() * 150))
        child.kill('SIGKILL')
        await once(child, 'close')
        // The last line may be cut off in the middle of its number.
        const whole = printed.slice(0, printed.lastIndexOf('\n')).split('\n')
        const before = acknowledged
        acknowledged = Number(whole.at(-1))
        expect(acknowledged).toBeGreaterThan(before)
        const host = nodeHost(directory)
        const lock = await host.disk.lock('lock')
        let last = 0
        const options = { clock: host.clock, fileBytes: 4_000, reserveBytes: 1_000 }
        const { log, report } = await Log.open(host.disk, 'log', options, ({ sequence, payload }) => {
          expect(sequence).toBe(last + 1)
          expect(new Uint8Array(payload)).toEqual(payloadOf(sequence))
          last = sequence
        })
        expect(last).toBeGreaterThanOrEqual(acknowledged)
        expect(report.damage).toEqual([])
        await log.close()
        await lock.release()
      }
    } finally {
      rmSync(directory, { recursive: true })
    }
  },
)
