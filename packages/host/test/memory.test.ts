import { TsinkError } from '@tsink/core'
import { memoryHost, MemoryDisk, PowerFailure, volatileHost, type MemoryHost, type Survival } from '@tsink/host/memory'
import { describe, expect, test } from 'vitest'

async function put(disk: MemoryDisk, path: string, ...values: number[]): Promise<void> {
  const file = await disk.open(path, 'create')
  file.writeSync(new Uint8Array(values), 0)
  await file.sync()
  await file.close()
}

async function names(disk: MemoryDisk, dir = ''): Promise<string> {
  return (await disk.list(dir)).map(({ name }) => name).join()
}

/** The bytes of `a` after a crash, over many seeds: what can come out, each once. */
async function outcomes(
  survival: Survival,
  change: (host: MemoryHost) => Promise<void>,
  look: (disk: MemoryDisk) => Promise<string>,
): Promise<string[]> {
  const seen = new Set<string>()
  for (let seed = 0; seed < 200; seed++) {
    const host = memoryHost({ seed })
    await put(host.disk, 'a', 1, 2, 3)
    await host.disk.syncDirectory('')
    await change(host)
    host.disk.crash(survival)
    seen.add(await look(host.disk))
  }
  return [...seen].sort()
}

const bytesOfA = async (disk: MemoryDisk): Promise<string> => [...disk.peek('a')].join()

describe('after a crash', () => {
  const overwrite = async ({ disk }: MemoryHost): Promise<void> => {
    const file = await disk.open('a', 'write')
    file.writeSync(new Uint8Array([8, 9]), 0)
    file.writeSync(new Uint8Array([7]), 3)
    await Promise.resolve()
  }

  test('unsynced writes are lost', async () => {
    expect(await outcomes('lost', overwrite, bytesOfA)).toEqual(['1,2,3'])
  })

  test('unsynced writes are kept when only the process died', async () => {
    expect(await outcomes('kept', overwrite, bytesOfA)).toEqual(['8,9,3,7'])
  })

  test('a torn write reaches the disk in part, and earlier ones whole', async () => {
    expect(await outcomes('torn', overwrite, bytesOfA)).toEqual(['0,0,3', '1,2,3', '8,0,3', '8,2,3', '8,9,3', '8,9,3,0', '8,9,3,7'])
  })

  test('reordered writes survive in any choice', async () => {
    expect(await outcomes('reordered', overwrite, bytesOfA)).toEqual(['1,2,3', '1,2,3,7', '8,9,3', '8,9,3,7'])
  })

  test('synced writes are there, and writes after the sync began are not covered by it', async () => {
    const run = async ({ disk }: MemoryHost): Promise<void> => {
      const file = await disk.open('a', 'write')
      file.writeSync(new Uint8Array([5]), 0)
      const syncing = file.sync()
      file.writeSync(new Uint8Array([6]), 1)
      await syncing
    }
    expect(await outcomes('lost', run, bytesOfA)).toEqual(['5,2,3'])
  })

  test('a truncate is undone or done', async () => {
    const run = async ({ disk }: MemoryHost): Promise<void> => (await disk.open('a', 'write')).truncate(1)
    expect(await outcomes('lost', run, bytesOfA)).toEqual(['1,2,3'])
    expect(await outcomes('reordered', run, bytesOfA)).toEqual(['1', '1,2,3'])
  })

  test('a name is there once its directory is synced, not before', async () => {
    const { disk } = memoryHost()
    await disk.makeDirectory('d')
    await put(disk, 'd/x', 1)
    disk.crash('lost')
    expect(await names(disk)).toBe('')
    await disk.makeDirectory('d')
    await disk.syncDirectory('')
    await put(disk, 'd/x', 1)
    disk.crash('lost')
    expect(await names(disk, 'd')).toBe('')
    await put(disk, 'd/x', 1)
    await disk.syncDirectory('d')
    await put(disk, 'd/y', 1)
    disk.crash('lost')
    expect(await names(disk, 'd')).toBe('x')
    expect([...disk.peek('d/x')]).toEqual([1])
  })

  test('a rename is done or not done, never half', async () => {
    const run = async ({ disk }: MemoryHost): Promise<void> => {
      await put(disk, 'b', 4)
      await disk.rename('b', 'a')
    }
    const look = async (disk: MemoryDisk): Promise<string> => `${await names(disk)}: ${await bytesOfA(disk)}`
    expect(await outcomes('lost', run, look)).toEqual(['a: 1,2,3'])
    expect(await outcomes('torn', run, look)).toEqual(['a,b: 1,2,3', 'a: 1,2,3', 'a: 4'])
  })

  test('a rename without a sync of the file may leave a name with nothing behind it', async () => {
    const run = async ({ disk }: MemoryHost): Promise<void> => {
      const file = await disk.open('b', 'create')
      file.writeSync(new Uint8Array([4, 4]), 0)
      await disk.rename('b', 'a')
      await disk.syncDirectory('')
    }
    expect(await outcomes('lost', run, bytesOfA)).toEqual([''])
  })

  test('a removal comes back unless its directory was synced', async () => {
    expect(await outcomes('lost', ({ disk }) => disk.remove('a'), names)).toEqual(['a'])
    const synced = async ({ disk }: MemoryHost): Promise<void> => {
      await disk.remove('a')
      await disk.syncDirectory('')
    }
    expect(await outcomes('lost', synced, names)).toEqual([''])
  })

  test('files and locks of the life before are dead, and the same names can be used again', async () => {
    const { disk } = memoryHost()
    const file = await disk.open('a', 'create')
    await disk.lock('lock')
    disk.crash('kept')
    expect(() => file.writeSync(new Uint8Array(1), 0)).toThrow(PowerFailure)
    await expect(file.sync()).rejects.toThrow(PowerFailure)
    await disk.lock('lock')
    await (await disk.open('a', 'write')).close()
  })

  test('the same seed gives the same disk', async () => {
    const run = async (): Promise<string> => {
      const host = memoryHost({ seed: 42 })
      await put(host.disk, 'a', 1, 2, 3)
      await overwrite(host)
      host.disk.crash('torn')
      return `${await names(host.disk)} ${host.random()}`
    }
    expect(await run()).toBe(await run())
  })
})

describe('planned faults', () => {
  test('a loss of power comes at the change that was named, and nothing works until the crash', async () => {
    const { disk } = memoryHost()
    disk.failChange(3, 'crash')
    const file = await disk.open('a', 'create')
    file.writeSync(new Uint8Array([1]), 0)
    expect(() => file.writeSync(new Uint8Array([2]), 1)).toThrow(PowerFailure)
    expect(disk.powerless).toBe(true)
    await expect(disk.list('')).rejects.toThrow(PowerFailure)
    expect(() => file.readSync(new Uint8Array(1), 0)).toThrow(PowerFailure)
    disk.crash('kept')
    expect([...disk.peek('a')]).toEqual([1, 2])
  })

  test('a failing write leaves a part of itself at most, and says what and where', async () => {
    for (const [fault, code] of [
      ['EIO', 'WRITE_FAILED'],
      ['ENOSPC', 'DISK_FULL'],
    ] as const) {
      const { disk } = memoryHost({ seed: 3 })
      const file = await disk.open('a', 'create')
      disk.failChange(1, fault)
      try {
        file.writeSync(new Uint8Array(10).fill(1), 0)
        expect.unreachable()
      } catch (error) {
        expect(error).toBeInstanceOf(TsinkError)
        expect(error).toMatchObject({ code, detail: { file: 'a', errno: fault } })
      }
      expect(file.sizeBytes).toBeLessThan(10)
      file.writeSync(new Uint8Array(10), 0)
    }
  })

  test('a failed sync takes what it should have kept, even when a later one succeeds', async () => {
    const { disk } = memoryHost()
    const file = await disk.open('a', 'create')
    await disk.syncDirectory('')
    file.writeSync(new Uint8Array([1]), 0)
    disk.failChange(1, 'EIO')
    await expect(file.sync()).rejects.toMatchObject({ code: 'SYNC_FAILED' })
    await file.sync()
    disk.crash('lost')
    expect(disk.peek('a').length).toBe(0)
  })

  test('reads fail when that is planned, as often as it is planned', async () => {
    const { disk } = memoryHost()
    await put(disk, 'a', 1)
    const file = await disk.open('a', 'read')
    disk.failRead(1, 2)
    for (let i = 0; i < 2; i++) expect(() => file.readSync(new Uint8Array(1), 0)).toThrow(/EIO/)
    expect(file.readSync(new Uint8Array(1), 0)).toBe(1)
  })

  test('a disk of limited size is full when it is full, and has space again when files go', async () => {
    const disk = new MemoryDisk({ capacityBytes: 10 })
    const file = await disk.open('a', 'create')
    file.writeSync(new Uint8Array(8), 0)
    expect(await disk.freeBytes()).toBe(2)
    expect(() => file.writeSync(new Uint8Array(3), 8)).toThrow(TsinkError)
    file.writeSync(new Uint8Array(8), 0)
    await disk.remove('a')
    await put(disk, 'b', 1, 2, 3, 4, 5, 6, 7, 8, 9, 10)
  })
})

describe('the clock that is moved by hand', () => {
  test('runs timers in the order in which they fall due, each at its time', () => {
    const { clock } = memoryHost({ startMs: 1_000 })
    const seen: string[] = []
    clock.setTimer(20, () => seen.push(`b ${clock.now()}`))
    clock.setTimer(10, () => {
      seen.push(`a ${clock.now()}`)
      clock.setTimer(5, () => seen.push(`c ${clock.now()}`))
    })
    clock.setTimer(15, () => seen.push('never')).cancel()
    clock.advance(9)
    expect(seen).toEqual([])
    clock.advance(30)
    expect(seen).toEqual(['a 1010', 'c 1015', 'b 1020'])
    expect(clock.monotonic()).toBe(39)
    expect(clock.timers).toBe(0)
  })

  test('a jump of the time of day moves neither timers nor the monotonic clock', () => {
    const { clock } = memoryHost()
    let runs = 0
    clock.setTimer(10, () => runs++)
    clock.jump(5)
    expect(clock.now()).toBe(5)
    expect(clock.monotonic()).toBe(0)
    clock.advance(10)
    expect(runs).toBe(1)
    expect(clock.now()).toBe(15)
  })
})

describe('a volatile host', () => {
  test('stores, keeps no undo records, and has the time of the machine', async () => {
    const host = volatileHost()
    const file = await host.disk.open('a', 'create')
    file.writeSync(new Uint8Array([1]), 0)
    expect(() => (host.disk as MemoryDisk).crash('lost')).toThrow(/crashable/)
    expect(Math.abs(host.clock.now() - Date.now())).toBeLessThan(1_000)
    expect(host.cpus).toBeGreaterThanOrEqual(1)
    await host.clock.turn()
    await new Promise<void>((resolve) => void host.clock.setTimer(1, resolve))
  })
})
