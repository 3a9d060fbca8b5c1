/**
 * What of the machine this process may use: the least of what the hardware has, the scheduler's affinity and the control groups (version 1
 * and 2, at every level from the process's group up) allow. A database that sizes itself by the hardware is killed in a container.
 */
import { TsinkError } from '@tsink/core'
import { readFileSync } from 'node:fs'
import { availableParallelism, totalmem } from 'node:os'
import { join } from 'node:path'

export interface MachineLimits {
  /** Threads that can run at once, at least 1. `TSINK_MAX_CPUS` in the environment lowers it. */
  readonly cpus: number
  readonly memoryBytes: number
}

/** @throws TsinkError BAD_CONFIG when `TSINK_MAX_CPUS` is not a whole number of at least 1. `root` is where `/proc` and `/sys` are, for tests. */
export function machineLimits(root = '/', environment: Readonly<Record<string, string | undefined>> = process.env): MachineLimits {
  const groups = readGroups(root)
  const quota = groups.cpus === Infinity ? Infinity : Math.max(1, Math.ceil(groups.cpus))
  return {
    cpus: Math.min(availableParallelism(), quota, maxCpus(environment)),
    memoryBytes: Math.min(totalmem(), groups.memoryBytes),
  }
}

function maxCpus(environment: Readonly<Record<string, string | undefined>>): number {
  const text = environment['TSINK_MAX_CPUS']
  if (text === undefined || text === '') return Infinity
  if (!/^[1-9][0-9]{0,5}$/.test(text)) {
    throw new TsinkError('BAD_CONFIG', `TSINK_MAX_CPUS is ${JSON.stringify(text)}; it must be a whole number of at least 1`)
  }
  return Number(text)
}

/** The least that the control groups allow; Infinity where they set no limit. */
function readGroups(root: string): { cpus: number; memoryBytes: number } {
  let cpus = Infinity
  let memoryBytes = Infinity
  // A line is `id:controllers:path`; version 2 has the id 0 and no controllers.
  for (const line of read(root, 'proc/self/cgroup').split('\n')) {
    const [id, controllers, ...rest] = line.split(':')
    if (controllers === undefined) continue
    const group = rest.join(':')
    if (id === '0' && controllers === '') {
      for (const dir of levels('sys/fs/cgroup', group)) {
        cpus = Math.min(cpus, ratio(read(root, `${dir}/cpu.max`)))
        memoryBytes = Math.min(memoryBytes, amount(read(root, `${dir}/memory.max`)))
      }
    }
    const names = controllers.split(',')
    if (names.includes('cpu')) {
      for (const dir of [...levels('sys/fs/cgroup/cpu', group), ...levels('sys/fs/cgroup/cpu,cpuacct', group)]) {
        cpus = Math.min(cpus, ratio(`${read(root, `${dir}/cpu.cfs_quota_us`)} ${read(root, `${dir}/cpu.cfs_period_us`)}`))
      }
    }
    if (names.includes('memory')) {
      for (const dir of levels('sys/fs/cgroup/memory', group)) {
        memoryBytes = Math.min(memoryBytes, amount(read(root, `${dir}/memory.limit_in_bytes`)))
      }
    }
  }
  return { cpus, memoryBytes }
}

// Inside a container the group's path often names directories of the host that are not mounted; the mount's root is then the container's own.
function levels(mount: string, group: string): string[] {
  const dirs = [mount]
  for (const name of group.split('/')) if (name !== '' && name !== '..') dirs.push(`${dirs[dirs.length - 1]}/${name}`)
  return dirs
}

/** `quota period` as a count of processors; no limit is `max` or -1. */
function ratio(text: string): number {
  const [quota, period] = text.trim().split(/\s+/).map(Number)
  return quota! > 0 && period! > 0 ? quota! / period! : Infinity
}

function amount(text: string): number {
  const bytes = Number(text.trim() || 'max')
  return bytes > 0 ? bytes : Infinity
}

function read(root: string, path: string): string {
  try {
    return readFileSync(join(root, path), 'utf8')
  } catch {
    return ''
  }
}
