/**
 * Scraper: all jobs of the scrape config, their life from start to stop, and what happens when the config is loaded again: jobs that did not
 * change go on undisturbed, the others begin anew and take over the series of their targets.
 *
 * A target that is gone for good leaves stale markers behind, at the time at which its next scrape was due. They are written after two
 * intervals and a bit, in case the target only moved. At the end of the process none are written: it will be back.
 */
import type { Labels } from '@tsink/core'
import { Rejected } from '@tsink/protocols'
import { loadScrapeConfig, type ScrapeConfig } from './config.ts'
import { ownColumns, type ScrapeLoop, type Surroundings } from './loop.ts'
import { ScrapePool, type Retirement } from './pool.ts'
import type { ScrapedSeries } from './scraped-series.ts'

interface Retired {
  readonly series: ScrapedSeries
  readonly time: number
  readonly timer: NodeJS.Timeout
}

export class Scraper implements Retirement {
  readonly #path: string
  readonly #around: Surroundings
  readonly #pools = new Map<string, ScrapePool>()
  readonly #retired = new Map<string, Retired[]>()
  readonly #marking = new Set<Promise<void>>()
  #config: ScrapeConfig | null = null
  #reloading: Promise<void> = Promise.resolve()
  #stopped = false
  /** Whether the last load of the config went well, and when the present one was loaded. */
  loadedWell = true
  loadedAt = 0

  constructor(path: string, around: Surroundings) {
    this.#path = path
    this.#around = around
  }

  /** Begins to scrape what a config says that was loaded from the scraper's file. */
  async start(config: ScrapeConfig): Promise<void> {
    this.#showPools()
    await this.#apply(config)
  }

  /** The jobs' pools, by name. */
  get pools(): readonly ScrapePool[] {
    return [...this.#pools.values()].toSorted((a, b) => (a.job.jobName < b.job.jobName ? -1 : 1))
  }

  pool(name: string): ScrapePool | null {
    return this.#pools.get(name) ?? null
  }

  /**
   * Reads the config again. A config that is wrong changes nothing.
   * @throws TsinkError BAD_CONFIG
   */
  reload(): Promise<void> {
    const next = this.#reloading.catch(() => undefined).then(() => this.#reload())
    this.#reloading = next
    return next
  }

  /** Ends all loops and waits for what is on its way. */
  async stop(): Promise<void> {
    this.#stopped = true
    await this.#reloading.catch(() => undefined)
    await Promise.all([...this.#pools.values()].map((pool) => pool.stop(false)))
    for (const list of this.#retired.values()) for (const { timer } of list) clearTimeout(timer)
    this.#retired.clear()
    await Promise.all(this.#marking)
  }

  take(labels: Labels): ScrapedSeries | null {
    const list = this.#retired.get(labels.key())
    const retired = list?.shift()
    if (retired === undefined) return null
    if (list!.length === 0) this.#retired.delete(labels.key())
    clearTimeout(retired.timer)
    return retired.series
  }

  add({ series, target, due, lastScrape }: ScrapeLoop): void {
    // A target that was never scraped has nothing to mark.
    if (lastScrape === 0) return
    const key = target.labels.key()
    // Not longer than an interval, wherever the clock was set.
    const wait = Math.min(target.interval, Math.max(0, due - Date.now())) + target.interval * 1.1
    const timer = setTimeout(
      () => {
        const list = this.#retired.get(key)?.filter((one) => one !== retired) ?? []
        if (list.length === 0) this.#retired.delete(key)
        else this.#retired.set(key, list)
        const marking = this.#mark(retired)
        this.#marking.add(marking)
        void marking.finally(() => this.#marking.delete(marking))
      },
      Math.min(wait, MAX_TIMER_MS),
    )
    const retired: Retired = { series, time: due, timer }
    this.#retired.set(key, [...(this.#retired.get(key) ?? []), retired])
  }

  async #reload(): Promise<void> {
    let config: ScrapeConfig
    try {
      config = loadScrapeConfig(this.#path)
    } catch (error) {
      this.loadedWell = false
      this.#around.metrics.reloads.inc({ outcome: 'refused' })
      throw error
    }
    if (!this.#stopped) await this.#apply(config)
  }

  async #apply(config: ScrapeConfig): Promise<void> {
    const { log, metrics } = this.#around
    const ending: Promise<void>[] = []
    for (const [name, pool] of this.#pools) {
      if (config.fingerprints.get(name) === this.#config?.fingerprints.get(name)) continue
      ending.push(pool.stop(true))
      this.#pools.delete(name)
    }
    await Promise.all(ending)
    for (const job of config.jobs) {
      if (this.#pools.has(job.jobName)) continue
      const pool = new ScrapePool(job, this.#around, this)
      this.#pools.set(job.jobName, pool)
      pool.start()
    }
    this.#config = config
    this.loadedWell = true
    this.loadedAt = Date.now()
    metrics.reloads.inc({ outcome: 'loaded' })
    if (config.unread.length > 0)
      log.warn({ file: this.#path, sections: config.unread }, 'sections that are not about scraping are not read')
    log.info({ file: this.#path, jobs: config.jobs.length }, 'the scrape config is loaded')
  }

  #showPools(): void {
    const count = (health: string): number => {
      let found = 0
      for (const { loops } of this.#pools.values()) for (const loop of loops.values()) if (loop.health === health) found++
      return found
    }
    this.#around.metrics.showTargets(count, () => (this.loadedWell ? 1 : 0))
  }

  async #mark({ series, time }: Retired): Promise<void> {
    const { ingest, store, metrics, log } = this.#around
    const stale = series.end()
    metrics.staleMarkers.inc(stale.length)
    try {
      await ingest.append(store, 'scrape', {
        batch: { series: series.table, samples: [ownColumns(stale, [], time)] },
        rejected: new Rejected(),
      })
    } catch (error) {
      log.warn({ err: error }, 'the markers of a target that is gone could not be written')
    }
  }
}

/** Longer timers end at once. */
const MAX_TIMER_MS = 2_147_483_647
