import { TsinkError } from '@tsink/core'
import { memoryHost, type MemoryHost } from '@tsink/host/memory'
import { comparePositions, Log, START, type LogOptions, type Position } from '@tsink/wal'
import { describe, expect, test } from 'vitest'
import { payloadOf } from './crash.ts'

const OPTIONS: Omit<LogOptions, 'clock'> = { fileBytes: 400, reserveBytes: 256 }

interface Script {
  readonly host: MemoryHost
  appended: number
  acknowledged: number
  from: Position
}

function begin(seed: number): Script {
  return { host: memoryHost({ seed }), appended: 0, acknowledged: 0, from: START }
}

async function open(script: Script, found: number[] = []): Promise<Log> {
  const { host, from } = script
  const { log } = await Log.open(host.disk, 'log', { ...OPTIONS, clock: host.clock, from }, ({ sequence, payload, position }) => {
    if (comparePositions(position, from) < 0) return
    expect([...payload]).toEqual([...payloadOf(sequence)])
    found.push(sequence)
  })
  return log
}

/** Appends, commits, rotates and cuts; throws what the log throws. */
async function run(script: Script, log: Log, until: number): Promise<void> {
  while (script.appended < until) {
    log.append(1, script.appended + 1, payloadOf(script.appended + 1))
    script.appended++
    const covered = script.appended
    if (covered % 2 === 0) {
      await log.commit()
      script.acknowledged = covered
    }
    if (covered % 9 === 0) {
      const cut = await log.rotate()
      script.from = cut
      await log.cut(cut)
    }
  }
  await log.commit()
  script.acknowledged = script.appended
}

async function checkKept(script: Script, cutAfter: number): Promise<void> {
  const found: number[] = []
  const log = await open(script, found)
  for (let i = 1; i < found.length; i++) expect(found[i]).toBe(found[i - 1]! + 1)
  if (script.acknowledged > cutAfter) expect(found.at(-1)).toBeGreaterThanOrEqual(script.acknowledged)
  expect(found.at(-1) ?? 0).toBeLessThanOrEqual(script.appended + 1)
  await log.close()
}

async function failureOf(run: () => Promise<unknown>): Promise<unknown> {
  try {
    await run()
    return null
  } catch (error) {
    return error
  }
}

const RECORDS = 40

async function countChanges(): Promise<number> {
  const script = begin(0)
  const log = await open(script)
  await run(script, log, RECORDS)
  await log.close()
  return script.host.disk.changes
}

describe('an I/O error at any change of the disk', () => {
  test('poisons the log with the reason, keeps what was acknowledged, and ends with reopening', async () => {
    const changes = await countChanges()
    let poisonings = 0
    for (let at = 1; at <= changes; at++) {
      const script = begin(at)
      script.host.disk.failChange(at, 'EIO')
      let log: Log | null = null
      const error = await failureOf(async () => {
        log = await open(script)
        await run(script, log, RECORDS)
        await log.close()
      })
      // A failure in the background shows with the next call; one while cutting does not touch what is written.
      if (error !== null) expect(error).toBeInstanceOf(TsinkError)
      const failed = log as Log | null
      if (failed !== null && failed.poisoned !== null) {
        poisonings++
        expect(failed.poisoned.code).toBe('READ_ONLY')
        expect(failed.poisoned.detail['reason']).toMatch(/^(WRITE|SYNC)_FAILED$/)
        expect(failed.poisoned.message).toMatch(/EIO/)
        // What is under way in the background comes to its end.
        for (let i = 0; i < 10; i++) await script.host.clock.turn()
        const before = script.host.disk.changes
        const again = await failureOf(async () => failed.append(1, 99_999, new Uint8Array(1)))
        expect(['READ_ONLY', 'CLOSED']).toContain((again as TsinkError).code)
        expect(await failed.probe()).toBe(false)
        expect(script.host.disk.changes).toBe(before)
        await failureOf(() => failed.close())
      }
      script.host.disk.crash('lost')
      await checkKept(script, Math.floor(script.appended / 9) * 9)
    }
    expect(poisonings).toBeGreaterThan(changes / 3)
  })
})

describe('a full disk', () => {
  test('at any change makes the log read-only, loses nothing, and ends when there is space again', async () => {
    const changes = await countChanges()
    let lifted = 0
    for (let at = 1; at <= changes; at++) {
      const script = begin(at)
      const { disk } = script.host
      disk.failChange(at, 'ENOSPC', 4)
      let log: Log | null = null
      for (let attempt = 0; attempt < 4; attempt++) {
        const error = await failureOf(async () => {
          log ??= await open(script)
          await run(script, log, RECORDS)
        })
        if (error === null) break
        expect(error).toBeInstanceOf(TsinkError)
        const failed = log as Log | null
        disk.heal()
        if (failed === null || failed.poisoned === null) continue
        // A sync that fails for want of space is a failed sync: nobody knows what it kept.
        if (failed.poisoned.detail['reason'] === 'SYNC_FAILED') {
          await failureOf(() => failed.close())
          log = null
          disk.crash('lost')
          const found: number[] = []
          log = await open(script, found)
          script.appended = Math.max(script.acknowledged, found.at(-1) ?? 0)
          continue
        }
        expect(failed.poisoned.detail['reason']).toBe('DISK_FULL')
        expect(await failed.probe()).toBe(true)
        expect(failed.poisoned).toBeNull()
        lifted++
      }
      expect(script.acknowledged, `change ${at}`).toBe(RECORDS)
      // The fault may lie in the closing; what was acknowledged is kept all the same.
      await failureOf(() => log!.close())
      disk.crash('lost')
      await checkKept(script, 36)
    }
    expect(lifted).toBeGreaterThan(changes / 3)
  })

  test('takes back the record that did not fit, and gives up the reserve', async () => {
    const host = memoryHost()
    const script: Script = { host, appended: 0, acknowledged: 0, from: START }
    const log = await open(script)
    log.append(1, 1, new Uint8Array(10))
    await log.commit()
    expect(host.disk.peek('log/reserve').length).toBe(256)
    host.disk.capacityBytes = host.disk.usedBytes + 50
    const before = log.position
    const error = await failureOf(async () => log.append(1, 2, new Uint8Array(100)))
    expect(error).toMatchObject({ code: 'DISK_FULL', kind: 'io' })
    expect(log.poisoned).toMatchObject({ code: 'READ_ONLY', detail: { reason: 'DISK_FULL' } })
    expect(log.position.offset).toBe(before.offset)
    expect(await failureOf(async () => log.append(1, 2, new Uint8Array(1)))).toBe(log.poisoned)
    // What was appended before stays committed, and commits go on being answered.
    expect(await log.commit()).toBe('durable')
    expect(await log.probe()).toBe(false)
    expect((await host.disk.list('log')).map(({ name }) => name)).toEqual(['000000000001.log'])
    host.disk.capacityBytes = Infinity
    expect(await Promise.all([log.probe(), log.probe()])).toEqual([true, true])
    expect(host.disk.peek('log/reserve').length).toBe(256)
    log.append(1, 2, new Uint8Array(100))
    await log.close()
    const lengths: number[] = []
    await Log.open(host.disk, 'log', { ...OPTIONS, clock: host.clock }, ({ payload }) => lengths.push(payload.length))
    expect(lengths).toEqual([10, 100])
  })

  test('does not keep a store from opening and reading', async () => {
    const host = memoryHost()
    const script: Script = { host, appended: 0, acknowledged: 0, from: START }
    const first = await open(script)
    await run(script, first, 5)
    await first.close()
    host.disk.capacityBytes = host.disk.usedBytes
    const found: number[] = []
    const log = await open(script, found)
    expect(found).toEqual([1, 2, 3, 4, 5])
    expect(log.poisoned).toMatchObject({ detail: { reason: 'DISK_FULL' } })
    expect(log.position).toEqual({ file: 3, offset: 80 })
    host.disk.capacityBytes = Infinity
    expect(await log.probe()).toBe(true)
    await run(script, log, 8)
    await log.close()
  })
})

describe('a failed sync', () => {
  test('fails every commit that waits for it, and no later sync makes good for it', async () => {
    const host = memoryHost()
    const script: Script = { host, appended: 0, acknowledged: 0, from: START }
    const { log } = await Log.open(host.disk, 'log', { clock: host.clock, reserveBytes: 0 }, () => undefined)
    log.append(1, 1, payloadOf(1))
    await log.commit()
    log.append(1, 2, payloadOf(2))
    host.disk.failChange(1, 'EIO')
    const results = await Promise.allSettled([log.commit(), log.commit(), log.commit()])
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected'])
    expect((results[0] as PromiseRejectedResult).reason).toMatchObject({ code: 'SYNC_FAILED' })
    expect(await failureOf(() => log.commit())).toMatchObject({ code: 'READ_ONLY' })
    expect(await failureOf(() => log.close())).toMatchObject({ code: 'READ_ONLY' })
    host.disk.crash('lost')
    const found: number[] = []
    await open(script, found)
    expect(found).toEqual([1])
  })

  test('by the timer of mode periodic shows with the next append and commit', async () => {
    const host = memoryHost()
    const { log } = await Log.open(host.disk, 'log', { ...OPTIONS, clock: host.clock, sync: 'periodic', periodMs: 10 }, () => undefined)
    log.append(1, 1, new Uint8Array(1))
    host.disk.failChange(1, 'EIO')
    host.clock.advance(10)
    for (let i = 0; i < 10; i++) await host.clock.turn()
    expect(log.poisoned).toMatchObject({ detail: { reason: 'SYNC_FAILED' } })
    expect(await failureOf(() => log.commit())).toBe(log.poisoned)
    expect(await failureOf(async () => log.append(1, 2, new Uint8Array(1)))).toBe(log.poisoned)
  })
})
