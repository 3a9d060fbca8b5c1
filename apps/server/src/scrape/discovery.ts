/**
 * Discovery: where targets come from. Each mechanism reports groups under names of its own whenever they change; a group that is reported
 * as null is gone. What cannot be asked now leaves the groups that were known: a target does not vanish because a file is half written.
 */
// The module itself: its functions change with the name servers that a program sets.
import dns from 'node:dns/promises'
import { globSync, watch, type FSWatcher } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { parseTargetGroups } from './config.ts'
import { HttpClient } from './http-client.ts'
import type { DnsDiscoveryConfig, FileDiscoveryConfig, HttpDiscoveryConfig, Job, TargetGroup } from './job.ts'

export interface DiscoverySink {
  found(source: string, groups: readonly TargetGroup[] | null): void
  failed(mechanism: 'file' | 'http' | 'dns', problem: string): void
}

export interface Discovery {
  /** Finds out once, at once. */
  refresh(): Promise<void>
  stop(): void
}

/** Starts everything that a job's targets come from. */
export function discover(job: Job, version: string, sink: DiscoverySink): readonly Discovery[] {
  if (job.staticConfigs.length > 0) sink.found('static', job.staticConfigs)
  const started: Discovery[] = [
    ...job.fileSdConfigs.map((config, i) => new FileDiscovery(`file/${i}`, config, sink)),
    ...job.httpSdConfigs.map((config, i) => new HttpDiscovery(`http/${i}`, config, version, sink)),
    ...job.dnsSdConfigs.map((config, i) => new DnsDiscovery(`dns/${i}`, config, sink)),
  ]
  for (const one of started) void one.refresh()
  return started
}

/** Runs something again and again, never twice at once; a call while it runs makes it run once more. */
class Refresher {
  readonly #timer: NodeJS.Timeout
  readonly #work: () => Promise<void>
  #running: Promise<void> | null = null
  #again = false

  constructor(intervalMs: number, work: () => Promise<void>) {
    this.#work = work
    this.#timer = setInterval(() => void this.run(), Math.min(intervalMs, MAX_TIMER_MS))
    this.#timer.unref()
  }

  run(): Promise<void> {
    if (this.#running !== null) {
      this.#again = true
      return this.#running
    }
    return (this.#running = this.#loop())
  }

  async #loop(): Promise<void> {
    do {
      this.#again = false
      await this.#work()
    } while (this.#again)
    this.#running = null
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#again = false
  }
}

/** Longer timers end at once. */
const MAX_TIMER_MS = 2_147_483_647
/** Editors write a file in several steps. */
const SETTLE_MS = 100

class FileDiscovery implements Discovery {
  readonly #source: string
  readonly #config: FileDiscoveryConfig
  readonly #sink: DiscoverySink
  readonly #refresher: Refresher
  readonly #watchers: FSWatcher[] = []
  #known = new Set<string>()
  #settling: NodeJS.Timeout | null = null
  #stopped = false

  constructor(source: string, config: FileDiscoveryConfig, sink: DiscoverySink) {
    this.#source = source
    this.#config = config
    this.#sink = sink
    this.#refresher = new Refresher(config.refreshInterval, () => this.#read())
    // Folders are watched, not files: most programs replace a file rather than write it. Where that is not possible, the interval does it.
    for (const folder of new Set(config.files.map(dirname))) this.#watch(folder)
  }

  refresh(): Promise<void> {
    return this.#refresher.run()
  }

  stop(): void {
    this.#stopped = true
    this.#refresher.stop()
    for (const watcher of this.#watchers) watcher.close()
    if (this.#settling !== null) clearTimeout(this.#settling)
  }

  #watch(folder: string): void {
    try {
      const watcher = watch(folder, { persistent: false }, (_, name) => {
        if (name !== null && !/\.(?:json|ya?ml)$/i.test(basename(name))) return
        this.#settling ??= setTimeout(() => {
          this.#settling = null
          void this.refresh()
        }, SETTLE_MS)
      })
      watcher.on('error', () => watcher.close())
      this.#watchers.push(watcher)
    } catch (error) {
      this.#sink.failed(
        'file',
        `cannot watch ${folder}, so its files are read every ${this.#config.refreshInterval / 1_000}s: ${(error as Error).message}`,
      )
    }
  }

  async #read(): Promise<void> {
    const paths = new Set(this.#config.files.flatMap((pattern) => (pattern.includes('*') ? globSync(pattern) : [pattern])))
    for (const path of paths) {
      try {
        const groups = parseTargetGroups(await readFile(path, 'utf8'), path)
        if (this.#stopped) return
        const labelled = groups.map(({ targets, labels }) => ({ targets, labels: { ...labels, __meta_filepath: path } }))
        this.#known.add(path)
        this.#sink.found(`${this.#source}:${path}`, labelled)
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') paths.delete(path)
        this.#sink.failed('file', (error as Error).message)
      }
    }
    for (const path of this.#known) {
      if (paths.has(path)) continue
      this.#known.delete(path)
      this.#sink.found(`${this.#source}:${path}`, null)
    }
  }
}

/** A list of targets is text; more than this is a mistake of its server. */
const MAX_LIST_BYTES = 64 * 1_024 * 1_024

class HttpDiscovery implements Discovery {
  readonly #source: string
  readonly #config: HttpDiscoveryConfig
  readonly #version: string
  readonly #sink: DiscoverySink
  readonly #client: HttpClient
  readonly #refresher: Refresher
  readonly #abort = new AbortController()

  constructor(source: string, config: HttpDiscoveryConfig, version: string, sink: DiscoverySink) {
    this.#source = source
    this.#config = config
    this.#version = version
    this.#sink = sink
    this.#client = new HttpClient(config.http)
    this.#refresher = new Refresher(config.refreshInterval, () => this.#ask())
  }

  refresh(): Promise<void> {
    return this.#refresher.run()
  }

  stop(): void {
    this.#abort.abort()
    this.#refresher.stop()
    this.#client.close()
  }

  async #ask(): Promise<void> {
    const { url, refreshInterval } = this.#config
    try {
      const { status, statusText, headers, body } = await this.#client.get(new URL(url), {
        headers: {
          'user-agent': `tsink/${this.#version}`,
          accept: 'application/json',
          'x-prometheus-refresh-interval-seconds': String(refreshInterval / 1_000),
        },
        timeoutMs: Math.min(refreshInterval, MAX_TIMER_MS),
        maxBytes: MAX_LIST_BYTES,
        signal: this.#abort.signal,
      })
      if (status !== 200) throw new Error(`server returned HTTP status ${status} ${statusText}`)
      const type = headers['content-type'] ?? ''
      if (!/^\s*application\/json\s*(?:;|$)/i.test(type)) throw new Error(`unsupported content type ${JSON.stringify(type)}`)
      const groups = parseTargetGroups(new TextDecoder().decode(body), 'the answer')
      if (this.#abort.signal.aborted) return
      this.#sink.found(
        this.#source,
        groups.map(({ targets, labels }) => ({ targets, labels: { ...labels, __meta_url: url } })),
      )
    } catch (error) {
      if (!this.#abort.signal.aborted) this.#sink.failed('http', `${url}: ${(error as Error).message}`)
    }
  }
}

class DnsDiscovery implements Discovery {
  readonly #source: string
  readonly #config: DnsDiscoveryConfig
  readonly #sink: DiscoverySink
  readonly #refresher: Refresher
  #stopped = false

  constructor(source: string, config: DnsDiscoveryConfig, sink: DiscoverySink) {
    this.#source = source
    this.#config = config
    this.#sink = sink
    this.#refresher = new Refresher(config.refreshInterval, () => this.#ask())
  }

  refresh(): Promise<void> {
    return this.#refresher.run()
  }

  stop(): void {
    this.#stopped = true
    this.#refresher.stop()
  }

  async #ask(): Promise<void> {
    await Promise.all(
      this.#config.names.map(async (name) => {
        try {
          const targets = await lookUp(name, this.#config)
          if (!this.#stopped) this.#sink.found(`${this.#source}:${name}`, [{ targets, labels: { __meta_dns_name: name } }])
        } catch (error) {
          const { code, message } = error as NodeJS.ErrnoException
          if (this.#stopped) return
          // A name without records has no targets; that is an answer.
          if (code === 'ENODATA' || code === 'ENOTFOUND') this.#sink.found(`${this.#source}:${name}`, null)
          else this.#sink.failed('dns', `${name}: ${message}`)
        }
      }),
    )
  }
}

async function lookUp(name: string, { type, port }: DnsDiscoveryConfig): Promise<readonly Readonly<Record<string, string>>[]> {
  switch (type) {
    case 'A':
      return (await dns.resolve4(name)).map((address) => ({ __address__: `${address}:${port}` }))
    case 'AAAA':
      return (await dns.resolve6(name)).map((address) => ({ __address__: `[${address}]:${port}` }))
    case 'SRV':
      return (await dns.resolveSrv(name)).map((record) => ({
        __address__: `${record.name}:${record.port}`,
        __meta_dns_srv_record_target: `${record.name}.`,
        __meta_dns_srv_record_port: String(record.port),
      }))
    case 'MX':
      return (await dns.resolveMx(name)).map(({ exchange }) => ({
        __address__: `${exchange}:${port}`,
        __meta_dns_mx_record_target: `${exchange}.`,
      }))
    case 'NS':
      return (await dns.resolveNs(name)).map((server) => ({ __address__: `${server}:${port}`, __meta_dns_ns_record_target: `${server}.` }))
  }
}
