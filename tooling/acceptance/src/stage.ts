/**
 * The stage: the real server with every listener open, and what a part needs beside it: a folder, programs that end with the part, targets
 * that the server scrapes. All parts share one server, so each uses names of its own.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort, ServerProcess, serverCommand } from '@tsink/testing'
import { Program, type ProgramName } from './programs.ts'

const LISTENERS = ['graphite', 'graphite-pickle', 'opentsdb', 'statsd', 'influx', 'otlp-grpc'] as const

export class Stage {
  readonly folder: string
  readonly server: ServerProcess
  readonly ports: Readonly<Record<(typeof LISTENERS)[number], number>>
  readonly #programs: Program[] = []

  private constructor(folder: string, server: ServerProcess, ports: Stage['ports']) {
    this.folder = folder
    this.server = server
    this.ports = ports
  }

  static async open(): Promise<Stage> {
    const folder = mkdtempSync(join(tmpdir(), 'tsink-acceptance-'))
    mkdirSync(join(folder, 'targets'))
    const scrapeConfig = join(folder, 'scrape.yml')
    writeFileSync(scrapeConfig, SCRAPE_CONFIG.replace('FOLDER', join(folder, 'targets')))
    const port = await freePort()
    const ports = {} as Record<(typeof LISTENERS)[number], number>
    for (const name of LISTENERS) ports[name] = await freePort()
    const listeners = LISTENERS.flatMap((name) => [`--${name}-listen`, `127.0.0.1:${ports[name]}`])
    const rest = [
      '--data-path',
      join(folder, 'tsink'),
      '--scrape-config',
      scrapeConfig,
      '--statsd-flush-interval',
      '1s',
      '--statsd-unix-socket',
      join(folder, 'statsd.sock'),
    ]
    const server = new ServerProcess(serverCommand(), port, [...listeners, ...rest, '--influx-precision', 'auto'])
    return new Stage(folder, server, ports)
  }

  get url(): string {
    return this.server.url
  }

  get statsdSocket(): string {
    return join(this.folder, 'statsd.sock')
  }

  /** HOST:PORT of the server, for programs that make the URL themselves. */
  get address(): string {
    return new URL(this.url).host
  }

  /** Starts a program that ends with the part. */
  start(name: ProgramName, args: readonly string[]): Program {
    const program = new Program(name, args)
    this.#programs.push(program)
    return program
  }

  /** A folder for a part. */
  makeFolder(name: string): string {
    const folder = join(this.folder, name)
    mkdirSync(folder, { recursive: true })
    return folder
  }

  /** Lets the server scrape HOST:PORT every second, with the job's name as given. */
  scrape(job: string, target: string): void {
    writeFileSync(join(this.folder, 'targets', `${job}.json`), JSON.stringify([{ targets: [target], labels: { job } }]))
  }

  /** Ends what the part has started. */
  async clear(): Promise<void> {
    for (const program of this.#programs.splice(0)) await program.stop()
  }

  /** Ends the server: its exit status. */
  async close(): Promise<number | null> {
    await this.clear()
    const code = await this.server.stop()
    rmSync(this.folder, { recursive: true, force: true })
    return code
  }
}

const SCRAPE_CONFIG = `global: { scrape_interval: 1s, scrape_timeout: 1s }
scrape_configs:
  - job_name: stage
    file_sd_configs: [{ files: ['FOLDER/*.json'], refresh_interval: 1s }]
`
