import { TsinkError } from '@tsink/core'
import { machineLimits, nodeHost, systemClock } from '@tsink/host/node'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir, totalmem } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'

const root = mkdtempSync(join(tmpdir(), 'tsink-node-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))

async function startHolder(directory: string): Promise<ChildProcess> {
  const program = new URL('lock-holder.ts', import.meta.url).pathname
  const child = spawn(process.execPath, ['--conditions=@tsink/source', '--no-warnings', program, directory], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await once(child.stdout!, 'data')
  return child
}

describe('the lock', () => {
  test('names the process that holds it, and is free at once when that process is killed', async () => {
    const directory = join(root, 'locked')
    mkdirSync(directory)
    const { disk } = nodeHost(directory)
    for (let round = 0; round < 3; round++) {
      const child = await startHolder(directory)
      const error = await disk.lock('lock').then(
        () => null,
        (thrown: unknown) => thrown,
      )
      expect(error).toBeInstanceOf(TsinkError)
      expect(error).toMatchObject({ code: 'LOCKED', detail: { pid: child.pid } })
      expect((error as TsinkError).message).toContain(`the process with pid ${child.pid}`)
      const exited = once(child, 'exit')
      child.kill('SIGKILL')
      await exited
      const start = performance.now()
      const lock = await disk.lock('lock')
      expect(performance.now() - start).toBeLessThan(1_000)
      await lock.release()
    }
  })

  test('is told from a pid that a killed holder has left behind', async () => {
    const directory = join(root, 'stale')
    mkdirSync(directory)
    writeFileSync(join(directory, 'lock.holder'), `${process.ppid}\n`)
    await (await nodeHost(directory).disk.lock('lock')).release()
  })
})

describe('what the machine allows', () => {
  function machine(files: Record<string, string>): string {
    const directory = mkdtempSync(join(root, 'machine-'))
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(directory, path)), { recursive: true })
      writeFileSync(join(directory, path), text)
    }
    return directory
  }
  const cpus = availableParallelism()

  test('without control groups it is the hardware', () => {
    expect(machineLimits(machine({}), {})).toEqual({ cpus, memoryBytes: totalmem() })
  })

  test('version 2: the least of every level from the group up, a part of a processor counts as one', () => {
    const files = {
      'proc/self/cgroup': '0::/outer/inner\n',
      'sys/fs/cgroup/outer/inner/cpu.max': 'max 100000\n',
      'sys/fs/cgroup/outer/cpu.max': '50000 100000\n',
      'sys/fs/cgroup/outer/inner/memory.max': '300000000\n',
      'sys/fs/cgroup/outer/memory.max': '200000000\n',
    }
    expect(machineLimits(machine(files), {})).toEqual({ cpus: 1, memoryBytes: 200_000_000 })
  })

  test('version 2 in a container: the group that is named is not mounted, the root is the own', () => {
    const files = {
      'proc/self/cgroup': '0::/system.slice/docker-1.scope\n',
      'sys/fs/cgroup/memory.max': '12345678\n',
      'sys/fs/cgroup/cpu.max': 'max 100000\n',
    }
    expect(machineLimits(machine(files), {})).toEqual({ cpus, memoryBytes: 12_345_678 })
  })

  test('version 1: quota over period, and its way to say unlimited', () => {
    const files = {
      'proc/self/cgroup': '4:memory:/docker/1\n3:cpu,cpuacct:/docker/1\n1:name=systemd:/docker/1\n',
      'sys/fs/cgroup/memory/docker/1/memory.limit_in_bytes': '104857600\n',
      'sys/fs/cgroup/memory/memory.limit_in_bytes': '9223372036854771712\n',
      'sys/fs/cgroup/cpu,cpuacct/docker/1/cpu.cfs_quota_us': '100000\n',
      'sys/fs/cgroup/cpu,cpuacct/docker/1/cpu.cfs_period_us': '100000\n',
      'sys/fs/cgroup/cpu/cpu.cfs_quota_us': '-1\n',
      'sys/fs/cgroup/cpu/cpu.cfs_period_us': '100000\n',
    }
    expect(machineLimits(machine(files), {})).toEqual({ cpus: 1, memoryBytes: 104_857_600 })
  })

  test('TSINK_MAX_CPUS lowers the count of processors and refuses nonsense', () => {
    const bare = machine({})
    expect(machineLimits(bare, { TSINK_MAX_CPUS: '1' }).cpus).toBe(1)
    expect(machineLimits(bare, { TSINK_MAX_CPUS: '4096' }).cpus).toBe(cpus)
    expect(machineLimits(bare, { TSINK_MAX_CPUS: '' }).cpus).toBe(cpus)
    for (const text of ['0', '-1', '2.5', 'many'])
      expect(() => machineLimits(bare, { TSINK_MAX_CPUS: text }), text).toThrow(/TSINK_MAX_CPUS/)
  })
})

describe('the clock of the machine', () => {
  test('does not go back, and its timers can be called off', async () => {
    const start = systemClock.monotonic()
    let called = false
    systemClock.setTimer(1, () => (called = true)).cancel()
    // Longer than a timeout can be: it waits all the same.
    const distant = systemClock.setTimer(40 * 86_400_000, () => (called = true))
    await new Promise<void>((resolve) => void systemClock.setTimer(10, resolve))
    await systemClock.turn()
    distant.cancel()
    expect(systemClock.monotonic() - start).toBeGreaterThanOrEqual(5)
    expect(called).toBe(false)
  })
})
