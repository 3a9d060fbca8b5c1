/**
 * Real programs: Debian's packages, installed when they are missing, run on loopback with a configuration of our own, and ended by their own
 * process ids.
 */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { sleep } from '@tsink/testing'

/** Programs, each with the package that has it. */
const PACKAGES = { prometheus: 'prometheus', 'prometheus-node-exporter': 'prometheus-node-exporter', chromium: 'chromium' } as const

export type ProgramName = keyof typeof PACKAGES

/** The path of a program, or null. */
export function findProgram(name: ProgramName): string | null {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    const path = join(folder, name)
    if (folder !== '' && existsSync(path)) return path
  }
  return null
}

/** Installs what is missing. Packages start services of their own; those use other ports and are left alone. */
export function installMissing(names: readonly ProgramName[]): void {
  const missing = names.filter((name) => findProgram(name) === null).map((name) => PACKAGES[name])
  if (missing.length === 0) return
  console.log(`installing ${missing.join(', ')}`)
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  execFileSync('apt-get', ['update', '-qq'], { stdio: 'inherit', env })
  execFileSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...missing], { stdio: 'inherit', env })
}

/** A program that we started. */
export class Program {
  readonly name: string
  readonly child: ChildProcess
  output = ''
  readonly #ended: Promise<void>

  constructor(name: ProgramName, args: readonly string[]) {
    this.name = name
    this.child = spawn(findProgram(name) ?? name, [...args], { stdio: ['ignore', 'pipe', 'pipe'] })
    for (const stream of [this.child.stdout!, this.child.stderr!]) {
      stream.on('data', (chunk: Buffer) => (this.output = (this.output + chunk.toString()).slice(-20_000)))
    }
    this.#ended = new Promise((done) => {
      this.child.once('exit', () => done())
      this.child.once('error', (error) => {
        this.output += String(error)
        done()
      })
    })
  }

  /** Waits until a URL of it answers 200. */
  async answers(url: string, timeoutMs = 30_000): Promise<void> {
    const deadline = performance.now() + timeoutMs
    let over = false
    void this.#ended.then(() => (over = true))
    while (performance.now() < deadline && !over) {
      try {
        if ((await fetch(url)).ok) return
      } catch {
        // Not listening yet.
      }
      await sleep(50)
    }
    throw new Error(`${this.name} does not answer at ${url}:\n${this.output}`)
  }

  async stop(): Promise<void> {
    this.child.kill('SIGTERM')
    await Promise.race([this.#ended, sleep(10_000)])
    this.child.kill('SIGKILL')
  }
}
