/**
 * A server process that a test owns: started on a free port and a folder, killed or stopped by its own process id only.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createServer } from 'node:net'
import { join, resolve } from 'node:path'

const ROOT = resolve(import.meta.dirname, '../../..')

/** The command that runs the server: what was built, or the sources where nothing is built. */
export function serverCommand(): readonly string[] {
  const built = join(ROOT, 'apps/server/dist/main.js')
  if (existsSync(built) && process.env['TSINK_FROM_SOURCE'] !== '1') return [process.execPath, built]
  return [process.execPath, '--conditions=@tsink/source', join(ROOT, 'apps/server/src/main.ts')]
}

export class ServerProcess {
  readonly url: string
  readonly child: ChildProcess
  /** What it said on standard error, to be shown when something goes wrong. */
  stderr = ''
  readonly ended: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>

  constructor(command: readonly string[], port: number, args: readonly string[]) {
    this.url = `http://127.0.0.1:${port}`
    this.child = spawn(command[0]!, [...command.slice(1), '--listen', `127.0.0.1:${port}`, ...args], {
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    this.child.stderr!.on('data', (chunk: Buffer) => (this.stderr = (this.stderr + chunk.toString()).slice(-20_000)))
    this.ended = new Promise((done) => this.child.once('exit', (code, signal) => done({ code, signal })))
  }

  /** Waits until /ready answers 200. @throws Error when the process ends before, or after `timeoutMs`. */
  async ready(timeoutMs = 60_000): Promise<void> {
    const deadline = performance.now() + timeoutMs
    let over = false
    void this.ended.then(() => (over = true))
    while (performance.now() < deadline) {
      if (over) throw new Error(`the server ended before it was ready:\n${this.stderr}`)
      try {
        if ((await fetch(`${this.url}/ready`)).status === 200) return
      } catch {
        // Not listening yet.
      }
      await sleep(10)
    }
    throw new Error(`the server was not ready within ${timeoutMs} ms:\n${this.stderr}`)
  }

  /** kill -9, and waits for the end. */
  async kill(): Promise<void> {
    this.child.kill('SIGKILL')
    await this.ended
  }

  /** SIGTERM, and waits for the end: its exit status. */
  async stop(): Promise<number | null> {
    this.child.kill('SIGTERM')
    return (await this.ended).code
  }
}

/** A port that is free now. */
export function freePort(): Promise<number> {
  return new Promise((done, fail) => {
    const probe = createServer()
    probe.once('error', fail)
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as { port: number }
      probe.close(() => done(port))
    })
  })
}

export function sleep(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms))
}
