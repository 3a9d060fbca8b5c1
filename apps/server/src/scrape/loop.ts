/**
 * ScrapeLoop: one target's life. At its moment of each interval the target is asked, its answer read, and everything that follows from it
 * written in one batch: its samples, the markers of series that are gone, and the series about the scrape itself (`up` and so on).
 *
 *     interval │....o..................│....o..................│     o: the target's own moment, spread by its identity
 *
 * A scrape that fails writes `up` 0 and marks every series of the target stale. Scrapes never overlap: what is missed is left out.
 */
import type { FastifyBaseLogger } from 'fastify'
import { STALE, TsinkError, type AnySampleColumns, type MetricMetadata, type Store } from '@tsink/core'
import { Rejected, type Decoded } from '@tsink/protocols'
import type { Ingest } from '../ingest.ts'
import { MAX_BODY_BYTES } from './config.ts'
import { inTurns } from '../turns.ts'
import { acceptHeader, readExposition } from './exposition.ts'
import { GetError, type HttpClient } from './http-client.ts'
import type { Job } from './job.ts'
import type { ScrapeMetrics } from './scrape-metrics.ts'
import { ScrapedSeries, type Taken } from './scraped-series.ts'
import { offsetOf, type Target } from './target.ts'

/** What all loops share. */
export interface Surroundings {
  readonly store: Store
  readonly ingest: Ingest
  readonly metrics: ScrapeMetrics
  readonly log: FastifyBaseLogger
  readonly version: string
  /** Every series gets its family's type and unit as labels. */
  readonly typeAndUnitLabels: boolean
}

/** The series about a scrape, in the order of their values. */
const REPORTS = [
  'up',
  'scrape_duration_seconds',
  'scrape_samples_scraped',
  'scrape_samples_post_metric_relabeling',
  'scrape_series_added',
] as const
const EXTRA_REPORTS = ['scrape_timeout_seconds', 'scrape_sample_limit', 'scrape_body_size_bytes'] as const

/**
 * A scrape that begins so close to its moment gets the moment's own time: timers are not exact, and times that are evenly apart are stored in
 * next to no space. Never more than a hundredth of the interval.
 */
const ALIGN_MS = 10
/** Longer timers end at once. */
const MAX_TIMER_MS = 2_147_483_647

export class ScrapeLoop {
  readonly job: Job
  readonly target: Target
  readonly series: ScrapedSeries
  health: 'unknown' | 'up' | 'down' = 'unknown'
  lastError = ''
  /** Milliseconds since the epoch; 0 before the first scrape. */
  lastScrape = 0
  lastSeconds = 0
  /** What the target says of its metrics. */
  metadata: ReadonlyMap<string, MetricMetadata> = new Map()
  readonly #around: Surroundings
  readonly #client: HttpClient
  /** Why the whole pool may not scrape now, or null. */
  readonly #refusal: () => string | null
  readonly #offset: number
  readonly #headers: Readonly<Record<string, string>>
  readonly #abort = new AbortController()
  #timer: NodeJS.Timeout | null = null
  #due = 0
  #running: Promise<void> | null = null

  constructor(
    job: Job,
    target: Target,
    client: HttpClient,
    around: Surroundings,
    refusal: () => string | null,
    previous: ScrapedSeries | null,
  ) {
    this.job = job
    this.target = target
    this.#client = client
    this.#around = around
    this.#refusal = refusal
    this.#offset = offsetOf(target)
    this.#headers = {
      accept: acceptHeader(job),
      'accept-encoding': job.enableCompression ? 'gzip' : 'identity',
      'user-agent': `tsink/${around.version}`,
      'x-prometheus-scrape-timeout-seconds': String(target.timeout / 1_000),
    }
    const rules = { ...job, targetLabels: target.labels }
    this.series = new ScrapedSeries(rules, job.extraScrapeMetrics ? [...REPORTS, ...EXTRA_REPORTS] : REPORTS, previous)
  }

  start(): void {
    this.#schedule(Date.now())
  }

  /** When the next scrape is due. */
  get due(): number {
    return this.#due
  }

  /** Ends the loop; a scrape on its way is given up, a batch on its way is waited for. No markers are written. */
  async stop(): Promise<void> {
    this.#abort.abort()
    if (this.#timer !== null) clearTimeout(this.#timer)
    await this.#running
  }

  #schedule(now: number): void {
    const { interval } = this.target
    let due = Math.floor((now - this.#offset) / interval) * interval + this.#offset + interval
    // A timer may fire a moment early.
    if (due - this.#due < interval / 2) due += interval
    if (this.#due > 0) this.#around.metrics.missed.inc(Math.max(0, Math.round((due - this.#due) / interval) - 1))
    this.#due = due
    this.#wait()
  }

  #wait(): void {
    // Nothing is due so late: the clock was set back, and waiting for it to come here again would end the scrapes.
    if (this.#due - Date.now() > 2 * this.target.interval) {
      this.#due = 0
      return this.#schedule(Date.now())
    }
    this.#timer = setTimeout(
      () => {
        if (this.#due - Date.now() > ALIGN_MS) return this.#wait()
        this.#running = this.#scrape(this.#due)
          // A bug that one target's answer uncovers must not end the scrapes of all others.
          .catch((error: unknown) => this.#around.log.error({ err: error, target: this.target.scrapeUrl }, 'a scrape broke off'))
          .finally(() => {
            this.#running = null
            if (!this.#abort.signal.aborted) this.#schedule(Date.now())
          })
      },
      Math.min(Math.max(0, this.#due - Date.now()), MAX_TIMER_MS),
    )
  }

  async #scrape(due: number): Promise<void> {
    const now = Date.now()
    const tolerance = Math.min(ALIGN_MS, this.target.interval / 100)
    const time = Math.abs(now - due) <= tolerance ? due : now
    const begin = performance.now()
    const outcome = await this.#ask(time)
    if (this.#abort.signal.aborted) return
    const seconds = (performance.now() - begin) / 1_000
    this.#note(outcome, now, seconds)
    await this.#store(outcome, time, seconds)
    await inTurns(this.series.tidy())
  }

  async #ask(time: number): Promise<Outcome> {
    const refusal = this.#refusal()
    if (refusal !== null) return failed('target_limit', refusal)
    const { bodySizeLimit } = this.job
    let bodyBytes = 0
    try {
      const { status, statusText, headers, body } = await this.#client.get(this.target.url, {
        headers: this.#headers,
        timeoutMs: this.target.timeout,
        maxBytes: bodySizeLimit === 0 ? MAX_BODY_BYTES : Math.min(bodySizeLimit, MAX_BODY_BYTES),
        signal: this.#abort.signal,
      })
      if (status !== 200) return failed('status', `server returned HTTP status ${status} ${statusText}`.trim())
      bodyBytes = body.length
      this.#around.metrics.bytes.inc(bodyBytes)
      const options = { now: time, cache: this.series.cache, typeAndUnitLabels: this.#around.typeAndUnitLabels }
      const decoded = await inTurns(readExposition(this.job, headers['content-type'] ?? '', body, options))
      const taken = await inTurns(this.series.take(decoded, time))
      return { decoded, taken, bodyBytes, failure: taken.problem }
    } catch (error) {
      if (error instanceof GetError) return failed(error.failure, error.message, error.failure === 'body_limit' ? -1 : 0)
      if (!(error instanceof TsinkError)) throw error
      return failed(error.code === 'UNSUPPORTED' ? 'content_type' : 'body', error.message, bodyBytes)
    }
  }

  #note({ failure, decoded, taken }: Outcome, now: number, seconds: number): void {
    const { metrics, log } = this.#around
    const { job, target } = this
    const about = { job: job.jobName, target: target.scrapeUrl }
    metrics.seconds.observe(seconds)
    metrics.scrapes.inc({ outcome: failure === null ? 'up' : 'down' })
    if (failure !== null) metrics.failures.inc({ reason: failure.reason })
    if (taken !== null && taken.duplicates > 0) metrics.duplicates.inc(taken.duplicates)
    // Told when it changes, not every interval.
    if (failure !== null && this.health !== 'down') log.warn({ ...about, error: failure.message }, 'a target is down')
    else if (failure === null && this.health === 'down') log.info(about, 'a target is up again')
    if (decoded !== null && decoded.rejected.count > 0) log.debug({ ...about, rejected: decoded.rejected.toString() }, 'parts of a scrape')
    this.health = failure === null ? 'up' : 'down'
    this.lastError = failure?.message ?? ''
    this.lastScrape = now
    this.lastSeconds = seconds
  }

  /** Writes all that follows from a scrape. */
  async #store({ decoded, taken, failure, bodyBytes }: Outcome, time: number, seconds: number): Promise<void> {
    const good = failure === null && taken !== null && decoded !== null
    const stale = good ? taken.stale : this.series.fail()
    const reports = [failure === null ? 1 : 0, seconds, taken?.scraped ?? 0, taken?.kept ?? 0, taken?.added ?? 0]
    if (this.job.extraScrapeMetrics) reports.push(this.target.timeout / 1_000, this.job.sampleLimit, bodyBytes)
    const own = ownColumns(stale, reports, time)
    this.#around.metrics.staleMarkers.inc(stale.length)
    const batch = {
      series: this.series.table,
      samples: good ? [...taken.samples, own] : [own],
      exemplars: good ? taken.exemplars : [],
      metadata: good ? this.#newMetadata(decoded.batch.metadata ?? []) : [],
    }
    try {
      const { result, message } = await this.#around.ingest.append(this.#around.store, 'scrape', {
        batch,
        rejected: decoded?.rejected ?? NONE,
      })
      if (result.rejected > 0) this.#around.log.debug({ target: this.target.scrapeUrl, message }, 'samples of a scrape were rejected')
    } catch (error) {
      // The store refuses for all at once (memory, disk, its end); the next scrape tries again.
      this.#around.metrics.failures.inc({ reason: 'append' })
      this.lastError = `storing failed: ${(error as Error).message}`
      if (!(error instanceof TsinkError)) throw error
    }
  }

  /** What is new or changed since the last scrape; the store need not hear the rest again. */
  #newMetadata(metadata: readonly MetricMetadata[]): MetricMetadata[] {
    const changed: MetricMetadata[] = []
    const next = new Map<string, MetricMetadata>()
    for (const one of metadata) {
      const known = this.metadata.get(one.metric)
      if (known !== undefined && known.type === one.type && known.help === one.help && known.unit === one.unit) next.set(one.metric, known)
      else {
        next.set(one.metric, one)
        changed.push(one)
      }
    }
    this.metadata = next
    return changed
  }
}

/** Floats for stale markers, then the values of the series about the scrape, which are entries 0 and on. */
export function ownColumns(stale: readonly number[], reports: readonly number[], time: number): AnySampleColumns {
  const count = stale.length + reports.length
  const slots = new Uint32Array(count)
  const values = new Float64Array(count)
  for (const [i, entry] of stale.entries()) {
    slots[i] = entry
    values.set(STALE, i)
  }
  for (const [i, value] of reports.entries()) {
    slots[stale.length + i] = i
    values[stale.length + i] = value
  }
  return { kind: 'f64', count, slots, base: 0, timestamps: new Float64Array(count).fill(time), values }
}

type FailureReason = GetError['failure'] | 'target_limit' | 'status' | 'content_type' | 'body' | NonNullable<Taken['problem']>['reason']

interface Outcome {
  readonly decoded: Decoded | null
  readonly taken: Taken | null
  readonly bodyBytes: number
  readonly failure: { readonly reason: FailureReason; readonly message: string } | null
}

function failed(reason: FailureReason, message: string, bodyBytes = 0): Outcome {
  return { decoded: null, taken: null, bodyBytes, failure: { reason, message } }
}

const NONE = new Rejected()
