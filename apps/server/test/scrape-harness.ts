/** A server that scrapes what a test configures, several times a second. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sleep } from '@tsink/testing'
import type { RunningServer } from '@tsink/server'
import { get, start } from './harness.ts'

export interface ActiveTarget {
  readonly labels: Record<string, string>
  readonly discoveredLabels: Record<string, string>
  readonly scrapePool: string
  readonly scrapeUrl: string
  readonly globalUrl: string
  readonly lastError: string
  readonly lastScrape: string
  readonly lastScrapeDuration: number
  readonly health: string
  readonly scrapeInterval: string
  readonly scrapeTimeout: string
}

export class Scraping {
  readonly folder: string
  readonly server: RunningServer
  readonly #path: string

  private constructor(folder: string, path: string, server: RunningServer) {
    this.folder = folder
    this.#path = path
    this.server = server
  }

  /** `config` gets a global section with an interval of 300 ms in front. */
  static async open(config: string | ((folder: string) => string), ...flags: string[]): Promise<Scraping> {
    const folder = mkdtempSync(join(tmpdir(), 'tsink-scraping-'))
    const path = join(folder, 'scrape.yml')
    writeFileSync(path, PREFIX + (typeof config === 'string' ? config : config(folder)))
    return new Scraping(folder, path, await start('--scrape-config', path, '--enable-lifecycle', ...flags))
  }

  async close(): Promise<void> {
    await this.server.stop()
    rmSync(this.folder, { recursive: true, force: true })
  }

  /** Writes another config and has it loaded; the answer's status and text. */
  async reload(config: string): Promise<{ readonly status: number; readonly text: string }> {
    writeFileSync(this.#path, PREFIX + config)
    const response = await fetch(`${this.server.url}/-/reload`, { method: 'POST' })
    return { status: response.status, text: await response.text() }
  }

  /** An instant query now: label sets without the name, each with its value. */
  async query(query: string): Promise<readonly (readonly [labels: Record<string, string>, value: string])[]> {
    const { body } = await get(this.server, `/api/v1/query?query=${encodeURIComponent(query)}`)
    if (body.status !== 'success') throw new Error(body.error)
    const { result } = body.data as { result: { metric: Record<string, string>; value: [number, string] }[] }
    return result.map(({ metric, value }) => {
      const { __name__: _, ...labels } = metric
      return [labels, value[1]]
    })
  }

  /** The value of a query with one result, or null. */
  async value(query: string): Promise<string | null> {
    return (await this.query(query))[0]?.[1] ?? null
  }

  async targets(query = ''): Promise<{
    readonly activeTargets: readonly ActiveTarget[]
    readonly droppedTargets: readonly { readonly discoveredLabels: Record<string, string>; readonly scrapePool: string }[]
    readonly droppedTargetCounts: Record<string, number>
  }> {
    return (await get(this.server, `/api/v1/targets${query}`)).body.data
  }

  /** Waits until a target of a job is down for a reason: its last error, or a part of it. A slow machine may fail a scrape otherwise first. */
  async downWith(job: string, reason: string | RegExp): Promise<void> {
    let error = ''
    const isSo = async (): Promise<boolean> => {
      const target = (await this.targets(`?scrapePool=${job}`)).activeTargets[0]
      error = target?.lastError ?? ''
      return target?.health === 'down' && (typeof reason === 'string' ? error === reason : reason.test(error))
    }
    await until(`a target of ${job} is down with ${String(reason)}`, isSo).catch((cause: unknown) => {
      throw new Error(`${(cause as Error).message}; it says ${JSON.stringify(error)}`)
    })
  }
}

const PREFIX = 'global: { scrape_interval: 300ms }\nscrape_configs:\n'

/** Waits for something to become true. */
export async function until(what: string, isSo: () => Promise<boolean> | boolean, timeoutMs = 10_000): Promise<void> {
  const deadline = performance.now() + timeoutMs
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error(`after ${timeoutMs} ms it is still not so that ${what}`)
    await sleep(20)
  }
}
