/**
 * Newer Node: a program that a person starts with the Node of their system, which may be older than the code can run on, goes on in the
 * Node that the installation brought along (`node_modules/.bin/node`). The first process stays as a thin shell: it passes signals on, ends
 * with the same status, and when it is killed outright the second one ends with it.
 *
 * This file imports nothing but what every Node since 20 has, since it runs before anything else is loaded.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync } from 'node:fs'
import { constants } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The oldest Node that runs the code: node:sqlite and zstd in node:zlib, without a flag. */
const OLDEST: readonly [major: number, minor: number] = [22, 18]

/** Set in the second process, so that it never looks for a third. */
const MARK = 'TSINK_HANDED_OVER'

/**
 * Goes on in a newer Node if this one is too old. Resolves to true when the other process has done all the work (the exit status is set),
 * to false when the caller has to do it here. To be called before anything else is imported.
 * @param main the `import.meta.url` of the program's main file
 */
export async function handOver(main: string): Promise<boolean> {
  if (process.env[MARK] !== undefined) {
    delete process.env[MARK]
    endWithParent()
    return false
  }
  if (isNewEnough(process.versions.node)) return false
  const file = fileURLToPath(main)
  const newer = installedNode(dirname(file))
  if (newer === null) {
    process.stderr.write(`tsink needs Node ${OLDEST.join('.')} or newer, and this is ${process.version}\n`)
    process.exitCode = 1
    return true
  }
  // The channel carries no message: it is there to break when this process dies.
  const child = spawn(newer, [...process.execArgv, file, ...process.argv.slice(2)], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    env: { ...process.env, [MARK]: '1' },
  })
  process.exitCode = await statusOf(child)
  return true
}

function isNewEnough(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])
}

/** The Node that an installation above this folder brought along, or null. */
function installedNode(folder: string): string | null {
  for (let at = folder; ; at = dirname(at)) {
    const found = join(at, 'node_modules', '.bin', 'node')
    if (existsSync(found)) return found
    if (dirname(at) === at) return null
  }
}

function statusOf(child: ChildProcess): Promise<number> {
  const pass = (signal: NodeJS.Signals): void => void child.kill(signal)
  // A terminal sends its interrupt to both processes, so passing it on would send it twice.
  const passInterrupt = process.stdin.isTTY ? () => {} : pass
  process.on('SIGTERM', pass).on('SIGHUP', pass).on('SIGINT', passInterrupt)
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code, signal) => resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal])))
  })
}

function endWithParent(): void {
  process.once('disconnect', () => process.kill(process.pid, 'SIGKILL'))
  process.channel?.unref()
}
