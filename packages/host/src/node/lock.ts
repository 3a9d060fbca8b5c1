/**
 * The lock of a directory: one process at a time.
 *
 * It is a row-less SQLite database held by `BEGIN EXCLUSIVE`: the lock lives in the kernel, by process, so that it is gone the moment its
 * holder is. Beside it a second file names the holder: its pid, when that process started (two processes of one pid differ in it), and how it
 * holds. For a holder by SQLite that file is there for the error message only.
 *
 * A Node older than 22.13 has no SQLite. There the second file is itself the lock: it appears whole and only if there is none (a hard link),
 * and counts for as long as the process that it names lives. Both ways see each other.
 */
import { TsinkError } from '@tsink/core'
import fs from 'node:fs'
import { createRequire } from 'node:module'
import type { DiskLock } from '../disk.ts'
import { codeOf, failure } from './failure.ts'

interface Holder {
  readonly pid: number
  /** Clock ticks from the machine's start to the process's; 0 where the system does not tell. */
  readonly started: number
  readonly by: 'sqlite' | 'file'
}

type Sqlite = typeof import('node:sqlite')

/** @throws TsinkError LOCKED while another holds it, this process included. */
export async function takeLock(path: string): Promise<DiskLock> {
  const sqlite = loadSqlite()
  return sqlite === null ? lockByFile(path, `${path}.holder`) : lockBySqlite(sqlite, path, `${path}.holder`)
}

// Asked for here rather than at the top: Node before 24 prints a warning when it is loaded, and disks without a lock need none of it.
function loadSqlite(): Sqlite | null {
  try {
    return createRequire(import.meta.url)('node:sqlite') as Sqlite
  } catch {
    return null
  }
}

function lockBySqlite({ DatabaseSync }: Sqlite, path: string, holderPath: string): DiskLock {
  let database: InstanceType<Sqlite['DatabaseSync']> | undefined
  try {
    database = new DatabaseSync(path)
    database.exec('BEGIN EXCLUSIVE')
  } catch (error) {
    database?.close()
    if (/database is locked/.test((error as Error).message)) throw lockedError(path, readHolder(holderPath))
    throw failure('WRITE_FAILED', 'lock', path, error)
  }
  const held = database
  const other = readHolder(holderPath)
  if (other?.by === 'file' && isAlive(other)) {
    held.close()
    throw lockedError(path, other)
  }
  // The name is a courtesy to whoever meets the lock; a full disk must not keep the store shut.
  try {
    fs.writeFileSync(holderPath, printHolder('sqlite'))
  } catch {
    fs.rmSync(holderPath, { force: true })
  }
  return releasing(() => {
    fs.rmSync(holderPath, { force: true })
    held.close()
  })
}

function lockByFile(path: string, holderPath: string): DiskLock {
  const mine = `${holderPath}.${process.pid}`
  try {
    fs.writeFileSync(mine, printHolder('file'))
    while (!linked(mine, holderPath)) {
      const holder = readHolder(holderPath)
      if (holder !== null && isAlive(holder)) throw lockedError(path, holder)
      removeDead(holder, holderPath, `${mine}.dead`)
    }
  } catch (error) {
    if (error instanceof TsinkError) throw error
    throw failure('WRITE_FAILED', 'lock', path, error)
  } finally {
    fs.rmSync(mine, { force: true })
  }
  return releasing(() => fs.rmSync(holderPath, { force: true }))
}

/** Takes the file of a dead holder away, or one that names nobody. Should it by now be the file of another, it goes back to its place. */
function removeDead(dead: Holder | null, holderPath: string, aside: string): void {
  try {
    fs.renameSync(holderPath, aside)
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return
    throw error
  }
  const found = readHolder(aside)
  if (found?.pid !== dead?.pid || found?.started !== dead?.started) linked(aside, holderPath)
  fs.rmSync(aside, { force: true })
}

function linked(from: string, to: string): boolean {
  try {
    fs.linkSync(from, to)
    return true
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false
    throw error
  }
}

function releasing(release: () => void): DiskLock {
  let released = false
  return {
    async release(): Promise<void> {
      if (released) return
      released = true
      release()
    },
  }
}

function printHolder(by: Holder['by']): string {
  return `${process.pid} ${startOf(process.pid)} ${by}\n`
}

function readHolder(holderPath: string): Holder | null {
  let text: string
  try {
    text = fs.readFileSync(holderPath, 'utf8')
  } catch {
    // The holder has just taken the lock, or could not write its name.
    return null
  }
  const [pid = '', started = '', by = ''] = text.trim().split(' ')
  return Number(pid) > 0 ? { pid: Number(pid), started: Number(started), by: by === 'file' ? 'file' : 'sqlite' } : null
}

function isAlive(holder: Holder): boolean {
  try {
    process.kill(holder.pid, 0)
  } catch (error) {
    if (codeOf(error) === 'ESRCH') return false
  }
  return startOf(holder.pid) === holder.started
}

/** The 22nd field of `/proc/PID/stat`, counted after the name, which may hold spaces and parentheses. */
function startOf(pid: number): number {
  try {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8')
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19])
  } catch {
    return 0
  }
}

function lockedError(path: string, holder: Holder | null): TsinkError {
  const who =
    holder === null
      ? 'another process'
      : holder.pid === process.pid
        ? `this process (pid ${holder.pid})`
        : `the process with pid ${holder.pid}`
  return new TsinkError('LOCKED', `${path} is locked: the store is open in ${who}`, {
    detail: holder === null ? { file: path } : { file: path, pid: holder.pid },
  })
}
