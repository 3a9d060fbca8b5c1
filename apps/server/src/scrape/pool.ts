/**
 * ScrapePool: the targets of one job. What discovery reports becomes loops: new targets begin, those that are gone end, the others go on
 * undisturbed.
 */
import { discover, type Discovery } from './discovery.ts'
import { HttpClient } from './http-client.ts'
import type { Job, TargetGroup } from './job.ts'
import { ScrapeLoop, type Surroundings } from './loop.ts'
import type { ScrapedSeries } from './scraped-series.ts'
import { targetsOf, type Target } from './target.ts'
import type { Labels } from '@tsink/core'

/** Where the series of targets wait that are gone, until they are marked stale or the target comes back. */
export interface Retirement {
  /** The series of a target of these labels that is gone or about to be replaced, or null. */
  take(labels: Labels): ScrapedSeries | null
  add(loop: ScrapeLoop): void
}

export class ScrapePool {
  readonly job: Job
  readonly loops: Map<string, ScrapeLoop> = new Map()
  /** Discovered labels of targets that relabelling dropped, up to the job's limit. */
  dropped: readonly Labels[] = []
  droppedCount = 0
  readonly #around: Surroundings
  readonly #retirement: Retirement
  readonly #client: HttpClient
  /** By source, with their text, by which a report that brings nothing new is known. */
  readonly #groups = new Map<string, { readonly groups: readonly TargetGroup[]; readonly text: string }>()
  readonly #ending = new Set<Promise<void>>()
  #discoveries: readonly Discovery[] = []
  #refusal: string | null = null
  #syncing: NodeJS.Immediate | null = null
  #stopped = false

  constructor(job: Job, around: Surroundings, retirement: Retirement) {
    this.job = job
    this.#around = around
    this.#retirement = retirement
    this.#client = new HttpClient(job.http)
  }

  start(): void {
    const { log, metrics, version } = this.#around
    this.#discoveries = discover(this.job, version, {
      found: (source, groups) => {
        const text = JSON.stringify(groups)
        if (this.#groups.get(source)?.text === text) return
        if (groups === null) this.#groups.delete(source)
        else this.#groups.set(source, { groups, text })
        // Reports that come together are worked through together.
        this.#syncing ??= setImmediate(() => {
          this.#syncing = null
          if (!this.#stopped) this.#sync()
        })
      },
      failed: (mechanism, problem) => {
        metrics.discoveryFailures.inc({ mechanism })
        log.warn({ job: this.job.jobName, mechanism, problem }, 'discovery failed; the targets known so far stay')
      },
    })
  }

  /** Asks all discoveries again. */
  async refresh(): Promise<void> {
    await Promise.all(this.#discoveries.map((one) => one.refresh()))
  }

  /** Ends all loops. With `retire` their series are handed on, to be marked stale unless someone takes them. */
  async stop(retire: boolean): Promise<void> {
    this.#stopped = true
    if (this.#syncing !== null) clearImmediate(this.#syncing)
    for (const one of this.#discoveries) one.stop()
    for (const loop of this.loops.values()) this.#end(loop, retire)
    this.loops.clear()
    await Promise.all(this.#ending)
    this.#client.close()
  }

  #sync(): void {
    const { job } = this
    const targets = new Map<string, Target>()
    const dropped: Labels[] = []
    this.droppedCount = 0
    for (const group of [...this.#groups.values()].flatMap(({ groups }) => groups)) {
      for (const found of targetsOf(job, group)) {
        if (found.kind === 'target') targets.set(found.target.key, found.target)
        else if (found.kind === 'wrong') {
          this.#around.metrics.wrongTargets.inc()
          this.#around.log.warn(
            { job: job.jobName, target: found.discovered.toJSON(), problem: found.problem },
            'a target cannot be scraped',
          )
        } else {
          this.droppedCount++
          if (job.keepDroppedTargets === 0 || dropped.length < job.keepDroppedTargets) dropped.push(found.discovered)
        }
      }
    }
    this.dropped = dropped
    const { targetLimit } = job
    const tooMany = targetLimit > 0 && targets.size > targetLimit
    this.#refusal = tooMany ? `target_limit exceeded (number of targets: ${targets.size}, limit: ${targetLimit})` : null
    for (const [key, loop] of this.loops) {
      const same = targets.get(key)
      if (same !== undefined && same.interval === loop.target.interval && same.timeout === loop.target.timeout) continue
      this.loops.delete(key)
      this.#end(loop, true)
    }
    for (const [key, target] of targets) {
      if (this.loops.has(key)) continue
      const previous = this.#retirement.take(target.labels)
      const loop = new ScrapeLoop(job, target, this.#client, this.#around, () => this.#refusal, previous)
      this.loops.set(key, loop)
      loop.start()
    }
  }

  #end(loop: ScrapeLoop, retire: boolean): void {
    const ended = loop.stop()
    this.#ending.add(ended)
    void ended.finally(() => this.#ending.delete(ended))
    if (retire) this.#retirement.add(loop)
  }
}
