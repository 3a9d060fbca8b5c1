/**
 * Real programs: Debian's packages, installed when they are missing, run on loopback with a configuration of our own, and ended by their own
 * process ids. Newer ones than Debian has are looked for in the folder that `TSINK_PEERS` names (tooling/scripts/peers.sh fills one).
 */
import { execFile, execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { sleep } from '@tsink/testing'

/** Programs of Debian, each with the packages that it needs. */
const PACKAGES = {
  prometheus: ['prometheus'],
  'prometheus-node-exporter': ['prometheus-node-exporter'],
  promtool: ['prometheus'],
  chromium: ['chromium'],
  // Its plugins bring no libraries with them.
  collectd: ['collectd-core', 'libmicrohttpd12', 'libprotobuf-c1', 'libyajl2'],
  'carbon-relay': ['graphite-carbon'],
  influx: ['influxdb-client'],
  socat: ['socat'],
} as const

export type DebianProgram = keyof typeof PACKAGES
/** Programs that only `TSINK_PEERS` or the PATH has: Prometheus 3 and the newer promtool under names that tell them from Debian's. */
export type PeerProgram = 'prometheus3' | 'promtool3' | 'vmagent' | 'vmalert' | 'vmctl' | 'victoria-metrics'
export type ProgramName = DebianProgram | PeerProgram

/** What a program is called in the folder of peers, where that is another name. */
const PEER_FILES: Partial<Record<ProgramName, string>> = { prometheus3: 'prometheus', promtool3: 'promtool' }

const PEERS: string | null = process.env['TSINK_PEERS'] || null

/** The path of a program, or null. */
export function findProgram(name: ProgramName): string | null {
  const candidates = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin']
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, name))
  if (PEERS !== null && !isDebian(name)) candidates.unshift(join(PEERS, PEER_FILES[name] ?? name))
  return candidates.find((path) => existsSync(path)) ?? null
}

/** Where a library of the folder of peers is, or null: those that are too large to be a dependency. */
export function findLibrary(name: string): string | null {
  const path = PEERS === null ? null : join(PEERS, 'node_modules', name)
  return path !== null && existsSync(path) ? path : null
}

function isDebian(name: ProgramName): name is DebianProgram {
  return name in PACKAGES
}

/**
 * Installs what is missing of Debian's. Packages start services of their own; those use other ports and are left alone. Where nothing can be
 * installed it is said, and what needs the programs is skipped.
 */
export function installMissing(names: readonly ProgramName[]): void {
  const missing = new Set(
    names
      .filter(isDebian)
      .filter((name) => findProgram(name) === null)
      .flatMap((name) => PACKAGES[name]),
  )
  if (missing.size === 0) return
  console.log(`installing ${[...missing].join(', ')}`)
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  try {
    execFileSync('apt-get', ['update', '-qq'], { stdio: 'inherit', env })
    execFileSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...missing], { stdio: 'inherit', env })
  } catch (error) {
    console.log(`they could not be installed: ${(error as Error).message}`)
  }
}

/** Runs a program to its end. @throws Error with all that it said, when it ends with another status than 0. */
export function runProgram(name: ProgramName, args: readonly string[], timeoutMs = 60_000): Promise<string> {
  return new Promise((done, fail) => {
    execFile(findProgram(name) ?? name, [...args], { timeout: timeoutMs, maxBuffer: 1 << 26 }, (error, stdout, stderr) => {
      if (error === null) done(stdout)
      else fail(new Error(`${name} ${args.join(' ')}: ${error.message}\n${stdout}${stderr}`))
    })
  })
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
    return this.until(async () => (await fetch(url)).ok, `does not answer at ${url}`, timeoutMs)
  }

  /** Waits until something holds of it; what throws does not hold yet. */
  async until(holds: () => Promise<boolean> | boolean, otherwise: string, timeoutMs = 30_000): Promise<void> {
    const deadline = performance.now() + timeoutMs
    let over = false
    void this.#ended.then(() => (over = true))
    while (performance.now() < deadline && !over) {
      try {
        if (await holds()) return
      } catch {
        // Not listening yet.
      }
      await sleep(50)
    }
    throw new Error(`${this.name} ${over ? 'has ended' : otherwise}:\n${this.output}`)
  }

  async stop(): Promise<void> {
    this.child.kill('SIGTERM')
    await Promise.race([this.#ended, sleep(10_000)])
    this.child.kill('SIGKILL')
  }
}
