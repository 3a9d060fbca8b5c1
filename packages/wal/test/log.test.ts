import { TsinkError } from '@tsink/core'
import { memoryHost, type MemoryHost } from '@tsink/host/memory'
import { comparePositions, Log, type LogOptions, type LogRecord, type Position, type ReplayReport } from '@tsink/wal'
import { describe, expect, test } from 'vitest'

interface Seen {
  type: number
  sequence: number
  payload: number[]
  position: Position
}

const small: Omit<LogOptions, 'clock'> = { fileBytes: 512, reserveBytes: 0 }

async function openLog(host: MemoryHost, options: Partial<LogOptions> = {}): Promise<{ log: Log; report: ReplayReport; seen: Seen[] }> {
  const seen: Seen[] = []
  const onRecord = ({ type, sequence, payload, position }: LogRecord): void => {
    seen.push({ type, sequence, payload: [...payload], position })
  }
  const { log, report } = await Log.open(host.disk, 'log', { ...small, clock: host.clock, ...options }, onRecord)
  return { log, report, seen }
}

function bytes(...values: number[]): Uint8Array {
  return new Uint8Array(values)
}

async function failure(promise: Promise<unknown> | (() => unknown)): Promise<TsinkError> {
  try {
    await (typeof promise === 'function' ? promise() : promise)
  } catch (error) {
    if (error instanceof TsinkError) return error
    throw error
  }
  throw new Error('expected that it fails')
}

describe('append and replay', () => {
  test('records come back in order, with type, sequence, payload and position', async () => {
    const host = memoryHost()
    const { log } = await openLog(host)
    const positions = [log.append(1, 5, bytes(1, 2, 3)), log.append(2, 6, bytes()), log.append(255, 2 ** 52, bytes(9, 8, 7, 6, 5, 4, 3, 2))]
    expect(await log.commit()).toBe('durable')
    await log.close()
    const { seen, report } = await openLog(host)
    expect(seen).toEqual([
      { type: 1, sequence: 5, payload: [1, 2, 3], position: positions[0] },
      { type: 2, sequence: 6, payload: [], position: positions[1] },
      { type: 255, sequence: 2 ** 52, payload: [9, 8, 7, 6, 5, 4, 3, 2], position: positions[2] },
    ])
    expect(report).toMatchObject({ files: 1, records: 3, lastSequence: 2 ** 52, tail: null, damage: [] })
  })

  test('payloads are aligned in memory to 8 bytes', async () => {
    const host = memoryHost()
    const { log } = await openLog(host)
    for (let i = 0; i < 20; i++) log.append(1, i, new Uint8Array(i))
    await log.close()
    const offsets: number[] = []
    await Log.open(host.disk, 'log', { ...small, clock: host.clock }, ({ payload }) => offsets.push(payload.byteOffset % 8))
    expect(offsets.length).toBe(20)
    expect(Math.max(...offsets)).toBe(0)
  })

  test('a record larger than a slice of replay and one larger than a file are whole', async () => {
    const host = memoryHost()
    const { log } = await openLog(host)
    const large = new Uint8Array(3_000_000).map((_, i) => i * 7)
    log.append(1, 1, bytes(1))
    log.append(1, 2, large)
    log.append(1, 3, bytes(3))
    await log.close()
    const lengths: number[] = []
    await Log.open(host.disk, 'log', { ...small, clock: host.clock }, ({ payload }) => {
      lengths.push(payload.length)
      if (payload.length > 1) expect(payload.every((byte, i) => byte === large[i])).toBe(true)
    })
    expect(lengths).toEqual([1, large.length, 1])
  })

  test('what is appended before a crash of the process alone is there, synced or not', async () => {
    const host = memoryHost()
    const { log } = await openLog(host, { sync: 'os' })
    for (let i = 1; i <= 30; i++) {
      log.append(1, i, bytes(i))
      expect(await log.commit()).toBe('appended')
    }
    host.disk.crash('kept')
    const { seen } = await openLog(host)
    expect(seen.map(({ sequence }) => sequence)).toEqual(Array.from({ length: 30 }, (_, i) => i + 1))
  })

  test('positions ascend and `position` says where the next record will stand', async () => {
    const host = memoryHost()
    const { log } = await openLog(host)
    let last = log.position
    for (let i = 1; i <= 50; i++) {
      const expected = log.position
      const got = log.append(1, i, new Uint8Array(i))
      expect(got).toEqual(expected)
      if (i > 1) expect(comparePositions(got, last)).toBeGreaterThan(0)
      last = got
      if (i % 3 === 0) await log.commit()
    }
    await log.close()
    expect((await openLog(host)).seen).toHaveLength(50)
  })
})

describe('group commit', () => {
  test('commits that wait together share one sync', async () => {
    const host = memoryHost()
    const { log } = await openLog(host, { fileBytes: 1_000_000 })
    log.append(1, 1, bytes(1))
    const before = host.disk.syncs
    const waiting = [log.commit()]
    for (let i = 2; i <= 100; i++) {
      log.append(1, i, bytes(i))
      waiting.push(log.commit())
    }
    await Promise.all(waiting)
    expect(host.disk.syncs - before).toBe(1)
  })

  test('a record that is appended while a sync runs is covered by the next one', async () => {
    const host = memoryHost()
    const { log } = await openLog(host, { fileBytes: 1_000_000 })
    log.append(1, 1, bytes(1))
    const first = log.commit()
    // The sync is under way after this turn.
    await Promise.resolve()
    await Promise.resolve()
    log.append(1, 2, bytes(2))
    const second = log.commit()
    await first
    expect(comparePositions(log.durable, log.position)).toBeLessThan(0)
    await second
    host.disk.crash('lost')
    expect((await openLog(host)).seen.map(({ sequence }) => sequence)).toEqual([1, 2])
  })

  test('a commit with nothing to sync resolves without one', async () => {
    const host = memoryHost()
    const { log } = await openLog(host)
    log.append(1, 1, bytes(1))
    await log.commit()
    const before = host.disk.syncs
    expect(await log.commit()).toBe('durable')
    expect(host.disk.syncs).toBe(before)
  })

  test('mode periodic syncs an idle log when the period is over', async () => {
    const host = memoryHost()
    const { log } = await openLog(host, { sync: 'periodic', periodMs: 200 })
    log.append(1, 1, bytes(1))
    host.clock.advance(199)
    await host.clock.turn()
    expect(comparePositions(log.durable, log.position)).toBeLessThan(0)
    host.clock.advance(1)
    for (let i = 0; i < 10; i++) await host.clock.turn()
    host.disk.crash('lost')
    expect((await openLog(host)).seen).toHaveLength(1)
  })
})

describe('files', () => {
  test('cut frees what is before a rotation while writing goes on, and the rest is replayed', async () => {
    const host = memoryHost()
    const { log } = await openLog(host)
    let sequence = 0
    let cut = log.position
    let highest = 0
    for (let round = 0; round < 30; round++) {
      for (let i = 0; i < 20; i++) {
        log.append(1, ++sequence, new Uint8Array(40))
        await log.commit()
      }
      highest = Math.max(highest, log.sizeBytes)
      const rotating = log.rotate()
      log.append(1, ++sequence, bytes(1))
      cut = await rotating
      log.append(1, ++sequence, bytes(2))
      await log.cut(cut)
    }
    expect(highest).toBeLessThan(6_000)
    await log.close()
    const { seen, report } = await openLog(host, { from: cut })
    expect(seen.filter(({ position }) => comparePositions(position, cut) >= 0).map((record) => record.sequence)).toEqual([sequence])
    expect(report.damage).toEqual([])
  })

  test('rotating an empty file does nothing', async () => {
    const host = memoryHost()
    const { log } = await openLog(host)
    const position = await log.rotate()
    expect(await log.rotate()).toEqual(position)
  })

  test('stores that open and close without writing leave no files behind', async () => {
    const host = memoryHost()
    const { log } = await openLog(host)
    log.append(1, 1, bytes(1))
    await log.close()
    for (let i = 0; i < 5; i++) await (await openLog(host)).log.close()
    expect((await host.disk.list('log')).filter(({ name }) => name.endsWith('.log')).length).toBe(2)
  })

  test('the size limit answers LOG_FULL, keeps what is there and lifts after a cut', async () => {
    const host = memoryHost()
    const { log } = await openLog(host, { maxBytes: 2_000 })
    let appended = 0
    const error = await failure(() => {
      for (;;) {
        log.append(1, appended + 1, new Uint8Array(40))
        appended++
      }
    })
    expect(error.code).toBe('LOG_FULL')
    expect(error.kind).toBe('limited')
    expect(error.detail).toMatchObject({ limit: 2_000 })
    expect(log.poisoned).toBeNull()
    await log.commit()
    expect(log.sizeBytes).toBeLessThanOrEqual(2_000)
    const cut = await log.rotate()
    await log.cut(cut)
    log.append(1, appended + 1, new Uint8Array(40))
    await log.close()
    const { seen } = await openLog(host, { from: cut })
    expect(seen.filter(({ position }) => comparePositions(position, cut) >= 0)).toHaveLength(1)
  })
})
