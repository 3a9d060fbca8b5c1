import type { SyncMode } from '@tsink/wal'
import type { Survival } from '@tsink/host/memory'
import { describe, expect, test } from 'vitest'
import { countChanges, findViolation, type CrashPlan, type LogLike } from './crash.ts'

const SURVIVALS: readonly Survival[] = ['lost', 'kept', 'torn', 'reordered']
const MODES: readonly SyncMode[] = ['every', 'periodic', 'os']
// Every change of one workload in the suite, of thirty with TSINK_TEST_LONG=1. A failure names its seed; TSINK_SEED starts there.
const LONG = process.env['TSINK_TEST_LONG'] === '1'
const FIRST_SEED = Number(process.env['TSINK_SEED'] ?? 1)
const SEEDS = LONG ? 30 : 1
const TIMEOUT_MS = LONG ? 600_000 : 60_000

async function firstViolation(plan: Omit<CrashPlan, 'at'>): Promise<string | null> {
  const changes = await countChanges(plan.sync, plan.seed)
  for (let at = 0; at <= changes; at++) {
    const violation = await findViolation({ ...plan, at })
    if (violation !== null) return `at change ${at} of ${changes}, seed ${plan.seed}: ${violation}`
  }
  return null
}

describe('a loss of power at any change of the disk', () => {
  for (const sync of MODES) {
    for (const survival of SURVIVALS) {
      const name = `keeps what was acknowledged: sync ${sync}, unsynced changes ${survival}`
      test(name, { timeout: TIMEOUT_MS }, async () => {
        for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) expect(await firstViolation({ sync, survival, seed })).toBeNull()
      })
    }
  }
})

describe('the checker is awake', () => {
  test('it catches a log that acknowledges before it writes', async () => {
    const wrap: CrashPlan['wrap'] = (log): LogLike => {
      const waiting: Parameters<LogLike['append']>[] = []
      const write = (): void => {
        for (const record of waiting.splice(0)) log.append(...record)
      }
      return {
        append(...record) {
          waiting.push(record)
          return log.position
        },
        commit() {
          // The records reach the log after the answer.
          void Promise.resolve()
            .then(write)
            .catch(() => undefined)
          return Promise.resolve('durable')
        },
        rotate: () => (write(), log.rotate()),
        cut: (before) => log.cut(before),
        close: () => (write(), log.close()),
      }
    }
    expect(await firstViolation({ sync: 'every', survival: 'kept', seed: 1, wrap })).toMatch(/lost/)
  })

  test('it catches a log that acknowledges before it syncs', async () => {
    const wrap: CrashPlan['wrap'] = (log): LogLike => ({
      append: (...record) => log.append(...record),
      commit: () => Promise.resolve('durable'),
      rotate: () => log.rotate(),
      cut: (before) => log.cut(before),
      close: () => log.close(),
    })
    expect(await firstViolation({ sync: 'os', survival: 'lost', seed: 1, wrap })).toMatch(/lost/)
  })

  test('it catches a log that loses a record in the middle', async () => {
    let count = 0
    const wrap: CrashPlan['wrap'] = (log): LogLike => ({
      append(...record) {
        return ++count % 10 === 0 ? log.position : log.append(...record)
      },
      commit: () => log.commit(),
      rotate: () => log.rotate(),
      cut: (before) => log.cut(before),
      close: () => log.close(),
    })
    expect(await firstViolation({ sync: 'every', survival: 'kept', seed: 1, wrap })).toMatch(/follows|lost/)
  })
})
